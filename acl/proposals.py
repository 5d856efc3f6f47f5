"""Changes that take two people, such as lowering a class once a paper was released (rights.md §2)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, select, update

from acl import schema
from acl.rows import add, row_of


@dataclass(frozen=True, slots=True)
class Proposal:
    """What one person wants of a node and a second one approves; who carries it out is the caller's affair."""

    share: str
    node: int
    change: Mapping[str, Any]
    """JSON; what it says is agreed between those who propose and those who carry out."""
    by: str
    """Principal key, as is `approved_by`."""
    at: int
    approved_by: str | None = None
    id: int = 0


def propose(  # noqa: PLR0917 (the facts of one row)
    connection: Connection, share: str, node: int, change: Mapping[str, Any], by: str, at: int
) -> int:
    """Its id; nothing changes yet."""
    values = {"share": share, "node": node, "change": json.dumps(dict(change), sort_keys=True), "by": by, "at": at}
    return add(connection, schema.proposal, values)


def proposals(connection: Connection, share: str) -> list[Proposal]:
    """Those that wait for a second person, by id."""
    table = schema.proposal
    waiting = select(table).where(table.c.share == share, table.c.approved_by.is_(None)).order_by(table.c.id)
    return [_proposal(row) for row in connection.execute(waiting)]


def approve_proposal(connection: Connection, proposal_id: int, by: str) -> Proposal:
    """The proposal, now approved, for the caller to carry out in the same transaction.

    Raises ValueError for one that is unknown, was approved before, or was made by the same person.
    """
    table, row = schema.proposal, row_of(connection, schema.proposal, {"id": proposal_id})
    if row is not None and row.by == by:
        raise ValueError("a second person must approve this; you proposed it yourself")
    waiting = update(table).where(table.c.id == proposal_id, table.c.approved_by.is_(None))
    if row is None or not connection.execute(waiting.values(approved_by=by)).rowcount:
        raise ValueError(f"no proposal {proposal_id} waits for approval")
    return _proposal(row, by)


def _proposal(row: Row[Any], approved_by: str | None = None) -> Proposal:
    return Proposal(row.share, row.node, json.loads(row.change), row.by, row.at, approved_by, row.id)
