"""What is asked of an engine, and what every engine can do: bind, serve one application, stop."""

from __future__ import annotations

import errno
import socket
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from davserver.serving.limits import Limits
from davserver.serving.responses import App
from davserver.serving.tally import Tally
from davserver.serving.tls import TLSFiles

AppFactory = Callable[[Tally], App]
OnReady = Callable[[str, int], None]

CHEROOT, GRANIAN = "cheroot", "granian"


class ServingProblem(Exception):  # noqa: N818
    """The server cannot start; the text says why and what to do."""


@dataclass(frozen=True, slots=True)
class ServingSettings:
    """Where and with how much to serve; port 0 means any free one."""

    host: str = "127.0.0.1"
    port: int = 8080
    workers: int = 1
    threads: int = 32
    tls: TLSFiles | None = None
    limits: Limits = field(default_factory=Limits)
    stop_seconds: int = 30
    engine: str = CHEROOT


class Engine(Protocol):
    """One serving process: prepare(), then serve() in a thread, then stop()."""

    bind_addr: tuple[str, int]
    """The real address, after prepare()."""

    def prepare(self) -> None:
        """Binds. Raises OSError."""

    def serve(self) -> None:
        """Returns after stop()."""

    def stop(self) -> None:
        """Finishes running requests, for at most `stop_seconds`."""


def address_problem(settings: ServingSettings, failure: OSError) -> ServingProblem:
    """Why nothing can listen there."""
    if failure.errno == errno.EADDRINUSE or "in use" in str(failure):
        return ServingProblem(
            f"Port {settings.port} on {settings.host} is in use; stop that server or choose another port."
        )
    return ServingProblem(f"Cannot listen on {settings.host} port {settings.port}: {failure.strerror or failure}.")


def bound(host: str, port: int, *, shared: bool) -> socket.socket:
    """A socket that is bound there; `shared` with other processes that say so, too (SO_REUSEPORT). Raises OSError."""
    family, kind, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
    made = socket.socket(family, kind)
    try:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if shared:
            made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        made.bind(address)
    except OSError:
        made.close()
        raise
    return made
