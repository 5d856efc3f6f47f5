"""The house against the oracle: random steps, and not one disagreement (rights.md, must-show 3)."""

from __future__ import annotations

import os
import random
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tests.rights import answers, oracle
from tests.rights.playing import BEGIN, COMMITTEES, DAY, HOUR, PEOPLE, SECOND, Stage, Step

STEPS = int(os.environ.get("SOAK", "10000"))
SEED = int(os.environ.get("ORACLE_SEED", "1"))
LARGEST = 45
BUSY = {"clara": 4, "otto": 3, "vera": 2, "paul": 4, "anna": 4, "vroni": 3, "fritz": 3}
NAMES = ("Anlage", "Bericht.odt", "Etat.pdf", "TOP 1", "Größe.txt", "Notiz", "a b&c.doc")
METHODS = {"PROPFIND": 9, "GET": 6, "HEAD": 1, "PUT": 8, "MKCOL": 5, "DELETE": 3, "MOVE": 5, "COPY": 4}
METHODS |= {"PROPPATCH": 2, "LOCK": 2, "OPTIONS": 1}
FACTS = {"clock": 5, "label": 6, "entry": 4, "unentry": 2, "mandate": 2, "end": 1, "pledge": 1, "point": 1, "recuse": 2}
GIVEN = ("discover", "view", "read", "read write", "read bind", "read bind unbind", "read write-content comment", "all")
DENIED = ("discover", "view", "read", "write", "bind", "write-content unbind")


OPENING: tuple[Step, ...] = (
    *(
        ("ask", clerk, "full", {"method": "DELETE", "path": (share, "00 Eingang")})  # its rule is a test of its own
        for share, clerk in (("ba05", "clara"), ("ba06", "anna"), ("fr", "vroni"))
    ),
    *(
        ("entry", (share,), f"role:{role}", "discover write", {})
        for share in ("ba05", "ba06")
        for role in ("member", "chair")
    ),
    *(
        ("ask", clerk, "full", {"method": "MKCOL" if last[-1] == "s" else "PUT", "path": (share, *path, last)})
        for share, clerk in (("ba05", "clara"), ("ba06", "anna"), ("fr", "vroni"))
        for *path, last in (("Papers",), ("Papers", "a"), ("Papers", "Annexes"), ("Papers", "Annexes", "b"), ("Lists",))
    ),
    ("label", ("ba05", "Papers"), {"class": "restricted", "release": BEGIN - DAY}),
    ("label", ("ba05", "Papers", "Annexes"), {"class": "non_public"}),
    ("label", ("ba05", "Lists"), {"class": "public", "release": BEGIN - DAY, "publish": BEGIN - HOUR}),
    ("label", ("ba06", "Papers"), {"class": "public", "release": BEGIN + HOUR}),
)
"""What every play begins with, so that there is something to be found out."""


