"""Rows of recusals. SQLAlchemy Core inside the caller's transaction."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict

from sqlalchemy import Connection, or_, select, update

from acl import schema
from acl.recusals import Effect, Recusal, check_recusal
from acl.rows import ALL_SHARES, add, row_of, touch


def add_recusal(connection: Connection, recusal: Recusal) -> int:
    """Its id. Raises ValueError if it makes no sense or its agenda item is unknown."""
    check_recusal(recusal)
    known = {"share": recusal.share, "id": recusal.agenda_item}
    if recusal.agenda_item is not None and row_of(connection, schema.agenda_item, known) is None:
        raise ValueError(f"no agenda item has the id {recusal.agenda_item} in {recusal.share}")
    values = asdict(recusal) | {"effect": recusal.effect.value}
    del values["id"]
    added = add(connection, schema.recusal, values)
    touch(connection, ALL_SHARES)  # papers in other shares may be bound to the item
    return added


def end_recusal(connection: Connection, recusal_id: int, at: int) -> bool:
    """Lift it from this instant on; True if it would have held longer."""
    table = schema.recusal
    lifted = connection.execute(
        update(table).where(table.c.id == recusal_id, or_(table.c.end.is_(None), table.c.end > at)).values(end=at)
    )
    if lifted.rowcount:
        touch(connection, ALL_SHARES)
    return bool(lifted.rowcount)


def recusals(connection: Connection, share: str, agenda_items: Iterable[int] = ()) -> list[Recusal]:
    """Those of the share's agenda items, those by matter, and those of the `agenda_items` named besides; by id."""
    table = schema.recusal
    wanted = or_(table.c.share.in_((share, ALL_SHARES)), table.c.agenda_item.in_(tuple(agenda_items)))
    return [
        Recusal(
            row.share,
            row.person,
            row.agenda_item,
            row.matter_mark,
            row.start,
            row.end,
            Effect(row.effect),
            row.by,
            row.at,
            row.id,
        )
        for row in connection.execute(select(table).where(wanted).order_by(table.c.id))
    ]
