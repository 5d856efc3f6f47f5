"""Lives of one act that end at a call: each in a process of its own, on a copy of the same data directory."""

from __future__ import annotations

import os
import signal
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from davserver.founding import default_key
from davserver.house import House, now
from davserver.settings import load
from tests.faults.tracing import spread, struck, traced
from tests.foreign import need
from tests.running import copied


def opened(data: Path, clock: Callable[[], int] = now) -> House:
    return House.open(data, default_key(data), load(data, {}), clock)


def born(data: Path, verb: Callable[[House], object], clock: Callable[[], int] = now) -> tuple[int, int, int]:
    """A process that waits for the word, acts once and ends: its id, where to say the word, where it says so."""
    ready_read, ready_write = os.pipe()
    go_read, go_write = os.pipe()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # threads of other tests: the child never needs theirs
        child = os.fork()
    if child == 0:
        status = 1
        try:
            house = opened(data, clock)
            os.write(ready_write, b".")
            os.read(go_read, 1)
            verb(house)
            os.write(ready_write, b"!")
            status = 0
        finally:
            os._exit(status)
    assert os.read(ready_read, 1) == b"."
    for end in (ready_write, go_read):
        os.close(end)
    return child, go_write, ready_read


def lived(child: int, go: int, done: int) -> bool:
    """Say the word and wait for its end; True if it said that it was done."""
    os.write(go, b"!")
    said = os.read(done, 1)
    for end in (go, done):
        os.close(end)
    return said == b"!"


@dataclass(frozen=True)
class Deaths:
    """An act on an opened house, and the calls of it at which it dies: those at positions spread over all of a kind."""

    verb: Callable[[House], object]
    template: Path
    tmp_path: Path
    calls: tuple[str, ...]
    clock: Callable[[], int] = now
    every: int = 1
    """Of so many positions one is taken."""

    def whole(self) -> tuple[Path, dict[str, int]]:
        """The directory after a life that nothing ended, and how often that made each call."""
        data = copied(self.template, self.tmp_path / "whole")
        child, go, done = born(data, self.verb, self.clock)
        with traced(need("strace"), child, self.tmp_path / "trace", f"--trace={','.join(self.calls)}") as told:
            assert lived(child, go, done)
            os.waitpid(child, 0)
        return data, dict(told.counts())

    def after(self, counts: dict[str, int]) -> Iterator[tuple[Path, bool]]:
        """For each death: the directory, and whether the act had said that it was done."""
        points = [(call, number) for call in self.calls for number in spread(counts.get(call, 0))[:: self.every]]
        for place, (call, number) in enumerate(points):
            data = copied(self.template, self.tmp_path / f"case{place}")
            child, go, done = born(data, self.verb, self.clock)
            with struck(need("strace"), child, self.tmp_path / "trace", call, number):
                finished = lived(child, go, done)
            _, status = os.waitpid(child, 0)
            assert os.WIFEXITED(status) or os.WTERMSIG(status) == signal.SIGKILL
            yield data, finished
