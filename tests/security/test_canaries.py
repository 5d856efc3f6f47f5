"""Nothing that people wrote is readable on the disk of the vault: a raw scan for 500 canaries finds none.

Must-show 5 of the drive; reference bar S-28; storage-format.md, "Threat model". The scan covers the data directory
(database, write-ahead log, shared memory, blobs, drafts), the log, the temporary directory, files without a name; while
the server runs, after SIGKILL in the middle of an upload, after the next start, after a clean stop.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import os
import secrets
import socket
import string
import time
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from davserver import cli
from davserver.instants import BERLIN
from tests.davclient import DavClient
from tests.portal.portalclient import PortalClient
from tests.process import workers
from tests.rendering import documents
from tests.running import RunningServer, command, start
from tests.security.canaries import Canaries

MEETING = """
[[committee]]
id = "{committee}"
name = "Ausschuss"

  [[committee.mandate]]
  user = "clara"
  role = "clerk"
  start = 2020-05-01

  [[committee.meeting]]
  id = "2026-12-07"
  title = "{title}"
  start = 2026-12-07T19:00:00
  end = 2026-12-07T22:00:00
"""
ITEM = """
    [[committee.meeting.item]]
    number = "{number}"
    title = "{title}"
    matter = "{matter}"
"""
SET = '<D:set><D:prop><x:{name} xmlns:x="urn:{space}">{value}</x:{name}></D:prop></D:set>'
ROUNDS, ITEMS, PAPERS = 3, 50, 105
LEAST = 500


@pytest.fixture
def canaries() -> Canaries:
    return Canaries("zq" + "".join(secrets.choice(string.ascii_letters) for _ in range(16)))


@dataclass
class Watched:
    """A server whose every trace is scanned."""

    data: Path
    temporary: Path
    canaries: Canaries
    log: list[str]

    def start(self) -> RunningServer:
        running = start(self.data, workers=2, env={"TMPDIR": str(self.temporary)})
        self.log = running.log
        return running

    def say(self, *words: str) -> None:
        """A command of the administration, in this process, as starting another takes longer than most commands."""
        assert cli.main([*words, "--data", str(self.data)]) == 0, words

    def scan(self, when: str, *processes: int) -> None:
        """Fails with what was found and where."""
        time.sleep(0.05)  # for the last lines of the log
        found = self.canaries.in_files(self.data, self.temporary)
        found += [f"log: {hit}" for hit in self.canaries.in_bytes("".join(self.log).encode())]
        found += self.canaries.in_open_files(processes)
        assert found == [], f"{when}: {len(found)} canaries found:\n" + "\n".join(found[:20])


@pytest.fixture
def watched(own_data: Path, tmp_path: Path, canaries: Canaries) -> Iterator[Watched]:
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    yield Watched(own_data, temporary, canaries, [])
    assert len(canaries.made) >= LEAST


def processes(server: RunningServer) -> list[int]:
    """The server's own processes: the supervisor and its workers."""
    return [server.process.pid, *workers(server)]


def use(client: DavClient, canaries: Canaries) -> None:
    """Everything that a client can write into a drive: a dozen canaries."""
    folder, moved = "/" + canaries.new("folder"), "/" + canaries.new("moved-folder")
    name, copied = canaries.new("name"), canaries.new("copied-name")
    content = (canaries.new("content") + " über Bäume\n").encode()
    long = content * 9000  # several chunks
    assert client.mkcol(folder).status == 201
    assert client.put(f"{folder}/{name}.odt", content).status == 201
    assert client.put(f"{folder}/{name}.odt", long).status == 204
    assert client.put(f"{folder}/wide", content.decode().encode("utf-16")).status == 201
    assert client.copy(f"{folder}/{name}.odt", f"{folder}/{copied}").status == 201
    update = SET.format(name=canaries.new("property"), space=canaries.new("space"), value=canaries.new("value"))
    assert client.proppatch(f"{folder}/{copied}", update).status == 207
    assert client.lock(f"/{canaries.new('unmapped')}", owner=canaries.new("owner")).status == 201  # and stays locked
    assert client.get(f"{folder}/{name}.odt").body == long
    assert client.propfind(folder, "1").status == 207
    assert client.move(f"{folder}/{name}.odt", f"{folder}/doch.odt").status == 201
    assert client.delete(f"{folder}/{copied}").status == 204
    assert client.move(folder, moved).status == 201
    assert client.get(f"/{canaries.new('missing')}").status == 404
    upload, part = f"/remote.php/dav/uploads/clara/{canaries.new('upload')}", canaries.new("part")
    syncing = client.under("")
    checksum = f"SHA1:{hashlib.sha1(content, usedforsecurity=False).hexdigest()}"
    assert syncing.mkcol(upload).status == 201  # and stays unfinished
    assert syncing.put(f"{upload}/{part}", long).status == 201
    assert syncing.put(f"/remote.php/webdav/ba05/{canaries.new('synced')}", content, OC_Checksum=checksum).status == 201
    assert syncing.request("POST", "/index.php/login/v2", headers={"User-Agent": canaries.new("device")}).status == 200
    syncing.close()
    with DavClient(client.url("/"), canaries.new("user").lower(), canaries.new("password")) as mistaken:
        assert mistaken.get("/dav/").status in (401, 429)
    assert client.request("GET", "/", headers={}, raw_target=f"/dav/ba05/?{canaries.new('query')}").status < 500


