"""A member of 25 committees, and a folder of 10,000 documents: each client lists both, opens a document, and saves one.

How long each takes is printed (`pytest -rP`) and stands in docs/clients.md. What may take it is bounded generously
here, what goes over the wire strictly: at most 1 MB for 1,000 members, whatever the client asks for.
"""

from __future__ import annotations

import json
import random
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import quote

import pytest

from shareproviders.contract import Expected, Writing
from shareproviders.paths import SharePath
from tests.clients.conversation import decoded
from tests.clients.conversation import names as conversations
from tests.clients.conversation import read as conversation
from tests.clients.desktop import session_bus
from tests.clients.libreoffice import office
from tests.clients.mounts import davfs, eventually
from tests.clients.test_cadaver import shell_in, told
from tests.clients.test_davix import Davix
from tests.clients.test_gvfs import Desktop
from tests.clients.test_kio import Kio
from tests.clients.test_rclone import remote
from tests.dav.doors import opened
from tests.running import PASSWORD, RunningServer, command, start

DRIVES, MEMBERS = 25, 10_000
MEGABYTE = 1_000_000  # also what Windows takes for one folder (FileAttributesLimitInBytes)
GENEROUS = 30.0
FOLDER = "/dav/gremium-01/Arbeitsordner/Viele Vorlagen"
PERSON = '[[person]]\nuser = "clara"\nname = "Clara Clerk"\nundertaking = 2020-05-12\n'
COMMITTEE = """
[[committee]]
id = "gremium-{number:02}"
name = "Ausschuss {number}"
provider = "vault"
quota = "20 GiB"
default_class = "public"
has_meetings = false

  [[committee.mandate]]
  user = "clara"
  role = "clerk"
  start = 2020-05-01
"""


SUBJECTS = "Antrag zur Verkehrsberuhigung|Anfrage zu Baumfällungen|Anhörung zum Bauvorhaben|Beschluss über den Radweg"
STREETS = "Weißenburger|Orleans|Breisacher|Pariser|Rosenheimer|Wörth|Metz|Elsässer|Kirchen|Balan|Franziskaner|Reger"


def name_of(number: int) -> str:
    """As long as names in councils' systems are, and no two alike but for their number."""
    dice = random.Random(number)
    subject, street = dice.choice(SUBJECTS.split("|")), dice.choice(STREETS.split("|"))
    words = f"{number:05} {subject} in der {street} Straße {dice.randrange(1, 200)}"
    return f"{words} {dice.randbytes(20).hex()}"[:62] + ".txt"


CONTENT = b"Der Bezirksausschuss fordert.\n"


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    directory = tmp_path_factory.mktemp("large")
    data = directory / "data"
    command("init", data=data)
    declared = PERSON + "".join(COMMITTEE.format(number=number) for number in range(1, DRIVES + 1))
    (directory / "committees.toml").write_text(declared, encoding="utf-8")
    command("apply", str(directory / "committees.toml"), data=data)
    command("user", "passwd", "clara", "--password-stdin", data=data, text=PASSWORD + "\n")
    fill(data)
    with start(data) as running:
        yield running


def fill(data: Path) -> None:
    """One document and 9,999 copies, each with an id of its own, in one transaction of the provider."""
    folder = SharePath.parse(FOLDER.split("/")[3:])
    first = folder / name_of(0)
    with opened(data) as house:
        vault, writing = house.share("gremium-01"), Writing("user:clara", house.clock())
        staged = vault.stage([CONTENT])
        with house.database.transaction():
            vault.make_collection(folder, writing)
            vault.put(first, staged, Expected(), writing)
            for number in range(1, MEMBERS):
                vault.copy(first, folder / name_of(number), writing, deep=False)


# -- on the wire ------------------------------------------------------------------------------------------------------


Question = tuple[str | None, str]
"""The body of a PROPFIND, and which codings the client takes."""


def questions() -> dict[str, Question]:
    """What each client asks of a folder's members, as recorded; and allprop, which is asking nothing."""
    found: dict[str, Question] = {"allprop": (None, "")}
    for name in conversations("clerk", "reader"):
        spoken = conversation(name)
        for step in spoken.steps:
            if step["verb"] == "PROPFIND" and step.get("send", {}).get("Depth") == "1":
                question = spoken.bodies[step["body"]] if "body" in step else step.get("text"), spoken.codings
                if question not in found.values():
                    found[f"{name} {len(found)}"] = question
    return found


