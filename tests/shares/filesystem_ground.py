"""What the tests of the filesystem share stand on: a directory, a ground that another process can open too."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from pathlib import Path

from davserver.database import Database
from davserver.keys import SpaceKeys
from shareproviders.contract import Expected, Ground, Node, Writing
from shareproviders.filesystem.handles import STAGING
from shareproviders.filesystem.schema import metadata
from shareproviders.filesystem.share import FilesystemShare
from shareproviders.paths import ROOT, SharePath

ANNA = Writing(by="user:anna", at=1_750_000_000_000_000)


@dataclass
class Stand:
    """One directory on disk, the database beside it, and the share over both."""

    data: Path
    disk: Path
    keys: SpaceKeys
    database: Database
    share: FilesystemShare

    @classmethod
    def make(cls, directory: Path) -> Stand:
        data, disk = directory / "data", directory / "disk"
        data.mkdir()
        disk.mkdir()
        database = Database(data)
        with database.transaction() as connection:
            metadata.create_all(connection)
        database.close()
        stand = cls.open(data, disk, SpaceKeys(os.urandom(16), os.urandom(32)))
        stand.share.prepare()
        return stand

    @classmethod
    def open(cls, data: Path, disk: Path, keys: SpaceKeys, quota: int | None = None) -> Stand:
        database = Database(data)
        ground = Ground(
            share="council",
            clock=lambda: time.time_ns() // 1000,
            begin_read=database.read,
            begin_transaction=database.transaction,
            keys=keys,
            directory=data,
            quota=quota,
            options={"path": str(disk)},
        )
        return cls(data, disk, keys, database, FilesystemShare(ground))

    def again(self) -> Stand:
        """The same as another process of the server has it."""
        return Stand.open(self.data, self.disk, self.keys)

    def put(self, raw: str, body: bytes) -> Node:
        return self.share.put(SharePath.parse(raw), self.share.stage([body]), Expected(), ANNA)[0]

    def make_collection(self, raw: str) -> Node:
        return self.share.make_collection(SharePath.parse(raw), ANNA)

    def stat(self, raw: str) -> Node:
        return self.share.stat(SharePath.parse(raw))

    def content(self, raw: str) -> bytes:
        return b"".join(self.share.read(self.stat(raw)))

    def names(self, raw: str = "/") -> list[str]:
        return [node.name for node in self.share.children(self.stat(raw))]

    def tree(self, node: Node | None = None, prefix: str = "") -> dict[str, tuple[int, str, bytes]]:
        """Path → (id, entity tag, bytes) of everything."""
        found: dict[str, tuple[int, str, bytes]] = {}
        for member in self.share.children(node or self.share.stat(ROOT)):
            path = f"{prefix}/{member.name}"
            body = b"" if member.is_collection else b"".join(self.share.read(member))
            found[path] = (member.id, member.entity_tag, body)
            if member.is_collection:
                found |= self.tree(member, path)
        return found

    def leftovers(self) -> list[str]:
        """Files in the staging directory: bodies, copies, replaced things, records of steps."""
        return sorted(str(path.relative_to(self.disk)) for path in (self.disk / STAGING).rglob("*") if path.is_file())
