"""Invitations and resets by letter: a one-time code with which somebody sets his own password, and nobody else's.

The code stands on paper and nowhere else; the database keeps a keyed hash of it. Nobody invites himself.
"""

from __future__ import annotations

import base64
import secrets
from collections.abc import Callable
from typing import NamedTuple

from sqlalchemy import Connection, delete, insert, select, update

from davserver.accounts import AccountProblem, Passwords, change_account, has_password
from davserver.audit import Audit
from davserver.database import Database
from davserver.linking import in_groups, token_hash, typed_letters
from davserver.resets import TOLD_FOR, What, note_reset
from davserver.schema import account, identity, invitation, person
from davserver.second_step import SecondStep
from davserver.sessions import end_sessions
from davserver.throttle import SECOND
from shareproviders.contract import NotFound

LIFE = 14 * 86400 * SECOND
LETTERS, GROUP = 32, 4  # base32: 160 bits, typable


class Invited(NamedTuple):
    """Whom a code is for."""

    user: str
    name: str


class Invitations:
    """The table of codes. `pepper` is a secret of this house; safe for many threads and processes."""

    def __init__(
        self,
        database: Database,
        passwords: Passwords,
        pepper: bytes,
        audit: Audit,
        clock: Callable[[], int],
        *,
        second_step: SecondStep,
    ) -> None:
        self._database, self.passwords, self._second_step = database, passwords, second_step
        self._pepper, self._audit, self._clock = pepper, audit, clock

    def invite(self, connection: Connection, user: str, by: str) -> str:
        """A new code, told once; it ends the codes before it. The present password holds until it is used.

        Raises AccountProblem for an account that is unknown or disabled, and for oneself.
        """
        if by == f"user:{user}":
            raise AccountProblem("nobody resets his own access; let somebody else do it")
        known = select(account.c.user).where(account.c.user == user, account.c.active)
        if connection.execute(known).first() is None:
            raise AccountProblem(f"there is no active account {user}; `davserver user list` shows them")
        if connection.execute(select(identity.c.user).where(identity.c.user == user)).first() is not None:
            raise AccountProblem(f"{user} signs in elsewhere and needs no password; `davserver user unpin` ends that")
        letters = base64.b32encode(secrets.token_bytes(LETTERS * 5 // 8)).decode().lower()
        now = self._clock()
        connection.execute(delete(invitation).where(invitation.c.user == user, invitation.c.used.is_(None)))
        connection.execute(
            insert(invitation).values(digest=self._digest(letters), user=user, by=by, created=now, until=now + LIFE)
        )
        self._audit.note(connection, by, "invite", detail=user)
        return in_groups(letters, GROUP)

    def invited(self, code: str) -> Invited:
        """Whom a code is for. Raises NotFound for one that never was, was used or is too old, alike."""
        with self._database.read() as connection:
            return self._invited(connection, code)

    def _invited(self, connection: Connection, code: str) -> Invited:
        found = (
            select(invitation.c.user, person.c.name)
            .join(account, account.c.user == invitation.c.user)
            .join(person, person.c.user == invitation.c.user, isouter=True)
            .where(invitation.c.digest == self._digest(code), invitation.c.used.is_(None))
            .where(invitation.c.until > self._clock(), account.c.active)
        )
        row = connection.execute(found).one_or_none()
        if row is None:
            raise NotFound("this code does not hold any more")
        return Invited(row.user, row.name or row.user)

    def accept(self, code: str, password: str) -> Invited:
        """Set the password, end all sessions, the second step and the code: whoever holds it may have lost them all.

        Raises NotFound, AccountProblem for a bad password.
        """
        self.invited(code)  # before the costly hash
        hashed = self.passwords.hash(password)
        with self._database.transaction() as connection:
            invited, now = self._invited(connection, code), self._clock()
            mine = invitation.c.digest == self._digest(code)
            by = connection.execute(select(invitation.c.by).where(mine)).scalar_one()
            connection.execute(update(invitation).where(mine).values(used=now))
            if has_password(connection, invited.user):
                note_reset(connection, invited.user, What.BY_LETTER, by, now)
            change_account(connection, invited.user, password=hashed)
            self._second_step.take_off(connection, invited.user, by)
            end_sessions(connection, invited.user)
            self._audit.note(connection, f"user:{invited.user}", "invitation-used")
        return invited

    def makers(self, user: str) -> frozenset[str]:
        """Principal keys of those who had a letter made by which he was let in lately, for the first time too."""
        used = (invitation.c.user == user, invitation.c.used > self._clock() - TOLD_FOR)
        with self._database.read() as connection:
            return frozenset(connection.execute(select(invitation.c.by).where(*used)).scalars())

    def _digest(self, code: str) -> bytes:
        return token_hash(self._pepper, typed_letters(code, LETTERS), "invitation")
