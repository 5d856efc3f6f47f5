"""The second step of signing in: codes of an authenticator app (TOTP, RFC 6238), and recovery codes on paper.

Only the portal asks for it, after the account's own password. Drives are opened by app passwords, which never need it;
an account's own password opens none while its second step is on (login.py).
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from collections.abc import Callable
from typing import NamedTuple

from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.twofactor.totp import TOTP
from sqlalchemy import Connection, delete, func, insert, select, update

from acl.principals import Principal
from davserver import throttle
from davserver.accounts import AccountProblem, change_account
from davserver.audit import Audit
from davserver.database import Database
from davserver.keys import Sealer, SpaceKeys
from davserver.linking import in_groups, token_hash, typed_letters
from davserver.login import Throttled, active_person, log
from davserver.resets import What, note_reset
from davserver.schema import account, recovery_code, second_step
from davserver.settings import Settings
from davserver.throttle import SECOND, Bucket

DIGITS, PERIOD = 6, 30  # what every app knows (RFC 6238 §4 and §1.2)
AROUND = (0, -1, 1)
"""Time steps that count: clocks of phones differ, and a code is typed when it has just changed (RFC 6238 §5.2)."""
SECRET_BYTES = 20  # RFC 4226 §4, R6
RECOVERY_CODES, LETTERS, GROUP = 10, 12, 4  # base32: 60 bits each
HALF_LIFE = 5 * 60 * SECOND
"""So long after the password the code may come."""
GUESSES = 5


class WrongCode(Exception):  # noqa: N818 (architecture.md §5: errors are named by what happened)
    """This code is not the one, or was used before."""


class TooLate(Exception):  # noqa: N818
    """The password must be proved anew before a code counts."""


class Standing(NamedTuple):
    """Somebody's second step, as he sees it."""

    since: int
    codes_left: int


