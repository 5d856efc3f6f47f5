"""Rules of the optional abilities; each is skipped where the provider lacks it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from shareproviders.contract import (
    Ground,
    KeepsProperties,
    KeepsTrash,
    KeepsVersions,
    MetersQuota,
    NameTaken,
    NotFound,
    ParentMissing,
    QuotaExceeded,
    ShareProvider,
    Upkeep,
)
from shareproviders.paths import ROOT
from shareproviders.testing.base import (
    Contract,
    GroundFactory,
    at,
    content,
    exists,
    make,
    put,
    tree,
    writing,
)
from shareproviders.testing.changes import ChangeRules

RED, BLUE = "{urn:x}colour", "{urn:y}colour"
MIB = 1024 * 1024


class PropertyRules(Contract):
    @pytest.fixture
    def dead(self, provider: ShareProvider) -> KeepsProperties:
        if not isinstance(provider, KeepsProperties):
            pytest.skip("not KeepsProperties")
        return provider

    def test_properties_are_set_and_removed_together(self, provider: ShareProvider, dead: KeepsProperties) -> None:
        node = put(provider, "/a", b"a")
        assert not dead.properties([node]).get(node.id)
        dead.set_properties(node, {RED: "<c xmlns='urn:x'>rot ä</c>", BLUE: "<c/>"}, writing())
        after = dead.set_properties(node, {RED: "<c>2</c>", BLUE: None, "{}none": None}, writing())
        assert dead.properties([node])[node.id] == {RED: "<c>2</c>"}
        assert after.entity_tag == node.entity_tag
        assert content(provider, "/a") == b"a"

    def test_properties_of_a_page(self, provider: ShareProvider, dead: KeepsProperties) -> None:
        nodes = [put(provider, f"/{k}", b"x") for k in range(5)] + [make(provider, "/c")]
        for node in nodes[::2]:
            dead.set_properties(node, {RED: f"<c>{node.name}</c>"}, writing())
        dead.set_properties(nodes[-1], {RED: "<c>c</c>"}, writing())
        found = {node_id: held for node_id, held in dead.properties(nodes).items() if held}
        assert found == {node.id: {RED: f"<c>{node.name}</c>"} for node in (nodes[0], nodes[2], nodes[4], nodes[5])}
        assert dead.properties([]) == {}

    def test_properties_survive_put_and_follow_a_move(self, provider: ShareProvider, dead: KeepsProperties) -> None:
        node = put(provider, "/a", b"a")
        dead.set_properties(node, {RED: "<c/>"}, writing())
        put(provider, "/a", b"b")
        make(provider, "/c")
        provider.move(at("/a"), at("/c/b"), writing())
        assert dead.properties([provider.stat(at("/c/b"))]) == {node.id: {RED: "<c/>"}}

    def test_properties_are_copied(self, provider: ShareProvider, dead: KeepsProperties) -> None:
        """RFC 4918 §9.8.2: dead properties are duplicated, at every depth."""
        outer = make(provider, "/c")
        inner = put(provider, "/c/a", b"a")
        dead.set_properties(outer, {RED: "<o/>"}, writing())
        dead.set_properties(inner, {RED: "<i/>"}, writing())
        provider.copy(at("/c"), at("/e"), writing(), deep=True)
        dead.set_properties(inner, {RED: "<changed/>"}, writing())
        copies = [provider.stat(at("/e")), provider.stat(at("/e/a"))]
        assert list(dead.properties(copies).values()) == [{RED: "<o/>"}, {RED: "<i/>"}]
        shallow = provider.copy(at("/c"), at("/f"), writing(), deep=False)
        assert dead.properties([shallow])[shallow.id] == {RED: "<o/>"}

    @pytest.mark.parametrize("verb", ["move", "copy"])
    def test_overwriting_brings_the_properties_of_the_source(
        self, provider: ShareProvider, dead: KeepsProperties, verb: str
    ) -> None:
        """RFC 4918 §9.8.4, §9.9.3: the overwritten document's own dead properties do not shine through."""
        dead.set_properties(put(provider, "/old", b"o"), {RED: "<old/>", BLUE: "<old/>"}, writing())
        dead.set_properties(put(provider, "/new", b"n"), {RED: "<new/>"}, writing())
        if verb == "move":
            after = provider.move(at("/new"), at("/old"), writing())
        else:
            after = provider.copy(at("/new"), at("/old"), writing(), deep=True)
        assert dead.properties([after])[after.id] == {RED: "<new/>"}

    def test_properties_end_with_their_node(self, provider: ShareProvider, dead: KeepsProperties) -> None:
        dead.set_properties(put(provider, "/a", b"a"), {RED: "<c/>"}, writing())
        provider.delete(at("/a"), writing())
        fresh = put(provider, "/a", b"a")
        assert not dead.properties([fresh]).get(fresh.id)

    def test_properties_of_nothing(self, provider: ShareProvider, dead: KeepsProperties) -> None:
        gone = put(provider, "/a", b"a")
        provider.delete(at("/a"), writing())
        with pytest.raises(NotFound):
            dead.set_properties(gone, {RED: "<c/>"}, writing())

    def test_properties_have_a_limit_per_node(self, provider: ShareProvider, dead: KeepsProperties) -> None:
        node = put(provider, "/a", b"a")
        dead.set_properties(node, {RED: "<c/>"}, writing())
        with pytest.raises(QuotaExceeded):
            dead.set_properties(node, {RED: None, BLUE: "x" * (MIB + 1)}, writing())
        assert dead.properties([node])[node.id] == {RED: "<c/>"}


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


