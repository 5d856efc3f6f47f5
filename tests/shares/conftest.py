"""Ground for providers under test: a fresh real database, fresh keys, the real clock."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import MetaData

pytest.register_assert_rewrite("shareproviders.testing")

from davserver.database import Database  # noqa: E402 (assertions are rewritten at import)
from davserver.keys import SpaceKeys  # noqa: E402
from shareproviders.contract import Ground  # noqa: E402


def now() -> int:
    return time.time_ns() // 1000


@pytest.fixture
def make_ground(tmp_path: Path) -> Iterator[Callable[..., Ground]]:
    """`make_ground(tables, quota, options)`; each call gives a data directory and a database of its own."""
    opened: list[Database] = []

    def make(tables: MetaData, quota: int | None, options: Mapping[str, Any]) -> Ground:
        directory = tmp_path / f"data{len(opened)}"
        directory.mkdir()
        database = Database(directory)
        opened.append(database)
        with database.transaction() as connection:
            tables.create_all(connection)
        return Ground(
            share="council",
            clock=now,
            begin_read=database.read,
            begin_transaction=database.transaction,
            keys=SpaceKeys(os.urandom(16), os.urandom(32)),
            directory=directory,
            quota=quota,
            options=options,
        )

    yield make
    for database in opened:
        database.close()
