"""Granian (optional) as the engine: its Rust reads and writes HTTP, and calls us in its threads (record 0063).

It is driven by what its own server drives, one worker in each of our processes, so that supervising, sockets and
stopping stay ours. None of that is a promise of theirs: the version is bounded, and another one is refused at start.
"""

from __future__ import annotations

import asyncio
import importlib.metadata
import logging
import os
import threading

from davserver.serving.engine import ServingProblem, ServingSettings, bound
from davserver.serving.gated import Gated
from davserver.serving.limits import Limits
from davserver.serving.responses import App
from davserver.serving.systemd import inherited_socket
from davserver.serving.tally import Tally
from davserver.serving.tls import LazyTLS

_log = logging.getLogger("davserver.serving")
_VERSIONS = "2.8."
_IDLE_THREAD_SECONDS = 30
_UNBOUNDED = {
    "head_fields": "header_count (Granian takes 100 at most, always)",
    "head_seconds": "header_seconds (an unfinished head may wait for 60 s)",
    "rate_bytes": "body_rate (Granian cuts no slow body)",
    "rate_seconds": "body_seconds (Granian cuts no slow body)",
    "kept_connections": "kept_connections (Granian closes none before its end)",
}
_STARTS_WITHIN = 30.0


def check_granian(settings: ServingSettings) -> None:
    """Raises ServingProblem if Granian is missing, is another than we know, or cannot do what is asked."""
    try:
        version = importlib.metadata.version("granian")
    except importlib.metadata.PackageNotFoundError:
        raise ServingProblem(
            "Granian is not installed: install the parts in config/granian.lock, or serve with cheroot."
        ) from None
    if not version.startswith(_VERSIONS):
        raise ServingProblem(f"Granian {version} is installed, but this program knows {_VERSIONS}x only.")
    usual = Limits()
    asked = [text for name, text in _UNBOUNDED.items() if getattr(settings.limits, name) != getattr(usual, name)]
    if asked:
        raise ServingProblem(f"Granian cannot be told {', '.join(asked)}: take that out, or serve with cheroot.")


class GranianServer:
    """Serves one WSGI application on one address; prepare(), then serve() in a thread, then stop()."""

    bind_addr: tuple[str, int]

    def __init__(self, app: App, settings: ServingSettings, tally: Tally, *, reuse_port: bool) -> None:
        self._app, self._settings, self._tally = app, settings, tally
        self._reuse_port = reuse_port
        self._serving = threading.Event()
        self._ended = threading.Event()

    def prepare(self) -> None:
        """Binds, or takes the socket that systemd keeps. Raises OSError."""
        if self._settings.tls is not None:
            LazyTLS(self._settings.tls)  # reads the files, so that a wrong one is told here and not in a thread of Rust
        meant_for = os.getppid() if self._reuse_port else os.getpid()
        self._socket = inherited_socket(os.environ, meant_for) or bound(
            self._settings.host, self._settings.port, shared=self._reuse_port
        )
        self._socket.setblocking(False)
        self._socket.listen(self._settings.limits.backlog)  # who comes before Granian looks waits in the kernel
        self.bind_addr = self._socket.getsockname()[:2]

    def serve(self) -> None:
        """Returns after stop()."""
        # Only here, in the worker: who serves with cheroot need not have it, and its threads outlive no fork.
        from granian._futures import _new_cbscheduler  # noqa: PLC0415
        from granian._granian import SocketHolder, WorkerSignal, WSGIWorker  # noqa: PLC0415
        from granian.http import HTTP1Settings  # noqa: PLC0415

        _take_turns()
        settings, limits = self._settings, self._settings.limits
        tls = settings.tls
        files = (None, None) if tls is None else (str(tls.certificate), str(tls.key))
        # One timeout for an unfinished head and for a kept connection without a request.
        http1 = HTTP1Settings(header_read_timeout=int(limits.idle_seconds * 1000), max_buffer_size=limits.head_bytes)
        listener = SocketHolder(self._socket.detach(), False, limits.backlog)
        worker = WSGIWorker(
            self._tally.place + 1,
            (None, listener),
            None,  # no channel for measures of its own
            1,  # thread of Rust
            limits.most_threads,
            settings.threads,
            _IDLE_THREAD_SECONDS,
            limits.connections,
            "1",
            http1,
            None,
            None,  # no files of its own
            tls is not None,
            *files,
            None,
            "tls1.2",
            None,
            [],
            False,
            (None, None),
        )
        gated = Gated(self._app, limits, self._tally, multiprocess=self._reuse_port)
        loop = asyncio.new_event_loop()  # wanted by its scheduler, never run for WSGI
        try:
            self._signal = WorkerSignal()
            self._signal.add_cb(self._ended.set)
            worker.serve_mtr(_new_cbscheduler(loop, gated, impl_asyncio=True), loop, self._signal)
            self._serving.set()
            self._ended.wait()
        finally:
            loop.close()

    def stop(self) -> None:
        """Finishes running requests, for at most `stop_seconds`."""
        if self._serving.wait(_STARTS_WITHIN):
            self._signal.set()
            self._ended.wait(self._settings.stop_seconds)
        self._ended.set()


def _take_turns() -> None:
    """Whatever thread this one begins will, when it is woken, wait until whoever runs has done (record 80).

    At its default the kernel lets it push the other aside, who mostly holds what it has been woken for.
    """
    try:
        os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))
    except OSError as failure:
        _log.warning("the kernel does not let Granian's threads take turns, small requests are slower: %s", failure)
