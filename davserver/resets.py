"""What others did to somebody's credentials, so that he is told when he signs in next, and by whom it was done.

A reset is told for thirty days from that sign-in on; nobody can click it away (decisions/0037).
"""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from typing import NamedTuple

from sqlalchemy import Connection, insert, select, update

from davserver.database import Database
from davserver.schema import reset
from davserver.throttle import SECOND

TOLD_FOR = 30 * 86400 * SECOND


class What(StrEnum):
    """What was reset."""

    BY_LETTER = "letter"
    PASSWORD = "password"  # noqa: S105 (what was reset, not a password) # nosec B105
    SECOND_STEP = "second-step"


class Reset(NamedTuple):
    """One reset, as its owner is told of it."""

    what: What
    at: int
    by: str
    """Principal key of who did it, or had it done."""


def note_reset(connection: Connection, user: str, what: What, by: str, at: int) -> None:
    """In the caller's transaction: it is told if and only if it happened."""
    connection.execute(insert(reset).values(user=user, what=what.value, by=by, at=at))


class Resets:
    """The table of resets; safe for many threads and processes."""

    def __init__(self, database: Database, clock: Callable[[], int]) -> None:
        self._database, self._clock = database, clock

    def begin_telling(self, user: str) -> None:
        """Somebody signs in: from now on what was not told yet is. Raises Unavailable."""
        untold = reset.c.user == user, reset.c.told.is_(None)
        with self._database.read() as connection:
            waiting = connection.execute(select(reset.c.id).where(*untold)).first()
        if waiting is not None:
            with self._database.transaction() as connection:
                connection.execute(update(reset).where(*untold).values(told=self._clock()))

    def of(self, user: str) -> list[Reset]:
        """What he is to be told, the latest first."""
        recent = reset.c.user == user, reset.c.told > self._clock() - TOLD_FOR
        with self._database.read() as connection:
            rows = connection.execute(select(reset).where(*recent).order_by(reset.c.id.desc())).all()
        return [Reset(What(row.what), row.at, row.by) for row in rows]
