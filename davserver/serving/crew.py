"""Threads that serve connections: one leads, and others join it while it is stuck.

The leader waits for connections and serves them itself, one after the other, so that a busy process hands nothing from
thread to thread: under one interpreter lock that would cost more than most answers. Who waits for a slow peer, or is
still at the same answer when the watchman comes by, loses the lead to another thread.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Protocol

_log = logging.getLogger("davserver.serving")
PATIENCE = 0.005
"""Seconds after which the watchman looks again whether the leader has got any further.

Longer than a change takes that waits for its turn to write: two writers of one process wait for each other at each
statement, so that both are slower than one after the other.
"""
DROWSY_AFTER = 100
"""Looks in vain after which he sleeps until there is work."""


class Served(Protocol):
    """What a thread takes up: serves itself once and then goes where it belongs."""

    def serve(self) -> None: ...
    def interrupt(self) -> None: ...


Poll = Callable[[], Iterable[Served]]
"""Waits for connections that have something to be served; returns soon after it is woken, also with none."""


class Crew:
    """At most `least` threads work at a time; those inside `stalled()` do not count, up to `most` in all.

    So a hundred peers that send or read slowly cost a hundred sleeping threads, and nobody else waits for them.
    """

    def __init__(self, least: int, most: int) -> None:
        self._least = least
        self._most = max(most, least)
        self._poll: Poll | None = None
        self._lock = threading.Lock()
        self._free = threading.Condition(self._lock)
        self._threads: set[threading.Thread] = set()
        self._serving: dict[threading.Thread, Served] = {}
        self._ready: deque[Served] = deque()
        self._leader: threading.Thread | None = None
        self._waiting = self._stalled = 0
        self._begun = self._seen = self._idle_looks = 0
        self._over = False
        self._work_begins = threading.Event()
        self._watchman_sleeps = False

    def start(self) -> None:
        """Nothing to do: threads come with the work."""

    def lead(self, poll: Poll | None) -> None:
        """From now on the leader asks `poll` for more; with None it serves only what is put, and the watchman wakes."""
        with self._lock:
            self._poll = poll
            self._call()
        self._work_begins.set()

    def put(self, connection: Served) -> None:
        """A connection that nobody polled."""
        with self._lock:
            self._ready.append(connection)
            self._call()

    @contextmanager
    def stalled(self) -> Iterator[None]:
        """Brackets a wait for a peer."""
        with self._lock:
            self._stalled += 1
            if self._leader is threading.current_thread():
                self._leader = None
            self._call()
        try:
            yield
        finally:
            with self._lock:
                self._stalled -= 1

    @property
    def load(self) -> int:
        """How many connections are being served or wait for a thread."""
        return len(self._serving) + len(self._ready)

    @property
    def threads(self) -> int:
        """How many threads there are now."""
        return len(self._threads)

    def watch(self, seconds: float) -> None:
        """The watchman's next look: soon while there is work, else when it begins or after so many seconds."""
        if self._idle_looks > DROWSY_AFTER:
            self._watchman_sleeps = True
            if not self._serving:
                self._work_begins.wait(seconds)
                self._work_begins.clear()
            self._watchman_sleeps = False
        time.sleep(PATIENCE)
        leader, begun = self._leader, self._begun
        self._idle_looks = self._idle_looks + 1 if begun == self._seen else 0
        if begun == self._seen and leader in self._serving:
            with self._lock:
                if begun == self._begun and self._leader is leader:
                    self._leader = None
                    self._call()
        self._seen = begun

    def _call(self) -> None:
        """Wakes or starts a thread to lead, if nobody does and one may; called with the lock held."""
        if self._leader is not None or not self._may_work():
            return
        if self._waiting:
            self._free.notify()
        elif len(self._threads) < self._most:
            thread = threading.Thread(target=self._work, name=f"serving-{len(self._threads)}", daemon=True)
            try:
                thread.start()
            except RuntimeError:  # the system has no more threads; those that there are go on
                _log.exception("cannot start another thread")
            else:
                self._threads.add(thread)

    def _may_work(self) -> bool:
        return len(self._serving) - self._stalled < self._least and (self._poll is not None or bool(self._ready))

    def _work(self) -> None:
        me = threading.current_thread()
        while self._takes_lead(me):
            try:
                self._lead(me)
            except BaseException:  # noqa: BLE001  # a thread outlives whatever polling raises
                _log.exception("waiting for connections failed")
                time.sleep(PATIENCE)
            with self._lock:
                if self._leader is me:
                    self._leader = None

    def _takes_lead(self, me: threading.Thread) -> bool:
        """Waits until this thread leads; False when it is not needed any more."""
        with self._lock:
            while self._leader is not None or not self._may_work():
                if (self._over and not self._ready) or self._waiting >= self._least:
                    self._threads.discard(me)
                    return False
                self._waiting += 1
                self._free.wait()
                self._waiting -= 1
            self._leader = me
            return True

    def _lead(self, me: threading.Thread) -> None:
        """Serves one connection after the other until somebody else leads."""
        ready, serving = self._ready, self._serving
        while self._leader is me:
            if not ready:
                poll = self._poll
                if poll is None:
                    return
                ready.extend(poll())
                continue
            connection = serving[me] = ready.popleft()
            self._begun += 1
            if self._watchman_sleeps:
                self._work_begins.set()
            try:
                connection.serve()
            except BaseException:  # noqa: BLE001  # a thread outlives whatever an application raises
                _log.exception("a connection failed")
            finally:
                del serving[me]

    def stop(self, seconds: float) -> None:
        """Lets the threads finish what they serve for so long, then cuts their connections."""
        with self._lock:
            self._over, self._poll = True, None
            self._free.notify_all()
            threads = list(self._threads)
        end = time.monotonic() + seconds
        for thread in threads:
            thread.join(max(end - time.monotonic(), 0.0))
        for connection in list(self._serving.values()):
            connection.interrupt()
        for thread in threads:
            thread.join(1.0)
