"""Credentials → Principal: Basic (RFC 7617) with an app password, or with an account password where that is allowed."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import logging
import secrets
import threading
import unicodedata
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

from sqlalchemy import Connection, Row, bindparam, select, update

from acl.labels import Classification
from acl.principals import ANONYMOUS, Ceiling, Principal, PrincipalKind
from acl.privileges import Rights
from davserver import throttle
from davserver.accounts import (
    ID_LETTERS,
    MAX_PASSWORD_BYTES,
    USER_NAME,
    Passwords,
    app_password_digest,
    app_password_letters,
)
from davserver.audit import Audit
from davserver.database import Database
from davserver.hosts import is_loopback
from davserver.schema import account, app_password, identity, person, second_step
from davserver.settings import Settings
from shareproviders.contract import Unavailable
from shareproviders.statements import Statement

CHALLENGE = 'Basic realm="Gremium", charset="UTF-8"'
MAX_HEADER = 4096
REMEMBERED = 10_000
REMEMBERED_FOR = 10 * 60 * 1_000_000
USE_NOTED_EVERY = 60 * 1_000_000
AWAKE_FOR = 30 * 86_400 * 1_000_000
"""So long the devices of somebody who signs in elsewhere go on without him: who has left there must not stay here."""
NO_CEILING = Ceiling()
READING = Rights.READ | Rights.READ_ACL | Rights.READ_CURRENT_USER_PRIVILEGE_SET

log = logging.getLogger(__name__)


class LoginError(Exception):
    """Base of what a login can end with; the text is one sentence for people."""


class Unauthorized(LoginError):  # noqa: N818 (architecture.md §5: errors are named by what happened)
    """401: no credential that counts here; `challenge` is the WWW-Authenticate value."""

    challenge = CHALLENGE


class WrongPassword(Unauthorized):
    """At the portal's sign-in page: this name and password do not belong together."""


class AppPasswordShown(Unauthorized):
    """At the portal's sign-in page: an app password, which opens drives only."""


class SignsInElsewhere(Unauthorized):
    """At the portal's sign-in page: the right password of an account that is pinned to a provider of identities."""


class Malformed(LoginError):  # noqa: N818
    """400: the header is no Authorization header."""


