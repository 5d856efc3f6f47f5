"""Where all idle connections wait: accepts, hands over those with bytes, ends those out of time."""

from __future__ import annotations

import errno
import logging
import os
import select
import socket
import threading
import time
from typing import TYPE_CHECKING

from davserver.serving.connections import Connection
from davserver.serving.wire import Wire

if TYPE_CHECKING:
    from davserver.serving.server import Server

_log = logging.getLogger("davserver.serving")
_ONCE = select.EPOLLONESHOT
_NO_ROOM = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})


class Arrivals:
    """Stands in for cheroot's connection manager: `run`, `stop`, `put`, `close` are what its server calls.

    A connection is either parked here (armed once in epoll) or served by one thread, never both.
    """

    def __init__(self, server: Server, listener: socket.socket) -> None:
        listener.setblocking(False)
        self._server = server
        self._listener = listener
        self._connections: dict[int, Connection] = {}
        self._epoll = select.epoll()
        self._bell = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self._epoll.register(self._bell, select.EPOLLIN)
        self._epoll.register(listener, select.EPOLLIN)
        self._listening = True
        self._stopping = False
        self._polling = threading.Lock()
        self._interval, self._looked = 0.5, time.monotonic()
        self._ended = threading.Event()
        self._ended.set()

    def __len__(self) -> int:
        return len(self._connections)

    def run(self, interval: float) -> None:
        """Lets the crew poll, and watches over it, until stop(); `interval`: seconds between looks at the deadlines."""
        crew = self._server.crew
        self._interval = interval
        self._ended.clear()
        try:
            crew.lead(self._poll)
            while not self._stopping:
                crew.watch(interval)
            self._take_leave()
        finally:
            self._ended.set()

    def _poll(self) -> list[Connection]:
        """Connections that have something to be served; also ends those whose time is up."""
        ready = self._turn(self._interval)
        now = time.monotonic()
        if now - self._looked >= self._interval:
            self._looked = now
            self._look(now)
        return ready

    def _take_leave(self) -> None:
        """Serves what has arrived and what arrives in a moment; new peers find the door closed, or our successor.

        A peer that keeps its connection busy sees its end announced (RFC 9112 §9.6) and never a request cut off.
        """
        self._hand_over(0)
        self._epoll.unregister(self._listener)
        self._listener.close()
        end = time.monotonic() + self._server.limits.farewell_seconds
        while (left := end - time.monotonic()) > 0 and any(one.expectant for one in list(self._connections.values())):
            self._hand_over(min(left, 0.02))  # those that are served now end, or come back, without an event

    def _hand_over(self, seconds: float) -> None:
        for connection in self._turn(seconds):
            self._server.crew.put(connection)

    def stop(self) -> None:
        """Ends run() and waits for its end."""
        self._stopping = True
        self._server.crew.lead(None)
        os.eventfd_write(self._bell, 1)
        self._ended.wait()

    def put(self, connection: Connection) -> None:
        """Parks a connection until its peer sends something or its deadline passes."""
        connection.parked = True
        try:
            self._epoll.modify(connection.wire.sock.fileno(), connection.wire.wants | _ONCE)
        except (OSError, ValueError):  # we have stopped meanwhile
            connection.close()

    def forget(self, connection: Connection) -> None:
        """To be called just before a connection closes."""
        self._connections.pop(connection.wire.sock.fileno(), None)
        self._server.tally.connected(len(self._connections))

    def close(self) -> None:
        """Closes all parked connections; those being served close themselves."""
        for connection in list(self._connections.values()):
            if connection.parked:
                connection.close()
        self._epoll.close()
        os.close(self._bell)

    def _turn(self, seconds: float) -> list[Connection]:
        with self._polling:
            knocked = False
            ready = []
            listener = self._listener.fileno()  # -1 once it is closed
            for descriptor, _ in self._epoll.poll(seconds):
                if descriptor == self._bell:
                    os.eventfd_read(self._bell)
                elif descriptor == listener:
                    knocked = True
                else:
                    connection = self._connections[descriptor]
                    connection.parked = False
                    ready.append(connection)
            # Last, because making room closes parked connections: no event of this turn may outlive its descriptor.
            if knocked:
                self._accept()
            return ready

    def _accept(self) -> None:
        limits = self._server.limits
        for _ in range(limits.backlog):
            try:
                sock, address = self._listener.accept()
            except BlockingIOError:
                return
            except OSError as failure:
                if failure.errno in _NO_ROOM:
                    _log.warning("cannot accept: %s", failure)
                    self._make_room()
                    self._listen(False)
                    return
                continue  # this one peer has gone already
            if len(self._connections) >= limits.connections:
                self._make_room()
            self._welcome(sock, address)

    def _welcome(self, sock: socket.socket, address: tuple[str, int]) -> None:
        sock.setblocking(False)
        if self._server.tls is not None:
            try:
                sock = self._server.tls.wrap(sock)
            except OSError:
                sock.close()
                return
        wire = Wire(sock, self._server.limits, self._server.crew.stalled)
        connection = Connection(self._server, wire, address)
        connection.parked = True
        self._connections[sock.fileno()] = connection
        self._server.tally.connected(len(self._connections))
        self._epoll.register(sock.fileno(), wire.wants | _ONCE)

    def _listen(self, wanted: bool) -> None:
        self._epoll.modify(self._listener, select.EPOLLIN if wanted else 0)
        self._listening = wanted

    def _make_room(self) -> None:
        parked = [connection for connection in self._connections.values() if connection.parked]
        if parked:
            min(parked, key=lambda connection: connection.deadline).expire()

    def _look(self, now: float) -> None:
        for connection in list(self._connections.values()):
            if connection.parked and connection.deadline <= now:
                connection.expire()
        if not self._listening:
            self._listen(True)
