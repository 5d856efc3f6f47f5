"""One peer's socket: reads and writes whole pieces, waits with a minimum rate, plain or TLS."""

from __future__ import annotations

import select
import socket
import ssl
import struct
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, suppress

from davserver.serving.limits import Limits

Stalled = Callable[[], AbstractContextManager[None]]
_JOIN_BYTES = 64 * 1024


class PeerGone(OSError):  # noqa: N818
    """The peer closed or reset the connection while we wrote or read."""


class PeerTooSlow(PeerGone):
    """The peer moved less than the minimum rate."""


class BrokenOff(PeerGone):
    """We gave up in the midst of an answer; the peer is to be gone."""


class Pace:
    """How much moved while we waited for the peer; only waiting counts, so a slow server never blames its peer."""

    __slots__ = ("_limits", "_mark", "_waited")

    def __init__(self, limits: Limits, mark: int) -> None:
        self._limits = limits
        self._waited = 0.0
        self._mark = mark

    def left(self) -> float:
        """Seconds until the rate is judged."""
        return max(self._limits.rate_seconds - self._waited, 0.0)

    def waited(self, seconds: float, moved: int) -> None:
        """Adds a wait; `moved` counts all bytes so far. Raises PeerTooSlow."""
        self._waited += seconds
        if self._waited < self._limits.rate_seconds:
            return
        if moved - self._mark < self._limits.rate_bytes * self._limits.rate_seconds:
            raise PeerTooSlow("the peer is too slow")
        self._waited, self._mark = 0.0, moved


class Wire:
    """A non-blocking socket; `stalled` brackets every wait so that another thread can work meanwhile."""

    __slots__ = (
        "_broken",
        "_limits",
        "_pace_in",
        "_pace_out",
        "_received",
        "_sent",
        "_stalled",
        "_told",
        "read_by",
        "sock",
        "tls",
        "wants",
    )

    def __init__(self, sock: socket.socket, limits: Limits, stalled: Stalled) -> None:
        self.sock = sock
        self.tls = isinstance(sock, ssl.SSLSocket)
        self.wants = select.EPOLLIN
        self.read_by: float | None = None
        self._broken = False
        self._limits = limits
        self._stalled = stalled
        self._received = self._sent = 0
        self._told = (0, 0)
        self._pace_in = Pace(limits, 0)
        self._pace_out = Pace(limits, 0)

    def handshake(self) -> bool:
        """One step of the TLS handshake; False while the peer owes bytes. Raises PeerGone."""
        if not isinstance(self.sock, ssl.SSLSocket):
            return True
        self.wants = select.EPOLLIN
        try:
            self.sock.do_handshake()
        except ssl.SSLWantReadError:
            return False
        except ssl.SSLWantWriteError:
            self.wants = select.EPOLLOUT
            return False
        except (OSError, ValueError) as failure:
            raise PeerGone(str(failure)) from failure
        # TLS 1.3 suites cannot be chosen through this Python's ssl module, so the result is judged (TR-02102-2 §3.4).
        suite = self.sock.cipher()
        if suite is None or "AES" not in suite[0]:
            raise PeerGone("the peer offers no AES-GCM suite")
        return True

    def pending(self) -> bool:
        """Whether decrypted bytes wait in memory where no poll can see them."""
        return isinstance(self.sock, ssl.SSLSocket) and self.sock.pending() > 0

    def receive(self, most: int) -> bytes | None:
        """What has arrived, at most `most` bytes; None if nothing yet, b"" at the end. Raises PeerGone."""
        try:
            got = self.sock.recv(most)
        except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
            return None
        except (OSError, ValueError) as failure:
            raise PeerGone(str(failure)) from failure
        self._received += len(got)
        return got

    def begin_body(self) -> None:
        """Starts judging the peer's pace afresh."""
        self._pace_in = Pace(self._limits, self._received)

    def read(self, most: int) -> bytes:
        """Waits for bytes; b"" at the end. Raises PeerTooSlow, PeerGone."""
        while True:
            got = self.receive(most)
            if got is not None:
                return got
            seconds = self._pace_in.left()
            if self.read_by is not None:
                if self.read_by <= time.monotonic():
                    raise PeerTooSlow("the peer is too slow")
                seconds = min(seconds, self.read_by - time.monotonic())
            self._wait(select.POLLIN, seconds, self._pace_in, self._received)

    def send(self, *pieces: bytes) -> None:
        """Sends all pieces, small ones in one call. Raises PeerTooSlow, PeerGone."""
        left: tuple[bytes | memoryview, ...] = pieces
        if len(pieces) > 1 and (self.tls or sum(map(len, pieces)) <= _JOIN_BYTES):
            left = (b"".join(pieces),)
        while left:
            sent = self._send_some(left)
            self._sent += sent
            if len(left) == 1 and sent == len(left[0]):
                return
            left = _after(left, sent)
            if left and not sent:
                self._wait(select.POLLOUT, self._pace_out.left(), self._pace_out, self._sent)

    def moved(self) -> tuple[int, int]:
        """Bytes received and sent since this was asked last."""
        (received, sent), self._told = self._told, (self._received, self._sent)
        return self._received - received, self._sent - sent

    def offer(self, piece: bytes) -> None:
        """Sends what the kernel takes at once, without ever waiting."""
        with suppress(PeerGone):
            self._send_some((piece,))

    def _send_some(self, pieces: tuple[bytes | memoryview, ...]) -> int:
        try:
            return self.sock.send(pieces[0]) if len(pieces) == 1 else self.sock.sendmsg(pieces)
        except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
            return 0
        except (OSError, ValueError) as failure:
            raise PeerGone(str(failure)) from failure

    def _wait(self, event: int, seconds: float, pace: Pace, moved: int) -> None:
        begin = time.monotonic()
        with self._stalled():
            waiting = select.poll()
            try:
                waiting.register(self.sock, event)
            except ValueError as failure:
                raise PeerGone("the connection is closed") from failure
            waiting.poll(seconds * 1000 + 1)
        pace.waited(time.monotonic() - begin, moved)

    def finish(self) -> None:
        """Says that nothing more will be sent; the peer may still be read."""
        with suppress(OSError, ValueError):
            if isinstance(self.sock, ssl.SSLSocket):
                self.sock.unwrap()  # sends close_notify, then would wait for the peer's: that wait is not ours
        with suppress(OSError):
            socket.socket.shutdown(self.sock, socket.SHUT_WR)

    def reset(self) -> None:
        """Makes close() a reset, without a farewell of TLS, so that no peer takes a cut answer for a whole one."""
        self._broken = True
        with suppress(OSError):
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    def close(self) -> None:
        """Closes the socket."""
        with suppress(OSError, ValueError):
            if isinstance(self.sock, ssl.SSLSocket) and not self._broken:
                self.sock.unwrap()
        self.sock.close()

    def interrupt(self) -> None:
        """Ends every wait of another thread on this socket."""
        with suppress(OSError):
            socket.socket.shutdown(self.sock, socket.SHUT_RDWR)


def _after(pieces: tuple[bytes | memoryview, ...], sent: int) -> tuple[memoryview, ...]:
    left = []
    for piece in pieces:
        if sent < len(piece):
            left.append(memoryview(piece)[sent:])
        sent = max(sent - len(piece), 0)
    return tuple(left)
