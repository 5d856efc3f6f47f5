"""All exclusions for personal involvement that concern one committee, as its desk sees them (Art. 49 GO)."""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy import Connection

from acl import store
from acl.meetings import AgendaItem
from acl.privileges import Rights
from acl.recusals import Recusal
from davserver.tree.acts import Act
from davserver.tree.exclusions import Exclusions
from davserver.tree.finding import Described, shown_number
from davserver.tree.office import Office
from davserver.tree.seen import AccessDenied
from shareproviders.contract import NotFound


class Listed(NamedTuple):
    """One exclusion that holds now or later."""

    recusal: Recusal
    name: str
    """Empty for whom the asker may not know."""
    is_self: bool
    meeting: str
    number: str
    """Of the item, or of the first one of its matter on an agenda of this committee; no title."""
    folder: Described | None
    """Of that item; None where the asker may not discover it."""


class ExcludedPeople:
    """The exclusions of one committee, for one clerk."""

    def __init__(self, office: Office) -> None:
        self.office = office

    def listed(self) -> list[Listed]:
        """By meeting and number; those by matter only where the matter stands on an agenda here."""
        with self.office.house.database.read() as connection:
            return self._listed(connection)

    def _listed(self, connection: Connection) -> list[Listed]:
        office, now = self.office, self.office.house.clock()
        people, me = office.tree.acquaintances.people, office.tree.principal.id
        points = self._points(connection)
        found = []
        for recusal in store.recusals(connection, office.share):
            point = next((each for each in points if _concerns(recusal, each)), None)
            if point is not None and (recusal.end is None or recusal.end > now):
                name, number = people.get(recusal.person, ""), shown_number(point.number, public=point.public)
                folder = office.described(point.node)
                found.append(Listed(recusal, name, recusal.person == me, point.meeting, number, folder))
        return sorted(found, key=lambda each: (each.meeting, each.number, each.name))

    def _points(self, connection: Connection) -> list[AgendaItem]:
        """Items of all agendas of this committee."""
        share, sealer = self.office.share, self.office.house.keys.sealer(self.office.share)
        meetings = sorted(store.meetings(connection, sealer, share), key=lambda each: each.start, reverse=True)
        return [point for meeting in meetings for point in store.agenda(connection, sealer, share, meeting.id)]

    def lifting(self, number: int) -> Act:
        """End one. NotFound for one that is not listed, AccessDenied where its item is closed to the asker."""

        def do(connection: Connection) -> None:
            found = next((each for each in self._listed(connection) if each.recusal.id == number), None)
            if found is None:
                raise NotFound("there is no such exclusion")
            if not found.is_self and (found.folder is None or Rights.RECUSE & ~found.folder.seen.rights):
                raise AccessDenied(self.office.root.path, Rights.RECUSE)
            Exclusions(self.office.house, self.office.tree).lifting(connection, found.recusal)

        return Act(self.office, do)


def _concerns(recusal: Recusal, point: AgendaItem) -> bool:
    if recusal.agenda_item is not None:
        return recusal.agenda_item == point.id
    return recusal.matter_mark == point.matter_mark
