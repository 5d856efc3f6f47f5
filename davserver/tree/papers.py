"""A paper on the desk: what it is, from when to when, who sees it, and what must stay as it is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from sqlalchemy import Connection, select

from acl import store
from acl.engine import View
from acl.holds import Hold
from acl.labels import Label
from acl.principals import Channel, Principal, PrincipalKind
from acl.privileges import Rights
from davserver.granting import keep_hold, reason_place
from davserver.labelling import Desk, Outcome, foretell, relabel, unbind
from davserver.schema import account
from davserver.tree.acts import Act
from davserver.tree.finding import Described
from davserver.tree.gains import READING
from davserver.tree.office import Office, Point, desks
from davserver.tree.seen import Impossible
from shareproviders.contract import NotFound

RELABEL = Rights.CLASSIFY | Rights.WRITE_ACL
"""To change a label: the chair has one of both only, so he seconds what a clerk proposes (rights.md §2)."""
HOLD = Rights.RECUSE | Rights.WRITE_ACL
"""To set and end a hold; under one nobody has CLASSIFY."""


class StandingHold(NamedTuple):
    """A hold at a paper, with the reason that was sealed."""

    hold: Hold
    reason: str
    paper: Described


class BoundPoint(NamedTuple):
    """An agenda item that a paper concerns."""

    id: int
    meeting: str
    point: Point | None
    """None for an item of another committee."""
    by_hand: bool


class Sight(NamedTuple):
    """Who may see something."""

    people: tuple[str, ...]
    """Names of those whom the asker may know of."""
    others: int
    """How many there are besides them."""


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

    def who_sees(self, described: Described) -> dict[str, Sight]:
        """`read`, `view`, `discover` → who may just that now, of all who have an account."""
        tree, lineage, now = self.office.tree, described.seen.node.lineage, self.office.house.clock()
        rules, engine, known = tree._view(tree._share(self.office.share)).rules, tree.forest.engine, tree.acquaintances
        with self.office.house.database.read() as connection:
            rows = connection.execute(select(account.c.user, account.c.admin).where(account.c.active)).all()
        names: dict[str, list[str]] = {word: [] for _, word in READING}
        others = dict.fromkeys(names, 0)
        for user, admin in rows:
            view = View(rules, engine, Principal(PrincipalKind.USER, user, admin=admin), Channel.PORTAL)
            rights = view.granted(lineage, now).rights
            word = next((word for right, word in READING if not right & ~rights), "")
            if word and user in known.people:
                names[word].append(known.people[user])
            elif word:
                others[word] += 1
        found = {word: Sight(tuple(sorted(names[word])), others[word]) for word in names}
        return {word: sight for word, sight in found.items() if sight.people or sight.others}

    # -- acts -----------------------------------------------------------------------------------------------------

    def relabelling(self, node: int, parts: Mapping[str, Any]) -> Act:
        """Change parts of the label (names of `Label`; None: inherit); an Outcome. AccessDenied, Impossible."""
        return self._of_label(node, lambda desk: relabel(desk, parts))

    def unbinding(self, node: int, agenda_item: int) -> Act:
        """Take it from an item to which it was bound by hand; an Outcome. AccessDenied, NotFound where it is not."""

        def wish(desk: Desk) -> Outcome:
            outcome = unbind(desk, agenda_item)
            if outcome == Outcome(changed=False):
                raise NotFound("it is not bound to this item by hand")
            return outcome

        return self._of_label(node, wish)

    def _of_label(self, node: int, wish: Callable[[Desk], Outcome]) -> Act:
        """Where a second person must agree, what he would agree to is looked at."""

        def at(connection: Connection) -> Desk:
            return self.office.desk(connection, node, RELABEL)

        return Act(
            self.office,
            lambda connection: wish(at(connection)),
            lambda connection: foretell(at(connection), wish),
        )

    def binding(self, node: int, share: str, meeting: str, number: str) -> Act:
        """It concerns this item too; of another committee only where the asker works at that desk as well."""

        def do(connection: Connection) -> None:
            desk = self.office.desk(connection, node, RELABEL)
            other = self.office if share == self.office.share else Office(self.office.house, self.office.tree, share)
            agendas = other.agendas(connection)
            other.demand_points(agendas, meeting, {number})
            self.office.agendas(connection).bind(desk.node.id, agendas.point(meeting, number))

        return Act(self.office, do)

    def releasing(self, node: int) -> Act:
        """Release a late paper, or a folder with all drafts beneath. AccessDenied, Impossible."""

        def do(connection: Connection) -> None:
            self.office.desk(connection, node, RELABEL)
            path, _ = self.office.tree._share(self.office.share).provider.locate(node)
            if not self.office.agendas(connection).release(path):
                raise Impossible("nothing was held back there")

        return Act(self.office, do)

    # -- agenda items ---------------------------------------------------------------------------------------------

    def points(self, paper: Described) -> list[BoundPoint]:
        """The items that it concerns: whose folder it lies in, and those to which it was bound by hand."""
        office, seen = self.office, paper.seen
        with office.house.database.read() as connection:
            own = store.bindings(connection, office.share).get(seen.node.id, ())
            points = office.agendas(connection).points_of(seen.node.lineage)
        found = [BoundPoint(one.id, one.meeting, office.point(one), one.id in own) for one in points]
        known = {one.id for one in found}
        return found + [BoundPoint(number, "", None, True) for number in own if number not in known]

    def meetings(self) -> list[tuple[str, list[tuple[str, str, int]]]]:
        """Of each committee at whose desk the asker works: its name, and (committee, id, start) of its meetings."""
        found = []
        for drive in desks(self.office.tree):
            other = Office(self.office.house, self.office.tree, drive.share)
            meetings = [(drive.share, meeting.id, meeting.start) for meeting, _ in other.meetings()]
            if meetings:
                found.append((drive.display_name, meetings))
        return sorted(found, key=lambda each: each[1][0][0] != self.office.share)

    # -- holds ----------------------------------------------------------------------------------------------------

    def holds(self, node: int | None = None) -> list[StandingHold]:
        """Those that stand now or later at one paper, or in the whole drive as far as the asker may discover."""
        office, now = self.office, self.office.house.clock()
        sealer, found = office.house.keys.sealer(office.share), []
        with office.house.database.read() as connection:
            standing = store.holds(connection, office.share)
        for hold in standing:
            wanted = node in (None, hold.node) and (hold.end is None or hold.end > now)
            paper = office.described(hold.node) if wanted else None
            if paper is not None:
                reason = "" if hold.reason is None else sealer.open(hold.reason, reason_place(hold.at))
                found.append(StandingHold(hold, reason, paper))
        return found

    def holding(self, node: int, reason: str, start: int | None, end: int | None) -> Act:
        """Within this window, or from now on, nobody changes or removes it, or what lies beneath."""
        return Act(
            self.office,
            lambda connection: keep_hold(self.office.desk(connection, node, HOLD), start, end, reason),
            at=start,
        )

    def ending_hold(self, node: int, hold_id: int) -> Act:
        """Raises NotFound for one that does not stand there."""

        def do(connection: Connection) -> None:
            desk = self.office.desk(connection, node, HOLD)
            if not any(hold.id == hold_id and hold.node == node for hold in store.holds(connection, desk.share)):
                raise NotFound("there is no such hold")
            if store.end_hold(connection, hold_id, self.office.house.clock()) is None:
                raise Impossible("the hold has ended already")
            desk.note("hold-end", f"hold {hold_id}")

        return Act(self.office, do)
