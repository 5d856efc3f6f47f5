"""Hand-set entries: one grant or deny at one node, for it and all beneath."""

from __future__ import annotations

import re
from collections.abc import Container
from dataclasses import dataclass

from acl.mandates import ROLES
from acl.privileges import Rights

_ID = re.compile(r"[a-z0-9-]{1,32}")


@dataclass(frozen=True, slots=True)
class Entry:
    """Grants rights, or denies them, at a node and beneath it, within `[start, end)`."""

    node: int
    principal: str
    """`user:anna`, `role:member` (of the share's committee), `committee:ba05`, `authenticated`, `all`."""
    rights: Rights
    """Exactly the rights given or taken; see `privileges.parse_rights` for denying."""
    deny: bool = False
    cut: bool = False
    """Ends what grants from further up would give here and beneath, to everybody. Denials from above hold on."""
    start: int | None = None
    """Microseconds since the epoch; None: always has been."""
    end: int | None = None
    id: int = 0
    """Given by the store; 0 before."""
    maker: str = ""
    """`user:anna`: an inside share, cut down at each use to what its maker may do there himself; '': by office."""
    drop_own: bool = False
    """At the node itself it lets add; the rights are for what one brought there oneself (`View.own_rights`)."""

    def holds_at(self, at: int) -> bool:
        return (self.start is None or self.start <= at) and (self.end is None or at < self.end)

    def concerns(self, subjects: Container[str]) -> bool:
        """Does it speak of somebody who is known by these words?"""
        return self.principal in subjects


def check_entry(entry: Entry) -> None:
    """Raises ValueError, one sentence, for a principal or window that makes no sense."""
    kind, _, name = entry.principal.partition(":")
    known = {
        "user": bool(name),
        "role": name in ROLES,
        "committee": _ID.fullmatch(name) is not None,
        "authenticated": entry.principal == kind,
        "all": entry.principal == kind,
    }
    if not known.get(kind, False):
        raise ValueError(
            f"unknown principal {entry.principal!r}; write user:NAME, role:ROLE, committee:ID, authenticated or all"
            f" (roles: {', '.join(ROLES)})"
        )
    if entry.start is not None and entry.end is not None and entry.start >= entry.end:
        raise ValueError("an entry must start before it ends")
    if not entry.rights and not entry.cut:
        raise ValueError("an entry without rights says nothing; name at least one right")
    if entry.maker and entry.maker.partition(":")[0] != "user":
        raise ValueError(f"an inside share is made by a user; write user:NAME, not {entry.maker!r}")
    if entry.deny and (entry.maker or entry.drop_own):
        raise ValueError("an entry that denies is neither an inside share nor an inbox; give rights, or deny plainly")
    if entry.cut and entry.maker:
        raise ValueError("an inside share cannot cut what others were given")
    if entry.cut and entry.deny:
        raise ValueError("an entry that denies cannot cut: denials from above always hold")
