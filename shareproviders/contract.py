"""What a share provider is: the types, the verbs, the optional abilities and the error family.

Every verb that changes something runs inside the caller's transaction (`Ground.begin_transaction` joins an open
one), is atomic in it, and knows no rights and no locks: the door has asked before. Only `stage` runs outside.
Instants are whole microseconds since the Unix epoch, UTC. Entity tags are opaque and without quotes.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Container, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple, Protocol, runtime_checkable

from sqlalchemy import Connection

from shareproviders.durable import Durability
from shareproviders.errors import (
    BodyTruncated,
    Damaged,
    DiskFull,
    NameTaken,
    NotFound,
    Outdated,
    ParentMissing,
    QuotaExceeded,
    ReadOnlyShare,
    ShareError,
    Unavailable,
    WrongKind,
)
from shareproviders.past import Authored, Change, KeepsAuthors, Left, Trashed, Version
from shareproviders.paths import BadName, SharePath

__all__ = [
    "Authored",
    "BadName",
    "BodyTruncated",
    "Change",
    "Damaged",
    "DiskFull",
    "Durability",
    "Expected",
    "Finding",
    "Ground",
    "KeepsAuthors",
    "KeepsChecksums",
    "KeepsProperties",
    "KeepsTrash",
    "KeepsVersions",
    "Keys",
    "Left",
    "MetersQuota",
    "NameTaken",
    "Node",
    "NotFound",
    "Outdated",
    "ParentMissing",
    "QuotaExceeded",
    "ReadOnlyShare",
    "ShareError",
    "ShareProvider",
    "Staged",
    "TracksChanges",
    "Trashed",
    "Unavailable",
    "Upkeep",
    "Usage",
    "Version",
    "Writing",
    "WrongKind",
]


class Node(NamedTuple):
    """Facts of one document or collection as it was when asked."""

    id: int
    """Stable for its life, unique in the share, positive, never reused."""
    lineage: tuple[int, ...]
    """Ids from the share's root to this node itself."""
    name: str
    """NFC; empty for the root."""
    is_collection: bool
    size: int
    """Bytes; for a collection those of all current documents beneath it, but for those whose versions are not kept."""
    entity_tag: str
    """Opaque, without quotes, [0-9A-Za-z.-]; new with every change of content, never reused. Empty for a collection."""
    media_type: str
    """Lower case; empty for a collection."""
    created: int
    """Microseconds since the epoch."""
    modified: int
    """Microseconds since the epoch; settable by clients (X-OC-Mtime and kin)."""
    change: int
    """Journal number of the newest change here or anywhere beneath; 0 if the share does not track changes."""
    placed: int = 0
    """Journal number of what gave it its present parent and name; 0 if the share does not track changes."""


@dataclass(frozen=True, slots=True)
class Expected:
    """What must still hold when a write is committed; checked inside the transaction, else `Outdated`."""

    entity_tag: str | None = None
    """The document must exist and carry this tag."""
    absent: bool = False
    """Nothing may be there."""


@dataclass(frozen=True, slots=True)
class Writing:
    """Who writes, when, and what the client said about it."""

    by: str
    """An opaque key of the author, kept with the version."""
    at: int
    """Now, microseconds."""
    media_type: str = ""
    """Empty: derived from the name."""
    modified: int | None = None
    """Modification time that the client wishes to keep, microseconds; None: `at`."""
    keep_version: bool = True
    """False for temp and owner files: the replaced bytes are dropped instead of kept as a version."""
    checksum: str = ""
    """Of the bytes that are put, as `SHA1:hex` (several apart by a space); verified already. Empty: none is known."""


@runtime_checkable
class Staged(Protocol):
    """Bytes that are complete but named by nothing yet; durable at the latest with the commit that names them."""

    size: int

    def discard(self) -> None:
        """Drop them; harmless after `put` and when called twice. What cannot be dropped now, upkeep finds: no error."""


