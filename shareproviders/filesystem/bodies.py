"""Bodies on their way in and out: staged files with their owner's lock, and reading in pieces."""

from __future__ import annotations

import fcntl
import os
import secrets
import weakref
from collections.abc import Iterable, Iterator
from contextlib import suppress

from shareproviders.contract import Damaged, ShareError, Unavailable
from shareproviders.filesystem.handles import (
    Disk,
    Segments,
    closing,
    listed,
    look,
    remove,
    translated,
    walk,
    write_whole,
)
from shareproviders.room import leave_room

PIECE = 256 * 1024


class StagedFile:
    """A whole body in the staging directory; its open descriptor holds a lock that tells it from an orphan."""

    def __init__(self, disk: Disk, name: str, size: int, descriptor: int) -> None:
        self.size = size
        self.place: Segments = (*disk.new, name)
        self._disk = disk
        self._descriptor = descriptor
        self._close = weakref.finalize(self, os.close, descriptor)

    def touch(self, modified: int) -> None:
        """Set the modification time that the document will show (microseconds)."""
        os.utime(self._descriptor, ns=(modified * 1000, modified * 1000))

    def discard(self) -> None:
        self._close()
        with suppress(OSError, ShareError), self._disk.root() as root, closing(walk(root, self._disk.new)) as new:
            remove(new, self.place[-1])


class Bodies:
    """The staging directory of one share."""

    def __init__(self, disk: Disk) -> None:
        self._disk, self.durability = disk, disk.durability

    def stage(self, chunks: Iterable[bytes]) -> StagedFile:
        """Takes a whole body durably; any exception out of `chunks` removes what was written and passes through."""
        self.durability.check()
        name, size = secrets.token_hex(16), 0
        flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
        with self._disk.root() as root, closing(walk(root, self._disk.new)) as new:
            descriptor = os.open(name, flags, 0o660, dir_fd=new)
        staged = StagedFile(self._disk, name, 0, descriptor)
        try:
            with translated():
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            for chunk in chunks:
                with translated():
                    leave_room(descriptor, len(chunk))
                    write_whole(descriptor, chunk)
                size += len(chunk)
            with translated():
                self.durability.sync(descriptor)
        except BaseException:
            staged.discard()
            raise
        staged.size = size
        return staged

    def make_directory(self, root: int) -> Segments:
        """An empty directory in staging."""
        place = (*self._disk.new, secrets.token_hex(16))
        with closing(walk(root, self._disk.new)) as new:
            os.mkdir(place[-1], 0o770, dir_fd=new)
        return place

    def directory(self, root: int) -> int:
        """Descriptor of the staging directory for new things; the caller closes it."""
        return walk(root, self._disk.new)

    def place(self, name: str) -> Segments:
        return (*self._disk.new, name)

    def open_replaced(self, root: int, tag: str) -> int:
        """Descriptor of bytes that were replaced a moment ago. Raises Unavailable when they are gone."""
        with closing(walk(root, self._disk.old)) as old:
            if tag.isalnum() and look(old, tag) is not None:
                with suppress(FileNotFoundError):
                    return os.open(tag, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=old)
        raise Unavailable("this document was replaced a moment ago; try again")

    def sweep(self, root: int, *, older_than: int) -> int:
        """Remove what no living process stages, changed before `older_than` (nanoseconds); number of removals.

        Only inside a write transaction: copies are made in one, so whatever is no locked file is an orphan.
        """
        removed = 0
        with closing(walk(root, self._disk.new)) as new:
            for name in listed(new):
                found = look(new, name)
                if found is None or found.ctime >= older_than or (not found.collection and _is_held(new, name)):
                    continue
                remove(new, name)
                removed += 1
        return removed


def _is_held(directory: int, name: str) -> bool:
    with closing(os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=directory)) as descriptor:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def read_pieces(descriptor: int, start: int, length: int | None) -> Iterator[bytes]:
    """The bytes of an open document from `start`; closes it at the end, or when the reader goes away."""
    pieces = _pieces(descriptor, start, length)
    next(pieces)  # up to the first yield, so that a reader who never starts still closes the descriptor
    return pieces


def _pieces(descriptor: int, start: int, length: int | None) -> Iterator[bytes]:
    with closing(descriptor):
        size = os.fstat(descriptor).st_size
        end = size if length is None else min(size, start + length)
        yield b""
        while start < end:
            with translated():
                piece = os.pread(descriptor, min(PIECE, end - start), start)
            if not piece:
                raise Damaged("a document was cut off on the disk while it was read")
            start += len(piece)
            yield piece
