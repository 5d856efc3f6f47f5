"""Granian as the engine: what our own engine's tests ask and it holds, what the gate adds, and what it does not hold.

Record 0063; performance.md §3. The corpora are those of our own engine: where the two differ, the difference is named
here, so that another version of Granian that behaves otherwise is noticed, be it better or worse.
"""

from __future__ import annotations

import importlib.metadata
import os
import signal
import socket
import time
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest

from davserver.serving import Limits, ServingProblem, ServingSettings, TLSFiles
from davserver.serving.engine import GRANIAN
from davserver.serving.granian import GranianServer, check_granian
from davserver.serving.tally import Board
from tests.serving import test_bodies, test_framing, test_repeats, test_responses
from tests.serving.conftest import Application, Running, Serving, serve_here
from tests.serving.raw import HOST, Peer, chunked, eventually, request
from tests.serving.test_framing import ANOMALIES, BAD_CHUNKS, MARKER, REFUSALS
from tests.serving.test_workers import alive, served

test_two_pipelined_requests_are_answered_in_order = test_framing.test_two_pipelined_requests_are_answered_in_order
test_a_head_may_come_byte_by_byte = test_framing.test_a_head_may_come_byte_by_byte
test_one_empty_line_before_a_request_is_ignored = test_framing.test_one_empty_line_before_a_request_is_ignored
test_a_body_that_failed_keeps_failing = test_bodies.test_a_body_that_failed_keeps_failing
test_100_continue_is_sent_at_the_first_read = test_bodies.test_100_continue_is_sent_at_the_first_read
test_head_never_has_a_body = test_responses.test_head_never_has_a_body
test_a_list_without_length_gets_one = test_responses.test_a_list_without_length_gets_one
test_an_error_tells_a_number_and_nothing_else = test_responses.test_an_error_tells_a_number_and_nothing_else
test_a_broken_answer_never_looks_whole = test_responses.test_a_broken_answer_never_looks_whole
test_a_value_cannot_add_header_lines = test_responses.test_a_value_cannot_add_header_lines
test_a_large_answer_arrives_whole = test_responses.test_a_large_answer_arrives_whole
test_the_same_words_need_no_application = test_repeats.test_the_same_words_need_no_application
test_a_body_is_part_of_the_words = test_repeats.test_a_body_is_part_of_the_words
test_other_words_are_another_request = test_repeats.test_other_words_are_another_request
test_what_no_longer_holds_is_made_anew = test_repeats.test_what_no_longer_holds_is_made_anew
test_doubt_is_as_good_as_no = test_repeats.test_doubt_is_as_good_as_no
test_each_has_its_number = test_repeats.test_each_has_its_number
test_chunks_are_not_recognised = test_repeats.test_chunks_are_not_recognised
test_head_has_no_body_the_second_time = test_repeats.test_head_has_no_body_the_second_time

SERVED_ALL_THE_SAME = {
    "two equal Content-Length",
    "bare LF ends a line",
    "only LF ends lines",
    "two empty lines first, LF only",
    "fragment",
    "broken percent-encoding",
    "absolute target of another host",
    "absolute target with userinfo",
    "absolute target of another scheme",
}
"""Heads that our own engine refuses; each ends where another party would say that it ends, too."""
CUT_WITHOUT_AN_ANSWER = {"the preface of HTTP/2"}
CHUNKS_TAKEN = {"space after", "17 digits", "NUL in the extension", "extension without end", "LF after the last chunk"}
"""Chunks that our own engine refuses and Granian reads; with the length told, no byte of them is lost or added."""
TOLD = ("Transfer-Encoding: chunked", "X-Expected-Entity-Length: 3")


def granian(**settings: Any) -> AbstractContextManager[Running]:
    """In this process, as the `serving` of our own engine."""
    application = Application()
    asked = ServingSettings(port=0, stop_seconds=5, engine=GRANIAN, **settings)
    return serve_here(GranianServer(application, asked, Board.create(1).tally(0), reuse_port=False), application)


@pytest.fixture
def serving() -> Serving:
    """In place of our own engine, for this module."""

    def start(limits: Limits | None = None, threads: int = 8) -> AbstractContextManager[Running]:
        return granian(limits=limits or Limits(), threads=threads)

    return start


def outcome(running: Running, sent: bytes) -> tuple[int, list[str]]:
    """The first status (0: none before the connection ended), and what reached the application of the sent bytes."""
    running.application.seen.clear()
    with running.peer() as peer:
        peer.send(sent, MARKER, request("GET", "/last", "Connection: close"))
        got = peer.rest()
    return int(got.split(b" ", 2)[1]) if got else 0, running.application.requests


