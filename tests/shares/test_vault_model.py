"""The vault against a simple model: any sequence of verbs leaves exactly the tree that a dictionary would hold."""

from __future__ import annotations

import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import hypothesis.strategies as st
from hypothesis import HealthCheck, settings
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from shareproviders.contract import NameTaken, Node, NotFound, ParentMissing, ShareError, WrongKind
from shareproviders.paths import ROOT, SharePath
from tests.shares.vaults import open_bench

NAMES = ("a", "b", "ü")
PATHS = st.lists(st.sampled_from(NAMES), min_size=1, max_size=3).map(tuple)
CONTENTS = st.binary(max_size=40)

Path_ = tuple[str, ...]
Tree = dict[Path_, bytes | None]
"""Path → bytes of a document, None for a collection; the root is the empty path."""


class VaultAgainstModel(RuleBasedStateMachine):
    """Each rule does the same to both and compares the outcome; the invariant compares everything."""

    def __init__(self) -> None:
        super().__init__()
        self.stack = ExitStack()
        directory = self.stack.enter_context(tempfile.TemporaryDirectory())
        self.bench = self.stack.enter_context(open_bench(Path(directory)))
        self.tree: Tree = {(): None}
        self.ids: dict[Path_, int] = {(): self.bench.stat("/").id}
        self.used_ids = set(self.ids.values())
        self.used_tags: set[str] = set()
        self.trash: dict[int, tuple[Tree, dict[Path_, int]]] = {}

    def teardown(self) -> None:
        assert list(self.bench.vault.check()) == []
        self.stack.close()

    def _expect(self, refusal: type[ShareError] | None, attempt: Any) -> Node | None:
        before = self.bench.vault.newest_change()
        try:
            result = attempt()
        except ShareError as error:
            assert type(error) is refusal, (refusal, error)
            assert self.bench.vault.newest_change() == before
            return None
        assert refusal is None, (refusal, result)
        return result if isinstance(result, Node) else None

    def _parent_refusal(self, path: Path_) -> type[ShareError] | None:
        parent = path[:-1]
        return None if parent in self.tree and self.tree[parent] is None else ParentMissing

    def _beneath(self, path: Path_) -> Tree:
        depth = len(path)
        return {place[depth:]: content for place, content in self.tree.items() if place[:depth] == path}

    def _ids_beneath(self, path: Path_) -> dict[Path_, int]:
        depth = len(path)
        return {place[depth:]: number for place, number in self.ids.items() if place[:depth] == path}

    def _remove(self, path: Path_) -> None:
        for place in [place for place in self.tree if place[: len(path)] == path]:
            del self.tree[place], self.ids[place]

    def _graft(self, path: Path_, tree: Tree, ids: dict[Path_, int]) -> None:
        self.tree |= {path + place: content for place, content in tree.items()}
        self.ids |= {path + place: number for place, number in ids.items()}

    def _learn_new_ids(self, path: Path_) -> None:
        """Take over the ids of a fresh tree and check that none was ever used."""
        for place in self._beneath(path):
            number = self.bench.stat("/".join(path + place)).id
            assert number not in self.used_ids
            self.used_ids.add(number)
            self.ids[path + place] = number

    @rule(path=PATHS, content=CONTENTS)
    def put(self, path: Path_, content: bytes) -> None:
        taken = path in self.tree
        refusal = self._parent_refusal(path) or (WrongKind if taken and self.tree[path] is None else None)
        node = self._expect(refusal, lambda: self.bench.put("/".join(path), content))
        if node is not None:
            assert node.entity_tag not in self.used_tags
            self.used_tags.add(node.entity_tag)
            self.tree[path] = content
            if not taken:
                self._learn_new_ids(path)

    @rule(path=PATHS)
    def make(self, path: Path_) -> None:
        refusal = self._parent_refusal(path) or (NameTaken if path in self.tree else None)
        if self._expect(refusal, lambda: self.bench.make("/".join(path))) is not None:
            self.tree[path] = None
            self._learn_new_ids(path)

    @rule(path=PATHS)
    def delete(self, path: Path_) -> None:
        self._expect(None if path in self.tree else NotFound, lambda: self.bench.delete("/".join(path)))
        if path in self.tree:
            self.trash[self.ids[path]] = (self._beneath(path), self._ids_beneath(path))
            self._remove(path)

    def _placing_refusal(self, source: Path_, target: Path_) -> type[ShareError] | None:
        if target[: len(source)] == source:
            return WrongKind
        if source not in self.tree:
            return NotFound
        if self._parent_refusal(target):
            return ParentMissing
        if target in self.tree and None in (self.tree[source], self.tree[target]):
            return NameTaken
        return None

    @rule(source=PATHS, goal=PATHS)
    def move(self, source: Path_, goal: Path_) -> None:
        refusal = self._placing_refusal(source, goal)
        self._expect(refusal, lambda: self.bench.move("/".join(source), "/".join(goal)))
        if refusal is None:
            tree, ids = self._beneath(source), self._ids_beneath(source)
            if goal in self.tree:
                ids = {(): self.ids[goal]}
            self._remove(source)
            self._graft(goal, tree, ids)

    @rule(source=PATHS, goal=PATHS)
    def copy(self, source: Path_, goal: Path_) -> None:
        refusal = self._placing_refusal(source, goal)
        self._expect(refusal, lambda: self.bench.copy("/".join(source), "/".join(goal)))
        if refusal is None:
            replaced = goal in self.tree
            self._graft(goal, self._beneath(source), {})
            if not replaced:
                self._learn_new_ids(goal)

    @precondition(lambda self: self.trash)
    @rule(chosen=st.randoms(use_true_random=False), goal=PATHS)
    def restore(self, chosen: Any, goal: Path_) -> None:
        node_id = chosen.choice(sorted(self.trash))
        refusal = self._parent_refusal(goal) or (NameTaken if goal in self.tree else None)

        def attempt() -> Node:
            with self.bench.database.transaction():
                return self.bench.vault.restore(node_id, SharePath(goal), self.bench.writing())

        self._expect(refusal, attempt)
        if refusal is None:
            self._graft(goal, *self.trash.pop(node_id))

    @precondition(lambda self: self.trash)
    @rule(chosen=st.randoms(use_true_random=False))
    def purge(self, chosen: Any) -> None:
        node_id = chosen.choice(sorted(self.trash))
        self.bench.vault.purge(node_id)
        del self.trash[node_id]

    @invariant()
    def the_trees_agree(self) -> None:
        found: Tree = {}
        self._walk(self.bench.vault.stat(ROOT), (), found)
        assert found == self.tree
        assert {thrown.node_id for thrown in self.bench.vault.trashed()} == set(self.trash)

    def _walk(self, node: Node, path: Path_, found: Tree) -> int:
        assert node.id == self.ids[path]
        assert node.lineage == tuple(self.ids[path[:depth]] for depth in range(len(path) + 1))
        assert self.bench.vault.locate(node.id) == (SharePath(path), node)
        if not node.is_collection:
            content = b"".join(self.bench.vault.read(node))
            found[path] = content
            assert node.size == len(content)
            return node.size
        found[path] = None
        size = sum(self._walk(child, (*path, child.name), found) for child in self.bench.vault.children(node))
        assert node.size == size
        return size


TestVaultAgainstModel = VaultAgainstModel.TestCase
TestVaultAgainstModel.settings = settings(
    max_examples=25,
    stateful_step_count=30,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    derandomize=True,
    database=None,
)
