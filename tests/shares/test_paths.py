"""Laws of clean_name and SharePath: a name is validated and normalised once, and no path leads out of its share."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from shareproviders.paths import MAX_DEPTH, MAX_NAME_BYTES, ROOT, BadName, SharePath, clean_name

ANYTHING = st.text(st.characters(codec=None), max_size=300)
RISKY = st.text(st.sampled_from("./\\\0\x1f\x7f\x85aä\u0308\u212b\ud800\ufffe\U0001f3db"), max_size=12)
ORDINARY = st.text(st.sampled_from("aZ09 äß日🏛.-_%~$#?&"), min_size=1, max_size=20).filter(lambda s: s.strip("."))
NAMES = ORDINARY.map(lambda s: unicodedata.normalize("NFC", s))
PATHS = st.lists(NAMES, max_size=6).map(SharePath.parse)


def cleaned(raw: str) -> str | None:
    try:
        return clean_name(raw)
    except BadName:
        return None


@given(ANYTHING | RISKY)
def test_a_clean_name_can_do_no_harm(raw: str) -> None:
    name = cleaned(raw)
    assume(name is not None)
    assert name not in ("", ".", "..", None)
    assert not set(name) & {"/", "\0"}
    assert not any(unicodedata.category(character) in ("Cc", "Cs") for character in name)
    assert 0 < len(name.encode()) <= MAX_NAME_BYTES
    assert unicodedata.is_normalized("NFC", name)


@given(ANYTHING | RISKY)
def test_cleaning_twice_is_cleaning_once(raw: str) -> None:
    name = cleaned(raw)
    assume(name is not None)
    assert clean_name(name) == name


@given(ANYTHING | RISKY)
def test_composed_and_decomposed_are_one_name(raw: str) -> None:
    """macOS sends NFD, everybody else NFC."""
    assert cleaned(unicodedata.normalize("NFD", raw)) == cleaned(unicodedata.normalize("NFC", raw))


@given(NAMES)
def test_ordinary_names_stay_as_they_are(name: str) -> None:
    assert clean_name(name) == name


@pytest.mark.parametrize(
    "raw",
    [
        *("", ".", "..", "/", "a/b", "a\0", "\x1f", "a\x7f", "\x85", "\x9f", "\ud800", "a\udfff"),
        *("\ufffe", "\U0001ffff", "\ufdd0", "\ufdef", "\U0010fffe", "q" * 256, "ä" * 128),
    ],
)
def test_names_that_no_share_holds(raw: str) -> None:
    with pytest.raises(BadName):
        clean_name(raw)


@pytest.mark.parametrize(
    "raw", ["...", " ", "a\\b", "C:", "%2e%2e", "q" * 255, "ä" * 127, "\u00ad", "\u200b", "\ufdcf", "\ufdf0", "\u00a0"]
)
def test_names_that_are_only_unusual(raw: str) -> None:
    assert clean_name(raw) == unicodedata.normalize("NFC", raw)


@given(PATHS)
def test_a_path_reads_back_from_its_text(path: SharePath) -> None:
    assert SharePath.parse(str(path)) == path
    assert SharePath.parse(str(path) + "/") == path
    assert SharePath.parse(str(path).strip("/")) == path
    assert SharePath.parse(path.segments) == path


@given(PATHS, NAMES)
def test_a_member_is_inside_its_parent(path: SharePath, name: str) -> None:
    member = path / name
    assert member.parent == path
    assert member.name == name
    assert member.is_inside(path)
    assert not path.is_inside(member)
    assert not member.is_root


@given(PATHS, PATHS)
def test_inside_is_strict_and_goes_one_way(one: SharePath, other: SharePath) -> None:
    assert not one.is_inside(one)
    assert not (one.is_inside(other) and other.is_inside(one))
    assert one.is_inside(other) == (one != other and one.segments[: len(other.segments)] == other.segments)


@given(PATHS)
def test_every_path_is_the_root_or_inside_it(path: SharePath) -> None:
    assert path.is_root == (path == ROOT)
    assert path.is_root or path.is_inside(ROOT)
    assert ROOT.parent == ROOT
    assert ROOT.name == ""


@given(st.lists(RISKY, max_size=8))
def test_no_text_leads_upwards(parts: list[str]) -> None:
    try:
        path = SharePath.parse("/".join(parts))
    except BadName:
        return
    assert all(segment not in ("", ".", "..") and "/" not in segment for segment in path.segments)


@pytest.mark.parametrize("raw", ["..", "/../a", "a/../b", "a//b", "a/./b", "./a", "a/.."])
def test_dots_and_empty_segments_are_refused_not_resolved(raw: str) -> None:
    with pytest.raises(BadName):
        SharePath.parse(raw)


def test_the_prefix_of_a_name_is_not_its_parent() -> None:
    assert not SharePath.parse("/council-private").is_inside(SharePath.parse("/council"))


def test_depth_has_a_limit() -> None:
    assert len(SharePath.parse("a/" * MAX_DEPTH).segments) == MAX_DEPTH
    with pytest.raises(BadName):
        SharePath.parse("a/" * (MAX_DEPTH + 1))
