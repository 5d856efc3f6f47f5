"""Sessions of the portal: random ids, kept as keyed hashes; ended by idleness, age, their owner or a command."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Callable
from typing import NamedTuple

from sqlalchemy import Connection, bindparam, delete, insert, select, update

from acl.principals import Principal, PrincipalKind
from davserver.audit import Audit
from davserver.database import Database
from davserver.schema import account, person
from davserver.schema import session as table
from davserver.settings import Settings

SECOND = 1_000_000
SEEN_NOTED_EVERY = 60 * SECOND
TURNED_BACK = 5 * 60 * SECOND
"""So far may a clock be set back before a session, which then seems to lie in the future, is no longer believed."""
TOKEN_BYTES = 32
NAME_LETTERS = 24

_found = (
    select(table, account.c.admin, person.c.name)
    .join(account, account.c.user == table.c.user)
    .join(person, person.c.user == table.c.user, isouter=True)
    .where(table.c.digest == bindparam("digest"), account.c.active)
)


class Session(NamedTuple):
    """One of somebody's sessions, as he may see it."""

    name: str
    """Tells it from his others; opens nothing."""
    began: int
    seen: int
    """Last use, microseconds, exact to a minute."""
    device: str
    address: str


class SignedIn(NamedTuple):
    """Who holds a session."""

    principal: Principal
    session: Session


class Sessions:
    """All sessions of one house. `pepper` is a secret of it; safe for many threads, and alike in all workers."""

    def __init__(
        self, database: Database, settings: Settings, pepper: bytes, audit: Audit, clock: Callable[[], int]
    ) -> None:
        self._database, self._pepper, self._audit, self._clock = database, pepper, audit, clock
        self._idle = settings.session_idle_minutes * 60 * SECOND
        self._longest = settings.session_hours * 3600 * SECOND

    def begin(self, user: str, device: str, address: str) -> str:
        """A new session; its token, which is kept nowhere. Sweeps ended ones of everybody away. Raises Unavailable."""
        token, now = secrets.token_urlsafe(TOKEN_BYTES), self._clock()
        values = {"user": user, "began": now, "seen": now, "device": device[:64], "address": address[:64]}
        with self._database.transaction() as connection:
            ended = (table.c.seen < now - self._idle) | (table.c.began < now - self._longest)
            connection.execute(delete(table).where(ended))
            connection.execute(insert(table).values(digest=self._digest(token), **values))
            self._audit.note(connection, f"user:{user}", "sign-in", detail=address)
        return token

    def find(self, token: str) -> SignedIn | None:
        """Who holds this token now; None for one that never was or has ended, alike."""
        with self._database.read() as connection:
            row = connection.execute(_found, {"digest": self._digest(token)}).one_or_none()
        now = self._clock()
        if row is None or not row.began - TURNED_BACK <= now < min(row.began + self._longest, row.seen + self._idle):
            return None
        if now - row.seen >= SEEN_NOTED_EVERY:
            with self._database.transaction() as connection:
                connection.execute(update(table).where(table.c.digest == row.digest).values(seen=now))
        principal = Principal(PrincipalKind.USER, row.user, row.name or row.user, row.admin)
        return SignedIn(principal, Session(_name(row.digest), row.began, row.seen, row.device, row.address))

    def of(self, user: str) -> list[Session]:
        """Somebody's sessions that have not ended, the latest first."""
        now = self._clock()
        alive = (table.c.user == user, table.c.seen > now - self._idle, table.c.began > now - self._longest)
        with self._database.read() as connection:
            rows = connection.execute(select(table).where(*alive).order_by(table.c.began.desc())).all()
        return [Session(_name(row.digest), row.began, row.seen, row.device, row.address) for row in rows]

    def end(self, user: str, name: str) -> None:
        """End one of somebody's own sessions; harmless if it has ended already. Raises Unavailable."""
        with self._database.transaction() as connection:
            digests = connection.execute(select(table.c.digest).where(table.c.user == user)).scalars().all()
            for digest in digests:
                if hmac.compare_digest(_name(digest).encode(), name.encode()):
                    connection.execute(delete(table).where(table.c.digest == digest))
                    self._audit.note(connection, f"user:{user}", "sign-out")

    def token_for_forms(self, cookie: str) -> str:
        """What a form must bring back to prove that a page of ours made it: follows from the cookie, tells nothing."""
        return hmac.digest(self._pepper, b"form\0" + cookie.encode(), hashlib.sha256)[:16].hex()

    def _digest(self, token: str) -> bytes:
        return hmac.digest(self._pepper, b"session\0" + token.encode(), hashlib.sha256)


def end_sessions(connection: Connection, user: str) -> None:
    """End all sessions of an account: its password was changed, or it may not log in any more."""
    connection.execute(delete(table).where(table.c.user == user))


def _name(digest: bytes) -> str:
    return hashlib.sha256(b"name\0" + digest).hexdigest()[:NAME_LETTERS]
