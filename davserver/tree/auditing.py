"""Who has read which non-public paper: for auditors, bound to a purpose; and for everyone what he has read himself.

`read-log` shows the log and no paper (rights.md §2): an auditor meets numbers and classes, and titles only of what he
may discover as anybody else. Each look is a line in the same log, written before anything is shown.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from sqlalchemy import select

from acl import store
from acl.engine import View
from acl.labels import Classification
from acl.principals import PrincipalKind
from acl.privileges import Rights
from davserver.house import House
from davserver.instants import shown
from davserver.schema import person
from davserver.tree.finding import Described, Finding
from davserver.tree.forest import SharePlaces
from davserver.tree.locking import GuardedTree
from shareproviders.contract import NotFound

READ, LOOK = "read", "read-log"
"""In the log: a paper was read; somebody has looked at who has read what."""


class Search(NamedTuple):
    """What an auditor wants to see, and what for."""

    share: str
    purpose: str
    """A word and a file number; no names, since it stands in the log."""
    node: int | None = None
    person: str = ""
    """Login name; empty: everybody."""
    since: int | None = None
    until: int | None = None
    """The first instant that is not meant any more."""

    @property
    def told(self) -> str:
        """As the log tells it; the paper stands in the line itself."""
        window = f"{shown(self.since)} to {shown(self.until)}" if self.since or self.until else ""
        return "; ".join(part for part in (self.purpose, self.person, window) if part)


class Line(NamedTuple):
    """One reading, or one look at this log."""

    at: int
    who: str
    """Name for people, or the key of a principal whom nobody knows; empty for a link."""
    link: str
    """Its number; empty for a person."""
    is_look: bool
    node: int
    """0 for a look at all papers."""
    classification: Classification | None
    paper: Described | None
    """None for what the asker may not discover."""
    detail: str
    """Of a look: what it was for."""


class Auditing:
    """The log of readings, for one asker."""

    def __init__(self, house: House, tree: GuardedTree) -> None:
        self.house, self.tree = house, tree

    def committees(self) -> dict[str, str]:
        """Id → name of those whose log of readings is open to the asker."""
        forest, now, found = self.tree.forest, self.tree.clock(), {}
        for share in sorted(forest.shares()):
            places = SharePlaces(share, forest.provider(share))
            view = self.tree._view(places)
            if Rights.READ_LOG & view.granted(forest.rules.root(places), now).rights:
                found[share] = view.rules.committee.name
        return found

    def people(self, share: str) -> dict[str, str]:
        """Login name → name of all who hold or held an office there, by name. Raises NotFound."""
        self._admit(share)
        with self.house.database.read() as connection:
            users = {mandate.person for mandate in store.mandates_in(connection, share)}
            rows = connection.execute(select(person.c.user, person.c.name).where(person.c.user.in_(users)))
            return dict(sorted(((row.user, row.name) for row in rows), key=lambda each: each[1].casefold()))

    def _admit(self, share: str) -> None:
        """Whoever may not see the log learns no more than that there is nothing."""
        if share not in self.committees():
            raise NotFound("there is nothing here")

    def look(self, wanted: Search, limit: int) -> list[Line]:
        """The newest readings, and looks at them; noted first. Raises NotFound, Unavailable."""
        with self.house.database.transaction() as connection:
            self._admit(wanted.share)
            by, node = self.tree.principal.key, wanted.node or 0
            self.house.audit.note(connection, by, LOOK, share=wanted.share, node=node, detail=wanted.told)
        self.house.reads.flush()  # what this process has not written yet belongs to it too
        rows = self.house.audit.show(
            who=f"user:{wanted.person}" if wanted.person else None,
            share=wanted.share,
            acts=(READ, LOOK),
            node=wanted.node,
            since=wanted.since,
            until=wanted.until,
            limit=limit,
        )
        return self._lines(wanted.share, list(rows))

    def _lines(self, share: str, rows: list[dict[str, Any]]) -> list[Line]:
        """Those about papers whose log is open to the asker; what is destroyed has no class any more, so it is not."""
        places = SharePlaces(share, self.tree.forest.provider(share))
        view = self.tree.forest.rules.trash_view(places, self.tree.principal, self.tree.channel)
        with self.house.database.read() as connection:
            lineages = places.kept_lineages(int(row["node"]) for row in rows if row["node"])
            known = {row.user: row.name for row in connection.execute(select(person.c.user, person.c.name))}
        papers: dict[int, Described | None] = {}
        found = []
        for row in rows:
            node = int(row["node"])
            if node and not self._is_open(view, lineages.get(node)):
                continue
            if node and node not in papers:
                papers[node] = self._paper(share, node)
            classification = view.rules.bound_at(lineages[node]).classification if node else None
            look = row["what"] == LOOK
            detail = str(row["detail"]) if look else ""
            found.append(
                Line(
                    int(row["at"]), *_who(str(row["who"]), known), look, node, classification, papers.get(node), detail
                )
            )
        return found

    def _is_open(self, view: View, lineage: tuple[int, ...] | None) -> bool:
        return lineage is not None and bool(view.granted(lineage, self.tree.clock()).rights & Rights.READ_LOG)

    def _paper(self, share: str, node: int) -> Described | None:
        finding = Finding(self.tree)
        try:
            return finding.describe([finding.at(share, node)])[0]
        except NotFound:
            return None

    def own(self, limit: int) -> list[Line]:
        """What the asker has read himself, as the log has it, newest first; that needs no purpose (rights.md §2)."""
        me, found = self.tree.principal, list[Line]()
        self.house.reads.flush()
        for row in self.house.audit.show(who=me.key, acts=(READ,), limit=limit):
            share, node = str(row["share"]), int(row["node"])
            paper = self._paper(share, node)
            classification = None if paper is None else paper.classification
            found.append(Line(int(row["at"]), me.name, "", False, node, classification, paper, ""))
        return found


def _who(key: str, known: Mapping[str, str]) -> tuple[str, str]:
    """(name of a person, number of a link) of a principal's key."""
    kind, _, name = key.partition(":")
    if kind == PrincipalKind.LINK:
        return "", name
    return known.get(name, name) if kind == PrincipalKind.USER else key, ""
