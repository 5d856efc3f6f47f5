"""Makes a new data directory: root key, database at the newest schema, the secrets of the house, the role table."""

from __future__ import annotations

import os
import secrets
import shutil
from pathlib import Path

from sqlalchemy import insert

from davserver import migrations
from davserver.audit import CHAIN_SECRET, Audit
from davserver.database import Database
from davserver.house import RENDERED, ROLES_NAME, SECRETS, UPLOADS, NoHouse, inner_store, now
from davserver.keys import KeyRing, RootKeys, write_root_key
from davserver.schema import setting
from davserver.settings import shipped
from shareproviders.contract import Durability


def default_key(directory: Path) -> Path:
    """Where the root key lies unless it is named: beside the data directory, never in it."""
    directory = directory.absolute()
    return directory.with_name(f"{directory.name}.key")


def found(directory: Path, key: Path, by: str) -> list[str]:
    """Make it; what the founder should be warned of, as sentences. Raises NoHouse, KeyProblem; overwrites nothing."""
    directory, key = directory.absolute(), key.absolute()
    if directory.exists() and (not directory.is_dir() or any(directory.iterdir())):
        raise NoHouse(f"{directory} exists already and is not empty; name a new directory")
    if key.is_relative_to(directory):
        raise NoHouse(f"the root key must lie outside the data directory; name another file than {key}")
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    directory.chmod(0o700)
    write_root_key(key)
    shutil.copyfile(shipped(ROLES_NAME), directory / ROLES_NAME)
    database = Database(directory)
    try:
        migrations.upgrade(database)
        ring = KeyRing(RootKeys(key), database.read)
        with database.transaction() as connection:
            for name in SECRETS:
                ring.create_secret(connection, name)
            connection.execute(insert(setting).values(name="instance", value=secrets.token_hex(6).encode()))
            for space in (UPLOADS, RENDERED):
                ring.create(connection, space)
                inner_store(space, database, ring, now, directory, durability=Durability()).prepare()
            audit = Audit(database, ring.secret(CHAIN_SECRET), now)
            audit.start(connection)
            audit.note(connection, by, "init")
        database.checkpoint()
    finally:
        database.close()
    sync_directory(directory)
    sync_directory(directory.parent)
    return _warnings(directory, key)


def sync_directory(path: Path) -> None:
    """The directory's own entries reach the disk before anybody relies on them."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _warnings(directory: Path, key: Path) -> list[str]:
    if key.parent != directory.parent:
        return []
    beside = f"the root key {key} lies beside the data directory, so one disk or backup of {key.parent} holds both"
    return [f"{beside}; keep it elsewhere with --key, and a copy of it in a safe place"]
