"""Runs the WSGI application for one request and writes its answer (PEP 3333, RFC 9112 §6, RFC 9110 §6.4)."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterable
from types import TracebackType
from typing import Any, NamedTuple

from davserver.serving.bodies import Body
from davserver.serving.limits import Limits
from davserver.serving.requests import Head, IncompleteBody
from davserver.serving.wire import BrokenOff, PeerGone, Wire

Environ = dict[str, Any]
ExcInfo = tuple[type[BaseException], BaseException, TracebackType] | tuple[None, None, None]
StartResponse = Callable[..., Callable[[bytes], object]]
App = Callable[[Environ, StartResponse], Iterable[bytes]]

_log = logging.getLogger("davserver.serving")
STATUS = re.compile(r"[2-5][0-9]{2} [\t -~\x80-\xff]*")
_BODILESS = frozenset({"204", "304"})
_SHORT_BYTES = 16 * 1024
"""A body of no more goes out together with its head."""
_OURS_TO_SAY = frozenset({"content-length", "connection", "transfer-encoding", "date", "server"})


def plain_answer(status: str, sentence: str, date: str, *, with_body: bool = True) -> bytes:
    """A whole small answer after which the connection closes."""
    body = sentence.encode("utf-8") + b"\n"
    head = (
        f"HTTP/1.1 {status}\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: {len(body)}\r\n"
        f"Date: {date}\r\nConnection: close\r\n\r\n"
    )
    return head.encode("latin-1") + (body if with_body else b"")


class Whole(NamedTuple):
    """An answer that went out in one piece and left the connection open, to be given again."""

    method: str
    status: int
    head: bytes
    """Up to where the date is to stand."""
    body: bytes

    def again(self, date: str) -> tuple[bytes, bytes]:
        """Its head and its body as of now."""
        return b"%s%s\r\n\r\n" % (self.head, date.encode("latin-1")), self.body


class Response:
    """One answer; `keeps` says afterwards whether the connection can carry another request."""

    def __init__(
        self, wire: Wire, head: Head, body: Body, *, limits: Limits, date: str, may_keep: Callable[[], bool]
    ) -> None:
        self.keeps = head.keep_alive
        self._may_keep = may_keep
        self._wire = wire
        self._head = head
        self._body = body
        self._limits = limits
        self._date = date
        self._status = ""
        self._lines: list[str] = []
        self._declared: str | None = None
        self._sent_head = self._sent_all = False
        self._left: int | None = None
        self._chunked = False
        self._silent = head.method == "HEAD"
        self._whole: tuple[bytes, list[bytes]] | None = None

    def run(self, app: App, environ: Environ) -> None:
        """Serves it; an error of the application becomes a 500 or, once bytes are out, a reset.

        Raises PeerGone, also where the peer is to be gone: an answer that is not whole must not come to an end in
        order, which would make a whole one of it where no length was told (RFC 9112 §6.3).
        """
        try:
            result = app(environ, self.start_response)
            try:
                self._deliver(result)
                self._sent_all = True
            finally:
                close = getattr(result, "close", None)
                if close is not None:
                    close()
        except PeerGone:
            if self._sent_head:
                self._wire.reset()
            raise
        except IncompleteBody as failure:
            self._fail(failure.status, str(failure))
        except Exception:  # noqa: BLE001  # it is logged, and its text must not reach the peer
            number = environ["gremium.request_id"]
            _log.exception("request %s failed", number)
            self._fail("500 Internal Server Error", f"The server failed. Please report the number {number}.")

    @property
    def status(self) -> int:
        """Of the answer as far as there is one, else 0."""
        return int(self._status[:3] or 0)

    def whole(self) -> Whole | None:
        """The answer, if it went out in one piece and another request may follow."""
        if self._whole is None:
            return None
        block, pieces = self._whole
        return Whole(self._head.method, self.status, block[: -len(self._date) - 4], b"".join(pieces))

    def start_response(
        self, status: str, headers: list[tuple[str, str]], raised: ExcInfo | None = None
    ) -> Callable[[bytes], object]:
        """PEP 3333; a second call needs `raised`, a sys.exc_info(), and raises it once the head is out."""
        if raised is not None:
            if self._sent_head and raised[1] is not None:
                raise raised[1]
        elif self._status:
            raise RuntimeError("start_response was called twice")
        if not STATUS.fullmatch(status):
            raise ValueError("the status line is malformed")
        self._status = status
        self._silent = self._head.method == "HEAD" or status[:3] in _BODILESS
        self._read(headers)
        return self._write

    def _read(self, headers: list[tuple[str, str]]) -> None:
        """Takes what the application says of framing and the connection out of the lines of the head."""
        self._lines, self._declared = [f"HTTP/1.1 {self._status}"], None
        for name, value in headers:
            lowered = name.lower()
            if lowered not in _OURS_TO_SAY:
                self._lines.append(f"{name}: {value}")
            elif lowered == "content-length":
                self._declared = value
            elif lowered == "connection":
                self.keeps = self.keeps and value.lower() != "close"

    def _deliver(self, result: Iterable[bytes]) -> None:
        if isinstance(result, (list, tuple)) and not self._sent_head:
            self._send_head(list(result), whole=True)
            return
        pieces = iter(result)
        # A lazy application calls start_response only when its first piece is asked for.
        first = b"" if self._status else next(pieces, b"")
        if self._silent:
            if not self._sent_head:
                self._send_head([], whole=True)
            return
        if not first and not self._sent_head and int(self._declared or 0) > _SHORT_BYTES:
            self._send_head([], whole=False)  # it is on its way while the first piece is read
        if first:
            self._write(first)
        for piece in pieces:
            if piece:
                self._write(piece)
        self._end()

    def _end(self) -> None:
        if not self._sent_head:
            self._send_head([], whole=True)
        if self._left:
            raise ValueError("the body is shorter than its Content-Length")
        if self._chunked:
            self._wire.send(b"0\r\n\r\n")

    def _write(self, piece: bytes) -> None:
        if not self._sent_head:
            # Frameworks hand out short pages one by one, too: the head and a whole body go out together.
            self._send_head([piece], whole=self._declared == str(len(piece)))
        elif not self._silent:
            self._wire.send(*self._framed([piece]))

    def _framed(self, pieces: list[bytes]) -> list[bytes]:
        """The pieces as they go onto the wire; never more than the Content-Length promised."""
        if self._chunked:
            return [b"%x\r\n" % sum(map(len, pieces)), *pieces, b"\r\n"]
        if self._left is not None:
            self._left -= sum(map(len, pieces))
            if self._left < 0:
                raise ValueError("the body is longer than its Content-Length")
        return pieces

    def _send_head(self, pieces: list[bytes], *, whole: bool) -> None:
        """Sends the head together with the first pieces; `whole` if they are the entire body."""
        if not self._status:
            raise RuntimeError("the application did not call start_response")
        self.keeps = self.keeps and self._may_keep()
        self.keeps = self.keeps and (self._body.skip(self._limits) if whole else self._body.complete)
        self._body.awaits_continue = False  # after a final status there is no 100
        lines = [*self._lines, *self._framing(sum(map(len, pieces)) if whole else None)]
        # Names and values of the application must not be able to add lines of their own.
        text = "\r\n".join(lines)
        if text.count("\n") != len(lines) - 1 or text.count("\r") != len(lines) - 1:
            raise ValueError("a header field of the answer contains a line break")
        block = text.encode("latin-1")
        framed = self._framed(pieces) if pieces and not self._silent else []
        if whole and self._left and not self._silent:
            raise ValueError("the body is shorter than its Content-Length")
        self._sent_head = True
        self._wire.send(block, *framed)
        if whole and self.keeps:
            self._whole = block, framed

    def _framing(self, length: int | None) -> list[str]:
        """The head's last lines; `length` is the body's, if known. Decides framing and whether the connection stays."""
        declared, lines = self._declared, []
        if declared is None and length is not None and not self._silent:
            declared = str(length)
        if declared is not None and self._status[:3] != "204":
            self._left = int(declared)
            lines.append(f"Content-Length: {declared}")
        elif not self._silent:
            if self._head.http11:
                self._chunked = True
                lines.append("Transfer-Encoding: chunked")
            else:
                self.keeps = False
        if not self.keeps:
            lines.append("Connection: close")
        elif not self._head.http11:
            lines.append("Connection: keep-alive")
        lines += (f"Date: {self._date}", "", "")
        return lines

    def _fail(self, status: str, sentence: str) -> None:
        self.keeps = False
        if self._sent_head:
            if not self._sent_all:
                self._wire.reset()
                raise BrokenOff("the answer failed in its midst")
        else:
            self._sent_head, self._status = True, status
            self._wire.send(plain_answer(status, sentence, self._date, with_body=self._head.method != "HEAD"))
