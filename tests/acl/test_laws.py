"""Laws of a decision that hold for every set of facts (architecture.md §2 law 4, rights.md §2)."""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

from hypothesis import assume, given
from hypothesis import strategies as st
from rights_scenario import CONFIG

from acl.engine import AccessRequest, Engine, View
from acl.entries import Entry
from acl.labels import NEVER, ON_CREATION, Classification, Label
from acl.mandates import ROLES, Committee, CommitteeKind, Mandate
from acl.principals import ANONYMOUS, Ceiling, Channel, Principal, PrincipalKind
from acl.privileges import LEAVES, NAMES, Rights, parse_rights
from acl.roles import RoleTable
from acl.rules import ShareRules, build_rules

ENGINE = Engine(RoleTable.load(CONFIG))
LINEAGES = {1: (1,), 2: (1, 2), 3: (1, 2, 3), 4: (1, 2, 4), 5: (1, 5), 6: (1, 5, 6), 7: (1, 2, 3, 7)}
TIMES = st.integers(1, 20)
EDGES = st.none() | TIMES
NODES = st.sampled_from(sorted(LINEAGES))
PEOPLE = st.sampled_from(["otto", "anna"])
SUBJECTS = st.sampled_from(
    ["user:otto", "user:anna", "role:member", "role:clerk", "committee:ba05", "committee:ba06", "authenticated", "all"]
)


class Facts(NamedTuple):
    committee: Committee
    mandates: tuple[Mandate, ...]
    undertakings: dict[str, int]
    labels: dict[int, Label]
    entries: tuple[Entry, ...]

    def rules(self) -> ShareRules:
        return build_rules(
            self.committee,
            mandates=self.mandates,
            undertakings=self.undertakings,
            labels=self.labels,
            entries=self.entries,
            places=LINEAGES,
        )


@st.composite
def entries(draw: st.DrawFn, *, deny: bool | None = None) -> Entry:
    """One entry; the list numbers it."""
    denies = draw(st.booleans()) if deny is None else deny
    words = draw(st.sets(st.sampled_from(sorted(NAMES)), min_size=1, max_size=4))
    cuts = not denies and draw(st.booleans())
    rights = parse_rights(words, deny=denies)
    return Entry(draw(NODES), draw(SUBJECTS), rights, denies, cuts, draw(EDGES), draw(EDGES))


def numbered(some: list[Entry]) -> tuple[Entry, ...]:
    return tuple(replace(entry, id=number) for number, entry in enumerate(some, 1))


LABELS = st.builds(
    Label,
    st.none() | st.sampled_from(Classification),
    st.none() | st.sampled_from([ON_CREATION, NEVER]) | TIMES,
    EDGES,
    st.none(),
    EDGES,
)
COMMITTEES = st.builds(
    Committee,
    st.just("ba05"),
    st.just("BA 5"),
    st.sampled_from(CommitteeKind),
    st.sampled_from(Classification),
    st.booleans(),
    st.booleans(),
    st.booleans(),
)
MANDATES = st.builds(Mandate, st.sampled_from(["ba05", "ba06"]), PEOPLE, st.sampled_from(ROLES), TIMES, EDGES)
FACTS = st.builds(
    Facts,
    COMMITTEES,
    st.lists(MANDATES, max_size=4).map(tuple),
    st.dictionaries(PEOPLE, TIMES),
    st.dictionaries(NODES, LABELS, max_size=5),
    st.lists(entries(), max_size=5).map(numbered),
)
CEILINGS = st.builds(
    Ceiling,
    st.just("app-password"),
    st.sampled_from([Rights.ALL, Rights.READ, Rights.WRITE]),
    st.sampled_from(Classification),
    st.sampled_from([(), (("ba05", 3),), (("ba05", 2), ("ba06", 5))]),
)
ASKERS = st.just(ANONYMOUS) | st.builds(
    Principal, st.just(PrincipalKind.USER), PEOPLE, st.just(""), st.booleans(), st.just(Ceiling()) | CEILINGS
)
CHANNELS = st.sampled_from(Channel)


def all_granted(rules: ShareRules, who: Principal, at: int, channel: Channel) -> dict[int, int]:
    view = View(rules, ENGINE, who, channel)
    return {node: int(view.granted(lineage, at).rights) for node, lineage in LINEAGES.items()}


@given(FACTS, ASKERS, TIMES, CHANNELS, st.randoms(use_true_random=False))
def test_the_order_of_grants_is_irrelevant(
    facts: Facts, who: Principal, at: int, channel: Channel, random: object
) -> None:
    """Grants add up (law 4): in whatever order mandates and entries are read."""
    mandates, some = list(facts.mandates), list(facts.entries)
    random.shuffle(mandates)  # type: ignore[attr-defined]
    random.shuffle(some)  # type: ignore[attr-defined]
    shuffled = facts._replace(mandates=tuple(mandates), entries=tuple(some))
    assert all_granted(facts.rules(), who, at, channel) == all_granted(shuffled.rules(), who, at, channel)


@given(FACTS, TIMES, CHANNELS)
def test_no_grant_means_no(facts: Facts, at: int, channel: Channel) -> None:
    """Without a mandate and without a granting entry there is nothing but what is published (law 4)."""
    bare = facts._replace(
        mandates=tuple(m for m in facts.mandates if m.person != "otto"),
        entries=tuple(entry for entry in facts.entries if entry.deny),
        committee=replace(facts.committee, publish_with_agenda=False),
        labels={node: label._replace(publish_at=None) for node, label in facts.labels.items()},
    )
    who = Principal(PrincipalKind.USER, "otto")
    assert set(all_granted(bare.rules(), who, at, channel).values()) == {0}


