"""A vault on real ground: a SQLite database, a space key and a directory, all in one temporary folder."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from sqlalchemy import select

from davserver.database import Database
from davserver.keys import SpaceKeys
from shareproviders.contract import Expected, Ground, Node, Writing
from shareproviders.paths import SharePath
from shareproviders.vault.schema import metadata, node, small, version
from shareproviders.vault.share import Vault
from tests.sealed import LONG, Sealed, sealed

Attempt = Callable[[], object]

FORMS = pytest.mark.parametrize("times", [1, LONG], ids=["in a row", "in a file"])
"""A content, so many times: it has a file of its own if it is long (decision 72)."""

START = 1_800_000_000_000_000


@dataclass
class Clock:
    """Microseconds that advance by one second at every look, unless held."""

    now: int = START

    def __call__(self) -> int:
        self.now += 1_000_000
        return self.now


@dataclass
class Bench:
    """A vault, what it stands on, and short forms of its verbs."""

    directory: Path
    database: Database
    keys: SpaceKeys
    clock: Clock
    vault: Vault
    quota: int | None = None
    share: str = "bau"
    others: list[Database] = field(default_factory=list)

    def writing(self, **terms: object) -> Writing:
        return Writing(by="anna", at=self.clock(), **terms)  # type: ignore[arg-type]

    def put(self, path: str, content: bytes, expected: Expected = Expected(), **terms: object) -> Node:  # noqa: B008
        staged = self.vault.stage([content])
        with self.database.transaction():
            node, _ = self.vault.put(SharePath.parse(path), staged, expected, self.writing(**terms))
        staged.discard()
        return node

    def make(self, path: str) -> Node:
        with self.database.transaction():
            return self.vault.make_collection(SharePath.parse(path), self.writing())

    def move(self, source: str, target: str, **terms: object) -> Node:
        with self.database.transaction():
            return self.vault.move(SharePath.parse(source), SharePath.parse(target), self.writing(**terms))

    def copy(self, source: str, target: str, *, deep: bool = True, without: tuple[int, ...] = ()) -> Node:
        with self.database.transaction():
            return self.vault.copy(
                SharePath.parse(source), SharePath.parse(target), self.writing(), deep=deep, without=without
            )

    def delete(self, path: str) -> None:
        with self.database.transaction():
            self.vault.delete(SharePath.parse(path), self.writing())

    def stat(self, path: str) -> Node:
        return self.vault.stat(SharePath.parse(path))

    def read(self, path: str, start: int = 0, length: int | None = None) -> bytes:
        return b"".join(self.vault.read(self.stat(path), start, length))

    def names(self, path: str) -> list[str]:
        return [node.name for node in self.vault.children(self.stat(path))]

    def blob_files(self) -> list[Path]:
        return sorted(path for path in self.directory.glob("vault/*/blobs/??/*"))

    def small_rows(self) -> list[str]:
        """Blobs that lie in a row, as their files would be named."""
        with self.database.read() as connection:
            return sorted(each.hex() for each in connection.execute(select(small.c.blob)).scalars())

    def stored(self) -> list[str]:
        """Blobs in either form."""
        return sorted([*self.small_rows(), *(path.name for path in self.blob_files())])

    def sealed(self, document: int) -> Sealed:
        """The newest content of a document, where it lies."""
        with self.database.read() as connection:
            current = select(node.c.version).where(node.c.id == document).scalar_subquery()
            named = connection.execute(select(version.c.blob).where(version.c.id == current)).scalar_one()
        return sealed(self.directory)[named]

    def drafts(self) -> list[Path]:
        return sorted(self.directory.glob("vault/*/staging/*"))

    def again(self, **changes: object) -> Bench:
        """The same share in another process's place: own connections, own vault."""
        database = Database(self.directory)
        self.others.append(database)
        vault = Vault(ground(self.directory, database, self.keys, self.clock, self.quota, self.share))
        return Bench(self.directory, database, self.keys, self.clock, vault, self.quota, self.share)


def ground(
    directory: Path, database: Database, keys: SpaceKeys, clock: Clock, quota: int | None = None, share: str = "bau"
) -> Ground:
    return Ground(share, clock, database.read, database.transaction, keys, directory, quota, {})


@contextmanager
def open_bench(directory: Path, quota: int | None = None, share: str = "bau") -> Iterator[Bench]:
    """A prepared vault of random keys in `directory`."""
    database, clock = Database(directory), Clock()
    keys = SpaceKeys(os.urandom(16), os.urandom(32))
    with database.transaction() as connection:
        metadata.create_all(connection)
    vault = Vault(ground(directory, database, keys, clock, quota, share))
    with database.transaction():
        vault.prepare()
    bench = Bench(directory, database, keys, clock, vault, quota, share)
    try:
        yield bench
    finally:
        for other in bench.others:
            other.close()
        database.close()


def pattern(size: int, seed: int = 0) -> bytes:
    """Bytes that repeat nowhere within a chunk; the same for the same seed."""
    return hashlib.shake_256(f"{seed}".encode()).digest(size)
