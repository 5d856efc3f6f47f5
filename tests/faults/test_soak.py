"""S-53: thirty people at work at the same time, and nothing grows but what they store.

A short run by default; `SOAK=1` (make soak) goes on for twenty minutes and looks at the slope of the memory in the
second ten, too: the first are for what is kept between requests to fill.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.faults.scribes import Scribe
from tests.running import RunningServer, command, committee, declare, person, start
from tests.soaking import SOAK

SECONDS = 1200 if SOAK else 5
USERS = tuple(f"p{number:02}" for number in range(30))
WORKERS = 2
SLOPE = 1024 * 1024 / 600
"""Bytes a second: 1 MiB in ten minutes, for each worker."""
LOG_BYTES = 2 * 16 * 1024 * 1024
"""Of the write-ahead log, which is moved into the database from 16 MiB on."""


@dataclass(frozen=True)
class Sample:
    """What the server took at one moment."""

    at: float
    memory: int
    """Resident bytes of all processes."""
    files: int
    threads: int
    log: int


def processes(server: RunningServer) -> list[int]:
    """The supervisor and its workers."""
    top = server.process.pid
    children = Path(f"/proc/{top}/task/{top}/children").read_text().split()
    return [top, *map(int, children)]


def sample(server: RunningServer) -> Sample:
    memory = files = threads = 0
    for each in processes(server):
        facts = dict(line.split(":", 1) for line in Path(f"/proc/{each}/status").read_text().splitlines())
        memory += int(facts["VmRSS"].split()[0]) * 1024
        threads += int(facts["Threads"])
        files += len(list(Path(f"/proc/{each}/fd").iterdir()))
    log = server.data / "gremium.db-wal"
    return Sample(time.monotonic(), memory, files, threads, log.stat().st_size if log.exists() else 0)


def slope(samples: list[Sample]) -> float:
    """Bytes a second by which the memory grows, by least squares."""
    middle = sum(one.at for one in samples) / len(samples)
    level = sum(one.memory for one in samples) / len(samples)
    return sum((one.at - middle) * (one.memory - level) for one in samples) / sum(
        (one.at - middle) ** 2 for one in samples
    )


@pytest.fixture
def town(tmp_path: Path) -> Path:
    """A committee of thirty who may all write in its working folder."""
    data = tmp_path / "data"
    command("init", data=data)
    offices = [f"{user}:clerk" if user == USERS[0] else f"{user}:member" for user in USERS]
    people = "".join(person(user, user.upper()) for user in USERS)
    declare(data, people + committee("ba05", "BA 5", "has_meetings = false", *offices), *USERS)
    return data


@contextmanager
def at_work(server: RunningServer, scribes: list[Scribe]) -> Iterator[None]:
    """Everybody writes while the context lasts."""
    ending = threading.Event()

    def work(scribe: Scribe) -> None:
        with server.client(scribe.user) as client:
            scribe.write(client, ending)

    with ThreadPoolExecutor(len(scribes)) as pool:
        working = [pool.submit(work, scribe) for scribe in scribes]
        try:
            yield
        finally:
            ending.set()
        for one in working:
            one.result()


def test_thirty_at_work_find_all_they_stored_and_nothing_grows(town: Path) -> None:
    """No request is refused; descriptors, threads and the log stay bounded; each document is what it should be."""
    scribes = [Scribe(user, f"/dav/ba05/Arbeitsordner/von-{user}", random.Random(user)) for user in USERS]
    with start(town, workers=WORKERS) as server:
        for scribe in scribes:
            with server.client(scribe.user) as client:
                scribe.begin(client)
        idle, samples = sample(server), list[Sample]()
        with at_work(server, scribes):
            for _ in range(SECONDS):
                time.sleep(1)
                samples.append(sample(server))
        assert [scribe.refusal for scribe in scribes if scribe.refusal] == []
        steps, written = sum(len(scribe.steps) for scribe in scribes), time.monotonic_ns()
        for scribe in scribes:
            with server.client(scribe.user) as client:
                scribe.confirm(client, written)
        assert sum(scribe.confirmed for scribe in scribes) == steps, "an answer is missing"
        assert max(one.log for one in samples) <= LOG_BYTES
        assert max(one.files for one in samples) <= idle.files + WORKERS * 4 * len(USERS)
        assert max(one.threads for one in samples) <= idle.threads + WORKERS * 64
        late = samples[len(samples) // 2 :]
        print(f"{steps} steps in {SECONDS} s, {slope(late) * 600 / 2**20:.2f} MiB in ten minutes; {late[-1]}; {idle}")
        assert not SOAK or slope(late) <= WORKERS * SLOPE
        assert server.stop() == 0
    assert list(town.glob("vault/*/staging/*")) == []
    assert command("check", data=town).strip() == "everything is whole"
