"""Tables that davserver owns. Instants are microseconds since the epoch, UTC."""

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
)

metadata = MetaData()

space_key = Table(
    "space_key",
    metadata,
    Column("share", String(32), primary_key=True),
    Column("space_id", LargeBinary(16), nullable=False, unique=True),
    Column("kek_id", String(16), nullable=False),
    Column("wrapped", LargeBinary, nullable=False),
)

share = Table(
    "share",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("provider", String(64), nullable=False),
    Column("options", Text, nullable=False, default="{}"),
    Column("quota", BigInteger),
)

lock = Table(
    "lock",
    metadata,
    Column("token", String(45), primary_key=True),
    Column("share", String(32), nullable=False),
    Column("node", BigInteger, nullable=False),
    Column("principal", String(160), nullable=False),
    Column("owner", LargeBinary, nullable=False),
    Column("exclusive", Boolean, nullable=False),
    Column("deep", Boolean, nullable=False),
    Column("seconds", Integer, nullable=False),
    Column("expires", BigInteger, nullable=False),
    Column("created", BigInteger, nullable=False),
    Index("lock_by_node", "share", "node"),
    Index("lock_by_principal", "principal"),
    comment="owner: the client's <owner> element, sealed",
)

opening = Table(
    "opening",
    metadata,
    Column("digest", LargeBinary(32), primary_key=True),
    Column("user", String(128), nullable=False),
    Column("proof", LargeBinary(32), nullable=False),
    Column("share", String(32), nullable=False),
    Column("node", BigInteger, nullable=False),
    Column("name", LargeBinary, nullable=False),
    Column("max_class", String(16), nullable=False),
    Column("created", BigInteger, nullable=False),
    Column("until", BigInteger, nullable=False),
    Column("opened", BigInteger),
    Column("net", String(64), nullable=False, default=""),
    Column("lock", String(45), nullable=False, default=""),
    comment="one-time addresses, see openings.py; digest: HMAC-SHA-256 of the token; proof: of the password that held"
    " when it was made; name: sealed; until: without a living lock",
)

