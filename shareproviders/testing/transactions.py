"""Rules of transactions: a rolled-back verb leaves the old state, writers and readers never see a mix."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest

from shareproviders.contract import Expected, Ground, KeepsProperties, NotFound, Outdated, ShareProvider, Unavailable
from shareproviders.paths import ROOT
from shareproviders.testing.base import ANY, Contract, at, content, exists, make, put, tree, writing

SIZE = 300_000


class SecondThoughtsError(Exception):
    """Raised in the caller's transaction after a verb: a lock, a label, the audit log refused."""


def replace_a_tree(provider: ShareProvider) -> None:
    """What the door does for MOVE with Overwrite: T, and a change in it afterwards."""
    provider.delete(at("/c"), writing())
    provider.move(at("/e"), at("/c"), writing())
    put(provider, "/c/b", b"other")


def put_twice(provider: ShareProvider) -> None:
    put(provider, "/a", b"2")
    put(provider, "/a", b"3")


VERBS: dict[str, Callable[[ShareProvider], object]] = {
    "put new": lambda provider: put(provider, "/new", b"n"),
    "put over": lambda provider: put(provider, "/a", b"changed"),
    "put twice": put_twice,
    "make": lambda provider: make(provider, "/new"),
    "delete a document": lambda provider: provider.delete(at("/a"), writing()),
    "delete a tree": lambda provider: provider.delete(at("/c"), writing()),
    "move a document": lambda provider: provider.move(at("/a"), at("/c/new"), writing()),
    "move a tree": lambda provider: provider.move(at("/c"), at("/new"), writing()),
    "move over": lambda provider: provider.move(at("/c/b"), at("/a"), writing()),
    "copy a document": lambda provider: provider.copy(at("/a"), at("/c/new"), writing(), deep=True),
    "copy a tree": lambda provider: provider.copy(at("/c"), at("/new"), writing(), deep=True),
    "copy over": lambda provider: provider.copy(at("/c/b"), at("/a"), writing(), deep=True),
    "set modified": lambda provider: provider.set_modified(provider.stat(at("/a")), 1_000_000, writing()),
    "replace a tree by another": replace_a_tree,
}


