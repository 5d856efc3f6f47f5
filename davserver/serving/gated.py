"""The application behind an engine that is not ours: the gate, the answer's framing, errors, counts (PEP 3333).

The engine calls with `exchange` and an environ, and takes the answer by `response_bytes` or `response_iter`.
"""

from __future__ import annotations

import logging
import re
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from itertools import chain
from typing import NamedTuple, Protocol

from davserver.serving.gate import GateBody, body_length
from davserver.serving.limits import Limits
from davserver.serving.numbers import Numbers
from davserver.serving.repeats import LONGEST_WORDS, REPEAT, Repeat, Repeats, repeats_of
from davserver.serving.requests import IncompleteBody, Refused
from davserver.serving.responses import STATUS, App, Environ, ExcInfo
from davserver.serving.tally import Tally

Headers = list[tuple[str, str]]

_log = logging.getLogger("davserver.serving")
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
_HALTING = frozenset({"HTTP_EXPECT", "HTTP_TRANSFER_ENCODING"})
_HEADS_KNOWN = 8192
_OURS_TO_SAY = frozenset({"connection", "date", "server", "transfer-encoding"})


class Exchange(Protocol):
    """How the engine takes an answer; both return once it has been handed to the network, or the peer has gone."""

    def response_bytes(self, status: int, headers: Headers, body: bytes, /) -> None: ...

    def response_iter(self, status: int, headers: Headers, body: Iterator[bytes], /) -> None:
        """An iterator that raises makes the engine cut the connection."""


class BrokenAnswer(Exception):  # noqa: N818
    """Cuts an answer whose head is out already; what happened is in the log."""


class Told(NamedTuple):
    """A whole answer, to be given again."""

    method: str
    status: int
    headers: Headers
    body: bytes


class _Asked(NamedTuple):
    """One request as the engine hands it over."""

    exchange: Exchange
    environ: Environ
    began: float
    head: bytes
    """Digest of the words of its head."""
    length: int | None
    """Of its body, where the head has come before and is worth a look; else nobody has looked yet."""


