"""Where pins stood at a change of the past, so that a sync-token can be judged by the tree that it was given for.

Whenever a pin leaves its place, alone or with a folder above it, its lineage until then is kept under the number of
that change. The rules of today on the places of then say what a reader could discover at the time, unless the rules
themselves have changed since.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from sqlalchemy import Connection, insert, select

from acl.rules import ShareRules
from davserver.schema import displaced as table


class Displaced(NamedTuple):
    """A pin left its place with a change."""

    change: int
    pin: int
    lineage: tuple[int, ...]
    """Before that change; empty if it was no pin in the tree."""


def displace(connection: Connection, rules: ShareRules, lineage: tuple[int, ...], change: int) -> None:
    """What had this lineage left its place with that change, and with it all pins beneath; `rules` from before."""
    node = lineage[-1]
    pins = (*([node] if node in rules.regions else ()), *rules.beneath.get(node, ()))
    _keep(connection, rules.share, change, {pin: rules.places.get(pin, lineage) for pin in pins})


def appear(connection: Connection, rules: ShareRules, node: int, change: int) -> None:
    """With that change a node came out of the trash, with all pins at and beneath it; `rules` from after."""
    pins = (node, *rules.beneath.get(node, ()))
    _keep(connection, rules.share, change, dict.fromkeys(pins, ()))


def _keep(connection: Connection, share: str, change: int, places: Mapping[int, tuple[int, ...]]) -> None:
    rows = [
        {"share": share, "change": change, "pin": pin, "lineage": " ".join(map(str, lineage))}
        for pin, lineage in places.items()
    ]
    if rows:
        connection.execute(insert(table), rows)


def pinned(connection: Connection, share: str, node: int, change: int) -> None:
    """With that change a node came to where it is, and got its first pin by it."""
    _keep(connection, share, change, {node: ()})


def since(connection: Connection, share: str, change: int) -> list[Displaced]:
    """All pins that left their places after `change`, in order."""
    query = select(table.c.change, table.c.pin, table.c.lineage).where(table.c.share == share, table.c.change > change)
    return [
        Displaced(number, pin, tuple(map(int, lineage.split())))
        for number, pin, lineage in connection.execute(query.order_by(table.c.change))
    ]


def places_before(now: Mapping[int, tuple[int, ...]], moves: Sequence[Displaced]) -> dict[int, tuple[int, ...]]:
    """The lineages of pins before all of these moves."""
    found = dict(now)
    for _, pin, lineage in reversed(moves):
        found[pin] = lineage
    return {pin: lineage for pin, lineage in found.items() if lineage}
