"""decide(): grants, then ceilings, then hard denials (rights.md §2). Pure: facts in, decision out."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import NamedTuple

from acl import lending, weighing
from acl.entries import Entry
from acl.holds import Hold
from acl.labels import Classification, Phase, earlier
from acl.links import LinkKind
from acl.policies import Policy
from acl.principals import Channel, Principal, PrincipalKind
from acl.privileges import LEAVES, NAMES, Rights
from acl.reasons import reasons_against, reasons_for
from acl.roles import Delivery, RoleTable
from acl.rules import ShareRules
from acl.standing import Standing, standing_at
from acl.weighing import Question, Weighed

LOG_READ = "log_read"
"""Obligation: a reading of this is noted (non-public papers)."""
HIDDEN_ON_DAV = "hidden_on_dav"
"""Obligation: may be viewed but not read, so a drive leaves a document out; collections stay."""
POINTER = "pointer_on_dav"
"""Obligation: may be viewed but not read, so a drive shows a pointer to the portal in a document's place."""
RENDITION = "rendition_on_dav"
"""Obligation, beside POINTER: a copy with the reader's name takes the pointer's place once he has opened it."""

_log = logging.getLogger(__name__)


class AccessRequest(NamedTuple):
    """The question: may this principal do this to that node, now, through this channel?"""

    principal: Principal
    privilege: Rights
    share: str
    lineage: tuple[int, ...]
    """Node ids from the share's root to the node itself."""
    at: int
    """Microseconds since the epoch."""
    channel: Channel


class Granted(NamedTuple):
    """All that a principal may do to one node; what the door works with."""

    rights: Rights
    obligations: frozenset[str]
    """`log_read` and kin (rights.md §2)."""
    until: int | None
    """The next instant at which this may change by the clock; None for never."""


class Decision(NamedTuple):
    """The answer to one AccessRequest, with reasons for people and logs."""

    allowed: bool
    reasons: tuple[str, ...]
    """Stable codes such as `mandate:member@ba05`, `phase:draft`, `ceiling:app-password`, `error`."""
    obligations: frozenset[str]
    until: int | None


class Engine:
    """The role table and the policies of one server; holds no facts of any share."""

    def __init__(self, roles: RoleTable, policies: Sequence[Policy] = ()) -> None:
        self.roles = roles
        self.policies = tuple(policies)
        self.per_node = any(policy.per_node for policy in self.policies)

    def granted(
        self, rules: ShareRules, principal: Principal, at: int, channel: Channel, lineage: tuple[int, ...]
    ) -> Granted:
        """All rights at one node, once; `View` keeps them."""
        return View(rules, self, principal, channel).granted(lineage, at)

    def page(  # noqa: PLR0917 (the question has that many facts)
        self,
        rules: ShareRules,
        principal: Principal,
        at: int,
        channel: Channel,
        lineage_of_parent: tuple[int, ...],
        ids: Sequence[int],
    ) -> list[Granted]:
        """All rights at each member of a collection, in the order of `ids`."""
        return View(rules, self, principal, channel).page(lineage_of_parent, ids, at)

    def decide(self, rules: ShareRules, request: AccessRequest) -> Decision:
        """One privilege, with the reasons why or why not."""
        return View(rules, self, request.principal, request.channel).decide(
            request.privilege, request.lineage, request.at
        )

    def explain(
        self, rules: ShareRules, principal: Principal, at: int, channel: Channel, lineage: tuple[int, ...]
    ) -> list[tuple[Rights, Decision]]:
        """Every leaf of the privilege tree with its decision."""
        view = View(rules, self, principal, channel)
        return [(NAMES[name], view.decide(NAMES[name], lineage, at)) for name in LEAVES]


class _Kept(NamedTuple):
    since: int
    granted: Granted


class _Alike(NamedTuple):
    """What regions have in common that get the same answer."""

    classification: Classification
    phase: Phase
    entries: tuple[Entry, ...]
    holds: tuple[Hold, ...]
    recusals: tuple[int, ...]
    in_scope: bool
    itself: bool


