"""The key hierarchy above the shares: root key in a file, one wrapped space key per share, derived purpose keys.

Root key (32 bytes) --AES-KW, RFC 3394--> space key per share --HKDF-Expand-SHA-512, RFC 5869--> purpose keys.
"""

from __future__ import annotations

import hashlib
import os
import secrets
import stat
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV
from cryptography.hazmat.primitives.hashes import SHA512
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand
from cryptography.hazmat.primitives.keywrap import InvalidUnwrap, aes_key_unwrap, aes_key_wrap
from sqlalchemy import Connection, delete, insert, select, update

from davserver.schema import setting, space_key
from shareproviders.contract import Damaged, NotFound

KEY_BYTES = 32
ID_LETTERS = 16
SHEET_LINES = 4
CONFIRMED = "key-confirmed"
"""Setting: the id of the root key whose recovery sheet was typed back."""


class KeyProblem(Exception):  # noqa: N818
    """The root key cannot be used; the text says why and what to do."""


@dataclass(frozen=True, slots=True, repr=False)
class RootKey:
    """32 secret bytes and their public id."""

    secret: bytes

    @property
    def id(self) -> str:
        """16 hex digits; names the key in rows without telling anything about it."""
        return hashlib.sha256(b"gremium-kek-id-v1" + self.secret).hexdigest()[:ID_LETTERS]


def write_root_key(path: Path) -> RootKey:
    """A new key in a new file of mode 0400; raises KeyProblem if the file exists."""
    key = RootKey(secrets.token_bytes(KEY_BYTES))
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o400)
    except FileExistsError:
        raise KeyProblem(f"{path} exists already; keep it, or name another file with --key") from None
    with os.fdopen(descriptor, "wb") as file:
        file.write(key.secret.hex().encode() + b"\n")
        file.flush()
        os.fsync(file.fileno())
    return key


def read_root_key(path: Path) -> RootKey:
    """Raises KeyProblem for a missing, readable-by-others or malformed file."""
    try:
        status = path.stat()
        text = path.read_text("ascii").strip()
        secret = bytes.fromhex(text)
    except FileNotFoundError:
        raise KeyProblem(f"the root key {path} is missing; name it with --key or DAVSERVER_KEY") from None
    except (OSError, ValueError) as error:
        raise KeyProblem(f"the root key {path} cannot be read: {type(error).__name__}") from None
    if stat.S_IMODE(status.st_mode) & 0o077:
        raise KeyProblem(f"the root key {path} is readable by others; run: chmod 400 {path}")
    if len(secret) != KEY_BYTES:
        raise KeyProblem(f"the root key {path} must hold {KEY_BYTES} bytes as hexadecimal digits")
    return RootKey(secret)


class RootKeys:
    """The root key of one house by its file, and the next one beside it while `rotate-keys` changes it.

    Which of the two is in force says the database; a kill at any point leaves both there (rotating.py).
    """

    def __init__(self, path: Path) -> None:
        """Raises KeyProblem, as `read_root_key`."""
        self.path = path
        current = read_root_key(path)
        self._known = {current.id: current}
        self._first = current

    @property
    def next_path(self) -> Path:
        """Where a rotation puts the next key until it is in force."""
        return self.path.with_name(f"{self.path.name}.next")

    def first(self) -> RootKey:
        """The key of the file as it was when the house was opened."""
        return self._first

    def find(self, key_id: str, locked: str) -> RootKey:
        """The key of this id; `locked` says what it opens. Raises KeyProblem if neither file holds it."""
        if key_id not in self._known:
            for path in (self.path, self.next_path):
                if path.exists():
                    key = read_root_key(path)
                    self._known[key.id] = key
        if key_id not in self._known:
            raise KeyProblem(f"{locked} is locked under root key {key_id}, {self.path} is {self._first.id}")
        return self._known[key_id]


def sheet_of(key: RootKey) -> list[str]:
    """Four lines of four groups of four hexadecimal digits; a file with just these lines is a root key, too."""
    digits = key.secret.hex()
    groups = [digits[start : start + 4] for start in range(0, len(digits), 4)]
    return [" ".join(groups[start : start + 4]) for start in range(0, len(groups), 4)]


def confirm_root_key(connection: Connection, key_id: str) -> None:
    """Remember that somebody holds a right sheet of this root key."""
    connection.execute(delete(setting).where(setting.c.name == CONFIRMED))
    connection.execute(insert(setting).values(name=CONFIRMED, value=key_id.encode()))


def is_confirmed(begin_read: Callable[[], AbstractContextManager[Connection]], key_id: str) -> bool:
    """Was the sheet of this root key confirmed?"""
    with begin_read() as connection:
        kept = connection.execute(select(setting.c.value).where(setting.c.name == CONFIRMED)).scalar_one_or_none()
    return kept == key_id.encode()


