"""Public links and drops: principals of their own, bound to a node id and never more than their maker."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from acl.labels import Classification
from acl.privileges import Rights


class LinkKind(StrEnum):
    LINK = "link"
    DROP = "drop"


@dataclass(frozen=True, slots=True)
class Link:
    """Opens a node and all beneath it to whoever holds the token; a drop only lets add to the node itself."""

    share: str
    node: int
    kind: LinkKind
    token_hash: bytes
    rights: Rights
    max_class: Classification
    maker: str
    """Principal key; what he may not do there himself, the link may not either."""
    start: int
    """Microseconds since the epoch, as all instants here."""
    end: int | None = None
    uses_left: int | None = None
    """None: any number. Counted by `use_link` where somebody enters, not by decisions."""
    password: str | None = None
    """Its hash."""
    label: bytes | None = None
    """What it is for; sealed by the caller."""
    at: int = 0
    """When it was made."""
    revoked: int | None = None
    id: int = 0
    """Given by the store; 0 before. As text it is the id of the principal."""

    @property
    def gives_bytes(self) -> bool:
        """May whoever has it receive the document, or look at it only?"""
        return Rights.READ in self.rights

    @property
    def lets_change(self) -> bool:
        """May whoever has it change what lies there?"""
        return self.kind is LinkKind.LINK and bool(self.rights & Rights.WRITE)

    def holds_at(self, at: int) -> bool:
        return self.start <= at and (self.end is None or at < self.end) and (self.revoked is None or at < self.revoked)


def check_link(link: Link) -> None:
    """Raises ValueError, one sentence, for a link that would open nothing."""
    if link.end is not None and link.end <= link.start:
        raise ValueError("a link must start before it ends")
    if link.uses_left is not None and link.uses_left < 1:
        raise ValueError("a link must be usable at least once")
    wanted = Rights.BIND if link.kind is LinkKind.DROP else Rights.DISCOVER
    if not link.rights & wanted:
        raise ValueError("a link must give discover, view or read, and a drop bind")
    if link.maker.partition(":")[0] != "user":
        raise ValueError(f"a link is made by a user; write user:NAME, not {link.maker!r}")
