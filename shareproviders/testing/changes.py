"""Rules of `TracksChanges`: the journal, and what it tells of one collection (the ground of RFC 6578)."""

from __future__ import annotations

from itertools import pairwise

import pytest

from shareproviders.contract import KeepsTrash, Left, ShareProvider, TracksChanges
from shareproviders.testing.base import Contract, at, make, put, writing


class ChangeRules(Contract):
    @pytest.fixture
    def journal(self, provider: ShareProvider) -> TracksChanges:
        if not isinstance(provider, TracksChanges):
            pytest.skip("not TracksChanges")
        return provider

    def test_changes_reach_the_ancestors(self, provider: ShareProvider, journal: TracksChanges) -> None:
        for raw in ("/c", "/c/d", "/e"):
            make(provider, raw)
        before = {raw: provider.stat(at(raw)).change for raw in ("/", "/c", "/c/d", "/e")}
        node = put(provider, "/c/d/a", b"a")
        after = {raw: provider.stat(at(raw)).change for raw in before}
        assert node.change == journal.newest_change() > max(before.values())
        assert {after["/"], after["/c"], after["/c/d"]} == {node.change}
        assert after["/e"] == before["/e"]
        assert provider.stat(at("/c/d/a")).change == node.change

    def test_every_verb_is_in_the_journal_in_order(self, provider: ShareProvider, journal: TracksChanges) -> None:
        start = journal.newest_change()
        folder = make(provider, "/c")
        node = put(provider, "/a", b"a")
        put(provider, "/a", b"b")
        provider.move(at("/a"), at("/c/a"), writing())
        provider.delete(at("/c/a"), writing())
        changes = journal.changes_since(start, 100)
        assert [(each.node_id, each.kind) for each in changes] == [
            (folder.id, "make"),
            (node.id, "put"),
            (node.id, "put"),
            (node.id, "move"),
            (node.id, "delete"),
        ]
        numbers = [each.number for each in changes]
        assert numbers == sorted(set(numbers))
        assert numbers[-1] == journal.newest_change()
        assert journal.changes_since(numbers[1], 2) == changes[2:4]
        assert journal.changes_since(numbers[-1], 10) == []

    def test_a_move_changes_both_parents(self, provider: ShareProvider, journal: TracksChanges) -> None:
        make(provider, "/c")
        make(provider, "/e")
        put(provider, "/c/a", b"a")
        before = provider.stat(at("/c")).change, provider.stat(at("/e")).change
        provider.move(at("/c/a"), at("/e/a"), writing())
        assert provider.stat(at("/c")).change > before[0]
        assert provider.stat(at("/e")).change > before[1]

    def test_a_collection_tells_which_members_changed(self, provider: ShareProvider, journal: TracksChanges) -> None:
        for raw in ("/c", "/c/d", "/c/e"):
            make(provider, raw)
        put(provider, "/c/a", b"a")
        start = journal.newest_change()
        assert journal.changed_members(provider.stat(at("/c")), start) == []
        new, deep = put(provider, "/c/b", b"b"), put(provider, "/c/e/z", b"z")
        top = provider.stat(at("/c"))
        assert journal.changed_members(top, start) == [new, provider.stat(at("/c/e"))]
        assert journal.changed_members(provider.stat(at("/c/e")), new.change) == [deep]
        assert journal.changed_members(top, 0) == provider.children(top)

    def test_what_keeps_no_versions_always_comes_along(self, provider: ShareProvider, journal: TracksChanges) -> None:
        make(provider, "/c")
        passing = put(provider, "/c/lock", b"a", keep_version=False)
        put(provider, "/c/a", b"a")
        folder = provider.stat(at("/c"))
        assert journal.changed_members(folder, journal.newest_change()) == [passing]
        kept = provider.move(at("/c/lock"), at("/c/b"), writing())
        assert journal.changed_members(provider.stat(at("/c")), kept.change) == []
        lost = provider.copy(at("/c/a"), at("/c/tmp"), writing(keep_version=False), deep=True)
        copied = provider.copy(at("/c"), at("/d"), writing(), deep=True)
        assert journal.changed_members(copied, copied.change) == [provider.stat(at("/d/tmp"))]
        assert journal.changed_members(provider.stat(at("/c")), lost.change) == [lost]

    def test_a_node_tells_since_when_it_stands_there(self, provider: ShareProvider, journal: TracksChanges) -> None:
        make(provider, "/c")
        node = put(provider, "/c/a", b"a")
        assert node.placed == node.change == journal.newest_change()
        assert put(provider, "/c/a", b"b").placed == node.placed
        moved = provider.move(at("/c/a"), at("/b"), writing())
        assert moved.placed == moved.change > node.placed
        provider.move(at("/c"), at("/d"), writing())
        assert provider.copy(at("/d"), at("/e"), writing(), deep=True).placed == journal.newest_change()
        if isinstance(provider, KeepsTrash):
            provider.delete(at("/b"), writing())
            assert provider.restore(node.id, at("/b"), writing()).placed == journal.newest_change()

    def test_what_left_a_collection_is_told_with_its_old_name(
        self, provider: ShareProvider, journal: TracksChanges
    ) -> None:
        folder, other = make(provider, "/c"), make(provider, "/d")
        inner = make(provider, "/c/inner")
        first, second = put(provider, "/c/a", b"a"), put(provider, "/c/b", b"b")
        start = journal.newest_change()
        provider.move(at("/c/a"), at("/c/x"), writing())
        provider.move(at("/c/x"), at("/d/x"), writing())
        provider.delete(at("/c/b"), writing())
        provider.move(at("/c/inner"), at("/inner"), writing())
        left = journal.departures(folder, start)
        assert [(each.node_id, each.kind, each.left) for each in left] == [
            (first.id, "move", Left(folder.id, "a", False)),
            (first.id, "move", Left(folder.id, "x", False)),
            (second.id, "delete", Left(folder.id, "b", False)),
            (inner.id, "move", Left(folder.id, "inner", True)),
        ]
        assert left == [each for each in journal.changes_since(start, 100) if each.left is not None]
        assert journal.departures(folder, left[1].number) == left[2:]
        assert journal.departures(other, start) == []

    def test_what_was_moved_onto_another_has_left_its_place(
        self, provider: ShareProvider, journal: TracksChanges
    ) -> None:
        folder, source = make(provider, "/c"), put(provider, "/c/a", b"a")
        put(provider, "/b", b"b")
        start = journal.newest_change()
        provider.move(at("/c/a"), at("/b"), writing())
        (left,) = journal.departures(folder, start)
        assert (left.node_id, left.kind, left.left) == (source.id, "delete", Left(folder.id, "a", False))

    def test_ids_grow_with_the_journal(self, provider: ShareProvider, journal: TracksChanges) -> None:
        before = journal.ids_at(journal.newest_change())
        made = [make(provider, "/c"), put(provider, "/c/a", b"a"), put(provider, "/b", b"b")]
        made.append(provider.copy(at("/c"), at("/d"), writing(), deep=True))
        made += provider.children(made[-1])
        assert all(before <= node.id < journal.ids_at(node.change) for node in made)
        assert all(journal.ids_at(one.change) <= two.id for one, two in pairwise(made[:4]))
