"""Every column in which a person stands, and what becomes of its row when his data end.

A table that is made later and names people fails `tests/commands/test_personal.py` until it has a line here.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Any, NamedTuple

from sqlalchemy import Column, ColumnElement, Table

from acl import schema as acl_schema
from davserver import schema
from shareproviders.vault import schema as vault_schema

FORMER = "former:"
"""The key of whoever was erased, where records of the body stay: no name, and nobody's in particular."""


class Fate(StrEnum):
    """What becomes of a row that names somebody."""

    GOES = "goes"
    NEUTRAL = "neutral"
    """It stays, and `FORMER` stands in his place."""
    STAYS = "stays"
    """Until its own retention ends."""


class Place(NamedTuple):
    """A column with a login name or, where `is_key`, with the key of a principal (`user:NAME`)."""

    table: Table
    column: str
    fate: Fate
    is_key: bool = False

    def is_of(self, user: str) -> ColumnElement[bool]:
        """Rows that name him."""
        column: Column[Any] = self.table.c[self.column]
        return column == (f"user:{user}" if self.is_key else user)


def _own(table: Table, column: str = "user") -> Place:
    return Place(table, column, Fate.GOES)


def _done_by(table: Table, column: str, fate: Fate = Fate.NEUTRAL) -> Place:
    return Place(table, column, fate, is_key=True)


PLACES = (
    _own(schema.account),
    _own(schema.person),
    _own(schema.identity),
    _own(schema.second_step),
    _own(schema.recovery_code),
    _own(schema.app_password),
    _own(schema.device_login),
    _own(schema.session),
    _own(schema.opening),
    _own(schema.invitation),
    _done_by(schema.invitation, "by"),
    _own(schema.reset),
    _done_by(schema.reset, "by"),
    _own(acl_schema.mandate, "person"),
    _own(acl_schema.undertaking, "person"),
    _own(acl_schema.recusal, "person"),
    _done_by(acl_schema.recusal, "by"),
    _done_by(acl_schema.entry, "principal", Fate.GOES),
    _done_by(acl_schema.entry, "maker", Fate.GOES),
    _done_by(acl_schema.link, "maker"),
    _done_by(acl_schema.hold, "by"),
    _done_by(acl_schema.proposal, "by"),
    _done_by(acl_schema.proposal, "approved_by"),
    _done_by(schema.comment, "author", Fate.GOES),
    _done_by(schema.lock, "principal", Fate.GOES),
    _done_by(schema.departure, "principal", Fate.GOES),
    _own(schema.visit),
    _own(schema.bookmark),
    _done_by(vault_schema.version, "by"),
    _done_by(vault_schema.trash, "by"),
    _done_by(schema.audit, "who", Fate.STAYS),
)
