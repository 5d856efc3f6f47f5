"""Invitations and resets by letter: a one-time code with which somebody sets his own password, and nobody else's.

The code stands on paper and nowhere else; the database keeps a keyed hash of it. Nobody invites himself.
"""

from __future__ import annotations

import base64
import secrets
from collections.abc import Callable
from typing import NamedTuple

from sqlalchemy import Connection, delete, insert, select, update

from davserver.accounts import AccountProblem, Passwords, change_account
from davserver.audit import Audit
from davserver.database import Database
from davserver.linking import token_hash
from davserver.schema import account, invitation, person
from davserver.sessions import end_sessions
from davserver.throttle import SECOND
from shareproviders.contract import NotFound

LIFE = 14 * 86400 * SECOND
TOLD_FOR = 30 * 86400 * SECOND
"""So long the first page says who let a password be set anew."""
LETTERS, GROUP = 32, 4  # base32: 160 bits, typable


class Invited(NamedTuple):
    """Whom a code is for."""

    user: str
    name: str


class Reset(NamedTuple):
    """A password that was set anew by a letter."""

    at: int
    by: str
    """Principal key of who had the letter made."""


class Invitations:
    """The table of codes. `pepper` is a secret of this house; safe for many threads and processes."""

    def __init__(
        self, database: Database, passwords: Passwords, pepper: bytes, audit: Audit, clock: Callable[[], int]
    ) -> None:
        self._database, self._passwords, self._pepper = database, passwords, pepper
        self._audit, self._clock = audit, clock

    def invite(self, connection: Connection, user: str, by: str) -> str:
        """A new code, told once; it ends the codes before it. The present password holds until it is used.

        Raises AccountProblem for an account that is unknown or disabled, and for oneself.
        """
        if by == f"user:{user}":
            raise AccountProblem("nobody resets his own access; let somebody else do it")
        known = select(account.c.user).where(account.c.user == user, account.c.active)
        if connection.execute(known).first() is None:
            raise AccountProblem(f"there is no active account {user}; `davserver user list` shows them")
        letters = base64.b32encode(secrets.token_bytes(LETTERS * 5 // 8)).decode().lower()
        now = self._clock()
        connection.execute(delete(invitation).where(invitation.c.user == user, invitation.c.used.is_(None)))
        connection.execute(
            insert(invitation).values(digest=self._digest(letters), user=user, by=by, created=now, until=now + LIFE)
        )
        self._audit.note(connection, by, "invite", detail=user)
        return "-".join(letters[start : start + GROUP] for start in range(0, LETTERS, GROUP))

    def invited(self, code: str) -> Invited:
        """Whom a code is for. Raises NotFound for one that never was, was used or is too old, alike."""
        with self._database.read() as connection:
            return self._invited(connection, code)

    def _invited(self, connection: Connection, code: str) -> Invited:
        found = (
            select(invitation.c.user, person.c.name)
            .join(account, account.c.user == invitation.c.user)
            .join(person, person.c.user == invitation.c.user, isouter=True)
            .where(invitation.c.digest == self._digest(bare(code)), invitation.c.used.is_(None))
            .where(invitation.c.until > self._clock(), account.c.active)
        )
        row = connection.execute(found).one_or_none()
        if row is None:
            raise NotFound("this code does not hold any more")
        return Invited(row.user, row.name or row.user)

    def accept(self, code: str, password: str) -> Invited:
        """Set the password, end all sessions and the code. Raises NotFound, AccountProblem for a bad password."""
        self.invited(code)  # before the costly hash
        hashed = self._passwords.hash(password)
        with self._database.transaction() as connection:
            invited, now = self._invited(connection, code), self._clock()
            mine = invitation.c.digest == self._digest(bare(code))
            connection.execute(update(invitation).where(mine).values(used=now))
            change_account(connection, invited.user, password=hashed)
            end_sessions(connection, invited.user)
            self._audit.note(connection, f"user:{invited.user}", "invitation-used")
        return invited

    def latest_reset(self, user: str) -> Reset | None:
        """The last one of a while, for him to be told; None without one."""
        used = (invitation.c.user == user, invitation.c.used > self._clock() - TOLD_FOR)
        with self._database.read() as connection:
            row = connection.execute(select(invitation).where(*used).order_by(invitation.c.used.desc())).first()
        return None if row is None else Reset(row.used, row.by)

    def _digest(self, letters: str) -> bytes:
        return token_hash(self._pepper, letters, "invitation")


def bare(code: str) -> str:
    """The letters of a code as typed with hyphens, blanks, capitals."""
    kept = code[: 4 * LETTERS].replace("-", "").replace(" ", "").lower()
    return kept.translate(str.maketrans("018", "olb"))
