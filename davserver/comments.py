"""Rows of comments and letters: sealed texts beside a node. Who may see them is asked at the door."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import Connection, delete

from davserver.schema import comment, letter

FORGOTTEN_AT_ONCE = 500


def forget(connection: Connection, share: str, nodes: Iterable[int]) -> None:
    """The ids of these nodes have ended: so has what was written about them."""
    ended = sorted(nodes)
    for start in range(0, len(ended), FORGOTTEN_AT_ONCE):
        some = ended[start : start + FORGOTTEN_AT_ONCE]
        for table in (comment, letter):
            connection.execute(delete(table).where(table.c.share == share, table.c.node.in_(some)))


def text_place(node: int, kind: str, author: str, at: int) -> str:
    """Where a text stands, for its sealer: with no other node, in no other place."""
    return f"{kind} {node} {author} {at}"
