"""Cut, aborted, stalled and parallel uploads: the old version and its tag stay, no temp file stays, nobody sees a mix.

architecture.md law 8; storage.md §4; bar S-38.
"""

from __future__ import annotations

import random
import socket
import struct
import time
import types
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from tests.dav.test_critical_defects import request_bytes
from tests.davclient import DavClient
from tests.running import RunningServer

People = Callable[[str, str], DavClient]
BODY = random.Random(7).randbytes(300_000)
CUTS = 100
"""For each framing."""
STALLS = 20


def framed(framing: str) -> tuple[dict[str, str], bytes]:
    """Headers and body bytes as they go over the wire."""
    if framing == "length":
        return {"Content-Length": str(len(BODY))}, BODY
    pieces = [BODY[start : start + 20_000] for start in range(0, len(BODY), 20_000)]
    return {"Transfer-Encoding": "chunked"}, b"".join(b"%X\r\n%b\r\n" % (len(p), p) for p in pieces) + b"0\r\n\r\n"


def upload_cut_at(
    client: DavClient, framing: str, cut: int, ending: str, more: Mapping[str, str] = types.MappingProxyType({})
) -> None:
    """Send the head (with `more` fields) and `cut` bytes of the body, then end the connection the given way."""
    headers, body = framed(framing)
    headers |= more
    connection = socket.create_connection((client.host, client.port), timeout=30)
    try:
        connection.sendall(request_bytes(client, "PUT", "/paper.odt", headers, body[:cut]))
        if ending == "reset":
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        elif ending == "half-close":
            connection.shutdown(socket.SHUT_WR)
            connection.recv(65536)
    finally:
        connection.close()


def leftovers(server: RunningServer) -> set[Path]:
    """What uploads can have left in the staging places of both providers; what they replaced is none of it."""
    staged = (path for path in server.data.rglob("*") if "staging" in str(path.relative_to(server.data)))
    return {path for path in staged if path.is_file() and not {"steps", "old"} & set(path.parts)}


@pytest.mark.parametrize("framing", ["length", "chunked"])
def test_an_upload_cut_anywhere_changes_nothing(folder: DavClient, server: RunningServer, framing: str) -> None:
    folder.put("/paper.odt", b"the old version")
    before = folder.head("/paper.odt").etag
    whole, before_all = len(framed(framing)[1]), leftovers(server)
    chosen = random.Random(framing)
    for number in range(CUTS):
        cut = chosen.randrange(whole)
        upload_cut_at(folder, framing, cut, ("close", "reset", "half-close")[number % 3])
        answer = folder.get("/paper.odt")
        assert (answer.body, answer.etag) == (b"the old version", before), (framing, cut)
    nothing_stays(server, before_all)


def nothing_stays(server: RunningServer, before: set[Path]) -> None:
    """Of uploads that ended, after a minute at the latest."""
    deadline = time.monotonic() + 60
    while leftovers(server) - before and time.monotonic() < deadline:
        time.sleep(0.2)
    assert leftovers(server) - before == set()


def test_a_stalled_upload_blocks_nobody_and_changes_nothing(
    folder: DavClient, people: People, server: RunningServer
) -> None:
    """At any position, in both framings, all at the same time; nothing of them stays once their clients have gone."""
    folder.put("/paper.odt", b"the old version")
    before_all, stalled, chosen = leftovers(server), [], random.Random(38)
    try:
        for number in range(STALLS):
            connection = socket.create_connection((folder.host, folder.port), timeout=30)
            headers, body = framed(("length", "chunked")[number % 2])
            begun = request_bytes(folder, "PUT", "/paper.odt", headers, body[: chosen.randrange(len(body))])
            connection.sendall(begun)
            stalled.append(connection)
        other = people("otto", folder.base)
        assert other.get("/paper.odt").body == b"the old version"
        assert other.put("/other.txt", b"x").status == 201
        assert other.put("/paper.odt", b"a new version").status == 204
    finally:
        for connection in stalled:
            connection.close()
    nothing_stays(server, before_all)
    assert folder.get("/paper.odt").body == b"a new version"


@pytest.mark.parametrize("header", ["OC-Checksum", "Content-Digest"])
def test_a_body_that_differs_from_its_checksum_changes_nothing(folder: DavClient, header: str) -> None:
    """storage.md §4 step 4; RFC 9530."""
    wrong = {"OC-Checksum": "SHA1:" + "0" * 40, "Content-Digest": "sha-256=:" + "A" * 43 + "=:"}
    folder.put("/f", b"old")
    assert folder.request("PUT", "/f", b"new", {header: wrong[header]}).status == 400
    assert folder.get("/f").body == b"old"
