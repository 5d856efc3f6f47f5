"""The whole server under Granian (`serve --server granian`): it answers as under our own engine (record 0063).

Foreign clients, uploads that end early, requests of every kind side by side, stopping, counting, refusing to start.
"""

from __future__ import annotations

import json
import os
import random
import re
import socket
import subprocess
from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.certificates import make_authority
from tests.clients import test_cadaver
from tests.clients.conftest import behind_nginx
from tests.clients.test_cadaver import shell  # noqa: F401 (the fixture of what is taken over from there)
from tests.clients.test_litmus import all_of_litmus
from tests.dav import test_interrupted_uploads
from tests.dav.test_critical_defects import request_bytes
from tests.dav.test_interrupted_uploads import BODY, framed, leftovers, upload_cut_at
from tests.davclient import Answer, DavClient
from tests.running import PROGRAM, RunningServer, copied, start
from tests.serving.raw import Peer
from tests.soaking import SOAK

UNDER = ("--server", "granian")
CUTS = 100 if SOAK else 15
TOLD = {"X-Expected-Entity-Length": str(len(BODY))}

test_cadaver_put_get_mkcol_copy_move_delete = test_cadaver.test_put_get_mkcol_copy_move_delete
test_cadaver_lock_holds_against_others = test_cadaver.test_lock_holds_against_others_and_can_be_unlocked
test_a_stalled_upload_blocks_nobody = test_interrupted_uploads.test_a_stalled_upload_blocks_nobody_and_changes_nothing


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, installed: Path) -> Iterator[RunningServer]:
    """Two workers, as the shared server of the other tests."""
    with start(copied(installed, tmp_path_factory.mktemp("granian")), options=UNDER) as running:
        yield running


@pytest.fixture
def drive() -> str:
    """The vault; the engine knows nothing of drives."""
    return "ba05"


def test_litmus_passes_whole(server: RunningServer, drive: str, tmp_path: Path) -> None:
    """104 of 104. Its one warning is a difference that stays: Granian drops a target's fragment, ours refuses it."""
    warnings = re.findall("WARNING: (.*)", all_of_litmus(server, drive, tmp_path))
    assert warnings == ["DELETE removed collection resource with Request-URI including fragment; unsafe"]


@pytest.mark.parametrize("framing", ["length", "chunked"])
def test_an_upload_cut_anywhere_changes_nothing(folder: DavClient, server: RunningServer, framing: str) -> None:
    """S-38 under Granian, with a told length where the body comes in chunks."""
    folder.put("/paper.odt", b"the old version")
    before, whole, before_all = folder.head("/paper.odt").etag, len(framed(framing)[1]), leftovers(server)
    chosen = random.Random(framing)
    for number in range(CUTS):
        ending = ("close", "reset", "half-close")[number % 3]
        # The last chunk's end may go missing: every byte that was told has arrived by then.
        cut = chosen.randrange(whole - len(b"\r\n0\r\n\r\n"))
        upload_cut_at(folder, framing, cut, ending, TOLD if framing == "chunked" else {})
        answer = folder.get("/paper.odt")
        assert (answer.body, answer.etag) == (b"the old version", before), (framing, cut)
    assert leftovers(server) - before_all == set()


def test_an_upload_in_chunks_must_tell_its_length(folder: DavClient) -> None:
    """performance.md §3: 411, and the old version stays; told, it is taken whole."""
    folder.put("/paper.odt", b"the old version")
    with Peer(folder.port) as peer:  # who sends on while he is refused may be reset before he reads why
        peer.send(request_bytes(folder, "PUT", "/paper.odt", {"Transfer-Encoding": "chunked"}))
        assert peer.answer().status == 411
    assert folder.get("/paper.odt").body == b"the old version"
    pieces = (BODY[at : at + 70_000] for at in range(0, len(BODY), 70_000))
    assert folder.request("PUT", "/paper.odt", pieces, TOLD).status == 204
    assert folder.get("/paper.odt").body == BODY