def test_heads_in_doubt(running: Running) -> None:
    """S-01, smaller here: all heads but the named ones are refused, and nothing behind a refused one ever runs."""
    found = {name: outcome(running, sent) for name, sent in ANOMALIES.items() if name not in SERVED_ALL_THE_SAME}
    silent = {name for name, (status, _) in found.items() if status == 0}
    assert silent == CUT_WITHOUT_AN_ANSWER
    refusals = {411, *REFUSALS}  # of two framings Granian has hidden one before the gate looks
    assert {name for name, (status, ran) in found.items() if ran or status not in refusals} - silent == set()
    served_too = {name: outcome(running, ANOMALIES[name]) for name in SERVED_ALL_THE_SAME}
    assert {name for name, (status, ran) in served_too.items() if status != 200 or len(ran) != 3} == set()


def test_a_known_head_with_a_cut_body(running: Running) -> None:
    """Its body is read before the application is asked; cut, it is told so all the same."""
    with running.peer() as peer:
        kept = test_repeats.settled(peer, test_repeats.WITH_BODY)
    with running.peer() as peer:
        peer.send(test_repeats.WITH_BODY[:-3])
        peer.done_sending()
        peer.rest()
    assert eventually(lambda: len(running.application.broken) == 1)
    with running.peer() as peer:
        assert test_repeats.said(peer, test_repeats.WITH_BODY) == [kept]


def test_chunks_need_their_length_told_beforehand(running: Running) -> None:
    """performance.md §3: without it 411 and the end of the connection, be the body whole, malformed or cut."""
    for body in (chunked(b"abc"), *BAD_CHUNKS.values()):
        status, ran = outcome(running, request("PUT", "/read", "Transfer-Encoding: chunked") + body)
        assert (status, ran) == (411, [])


def test_malformed_chunks_of_a_told_length(running: Running) -> None:
    """Taken are three bytes or nothing; what follows is a request only where the chunks have ended in a way."""
    taken = set()
    for name, body in BAD_CHUNKS.items():
        status, ran = outcome(running, request("PUT", "/read", *TOLD) + body)
        assert status in (200, 400), name
        if ran != ["PUT /read"]:
            trailer = name == "LF after the last chunk"  # so the next head is read as one, and dropped
            assert (status, ran) == (200, ["PUT /read", *(["GET /marker"] * (not trailer)), "GET /last"]), name
            taken.add(name)
    assert taken == CHUNKS_TAKEN


@pytest.mark.parametrize("field", ["X-Expected-Entity-Length", "OC-Total-Length"])
@pytest.mark.parametrize("told", [2, 3, 4])
def test_a_chunked_body_is_as_long_as_it_was_said_to_be(running: Running, field: str, told: int) -> None:
    """Finder names the length in the first field, ownCloud's clients in the second."""
    with running.peer() as peer:
        peer.send(request("PUT", "/read", "Transfer-Encoding: chunked", f"{field}: {told}"), chunked(b"ab", b"c"))
        assert peer.answer().status == (200 if told == 3 else 400)
    assert len(running.application.broken) == (told != 3)


@pytest.mark.parametrize("ending", ["shutdown", "reset"])
@pytest.mark.parametrize("framing", ["sized", "chunked", "chunked, before the size"])
def test_a_cut_body_raises(running: Running, framing: str, ending: str) -> None:
    """wsgidav.md C1: Granian ends such a body like one that came whole; the gate counts."""
    told = ("Transfer-Encoding: chunked", "X-Expected-Entity-Length: 1000")
    sent = {
        "sized": request("PUT", "/read", "Content-Length: 1000") + b"only this",
        "chunked": request("PUT", "/read", *told) + b"3e8\r\nonly this",
        "chunked, before the size": request("PUT", "/read", *told) + b"9\r\nonly this\r\n",
    }[framing]
    with running.peer() as peer:
        peer.send(sent)
        assert eventually(lambda: running.application.requests)
        if ending == "shutdown":
            peer.done_sending()
            assert peer.answer().status == 400
        else:
            peer.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    assert eventually(lambda: len(running.application.broken) == 1)


def test_a_body_streams_in_constant_memory(running: Running) -> None:
    """S-06 with 128 MiB: in one chunk, in pieces of at most 256 KiB."""
    count = 128 * 1024 * 1024
    with running.peer(60) as peer, test_bodies.Memory() as memory:
        peer.send(request("PUT", "/read", "Transfer-Encoding: chunked", f"X-Expected-Entity-Length: {count}"))
        peer.send(b"%x\r\n" % count)
        for _ in range(count >> 20):
            peer.sock.sendall(bytes(1 << 20))
        peer.send(b"\r\n0\r\n\r\n")
        size, _, largest, complete = peer.answer().body.decode().split()
    assert (int(size), int(largest) <= 256 * 1024, complete) == (count, True, "True")
    assert memory.growth < 32 * 1024 * 1024


