"""What somebody has given further himself: inside shares, links and drops, and how often links were used.

Who has read what is not told: that is the auditors' (rights.md §2). Of a link nobody is known, so its uses are counted.
"""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy import Connection, func, select

from acl import store
from acl.links import LinkKind
from acl.privileges import Rights
from davserver.linking import label_place
from davserver.schema import audit
from davserver.tree.finding import Described, Finding
from davserver.tree.locking import GuardedTree
from shareproviders.contract import NotFound

USES = {LinkKind.LINK: ("use", "read"), LinkKind.DROP: ("put",)}
"""What the log calls a download (or a look, where nothing more is given) through a link, counted down or not, and a
document that came into a drop."""


class Given(NamedTuple):
    """One share, link or drop that stands or has run out by itself; what was taken back is not told any more."""

    kind: str
    """`share`, `link` or `drop`."""
    id: int
    share: str
    place: Described | None
    """None where the giver may not see it any more."""
    receiver: str
    """Word of an entry, such as `role:member`; empty for links."""
    rights: Rights
    start: int | None
    end: int | None
    at: int
    """When a link was made; 0 for shares."""
    over: bool
    uses_left: int | None = None
    password: bool = False
    label: str = ""
    uses: int = 0
    used: int | None = None
    """Last use of a link."""

    @property
    def gives_bytes(self) -> bool:
        """False for what lets people look only; its uses are looks then."""
        return Rights.READ in self.rights

    @property
    def lets_change(self) -> bool:
        """Is it a link through which people outside change something?"""
        return self.kind == "link" and bool(self.rights & Rights.WRITE)


def given(tree: GuardedTree) -> list[Given]:
    """All of the asker's own, those that stand first, then the newest."""
    found: list[Given] = []
    with tree.forest.database.read() as connection:
        for share in sorted(tree.forest.shares()):
            found += _shares(tree, connection, share)
            found += _links(tree, connection, share)
    return sorted(found, key=lambda one: (one.over, -one.at, one.share, one.id))


def _shares(tree: GuardedTree, connection: Connection, share: str) -> list[Given]:
    now = tree.clock()
    return [
        Given(
            "share",
            entry.id,
            share,
            _place(tree, share, entry.node),
            entry.principal,
            entry.rights,
            entry.start,
            entry.end,
            0,
            over=entry.end is not None and entry.end <= now,
        )
        for entry in store.list_entries(connection, share)
        if entry.maker == tree.principal.key
    ]


def _links(tree: GuardedTree, connection: Connection, share: str) -> list[Given]:
    now, sealer, found = tree.clock(), tree.forest.sealer(share), []
    for link in store.links(connection, share):
        if link.maker != tree.principal.key or link.revoked is not None:
            continue
        noted = (audit.c.who == f"link:{link.id}", audit.c.what.in_(USES[link.kind]))
        uses = connection.execute(select(func.count(), func.max(audit.c.at)).where(*noted)).one()
        found.append(
            Given(
                "drop" if link.kind is LinkKind.DROP else "link",
                link.id,
                share,
                _place(tree, share, link.node),
                "",
                link.rights,
                link.start,
                link.end,
                link.at,
                over=(link.end is not None and link.end <= now) or link.uses_left == 0,
                uses_left=link.uses_left,
                password=link.password is not None,
                label="" if link.label is None else sealer.open(link.label, label_place(link.token_hash)),
                uses=uses[0],
                used=uses[1],
            )
        )
    return found


def _place(tree: GuardedTree, share: str, node: int) -> Described | None:
    finding = Finding(tree)
    try:
        return finding.describe([finding.at(share, node)])[0]
    except NotFound:
        return None
