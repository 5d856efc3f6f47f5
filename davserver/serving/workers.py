"""Runs one serving process here, or several on one port under a supervisor (SO_REUSEPORT), until SIGTERM or SIGINT."""

from __future__ import annotations

import contextlib
import gc
import logging
import os
import resource
import select
import signal
import socket
import threading
import time
from dataclasses import dataclass, replace
from types import FrameType, TracebackType
from typing import Any, Self

from davserver.serving.engine import (
    GRANIAN,
    AppFactory,
    Engine,
    OnReady,
    ServingProblem,
    ServingSettings,
    address_problem,
    bound,
)
from davserver.serving.granian import GranianServer, check_granian
from davserver.serving.responses import App
from davserver.serving.server import Server
from davserver.serving.systemd import inherited_socket, tell
from davserver.serving.tally import Board, Tally
from davserver.serving.tls import LazyTLS

_log = logging.getLogger("davserver.serving")
_BACK_OFF_SECONDS = 0.1
_BACK_OFF_MOST = 30.0
_HEALTHY_SECONDS = 60.0
_OTHER_FILES = 2048
"""Open ones of a process that are no connection: documents that are read and written, ways into the database."""


def serve(app_factory: AppFactory, settings: ServingSettings, on_ready: OnReady, board: Board | None = None) -> None:
    """Serves until SIGTERM or SIGINT, finishes running requests (at most `stop_seconds`), and returns.

    To be called in the main thread, before any other thread or any database handle exists: with several workers this
    process forks, now and whenever a worker has died. `app_factory` runs in each worker, with the worker's place on the
    `board` (which has one for each); `close()` of the application, if it has one, is called after the last request.
    `on_ready(host, port)` is called once, when all workers listen.
    Raises ServingProblem if the address is taken, a worker cannot start, or the engine cannot do what is asked.
    """
    if settings.engine == GRANIAN:
        check_granian(settings)
    board = board or Board.create(settings.workers)
    if settings.workers > 1:
        if threading.active_count() > 1:
            raise ServingProblem("Several workers can only be started before other threads; start them first.")
        _Supervisor(app_factory, settings, on_ready, board).run()
    else:
        _serve_here(app_factory, settings, board.tally(0), on_ready=on_ready, life=None)


class _Stopping:
    """Notices SIGTERM and SIGINT, and wakes a select() when they come."""

    def __init__(self) -> None:
        self.asked = False
        self.bell, self._clapper = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self._before: dict[int, Any] = {}

    def __enter__(self) -> Self:
        for number in (signal.SIGTERM, signal.SIGINT):
            self._before[number] = signal.signal(number, self._ask)
        self._wakeup_before = signal.set_wakeup_fd(self._clapper, warn_on_full_buffer=False)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        signal.set_wakeup_fd(self._wakeup_before)
        for number, handler in self._before.items():
            signal.signal(number, handler)
        os.close(self.bell)
        os.close(self._clapper)

    def wait(self, life: int | None) -> None:
        """Returns when asked to stop, or when the other end of the pipe `life` is closed."""
        awaited = [self.bell] if life is None else [self.bell, life]
        while not self.asked:
            ready, _, _ = select.select(awaited, [], [])
            if life in ready:
                return

    def _ask(self, number: int, frame: FrameType | None) -> None:
        self.asked = True


def _serve_here(
    app_factory: AppFactory, settings: ServingSettings, tally: Tally, *, on_ready: OnReady, life: int | None
) -> None:
    """Serves in this process until asked to stop, or until the other end of the pipe `life` closes."""
    allow_many_files(settings.limits.connections)
    with _Stopping() as stopping:
        tally.enter()
        app = app_factory(tally)
        _leave_garbage_alone()
        try:
            server = _listening(app, settings, tally, reuse_port=life is not None)
            thread = threading.Thread(target=server.serve, name="arrivals", daemon=True)
            thread.start()
            try:
                on_ready(*server.bind_addr)
                if life is None:
                    tell(os.environ, "READY=1")
                stopping.wait(life)
            finally:
                server.stop()
                thread.join()
        finally:
            close = getattr(app, "close", None)
            if close is not None:
                close()
            tally.leave()


def _listening(app: App, settings: ServingSettings, tally: Tally, *, reuse_port: bool) -> Engine:
    engine = (_of_granian if settings.engine == GRANIAN else _of_cheroot)(app, settings, tally, reuse_port=reuse_port)
    try:
        engine.prepare()
    except OSError as failure:
        raise address_problem(settings, failure) from failure
    return engine


def _of_cheroot(app: App, settings: ServingSettings, tally: Tally, *, reuse_port: bool) -> Engine:
    return Server(
        app,
        (settings.host, settings.port),
        threads=settings.threads,
        limits=settings.limits,
        tls=None if settings.tls is None else LazyTLS(settings.tls),
        reuse_port=reuse_port,
        stop_seconds=settings.stop_seconds,
        tally=tally,
    )


def _of_granian(app: App, settings: ServingSettings, tally: Tally, *, reuse_port: bool) -> Engine:
    return GranianServer(app, settings, tally, reuse_port=reuse_port)


