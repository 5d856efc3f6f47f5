"""Rows of meetings, bindings, recusals, links and proposals: what they refuse, and that every change is noticed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest
from rights_scenario import instant, mark
from sqlalchemy import Connection, create_engine

from acl import store
from acl.entries import Entry
from acl.labels import Classification, Label, carried
from acl.links import Link, LinkKind
from acl.mandates import Committee
from acl.meetings import AgendaItem, Meeting, MeetingState, normal_matter
from acl.privileges import Rights
from acl.recusals import Effect, Recusal
from acl.schema import metadata
from davserver.keys import Sealer, SpaceKeys

RECUSAL = Recusal("ba05", "otto", 1, None, 10, None, Effect.BOTH, "user:anna", 5)
LINK = Link("ba05", 7, LinkKind.LINK, b"hash", Rights.READ, Classification.PUBLIC, "user:anna", 10)
MATTER = "20-26 / V 15898"


@pytest.fixture
def sealer() -> Sealer:
    return Sealer(SpaceKeys(bytes(16), bytes(range(32))))


@pytest.fixture
def connection(sealer: Sealer) -> Iterator[Connection]:
    """Two committees, each with a meeting and items 1 and 2; ids 1 and 2 are those of ba05."""
    engine = create_engine("sqlite://")
    with engine.begin() as opened:
        metadata.create_all(opened)
        for share in ("ba05", "ba06"):
            store.declare_committee(opened, Committee(share, share))
            store.declare_meeting(opened, sealer, Meeting(share, "vg", "Vollgremium", 10, 20))
            for number in ("1", "2"):
                point = AgendaItem(share, "vg", number, f"Titel {number}", True, MATTER if number == "1" else None)
                store.declare_agenda_item(opened, sealer, mark, point)
        yield opened
    engine.dispose()


def test_states_leave_their_instants(connection: Connection, sealer: Sealer) -> None:
    """A state passed over is reached at the same instant; going back takes later instants away.

    What takes place after it was cancelled is released anew.
    """

    def instants() -> tuple[int | None, int | None, int | None]:
        (found,) = store.meetings(connection, sealer, "ba05")
        return found.released_at, found.closed_at, found.approved_at

    def reach(state: MeetingState, at: int) -> bool:
        return store.set_meeting_state(connection, "ba05", "vg", state, at)

    assert reach(MeetingState.AGENDA_RELEASED, 3)
    assert not reach(MeetingState.AGENDA_RELEASED, 4)
    assert instants() == (3, None, None)
    assert reach(MeetingState.RUNNING, 11)
    assert reach(MeetingState.MINUTES_APPROVED, 30)
    assert instants() == (3, 30, 30)
    assert reach(MeetingState.CANCELLED, 31)
    assert instants() == (3, 30, 30)
    assert reach(MeetingState.CLOSED, 32)
    assert instants() == (32, 30, None)
    assert reach(MeetingState.PLANNED, 33)
    assert instants() == (None, None, None)
    with pytest.raises(ValueError, match="no meeting xx in ba05"):
        store.set_meeting_state(connection, "ba05", "xx", MeetingState.CLOSED, 1)


def test_a_folder_is_kept_when_a_meeting_is_declared_again(connection: Connection, sealer: Sealer) -> None:
    """`apply` knows no node ids; what it does not name stays."""
    assert store.bind_meeting(connection, "ba05", "vg", 40)
    assert store.bind_agenda_item_folder(connection, "ba05", 1, 41)
    assert not store.bind_meeting(connection, "ba05", "xx", 40)
    assert not store.bind_agenda_item_folder(connection, "ba06", 1, 41)
    assert store.declare_meeting(connection, sealer, Meeting("ba05", "vg", "Neu", 10, 20))
    store.declare_agenda_item(connection, sealer, mark, AgendaItem("ba05", "vg", "1", "Neu", True))
    assert store.meetings(connection, sealer, "ba05")[0].node == 40
    point = store.agenda(connection, sealer, "ba05", "vg")[0]
    assert (point.node, point.matter, point.matter_mark) == (41, None, None)


def test_items_trade_their_numbers(connection: Connection, sealer: Sealer) -> None:
    """A renumbering keeps ids and titles; one that makes a number stand twice is refused whole."""
    assert store.renumber(connection, sealer, "ba05", "vg", {"1": "2", "2": "1"})
    found = {point.id: (point.number, point.title) for point in store.agenda(connection, sealer, "ba05", "vg")}
    assert found == {1: ("2", "Titel 1"), 2: ("1", "Titel 2")}
    assert not store.renumber(connection, sealer, "ba05", "vg", {"1": "1"})
    for numbers, complaint in (({"1": "2"}, "2 would stand twice"), ({"9": "1"}, "no item 9")):
        with pytest.raises(ValueError, match=complaint):
            store.renumber(connection, sealer, "ba05", "vg", numbers)
    other = store.agenda(connection, sealer, "ba06", "vg")
    assert [point.title for point in other] == ["Titel 1", "Titel 2"]


def test_matters_are_marked_alike_however_they_are_written() -> None:
    """Upper case, one blank around the stroke: equal matters are found across committees."""
    for written in ("20-26 / V 15898", "20-26/v 15898", " 20-26  /V  15898 "):
        assert normal_matter(written) == MATTER


def test_a_binding_may_name_an_item_of_another_committee(connection: Connection) -> None:
    """A copy in another drive does not escape: the item's matter and its recusals count, its meeting does not."""
    store.bind_meeting(connection, "ba06", "vg", 50)
    assert store.add_binding(connection, "ba06", 60, 1)
    assert not store.add_binding(connection, "ba06", 60, 1)
    assert store.add_binding(connection, "ba06", 60, 4)
    with pytest.raises(ValueError, match="no agenda item has the id 99"):
        store.add_binding(connection, "ba06", 60, 99)
    assert store.bindings(connection, "ba06") == {60: (1, 4)}
    store.add_recusal(connection, RECUSAL)
    rules = store.load_rules(connection, "ba06", lambda ids: {node: (10, node) for node in ids})
    region = rules.regions[60]
    assert (region.items, region.meetings, region.matters) == ({1, 4}, {"vg"}, {mark(MATTER)})
    assert rules.regions[50].meetings == {"vg"}
    assert [recusal.agenda_item for recusal in rules.recusals["otto"]] == [1]
    assert store.remove_binding(connection, "ba06", 60, 1)
    assert not store.remove_binding(connection, "ba06", 60, 1)
    assert store.load_rules(connection, "ba06", lambda ids: {}).recusals == {}


