"""Rules of collections: make_collection, children, delete, sizes, ids."""

from __future__ import annotations

import pytest

from shareproviders.contract import NameTaken, NotFound, ParentMissing, ShareProvider, WrongKind
from shareproviders.paths import ROOT
from shareproviders.testing.base import Contract, at, content, exists, make, put, tree, writing


class FolderRules(Contract):
    def test_make_collection(self, provider: ShareProvider) -> None:
        outer = make(provider, "/c")
        inner = make(provider, "/c/d")
        assert inner == provider.stat(at("/c/d"))
        assert (inner.name, inner.is_collection, inner.size, inner.entity_tag) == ("d", True, 0, "")
        assert inner.media_type == ""
        assert inner.lineage == (provider.stat(ROOT).id, outer.id, inner.id)

    def test_make_collection_where_something_is(self, provider: ShareProvider) -> None:
        make(provider, "/c")
        put(provider, "/a", b"a")
        before = tree(provider)
        for raw in ("/c", "/a", "/"):
            with pytest.raises(NameTaken):
                make(provider, raw)
        assert tree(provider) == before

    def test_make_collection_without_parent(self, provider: ShareProvider) -> None:
        put(provider, "/a", b"a")
        for raw in ("/x/y", "/a/y"):
            with pytest.raises(ParentMissing):
                make(provider, raw)
        assert list(tree(provider)) == ["/a"]

    def test_children_are_sorted_by_code_points_and_whole(self, provider: ShareProvider) -> None:
        for name in ("b", "B", "ä", "a10", "a9", "Z"):
            put(provider, f"/{name}", b"x")
        make(provider, "/m")
        members = provider.children(provider.stat(ROOT))
        assert [member.name for member in members] == ["B", "Z", "a10", "a9", "b", "m", "ä"]
        assert members == [provider.stat(at(f"/{member.name}")) for member in members]

    def test_children_of_a_document_or_of_nothing(self, provider: ShareProvider) -> None:
        with pytest.raises(WrongKind):
            provider.children(put(provider, "/a", b"a"))
        gone = make(provider, "/c")
        provider.delete(at("/c"), writing())
        with pytest.raises(NotFound):
            provider.children(gone)

    def test_names_differ_by_case(self, provider: ShareProvider) -> None:
        put(provider, "/Plan", b"1")
        put(provider, "/plan", b"2")
        assert (content(provider, "/Plan"), content(provider, "/plan")) == (b"1", b"2")

    def test_sizes_of_collections_count_all_beneath(self, provider: ShareProvider) -> None:
        for raw in ("/c", "/c/d", "/e"):
            make(provider, raw)
        put(provider, "/c/a", b"123")
        put(provider, "/c/d/b", b"4567")
        put(provider, "/c/a", b"12345")
        assert [provider.stat(at(raw)).size for raw in ("/c/d", "/c", "/")] == [4, 9, 9]
        provider.move(at("/c/d"), at("/e/d"), writing())
        assert [provider.stat(at(raw)).size for raw in ("/c", "/e", "/")] == [5, 4, 9]
        provider.copy(at("/e"), at("/c/e"), writing(), deep=True)
        assert [provider.stat(at(raw)).size for raw in ("/c", "/e", "/")] == [9, 4, 13]
        provider.delete(at("/c/e/d"), writing())
        provider.delete(at("/e"), writing())
        assert [provider.stat(at(raw)).size for raw in ("/c", "/")] == [5, 5]
        assert [node.size for node in provider.children(provider.stat(ROOT))] == [5]

    def test_delete_takes_all_beneath(self, provider: ShareProvider) -> None:
        make(provider, "/c")
        make(provider, "/c/d")
        inner = put(provider, "/c/d/a", b"a")
        put(provider, "/keep", b"k")
        provider.delete(at("/c"), writing())
        assert list(tree(provider)) == ["/keep"]
        assert not exists(provider, "/c/d/a")
        with pytest.raises(NotFound):
            provider.locate(inner.id)

    def test_delete_of_nothing(self, provider: ShareProvider) -> None:
        for raw in ("/missing", "/missing/deeper"):
            with pytest.raises(NotFound):
                provider.delete(at(raw), writing())

    def test_ids_are_never_reused(self, provider: ShareProvider) -> None:
        """Rights, locks and labels hang on ids (law 5)."""
        seen = {provider.stat(ROOT).id}
        for _ in range(3):
            fresh = {make(provider, "/c").id, put(provider, "/c/a", b"a").id, put(provider, "/b", b"b").id}
            assert len(fresh) == 3
            assert not fresh & seen
            seen |= fresh
            provider.delete(at("/c"), writing())
            provider.delete(at("/b"), writing())

    def test_tags_are_never_reused(self, provider: ShareProvider) -> None:
        tags = set()
        for _ in range(3):
            tags.add(put(provider, "/a", b"same").entity_tag)
            provider.delete(at("/a"), writing())
        assert len(tags) == 3