class Throttled(LoginError):  # noqa: N818
    """429: too many wrong ones; `retry_after` in whole seconds."""

    def __init__(self, microseconds: int, what: str = "too many wrong passwords") -> None:
        self.retry_after = max(1, -(-microseconds // 1_000_000))
        super().__init__(f"{what}; try again in {self.retry_after} seconds")


class Known(NamedTuple):
    """A credential that was right when last asked, kept under a keyed digest of itself."""

    principal: Principal
    epoch: int
    until: int
    app_id: str
    """Empty for the account's own password."""


_epoch = Statement(select(account.c.epoch).where(account.c.user == bindparam("user"), account.c.active))
_account = (
    select(
        account.c.user,
        account.c.password,
        account.c.admin,
        account.c.epoch,
        person.c.name,
        identity.c.signed_in.label("signed_in_elsewhere"),
        second_step.c.since.label("second_step"),
    )
    .join(person, person.c.user == account.c.user, isouter=True)
    .join(identity, identity.c.user == account.c.user, isouter=True)
    .join(second_step, second_step.c.user == account.c.user, isouter=True)
    .where(account.c.user == bindparam("user"), account.c.active)
)
_app_password = select(app_password).where(app_password.c.id == bindparam("id"))


class Login:
    """Decides who asks. `pepper` is the secret `app-password-pepper` of this house; safe for many threads."""

    def __init__(
        self, database: Database, settings: Settings, pepper: bytes, audit: Audit, clock: Callable[[], int]
    ) -> None:
        self._database, self._pepper, self._audit, self._clock = database, pepper, audit, clock
        self.passwords = Passwords(settings)
        self._own_passwords_anywhere = settings.account_password_on_dav
        self._own_passwords_locally = (
            is_loopback(settings.host) and not settings.behind_proxy and not settings.public_url
        )
        self._process_key = secrets.token_bytes(32)
        self._known: dict[bytes, Known] = {}
        self._asked = threading.local()
        self._failures, self._failures_of_net = settings.login_failures, settings.login_failures_per_net
        # Who comes on top of these is sent away for a moment, never kept waiting.
        self._signing_in = threading.BoundedSemaphore(settings.sign_ins_at_once)
        self._refused, self._counting = 0, threading.Lock()
        self._uses: dict[str, int] = {}
        self._uses_noted: dict[str, int] = {}

    def principal(self, authorization: str | None, remote_address: str, forwarded: bool) -> Principal:
        """Who sent this Authorization header; ANONYMOUS without one. `forwarded`: it carries a forwarding header.

        `remote_address` is that of the client as a configured proxy tells it, else of the peer.
        Raises Unauthorized, Malformed, Throttled; Unavailable when the database is busy.
        """
        if not authorization:
            return ANONYMOUS
        digest = self._digest(authorization)
        known = self._known.get(digest)
        if known is not None and self._still_right(digest, known) and (known.app_id or self._own_allowed(forwarded)):
            self._use(known.app_id)
            return known.principal
        user, password = parse_basic(authorization)
        known = self._verified(user, password, remote_address, forwarded)
        if len(self._known) >= REMEMBERED:
            self._known.clear()
        self._known[digest] = known
        self._use(known.app_id)
        return known.principal

    def still(self, authorization: str) -> Callable[[], bool] | None:
        """What tells, as often as it is asked, whether this header would be known again, had nobody committed since.

        Each time counts as a use. What is handed out holds a keyed digest of the header and nothing else of it.
        """
        digest = self._digest(authorization)
        known = self._known.get(digest)
        return partial(self._stands, digest) if known is not None and self._still_right(digest, known) else None

    def _stands(self, digest: bytes) -> bool:
        known = self._known.get(digest)
        if known is None or self._clock() >= known.until:
            return False
        self._use(known.app_id)
        return True

    def _digest(self, authorization: str) -> bytes:
        told = authorization.encode("utf-8", "surrogateescape")
        return hashlib.blake2b(told, key=self._process_key, digest_size=32).digest()

    def by_account_password(self, user: str, password: str, remote_address: str) -> Principal:
        """Whoever signs in at the portal, with the account's own password and nothing else; from anywhere.

        Whether a second step follows is for the caller to ask. Raises WrongPassword, AppPasswordShown,
        SignsInElsewhere, Throttled; Unavailable when too many sign in at once.
        """
        user = clean_user(user)
        if app_password_letters(password):
            raise AppPasswordShown("app passwords open drives only; sign in with the account's own password")
        if len(password.encode()) > MAX_PASSWORD_BYTES:
            raise WrongPassword("this name and password do not match")
        touched = self._touched(user, remote_address)
        with self._database.read() as connection:
            row = connection.execute(_account, {"user": user}).one_or_none()
            pause = throttle.pause_left(connection, touched, self._clock())
        if pause:
            raise self._throttled(pause, remote_address)
        if not self._signing_in.acquire(blocking=False):
            raise Unavailable("many people sign in at this moment; try again in a few seconds")
        try:
            known = self._by_own_password(row, password)
        finally:
            self._signing_in.release()
        if known is None:
            failure = self._failure(touched, pause, remote_address, row is not None, user)
            raise failure if isinstance(failure, Throttled) else WrongPassword(str(failure))
        self._forgive(touched)
        if row is not None and row.signed_in_elsewhere is not None:
            raise SignsInElsewhere("this account is opened by its provider of identities, no more by a password")
        return known.principal

    def _own_allowed(self, forwarded: bool) -> bool:
        return self._own_passwords_anywhere or (self._own_passwords_locally and not forwarded)

    def _still_right(self, digest: bytes, known: Known) -> bool:
        """One pragma while nothing was committed by anyone, one row after that."""
        if self._clock() >= known.until:
            return False
        checked: dict[bytes, int] | None = getattr(self._asked, "checked", None)
        if checked is None or len(checked) > REMEMBERED:
            checked = self._asked.checked = {}
        committed = self._database.known()
        if checked.get(digest) == committed:
            return True
        with self._database.read() as connection:
            row = _epoch.row(connection, {"user": known.principal.id})
        if row != (known.epoch,):
            self._known.pop(digest, None)
            return False
        checked[digest] = committed
        return True

    def _verified(self, user: str, password: str, remote_address: str, forwarded: bool) -> Known:
        touched = self._touched(user, remote_address)
        letters = app_password_letters(password)
        with self._database.read() as connection:
            row = connection.execute(_account, {"user": user}).one_or_none()
            pause = throttle.pause_left(connection, touched, self._clock())
        if letters:
            # 160 random bits cannot be guessed, so a right one is served even where guessing is throttled.
            known = self._by_app_password(user, row, letters, remote_address)
        elif pause:
            raise self._throttled(pause, remote_address)
        elif not self._own_allowed(forwarded):
            self._count_refused()
            log.warning("login failed from %s: account password not allowed", remote_address)
            raise Unauthorized("log in with an app password; the account's own password does not work here")
        else:
            known = self._by_own_password(row, password)
        if known is None:
            raise self._failure(touched, pause, remote_address, row is not None, user)
        if not letters:
            self._forgive(touched)
            if row is not None and (row.second_step is not None or row.signed_in_elsewhere is not None):
                raise Unauthorized("log in with an app password; this account asks for more than its password")
        return known

    def _touched(self, user: str, remote_address: str) -> tuple[throttle.Bucket, ...]:
        """The counts of this name; keyed, not as typed: people mistake the field and type their password here."""
        typed = hmac.digest(self._pepper, b"typed name " + user.encode(), hashlib.sha256)[:16].hex()
        name = typed if USER_NAME.fullmatch(user) else "?"
        return (
            throttle.bucket_of_name(name, remote_address, self._failures),
            throttle.bucket_of_net(remote_address, self._failures_of_net),
        )

    def _by_own_password(self, row: Row[*tuple[Any, ...]] | None, password: str) -> Known | None:
        if not self.passwords.matches(password, row.password if row is not None else None) or row is None:
            return None
        return Known(_principal(row), row.epoch, self._clock() + REMEMBERED_FOR, "")

    def _by_app_password(
        self, user: str, row: Row[*tuple[Any, ...]] | None, letters: str, remote_address: str
    ) -> Known | None:
        """None for a wrong one. Raises Unauthorized for one that was right and has ended: that is no guess.

        A forgotten device goes on asking with it for weeks and must not close the account's count for its owner.
        """
        now = self._clock()
        with self._database.read() as connection:
            kept = connection.execute(_app_password, {"id": letters[:ID_LETTERS]}).one_or_none()
        digest = app_password_digest(self._pepper, letters)
        right = hmac.compare_digest(digest, kept.digest if kept is not None else bytes(32))
        if kept is None or not right or kept.user != user:
            return None
        if row is None or kept.revoked is not None or (kept.expires is not None and now >= kept.expires):
            self._count_refused()
            log.warning("login failed from %s: ended app password", remote_address)
            raise Unauthorized("this app password has ended; make a new one for this device")
        asleep = None if row.signed_in_elsewhere is None else row.signed_in_elsewhere + AWAKE_FOR
        if asleep is not None and now >= asleep:
            log.warning("login failed from %s: sleeping app password", remote_address)
            raise Unauthorized("this app password sleeps; sign in at the portal once, and it goes on")
        ceiling = Ceiling(
            reason="app-password",
            rights=READING if kept.read_only else Rights.ALL,
            max_class=Classification.parse(kept.max_class),
            scopes=tuple((share, node) for share, node in json.loads(kept.scopes)),
        )
        until = min(end for end in (now + REMEMBERED_FOR, kept.expires, asleep) if end is not None)
        return Known(_principal(row, ceiling), row.epoch, until, kept.id)

    def _failure(
        self, touched: tuple[throttle.Bucket, ...], pause: int, remote_address: str, exists: bool, user: str
    ) -> LoginError:
        """Count it, note it, and say 401 or 429; while a count is closed nothing more is written."""
        self._count_refused()
        if not pause:
            with self._database.transaction() as connection:
                pause = throttle.pause_left(connection, touched, self._clock())
                if not pause:
                    throttle.count_failure(connection, touched, self._clock())
                    who = f"user:{user}" if exists else ANONYMOUS.key
                    self._audit.note(connection, who, "login", result="refused", detail=remote_address)
        if pause:
            log.warning("login failed from %s: throttled", remote_address)
            return Throttled(pause)
        log.warning("login failed from %s: wrong name or password", remote_address)
        return Unauthorized("this name and password do not match")

    def _forgive(self, touched: tuple[throttle.Bucket, ...]) -> None:
        with self._database.read() as connection:
            mistyped = throttle.is_counting(connection, touched[0])
        if mistyped:
            with self._database.transaction() as connection:
                throttle.forgive(connection, touched[0])

    def _throttled(self, pause: int, remote_address: str) -> Throttled:
        """Not even looked at; the line is for whoever shuts out at the firewall who goes on (config/fail2ban-…)."""
        self._count_refused()
        log.warning("login failed from %s: throttled", remote_address)
        return Throttled(pause)

    def _count_refused(self) -> None:
        with self._counting:
            self._refused += 1

    def take_refused(self) -> int:
        """How many logins this process has refused since this was asked last."""
        with self._counting:
            refused, self._refused = self._refused, 0
        return refused

    def _use(self, app_id: str) -> None:
        now = self._clock()
        if app_id and now - self._uses_noted.get(app_id, 0) >= USE_NOTED_EVERY:
            self._uses_noted[app_id] = self._uses[app_id] = now

    def flush(self) -> None:
        """Write the last uses that wait; to be called every second. Raises Unavailable; what waits is kept then."""
        uses = dict(self._uses)
        if not uses:
            return
        table = app_password.c
        with self._database.transaction() as connection:
            for app_id, at in uses.items():
                stale = table.last_use.is_(None) | (table.last_use <= at - USE_NOTED_EVERY)
                connection.execute(update(app_password).where(table.id == app_id, stale).values(last_use=at))
        for app_id, at in uses.items():
            if self._uses.get(app_id) == at:
                self._uses.pop(app_id, None)


def active_person(connection: Connection, user: str) -> Principal | None:
    """Whoever has proved in another way than by a password that he is this user; None if he may not log in."""
    row = connection.execute(_account, {"user": user}).one_or_none()
    return None if row is None else _principal(row)


def _principal(row: Row[*tuple[Any, ...]], ceiling: Ceiling = NO_CEILING) -> Principal:
    return Principal(PrincipalKind.USER, row.user, row.name or row.user, row.admin, ceiling)


def parse_basic(authorization: str) -> tuple[str, str]:
    """Login name (small letters, without `DOMAIN\\`) and password of a Basic header (RFC 7617 §2).

    Raises Malformed, and Unauthorized for another scheme.
    """
    scheme, _, encoded = authorization.strip().partition(" ")
    if len(authorization) > MAX_HEADER:
        raise Malformed("the Authorization header is too long")
    if scheme.lower() != "basic":
        raise Unauthorized("log in with name and password (Basic)")
    try:
        text = base64.b64decode(encoded.strip(), validate=True).decode("utf-8")
    except (binascii.Error, ValueError):
        raise Malformed("the Authorization header is no valid Basic credential in UTF-8") from None
    user, colon, password = text.partition(":")
    if not colon:
        raise Malformed("the Authorization header has no colon between name and password")
    if len(password.encode()) > MAX_PASSWORD_BYTES:
        raise Malformed(f"a password can have at most {MAX_PASSWORD_BYTES} bytes")
    return clean_user(user), password


def clean_user(typed: str) -> str:
    """A login name as it is kept: small letters, without `DOMAIN\\`."""
    return unicodedata.normalize("NFC", typed.rpartition("\\")[2]).strip().lower()
