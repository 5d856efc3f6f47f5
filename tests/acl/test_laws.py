"""Laws of a decision that hold for every set of facts (architecture.md §2 law 4, rights.md §2)."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import assume, given
from hypothesis import strategies as st
from rights_facts import (
    ASKERS,
    CEILINGS,
    CHANNELS,
    ENGINE,
    FACTS,
    HOLDS,
    LINEAGES,
    LINK,
    NODES,
    PEOPLE,
    TIMES,
    Facts,
    all_granted,
    entries,
    recusals,
)

from acl.engine import AccessRequest, View
from acl.entries import Entry
from acl.holds import HELD, Hold
from acl.labels import Label
from acl.mandates import VICE_CHAIR
from acl.principals import Ceiling, Channel, Principal, PrincipalKind
from acl.privileges import LEAVES, NAMES, Rights
from acl.recusals import Recusal


@given(FACTS, ASKERS, TIMES, CHANNELS, st.randoms(use_true_random=False))
def test_the_order_of_grants_is_irrelevant(
    facts: Facts, who: Principal, at: int, channel: Channel, random: object
) -> None:
    """Grants add up (law 4): in whatever order mandates and entries are read."""
    names = ("mandates", "entries", "meetings", "agenda", "recusals", "links", "holds")
    mixed = {name: list(getattr(facts, name)) for name in names}
    for some in mixed.values():
        random.shuffle(some)  # type: ignore[attr-defined]
    shuffled = facts._replace(**{name: tuple(some) for name, some in mixed.items()})
    assert all_granted(facts.rules(), who, at, channel) == all_granted(shuffled.rules(), who, at, channel)


@given(FACTS, TIMES, CHANNELS)
def test_no_grant_means_no(facts: Facts, at: int, channel: Channel) -> None:
    """Without a mandate and without a granting entry there is nothing but what is published (law 4)."""
    bare = facts._replace(
        mandates=tuple(m for m in facts.mandates if m.person != "otto"),
        entries=tuple(entry for entry in facts.entries if entry.deny),
        links=(),
        committee=replace(facts.committee, publish_with_agenda=False),
        labels={node: label._replace(publish_at=None) for node, label in facts.labels.items()},
    )
    for who in (Principal(PrincipalKind.USER, "otto"), LINK):
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
                assert (decision.obligations, decision.until) == granted[1:]


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


@given(FACTS, st.data())
def test_one_more_recusal_never_widens(facts: Facts, drawn: st.DataObject) -> None:
    """Art. 49 GO: nobody gains but the vice-chair, who steps in for the chair."""
    at, channel, who = drawn.draw(TIMES), drawn.draw(CHANNELS), drawn.draw(ASKERS)
    more: Recusal = drawn.draw(recusals())
    if who.id != more.person:
        facts = facts._replace(mandates=tuple(m for m in facts.mandates if m.role != VICE_CHAIR))
    before = all_granted(facts.rules(), who, at, channel)
    after = all_granted(facts._replace(recusals=(*facts.recusals, replace(more, id=99))).rules(), who, at, channel)
    assert all(after[node] & ~before[node] == 0 for node in LINEAGES)


@given(FACTS, HOLDS, ASKERS, TIMES, CHANNELS)
def test_one_more_hold_takes_from_everybody_and_gives_nothing(
    facts: Facts, more: Hold, who: Principal, at: int, channel: Channel
) -> None:
    """rights.md §2.5: no write and no delete there, whatever the office; reading, adding and everything else stay."""
    before = all_granted(facts.rules(), who, at, channel)
    rules = facts._replace(holds=(*facts.holds, replace(more, id=99))).rules()
    after = all_granted(rules, who, at, channel)
    for node, lineage in LINEAGES.items():
        taken = int(HELD) if more.holds_at(at) and more.node in lineage else 0
        assert after[node] == before[node] & ~taken
        assert rules.held_at(lineage, at) or not taken
        assert not rules.held_at(lineage, at) or after[node] & int(HELD) == 0


@given(FACTS, ASKERS, TIMES, TIMES, CHANNELS, st.sampled_from(["closed_at", "approved_at"]))
def test_ending_a_meeting_never_widens(
    facts: Facts, who: Principal, at: int, moment: int, channel: Channel, word: str
) -> None:
    """Closed earlier, or its minutes approved earlier: less, and for nobody more."""
    old = getattr(facts.meetings[0], word)
    earlier = moment if old is None else min(moment, old)
    ended = (replace(facts.meetings[0], **{word: earlier}), facts.meetings[1])
    before = all_granted(facts.rules(), who, at, channel)
    after = all_granted(facts._replace(meetings=ended).rules(), who, at, channel)
    assert all(after[node] & ~before[node] == 0 for node in LINEAGES)


@given(FACTS, TIMES)
def test_a_link_gives_no_more_than_its_maker_has(facts: Facts, at: int) -> None:
    """rights.md §1: the maker's right is asked for again at each use, and nothing above its node is shown."""
    rules = facts.rules()
    for link in facts.links:
        maker = Principal(PrincipalKind.USER, link.maker.removeprefix("user:"))
        own = all_granted(rules, maker, at, Channel.LINK)
        for node, rights in all_granted(rules, LINK, at, Channel.LINK).items():
            assert rights & ~own[node] & ~int(Rights.READ_CURRENT_USER_PRIVILEGE_SET) == 0
            assert not rights or link.node in LINEAGES[node]


