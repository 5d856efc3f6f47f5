"""Sealed contents of a vault where they lie, in a file or, if small, in a row (decision 72): to be altered there."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import NamedTuple

from davserver.database import DATABASE_NAME, WriterMutex

LONG = 16_384
"""The least content that has a file of its own."""
PART = 64


@contextmanager
def altering(data: Path) -> Iterator[sqlite3.Connection]:
    """The database as somebody at the machine alters it; under the mutex, so that nothing else goes wrong."""
    mutex = WriterMutex(data / "writer.lock")
    mutex.acquire()
    try:
        with closing(sqlite3.connect(data / DATABASE_NAME, isolation_level=None)) as connection:
            connection.execute("PRAGMA wal_autocheckpoint=0")
            yield connection
    finally:
        mutex.release()
        mutex.close()


class Sealed(NamedTuple):
    """The message of one blob."""

    data: Path
    blob: bytes
    file: Path | None

    def read(self) -> bytes:
        if self.file is not None:
            return self.file.read_bytes()
        with altering(self.data) as connection:
            (row,) = connection.execute("SELECT message FROM small WHERE blob = ?", (self.blob,))
            return bytes(row[0])

    def write(self, message: bytes) -> None:
        """Also where it was removed."""
        if self.file is not None:
            self.file.write_bytes(message)
            return
        with altering(self.data) as connection:
            put = "INSERT OR REPLACE INTO small (blob, space, message) SELECT id, space, ? FROM blob WHERE id = ?"
            assert connection.execute(put, (message, self.blob)).rowcount == 1

    def remove(self) -> None:
        if self.file is not None:
            self.file.unlink()
            return
        with altering(self.data) as connection:
            assert connection.execute("DELETE FROM small WHERE blob = ?", (self.blob,)).rowcount == 1


def is_anywhere(message: bytes, raw: bytes) -> bool:
    """True if any part of it is left: a database breaks a long value over its pages."""
    return any(message[start : start + PART] in raw for start in range(0, len(message), PART))


def sealed(data: Path, share: str = "%") -> dict[bytes, Sealed]:
    """All contents that rows name, of all drives or of one, by blob."""
    files = {bytes.fromhex(path.name): path for path in data.glob("vault/*/blobs/*/*")}
    wanted = "SELECT blob.id FROM blob JOIN space ON space.id = blob.space WHERE space.share LIKE ?"
    with altering(data) as connection:
        rows = [bytes(row[0]) for row in connection.execute(wanted, (share,))]
    return {blob: Sealed(data, blob, files.get(blob)) for blob in rows}
