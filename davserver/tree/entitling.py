"""Rights given or denied by hand at a desk: one entry at one folder or document, with its window (rights.md §1)."""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy import Connection

from acl import store
from acl.entries import Entry, check_entry
from acl.privileges import Rights
from davserver.granting import drop_entry, keep_entry
from davserver.tree.acts import Act
from davserver.tree.finding import Described
from davserver.tree.foreseeing import receivers
from davserver.tree.granting import OWN_SET
from davserver.tree.office import Office
from davserver.tree.seen import AccessDenied
from shareproviders.contract import NotFound

ENTITLE = Rights.WRITE_ACL
ALL, SIGNED_IN = "all", "authenticated"
"""Whom an entry may name besides committees, offices and people."""


class Entitled(NamedTuple):
    """A hand-set entry that stands."""

    entry: Entry
    name: str
    """Of whom it speaks; empty for whom the asker may not know."""
    paper: Described
    is_over: bool


class Entries:
    """Hand-set rights in one committee's drive, as one clerk sees to them."""

    def __init__(self, office: Office) -> None:
        self.office = office

    def paper(self, node: int) -> Described:
        """The folder or document at which something is given. Raises NotFound, AccessDenied."""
        seen = self.office.finding.at(self.office.share, node)
        self.office.tree._demand(seen, ENTITLE)
        return self.office.finding.describe([seen])[0]

    def receivers(self) -> tuple[dict[str, str], dict[str, str], dict[str, str]]:
        """(committees, offices of this committee, people) who may be named: word of an entry → name.

        Also offices that nobody holds yet: a guest may be still to come.
        """
        committees, _, people = receivers(self.office.tree, self.office.share)
        titles = sorted(self.office.tree.acquaintances.titles.items(), key=lambda each: each[1].casefold())
        return committees, {f"role:{role}": title for role, title in titles}, people

    def standing(self, *, shared: bool, node: int | None = None) -> list[Entitled]:
        """Entries in the whole drive or at one node: those that people made by sharing, or those of the office."""
        names = {word: name for group in self.receivers() for word, name in group.items()}
        me, now = self.office.tree.principal, self.office.house.clock()
        names[me.key] = self.office.tree.acquaintances.people.get(me.id, me.name)
        with self.office.house.database.read() as connection:
            entries = store.list_entries(connection, self.office.share, node)
        found = []
        for entry in entries:
            paper = self.office.described(entry.node) if bool(entry.maker) is shared else None
            if paper is not None:
                over = entry.end is not None and entry.end <= now
                found.append(Entitled(entry, names.get(entry.principal, ""), paper, over))
        return found

    def giving(self, entry: Entry) -> Act:
        """Give or deny. AccessDenied for rights that the asker does not hold there; Impossible for himself."""

        def do(connection: Connection) -> None:
            tree = self.office.tree
            check_entry(entry)
            desk = self.office.desk(connection, entry.node, ENTITLE)
            seen = self.office.finding.at(self.office.share, entry.node)
            if entry.principal not in {ALL, SIGNED_IN}.union(*self.receivers()):
                raise ValueError("nobody of this name is known here")
            lacking = Rights.NONE if entry.deny else entry.rights & ~seen.rights & ~OWN_SET
            if lacking:
                raise AccessDenied(seen.path, lacking)
            keep_entry(desk, entry)
            tree._admit_gain(tree._share(self.office.share), seen)

        return Act(self.office, do, at=entry.start)

    def taking_back(self, number: int) -> Act:
        """Take an entry back, or a share that somebody made. NotFound for one that is not shown."""

        def do(connection: Connection) -> None:
            tree, share = self.office.tree, self.office.share
            entry = next((each for each in store.list_entries(connection, share) if each.id == number), None)
            if entry is None:
                raise NotFound("there is no such entry")
            seen = self.office.finding.at(share, entry.node)
            if entry.maker:
                tree.end_share(share, number)
                return
            tree._demand(seen, ENTITLE)
            drop_entry(self.office.house, connection, tree.principal.key, share, number)
            tree._admit_gain(tree._share(share), seen)

        return Act(self.office, do)
