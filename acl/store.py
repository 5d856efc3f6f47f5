"""The rights' rows: declared, listed, and read as one snapshot. SQLAlchemy Core inside the caller's transaction.

`declare_*` and `set_*` are idempotent and return True if something changed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict
from typing import Any, Protocol

from sqlalchemy import Connection, Row, Table, delete, func, insert, or_, select, update

from acl import schema
from acl.entries import Entry, check_entry
from acl.labels import Classification, Label
from acl.mandates import ROLES, Committee, CommitteeKind, Mandate
from acl.meetings import AgendaItem, Meeting, MeetingState
from acl.privileges import Rights
from acl.rules import ShareRules, build_rules


class Sealer(Protocol):
    """Seals short texts of one share; equal text in an equal place gives equal bytes."""

    def seal(self, text: str, place: str) -> bytes: ...

    def open(self, sealed: bytes, place: str) -> str: ...


ALL_SHARES = ""
"""As a share of `touch`: what changed may concern every share (mandates named by entries elsewhere, undertakings)."""


class UnknownCommittee(Exception):  # noqa: N818 (named like its kin, architecture.md §5)
    """No committee was declared for this share."""


def declare_committee(connection: Connection, committee: Committee) -> bool:
    """Write or update a committee's facts."""
    values = asdict(committee) | {
        "kind": committee.kind.value,
        "default_class": committee.default_class.word,
    }
    return _declare(connection, schema.committee, {"share": values.pop("share")}, values)


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
    if mandate.end is None and _row(connection, schema.mandate, key) is not None:
        return False
    return _declare(connection, schema.mandate, key, {"end": mandate.end})


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
    return _declare(connection, schema.undertaking, {"person": person}, {"since": since})


def undertaking(connection: Connection, person: str) -> int | None:
    """Since when; None without one."""
    row = _row(connection, schema.undertaking, {"person": person})
    return None if row is None else int(row.since)


def declare_meeting(connection: Connection, sealer: Sealer, meeting: Meeting) -> bool:
    """Write or update a meeting. Raises ValueError if it ends before it starts."""
    if meeting.end <= meeting.start:
        raise ValueError(f"the meeting {meeting.id} must end after it starts")
    return _declare(
        connection,
        schema.meeting,
        {"share": meeting.share, "id": meeting.id},
        {
            "title": sealer.seal(meeting.title, _title_place("meeting", meeting.id)),
            "start": meeting.start,
            "end": meeting.end,
            "state": meeting.state.value,
        },
    )


def meetings(connection: Connection, sealer: Sealer, share: str) -> list[Meeting]:
    """By start."""
    table = schema.meeting
    rows = connection.execute(select(table).where(table.c.share == share).order_by(table.c.start, table.c.id))
    return [
        Meeting(share, r.id, sealer.open(r.title, _title_place("meeting", r.id)), r.start, r.end, MeetingState(r.state))
        for r in rows
    ]


def declare_agenda_item(connection: Connection, sealer: Sealer, agenda_item: AgendaItem) -> bool:
    """Write or update an item of an agenda. Raises ValueError for an unknown meeting."""
    if _row(connection, schema.meeting, {"share": agenda_item.share, "id": agenda_item.meeting}) is None:
        raise ValueError(f"no meeting {agenda_item.meeting} in {agenda_item.share}; declare the meeting first")
    return _declare(
        connection,
        schema.agenda_item,
        {"share": agenda_item.share, "meeting": agenda_item.meeting, "number": agenda_item.number},
        {
            "title": sealer.seal(agenda_item.title, _title_place("item", agenda_item.meeting, agenda_item.number)),
            "public": agenda_item.public,
            "matter": None if agenda_item.matter is None else sealer.seal(agenda_item.matter, _MATTER),
        },
    )


def agenda(connection: Connection, sealer: Sealer, share: str, meeting: str) -> list[AgendaItem]:
    """The items of one meeting, as they were declared first."""
    table = schema.agenda_item
    rows = connection.execute(
        select(table).where(table.c.share == share, table.c.meeting == meeting).order_by(table.c.id)
    )
    return [
        AgendaItem(
            share,
            meeting,
            row.number,
            sealer.open(row.title, _title_place("item", meeting, row.number)),
            row.public,
            None if row.matter is None else sealer.open(row.matter, _MATTER),
            row.id,
        )
        for row in rows
    ]


def set_label(connection: Connection, share: str, node: int, label: Label) -> bool:
    """Replace the node's own label; one without any part removes it."""
    key = {"share": share, "node": node}
    if label == Label():
        return _remove(connection, schema.label, key)
    values: dict[str, Any] = label._asdict()
    if label.classification is not None:
        values["classification"] = label.classification.word
    return _declare(connection, schema.label, key, values)


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
        )
        for row in connection.execute(select(table).where(table.c.share == share))
    }


