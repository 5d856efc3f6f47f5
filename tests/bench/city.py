"""`make bench ARGS="--city"`: a city of Munich's size: how long each verb takes there, and what workers hold.

25 committees with 10,000 documents each, 685 people. 50 members read (a listing, then one document of it), 10 clerks
write; each rests for a moment after each request, as people do. Served as users run it: two workers, all of it durable.
"""

from __future__ import annotations

import math
import random
import threading
import time
from collections import defaultdict
from pathlib import Path
from typing import NamedTuple

from tests.bench.driving import NAMED
from tests.davclient import DavClient
from tests.running import RunningServer, command, committee, declare, person, start

COMMITTEES, PEOPLE, FOLDERS, MEMBERS = 25, 685, 100, 100
READERS, WRITERS = 50, 10
REST = 1.0
"""A person's rest after each request is up to twice so many seconds."""
LOOKS = 6
"""So often the workers' memory is looked at while they serve."""
MIB = 1 << 20


class Cost(NamedTuple):
    """One verb: milliseconds that half, 95 % and 99 % of its requests took at most."""

    verb: str
    requests: int
    p50: float
    p95: float
    p99: float
    most: float


class Memory(NamedTuple):
    """MiB of its own that each worker holds, at equal intervals from the first request to the last."""

    looks: list[list[float]]

    @property
    def most(self) -> float:
        return max(max(look) for look in self.looks)


class Run(NamedTuple):
    costs: list[Cost]
    memory: Memory
    documents: int
    filled: float
    """Seconds that the filling took."""


def user(number: int) -> str:
    return f"p{number:03d}"


def share(number: int) -> str:
    return f"ba{number + 1:02d}"


def clerk(number: int) -> str:
    """Of a committee: the first of those who sit in it."""
    return user(number)


def declarations() -> str:
    people = [person(user(number), f"Person {number:03d}") for number in range(PEOPLE)]
    committees = []
    for number in range(COMMITTEES):
        offices = [f"{clerk(number)}:clerk", *(f"{user(one)}:member" for one in range(number, PEOPLE, COMMITTEES)[1:])]
        facts = 'provider = "vault"\nhas_meetings = false'
        committees.append(committee(share(number), f"Bezirksausschuss {number + 1}", facts, *offices))
    return "".join([*people, *committees])


def fill(server: RunningServer, number: int) -> None:
    """One drive: a folder by uploads, its documents all different, then copies of it."""
    with server.client(clerk(number), f"/dav/{share(number)}") as client:
        assert client.mkcol("/Ordner 000").status == 201
        for one in range(MEMBERS):
            body = f"Anlage {one} von {number}. ".encode() * 200
            assert client.put(f"/Ordner 000/Anlage {one:03d} Protokoll.pdf", body).status == 201
        for one in range(1, FOLDERS):
            copied = client.copy("/Ordner 000", f"/Ordner {one:03d}")
            assert copied.status == 201, copied.status


