"""Meetings and agendas of one committee at work: their rows and their folders, released, renumbered, bound."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from sqlalchemy import Connection

from acl import store
from acl.labels import NEVER, Classification, Label
from acl.meetings import AgendaItem, Meeting, MeetingState
from acl.rules import ShareRules
from davserver.house import House
from davserver.labelling import WITHDRAWN
from davserver.naming import Numbered, agenda_names, folded, limit_under, meeting_name, unique
from davserver.tree import parts
from davserver.tree.aliases import KEPT, Aliases
from davserver.tree.forest import SharePlaces
from shareproviders.contract import Node, NotFound, ShareProvider, Writing
from shareproviders.paths import ROOT, SharePath

INBOX = "00 Eingang"
COURSE = (
    MeetingState.PLANNED,
    MeetingState.AGENDA_RELEASED,
    MeetingState.RUNNING,
    MeetingState.CLOSED,
    MeetingState.MINUTES_APPROVED,
)
"""The states of a meeting that takes place, in their order."""


class Agendas:
    """What a clerk does about meetings, inside the caller's open transaction; `changes` tells it without titles.

    Everything raises ValueError, one sentence, for what does not exist or makes no sense, and what the provider says.
    """

    def __init__(
        self, house: House, connection: Connection, share: str, by: str, *, provider: ShareProvider, dry: bool = False
    ) -> None:
        """`dry`: rows are written as always, folders are only told; the caller undoes the rows."""
        self._house, self._connection, self._share, self._by = house, connection, share, by
        self._provider, self._dry = provider, dry
        self._sealer = house.keys.sealer(share)
        self._aliases = Aliases(house.keys.sealer)
        self._now = house.clock()
        self.changes: list[str] = []

    # -- looking --------------------------------------------------------------------------------------------------

    def meeting(self, meeting_id: str) -> Meeting:
        """One meeting by its id."""
        for meeting in store.meetings(self._connection, self._sealer, self._share):
            if meeting.id == meeting_id:
                return meeting
        raise ValueError(
            f"there is no meeting {meeting_id} in {self._share}; see: davserver meeting list {self._share}"
        )

    def agenda(self, meeting_id: str) -> list[AgendaItem]:
        """The items of one meeting."""
        self.meeting(meeting_id)
        return store.agenda(self._connection, self._sealer, self._share, meeting_id)

    def point(self, meeting_id: str, number: str) -> AgendaItem:
        """One item by its number."""
        for point in self.agenda(meeting_id):
            if point.number == number:
                return point
        raise ValueError(
            f"the meeting {meeting_id} has no item {number}; see: davserver item list {self._share} {meeting_id}"
        )

    def points_of(self, lineage: Sequence[int]) -> list[AgendaItem]:
        """The items of this committee that a node concerns: whose folder it lies in or to which it is bound."""
        bindings = store.bindings(self._connection, self._share)
        bound = {point for node in lineage for point in bindings.get(node, ())}
        return [
            point
            for meeting in store.meetings(self._connection, self._sealer, self._share)
            for point in store.agenda(self._connection, self._sealer, self._share, meeting.id)
            if point.node in lineage or point.id in bound
        ]

    # -- declaring ------------------------------------------------------------------------------------------------

    def declare_meeting(self, meeting: Meeting) -> None:
        """Write a meeting's title and time, and give it a folder; its state is for `reach`."""
        known = next(
            (m for m in store.meetings(self._connection, self._sealer, self._share) if m.id == meeting.id), None
        )
        state = MeetingState.PLANNED if known is None else known.state
        wished = replace(meeting, state=state, node=None if known is None else known.node)
        if store.declare_meeting(self._connection, self._sealer, wished):
            self._told(f"meeting {meeting.id} {'declared' if known is None else 'has another title or time'}")
        if wished.node is None:
            self._meeting_folder(wished)
        elif known is not None and (known.title, known.start) != (meeting.title, meeting.start):
            self._rename(
                wished.node, meeting_name(known.start, known.title), meeting_name(meeting.start, meeting.title)
            )

    def declare_agenda(self, meeting_id: str, points: Sequence[AgendaItem]) -> None:
        """Write items of one meeting, and give each a folder; items not named stay."""
        before = self.agenda(meeting_id)
        public_before = {point.number: point.public for point in before}
        for point in points:
            if store.declare_agenda_item(self._connection, self._sealer, self._house.matter_mark, point):
                self._told(f"meeting {meeting_id} has item {point.number}")
        self._settle(meeting_id, before)
        for point in self.agenda(meeting_id):
            if point.node is not None and public_before.get(point.number, point.public) != point.public:
                self._classify(point.node, point)

    def renumber(self, meeting_id: str, numbers: Mapping[str, str]) -> None:
        """Old → new, all at once; folders follow, and their old paths go on resolving for a while."""
        before = self.agenda(meeting_id)
        if store.renumber(self._connection, self._sealer, self._share, meeting_id, numbers):
            moved = {old: new for old, new in numbers.items() if old != new}
            self._told(f"meeting {meeting_id}: {', '.join(f'{old} is now {new}' for old, new in moved.items())}")
            self._settle(meeting_id, before, moved.values())

    # -- states and release ---------------------------------------------------------------------------------------

    def reach(self, meeting_id: str, state: MeetingState) -> None:
        """Let a meeting reach a state; an agenda that is released releases what lies beneath its folder."""
        meeting = self.meeting(meeting_id)
        if meeting.state is state:
            return
        was_released = _is_released(meeting.state)
        store.set_meeting_state(self._connection, self._share, meeting_id, state, self._now)
        self._told(f"meeting {meeting_id} is {state.value}")
        if meeting.node is None:
            return
        if _is_released(state) and not was_released:
            self._release(meeting.node)
        elif was_released and not _is_released(state):
            self._withdraw(meeting)

    def reach_forward(self, meeting_id: str, state: MeetingState) -> None:
        """As `reach`, but a meeting that has got further, or is cancelled, stays so."""
        known = self.meeting(meeting_id).state
        if state not in COURSE or (known in COURSE and COURSE.index(state) > COURSE.index(known)):
            self.reach(meeting_id, state)

    def release(self, path: SharePath) -> bool:
        """Release a late paper, or a folder with all drafts beneath; True if anything was a draft."""
        if path.segments[:1] == (INBOX,):
            raise ValueError(f"nothing in {INBOX} is released; move it to its agenda item first")
        node = self._provider.stat(path)
        bound = self._rules().bound_at(node.lineage)
        if bound.release_at > self._now:
            self._release(node.id)
            return True
        return self._clear_drafts(node.id)

    def bind(self, node: int, point: AgendaItem) -> bool:
        """The paper concerns this item too, besides that of its folder."""
        return self._noted(store.add_binding(self._connection, self._share, node, point.id), "binding-add", node, point)

    def _noted(self, changed: bool, what: str, node: int, point: AgendaItem) -> bool:
        if changed:
            self._note(what, node, f"item {point.number} of {point.meeting}")
        return changed

    def _release(self, node: int) -> None:
        self._label(node, release_at=self._now)
        self._note("release", node)
        self._clear_drafts(node)

    def _clear_drafts(self, node: int) -> bool:
        """What was kept back beneath follows its folder again; True if there was any."""
        labels = store.labels(self._connection, self._share)
        kept_back = [below for below, label in labels.items() if label.release_at == NEVER and below != node]
        lineages = SharePlaces(self._share, self._provider).lineages(kept_back)
        found = [below for below, lineage in lineages.items() if node in lineage]
        for below in found:
            self._label(below, release_at=None)
            self._note("release", below)
        return bool(found)

    def _withdraw(self, meeting: Meeting) -> None:
        assert meeting.node is not None
        if store.labels(self._connection, self._share).get(meeting.node, Label()).release_at == meeting.released_at:
            self._label(meeting.node, release_at=None)
            self._note(WITHDRAWN, meeting.node)

    # -- folders --------------------------------------------------------------------------------------------------

    def _meeting_folder(self, meeting: Meeting) -> None:
        if self._provider.read_only:
            return
        self._told(f"folder of the meeting {meeting.id}")
        if not self._dry:
            limit = limit_under(SharePath((self._share,)))
            folder = self._folder(ROOT, meeting_name(meeting.start, meeting.title, limit=limit), self._bound())
            store.bind_meeting(self._connection, self._share, meeting.id, folder.id)
            self._touch([folder])
            if _is_released(meeting.state):
                self._release(folder.id)

    def _settle(self, meeting_id: str, before: Sequence[AgendaItem], renumbered: Iterable[str] = ()) -> None:
        """Every item has a folder with the name that its number and title give; names given by hand are left."""
        meeting, after = self.meeting(meeting_id), self.agenda(meeting_id)
        if self._provider.read_only:
            return
        for point in after:
            if point.node is None and (meeting.node is not None or self._dry):
                self._told(f"folder of the item {point.number} of {meeting_id}")
        if meeting.node is None or self._dry:
            return
        try:
            parent, _ = self._provider.locate(meeting.node)
        except NotFound:
            return  # its folder was deleted by hand: the agenda stands without folders
        limit = limit_under(SharePath((self._share, *parent.segments)))
        old = dict(zip((point.id for point in before), _names(before, limit), strict=True))
        bound, made, renaming = self._bound(), list[Node](), dict[int, str]()
        for point, name in zip(after, _names(after, limit), strict=True):
            if point.node is None:
                folder = self._folder(parent, name, bound)
                made.append(folder)
                store.bind_agenda_item_folder(self._connection, self._share, point.id, folder.id)
                self._classify(folder.id, point)
                if _is_released(meeting.state) and point.id not in old:
                    self._label(folder.id, release_at=NEVER)  # late, as papers that come now are
            elif name != old.get(point.id):
                present = self._name_of(point.node)
                if present is not None and (present == old.get(point.id) or point.number in renumbered):
                    renaming[point.node] = name
        self._touch(made)
        self._rename_all(parent, renaming, limit)

    def _folder(self, parent: SharePath, name: str, bound: set[int | None]) -> Node:
        """A new folder, or one of this name that was made by hand, belongs to nothing yet and may change its class."""
        members = self._provider.children(self._provider.stat(parent))
        for member in members:
            if member.is_collection and folded(member.name) == folded(name) and member.id not in bound:
                if self._rules().held_at(member.lineage, self._now):
                    continue
                bound.add(member.id)
                return member
        free = unique(name, (member.name for member in members))
        made = self._provider.make_collection(parent / free, self._writing())
        self._note("make", made.id)
        return made

    def _bound(self) -> set[int | None]:
        meetings = store.meetings(self._connection, self._sealer, self._share)
        points = (point for m in meetings for point in store.agenda(self._connection, self._sealer, self._share, m.id))
        return {meeting.node for meeting in meetings} | {point.node for point in points}

    def _classify(self, node: int, point: AgendaItem) -> None:
        """A non-public item's folder is at least that; a public one's is public, but never less than it was."""
        committee = store.committee(self._connection, self._share)
        ground, own = committee.default_class, store.labels(self._connection, self._share).get(node, Label())
        if not point.public:
            least = max(ground, Classification.NON_PUBLIC)
        elif ground is Classification.FACTION:
            least = ground
        else:
            least = Classification.PUBLIC
        self._label(node, classification=max(least, own.classification or Classification.PUBLIC))

    def _rename(self, node: int, old: str, new: str) -> None:
        if old != new and not self._dry and self._name_of(node) == old:
            parent = self._provider.locate(node)[0].parent
            self._rename_all(parent, {node: new}, limit_under(SharePath((self._share, *parent.segments))))

    def _rename_all(self, parent: SharePath, names: Mapping[int, str], limit: int) -> None:
        """All at once: those that take each other's names step aside first."""
        if not names:
            return
        provider = self._provider
        folder = provider.stat(parent)
        members = {member.id: member.name for member in provider.children(folder)}
        names = {node: name for node, name in names.items() if node in members}  # what people moved away is theirs
        rules = self._rules()
        held = [node for node in names if rules.held_within((*folder.lineage, node), self._now)]
        for node in held:  # as if it had been named by hand
            del names[node]
            self._told(f"folder {node} keeps its name: a legal hold keeps what is in it as it is")
        others = [name for node, name in members.items() if node not in names]
        wanted = Counter(folded(name) for name in names.values())
        for node, own in names.items():
            present = folded(members[node])
            if wanted[present] > (folded(own) == present):
                provider.move(parent / members[node], parent / f"{node} wird umbenannt", self._writing())
        renamed: list[Node] = []
        for node, wished in names.items():
            path, _ = provider.locate(node)
            name = unique(wished, others, limit=limit)
            others.append(name)
            renamed.append(provider.move(path, parent / name, self._writing()))
            until = self._now + KEPT
            self._aliases.remember(self._connection, self._share, folder.id, members[node], node, until)
            self._note("move", node)
        self._touch(renamed)

    def _touch(self, nodes: Sequence[Node]) -> None:
        """Whoever may know of these sees that the folders above them have changed."""
        if nodes:
            rules = self._rules()
            for node in nodes:
                parts.touch(self._connection, rules, node.lineage, node.change)

    def _name_of(self, node: int) -> str | None:
        try:
            return self._provider.locate(node)[0].name
        except NotFound:
            return None

    # -- small things ---------------------------------------------------------------------------------------------

    def _rules(self) -> ShareRules:
        """As the transaction has left them."""
        places = SharePlaces(self._share, self._provider)
        return store.load_rules(self._connection, self._share, places.lineages)

    def _label(self, node: int, **changed: int | Classification | None) -> None:
        own = store.labels(self._connection, self._share).get(node, Label())
        store.set_label(self._connection, self._share, node, Label(**{**own._asdict(), **changed}))

    def _writing(self) -> Writing:
        return Writing(self._by, self._now)

    def _told(self, sentence: str) -> None:
        self.changes.append(sentence)
        self._note("agenda", 0, sentence)

    def _note(self, what: str, node: int, detail: str = "") -> None:
        self._house.audit.note(self._connection, self._by, what, share=self._share, node=node, detail=detail)


def _is_released(state: MeetingState) -> bool:
    return state in COURSE[1:]


def _names(points: Sequence[AgendaItem], limit: int) -> list[str]:
    return agenda_names([Numbered(point.number, point.title, point.public) for point in points], limit=limit)
