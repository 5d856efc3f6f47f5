"""Rules of what a share keeps of its past: versions and trash; skipped where the provider lacks them."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from shareproviders.contract import (
    Ground,
    KeepsTrash,
    KeepsVersions,
    NameTaken,
    NotFound,
    ParentMissing,
    ShareProvider,
    WrongKind,
)
from shareproviders.paths import ROOT
from shareproviders.testing.base import Contract, at, content, make, put, tree, writing
from shareproviders.testing.transactions import SecondThoughtsError


class VersionRules(Contract):
    @pytest.fixture
    def history(self, provider: ShareProvider) -> KeepsVersions:
        if not isinstance(provider, KeepsVersions):
            pytest.skip("not KeepsVersions")
        return provider

    def test_versions_newest_first(self, provider: ShareProvider, history: KeepsVersions) -> None:
        for k, body in enumerate((b"1", b"22", b"333")):
            node = put(provider, "/a.txt", body, by=f"user:{k}", at=1_000 + k)
        versions = history.versions(node)
        assert [(each.size, each.by, each.at) for each in versions] == [
            (3, "user:2", 1_002),
            (2, "user:1", 1_001),
            (1, "user:0", 1_000),
        ]
        assert versions[0].entity_tag == node.entity_tag
        assert [b"".join(history.read_version(node, each.id)) for each in versions] == [b"333", b"22", b"1"]
        assert b"".join(history.read_version(node, versions[0].id, 1, 1)) == b"3"

    def test_restore_version_is_a_new_version(self, provider: ShareProvider, history: KeepsVersions) -> None:
        put(provider, "/a", b"old")
        node = put(provider, "/a", b"new")
        oldest = history.versions(node)[-1]
        after = history.restore_version(at("/a"), oldest.id, writing())
        assert (after.id, content(provider, "/a")) == (node.id, b"old")
        assert after.entity_tag not in (node.entity_tag, oldest.entity_tag)
        assert [each.size for each in history.versions(after)] == [3, 3, 3]

    def test_versions_of_others_and_of_nothing(self, provider: ShareProvider, history: KeepsVersions) -> None:
        foreign = history.versions(put(provider, "/a", b"a"))[0].id
        node = put(provider, "/b", b"b")
        for version in (foreign, foreign + 1_000_000):
            with pytest.raises(NotFound):
                history.read_version(node, version)
            with pytest.raises(NotFound):
                history.restore_version(at("/b"), version, writing())

    def test_versions_that_need_not_be_kept(self, provider: ShareProvider, history: KeepsVersions) -> None:
        """Temp and owner files of editors leave no history."""
        put(provider, "/~$a", b"1", keep_version=False)
        node = put(provider, "/~$a", b"2", keep_version=False)
        assert [each.size for each in history.versions(node)] == [1]

    def test_history_follows_a_move_and_is_not_copied(self, provider: ShareProvider, history: KeepsVersions) -> None:
        put(provider, "/a", b"1")
        put(provider, "/a", b"22")
        assert len(history.versions(provider.move(at("/a"), at("/b"), writing()))) == 2
        assert len(history.versions(provider.copy(at("/b"), at("/c"), writing(), deep=True))) == 1

    def test_history_survives_a_safe_save(self, provider: ShareProvider, history: KeepsVersions) -> None:
        """A document moved onto a document becomes its next version."""
        put(provider, "/a", b"1")
        put(provider, "/new", b"22")
        after = provider.move(at("/new"), at("/a"), writing())
        assert [each.size for each in history.versions(after)] == [2, 1]

    def test_earlier_versions_are_dropped(self, provider: ShareProvider, history: KeepsVersions) -> None:
        for body in (b"1", b"22", b"333"):
            node = put(provider, "/a", body)
        newest, middle, oldest = history.versions(node)
        history.drop_versions(node, [middle.id])
        assert [each.size for each in history.versions(node)] == [3, 1]
        with pytest.raises(NotFound):
            history.read_version(node, middle.id)
        history.drop_versions(node, [middle.id, oldest.id])
        assert history.versions(node) == [newest]
        assert content(provider, "/a") == b"333"

    def test_versions_whose_dropping_was_rolled_back_are_there(
        self, provider: ShareProvider, history: KeepsVersions, ground: Ground
    ) -> None:
        put(provider, "/a", b"1")
        node = put(provider, "/a", b"22")
        old = history.versions(node)[-1]
        with pytest.raises(SecondThoughtsError), ground.begin_transaction():
            history.drop_versions(node, [old.id])
            raise SecondThoughtsError
        assert b"".join(history.read_version(node, old.id)) == b"1"

    def test_the_current_version_is_never_dropped(self, provider: ShareProvider, history: KeepsVersions) -> None:
        put(provider, "/a", b"1")
        node = put(provider, "/a", b"22")
        with pytest.raises(ValueError, match="current"):
            history.drop_versions(node, [each.id for each in history.versions(node)])
        assert [each.size for each in history.versions(node)] == [2, 1]

    def test_what_a_copy_holds_stays_when_a_version_goes(self, provider: ShareProvider, history: KeepsVersions) -> None:
        put(provider, "/a", b"shared")
        provider.copy(at("/a"), at("/b"), writing(), deep=True)
        node = put(provider, "/a", b"new")
        history.drop_versions(node, [history.versions(node)[-1].id])
        assert content(provider, "/b") == b"shared"

    def test_crowded_documents_are_told_in_pages(self, provider: ShareProvider, history: KeepsVersions) -> None:
        """Those with more versions than that; not what lies in the trash."""
        ids = []
        for name, count in (("/a", 3), ("/b", 2), ("/c", 4), ("/d", 3)):
            for number in range(count):
                node = put(provider, name, b"x" * (number + 1))
            ids.append(node.id)
        assert history.crowded(2, 0, 10) == [ids[0], ids[2], ids[3]]
        assert history.crowded(2, 0, 2) == [ids[0], ids[2]]
        assert history.crowded(2, ids[2], 10) == [ids[3]]
        assert history.crowded(4, 0, 10) == []
        if isinstance(provider, KeepsTrash):
            provider.delete(at("/a"), writing())
            assert history.crowded(2, 0, 10) == ids[2:]


class TrashRules(Contract):
    @pytest.fixture
    def trash(self, provider: ShareProvider) -> KeepsTrash:
        if not isinstance(provider, KeepsTrash):
            pytest.skip("not KeepsTrash")
        return provider

    def test_restore_brings_back_ids_tags_and_bytes(self, provider: ShareProvider, trash: KeepsTrash) -> None:
        make(provider, "/c")
        make(provider, "/c/d")
        put(provider, "/c/d/a", b"a")
        before, folder = tree(provider), provider.stat(at("/c"))
        provider.delete(at("/c"), writing(by="user:eva", at=77))
        (trashed,) = trash.trashed()
        assert (trashed.node_id, trashed.name, trashed.is_collection, trashed.size) == (folder.id, "c", True, 1)
        assert (trashed.parent_id, trashed.by, trashed.at) == (provider.stat(ROOT).id, "user:eva", 77)
        assert trashed.lineage == folder.lineage
        with pytest.raises(NotFound):
            provider.locate(folder.id)
        trash.restore(folder.id, at("/c"), writing())
        assert tree(provider) == before
        assert trash.trashed() == []

    def test_restore_elsewhere(self, provider: ShareProvider, trash: KeepsTrash) -> None:
        node = put(provider, "/a", b"a")
        make(provider, "/c")
        provider.delete(at("/a"), writing())
        assert trash.restore(node.id, at("/c/b"), writing()).id == node.id
        assert content(provider, "/c/b") == b"a"

    def test_restore_needs_a_free_place(self, provider: ShareProvider, trash: KeepsTrash) -> None:
        node = put(provider, "/a", b"a")
        provider.delete(at("/a"), writing())
        put(provider, "/a", b"other")
        with pytest.raises(NameTaken):
            trash.restore(node.id, at("/a"), writing())
        with pytest.raises(ParentMissing):
            trash.restore(node.id, at("/missing/a"), writing())
        with pytest.raises(NotFound):
            trash.restore(node.id + 1_000_000, at("/b"), writing())
        assert [each.node_id for each in trash.trashed()] == [node.id]

    def test_trash_holds_one_name_many_times_newest_first(self, provider: ShareProvider, trash: KeepsTrash) -> None:
        ids = []
        for k in range(3):
            ids.append(put(provider, "/a", b"a").id)
            provider.delete(at("/a"), writing(at=k))
        assert [each.node_id for each in trash.trashed()] == ids[::-1]

    def test_purge_is_the_end(self, provider: ShareProvider, trash: KeepsTrash) -> None:
        node = make(provider, "/c")
        put(provider, "/c/a", b"a")
        provider.delete(at("/c"), writing())
        trash.purge(node.id)
        assert trash.trashed() == []
        with pytest.raises(NotFound):
            trash.purge(node.id)
        with pytest.raises(NotFound):
            trash.restore(node.id, at("/c"), writing())
        assert make(provider, "/c").id != node.id

    def test_where_it_lay_and_what_lies_beneath(self, provider: ShareProvider, trash: KeepsTrash) -> None:
        """Looked at, listed and read as it was, without coming back."""
        make(provider, "/c")
        folder = make(provider, "/c/d")
        inner = make(provider, "/c/d/e")
        document = put(provider, "/c/d/a", b"12345")
        provider.delete(at("/c/d"), writing(by="user:eva", at=77))
        path, node, trashed = trash.locate_trashed(document.id)
        assert (path, node) == (at("/c/d/a"), document)
        assert (trashed.node_id, trashed.by, trashed.at) == (folder.id, "user:eva", 77)
        path, node, trashed = trash.locate_trashed(folder.id)
        assert (path, node.id, node.lineage, trashed.node_id) == (at("/c/d"), folder.id, folder.lineage, folder.id)
        assert [each.id for each in trash.trashed_children(node)] == [document.id, inner.id]
        assert trash.trashed_children(inner) == []
        assert b"".join(trash.read_trashed(document)) == b"12345"
        assert b"".join(trash.read_trashed(document, 1, 3)) == b"234"
        with pytest.raises(WrongKind):
            trash.trashed_children(document)
        with pytest.raises(WrongKind):
            trash.read_trashed(folder)

    def test_what_lives_does_not_lie_here(self, provider: ShareProvider, trash: KeepsTrash) -> None:
        folder, document = make(provider, "/c"), put(provider, "/c/a", b"a")
        attempts: list[Callable[[], object]] = [
            lambda: trash.locate_trashed(document.id),
            lambda: trash.locate_trashed(document.id + 1_000_000),
            lambda: trash.trashed_children(folder),
            lambda: trash.read_trashed(document),
            lambda: trash.purge(folder.id),
        ]
        for attempt in attempts:
            with pytest.raises(NotFound):
                attempt()
        assert content(provider, "/c/a") == b"a"

    def test_the_way_leads_through_what_was_deleted_later(self, provider: ShareProvider, trash: KeepsTrash) -> None:
        """And follows what was moved since."""
        for raw in ("/c", "/c/d", "/x"):
            make(provider, raw)
        document = put(provider, "/c/d/a", b"a")
        for raw in ("/c/d/a", "/c/d"):
            provider.delete(at(raw), writing())
        provider.move(at("/c"), at("/x/c"), writing())
        path, node, _ = trash.locate_trashed(document.id)
        above = provider.stat(at("/x/c")).lineage
        assert path == at("/x/c/d/a")
        assert node.lineage == (*above, *document.lineage[-2:])
        assert {each.node_id: each.lineage for each in trash.trashed()}[document.id] == node.lineage
        provider.delete(at("/x/c"), writing())
        assert trash.locate_trashed(document.id)[:2] == (path, node)

    def test_purging_takes_along_what_was_deleted_out_of_it(self, provider: ShareProvider, trash: KeepsTrash) -> None:
        """Else its way would be lost; the ids that ended are told, so that nothing goes on hanging on them."""
        folder, other = make(provider, "/c"), put(provider, "/other", b"o")
        first, second = put(provider, "/c/a", b"a"), put(provider, "/c/b", b"b")
        for raw in ("/c/a", "/c", "/other"):
            provider.delete(at(raw), writing())
        assert sorted(trash.purge(folder.id)) == sorted([folder.id, first.id, second.id])
        assert [each.node_id for each in trash.trashed()] == [other.id]

    @pytest.mark.parametrize("verb", ["restore", "purge"])
    def test_a_rolled_back_verb_leaves_all_where_it_was(
        self, provider: ShareProvider, trash: KeepsTrash, ground: Ground, verb: str
    ) -> None:
        folder = make(provider, "/c")
        document = put(provider, "/c/a", b"12345")
        provider.delete(at("/c"), writing())
        before = trash.trashed()
        with pytest.raises(SecondThoughtsError), ground.begin_transaction():
            if verb == "purge":
                trash.purge(folder.id)
            else:
                trash.restore(folder.id, at("/back"), writing())
            assert trash.trashed() == []
            raise SecondThoughtsError
        assert trash.trashed() == before
        assert tree(provider) == {}
        assert b"".join(trash.read_trashed(document)) == b"12345"
