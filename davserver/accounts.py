"""Accounts and app passwords: made, changed, revoked. What is shown to whom is asked nowhere here.

A change of any credential raises the account's epoch, so that every worker asks anew (login.py).
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import re
import secrets
import threading
from collections.abc import Collection, Sequence
from functools import cached_property
from typing import Any, NamedTuple

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV
from cryptography.hazmat.primitives.hashes import SHA512
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand
from sqlalchemy import Connection, insert, select, update

from acl import store
from acl.labels import Classification
from davserver.linking import in_groups
from davserver.schema import account, app_password, person
from davserver.settings import Settings
from shareproviders.contract import Damaged

PEPPER_SECRET = "app-password-pepper"  # noqa: S105 (its name, not the secret) # nosec B105
MAX_PASSWORD_BYTES = 1024
AT_A_TIME = 2
"""Passwords that are hashed; whoever comes then waits."""
ID_LETTERS, SECRET_LETTERS, GROUP = 8, 32, 5  # base32: 40 bits name the row, 160 bits prove it
APP_PASSWORD = re.compile(rf"[a-z2-7]{{{ID_LETTERS + SECRET_LETTERS}}}")
USER_NAME = re.compile(r"[a-z0-9][a-z0-9._@-]{0,63}")


class AccountProblem(Exception):  # noqa: N818
    """An account or app password cannot be made or changed so; the text says why."""


class Passwords:
    """Hashes and checks account passwords with argon2id (RFC 9106), at most two at a time in one process."""

    def __init__(self, settings: Settings) -> None:
        self.shortest = settings.password_letters
        self._hasher = PasswordHasher(
            time_cost=settings.argon2_passes,
            memory_cost=settings.argon2_memory_kib,
            parallelism=settings.argon2_lanes,
        )
        self._seats = threading.BoundedSemaphore(AT_A_TIME)

    @cached_property
    def _nobodys(self) -> str:
        """The hash that stands for an unknown account, so that it costs as much as a known one."""
        return self._hasher.hash(secrets.token_urlsafe())

    def hash(self, password: str) -> str:
        """Raises AccountProblem for a password that is too short, too long, or looks like an app password."""
        if len(password) < self.shortest:
            raise AccountProblem(f"a password needs at least {self.shortest} characters")
        if len(password.encode()) > MAX_PASSWORD_BYTES:
            raise AccountProblem(f"a password can have at most {MAX_PASSWORD_BYTES} bytes")
        if app_password_letters(password):
            raise AccountProblem("this password looks like an app password; choose another one")
        with self._seats:
            return self._hasher.hash(password)

    def matches(self, password: str, hashed: str | None) -> bool:
        """Takes as long for None (no such account, or one without password) as for a wrong password."""
        with self._seats:
            nobodys = self._nobodys
            try:
                self._hasher.verify(hashed or nobodys, password)
            except (VerificationError, InvalidHashError):
                return False
        return hashed is not None


def app_password_letters(shown: str) -> str | None:
    """The bare letters of what may be an app password, as typed with hyphens, spaces, capitals; else None."""
    if len(shown) > 2 * (ID_LETTERS + SECRET_LETTERS):
        return None
    letters = shown.replace("-", "").replace(" ", "").lower().translate(str.maketrans("018", "olb"))
    return letters if APP_PASSWORD.fullmatch(letters) else None


def app_password_digest(pepper: bytes, letters: str) -> bytes:
    """What is stored: HMAC-SHA-256 under the pepper; 160 random bits need no slow hash."""
    return hmac.digest(pepper, letters.encode(), hashlib.sha256)


def _label_cipher(pepper: bytes) -> AESSIV:
    return AESSIV(HKDFExpand(SHA512(), 64, b"gremium-v1 app-password label").derive(pepper))


def seal_label(pepper: bytes, app_id: str, label: str) -> bytes:
    """What people call their devices is theirs: sealed with AES-SIV, bound to the app password."""
    return _label_cipher(pepper).encrypt(label.encode() + b"\x00", [app_id.encode()])


def open_label(pepper: bytes, app_id: str, sealed: bytes) -> str:
    """Raises Damaged if it was altered or stood elsewhere."""
    try:
        return _label_cipher(pepper).decrypt(sealed, [app_id.encode()])[:-1].decode()
    except InvalidTag:
        raise Damaged(f"the label of app password {app_id} fails its check") from None


def clean_user_name(raw: str) -> str:
    """Raises AccountProblem for what cannot be a login name."""
    if not USER_NAME.fullmatch(raw):
        raise AccountProblem(f"{raw!r} is no login name; use a to z, digits and . _ @ - (64 at most), in small letters")
    return raw


def add_account(connection: Connection, user: str, name: str, at: int, *, admin: bool = False) -> None:
    """A person and an account without password. Raises AccountProblem if it exists."""
    clean_user_name(user)
    if connection.execute(select(account.c.user).where(account.c.user == user)).first():
        raise AccountProblem(f"the account {user} exists already")
    connection.execute(insert(account).values(user=user, admin=admin, active=True, epoch=0, created=at))
    if not connection.execute(select(person.c.user).where(person.c.user == user)).first():
        connection.execute(insert(person).values(user=user, name=name))


def change_account(connection: Connection, user: str, **values: Any) -> None:
    """Set columns of an account and raise its epoch. Raises AccountProblem for an unknown account."""
    done = connection.execute(update(account).where(account.c.user == user).values(epoch=account.c.epoch + 1, **values))
    if done.rowcount != 1:
        raise AccountProblem(f"there is no account {user}; `davserver user list` shows them")


def has_password(connection: Connection, user: str) -> bool:
    """False for a new account, which nobody has let in yet, and for an unknown one."""
    return connection.execute(select(account.c.password).where(account.c.user == user)).scalar() is not None


class NewAppPassword(NamedTuple):
    """What is told once, at creation."""

    id: str
    shown: str
    """In groups of five letters; never stored."""


def create_app_password(
    connection: Connection,
    pepper: bytes,
    user: str,
    label: str,
    at: int,
    *,
    scopes: Sequence[tuple[str, int]] = (),
    read_only: bool = False,
    max_class: Classification = Classification.RESTRICTED,
    expires: int | None = None,
) -> NewAppPassword:
    """A new app password of `user`; `scopes` are (share, node id). Raises AccountProblem for an unknown account."""
    change_account(connection, user)
    letters = base64.b32encode(secrets.token_bytes((ID_LETTERS + SECRET_LETTERS) * 5 // 8)).decode().lower()
    connection.execute(
        insert(app_password).values(
            id=letters[:ID_LETTERS],
            user=user,
            digest=app_password_digest(pepper, letters),
            label=seal_label(pepper, letters[:ID_LETTERS], label),
            scopes=json.dumps(list(scopes)),
            read_only=read_only,
            max_class=max_class.word,
            created=at,
            expires=expires,
        )
    )
    for share in {share for share, _ in scopes}:
        store.touch(connection, share)  # its rules must know the way down to the scope
    return NewAppPassword(letters[:ID_LETTERS], in_groups(letters, GROUP))


def scopes_in(connection: Connection, share: str) -> frozenset[int]:
    """Nodes of a share to which app passwords that were not revoked are limited."""
    limited = select(app_password.c.scopes).where(app_password.c.scopes != "[]", app_password.c.revoked.is_(None))
    found = (json.loads(scopes) for scopes in connection.execute(limited).scalars())
    return frozenset(node for scopes in found for where, node in scopes if where == share)


def revoke_app_password(connection: Connection, app_id: str, at: int) -> None:
    """Ends it for every worker with the commit. Raises AccountProblem if there is none that still works."""
    owner = connection.execute(
        select(app_password.c.user).where(app_password.c.id == app_id, app_password.c.revoked.is_(None))
    ).scalar_one_or_none()
    if owner is None:
        raise AccountProblem(f"there is no app password {app_id}; `davserver app-password list` shows them")
    connection.execute(update(app_password).where(app_password.c.id == app_id).values(revoked=at))
    change_account(connection, owner)


def lull_app_passwords(connection: Connection, at: int) -> int:
    """All that still work are revoked as of this instant; their number. `wake_app_password` takes it back."""
    table = app_password
    return connection.execute(update(table).where(table.c.revoked.is_(None)).values(revoked=at)).rowcount


def wake_app_password(connection: Connection, app_id: str, lulled: Collection[int]) -> bool:
    """It works again as before it was lulled at one of these instants; False if it was not."""
    row = connection.execute(select(app_password).where(app_password.c.id == app_id)).one_or_none()
    if row is None or row.revoked not in lulled:
        return False
    connection.execute(update(app_password).where(app_password.c.id == app_id).values(revoked=None))
    for share in {share for share, _ in json.loads(row.scopes)}:
        store.touch(connection, share)
    return True