departure = Table(
    "departure",
    metadata,
    Column("share", String(32), primary_key=True),
    Column("name", LargeBinary, primary_key=True),
    Column("node", BigInteger, nullable=False),
    Column("principal", String(160), nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("deleted", Boolean, nullable=False),
    comment="name: sealed with its parent's id; see tree/departures.py",
)

part = Table(
    "part",
    metadata,
    Column("share", String(32), primary_key=True),
    Column("collection", BigInteger, primary_key=True),
    Column("pin", BigInteger, primary_key=True),
    Column("change", BigInteger, nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("cut", BigInteger, nullable=False, default=0),
    comment="collections with pins beneath, in parts; see tree/parts.py",
)

settled = Table(
    "settled",
    metadata,
    Column("share", String(32), primary_key=True),
    Column("epoch", BigInteger, nullable=False),
    comment="for which rules the parts of a share were cut",
)

displaced = Table(
    "displaced",
    metadata,
    Column("share", String(32), primary_key=True),
    Column("change", BigInteger, primary_key=True, autoincrement=False),
    Column("pin", BigInteger, primary_key=True, autoincrement=False),
    Column("lineage", Text, nullable=False),
    comment="where a pin stood before this change: ids from the root, empty if it was no pin; see tree/past.py",
)

alias = Table(
    "alias",
    metadata,
    Column("share", String(32), primary_key=True),
    Column("parent", BigInteger, primary_key=True, autoincrement=False),
    Column("name", LargeBinary, primary_key=True),
    Column("node", BigInteger, nullable=False),
    Column("until", BigInteger, nullable=False),
    comment="name: sealed with its parent's id; see tree/aliases.py",
)

account = Table(
    "account",
    metadata,
    Column("user", String(128), primary_key=True),
    Column("password", String(256)),
    Column("admin", Boolean, nullable=False, default=False),
    Column("active", Boolean, nullable=False, default=True),
    Column("epoch", BigInteger, nullable=False, default=0),
    Column("created", BigInteger, nullable=False),
    comment="password: argon2id, null for accounts without one; epoch: raised when a credential must be asked anew",
)

person = Table(
    "person",
    metadata,
    Column("user", String(128), primary_key=True),
    Column("name", String(256), nullable=False),
    Column("email", String(256)),
)

app_password = Table(
    "app_password",
    metadata,
    Column("id", String(16), primary_key=True),
    Column("user", String(128), nullable=False, index=True),
    Column("digest", LargeBinary(32), nullable=False),
    Column("label", LargeBinary, nullable=False),
    Column("scopes", Text, nullable=False, default="[]"),
    Column("read_only", Boolean, nullable=False, default=False),
    Column("max_class", String(16), nullable=False),
    Column("created", BigInteger, nullable=False),
    Column("expires", BigInteger),
    Column("last_use", BigInteger),
    Column("revoked", BigInteger),
    comment="scopes: JSON list of [share, node id], empty for everything; digest: HMAC-SHA-256; label: sealed",
)

session = Table(
    "session",
    metadata,
    Column("digest", LargeBinary(32), primary_key=True),
    Column("user", String(128), nullable=False, index=True),
    Column("began", BigInteger, nullable=False),
    Column("seen", BigInteger, nullable=False),
    Column("device", String(64), nullable=False),
    Column("address", String(64), nullable=False),
    comment="of the portal; digest: HMAC-SHA-256 of the cookie; device: browser and system in plain words",
)

visit = Table(
    "visit",
    metadata,
    Column("user", String(128), primary_key=True),
    Column("share", String(32), primary_key=True),
    Column("newest", BigInteger, nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("last_newest", BigInteger, nullable=False),
    Column("last_at", BigInteger, nullable=False),
    comment="change number and instant at which this visit to the portal began, and the one before; see tree/news.py",
)

bookmark = Table(
    "bookmark",
    metadata,
    Column("user", String(128), primary_key=True),
    Column("share", String(32), primary_key=True),
    Column("node", BigInteger, primary_key=True, autoincrement=False),
    Column("page", Integer, nullable=False),
    Column("at", BigInteger, nullable=False),
    comment="at which page of a document somebody stopped reading",
)

device_login = Table(
    "device_login",
    metadata,
    Column("poll", LargeBinary(32), primary_key=True),
    Column("page", LargeBinary(32), nullable=False, unique=True),
    Column("label", LargeBinary, nullable=False),
    Column("expires", BigInteger, nullable=False),
    Column("user", String(128)),
    comment="a device that waits for its owner's consent; poll, page: digests of tokens; label: sealed; "
    "user: who has consented",
)

invitation = Table(
    "invitation",
    metadata,
    Column("digest", LargeBinary(32), primary_key=True),
    Column("user", String(128), nullable=False, index=True),
    Column("by", String(160), nullable=False),
    Column("created", BigInteger, nullable=False),
    Column("until", BigInteger, nullable=False),
    Column("used", BigInteger),
    comment="codes in letters, with which somebody sets his own password; digest: HMAC-SHA-256; by: who had it made",
)

reset = Table(
    "reset",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("user", String(128), nullable=False, index=True),
    Column("what", String(16), nullable=False),
    Column("by", String(160), nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("told", BigInteger),
    sqlite_autoincrement=True,
    comment="what others did to the credentials of an account; told: when its owner signed in next; see resets.py",
)

second_step = Table(
    "second_step",
    metadata,
    Column("user", String(128), primary_key=True),
    Column("secret", LargeBinary, nullable=False),
    Column("since", BigInteger),
    Column("last_count", BigInteger, nullable=False, default=0),
    comment="codes of an app after the password (RFC 6238); secret: sealed; since: null until a first code was right;"
    " last_count: the time step of the last code that was taken",
)

recovery_code = Table(
    "recovery_code",
    metadata,
    Column("digest", LargeBinary(32), primary_key=True),
    Column("user", String(128), nullable=False, index=True),
    Column("used", BigInteger),
    comment="good once in place of a code of the app; digest: HMAC-SHA-256",
)

identity = Table(
    "identity",
    metadata,
    Column("user", String(128), primary_key=True),
    Column("issuer", String(256), nullable=False),
    Column("subject", String(256), nullable=False),
    Column("since", BigInteger, nullable=False),
    Column("signed_in", BigInteger, nullable=False),
    UniqueConstraint("issuer", "subject", name="identity_of_one"),
    comment="whom a provider of identities knows an account as (OpenID Connect); signed_in: last time through it",
)

handover = Table(
    "handover",
    metadata,
    Column("state", LargeBinary(32), primary_key=True),
    Column("browser", LargeBinary(32), nullable=False),
    Column("form", LargeBinary, nullable=False),
    Column("expires", BigInteger, nullable=False),
    comment="browsers on their way to the provider of identities; state, browser: HMAC-SHA-256; form: sealed, where"
    " they want to go afterwards, and what they had filled in",
)

comment = Table(
    "comment",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("share", String(32), nullable=False),
    Column("node", BigInteger, nullable=False),
    Column("author", String(160), nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("changed", BigInteger),
    Column("text", LargeBinary),
    Index("comment_by_node", "share", "node"),
    sqlite_autoincrement=True,
    comment="of people with an office, on a document; text: sealed with the node's id, null once the office has taken"
    " it away",
)

letter = Table(
    "letter",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("digest", LargeBinary(32), nullable=False, unique=True),
    Column("share", String(32), nullable=False),
    Column("node", BigInteger, nullable=False),
    Column("link", BigInteger, nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("text", LargeBinary, nullable=False),
    Column("answer", LargeBinary),
    Column("answered", BigInteger),
    Column("published", Boolean, nullable=False, default=False),
    Index("letter_by_node", "share", "node"),
    sqlite_autoincrement=True,
    comment="of people without an account, through a link; digest: HMAC-SHA-256 of the token of its private reply link;"
    " text, answer: sealed with the node's id",
)

throttle = Table(
    "throttle",
    metadata,
    Column("bucket", String(200), primary_key=True),
    Column("failures", Integer, nullable=False),
    Column("since", BigInteger, nullable=False),
    Column("blocked_until", BigInteger, nullable=False),
)

audit = Table(
    "audit",
    metadata,
    Column("seq", Integer, primary_key=True, autoincrement=True),
    Column("at", BigInteger, nullable=False),
    Column("who", String(160), nullable=False),
    Column("what", String(64), nullable=False),
    Column("share", String(32), nullable=False, default=""),
    Column("node", BigInteger, nullable=False, default=0),
    Column("result", String(64), nullable=False),
    Column("detail", Text, nullable=False, default=""),
    Column("hash", LargeBinary(32), nullable=False),
    Index("audit_by_who", "who", "at"),
    sqlite_autoincrement=True,
    comment="hash: HMAC-SHA-256 over the previous hash and this row",
)

audit_seal = Table(
    "audit_seal",
    metadata,
    Column("last", BigInteger, primary_key=True, autoincrement=False),
    Column("first", BigInteger, nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("kept", Integer, nullable=False),
    Column("hash", LargeBinary(32), nullable=False),
    Column("proof", LargeBinary(32), nullable=False),
    comment="segments of the log out of which lines have gone; see sealing.py",
)

setting = Table(
    "setting",
    metadata,
    Column("name", String(64), primary_key=True),
    Column("value", LargeBinary, nullable=False),
    comment="instance id, pepper of app passwords (wrapped), key of the audit chain (wrapped)",
)
