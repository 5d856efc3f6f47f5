"""The steps of a decision, in the order of rights.md §2: gate, bind, grants, ceilings, hard denials.

Rights are integers in here. Every step says what it gives or takes together with a reason code, so that a
decision and its explanation can never differ.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple

from acl.entries import Entry
from acl.holds import HELD, Hold
from acl.labels import ON_CREATION, Bound, Classification, Phase, earlier, next_edge
from acl.links import Link, LinkKind
from acl.mandates import CHAIR, VICE_CHAIR, CommitteeKind, Mandate
from acl.policies import Policy, RequestFacts
from acl.principals import Channel, Principal, PrincipalKind
from acl.privileges import Rights, close_chain
from acl.recusals import Recusal
from acl.roles import RoleTable
from acl.rules import Region, ShareRules
from acl.standing import Standing

ALL = int(Rights.ALL)
DISCOVER = int(Rights.DISCOVER)
LINK = int(Rights.LINK)
VIEW = int(Rights.VIEW)
READ = int(Rights.READ)
OWN_SET = int(Rights.READ_CURRENT_USER_PRIVILEGE_SET)
TO_ADD = int(Rights.DISCOVER | Rights.BIND)
"""What an inbox and a drop give: they are seen themselves, and may be added to."""

Part = tuple[str, int]
"""A reason code and the rights that it gives or takes."""


class Weighed(NamedTuple):
    """All that was found for one region."""

    classification: Classification
    phase: Phase
    grants: tuple[Part, ...]
    lost: tuple[Part, ...]
    """Grants that do not count here, under the reason why."""
    cuts: tuple[Part, ...]
    rights: int
    until: int | None
    """The next edge of anything but the label's own dates."""
    failed: bool = False
    secret: bool = False
    """Would the name tell a title that only those who may view it may know?"""


def failed(at: int) -> Weighed:
    """What stands for a region that cannot be weighed: nothing, and only for this instant."""
    return Weighed(Classification.FACTION, Phase.DRAFT, (), (), (), 0, at, failed=True)


class Question(NamedTuple):
    """One region, asked by one principal at one instant."""

    table: RoleTable
    policies: Sequence[Policy]
    rules: ShareRules
    principal: Principal
    standing: Standing
    region: Region
    in_scope: bool
    """Is the node inside the credential's or the link's scope?"""
    at: int
    channel: Channel
    node: int
    """The node itself, for policies that are `per_node`."""
    itself: bool
    """Is it about the pin, the link's own node, and not about what lies beneath?"""
    link: Link | None
    lent: Mapping[str, int] = MappingProxyType({})
    """Maker → what he may do here himself."""


def weigh(question: Question) -> Weighed:
    """All steps for one region. An exception passes through; the engine makes it a no."""
    table, at, standing, region = question.table, question.at, question.standing, question.region
    bound = bind(question.rules, region)
    phase = bound.phase_at(at)
    facts = RequestFacts(
        question.principal,
        tuple(office.role for office in standing.offices),
        question.rules.committee,
        bound.classification,
        phase,
        question.channel,
        at,
        region.node,
    )
    gates = list(gate(question, bound.classification, phase))
    offices = list(office_grants(table, question, bound.classification, phase))
    entries, lost = entry_grants(question, bound.classification)
    asked = [(policy, facts._replace(node=question.node) if policy.per_node else facts) for policy in question.policies]
    links = list(link_grants(question))
    grants = offices + entries + links + [(f"policy:{policy.name}", int(policy.grants(seen))) for policy, seen in asked]
    cuts = gates + list(ceilings(question, bound.classification)) + list(denials(question, phase, offices))
    cuts += [(f"policy:{policy.name}", int(policy.forbids(seen))) for policy, seen in asked]
    cuts += inbox(question, grants)
    until = earlier(standing.until, next_edge(at, edges(question)))
    for policy, seen in asked:
        until = earlier(until, at if policy.changes_without_notice else policy.until(seen))
    return Weighed(
        bound.classification,
        phase,
        tuple(grants),
        tuple(lost),
        tuple(cuts),
        settle(question.channel, bound.classification, grants, cuts),
        until,
        secret=title_is_secret(question.channel, bound.classification),
    )


