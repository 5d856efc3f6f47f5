"""What the vault keeps beside current contents: trash, shared blobs, journal, properties, sums."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from shareproviders.contract import (
    Change,
    Expected,
    NameTaken,
    NotFound,
    QuotaExceeded,
)
from shareproviders.paths import ROOT, SharePath
from shareproviders.vault.share import Vault
from tests.shares.vaults import FORMS, Attempt, Bench, ground, open_bench


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    with open_bench(tmp_path) as made:
        yield made
        assert list(made.vault.check()) == []


def test_the_trash_hides_everything_beneath_and_gives_it_back(bench: Bench) -> None:
    """DELETE moves one row; ids come back with `restore`, to any free place."""
    bench.make("/a")
    bench.make("/a/b")
    doc = bench.put("/a/b/doc", b"123")
    inside = bench.stat("/a/b")
    bench.delete("/a")
    attempts: list[Attempt] = [
        lambda: bench.stat("/a/b/doc"),
        lambda: bench.vault.locate(doc.id),
        lambda: bench.vault.locate(inside.id),
        lambda: bench.vault.children(inside),
        lambda: bench.vault.set_modified(doc, 1, bench.writing()),
    ]
    for attempt in attempts:
        with pytest.raises(NotFound):
            attempt()
    (thrown,) = bench.vault.trashed()
    assert (thrown.name, thrown.is_collection, thrown.size, thrown.by) == ("a", True, 3, "anna")
    assert bench.stat("/").size == 0
    assert bench.vault.usage().used == 3
    bench.make("/a")
    with bench.database.transaction(), pytest.raises(NameTaken):
        bench.vault.restore(thrown.node_id, SharePath.parse("/a"), bench.writing())
    with bench.database.transaction():
        back = bench.vault.restore(thrown.node_id, SharePath.parse("/a/back"), bench.writing())
    assert back.id == thrown.node_id
    assert bench.stat("/a/back/b/doc").id == doc.id
    assert bench.vault.trashed() == []
    with pytest.raises(NotFound):
        bench.vault.restore(doc.id, SharePath.parse("/elsewhere"), bench.writing())


@FORMS
def test_purging_destroys_keys_and_bytes_that_nothing_else_names(bench: Bench, times: int) -> None:
    """Crypto-shredding: the blob's only wrapped key goes with its row; a copy keeps the shared one."""
    bench.make("/a")
    shared = bench.put("/a/shared", b"shared" * times)
    bench.put("/a/own", b"own" * times)
    bench.copy("/a/shared", "/copy")
    bench.delete("/a")
    bench.vault.purge(bench.vault.trashed()[0].node_id)
    assert len(bench.stored()) == 1
    assert bench.read("/copy") == b"shared" * times
    with pytest.raises(NotFound):
        bench.vault.read(shared)
    assert bench.vault.usage().used == 6 * times
    with pytest.raises(NotFound):
        bench.vault.purge(bench.stat("/copy").id)


@FORMS
def test_equal_contents_are_stored_once_within_a_share(bench: Bench, times: int) -> None:
    """storage.md §3: de-duplication by a keyed tag of the content; the spare file goes at `discard`."""
    bench.put("/a", b"same" * times)
    bench.put("/b", b"same" * times)
    assert len(bench.stored()) == 1
    assert bench.read("/a") == bench.read("/b") == b"same" * times


@FORMS
def test_a_damaged_twin_is_not_trusted_with_new_bytes(bench: Bench, times: int) -> None:
    """An acknowledged upload must be readable, even if its equal on disk is not."""
    damaged = bench.sealed(bench.put("/a", b"same" * times).id)
    damaged.write(damaged.read()[:-1] + b"\x00")
    bench.put("/b", b"same" * times)
    assert bench.read("/b") == b"same" * times
    assert [finding.node_id for finding in bench.vault.check()] == [bench.stat("/a").id]
    bench.delete("/a")
    bench.vault.purge(bench.vault.trashed()[0].node_id)


