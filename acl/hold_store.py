"""Rows of legal holds. SQLAlchemy Core inside the caller's transaction."""

from __future__ import annotations

from dataclasses import asdict

from sqlalchemy import Connection, or_, select, update

from acl import schema
from acl.holds import Hold, check_hold
from acl.rows import add, touch


def add_hold(connection: Connection, hold: Hold) -> int:
    """Its id. Raises ValueError if it makes no sense."""
    check_hold(hold)
    values = asdict(hold)
    del values["id"]
    added = add(connection, schema.hold, values)
    touch(connection, hold.share)
    return added


def end_hold(connection: Connection, hold_id: int, at: int) -> Hold | None:
    """Lift it from this instant on; the hold as it stood, None if it would not have held longer."""
    table = schema.hold
    lasting = (table.c.id == hold_id, or_(table.c.end.is_(None), table.c.end > at))
    row = connection.execute(select(table).where(*lasting)).one_or_none()
    if row is None:
        return None
    connection.execute(update(table).where(table.c.id == hold_id).values(end=at))
    touch(connection, row.share)
    return Hold(**row._mapping)


def follow_holds(connection: Connection, share: str, old: int, new: int) -> None:
    """What one node was has become the content of another: holds yet to come follow it there."""
    table = schema.hold
    followed = update(table).where(table.c.share == share, table.c.node == old).values(node=new)
    if connection.execute(followed).rowcount:
        touch(connection, share)


def holds(connection: Connection, share: str) -> list[Hold]:
    """All of a share, past and coming ones too; by id."""
    table = schema.hold
    rows = connection.execute(select(table).where(table.c.share == share).order_by(table.c.id))
    return [Hold(**row._mapping) for row in rows]
