"""The second person: what waits for somebody's yes, shown to those who may give it, each in his own session."""

from __future__ import annotations

from typing import NamedTuple

from acl import store
from acl.privileges import Rights
from acl.proposals import Proposal
from davserver.house import House
from davserver.labelling import approve, is_second, told_change
from davserver.tree.finding import Described, Finding
from davserver.tree.gains import Gain, foresee_gains
from davserver.tree.locking import GuardedTree
from davserver.tree.seen import Impossible
from shareproviders.contract import NotFound


class Waiting(NamedTuple):
    """A proposal about a paper that the asker may classify."""

    proposal: Proposal
    paper: Described
    by: str
    """Name of whoever proposed it; empty if the asker may not know him."""
    change: dict[str, str]
    """`class`, `release`, `close`, `review`, `publish`, `matter`, `item` → what it would be; '' for inherited."""
    for_others: bool
    """The asker is no second person: it is his own, or of whoever has lately let him set his password."""


class Seconding:
    """Proposals in all drives of one asker."""

    def __init__(self, house: House, tree: GuardedTree) -> None:
        self.house, self.tree = house, tree

    def waiting(self) -> list[Waiting]:
        """Those that he may approve, and his own, which he may not."""
        found, finding = [], Finding(self.tree)
        for share in sorted(self.tree.forest.shares()):
            with self.house.database.read() as connection:
                proposals = store.proposals(connection, share)
            for proposal in proposals:
                try:
                    seen = finding.at(share, proposal.node)
                except NotFound:
                    continue
                if not Rights.CLASSIFY & ~seen.rights:
                    found.append(self._waiting(proposal, finding.describe([seen])[0]))
        return found

    def _waiting(self, proposal: Proposal, paper: Described) -> Waiting:
        name = self.tree.acquaintances.people.get(proposal.by.removeprefix("user:"), "")
        return Waiting(proposal, paper, name, told_change(proposal.change), not self._may(proposal))

    def _may(self, proposal: Proposal) -> bool:
        return is_second(self.house, proposal.by, self.tree.principal.id)

    def find(self, number: int) -> Waiting:
        """One of them. Raises NotFound."""
        for each in self.waiting():
            if each.proposal.id == number:
                return each
        raise NotFound("no such proposal waits")

    def foresee(self, number: int) -> list[Gain]:
        """Who would gain and lose what by a yes. Raises NotFound, Impossible for one's own."""
        house, share, user = self.house, self.find(number).proposal.share, self.tree.principal.id
        return foresee_gains(house, self.tree, share, lambda connection: approve(house, connection, number, user))

    def approve(self, number: int) -> None:
        """Say yes, and carry it out. Raises NotFound for one that the asker may not approve, Impossible for his own."""
        with self.tree._changing() as connection:
            self.tree._repinned.add(self.tree._share(self.find(number).proposal.share))
            try:
                approve(self.house, connection, number, self.tree.principal.id)
            except ValueError as error:
                raise Impossible(str(error)) from error
