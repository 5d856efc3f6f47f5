"""Contents of documents: versions, the blobs they name, and what replacing a content keeps or lets go."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from sqlalchemy import Connection, and_, bindparam, func, insert, select, update

from shareproviders.contract import Damaged, Ground, NotFound, Unavailable, Version, Writing, WrongKind
from shareproviders.media import media_type_of
from shareproviders.statements import Statement
from shareproviders.vault.blobs import BlobStore, StagedBlob
from shareproviders.vault.catalog import Catalog, Entry, tag_of, version_of
from shareproviders.vault.crypto import BlobSecret, Secrets
from shareproviders.vault.schema import COLLECTION, DOCUMENT, OF_BLOB, STORED, blob, node, small, version
from shareproviders.vault.turn import Turn

_COLUMNS = (
    version.c.id,
    version.c.blob,
    version.c.size,
    version.c.media_type,
    version.c.by,
    version.c.at,
    version.c.mac,
)

PAGE_NODES = 5000
READ_LATELY = 1000  # versions whose opened keys are kept, and of small ones the sealed message
MESSAGES_BYTES = 2 * 1024 * 1024  # of these messages


class Content(NamedTuple):
    """Bytes of a document, by the blob that holds them."""

    blob: bytes
    size: int
    media_type: str
    """As the client said it; empty: from the name."""


class History:
    """Versions of one space."""

    def __init__(self, ground: Ground, secrets: Secrets, catalog: Catalog, blobs: BlobStore) -> None:
        self._ground = ground
        self._secrets = secrets
        self._catalog = catalog
        self._blobs = blobs
        self._read_lately: dict[tuple[int, int | str, bool], tuple[int, BlobSecret, int]] = {}
        self._kept_at: int | None = None
        self._kept_bytes = 0
        in_space = version.c.space == bindparam("space")
        opened = (
            select(version.c.blob, version.c.size, version.c.media_type, version.c.mac, blob.c.wrapped, small.c.message)
            .select_from(
                version.join(node, node.c.id == version.c.node)
                .outerjoin(blob, and_(blob.c.id == version.c.blob, blob.c.space == version.c.space))
                .outerjoin(small, OF_BLOB)
            )
            .where(in_space, version.c.id == bindparam("id"), version.c.node == bindparam("node"))
        )
        self._open = Statement(opened.where(node.c.parent.is_not(None)))  # what lies in the trash is not there
        self._open_thrown = Statement(opened)
        self._of_node = Statement(
            select(*_COLUMNS).where(in_space, version.c.node == bindparam("node")).order_by(version.c.id.desc())
        )
        self._named = Statement(select(blob.c.id).where(blob.c.id == bindparam("id")))
        self._alike = Statement(
            select(blob.c.id, blob.c.wrapped, blob.c.size, small.c.message)
            .select_from(STORED)
            .where(blob.c.space == bindparam("space"), blob.c.dedupe == bindparam("dedupe"))
        )
        self.insert_version = Statement(insert(version))
        self.insert_node = Statement(insert(node))
        self._insert_blob = Statement(insert(blob))
        self._insert_small = Statement(insert(small))
        self._renew = Statement(
            update(node)
            .where(node.c.space == bindparam("space"), node.c.id == bindparam("of"))
            .values(
                version=bindparam("now_version"),
                subtree_size=bindparam("now_size"),
                modified=bindparam("now_modified"),
                change=bindparam("seq"),
                passing=bindparam("now_passing"),
            )
        )
        self._rehome = Statement(
            update(version)
            .where(version.c.space == bindparam("space"), version.c.id == bindparam("of"))
            .values(node=bindparam("now_node"), mac=bindparam("now_mac"))
        )

    def is_named(self, blob_id: bytes) -> bool:
        """True if a row names this blob, as far as this thread can see."""
        with self._ground.begin_read() as connection:
            return self._named.row(connection, {"id": blob_id}) is not None

    def find_twin(self, staged: StagedBlob) -> None:
        """Note a blob of equal content in this space, if one can still be read back to the last byte."""
        with self._ground.begin_read() as connection:
            values = {"space": self._catalog.space(connection).number, "dedupe": staged.dedupe}
            rows = self._alike.rows(connection, values)
        for blob_id, wrapped, size, message in rows:
            try:
                self._blobs.verify(self._secrets.open_blob(blob_id, wrapped, message), size, staged.dedupe)
            except Damaged:
                continue  # `check` reports it; this upload keeps its own bytes and so cannot be lost with it
            staged.twin = blob_id
            return

    def known(self, turn: Turn, staged: StagedBlob) -> bytes:
        """The blob that a staged body can name as things stand, its verified twin or its own; else empty."""
        for blob_id in (staged.twin, staged.id):
            if blob_id is not None and self._named.row(turn.connection, {"id": blob_id}) is not None:
                return blob_id
        return b""

    def adopt(self, turn: Turn, staged: StagedBlob, blob_id: bytes, checksum: str) -> bytes:
        """The blob to name for a staged body: the known one, or if there is none its own, which gets its row now.

        A checksum belongs to the bytes, so every document that has them tells it from now on.
        """
        if blob_id:
            if checksum:
                sealed = self._secrets.seal_checksum(checksum, blob_id)
                unknown = blob.c.id == blob_id, blob.c.space == turn.space, blob.c.checksum.is_(None)
                turn.connection.execute(update(blob).where(*unknown).values(checksum=sealed))
            return blob_id
        if isinstance(staged.sealed, Path) and not self._blobs.holds(staged.id):
            raise Unavailable("the upload was tidied away before it was complete; send it again")
        told = self._secrets.seal_checksum(checksum, staged.id) if checksum else None
        sizes = {"size": staged.size, "dedupe": staged.dedupe}
        turn.run(self._insert_blob, id=staged.id, wrapped=staged.wrapped, checksum=told, **sizes)
        if isinstance(staged.sealed, bytes):
            turn.run(self._insert_small, blob=staged.id, message=staged.sealed)
        return staged.id

    def create(self, turn: Turn, parent: int, name: str, content: Content, writing: Writing) -> int:
        """A new document; its id. The caller has charged the size and tells the collections above."""
        node_id = turn.allot(2)
        seq = turn.note(node_id, parent, "put")
        turn.run(
            self.insert_node,
            id=node_id,
            parent=parent,
            name_ct=self._secrets.seal_name(name, parent),
            kind=DOCUMENT,
            version=node_id + 1,
            subtree_size=counted(content.size, writing),
            created=writing.at,
            modified=writing.at if writing.modified is None else writing.modified,
            change=seq,
            placed=seq,
            passing=int(not writing.keep_version),
        )
        self._write(turn, node_id, node_id + 1, content, writing)
        return node_id

    def gain(self, entry: Entry, content: Content, writing: Writing) -> int:
        """What replacing the content of `entry` adds to the space's use."""
        return content.size - (_size(entry) if _lets_go(entry, content, writing) else 0)

    def replace(self, turn: Turn, above: tuple[int, ...], entry: Entry, content: Content, writing: Writing) -> None:
        """Give a document its next version; the caller has charged `gain`."""
        version_id = turn.allot(1)
        self._write(turn, entry.id, version_id, content, writing)
        seq = turn.note(entry.id, above[-1], "put")
        turn.run(
            self._renew,
            of=entry.id,
            now_version=version_id,
            now_size=counted(content.size, writing),
            now_modified=writing.at if writing.modified is None else writing.modified,
            now_passing=int(not writing.keep_version),
            seq=seq,
        )
        turn.touch(dict.fromkeys(above, counted(content.size, writing) - entry.subtree_size))
        if _lets_go(entry, content, writing) and entry.version is not None and entry.blob is not None:
            turn.drop_versions({entry.version: entry.blob})

    def _write(self, turn: Turn, node_id: int, version_id: int, content: Content, writing: Writing) -> None:
        turn.run(
            self.insert_version,
            id=version_id,
            node=node_id,
            blob=content.blob,
            size=content.size,
            media_type=content.media_type,
            by=writing.by,
            at=writing.at,
            mac=self._secrets.version_mac(node_id, version_id, content.blob, content.size),
        )

    def content(self, turn: Turn, node_id: int, version_id: int | None) -> Content:
        """What a version of this document holds, its row checked. Raises NotFound, Damaged."""
        return self._opened(turn.connection, self._open, node_id, version_id)[0]

    def _opened(
        self, connection: Connection, opening: Statement, node_id: int, version_id: int | None
    ) -> tuple[Content, bytes | None, bytes | None]:
        """What a version holds, its blob's wrapped key, and the message if that is small."""
        number = self._catalog.space(connection).number
        row = opening.row(connection, {"space": number, "id": version_id, "node": node_id})
        if row is None:
            raise NotFound("this state of the document does not exist")
        blob_id, size, media_type, mac, wrapped, message = row
        self._secrets.check_version(mac, node_id, version_id or 0, blob_id, size)
        return Content(blob_id, size, media_type), wrapped, message

    def merge(self, turn: Turn, source: Entry, target: int) -> None:
        """Hand the earlier versions of a document that ends over to another; its current one was copied already."""
        rows = self._of_node.rows(turn.connection, {"space": turn.space, "node": source.id})
        turn.drop_versions({row[0]: row[1] for row in rows if row[0] == source.version})
        moved = []
        for number, blob_id, size, *_, mac in rows:
            if number != source.version:
                self._secrets.check_version(mac, source.id, number, blob_id, size)
                now = self._secrets.version_mac(target, number, blob_id, size)
                moved.append((target, now, turn.space, number))
        turn.run_many(self._rehome, ("now_node", "now_mac", "space", "of"), moved)

    def checksums(self, nodes: Iterable[int]) -> dict[int, str]:
        """What is known of the current contents, by node id; one query for up to 5,000 nodes."""
        ids = list(nodes)
        found: dict[int, str] = {}
        current = node.join(version, version.c.id == node.c.version).join(blob, blob.c.id == version.c.blob)
        with self._ground.begin_read() as connection:
            of_space = node.c.space == self._catalog.space(connection).number, blob.c.checksum.is_not(None)
            for start in range(0, len(ids), PAGE_NODES):
                query = select(node.c.id, blob.c.id, blob.c.checksum).select_from(current).where(*of_space)
                for node_id, blob_id, sealed in connection.execute(
                    query.where(node.c.id.in_(ids[start : start + PAGE_NODES]))
                ):
                    found[node_id] = self._secrets.open_checksum(sealed, blob_id)
        return found

    def versions(self, node_id: int, name: str) -> list[Version]:
        """Newest first. Raises NotFound, WrongKind."""
        with self._ground.begin_read() as connection:
            if self._catalog.by_id(connection, node_id).kind == COLLECTION:
                raise WrongKind("a collection has no versions")
            values = {"space": self._catalog.space(connection).number, "node": node_id}
            rows = self._of_node.rows(connection, values)
            return [
                Version(number, size, tag_of(number), kind or media_type_of(name), by, at)
                for number, _, size, kind, by, at, _ in rows
            ]

    def crowded(self, more_than: int, after: int, limit: int) -> list[int]:
        """Living documents with more versions than that, by id."""
        counted = (
            select(version.c.node)
            .join(node, node.c.id == version.c.node)
            .where(node.c.space == bindparam("space"), node.c.parent.is_not(None), version.c.node > bindparam("after"))
            .group_by(version.c.node)
            .having(func.count() > bindparam("most"))
            .order_by(version.c.node)
            .limit(limit)
        )
        with self._ground.begin_read() as connection:
            number = self._catalog.space(connection).number
            values = {"space": number, "after": after, "most": more_than}
            return list(connection.execute(counted, values).scalars())

    def drop(self, turn: Turn, node_id: int, versions: Collection[int]) -> None:
        """Let earlier versions of a document go. Raises NotFound, ValueError for the current one."""
        if self._catalog.by_id(turn.connection, node_id).version in versions:
            raise ValueError("the current version of a document is never dropped")
        rows = self._of_node.rows(turn.connection, {"space": turn.space, "node": node_id})
        going = {number: (blob_id, size) for number, blob_id, size, *_ in rows if number in versions}
        turn.charge(-sum(size for _, size in going.values()))
        turn.drop_versions({number: blob_id for number, (blob_id, _) in going.items()})

    def read(
        self, node_id: int, version: int | str, start: int, length: int | None, *, thrown: bool = False
    ) -> Iterator[bytes]:
        """Bytes of a version, named by id or entity tag; `thrown`: also of a document that lies in the trash.

        Raises NotFound, Damaged, Unavailable at the call.
        """
        secret, size = self._secret(node_id, version, thrown=thrown)
        stop = size if length is None else min(size, start + length)
        return self._blobs.read(secret, size, start, stop)

    def _secret(self, node_id: int, version: int | str, *, thrown: bool) -> tuple[BlobSecret, int]:
        """What opens a version, and how long it is; kept for the next reader while nobody commits anything."""
        place, number = (node_id, version, thrown), self._ground.committed()
        kept = self._read_lately.get(place)
        if kept is not None and kept[0] == number:
            return kept[1:]
        opening = self._open_thrown if thrown else self._open
        with self._ground.begin_read() as connection:
            version_id = version if isinstance(version, int) else version_of(version)
            (blob_id, size, _), wrapped, message = self._opened(connection, opening, node_id, version_id)
        if wrapped is None:
            raise Damaged("the key of a stored document is missing")
        secret = self._secrets.open_blob(blob_id, wrapped, message)
        if number is not None:
            is_full = len(self._read_lately) >= READ_LATELY or self._kept_bytes >= MESSAGES_BYTES
            if is_full or number != self._kept_at:  # of before a commit nothing is of use any more
                self._read_lately.clear()
                self._kept_at, self._kept_bytes = number, 0
            self._read_lately[place] = number, secret, size
            self._kept_bytes += len(message or b"")
        return secret, size


def counted(size: int, writing: Writing) -> int:
    """What a document adds to the sizes of the collections above it: files of programs are none of their readers'
    business, and only count in the use of the whole space.
    """
    return size if writing.keep_version else 0


def _size(entry: Entry) -> int:
    return entry.size or 0


def _lets_go(entry: Entry, content: Content, writing: Writing) -> bool:
    """An empty version is no state worth keeping: clients create a document empty and fill it at once.

    Nor are the same bytes once more: LibreOffice on a mount writes them several times for one save.
    """
    return not writing.keep_version or _size(entry) == 0 or entry.blob == content.blob