def fill(client: DavClient, canaries: Canaries) -> None:
    """Many papers, each with a canary as its name, in its text and in a property; the text as programs pack it, too."""
    packings = (bytes, gzip.compress, zlib.compress, base64.b64encode, lambda text: text.decode().encode("utf-16"))
    folder = "/" + canaries.new("full-folder")
    assert client.mkcol(folder).status == 201
    for number in range(PAPERS):
        path, text = f"{folder}/{canaries.new('paper')}.txt", canaries.new("text").encode()
        assert client.put(path, packings[number % len(packings)](text)).status == 201
        assert client.proppatch(path, SET.format(name="x", space="x", value=canaries.new("value"))).status == 207


def correspond(server: RunningServer, canaries: Canaries) -> None:
    """What people write in the portal: comments, what a link is for, letters and answers."""
    path = f"/dav/ba05/Arbeitsordner/{canaries.new('commented')}.txt"
    with server.client("clara") as client:
        assert client.put(path, canaries.new("paper").encode()).status == 201
    clara, citizen = PortalClient(server.url), PortalClient(server.url)
    assert clara.sign_in("clara").status == 303
    document = clara.open(f"/pfad{path.removeprefix('/dav')}").links()
    thread = clara.get(document["Anmerkungen"])
    assert clara.submit(thread, thread.path, text=canaries.new("comment")).status == 303
    form = clara.get(document["Teilen"])
    until = (datetime.now(BERLIN).date() + timedelta(days=1)).isoformat()
    wish = {
        "way": "link",
        "level": "read",
        "until": until,
        "letters": "yes",
        "label": canaries.new("purpose"),
        "step": "give",
    }
    made = clara.post(form.path, {"token": form.token(), **wish})
    page = citizen.get(str(made.tree.xpath("//input[@id='url']/@value")[0]).removeprefix(server.url.rstrip("/")))
    letter = citizen.get(page.links()["Der Geschäftsstelle schreiben"])
    assert citizen.submit(letter, letter.path, text=canaries.new("letter")).status == 200
    answering = clara.get(thread.path.replace("/anmerkungen/", "/zuschriften/"))
    action = str(answering.tree.xpath("//main//form/@action")[0])
    answer = {"token": answering.token(), "text": canaries.new("answer"), "publish": "yes"}
    assert clara.post(action, answer).status == 303
    assert clara.get(f"/suche?q={canaries.new('sought')}").status == 200


def leaf_through(server: RunningServer, canaries: Canaries) -> None:
    """Somebody reads a document in place and searches it: its pages and their words are kept, sealed."""
    name, word = canaries.new("read"), canaries.new("word")
    with server.client("clara") as client:
        assert client.put(f"/dav/ba05/Arbeitsordner/{name}.pdf", documents.pdf(2, word + " {}")).status == 201
    clara = PortalClient(server.url)
    assert clara.sign_in("clara").status == 303
    page = clara.open(f"/pfad/ba05/Arbeitsordner/{name}.pdf")
    assert "kommt 2 Mal vor" in clara.get(f"{page.path.partition('?')[0]}?suche={word}").text
    picture = page.tree.xpath("//main//img/@src")[0]
    assert clara.get(picture).body.startswith(b"RIFF")


def rule(watched: Watched) -> None:
    """What the office writes by commands while the server runs: why something is held, what is opened to whom."""
    canaries, folder = watched.canaries, "ba05/Arbeitsordner"

    say = watched.say
    say("hold", "add", f"{folder}/held", "--until", "2100-01-01", "--reason", canaries.new("reason"))
    say("link", "create", f"{folder}/held", "--label", canaries.new("link-label"))
    say("recuse", "otto", canaries.find("matter"))
    say("item", "add", "kanarie", "2026-12-07", "77", canaries.new("added-item"))
    say("item", "renumber", "kanarie", "2026-12-07", "77=78")  # its old name goes on as an alias
    say("open-url", "clara", f"{folder}/held/{canaries.find('opened')}.odt")