@pytest.mark.parametrize("question", questions().values(), ids=questions())
def test_bytes_for_a_thousand_members(large: RunningServer, question: Question) -> None:
    """At most 1 MB; of allprop, which Explorer asks for, what it takes by default."""
    text, codings = question
    with large.client("clara", FOLDER) as client:
        for state in ("cold", "warm"):
            began = time.monotonic()
            answer = client.propfind("", "1", text, Accept_Encoding=codings or "identity")
            seconds = time.monotonic() - began
            print(
                f"{state}: {len(answer.body) / MEMBERS:.0f} bytes a member, {seconds / MEMBERS * 1000:.3f} s a thousand"
            )
            assert seconds < GENEROUS
        whole = replace(answer, body=decoded(answer.headers, answer.body))
        assert len(whole.members()) == MEMBERS + 1
        assert len(answer.body) / MEMBERS * 1000 <= MEGABYTE


def test_drives_are_listed_at_once(large: RunningServer) -> None:
    with large.client("clara", "/dav") as client:
        began = time.monotonic()
        answer = client.propfind("/", "1")
        print(f"{time.monotonic() - began:.3f} s")
        assert time.monotonic() - began < GENEROUS
        assert sum(path.startswith("/dav/gremium-") for path in answer.members()) == DRIVES
        assert len(answer.body) <= MEGABYTE / 1000 * (DRIVES + 2)


# -- in the programs --------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Program:
    """One client at work; paths are those of the server, without their percent signs."""

    count: Callable[[str], int]
    """How many members of this folder it shows."""
    read: Callable[[str], bytes]
    write: Callable[[str, bytes], None]
    loses: int = 0
    """Members of 10,000 that the client itself does not show."""


def cadaver(server: RunningServer, place: Path) -> Iterator[Program]:
    with server.client("clara") as client:

        def run(path: str, line: str) -> str:
            folder, _, name = path.rpartition("/")
            client.base = folder
            return told(shell_in(client, server, place)(line.format(name=name)), line.format(name=name))

        def read(path: str) -> bytes:
            run(path, 'get "{name}" geholt')
            return (place / "geholt").read_bytes()

        def write(path: str, content: bytes) -> None:
            (place / path.rpartition("/")[2]).write_bytes(content)
            assert "succeeded." in run(path, 'put "{name}"')

        def count(path: str) -> int:
            return run(path.rstrip("/") + "/", "ls").count("\n")

        yield Program(count, read, write)


def davfs2(server: RunningServer, place: Path) -> Iterator[Program]:
    with davfs(server, "/dav", dir_refresh=60, file_refresh=1) as mount:  # as davfs2 does by itself

        def at(path: str) -> Path:
            return mount / path.removeprefix("/dav").strip("/")

        def count(path: str) -> int:
            return sum(entry.name != "lost+found" for entry in at(path).iterdir())

        def write(path: str, content: bytes) -> None:
            at(path).write_bytes(content)

        yield Program(count, lambda path: at(path).read_bytes(), write)


def rclone(server: RunningServer, place: Path) -> Iterator[Program]:
    with server.client("clara", "/dav") as clerk:
        run = remote(server, clerk, place)

        def at(path: str) -> str:
            return "d:" + path.removeprefix("/dav/")

        def write(path: str, content: bytes) -> None:
            words = run.command("rcat", at(path))
            subprocess.run(words, input=content, check=True, timeout=60, capture_output=True)

        yield Program(
            lambda path: len(run("lsf", at(path)).splitlines()), lambda path: run("cat", at(path)).encode(), write
        )


def gvfs(server: RunningServer, place: Path) -> Iterator[Program]:
    with session_bus(server) as environment, server.client("clara", "/dav") as clerk:
        desktop = Desktop(environment, server.address("dav", "", "clara"), clerk)
        desktop.gio("mount", desktop.at("/dav/"), text=PASSWORD + "\n")

        def write(path: str, content: bytes) -> None:
            desktop.gio("save", desktop.at(path), text=content.decode())

        yield Program(
            lambda path: len(desktop.gio("list", desktop.at(path)).splitlines()),
            lambda path: desktop.gio("cat", desktop.at(path)).encode(),
            write,
        )
        desktop.gio("mount", "-u", desktop.at("/dav/"))


