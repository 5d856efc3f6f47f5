"""Slow, silent and many peers: they are ended in time, and nobody waits for them (security.md §5, S-46 to S-48)."""

from __future__ import annotations

import threading
import time
from contextlib import ExitStack

import pytest

from davserver.serving.limits import Limits
from tests.serving.conftest import Running, Serving
from tests.serving.raw import eventually, request

pytestmark = pytest.mark.alone


def answers_at_once(running: Running, seconds: float = 0.5) -> bool:
    begin = time.monotonic()
    with running.peer() as peer:
        peer.send(request("GET", "/"))
        assert peer.answer().status == 200
    return time.monotonic() - begin < seconds


def test_three_hundred_half_open_heads_hinder_nobody(serving: Serving) -> None:
    """security.md §5, S-46: 60 of them took plain WsgiDAV off the net for 15 s."""
    with serving(threads=2) as running, ExitStack() as peers:
        for _ in range(300):
            peer = peers.enter_context(running.peer())
            peer.send(b"GET / HTTP/1.1\r\nHost: te")
        assert all(answers_at_once(running) for _ in range(20))


def test_silent_connections_hinder_nobody_and_end(serving: Serving) -> None:
    """wsgidav.md §3.4: one silent TCP connect froze the server for 10 s."""
    with serving(Limits(head_seconds=0.5), threads=2) as running, ExitStack() as peers:
        silent = [peers.enter_context(running.peer()) for _ in range(40)]
        assert all(answers_at_once(running) for _ in range(5))
        assert all(peer.closed_within(3) for peer in silent)


def test_a_head_has_its_deadline_in_all(serving: Serving) -> None:
    """A byte now and then does not prolong it: 408 (RFC 9110 §15.5.9)."""
    with serving(Limits(head_seconds=0.6)) as running, running.peer() as peer:
        begin = time.monotonic()
        head = request("GET", "/", "X-A: " + "b" * 100)
        for byte in head[:50]:
            peer.send(bytes([byte]))
            time.sleep(0.02)
        answer = peer.answer()
        assert (answer.status, answer.closes) == (408, True)
        assert time.monotonic() - begin < 2.5
    assert running.application.requests == []


def test_an_idle_connection_is_closed_silently(serving: Serving) -> None:
    """RFC 9112 §9.5."""
    with serving(Limits(idle_seconds=0.5)) as running, running.peer() as peer:
        peer.send(request("GET", "/"))
        assert peer.answer().status == 200
        assert peer.closed_within(3)


def test_a_later_head_has_the_deadline_of_a_head(serving: Serving) -> None:
    """Waiting for a request may take long, sending it may not; the first one's deadline does not end the connection."""
    with serving(Limits(head_seconds=0.5, idle_seconds=60)) as running, running.peer() as peer:
        for _ in range(2):
            peer.send(request("GET", "/"))
            assert peer.answer().status == 200
            time.sleep(1.2)
        peer.send(b"GET / HT")
        assert peer.answer().status == 408


def test_a_busy_connection_takes_turns_with_others(serving: Serving) -> None:
    """A peer that always has a next request does not keep the last thread."""
    with serving(threads=1) as running, running.peer() as busy:
        ended = threading.Event()

        def ask_on() -> None:
            while not ended.is_set():
                busy.send(request("GET", "/"))
                busy.answer()

        asking = threading.Thread(target=ask_on)
        asking.start()
        try:
            assert all(answers_at_once(running) for _ in range(10))
        finally:
            ended.set()
            asking.join()


def test_slow_bodies_and_slow_readers_hinder_nobody(serving: Serving) -> None:
    """security.md S-47: a thread that waits for its peer does not count among those that work."""
    with serving(threads=2) as running, ExitStack() as peers:
        for number in range(60):
            peer = peers.enter_context(running.peer())
            if number % 2:
                peer.send(request("PUT", "/read", "Content-Length: 100"), b"x")
            else:
                peer.send(request("GET", "/large?1000"))
        assert eventually(lambda: running.server.crew.load == 60)
        assert all(answers_at_once(running) for _ in range(20))


def test_threads_that_are_not_needed_end(serving: Serving) -> None:
    with serving(threads=2) as running:
        with ExitStack() as peers:
            for _ in range(20):
                peers.enter_context(running.peer()).send(request("PUT", "/read", "Content-Length: 100"), b"x")
            assert eventually(lambda: running.server.crew.load == 20)
        assert eventually(lambda: running.server.crew.load == 0)
        assert answers_at_once(running)
        assert eventually(lambda: running.server.crew.threads <= 3)


def test_four_hundred_and_fifty_kept_connections(serving: Serving) -> None:
    """security.md S-48: idle connections hold no thread, and all are still usable."""
    with serving(threads=4) as running, ExitStack() as peers:
        kept = [peers.enter_context(running.peer()) for _ in range(450)]
        for _ in range(2):
            for peer in kept:
                peer.send(request("GET", "/"))
            assert all(peer.answer().status == 200 for peer in kept)


def test_beyond_the_limit_connections_are_not_kept(serving: Serving) -> None:
    with serving(Limits(kept_connections=3)) as running, ExitStack() as peers:
        kept = [peers.enter_context(running.peer()) for _ in range(4)]
        closing = []
        for peer in kept:
            peer.send(request("GET", "/"))
            closing.append(peer.answer().closes)
        assert True in closing
        assert eventually(lambda: running.server.open_connections <= 3)


def test_the_connection_that_waits_longest_makes_room(serving: Serving) -> None:
    """A flood of silent connections cannot keep others out."""
    with serving(Limits(connections=20)) as running, ExitStack() as peers:
        for _ in range(100):
            peers.enter_context(running.peer())
            time.sleep(0.001)
        assert answers_at_once(running)
        assert running.server.open_connections <= 21


def test_stopping_finishes_what_runs(serving: Serving) -> None:
    """Graceful stop: the running request gets its whole answer, which says close."""
    with serving() as running, running.peer() as peer:
        peer.send(request("GET", "/wait"))
        assert eventually(lambda: running.application.requests)
        stopping = threading.Thread(target=running.server.stop)
        stopping.start()
        assert eventually(lambda: not running.server.ready)
        running.application.gate.set()
        answer = peer.answer()
        assert (answer.status, answer.closes) == (200, True)
        stopping.join()


@pytest.mark.parametrize("kept", [True, False])
def test_who_asks_while_the_server_stops_is_answered_once_more(serving: Serving, kept: bool) -> None:
    """On a connection that was open before, used or not; the answer says that it is the last (RFC 9112 §9.6)."""
    with serving(Limits(farewell_seconds=5.0)) as running, running.peer() as peer:
        if kept:
            peer.send(request("GET", "/"))
            assert not peer.answer().closes
        assert eventually(lambda: running.server.open_connections == 1)
        stopping = threading.Thread(target=running.server.stop)
        stopping.start()
        assert eventually(lambda: not running.server.ready)
        time.sleep(0.1)
        peer.send(request("GET", "/"))
        answer = peer.answer()
        assert (answer.status, answer.closes) == (200, True)
        with pytest.raises(ConnectionRefusedError):
            running.peer()
        stopping.join()


def test_a_silent_peer_does_not_hold_the_stop_up(serving: Serving) -> None:
    """It is waited for a moment, then let go."""
    with serving(Limits(farewell_seconds=0.3)) as running, running.peer() as peer:
        assert eventually(lambda: running.server.open_connections == 1)
        began = time.monotonic()
        running.server.stop()
        assert 0.2 < time.monotonic() - began < 3
        assert peer.rest() == b""
