"""Tables of the vault. Every row belongs to a space; instants are microseconds since the epoch, UTC.

Ids of nodes and versions are unique over all spaces: each space counts upwards in a range of its own, the root
first. So a COPY takes a whole range at once, nothing is ever reused, no row is shared between committees, and a
restored backup can jump ahead by raising one number.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    String,
    Table,
    UniqueConstraint,
    and_,
    text,
)

DOCUMENT = 0
COLLECTION = 1
NO_PARENT = 0
"""Parent of a root. What lies in the trash has no parent at all (NULL)."""

ID_BITS = 36
"""A space can give out 2^36 ids; with them, 131,072 spaces stay within the whole numbers that JSON readers keep."""

metadata = MetaData()

_Id = BigInteger().with_variant(Integer, "sqlite")  # INTEGER is the row id there, found without an index

space = Table(
    "space",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("share", String(32), nullable=False, unique=True),
    Column("next_id", BigInteger, nullable=False),
    Column("newest_change", BigInteger, nullable=False),
    Column("used", BigInteger, nullable=False),
    sqlite_autoincrement=True,
    comment="used: bytes of all versions, current, kept and in the trash",
)

node = Table(
    "node",
    metadata,
    Column("id", _Id, primary_key=True, autoincrement=False),
    Column("space", Integer, ForeignKey("space.id"), nullable=False),
    Column("parent", BigInteger),
    Column("name_ct", LargeBinary, nullable=False),
    Column("kind", SmallInteger, nullable=False),
    Column("version", BigInteger),
    Column("subtree_size", BigInteger, nullable=False),
    Column("created", BigInteger, nullable=False),
    Column("modified", BigInteger, nullable=False),
    Column("change", BigInteger, nullable=False),
    Column("placed", BigInteger, nullable=False),
    Column("passing", SmallInteger, nullable=False),
    UniqueConstraint("parent", "name_ct"),
    Index("node_by_change", "parent", "change"),
    Index("node_passing", "parent", sqlite_where=text("passing = 1")),
    comment="name_ct: sealed with the parent's id, in the trash with trash.from_parent, of a root its id; "
    "version: the current one; placed: the change that gave it its parent and name; "
    "passing: 1 if no versions of it are kept",
)

blob = Table(
    "blob",
    metadata,
    Column("id", LargeBinary(16), primary_key=True),
    Column("space", Integer, ForeignKey("space.id"), nullable=False),
    Column("wrapped", LargeBinary, nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("dedupe", LargeBinary(32), nullable=False),
    Column("checksum", LargeBinary),
    Index("blob_by_content", "dedupe"),
    comment="wrapped: the only copy of the blob's key; a row that no version names is shredded; "
    "checksum: what the client said and the server verified, sealed with the blob's id",
)

small = Table(
    "small",
    metadata,
    Column("blob", LargeBinary(16), ForeignKey("blob.id", ondelete="CASCADE"), primary_key=True),
    Column("space", Integer, nullable=False),
    Column("message", LargeBinary, nullable=False),
    comment="message: the whole sealed content of a blob that has no file; it goes with the blob's row",
)

version = Table(
    "version",
    metadata,
    Column("id", _Id, primary_key=True, autoincrement=False),
    Column("space", Integer, nullable=False),
    Column("node", BigInteger, ForeignKey("node.id"), nullable=False),
    Column("blob", LargeBinary(16), ForeignKey("blob.id"), nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("media_type", String(255), nullable=False),
    Column("by", String(160), nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("mac", LargeBinary(32), nullable=False),
    Index("version_by_node", "node"),
    Index("version_by_blob", "blob"),
    comment="mac: over node, id, blob and size; media_type: what the client said, empty: derived from the name",
)

dead_property = Table(
    "property",
    metadata,
    Column("node", BigInteger, ForeignKey("node.id"), primary_key=True, autoincrement=False),
    Column("name_ct", LargeBinary, primary_key=True),
    Column("space", Integer, nullable=False),
    Column("value_ct", LargeBinary, nullable=False),
)

change = Table(
    "change",
    metadata,
    Column("space", Integer, ForeignKey("space.id"), primary_key=True, autoincrement=False),
    Column("seq", BigInteger, primary_key=True, autoincrement=False),
    Column("node", BigInteger, nullable=False),
    Column("parent", BigInteger, nullable=False),
    Column("kind", String(16), nullable=False),
    Column("next_id", BigInteger, nullable=False),
    Column("from_parent", BigInteger),
    Column("from_name_ct", LargeBinary),
    Column("from_kind", SmallInteger),
    Index("change_by_departure", "from_parent", "seq", sqlite_where=text("from_parent IS NOT NULL")),
    sqlite_with_rowid=False,
    comment="next_id: smaller ids were given out; from_parent, from_name_ct, from_kind: the place that a move or "
    "delete left, sealed with that parent's id",
)

trash = Table(
    "trash",
    metadata,
    Column("node", _Id, ForeignKey("node.id"), primary_key=True, autoincrement=False),
    Column("space", Integer, nullable=False),
    Column("from_parent", BigInteger, nullable=False),
    Column("by", String(160), nullable=False),
    Column("at", BigInteger, nullable=False),
    Index("trash_by_space", "space"),
)


OF_BLOB = and_(small.c.blob == blob.c.id, small.c.space == blob.c.space)
STORED = blob.outerjoin(small, OF_BLOB)
"""Blobs, each with its message if it has no file."""


def root_of(space_number: int) -> int:
    """Id of the root of a space, the first that it gives out."""
    return (space_number << ID_BITS) + 1
