"""Giving further through the door: inside shares, links and drops, never more than their maker may do himself."""

from __future__ import annotations

from typing import NamedTuple

from acl import store
from acl.entries import Entry
from acl.labels import Classification
from acl.links import Link, LinkKind
from acl.principals import PrincipalKind
from acl.privileges import Rights, rights_words
from davserver.tree.keeping import KeepingTree
from davserver.tree.names import is_programs
from davserver.tree.seen import AccessDenied, DoesNotFit, Seen
from shareproviders.contract import NotFound
from shareproviders.paths import SharePath

SHAREABLE = Rights.READ | Rights.WRITE | Rights.COMMENT
"""What can be given further: what is given does not give the right to give."""
LINKABLE = Rights.READ | Rights.WRITE_CONTENT | Rights.WRITE_PROPERTIES | Rights.BIND | Rights.COMMENT
NOT_FOUND = "there is no such share or link here"


class LinkWish(NamedTuple):
    """What a new link is to be."""

    digest: bytes
    """Of its token (`LinkSecret`)."""
    kind: LinkKind = LinkKind.LINK
    rights: Rights = Rights.READ
    """Of a link; a drop gives bind and nothing else."""
    max_class: Classification | None = None
    """None: the class that holds there now; what is raised later closes to the link."""
    start: int | None = None
    """Microseconds since the epoch; None: now."""
    end: int | None = None
    uses: int | None = None
    """Downloads of a link, documents for a drop; None: any number, and the only sense where there are no downloads."""
    password: str | None = None
    """Its hash."""
    label: bytes | None = None
    """What it is for, sealed."""


class SharingTree(KeepingTree):
    """The verbs that let others in; each is one transaction with its line in the log."""

    def share_inside(
        self, path: SharePath, principal: str, rights: Rights, start: int | None = None, end: int | None = None
    ) -> int:
        """Give `user:NAME`, `role:ROLE` or `committee:ID` rights there and beneath; the id of the entry.

        Raises AccessDenied without `share`, or for rights that the asker does not hold; ValueError for a principal or
        window that makes no sense.
        """
        if principal.partition(":")[0] not in ("user", "role", "committee"):
            raise ValueError("share with user:NAME, role:ROLE or committee:ID")
        with self._changing() as connection:
            seen = self._to_give(path, Rights.SHARE, rights, SHAREABLE)
            entry = Entry(seen.node.id, principal, rights, start=start, end=end, maker=self.principal.key)
            number, new = store.add_entry(connection, seen.share, entry)
            if new:
                self._repinned.add(self._share(seen.share))
                self._note_about(connection, "share", seen.share, seen.node.id, f"entry {number}")
            return number

    def end_share(self, share: str, entry: int) -> None:
        """Take an inside share back: one's own, or with `share` at its place any. Raises NotFound, AccessDenied."""
        with self._changing() as connection:
            found = next((each for each in store.list_entries(connection, share) if each.id == entry), None)
            if found is None or not found.maker:
                raise NotFound(NOT_FOUND)
            self._demand_own(share, found.node, found.maker, Rights.SHARE)
            store.remove_entry(connection, share, entry)
            self._repinned.add(self._share(share))
            self._note_about(connection, "unshare", share, found.node, f"entry {entry}")

    def make_link(self, path: SharePath, wish: LinkWish) -> Link:
        """A link to a document or folder, or a drop at a folder.

        Raises AccessDenied without `link`, or for rights that the asker does not hold; DoesNotFit for a drop at a
        document; ValueError for a window, rights or a number of uses that make no sense.
        """
        is_drop = wish.kind is LinkKind.DROP
        with self._changing() as connection:
            seen = self._to_give(path, Rights.LINK, Rights.BIND if is_drop else wish.rights, LINKABLE)
            if not is_drop and wish.uses is not None and Rights.READ & ~wish.rights:
                raise ValueError("uses are downloads, and this link gives none; leave their number away")
            if is_drop and not seen.node.is_collection:
                raise DoesNotFit("only a folder can be a drop")
            now = self.clock()
            bound = self.forest.rules.of(self._places(path)).bound_at(seen.node.lineage)
            link = Link(
                seen.share,
                seen.node.id,
                wish.kind,
                wish.digest,
                Rights.BIND if is_drop else wish.rights,
                bound.classification if wish.max_class is None else wish.max_class,
                self.principal.key,
                now if wish.start is None else wish.start,
                wish.end,
                wish.uses,
                wish.password,
                wish.label,
                now,
            )
            number = store.add_link(connection, link)
            self._repinned.add(self._share(seen.share))
            self._note_about(connection, "link", seen.share, seen.node.id, f"{wish.kind} {number}")
            return store.link_by_hash(connection, wish.digest) or link

    def revoke_link(self, share: str, link: int) -> None:
        """It opens nothing any more: one's own, or with `link` at its place any. Raises NotFound, AccessDenied."""
        with self._changing() as connection:
            found = next((each for each in store.links(connection, share) if each.id == link), None)
            if found is None:
                raise NotFound(NOT_FOUND)
            self._demand_own(share, found.node, found.maker, Rights.LINK)
            if store.revoke_link(connection, link, self.clock()):
                self._repinned.add(self._share(share))
                self._note_about(connection, "link-revoke", share, found.node, f"{found.kind} {link}")

    def _to_give(self, path: SharePath, needed: Rights, rights: Rights, most: Rights) -> Seen:
        seen = self.stat(path)
        if not seen.share or len(seen.node.lineage) < 2 or is_programs(seen.node.name):
            raise DoesNotFit("share a folder or a document: neither a whole drive nor what a program made for itself")
        if self.principal.kind is not PrincipalKind.USER:
            raise AccessDenied(path, needed)
        self._demand(seen, needed)
        if rights & ~most:
            words = ", ".join(rights_words(most))
            raise ValueError(f"{', '.join(rights_words(rights & ~most))} cannot be given further; {words} can")
        self._demand(seen, rights)
        return seen

    def _demand_own(self, share: str, node: int, maker: str, needed: Rights) -> None:
        """Only its maker, or whoever may make the like there; for all others it does not exist."""
        if maker == self.principal.key:
            return
        seen = self.stat(self._share(share).path(node))
        self._demand(seen, needed)
