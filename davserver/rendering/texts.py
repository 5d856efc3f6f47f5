"""Texts and Markdown as pages: letters only, nothing that a browser would run, load or follow by itself."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from typing import NamedTuple

from markdown_it import MarkdownIt
from markdown_it.token import Token

MARKDOWN = "text/markdown"
TEXTS = frozenset({"application/json", "application/xml", "application/yaml", "application/javascript"})
"""Media types outside `text/` that people can read."""
LONGEST = 1024 * 1024
"""Bytes of a text that are shown."""


class Text(NamedTuple):
    """What a page shows of a text."""

    letters: str
    whole: bool
    """False if it goes on beyond what is shown."""


def is_text(media_type: str) -> bool:
    """Can it be shown letter by letter?"""
    return (media_type.startswith("text/") and media_type != "text/rtf") or media_type in TEXTS


def read(document: Iterable[bytes]) -> Text:
    """UTF-8 or UTF-16 by its first bytes, else as Windows writes Western letters."""
    raw = bytearray()
    for piece in document:
        raw += piece
        if len(raw) > LONGEST:
            break
    whole = len(raw) <= LONGEST
    return Text(_decoded(bytes(raw[:LONGEST]), whole), whole)


def _decoded(raw: bytes, whole: bool) -> str:
    if raw.startswith((b"\xff\xfe", b"\xfe\xff")):
        return raw.decode("utf-16", "replace")
    for cut in range(1 if whole else 4):  # a long text may have been cut inside a letter
        try:
            return raw[: len(raw) - cut].decode("utf-8-sig")
        except UnicodeDecodeError:
            continue
    return raw.decode("cp1252", "replace")


def html_of(markdown: str) -> str:
    """CommonMark with tables; HTML in it stays text, pictures are left out, links lead where they say."""
    parser = MarkdownIt("commonmark", {"html": False}).enable("table")
    parser.add_render_rule("image", _told)
    tokens = parser.parse(markdown)
    for token in tokens:
        if token.type.startswith("heading_"):  # below the heading of our page
            token.tag = f"h{min(6, int(token.tag[1]) + 1)}"
    return str(parser.renderer.render(tokens, parser.options, {}))


def _told(_: object, tokens: Sequence[Token], place: int, *__: object) -> str:
    """What a picture is said to show."""
    return escape(tokens[place].content)
