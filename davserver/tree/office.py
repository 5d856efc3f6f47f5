"""The desk of one committee's office: what its clerks do there, asked of the door first, then done as by command."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import NamedTuple

from sqlalchemy import Connection

from acl import store
from acl.labels import NEVER
from acl.meetings import AgendaItem, Meeting, MeetingState
from acl.privileges import Rights
from davserver.accounts import AccountProblem
from davserver.agendas import INBOX, Agendas
from davserver.house import House
from davserver.labelling import Desk
from davserver.tree.finding import Described, Finding
from davserver.tree.forest import SharePlaces
from davserver.tree.gains import Gain, foresee_gains
from davserver.tree.locking import GuardedTree
from davserver.tree.seen import AccessDenied, Impossible, Seen, Terms
from shareproviders.contract import NotFound
from shareproviders.paths import ROOT, SharePath

DESK = Rights.CLASSIFY | Rights.RECUSE | Rights.BIND | Rights.UNBIND | Rights.WRITE_ACL
"""Whoever may do all this at the root of a drive works at its desk: the clerks, as `config/roles.toml` stands."""


class Point(NamedTuple):
    """An agenda item as the asker may know it."""

    number: str
    title: str
    """Empty where he may not."""
    public: bool
    matter: str
    folder: Described | None
    """None where it has none, or none that he may discover."""
    papers: int


def works_at_desk(tree: GuardedTree, drive: Seen) -> bool:
    """Does whoever sees this drive work at its desk? Also under a hold on all of it, which must be possible to end."""
    if not drive.share:
        return False
    view, now = tree._view(tree._share(drive.share)), tree.clock()
    lacking = [right for right in Rights if right & DESK & ~drive.rights]
    return all(view.decide(right, drive.node.lineage, now).reasons == ("hold",) for right in lacking)


def desks(tree: GuardedTree) -> list[Seen]:
    """The drives at whose desk the asker works."""
    return [seen for seen in tree.children(tree.stat(ROOT)) if works_at_desk(tree, seen)]


class Office:
    """One desk, as one clerk works at it; made anew for each request."""

    def __init__(self, house: House, tree: GuardedTree, share: str) -> None:
        """Raises NotFound for a drive that the asker may not discover, AccessDenied for a desk that is not his."""
        self.house, self.tree, self.share = house, tree, share
        self.finding = Finding(tree)
        self.root = self._admitted()

    def _admitted(self) -> Seen:
        seen = self.tree.stat(SharePath((self.share,)))
        if not seen.share:
            raise NotFound("there is nothing here")
        if not works_at_desk(self.tree, seen):
            raise AccessDenied(seen.path, DESK)
        return seen

    @contextmanager
    def working(self) -> Iterator[Connection]:
        """The one transaction of an act; the right to the desk is asked again in it. Raises Impossible."""
        try:
            with self.tree._changing() as connection:
                self._admitted()
                self.tree._repinned.add(self._places)
                yield connection
        except (ValueError, AccountProblem) as error:
            raise Impossible(str(error)) from error

    def agendas(self, connection: Connection) -> Agendas:
        """The meetings of the committee, in an open transaction or view."""
        by, provider = self.tree.principal.key, self._places.provider
        return Agendas(self.house, connection, self.share, by, provider=provider)

    def desk(self, connection: Connection, node: int, needed: Rights) -> Desk:
        """A node of the drive to work on, in an open transaction. Raises NotFound, AccessDenied."""
        seen = self.finding.at(self.share, node)
        self.tree._demand(seen, needed)
        return Desk(self.house, connection, self.share, seen.node, self.tree.principal.key)

    @property
    def _places(self) -> SharePlaces:
        return self.tree._share(self.share)

    # -- looking --------------------------------------------------------------------------------------------------

    def meetings(self) -> list[tuple[Meeting, Described | None]]:
        """All, the latest first, with their folders as far as the asker may discover them."""
        with self.house.database.read() as connection:
            found = store.meetings(connection, self.house.keys.sealer(self.share), self.share)
        found.sort(key=lambda meeting: (meeting.start, meeting.id), reverse=True)
        return [(meeting, self.described(meeting.node)) for meeting in found]

    def meeting(self, meeting_id: str) -> tuple[Meeting, Described | None]:
        """One of them. Raises NotFound."""
        for meeting, folder in self.meetings():
            if meeting.id == meeting_id:
                return meeting, folder
        raise NotFound("there is no such meeting")

    def agenda(self, meeting_id: str) -> list[Point]:
        """The items of one meeting; titles only where the asker may look into the item's folder."""
        with self.house.database.read() as connection:
            points = self.agendas(connection).agenda(meeting_id)
        return [self.point(point) for point in points]

    def point(self, point: AgendaItem) -> Point:
        """An item as the asker may know it."""
        folder = self.described(point.node)
        knows = bool(folder.title) if folder is not None else point.public
        papers = 0 if folder is None else sum(not one.node.is_collection for one in self.finding.members(folder.seen))
        title, matter = (point.title, point.matter or "") if knows else ("", "")
        return Point(point.number, title, point.public, matter, folder, papers)

    def described(self, node: int | None) -> Described | None:
        """What has this number in the drive; None for what is absent or hidden."""
        if node is None:
            return None
        try:
            return self.finding.describe([self.finding.at(self.share, node)])[0]
        except NotFound:
            return None

    def waiting(self, folder: Described) -> list[Described]:
        """What came late into a meeting and waits for a release of its own."""
        rules = self.tree._view(self._places).rules
        found = []
        for pin in rules.beneath.get(folder.seen.node.id, ()):
            described = self.described(pin) if rules.bound_at(rules.places[pin]).release_at == NEVER else None
            if described is not None and not described.seen.node.is_collection:
                found.append(described)
        return sorted(found, key=lambda each: each.seen.path.segments)

    # -- meetings -------------------------------------------------------------------------------------------------

    def declare_meeting(self, day: str, title: str, start: int, end: int) -> str:
        """A new meeting; its id: `day`, or `day-2` and so on where there is one on that day already."""
        with self.working() as connection:
            agendas = self.agendas(connection)
            known = {one.id for one in store.meetings(connection, self.house.keys.sealer(self.share), self.share)}
            free = next(name for number in range(1, 100) if (name := _numbered(day, number)) not in known)
            agendas.declare_meeting(Meeting(self.share, free, title, start, end))
        return free

    def change_meeting(self, connection: Connection, meeting_id: str, title: str, start: int, end: int) -> None:
        """Another title or time; the folder's name follows, unless somebody has named it by hand."""
        self.agendas(connection).declare_meeting(Meeting(self.share, meeting_id, title, start, end))

    def foresee_agenda(self, meeting_id: str, points: Sequence[AgendaItem]) -> list[Gain]:
        """Who would gain and lose what if these items were written: one that becomes public or not takes its papers."""
        return self.foresee(lambda connection: self.agendas(connection).declare_agenda(meeting_id, points))

    def declare_agenda(self, meeting_id: str, points: Sequence[AgendaItem]) -> int:
        """Write items of one meeting, all or none; how many changes that were.

        Raises AccessDenied where one is known already and its paper not the asker's to classify: he is excluded.
        """
        with self.working() as connection:
            agendas = self.agendas(connection)
            self.demand_points(agendas, meeting_id, {point.number for point in points})
            agendas.declare_agenda(meeting_id, points)
            return len(agendas.changes)

    def renumber(self, meeting_id: str, numbers: dict[str, str]) -> None:
        """Old → new, all at once."""
        with self.working() as connection:
            agendas = self.agendas(connection)
            self.demand_points(agendas, meeting_id, set(numbers))
            agendas.renumber(meeting_id, numbers)

    def demand_points(self, agendas: Agendas, meeting_id: str, numbers: set[str]) -> None:
        """Whoever is excluded from an item changes neither its title nor its number."""
        rules_view, now = self.tree._view(self._places), self.tree.clock()
        for point in agendas.agenda(meeting_id):
            if point.number in numbers and point.node is not None:
                lineage = rules_view.rules.places.get(point.node)
                if lineage and Rights.CLASSIFY & ~rules_view.granted(lineage, now).rights:
                    raise AccessDenied(SharePath((self.share,)), Rights.CLASSIFY)

    def reach(self, meeting_id: str, state: MeetingState) -> None:
        """Let a meeting reach a state; releasing its agenda releases what lies beneath its folder."""
        with self.working() as connection:
            self.agendas(connection).reach(meeting_id, state)

    def foresee_state(self, meeting_id: str, state: MeetingState) -> list[Gain]:
        """Who would gain and lose what by that."""
        return self.foresee(lambda connection: self.agendas(connection).reach(meeting_id, state))

    def release_late(self, meeting_id: str) -> None:
        """Release what has come into a meeting since its agenda was released."""
        with self.working() as connection:
            self._release_late(connection, meeting_id)

    def foresee_late(self, meeting_id: str) -> list[Gain]:
        """Who would gain what by that."""
        return self.foresee(lambda connection: self._release_late(connection, meeting_id))

    def _release_late(self, connection: Connection, meeting_id: str) -> None:
        agendas = self.agendas(connection)
        node = agendas.meeting(meeting_id).node
        if node is None:
            raise ValueError("the meeting has no folder")
        agendas.release(self._places.provider.locate(node)[0])

    def foresee(self, act: Callable[[Connection], object], at: int | None = None) -> list[Gain]:
        """For whom an act would matter, people alike together; only documents that the asker may discover count."""
        return foresee_gains(self.house, self.tree, self.share, act, at)

    # -- papers that arrive ---------------------------------------------------------------------------------------

    def unsorted(self, meeting: Meeting, *, make: bool = False) -> Seen | None:
        """The folder in the inbox for papers of a meeting that name no item; None if there is none.

        Nothing in the inbox is ever released, so what nobody has assigned yet is safe there.
        """
        path = SharePath((self.share, INBOX, meeting.id))
        try:
            return self.tree.stat(path)
        except NotFound:
            return self.tree.make_collection(path, Terms()) if make else None


def _numbered(day: str, number: int) -> str:
    return day if number == 1 else f"{day}-{number}"
