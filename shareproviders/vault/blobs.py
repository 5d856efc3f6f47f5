"""Encrypted blobs: staged, made durable, published under a random id, read by range.

A body of one chunk is a row, made durable by the commit that names it. A longer one is a file: `blobs/<aa>/<id>` once
it is complete, `staging/<id>` while it is being received. No user-given name ever becomes a path. A file is named by a
row only after it is durable; what no row names is an orphan.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import Self

from cryptography.cobblestone import Cobblestone256Encryptor

from shareproviders.contract import Damaged, DiskFull, Durability, Unavailable
from shareproviders.room import LOG_BYTES, leave_room
from shareproviders.vault.cobblestone import (
    CHUNK_BYTES,
    HEADER_BYTES,
    PIECE_BYTES,
    Message,
    MessageKeys,
    ReadAt,
    sealed_size,
)
from shareproviders.vault.crypto import BlobSecret, Secrets

WRITE_BYTES = PIECE_BYTES
FAN_OUT = 256
AHEAD_BYTES = 32 * 1024 * 1024


@dataclass(slots=True)
class StagedBlob:
    """A blob that no row names yet (the vault's `Staged`)."""

    id: bytes
    wrapped: bytes
    size: int
    dedupe: bytes
    sealed: Path | bytes
    """Its durable file; of a small one the message itself, for its row."""
    is_named: Callable[[bytes], bool]
    twin: bytes | None = None
    """A blob of equal content that was read back whole; its row may be named instead."""
    _gone: bool = field(default=False, repr=False)

    def discard(self) -> None:
        """Unlink the file, if there is one, unless a row names it; harmless after `put` and when called twice.

        An orphan that cannot be unlinked now is collected later.
        """
        with contextlib.suppress(OSError, Unavailable):
            if isinstance(self.sealed, Path) and not self._gone and not self.is_named(self.id):
                self.sealed.unlink(missing_ok=True)
                self._gone = True


class BlobStream:
    """Checked plaintext of one opened blob; closes its file at the end, on an error, or when let go."""

    def __init__(self, descriptor: int, pieces: Iterator[bytes]) -> None:
        self._descriptor: int | None = descriptor
        self._pieces = pieces

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        try:
            return next(self._pieces)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def __del__(self) -> None:
        self.close()


class BlobStore:
    """The blobs of one space, whose rows others keep."""

    def __init__(
        self,
        directory: Path,
        secrets: Secrets,
        is_named: Callable[[bytes], bool],
        durability: Durability,
        keeps_files: Callable[[], bool] = lambda: False,
    ) -> None:
        self.directory = directory
        self._durability = durability
        self._secrets = secrets
        self._is_named = is_named
        self._keeps_files = keeps_files
        self._data = directory.parent.parent  # the database lies there
        self._blobs = directory / "blobs"
        self._staging = directory / "staging"

    def prepare(self) -> None:
        """Make the directories, durably; idempotent."""
        for path in (self.directory.parent, self.directory, self._staging, self._blobs):
            path.mkdir(mode=0o700, exist_ok=True)
        for number in range(FAN_OUT):
            (self._blobs / f"{number:02x}").mkdir(mode=0o700, exist_ok=True)
        for path in (self._blobs, self.directory, self.directory.parent, self._data):
            self._sync_directory(path)

    def path(self, blob: bytes) -> Path:
        name = blob.hex()
        return self._blobs / name[:2] / name

    def stage(self, chunks: Iterable[bytes]) -> StagedBlob:
        """Encrypt a whole body; unless it is small, it is durable under its final name when this returns.

        An exception out of `chunks` leaves no file and passes through. Raises Unavailable, ReadOnlyShare.
        """
        self._durability.check()
        secret, wrapped = self._secrets.new_blob()
        rest, first, size = iter(chunks), list[bytes](), 0
        while size < CHUNK_BYTES and (chunk := next(rest, None)) is not None:
            first.append(chunk)
            size += len(chunk)
        sealed: Path | bytes
        if size < CHUNK_BYTES:
            sealed, dedupe = self._seal(secret, b"".join(first))
        else:
            sealed, size, dedupe = self._store(secret, chain(first, rest))
        return StagedBlob(secret.id, wrapped, size, dedupe, sealed, self._is_named)

    def _seal(self, secret: BlobSecret, body: bytes) -> tuple[bytes, bytes]:
        """The message of a small body, for its row, and the tag of the body."""
        leave_room(self._data, LOG_BYTES + sealed_size(len(body)))
        writer, tag = Cobblestone256Encryptor(secret.key, secret.context), self._secrets.content_tag()
        tag.update(body)
        return writer.update(body) + writer.finalize(), tag.digest()

    def _store(self, secret: BlobSecret, chunks: Iterable[bytes]) -> tuple[Path, int, bytes]:
        """The file of a body, the bytes of the body and its tag."""
        target, draft = self.path(secret.id), self._staging / secret.id.hex()
        try:
            descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise _unavailable(error) from error
        try:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX)  # tells `drop_drafts` that somebody is at work
                size, dedupe = self._receive(descriptor, secret, chunks)
                self._sync(descriptor)
            finally:
                os.close(descriptor)
            _rename(draft, target)
        except BaseException:
            draft.unlink(missing_ok=True)
            raise
        try:
            self._sync_directory(target.parent)
        except BaseException:
            target.unlink(missing_ok=True)
            raise
        return target, size, dedupe

    def _receive(self, descriptor: int, secret: BlobSecret, chunks: Iterable[bytes]) -> tuple[int, bytes]:
        writer = Cobblestone256Encryptor(secret.key, secret.context)
        tag, size = self._secrets.content_tag(), 0
        with _Ahead(descriptor, self._sync) as ahead:
            for chunk in chunks:
                for start in range(0, len(chunk), WRITE_BYTES):
                    part = chunk if len(chunk) <= WRITE_BYTES else memoryview(chunk)[start : start + WRITE_BYTES]
                    tag.update(part)
                    size += len(part)
                    leave_room(descriptor, len(part))
                    _write(descriptor, writer.update(part))
                    ahead.written(size)
            _write(descriptor, writer.finalize())
        return size, tag.digest()

    def _sync(self, descriptor: int) -> None:
        try:
            self._durability.sync(descriptor)
        except OSError as error:
            raise _unavailable(error) from error

    def _sync_directory(self, path: Path) -> None:
        try:
            descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        except OSError as error:
            raise _unavailable(error) from error
        try:
            self._sync(descriptor)
        finally:
            os.close(descriptor)

    def read(self, secret: BlobSecret, size: int, start: int, stop: int) -> Iterator[bytes]:
        """Plaintext [start, stop) of a blob of `size` bytes; checked at the call as far as it can be.

        Raises Damaged at the call or while streaming, never after a wrong byte; Unavailable.
        """
        if secret.message is not None:
            return _message(secret, size, _parts(secret.message), len(secret.message)).pieces(start, stop)
        descriptor = self._open(secret.id)
        try:
            read_at, found = _reader(descriptor), os.fstat(descriptor).st_size
            if size <= PIECE_BYTES:
                return _message(secret, size, _parts(read_at(0, sealed_size(size))), found).pieces(start, stop)
            if stop - start <= PIECE_BYTES:
                os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_RANDOM)  # no read-ahead for a short range
            stream = BlobStream(descriptor, _message(secret, size, read_at, found).pieces(start, stop))
            descriptor = -1
            return stream
        finally:
            if descriptor >= 0:
                os.close(descriptor)

    def _open(self, blob: bytes) -> int:
        name = blob.hex()
        try:
            return os.open(f"{self._blobs}/{name[:2]}/{name}", os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
        except FileNotFoundError:
            raise Damaged("a stored document is missing on the disk") from None
        except OSError as error:
            raise _unavailable(error) from error

    def holds(self, blob: bytes) -> bool:
        """True if there is a file for this blob."""
        return self.path(blob).is_file()

    def verify(self, secret: BlobSecret, size: int, dedupe: bytes) -> None:
        """Read a blob whole; raises Damaged unless every byte and the tag of the content are right."""
        tag = self._secrets.content_tag()
        for piece in self.read(secret, size, 0, size):
            tag.update(piece)
        if tag.digest() != dedupe:
            raise Damaged("a stored document is not the one that its row describes")

    def unlink(self, blobs: Iterable[bytes]) -> int:
        """Remove files that no row names any more; number of removals.

        None while a backup runs that may have been begun when rows still named them. One that begins after this look
        sees the rows of now, which do not.
        """
        if self._keeps_files():
            return 0
        removed = 0
        for blob in blobs:
            with contextlib.suppress(FileNotFoundError):
                self.path(blob).unlink()
                removed += 1
        return removed

    def stored(self, older_than: int) -> Iterator[bytes]:
        """Ids of all blob files last written before the instant."""
        for number in range(FAN_OUT):
            with os.scandir(self._blobs / f"{number:02x}") as entries:
                for entry in entries:
                    with contextlib.suppress(FileNotFoundError):
                        if entry.stat(follow_symlinks=False).st_mtime_ns < older_than * 1000:
                            yield bytes.fromhex(entry.name)

    def drop_drafts(self, older_than: int | None = None) -> int:
        """Unlink what is left of uploads whose process is gone; those still being received are locked and stay."""
        removed = 0
        for path in self._staging.iterdir() if self._staging.is_dir() else ():
            try:
                descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
            except FileNotFoundError:
                continue  # published meanwhile
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                if older_than is None or os.fstat(descriptor).st_mtime_ns < older_than * 1000:
                    path.unlink(missing_ok=True)
                    removed += 1
            except BlockingIOError:
                continue
            finally:
                os.close(descriptor)
        return removed


class _Ahead:
    """Syncs a long body while more of it comes, so that the disk is not idle until the end; one sync at a time.

    `sync` is the one of the end, in its own thread; what it raises there is raised where the body is written, since the
    kernel tells of a failure only once.
    """

    def __init__(self, descriptor: int, sync: Callable[[int], None]) -> None:
        self._descriptor, self._sync = descriptor, sync
        self._next = AHEAD_BYTES
        self._thread: threading.Thread | None = None
        self._failure: BaseException | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        self._join()
        if kind is None and self._failure is not None:
            raise self._failure

    def written(self, size: int) -> None:
        """So many bytes of the body are in the file. Raises what an earlier sync met."""
        if size < self._next or (self._thread is not None and self._thread.is_alive()):
            return
        self._join()
        if self._failure is not None:
            raise self._failure
        self._next = size + AHEAD_BYTES
        self._thread = threading.Thread(target=self._run, name="sync-ahead", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        try:
            self._sync(self._descriptor)
        except BaseException as failure:  # noqa: BLE001 (it belongs to the thread that writes, and is raised there)
            self._failure = failure

    def _join(self) -> None:
        if self._thread is not None:
            self._thread.join()


def _message(secret: BlobSecret, size: int, read_at: ReadAt, message_size: int) -> Message:
    """The message of a blob of `size` bytes, wherever it lies, in as many as were found.

    On first sight its end is checked, too, which vouches for its length. Raises Damaged.
    """
    if message_size != sealed_size(size):
        raise Damaged("a stored document has another length than its row says")
    header, known = read_at(0, HEADER_BYTES), secret.keys
    if known is not None and known.header == header:
        return Message(known, read_at, message_size)
    keys = MessageKeys(secret.key, secret.context, header)
    message = Message(keys, read_at, message_size)
    _ = message.size
    secret.keys = keys
    return message


def _parts(sealed: bytes) -> ReadAt:
    return lambda at, count: sealed[at : at + count]


def _reader(descriptor: int) -> ReadAt:
    def read_at(offset: int, count: int) -> bytes:
        try:
            return os.pread(descriptor, count, offset)
        except OSError as error:
            raise _unavailable(error) from error

    return read_at


def _write(descriptor: int, sealed: bytes) -> None:
    rest = memoryview(sealed)
    try:
        while rest:
            rest = rest[os.write(descriptor, rest) :]
    except OSError as error:
        raise _unavailable(error) from error


def _rename(draft: Path, target: Path) -> None:
    try:
        draft.rename(target)
    except OSError as error:
        raise _unavailable(error) from error


def _unavailable(error: OSError) -> Unavailable:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return DiskFull("the disk is full; free some space and try again")
    return Unavailable(f"the disk failed ({errno.errorcode.get(error.errno or 0, 'unknown error')}); try again later")