def test_a_recusal_by_matter_holds_in_every_committee(connection: Connection) -> None:
    """One from the discussion alone decides no rights and is left out of the rules."""
    by_matter = replace(RECUSAL, share="", agenda_item=None, matter_mark=mark(MATTER))
    for recusal in (RECUSAL, by_matter, replace(by_matter, person="eva", effect=Effect.DISCUSSION)):
        store.add_recusal(connection, recusal)
    assert [recusal.id for recusal in store.recusals(connection, "ba05")] == [1, 2, 3]
    assert [recusal.id for recusal in store.recusals(connection, "ba06")] == [2, 3]
    assert store.recusals(connection, "ba06")[0] == replace(by_matter, id=2)
    assert set(store.load_rules(connection, "ba06", lambda ids: {}).recusals) == {"otto"}
    assert store.end_recusal(connection, 2, 50)
    assert not store.end_recusal(connection, 2, 60)
    assert store.recusals(connection, "ba06")[0].end == 50


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"agenda_item": None}, "an agenda item or a matter"),
        ({"matter_mark": b"x"}, "an agenda item or a matter"),
        ({"share": ""}, "names the item's committee"),
        ({"agenda_item": 99}, "no agenda item has the id 99"),
        ({"end": 10}, "must start before it ends"),
    ],
)
def test_a_senseless_recusal_is_refused(connection: Connection, change: dict[str, object], complaint: str) -> None:
    """One sentence that says what is wrong."""
    with pytest.raises(ValueError, match=complaint):
        store.add_recusal(connection, replace(RECUSAL, **change))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"end": 10}, "must start before it ends"),
        ({"uses_left": 0}, "usable at least once"),
        ({"rights": Rights.BIND}, "must give discover"),
        ({"kind": LinkKind.DROP}, "a drop bind"),
        ({"maker": "link:1"}, "made by a user"),
    ],
)
def test_a_senseless_link_is_refused(connection: Connection, change: dict[str, object], complaint: str) -> None:
    """One sentence that says what is wrong."""
    with pytest.raises(ValueError, match=complaint):
        store.add_link(connection, replace(LINK, **change))  # type: ignore[arg-type]


def test_uses_of_a_link_are_counted_down(connection: Connection) -> None:
    """Each use is one guarded update; without a number there is no end; revoked, none."""
    limited = store.add_link(connection, replace(LINK, uses_left=2, label=b"sealed", password="x"))
    free = store.add_link(connection, replace(LINK, token_hash=b"other"))
    assert [store.use_link(connection, limited) for _ in range(3)] == [True, True, False]
    assert [store.use_link(connection, free) for _ in range(3)] == [True] * 3
    found = store.link_by_hash(connection, b"hash")
    assert found == replace(LINK, id=limited, uses_left=0, label=b"sealed", password="x")
    assert store.link_by_hash(connection, b"nothing") is None
    assert store.revoke_link(connection, free, 100)
    assert not store.revoke_link(connection, free, 200)
    assert not store.revoke_link(connection, 99, 100)
    assert not store.use_link(connection, free)
    assert [(link.id, link.revoked) for link in store.links(connection, "ba05")] == [(limited, None), (free, 100)]


