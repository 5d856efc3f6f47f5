"""strace on a running server process: what it calls, and death at the k-th call of a kind."""

from __future__ import annotations

import os
import re
import signal
import subprocess
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

CALL = re.compile(r"^(\d+) +(?:\d+\.\d+ )?([a-z0-9_]+)\(")
TRACE_SECONDS = 30
SPREAD = 5
GRACE_SECONDS = 0.1
"""How long after its last request a process may take to die of the strike."""


@dataclass
class Trace:
    """What strace wrote; complete when its context has ended."""

    file: Path
    killed: bool = False
    lines: list[str] = field(default_factory=list)

    def calls(self) -> list[tuple[int, str, str]]:
        """(thread, call, line) in the order of their starts."""
        found = ((CALL.match(line), line) for line in self.lines)
        return [(int(match[1]), match[2], line) for match, line in found if match is not None]

    def counts(self) -> Counter[str]:
        """How often each call was made, by the busiest thread for each (strace counts per thread, too)."""
        by_thread: dict[str, Counter[int]] = {}
        for thread, call, _ in self.calls():
            by_thread.setdefault(call, Counter())[thread] += 1
        return Counter({call: max(threads.values()) for call, threads in by_thread.items()})


@contextmanager
def traced(strace: str, pid: int, file: Path, *options: str) -> Iterator[Trace]:
    """Trace a process with all its threads from now on, and let go of it at the end of the context."""
    with _tracing(strace, pid, file, *options) as (trace, tracer):
        yield trace
        tracer.send_signal(signal.SIGINT)


@contextmanager
def struck(strace: str, pid: int, file: Path, call: str, number: int) -> Iterator[Trace]:
    """SIGKILL at the `number`-th `call` of a thread of this process, counted from now; at the latest at the end."""
    strike = (f"--trace={call}", f"--inject={call}:signal=SIGKILL:when={number}")
    with _tracing(strace, pid, file, *strike) as (trace, tracer):
        yield trace
        try:
            tracer.wait(GRACE_SECONDS)
            trace.killed = True
        except subprocess.TimeoutExpired:
            os.kill(pid, signal.SIGKILL)  # never let strace detach here: it would wait for a thread that is dying


@contextmanager
def failing(strace: str, pid: int, file: Path, call: str, number: int, error: str) -> Iterator[Trace]:
    """The `number`-th `call` of each thread of this process, counted from now, fails with this error, undone."""
    fault = (f"--trace={call}", f"--inject={call}:error={error}:when={number}")
    with _tracing(strace, pid, file, *fault) as (trace, tracer):
        yield trace
        tracer.send_signal(signal.SIGINT)


@contextmanager
def _tracing(strace: str, pid: int, file: Path, *options: str) -> Iterator[tuple[Trace, subprocess.Popen[str]]]:
    trace = Trace(file)
    words = [strace, "-f", "-o", str(file), *options, "-p", str(pid)]
    tracer = subprocess.Popen(words, stderr=subprocess.PIPE, text=True)
    assert tracer.stderr is not None
    try:
        _attached(tracer, tracer.stderr)
        yield trace, tracer
        tracer.communicate(timeout=TRACE_SECONDS)
    finally:
        if tracer.poll() is None:
            tracer.kill()
            tracer.communicate()
    trace.lines = file.read_text(errors="replace").splitlines()


def _attached(tracer: subprocess.Popen[str], said: IO[str]) -> None:
    first = said.readline()
    assert "attached" in first, first or f"strace ended with {tracer.wait(TRACE_SECONDS)}"


def spread(count: int) -> list[int]:
    """Positions from the first to the last call."""
    if count <= SPREAD:
        return list(range(1, count + 1))
    return sorted({1 + step * (count - 1) // (SPREAD - 1) for step in range(SPREAD)})
