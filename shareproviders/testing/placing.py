"""Rules of move and copy (RFC 4918 §9.8, §9.9)."""

from __future__ import annotations

import pytest

from shareproviders.contract import NameTaken, NotFound, ParentMissing, ShareError, ShareProvider, WrongKind
from shareproviders.testing.base import Contract, at, content, exists, make, put, tree, writing


def grow(provider: ShareProvider) -> None:
    """A small tree: /c with a document and a folder with another."""
    make(provider, "/c")
    put(provider, "/c/a.txt", b"a")
    make(provider, "/c/d")
    put(provider, "/c/d/b.txt", b"bb")


class PlacingRules(Contract):
    def test_move_keeps_ids_and_tags_at_any_depth(self, provider: ShareProvider) -> None:
        grow(provider)
        make(provider, "/e")
        before = tree(provider)
        moved = provider.move(at("/c"), at("/e/f"), writing())
        after = tree(provider)
        assert moved == provider.stat(at("/e/f"))
        assert moved.name == "f"
        assert list(after) == ["/e", "/e/f", "/e/f/a.txt", "/e/f/d", "/e/f/d/b.txt"]
        for raw in ("", "/a.txt", "/d", "/d/b.txt"):
            assert after["/e/f" + raw] == before["/c" + raw]
        assert provider.locate(before["/c/d/b.txt"][0])[0] == at("/e/f/d/b.txt")
        assert provider.stat(at("/e/f/d/b.txt")).lineage[1] == before["/e"][0]

    def test_rename_keeps_all_but_the_name(self, provider: ShareProvider) -> None:
        before = put(provider, "/a.txt", b"a", media_type="text/x-own", modified=1_600_000_000_000_000)
        after = provider.move(at("/a.txt"), at("/b.txt"), writing())
        assert after._replace(change=0, placed=0) == before._replace(name="b.txt", change=0, placed=0)
        assert content(provider, after) == b"a"

    def test_a_media_type_that_nobody_stated_follows_the_name(self, provider: ShareProvider) -> None:
        """Editors write a temporary file and rename it."""
        put(provider, "/~WRD0001.tmp", b"a")
        assert provider.move(at("/~WRD0001.tmp"), at("/a.pdf"), writing()).media_type == "application/pdf"

    def test_move_document_onto_document(self, provider: ShareProvider) -> None:
        """The safe-save of editors: the target keeps its id, the source's bytes come in, the source's id ends."""
        target = put(provider, "/report.odt", b"old")
        source = put(provider, "/.tmp", b"newer")
        after = provider.move(at("/.tmp"), at("/report.odt"), writing())
        assert after == provider.stat(at("/report.odt"))
        assert (after.id, after.size, content(provider, after)) == (target.id, 5, b"newer")
        assert after.entity_tag not in (target.entity_tag, "")
        assert not exists(provider, "/.tmp")
        with pytest.raises(NotFound):
            provider.locate(source.id)

    def test_copy_document_onto_document(self, provider: ShareProvider) -> None:
        target = put(provider, "/b", b"old")
        source = put(provider, "/a", b"newer")
        after = provider.copy(at("/a"), at("/b"), writing(), deep=True)
        assert (after.id, after.size, content(provider, after)) == (target.id, 5, b"newer")
        assert after.entity_tag not in (target.entity_tag, source.entity_tag)
        assert provider.stat(at("/a")) == source

    @pytest.mark.parametrize("verb", ["move", "copy"])
    def test_the_target_must_be_free_else(self, provider: ShareProvider, verb: str) -> None:
        grow(provider)
        put(provider, "/doc", b"x")
        make(provider, "/e")
        before = tree(provider)
        for source, target in (("/c", "/e"), ("/c", "/doc"), ("/doc", "/c"), ("/c/d", "/c")):
            with pytest.raises(NameTaken):
                place(provider, verb, source, target)
        assert tree(provider) == before

    @pytest.mark.parametrize("verb", ["move", "copy"])
    def test_a_child_cannot_replace_its_parent(self, provider: ShareProvider, verb: str) -> None:
        """The classic that wipes a folder: the parent and all in it stay."""
        grow(provider)
        before = tree(provider)
        for source, target in (("/c/a.txt", "/c"), ("/c/d/b.txt", "/c"), ("/c", "/")):
            with pytest.raises(ShareError):
                place(provider, verb, source, target)
        assert tree(provider) == before

    @pytest.mark.parametrize("verb", ["move", "copy"])
    def test_nothing_goes_into_itself(self, provider: ShareProvider, verb: str) -> None:
        grow(provider)
        before = tree(provider)
        for source, target in (("/c", "/c/x"), ("/c", "/c/d/x"), ("/c", "/c"), ("/c/a.txt", "/c/a.txt"), ("/", "/x")):
            with pytest.raises(WrongKind):
                place(provider, verb, source, target)
        assert tree(provider) == before

    @pytest.mark.parametrize("verb", ["move", "copy"])
    def test_missing_ends(self, provider: ShareProvider, verb: str) -> None:
        grow(provider)
        before = tree(provider)
        with pytest.raises(NotFound):
            place(provider, verb, "/missing", "/x")
        for target in ("/missing/x", "/c/a.txt/x"):
            with pytest.raises(ParentMissing):
                place(provider, verb, "/c/d", target)
        assert tree(provider) == before

    def test_copy_deep(self, provider: ShareProvider) -> None:
        grow(provider)
        before = tree(provider)
        copied = provider.copy(at("/c"), at("/e"), writing(), deep=True)
        after = tree(provider)
        assert copied == provider.stat(at("/e"))
        assert {path: state for path, state in after.items() if path in before} == before
        for raw in ("", "/a.txt", "/d", "/d/b.txt"):
            old, new = before["/c" + raw], after["/e" + raw]
            assert new[2] == old[2]
            assert new[0] != old[0]
        assert len(after) == 2 * len(before)
        assert len({state[0] for state in after.values()}) == len(after)

    def test_copies_live_apart(self, provider: ShareProvider) -> None:
        put(provider, "/a", b"one")
        provider.copy(at("/a"), at("/b"), writing(), deep=True)
        put(provider, "/a", b"two")
        assert content(provider, "/b") == b"one"
        provider.delete(at("/a"), writing())
        assert content(provider, "/b") == b"one"

    def test_copy_shallow_takes_no_members(self, provider: ShareProvider) -> None:
        """Depth 0 (RFC 4918 §9.8.3)."""
        grow(provider)
        copied = provider.copy(at("/c"), at("/e"), writing(), deep=False)
        assert provider.children(copied) == []
        assert copied.size == 0

    def test_copy_without(self, provider: ShareProvider) -> None:
        """What the asker may not read is left out, with all beneath it."""
        grow(provider)
        put(provider, "/c/secret", b"s")
        hidden = {provider.stat(at("/c/d")).id, provider.stat(at("/c/secret")).id}
        copied = provider.copy(at("/c"), at("/e"), writing(), deep=True, without=hidden)
        assert list(tree(provider, copied)) == ["/a.txt"]
        assert copied.size == 1
        assert exists(provider, "/c/secret")

    def test_copy_next_to_and_beside_itself(self, provider: ShareProvider) -> None:
        grow(provider)
        provider.copy(at("/c/d"), at("/c/e"), writing(), deep=True)
        assert list(tree(provider)) == ["/c", "/c/a.txt", "/c/d", "/c/d/b.txt", "/c/e", "/c/e/b.txt"]


def place(provider: ShareProvider, verb: str, source: str, target: str) -> None:
    if verb == "move":
        provider.move(at(source), at(target), writing())
    else:
        provider.copy(at(source), at(target), writing(), deep=True)
