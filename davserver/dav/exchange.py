"""One request and its answer on the way out: framing of the body, and the one line of log when it has been sent."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from http import HTTPStatus
from types import MappingProxyType
from typing import Any, NamedTuple, Self

from davserver.dav.request import Request, Response
from davserver.tree.remembered import Standing

Log = Callable[[Mapping[str, object]], None]
"""Takes the facts of one request: never a name, query or token."""

BODILESS = (204, 304)
STATUS_LINES = MappingProxyType({int(status): f"{int(status)} {status.phrase}" for status in HTTPStatus})


LASTING = "gremium.lasting"
"""Environ key: an answer that would be given again."""


class Lasting(NamedTuple):
    """What is known of it."""

    standing: Standing
    tell: Callable[[str, float], None]
    """Logs another request that was answered so, by its number, in so many seconds."""
    part: Callable[..., Iterable[bytes]] | None
    """An application that answers the same words with another Range."""


class Exchange:
    """What is known of one request while it is answered."""

    __slots__ = ("_began", "_log", "environ", "number", "request", "status")

    def __init__(self, environ: dict[str, Any], log: Log) -> None:
        self._began = time.perf_counter()
        self._log = log
        self.environ = environ
        self.number: str = environ.get("gremium.request_id") or secrets.token_hex(6)
        """Names the request in the log, and to whom it failed."""
        self.request: Request | None = None
        """Once it is known that it is one."""
        self.status = 0

    def send(self, response: Response, start_response: Callable[..., Any]) -> Iterable[bytes]:
        """Start the response; what is returned is the body, which HEAD, 204 and 304 never have."""
        self.status = response.status
        headers, body = response.headers, response.body
        if self.status not in BODILESS and isinstance(body, list) and not has_length(headers):
            headers = [*headers, ("Content-Length", str(sum(map(len, body))))]
        start_response(STATUS_LINES[self.status], headers)
        if self.environ["REQUEST_METHOD"] == "HEAD" or self.status in BODILESS:
            close(body)
            body = []
        if isinstance(body, list):
            self.end(sum(map(len, body)))
            return body
        return Streamed(body, self)

    def end(self, sent: int) -> None:
        """Log it; `sent` bytes of body went out."""
        self.teller(self.status, sent)(self.number, time.perf_counter() - self._began)

    def teller(self, status: int, sent: int, note: Callable[[], None] | None = None) -> Callable[[str, float], None]:
        """What notes and logs such an answer to this request. It holds on to nothing of it: a password stands there."""
        nodes = [] if self.request is None else self.request.nodes
        log, method = self._log, self.environ["REQUEST_METHOD"]

        def tell(number: str, seconds: float) -> None:
            if note is not None:
                note()
            took = round(seconds * 1000, 2)
            log({"request": number, "method": method, "status": status, "ms": took, "bytes": sent, "nodes": nodes})

        return tell


class Streamed:
    """A body on its way out; logs when the server closes it, whole or not."""

    __slots__ = ("_body", "_exchange", "_pieces", "_sent")

    def __init__(self, body: Iterable[bytes], exchange: Exchange) -> None:
        self._body, self._pieces = body, iter(body)
        self._exchange, self._sent = exchange, 0

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> bytes:
        piece = next(self._pieces)
        self._sent += len(piece)
        return piece

    def close(self) -> None:
        """Called once by the server (PEP 3333)."""
        close(self._body)
        self._exchange.end(self._sent)


def has_length(headers: Iterable[tuple[str, str]]) -> bool:
    """True if Content-Length is among the headers."""
    return any(name.lower() == "content-length" for name, _ in headers)


def close(body: Iterable[bytes]) -> None:
    """Let go of what a body holds open."""
    if isinstance(body, Iterator) and hasattr(body, "close"):
        body.close()
