"""A database, an audit log and a login on a clock that tests turn."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from acl.schema import metadata as acl_metadata
from davserver.accounts import Passwords, add_account, change_account, create_app_password
from davserver.audit import Audit
from davserver.database import Database
from davserver.login import Login
from davserver.schema import metadata
from davserver.settings import Settings

PEPPER = b"p" * 32
QUICK = Settings(argon2_memory_kib=8, argon2_passes=1, argon2_lanes=1)
NOW = 1_800_000_000_000_000
SECOND = 1_000_000


class Clock:
    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> int:
        return self.now

    def advance(self, seconds: float) -> None:
        self.now += int(seconds * SECOND)


@dataclass
class Gate:
    """One house's worth of login: a database shared by any number of logins (workers)."""

    directory: Path
    database: Database
    clock: Clock = field(default_factory=Clock)
    opened: list[Database] = field(default_factory=list)

    @property
    def audit(self) -> Audit:
        return Audit(self.database, b"a" * 32, self.clock)

    def worker(self, settings: Settings = QUICK) -> Login:
        """A login with connections and caches of its own, as another process has."""
        database = Database(self.directory)
        self.opened.append(database)
        return Login(database, settings, PEPPER, Audit(database, b"a" * 32, self.clock), self.clock)

    def add(self, user: str, password: str | None = None) -> None:
        with self.database.transaction() as connection:
            add_account(connection, user, user.title(), self.clock())
            if password is not None:
                change_account(connection, user, password=Passwords(QUICK).hash(password))

    def app_password(self, user: str, **wishes: object) -> tuple[str, str]:
        with self.database.transaction() as connection:
            made = create_app_password(connection, PEPPER, user, "test", self.clock(), **wishes)  # type: ignore[arg-type]
        return made.id, made.shown


@pytest.fixture
def gate(tmp_path: Path) -> Iterator[Gate]:
    database = Database(tmp_path)
    gate = Gate(tmp_path, database)
    with database.transaction() as connection:
        metadata.create_all(connection)
        acl_metadata.create_all(connection)
        gate.audit.start(connection)
    yield gate
    for opened in [*gate.opened, database]:
        opened.close()


def basic(user: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()