class Author:
    """Thinks up steps that fit the world as it is, mostly where something is to be found out."""

    def __init__(self, stage: Stage, seed: int) -> None:
        self.stage, self.dice = stage, random.Random(seed)

    def step(self) -> Step:
        if self.dice.random() < 0.8:
            return self.request()
        word = self.weighted(FACTS)
        step: Step = getattr(self, f"fact_{word}")()
        return step

    def weighted(self, weights: dict[str, int]) -> str:
        return self.dice.choices(list(weights), list(weights.values()))[0]

    def place(self, *, folder: bool | None = None) -> tuple[str, ...]:
        nodes = self.stage.world["nodes"]
        fitting = [node for node, facts in nodes.items() if folder is None or facts["folder"] is folder]
        return self.stage.path(self.dice.choice(fitting))

    def name(self) -> tuple[str, ...]:
        """A place for something: often free, sometimes taken, sometimes beneath nothing."""
        if self.dice.random() < 0.2:
            return self.place()
        folder = self.place(folder=self.dice.random() < 0.97)
        if self.dice.random() < 0.04:
            folder = (*folder, "nirgends")
        return (*folder, self.dice.choice(NAMES))

    def request(self) -> Step:
        dice, method = self.dice, self.weighted(METHODS)
        crowded = len(self.stage.world["nodes"]) > LARGEST
        if crowded and method in ("PUT", "MKCOL", "COPY") and dice.random() < 0.7:
            method = "DELETE"
        who = dice.choices(list(self.stage.askers), [BUSY.get(name, 1) for name, _ in self.stage.askers])[0]
        r: dict[str, Any] = {"method": method}
        if method in ("PUT", "MKCOL", "LOCK"):
            r["path"] = self.name()
        else:
            r["path"] = self.name() if dice.random() < 0.1 else self.place()
        if method in ("PROPFIND", "COPY", "LOCK"):
            r["deep"] = dice.random() < 0.85 if method != "LOCK" else dice.random() < 0.3
        if method == "PROPFIND" and dice.random() < 0.05:
            r["path"] = ()
        if method in ("MOVE", "COPY"):
            r |= {"to": self.name(), "overwrite": dice.random() < 0.7}
        self.submit(who[0], r)
        return ("ask", *who, r)

    def submit(self, name: str, r: dict[str, Any]) -> None:
        """The token of his own lock, sometimes."""
        node = answers.find(self.stage.world, r["path"]) if r["path"] else None
        own = [k for k in self.stage.world["locks"] if k["node"] == node and k["by"] == name]
        if own and own[-1]["until"] > self.stage.now and r["method"] in ("PUT", "PROPPATCH", "DELETE", "MOVE"):
            r["token"] = own[-1]["token"]

    def when(self) -> int:
        """An instant around now; some shared, so that edges meet."""
        hours = self.dice.choice((-2000, -48, -1, 0, 1, 2, 24, 48, 200))
        return self.stage.now - self.stage.now % HOUR + hours * HOUR

    def fact_clock(self) -> Step:
        return ("clock", self.dice.choice((1, 60, 599, 3600, 7200, 40_000)))

    def fact_label(self) -> Step:
        dice = self.dice
        path = next((path for path in (self.place() for _ in range(4)) if len(path) > 1), ("ba05", "Papers"))
        grades = [grade for grade in oracle.CLASSES if (grade == "faction") == (path[0] == "fr")]
        parts = {
            "class": dice.choice([*grades, None, None]),
            "release": dice.choice((0, 0, oracle.NEVER, self.when(), self.when(), None, None)),
            "close": dice.choice((self.when(), *[None] * 9)),
            "publish": dice.choice((self.when(), None, None)),
        }
        return ("label", path, parts)

    def fact_entry(self) -> Step:
        dice = self.dice
        path = self.place(folder=True if dice.random() < 0.7 else None)
        denying = dice.random() < 0.25 and len(path) > 1
        kinds = [f"user:{dice.choice(list(PEOPLE))}"] * 3 + [
            f"role:{dice.choice(('member', 'clerk', 'guest', 'chair'))}"
        ]
        who = dice.choice([*kinds, f"committee:{dice.choice(list(COMMITTEES))}", "authenticated", "all"])
        more: dict[str, Any] = {"start": self.when(), "end": None} if dice.random() < 0.3 else {}
        if more and dice.random() < 0.7:
            more["end"] = more["start"] + dice.choice((1, 24, 100)) * HOUR
        if denying:
            return ("entry", path, who, dice.choice(DENIED), {**more, "deny": True})
        return ("entry", path, who, dice.choice(GIVEN), {**more, "cut": dice.random() < 0.15})

    def fact_unentry(self) -> Step:
        entries = [e for e in self.stage.world["entries"] if e["node"] in self.stage.world["nodes"]]
        if not entries:
            return self.fact_entry()
        return ("unentry", self.stage.path(self.dice.choice(entries)["node"]))

    def fact_mandate(self) -> Step:
        dice = self.dice
        role = dice.choice(("member", "guest", "vice_chair", "sub_member", "department", "chair", "press"))
        start = self.when()
        end = dice.choice((None, start + 24 * HOUR, start + 400 * HOUR))
        return ("mandate", dice.choice(list(PEOPLE)), dice.choice(list(COMMITTEES)), role, start, end)

    def fact_end(self) -> Step:
        running = [m for m in self.stage.world["mandates"] if m["role"] != "clerk" and oracle.holds(m, self.stage.now)]
        m = self.dice.choice(running or self.stage.world["mandates"])
        return ("end", m["person"], m["share"], m["role"])

    def fact_point(self) -> Step:
        matter = self.dice.choice((None, "20-26 / V 00001", "20-26 / B 00002"))
        return ("point", self.place(folder=True) if self.dice.random() < 0.8 else self.place(), matter)

    def fact_recuse(self) -> Step:
        dice, start = self.dice, self.when()
        end = start + dice.choice((24, 100)) * HOUR
        person = dice.choice([name for name in PEOPLE if name not in ("clara", "anna")])
        return ("recuse", person, dice.randrange(50), dice.random() < 0.5, start, end)

    def fact_pledge(self) -> Step:
        return ("pledge", self.dice.choice(list(PEOPLE)), self.when())


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
    """10,000 steps, tree, people, labels, entries, clock, methods: 0 disagreements in status and in names shown."""
    stage = Stage(tmp_path_factory.mktemp("house"))
    author, played, seen = Author(stage, SEED), list[Step](), Counter[str]()
    try:
        for number in range(STEPS):
            step = OPENING[number] if number < len(OPENING) else author.step()
            played.append(step)
            outcome = stage.play(step)
            if outcome.answer is not None:
                seen[f"{step[3]['method']} {outcome.answer.status}"] += 1
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
    assert all(seen[key] for key in wanted), seen


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