@given(FACTS, ASKERS, TIMES, CHANNELS)
def test_a_page_equals_its_single_decisions(facts: Facts, who: Principal, at: int, channel: Channel) -> None:
    """rights.md §2: decisions for a page of members are one call, with the same answers; 99 carries no mark."""
    rules = facts.rules()
    for parent in (1, 2, 3, 5):
        lineage = LINEAGES[parent]
        members = [node for node, line in LINEAGES.items() if line[:-1] == lineage] + [99]
        page = ENGINE.page(rules, who, at, channel, lineage, members)
        for node, granted in zip(members, page, strict=True):
            assert granted == ENGINE.granted(rules, who, at, channel, (*lineage, node))
            for name in LEAVES:
                request = AccessRequest(who, NAMES[name], "ba05", (*lineage, node), at, channel)
                decision = ENGINE.decide(rules, request)
                assert decision.allowed == (granted.rights & NAMES[name] == NAMES[name])
                assert decision.reasons


@given(FACTS, entries(deny=True), ASKERS, TIMES, CHANNELS)
def test_one_more_denial_never_widens(facts: Facts, denial: Entry, who: Principal, at: int, channel: Channel) -> None:
    """Hard denials come last and win (law 4), also over what lies beneath."""
    before = all_granted(facts.rules(), who, at, channel)
    more = facts._replace(entries=(*facts.entries, replace(denial, id=99)))
    after = all_granted(more.rules(), who, at, channel)
    assert all(after[node] & ~before[node] == 0 for node in LINEAGES)


@given(FACTS, TIMES, TIMES, NODES, ASKERS, CHANNELS)
def test_closing_earlier_never_widens(
    facts: Facts, at: int, closing: int, node: int, who: Principal, channel: Channel
) -> None:
    """A closed window takes; it gives nobody anything, where nothing is published."""
    open_labels = {pin: label._replace(close_at=None, publish_at=None) for pin, label in facts.labels.items()}
    facts = facts._replace(labels=open_labels, committee=replace(facts.committee, publish_with_agenda=False))
    assume(all(bound.phase_at(at) != "draft" for bound in (r.bound for r in facts.rules().regions.values())))
    before = all_granted(facts.rules(), who, at, channel)
    closed = {**open_labels, node: open_labels.get(node, Label())._replace(close_at=closing)}
    after = all_granted(facts._replace(labels=closed).rules(), who, at, channel)
    assert all(after[node] & ~before[node] == 0 for node in LINEAGES)


@given(FACTS, ASKERS, CEILINGS, TIMES, CHANNELS)
def test_a_credential_never_adds(facts: Facts, who: Principal, ceiling: Ceiling, at: int, channel: Channel) -> None:
    """Ceilings cut down (law 4)."""
    rules = facts.rules()
    free = all_granted(rules, replace(who, ceiling=Ceiling()), at, channel)
    cut = all_granted(rules, replace(who, ceiling=ceiling), at, channel)
    assert all(cut[node] & ~free[node] == 0 for node in LINEAGES)


@given(FACTS, ASKERS, TIMES, CHANNELS)
def test_an_answer_holds_until_its_edge(facts: Facts, who: Principal, at: int, channel: Channel) -> None:
    """rights.md §2: a cached decision knows its next time edge; a view that kept its answers agrees with a new one."""
    rules = facts.rules()
    kept = View(rules, ENGINE, who, channel)
    for now in range(at, 22):
        for node, lineage in LINEAGES.items():
            fresh = ENGINE.granted(rules, who, now, channel, lineage)
            assert kept.granted(lineage, now)[:2] == fresh[:2], (now, node)
            assert fresh.until is None or fresh.until > now


def _without(facts: Facts, reasons: tuple[str, ...], person: str) -> Facts:
    """The same facts less the entries and mandates that the reasons name."""
    entry_ids = {int(code.rpartition(":")[2]) for code in reasons if code.startswith(("entry:", "deny:"))}
    roles = {code.partition(":")[2].partition("@")[0] for code in reasons if code.startswith("mandate:")}
    return facts._replace(
        entries=tuple(entry for entry in facts.entries if entry.id not in entry_ids),
        mandates=tuple(m for m in facts.mandates if (m.person, m.share) != (person, "ba05") or m.role not in roles),
    )


@given(FACTS, PEOPLE, TIMES, CHANNELS)
def test_removing_the_reasons_named_flips_the_decision(facts: Facts, person: str, at: int, channel: Channel) -> None:
    """rights.md §2: what explain names is what decides.

    Left aside: an entry that cuts (without it grants from above return), and a collection that then stays
    discoverable for what lies beneath.
    """
    facts = facts._replace(entries=tuple(replace(entry, cut=False) for entry in facts.entries))
    rules, who = facts.rules(), Principal(PrincipalKind.USER, person)
    for lineage in LINEAGES.values():
        for name in LEAVES:
            request = AccessRequest(who, NAMES[name], "ba05", lineage, at, channel)
            decision = ENGINE.decide(rules, request)
            kinds = {code.partition(":")[0] for code in decision.reasons}
            if kinds <= ({"mandate", "entry"} if decision.allowed else {"deny"}):
                flipped = ENGINE.decide(_without(facts, decision.reasons, person).rules(), request)
                assert flipped.allowed is not decision.allowed or flipped.reasons == ("container",)
