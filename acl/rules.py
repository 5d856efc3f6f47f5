"""The rules of one share as they stood when read: an immutable snapshot, cut into regions (rights.md §4)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple, TypeVar

from acl.entries import Entry
from acl.holds import Hold
from acl.labels import NEVER, Bound, Classification, Label
from acl.links import Link
from acl.mandates import CHAIR, Committee, Mandate
from acl.meetings import AgendaItem, Meeting, deciding
from acl.recusals import Effect, Recusal

_Fact = TypeVar("_Fact", Mandate, Recusal)


class Region(NamedTuple):
    """A pinned node and all beneath it that no nearer pin claims; its nodes share every decision."""

    node: int
    """The pin; 0 for what lies under no pin."""
    bound: Bound
    entries: tuple[Entry, ...]
    """Those at the pin and above it, from the root down; at one node those that cut come first."""
    items: frozenset[int] = frozenset()
    """Ids of the agenda items that it concerns: of its folders and bindings, from the root down."""
    meetings: frozenset[str] = frozenset()
    """Ids of the share's meetings that it belongs to."""
    holds: tuple[Hold, ...] = ()
    """Those at the pin and above it, past and coming ones too."""

    @property
    def matters(self) -> frozenset[bytes]:
        """Marks of the matters that it concerns: of its items, and of labels from the root down."""
        return self.bound.matters


@dataclass(frozen=True, slots=True)
class ShareRules:
    """All facts that decide rights in one share."""

    committee: Committee
    mandates: Mapping[str, tuple[Mandate, ...]]
    """By person; also those in other committees that an entry names."""
    undertakings: Mapping[str, int]
    """Person → instant of the undertaking of secrecy."""
    regions: Mapping[int, Region]
    places: Mapping[int, tuple[int, ...]]
    """Lineages of pins, and of the nodes that the caller asked to be placed besides."""
    beneath: Mapping[int, tuple[int, ...]]
    """Collection → the pins strictly beneath it; only collections that have any."""
    marks: frozenset[int]
    """Pins, what was placed besides, and all collections above: the nodes that need a look of their own."""
    meetings: Mapping[str, Meeting] = field(default_factory=dict)
    """By id; without their titles."""
    recusals: Mapping[str, tuple[Recusal, ...]] = field(default_factory=dict)
    """By person; only those that take the documents."""
    links: Mapping[str, Link] = field(default_factory=dict)
    """By the id of their principal."""
    chairs: tuple[Mandate, ...] = ()
    """Of this committee, past and coming ones too."""
    inboxes: frozenset[int] = frozenset()
    """Nodes at which an entry lets people add what stays theirs alone: they do not decide for what lies in them."""
    shares: tuple[Entry, ...] = ()
    """Inside shares: entries that somebody made who is cut down to himself at each use."""
    holds: Mapping[int, tuple[Hold, ...]] = field(default_factory=dict)
    """Legal holds by the node at which they stand."""

    @property
    def share(self) -> str:
        return self.committee.share

    def region_of(self, lineage: tuple[int, ...]) -> int:
        """The nearest pin at or above the node; 0 if there is none."""
        regions = self.regions
        for node in reversed(lineage):
            if node in regions:
                return node
        return 0

    def bound_at(self, lineage: tuple[int, ...]) -> Bound:
        """The label that holds at the node."""
        return self.regions[self.region_of(lineage)].bound

    def held_at(self, lineage: tuple[int, ...], at: int) -> bool:
        """Must the node stay as it is, for a hold at it or above? Also for one in the trash, by where it lay."""
        return any(hold.holds_at(at) for node in lineage for hold in self.holds.get(node, ()))

    def held_within(self, lineage: tuple[int, ...], at: int) -> bool:
        """Is the node held, or anything beneath it, so that it cannot go or change its name?"""
        if self.held_at(lineage, at):
            return True
        return any(self.held_at((pin,), at) for pin in self.beneath.get(lineage[-1], ()))