class ShareProvider(Protocol):
    """The verbs of one share's storage."""

    @property
    def read_only(self) -> bool: ...

    def prepare(self) -> None:
        """Make what an empty share needs (its root); idempotent; called inside a transaction at `apply`."""

    def stat(self, path: SharePath) -> Node:
        """The node at `path`. Raises NotFound."""

    def children(self, node: Node) -> list[Node]:
        """Members of a collection, sorted by name (code points). Raises NotFound, WrongKind."""

    def locate(self, node_id: int) -> tuple[SharePath, Node]:
        """Where the living node with this id is now. Raises NotFound (also for what lies in the trash)."""

    def read(self, node: Node, start: int = 0, length: int | None = None) -> Iterator[bytes]:
        """Bytes [start, start+length) of the version that `node` names, in pieces of 64 to 512 KiB.

        Opens and checks at the call (raises NotFound, Damaged there), streams without any transaction. Goes on
        delivering exactly this version when the document is replaced meanwhile.
        """

    def stage(self, chunks: Iterable[bytes]) -> Staged:
        """Take a whole body, outside any transaction; what `put` does not write into the database is durable now.

        An exception out of `chunks` leaves no trace and passes through. Raises Unavailable, ReadOnlyShare.
        """

    def put(self, path: SharePath, staged: Staged, expected: Expected, writing: Writing) -> tuple[Node, bool]:
        """Make `staged` the content at `path`; (node, True if new). Keeps id and properties of an existing document.

        Raises ParentMissing, WrongKind (a collection is there), Outdated, QuotaExceeded, ReadOnlyShare.
        """

    def make_collection(self, path: SharePath, writing: Writing) -> Node:
        """Raises ParentMissing, NameTaken, ReadOnlyShare."""

    def delete(self, path: SharePath, writing: Writing) -> None:
        """The node and all beneath, in one step (to the trash where there is one). Raises NotFound, ReadOnlyShare."""

    def move(self, source: SharePath, target: SharePath, writing: Writing) -> Node:
        """Rename or re-parent, any depth, in one step.

        A free target: the moved node keeps its id. A document onto a document: the target keeps id, history and
        properties are those of RFC 4918 §9.9 (the source's bytes and dead properties become the target's next
        version); the source's id ends. Otherwise the target must be free (the door deletes it first): NameTaken.
        Raises NotFound, ParentMissing, WrongKind (into itself), ReadOnlyShare.
        """

    def copy(
        self, source: SharePath, target: SharePath, writing: Writing, *, deep: bool, without: Container[int] = ()
    ) -> Node:
        """Copy with dead properties, new ids, no history. `deep=False`: a collection without members (RFC 4918 §9.8.3).

        Nodes whose id is in `without` are left out with all beneath them. A document onto a document: as `put`.
        Otherwise the target must be free: NameTaken. Raises as `move`, and QuotaExceeded.
        """

    def set_modified(self, node: Node, modified: int, writing: Writing) -> Node:
        """Set the modification time (microseconds); content, entity tag and version stay as they are."""


