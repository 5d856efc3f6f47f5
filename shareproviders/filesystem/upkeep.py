"""Checking the index: seals of names and properties, sizes of collections. The disk itself keeps no sums to check."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from sqlalchemy import Connection

from shareproviders.contract import Damaged, Finding
from shareproviders.filesystem.index import Index


def findings(index: Index, connection: Connection) -> Iterator[Finding]:
    """What is wrong, by node id; reads only."""
    rows = index.everything(connection)
    beneath: defaultdict[int, int] = defaultdict(int)
    for row in rows:
        beneath[row.parent] += row.size
    known = {row.id for row in rows}
    for row in rows:
        if row.parent and row.parent not in known:
            yield Finding(row.id, "its collection is missing from the index")
        if row.collection and row.size != beneath[row.id]:
            yield Finding(row.id, "the size of the collection is not that of its members")
        try:
            index.open_name(row)
        except Damaged:
            yield Finding(row.id, "its name fails its check")
        try:
            index.properties(connection, [row.id])
        except Damaged:
            yield Finding(row.id, "a property fails its check")