def gate(question: Question, classification: Classification, phase: Phase) -> Iterator[Part]:
    """Step 1: nobody reaches non-public papers without his undertaking, nor others without a login."""
    if classification in question.table.undertaking and not question.standing.undertaken:
        yield "undertaking", ALL
    published = classification is Classification.PUBLIC and phase is Phase.PUBLISHED
    if question.principal.kind is PrincipalKind.ANONYMOUS and not published:
        yield "anonymous", ALL


def bind(rules: ShareRules, region: Region) -> Bound:
    """Step 2: class and dates that hold at the node; with its committee's agenda a public paper is published."""
    bound = region.bound
    with_agenda = rules.committee.publish_with_agenda and bound.release_at > ON_CREATION
    if with_agenda and bound.classification is Classification.PUBLIC:
        return bound._replace(publish_at=min(bound.publish_at, bound.release_at))
    return bound


def office_grants(table: RoleTable, question: Question, classification: Classification, phase: Phase) -> Iterator[Part]:
    """Step 3, by office: the role table; faction papers only where the committee is a faction."""
    committee = question.rules.committee
    if classification is Classification.FACTION and committee.kind is not CommitteeKind.FACTION:
        return
    for role, reason in question.standing.offices:
        yield reason, table.rights(role, classification, phase, committee.early_access)
        if role == VICE_CHAIR and chair_is_recused(question):
            acting = f"acting:{CHAIR}@{committee.share}"
            yield acting, table.rights(CHAIR, classification, phase, committee.early_access)


def chair_is_recused(question: Question) -> bool:
    """Is there a chair in office, and is everyone who chairs recused here?"""
    rules, at = question.rules, question.at
    chairs = {mandate.person for mandate in rules.chairs if mandate.holds_at(at)}
    return bool(chairs) and all(
        any(recusal.holds_at(at) for recusal in recusals_here(rules, question.region, person)) for person in chairs
    )


def recusals_here(rules: ShareRules, region: Region, person: str) -> list[Recusal]:
    """Those of a person that cover the region, at whatever time."""
    return [
        recusal
        for recusal in rules.recusals.get(person, ())
        if recusal.agenda_item in region.items or recusal.matter_mark in region.matters
    ]


def recusals_that_count(rules: ShareRules, region: Region, standing: Standing, person: str) -> list[Recusal]:
    """Those on which the answer depends: one's own, and for a vice-chair those of the chairs."""
    if not region.items and not region.matters:
        return []
    persons = [person]
    if any(office.role == VICE_CHAIR for office in standing.offices):
        persons += sorted({mandate.person for mandate in rules.chairs} - {person})
    return [recusal for one in persons for recusal in recusals_here(rules, region, one)]


def entry_grants(question: Question, classification: Classification) -> tuple[list[Part], list[Part]]:
    """Step 3, by hand: entries at the node and above it, up to a cut; and what a cut or the class made of them."""
    most = question.table.entry_ceiling[classification]
    grants: list[tuple[int, Part]] = []
    lost: list[Part] = []
    for entry in question.region.entries:
        if entry.deny or not entry.holds_at(question.at):
            continue
        if entry.cut:
            lost += [(f"cut:{entry.id}", bits) for node, (_, bits) in grants if node != entry.node]
            grants = [grant for grant in grants if grant[0] == entry.node]
        if entry.concerns(question.standing.subjects):
            bits = _given(question, entry)
            own = question.lent[entry.maker] if entry.maker else ALL
            grants.append((entry.node, (f"entry:{entry.id}", bits & most & own)))
            lost += [("ceiling:class", bits & ~most), (f"maker:{entry.id}", bits & most & ~own)]
    return [part for _, part in grants], lost


def _given(question: Question, entry: Entry) -> int:
    """What the entry gives here: that of an inbox is for the folder itself, never for what others put there."""
    if not entry.drop_own:
        return int(entry.rights)
    return TO_ADD if question.itself and entry.node == question.region.node else 0


def link_grants(question: Question) -> Iterator[Part]:
    """Step 3, by link: what it says, as far as its maker may do so himself; a drop lets add to its own node only."""
    link = question.link
    if link is None:
        return
    bits = int(link.rights)
    if link.kind is LinkKind.DROP:
        bits = TO_ADD if _is_own_node(question) else 0
    yield f"link:{link.id}", bits & question.lent[link.maker]


