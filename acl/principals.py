"""Who asks: a user, a link, or nobody in particular; with the ceiling of the credential that was shown."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from acl.labels import Classification
from acl.privileges import Rights


class PrincipalKind(StrEnum):
    USER = "user"
    LINK = "link"
    ANONYMOUS = "anonymous"


class Channel(StrEnum):
    """Through which front end somebody asks; rights.md §2.4."""

    DAV = "dav"
    PORTAL = "portal"
    LINK = "link"
    EXPORT = "export"


@dataclass(frozen=True, slots=True)
class Ceiling:
    """What a credential allows at most, whatever its owner may."""

    reason: str = ""
    """Reason code tail, such as `app-password`; empty for no ceiling."""
    rights: Rights = Rights.ALL
    max_class: Classification = Classification.FACTION
    scopes: tuple[tuple[str, int], ...] = ()
    """(share, node id) of the subtrees it opens; empty for everything."""


@dataclass(frozen=True, slots=True)
class Principal:
    """One asker. `id` is the login name, the link's id, or empty; offices follow from it at the instant asked for."""

    kind: PrincipalKind
    id: str
    name: str = ""
    admin: bool = False
    ceiling: Ceiling = Ceiling()

    def __hash__(self) -> int:
        return hash(self.id)  # of all its parts would be ten times as slow, and each request asks for it

    @property
    def key(self) -> str:
        """`user:anna`: names the principal in locks, versions and the audit log."""
        return f"{self.kind}:{self.id}"


ANONYMOUS = Principal(PrincipalKind.ANONYMOUS, "")
