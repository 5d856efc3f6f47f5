"""The vault: the default share provider. Names, bytes and versions, encrypted at rest (docs/storage-format.md)."""

from __future__ import annotations

import os
from collections.abc import Collection, Container, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager
from pathlib import Path

from sqlalchemy import bindparam, insert, select, update

from shareproviders.contract import (
    Authored,
    Change,
    Expected,
    Finding,
    Ground,
    Keys,
    NameTaken,
    Node,
    Outdated,
    Staged,
    Trashed,
    Usage,
    Version,
    Writing,
    WrongKind,
)
from shareproviders.paths import SharePath
from shareproviders.statements import Statement
from shareproviders.vault.authors import Authors
from shareproviders.vault.blobs import BlobStore, StagedBlob
from shareproviders.vault.catalog import Catalog, Entry, Found, Place, build, tag_of
from shareproviders.vault.crypto import Secrets
from shareproviders.vault.history import Content, History, counted
from shareproviders.vault.journal import Journal
from shareproviders.vault.maintenance import Maintenance
from shareproviders.vault.properties import Properties
from shareproviders.vault.rekeying import Rekeying
from shareproviders.vault.schema import COLLECTION, NO_PARENT, STORED, blob, node, root_of, small, space
from shareproviders.vault.trash import Trash
from shareproviders.vault.tree import Trees
from shareproviders.vault.turn import Turn, Turns

FOLDER = "vault"
"""In the data directory; beneath it one folder for each space, by its id."""
LEAP = 1 << 24
"""Ids, and change numbers, that a restore leaves out: more than a drive gives out between two backups."""


