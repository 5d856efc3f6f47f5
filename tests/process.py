"""What a running server holds, as the kernel tells it: memory, descriptors and threads of its worker processes."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tests.running import RunningServer


@dataclass(frozen=True)
class Held:
    """Sums over all workers."""

    memory: int
    """Resident bytes."""
    descriptors: int
    threads: int


def workers(server: RunningServer) -> list[int]:
    """Process ids."""
    parent = server.process.pid
    return [int(each) for each in Path(f"/proc/{parent}/task/{parent}/children").read_text().split()]


def held(server: RunningServer) -> Held:
    places = [Path(f"/proc/{process}") for process in workers(server)]
    return Held(
        memory=sum(_fact(place, "VmRSS") * 1024 for place in places),
        descriptors=sum(len(list((place / "fd").iterdir())) for place in places),
        threads=sum(_fact(place, "Threads") for place in places),
    )


def _fact(place: Path, name: str) -> int:
    lines = (place / "status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(name + ":"))
