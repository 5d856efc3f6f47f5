"""What is withdrawn is gone in every process within a second, and a running download within five (must-show 5).

App passwords, accounts and mandates are judged in tests/security/test_revocation.py; here: the class of a paper that is
raised, the locks of a leaver, and a download under way.
"""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.davclient import DavClient
from tests.running import RunningServer, command, start

pytestmark = pytest.mark.alone

FOLDER = "/dav/ba05/Arbeitsordner"
LIMIT, DOWNLOAD_LIMIT = 1.0, 5.0
LARGE = 96 * 1024 * 1024
PIECE = 64 * 1024


@pytest.fixture
def pair(own_data: Path) -> Iterator[list[RunningServer]]:
    """Two servers of one process each on the same data directory."""
    with start(own_data, workers=1) as one, start(own_data, workers=1) as other:
        yield [one, other]
        assert one.stop() == other.stop() == 0


def first_refusal(client: DavClient, path: str) -> float:
    """Seconds until GET is refused; fails after a while."""
    begun = time.monotonic()
    while time.monotonic() - begun < 10 * LIMIT:
        if client.get(path).status in (403, 404):
            return time.monotonic() - begun
    pytest.fail(f"{path} is still served")


def test_a_raised_class_holds_at_once_in_both_processes(pair: list[RunningServer], own_data: Path) -> None:
    """rights.md §3: class raised after release takes effect at once."""
    with ExitStack() as stack:
        clerk = stack.enter_context(pair[0].client("clara", FOLDER))
        readers = [stack.enter_context(server.client("otto", FOLDER)) for server in pair]
        assert clerk.put("/Liste.txt", b"x").status == 201
        assert [reader.get("/Liste.txt").status for reader in readers] == [200, 200]
        command("label", "ba05/Arbeitsordner/Liste.txt", "--class", "office", data=own_data)
        assert max(first_refusal(reader, "/Liste.txt") for reader in readers) < LIMIT
        assert all("Liste.txt" not in reader.names("") for reader in readers)
        assert clerk.get("/Liste.txt").status == 200


def test_the_locks_of_a_leaver_hinder_nobody(pair: list[RunningServer], own_data: Path, tmp_path: Path) -> None:
    """rights.md §3: open locks of a resigned member are dropped, his uploads are kept."""
    leaving = tmp_path / "leaving.toml"
    with pair[0].client("otto", FOLDER) as member, pair[1].client("clara", FOLDER) as clerk:
        assert member.put("/Entwurf.txt", b"his").status == 201
        assert member.lock("/Entwurf.txt").status == 200
        assert clerk.put("/Entwurf.txt", b"hers").status == 423
        leaving.write_text(
            '[[committee]]\nid = "ba05"\nname = "BA 5 Au-Haidhausen"\nquota = "20 GiB"\ndefault_class = "public"\n'
            'has_meetings = false\n[[committee.mandate]]\nuser = "otto"\nrole = "member"\nstart = 2020-05-01\n'
            "end = 2024-05-01\n",
            encoding="utf-8",
        )
        command("apply", str(leaving), data=own_data)
        ended = time.monotonic()
        while (status := clerk.put("/Entwurf.txt", b"hers").status) == 423 and time.monotonic() - ended < 10 * LIMIT:
            pass
        assert (status, time.monotonic() - ended < LIMIT) == (204, True)
        assert member.get("/Entwurf.txt").status in (403, 404)
        assert clerk.get("/Entwurf.txt").body == b"hers"


def test_a_running_download_of_a_withdrawn_paper_stops(pair: list[RunningServer], own_data: Path, drive: str) -> None:
    """Must-show 5: within 5 s no further byte, however slowly he reads; the body stays short of its length."""
    folder = f"{drive}/Arbeitsordner"
    with pair[0].client("clara", f"/dav/{folder}") as clerk, pair[1].client("otto") as reader:
        assert clerk.put("/Film.bin", (b"\0" * PIECE for _ in range(LARGE // PIECE))).status == 201
        with socket.create_connection(("127.0.0.1", pair[1].port), timeout=15) as connection:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, PIECE)
            lines = (
                f"GET /dav/{folder}/Film.bin HTTP/1.1",
                f"Host: 127.0.0.1:{pair[1].port}",
                f"Authorization: {reader.authorization}",
            )
            connection.sendall("\r\n".join([*lines, "", ""]).encode())
            taken = len(connection.recv(PIECE))
            command("label", f"{folder}/Film.bin", "--class", "office", data=own_data)
            withdrawn = time.monotonic()
            while piece := received(connection):
                taken += len(piece)
                time.sleep(0.005)
                assert time.monotonic() - withdrawn < DOWNLOAD_LIMIT, f"still running after {taken} bytes"
        assert taken < LARGE


def received(connection: socket.socket) -> bytes:
    """The next bytes; none at the end, and none when the server cuts the connection."""
    try:
        return connection.recv(PIECE)
    except ConnectionResetError:
        return b""
