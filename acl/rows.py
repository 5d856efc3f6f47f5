"""What the stores of this room share: declaring and removing one row, and telling snapshots that they are stale."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol

from sqlalchemy import Connection, Row, Table, bindparam, delete, func, insert, select, update

from acl import schema

ALL_SHARES = ""
"""As a share of `touch`: what changed may concern every share (mandates named by entries elsewhere, undertakings)."""


class Sealer(Protocol):
    """Seals short texts of one share; equal text in an equal place gives equal bytes."""

    def seal(self, text: str, place: str) -> bytes: ...

    def open(self, sealed: bytes, place: str) -> str: ...


VIEW = "view"
"""Under this key of `Connection.info` lies something of its own for each view that was begun without SQLAlchemy."""
_EPOCHS = "acl-epochs"
EPOCH = select(func.coalesce(func.sum(schema.epoch.c.number), 0)).where(
    schema.epoch.c.share.in_((bindparam("of"), ALL_SHARES))
)
"""One row with one number, of the share `of`."""


def _ask(connection: Connection, share: str) -> int:
    return int(connection.execute(EPOCH, {"of": share}).scalar_one())


def touch(connection: Connection, share: str) -> None:
    """Snapshots of this share's rules are stale once the transaction commits; `ALL_SHARES` for every share."""
    table = schema.epoch
    connection.info.pop(_EPOCHS, None)
    if not connection.execute(update(table).where(table.c.share == share).values(number=table.c.number + 1)).rowcount:
        connection.execute(insert(table).values(share=share, number=1))


def epoch(connection: Connection, share: str, ask: Callable[[Connection, str], int] = _ask) -> int:
    """Grows with every change that a snapshot of this share's rules depends on; asked once in each transaction.

    `ask`: how the number of `EPOCH` is got, for whoever has a faster way.
    """
    bracket = connection.get_transaction() or connection.info.get(VIEW)
    kept: tuple[object, dict[str, int]] | None = connection.info.get(_EPOCHS)
    if bracket is None or kept is None or kept[0] is not bracket:
        connection.info[_EPOCHS] = kept = bracket, {}
    numbers = kept[1]
    if share not in numbers:
        numbers[share] = ask(connection, share)
    return numbers[share]


def matching(table: Table, key: Mapping[str, Any]) -> list[Any]:
    """The conditions under which a row has these values."""
    return [table.c[name].is_(None) if value is None else table.c[name] == value for name, value in key.items()]


def row_of(connection: Connection, table: Table, key: Mapping[str, Any]) -> Row[Any] | None:
    """One row with these values, if there is any."""
    return connection.execute(select(table).where(*matching(table, key)).limit(1)).one_or_none()


def add(connection: Connection, table: Table, values: Mapping[str, Any]) -> int:
    """The id of a new row."""
    inserted = connection.execute(insert(table).values(values)).inserted_primary_key
    assert inserted is not None
    return int(inserted[0])


def declare(connection: Connection, table: Table, key: Mapping[str, Any], values: Mapping[str, Any]) -> bool:
    """Write or update the row of this key; True, and snapshots are stale, if that changed anything."""
    row = row_of(connection, table, key)
    if row is None:
        connection.execute(insert(table).values({**key, **values}))
    elif all(row._mapping[table.c[name]] == value for name, value in values.items()):
        return False
    else:
        connection.execute(update(table).where(*matching(table, key)).values(**values))
    touch(connection, _concerned(table, key))
    return True


def revise(connection: Connection, table: Table, key: Mapping[str, Any], values: Mapping[str, Any]) -> bool:
    """As `declare` for a row that may be missing: then it stays missing, and nothing has changed."""
    return row_of(connection, table, key) is not None and declare(connection, table, key, values)


def remove(connection: Connection, table: Table, key: Mapping[str, Any]) -> bool:
    """True, and snapshots are stale, if there was any."""
    removed = bool(connection.execute(delete(table).where(*matching(table, key))).rowcount)
    if removed:
        touch(connection, _concerned(table, key))
    return removed


def _concerned(table: Table, key: Mapping[str, Any]) -> str:
    """Whose snapshots a changed row makes stale."""
    return ALL_SHARES if table in (schema.mandate, schema.undertaking) else str(key["share"])
