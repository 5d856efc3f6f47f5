"""Uploads that come in parts: each belongs to one user and is no document of any drive until it is put together.

The parts lie in a vault space of their own, so they are encrypted, durable and known to every worker. Nothing here
decides about drives: whoever puts an upload together asks the guarded tree for its place like for any other document.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, suppress
from typing import Any, Protocol

from acl.principals import Principal
from shareproviders.contract import (
    Expected,
    KeepsTrash,
    Node,
    NotFound,
    QuotaExceeded,
    ShareProvider,
    Writing,
)
from shareproviders.paths import ROOT, SharePath

LIFE = 24 * 3600 * 1_000_000
"""Microseconds after its newest part until an upload is given up."""


class UploadStore(ShareProvider, KeepsTrash, Protocol):
    """What holds the parts."""


class Uploads:
    """The unfinished uploads of one user. Another's cannot even be named here."""

    def __init__(
        self,
        store: UploadStore,
        principal: Principal,
        clock: Callable[[], int],
        begin_transaction: Callable[[], AbstractContextManager[Any]],
        bound: int,
    ) -> None:
        """`bound`: bytes that all of them together may hold."""
        self._store, self._principal, self._clock = store, principal, clock
        self._begin_transaction, self._bound = begin_transaction, bound
        self._home = SharePath((principal.id,))

    def all(self) -> list[Node]:
        """By name; nothing for who never made one."""
        try:
            return self._store.children(self._store.stat(self._home))
        except NotFound:
            return []

    def stat(self, name: str, part: str | None = None) -> Node:
        """An upload, or one part of it. Raises NotFound."""
        return self._store.stat(self._path(name, part))

    def parts(self, name: str) -> list[Node]:
        """In the order in which they make the document: that of their names. Raises NotFound."""
        return self._store.children(self.stat(name))

    def begin(self, name: str) -> None:
        """Raises NameTaken, Unavailable."""
        with self._begin_transaction():
            try:
                self._store.stat(self._home)
            except NotFound:
                self._store.make_collection(self._home, self._writing())
            self._store.make_collection(self._path(name), self._writing())

    def take(self, name: str, part: str, chunks: Iterable[bytes], length: int | None) -> Node:
        """Keep one part, whole, in place of an older one of that name; `length` in bytes if announced.

        Raises NotFound for an upload that was not begun, QuotaExceeded, and what `chunks` raise; then nothing is kept.
        """
        self.stat(name)
        self._check_room(self._held(), length or 0)
        staged = self._store.stage(self._bounded(chunks))
        try:
            with self._begin_transaction():
                self.stat(name)
                self._check_room(self._held(), staged.size)
                return self._store.put(self._path(name, part), staged, Expected(), self._writing())[0]
        finally:
            staged.discard()

    def together(self, parts: Sequence[Node]) -> Iterator[bytes]:
        """The bytes of parts, one after the other."""
        for part in parts:
            yield from self._store.read(part)

    def drop(self, name: str, part: str | None = None) -> None:
        """Destroy an upload or one part of it. Raises NotFound."""
        destroy(self._store, self._path(name, part), self._writing())

    def _held(self) -> int:
        """Bytes of all parts; not the size of their collection, which does not count what keeps no versions."""
        try:
            begun = self._store.children(self._store.stat(self._home))
            return sum(part.size for upload in begun for part in self._store.children(upload))
        except NotFound:
            return 0

    def _check_room(self, held: int, length: int) -> None:
        if held + length > self._bound:
            raise QuotaExceeded(f"your unfinished uploads may hold {self._bound} bytes; finish or remove some of them")

    def _bounded(self, chunks: Iterable[bytes]) -> Iterator[bytes]:
        held, received = self._held(), 0
        for chunk in chunks:
            received += len(chunk)
            self._check_room(held, received)
            yield chunk

    def _path(self, name: str, part: str | None = None) -> SharePath:
        return self._home / name if part is None else self._home / name / part

    def _writing(self) -> Writing:
        return Writing(self._principal.key, self._clock(), keep_version=False)


def destroy(store: UploadStore, path: SharePath, writing: Writing) -> None:
    """In two steps, so that the second frees the disk; `sweep` finishes what stops between them. Raises NotFound."""
    node = store.stat(path)
    store.delete(path, writing)
    with suppress(NotFound):  # a sweep was quicker
        store.purge(node.id)


def sweep(store: UploadStore, at: int) -> int:
    """Destroy uploads whose newest part is older than a day, and what is left of removals; number of them.

    Harmless when several processes do it at once, and restartable at any point.
    """
    removed = 0
    for user in store.children(store.stat(ROOT)):
        for upload in store.children(user):
            with suppress(NotFound):  # finished or removed meanwhile
                newest = max((part.modified for part in store.children(upload)), default=0)
                if max(newest, upload.created) < at - LIFE:
                    destroy(store, SharePath((user.name, upload.name)), Writing("", at))
                    removed += 1
    for trashed in store.trashed():
        with suppress(NotFound):
            store.purge(trashed.node_id)
            removed += 1
    return removed
