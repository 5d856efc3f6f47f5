"""Tables of rights: keyed on (share, node id) and login name. Instants are microseconds since the epoch, UTC."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    UniqueConstraint,
)

metadata = MetaData()

committee = Table(
    "committee",
    metadata,
    Column("share", String(32), primary_key=True),
    Column("name", String(256), nullable=False),
    Column("kind", String(16), nullable=False),
    Column("default_class", String(16), nullable=False),
    Column("has_meetings", Boolean, nullable=False),
    Column("early_access", Boolean, nullable=False),
    Column("publish_with_agenda", Boolean, nullable=False),
)

mandate = Table(
    "mandate",
    metadata,
    Column("share", String(32), primary_key=True),
    Column("person", String(128), primary_key=True),
    Column("role", String(16), primary_key=True),
    Column("start", BigInteger, primary_key=True),
    Column("end", BigInteger),
    Index("mandate_by_person", "person"),
    comment="[start, end); end null: open",
)

undertaking = Table(
    "undertaking",
    metadata,
    Column("person", String(128), primary_key=True),
    Column("since", BigInteger, nullable=False),
)

label = Table(
    "label",
    metadata,
    Column("share", String(32), primary_key=True),
    Column("node", BigInteger, primary_key=True, autoincrement=False),
    Column("class", String(16), key="classification"),
    Column("release_at", BigInteger),
    Column("close_at", BigInteger),
    Column("review_at", BigInteger),
    Column("publish_at", BigInteger),
    comment="null: inherited; release_at 0: released on creation; 2^63-1: never",
)

entry = Table(
    "entry",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("share", String(32), nullable=False),
    Column("node", BigInteger, nullable=False),
    Column("principal", String(160), nullable=False),
    Column("rights", BigInteger, nullable=False),
    Column("deny", Boolean, nullable=False),
    Column("cut", Boolean, nullable=False),
    Column("start", BigInteger),
    Column("end", BigInteger),
    Index("entry_by_node", "share", "node"),
    sqlite_autoincrement=True,
    comment="rights: the bits of acl.privileges.Rights, which therefore never change their places",
)

meeting = Table(
    "meeting",
    metadata,
    Column("share", String(32), primary_key=True),
    Column("id", String(64), primary_key=True),
    Column("title", LargeBinary, nullable=False),
    Column("start", BigInteger, nullable=False),
    Column("end", BigInteger, nullable=False),
    Column("state", String(16), nullable=False),
    comment="title: sealed",
)

agenda_item = Table(
    "agenda_item",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("share", String(32), nullable=False),
    Column("meeting", String(64), nullable=False),
    Column("number", String(32), nullable=False),
    Column("title", LargeBinary, nullable=False),
    Column("public", Boolean, nullable=False),
    Column("matter", LargeBinary),
    UniqueConstraint("share", "meeting", "number"),
    Index("agenda_item_by_matter", "share", "matter"),
    sqlite_autoincrement=True,
    comment="title and matter: sealed; a matter always in the same place, so that equal ones are found",
)

epoch = Table(
    "epoch",
    metadata,
    Column("share", String(32), primary_key=True),
    Column("number", BigInteger, nullable=False),
    comment="raised by every change of rules, so that snapshots know when they are stale; share '' counts for all",
)
