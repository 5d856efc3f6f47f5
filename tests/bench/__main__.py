"""`python -m tests.bench`: fills every server, measures in interleaved rounds, prints medians and ratios as a table."""

from __future__ import annotations

import argparse
import contextlib
import json
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple, Protocol, TypeVar

from tests.bench import city, encrypting, finding, folders, reading, rights, servers, sync
from tests.bench.driving import UnusableError
from tests.bench.servers import Server, StartError
from tests.bench.works import Measure, Work, fill, works

Figures = dict[str, dict[str, float]]
"""Median by work and server; a server without a usable figure is missing."""


class Cost(Protocol):
    """One line of a part's figures."""

    def _asdict(self) -> dict[str, Any]: ...


Found = TypeVar("Found", bound=Cost)


class Part(NamedTuple):
    """A part that needs no other server."""

    purpose: str
    run: Callable[[Path, argparse.Namespace], tuple[str, Sequence[Cost]]]
    """In a directory that is not there yet, by the arguments: the figures as a table, and as they are."""


def told(table: Callable[[list[Found]], str], costs: list[Found]) -> tuple[str, Sequence[Cost]]:
    return table(costs), costs


PARTS = {
    "rights": Part(
        "what deciding costs of a cold listing of ours",
        lambda work, chosen: told(
            rights.table, rights.run(work, chosen.members, max(chosen.rounds, rights.LEAST_ROUNDS))
        ),
    ),
    "sync": Part(
        "what 10 changes in 100,000 documents cost a client",
        lambda work, chosen: told(sync.table, sync.run(work)),
    ),
    "reading": Part(
        "how long one waits for a page in the portal",
        lambda work, chosen: told(reading.table, reading.run(work)),
    ),
    "finding": Part(
        "how long one searches through all drives",
        lambda work, chosen: told(finding.table, finding.run(work)),
    ),
    "encrypting": Part(
        "what encryption costs; --big 1024",
        lambda work, chosen: told(
            encrypting.table, encrypting.run(work, chosen.big, max(chosen.rounds, encrypting.LEAST_ROUNDS))
        ),
    ),
    "folders": Part(
        "what verbs on a folder cost, by its members",
        lambda work, chosen: told(folders.table, folders.run(work, max(chosen.rounds, folders.LEAST_ROUNDS))),
    ),
}


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--servers", default=",".join(servers.KNOWN), help="comma-separated, in the table's order")
    parser.add_argument("--only", default="", help="rows whose name contains this text")
    parser.add_argument("--seconds", type=int, default=3, help="length of one measurement of a rate")
    parser.add_argument("--rounds", type=int, default=3, help="the median of so many counts")
    parser.add_argument("--members", type=int, default=1000, help="documents in the listed folder")
    parser.add_argument("--big", type=int, default=256, help="MiB of the large document")
    for name, part in PARTS.items():
        parser.add_argument(f"--{name}", action="store_true", help=f"only: {part.purpose}")
    parser.add_argument("--city", action="store_true", help="only: Munich's size, 60 people at work; --seconds 600")
    parser.add_argument("--json", type=Path, help="also write the figures to this file")
    parser.add_argument("--smoke", action="store_true", help="a minute: does everything still run?")
    chosen = parser.parse_args()
    if chosen.smoke:
        chosen.seconds, chosen.rounds, chosen.members, chosen.big = 1, 1, 100, 16
    unknown = [name for name in chosen.servers.split(",") if name not in servers.KNOWN]
    if unknown:
        parser.error(f"unknown server {', '.join(unknown)}; known: {', '.join(servers.KNOWN)}")
    return chosen


def say(text: str) -> None:
    """Progress goes beside the table, not into it."""
    print(text, file=sys.stderr, flush=True)


def start(names: list[str], work: Path, measure: Measure, stack: contextlib.ExitStack) -> list[Server]:
    """Started and filled; what is not installed or fails is said and left out."""
    running = []
    for name in names:
        if not servers.is_installed(name):
            say(f"{name}: not installed")
            continue
        started = time.perf_counter()
        try:
            server = servers.launch(name, work)
            stack.callback(server.stop)
            fill(server, measure)
        except (StartError, UnusableError, OSError) as problem:
            say(f"{name}: left out: {problem}")
            continue
        say(f"{name}: filled in {time.perf_counter() - started:.1f} s {'; '.join(server.notes)}")
        running.append(server)
    return running


def run(rows: list[Work], running: list[Server], measure: Measure, rounds: int) -> Figures:
    """All servers take their turn in each round, so a drift of the machine's speed hits them alike."""
    figures: Figures = {}
    for row in rows:
        seen: dict[str, list[float]] = {}
        for _ in range(rounds):
            for server in running:
                try:
                    seen.setdefault(server.name, []).append(row.run(server, measure))
                except (UnusableError, OSError) as problem:
                    say(f"{server.name}: {row.name}: {problem}")
        figures[row.name] = {name: statistics.median(values) for name, values in seen.items()}
        first = running[0].name
        say(f"{row.name}: {first} {figure(figures[row.name].get(first))}")
    return figures


def figure(value: float | None) -> str:
    if value is None:
        return "–"
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def table(figures: Figures, running: list[Server]) -> str:
    """Markdown: the first server's figures, then each other's with the ratio first / other."""
    first, *others = [server.name for server in running]
    lines = ["| work | " + " | ".join([first, *(f"{name} (ratio)" for name in others)]) + " |"]
    lines.append("|---|" + "---|" * len(running))
    for name, row in figures.items():
        cells = [figure(row.get(first))]
        for other in others:
            value, ours = row.get(other), row.get(first)
            cells.append(figure(value) + (f" ({ours / value:.2f})" if value and ours else ""))
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(lines)


def measure_inside(part: Part, chosen: argparse.Namespace) -> None:
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        text, costs = part.run(Path(name) / "part", chosen)
    print(text)
    if chosen.json:
        chosen.json.write_text(json.dumps([cost._asdict() for cost in costs], indent=2) + "\n")


def main() -> int:
    chosen = arguments()
    if chosen.city:
        with tempfile.TemporaryDirectory(prefix="bench-") as name:
            print(city.table(city.run(Path(name) / "city", chosen.seconds)))
        return 0
    for name, part in PARTS.items():
        if getattr(chosen, name):
            measure_inside(part, chosen)
            return 0
    for client in ("wrk", "curl"):
        if not shutil.which(client):
            say(f"the bench needs {client}; install it (Debian: apt install {client})")
            return 1
    with (
        tempfile.TemporaryDirectory(prefix="bench-", ignore_cleanup_errors=True) as name,
        contextlib.ExitStack() as stack,
    ):
        work = Path(name)
        work.chmod(0o755)  # Apache's children are another user
        measure = Measure(chosen.seconds, chosen.members, chosen.big, work)
        running = start(chosen.servers.split(","), work, measure, stack)
        if not running:
            return 1
        rows = [row for row in works(measure) if chosen.only.lower() in row.name.lower()]
        figures = run(rows, running, measure, chosen.rounds)
        print(table(figures, running))
        for server in running:
            for note in server.notes:
                print(f"\n{server.name}: {note}.")
        if chosen.json:
            chosen.json.write_text(json.dumps(figures, indent=2) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
