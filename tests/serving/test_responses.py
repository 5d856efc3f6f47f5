"""What goes out: framing, bodies that must not be, errors that tell nothing (RFC 9110, RFC 9112, PEP 3333)."""

from __future__ import annotations

import logging
import re
import time

import pytest

from davserver.serving.limits import Limits
from tests.serving.conftest import Running, Serving
from tests.serving.raw import request


@pytest.mark.parametrize("status", ["200", "401", "404", "412", "500"])
def test_head_never_has_a_body(running: Running, status: str) -> None:
    """clients.md D3, RFC 9110 §9.3.2: not with an error either; the length of GET stays."""
    with running.peer() as peer:
        peer.send(request("HEAD", f"/exact?{status}"), request("GET", "/next"))
        answer = peer.answer(head_only=True)
        assert (answer.status, answer.headers["content-length"]) == (int(status), "9")
        assert peer.answer().body == b"ok\n"


@pytest.mark.parametrize("method", ["GET", "PUT"])
@pytest.mark.parametrize("status", ["204", "304"])
def test_204_and_304_never_have_a_body(running: Running, method: str, status: str) -> None:
    """RFC 9110 §15.3.5, §15.4.5, §8.6: 204 has no Content-Length either."""
    with running.peer() as peer:
        peer.send(request(method, f"/exact?{status}"), request("GET", "/next"))
        answer = peer.answer()
        assert answer.status == int(status)
        assert ("content-length" in answer.headers) == (status == "304")
        assert "transfer-encoding" not in answer.headers
        assert peer.answer().body == b"ok\n"


def test_an_answer_without_length_is_chunked(running: Running) -> None:
    """RFC 9112 §7.1; for HTTP/1.0 its end is the connection's end."""
    with running.peer() as peer:
        peer.send(request("GET", "/stream"), request("HEAD", "/stream"), request("GET", "/next"))
        answer = peer.answer()
        assert (answer.headers["transfer-encoding"], answer.body) == ("chunked", b"onetwo")
        assert "content-length" not in peer.answer(head_only=True).headers
        assert peer.answer().status == 200
        peer.send(b"GET /stream HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
        answer = peer.answer()
        assert (answer.closes, answer.body) == (True, b"onetwo")


def test_a_list_without_length_gets_one(running: Running) -> None:
    with running.peer() as peer:
        peer.send(request("PUT", "/read", body=b"abc"))
        assert "content-length" in peer.answer().headers


def test_head_and_small_body_leave_in_one_packet(running: Running) -> None:
    """performance.md §3: two sends per answer can be one."""
    with running.peer() as peer:
        peer.send(request("GET", "/"))
        assert peer.sock.recv(65536).endswith(b"ok\n")
        peer.send(request("GET", "/stream"))
        assert b"3\r\none\r\n" in peer.sock.recv(65536)


def test_the_head_of_a_long_body_waits_for_none_of_it(running: Running) -> None:
    """Record 74: it is on its way while the bytes are read and opened. That of a short one goes out with it."""
    with running.peer() as peer:
        peer.send(request("GET", "/late?20000"))
        assert peer.answer(head_only=True).headers["content-length"] == "20000"
        running.application.gate.set()
        assert peer._exactly(20000) == bytes(20000)
        peer.send(request("GET", "/late?16384"))
        assert len(peer.sock.recv(65536)) > 16384


def test_answers_name_no_software_version(running: Running) -> None:
    """security.md, point 19."""
    with running.peer() as peer:
        peer.send(request("GET", "/"))
        headers = peer.answer().headers
    assert "server" not in headers
    assert re.fullmatch(r"\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT", headers["date"])


def test_an_error_tells_a_number_and_nothing_else(running: Running, caplog: pytest.LogCaptureFixture) -> None:
    """B14: no class, path or traceback goes out; the log has them under the same number."""
    with running.peer() as peer, caplog.at_level(logging.ERROR, "davserver.serving"):
        peer.send(request("GET", "/fail"))
        answer = peer.answer()
        assert peer.closed_within(5)
    assert answer.status == 500
    number = running.application.seen[0]["gremium.request_id"]
    assert answer.body.decode() == f"The server failed. Please report the number {number}.\n"
    assert number in caplog.text
    assert "LookupError" in caplog.text


@pytest.mark.parametrize("path", ["/fail_late", "/too_short", "/too_long"])
def test_a_broken_answer_never_looks_whole(running: Running, path: str) -> None:
    """After the head is out, an error cuts the connection; and no byte exceeds the promised length."""
    with running.peer() as peer:
        peer.send(request("GET", path), request("GET", "/marker"))
        sent = peer.rest()
    assert not sent.endswith(b"0\r\n\r\n")
    assert sent.count(b"HTTP/1.1 ") <= 1
    assert running.application.requests == [f"GET {path}"]


@pytest.mark.parametrize("version", [b"HTTP/1.0", b"HTTP/1.1"])
@pytest.mark.parametrize("path", ["/fail_late", "/too_short", "/too_long"])
def test_a_broken_answer_ends_in_a_reset(running: Running, path: str, version: bytes) -> None:
    """RFC 9112 §6.3: to a client of HTTP/1.0 an end in order would be the end of an answer without length."""
    with running.peer() as peer:
        peer.send(request("GET", path).replace(b"HTTP/1.1", version))
        assert not peer.ends_in_order()


def test_an_error_after_the_answer_leaves_it_whole(running: Running) -> None:
    with running.peer() as peer:
        peer.send(request("GET", "/fail_closing"))
        assert peer.answer().body == b"whole"
        assert peer.closed_within(5)


def test_a_value_cannot_add_header_lines(running: Running) -> None:
    """Response splitting: such an answer is a 500."""
    with running.peer() as peer:
        peer.send(request("GET", "/headers"))
        answer = peer.answer()
    assert answer.status == 500
    assert "set-cookie" not in answer.headers


def test_a_large_answer_arrives_whole(running: Running) -> None:
    with running.peer() as peer:
        peer.send(request("GET", "/large?500"), request("GET", "/next"))
        assert peer.answer().body == bytes(500 * 65536)
        assert peer.answer().status == 200


def test_a_peer_that_does_not_read_is_cut(serving: Serving) -> None:
    """security.md S-47: once the kernel's buffers are full, nothing moves, and after two periods the peer goes."""
    with serving(Limits(rate_bytes=1000, rate_seconds=0.3)) as running, running.peer() as peer:
        peer.send(request("GET", "/large?2000"))
        time.sleep(2)
        assert running.server.crew.load == 0
        assert not peer.ends_in_order()


def test_a_peer_that_reads_slowly_but_steadily_is_served(serving: Serving) -> None:
    """As much of the answer as the peer reads can be sent on; the rate is counted over whole periods."""
    with serving(Limits(rate_bytes=20_000, rate_seconds=0.7)) as running, running.peer() as peer:
        peer.send(request("GET", "/large?500"))
        for _ in range(60):
            peer.sock.recv(10_000)
            time.sleep(0.05)
        assert running.server.crew.load == 1
