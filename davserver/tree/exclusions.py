"""Exclusion for personal involvement (Art. 49 GO): declared by whoever is involved, or by who may record it."""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy import Connection, select

from acl import schema, store
from acl.meetings import AgendaItem
from acl.privileges import Rights
from acl.recusals import Effect, Recusal
from davserver.agendas import Agendas
from davserver.granting import RecusalWish, keep_recusal
from davserver.house import House
from davserver.tree.finding import Finding
from davserver.tree.locking import GuardedTree
from davserver.tree.seen import AccessDenied, Impossible, Seen
from shareproviders.contract import NotFound
from shareproviders.paths import SharePath


class Excluded(NamedTuple):
    """Somebody who is excluded from what a folder or paper is about."""

    recusal: Recusal
    name: str
    is_self: bool


class Asked(NamedTuple):
    """An exclusion that somebody wants to stand."""

    person: str
    by_matter: bool
    start: int | None = None
    """None: from now on, or from whenever the same stands already."""
    end: int | None = None
    effect: Effect = Effect.BOTH

    @property
    def is_plain(self) -> bool:
        """From now on, from everything, until somebody lifts it: as one declares it of oneself."""
        return self[2:] == (None, None, Effect.BOTH)


class Exclusions:
    """At folders and papers of agenda items, for one asker."""

    def __init__(self, house: House, tree: GuardedTree) -> None:
        self.house, self.tree = house, tree

    def at(self, share: str, node: int) -> tuple[Seen, list[str], bool]:
        """(the place, numbers of its items, whether they stand for a matter). Raises NotFound where no item is."""
        seen = Finding(self.tree).at(share, node)
        with self.house.database.read() as connection:
            points = self._points(connection, seen)
        if not points:
            raise NotFound("no agenda item stands there")
        return seen, [point.number for point in points], any(point.matter_mark for point in points)

    def people(self, seen: Seen) -> dict[str, str]:
        """Whom the asker may exclude: himself, and those of the committee where he may record it."""
        known = self.tree.acquaintances
        if Rights.RECUSE & ~seen.rights:
            return {self.tree.principal.id: known.people.get(self.tree.principal.id, self.tree.principal.name)}
        users = {user for (share, _), holders in known.holders.items() if share == seen.share for user in holders}
        return {user: known.people[user] for user in sorted(users | {self.tree.principal.id}) if user in known.people}

    def exclude(self, share: str, node: int, asked: Asked) -> None:
        """Everywhere; by matter in all its meetings. Raises NotFound, AccessDenied, Impossible."""
        try:
            with self.tree._changing() as connection:
                self.tree._repinned.add(self.tree._share(share))
                self.excluding(connection, share, node, asked)
        except ValueError as error:
            raise Impossible(str(error)) from error

    def excluding(self, connection: Connection, share: str, node: int, asked: Asked) -> None:
        """The same in an open transaction. Whoever may not record it says it of himself, and so as it stands."""
        seen = Finding(self.tree).at(share, node)
        if asked.person not in self.people(seen) or (Rights.RECUSE & ~seen.rights and not asked.is_plain):
            raise AccessDenied(seen.path, Rights.RECUSE)
        for wish in self._wishes(self._points(connection, seen), asked):
            if asked.person != self.tree.principal.id:
                self._demand_everywhere(connection, wish.mark)
            keep_recusal(self.house, connection, self.tree.principal.key, wish)

    def _wishes(self, points: list[AgendaItem], asked: Asked) -> list[RecusalWish]:
        if not points:
            raise NotFound("no agenda item stands there")
        marks = {point.matter_mark for point in points if point.matter_mark} if asked.by_matter else set()
        by_item = [point for point in points if point.matter_mark not in marks]
        terms = asked.start, asked.end, asked.effect
        return [
            *(RecusalWish("", asked.person, None, mark, *terms) for mark in sorted(marks)),
            *(RecusalWish(point.share, asked.person, point, None, *terms) for point in by_item),
        ]

    def standing(self, seen: Seen) -> list[Excluded]:
        """Who is excluded there now; for those only who may record it."""
        if Rights.RECUSE & ~seen.rights:
            return []
        with self.house.database.read() as connection:
            return self._standing(connection, seen)

    def _standing(self, connection: Connection, seen: Seen) -> list[Excluded]:
        points, now = self._points(connection, seen), self.house.clock()
        ids, marks = {point.id for point in points}, {point.matter_mark for point in points if point.matter_mark}
        people, me = self.tree.acquaintances.people, self.tree.principal.id
        return [
            Excluded(recusal, people.get(recusal.person, recusal.person), recusal.person == me)
            for recusal in store.recusals(connection, seen.share)
            if recusal.holds_at(now) and (recusal.agenda_item in ids or recusal.matter_mark in marks)
        ]

    def end(self, share: str, node: int, number: int) -> None:
        """Lift one. Raises NotFound, AccessDenied, Impossible for one's own: that takes a second person."""
        with self.tree._changing() as connection:
            self.tree._repinned.add(self.tree._share(share))
            self.ending(connection, share, node, number)

    def ending(self, connection: Connection, share: str, node: int, number: int) -> None:
        """The same in an open transaction."""
        seen = Finding(self.tree).at(share, node)
        self.tree._demand(seen, Rights.RECUSE)
        found = next((each for each in self._standing(connection, seen) if each.recusal.id == number), None)
        if found is None:
            raise NotFound("there is no such exclusion")
        self.lifting(connection, found.recusal)

    def lifting(self, connection: Connection, recusal: Recusal) -> None:
        """End one in an open transaction, for whoever may record it at its item."""
        if recusal.person == self.tree.principal.id:
            raise Impossible("nobody lifts his own exclusion")
        self._demand_everywhere(connection, recusal.matter_mark)
        store.end_recusal(connection, recusal.id, self.house.clock())
        by, detail = self.tree.principal.key, f"recusal {recusal.id}: {recusal.person}"
        self.house.audit.note(connection, by, "recusal-end", share=recusal.share, detail=detail)

    def _demand_everywhere(self, connection: Connection, mark: bytes | None) -> None:
        """An exclusion by matter holds in all committees, so it takes the right to record it in each of them."""
        items = schema.agenda_item.c
        concerned = select(items.share, items.node).where(items.matter_mark == mark)
        for row in connection.execute(concerned).all() if mark is not None else ():
            try:
                rights = Finding(self.tree).at(row.share, row.node or 0).rights
            except NotFound:
                rights = Rights.NONE
            if Rights.RECUSE & ~rights:
                raise AccessDenied(SharePath(()), Rights.RECUSE)

    def _points(self, connection: Connection, seen: Seen) -> list[AgendaItem]:
        if not seen.share:
            return []
        provider = self.house.share(seen.share)
        agendas = Agendas(self.house, connection, seen.share, self.tree.principal.key, provider=provider)
        return agendas.points_of(seen.node.lineage)