def _is_own_node(question: Question) -> bool:
    """Is it about the node that the link was made for? An inbox that lies in it is asked about itself as well."""
    return question.itself and question.link is not None and question.node == question.link.node


def ceilings(question: Question, classification: Classification) -> Iterator[Part]:
    """Step 4: the class, the channel and the credential each allow so much at most."""
    table, ceiling = question.table, question.principal.ceiling
    yield "ceiling:class", ALL & ~table.class_ceiling[classification]
    yield f"ceiling:{question.channel}", ALL & ~table.channel_ceiling[question.channel]
    reason = f"ceiling:{ceiling.reason or 'credential'}"
    within = question.in_scope and classification <= ceiling.max_class
    yield reason, ALL & ~int(ceiling.rights) if within else ALL
    if question.principal.kind is PrincipalKind.LINK:
        yield from _link_ceiling(question, classification)


def _link_ceiling(question: Question, classification: Classification) -> Iterator[Part]:
    """A link opens no class above its own, and none for which nobody may make links; a drop shows nothing anyway."""
    link = question.link
    if link is None:
        yield "link:unknown", ALL
        return
    nobody_may = not question.table.class_ceiling[classification] & LINK and link.kind is LinkKind.LINK
    if classification > link.max_class or nobody_may:
        yield "ceiling:link-class", ALL


def inbox(question: Question, grants: Sequence[Part]) -> Iterator[Part]:
    """Step 5, in an inbox: what others brought has no name for whoever may not view it (rights.md §2).

    A drop that was made for a folder there takes documents as any other does.
    """
    if _is_own_node(question):
        return
    around = (entry.node for entry in question.region.entries if entry.drop_own)
    if any(node != question.region.node or not question.itself for node in around):
        given = 0
        for _, bits in grants:
            given |= bits
        if given & VIEW != VIEW:
            yield "inbox", ALL


def denials(question: Question, phase: Phase, offices: Sequence[Part]) -> Iterator[Part]:
    """Step 5, last and final: recusal, revocation, a closed window that leaves only the table, denials, a hold."""
    for recusal in recusals_here(question.rules, question.region, _person(question.principal)):
        if recusal.holds_at(question.at):
            yield "recusal:matter" if recusal.agenda_item is None else "recusal:item", ALL
    if question.link is not None and not question.link.holds_at(question.at):
        yield "link:ended", ALL
    if phase is Phase.CLOSED:
        left = 0
        for _, bits in offices:
            left |= bits
        yield "phase:closed", ALL & ~left
    for entry in question.region.entries:
        if entry.deny and entry.holds_at(question.at) and entry.concerns(question.standing.subjects):
            yield f"deny:{entry.id}", int(entry.rights)
    if any(hold.holds_at(question.at) for hold in question.region.holds):
        yield "hold", int(HELD)


def edges(question: Question) -> Iterator[int | None]:
    """The instants at which the answer for the region may change, apart from those of label and standing."""
    rules, region, standing = question.rules, question.region, question.standing
    windows: list[Entry | Hold | Link | Recusal | Mandate] = [*region.entries, *region.holds]
    windows += recusals_that_count(rules, region, standing, _person(question.principal))
    if question.link is not None:
        windows.append(question.link)
        yield question.link.revoked
    if any(office.role == VICE_CHAIR for office in standing.offices):
        windows += rules.chairs
    for window in windows:
        yield window.start
        yield window.end


def _person(principal: Principal) -> str:
    return principal.id if principal.kind is PrincipalKind.USER else ""


def settle(channel: Channel, classification: Classification, grants: Sequence[Part], cuts: Sequence[Part]) -> int:
    """Grants less cuts. No read without view and discover; who may discover may ask for his own rights."""
    rights = 0
    for _, bits in grants:
        rights |= bits
    for _, bits in cuts:
        rights &= ~bits
    rights = close_chain(rights & ~OWN_SET)
    if title_is_secret(channel, classification) and rights & VIEW != VIEW:
        rights = close_chain(rights & ~DISCOVER)
    return rights | OWN_SET if rights & DISCOVER else rights


def title_is_secret(channel: Channel, classification: Classification) -> bool:
    """On a drive the name tells the title, so a non-public one needs `view` (rights.md §3)."""
    return channel is Channel.DAV and classification >= Classification.NON_PUBLIC
