"""`make bench ARGS="--encrypting"`: one large document into a vault and out of it, and the same on a plain directory.

One server, one login, one disk; the plain directory keeps bytes as they come. So the ratio is what encryption costs,
with the hashing and the integrity of each piece. The bar is security.md's S-31.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import time
from pathlib import Path
from typing import NamedTuple

from tests.running import PASSWORD, RunningServer, install, start

MIB = 1024 * 1024
LEAST_ROUNDS = 3
BAR = 0.6
"""Of the speed without encryption."""
DRIVES = ("ba05", "archiv")
"""The vault, the plain directory."""


class Cost(NamedTuple):
    """One way of the document."""

    what: str
    encrypted: float
    """MiB/s, median."""
    plain: float
    ratio: float


def seconds(server: RunningServer, drive: str, *words: str) -> float:
    """That `curl` needs for the whole document."""
    address = f"{server.url}dav/{drive}/Arbeitsordner/large.bin"
    begun = time.perf_counter()
    subprocess.run(["curl", "-fsS", "-u", f"clara:{PASSWORD}", "-o", os.devnull, *words, address], check=True)
    return time.perf_counter() - begun


def measured(server: RunningServer, body: Path, rounds: int) -> list[Cost]:
    """Interleaved, the first round not counted; a GET reads what the PUT before it brought."""
    size = body.stat().st_size / MIB
    ways = {"PUT": ("-T", str(body)), "GET": ()}
    times: dict[tuple[str, str], list[float]] = {(way, drive): [] for way in ways for drive in DRIVES}
    for number in range(rounds + 1):
        for way, words in ways.items():
            for drive in DRIVES if number % 2 else reversed(DRIVES):
                took = seconds(server, drive, *words)
                if number:
                    times[way, drive].append(took)
    speeds = {key: size / statistics.median(each) for key, each in times.items()}
    return [
        Cost(
            f"{way} {size:,.0f} MiB",
            *(speeds[way, drive] for drive in DRIVES),
            speeds[way, "ba05"] / speeds[way, "archiv"],
        )
        for way in ways
    ]


def run(work: Path, mebibytes: int, rounds: int) -> list[Cost]:
    """On an installation of its own."""
    work.mkdir()
    body = work / "large.bin"
    with body.open("wb") as file:
        for _ in range(mebibytes):
            file.write(os.urandom(MIB))
    with start(install(work)) as server:
        return measured(server, body, rounds)


def table(costs: list[Cost]) -> str:
    lines = [f"{'':16} {'vault MiB/s':>12} {'plain MiB/s':>12} {'ratio':>6} {'bar':>5}"]
    lines += [
        f"{each.what:16} {each.encrypted:12.0f} {each.plain:12.0f} {each.ratio:6.2f} {BAR:5.2f}" for each in costs
    ]
    return "\n".join(lines)
