"""A backup: the rows of one instant, the files that these rows name, and what else lies in the data directory.

It is encrypted as everything is stored, secrets of the settings too, and the root key is not in it. Requests go on
meanwhile: writers wait only while the rows are copied. What is destroyed after that instant keeps its file until the
backup has it (copylock.py). docs/decisions/0046, 0061.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import shutil
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV
from cryptography.hazmat.primitives.hashes import SHA512
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand

from davserver.audit import CHAIN_SECRET
from davserver.copylock import copying
from davserver.database import DATABASE_NAME
from davserver.founding import sync_directory
from davserver.house import ROLES_NAME, House
from davserver.keys import KeyRing
from davserver.settings import CONFIG_NAME
from shareproviders.contract import Damaged, Restorable

MANIFEST = "backup.json"
FORMAT = 1
PIECE = 1 << 20
PLAIN = (CONFIG_NAME, ROLES_NAME)
"""What lies beside the database and holds no secret: settings name the files that do."""
SEALED = ".sealed"
"""Behind the name of everything else, such as passwords for mail or the key of a certificate."""


class NoBackup(Exception):  # noqa: N818
    """There is no backup that could be made or used there; the text says why and what to do."""


class Backup(NamedTuple):
    """What the manifest of a complete backup says; it is written last, so without it a backup is not complete."""

    at: int
    """The instant whose rows it holds, microseconds."""
    instance: str
    key_id: str
    """Of the root key under which everything in it is."""
    blobs: int
    """That have files; small ones are rows."""
    bytes: int
    """Of these files."""
    left_out: tuple[str, ...]
    """Drives whose files lie elsewhere."""
    sums: Mapping[str, str]
    """SHA-256 of the other files, by name."""


def back_up(house: House, target: Path, by: str) -> Backup:
    """Make one in a new or empty directory. Raises NoBackup, Unavailable."""
    target = target.absolute()
    _check_target(house, target)
    with copying(house.directory):
        target.mkdir(mode=0o700, parents=True, exist_ok=True)
        try:
            return _backed_up(house, target, by)
        except BaseException:
            empty(target)
            raise


def _backed_up(house: House, target: Path, by: str) -> Backup:
    with house.database.transaction() as connection:
        at = house.clock()
        house.audit.note(connection, by, "backup")
    with house.database.transaction():
        house.database.copy_to(target / DATABASE_NAME)
        stores = house.stores()
        files = [path for one in stores.values() if isinstance(one, Restorable) for path in one.files()]
    size = sum(copy_file(house.directory / path, target / path) for path in files)
    for path in beside(house.directory):
        if path.name in PLAIN:
            copy_file(path, target / path.name)
        else:
            seal_file(path, target / f"{path.name}{SEALED}", house.keys)
    sums = {path.name: sum_of(path) for path in sorted(target.iterdir()) if path.is_file()}
    left_out = tuple(share for share, one in stores.items() if not isinstance(one, Restorable))
    made = Backup(at, house.instance, house.keys.root().id, len(files), size, left_out, sums)
    os.sync()  # one for all files: a sync for each would take longer than copying them
    write_manifest(target, made, house.keys)
    return made


def empty(directory: Path) -> None:
    """Remove what was made in it before something failed."""
    for path in directory.iterdir():
        shutil.rmtree(path) if path.is_dir() else path.unlink()


def _check_target(house: House, target: Path) -> None:
    if target.is_relative_to(house.directory.absolute()):
        raise NoBackup(f"{target} lies in the data directory; a backup must lie elsewhere, best on another disk")
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise NoBackup(f"{target} exists already and is not empty; name a new directory")


def beside(directory: Path) -> Iterator[Path]:
    """What lies in the data directory besides the database and the drives: settings, role table, notices."""
    for path in sorted(directory.iterdir()):
        ours = path.name.startswith(DATABASE_NAME) or path.suffix == ".lock"
        if path.is_file() and not path.is_symlink() and not ours:
            yield path


def copy_file(source: Path, target: Path) -> int:
    """A new file with the same bytes; their number. The caller sees that it reaches the disk."""
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with source.open("rb") as reading, target.open("xb") as writing:
        shutil.copyfileobj(reading, writing, PIECE)
        return writing.tell()


def seal_file(source: Path, target: Path, keys: KeyRing) -> None:
    """A new file that only who has the root key can open, and under its own name alone."""
    with target.open("xb") as writing:
        writing.write(_cipher(keys).encrypt(source.read_bytes() + b"\x00", [target.name.encode()]))


def open_file(source: Path, target: Path, keys: KeyRing) -> None:
    """What was sealed, as it was, for its owner alone. Raises Damaged."""
    try:
        content = _cipher(keys).decrypt(source.read_bytes(), [source.name.encode()])[:-1]
    except InvalidTag:
        raise Damaged(f"{source} was altered; take another backup") from None
    target.touch(0o600, exist_ok=False)
    target.write_bytes(content)


def _cipher(keys: KeyRing) -> AESSIV:
    return AESSIV(HKDFExpand(SHA512(), 64, b"gremium-v1 backup file").derive(keys.secret(CHAIN_SECRET)))


def sum_of(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def write_manifest(target: Path, made: Backup, keys: KeyRing) -> None:
    """Durably, under a seal that only who has the root key can make."""
    facts = {"format": FORMAT, **made._asdict()}
    with (target / MANIFEST).open("x", encoding="utf-8") as file:
        json.dump({**facts, "seal": seal(facts, keys)}, file, indent=2)
        file.flush()
        os.fsync(file.fileno())
    sync_directory(target)


def read_manifest(source: Path) -> tuple[Backup, dict[str, Any]]:
    """What it says, and all of it for `seal`. Raises NoBackup."""
    try:
        facts = json.loads((source / MANIFEST).read_text("utf-8"))
        if facts["format"] != FORMAT:
            raise NoBackup(f"{source} was made by a newer program; install that version")
        said = Backup(**{name: facts[name] for name in Backup._fields})
        bare = all(Path(name).name == name for name in said.sums)
    except FileNotFoundError:
        raise NoBackup(f"{source} holds no complete backup: {MANIFEST} is missing") from None
    except (ValueError, KeyError, TypeError):
        raise NoBackup(f"{source / MANIFEST} cannot be read; take another backup") from None
    if not bare:  # files are written by these names before the seal over them can be looked at
        raise NoBackup(f"{source / MANIFEST} names files that lie elsewhere; take another backup")
    return said._replace(left_out=tuple(said.left_out)), facts


def seal(facts: Mapping[str, Any], keys: KeyRing) -> str:
    """Over everything but the seal itself."""
    told = json.dumps({name: facts[name] for name in sorted(facts) if name != "seal"}).encode()
    return hmac.digest(keys.secret(CHAIN_SECRET), b"backup\0" + told, "sha256").hex()


def copied(files: Iterable[Path], source: Path, target: Path) -> Iterator[Path]:
    """Copy each; those that are missing in the source."""
    for path in files:
        try:
            copy_file(source / path, target / path)
        except FileNotFoundError:
            yield path