def forget_node(connection: Connection, share: str, node: int) -> bool:
    """The node's id has ended: so have its label and entries. True if there were any."""
    label, entry = schema.label, schema.entry
    gone = connection.execute(delete(label).where(label.c.share == share, label.c.node == node)).rowcount
    gone += connection.execute(delete(entry).where(entry.c.share == share, entry.c.node == node)).rowcount
    if gone:
        touch(connection, share)
    return bool(gone)


def add_entry(connection: Connection, share: str, entry: Entry) -> tuple[int, bool]:
    """(id, True if new); an equal entry that stands already is kept. Raises ValueError if it makes no sense."""
    check_entry(entry)
    values = asdict(entry) | {"share": share, "rights": int(entry.rights)}
    del values["id"]
    row = _row(connection, schema.entry, values)
    if row is not None:
        return int(row.id), False
    inserted = connection.execute(insert(schema.entry).values(values)).inserted_primary_key
    assert inserted is not None
    touch(connection, share)
    return int(inserted[0]), True


def remove_entry(connection: Connection, share: str, entry_id: int) -> bool:
    """True if it stood there."""
    return _remove(connection, schema.entry, {"share": share, "id": entry_id})


def list_entries(connection: Connection, share: str, node: int | None = None) -> list[Entry]:
    """All of the share, or those that stand at one node; by id."""
    table = schema.entry
    query = select(table).where(table.c.share == share).order_by(table.c.id)
    if node is not None:
        query = query.where(table.c.node == node)
    return [
        Entry(row.node, row.principal, Rights(row.rights), row.deny, row.cut, row.start, row.end, row.id)
        for row in connection.execute(query)
    ]


def touch(connection: Connection, share: str) -> None:
    """Snapshots of this share's rules are stale once the transaction commits; `ALL_SHARES` for every share."""
    table = schema.epoch
    if not connection.execute(update(table).where(table.c.share == share).values(number=table.c.number + 1)).rowcount:
        connection.execute(insert(table).values(share=share, number=1))


def epoch(connection: Connection, share: str) -> int:
    """Grows with every change that a snapshot of this share's rules depends on."""
    table = schema.epoch
    wanted = select(func.coalesce(func.sum(table.c.number), 0)).where(table.c.share.in_((share, ALL_SHARES)))
    return int(connection.execute(wanted).scalar_one())


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
    facts = committee(connection, share)
    own_labels, entries = labels(connection, share), list_entries(connection, share)
    named = {word.removeprefix("committee:") for e in entries if (word := e.principal).startswith("committee:")}
    table, pledged = schema.mandate, schema.undertaking
    query = select(table).where(table.c.share.in_({share, *named})).order_by(*table.primary_key)
    return build_rules(
        facts,
        mandates=_mandates(connection.execute(query)),
        undertakings={row.person: row.since for row in connection.execute(select(pledged))},
        labels=own_labels,
        entries=entries,
        places=place({*own_labels, *(entry.node for entry in entries), *also}),
    )


_MATTER = "matter"


def _title_place(*parts: str) -> str:
    return "/".join((*parts, "title"))


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


def _matching(table: Table, key: Mapping[str, Any]) -> list[Any]:
    return [table.c[name].is_(None) if value is None else table.c[name] == value for name, value in key.items()]


def _row(connection: Connection, table: Table, key: Mapping[str, Any]) -> Row[Any] | None:
    return connection.execute(select(table).where(*_matching(table, key)).limit(1)).one_or_none()


def _declare(connection: Connection, table: Table, key: Mapping[str, Any], values: Mapping[str, Any]) -> bool:
    row = _row(connection, table, key)
    if row is None:
        connection.execute(insert(table).values({**key, **values}))
    elif all(row._mapping[table.c[name]] == value for name, value in values.items()):
        return False
    else:
        connection.execute(update(table).where(*_matching(table, key)).values(**values))
    touch(connection, _concerned(table, key))
    return True


def _remove(connection: Connection, table: Table, key: Mapping[str, Any]) -> bool:
    removed = bool(connection.execute(delete(table).where(*_matching(table, key))).rowcount)
    if removed:
        touch(connection, _concerned(table, key))
    return removed


def _concerned(table: Table, key: Mapping[str, Any]) -> str:
    """Whose snapshots a changed row makes stale."""
    return ALL_SHARES if table in (schema.mandate, schema.undertaking) else str(key["share"])