class QuotaRules(Contract):
    @pytest.fixture
    def meter(self, provider: ShareProvider) -> MetersQuota:
        if not isinstance(provider, MetersQuota):
            pytest.skip("not MetersQuota")
        return provider

    def test_usage_counts_what_is_there(self, provider: ShareProvider, meter: MetersQuota) -> None:
        before = meter.usage()
        put(provider, "/a", b"x" * 1000)
        after = meter.usage()
        assert (before.used, after.used) == (0, 1000)
        assert after.limit is None
        assert after.available > 0

    def test_the_limit_holds(self, make_ground: GroundFactory, options: Mapping[str, Any]) -> None:
        ground = make_ground(self.tables, 1000, options)
        provider = self.make_provider(ground)
        if not isinstance(provider, MetersQuota):
            pytest.skip("not MetersQuota")
        with ground.begin_transaction():
            provider.prepare()
        put(provider, "/a", b"x" * 600)
        assert (provider.usage().limit, provider.usage().available) == (1000, 400)
        for raw, size in (("/b", 401), ("/a", 1001)):
            with pytest.raises(QuotaExceeded):
                put(provider, raw, b"x" * size)
        with pytest.raises(QuotaExceeded):
            provider.copy(at("/a"), at("/b"), writing(), deep=True)
        assert list(tree(provider)) == ["/a"]
        assert provider.usage().used == 600
        put(provider, "/b", b"x" * 400)
        assert provider.usage().available == 0


class UpkeepRules(Contract):
    @pytest.fixture
    def upkeep(self, provider: ShareProvider) -> Upkeep:
        if not isinstance(provider, Upkeep):
            pytest.skip("not Upkeep")
        return provider

    def test_a_sound_share_has_no_findings(self, provider: ShareProvider, upkeep: Upkeep) -> None:
        make(provider, "/c")
        put(provider, "/c/a", b"a")
        put(provider, "/c/a", b"b")
        provider.delete(at("/c/a"), writing())
        put(provider, "/d", b"d")
        assert list(upkeep.check()) == []

    def test_recover_and_collect_keep_what_is_named(
        self, provider: ShareProvider, upkeep: Upkeep, ground: Ground
    ) -> None:
        """Both may run at any time, twice, and remove only what nothing names."""
        put(provider, "/a", b"a")
        provider.stage([b"never put"])
        before = tree(provider)
        for _ in range(2):
            upkeep.recover()
            upkeep.collect(ground.clock() + 3_600_000_000)
            assert tree(provider) == before
        assert not exists(provider, "/b")
        assert list(upkeep.check()) == []


class AbilityRules(PropertyRules, VersionRules, TrashRules, ChangeRules, QuotaRules, UpkeepRules):
    """All of them."""
