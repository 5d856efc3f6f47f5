"""Legal holds as rows and as facts of a snapshot: what retention and the door ask (rights.md §2.5)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
from sqlalchemy import Connection, create_engine

from acl import store
from acl.holds import Hold
from acl.mandates import Committee
from acl.rules import build_rules
from acl.schema import metadata

COMMITTEE = Committee("ba05", "BA 5")
HOLD = Hold("ba05", 3, 10, 20, "user:anna", 5, b"sealed")
PLACES = {3: (1, 2, 3), 7: (1, 2, 3, 7)}


@pytest.fixture
def connection() -> Iterator[Connection]:
    engine = create_engine("sqlite://")
    with engine.begin() as opened:
        metadata.create_all(opened)
        store.declare_committee(opened, COMMITTEE)
        yield opened
    engine.dispose()


@pytest.mark.parametrize(("at", "held"), [(9, False), (10, True), (19, True), (20, False)])
def test_a_hold_holds_within_its_window_for_the_node_and_all_beneath(at: int, held: bool) -> None:
    """`[start, end)`; what lies above or beside is not held, but what lies above has something held within."""
    rules = build_rules(COMMITTEE, places=PLACES, holds=[HOLD])
    for lineage in ((1, 2, 3), (1, 2, 3, 4), (1, 2, 3, 7, 8)):
        assert (rules.held_at(lineage, at), rules.held_within(lineage, at)) == (held, held)
    for lineage in ((1,), (1, 2)):
        assert (rules.held_at(lineage, at), rules.held_within(lineage, at)) == (False, held)
    assert not rules.held_within((1, 5), at)


def test_what_lies_in_the_trash_is_held_by_where_it_lay() -> None:
    """Retention asks with the lineage that the trash kept; the hold's own node may be gone from the tree too."""
    rules = build_rules(COMMITTEE, places={}, holds=[HOLD])
    assert rules.held_at((1, 2, 3), 15) and rules.held_at((3,), 15)
    assert rules.held_at((1, 2, 3, 4), 15)
    assert not rules.held_within((1, 2), 15)


def test_a_hold_is_a_pin() -> None:
    """It needs a region of its own: its nodes share decisions that their neighbours do not."""
    rules = build_rules(COMMITTEE, places=PLACES, holds=[replace(HOLD, id=1), replace(HOLD, node=7, end=None, id=2)])
    assert set(rules.regions) == {0, 3, 7}
    assert [hold.id for hold in rules.regions[7].holds] == [1, 2]
    assert rules.marks >= {1, 2, 3, 7}


def test_rows_come_back_as_they_were_written(connection: Connection) -> None:
    """Each change makes snapshots stale."""
    epochs = [store.epoch(connection, "ba05")]
    number = store.add_hold(connection, HOLD)
    epochs.append(store.epoch(connection, "ba05"))
    stands = replace(HOLD, id=number)
    assert store.holds(connection, "ba05") == [stands]
    assert store.holds(connection, "ba06") == []
    assert store.load_rules(connection, "ba05", lambda ids: {i: PLACES[i] for i in ids}).holds == {3: (stands,)}
    assert store.end_hold(connection, number, 15) == stands
    epochs.append(store.epoch(connection, "ba05"))
    assert store.end_hold(connection, number, 15) is None
    assert store.end_hold(connection, 99, 15) is None
    assert [hold.end for hold in store.holds(connection, "ba05")] == [15]
    assert epochs == sorted(set(epochs))


def test_an_open_hold_is_ended(connection: Connection) -> None:
    number = store.add_hold(connection, replace(HOLD, end=None))
    assert store.end_hold(connection, number, 1000)
    assert [hold.end for hold in store.holds(connection, "ba05")] == [1000]


def test_a_hold_to_come_follows_the_content_that_it_was_about(connection: Connection) -> None:
    """A document that takes over another's place ends as a node; what is to be kept goes on under the other id."""
    store.add_hold(connection, HOLD)
    before = store.epoch(connection, "ba05")
    store.follow_holds(connection, "ba05", 3, 7)
    assert [hold.node for hold in store.holds(connection, "ba05")] == [7]
    assert store.epoch(connection, "ba05") > before
    assert not store.forget_nodes(connection, "ba05", [3])
    assert store.forget_nodes(connection, "ba05", [7])
    assert store.holds(connection, "ba05") == []


@pytest.mark.parametrize("end", [10, 9])
def test_a_hold_that_never_holds_is_refused(connection: Connection, end: int) -> None:
    with pytest.raises(ValueError, match="must start before it ends"):
        store.add_hold(connection, replace(HOLD, end=end))