class Gated:
    """What the engine calls for each request."""

    def __init__(self, app: App, limits: Limits, tally: Tally, *, multiprocess: bool) -> None:
        self._app, self._limits, self._tally, self._numbers = app, limits, tally, Numbers()
        self._repeats: Repeats[Told] = repeats_of(app)
        self._lengths: dict[bytes, int] = {}
        """Of bodies, by heads that were let pass and got an answer that can be given again."""
        self._environ: Environ = {
            "SCRIPT_NAME": "",
            "SERVER_SOFTWARE": "Gremium",
            "wsgi.errors": sys.stderr,
            "wsgi.input_terminated": True,
            "wsgi.multiprocess": multiprocess,
            "wsgi.multithread": True,
            "wsgi.run_once": False,
            "wsgi.version": (1, 0),
        }

    def __call__(self, exchange: Exchange, environ: Environ) -> None:
        began = time.monotonic()
        head = self._repeats.words(_spoken(environ))
        length = self._lengths.get(head)
        if length != 0 or not self._repeat(exchange, head, began, 0):
            self._serve(_Asked(exchange, environ, began, head, length))

    def _repeat(self, exchange: Exchange, words: bytes, began: float, received: int) -> bool:
        """Answers a request that came before, if it would be answered so again."""
        kept = self._repeats.find(words)
        if kept is None:
            return False
        method, status, headers, body = kept.answer
        try:
            kept.repeat.tell(self._numbers.next(), time.monotonic() - began)
            exchange.response_bytes(status, headers, body)
        finally:
            self._tally.answered(method, status, time.monotonic() - began, received, len(body))
        return True

    def _serve(self, asked: _Asked) -> None:
        """The whole way, but for a body that may have come before, too."""
        environ = asked.environ
        try:
            length = body_length(environ, self._limits) if asked.length is None else asked.length
            drain = 0 if "HTTP_EXPECT" in environ else self._limits.drain_bytes  # who waits for a 100 sends nothing
            body = GateBody(environ["wsgi.input"], length, drain)
            words = self._words(asked, body, length)
            if not asked.length or words is None or not self._repeat(asked.exchange, words, asked.began, length):
                self._run(asked, body, length, words)
        except Refused as refusal:
            _log.info("refused a request from %s: %s", environ["REMOTE_ADDR"], refusal)
            answer = _Answer(asked.exchange, environ["REQUEST_METHOD"], None)
            answer.plain(refusal.status, str(refusal))
            self._tally.answered("other", answer.status, time.monotonic() - asked.began, 0, answer.sent)

    def _words(self, asked: _Asked, body: GateBody, length: int) -> bytes | None:
        """All that was said; None where a body belongs to it that nobody has read yet, or that does not come whole.

        It is read beforehand only behind a head that has come before: from somebody, that is, who is let in.
        """
        if not length:
            return asked.head
        ahead = body.ahead() if asked.length else None
        return None if ahead is None else self._repeats.words(asked.head + ahead)

    def _run(self, asked: _Asked, body: GateBody, length: int, words: bytes | None) -> None:
        """Lets the application answer, and keeps what may be given again to the same `words`."""
        environ, number = asked.environ, self._numbers.next()
        environ.update(self._environ)
        environ["wsgi.input"], environ["gremium.request_id"] = body, number
        if environ["wsgi.url_scheme"] == "https":
            environ["HTTPS"] = "on"
        if environ["SERVER_PROTOCOL"] != "HTTP/1.1":
            environ["SERVER_PROTOCOL"] = "HTTP/1.0"
        method: str = environ["REQUEST_METHOD"]
        answer = _Answer(asked.exchange, method, body)
        try:
            answer.run(self._app, environ, number)
        finally:
            seconds = time.monotonic() - asked.began
            self._tally.answered(method, answer.status, seconds, body.received, answer.sent)
        repeat: Repeat | None = environ.get(REPEAT)
        # What comes in chunks, or only when it is asked for, is not recognised; a body not before its second time.
        if repeat is not None and length <= LONGEST_WORDS and environ.keys().isdisjoint(_HALTING):
            if len(self._lengths) >= _HEADS_KNOWN:
                self._lengths.clear()
            self._lengths.setdefault(asked.head, length)
            if words is not None and answer.whole is not None:
                headers, content = answer.whole
                self._repeats.keep(words, repeat, Told(method, answer.status, headers, content), len(content))