@given(FACTS, TIMES, CHANNELS, NODES)
def test_an_inside_share_gives_no_more_than_its_maker_has(facts: Facts, at: int, channel: Channel, node: int) -> None:
    """Whatever somebody gains by it, its maker has there himself."""
    facts = facts._replace(entries=tuple(entry for entry in facts.entries if entry.deny))
    anna, otto = (Principal(PrincipalKind.USER, name) for name in ("anna", "otto"))
    before, makers = (all_granted(facts.rules(), who, at, channel) for who in (otto, anna))
    shared = Entry(node, "user:otto", Rights.ALL, id=99, maker="user:anna")
    after = all_granted(facts._replace(entries=(*facts.entries, shared)).rules(), otto, at, channel)
    assert all(after[one] & ~before[one] & ~makers[one] == 0 for one in LINEAGES)


def _without(facts: Facts, reasons: tuple[str, ...], person: str) -> Facts:
    """The same facts less the entries, mandates and recusals that the reasons name."""
    entry_ids = {int(code.rpartition(":")[2]) for code in reasons if code.startswith(("entry:", "deny:"))}
    roles = {code.partition(":")[2].partition("@")[0] for code in reasons if code.startswith("mandate:")}
    if any(code.startswith("acting:") for code in reasons):
        roles.add(VICE_CHAIR)
    by_item, by_matter = "recusal:item" in reasons, "recusal:matter" in reasons
    return facts._replace(
        entries=tuple(entry for entry in facts.entries if entry.id not in entry_ids),
        mandates=tuple(m for m in facts.mandates if (m.person, m.share) != (person, "ba05") or m.role not in roles),
        recusals=tuple(
            recusal
            for recusal in facts.recusals
            if recusal.person != person or not (by_item if recusal.agenda_item else by_matter)
        ),
    )


@given(FACTS, PEOPLE, TIMES, CHANNELS)
def test_removing_the_reasons_named_flips_the_decision(facts: Facts, person: str, at: int, channel: Channel) -> None:
    """rights.md §2: what explain names is what decides.

    Left aside: an entry that cuts (without it grants from above return), a collection that then stays
    discoverable for what lies beneath, and who would step in as vice-chair for his own lost chair.
    """
    facts = facts._replace(entries=tuple(replace(entry, cut=False) for entry in facts.entries))
    rules, who = facts.rules(), Principal(PrincipalKind.USER, person)
    both = {mandate.role for mandate in facts.mandates if mandate.person == person} >= {"chair", VICE_CHAIR}
    for lineage in LINEAGES.values():
        for name in LEAVES:
            request = AccessRequest(who, NAMES[name], "ba05", lineage, at, channel)
            decision = ENGINE.decide(rules, request)
            kinds = {code.partition(":")[0] for code in decision.reasons}
            named = {"mandate", "entry", "acting"} if decision.allowed else {"deny", "recusal"}
            if kinds <= named and not (decision.allowed and both):
                flipped = ENGINE.decide(_without(facts, decision.reasons, person).rules(), request)
                assert flipped.allowed is not decision.allowed or flipped.reasons == ("container",)
