"""`make bench ARGS="--folders"`: what verbs on a folder cost, by how much lies in it (performance.md §2).

MOVE and DELETE of 10,000 members may take three times as long as of 100; COPY grows with the members, 15 µs for each.
"""

from __future__ import annotations

import statistics
import time
from pathlib import Path
from typing import NamedTuple

from tests.davclient import DavClient
from tests.running import install, start

SIZES = (100, 1_000, 10_000)
LEAST_ROUNDS = 3


class Cost(NamedTuple):
    """Of a folder with so many documents; milliseconds, medians."""

    members: int
    copy: float
    move: float
    delete: float


def timed(client: DavClient, verb: str, path: str, **headers: str) -> float:
    """Milliseconds of a request that does what it asks for."""
    begun = time.perf_counter()
    status = client.request(verb, path, None, headers).status
    took = (time.perf_counter() - begun) * 1000
    assert status in (201, 204), f"{verb} answered {status}"
    return took


def measured(client: DavClient, members: int, rounds: int) -> Cost:
    """A copy of a folder of 1,000 bytes in each document is made, moved and deleted, again and again."""
    source = f"/{members}"
    assert client.mkcol(source).status == 201
    for number in range(members):
        assert client.put(f"{source}/{number}", b"y" * 1000).status == 201
    copied, moved = f"{source}-copy", f"{source}-moved"
    times = [
        (
            timed(client, "COPY", source, Destination=client.url(copied)),
            timed(client, "MOVE", copied, Destination=client.url(moved)),
            timed(client, "DELETE", moved),
        )
        for _ in range(rounds)
    ]
    return Cost(members, *(statistics.median(column) for column in zip(*times, strict=True)))


def run(work: Path, rounds: int) -> list[Cost]:
    """On an installation of its own."""
    work.mkdir()
    with start(install(work)) as server, server.client("clara", "/dav/ba05/Ordner") as client:
        assert client.mkcol("").status == 201
        return [measured(client, members, rounds) for members in SIZES]


def table(costs: list[Cost]) -> str:
    first, last = costs[0], costs[-1]
    lines = [f"{'members':>8} {'COPY ms':>9} {'MOVE ms':>9} {'DELETE ms':>9}"]
    lines += [f"{each.members:8,} {each.copy:9.1f} {each.move:9.1f} {each.delete:9.1f}" for each in costs]
    member = (last.copy - first.copy) / (last.members - first.members) * 1000
    lines.append(
        f"COPY {member:.1f} µs a member (15); {last.members:,} to {first.members} members: "
        f"MOVE {last.move / first.move:.2f} (3), DELETE {last.delete / first.delete:.2f} (3)"
    )
    return "\n".join(lines)
