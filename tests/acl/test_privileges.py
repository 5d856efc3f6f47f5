"""Words and the tree of privileges (RFC 3744 §3 and §5.3)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from acl.privileges import LEAVES, NAMES, TREE, Aggregate, Rights, denied_words, parse_rights, rights_words


def _names(node: Aggregate) -> list[str]:
    return [node.name, *(name for part in node.parts for name in _names(part))]


def test_the_tree_names_every_privilege_once() -> None:
    """RFC 3744 §5.3: every supported privilege stands in the set."""
    assert sorted(_names(TREE)) == sorted(NAMES)


def test_an_aggregate_contains_its_parts() -> None:
    """RFC 3744 §3: granting an aggregate grants each part."""

    def check(node: Aggregate) -> None:
        for part in node.parts:
            assert NAMES[part.name] & NAMES[node.name] == NAMES[part.name]
            check(part)

    check(TREE)


@given(st.sets(st.sampled_from(LEAVES)))
def test_words_and_rights_translate_both_ways(words: set[str]) -> None:
    """What is granted by words is told by words that grant the same."""
    rights = parse_rights(words)
    assert parse_rights(rights_words(rights)) == rights


def test_to_deny_takes_what_contains_it_but_not_its_parts() -> None:
    """discover < view < read: no reading without viewing, but discovering without reading."""
    assert parse_rights(["read"], deny=True) & Rights.VIEW == Rights.NONE
    assert parse_rights(["discover"], deny=True) == Rights.READ
    assert parse_rights(["write"], deny=True) == Rights.WRITE


@given(st.sets(st.sampled_from(LEAVES)))
def test_what_is_denied_is_told_by_words_that_deny_the_same(words: set[str]) -> None:
    """By the weakest: whoever may not discover may not read either, and need not be told so."""
    denied = parse_rights(words, deny=True)
    assert parse_rights(denied_words(denied), deny=True) == denied
    assert denied_words(parse_rights(["discover"], deny=True)) == ("discover",)


def test_an_unknown_word_is_refused_with_the_known_ones() -> None:
    """One sentence that names the possible words."""
    with pytest.raises(ValueError, match=r"unknown right 'reed'; one of: discover, view"):
        parse_rights(["reed"])
