"""Rows of meetings, agenda items and bindings. SQLAlchemy Core inside the caller's transaction."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping

from sqlalchemy import Connection, or_, select, update

from acl import schema
from acl.meetings import AgendaItem, Mark, Meeting, MeetingState, normal_matter
from acl.rows import Sealer, declare, remove, revise, row_of, touch

_INSTANTS = ("released_at", "closed_at", "approved_at")
_REACHED: Mapping[MeetingState, int] = {
    MeetingState.PLANNED: 0,
    MeetingState.AGENDA_RELEASED: 1,
    MeetingState.RUNNING: 1,
    MeetingState.CLOSED: 2,
    MeetingState.MINUTES_APPROVED: 3,
}
"""How many of the instants lie behind a meeting in this state."""
_MATTER = "matter"


def declare_meeting(connection: Connection, sealer: Sealer, meeting: Meeting) -> bool:
    """Write or update a meeting; its folder and instants only where given. Raises ValueError if it ends too early."""
    if meeting.end <= meeting.start:
        raise ValueError(f"the meeting {meeting.id} must end after it starts")
    given = {name: at for name in ("node", *_INSTANTS) if (at := getattr(meeting, name)) is not None}
    return declare(
        connection,
        schema.meeting,
        {"share": meeting.share, "id": meeting.id},
        {
            "title": sealer.seal(meeting.title, _title_place("meeting", meeting.id)),
            "start": meeting.start,
            "end": meeting.end,
            "state": meeting.state.value,
            **given,
        },
    )


def set_meeting_state(connection: Connection, share: str, meeting_id: str, state: MeetingState, at: int) -> bool:
    """Let it reach a state at this instant: the instants of states passed over are the same, of later ones none.

    A cancelled meeting keeps the instants it had; if it takes place after all, its agenda is released anew. Raises
    ValueError for an unknown meeting.
    """
    row = row_of(connection, schema.meeting, {"share": share, "id": meeting_id})
    if row is None:
        raise ValueError(f"no meeting {meeting_id} in {share}; declare the meeting first")
    known = [getattr(row, name) for name in _INSTANTS]
    if row.state == MeetingState.CANCELLED and state is not MeetingState.CANCELLED:
        known[0] = None
    reached = _REACHED.get(state)
    if reached is not None:
        known = [at if old is None else old for old in known[:reached]] + [None] * (len(known) - reached)
    values = {"state": state.value, **dict(zip(_INSTANTS, known, strict=True))}
    return declare(connection, schema.meeting, {"share": share, "id": meeting_id}, values)


def bind_meeting(connection: Connection, share: str, meeting_id: str, node: int | None) -> bool:
    """Name its folder; None for none."""
    return revise(connection, schema.meeting, {"share": share, "id": meeting_id}, {"node": node})


def meetings(connection: Connection, sealer: Sealer, share: str) -> list[Meeting]:
    """By start."""
    table = schema.meeting
    rows = connection.execute(select(table).where(table.c.share == share).order_by(table.c.start, table.c.id))
    return [
        Meeting(
            share,
            row.id,
            sealer.open(row.title, _title_place("meeting", row.id)),
            row.start,
            row.end,
            MeetingState(row.state),
            row.node,
            row.released_at,
            row.closed_at,
            row.approved_at,
        )
        for row in rows
    ]


def declare_agenda_item(connection: Connection, sealer: Sealer, mark: Mark, agenda_item: AgendaItem) -> bool:
    """Write or update an item of an agenda; its folder only where given. Raises ValueError for an unknown meeting."""
    if row_of(connection, schema.meeting, {"share": agenda_item.share, "id": agenda_item.meeting}) is None:
        raise ValueError(f"no meeting {agenda_item.meeting} in {agenda_item.share}; declare the meeting first")
    matter = agenda_item.matter
    return declare(
        connection,
        schema.agenda_item,
        {"share": agenda_item.share, "meeting": agenda_item.meeting, "number": agenda_item.number},
        {
            "title": sealer.seal(agenda_item.title, _title_place("item", agenda_item.meeting, agenda_item.number)),
            "public": agenda_item.public,
            "matter": None if matter is None else sealer.seal(matter, _MATTER),
            "matter_mark": None if matter is None else mark(normal_matter(matter)),
            **({} if agenda_item.node is None else {"node": agenda_item.node}),
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
            row.node,
            row.matter_mark,
        )
        for row in rows
    ]


def agenda_numbers(
    connection: Connection, share: str, nodes: Iterable[int] | None = None
) -> dict[int, tuple[str, bool]]:
    """Node → number and whether it is public, of those (None: of all) that are the folder of an agenda item."""
    table = schema.agenda_item
    asked = table.c.node.is_not(None) if nodes is None else table.c.node.in_(list(nodes))
    rows = connection.execute(select(table.c.node, table.c.number, table.c.public).where(table.c.share == share, asked))
    return {row.node: (row.number, row.public) for row in rows}


def numbers_concerned(
    connection: Connection, share: str, meeting_id: str, points: Collection[int], matters: Collection[bytes]
) -> list[tuple[str, bool]]:
    """Number, and whether it is public, of a meeting's items that have one of these ids or matters; in order."""
    table = schema.agenda_item
    concerned = or_(table.c.id.in_(points), table.c.matter_mark.in_(matters))
    here = (table.c.share == share, table.c.meeting == meeting_id)
    rows = connection.execute(select(table.c.number, table.c.public).where(*here, concerned).order_by(table.c.id))
    return [(row.number, row.public) for row in rows]


