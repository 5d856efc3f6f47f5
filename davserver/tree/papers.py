"""A paper on the desk: what it is, from when to when, who sees it, and what must stay as it is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from sqlalchemy import Connection

from acl import store
from acl.engine import View
from acl.holds import Hold
from acl.labels import Label
from acl.principals import Channel, Principal, PrincipalKind
from acl.privileges import Rights
from davserver.granting import keep_hold, reason_place
from davserver.labelling import Outcome, relabel
from davserver.tree.finding import Described
from davserver.tree.office import READING, Gain, Impossible, Office
from shareproviders.contract import NotFound

RELABEL = Rights.CLASSIFY | Rights.WRITE_ACL
"""To change a label: the chair has one of both only, so he seconds what a clerk proposes (rights.md §2)."""
HOLD = Rights.RECUSE | Rights.WRITE_ACL
"""To set and end a hold; under one nobody has CLASSIFY."""


class StandingHold(NamedTuple):
    """A hold at a paper, with the reason that was sealed."""

    hold: Hold
    reason: str


class Papers:
    """Papers of one committee, as one clerk works on them."""

    def __init__(self, office: Office) -> None:
        self.office = office

    def paper(self, node: int) -> tuple[Described, Label]:
        """It, and what is written at itself. Raises NotFound, AccessDenied."""
        office = self.office
        seen = office.finding.at(office.share, node)
        office.tree._demand(seen, HOLD)
        with office.house.database.read() as connection:
            own = store.labels(connection, office.share).get(node, Label())
        return office.finding.describe([seen])[0], own

    def who_sees(self, described: Described) -> dict[str, list[str]]:
        """`read`, `view`, `discover` → names of those whom the asker may know of and who may just that now."""
        tree, lineage, now = self.office.tree, described.seen.node.lineage, self.office.house.clock()
        rules, engine = tree._view(tree._share(self.office.share)).rules, tree.forest.engine
        found: dict[str, list[str]] = {}
        for user, name in tree.acquaintances.people.items():
            view = View(rules, engine, Principal(PrincipalKind.USER, user), Channel.PORTAL)
            rights = view.granted(lineage, now).rights
            word = next((word for right, word in READING if not right & ~rights), "")
            if word:
                found.setdefault(word, []).append(name)
        return {word: sorted(found[word]) for _, word in READING if word in found}

    def foresee(self, node: int, parts: Mapping[str, Any]) -> list[Gain]:
        """Who would gain and lose what by a label; what needs a second person too is looked at as if it were done."""
        return self.office.foresee(lambda connection: self._relabel(connection, node, parts))

    def relabel(self, node: int, parts: Mapping[str, Any]) -> Outcome:
        """Change parts of the label (names of `Label`; None: inherit). Raises AccessDenied, Impossible."""
        with self.office.working() as connection:
            return self._relabel(connection, node, parts)

    def _relabel(self, connection: Connection, node: int, parts: Mapping[str, Any]) -> Outcome:
        return relabel(self.office.desk(connection, node, RELABEL), parts)

    def holds(self, node: int) -> list[StandingHold]:
        """Those that stand at the paper itself now or later."""
        office, now = self.office, self.office.house.clock()
        sealer = office.house.keys.sealer(office.share)
        with office.house.database.read() as connection:
            standing = [hold for hold in store.holds(connection, office.share) if hold.node == node]
        return [
            StandingHold(hold, "" if hold.reason is None else sealer.open(hold.reason, reason_place(hold.at)))
            for hold in standing
            if hold.end is None or hold.end > now
        ]

    def hold(self, node: int, reason: str) -> None:
        """From now on nobody changes or removes it, or what lies beneath."""
        with self.office.working() as connection:
            keep_hold(self.office.desk(connection, node, HOLD), None, None, reason)

    def end_hold(self, node: int, hold_id: int) -> None:
        """Raises NotFound for one that does not stand there."""
        with self.office.working() as connection:
            desk = self.office.desk(connection, node, HOLD)
            if not any(hold.id == hold_id and hold.node == node for hold in store.holds(connection, desk.share)):
                raise NotFound("there is no such hold")
            if store.end_hold(connection, hold_id, self.office.house.clock()) is None:
                raise Impossible("the hold has ended already")
            desk.note("hold-end", f"hold {hold_id}")