def test_a_refused_huge_upload_is_not_read(running: Running) -> None:
    """wsgidav.md C5: the refusal arrives, neither 100 nor the rest is asked for, and a late body is no request."""
    with running.peer() as peer, test_bodies.Memory() as memory:
        peer.send(request("PUT", "/refuse", "Expect: 100-continue", f"Content-Length: {1 << 29}"))
        assert peer.answer().status == 401
        peer.send(MARKER)
        assert peer.closed_within(5)
    assert running.application.requests == ["PUT /refuse"]
    assert memory.growth < 16 * 1024 * 1024


@pytest.mark.parametrize(
    "fields",
    [
        ('If-Match: "\xe4"',),
        ('If-None-Match: "a"', 'If-None-Match: "\xe4"'),
        ("Destination: http://test/\xe4",),
        ("Depth: 0", "Depth: infinity"),
        ("Destination: http://test/a", "Destination: http://test/b"),
        ("If-Unmodified-Since: Sun, 06 Nov 1994 08:49:37 GMT", "If-Unmodified-Since: Sun, 06 Nov 1994 08:49:38 GMT"),
        ("Content_Type: text/html",),
        ("Lock-Token:",),
    ],
)
def test_fields_that_granian_joins_or_empties_are_refused(running: Running, fields: tuple[str, ...]) -> None:
    """A value with a byte beyond ASCII arrives empty: a condition would vanish, and the write go through."""
    with running.peer() as peer:
        peer.send(request("PUT", "/read", *fields, body=b"abc"))
        assert (peer.answer().status, running.application.seen) == (400, [])


def test_fields_become_environ_entries(running: Running) -> None:
    """PEP 3333; nothing of the process's own environment, which Granian's wrapper would add."""
    with running.peer() as peer:
        fields = ("X-A: 1", "x-a: 2", "Cookie: a=b", "Cookie: c=d", "Content-Type: text/plain", "Expect: 100-continue")
        peer.send(request("PUT", "/read%2F%C3%A4?q=%20", *fields, body=b"abc"))
        assert peer.answer().status in (100, 200)
        assert eventually(lambda: running.application.seen)
    environ = running.application.seen[0]
    assert (environ["PATH_INFO"], environ["QUERY_STRING"]) == ("/read/\xc3\xa4", "q=%20"), "%2F arrives decoded"
    assert environ["HTTP_X_A"] == "1,2"
    assert environ["HTTP_COOKIE"] == "a=b;c=d"
    assert (environ["CONTENT_TYPE"], environ["CONTENT_LENGTH"]) == ("text/plain", "3")
    assert (environ["HTTP_HOST"], environ["SERVER_PORT"]) == ("test", str(running.port))
    assert (environ["REMOTE_ADDR"], environ["SERVER_PROTOCOL"]) == (HOST, "HTTP/1.1")
    assert not set(os.environ) & set(environ)


def test_a_name_with_an_underscore_may_pass_for_another(running: Running) -> None:
    """Not held here (our own engine leaves such names out): so a proxy in front must, as nginx does by itself."""
    with running.peer() as peer:
        peer.send(request("GET", "/", "X-Forwarded-For: 10.0.0.1", "X_Forwarded_For: 10.0.0.2"))
        assert peer.answer().status == 200
    assert running.application.seen[0]["HTTP_X_FORWARDED_FOR"] == "10.0.0.2"


@pytest.mark.parametrize("status", ["204", "304"])
def test_204_and_304_never_have_a_body(running: Running, status: str) -> None:
    """RFC 9110 §15.3.5, §15.4.5."""
    with running.peer() as peer:
        peer.send(request("GET", f"/exact?{status}"), request("GET", "/next"))
        answer = peer.answer()
        assert (answer.status, "content-length" in answer.headers) == (int(status), False)
        assert peer.answer().body == b"ok\n"


def test_an_answer_without_length_is_chunked(running: Running) -> None:
    """RFC 9112 §7.1."""
    with running.peer() as peer:
        peer.send(request("GET", "/stream"), request("GET", "/next"))
        answer = peer.answer()
        assert (answer.headers["transfer-encoding"], answer.body) == ("chunked", b"onetwo")
        assert peer.answer().status == 200