def renumber(connection: Connection, sealer: Sealer, share: str, meeting_id: str, numbers: Mapping[str, str]) -> bool:
    """Give items other numbers, old → new, all at once, so that they may trade; ids, folders and bindings stay.

    Raises ValueError, and changes nothing, for an unknown old number or a new one that would stand twice.
    """
    points = {point.number: point for point in agenda(connection, sealer, share, meeting_id)}
    moved = {old: new for old, new in numbers.items() if old != new}
    for old in numbers:
        if old not in points:
            raise ValueError(f"no item {old} in the meeting {meeting_id} of {share}; see: davserver item list")
    kept = [*(points.keys() - moved.keys()), *moved.values()]
    if doubled := sorted({number for number in kept if kept.count(number) > 1}):
        raise ValueError(f"the number {doubled[0]} would stand twice in the meeting {meeting_id} of {share}")
    table = schema.agenda_item
    for old in moved:  # out of the way first: numbers are unique at every step
        passing = f"~{points[old].id}"
        connection.execute(update(table).where(table.c.id == points[old].id).values(number=passing))
    for old, new in moved.items():
        title = sealer.seal(points[old].title, _title_place("item", meeting_id, new))
        connection.execute(update(table).where(table.c.id == points[old].id).values(number=new, title=title))
    if moved:
        touch(connection, share)
    return bool(moved)


def bind_agenda_item_folder(connection: Connection, share: str, agenda_item: int, node: int | None) -> bool:
    """Name its folder; None for none."""
    return revise(connection, schema.agenda_item, {"share": share, "id": agenda_item}, {"node": node})


def add_binding(connection: Connection, share: str, node: int, agenda_item: int) -> bool:
    """The node concerns this agenda item, which may be another committee's. Raises ValueError for an unknown item."""
    if row_of(connection, schema.agenda_item, {"id": agenda_item}) is None:
        raise ValueError(f"no agenda item has the id {agenda_item}; see: davserver item list")
    return declare(connection, schema.binding, {"share": share, "node": node, "agenda_item": agenda_item}, {})


def remove_binding(connection: Connection, share: str, node: int, agenda_item: int) -> bool:
    """True if it stood there."""
    return remove(connection, schema.binding, {"share": share, "node": node, "agenda_item": agenda_item})


def bindings(connection: Connection, share: str) -> dict[int, tuple[int, ...]]:
    """Node → ids of the agenda items that it concerns besides that of its folder."""
    table, found = schema.binding, defaultdict[int, list[int]](list)
    for row in connection.execute(select(table).where(table.c.share == share).order_by(table.c.agenda_item)):
        found[row.node].append(row.agenda_item)
    return {node: tuple(ids) for node, ids in found.items()}


def deciding_meetings(connection: Connection, share: str) -> list[Meeting]:
    """Without their titles, which decide nothing."""
    table = schema.meeting
    return [
        Meeting(
            share,
            row.id,
            "",
            row.start,
            row.end,
            MeetingState(row.state),
            row.node,
            row.released_at,
            row.closed_at,
            row.approved_at,
        )
        for row in connection.execute(select(table).where(table.c.share == share))
    ]


def deciding_agenda(connection: Connection, share: str, bound: Iterable[int]) -> list[AgendaItem]:
    """The share's items and those of the ids in `bound`, without titles and readable matters."""
    table = schema.agenda_item
    wanted = select(table).where(or_(table.c.share == share, table.c.id.in_(set(bound))))
    return [
        AgendaItem(row.share, row.meeting, row.number, "", row.public, None, row.id, row.node, row.matter_mark)
        for row in connection.execute(wanted)
    ]


def meeting_ends(connection: Connection, points: Iterable[int]) -> list[int]:
    """When the meetings that treat these agenda items ended or will, whosever they are; cancelled ones never do."""
    table = schema.agenda_item
    wanted = select(table.c.share, table.c.meeting).where(table.c.id.in_(set(points))).distinct()
    concerned = {(row.share, row.meeting) for row in connection.execute(wanted)}
    return [
        meeting.over_at
        for share in sorted({share for share, _ in concerned})
        for meeting in deciding_meetings(connection, share)
        if (share, meeting.id) in concerned and meeting.state is not MeetingState.CANCELLED
    ]


def _title_place(*parts: str) -> str:
    return "/".join((*parts, "title"))


def reseal_meetings(connection: Connection, share: str, former: Sealer, sealer: Sealer) -> None:
    """Titles and matters of all meetings of a share, under another key."""
    table, points = schema.meeting, schema.agenda_item
    for row in connection.execute(select(table).where(table.c.share == share)).all():
        place = _title_place("meeting", row.id)
        title = sealer.seal(former.open(row.title, place), place)
        connection.execute(update(table).where(table.c.share == share, table.c.id == row.id).values(title=title))
    for row in connection.execute(select(points).where(points.c.share == share)).all():
        place = _title_place("item", row.meeting, row.number)
        matter = None if row.matter is None else sealer.seal(former.open(row.matter, _MATTER), _MATTER)
        values = {"title": sealer.seal(former.open(row.title, place), place), "matter": matter}
        connection.execute(update(points).where(points.c.id == row.id).values(values))
