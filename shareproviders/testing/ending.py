"""Rules of what a whole share can do: be taken along by a backup, begin anew after it, change its key, end."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import replace

import pytest

from shareproviders.contract import (
    Ends,
    Ground,
    KeepsProperties,
    Rekeys,
    Restorable,
    ShareProvider,
    TracksChanges,
    Upkeep,
)
from shareproviders.testing.base import Contract, at, make, put, tree, writing

COLOUR = "{urn:x}colour"


class OtherKeys:
    """A key of the same share."""

    def __init__(self, space_id: bytes) -> None:
        self.space_id = space_id
        self._secret = secrets.token_bytes(32)

    def derive(self, purpose: str, length: int) -> bytes:
        return hashlib.shake_256(self._secret + purpose.encode()).digest(length)


class RestoreRules(Contract):
    @pytest.fixture
    def restorable(self, provider: ShareProvider) -> Restorable:
        if not isinstance(provider, Restorable):
            pytest.skip("not Restorable")
        return provider

    def test_the_named_files_are_there(self, provider: ShareProvider, restorable: Restorable, ground: Ground) -> None:
        """All that the rows name, also of versions and in the trash, relative to where the share keeps its files."""
        assert list(restorable.files()) == []
        for body in (b"a" * 3000, b"b" * 3000):
            put(provider, "/a", body)
        put(provider, "/gone", b"c" * 3000)
        provider.delete(at("/gone"), writing())
        named = list(restorable.files())
        assert len(set(named)) >= 1
        assert all((ground.directory / path).is_file() and not path.is_absolute() for path in named)

    def test_after_a_leap_nothing_is_given_out_that_was(self, provider: ShareProvider, restorable: Restorable) -> None:
        """Neither ids nor change numbers of the time that was lost; what is there stays as it is."""
        kept = put(provider, "/a", b"a")
        before, number = tree(provider), provider.newest_change() if isinstance(provider, TracksChanges) else 0
        restorable.leap()
        assert tree(provider) == before
        assert put(provider, "/b", b"b").id > kept.id + 1_000_000
        if isinstance(provider, TracksChanges):
            assert provider.newest_change() > number + 1_000_000


class RekeyRules(Contract):
    def test_under_another_key_all_is_as_it_was(self, provider: ShareProvider, ground: Ground) -> None:
        """Ids, tags, contents and properties; what was deleted opens, too."""
        if not isinstance(provider, Rekeys):
            pytest.skip("not Rekeys")
        make(provider, "/c")
        node = put(provider, "/c/a", b"a" * 40_000)
        if isinstance(provider, KeepsProperties):
            provider.set_properties(node, {COLOUR: "<c/>"}, writing())
        put(provider, "/gone", b"g")
        provider.delete(at("/gone"), writing())
        before, keys = tree(provider), OtherKeys(ground.keys.space_id)
        provider.rekey(keys)
        anew = self.make_provider(replace(ground, keys=keys))
        assert tree(anew) == before
        if isinstance(anew, KeepsProperties):
            assert anew.properties([node]) == {node.id: {COLOUR: "<c/>"}}
        if isinstance(anew, Upkeep):
            assert list(anew.check()) == []
        put(anew, "/c/a", b"b")


class EndRules(Contract):
    def test_after_its_end_nothing_is_there(self, provider: ShareProvider, ground: Ground) -> None:
        """No row of the provider's tables speaks of it any more."""
        if not isinstance(provider, Ends):
            pytest.skip("not Ends")
        make(provider, "/c")
        put(provider, "/c/a", b"a")
        put(provider, "/c/a", b"b")
        provider.delete(at("/c/a"), writing())
        provider.end()
        with ground.begin_read() as connection:
            for table in self.tables.sorted_tables:
                assert not connection.execute(table.select()).all(), table.name


class WholeRules(RestoreRules, RekeyRules, EndRules):
    """All of them."""
