"""Rows of links and drops. SQLAlchemy Core inside the caller's transaction."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import asdict
from typing import Any

from sqlalchemy import Connection, Row, or_, select, update

from acl import schema
from acl.labels import Classification
from acl.links import Link, LinkKind, check_link
from acl.privileges import Rights
from acl.rows import ALL_SHARES, add, row_of, touch


def add_link(connection: Connection, link: Link) -> int:
    """Its id. Raises ValueError if it makes no sense."""
    check_link(link)
    values = asdict(link) | {
        "kind": link.kind.value,
        "rights": int(link.rights),
        "max_class": link.max_class.word,
    }
    del values["id"]
    added = add(connection, schema.link, values)
    touch(connection, link.share)
    return added


def revoke_link(connection: Connection, link_id: int, at: int) -> bool:
    """It opens nothing from this instant on; True if it was not revoked before."""
    table, row = schema.link, row_of(connection, schema.link, {"id": link_id})
    if row is None or (row.revoked is not None and row.revoked <= at):
        return False
    connection.execute(update(table).where(table.c.id == link_id).values(revoked=at))
    touch(connection, row.share)
    return True


def lull_links(connection: Connection, at: int) -> int:
    """All that still open anything are revoked as of this instant; their number. `wake_link` takes it back."""
    table = schema.link
    ended = connection.execute(update(table).where(table.c.revoked.is_(None)).values(revoked=at)).rowcount
    touch(connection, ALL_SHARES)
    return ended


def wake_link(connection: Connection, link_id: int, lulled: Collection[int]) -> bool:
    """It opens again what it opened before it was lulled at one of these instants; False if it was not."""
    table, row = schema.link, row_of(connection, schema.link, {"id": link_id})
    if row is None or row.revoked not in lulled:
        return False
    connection.execute(update(table).where(table.c.id == link_id).values(revoked=None))
    touch(connection, row.share)
    return True


def links(connection: Connection, share: str) -> list[Link]:
    """All of the share, revoked ones too, by id."""
    table = schema.link
    return [_link(row) for row in connection.execute(select(table).where(table.c.share == share).order_by(table.c.id))]


def link_by_hash(connection: Connection, token_hash: bytes) -> Link | None:
    """The link of a token, dead or alive; None for an unknown one."""
    row = row_of(connection, schema.link, {"token_hash": token_hash})
    return None if row is None else _link(row)


def use_link(connection: Connection, link_id: int) -> bool:
    """Count one use, in one guarded update; False if none was left or it is revoked.

    Decisions do not ask for uses, so no snapshot becomes stale.
    """
    table = schema.link
    used = connection.execute(
        update(table)
        .where(
            table.c.id == link_id, table.c.revoked.is_(None), or_(table.c.uses_left.is_(None), table.c.uses_left > 0)
        )
        .values(uses_left=table.c.uses_left - 1)
    )
    return bool(used.rowcount)


def _link(row: Row[Any]) -> Link:
    return Link(
        row.share,
        row.node,
        LinkKind(row.kind),
        row.token_hash,
        Rights(row.rights),
        Classification.parse(row.max_class),
        row.maker,
        row.start,
        row.end,
        row.uses_left,
        row.password,
        row.label,
        row.at,
        row.revoked,
        row.id,
    )
