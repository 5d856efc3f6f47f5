"""The disk, reached by directory descriptors only: openat(2) with O_NOFOLLOW at every level, one file system.

Symbolic links, special files, mounted file systems and names that are not clean NFC do not exist here.
"""

from __future__ import annotations

import ctypes
import errno
import os
import stat
import struct
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

from shareproviders.contract import DiskFull, Durability, Unavailable
from shareproviders.paths import BadName, clean_name

STAGING = ".gremium-staging"
"""At the root of the share: bodies and copies on their way in, replaced and deleted things on their way out."""

Segments = tuple[str, ...]

_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_PIECE = 1024 * 1024


class Look(NamedTuple):
    """What the disk says about a visible document or collection; times in nanoseconds."""

    collection: bool
    size: int
    inode: int
    mtime: int
    ctime: int
    born: int
    """0 where the file system does not know."""


class Disk:
    """One directory that is a share; `marker` tells it from an empty mount point and from other shares' directories."""

    def __init__(self, path: Path, marker: str, durability: Durability) -> None:
        self._path = path
        self.durability = durability
        self.staging: Segments = (STAGING, marker)
        self.new: Segments = (*self.staging, "new")
        self.old: Segments = (*self.staging, "old")
        self.steps: Segments = (*self.staging, "steps")

    def set_up(self) -> None:
        """Make the staging directories; idempotent. Raises Unavailable if the share's directory is missing."""
        with translated(), closing(os.open(self._path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)) as root:
            for segments in (self.staging[:1], self.staging, self.new, self.old, self.steps):
                with closing(walk(root, segments[:-1])) as parent, suppress(FileExistsError):
                    os.mkdir(segments[-1], 0o700, dir_fd=parent)
                    self.durability.sync(parent)

    @contextmanager
    def root(self) -> Iterator[int]:
        """Descriptor of the share's root. Raises Unavailable when this is not the share's directory (not mounted)."""
        with translated(), closing(os.open(self._path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)) as root:
            try:
                os.close(walk(root, self.staging))
            except FileNotFoundError:
                raise Unavailable("the directory of this share is not prepared; is its disk mounted?") from None
            yield root


@contextmanager
def closing(descriptor: int) -> Iterator[int]:
    try:
        yield descriptor
    finally:
        os.close(descriptor)


@contextmanager
def translated() -> Iterator[None]:
    """Turns what the system refuses into BadName for a name too long for it, DiskFull or Unavailable; names no path."""
    try:
        yield
    except OSError as error:
        if error.errno == errno.ENAMETOOLONG:
            raise BadName("this name is too long for the disk of this drive; choose a shorter one") from error
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise DiskFull("the disk of this drive is full; free some space and try again") from error
        raise Unavailable(f"the disk of this share refuses: {error.strerror or type(error).__name__}") from error


def enter(directory: int, name: str) -> int:
    """Descriptor of a subdirectory. Raises FileNotFoundError for all that is not a directory of this file system."""
    try:
        descriptor = os.open(name, _DIRECTORY, dir_fd=directory)
    except OSError as error:
        if error.errno in (errno.ENOTDIR, errno.ELOOP, errno.ENAMETOOLONG):
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT)) from None
        raise
    if os.fstat(descriptor).st_dev != os.fstat(directory).st_dev:
        os.close(descriptor)
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT))
    return descriptor


def walk(root: int, segments: Iterable[str]) -> int:
    """Descriptor of the directory that `segments` lead to, level by level. Raises FileNotFoundError."""
    current = os.dup(root)
    for segment in segments:
        with closing(current):
            current = enter(current, segment)
    return current


def look(directory: int, name: str) -> Look | None:
    """What lies under `name`, if it is something that a share may show."""
    try:
        status = os.stat(name, dir_fd=directory, follow_symlinks=False)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        if error.errno == errno.ENAMETOOLONG:
            return None
        raise
    if not (stat.S_ISREG(status.st_mode) or stat.S_ISDIR(status.st_mode)):
        return None
    if status.st_dev != os.fstat(directory).st_dev:
        return None
    return looked(status, born(directory, name, status))


def looked(status: os.stat_result, birth: int) -> Look:
    collection = stat.S_ISDIR(status.st_mode)
    size = 0 if collection else status.st_size
    return Look(collection, size, status.st_ino & 0x7FFF_FFFF_FFFF_FFFF, status.st_mtime_ns, status.st_ctime_ns, birth)


def occupied(directory: int, name: str) -> bool:
    """True if anything lies under `name`, be it visible or not."""
    try:
        os.stat(name, dir_fd=directory, follow_symlinks=False)
    except FileNotFoundError:
        return False
    return True


def listed(directory: int) -> list[str]:
    """All names in a directory."""
    return os.listdir(directory)


def visible_names(directory: int, *, at_root: bool) -> list[str]:
    """Names in a directory that a share can hold as they are."""
    return [name for name in listed(directory) if _is_clean(name) and not (at_root and name == STAGING)]


def _is_clean(name: str) -> bool:
    try:
        return clean_name(name) == name
    except BadName:
        return False


_STATX = struct.Struct("=80xqI164x")  # struct statx: stx_btime lies 80 bytes in, the whole has 256
_EMPTY_PATH_NOFOLLOW = 0x1000 | 0x100
_BIRTH_TIME = 0x800
_system_statx = getattr(ctypes.CDLL(None), "statx", None)


def born(directory: int, name: str, status: os.stat_result) -> int:
    """Birth time in nanoseconds, 0 where unknown; an inode number alone is soon given to another file.

    An empty `name` means the directory itself. Python's os.stat gives it on BSD and macOS, on Linux only statx(2) does.
    """
    if _system_statx is None:
        return int(getattr(status, "st_birthtime", 0) * 1_000_000_000)
    buffer = ctypes.create_string_buffer(_STATX.size)
    flags, wanted = ctypes.c_int(_EMPTY_PATH_NOFOLLOW), ctypes.c_uint(_BIRTH_TIME)
    if _system_statx(ctypes.c_int(directory), os.fsencode(name), flags, wanted, buffer) != 0:
        return 0
    seconds, nanoseconds = _STATX.unpack(buffer.raw)
    return int(seconds * 1_000_000_000 + nanoseconds)


def write_whole(descriptor: int, chunk: bytes) -> None:
    rest = memoryview(chunk)
    while rest:
        rest = rest[os.write(descriptor, rest) :]


def copy_document(source: int, name: str, target: int, new_name: str, durability: Durability) -> None:
    """A durable copy of one document's bytes into another directory."""
    reading_flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    writing_flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
    with (
        closing(os.open(name, reading_flags, dir_fd=source)) as reading,
        closing(os.open(new_name, writing_flags, 0o660, dir_fd=target)) as writing,
    ):
        while chunk := os.read(reading, _PIECE):
            write_whole(writing, chunk)
        status = os.fstat(reading)
        os.utime(writing, ns=(status.st_atime_ns, status.st_mtime_ns))
        durability.sync(writing)


def remove(directory: int, name: str) -> None:
    """A document, or a directory with all beneath; harmless if somebody else removes it too."""
    with suppress(FileNotFoundError):
        try:
            os.unlink(name, dir_fd=directory)
        except (IsADirectoryError, PermissionError):  # unlink(2) of a directory: EISDIR on Linux, EPERM in POSIX
            with closing(enter(directory, name)) as inner:
                for member in listed(inner):
                    remove(inner, member)
            os.rmdir(name, dir_fd=directory)