def build_rules(
    committee: Committee,
    *,
    mandates: Iterable[Mandate] = (),
    undertakings: Mapping[str, int] | None = None,
    labels: Mapping[int, Label] | None = None,
    entries: Iterable[Entry] = (),
    places: Mapping[int, tuple[int, ...]] | None = None,
    meetings: Iterable[Meeting] = (),
    agenda: Iterable[AgendaItem] = (),
    bindings: Mapping[int, Iterable[int]] | None = None,
    recusals: Iterable[Recusal] = (),
    links: Iterable[Link] = (),
    holds: Iterable[Hold] = (),
) -> ShareRules:
    """Cut a share into regions.

    A pin that `places` does not know is gone from the tree (trash): it keeps its own label, items, holds and denials,
    grants nothing, and stands above and beneath nothing. `agenda` may hold items of other committees that
    `bindings` names: their matters and recusals count here, their meetings do not.
    """
    sown = _Sown(committee, labels or {}, entries, meetings, agenda, bindings or {}, holds)
    places = places or {}
    regions = {0: Region(0, committee.ground, ())}
    beneath: dict[int, list[int]] = defaultdict(list)
    for pin in sorted(sown.pins):
        regions[pin] = sown.region(pin, places.get(pin))
        for node in places.get(pin, (pin,)):
            if node != pin:
                beneath[node].append(pin)
    held = _by_person(mandates)
    return ShareRules(
        committee,
        held,
        dict(undertakings or {}),
        regions,
        dict(places),
        {node: tuple(found) for node, found in beneath.items()},
        frozenset(sown.pins).union(*places.values()),
        sown.meetings,
        _by_person(recusal for recusal in recusals if recusal.effect is not Effect.DISCUSSION),
        {str(link.id): link for link in links},
        tuple(one for some in held.values() for one in some if one.role == CHAIR and one.share == committee.share),
        frozenset(node for node, some in sown.entries.items() if any(entry.drop_own for entry in some)),
        tuple(entry for some in sown.entries.values() for entry in some if entry.maker),
        {node: tuple(some) for node, some in sown.holds.items()},
    )


class _Sown:
    """The facts of a share by the node they stand at."""

    def __init__(  # noqa: PLR0917 (the kinds of facts there are)
        self,
        committee: Committee,
        labels: Mapping[int, Label],
        entries: Iterable[Entry],
        meetings: Iterable[Meeting],
        agenda: Iterable[AgendaItem],
        bindings: Mapping[int, Iterable[int]],
        holds: Iterable[Hold],
    ) -> None:
        self.committee, self.labels = committee, labels
        self.meetings = {meeting.id: meeting for meeting in meetings}
        self.agenda = {point.id: point for point in agenda}
        self.entries: dict[int, list[Entry]] = defaultdict(list)
        self.items: dict[int, set[int]] = defaultdict(set)
        self.sittings: dict[int, set[str]] = defaultdict(set)
        self.holds: dict[int, list[Hold]] = defaultdict(list)
        for entry in entries:
            self.entries[entry.node].append(entry)
        for own in self.entries.values():
            own.sort(key=lambda entry: (not entry.cut, entry.id))
        for point in self.agenda.values():
            if point.node is not None and point.share == committee.share:
                self.items[point.node].add(point.id)
        for node, bound in bindings.items():
            self.items[node].update(bound)
        for meeting in self.meetings.values():
            if meeting.node is not None:
                self.sittings[meeting.node].add(meeting.id)
        for hold in holds:
            self.holds[hold.node].append(hold)
        self.pins = {*labels, *self.entries, *self.items, *self.sittings, *self.holds}
        self._edges: dict[str, tuple[int, int]] = {}

    def region(self, pin: int, place: tuple[int, ...] | None) -> Region:
        """All that holds at a pin, from the root down."""
        bound, inherited = self.committee.ground, list[Entry]()
        items, meetings, holds = set[int](), set[str](), list[Hold]()
        for node in place or (pin,):
            if node not in self.pins:
                continue
            if node in self.labels:
                bound = bound.under(self.labels[node])
            if node in self.entries:
                inherited += (entry for entry in self.entries[node] if place or entry.deny)
            if node in self.items:
                items |= self.items[node]
            if node in self.sittings:
                meetings |= self.sittings[node]
            if node in self.holds:
                holds += self.holds[node]
        region = Region(pin, bound, tuple(inherited), holds=tuple(holds))
        if not items and not meetings:
            return region
        points = [self.agenda[number] for number in items if number in self.agenda]
        meetings |= {point.meeting for point in points if point.share == self.committee.share}
        bound = self._bound(bound, points, meetings)
        return region._replace(bound=bound, items=frozenset(items), meetings=frozenset(meetings))

    def _bound(self, bound: Bound, points: Iterable[AgendaItem], meetings: Iterable[str]) -> Bound:
        """What its items and meetings make of the label: a non-public item makes its papers non-public at least."""
        for point in points:
            if not point.public:
                bound = bound._replace(classification=max(bound.classification, Classification.NON_PUBLIC))
            if point.matter_mark is not None:
                bound = bound._replace(matters=bound.matters | {point.matter_mark})
        meeting = deciding(self.meetings[one] for one in meetings if one in self.meetings)
        if meeting is None:
            return bound
        if meeting.id not in self._edges:
            settled = meeting.settled_at
            self._edges[meeting.id] = meeting.over_at, NEVER if settled is None else settled
        concluded_at, ended_at = self._edges[meeting.id]
        return bound._replace(concluded_at=concluded_at, ended_at=ended_at)


def _by_person(facts: Iterable[_Fact]) -> dict[str, tuple[_Fact, ...]]:
    found: dict[str, list[_Fact]] = defaultdict(list)
    for fact in facts:
        found[fact.person].append(fact)
    return {person: tuple(some) for person, some in found.items()}