class SecondStep:
    """The table of second steps. `pepper` is a secret of this house; safe for many threads and processes."""

    def __init__(
        self, database: Database, settings: Settings, pepper: bytes, audit: Audit, clock: Callable[[], int]
    ) -> None:
        self._database, self._pepper, self._audit, self._clock = database, pepper, audit, clock
        self._guesses_of_a_net = settings.login_failures_per_net
        self._sealer = Sealer(SpaceKeys(b"second step", pepper))

    # -- signing in -----------------------------------------------------------------------------------------------

    def ask(self, user: str, browser: str) -> str:
        """What proves for five minutes, in this browser alone, that the password was right; empty where it is enough.

        It opens nothing by itself: neither the portal nor a drive takes it for a session.
        """
        with self._database.read() as connection:
            if _standing(connection, user) is None:
                return ""
            until = self._clock() + HALF_LIFE
            return f"{user}:{until}:{self._proof(connection, user, until, browser)}"

    def answer(self, asked: str, browser: str, code: str, address: str) -> Principal:
        """Who has now proved both. Raises WrongCode, TooLate, Throttled, Unavailable."""
        user, _, rest = asked.partition(":")
        until, _, proof = rest.partition(":")
        with self._database.read() as connection:
            principal = active_person(connection, user)
            if (
                principal is None
                or not until.isdecimal()
                or not self._clock() < int(until) <= self._clock() + HALF_LIFE
            ):
                raise TooLate("the password was entered too long ago")
            expected = self._proof(connection, user, int(until), browser)
        if not hmac.compare_digest(expected.encode(), proof.encode()):
            raise TooLate("this is no proof of a password, or it was changed meanwhile")
        self.check(user, code, address)
        return principal

    def _proof(self, connection: Connection, user: str, until: int, browser: str) -> str:
        """Follows from the account's epoch too, so that a changed password ends it."""
        epoch = connection.execute(select(account.c.epoch).where(account.c.user == user)).scalar()
        return token_hash(self._pepper, f"{user}\0{until}\0{epoch}\0{browser}", "half signed in").hex()

    def check(self, user: str, code: str, address: str) -> None:
        """A code counts, once. Raises WrongCode, Throttled, Unavailable.

        A right recovery code is served even where guessing is throttled: 60 random bits cannot be guessed, and so
        nobody who knows the password can keep its owner out.
        """
        of_user = Bucket(f"second step {user}", GUESSES, 15 * 60 * SECOND)
        touched = of_user, throttle.bucket_of_net(address, self._guesses_of_a_net)
        with self._database.transaction() as connection:
            if self._take_recovery_code(connection, user, code):
                return
            pause = throttle.pause_left(connection, touched, self._clock())
            right = not pause and self._take_code(connection, user, code)
            if right:
                throttle.forgive(connection, touched[0])
            elif not pause:
                throttle.count_failure(connection, touched, self._clock())
                self._audit.note(connection, f"user:{user}", "second-step", result="refused", detail=address)
        if pause:
            raise Throttled(pause, "too many wrong codes")
        if not right:
            log.warning("login failed from %s: wrong code of the second step", address)
            raise WrongCode("this code is wrong, or was used before")

    def _take_code(self, connection: Connection, user: str, code: str) -> bool:
        """A code of the app that was not taken before; older ones than the last are never taken (RFC 6238 §5.2)."""
        row = connection.execute(select(second_step).where(second_step.c.user == user)).one_or_none()
        if row is None:
            return False
        hashed = SHA1()  # noqa: S303 (as an HMAC, RFC 6238 §1.2) # nosec B303
        app = TOTP(self._open(user, row.secret), DIGITS, hashed, PERIOD)
        typed, now = code.replace(" ", "").encode(), self._clock() // SECOND // PERIOD
        found = [now + step for step in AROUND if hmac.compare_digest(app.generate((now + step) * PERIOD), typed)]
        if not found or found[0] <= row.last_count:
            return False
        connection.execute(update(second_step).where(second_step.c.user == user).values(last_count=found[0]))
        return True

    def _take_recovery_code(self, connection: Connection, user: str, code: str) -> bool:
        mine = recovery_code.c.digest == self._digest(user, typed_letters(code, LETTERS)), recovery_code.c.user == user
        taken = connection.execute(
            update(recovery_code).where(*mine, recovery_code.c.used.is_(None)).values(used=self._clock())
        )
        if taken.rowcount == 1:
            self._audit.note(connection, f"user:{user}", "recovery-code-used")
        return taken.rowcount == 1

    # -- one's own page -------------------------------------------------------------------------------------------

    def of(self, user: str) -> Standing | None:
        """None where it is off."""
        with self._database.read() as connection:
            return _standing(connection, user)

    def prepare(self, user: str) -> str:
        """A new secret, in base32, that asks for nothing until `confirm`. Raises AccountProblem where it is on."""
        secret = base64.b32encode(secrets.token_bytes(SECRET_BYTES)).decode()
        with self._database.transaction() as connection:
            if _standing(connection, user) is not None:
                raise AccountProblem("the second step is on already")
            connection.execute(delete(second_step).where(second_step.c.user == user))
            sealed = self._sealer.seal(secret, f"second step {user}")
            connection.execute(insert(second_step).values(user=user, secret=sealed, last_count=0))
        return secret

    def prepared(self, user: str) -> str:
        """The secret that waits to be confirmed; empty without one."""
        waiting = select(second_step.c.secret).where(second_step.c.user == user, second_step.c.since.is_(None))
        with self._database.read() as connection:
            sealed = connection.execute(waiting).scalar()
        return "" if sealed is None else self._sealer.open(sealed, f"second step {user}")

    def confirm(self, user: str, code: str, address: str) -> list[str]:
        """The app has shown a right code: on from now. The recovery codes, told once. Raises WrongCode, Throttled."""
        self.check(user, code, address)
        with self._database.transaction() as connection:
            waiting = second_step.c.user == user, second_step.c.since.is_(None)
            done = connection.execute(update(second_step).where(*waiting).values(since=self._clock()))
            if done.rowcount != 1:
                raise WrongCode("no second step waits to be confirmed")
            change_account(connection, user)
            self._audit.note(connection, f"user:{user}", "second-step-on")
            return self._new_codes(connection, user)

    def renew(self, user: str, code: str, address: str) -> list[str]:
        """New recovery codes, which end the old ones. Raises WrongCode, Throttled."""
        self.check(user, code, address)
        with self._database.transaction() as connection:
            if _standing(connection, user) is None:
                raise WrongCode("the second step is off")
            self._audit.note(connection, f"user:{user}", "recovery-codes")
            return self._new_codes(connection, user)

    def switch_off(self, user: str, code: str, address: str) -> None:
        """By its owner, whose password was asked for before. Raises WrongCode, Throttled."""
        self.check(user, code, address)
        with self._database.transaction() as connection:
            _take_off(connection, user)
            self._audit.note(connection, f"user:{user}", "second-step-off", detail=user)

    def take_off(self, connection: Connection, user: str, by: str) -> bool:
        """By somebody else, in whose name the owner is told; was there one?"""
        if not _take_off(connection, user):
            return False
        note_reset(connection, user, What.SECOND_STEP, by, self._clock())
        self._audit.note(connection, by, "second-step-off", detail=user)
        return True

    def _new_codes(self, connection: Connection, user: str) -> list[str]:
        connection.execute(delete(recovery_code).where(recovery_code.c.user == user))
        codes = [base64.b32encode(secrets.token_bytes(8))[:LETTERS].decode().lower() for _ in range(RECOVERY_CODES)]
        rows = [{"digest": self._digest(user, code), "user": user} for code in codes]
        connection.execute(insert(recovery_code), rows)
        return [in_groups(code, GROUP) for code in codes]

    def _open(self, user: str, sealed: bytes) -> bytes:
        return base64.b32decode(self._sealer.open(sealed, f"second step {user}"))

    def _digest(self, user: str, letters: str) -> bytes:
        return hmac.digest(self._pepper, f"recovery code\0{user}\0{letters}".encode(), hashlib.sha256)


def app_address(secret: str, user: str, place: str) -> str:
    """What the QR code says to an app: `otpauth://totp/…`, with the name of the portal it is for."""
    hashed = SHA1()  # noqa: S303 (as above) # nosec B303
    return TOTP(base64.b32decode(secret), DIGITS, hashed, PERIOD).get_provisioning_uri(user, place)


def _standing(connection: Connection, user: str) -> Standing | None:
    on = select(second_step.c.since).where(second_step.c.user == user, second_step.c.since.is_not(None))
    since = connection.execute(on).scalar()
    if since is None:
        return None
    unused = recovery_code.c.user == user, recovery_code.c.used.is_(None)
    return Standing(
        since, connection.execute(select(func.count()).select_from(recovery_code).where(*unused)).scalar_one()
    )


def _take_off(connection: Connection, user: str) -> bool:
    was_on = _standing(connection, user) is not None
    connection.execute(delete(second_step).where(second_step.c.user == user))
    connection.execute(delete(recovery_code).where(recovery_code.c.user == user))
    change_account(connection, user)
    return was_on