def test_every_verb_moves_the_change_of_all_above(bench: Bench) -> None:
    """TracksChanges: one journal row per verb, and collections follow anything beneath."""
    bench.make("/a")
    bench.make("/b")
    doc = bench.put("/a/doc", b"1")
    steps: list[Attempt] = [
        lambda: bench.put("/a/doc", b"2"),
        lambda: bench.vault.set_modified(doc, 7, bench.writing()),
        lambda: bench.vault.set_properties(doc, {"{x:}a": "<a/>"}, bench.writing()),
        lambda: bench.copy("/a/doc", "/b/doc"),
        lambda: bench.move("/b/doc", "/a/other"),
        lambda: bench.delete("/a/other"),
        lambda: bench.vault.restore(bench.vault.trashed()[0].node_id, SharePath.parse("/b/x"), bench.writing()),
    ]
    for step in steps:
        before = bench.vault.newest_change()
        step()
        (change,) = bench.vault.changes_since(before, 10)
        assert isinstance(change, Change)
        assert change.number == before + 1 == bench.vault.newest_change() == bench.stat("/").change
    kinds = [change.kind for change in bench.vault.changes_since(0, 100)]
    assert kinds == ["make", "make", "put", "put", "properties", "properties", "put", "move", "delete", "restore"]
    assert [change.number for change in bench.vault.changes_since(3, 2)] == [4, 5]


def test_properties_are_set_and_removed_together(bench: Bench) -> None:
    """RFC 4918 §9.2; more than 1 MiB on one node is refused whole."""
    doc = bench.put("/doc", b"")
    bench.make("/dir")
    for node in (doc, bench.stat("/dir"), bench.stat("/")):
        bench.vault.set_properties(node, {"{x:}a": "<a/>", "{x:}b": "<b>ä</b>"}, bench.writing())
    bench.vault.set_properties(doc, {"{x:}a": None, "{x:}b": "<b/>", "{x:}c": ""}, bench.writing())
    assert bench.vault.properties([doc])[doc.id] == {"{x:}b": "<b/>", "{x:}c": ""}
    with pytest.raises(QuotaExceeded):
        bench.vault.set_properties(doc, {"{x:}b": None, "{x:}d": "d" * (1024 * 1024)}, bench.writing())
    assert bench.vault.properties([doc])[doc.id] == {"{x:}b": "<b/>", "{x:}c": ""}
    assert len(bench.vault.properties([*bench.vault.children(bench.stat("/")), bench.stat("/")])) == 3


def test_setting_the_time_changes_no_tag(bench: Bench) -> None:
    """set_modified: content, entity tag and version stay as they are."""
    doc = bench.put("/doc", b"x")
    dated = bench.vault.set_modified(doc, 42, bench.writing())
    assert dated.modified == 42
    assert dated.entity_tag == doc.entity_tag
    assert bench.vault.set_modified(bench.stat("/"), 43, bench.writing()).modified == 43


def test_the_quota_counts_everything_and_refuses_inside_the_transaction(tmp_path: Path) -> None:
    """Current documents, versions and trash count; a refused write leaves nothing."""
    with open_bench(tmp_path, quota=100) as bench:
        bench.put("/a", b"a" * 60)
        attempts: list[Attempt] = [
            lambda: bench.put("/b", b"b" * 41),
            lambda: bench.copy("/a", "/b"),
            lambda: bench.put("/a", b"c" * 60),
        ]
        for attempt in attempts:
            with pytest.raises(QuotaExceeded):
                attempt()
        assert bench.names("/") == ["a"]
        usage = bench.vault.usage()
        assert (usage.used, usage.limit, usage.available) == (60, 100, 40)
        assert bench.put("/a", b"d" * 100, keep_version=False).size == 100
        bench.delete("/a")
        assert bench.vault.usage().available == 0
        bench.vault.purge(bench.vault.trashed()[0].node_id)
        assert bench.vault.usage().used == 0


def test_without_a_quota_only_the_disk_limits(bench: Bench) -> None:
    """Usage.limit None: available is the free space of the disk."""
    usage = bench.vault.usage()
    assert usage.limit is None
    assert usage.available > 0


def test_two_shares_in_one_database_do_not_meet(tmp_path: Path) -> None:
    """Every row belongs to a space; equal content in two committees gives unrelated blobs (security.md S-33)."""
    with open_bench(tmp_path) as bench:
        from davserver.keys import SpaceKeys

        keys = SpaceKeys(b"o" * 16, b"k" * 32)
        other = Vault(ground(tmp_path, bench.database, keys, bench.clock, None, "other"))
        with bench.database.transaction():
            other.prepare()
        mine = bench.put("/a", b"same")
        with bench.database.transaction():
            theirs, _ = other.put(SharePath.parse("/a"), other.stage([b"same"]), Expected(), bench.writing())
        assert mine.entity_tag != theirs.entity_tag
        assert len(bench.stored()) == 2
        with pytest.raises(NotFound):
            other.read(mine)
        assert other.stat(ROOT).size == 4
        assert list(other.check()) == list(bench.vault.check()) == []
