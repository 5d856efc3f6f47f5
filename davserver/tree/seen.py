"""What goes through the door: a resource as one principal sees it, the terms of a change, and the door's refusals."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

from acl.privileges import Rights
from shareproviders.contract import Node
from shareproviders.paths import SharePath


class Seen(NamedTuple):
    """A resource that the asker may discover, and what he may do to it."""

    path: SharePath
    """In the whole tree; the first segment is the share's id, the empty path is the collection of all drives."""
    share: str
    """Empty for the collection of all drives."""
    node: Node
    rights: Rights
    tag: str
    """Entity tag without quotes; for a collection that of the asker's view."""
    display_name: str
    """For people: the committee's name for a drive, else the node's name."""
    obligations: frozenset[str] = frozenset()
    """What a front end owes when it shows this, such as `log_read`."""
    version: int | None = None
    """An earlier version of the document, by its id; None: as it stands now."""
    instead: StandIn | None = None
    """What is handed out in place of the document's own bytes; None: they themselves."""


class StandIn(NamedTuple):
    """A pointer to a paper, or a reading copy of it; whatever stands in its place tells its own length and tag."""

    paper: Seen
    """What it stands for, as the asker may know it."""
    read: Callable[[int, int | None], Iterator[bytes]]
    """Its bytes from there on, and so many; opened at the call, never before."""
    is_copy: bool = False
    """A reading copy: whoever opens it has looked at the paper."""


class Thrown(NamedTuple):
    """Something in the trash that the asker may see: what was deleted, or what lies beneath it."""

    share: str
    node: Node
    """As it lay; of a collection, `size` counts what the asker may discover."""
    rights: Rights
    """What he might do if it still lay there."""
    place: SharePath | None
    """Where it lay, in the whole tree, its own name last; None if he may not know every folder above it."""
    root: int
    """Id of the node that was deleted; its own unless it lies beneath that."""
    by: str
    """Key of whoever deleted it, such as `user:anna`."""
    at: int
    """When, microseconds since the epoch."""
    obligations: frozenset[str] = frozenset()
    removable: bool = False
    """Might he remove it from where it lay? What lies beneath may still forbid it."""


def no_condition() -> None:
    """The condition of a request that states none."""


@dataclass(frozen=True, slots=True)
class Terms:
    """Under which a change was asked for: checked before the body is read and again inside the transaction."""

    tokens: frozenset[str] = frozenset()
    """Lock tokens that the client submitted (RFC 4918 §10.4)."""
    check: Callable[[], None] = no_condition
    """Evaluates If, If-Match and kin against the tree; raises PreconditionFailed."""


@dataclass(frozen=True, slots=True)
class Lock:
    """A write lock (RFC 4918 §6)."""

    token: str
    """`urn:uuid:…`"""
    share: str
    node: int
    root: SharePath
    """Where its root is now, in the whole tree."""
    principal: str
    owner: str
    """The client's <owner> element, serialised; may be empty."""
    exclusive: bool
    deep: bool
    seconds: int
    expires: int
    """Microseconds since the epoch."""


class DoorError(Exception):
    """Base of what the door refuses; the text is one sentence for people."""


class AccessDenied(DoorError):  # noqa: N818 (the house's words, architecture.md §5)
    """The asker may discover the resource but not do this; else the door raises NotFound."""

    def __init__(self, path: SharePath, needed: Rights) -> None:
        super().__init__("you may not do this here")
        self.path, self.needed = path, needed


class PreconditionFailed(DoorError):  # noqa: N818
    """A condition of the request does not hold."""


class Locked(DoorError):  # noqa: N818
    """A lock stands in the way and its token was not submitted (`lock-token-submitted`)."""

    def __init__(self, root: SharePath) -> None:
        super().__init__("this is locked by somebody")
        self.root = root


class LockConflict(DoorError):  # noqa: N818
    """A new lock would conflict with one that stands (`no-conflicting-lock`)."""

    def __init__(self, root: SharePath) -> None:
        super().__init__("somebody else has locked this")
        self.root = root


class NoSuchLock(DoorError):  # noqa: N818
    """The token names no lock that covers this resource (`lock-token-matches-request-uri`)."""


class TooMany(DoorError):  # noqa: N818
    """A limit of the server is reached (locks per resource or user)."""


class DoesNotFit(DoorError):  # noqa: N818
    """The verb does not fit this resource: drives and the collection of drives cannot be moved, deleted, replaced."""


class UnknownSyncToken(DoorError):  # noqa: N818
    """Not ours, or of another view of this collection: the client must list it afresh (RFC 6578 §3.2)."""


class InvalidAcl(DoorError):  # noqa: N818
    """An access list that cannot stand."""

    def __init__(self, rule: str, sentence: str) -> None:
        super().__init__(sentence)
        self.rule = rule
        """The precondition of RFC 3744 §8.1.1 that it breaks."""


class Impossible(Exception):  # noqa: N818 (architecture.md §5: errors are named by what happened)
    """A wish that makes no sense where things stand; the text says why."""