class TransactionRules(Contract):
    @pytest.fixture
    def grown(self, provider: ShareProvider) -> ShareProvider:
        put(provider, "/a", b"one")
        for raw in ("/c", "/c/d", "/e"):
            make(provider, raw)
        put(provider, "/c/b", b"bb")
        return provider

    @pytest.mark.parametrize("verb", list(VERBS))
    def test_a_rolled_back_verb_leaves_the_old_state(self, grown: ShareProvider, ground: Ground, verb: str) -> None:
        before, document, root = tree(grown), grown.stat(at("/a")), grown.stat(ROOT)
        with pytest.raises(SecondThoughtsError), ground.begin_transaction():
            VERBS[verb](grown)
            raise SecondThoughtsError
        assert grown.stat(at("/a")) == document
        assert tree(grown) == before
        assert grown.stat(ROOT).size == root.size
        put(grown, "/a", b"next", Expected(entity_tag=document.entity_tag))
        assert content(grown, "/a") == b"next"

    @pytest.mark.parametrize("verb", list(VERBS))
    def test_a_committed_verb_stays(self, grown: ShareProvider, ground: Ground, verb: str) -> None:
        with ground.begin_transaction():
            VERBS[verb](grown)
            inside = tree(grown)
        assert tree(grown) == inside

    def test_verbs_see_the_open_transaction(self, grown: ShareProvider, ground: Ground) -> None:
        with ground.begin_transaction():
            grown.delete(at("/c"), writing())
            assert not exists(grown, "/c")
            make(grown, "/c")
            node = put(grown, "/c/new", b"n")
            assert grown.children(grown.stat(at("/c"))) == [node]
        assert list(tree(grown)) == ["/a", "/c", "/c/new", "/e"]

    def test_others_do_not_see_it_before_the_commit(self, grown: ShareProvider, ground: Ground) -> None:
        """A reader in another thread gets the old state, or waits for the commit; never what is rolled back."""
        seen: list[dict[str, tuple[int, str, bytes]]] = []
        before = tree(grown)
        reader = threading.Thread(target=lambda: seen.append(tree(grown)))
        with pytest.raises(SecondThoughtsError), ground.begin_transaction():
            put(grown, "/a", b"uncommitted")
            grown.delete(at("/c/b"), writing())
            reader.start()
            reader.join(timeout=0.3)
            raise SecondThoughtsError
        reader.join()
        assert seen == [before]

    def test_properties_roll_back(self, grown: ShareProvider, ground: Ground) -> None:
        if not isinstance(grown, KeepsProperties):
            pytest.skip("keeps no properties")
        node = grown.stat(at("/a"))
        grown.set_properties(node, {"{x}a": "<a/>"}, writing())
        with pytest.raises(SecondThoughtsError), ground.begin_transaction():
            grown.set_properties(node, {"{x}a": None, "{x}b": "<b/>"}, writing())
            raise SecondThoughtsError
        assert grown.properties([node])[node.id] == {"{x}a": "<a/>"}

    def test_concurrent_puts_never_mix(self, provider: ShareProvider) -> None:
        """Each reader gets one writer's bytes, whole, and they are those of the entity tag it saw."""
        put(provider, "/a", b"0" * SIZE)
        written: dict[str, bytes] = {}
        observed: list[tuple[str, bytes]] = []
        problems: list[str] = []
        done = threading.Event()

        def write(letter: bytes) -> None:
            for _ in range(4):
                staged = provider.stage([letter * (SIZE // 2)] * 2)
                node, _ = provider.put(at("/a"), staged, ANY, writing())
                written[node.entity_tag] = letter

        def read() -> None:
            while not done.is_set():
                node = provider.stat(at("/a"))
                try:
                    body = content(provider, node)
                except (Unavailable, NotFound):
                    continue  # replaced between the two calls, and no version kept
                if len(body) != SIZE or len(set(body)) != 1:
                    problems.append(f"a mix of {sorted(set(body))}, {len(body)} bytes")
                observed.append((node.entity_tag, body[:1]))

        writers = [threading.Thread(target=write, args=(letter,)) for letter in (b"x", b"y", b"z")]
        readers = [threading.Thread(target=read) for _ in range(2)]
        for thread in (*readers, *writers):
            thread.start()
        for thread in writers:
            thread.join()
        done.set()
        for thread in readers:
            thread.join()
        assert problems == []
        assert len(written) == 12
        assert all(written.get(tag, b"0") == letter for tag, letter in observed)

    def test_one_of_many_conditional_writers_wins(self, provider: ShareProvider) -> None:
        first = put(provider, "/a", b"0")
        results: list[str] = []

        def write(letter: str) -> None:
            try:
                put(provider, "/a", letter.encode(), Expected(entity_tag=first.entity_tag))
                results.append(letter)
            except Outdated:
                results.append("")

        writers = [threading.Thread(target=write, args=(letter,)) for letter in "uvwxyz"]
        for thread in writers:
            thread.start()
        for thread in writers:
            thread.join()
        winners = [letter for letter in results if letter]
        assert len(results) == 6
        assert [content(provider, "/a").decode()] == winners

    def test_a_refused_verb_does_not_spoil_the_transaction(self, grown: ShareProvider, ground: Ground) -> None:
        """The caller may catch a refusal and go on (one member of a 207)."""
        with ground.begin_transaction():
            with pytest.raises(Outdated):
                put(grown, "/a", b"no", Expected(absent=True))
            with pytest.raises(NotFound):
                grown.delete(at("/missing"), writing())
            put(grown, "/new", b"yes")
        assert (content(grown, "/a"), content(grown, "/new")) == (b"one", b"yes")
