"""Rules of the optional abilities; each is skipped where the provider lacks it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from shareproviders.contract import (
    Ground,
    KeepsChecksums,
    KeepsProperties,
    MetersQuota,
    NotFound,
    QuotaExceeded,
    ShareProvider,
    Upkeep,
)
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
from shareproviders.testing.keeping import TrashRules, VersionRules

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


class ChecksumRules(Contract):
    @pytest.fixture
    def summed(self, provider: ShareProvider) -> KeepsChecksums:
        if not isinstance(provider, KeepsChecksums):
            pytest.skip("not KeepsChecksums")
        return provider

    def test_checksums_of_a_page(self, provider: ShareProvider, summed: KeepsChecksums) -> None:
        """Those that came with the current contents; documents without any, and collections, are missing."""
        nodes = [put(provider, f"/{k}", b"x" * k, checksum=f"SHA1:{k}" if k % 2 else "") for k in range(1, 6)]
        assert summed.checksums([*nodes, make(provider, "/c")]) == {nodes[k].id: f"SHA1:{k + 1}" for k in (0, 2, 4)}
        assert summed.checksums([]) == {}

    def test_checksums_go_with_the_bytes(self, provider: ShareProvider, summed: KeepsChecksums) -> None:
        """Over move, copy and a restored version; a new content has its own or none."""
        node = put(provider, "/a", b"a", checksum="SHA1:a")
        copied = provider.copy(at("/a"), at("/b"), writing(), deep=True)
        provider.move(at("/a"), at("/c"), writing())
        assert summed.checksums([node, copied]) == {node.id: "SHA1:a", copied.id: "SHA1:a"}
        put(provider, "/c", b"other")
        assert summed.checksums([node, copied]) == {copied.id: "SHA1:a"}
        put(provider, "/c", b"third", checksum="SHA1:t MD5:t")
        assert summed.checksums([node]) == {node.id: "SHA1:t MD5:t"}


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


class AbilityRules(PropertyRules, ChecksumRules, VersionRules, TrashRules, ChangeRules, QuotaRules, UpkeepRules):
    """All of them."""
