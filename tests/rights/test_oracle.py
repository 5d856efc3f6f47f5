"""The house against the oracle: random steps, and not one disagreement (rights.md, must-show 3; security.md, S-10)."""

from __future__ import annotations

import os
import time
from collections import Counter
from pathlib import Path

import pytest

from tests.rights.playing import BEGIN, DAY, SECOND, Stage, Step
from tests.rights.writing import OPENING, WAYS, Author
from tests.soaking import SOAK

STEPS = 100_000 if SOAK else 10_000
SEED = int(os.environ.get("ORACLE_SEED", "1"))
PLANTED = 20
"""Requests of each method, by each way in, that must have met a rule."""


def replay(directory: Path, steps: list[Step]) -> tuple[int, str]:
    """(how many steps agreed, the first problem)."""
    stage = Stage(directory)
    try:
        for number, step in enumerate(steps):
            problem = stage.play(step).problem
            if problem:
                return number, problem
        return len(steps), ""
    finally:
        stage.close()


def shortened(tmp: pytest.TempPathFactory, steps: list[Step], seconds: float = 90) -> list[Step]:
    """The fewest steps, found in some time, that still end in a disagreement."""
    until, size = time.monotonic() + seconds, len(steps)
    while size and time.monotonic() < until:
        start = 0
        while start < len(steps) - 1 and time.monotonic() < until:
            fewer = steps[:start] + steps[min(start + size, len(steps) - 1) :]
            number, problem = replay(tmp.mktemp("replay"), fewer)
            if problem:
                steps = fewer[: number + 1]
            else:
                start += size
        size //= 2
    return steps


def test_the_house_agrees_with_the_oracle(tmp_path_factory: pytest.TempPathFactory) -> None:
    """10,000 steps over tree, people, labels, meetings, shares, links, clock, methods, headers: 0 disagreements."""
    stage = Stage(tmp_path_factory.mktemp("house"))
    author, played, seen = Author(stage, SEED), list[Step](), Counter[str]()
    try:
        for number in range(STEPS):
            step = OPENING[number] if number < len(OPENING) else author.step()
            played.append(step)
            outcome = stage.play(step)
            if outcome.answer is not None:
                seen[f"{step[-1]['method']} {outcome.answer.status}"] += 1
            if outcome.problem:
                break
    finally:
        stage.close()
    if outcome.problem:
        few = shortened(tmp_path_factory, played)
        _, problem = replay(tmp_path_factory.mktemp("last"), few)
        lines = "\n".join(repr(step) for step in few)
        pytest.fail(f"seed {SEED}, step {len(played)}: {outcome.problem}\nshortest replay:\n{lines}\n{problem}")
    wanted = ("GET 404", "GET 403", "GET 200", "PUT 201", "PUT 403", "DELETE 204", "MOVE 201", "COPY 201", "LOCK 201")
    assert [key for key in wanted if not seen[key]] == []
    assert stage.mirrors.followed >= STEPS // 100
    assert_planted(stage.met)


def assert_planted(met: Counter[tuple[str, str, str]]) -> None:
    """S-10: at least 20 planted rules for each method and way in; and each kind of rule was met on each way."""
    each = Counter[tuple[str, str]]()
    for (front, method, _), count in met.items():
        each[front, method] += count
    kinds = {front: sorted({rule for way, _, rule in met if way == front}) for front in WAYS}
    for front in WAYS:
        print(front, {method: each[front, method] for method in WAYS[front]}, kinds[front])
    rare = {(front, method) for front in WAYS for method in WAYS[front] if each[front, method] < PLANTED}
    assert not rare, rare


def test_the_oracle_is_not_blind(tmp_path: Path) -> None:
    """A label that the house was not told of is a disagreement: the comparison can fail."""
    stage = Stage(tmp_path)
    try:
        stage.play(("ask", "clara", "full", {"method": "PUT", "path": ("ba05", "x"), "body": "x"}))
        stage.world["labels"][max(stage.world["nodes"])] = {"release": BEGIN - DAY - SECOND}
        listing = {"method": "PROPFIND", "path": ("ba05",), "deep": True}
        assert "listing" in stage.play(("ask", "otto", "full", listing)).problem
    finally:
        stage.close()