def asked(server: RunningServer) -> list[tuple[str, object]]:
    """What a house answers that stays as it is: to everybody, to nobody, in conditions, in parts, in pages."""
    clerk, nobody, stranger = server.client("clara"), server.client(), server.client("sam")
    paper = "/dav/ba05/golden/Prüfung.txt"
    etag = clerk.head(paper).etag
    found: list[tuple[str, object]] = []

    def ask(client: DavClient, method: str, path: str, body: bytes = b"", **fields: str) -> None:
        headers = {name.replace("_", "-"): value for name, value in fields.items()}
        answer = client.request(method, path, body, headers)
        found.append((f"{method} {path} {headers}", told(answer)))

    for client in (clerk, nobody, stranger):
        ask(client, "PROPFIND", "/dav/ba05/golden/", Depth="1")
        ask(client, "GET", paper)
    ask(clerk, "PROPFIND", "/dav/", Depth="1", Accept_Encoding="gzip")
    ask(clerk, "PROPFIND", "/dav/ba05/", Depth="infinity")
    ask(clerk, "PROPFIND", "/dav/ba05/", b"<broken", Depth="0")
    ask(clerk, "HEAD", paper)
    ask(clerk, "GET", paper, If_None_Match=etag)
    ask(clerk, "GET", paper, Range="bytes=2-4")
    ask(clerk, "GET", paper, Range="bytes=0-1,4-5")
    ask(clerk, "GET", paper, Range="bytes=99-")
    ask(clerk, "PUT", paper, b"x", If_None_Match="*")
    ask(clerk, "PUT", "/dav/ba05/nowhere/x", b"x")
    ask(clerk, "MKCOL", "/dav/ba05/golden")
    ask(clerk, "COPY", paper, Destination="http://elsewhere.example/x")
    ask(clerk, "MOVE", paper)
    ask(clerk, "OPTIONS", "/dav/ba05/")
    ask(clerk, "BREW", "/dav/ba05/")
    for path in ("/", "/login", "/healthz", "/dav", "/nothing", "/status.php", "/static/../login", "//dav/"):
        ask(nobody, "GET", path)
        ask(nobody, "HEAD", path)
    for one in (clerk, nobody, stranger):
        one.close()
    return found


def told(answer: Answer) -> object:
    """All of it but what differs with each request or belongs to the engine."""
    drop = {"date", "server", "connection", "keep-alive", "set-cookie", "transfer-encoding"}
    headers = sorted((name.lower(), value) for name, value in answer.headers.items() if name.lower() not in drop)
    once = re.compile(rb'value="[0-9a-f]{32}"|(boundary=|--)[0-9a-f]{24}|\b[0-9a-f]{12}\b')  # tokens, numbers
    return answer.status, [(n, once.sub(b"", v.encode())) for n, v in headers], once.sub(b"", answer.body)


def test_both_engines_answer_alike(own_data: Path) -> None:
    """performance.md §3: the application does not know its server. One house, first under ours, then under Granian."""
    with start(own_data, workers=1) as ours:
        with ours.client("clara") as clerk:
            assert clerk.mkcol("/dav/ba05/golden").status == 201
            assert clerk.put("/dav/ba05/golden/Prüfung.txt", b"Guten Tag").status == 201
        port, first = ours.port, asked(ours)
        assert ours.stop() == 0
    with start(own_data, workers=1, options=UNDER, port=port) as other:
        differing = [pair for pair in zip(asked(other), first, strict=True) if pair[0] != pair[1]]
        assert differing == []
        with other.client() as nobody:
            metrics = nobody.get("/metrics").text
        assert 'gremium_requests_total{class="2xx",method="PROPFIND"}' in metrics
        assert re.search(r"^gremium_workers 1.0$", metrics, re.M)
        assert other.stop() == 0
    assert sum('"audit-head"' in line for line in other.log) <= 1, "one worker tells the head of the log"


def test_a_proxy_keeps_names_with_underscores_away(own_data: Path, tmp_path: Path) -> None:
    """With the shipped nginx.conf a client cannot say that it comes from elsewhere: nginx drops such names."""
    guess = "Basic " + b64encode(b"clara:" + b"abcde-" * 7 + b"fghij").decode()
    with behind_nginx(own_data, make_authority(tmp_path), options=UNDER) as (running, _), running.client() as nobody:
        for number in range(11):
            headers = {"Authorization": guess, "X_Forwarded_For": f"10.9.{number}.1"}
            answer = nobody.request("PROPFIND", "/dav/ba05/", None, headers)
        assert answer.status == 429, "all guesses were counted for one address"


def test_it_speaks_tls_on_the_socket_of_systemd(own_data: Path, tmp_path: Path) -> None:
    """sd_listen_fds(3), with two workers on it: who connects while nobody serves waits for the next server."""
    held = ("bash", "-c", 'exec 3<&"$0"; export LISTEN_FDS=1 LISTEN_PID=$$; exec "$@"')
    with socket.create_server(("127.0.0.1", 0)) as kept:
        port, descriptor = kept.getsockname()[1], kept.fileno()
        program, authority = (*held, str(descriptor), *PROGRAM), make_authority(tmp_path)
        with start(
            own_data, options=UNDER, port=port, program=program, inherit=(descriptor,), authority=authority
        ) as running:
            with running.client("clara", "/dav/ba05") as clerk:
                assert clerk.put("/tls.txt", b"x").status == 201
            assert running.stop() == 0
        socket.create_connection(("127.0.0.1", port)).close()


def test_what_it_cannot_do_is_said_in_one_sentence(own_data: Path) -> None:
    """A limit that is set is held, or the server does not start."""
    words = [*PROGRAM, "serve", *UNDER, "--port", "0", "--data", str(own_data), "--json"]
    env = {**os.environ, "DAVSERVER_BODY_RATE": "2048"}
    done = subprocess.run(words, capture_output=True, text=True, timeout=60, env=env, check=False)
    assert done.returncode != 0
    assert "Granian cannot be told body_rate" in done.stderr.splitlines()[-1]
    assert not any(json.loads(line).get("event") == "ready" for line in done.stdout.splitlines())
