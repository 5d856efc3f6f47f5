"""Threads that serve connections: a few that work, and more while some of them wait for slow peers."""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

_log = logging.getLogger("davserver.serving")


class Served(Protocol):
    """What a thread takes up: serves itself once and then goes where it belongs."""

    def serve(self) -> None: ...
    def interrupt(self) -> None: ...


class Crew:
    """At most `least` threads work at a time; those inside `stalled()` do not count, up to `most` in all.

    So a hundred peers that send or read slowly cost a hundred sleeping threads, and nobody else waits for them.
    `load` is the number of connections being served or waiting for a thread.
    """

    def __init__(self, least: int, most: int) -> None:
        self._least = least
        self._most = max(most, least)
        self._queue: queue.SimpleQueue[Served | None] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._threads: set[threading.Thread] = set()
        self._serving: dict[threading.Thread, Served] = {}
        self.load = 0
        self._stalled = 0

    def start(self) -> None:
        """Nothing to do: threads come with the work."""

    def put(self, connection: Served) -> None:
        """Hands a connection to the next free thread."""
        with self._lock:
            self.load += 1
            self._queue.put(connection)
            self._reinforce()

    @contextmanager
    def stalled(self) -> Iterator[None]:
        """Brackets a wait for a peer."""
        with self._lock:
            self._stalled += 1
            self._reinforce()
        try:
            yield
        finally:
            with self._lock:
                self._stalled -= 1

    @property
    def threads(self) -> int:
        """How many threads there are now."""
        return len(self._threads)

    def idle(self) -> bool:
        """Whether more connections could be served at once than there are."""
        return self.load - self._stalled < self._least

    def _reinforce(self) -> None:
        """Starts a thread if some connection has none; called with the lock held."""
        count = len(self._threads)
        if self.load > count and count - self._stalled < self._least and count < self._most:
            thread = threading.Thread(target=self._work, name=f"serving-{count}", daemon=True)
            try:
                thread.start()
            except RuntimeError:  # the system has no more threads; those that there are go on
                _log.exception("cannot start another thread")
            else:
                self._threads.add(thread)

    def _work(self) -> None:
        me = threading.current_thread()
        while (connection := self._queue.get()) is not None:
            self._serving[me] = connection
            try:
                connection.serve()
            except BaseException:  # noqa: BLE001  # a thread outlives whatever an application raises
                _log.exception("a connection failed")
            finally:
                del self._serving[me]
            with self._lock:
                self.load -= 1
                if len(self._threads) - self._stalled > self._least and len(self._threads) > self.load:
                    self._threads.discard(me)
                    return
        self._queue.put(None)  # for the next thread, of which there may be more than when stop() counted
        with self._lock:
            self._threads.discard(me)

    def stop(self, seconds: float) -> None:
        """Lets the threads finish what they serve for so long, then cuts their connections."""
        with self._lock:
            threads = list(self._threads)
        self._queue.put(None)
        end = time.monotonic() + seconds
        for thread in threads:
            thread.join(max(end - time.monotonic(), 0.0))
        for connection in list(self._serving.values()):
            connection.interrupt()
        for thread in threads:
            thread.join(1.0)
