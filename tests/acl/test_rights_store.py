"""Rows of rights: declared idempotently, sealed where they are titles, read as one snapshot."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from rights_scenario import mark
from sqlalchemy import Connection, create_engine, text

from acl import store
from acl.entries import Entry
from acl.labels import NEVER, ON_CREATION, Bound, Classification, Label, Phase, carried
from acl.mandates import Committee, CommitteeKind, Mandate
from acl.meetings import AgendaItem, Meeting, MeetingState
from acl.privileges import Rights
from acl.schema import metadata
from davserver.keys import Sealer, SpaceKeys

PLENARY = Committee("ba05", "BA 5")


@pytest.fixture
def connection() -> Iterator[Connection]:
    engine = create_engine("sqlite://")
    with engine.begin() as opened:
        metadata.create_all(opened)
        store.declare_committee(opened, PLENARY)
        yield opened
    engine.dispose()


@pytest.fixture
def sealer() -> Sealer:
    return Sealer(SpaceKeys(bytes(16), bytes(range(32))))


def test_declaring_twice_changes_nothing(connection: Connection, sealer: Sealer) -> None:
    """contract.md: applying twice changes nothing; a change of a fact is one."""
    mandate = Mandate("ba05", "otto", "member", 10, 20)
    meeting = Meeting("ba05", "2026-12-07", "Vollgremium", 10, 20)
    point = AgendaItem("ba05", "2026-12-07", "4.2.1", "Anhörung", True, "20-26 / V 15898")
    assert not store.declare_committee(connection, PLENARY)
    assert store.declare_committee(connection, Committee("ba05", "BA 5", CommitteeKind.BOARD))
    for declared in (
        lambda: store.declare_mandate(connection, mandate),
        lambda: store.declare_undertaking(connection, "otto", 5),
        lambda: store.declare_meeting(connection, sealer, meeting),
        lambda: store.declare_agenda_item(connection, sealer, mark, point),
        lambda: store.set_label(connection, "ba05", 7, Label(Classification.PUBLIC, ON_CREATION)),
    ):
        assert [declared(), declared()] == [True, False]
    assert store.declare_meeting(connection, sealer, Meeting("ba05", "2026-12-07", "VG", 10, 20, MeetingState.RUNNING))
    assert store.meetings(connection, sealer, "ba05")[0].state is MeetingState.RUNNING
    assert store.agenda(connection, sealer, "ba05", "2026-12-07")[0].title == "Anhörung"
    assert store.mandates_of(connection, "otto") == store.mandates_in(connection, "ba05") == [mandate]
    assert store.undertaking(connection, "otto") == 5


def test_a_mandate_ends_only_by_an_end(connection: Connection) -> None:
    """contract.md: what the file does not name stays; a mandate ends only by `end`."""
    store.declare_mandate(connection, Mandate("ba05", "otto", "member", 10))
    assert store.end_mandate(connection, "ba05", "otto", "member", 20)
    assert not store.end_mandate(connection, "ba05", "otto", "member", 30)
    assert not store.declare_mandate(connection, Mandate("ba05", "otto", "member", 10))
    assert store.mandates_of(connection, "otto")[0].end == 20
    assert store.declare_mandate(connection, Mandate("ba05", "otto", "member", 10, 40))


def test_a_mandate_that_has_not_begun_is_taken_back_without_a_trace(connection: Connection) -> None:
    """Known by its start; whoever reads rules anew finds it gone."""
    store.declare_mandate(connection, Mandate("ba05", "otto", "chair", 10, 20))
    before = store.epoch(connection, "ba05")
    assert not store.take_back_mandate(connection, "ba05", "otto", "chair", 11)
    assert store.epoch(connection, "ba05") == before
    assert store.take_back_mandate(connection, "ba05", "otto", "chair", 10)
    assert store.mandates_of(connection, "otto") == []
    assert store.epoch(connection, "ba05") > before


@pytest.mark.parametrize(
    ("mandate", "complaint"),
    [
        (Mandate("ba05", "otto", "mayor", 10), r"unknown role 'mayor'; one of: clerk"),
        (Mandate("ba05", "otto", "member", 10, 10), r"must end after it starts"),
    ],
)
def test_a_senseless_mandate_is_refused(connection: Connection, mandate: Mandate, complaint: str) -> None:
    """One sentence that says what is wrong."""
    with pytest.raises(ValueError, match=complaint):
        store.declare_mandate(connection, mandate)


@pytest.mark.parametrize(
    ("entry", "complaint"),
    [
        (Entry(1, "group:x", Rights.READ), r"unknown principal 'group:x'"),
        (Entry(1, "role:mayor", Rights.READ), r"unknown principal 'role:mayor'"),
        (Entry(1, "user:", Rights.READ), r"unknown principal 'user:'"),
        (Entry(1, "all:x", Rights.READ), r"unknown principal 'all:x'"),
        (Entry(1, "committee:BA", Rights.READ), r"unknown principal 'committee:BA'"),
        (Entry(1, "all", Rights.READ, start=5, end=5), r"must start before it ends"),
        (Entry(1, "all", Rights.NONE), r"without rights says nothing"),
        (Entry(1, "all", Rights.READ, deny=True, cut=True), r"denies cannot cut"),
    ],
)
def test_a_senseless_entry_is_refused(connection: Connection, entry: Entry, complaint: str) -> None:
    """One sentence that says what is wrong."""
    with pytest.raises(ValueError, match=complaint):
        store.add_entry(connection, "ba05", entry)


def test_entries_are_kept_once_listed_and_removed(connection: Connection) -> None:
    """An equal entry is the same entry; ids are not used again."""
    first = Entry(7, "role:member", Rights.BIND, start=5)
    assert store.add_entry(connection, "ba05", first) == (1, True)
    assert store.add_entry(connection, "ba05", first) == (1, False)
    assert store.add_entry(connection, "ba05", Entry(8, "all", Rights.READ, deny=True)) == (2, True)
    assert [entry.id for entry in store.list_entries(connection, "ba05")] == [1, 2]
    assert store.list_entries(connection, "ba05", 8) == [Entry(8, "all", Rights.READ, deny=True, id=2)]
    assert store.remove_entry(connection, "ba05", 2)
    assert not store.remove_entry(connection, "ba05", 2)
    assert store.add_entry(connection, "ba05", Entry(9, "all", Rights.READ)) == (3, True)


def test_an_empty_label_removes_it(connection: Connection) -> None:
    """A label without any part is none."""
    assert store.set_label(connection, "ba05", 7, Label(release_at=NEVER))
    assert store.labels(connection, "ba05") == {7: Label(release_at=NEVER)}
    assert store.set_label(connection, "ba05", 7, Label())
    assert store.labels(connection, "ba05") == {}


def test_titles_and_matters_are_sealed(connection: Connection, sealer: Sealer) -> None:
    """storage.md §6: no title or file number stands readable in the database."""
    store.declare_meeting(connection, sealer, Meeting("ba05", "m", "KANARIE-1", 10, 20))
    store.declare_agenda_item(connection, sealer, mark, AgendaItem("ba05", "m", "N 1", "KANARIE-2", False, "KANARIE-3"))
    rows = [str(connection.execute(text(f"SELECT * FROM {name}")).all()) for name in ("meeting", "agenda_item")]
    assert "KANARIE" not in "".join(rows)
    with pytest.raises(ValueError, match="no meeting other"):
        store.declare_agenda_item(connection, sealer, mark, AgendaItem("ba05", "other", "1", "x", True))
    with pytest.raises(ValueError, match="must end after it starts"):
        store.declare_meeting(connection, sealer, Meeting("ba05", "n", "x", 20, 20))


def test_the_snapshot_knows_regions(connection: Connection) -> None:
    """A region is the nearest pin at or above a node (rights.md §4); what is gone keeps its class, grants nothing."""
    store.set_label(connection, "ba05", 3, Label(Classification.NON_PUBLIC))
    store.add_entry(connection, "ba05", Entry(5, "role:member", Rights.WRITE))
    store.set_label(connection, "ba05", 9, Label(Classification.PERSONAL))
    store.add_entry(connection, "ba05", Entry(9, "all", Rights.READ))
    lineages = {3: (1, 2, 3), 5: (1, 2, 3, 4, 5), 6: (1, 6)}
    asked: list[int] = []

    def place(ids: object) -> dict[int, tuple[int, ...]]:
        asked.extend(ids)  # type: ignore[call-overload]
        return lineages

    rules = store.load_rules(connection, "ba05", place, [6])
    assert sorted(asked) == [3, 5, 6, 9]
    assert [rules.region_of(line) for line in ((1,), (1, 2, 3), (1, 2, 3, 4), (1, 2, 3, 4, 5, 8))] == [0, 3, 3, 5]
    assert rules.bound_at((1, 2, 3, 4, 5)).classification is Classification.NON_PUBLIC
    assert rules.beneath == {1: (3, 5), 2: (3, 5), 3: (5,), 4: (5,)}
    assert rules.regions[9].bound.classification is Classification.PERSONAL
    assert rules.regions[9].entries == ()
    with pytest.raises(store.UnknownCommittee, match="davserver apply"):
        store.load_rules(connection, "ba99", place)


def test_what_is_carried_is_never_looser() -> None:
    """rights.md §2.7: higher of both classes, later release, earlier close, never publish_at."""
    source = Bound(Classification.PERSONAL, 100, 900, 50, 10)
    target = Bound(Classification.PUBLIC, ON_CREATION, NEVER, NEVER, 10)
    assert carried(source, target) == Label(Classification.PERSONAL, 100, 900, 50, None, None)
    draft = Committee("ba05", "BA 5").ground
    assert target.under(carried(draft, target)).phase_at(10**9) is Phase.DRAFT