def kio(server: RunningServer, place: Path) -> Iterator[Program]:
    words = ("--rights", "read", "write-content", "bind", "--json")
    link = json.loads(command("link", "create", FOLDER.removeprefix("/dav/"), *words, data=server.data))
    with session_bus(server) as environment:
        member = Kio(environment, server, server.address("webdav", "", f"clara:{PASSWORD}"))
        visitor = Kio(environment, server, server.address("webdav", link["dav_url"].rstrip("/")))

        def write(path: str, content: bytes) -> None:
            (place / "neu").write_bytes(content)
            visitor("copy", str(place / "neu"), visitor.at(path.removeprefix(FOLDER)), overwrite=True)

        yield Program(
            lambda path: len(set(member("ls", member.at(path)).splitlines()) - {"", "."}),
            lambda path: member("cat", member.at(path)).encode(),
            write,
        )


def davix(server: RunningServer, place: Path) -> Iterator[Program]:
    with server.client("clara") as clerk:
        run = Davix(clerk, ("-H", f"Authorization: {clerk.authorization}"))

        def at(path: str) -> str:
            return clerk.url("") + quote(path)

        def write(path: str, content: bytes) -> None:
            (place / "neu").write_bytes(content)
            run("put", str(place / "neu"), at(path))

        def read(path: str) -> bytes:
            run("get", at(path), str(place / "geholt"))
            return (place / "geholt").read_bytes()

        yield Program(lambda path: len(run("ls", at(path.rstrip("/") + "/")).splitlines()), read, write)


def libreoffice(server: RunningServer, place: Path) -> Iterator[Program]:
    with office("clara", server) as suite, server.client("clara") as clerk:

        def read(path: str) -> bytes:
            opened_now = suite.done("open", url=clerk.url(quote(path)))
            suite.done("close", url=clerk.url(quote(path)))
            return str(opened_now["text"]).encode() + b"\n"

        def write(path: str, content: bytes) -> None:
            url = clerk.url(quote(path))
            suite.done("open", url=url)
            suite.done("append", url=url, text=content.decode())
            suite.done("save", url=url)
            suite.done("close", url=url)

        # LibreOffice 7.4 takes a name for two texts where the end of a piece it received falls into it
        yield Program(lambda path: len(suite.done("list", url=clerk.url(quote(path)))["names"]), read, write, loses=20)


PROGRAMS = (cadaver, davfs2, rclone, gvfs, kio, davix, libreoffice)


@pytest.fixture(scope="module", params=PROGRAMS, ids=lambda made: made.__name__)
def program(
    request: pytest.FixtureRequest, large: RunningServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Program]:
    yield from request.param(large, tmp_path_factory.mktemp("place"))


def timed(what: str, work: Callable[[], int | bytes | None]) -> int | bytes | None:
    began = time.monotonic()
    done = work()
    seconds = time.monotonic() - began
    print(f"{what}: {seconds:.2f} s")
    assert seconds < GENEROUS, what
    return done


def test_all_drives(program: Program) -> None:
    """`/dav/` of somebody in 25 committees."""
    shown = timed("25 drives", lambda: program.count("/dav/"))
    assert shown == DRIVES


def test_large_folder(program: Program, large: RunningServer) -> None:
    """Listed whole; one document opened; one saved; and what it asked for came in at most 1 MB a thousand."""
    with large.client("clara", FOLDER) as clerk:
        there, before = len(clerk.names("")), len(large.log)
        shown = timed("10,000 members listed", lambda: program.count(FOLDER))
        assert isinstance(shown, int)
        assert there - program.loses <= shown <= there
        eventually(lambda: listings(large.log[before:]) != [])
        assert max(listings(large.log[before:])) / there * 1000 <= MEGABYTE
        assert timed("one opened", lambda: program.read(f"{FOLDER}/{name_of(42)}")) == CONTENT
        old = clerk.head("/" + quote(name_of(4711))).etag
        timed("one saved", lambda: program.write(f"{FOLDER}/{name_of(4711)}", b"neu\n"))
        eventually(lambda: clerk.head("/" + quote(name_of(4711))).etag != old)
        assert b"neu" in clerk.get("/" + quote(name_of(4711))).body


def listings(lines: list[str]) -> list[int]:
    """Bytes of each long multistatus that the server has sent since, as they went over the wire."""
    told_lines = [json.loads(line) for line in lines if line.startswith("{")]
    return [line["bytes"] for line in told_lines if line.get("method") == "PROPFIND" and line["bytes"] > 10_000]
