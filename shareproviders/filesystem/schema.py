"""Tables of the filesystem share: which id stands for what on the disk, dead properties, steps that are settled."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, Index, Integer, LargeBinary, MetaData, String, Table

metadata = MetaData()

node = Table(
    "filesystem_node",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("share", String(32), nullable=False),
    Column("parent", BigInteger, nullable=False),
    Column("name", LargeBinary, nullable=False),
    Column("collection", Boolean, nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("inode", BigInteger, nullable=False),
    Column("born", BigInteger, nullable=False),
    Column("mtime", BigInteger, nullable=False),
    Column("ctime", BigInteger, nullable=False),
    Column("tag", String(24), nullable=False),
    Column("media_type", String(255), nullable=False),
    Column("created", BigInteger, nullable=False),
    Column("modified", BigInteger, nullable=False),
    Index("filesystem_node_by_place", "share", "parent", "name", unique=True),
    sqlite_autoincrement=True,
    comment="parent 0: the root; name: sealed with the parent; size of a collection: all beneath; "
    "born, mtime, ctime: nanoseconds as the disk gave them last; created, modified: microseconds as clients see them; "
    "media_type: what the client said, else empty",
)

property_ = Table(
    "filesystem_property",
    metadata,
    Column("node", BigInteger, primary_key=True),
    Column("name", LargeBinary, primary_key=True),
    Column("value", LargeBinary, nullable=False),
    comment="name, value: sealed with the node",
)

step = Table(
    "filesystem_step",
    metadata,
    Column("share", String(32), primary_key=True),
    Column("name", String(64), primary_key=True),
    comment="a step on the disk that must not be undone any more: its transaction was committed, or it is undone",
)
