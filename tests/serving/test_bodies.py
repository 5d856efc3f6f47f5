"""A body comes whole or raises; 100-continue waits for the reader; the unread is drained or the connection ends."""

from __future__ import annotations

import hashlib
import socket
import threading
import time
from pathlib import Path

import pytest

from davserver.serving.limits import Limits
from tests.serving.conftest import Running, Serving
from tests.serving.raw import chunked, eventually, request

MARKER = b"GET /marker HTTP/1.1\r\nHost: test\r\n\r\n"
CHUNKED = "Transfer-Encoding: chunked"


def resident_bytes() -> int:
    """What this process, server and client alike, holds in memory."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024
    raise AssertionError("no VmRSS")


class Memory:
    """The highest growth while a test runs."""

    def __enter__(self) -> Memory:
        self.before = resident_bytes()
        self.growth = 0
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._ended.wait(0.02):
            self.growth = max(self.growth, resident_bytes() - self.before)


@pytest.mark.parametrize("count", [0, 1, 65535, 65536, 300_000, 3_000_001])
@pytest.mark.parametrize("framing", ["sized", "chunked"])
def test_a_body_arrives_whole_and_says_so(running: Running, framing: str, count: int) -> None:
    """RFC 9112 §6: pieces of at most 256 KiB, every byte once, `complete` at the end, the next request after it."""
    body = bytes(range(256)) * (count // 256) + b"z" * (count % 256)
    with running.peer() as peer:
        if framing == "sized":
            peer.send(request("PUT", "/read", body=body))
        else:
            pieces = [body[at : at + 70_001] for at in range(0, count, 70_001)]
            peer.send(request("PUT", "/read", CHUNKED), chunked(*pieces))
        size, digest, largest, complete = peer.answer().body.decode().split()
        assert (int(size), digest, complete) == (count, hashlib.sha256(body).hexdigest(), "True")
        assert int(largest) <= 256 * 1024
        peer.send(request("GET", "/next"))
        assert peer.answer().status == 200


@pytest.mark.parametrize("ending", ["shutdown", "reset"])
@pytest.mark.parametrize("framing", ["sized", "chunked", "chunked, before the size", "chunked, before the last CRLF"])
def test_a_cut_body_raises(running: Running, framing: str, ending: str) -> None:
    """wsgidav.md C1: an upload that ends early never looks like one that ended."""
    sent = {
        "sized": request("PUT", "/read", "Content-Length: 1000") + b"only this",
        "chunked": request("PUT", "/read", CHUNKED) + b"3e8\r\nonly this",
        "chunked, before the size": request("PUT", "/read", CHUNKED) + b"9\r\nonly this\r\n",
        "chunked, before the last CRLF": request("PUT", "/read", CHUNKED) + b"9\r\nonly this\r\n0\r\n",
    }[framing]
    with running.peer() as peer:
        peer.send(sent)
        assert eventually(lambda: running.application.requests)
        if ending == "shutdown":
            peer.done_sending()
            answer = peer.answer()
            assert (answer.status, answer.closes) == (400, True)
        else:
            peer.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    assert eventually(lambda: len(running.application.broken) == 1)


def test_a_body_that_failed_keeps_failing(running: Running) -> None:
    """An application that tries again must not be told that the body ended."""
    with running.peer() as peer:
        peer.send(request("PUT", "/read", "Content-Length: 1000"), b"x")
        peer.done_sending()
        peer.answer()
    body = running.application.seen[0]["wsgi.input"]
    with pytest.raises(OSError, match="ended early"):
        body.read(10)
    assert not body.complete


@pytest.mark.parametrize("wish", ["100-continue", "100-Continue"])
def test_100_continue_is_sent_at_the_first_read(running: Running, wish: str) -> None:
    """RFC 9110 §10.1.1, whatever the case of the letters."""
    with running.peer() as peer:
        peer.send(request("PUT", "/read", f"Expect: {wish}", "Content-Length: 3"))
        assert peer.answer().status == 100
        peer.send(b"abc", request("GET", "/"))
        assert peer.answer().body.startswith(b"3 ")
        assert peer.answer().status == 200


@pytest.mark.parametrize("length", ["Content-Length: 3", CHUNKED])
def test_no_100_after_a_refusal(running: Running, length: str) -> None:
    """RFC 9110 §10.1.1: refused before reading, the connection ends, and a late body is no request."""
    with running.peer() as peer:
        peer.send(request("PUT", "/refuse", "Expect: 100-continue", length))
        answer = peer.answer()
        assert (answer.status, answer.closes) == (401, True)
        peer.send(MARKER)
        assert peer.closed_within(5)
    assert running.application.requests == ["PUT /refuse"]


def test_no_100_for_a_body_that_is_there_or_empty(running: Running) -> None:
    with running.peer() as peer:
        peer.send(request("PUT", "/read", "Expect: 100-continue", body=b"abc"))
        assert peer.answer().status == 200
        peer.send(request("PUT", "/read", "Expect: 100-continue", "Content-Length: 0"))
        assert peer.answer().status == 200


@pytest.mark.parametrize("path", ["/refuse", "/page", "/ignore", "/fail"])
@pytest.mark.parametrize("framing", ["sized", "chunked"])
def test_an_unread_small_body_is_drained(running: Running, path: str, framing: str) -> None:
    """clients.md D4: a refused small upload does not cost the connection, nor becomes the next request."""
    if framing == "sized":
        sent = request("PUT", path, body=MARKER * 100)
    else:
        sent = request("PUT", path, CHUNKED) + chunked(MARKER, MARKER * 50)
    with running.peer() as peer:
        peer.send(sent)
        answer = peer.answer()
        if path == "/fail":
            assert (answer.status, answer.closes) == (500, True)
        else:
            assert not answer.closes
            peer.send(request("GET", "/next"))
            assert peer.answer().status == 200
    assert "GET /marker" not in running.application.requests


@pytest.mark.parametrize("length", ["Content-Length: 60000", CHUNKED])
def test_an_unread_body_that_does_not_come_ends_the_connection(running: Running, length: str) -> None:
    """Waiting for it would hold a thread; the answer comes soon and says close."""
    begin = time.monotonic()
    with running.peer() as peer:
        peer.send(request("PUT", "/refuse", length))
        answer = peer.answer()
        assert (answer.status, answer.closes) == (401, True)
        assert time.monotonic() - begin < 1
        peer.send(MARKER)
        assert peer.closed_within(5)
    assert running.application.requests == ["PUT /refuse"]


@pytest.mark.parametrize("framing", ["sized", "chunked"])
def test_a_refused_huge_upload_costs_no_memory(running: Running, framing: str) -> None:
    """wsgidav.md C5: a 401 to a 512 MiB PUT raised memory by 1 GiB; here the answer arrives and memory stays."""
    count = 512 * 1024 * 1024
    length = f"Content-Length: {count}" if framing == "sized" else CHUNKED
    with running.peer() as peer, Memory() as memory:
        peer.send(request("PUT", "/refuse", length), b"" if framing == "sized" else b"%x\r\n" % count)
        answer = peer.answer()
        assert (answer.status, answer.closes) == (401, True)
        sent = 0
        try:
            while sent < count:
                peer.send(bytes(1 << 20))
                sent += 1 << 20
        except ConnectionError:
            pass
    assert sent < 64 * 1024 * 1024
    assert memory.growth < 16 * 1024 * 1024


def test_one_chunk_of_600_mib_streams(running: Running) -> None:
    """security.md S-06: constant memory whatever the peer calls a chunk, at full speed."""
    count = 600 * 1024 * 1024
    piece = memoryview(bytes(1 << 20))
    with running.peer(60) as peer, Memory() as memory:
        peer.send(request("PUT", "/read", CHUNKED), b"%x\r\n" % count)
        for _ in range(count >> 20):
            peer.sock.sendall(piece)
        peer.send(b"\r\n0\r\n\r\n")
        size, _, largest, complete = peer.answer().body.decode().split()
    assert (int(size), int(largest) <= 256 * 1024, complete) == (count, True, "True")
    assert memory.growth < 32 * 1024 * 1024


def test_a_chunk_of_many_exabytes_only_streams(running: Running) -> None:
    """A size of 16 hex digits promises more than any memory holds; nothing is reserved for it."""
    with running.peer() as peer, Memory() as memory:
        peer.send(request("PUT", "/read", CHUNKED), b"ffffffffffffffff\r\n", bytes(1 << 20))
        peer.done_sending()
        assert peer.answer().status == 400
    assert memory.growth < 16 * 1024 * 1024


def test_chunks_of_one_byte_are_bearable(running: Running) -> None:
    """A million bytes in a million chunks: seconds, not minutes, and others are served meanwhile."""
    many = b"1\r\nx\r\n" * 300_000
    with running.peer(30) as peer, running.peer() as other:
        peer.send(request("PUT", "/read", CHUNKED))
        sending = threading.Thread(target=peer.sock.sendall, args=(many + b"0\r\n\r\n",))
        sending.start()
        begin = time.monotonic()
        other.send(request("GET", "/"))
        assert other.answer().status == 200
        assert time.monotonic() - begin < 1
        sending.join()
        assert peer.answer().body.startswith(b"300000 ")


def test_a_slow_body_is_cut_and_a_steady_one_is_not(serving: Serving) -> None:
    """security.md S-47: the rate counts what we waited for, not how long the upload takes."""
    limits = Limits(rate_bytes=100, rate_seconds=0.4)
    with serving(limits) as running, running.peer() as slow, running.peer() as steady:
        slow.send(request("PUT", "/read", "Content-Length: 1000"))
        steady.send(request("PUT", "/read", "Content-Length: 1000"))
        for _ in range(20):
            slow.send(b"s")
            steady.send(b"x" * 50)
            time.sleep(0.05)
        answer = slow.answer()
        assert (answer.status, answer.closes) == (408, True)
        assert running.application.broken[0].status == "408 Request Timeout"
        assert steady.answer().body.startswith(b"1000 ")
