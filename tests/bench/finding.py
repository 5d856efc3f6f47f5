"""`make bench ARGS="--finding"`: how long a search takes at Munich's size, in one process.

For readers of one and of all of 25 drives with 10,000 documents each, in folders of meetings and their items; every
fifth item is not public. Asked for is a word that nothing is called, so that everything has to be looked at.
"""

from __future__ import annotations

import statistics
import time
from pathlib import Path
from typing import NamedTuple

from acl import store
from acl.labels import ON_CREATION, Classification, Label
from acl.principals import Channel, Principal, PrincipalKind
from davserver.app import forest_of
from davserver.declarations import parse_declaration
from davserver.declaring import declare
from davserver.house import House
from davserver.tree.locking import GuardedTree
from davserver.tree.searching import Searching
from shareproviders.contract import Expected, Writing
from shareproviders.paths import SharePath
from tests.bench.rights import opened

DRIVES, MEETINGS, ITEMS, PAPERS, ROUNDS = 25, 50, 20, 10, 5
SECRET_EACH = 5
GOAL = 1000
"""Milliseconds that the portal may take."""
READERS = {"a member of one drive": 1, "a member of all drives": DRIVES}
QUERIES = {"nothing is called so": "Bahnhofsvorplatz", "one in each drive": "Anlage 07 zu TOP 13 vom Tag 31"}


class Cost(NamedTuple):
    """One reader with one query."""

    what: str
    first: float
    """Milliseconds, when the process has looked at nothing yet."""
    again: float
    """The median of the later ones."""
    after_a_change: float
    """When one document was added in one drive."""
    hits: int


def declaration() -> str:
    lines = ["[[person]]", 'user = "clara"', 'name = "Clara"', "undertaking = 2026-01-01"]
    for number in READERS.values():
        lines += ["[[person]]", f'user = "m{number}"', f'name = "Member {number}"', "undertaking = 2026-01-01"]
    for drive in range(DRIVES):
        lines += ["[[committee]]", f'id = "b{drive:02d}"', f'name = "BA {drive}"', 'provider = "vault"']
        lines += ['default_class = "public"', "has_meetings = false"]
        offices = {"clara": "clerk", **{f"m{number}": "member" for number in READERS.values() if drive < number}}
        for user, role in offices.items():
            lines += ["[[committee.mandate]]", f'user = "{user}"', f'role = "{role}"', "start = 2026-01-01"]
    return "\n".join(lines)


def fill(house: House, share: str) -> None:
    """One meeting by documents of its own, the others copied from it and named anew."""
    provider, writing = house.share(share), Writing("user:clara", house.clock())
    staged = provider.stage([share.encode()])
    with house.database.transaction():
        for item in range(ITEMS):
            if not item:
                provider.make_collection(SharePath(("Tag 00",)), writing)
            provider.make_collection(SharePath(("Tag 00", f"TOP {item:02d} Anhörung")), writing)
            for paper in range(PAPERS):
                name = f"Anlage {paper:02d} zu TOP {item:02d}.pdf"
                provider.put(SharePath(("Tag 00", f"TOP {item:02d} Anhörung", name)), staged, Expected(), writing)
    staged.discard()
    for meeting in range(1, MEETINGS):
        with house.database.transaction():
            provider.copy(SharePath(("Tag 00",)), SharePath((f"Tag {meeting:02d}",)), writing, deep=True)
    one = SharePath(("Tag 31", "TOP 13 Anhörung"))
    with house.database.transaction():
        name = "Anlage 07 zu TOP 13"
        provider.move(one / f"{name}.pdf", one / f"{name} vom Tag 31.pdf", writing)
    label_items(house, share)


def label_items(house: House, share: str) -> None:
    provider = house.share(share)
    now = Label(Classification.PUBLIC, ON_CREATION), Label(Classification.NON_PUBLIC, ON_CREATION)
    for meeting in provider.children(provider.stat(SharePath(()))):
        with house.database.transaction() as connection:
            store.set_label(connection, share, meeting.id, now[0])
            for place, item in enumerate(provider.children(meeting)):
                store.set_label(connection, share, item.id, now[place % SECRET_EACH == 0])


class Town:
    """The house, and who searches in it."""

    def __init__(self, house: House) -> None:
        self.house = house
        declare(house, parse_declaration(declaration()), "command:bench")
        for drive in range(DRIVES):
            fill(house, f"b{drive:02d}")

    def change(self, number: int) -> None:
        """One new document."""
        provider, writing = self.house.share("b00"), Writing("user:clara", self.house.clock())
        staged = provider.stage([b"new"])
        with self.house.database.transaction():
            provider.put(SharePath((f"neu {number}.pdf",)), staged, Expected(), writing)
        staged.discard()

    def measure(self, reader: str, drives: int, what: str, query: str) -> Cost:
        forest = forest_of(self.house)

        def search() -> tuple[float, int]:
            started = time.perf_counter()
            tree = GuardedTree(forest, Principal(PrincipalKind.USER, f"m{drives}"), Channel.PORTAL)
            hits = Searching(tree).search(query)
            took = (time.perf_counter() - started) * 1000
            return took if hits.complete else float("inf"), len(hits.found)

        first, hits = search()
        again = statistics.median(search()[0] for _ in range(ROUNDS))
        changed = []
        for number in range(ROUNDS):
            self.change(number)
            changed.append(search()[0])
        return Cost(f"{reader}, {what}", first, again, statistics.median(changed), hits)


def run(work: Path) -> list[Cost]:
    with opened(work) as house:
        town = Town(house)
        return [
            town.measure(reader, drives, what, query)
            for reader, drives in READERS.items()
            for what, query in QUERIES.items()
        ]


def table(costs: list[Cost]) -> str:
    papers = MEETINGS * ITEMS * PAPERS
    lines = [f"{DRIVES} drives of {papers:,} documents; ms; goal {GOAL}", ""]
    lines += ["| search | first | again | after a change | hits |", "|---|---|---|---|---|"]
    lines += [f"| {c.what} | {c.first:,.0f} | {c.again:,.0f} | {c.after_a_change:,.0f} | {c.hits} |" for c in costs]
    return "\n".join(lines)
