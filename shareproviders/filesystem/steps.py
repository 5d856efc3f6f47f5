"""Steps on the disk that end or begin with the caller's transaction: an undo log beside the database (law 7).

A step is one rename. Before it, a record of it is made durable in the staging directory and its name is inserted in
the caller's transaction; so whoever finds the record later knows by the row whether that transaction was committed.
No row: it was rolled back or its process died, and the step is undone, newest first. All of it under the database's
one writer mutex, which the open transaction holds.
"""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from sqlalchemy import Connection, RootTransaction, delete, insert, select

from shareproviders.filesystem.handles import STAGING, Disk, Segments, closing, listed, look, remove, walk, write_whole
from shareproviders.filesystem.schema import step as step_table

Restored = Callable[[Segments], None]
"""Called with each place that an undone step gave back what it had."""


class Steps:
    """The steps of one share."""

    def __init__(self, share: str, disk: Disk) -> None:
        self._share = share
        self._disk = disk
        # Rows of the transaction that is open now are not committed yet; there is one writer at a time.
        self._open: RootTransaction | None = None
        self._own: set[str] = set()

    def rename(self, connection: Connection, root: int, source: Segments, target: Segments, *, kept: str = "") -> None:
        """Rename durably. `kept`: the document at the target is replaced; it stays under this name among the old."""
        with closing(walk(root, source[:-1])) as giving, closing(walk(root, target[:-1])) as taking:
            moving = look(giving, source[-1])
            if moving is None:
                raise FileNotFoundError
            record = {"source": source, "target": target, "kept": kept, "thing": (moving.inode, moving.born)}
            self._write(connection, root, record)
            if kept:
                with closing(walk(root, self._disk.old)) as old:
                    os.link(target[-1], kept, src_dir_fd=taking, dst_dir_fd=old, follow_symlinks=False)
                    self._disk.durability.sync(old)
            os.rename(source[-1], target[-1], src_dir_fd=giving, dst_dir_fd=taking)
            self._disk.durability.sync(taking)
            self._disk.durability.sync(giving)

    def settle(self, connection: Connection, root: int, restored: Restored) -> None:
        """Undo the steps of ended transactions that were not committed; forget those that were."""
        with closing(walk(root, self._disk.steps)) as steps:
            names = sorted(listed(steps), reverse=True)
            if not names:
                return
            committed = set(
                connection.execute(select(step_table.c.name).where(step_table.c.share == self._share)).scalars()
            )
            stood = [name for name in names if name in committed and name not in self._of(connection)]
            for name in names:
                if name not in committed:
                    self._undo(root, _read(steps, name), restored)
                    self._note(connection, name)
            self._forget(connection, steps, stood)

    def _forget(self, connection: Connection, steps: int, names: list[str]) -> None:
        """Records go durably before their rows: one that came back after a loss of power would be undone."""
        if not names:
            return
        for name in names:
            with suppress(FileNotFoundError):
                os.unlink(name, dir_fd=steps)
        self._disk.durability.sync(steps)
        rows = (step_table.c.share == self._share, step_table.c.name.in_(names))
        connection.execute(delete(step_table).where(*rows))

    def sweep(self, root: int, *, older_than: int) -> int:
        """Remove old things (changed before, in nanoseconds) that no step may still need; number of removals.

        Needs no transaction: a thing comes among the old ones after its step's record, and leaves before it.
        """
        removed = 0
        with closing(walk(root, self._disk.old)) as old, closing(walk(root, self._disk.steps)) as steps:
            names = listed(old)
            records = [_read(steps, name) for name in listed(steps)]
            needed = {each for record in records for each in (record["kept"], *record["target"][-1:])}
            for name in names:
                found = look(old, name)
                if name not in needed and found is not None and found.ctime < older_than:
                    remove(old, name)
                    removed += 1
        return removed

    def _of(self, connection: Connection) -> set[str]:
        """Names of steps whose rows the open transaction wrote."""
        transaction = connection.get_transaction()
        if self._open is not transaction:
            self._open, self._own = transaction, set()
        return self._own

    def _note(self, connection: Connection, name: str) -> None:
        connection.execute(insert(step_table).values(share=self._share, name=name))
        self._of(connection).add(name)

    def _write(self, connection: Connection, root: int, record: dict[str, Any]) -> None:
        with closing(walk(root, self._disk.steps)) as steps:
            number = 1 + max((int(name.partition("-")[0]) for name in listed(steps)), default=0)
            name = f"{number:08d}-{secrets.token_hex(12)}"
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
            with closing(os.open(name, flags, 0o600, dir_fd=steps)) as file:
                write_whole(file, json.dumps(record).encode())
                self._disk.durability.sync(file)
            self._disk.durability.sync(steps)
        self._note(connection, name)

    def _undo(self, root: int, record: dict[str, Any], restored: Restored) -> None:
        """Give back what the step took; safe to do again after a crash at any point of it."""
        source, target, kept = tuple(record["source"]), tuple(record["target"]), record["kept"]
        if not source:
            return  # its process ended while it wrote the record: the step was never done
        with (
            suppress(FileNotFoundError),  # somebody removed a directory on the way: nothing left to give back to
            closing(walk(root, source[:-1])) as giving,
            closing(walk(root, target[:-1])) as taking,
            closing(walk(root, self._disk.old)) as old,
        ):
            moved = look(taking, target[-1])
            was_done = moved is not None and [moved.inode, moved.born] == record["thing"]
            if was_done and kept:
                if source[0] != STAGING:
                    with suppress(FileExistsError):
                        os.link(target[-1], source[-1], src_dir_fd=taking, dst_dir_fd=giving, follow_symlinks=False)
                os.rename(kept, target[-1], src_dir_fd=old, dst_dir_fd=taking)
            elif was_done and look(giving, source[-1]) is None:
                os.rename(target[-1], source[-1], src_dir_fd=taking, dst_dir_fd=giving)
            elif kept:
                remove(old, kept)
            if source[0] == STAGING:
                remove(giving, source[-1])
            self._disk.durability.sync(taking)
            self._disk.durability.sync(giving)
        for place in (source, target):
            restored(place)


def _read(steps: int, name: str) -> dict[str, Any]:
    """A record, or one of nothing if it was not written to its end."""
    try:
        with closing(os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=steps)) as file:
            text = b"".join(iter(lambda: os.read(file, 65536), b""))
        record: dict[str, Any] = json.loads(text)
    except (FileNotFoundError, ValueError):
        return {"source": [], "target": [], "kept": "", "thing": []}
    return record
