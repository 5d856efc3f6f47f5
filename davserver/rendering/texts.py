"""Texts and Markdown as pages: letters only, nothing that a browser would run, load or follow by itself."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from markdown_it import MarkdownIt

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
    shown = bytes(raw[:LONGEST])
    return Text(_decoded(shown), len(raw) <= LONGEST)


def _decoded(raw: bytes) -> str:
    if raw.startswith((b"\xff\xfe", b"\xfe\xff")):
        return raw.decode("utf-16", "replace")
    for cut in range(4):  # a long text may have been cut inside a letter
        try:
            return raw[: len(raw) - cut].decode("utf-8-sig")
        except UnicodeDecodeError:
            continue
    return raw.decode("cp1252", "replace")


def html_of(markdown: str) -> str:
    """CommonMark with tables; HTML in it stays text, pictures are left out, links lead where they say."""
    parser = MarkdownIt("commonmark", {"html": False}).enable("table").disable("image")
    return str(parser.render(markdown))
