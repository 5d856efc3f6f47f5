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
from pathlib import Path

from tests.bench import city, encrypting, finding, folders, reading, rights, servers, sync
from tests.bench.driving import UnusableError
from tests.bench.servers import Server, StartError
from tests.bench.works import Measure, Work, fill, works

Figures = dict[str, dict[str, float]]
"""Median by work and server; a server without a usable figure is missing."""


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--servers", default=",".join(servers.KNOWN), help="comma-separated, in the table's order")
    parser.add_argument("--only", default="", help="rows whose name contains this text")
    parser.add_argument("--seconds", type=int, default=3, help="length of one measurement of a rate")
    parser.add_argument("--rounds", type=int, default=3, help="the median of so many counts")
    parser.add_argument("--members", type=int, default=1000, help="documents in the listed folder")
    parser.add_argument("--big", type=int, default=256, help="MiB of the large document")
    parser.add_argument("--rights", action="store_true", help="only: what deciding costs of a cold listing of ours")
    parser.add_argument("--sync", action="store_true", help="only: what 10 changes in 100,000 documents cost a client")
    parser.add_argument("--reading", action="store_true", help="only: how long one waits for a page in the portal")
    parser.add_argument("--finding", action="store_true", help="only: how long one searches through all drives")
    parser.add_argument("--encrypting", action="store_true", help="only: what encryption costs; --big 1024")
    parser.add_argument("--folders", action="store_true", help="only: what verbs on a folder cost, by its members")
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


def measure_inside(chosen: argparse.Namespace) -> int:
    """The parts that need no other server."""
    costs: (
        list[rights.Cost]
        | list[sync.Cost]
        | list[reading.Cost]
        | list[finding.Cost]
        | list[encrypting.Cost]
        | list[folders.Cost]
    )
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        if chosen.rights:
            costs = rights.run(Path(name), chosen.members, max(chosen.rounds, rights.LEAST_ROUNDS))
            print(rights.table(costs))
        elif chosen.reading:
            costs = reading.run(Path(name) / "reading")
            print(reading.table(costs))
        elif chosen.finding:
            costs = finding.run(Path(name) / "finding")
            print(finding.table(costs))
        elif chosen.encrypting:
            rounds = max(chosen.rounds, encrypting.LEAST_ROUNDS)
            costs = encrypting.run(Path(name) / "encrypting", chosen.big, rounds)
            print(encrypting.table(costs))
        elif chosen.folders:
            costs = folders.run(Path(name) / "folders", max(chosen.rounds, folders.LEAST_ROUNDS))
            print(folders.table(costs))
        else:
            costs = sync.run(Path(name))
            print(sync.table(costs))
    if chosen.json:
        chosen.json.write_text(json.dumps([cost._asdict() for cost in costs], indent=2) + "\n")
    return 0


def main() -> int:
    chosen = arguments()
    if chosen.city:
        with tempfile.TemporaryDirectory(prefix="bench-") as name:
            print(city.table(city.run(Path(name) / "city", chosen.seconds)))
        return 0
    if chosen.rights or chosen.sync or chosen.reading or chosen.finding or chosen.encrypting or chosen.folders:
        return measure_inside(chosen)
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