class Crowd:
    """All who read and write; their times, by verb."""

    def __init__(self, server: RunningServer, seconds: float) -> None:
        self._server, self._seconds = server, seconds
        self._end = 0.0
        self.times: dict[str, list[float]] = defaultdict(list)
        self._problems: list[str] = []

    def run(self) -> Memory:
        """Everybody at once. Raises AssertionError if anybody got another answer than he should."""
        threads = [threading.Thread(target=self._live, args=(number,)) for number in range(READERS + WRITERS)]
        self._end = time.monotonic() + self._seconds
        for thread in threads:
            thread.start()
        looks = []
        for look in range(LOOKS):
            time.sleep(max(0.0, self._end - self._seconds * (1 - (look + 1) / LOOKS) - time.monotonic()))
            looks.append(held(self._server))
        for thread in threads:
            thread.join()
        assert not self._problems, self._problems[:5]
        return Memory(looks)

    def _live(self, number: int) -> None:
        chance = random.Random(number)
        reads = number < READERS
        act = self._read if reads else self._write
        who = COMMITTEES + number if reads else number - READERS  # a member of number % 25, or the clerk of it
        try:
            with self._server.client(user(who), f"/dav/{share(who % COMMITTEES)}") as client:
                assert client.request("GET", "").status == 200  # the login is no part of what is measured
                while time.monotonic() < self._end:
                    act(client, chance, number)
        except (AssertionError, OSError) as problem:
            self._problems.append(f"{user(who)}: {problem!r}")

    def _read(self, client: DavClient, chance: random.Random, number: int) -> None:
        folder = f"/Ordner {chance.randrange(FOLDERS):03d}"
        with self._timed("PROPFIND", chance):
            answer = client.propfind(folder, "1", NAMED)
            assert answer.status == 207, answer.status
        with self._timed("GET", chance):
            answer = client.request("GET", f"{folder}/Anlage {chance.randrange(MEMBERS):03d} Protokoll.pdf")
            assert answer.status == 200, answer.status

    def _write(self, client: DavClient, chance: random.Random, number: int) -> None:
        path = f"/Ordner {chance.randrange(FOLDERS):03d}/Entwurf {number} {chance.randrange(20)}.odt"
        with self._timed("PUT", chance):
            answer = client.put(path, chance.randbytes(20_000))
            assert answer.status in (201, 204), answer.status
        with self._timed("DELETE", chance):
            answer = client.delete(path)
            assert answer.status == 204, answer.status

    def _timed(self, verb: str, chance: random.Random) -> _Timed:
        return _Timed(self.times[verb], chance.uniform(0, 2 * REST))


class _Timed:
    """Notes how long its block took, and rests afterwards."""

    def __init__(self, times: list[float], rest: float) -> None:
        self._times, self._rest = times, rest
        self._began = 0.0

    def __enter__(self) -> None:
        self._began = time.perf_counter()

    def __exit__(self, *_: object) -> None:
        self._times.append((time.perf_counter() - self._began) * 1000)
        time.sleep(self._rest)


def held(server: RunningServer) -> list[float]:
    """MiB of each worker that it shares with nobody, by /proc/…/smaps_rollup."""
    children = Path(f"/proc/{server.process.pid}/task/{server.process.pid}/children").read_text().split()
    found = []
    for child in children:
        rows = (line.split() for line in Path(f"/proc/{child}/smaps_rollup").read_text().splitlines()[1:])
        found.append(sum(int(row[1]) for row in rows if row[0] in ("Private_Clean:", "Private_Dirty:")) * 1024 / MIB)
    return found


def cost(verb: str, times: list[float]) -> Cost:
    ordered = sorted(times)

    def within(part: float) -> float:
        return ordered[min(len(ordered) - 1, math.ceil(part * len(ordered)) - 1)]

    return Cost(verb, len(ordered), within(0.5), within(0.95), within(0.99), ordered[-1])


def run(work: Path, seconds: float) -> Run:
    """Fill, then serve the crowd for so many seconds."""
    data = work / "data"
    work.mkdir()
    command("init", data=data)
    declare(data, declarations(), *(user(number) for number in range(PEOPLE)))
    with start(data, workers=2) as server:
        began = time.perf_counter()
        for number in range(COMMITTEES):
            fill(server, number)
        filled = time.perf_counter() - began
        crowd = Crowd(server, seconds)
        memory = crowd.run()
        server.stop()
    costs = [cost(verb, times) for verb, times in sorted(crowd.times.items())]
    return Run(costs, memory, COMMITTEES * FOLDERS * MEMBERS, filled)


def table(found: Run) -> str:
    lines = [f"{found.documents:,} documents in {COMMITTEES} drives, filled in {found.filled:.0f} s; {PEOPLE} people"]
    lines.append(f"{'verb':10} {'requests':>9} {'p50 ms':>8} {'p95 ms':>8} {'p99 ms':>8} {'most ms':>8}")
    for one in found.costs:
        lines.append(f"{one.verb:10} {one.requests:9} {one.p50:8.1f} {one.p95:8.1f} {one.p99:8.1f} {one.most:8.1f}")
    looks = "; ".join(" + ".join(f"{worker:.0f}" for worker in look) for look in found.memory.looks)
    return "\n".join([*lines, f"MiB of each worker, over time: {looks}"])
