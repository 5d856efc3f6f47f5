"""The rights' rows: declared, listed, and read as one snapshot. SQLAlchemy Core inside the caller's transaction.

`declare_*` and `set_*` are idempotent and return True if something changed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict
from typing import Any

from sqlalchemy import Connection, Row, delete, or_, select, update

from acl import schema
from acl.entries import Entry, check_entry
from acl.hold_store import add_hold, end_hold, follow_holds, holds
from acl.labels import Classification, Label
from acl.link_store import add_link, link_by_hash, links, lull_links, revoke_link, use_link, wake_link
from acl.mandates import ROLES, Committee, CommitteeKind, Mandate
from acl.meeting_store import (
    add_binding,
    agenda,
    agenda_numbers,
    bind_agenda_item_folder,
    bind_meeting,
    bindings,
    deciding_agenda,
    deciding_meetings,
    declare_agenda_item,
    declare_meeting,
    meeting_ends,
    meetings,
    numbers_concerned,
    remove_binding,
    renumber,
    reseal_meetings,
    set_meeting_state,
)
from acl.privileges import Rights
from acl.proposals import approve_proposal, proposals, propose
from acl.recusal_store import add_recusal, end_recusal, recusals
from acl.rows import ALL_SHARES, EPOCH, Sealer, add, declare, epoch, remove, row_of, touch
from acl.rules import ShareRules, build_rules

__all__ = (
    "ALL_SHARES",
    "EPOCH",
    "Sealer",
    "UnknownCommittee",
    "add_binding",
    "add_entry",
    "add_hold",
    "add_link",
    "add_recusal",
    "agenda",
    "agenda_numbers",
    "approve_proposal",
    "bind_agenda_item_folder",
    "bind_meeting",
    "bindings",
    "committee",
    "committees",
    "declare_agenda_item",
    "declare_committee",
    "declare_mandate",
    "declare_meeting",
    "declare_undertaking",
    "end_hold",
    "end_mandate",
    "end_recusal",
    "epoch",
    "follow_holds",
    "forget_nodes",
    "holds",
    "labels",
    "link_by_hash",
    "links",
    "list_entries",
    "load_rules",
    "lull_links",
    "mandates_in",
    "mandates_of",
    "meeting_ends",
    "meetings",
    "numbers_concerned",
    "proposals",
    "propose",
    "recusals",
    "remove_binding",
    "remove_entry",
    "renumber",
    "reseal_meetings",
    "revoke_link",
    "set_label",
    "set_meeting_state",
    "take_back_mandate",
    "touch",
    "undertaking",
    "use_link",
    "wake_link",
)


FORGOTTEN_AT_ONCE = 500


class UnknownCommittee(Exception):  # noqa: N818 (named like its kin, architecture.md §5)
    """No committee was declared for this share."""


def declare_committee(connection: Connection, committee: Committee) -> bool:
    """Write or update a committee's facts."""
    values = asdict(committee) | {
        "kind": committee.kind.value,
        "default_class": committee.default_class.word,
    }
    return declare(connection, schema.committee, {"share": values.pop("share")}, values)


def committee(connection: Connection, share: str) -> Committee:
    """Raises UnknownCommittee."""
    row = connection.execute(select(schema.committee).where(schema.committee.c.share == share)).one_or_none()
    if row is None:
        raise UnknownCommittee(f"no committee {share}; declare it with: davserver apply FILE")
    return _committee(row)


def committees(connection: Connection) -> list[Committee]:
    """All, by id."""
    return [_committee(row) for row in connection.execute(select(schema.committee).order_by(schema.committee.c.share))]


def declare_mandate(connection: Connection, mandate: Mandate) -> bool:
    """Write a mandate, or its new end; one declared without an end leaves a known end alone.

    Its identity is (share, person, role, start). Raises ValueError for an unknown role or an end before the start.
    """
    if mandate.role not in ROLES:
        raise ValueError(f"unknown role {mandate.role!r}; one of: {', '.join(ROLES)}")
    if mandate.end is not None and mandate.end <= mandate.start:
        raise ValueError(f"the mandate of {mandate.person} as {mandate.role} must end after it starts")
    key = {"share": mandate.share, "person": mandate.person, "role": mandate.role, "start": mandate.start}
    if mandate.end is None and row_of(connection, schema.mandate, key) is not None:
        return False
    return declare(connection, schema.mandate, key, {"end": mandate.end})


def end_mandate(connection: Connection, share: str, person: str, role: str, at: int) -> bool:
    """End what runs then, at the instant `at`; True if there was anything to end."""
    table = schema.mandate
    ended = connection.execute(
        update(table)
        .where(table.c.share == share, table.c.person == person, table.c.role == role, table.c.start <= at)
        .where(or_(table.c.end.is_(None), table.c.end > at))
        .values(end=at)
    )
    if ended.rowcount:
        touch(connection, ALL_SHARES)
    return bool(ended.rowcount)


def take_back_mandate(connection: Connection, share: str, person: str, role: str, start: int) -> bool:
    """Remove one as if it had never been declared: for what has not begun yet. True if it was there."""
    return remove(connection, schema.mandate, {"share": share, "person": person, "role": role, "start": start})


def mandates_of(connection: Connection, person: str) -> list[Mandate]:
    """Past, running and coming ones in all committees."""
    table = schema.mandate
    return _mandates(connection.execute(select(table).where(table.c.person == person).order_by(*table.primary_key)))


