"""Where something stands in a document: on which pages, in which words, and at which places of a page."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from davserver.rendering.maker import Page, Word

MOST_HITS, AROUND, LONGEST = 50, 60, 100
"""Hits that are told; letters before and after each; letters that can be looked for."""
_BROKEN = re.compile("[\ufffe\u00ad-]\\s*[\r\n]+\\s*(?=[a-zäöüß])|[\ufffe\u00ad]")
"""A word that goes on in the next line; PDFium says U+FFFE for the hyphen there."""


class Hit(NamedTuple):
    """One place."""

    page: int
    """From 1."""
    before: str
    found: str
    after: str


class Hits(NamedTuple):
    """What was found."""

    wanted: str
    found: list[Hit]
    whole: bool
    """False if there are more than are told."""
    has_words: bool = True
    """False if there are none at all, as in what was scanned."""


def find(pages: Sequence[str], wanted: str) -> Hits:
    """In the words of all pages, whatever their case and line breaks; nothing for what is empty."""
    shape = _shape(wanted)
    found: list[Hit] = []
    for number, text in enumerate(pages, 1):
        plain = " ".join(_BROKEN.sub("", text).split())
        for match in shape.finditer(plain) if shape else ():
            if len(found) == MOST_HITS:
                return Hits(wanted, found, whole=False)
            start, end = match.span()
            around = plain[max(0, start - AROUND) : start], plain[end : end + AROUND]
            found.append(Hit(number, around[0], match[0], around[1]))
    return Hits(wanted, found, whole=True, has_words=any(text.strip() for text in pages))


def places(page: Page, wanted: str) -> list[Word]:
    """The words of a page that are part of what is wanted, line by line."""
    shape = _shape(wanted)
    return [word for line in page.lines for word in _hit(line, shape)] if shape else []


def _hit(line: Sequence[Word], shape: re.Pattern[str]) -> Iterator[Word]:
    text, starts = "", []
    for word in line:
        starts.append(len(text))
        text += word.text + " "
    spans = [match.span() for match in shape.finditer(text)]
    for word, start in zip(line, starts, strict=True):
        if any(begin < start + len(word.text) and start < end for begin, end in spans):
            yield word


def _shape(wanted: str) -> re.Pattern[str] | None:
    words = wanted[:LONGEST].split()
    return re.compile(r"\s+".join(map(re.escape, words)), re.IGNORECASE) if words else None
