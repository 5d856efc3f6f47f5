"""rights from office, mandate, meeting and paper."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.add_column("label", sa.Column("matter_mark", sa.LargeBinary(), nullable=True))
    op.add_column("entry", sa.Column("maker", sa.String(length=160), server_default="", nullable=False))
    op.add_column("entry", sa.Column("drop_own", sa.Boolean(), server_default=sa.false(), nullable=False))
    for name in ("node", "released_at", "closed_at", "approved_at"):
        op.add_column("meeting", sa.Column(name, sa.BigInteger(), nullable=True))
    op.add_column("agenda_item", sa.Column("node", sa.BigInteger(), nullable=True))
    op.add_column("agenda_item", sa.Column("matter_mark", sa.LargeBinary(), nullable=True))
    op.create_table(
        "binding",
        sa.Column("share", sa.String(length=32), nullable=False),
        sa.Column("node", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("agenda_item", sa.Integer(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("share", "node", "agenda_item"),
        comment="a node concerns an agenda item besides that of its folder",
    )
    op.create_table(
        "recusal",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("share", sa.String(length=32), nullable=False),
        sa.Column("person", sa.String(length=128), nullable=False),
        sa.Column("agenda_item", sa.Integer(), nullable=True),
        sa.Column("matter_mark", sa.LargeBinary(), nullable=True),
        sa.Column("start", sa.BigInteger(), nullable=False),
        sa.Column("end", sa.BigInteger(), nullable=True),
        sa.Column("effect", sa.String(length=16), nullable=False),
        sa.Column("by", sa.String(length=160), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        comment="[start, end); by agenda item, or with share '' by matter, which then holds in every committee",
        sqlite_autoincrement=True,
    )
    op.create_index("recusal_by_share", "recusal", ["share"], unique=False)
    op.create_table(
        "link",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("share", sa.String(length=32), nullable=False),
        sa.Column("node", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.String(length=8), nullable=False),
        sa.Column("token_hash", sa.LargeBinary(), nullable=False),
        sa.Column("password", sa.String(length=256), nullable=True),
        sa.Column("rights", sa.BigInteger(), nullable=False),
        sa.Column("max_class", sa.String(length=16), nullable=False),
        sa.Column("start", sa.BigInteger(), nullable=False),
        sa.Column("end", sa.BigInteger(), nullable=True),
        sa.Column("uses_left", sa.Integer(), nullable=True),
        sa.Column("maker", sa.String(length=160), nullable=False),
        sa.Column("label", sa.LargeBinary(), nullable=True),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("revoked", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("token_hash"),
        comment="[start, end); uses_left null: any number; label: sealed; the token itself is not kept",
        sqlite_autoincrement=True,
    )
    op.create_index("link_by_share", "link", ["share"], unique=False)
    op.create_table(
        "proposal",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("share", sa.String(length=32), nullable=False),
        sa.Column("node", sa.BigInteger(), nullable=False),
        sa.Column("change", sa.Text(), nullable=False),
        sa.Column("by", sa.String(length=160), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("approved_by", sa.String(length=160), nullable=True),
        sa.PrimaryKeyConstraint("id"),
        comment="change: JSON, for a second person to approve",
        sqlite_autoincrement=True,
    )
    op.create_index("proposal_by_share", "proposal", ["share"], unique=False)


def downgrade() -> None:
    for name in ("proposal", "link", "recusal", "binding"):
        op.drop_table(name)
    for table, names in {
        "agenda_item": ("matter_mark", "node"),
        "meeting": ("approved_at", "closed_at", "released_at", "node"),
        "entry": ("drop_own", "maker"),
        "label": ("matter_mark",),
    }.items():
        with op.batch_alter_table(table) as batch:
            for name in names:
                batch.drop_column(name)