def mandates_in(connection: Connection, share: str) -> list[Mandate]:
    """Past, running and coming ones of all persons."""
    table = schema.mandate
    return _mandates(connection.execute(select(table).where(table.c.share == share).order_by(*table.primary_key)))


def declare_undertaking(connection: Connection, person: str, since: int) -> bool:
    """The person has pledged secrecy at this instant."""
    return declare(connection, schema.undertaking, {"person": person}, {"since": since})


def undertaking(connection: Connection, person: str) -> int | None:
    """Since when; None without one."""
    row = row_of(connection, schema.undertaking, {"person": person})
    return None if row is None else int(row.since)


def set_label(connection: Connection, share: str, node: int, label: Label) -> bool:
    """Replace the node's own label; one without any part removes it."""
    key = {"share": share, "node": node}
    if label == Label():
        return remove(connection, schema.label, key)
    values: dict[str, Any] = label._asdict()
    if label.classification is not None:
        values["classification"] = label.classification.word
    return declare(connection, schema.label, key, values)


def labels(connection: Connection, share: str) -> dict[int, Label]:
    """By node; only nodes with a label of their own."""
    table = schema.label
    return {
        row.node: Label(
            None if row.classification is None else Classification.parse(row.classification),
            row.release_at,
            row.close_at,
            row.review_at,
            row.publish_at,
            row.matter,
        )
        for row in connection.execute(select(table).where(table.c.share == share))
    }


def forget_nodes(connection: Connection, share: str, nodes: Iterable[int]) -> bool:
    """Their ids have ended: so has all that was said of them; what had one as its folder has none. True if any."""
    gone, ended = 0, sorted(nodes)
    for start in range(0, len(ended), FORGOTTEN_AT_ONCE):
        some = ended[start : start + FORGOTTEN_AT_ONCE]
        for table in (schema.label, schema.entry, schema.binding, schema.link, schema.proposal, schema.hold):
            gone += connection.execute(delete(table).where(table.c.share == share, table.c.node.in_(some))).rowcount
        for table in (schema.meeting, schema.agenda_item):
            folder = update(table).where(table.c.share == share, table.c.node.in_(some))
            gone += connection.execute(folder.values(node=None)).rowcount
    if gone:
        touch(connection, share)
    return bool(gone)


def add_entry(connection: Connection, share: str, entry: Entry) -> tuple[int, bool]:
    """(id, True if new); an equal entry that stands already is kept. Raises ValueError if it makes no sense."""
    check_entry(entry)
    values = asdict(entry) | {"share": share, "rights": int(entry.rights)}
    del values["id"]
    row = row_of(connection, schema.entry, values)
    if row is not None:
        return int(row.id), False
    added = add(connection, schema.entry, values)
    touch(connection, share)
    return added, True


def remove_entry(connection: Connection, share: str, entry_id: int) -> bool:
    """True if it stood there."""
    return remove(connection, schema.entry, {"share": share, "id": entry_id})


def list_entries(connection: Connection, share: str, node: int | None = None) -> list[Entry]:
    """All of the share, or those that stand at one node; by id."""
    table = schema.entry
    query = select(table).where(table.c.share == share).order_by(table.c.id)
    if node is not None:
        query = query.where(table.c.node == node)
    return [
        Entry(
            row.node,
            row.principal,
            Rights(row.rights),
            row.deny,
            row.cut,
            row.start,
            row.end,
            row.id,
            row.maker,
            row.drop_own,
        )
        for row in connection.execute(query)
    ]


def load_rules(
    connection: Connection,
    share: str,
    place: Callable[[Iterable[int]], Mapping[int, tuple[int, ...]]],
    also: Iterable[int] = (),
) -> ShareRules:
    """One consistent snapshot of everything that decides rights in a share. Raises UnknownCommittee.

    `place` gives the lineages of living nodes; ids that it leaves out are gone. `also` names further nodes to
    place: the scopes of app passwords, so that their owners can walk down to them.
    """
    own_labels, entries = labels(connection, share), list_entries(connection, share)
    sittings, bound = deciding_meetings(connection, share), bindings(connection, share)
    elsewhere = {number for numbers in bound.values() for number in numbers}
    points, held = deciding_agenda(connection, share, elsewhere), holds(connection, share)
    homes = [sitting.node for sitting in sittings] + [point.node for point in points if point.share == share]
    folders = {node for node in homes if node is not None}
    named = {word.removeprefix("committee:") for e in entries if (word := e.principal).startswith("committee:")}
    table, pledged = schema.mandate, schema.undertaking
    query = select(table).where(table.c.share.in_({share, *named})).order_by(*table.primary_key)
    return build_rules(
        committee(connection, share),
        mandates=_mandates(connection.execute(query)),
        undertakings={row.person: row.since for row in connection.execute(select(pledged))},
        labels=own_labels,
        entries=entries,
        places=place({*own_labels, *(e.node for e in entries), *(h.node for h in held), *bound, *folders, *also}),
        meetings=sittings,
        agenda=points,
        bindings=bound,
        recusals=recusals(connection, share, elsewhere),
        links=links(connection, share),
        holds=held,
    )


def _committee(row: Row[Any]) -> Committee:
    return Committee(
        row.share,
        row.name,
        CommitteeKind(row.kind),
        Classification.parse(row.default_class),
        row.has_meetings,
        row.early_access,
        row.publish_with_agenda,
    )


def _mandates(rows: Iterable[Row[Any]]) -> list[Mandate]:
    return [Mandate(row.share, row.person, row.role, row.start, row.end) for row in rows]