class _Answer:
    """One answer; `status` is 0 as long as there is none, `sent` counts the bytes of its body."""

    def __init__(self, exchange: Exchange, method: str, body: GateBody | None) -> None:
        self.sent = 0
        self.whole: tuple[Headers, bytes] | None = None
        self._exchange, self._body = exchange, body
        self._is_head = method == "HEAD"
        self._status = ""
        self._headers: Headers = []
        self._head_is_out = False

    @property
    def status(self) -> int:
        return int(self._status[:3] or 0)

    def run(self, app: App, environ: Environ, number: str) -> None:
        """Serves one request; an error becomes a 500 or, once bytes are out, cuts the connection."""
        try:
            result = app(environ, self.start_response)
            try:
                self._deliver(result)
            finally:
                close = getattr(result, "close", None)
                if close is not None:
                    close()
        except IncompleteBody as failure:
            self._fail(failure.status, str(failure))
        except Exception:  # noqa: BLE001  # it is logged, and its text must not reach the peer
            _log.exception("request %s failed", number)
            self._fail("500 Internal Server Error", f"The server failed. Please report the number {number}.")

    def start_response(self, status: str, headers: Headers, raised: ExcInfo | None = None) -> Callable[[bytes], object]:
        """PEP 3333, without the outdated `write`: nothing of ours calls it."""
        if raised is not None:
            if self._head_is_out and raised[1] is not None:
                raise raised[1]
        elif self._status:
            raise RuntimeError("start_response was called twice")
        if not STATUS.fullmatch(status):
            raise ValueError("the status line is malformed")
        self._status, self._headers = status, headers
        return _no_write

    def plain(self, status: str, sentence: str) -> None:
        """A whole small answer after which the connection closes."""
        self._status, self._head_is_out = status, True
        body = b"" if self._is_head else sentence.encode("utf-8") + b"\n"
        self.sent = len(body)
        headers = [("Content-Type", "text/plain; charset=utf-8"), ("Connection", "close")]
        self._exchange.response_bytes(int(status[:3]), headers, body)

    def _fail(self, status: str, sentence: str) -> None:
        if not self._head_is_out:
            self.plain(status, sentence)

    def _deliver(self, result: Iterable[bytes]) -> None:
        listed = isinstance(result, (list, tuple))
        pieces = iter([b"".join(result)] if listed else result)
        first = next(pieces, b"")  # a lazy application calls start_response only when it is asked for this
        if not self._status:
            raise RuntimeError("the application did not call start_response")
        headers, declared = self._head()
        if self._is_head or self._status[:3] in {"204", "304"}:
            self._send_whole(headers, b"")
        elif listed or declared == len(first):
            _check_length(len(first) + len(next(filter(None, pieces), b"")), declared)
            self._send_whole(headers, first)
        else:
            self._head_is_out = True
            self._exchange.response_iter(self.status, headers, self._cut_if_broken(first, pieces, declared))

    def _send_whole(self, headers: Headers, body: bytes) -> None:
        if self._body is not None:
            self._body.skip()
        self._head_is_out = True
        self.sent = len(body)
        self._exchange.response_bytes(self.status, headers, body)
        self.whole = headers, body

    def _cut_if_broken(self, first: bytes, rest: Iterator[bytes], declared: int | None) -> Iterator[bytes]:
        """All pieces; raises rather than that a broken answer looks whole."""
        try:
            yield from self._counted(first, rest, declared)
        except Exception:  # noqa: BLE001  # as above, and it must not reach the engine's log a second time
            _log.exception("an answer broke off after %d bytes", self.sent)
            raise BrokenAnswer from None

    def _counted(self, first: bytes, rest: Iterator[bytes], declared: int | None) -> Iterator[bytes]:
        """All pieces that are no empty ones; raises ValueError where they differ from their Content-Length."""
        for piece in chain((first,), rest):
            if declared is not None and self.sent + len(piece) > declared:
                raise ValueError("the body is longer than its Content-Length")
            self.sent += len(piece)
            if piece:
                yield piece
        _check_length(self.sent, declared)

    def _head(self) -> tuple[Headers, int | None]:
        """The fields as the engine takes them, and the declared length; raises ValueError for one that cannot be."""
        kept: Headers = []
        declared = None
        for name, value in self._headers:
            lowered = name.lower()
            if lowered == "content-length":
                declared = int(value)
                if self._status[:3] == "204":
                    continue
            elif lowered in _OURS_TO_SAY and (lowered, value.lower()) != ("connection", "close"):
                continue
            if value.isascii() and value.isprintable() and name.isprintable():
                kept.append((name, value))
                continue
            # The engine writes text as UTF-8; PEP 3333 has one character for each byte.
            written = value.encode("latin-1").decode("utf-8")
            if _CONTROL.search(name) or _CONTROL.search(written):
                raise ValueError("a header field of the answer contains a control character")
            kept.append((name, written))
        return kept, declared


def _spoken(environ: Environ) -> bytes:
    """All that was said, and by whom; beside the path, which is one of them, no value can contain a NUL."""
    return "\0".join([*environ, *[value for value in environ.values() if type(value) is str]]).encode(
        "utf-8", "surrogatepass"
    )


def _check_length(length: int, declared: int | None) -> None:
    if declared not in (None, length):
        raise ValueError("the body differs from its Content-Length")


def _no_write(_piece: bytes) -> None:
    raise NotImplementedError("hand out the body as the application's result")