def test_a_proposal_takes_a_second_person(connection: Connection) -> None:
    """rights.md §2: nobody approves what he proposed, and nothing is approved twice."""
    change = {"class": "public"}
    number = store.propose(connection, "ba05", 7, change, "user:anna", 10)
    (waiting,) = store.proposals(connection, "ba05")
    assert (waiting.id, waiting.node, waiting.change, waiting.approved_by) == (number, 7, change, None)
    with pytest.raises(ValueError, match="a second person"):
        store.approve_proposal(connection, number, "user:anna")
    assert store.approve_proposal(connection, number, "user:vera") == replace(waiting, approved_by="user:vera")
    assert store.proposals(connection, "ba05") == []
    for unknown in (number, 99):
        with pytest.raises(ValueError, match=f"no proposal {unknown} waits"):
            store.approve_proposal(connection, unknown, "user:vera")


def test_every_change_of_a_rule_makes_snapshots_stale(connection: Connection, sealer: Sealer) -> None:
    """One transaction, one new epoch; what decides nothing (a use, a proposal) leaves it alone."""
    changes: list[Callable[[], object]] = [
        lambda: store.set_meeting_state(connection, "ba05", "vg", MeetingState.CLOSED, 1),
        lambda: store.bind_meeting(connection, "ba05", "vg", 40),
        lambda: store.bind_agenda_item_folder(connection, "ba05", 1, 41),
        lambda: store.renumber(connection, sealer, "ba05", "vg", {"1": "3"}),
        lambda: store.add_binding(connection, "ba05", 60, 2),
        lambda: store.remove_binding(connection, "ba05", 60, 2),
        lambda: store.add_recusal(connection, RECUSAL),
        lambda: store.end_recusal(connection, 1, 99),
        lambda: store.add_link(connection, LINK),
        lambda: store.revoke_link(connection, 1, 99),
        lambda: store.forget_nodes(connection, "ba05", [40]),
    ]
    for change in changes:
        before = store.epoch(connection, "ba05")
        change()
        assert store.epoch(connection, "ba05") > before
    before = store.epoch(connection, "ba05")
    store.use_link(connection, 1)
    store.propose(connection, "ba05", 7, {}, "user:anna", 10)
    assert store.epoch(connection, "ba05") == before


def test_what_was_said_of_a_node_ends_with_it(connection: Connection, sealer: Sealer) -> None:
    """Ids are never used again, so neither may be what hangs on them."""
    store.set_label(connection, "ba05", 7, Label(Classification.PUBLIC))
    store.add_entry(connection, "ba05", Entry(7, "user:otto", Rights.READ, maker="user:anna"))
    store.add_binding(connection, "ba05", 7, 1)
    store.add_link(connection, LINK)
    store.bind_meeting(connection, "ba05", "vg", 7)
    store.bind_agenda_item_folder(connection, "ba05", 2, 7)
    assert store.forget_nodes(connection, "ba05", [7, 8])
    assert not store.forget_nodes(connection, "ba05", [7, 8])
    rules = store.load_rules(connection, "ba05", lambda ids: {})
    assert (set(rules.regions), rules.links) == ({0}, {})
    assert store.meetings(connection, sealer, "ba05")[0].node is None


@pytest.mark.parametrize(
    ("entry", "complaint"),
    [
        (Entry(1, "all", Rights.READ, maker="anna"), "made by a user"),
        (Entry(1, "all", Rights.READ, deny=True, maker="user:anna"), "neither an inside share nor an inbox"),
        (Entry(1, "all", Rights.READ, deny=True, drop_own=True), "neither an inside share nor an inbox"),
        (Entry(1, "all", Rights.READ, cut=True, maker="user:anna"), "cannot cut"),
    ],
)
def test_a_senseless_share_is_refused(connection: Connection, entry: Entry, complaint: str) -> None:
    """One sentence that says what is wrong."""
    with pytest.raises(ValueError, match=complaint):
        store.add_entry(connection, "ba05", entry)


def test_a_paper_takes_its_matters_and_the_end_of_its_meeting_along(connection: Connection) -> None:
    """rights.md §2.7: nobody escapes a recusal, or the closing of a meeting, by a MOVE."""
    store.set_meeting_state(connection, "ba05", "vg", MeetingState.MINUTES_APPROVED, instant("2026-12-07 21:00"))
    store.bind_agenda_item_folder(connection, "ba05", 1, 30)
    store.set_label(connection, "ba05", 40, Label(matter=mark("B 1")))
    rules = store.load_rules(connection, "ba05", lambda ids: {node: (20, node) for node in ids})
    label = carried(rules.bound_at((20, 30, 31)), rules.bound_at((20, 40)))
    assert label.matter == b"".join(sorted([mark(MATTER), mark("B 1")]))
    assert label.close_at == instant("2026-12-08")