class View:
    """One share as one principal sees it through one channel; keeps each region's answer until its next time edge.

    Threads may share it: its dictionaries only ever receive answers that any of them would have found.
    """

    def __init__(self, rules: ShareRules, engine: Engine, principal: Principal, channel: Channel) -> None:
        self.rules, self.engine, self.principal, self.channel = rules, engine, principal, channel
        scopes = principal.ceiling.scopes
        self._scopes = frozenset(node for share, node in scopes if share == rules.share) if scopes else None
        self._marks, self._alone = rules.marks, rules.inboxes
        self._link = rules.links.get(principal.id) if principal.kind is PrincipalKind.LINK else None
        if self._link is not None:
            self._marks |= {self._link.node}
            if self._link.kind is LinkKind.DROP:
                self._alone |= {self._link.node}
        self._standing: tuple[int, Standing] | None = None
        self._regions: dict[tuple[int, bool, bool], _Kept] = {}
        self._nodes: dict[int, _Kept] = {}
        self._alike: dict[_Alike, tuple[int, Weighed]] = {}

    def granted(self, lineage: tuple[int, ...], at: int) -> Granted:
        """All rights at one node."""
        if lineage[-1] in self._marks:
            return self._marked(lineage, at)
        return self._plain(lineage, at)

    def inherited(self, lineage: tuple[int, ...], at: int, *, beneath: bool = False) -> Granted:
        """Rights by office, entries and class alone: without what a collection owes to something beneath it.

        `beneath`: not what an inbox or a drop gives at itself, but what holds for that which lies in it.
        """
        return self._plain(lineage, at, beneath=beneath)

    def page(self, lineage_of_parent: tuple[int, ...], ids: Sequence[int], at: int) -> list[Granted]:
        """As `granted` for each member; those that carry no mark share one answer."""
        if self.engine.per_node:
            return [self.granted((*lineage_of_parent, node), at) for node in ids]
        common = self._plain(lineage_of_parent, at, beneath=True)
        marks = self._marks
        if marks.isdisjoint(ids):
            return [common] * len(ids)
        return [self._marked((*lineage_of_parent, node), at) if node in marks else common for node in ids]

    def decide(self, privilege: Rights, lineage: tuple[int, ...], at: int) -> Decision:
        """One privilege, with the reasons why or why not."""
        weighed, wanted = self._weigh(lineage, at), int(privilege)
        granted = self._grant(weighed, lineage, at)
        if lineage[-1] in self._marks and not granted.rights & Rights.DISCOVER:
            granted = self._traversed(granted, lineage, at)
        allowed = int(granted.rights) & wanted == wanted
        reasons: tuple[str, ...]
        if not allowed and weighed.failed:
            reasons = ("error",)
        elif not allowed:
            reasons = reasons_against(self.engine.roles, self.rules, self._standing_at(at), weighed, wanted)
        elif weighed.rights & wanted == wanted:
            reasons = reasons_for(weighed, wanted)
        else:
            reasons = ("container",)
        return Decision(allowed, reasons, granted.obligations, granted.until)

    def shared(self, at: int) -> frozenset[int]:
        """Nodes at which somebody shares with the asker now; whether he may discover them is another question."""
        if not self.rules.shares:
            return frozenset()
        subjects = self._standing_at(at).subjects
        return frozenset(entry.node for entry in self.rules.shares if entry.holds_at(at) and entry.concerns(subjects))

    def shared_until(self, at: int) -> int | None:
        """The next instant at which `shared` may be otherwise; None for never."""
        if not self.rules.shares:
            return None
        edges = [edge for entry in self.rules.shares for edge in (entry.start, entry.end) if edge and at < edge]
        return earlier(self._standing_at(at).until, min(edges, default=None))

    def own_rights(self, lineage: tuple[int, ...], at: int) -> Rights:
        """What the asker is to have over a member that he adds here: the entries of an inbox that concern him.

        For the door, which gives them by an entry at the new member.
        """
        region = self.rules.regions[self.rules.region_of(lineage)]
        subjects = self._standing_at(at).subjects
        own = [entry for entry in region.entries if entry.drop_own and entry.node == lineage[-1]]
        rights = 0
        for entry in own:
            if entry.holds_at(at) and entry.concerns(subjects):
                rights |= int(entry.rights)
        return Rights(rights)

    def _plain(self, lineage: tuple[int, ...], at: int, *, beneath: bool = False) -> Granted:
        """Steps 1 to 5, by region; `beneath`: for what lies in the node and carries no mark."""
        if self.engine.per_node:
            return self._grant(self._weigh(lineage, at), lineage, at)
        itself = not beneath and lineage[-1] in self._alone
        key = (self.rules.region_of(lineage), self._in_scope(lineage), itself)
        kept = self._regions.get(key)
        if kept is None or not _still_holds(kept, at):
            weighed = self._or_nothing(lambda: self._weigh_once(lineage, at, itself), at)
            kept = self._regions[key] = _Kept(at, self._grant(weighed, lineage, at))
        return kept.granted

    def _marked(self, lineage: tuple[int, ...], at: int) -> Granted:
        """Step 6: a collection is discoverable if something discoverable lies beneath; kept by node."""
        node = lineage[-1]
        kept = self._nodes.get(node)
        if kept is not None and _still_holds(kept, at):
            return kept.granted
        granted = self._plain(lineage, at)
        if not granted.rights & Rights.DISCOVER:
            granted = self._traversed(granted, lineage, at)
        if not self.engine.per_node:
            self._nodes[node] = _Kept(at, granted)
        return granted

    def _traversed(self, granted: Granted, lineage: tuple[int, ...], at: int) -> Granted:
        node, until = lineage[-1], granted.until
        if self._link is not None and not self._in_scope(lineage):
            return granted  # what lies above a link's node is no business of whoever holds it
        places = self.rules.places
        for below in (*self.rules.beneath.get(node, ()), *(self._scopes or ())):
            place = places.get(below, ())
            if node not in place:
                continue
            found = self._plain(place, at)
            if found.rights & Rights.DISCOVER:
                rights = granted.rights | Rights.DISCOVER | Rights.READ_CURRENT_USER_PRIVILEGE_SET
                return Granted(rights, granted.obligations, earlier(granted.until, found.until))
            until = earlier(until, found.until)
        return granted._replace(until=until)

    def _weigh(self, lineage: tuple[int, ...], at: int) -> Weighed:
        return self._or_nothing(lambda: self._weighed(lineage, at, lineage[-1] in self._alone), at)

    def _or_nothing(self, weigh: Callable[[], Weighed], at: int) -> Weighed:
        """Step 8: whatever goes wrong, the answer is no, it is logged, and nobody may keep it."""
        try:
            return weigh()
        except Exception:  # noqa: BLE001 (law 4: an error in a policy means no, whatever kind it is)
            _log.exception("rights of %s in share %s cannot be decided", self.principal.key, self.rules.share)
            return weighing.failed(at)

    def _weighed(self, lineage: tuple[int, ...], at: int, itself: bool) -> Weighed:
        question = Question(
            self.engine.roles,
            self.engine.policies,
            self.rules,
            self.principal,
            self._standing_at(at),
            self.rules.regions[self.rules.region_of(lineage)],
            self._in_scope(lineage),
            at,
            self.channel,
            lineage[-1],
            itself,
            self._link,
        )
        makers = lending.makers_here(question.region, self._link)
        if not makers:
            return weighing.weigh(question)
        lent, until = lending.lent_here(question, makers)
        weighed = weighing.weigh(question._replace(lent=lent))
        return weighed._replace(until=earlier(weighed.until, until))

    def _weigh_once(self, lineage: tuple[int, ...], at: int, itself: bool) -> Weighed:
        """Regions alike in all that decides are weighed once: a stranger's look at a drive meets thousands."""
        region = self.rules.regions[self.rules.region_of(lineage)]
        if self.engine.policies or lending.makers_here(region, self._link):
            return self._weighed(lineage, at, itself)
        bound = weighing.bind(self.rules, region)
        counted = weighing.recusals_that_count(self.rules, region, self._standing_at(at), self.principal.id)
        recusals = tuple(recusal.id for recusal in counted)
        phase, in_scope = bound.phase_at(at), self._in_scope(lineage)
        key = _Alike(bound.classification, phase, region.entries, region.holds, recusals, in_scope, itself)
        kept = self._alike.get(key)
        if kept is None or at < kept[0] or (kept[1].until is not None and kept[1].until <= at):
            kept = self._alike[key] = at, self._weighed(lineage, at, itself)
        return kept[1]

    def _standing_at(self, at: int) -> Standing:
        kept = self._standing
        if kept is None or at < kept[0] or (kept[1].until is not None and kept[1].until <= at):
            kept = at, standing_at(self.engine.roles, self.rules, self.principal, at)
            self._standing = kept
        return kept[1]

    def _in_scope(self, lineage: tuple[int, ...]) -> bool:
        if self._link is not None and self._link.node not in lineage:
            return False
        return self._scopes is None or not self._scopes.isdisjoint(lineage)

    def _grant(self, weighed: Weighed, lineage: tuple[int, ...], at: int) -> Granted:
        if weighed.failed:
            return Granted(Rights.NONE, frozenset(), at)
        bound = weighing.bind(self.rules, self.rules.regions[self.rules.region_of(lineage)])
        rights, obligations = weighed.rights, set[str]()
        if rights & weighing.VIEW == weighing.VIEW:
            if weighed.classification >= Classification.NON_PUBLIC:
                obligations.add(LOG_READ)
            if self.channel is Channel.DAV and rights & weighing.READ != weighing.READ:
                obligations |= self._in_its_place(weighed.classification)
        return Granted(Rights(rights), frozenset(obligations), earlier(weighed.until, bound.next_edge(at)))

    def _in_its_place(self, classification: Classification) -> frozenset[str]:
        """By configuration; what is delivered as the original to those who may read it, by class for all others."""
        match self.engine.roles.delivery[classification]:
            case Delivery.RENDITION:
                return frozenset((POINTER, RENDITION))
            case Delivery.ORIGINAL if classification > Classification.NON_PUBLIC:
                return frozenset((HIDDEN_ON_DAV,))
            case Delivery.HIDDEN:
                return frozenset((HIDDEN_ON_DAV,))
        return frozenset((POINTER,))


def _still_holds(kept: _Kept, at: int) -> bool:
    until = kept.granted.until
    return kept.since <= at and (until is None or at < until)
