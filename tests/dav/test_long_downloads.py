"""A document longer than one piece, on its way to a slow reader while others change, cut or withdraw what he reads.

RFC 9112 §6.3 (what falls short of its Content-Length is no answer); security.md S-29; record 73.
"""

from __future__ import annotations

import os
import random
import socket
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Self

import pytest

from tests.dav.test_critical_defects import request_bytes
from tests.davclient import DavClient
from tests.process import workers
from tests.running import RunningServer, command
from tests.serving.raw import eventually

PIECE = 256 * 1024
LARGE = random.Random(73).randbytes(24 * 1024 * 1024)
"""More than the kernel takes for a reader who does not read, here and at his end."""
SENT = PIECE + 54_321
"""More than one piece, and less than the kernel takes: all of it is sent before the reader has read a byte."""


class Reader:
    """Asks for a document and takes no byte of it yet."""

    def __init__(self, client: DavClient, path: str) -> None:
        self._socket = socket.socket()
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, PIECE)
        self._socket.settimeout(30)
        self._socket.connect((client.host, client.port))
        self._socket.sendall(request_bytes(client, "GET", path, {"Connection": "close"}))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    def begin(self) -> None:
        """Wait for the first bytes, and leave them where they are."""
        assert self._socket.recv(12, socket.MSG_PEEK) == b"HTTP/1.1 200"

    def rest(self) -> tuple[bytes, bool]:
        """The body, and whether the connection ended in order."""
        pieces, in_order = [], True
        try:
            while piece := self._socket.recv(PIECE):
                pieces.append(piece)
        except ConnectionResetError:
            in_order = False
        return b"".join(pieces).partition(b"\r\n\r\n")[2], in_order

    def leave(self) -> None:
        """As a program does that is killed: with a reset."""
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._socket.close()


@pytest.fixture
def plain_folder(
    people: Callable[[str, str], DavClient], server: RunningServer, request: pytest.FixtureRequest
) -> DavClient:
    """The clerk in a fresh folder of the drive on a plain directory."""
    clerk = people("clara", f"/dav/archiv/Arbeitsordner/{request.node.name}")
    assert clerk.mkcol("").status == 201
    return clerk


def on_disk(server: RunningServer, folder: DavClient, name: str) -> Path:
    """The file that others reach past the server."""
    return server.data / "archive" / folder.base.removeprefix("/dav/archiv/") / name


def open_files(server: RunningServer, file: Path) -> int:
    """How many descriptors of the server's workers lead to it."""
    links = [link for process in workers(server) for link in Path(f"/proc/{process}/fd").iterdir()]
    return sum(os.path.realpath(link) == str(file) for link in links)


def test_the_whole_and_any_part_are_equal(folder: DavClient) -> None:
    """RFC 9110 §14: around the borders of pieces, and of parts that end before the document does."""
    body = LARGE[: 4 * PIECE + 1]
    assert folder.put("/f.bin", body).status == 201
    assert folder.get("/f.bin").body == body
    for first, last in ((0, PIECE), (1, 2 * PIECE), (PIECE - 1, 3 * PIECE), (7, 4 * PIECE - 1), (2 * PIECE, 4 * PIECE)):
        answer = folder.get("/f.bin", Range=f"bytes={first}-{last}")
        assert (answer.status, answer.headers["Content-Range"]) == (206, f"bytes {first}-{last}/{len(body)}")
        assert answer.body == body[first : last + 1]


def test_a_document_replaced_meanwhile_arrives_as_it_was(folder: DavClient) -> None:
    """The reader gets exactly the version whose entity tag was told to him, the next one gets the new one."""
    new = bytes(len(LARGE))
    assert folder.put("/f.bin", LARGE).status == 201
    with Reader(folder, "/f.bin") as reader:
        reader.begin()
        assert folder.put("/f.bin", new).status == 204
        assert reader.rest() == (LARGE, True)
    assert folder.get("/f.bin").body == new


def test_a_document_deleted_meanwhile_arrives_whole(folder: DavClient) -> None:
    assert folder.put("/f.bin", LARGE).status == 201
    with Reader(folder, "/f.bin") as reader:
        reader.begin()
        assert folder.delete("/f.bin").status == 204
        assert reader.rest() == (LARGE, True)


@pytest.mark.parametrize("left", [0, 1000, len(LARGE) - 1000])
def test_a_file_cut_meanwhile_never_looks_whole(plain_folder: DavClient, server: RunningServer, left: int) -> None:
    """What came is what was there, the connection is reset, and the log tells of the damage (S-29)."""
    tag = str(plain_folder.put("/f.bin", LARGE).etag).strip('"')
    with Reader(plain_folder, "/f.bin") as reader:
        reader.begin()
        os.truncate(on_disk(server, plain_folder, "f.bin"), left)
        got, in_order = reader.rest()
    assert not in_order
    assert len(got) < len(LARGE)
    assert LARGE.startswith(got)
    told = f"{tag}: a document was cut off on the disk"
    assert eventually(lambda: told in command("audit", "show", "--json", data=server.data), 20)


@pytest.mark.parametrize("change", ["cut", "written over"])
def test_what_was_sent_stays_what_it_was(plain_folder: DavClient, server: RunningServer, change: str) -> None:
    """The kernel holds the bytes of the document, not pages of its file that others can still change (record 73)."""
    body = LARGE[: SENT + len(change)]  # a length of its own tells its line in the log
    assert plain_folder.put("/f.bin", body).status == 201
    file = on_disk(server, plain_folder, "f.bin")
    with Reader(plain_folder, "/f.bin") as reader:
        assert eventually(lambda: any(f'"bytes": {len(body)}' in line for line in server.log))
        if change == "cut":
            os.truncate(file, 1000)
        else:
            with file.open("r+b") as others:
                others.write(bytes(len(body)))
        assert reader.rest() == (body, True)


@pytest.mark.parametrize("way", ["reset", "whole"])
def test_no_file_stays_open(plain_folder: DavClient, server: RunningServer, way: str) -> None:
    """Neither after a reader who goes away in the middle nor after one who takes all."""
    assert plain_folder.put("/f.bin", LARGE).status == 201
    file = on_disk(server, plain_folder, "f.bin")
    with Reader(plain_folder, "/f.bin") as reader:
        reader.begin()
        assert open_files(server, file) == 1
        if way == "whole":
            assert reader.rest() == (LARGE, True)
        else:
            reader.leave()
        assert eventually(lambda: open_files(server, file) == 0)
