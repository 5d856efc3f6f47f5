"""Rules of documents: stat, read, stage, put, set_modified."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator

import pytest

from shareproviders.contract import (
    Expected,
    Ground,
    NotFound,
    Outdated,
    ParentMissing,
    ShareProvider,
    Staged,
    Unavailable,
    WrongKind,
)
from shareproviders.paths import ROOT
from shareproviders.testing.base import ABSENT, ANY, Contract, at, content, exists, make, put, tree, writing

MIB = 1024 * 1024


class CutError(Exception):
    """Stands for whatever goes wrong while a body arrives."""


class DocumentRules(Contract):
    def test_an_empty_share_has_its_root(self, provider: ShareProvider) -> None:
        root = provider.stat(ROOT)
        assert root.is_collection
        assert root.id > 0
        assert root.lineage == (root.id,)
        assert (root.name, root.size, root.entity_tag, root.media_type) == ("", 0, "", "")
        assert provider.children(root) == []

    def test_prepare_is_idempotent(self, provider: ShareProvider, ground: Ground) -> None:
        put(provider, "/a.txt", b"a")
        before = provider.stat(ROOT).id, tree(provider)
        with ground.begin_transaction():
            provider.prepare()
        assert (provider.stat(ROOT).id, tree(provider)) == before

    def test_put_makes_a_document_with_its_facts(self, provider: ShareProvider) -> None:
        node, new = provider.put(at("/Bericht.pdf"), provider.stage([b"ab", b"", b"c"]), ANY, writing())
        assert new
        assert node == provider.stat(at("/Bericht.pdf"))
        assert (node.name, node.is_collection, node.size) == ("Bericht.pdf", False, 3)
        assert node.media_type == "application/pdf"
        assert node.modified == writing().at
        assert node.lineage == (provider.stat(ROOT).id, node.id)
        assert re.fullmatch(r"[0-9A-Za-z.-]+", node.entity_tag)
        assert content(provider, node) == b"abc"

    def test_put_keeps_what_the_client_said(self, provider: ShareProvider) -> None:
        node = put(provider, "/a.bin", b"a", media_type="text/x-minutes", modified=1_234_567_890_123_456)
        assert (node.media_type, node.modified) == ("text/x-minutes", 1_234_567_890_123_456)
        assert provider.stat(at("/a.bin")) == node

    def test_an_empty_document_is_a_document(self, provider: ShareProvider) -> None:
        node = put(provider, "/empty", b"")
        assert (node.size, node.is_collection, content(provider, node)) == (0, False, b"")
        assert node.entity_tag

    def test_put_over_keeps_id_and_gives_a_new_tag(self, provider: ShareProvider) -> None:
        first = put(provider, "/a", b"one")
        second, new = provider.put(at("/a"), provider.stage([b"two"]), ANY, writing())
        assert not new
        assert second.id == first.id
        assert second.entity_tag != first.entity_tag
        assert content(provider, "/a") == b"two"

    def test_tags_differ_for_equal_sizes_at_one_instant(self, provider: ShareProvider) -> None:
        """Three same-size writes at the same instant, even of the same bytes, are three states."""
        tags = {put(provider, "/a", body, modified=1_700_000_000_000_000).entity_tag for body in (b"x", b"y", b"x")}
        assert len(tags) == 3

    def test_put_without_parent(self, provider: ShareProvider) -> None:
        put(provider, "/document", b"a")
        for raw in ("/missing/a", "/missing/deeper/a", "/document/a"):
            with pytest.raises(ParentMissing):
                put(provider, raw, b"a")
        assert list(tree(provider)) == ["/document"]

    def test_put_onto_a_collection(self, provider: ShareProvider) -> None:
        make(provider, "/c")
        for raw in ("/c", "/"):
            with pytest.raises(WrongKind):
                put(provider, raw, b"a")
        assert provider.stat(at("/c")).is_collection

    def test_expected_absent(self, provider: ShareProvider) -> None:
        first = put(provider, "/a", b"one", ABSENT)
        with pytest.raises(Outdated):
            put(provider, "/a", b"two", ABSENT)
        assert provider.stat(at("/a")) == first
        assert content(provider, "/a") == b"one"

    def test_expected_tag(self, provider: ShareProvider) -> None:
        """The lost update: the second writer's tag no longer holds."""
        first = put(provider, "/a", b"one")
        second = put(provider, "/a", b"two", Expected(entity_tag=first.entity_tag))
        for raw in ("/a", "/missing"):
            with pytest.raises(Outdated):
                put(provider, raw, b"three", Expected(entity_tag=first.entity_tag))
        assert provider.stat(at("/a")) == second
        assert not exists(provider, "/missing")

    def test_an_interrupted_body_leaves_no_trace_and_passes_through(self, provider: ShareProvider) -> None:
        put(provider, "/a", b"one")
        before = tree(provider)

        def cut() -> Iterator[bytes]:
            yield b"x" * MIB
            raise CutError

        with pytest.raises(CutError):
            provider.stage(cut())
        assert tree(provider) == before

    def test_staged_bytes_are_named_by_nothing(self, provider: ShareProvider) -> None:
        staged = provider.stage([b"abc"])
        assert isinstance(staged, Staged)
        assert staged.size == 3
        assert tree(provider) == {}
        staged.discard()
        staged.discard()

    def test_discard_after_put_is_harmless(self, provider: ShareProvider) -> None:
        staged = provider.stage([b"abc"])
        provider.put(at("/a"), staged, ANY, writing())
        staged.discard()
        assert content(provider, "/a") == b"abc"

    def test_ranges(self, provider: ShareProvider) -> None:
        body = bytes(range(256)) * 4096 + b"tail"
        node = put(provider, "/a", body)
        for start, length in ((0, 0), (0, 1), (5, None), (16_383, 3), (300_000, 200_000), (MIB, 99), (MIB + 4, None)):
            assert content(provider, node, start, length) == body[start : None if length is None else start + length]

    def test_a_large_body_comes_in_pieces(self, provider: ShareProvider) -> None:
        body = bytes(range(251)) * (2 * MIB // 251)
        node, _ = provider.put(
            at("/a"), provider.stage(body[k : k + 70_001] for k in range(0, len(body), 70_001)), ANY, writing()
        )
        pieces = list(provider.read(node))
        assert b"".join(pieces) == body
        assert max(map(len, pieces)) <= 512 * 1024
        assert all(len(piece) >= 64 * 1024 for piece in pieces[:-1])

    def test_read_fails_at_the_call(self, provider: ShareProvider) -> None:
        """A missing document is refused before the first byte, when a status can still be sent."""
        node = put(provider, "/a", b"a")
        provider.delete(at("/a"), writing())
        with pytest.raises(NotFound):
            provider.read(node)

    def test_a_collection_has_no_bytes(self, provider: ShareProvider) -> None:
        with pytest.raises(WrongKind):
            provider.read(make(provider, "/c"))

    def test_readers_finish_the_version_they_opened(self, provider: ShareProvider) -> None:
        old, new = b"o" * MIB, b"n" * MIB
        reading = provider.read(put(provider, "/a", old))
        first = next(reading)
        put(provider, "/a", new)
        assert first + b"".join(reading) == old
        assert content(provider, "/a") == new

    def test_an_old_node_never_reads_new_bytes(self, provider: ShareProvider) -> None:
        before = put(provider, "/a", b"old")
        put(provider, "/a", b"new")
        with contextlib.suppress(NotFound, Unavailable):  # no version kept: refused, which is honest
            assert content(provider, before) == b"old"

    def test_set_modified_changes_the_time_only(self, provider: ShareProvider) -> None:
        before = put(provider, "/a", b"abc")
        after = provider.set_modified(before, 1_234_567_890_123_456, writing())
        assert after._replace(change=0) == before._replace(modified=1_234_567_890_123_456, change=0)
        assert provider.stat(at("/a")) == after
        assert content(provider, "/a") == b"abc"

    def test_set_modified_of_a_collection(self, provider: ShareProvider) -> None:
        after = provider.set_modified(make(provider, "/c"), 1_234_567_890_123_456, writing())
        assert after.modified == 1_234_567_890_123_456

    def test_stat_of_nothing(self, provider: ShareProvider) -> None:
        put(provider, "/document", b"a")
        for raw in ("/missing", "/missing/deeper", "/document/beneath"):
            with pytest.raises(NotFound):
                provider.stat(at(raw))

    def test_locate(self, provider: ShareProvider) -> None:
        make(provider, "/c")
        node = put(provider, "/c/a", b"a")
        root = provider.stat(ROOT)
        assert provider.locate(node.id) == (at("/c/a"), node)
        assert provider.locate(root.id)[0] == ROOT
        with pytest.raises(NotFound):
            provider.locate(node.id + 1_000_000)

    def test_awkward_names_are_kept_as_they_are(self, provider: ShareProvider) -> None:
        names = [
            "Ä ö ü ß.txt",
            "a b",
            "100%",
            "%41",
            "a?b#c&d;e",
            "日本語",
            "🏛",
            ".hidden",
            "~$lock.docx",
            "q" * 255,
            "a\\b",
        ]
        for name in names:
            put(provider, f"/{name}", name.encode())
        assert [node.name for node in provider.children(provider.stat(ROOT))] == sorted(names)
        assert all(content(provider, f"/{name}") == name.encode() for name in names)

    def test_a_second_provider_sees_the_same(self, provider: ShareProvider, ground: Ground) -> None:
        """What another process of the server finds: everything lies in storage, nothing in the process."""
        if not self.lasting:
            pytest.skip("forgets with its process")
        make(provider, "/c")
        put(provider, "/c/a", b"a")
        other = self.make_provider(ground)
        assert tree(other) == tree(provider)
        put(other, "/c/a", b"b")
        assert tree(other) == tree(provider)