class SpaceKeys:
    """The purpose keys of one share (the `Keys` of the provider contract)."""

    def __init__(self, space_id: bytes, secret: bytes) -> None:
        self.space_id = space_id
        self._secret = secret

    def derive(self, purpose: str, length: int) -> bytes:
        """HKDF-Expand-SHA-512 (RFC 5869 §2.3); the space key is uniformly random, so no extract step is needed."""
        return HKDFExpand(SHA512(), length, b"gremium-v1 " + purpose.encode()).derive(self._secret)


class Sealer:
    """Seals short texts of one share (titles, lock owners) with AES-SIV; the place they stand in is bound to them."""

    def __init__(self, keys: SpaceKeys) -> None:
        self._cipher = AESSIV(keys.derive("seal", 64))

    def seal(self, text: str, place: str) -> bytes:
        """Deterministic: equal text in an equal place gives equal bytes."""
        return self._cipher.encrypt(text.encode() + b"\x00", [place.encode()])

    def open(self, sealed: bytes, place: str) -> str:
        """Raises Damaged if the bytes were altered or stood elsewhere."""
        try:
            return self._cipher.decrypt(sealed, [place.encode()])[:-1].decode()
        except InvalidTag:
            raise Damaged("a sealed text fails its check") from None


class KeyRing:
    """Space keys by share, unwrapped once and kept for the life of the process."""

    def __init__(self, roots: RootKeys, begin_read: Callable[[], AbstractContextManager[Connection]]) -> None:
        self.roots = roots
        self._begin_read = begin_read
        self._spaces: dict[str, SpaceKeys] = {}

    def root(self) -> RootKey:
        """The root key in force: what the rows of this view are wrapped under. Raises KeyProblem."""
        with self._begin_read() as connection:
            key_id = connection.execute(select(space_key.c.kek_id).limit(1)).scalar_one_or_none()
        return self.roots.first() if key_id is None else self.roots.find(key_id, "the database")

    def create(self, connection: Connection, share: str) -> SpaceKeys:
        """A fresh space key for a new share, wrapped into its row."""
        root, space_id, secret = self.root(), secrets.token_bytes(16), secrets.token_bytes(KEY_BYTES)
        wrapped = aes_key_wrap(root.secret, secret)
        connection.execute(insert(space_key).values(share=share, space_id=space_id, kek_id=root.id, wrapped=wrapped))
        return SpaceKeys(space_id, secret)

    def space(self, share: str) -> SpaceKeys:
        """Raises NotFound for an unknown share, KeyProblem under another root key, Damaged for altered rows."""
        keys = self._spaces.get(share)
        if keys is None:
            with self._begin_read() as connection:
                row = connection.execute(select(space_key).where(space_key.c.share == share)).one_or_none()
            if row is None:
                raise NotFound(f"no share {share}")
            root = self.roots.find(row.kek_id, f"share {share}")
            secret = unwrapped(root, row.wrapped, f"the space key of share {share}")
            keys = self._spaces[share] = SpaceKeys(row.space_id, secret)
        return keys

    def renew(self, connection: Connection, share: str) -> SpaceKeys:
        """Another space key for a share, in its row; this ring goes on with the former one until it is closed."""
        root, former, secret = self.root(), self.space(share), secrets.token_bytes(KEY_BYTES)
        anew = {"kek_id": root.id, "wrapped": aes_key_wrap(root.secret, secret)}
        connection.execute(update(space_key).where(space_key.c.share == share).values(**anew))
        return SpaceKeys(former.space_id, secret)

    def sealer(self, share: str) -> Sealer:
        return Sealer(self.space(share))

    def create_secret(self, connection: Connection, name: str) -> None:
        """A fresh 32-byte secret of the server itself (pepper, chain key), wrapped into table `setting`."""
        wrapped = wrapped_secret(self.root(), secrets.token_bytes(KEY_BYTES))
        connection.execute(insert(setting).values(name=name, value=wrapped))

    def secret(self, name: str) -> bytes:
        """A secret made by `create_secret`; raises KeyProblem if it is missing or under another root key, Damaged."""
        with self._begin_read() as connection:
            value = connection.execute(select(setting.c.value).where(setting.c.name == name)).scalar_one_or_none()
        if value is None:
            raise KeyProblem(f"the database has no secret {name}; it was not made by `davserver init`")
        root = self.roots.find(value[:ID_LETTERS].decode(), "the database")
        return unwrapped(root, value[ID_LETTERS:], f"the secret {name}")


def wrapped_secret(root: RootKey, secret: bytes) -> bytes:
    """As table `setting` keeps a secret: the id of the root key, then the secret wrapped under it."""
    return root.id.encode() + aes_key_wrap(root.secret, secret)


def unwrapped(root: RootKey, wrapped: bytes, what: str) -> bytes:
    """Raises Damaged."""
    try:
        return aes_key_unwrap(root.secret, wrapped)
    except InvalidUnwrap:
        raise Damaged(f"{what} fails its check") from None
