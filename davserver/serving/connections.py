"""One connection: collects heads without waiting for them, serves requests, and knows how it must end."""

from __future__ import annotations

import logging
import re
import time
from dataclasses import replace
from typing import TYPE_CHECKING

from davserver.serving.bodies import Body, SizedBody, body_of
from davserver.serving.repeats import LONGEST_WORDS, REPEAT, Repeat
from davserver.serving.requests import Head, Refused, check_beginning, parse_head
from davserver.serving.responses import App, Environ, Response, plain_answer
from davserver.serving.wire import PeerGone, Wire

if TYPE_CHECKING:
    from davserver.serving.server import Server

_log = logging.getLogger("davserver.serving")
_READ_BYTES = 16 * 1024
_RANGE = re.compile(rb"\r\nRange:[ \t]*([\t -~\x80-\xff]*)(?=\r\n)", re.IGNORECASE)


class Connection:
    """Served by one thread at a time; between requests it waits in Arrivals and holds no thread."""

    __slots__ = (
        "_address",
        "_arrived",
        "_checked",
        "_environ",
        "_linger_bytes",
        "_lingering",
        "_served",
        "_server",
        "_shaken",
        "deadline",
        "parked",
        "wire",
    )

    def __init__(self, server: Server, wire: Wire, address: tuple[str, int]) -> None:
        self.wire = wire
        self.deadline = time.monotonic() + server.limits.head_seconds
        self.parked = False
        self._server = server
        self._address = address[0].encode()
        self._environ: Environ = {**server.environ, "REMOTE_ADDR": address[0], "REMOTE_PORT": str(address[1])}
        self._arrived = b""
        self._checked = 0
        self._shaken = not wire.tls
        self._served = False
        self._lingering = False
        self._linger_bytes = server.limits.linger_bytes

    def serve(self) -> None:
        """Does what the arrived bytes allow, then waits for more in Arrivals, or closes."""
        stays = False
        try:
            stays = self._advance()
        except PeerGone:
            pass
        finally:
            if stays:
                self._server.put_conn(self)
            else:
                self.close()

    @property
    def expectant(self) -> bool:
        """Whether it may still carry a request; else it only waits for its peer's end."""
        return not self._lingering

    def expire(self) -> None:
        """Ends a waiting connection whose time is up: 408 if a head had begun, else silently."""
        if self._arrived and not self._lingering:
            self.wire.offer(
                plain_answer("408 Request Timeout", "The request head came too slowly.", self._server.date())
            )
        self.close()

    def interrupt(self) -> None:
        """Ends every wait of the thread that serves this connection."""
        self.wire.interrupt()

    def close(self) -> None:
        """Ends the connection."""
        self._server.forget(self)
        self.wire.close()

    def _advance(self) -> bool:
        if self._lingering:
            return self._discard()
        if not self._shaken:
            if not self.wire.handshake():
                return True
            self._shaken = True
        while True:
            try:
                block = self._next_head()
                if block is None:
                    return True
                words, wanted = self._words(block, self._arrived)
                keeps = self._again(words, wanted)
                if keeps is None:
                    keeps = self._answer(parse_head(block, self._server.limits), words, wanted)
            except Refused as refusal:
                return self._refuse(refusal)
            if not keeps:
                return self._linger()
            if not self._arrived and not self.wire.pending():
                return True

    def _next_head(self) -> bytes | None:
        """The next head with its empty line; None if it is not all there. Raises Refused, PeerGone at the end."""
        while True:
            if self._arrived:
                if self._arrived[:2] == b"\r\n":  # RFC 9112 §2.2: one empty line before a request is ignored
                    self._arrived = self._arrived[2:]
                end = self._arrived.find(b"\r\n\r\n", max(self._checked - 3, 0))
                if end >= 0:
                    block, self._arrived = self._arrived[: end + 4], self._arrived[end + 4 :]
                    self._checked = 0
                    return block
                check_beginning(self._arrived, self._checked, self._server.limits)
                self._checked = len(self._arrived)
            more = self.wire.receive(_READ_BYTES)
            if more is None:
                return None
            if not more:
                raise PeerGone("end of stream")
            if self._served and not self._arrived:
                self.deadline = time.monotonic() + self._server.limits.head_seconds
            self._arrived += more

    def _again(self, words: bytes, wanted: str) -> bool | None:
        """Answers what came before, word for word, if it would be answered so again (record 78); else None.

        Whether another request may follow.
        """
        server, began = self._server, time.monotonic()
        kept = server.repeats.find(words) if words else None
        if kept is None or not server.may_keep():
            return None
        self._arrived = b""
        if isinstance(kept.answer, Head):
            assert kept.repeat.part is not None
            environ = {"REQUEST_METHOD": kept.answer.method, "HTTP_RANGE": wanted}
            return self._respond(kept.answer, SizedBody(self.wire, b"", kept.answer), kept.repeat.part, environ).keeps
        try:
            kept.repeat.tell(server.numbers.next(), time.monotonic() - began)
            self.wire.send(*kept.answer.again(server.date()))
        finally:
            seconds = time.monotonic() - began
            server.tally.answered(kept.answer.method, kept.answer.status, seconds, *self.wire.moved())
        self._rest(server.limits.idle_seconds)
        return True

    def _words(self, block: bytes, body: bytes) -> tuple[bytes, str]:
        """Who says what, beside the part that is wanted of a document, and that part; nothing of what is too long.

        Nothing else of a request reaches the application, but its number.
        """
        if len(block) + len(body) > LONGEST_WORDS:
            return b"", ""
        words = self._server.repeats.words
        wanted = None if body else _RANGE.search(block)
        if wanted is None:
            return words(b"%s\n%s%s" % (self._address, block, body)), ""
        rest = block[: wanted.start()] + block[wanted.end() :]
        return words(b"%s\nRange\n%s" % (self._address, rest)), wanted[1].decode("latin-1").strip(" \t")

    def _answer(self, head: Head, words: bytes, wanted: str) -> bool:
        """Serves one request, which may be known again by its `words`; whether another may follow."""
        is_all = not head.chunked and len(self._arrived) == head.length
        body = body_of(head, self.wire, self._arrived)
        environ = {
            **self._environ,
            **head.fields,
            "REQUEST_METHOD": head.method,
            "REQUEST_URI": head.target,
            "PATH_INFO": head.path,
            "QUERY_STRING": head.query,
            "SERVER_PROTOCOL": "HTTP/1.1" if head.http11 else "HTTP/1.0",
            "wsgi.input": body,
        }
        response = self._respond(head, body, self._server.app, environ)
        repeat: Repeat | None = environ.get(REPEAT)
        if repeat is not None and words and is_all:
            self._keep(words, wanted, head, repeat, response)
        return response.keeps

    def _respond(self, head: Head, body: Body, app: App, environ: Environ) -> Response:
        server, began = self._server, time.monotonic()
        environ["gremium.request_id"] = server.numbers.next()
        response = Response(self.wire, head, body, limits=server.limits, date=server.date(), may_keep=server.may_keep)
        try:
            response.run(app, environ)
        finally:
            server.tally.answered(head.method, response.status, time.monotonic() - began, *self.wire.moved())
        self._arrived = body.leftover
        self._rest(server.limits.head_seconds if self._arrived else server.limits.idle_seconds)
        return response

    def _rest(self, patience: float) -> None:
        self._served = True
        self.deadline = time.monotonic() + patience

    def _keep(self, words: bytes, wanted: str, head: Head, repeat: Repeat, response: Response) -> None:
        """What the application has offered: to give the answer again, or other parts of the same document."""
        repeats, whole = self._server.repeats, response.whole()
        if wanted and repeat.part is not None and response.keeps:
            repeats.keep(words, repeat, replace(head, fields={}), 0)  # without its fields, as a password is among them
        elif not wanted and whole is not None:
            repeats.keep(words, repeat, whole, len(whole.body))

    def _refuse(self, refusal: Refused) -> bool:
        _log.info("refused a request from %s: %s", self._environ["REMOTE_ADDR"], refusal)
        self.wire.send(plain_answer(refusal.status, str(refusal), self._server.date()))
        self._server.tally.answered("other", int(refusal.status[:3]), 0.0, *self.wire.moved())
        return self._linger()

    def _linger(self) -> bool:
        """Stops sending, but reads a little on: closing over unread bytes would reset the answer away."""
        self.wire.finish()
        self._arrived = b""
        self._lingering = True
        self.deadline = time.monotonic() + self._server.limits.linger_seconds
        return self._discard()

    def _discard(self) -> bool:
        while self._linger_bytes > 0:
            gone = self.wire.receive(64 * 1024)
            if gone is None:
                return True
            if not gone:
                return False
            self._linger_bytes -= len(gone)
        return False
