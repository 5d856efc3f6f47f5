"""A client of bytes: sends exactly what a test says and returns exactly what comes back."""

from __future__ import annotations

import re
import socket
import time
from contextlib import suppress
from dataclasses import dataclass

HOST = "127.0.0.1"


@dataclass(frozen=True)
class Answer:
    """One parsed answer; `body` as framed by Content-Length, or chunked and decoded."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def closes(self) -> bool:
        return self.headers.get("connection", "") == "close"


class Peer:
    """One connection."""

    def __init__(self, port: int, seconds: float = 10.0) -> None:
        self.sock = socket.create_connection((HOST, port), timeout=seconds)
        self._arrived = b""

    def __enter__(self) -> Peer:
        return self

    def __exit__(self, *_: object) -> None:
        self.sock.close()

    def send(self, *pieces: bytes) -> None:
        self.sock.sendall(b"".join(pieces))

    def done_sending(self) -> None:
        self.sock.shutdown(socket.SHUT_WR)

    def answer(self, *, head_only: bool = False) -> Answer:
        """The next answer; `head_only` for HEAD."""
        block = self._until(b"\r\n\r\n").decode("latin-1")
        status_line, *lines = block.split("\r\n")[:-2]
        match = re.fullmatch(r"HTTP/1\.1 ([0-9]{3}) .*", status_line)
        assert match, status_line
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        status = int(match[1])
        if head_only or status < 200 or status in (204, 304):
            return Answer(status, headers, b"")
        if headers.get("transfer-encoding") == "chunked":
            return Answer(status, headers, self._chunks())
        if "content-length" not in headers:
            return Answer(status, headers, self.rest())
        return Answer(status, headers, self._exactly(int(headers["content-length"])))

    def rest(self) -> bytes:
        """All further bytes until the server closes; a reset counts as its end."""
        try:
            while more := self.sock.recv(65536):
                self._arrived += more
        except ConnectionError:
            pass
        got, self._arrived = self._arrived, b""
        return got

    def ends_in_order(self) -> bool:
        """Reads on to the end; False if that is a reset."""
        try:
            while self.sock.recv(65536):
                pass
        except ConnectionResetError:
            return False
        return True

    def closed_within(self, seconds: float) -> bool:
        """Whether the server ends the connection without another byte."""
        self.sock.settimeout(seconds)
        try:
            return self.rest() == b""
        except TimeoutError:
            return False

    def silent_for(self, seconds: float) -> bool:
        """Whether nothing comes for so long."""
        self.sock.settimeout(seconds)
        try:
            self._arrived += self.sock.recv(1)
        except TimeoutError:
            return True
        finally:
            self.sock.settimeout(10)
        return False

    def _until(self, mark: bytes) -> bytes:
        while mark not in self._arrived:
            self._arrived += self._receive()
        end = self._arrived.index(mark) + len(mark)
        got, self._arrived = self._arrived[:end], self._arrived[end:]
        return got

    def _exactly(self, count: int) -> bytes:
        pieces, missing = [self._arrived], count - len(self._arrived)
        while missing > 0:
            pieces.append(self._receive())
            missing -= len(pieces[-1])
        whole = b"".join(pieces)
        self._arrived = whole[count:]
        return whole[:count]

    def _chunks(self) -> bytes:
        body = b""
        while size := int(self._until(b"\r\n"), 16):
            body += self._exactly(size)
            assert self._exactly(2) == b"\r\n"
        assert self._exactly(2) == b"\r\n"
        return body

    def _receive(self) -> bytes:
        more = self.sock.recv(1 << 20)
        if not more:
            raise EOFError(f"the connection ended after {self._arrived[:1000]!r}")
        return more


def request(method: str, path: str, *fields: str, body: bytes = b"") -> bytes:
    """A good request; `fields` are whole lines."""
    lines = [f"{method} {path} HTTP/1.1", "Host: test", *fields]
    if body:
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + body


def chunked(*pieces: bytes) -> bytes:
    """A chunked body."""
    return b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"


def eventually(condition: object, seconds: float = 5.0) -> bool:
    """Whether `condition()` becomes true in time."""
    assert callable(condition)
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.01)
    return bool(condition())


class Line:
    """A line to one server that is taken up anew whenever the server has hung up."""

    def __init__(self, port: int, seconds: float = 10.0) -> None:
        self._port, self._seconds = port, seconds
        self._peer: Peer | None = None

    def __enter__(self) -> Line:
        return self

    def __exit__(self, *_: object) -> None:
        self.hang_up()

    def hang_up(self) -> None:
        if self._peer is not None:
            self._peer.sock.close()
            self._peer = None

    def ask(self, sent: bytes, *, head_only: bool = False) -> Answer:
        """The answer to one request. A kept connection may end at any time, so that one is asked once more."""
        kept = self._peer is not None
        try:
            return self._exchange(sent, head_only=head_only)
        except (EOFError, ConnectionError):
            self.hang_up()
            if not kept:
                raise
        return self._exchange(sent, head_only=head_only)

    def _exchange(self, sent: bytes, *, head_only: bool) -> Answer:
        if self._peer is None:
            self._peer = Peer(self._port, self._seconds)
        with suppress(ConnectionError):  # refused while it was still being sent; the answer says why
            self._peer.send(sent)
        answer = self._peer.answer(head_only=head_only)
        while answer.status < 200:  # 100, to a client that expects it
            answer = self._peer.answer(head_only=head_only)
        if answer.closes:
            self.hang_up()
        return answer
