"""The rules of one share as they stood when read: an immutable snapshot, cut into regions (rights.md §4)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from acl.entries import Entry
from acl.labels import Bound, Label
from acl.mandates import Committee, Mandate


class Region(NamedTuple):
    """A pinned node and all beneath it that no nearer pin claims; its nodes share every decision."""

    node: int
    """The pin; 0 for what lies under no pin."""
    bound: Bound
    entries: tuple[Entry, ...]
    """Those at the pin and above it, from the root down; at one node those that cut come first."""


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
    """Pins and the collections above them: the nodes that need a look of their own."""

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


def build_rules(
    committee: Committee,
    *,
    mandates: Iterable[Mandate] = (),
    undertakings: Mapping[str, int] | None = None,
    labels: Mapping[int, Label] | None = None,
    entries: Iterable[Entry] = (),
    places: Mapping[int, tuple[int, ...]] | None = None,
) -> ShareRules:
    """Cut a share into regions.

    A pin that `places` does not know is gone from the tree (trash): it keeps its own label and denials, grants
    nothing, and stands above and beneath nothing.
    """
    labels, places = labels or {}, places or {}
    by_node: dict[int, list[Entry]] = defaultdict(list)
    for entry in entries:
        by_node[entry.node].append(entry)
    for own in by_node.values():
        own.sort(key=lambda entry: (not entry.cut, entry.id))
    pins = labels.keys() | by_node.keys()
    regions = {0: Region(0, committee.ground, ())}
    beneath: dict[int, list[int]] = defaultdict(list)
    for pin in sorted(pins):
        bound, inherited = committee.ground, list[Entry]()
        placed = pin in places
        for node in places.get(pin, (pin,)):
            bound = bound.under(labels[node]) if node in labels else bound
            inherited += (entry for entry in by_node.get(node, ()) if placed or entry.deny)
            if node != pin:
                beneath[node].append(pin)
        regions[pin] = Region(pin, bound, tuple(inherited))
    by_person: dict[str, list[Mandate]] = defaultdict(list)
    for mandate in mandates:
        by_person[mandate.person].append(mandate)
    return ShareRules(
        committee,
        {person: tuple(held) for person, held in by_person.items()},
        dict(undertakings or {}),
        regions,
        dict(places),
        {node: tuple(found) for node, found in beneath.items()},
        frozenset(pins) | beneath.keys(),
    )