def test_requests_are_counted() -> None:
    """By method and status, with the bytes of the bodies; a refusal of the gate counts as one of nobody's method."""
    board = Board.create(1)
    application = Application()
    asked = ServingSettings(port=0, engine=GRANIAN)
    with serve_here(GranianServer(application, asked, board.tally(0), reuse_port=False), application) as running:
        with running.peer() as peer:
            peer.send(request("PUT", "/read", body=b"abcd"), request("GET", "/refuse"), request("GET", "/large?2"))
            answers = [peer.answer() for _ in range(3)]
            peer.send(b"get / HTTP/1.1\r\nHost: test\r\n\r\n")
            answers.append(peer.answer())
        sums = board.sums()
    counted = {kind: count for kind, count in sums.requests.items() if count}
    assert counted == {("PUT", "2xx"): 1, ("GET", "4xx"): 1, ("GET", "2xx"): 1, ("other", "4xx"): 1}
    assert (sums.received, sums.sent) == (4, sum(len(answer.body) for answer in answers))


@pytest.mark.parametrize(
    ("limits", "words"),
    [
        (Limits(head_fields=50), "header_count"),
        (Limits(head_seconds=5), "header_seconds"),
        (Limits(rate_bytes=10), "body_rate"),
        (Limits(rate_seconds=5), "body_seconds"),
        (Limits(kept_connections=5), "kept_connections"),
    ],
)
def test_what_granian_cannot_do_is_refused_at_the_start(limits: Limits, words: str) -> None:
    """A limit that somebody has set is held, or the server does not start."""
    check_granian(ServingSettings(engine=GRANIAN))
    with pytest.raises(ServingProblem, match=words):
        check_granian(ServingSettings(engine=GRANIAN, limits=limits))


@pytest.mark.parametrize(("version", "words"), [(None, "not installed"), ("2.9.0", "knows 2.8")])
def test_another_granian_than_we_know_is_refused(
    monkeypatch: pytest.MonkeyPatch, version: str | None, words: str
) -> None:
    """What we build on is no promise of theirs."""

    def found(_name: str) -> str:
        if version is None:
            raise importlib.metadata.PackageNotFoundError
        return version

    monkeypatch.setattr(importlib.metadata, "version", found)
    with pytest.raises(ServingProblem, match=words):
        check_granian(ServingSettings(engine=GRANIAN))


def test_a_wrong_certificate_is_told_at_the_start(tmp_path: Path) -> None:
    """Else a thread of Rust would end, and the server listen on without it."""
    missing = TLSFiles(tmp_path / "none.pem", tmp_path / "none.key")
    server = GranianServer(
        Application(), ServingSettings(port=0, tls=missing), Board.create(1).tally(0), reuse_port=False
    )
    with pytest.raises(FileNotFoundError):
        server.prepare()


def test_its_threads_take_turns() -> None:
    """Record 80: all but the main thread, which waits for signals."""
    with served("1", engine=GRANIAN) as process, Peer(process.port) as peer:
        peer.send(request("GET", "/"))
        assert peer.answer().status == 200
        main = process.popen.pid
        threads = [int(task.name) for task in Path(f"/proc/{main}/task").iterdir()]
        ways = {thread: os.sched_getscheduler(thread) for thread in threads}
    assert ways.pop(main) == os.SCHED_OTHER
    assert set(ways.values()) == {os.SCHED_BATCH}


def test_where_they_may_not_it_serves_all_the_same(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "sched_setscheduler", refuse)
    with granian() as running, running.peer() as peer:
        peer.send(request("GET", "/page"))
        assert peer.answer().status == 404
    assert "small requests are slower: [Errno 1] Operation not permitted" in caplog.text


@pytest.mark.parametrize("workers", ["1", "2"])
def test_stopping_finishes_the_running_request(workers: str) -> None:
    """SIGTERM: the answer comes whole, every application is closed, the exit status is 0; a taken port is told."""
    with served(workers, engine=GRANIAN) as process, Peer(process.port) as peer:
        with served(workers, port=process.port, engine=GRANIAN) as second:
            assert second.popen.stdout is not None
            assert "is in use" in " ".join(second.first) + second.popen.stdout.read()
        peer.send(request("GET", "/sleep?0.7"))
        time.sleep(0.3)
        process.popen.send_signal(signal.SIGTERM)
        assert peer.answer().status == 200
        out, err = process.popen.communicate(timeout=20)
        assert (process.popen.returncode, out.count("closed")) == (0, int(workers)), err
        with pytest.raises(ConnectionRefusedError):
            Peer(process.port)


def test_a_dead_worker_is_replaced_and_none_outlives_the_supervisor() -> None:
    """Supervising is ours under either engine."""
    with served("2", engine=GRANIAN) as process:
        before = process.workers()
        assert len(before) == 2
        os.kill(min(before), signal.SIGKILL)
        assert eventually(lambda: len(process.workers(10) - before) == 1, 10)
        after = process.workers()
        assert len(after) == 2
        process.popen.kill()
        process.popen.wait()
        assert eventually(lambda: not any(alive(worker) for worker in before | after), 10)