class Vault:
    """ShareProvider with all optional abilities of the contract."""

    def __init__(self, ground: Ground) -> None:
        for option in ground.options:
            raise ValueError(f"the vault of {ground.share} does not know the option {option!r}; it has none")
        self._ground = ground
        self._secrets = Secrets(ground.keys)
        self._catalog = Catalog(ground, self._secrets)
        directory = ground.directory / FOLDER / ground.keys.space_id.hex()
        self._blobs = BlobStore(directory, self._secrets, self._is_named, ground.durability, ground.keeps_files)
        self._history = History(ground, self._secrets, self._catalog, self._blobs)
        self._turns = Turns(ground, self._catalog, self._blobs.unlink)
        self._properties = Properties(ground, self._secrets, self._catalog)
        self._trees = Trees(ground, self._secrets, self._catalog, self._history, self._properties)
        self._authors = Authors(ground, self._catalog)
        self._journal = Journal(ground, self._secrets, self._catalog)
        self._trash = Trash(ground, self._secrets, self._catalog)
        self._maintenance = Maintenance(ground, self._secrets, self._catalog, self._turns, self._blobs)
        self._used = Statement(select(space.c.used).where(space.c.id == bindparam("id")))
        self._dating = Statement(
            update(node)
            .where(node.c.space == bindparam("space"), node.c.id == bindparam("of"))
            .values(modified=bindparam("now_modified"), change=bindparam("seq"))
        )

    @property
    def read_only(self) -> bool:
        """True after the disk failed to keep a change, for the life of the process."""
        return self._ground.durability.lost

    def _is_named(self, blob: bytes) -> bool:
        return self._history.is_named(blob)

    def _turn(self) -> AbstractContextManager[Turn]:
        self._ground.durability.check()
        return self._turns.begin()

    # -- ShareProvider --

    def prepare(self) -> None:
        """Directories, the space's row and its root."""
        self._blobs.prepare()
        with self._ground.begin_transaction() as connection:
            of_share = select(space.c.id).where(space.c.share == self._ground.share)
            if connection.execute(of_share).one_or_none() is not None:
                return
            row = {"share": self._ground.share, "next_id": 0, "newest_change": 0, "used": 0}
            made = connection.execute(insert(space).values(row)).inserted_primary_key
            assert made is not None
            root, now = root_of(made.id), self._ground.clock()
            connection.execute(update(space).where(space.c.id == made.id).values(next_id=root + 1))
            connection.execute(
                insert(node).values(
                    id=root,
                    space=made.id,
                    parent=NO_PARENT,
                    name_ct=root.to_bytes(8, "big"),
                    kind=COLLECTION,
                    subtree_size=0,
                    created=now,
                    modified=now,
                    change=0,
                    placed=0,
                    passing=0,
                )
            )

    def stat(self, path: SharePath) -> Node:
        return self._catalog.node_at(path)

    def children(self, node: Node) -> list[Node]:
        with self._ground.begin_read() as connection:
            return self._catalog.children(connection, node)

    def locate(self, node_id: int) -> tuple[SharePath, Node]:
        with self._ground.begin_read() as connection:
            path, found = self._catalog.locate(connection, node_id)
            return path, build(*found)

    def read(self, node: Node, start: int = 0, length: int | None = None) -> Iterator[bytes]:
        if node.is_collection:
            raise WrongKind("a collection has no content")
        return self._history.read(node.id, node.entity_tag, start, length)

    def stage(self, chunks: Iterable[bytes]) -> Staged:
        staged = self._blobs.stage(chunks)
        try:
            self._history.find_twin(staged)
        except BaseException:
            staged.discard()
            raise
        return staged

    def put(self, path: SharePath, staged: Staged, expected: Expected, writing: Writing) -> tuple[Node, bool]:
        if not isinstance(staged, StagedBlob):
            raise TypeError("only what this vault staged can be put into it")
        with self._turn() as turn:
            place = self._catalog.place(turn.connection, path)
            self._check_expected(turn, place.entry, expected)
            if place.entry is not None and place.entry.kind == COLLECTION:
                raise WrongKind("there is a collection at this path")
            content = Content(self._history.known(turn, staged), staged.size, writing.media_type)
            self._charge(turn, place.entry, content, writing)
            content = content._replace(blob=self._history.adopt(turn, staged, content.blob, writing.checksum))
            return self._store(turn, place, content, writing), place.entry is None

    def _check_expected(self, turn: Turn, entry: Entry | None, expected: Expected) -> None:
        if expected.absent and entry is not None:
            raise Outdated("there is something at this path already")
        if expected.entity_tag is not None:
            if entry is None or entry.version is None:
                raise Outdated("the document is not there any more")
            if tag_of(entry.version) != expected.entity_tag:
                raise Outdated("the document was changed meanwhile")

    def _charge(self, turn: Turn, entry: Entry | None, content: Content, writing: Writing) -> None:
        turn.charge(content.size if entry is None else self._history.gain(entry, content, writing))

    def _store(self, turn: Turn, place: Place, content: Content, writing: Writing) -> Node:
        """Make the content the newest at a place; its size is charged already."""
        if place.entry is not None:
            self._history.replace(turn, place.above, place.entry, content, writing)
            return self._node(turn, place, place.entry.id)
        node_id = self._history.create(turn, place.above[-1], place.name, content, writing)
        turn.touch(dict.fromkeys(place.above, counted(content.size, writing)))
        return self._node(turn, place, node_id)

    def _node(self, turn: Turn, place: Place, node_id: int) -> Node:
        entry = self._catalog.by_id(turn.connection, node_id)
        return build(entry, place.name, (*place.above, node_id))

    def make_collection(self, path: SharePath, writing: Writing) -> Node:
        with self._turn() as turn:
            place = self._free(turn, path)
            return self._node(turn, place, self._trees.make(turn, place, writing))

    def _free(self, turn: Turn, path: SharePath) -> Place:
        place = self._catalog.place(turn.connection, path)
        if place.entry is not None:
            raise NameTaken("there is something at this path already")
        return place

    def delete(self, path: SharePath, writing: Writing) -> None:
        if path.is_root:
            raise WrongKind("a drive itself cannot be deleted")
        with self._turn() as turn:
            self._trees.throw(turn, self._catalog.find(turn.connection, path), writing)

    def move(self, source: SharePath, target: SharePath, writing: Writing) -> Node:
        if source.is_root or target == source or target.is_inside(source):
            raise WrongKind("nothing can be moved into itself")
        with self._turn() as turn:
            moving = self._catalog.find(turn.connection, source)
            place = self._catalog.place(turn.connection, target)
            if place.entry is None:
                self._trees.move(turn, moving, place, writing)
                return self._node(turn, place, moving.entry.id)
            if COLLECTION in (moving.entry.kind, place.entry.kind):
                raise NameTaken("there is something at the target already")
            self._trees.absorb(turn, moving, place, place.entry, writing)
            return self._node(turn, place, place.entry.id)

    def copy(
        self, source: SharePath, target: SharePath, writing: Writing, *, deep: bool, without: Container[int] = ()
    ) -> Node:
        if target == source or (deep and target.is_inside(source)):
            raise WrongKind("nothing can be copied into itself")
        with self._turn() as turn:
            copied = self._catalog.find(turn.connection, source)
            place = self._catalog.place(turn.connection, target)
            if place.entry is None:
                node_id = self._trees.copy(turn, copied, place, writing, deep=deep, without=without)
                return self._node(turn, place, node_id)
            if COLLECTION in (copied.entry.kind, place.entry.kind):
                raise NameTaken("there is something at the target already")
            content = self._history.content(turn, copied.entry.id, copied.entry.version)
            self._charge(turn, place.entry, content, writing)
            self._properties.replace(turn, copied.entry.id, place.entry.id)
            return self._store(turn, place, content, writing)

    def set_modified(self, node: Node, modified: int, writing: Writing) -> Node:
        with self._turn() as turn:
            _, found = self._catalog.locate(turn.connection, node.id)
            self._mark(turn, found, modified)
            return self._again(turn, found)

    def _mark(self, turn: Turn, found: Found, modified: int) -> None:
        above = found.lineage[:-1]
        seq = turn.note(found.entry.id, above[-1] if above else NO_PARENT, "properties")
        turn.run(self._dating, of=found.entry.id, now_modified=modified, seq=seq)
        turn.touch(dict.fromkeys(above, 0))

    def _again(self, turn: Turn, found: Found) -> Node:
        entry = self._catalog.by_id(turn.connection, found.entry.id)
        return build(entry, found.name, found.lineage)

    # -- KeepsVersions --

    def versions(self, node: Node) -> list[Version]:
        return self._history.versions(node.id, node.name)

    def read_version(self, node: Node, version_id: int, start: int = 0, length: int | None = None) -> Iterator[bytes]:
        return self._history.read(node.id, version_id, start, length)

    def restore_version(self, path: SharePath, version_id: int, writing: Writing) -> Node:
        with self._turn() as turn:
            found = self._catalog.find(turn.connection, path)
            content = self._history.content(turn, found.entry.id, version_id)
            self._charge(turn, found.entry, content, writing)
            return self._store(turn, Place(found.lineage[:-1], found.name, found.entry), content, writing)

    def crowded(self, more_than: int, after: int, limit: int) -> list[int]:
        return self._history.crowded(more_than, after, limit)

    def drop_versions(self, node: Node, version_ids: Collection[int]) -> None:
        with self._turn() as turn:
            self._history.drop(turn, node.id, version_ids)

    # -- KeepsTrash --

    def trashed(self) -> list[Trashed]:
        return self._trash.thrown()

    def locate_trashed(self, node_id: int) -> tuple[SharePath, Node, Trashed]:
        with self._ground.begin_read() as connection:
            return self._trash.locate(connection, node_id)

    def trashed_children(self, node: Node) -> list[Node]:
        with self._ground.begin_read() as connection:
            return self._trash.children(connection, node.id)

    def read_trashed(self, node: Node, start: int = 0, length: int | None = None) -> Iterator[bytes]:
        if node.is_collection:
            raise WrongKind("a collection has no content")
        with self._ground.begin_read() as connection:
            self._trash.locate(connection, node.id)
            return self._history.read(node.id, node.entity_tag, start, length, thrown=True)

    def restore(self, node_id: int, target: SharePath, writing: Writing) -> Node:
        with self._turn() as turn:
            place = self._free(turn, target)
            self._trees.restore(turn, self._trash.entry(turn, node_id), place, writing)
            return self._node(turn, place, node_id)

    def purge(self, node_id: int) -> list[int]:
        with self._turn() as turn:
            return self._trash.purge(turn, node_id)

    # -- KeepsChecksums --

    def checksums(self, nodes: Iterable[Node]) -> dict[int, str]:
        return self._history.checksums(node.id for node in nodes)

    # -- KeepsProperties --

    def properties(self, nodes: Iterable[Node]) -> dict[int, dict[str, str]]:
        return self._properties.of(node.id for node in nodes)

    def set_properties(self, node: Node, changes: Mapping[str, str | None], writing: Writing) -> Node:
        with self._turn() as turn:
            _, found = self._catalog.locate(turn.connection, node.id)
            self._properties.change(turn, node.id, changes)
            self._mark(turn, found, found.entry.modified)
            return self._again(turn, found)

    # -- TracksChanges --

    def newest_change(self) -> int:
        return self._journal.newest()

    def changes_since(self, number: int, limit: int) -> list[Change]:
        return self._journal.since(number, limit)

    def changed_members(self, collection: Node, number: int) -> list[Node]:
        with self._ground.begin_read() as connection:
            return self._catalog.changed(connection, collection, number)

    def departures(self, collection: Node, number: int) -> list[Change]:
        return self._journal.departures(collection.id, number)

    def ids_at(self, number: int) -> int:
        return self._journal.ids_at(number)

    # -- MetersQuota --

    def usage(self) -> Usage:
        with self._ground.begin_read() as connection:
            number = self._catalog.space(connection).number
            row = self._used.row(connection, {"id": number})
        used = 0 if row is None else int(row[0])
        disk = os.statvfs(self._ground.directory)
        free, limit = disk.f_bavail * disk.f_frsize, self._ground.quota
        return Usage(used, limit, free if limit is None else max(0, min(free, limit - used)))

    # -- Upkeep --

    def check(self) -> Iterator[Finding]:
        return self._maintenance.check()

    def collect(self, older_than: int) -> int:
        return self._maintenance.collect(older_than)

    def recover(self) -> None:
        self._blobs.drop_drafts()

    # -- Ends --

    def end(self) -> None:
        self._maintenance.end()

    # -- KeepsAuthors --

    def authored(self, by: str) -> Iterator[Authored]:
        return self._authors.of(by)

    def rename_author(self, by: str, anew: str) -> int:
        return self._authors.rename(by, anew)

    # -- Rekeys --

    def rekey(self, keys: Keys) -> None:
        with self._ground.begin_transaction() as connection:
            number = self._catalog.space(connection).number
            Rekeying(connection, number, self._secrets, Secrets(keys), self._blobs).run()

    # -- Restorable --

    def files(self) -> Iterator[Path]:
        with self._ground.begin_read() as connection:
            number = self._catalog.space(connection).number
            in_files = blob.c.space == number, small.c.blob.is_(None)
            named = list(connection.execute(select(blob.c.id).select_from(STORED).where(*in_files)).scalars())
        return (self._blobs.path(one).relative_to(self._ground.directory) for one in named)

    def leap(self) -> None:
        with self._turn() as turn:
            turn.leap(LEAP)
