"""Where something stands in a document (portal.md §3): across lines and broken words, bounded, by its letters alone."""

from __future__ import annotations

import pytest

from davserver.rendering.maker import Maker, NotMade, Page, Reason, Word
from davserver.tree import words
from tests.rendering import documents


@pytest.mark.parametrize(
    ("text", "wanted", "found"),
    [
        ("Der Haushalts\ufffe\r\nplan 2027", "haushaltsplan", ["Haushaltsplan"]),
        ("Der Haushalts-\r\nplan 2027", "HAUSHALTSPLAN", ["Haushaltsplan"]),
        ("Au-\r\nHaidhausen", "au- haidhausen", ["Au- Haidhausen"]),
        ("zwei\r\nZeilen", "zwei  zeilen", ["zwei Zeilen"]),
        ("Grüße (intern).", "(INTERN).", ["(intern)."]),
        ("Straße, straße", "straße", ["Straße", "straße"]),
        ("nichts", ".", []),
        ("nichts", "  ", []),
    ],
)
def test_words_are_found_as_people_read_them(text: str, wanted: str, found: list[str]) -> None:
    assert [hit.found for hit in words.find([text], wanted).found] == found


def test_hits_tell_what_stands_around_them_and_are_bounded() -> None:
    hits = words.find(["a " * 40 + "Ziel " + "b " * 40, "Ziel " * 100], "ziel")
    first = hits.found[0]
    assert (first.page, len(first.before), len(first.after)) == (1, words.AROUND, words.AROUND)
    assert (len(hits.found), hits.whole, hits.has_words) == (words.MOST_HITS, False, True)
    assert not words.find(["", " \r\n"], "ziel").has_words


def test_places_are_the_words_that_are_part_of_it() -> None:
    """Of a phrase all its words, of other lines none."""
    line = tuple(Word(10.0 * place, 0, 9, 9, text) for place, text in enumerate(("Der", "Plan,", "der", "gilt")))
    page = Page(1, 1, 1, 1, 1, (line, (Word(0, 20, 9, 9, "Planung"),)), b"")
    assert [word.text for word in words.places(page, "plan")] == ["Plan,", "Planung"]
    assert [word.text for word in words.places(page, "plan, der")] == ["Plan,", "der"]
    assert words.places(page, "") == []


def test_the_maker_reads_all_pages_and_doubts_what_it_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    maker = Maker(None)
    assert [" ".join(each.split()) for each in maker.words([documents.pdf(3)])] == [
        f"Seite {number} der Vorlage" for number in (1, 2, 3)
    ]
    with pytest.raises(NotMade) as refused:
        maker.words([b"%PDF-1.4 nichts"])
    assert refused.value.reason is Reason.DAMAGED
    for lie in (b"", b"{}", b"[1]", b'["x", null]', b"\xff"):
        monkeypatch.setattr(maker, "_run", lambda *_, lie=lie: lie)
        with pytest.raises(NotMade):
            maker.words([b""])
