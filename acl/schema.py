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
    Text,
    UniqueConstraint,
    false,
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
    Column("matter_mark", LargeBinary, key="matter"),
    comment="null: inherited; release_at 0: released on creation; 2^63-1: never; matter_mark: 16 bytes each, joined",
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
    Column("maker", String(160), nullable=False, server_default=""),
    Column("drop_own", Boolean, nullable=False, server_default=false()),
    Index("entry_by_node", "share", "node"),
    sqlite_autoincrement=True,
    comment="rights: the bits of acl.privileges.Rights, which therefore never change their places;"
    " maker: principal key of who shares inside, '' by office; drop_own: rights only over what one brought",
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
    Column("node", BigInteger),
    Column("released_at", BigInteger),
    Column("closed_at", BigInteger),
    Column("approved_at", BigInteger),
    comment="title: sealed; node: its folder; the instants at which the states were reached",
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
    Column("node", BigInteger),
    Column("matter_mark", LargeBinary),
    UniqueConstraint("share", "meeting", "number"),
    Index("agenda_item_by_matter", "share", "matter"),
    sqlite_autoincrement=True,
    comment="title and matter: sealed; node: its folder; matter_mark: 16 bytes, equal in all shares for equal matters",
)

binding = Table(
    "binding",
    metadata,
    Column("share", String(32), primary_key=True),
    Column("node", BigInteger, primary_key=True, autoincrement=False),
    Column("agenda_item", Integer, primary_key=True, autoincrement=False),
    comment="a node concerns an agenda item besides that of its folder",
)

recusal = Table(
    "recusal",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("share", String(32), nullable=False),
    Column("person", String(128), nullable=False),
    Column("agenda_item", Integer),
    Column("matter_mark", LargeBinary),
    Column("start", BigInteger, nullable=False),
    Column("end", BigInteger),
    Column("effect", String(16), nullable=False),
    Column("by", String(160), nullable=False),
    Column("at", BigInteger, nullable=False),
    Index("recusal_by_share", "share"),
    sqlite_autoincrement=True,
    comment="[start, end); by agenda item, or with share '' by matter, which then holds in every committee",
)

hold = Table(
    "hold",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("share", String(32), nullable=False),
    Column("node", BigInteger, nullable=False),
    Column("start", BigInteger, nullable=False),
    Column("end", BigInteger),
    Column("by", String(160), nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("reason", LargeBinary),
    Index("hold_by_share", "share"),
    sqlite_autoincrement=True,
    comment="[start, end); the node and all beneath it stay as they are; reason: sealed",
)

link = Table(
    "link",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("share", String(32), nullable=False),
    Column("node", BigInteger, nullable=False),
    Column("kind", String(8), nullable=False),
    Column("token_hash", LargeBinary, nullable=False, unique=True),
    Column("password", String(256)),
    Column("rights", BigInteger, nullable=False),
    Column("max_class", String(16), nullable=False),
    Column("start", BigInteger, nullable=False),
    Column("end", BigInteger),
    Column("uses_left", Integer),
    Column("maker", String(160), nullable=False),
    Column("label", LargeBinary),
    Column("at", BigInteger, nullable=False),
    Column("revoked", BigInteger),
    Index("link_by_share", "share"),
    sqlite_autoincrement=True,
    comment="[start, end); uses_left null: any number; label: sealed; the token itself is not kept",
)

proposal = Table(
    "proposal",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("share", String(32), nullable=False),
    Column("node", BigInteger, nullable=False),
    Column("change", Text, nullable=False),
    Column("by", String(160), nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("approved_by", String(160)),
    Index("proposal_by_share", "share"),
    sqlite_autoincrement=True,
    comment="change: JSON, for a second person to approve",
)

epoch = Table(
    "epoch",
    metadata,
    Column("share", String(32), primary_key=True),
    Column("number", BigInteger, nullable=False),
    comment="raised by every change of rules, so that snapshots know when they are stale; share '' counts for all",
)
