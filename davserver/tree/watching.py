"""What happened in a drive, what is locked and linked there, for its desk: changes, never who has read what."""

from __future__ import annotations

from typing import NamedTuple, TypeVar

from acl import store
from acl.links import Link
from davserver.audit import RIGHTS_ACTS
from davserver.tree.acts import Act
from davserver.tree.finding import Described
from davserver.tree.office import Office
from davserver.tree.seen import Lock, Terms
from shareproviders.contract import NotFound

CHANGES = frozenset(
    {"put", "make", "delete", "move", "copy", "restore", "replace", "properties", "lock", "unlock", "acl", "purge"}
    | {"label", "propose", "approve", "release", "withdraw", "binding-add", "binding-remove", "agenda", "apply"}
    | {"recuse", "recusal-end", "hold", "hold-end", "entry-add", "entry-remove", "mandate-end", "pledge"}
    | {"share", "unshare", "link", "link-revoke", "committee", "user-add", "user-change", "user-disable"}
)
"""Acts in the audit log that the desk may see; reads, sign-ins and refusals are the auditors'."""


class Happened(NamedTuple):
    """One change."""

    at: int
    name: str
    """Of who did it; empty for whom the asker may not know, and for the server's own administration."""
    what: str
    paper: Described | None
    """Where; None for what concerns the whole committee."""
    detail: str


class Locked(NamedTuple):
    """Something that somebody has open."""

    lock: Lock
    name: str
    paper: Described


class Opened(NamedTuple):
    """A link or drop that still opens something."""

    link: Link
    name: str
    """Of its maker; empty for whom the asker may not know."""
    paper: Described


class Watching:
    """One drive, as one clerk watches it."""

    def __init__(self, office: Office) -> None:
        self.office = office

    def happened(self, limit: int, *, only_rights: bool = False) -> list[Happened]:
        """The newest changes, newest first; none about what the asker may not discover.

        `only_rights`: those alone that changed who may see what.
        """
        acts = CHANGES & RIGHTS_ACTS if only_rights else CHANGES
        people = self.office.tree.acquaintances.people
        papers: dict[int, Described | None] = {0: None}
        found = []
        for line in self.office.house.audit.show(share=self.office.share, acts=acts, limit=limit):
            node = int(line["node"])
            if node not in papers:
                papers[node] = self.office.described(node)
            if node and papers[node] is None:
                continue
            name = people.get(str(line["who"]).removeprefix("user:"), "")
            found.append(Happened(line["at"], name, line["what"], papers[node], line["detail"]))
        return found

    def locks(self) -> list[Locked]:
        """What is locked now, as far as the asker may discover it."""
        tree, share = self.office.tree, self.office.share
        places, people = tree._lock_places(tree._share(share)), tree.acquaintances.people
        found = []
        with self.office.house.database.read() as connection:
            for row in tree.forest.locks.of_share(connection, share):
                paper = self.office.described(row.node)
                if paper is not None:
                    name = people.get(row.principal.removeprefix("user:"), "")
                    found.append(Locked(tree.forest.locks.told(row, places), name, paper))
        return found

    def links(self) -> list[Opened]:
        """Links and drops that open something now or later, the newest first."""
        now, people = self.office.house.clock(), self.office.tree.acquaintances.people
        with self.office.house.database.read() as connection:
            kept = store.links(connection, self.office.share)
        living = [each for each in kept if each.revoked is None and (each.end is None or each.end > now)]
        papers = [(link, self.office.described(link.node)) for link in reversed(living)]
        return [
            Opened(link, people.get(link.maker.removeprefix("user:"), ""), paper)
            for link, paper in papers
            if paper is not None
        ]

    def link(self, number: int) -> Opened:
        """One of them. Raises NotFound."""
        return _only([each for each in self.links() if each.link.id == number])

    def ending_link(self, number: int) -> Act:
        """It opens nothing any more; whoever made it. Raises NotFound, AccessDenied."""
        return Act(self.office, lambda _: self.office.tree.revoke_link(self.office.share, number))

    def lock(self, token: str) -> Locked:
        """One of them. Raises NotFound."""
        return _only([each for each in self.locks() if each.lock.token == token])

    def breaking(self, held: Locked) -> Act:
        """Break it, which is logged. Raises AccessDenied without the right to, NoSuchLock."""
        return Act(self.office, lambda _: self.office.tree.unlock(held.paper.seen.path, held.lock.token, Terms()))


Watched = TypeVar("Watched", Locked, Opened)


def _only(found: list[Watched]) -> Watched:
    if not found:
        raise NotFound("there is nothing of the kind")
    return found[0]
