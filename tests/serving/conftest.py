"""A real server in this process for each test, serving an application that remembers what reached it."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest

from davserver.serving.engine import Engine
from davserver.serving.limits import Limits
from davserver.serving.repeats import REPEAT, Repeat
from davserver.serving.requests import IncompleteBody
from davserver.serving.server import Server
from davserver.serving.tally import Tally
from davserver.serving.tls import LazyTLS
from tests.serving.raw import HOST, Peer

Environ = dict[str, Any]


class FailingClose:
    """A whole answer whose close() raises."""

    def __iter__(self) -> Iterator[bytes]:
        return iter([b"whole"])

    def close(self) -> None:
        raise LookupError("/secret/path")


@dataclass
class Application:
    """Answers by path; `seen` are the environs, `broken` the bodies that did not come to their end."""

    seen: list[Environ] = field(default_factory=list)
    broken: list[IncompleteBody] = field(default_factory=list)
    broken_off: list[Environ] = field(default_factory=list)
    """The environs of those."""
    gate: threading.Event = field(default_factory=threading.Event)
    holds: Callable[[], bool] = lambda: True
    """Would `/repeat` be answered the same way?"""
    told: list[str] = field(default_factory=list)
    """Numbers of the requests that were answered as one before."""

    @property
    def requests(self) -> list[str]:
        return [f"{environ['REQUEST_METHOD']} {environ['PATH_INFO']}" for environ in self.seen]

    def __call__(self, environ: Environ, start: Callable[..., Any]) -> Any:
        self.seen.append(environ)
        verb = environ["PATH_INFO"].strip("/").split("/")[0] or "ignore"
        return getattr(self, verb, self.ignore)(environ, start)

    def ignore(self, environ: Environ, start: Callable[..., Any]) -> list[bytes]:
        start("200 OK", [("Content-Length", "3")])
        return [b"ok\n"]

    def refuse(self, environ: Environ, start: Callable[..., Any]) -> list[bytes]:
        start("401 Unauthorized", [("Content-Length", "3")])
        return [b"no\n"]

    def page(self, environ: Environ, start: Callable[..., Any]) -> Iterator[bytes]:
        """A refusal as frameworks hand it out: one piece of the promised length, but no list."""
        start("404 Not Found", [("Content-Length", "3")])
        return iter([b"no\n"])

    def read(self, environ: Environ, start: Callable[..., Any]) -> list[bytes]:
        """Reads all; answers count, digest and the largest piece."""
        body, count, largest, digest = environ["wsgi.input"], 0, 0, hashlib.sha256()
        try:
            while piece := body.read(1 << 30):
                count += len(piece)
                largest = max(largest, len(piece))
                digest.update(piece)
        except IncompleteBody as failure:
            self.broken.append(failure)
            self.broken_off.append(environ)
            raise
        start("200 OK", [])
        return [f"{count} {digest.hexdigest()} {largest} {body.complete}".encode()]

    def repeat(self, environ: Environ, start: Callable[..., Any]) -> list[bytes]:
        """Reads all; answers how many requests have come so far, which may be told again while that holds."""
        self.read(environ, lambda *_: None)
        environ[REPEAT] = Repeat(1, self.still, lambda number, _: self.told.append(number))
        start("200 OK", [("X-Kept", "yes")])
        return [str(len(self.seen)).encode()]

    def parts(self, environ: Environ, start: Callable[..., Any]) -> list[bytes]:
        """The same of a document, of which other parts may be asked for, too; `/parts/late` breaks off in those."""
        environ[REPEAT] = Repeat(
            1, self.still, lambda *_: None, self.late_part if "late" in environ["PATH_INFO"] else self.part
        )
        start("206 Partial Content", [])
        return [b"whole way"]

    def part(self, environ: Environ, start: Callable[..., Any]) -> list[bytes]:
        start("206 Partial Content", [])
        return [f"{sorted(environ)} {environ['HTTP_RANGE']}".encode()]

    def late_part(self, environ: Environ, start: Callable[..., Any]) -> Iterator[bytes]:
        return self.fail_late(environ, start)

    def still(self) -> bool:
        return self.holds()

    def stream(self, environ: Environ, start: Callable[..., Any]) -> Iterator[bytes]:
        start("200 OK", [("Content-Type", "text/plain")])
        yield b"one"
        yield b""
        yield b"two"

    def large(self, environ: Environ, start: Callable[..., Any]) -> Iterator[bytes]:
        count = int(environ["QUERY_STRING"])
        start("200 OK", [("Content-Length", str(count * 65536))])
        for _ in range(count):
            yield bytes(65536)

    def wait(self, environ: Environ, start: Callable[..., Any]) -> list[bytes]:
        self.gate.wait(20)
        return self.ignore(environ, start)

    def late(self, environ: Environ, start: Callable[..., Any]) -> Iterator[bytes]:
        """A body of so many bytes, promised at once, whose one piece waits."""
        count = int(environ["QUERY_STRING"])
        start("200 OK", [("Content-Length", str(count))])
        return (bytes(count) for _ in range(1) if self.gate.wait(20))

    def fail(self, environ: Environ, start: Callable[..., Any]) -> list[bytes]:
        raise LookupError("/secret/path")

    def fail_late(self, environ: Environ, start: Callable[..., Any]) -> Iterator[bytes]:
        start("200 OK", [])
        yield b"begun"
        raise LookupError("/secret/path")

    def exact(self, environ: Environ, start: Callable[..., Any]) -> list[bytes]:
        """The status of the query, with a body that may not be allowed."""
        start(f"{environ['QUERY_STRING']} Whatever", [("Content-Length", "9")])
        return [b"forbidden"]

    def fail_closing(self, environ: Environ, start: Callable[..., Any]) -> FailingClose:
        start("200 OK", [])
        return FailingClose()

    def headers(self, environ: Environ, start: Callable[..., Any]) -> list[bytes]:
        start("200 OK", [("X-Name", "value\r\nSet-Cookie: stolen=1")])
        return [b""]

    def too_long(self, environ: Environ, start: Callable[..., Any]) -> Iterator[bytes]:
        start("200 OK", [("Content-Length", "3")])
        yield b"abc"
        yield b"HTTP/1.1 200 OK\r\n\r\n"

    def too_short(self, environ: Environ, start: Callable[..., Any]) -> Iterator[bytes]:
        start("200 OK", [("Content-Length", "10")])
        yield b"abc"


@dataclass
class Running:
    server: Engine
    application: Application

    @property
    def port(self) -> int:
        return int(self.server.bind_addr[1])

    def peer(self, seconds: float = 10.0) -> Peer:
        return Peer(self.port, seconds)


@contextmanager
def serve_here(server: Engine, application: Application) -> Iterator[Running]:
    """While the with statement lasts, in a thread."""
    server.prepare()
    thread = threading.Thread(target=server.serve)
    thread.start()
    try:
        yield Running(server, application)
    finally:
        application.gate.set()
        server.stop()
        thread.join()


Serving = Callable[..., AbstractContextManager[Running]]


def running_server(
    limits: Limits | None = None, threads: int = 8, tls: LazyTLS | None = None, tally: Tally | None = None
) -> AbstractContextManager[Running]:
    """A server of a new application, until the end of a with statement."""
    application = Application()
    server = Server(
        application, (HOST, 0), threads=threads, limits=limits or Limits(), tls=tls, stop_seconds=5, tally=tally
    )
    return serve_here(server, application)


@pytest.fixture
def serving() -> Serving:
    """`serving(limits=…, threads=…)`: a running server for a with statement."""
    return running_server


@pytest.fixture
def running(serving: Serving) -> Iterator[Running]:
    """A running server with the usual limits."""
    with serving() as one:
        yield one
