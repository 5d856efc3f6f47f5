"""Bringing the database of an older program to the schema of this one (contract.md, `upgrade`).

Nobody else has the house open meanwhile. The database is copied first, then migrated in one transaction under the
writer mutex: killed at any point, it has the old schema or the new one. Blobs are the same in every schema.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from davserver import migrations
from davserver.database import DATABASE_NAME, Database
from davserver.filelocks import IN_USE, USED, held
from davserver.founding import sync_directory
from davserver.house import UNFINISHED, NoHouse


class Upgraded(NamedTuple):
    """What was, or would be, done."""

    before: str
    after: str
    revisions: tuple[str, ...]
    """In their order; empty if there is nothing to do."""
    copy: Path | None
    """The database as it was; None if nothing was done."""


def upgrade(directory: Path, clock: Callable[[], int], *, dry_run: bool) -> Upgraded:
    """Raises NoHouse, WrongSchema for a foreign or newer database, Unavailable while a server runs."""
    if not (directory / DATABASE_NAME).exists() or (directory / UNFINISHED).exists():
        raise NoHouse(f"{directory} is no data directory; name another one with --data")
    database = Database(directory)
    try:
        with held(directory / IN_USE, USED, alone=True):
            before, revisions = migrations.pending(database)
            if dry_run or not revisions:
                return Upgraded(before, migrations.newest(), revisions, None)
            copy = directory / f"{DATABASE_NAME}.before-{before}-{clock() // 1_000_000}"
            with database.transaction():
                database.copy_to(copy)
            _sync(copy)
            migrations.upgrade(database)
            database.checkpoint()
            return Upgraded(before, migrations.newest(), revisions, copy)
    finally:
        database.close()


def _sync(path: Path) -> None:
    with path.open("rb") as file:
        os.fsync(file.fileno())
    sync_directory(path.parent)