@dataclass(frozen=True, slots=True)
class Usage:
    """Bytes. `used` counts current documents, versions and trash; `limit` None: only the disk limits."""

    used: int
    limit: int | None
    available: int


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that `check` found wrong; names no user-given name."""

    node_id: int
    problem: str


@runtime_checkable
class KeepsVersions(Protocol):
    """Earlier states of documents stay readable."""

    def versions(self, node: Node) -> list[Version]:
        """Newest first, the current one included."""

    def read_version(self, node: Node, version_id: int, start: int = 0, length: int | None = None) -> Iterator[bytes]:
        """As `read`. Raises NotFound."""

    def restore_version(self, path: SharePath, version_id: int, writing: Writing) -> Node:
        """Make an earlier state the newest version. Raises NotFound."""

    def crowded(self, more_than: int, after: int, limit: int) -> list[int]:
        """Ids above `after` of living documents with more versions than that, ascending, at most `limit`."""

    def drop_versions(self, node: Node, version_ids: Collection[int]) -> None:
        """Destroy earlier states, and keys of blobs that nothing else names. Raises ValueError for the current one."""


@runtime_checkable
class KeepsTrash(Protocol):
    """Deleted nodes can come back under the same id."""

    def trashed(self) -> list[Trashed]:
        """Newest first."""

    def locate_trashed(self, node_id: int) -> tuple[SharePath, Node, Trashed]:
        """Path and facts of what lies in the trash, as if nothing had been deleted, and what was. Raises NotFound."""

    def trashed_children(self, node: Node) -> list[Node]:
        """As `children`, of a collection in the trash. Raises NotFound, WrongKind."""

    def read_trashed(self, node: Node, start: int = 0, length: int | None = None) -> Iterator[bytes]:
        """As `read`, of a document in the trash."""

    def restore(self, node_id: int, target: SharePath, writing: Writing) -> Node:
        """Raises NotFound, ParentMissing, NameTaken."""

    def purge(self, node_id: int) -> list[int]:
        """Destroy it, all beneath, and what was deleted out of these before; the ids that ended. Raises NotFound."""


@runtime_checkable
class KeepsProperties(Protocol):
    """Dead properties (RFC 4918 §4.3): Clark name `{namespace}local` → the serialised element."""

    def properties(self, nodes: Iterable[Node]) -> dict[int, dict[str, str]]:
        """By node id; nodes without properties may be missing. One query for a page of members."""

    def set_properties(self, node: Node, changes: Mapping[str, str | None], writing: Writing) -> Node:
        """Set, or remove where the value is None, all together. Raises QuotaExceeded over 1 MiB per node."""


@runtime_checkable
class KeepsChecksums(Protocol):
    """Tells again with which checksums the bytes of a document came (`Writing.checksum`)."""

    def checksums(self, nodes: Iterable[Node]) -> dict[int, str]:
        """By node id, of the current content; documents without any are missing. One query for a page of members."""


@runtime_checkable
class TracksChanges(Protocol):
    """Keeps a journal, so `Node.change` of a collection moves with anything beneath it."""

    def newest_change(self) -> int: ...

    def changes_since(self, number: int, limit: int) -> list[Change]:
        """In order, `number` excluded."""

    def changed_members(self, collection: Node, number: int) -> list[Node]:
        """Members that changed, or in which anything did, since the change `number`; sorted by name.

        With them come all documents that were written with `keep_version=False`: when others see those may hang on
        the names beside them.
        To be asked in the view of the database that `collection` comes from. Costs what it finds, not what is there.
        """

    def departures(self, collection: Node, number: int) -> list[Change]:
        """The changes since `number` by which something left this collection or its name in it, in order."""

    def ids_at(self, number: int) -> int:
        """All ids that the share had given out with the change `number` are smaller than this."""


@runtime_checkable
class MetersQuota(Protocol):
    """Knows how much it holds and may hold."""

    def usage(self) -> Usage: ...


@runtime_checkable
class Upkeep(Protocol):
    """Checking and tidying, run by commands and timers."""

    def check(self) -> Iterator[Finding]:
        """Verify every stored byte, reference and sum; deletes nothing."""

    def collect(self, older_than: int) -> int:
        """Remove what no row names and is older than the instant; number of removals. Restartable at any point."""

    def recover(self) -> None:
        """Called at server start: drop unfinished uploads, repair a crash between rename and commit."""


@runtime_checkable
class Restorable(Protocol):
    """Keeps its bytes in rows, or in files that are written once and named by rows: a backup can take them along."""

    def files(self) -> Iterator[Path]:
        """Those that the rows of this view name, relative to the data directory."""

    def leap(self) -> None:
        """After a restore: ids and change numbers from now on are beyond all that the time since the backup gave out.

        In the caller's transaction; may be asked once for each restore, a few hundred times in the life of a share.
        """


@runtime_checkable
class Ends(Protocol):
    """Can be given up as a whole."""

    def end(self) -> None:
        """Delete every row of the share, in the caller's transaction. No verb works after that."""


@runtime_checkable
class Rekeys(Protocol):
    """Can seal anew what it has sealed."""

    def rekey(self, keys: Keys) -> None:
        """Write all that hangs on the share's key anew, under `keys` with the same `space_id`.

        In the caller's transaction. Nobody else uses the share meanwhile, and this provider works no more
        after it. Raises Damaged.
        """


class Keys(Protocol):
    """Secrets of one share, derived from its space key; never stored by the provider."""

    space_id: bytes
    """16 bytes, fixed for the life of the share; binds blobs and names to it."""

    def derive(self, purpose: str, length: int) -> bytes:
        """HKDF-Expand-SHA-512 over the space key with `purpose` as info; `length` bytes."""


@dataclass(frozen=True, slots=True)
class Ground:
    """What a provider stands on; handed in, never imported (law 10)."""

    share: str
    """The share's id, `[a-z0-9-]{1,32}`; the key of its rows."""
    clock: Callable[[], int]
    """Now, microseconds since the epoch."""
    begin_read: Callable[[], AbstractContextManager[Connection]]
    """A consistent short view; joins an open transaction. Never held while bytes are streamed."""
    begin_transaction: Callable[[], AbstractContextManager[Connection]]
    """Opens the one write transaction of this thread, or joins it."""
    keys: Keys
    directory: Path
    """The data directory; a provider keeps its files in a folder of its own below it."""
    quota: int | None
    """Bytes, None for unlimited."""
    options: Mapping[str, Any]
    """The provider's own keys from the committee's declaration; an unknown one is an error that names the known."""
    keeps_files: Callable[[], bool] = lambda: False
    """True while a backup copies files: what is destroyed then loses its key at once, its file later (`collect`)."""
    durability: Durability = field(default_factory=Durability)
    """What a provider that writes to a disk syncs with, and asks before each change; who reads health looks at it."""
    committed: Callable[[], int | None] = lambda: None
    """Another number after any commit by anyone; None in a transaction of this thread, and where nobody tells."""


ProviderFactory = Callable[[Ground], ShareProvider]  # what an entry point of davserver.shareproviders names
