"""Names and paths inside one share, validated and NFC-normalised once, at the border."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from typing import NamedTuple

MAX_NAME_BYTES = 255
MAX_DEPTH = 64
STAND_INS = range(0xF001, 0xF080)
"""Private-use characters that stand for U+0001 to U+007F where Windows cannot write those; no name holds one itself."""


class BadName(Exception):  # noqa: N818 (the house's word, architecture.md §5)
    """A name that no share may hold; the text says why, for people."""


def clean_name(raw: str) -> str:
    """The NFC form of one path segment.

    Raises BadName for: empty, `.`, `..`, a slash, controls (C0, DEL, C1), lone surrogates, noncharacters
    (U+FFFE, U+FFFF and their kin), stand-ins (U+F001 to U+F07F), more than 255 bytes of UTF-8.
    """
    name = unicodedata.normalize("NFC", raw)
    if name in ("", ".", ".."):
        raise BadName("a name cannot be empty, '.' or '..'")
    if not name.isascii() or not name.isprintable() or "/" in name:
        _check_characters(name)
    if len(name) > MAX_NAME_BYTES or len(name.encode()) > MAX_NAME_BYTES:
        raise BadName(f"a name can have at most {MAX_NAME_BYTES} bytes")
    return name


def _check_characters(name: str) -> None:
    for character in name:
        code = ord(character)
        if character == "/":
            raise BadName("a name cannot contain '/'")
        if code < 0x20 or 0x7F <= code <= 0x9F:
            raise BadName(f"a name cannot contain the control character U+{code:04X}")
        if 0xD800 <= code <= 0xDFFF:
            raise BadName(f"a name cannot contain the lone surrogate U+{code:04X}")
        if code & 0xFFFE == 0xFFFE or 0xFDD0 <= code <= 0xFDEF:
            raise BadName(f"a name cannot contain the noncharacter U+{code:04X}")
        if code in STAND_INS:
            raise BadName(f"a name cannot contain U+{code:04X}, which stands for a character that Windows forbids")


class SharePath(NamedTuple):
    """A clean path inside a share; the root is the empty path.

    Build it with `parse` or `/`, which validate; the plain constructor is for segments that are clean already.
    """

    segments: tuple[str, ...] = ()

    @classmethod
    def parse(cls, raw: str | Iterable[str]) -> SharePath:
        """From a slash-separated text (leading and trailing slash allowed) or from raw segments; raises BadName."""
        parts = raw.strip("/").split("/") if isinstance(raw, str) else list(raw)
        if parts == [""]:
            return ROOT
        if len(parts) > MAX_DEPTH:
            raise BadName(f"a path can have at most {MAX_DEPTH} levels")
        return cls(tuple(clean_name(part) for part in parts))

    @property
    def name(self) -> str:
        """The last segment; empty for the root."""
        return self.segments[-1] if self.segments else ""

    @property
    def parent(self) -> SharePath:
        """The path above; the root is its own parent."""
        return SharePath(self.segments[:-1])

    @property
    def is_root(self) -> bool:
        return not self.segments

    def __truediv__(self, name: str) -> SharePath:
        return SharePath((*self.segments, clean_name(name)))

    def is_inside(self, other: SharePath) -> bool:
        """True if this path lies strictly below `other`."""
        depth = len(other.segments)
        return len(self.segments) > depth and self.segments[:depth] == other.segments

    def __str__(self) -> str:
        return "/" + "/".join(self.segments)


ROOT = SharePath()