def start_upload(server: RunningServer, canaries: Canaries) -> socket.socket:
    """Half of an upload of canaries; most of what was sent is on the disk when this returns."""
    client = server.client("clara")
    body = canaries.new("half").encode() * 100_000
    connection = socket.create_connection((client.host, client.port), timeout=30)
    head = f"PUT /dav/ba05/Arbeitsordner/halb HTTP/1.1\r\nHost: {client.host}:{client.port}\r\n"
    head += f"Authorization: {client.authorization}\r\nContent-Length: {2 * len(body)}\r\n\r\n"
    connection.sendall(head.encode() + body)
    deadline = time.monotonic() + 20
    while sum(draft.stat().st_size for draft in server.data.glob("vault/*/staging/*")) < len(body) // 2:
        assert time.monotonic() < deadline, "the upload does not reach the disk"
        time.sleep(0.02)
    return connection


def declare(watched: Watched) -> str:
    """A committee with a meeting: titles, as `apply` takes them; its output."""
    lines = [MEETING.format(committee="kanarie", title=watched.canaries.new("meeting"))]
    lines += [
        ITEM.format(number=number, title=watched.canaries.new("item"), matter=watched.canaries.new("matter"))
        for number in range(1, ITEMS + 1)
    ]
    declarations = watched.data.parent / "declared-by-the-test"
    declarations.write_text("".join(lines))
    said = command("apply", str(declarations), data=watched.data)
    declarations.unlink()
    watched.say("app-password", "create", "clara", "--label", watched.canaries.new("label"))
    return said


def test_a_raw_scan_finds_no_canary(watched: Watched) -> None:
    """Running, killed in the middle of an upload, started again, stopped: nothing readable anywhere."""
    canaries = watched.canaries
    assert canaries.in_bytes(declare(watched).encode()) == []
    with watched.start() as server:
        with server.client("clara", "/dav/ba05/Arbeitsordner") as client:
            for number in range(ROUNDS):
                use(client, canaries)
                watched.scan(f"while running, round {number}", *processes(server))
            fill(client, canaries)
            assert client.mkcol("/held").status == 201
            assert client.put(f"/held/{canaries.new('opened')}.odt", documents.odt(canaries.new("odt"))).status == 201
        watched.scan("with many papers", *processes(server))
        correspond(server, canaries)
        leaf_through(server, canaries)
        rule(watched)
        watched.scan("with what people wrote and the office ruled", *processes(server))
        connection = start_upload(server, canaries)
        watched.scan("in the middle of an upload", *processes(server))
        server.kill()
        connection.close()
    watched.scan("after SIGKILL in the middle of an upload")
    with watched.start() as server:
        watched.scan("after the next start", *processes(server))
        with server.client("clara", "/dav/ba05/Arbeitsordner") as client:
            use(client, canaries)
        assert server.stop() == 0
    watched.scan("after a clean stop")
    for words in (("gc",), ("check",), ("explain", "clara", "ba05/Arbeitsordner")):
        watched.say(*words)
    watched.scan("after the commands of the administration")


@pytest.mark.parametrize("place", ["a file", "a name", "the database", "the log", "an open file"])
def test_the_scan_would_find_a_canary(watched: Watched, place: str) -> None:
    """The scan is not blind: a canary that is planted in any place fails it."""
    text = watched.canaries.new("planted")
    watched.canaries.made += [""] * (LEAST - 1)
    watched.scan("before")
    with (watched.temporary / "kept").open("w+") as kept:
        if place == "a file":
            (watched.data / "vault" / "planted").write_text("x" * 999 + text)
        elif place == "a name":
            (watched.data / "vault" / text).touch()
        elif place == "the database":
            command("user", "add", "new", "--name", text, data=watched.data, text="")
        elif place == "the log":
            watched.log.append(f"GET /{text}\n")
        else:
            kept.write(text)
            kept.flush()
            (watched.temporary / "kept").unlink()
        with pytest.raises(AssertionError, match="canaries found"):
            watched.scan("after", os.getpid())


def deflated(text: bytes) -> bytes:
    """A raw stream with the fixed codes, without any head to know it by."""
    packing = zlib.compressobj(wbits=-15, strategy=zlib.Z_FIXED)
    return packing.compress(text) + packing.flush()


def test_the_scanner_knows_how_a_text_may_be_written(canaries: Canaries) -> None:
    """Plain, UTF-16, base64 at each beginning, base32, hexadecimal, packed; and not by chance."""
    text = canaries.new("place")
    for before in (b"", b"1", b"12", b"123", b"1234"):
        raw = before + text.encode() + b"after"
        writings = [
            raw,
            base64.b64encode(raw),
            base64.urlsafe_b64encode(raw),
            base64.b32encode(raw),
            raw.hex().encode(),
        ]
        writings += [gzip.compress(raw), zlib.compress(raw), raw.upper(), raw[::-1], deflated(raw)]
        writings += [documents.zipped({"member.xml": raw * 50})]
        for codec in ("utf-16", "utf-16-le", "utf-16-be"):
            writings += [before + text.encode(codec), base64.b64encode(before + text.encode(codec))]
        for writing in writings:
            assert canaries.in_bytes(b"\x00\xff" + writing + b"\xff"), writing
    assert canaries.in_bytes(secrets.token_bytes(3_000_000)) == []