def _leave_garbage_alone() -> None:
    """What the program is made of stays for its life, and a long listing makes thousands of tuples that are no circles:
    the collector of circles need not look through both every few hundred of them.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)


def allow_many_files(connections: int) -> None:
    """Thousands of connections need more descriptors than the usual 1,024; where that cannot be, the log says so."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = connections + _OTHER_FILES
    wanted = max(65536, needed) if hard == resource.RLIM_INFINITY else min(max(65536, needed), hard)
    if hard != resource.RLIM_INFINITY and hard < needed:
        _log.warning(
            "a process may open %d files here, and connections = %d needs %d: raise LimitNOFILE, or lower it",
            *(hard, connections, needed),
        )
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def _reserve(settings: ServingSettings) -> socket.socket:
    """A socket that holds the port for the workers; refuses a port on which others already listen."""
    inherited = inherited_socket(os.environ, os.getpid())
    if inherited is not None:
        return inherited
    try:
        # Alone first: a shared socket would join a forgotten server that shares, too.
        bound(settings.host, settings.port, shared=False).close()
        return bound(settings.host, settings.port, shared=True)
    except OSError as failure:
        raise address_problem(settings, failure) from failure


@dataclass(slots=True)
class _Worker:
    """One place among the workers: its process, if it lives, and when to start the next one."""

    tally: Tally
    process: int | None = None
    pipe: int = -1
    ready: bool = False
    started: float = 0.0
    failures: int = 0
    start_at: float = 0.0


class _Supervisor:
    """Forks the workers, replaces those that die, and stops them. It has no threads and no application of its own."""

    def __init__(self, app_factory: AppFactory, settings: ServingSettings, on_ready: OnReady, board: Board) -> None:
        self._app_factory = app_factory
        self._settings = settings
        self._on_ready: OnReady | None = on_ready
        self._workers = [_Worker(board.tally(place)) for place in range(settings.workers)]
        self._life = os.pipe2(os.O_CLOEXEC)

    def run(self) -> None:
        """Returns after the last worker has ended."""
        with _reserve(self._settings) as reserved, _Stopping() as stopping:
            self._settings = replace(self._settings, port=reserved.getsockname()[1])
            try:
                while not stopping.asked:
                    self._start_due(reserved, stopping)
                    self._listen(stopping)
            finally:
                self._stop_all()
                os.close(self._life[0])

    def _start_due(self, reserved: socket.socket, stopping: _Stopping) -> None:
        now = time.monotonic()
        for worker in self._workers:
            if worker.process is None and worker.start_at <= now:
                pipe_read, pipe_write = os.pipe2(os.O_CLOEXEC)
                process = os.fork()
                if process == 0:
                    reserved.close()
                    self._be_worker(stopping, pipe_write, worker.tally)
                os.close(pipe_write)
                worker.process, worker.pipe, worker.ready, worker.started = process, pipe_read, False, now

    def _be_worker(self, stopping: _Stopping, pipe: int, tally: Tally) -> None:
        """The child's whole life; never returns."""
        status = 1
        try:
            stopping.__exit__(None, None, None)
            os.close(self._life[1])  # only the supervisor holds it, so its death is seen
            _serve_here(
                self._app_factory,
                self._settings,
                tally,
                on_ready=lambda host, port: _tell_ready(pipe),
                life=self._life[0],
            )
            status = 0
        except ServingProblem as problem:
            _log.error("%s", problem)
        except BaseException:  # noqa: BLE001  # nothing may escape into the code that called serve()
            _log.exception("a worker failed")
        finally:
            with contextlib.suppress(Exception):
                logging.shutdown()
            os._exit(status)

    def _listen(self, stopping: _Stopping) -> None:
        """Waits for a signal, a worker's word or end, or the time to start one."""
        due = [worker.start_at for worker in self._workers if worker.process is None]
        seconds = max(min(due) - time.monotonic(), 0.0) if due else None
        pipes = {worker.pipe: worker for worker in self._workers if worker.process is not None}
        ready, _, _ = select.select([stopping.bell, *pipes], [], [], seconds)
        for pipe in ready:
            if pipe in pipes:
                if os.read(pipe, 1):
                    pipes[pipe].ready = True
                else:
                    self._bury(pipes[pipe])
        if self._on_ready is not None and all(worker.ready for worker in self._workers):
            self._on_ready(self._settings.host, self._settings.port)
            tell(os.environ, "READY=1")
            self._on_ready = None

    def _bury(self, worker: _Worker) -> None:
        assert worker.process is not None
        _, status = os.waitpid(worker.process, 0)
        os.close(worker.pipe)
        worker.process = None
        if self._on_ready is not None and not worker.ready:
            raise ServingProblem("A worker could not start; the log says why.")
        now = time.monotonic()
        worker.failures = 0 if now - worker.started > _HEALTHY_SECONDS else worker.failures + 1
        delay = min(_BACK_OFF_SECONDS * 2**worker.failures, _BACK_OFF_MOST)
        worker.start_at = now + delay
        worker.ready = False
        _log.error("a worker ended with %s; the next one starts in %.1f s", os.waitstatus_to_exitcode(status), delay)

    def _stop_all(self) -> None:
        tell(os.environ, "STOPPING=1")
        os.close(self._life[1])  # asks those, too, that were just born and would miss the signal
        living = {worker.process: worker for worker in self._workers if worker.process is not None}
        for process in living:
            os.kill(process, signal.SIGTERM)
        end = time.monotonic() + self._settings.stop_seconds + 5.0
        while living:
            ready, _, _ = select.select(
                [worker.pipe for worker in living.values()], [], [], max(end - time.monotonic(), 0)
            )
            for process, worker in list(living.items()):
                if not ready:
                    os.kill(process, signal.SIGKILL)
                elif worker.pipe not in ready or os.read(worker.pipe, 1):
                    continue
                os.waitpid(process, 0)
                os.close(worker.pipe)
                del living[process]


def _tell_ready(pipe: int) -> None:
    os.write(pipe, b".")
