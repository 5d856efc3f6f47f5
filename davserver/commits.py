"""Has anybody committed, and how much? Seen in the head of the index of SQLite's write-ahead log (record 67).

SQLite keeps that index in `<database>-shm`; its first 48 bytes change with each commit of anybody and stand there twice
(sqlite.org/walformat.html §2.1). To read them is one look at memory that is shared anyway; to ask SQLite
(`PRAGMA data_version`) costs ten times as much, and each request asks.
"""

from __future__ import annotations

import mmap
import os
import sqlite3
import sys
import threading
from pathlib import Path

_HEAD_BYTES = 48
_VERSION = (3_007_000).to_bytes(4, "little"), (3_007_000).to_bytes(4, "big")
"""Of the index's format, in either order of bytes."""
_PAGE_SIZE, _FRAMES, _CHECKPOINTED = slice(14, 16), slice(16, 20), slice(96, 100)
"""`szPage`, `mxFrame` and `nBackfill` (ibid.): what is in the log, in this machine's order of bytes."""
_FRAME_HEAD_BYTES = 24
_MAPPED = 4096
"""Bytes; the index is eight times as long from its first reader on."""


class Commits:
    """Looks at one database, over a connection that never writes; both are open until `close`."""

    def __init__(self, path: Path, connection: sqlite3.Connection) -> None:
        """`connection` may be used by any thread, and has no transaction open."""
        self._connection, self._asking = connection, threading.Lock()
        self._ask()  # from now on there is an index, and its file stays the same one
        self._index = _Index.of(path.with_name(path.name + "-shm"))
        self._log = path.with_name(path.name + "-wal")

    def number(self) -> int:
        """One that differs after any commit by anyone; meaningful within this process."""
        heads = self._index.mapped[: 2 * _HEAD_BYTES]
        head = heads[:_HEAD_BYTES]
        if head == heads[_HEAD_BYTES:] and head[:4] in _VERSION:
            return int.from_bytes(head, "little")
        return -self._ask()  # somebody is just writing it, or it is in a format to come

    def log_bytes(self) -> int:
        """About how much of the log no checkpoint has moved into the database yet."""
        head = self._index.mapped[: _CHECKPOINTED.stop]
        if head[:4] not in _VERSION:
            return self._log.stat().st_size
        frames, moved = (int.from_bytes(head[part], sys.byteorder) for part in (_FRAMES, _CHECKPOINTED))
        page = int.from_bytes(head[_PAGE_SIZE], sys.byteorder)
        return max(frames - moved, 0) * (page + _FRAME_HEAD_BYTES)

    def _ask(self) -> int:
        with self._asking:
            row: tuple[int] = self._connection.execute("PRAGMA data_version").fetchone()
        return row[0]

    def close(self) -> None:
        """To be called after all other connections of this process to the database were closed."""
        self._connection.close()
        self._index.let_go()


class _Index:
    """An open index file, one for all that look at the same in this process.

    Whoever closes any descriptor of a file gives up all locks that his process holds on it (fcntl(2)), here those of
    SQLite: so it is closed after SQLite's own, and by the last.
    """

    _all: dict[tuple[int, int], _Index] = {}  # noqa: RUF012 (guarded by the lock below)
    _guard = threading.Lock()

    def __init__(self, descriptor: int, place: tuple[int, int]) -> None:
        self.mapped = mmap.mmap(descriptor, _MAPPED, prot=mmap.PROT_READ)
        self._descriptor, self._place, self._users = descriptor, place, 0

    @classmethod
    def of(cls, path: Path) -> _Index:
        with cls._guard:
            found = path.stat()
            place = found.st_dev, found.st_ino
            index = cls._all.get(place)
            if index is None:
                index = cls._all[place] = cls(os.open(path, os.O_RDONLY | os.O_CLOEXEC), place)
            index._users += 1
            return index

    def let_go(self) -> None:
        with self._guard:
            self._users -= 1
            if not self._users:
                del self._all[self._place]
                self.mapped.close()
                os.close(self._descriptor)
