"""Rules of what a whole share can do: be taken along by a backup, begin anew after it, change its key, end."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import replace

import pytest

from shareproviders.contract import (
    Ends,
    Ground,
    KeepsAuthors,
    KeepsProperties,
    KeepsVersions,
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
        """All that the rows name, also of versions and in the trash, relative to where the share keeps its files.

        What is small may lie in the rows themselves.
        """
        assert list(restorable.files()) == []
        for body in (b"a" * 100_000, b"b" * 100_000):
            put(provider, "/a", body)
        put(provider, "/gone", b"c" * 100_000)
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


class AuthorRules(Contract):
    @pytest.fixture
    def authors(self, provider: ShareProvider) -> KeepsAuthors:
        if not isinstance(provider, KeepsAuthors):
            pytest.skip("not KeepsAuthors")
        return provider

    def test_who_wrote_and_deleted_is_told(self, provider: ShareProvider, authors: KeepsAuthors) -> None:
        """Every version that is kept, and what lies in the trash; nothing of others, nothing that is destroyed."""
        kept = put(provider, "/a", b"1", by="user:otto", at=1_000)
        put(provider, "/a", b"22", by="user:anna", at=1_001)
        put(provider, "/a", b"333", by="user:otto", at=1_002)
        gone = put(provider, "/b", b"b", by="user:anna", at=1_003)
        provider.delete(at("/b"), writing(by="user:otto", at=1_004))
        told = [(one.node_id, one.at, one.size, one.is_deletion) for one in authors.authored("user:otto")]
        assert told == [(kept.id, 1_000, 1, False), (kept.id, 1_002, 3, False), (gone.id, 1_004, 0, True)]
        assert list(authors.authored("user:ott")) == []

    def test_another_word_for_an_author_changes_no_document(
        self, provider: ShareProvider, authors: KeepsAuthors
    ) -> None:
        """Tags, contents and versions are as they were; the versions name the other word."""
        node = put(provider, "/a", b"1", by="user:otto")
        put(provider, "/a", b"2", by="user:anna")
        before, number = tree(provider), provider.newest_change() if isinstance(provider, TracksChanges) else 0
        assert authors.rename_author("user:otto", "former:") == 1
        assert tree(provider) == before
        if isinstance(provider, TracksChanges):
            assert provider.newest_change() == number
        if isinstance(provider, KeepsVersions):
            assert [each.by for each in provider.versions(node)] == ["user:anna", "former:"]
        if isinstance(provider, Upkeep):
            assert list(provider.check()) == []
        assert list(authors.authored("user:otto")) == []


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


class WholeRules(RestoreRules, RekeyRules, AuthorRules, EndRules):
    """All of them."""
