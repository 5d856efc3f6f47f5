"""Canaries: marked texts that are put into a server, and a scanner that finds them in raw bytes, however written."""

from __future__ import annotations

import base64
import os
import re
import zlib
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

GZIP, ZLIB, ZIP = re.compile(rb"\x1f\x8b\x08"), re.compile(rb"\x78[\x01\x5e\x9c\xda]"), re.compile(rb"PK\x03\x04")
ZIP_HEAD = 30
"""Bytes of a member's head in a zip, before its name."""
UNPACKED_BYTES = 1 << 20


class Canaries:
    """Texts that all contain one mark that occurs nowhere else."""

    def __init__(self, mark: str) -> None:
        """`mark`: ASCII letters, at least a dozen; random, so that nobody else writes it."""
        assert mark.isascii() and mark.isalpha() and len(mark) >= 12
        self.mark = mark
        self.made: list[str] = []
        self._writings = sorted(set(written(mark)), key=len, reverse=True)

    def new(self, place: str) -> str:
        """A canary for one place, fit to be a file name, an XML name or a text."""
        self.made.append(f"{self.mark}{place}{len(self.made):03d}")
        return self.made[-1]

    def find(self, place: str) -> str:
        """The newest canary of a place."""
        return next(one for one in reversed(self.made) if one.startswith(f"{self.mark}{place}"))

    def in_bytes(self, raw: bytes) -> list[str]:
        """How the mark is written in these bytes; empty if nowhere. Looks into whatever can be unpacked."""
        found = [shown(writing) for writing in self._writings if writing in raw]
        for unpacked in unpackings(raw):
            found += [f"packed {shown(writing)}" for writing in self._writings if writing in unpacked]
        return found

    def in_files(self, *places: Path) -> list[str]:
        """Findings in all files below these places, and in their names."""
        found = []
        for place in places:
            for path in sorted(place.rglob("*")) if place.is_dir() else [place]:
                found += [f"name {path}: {hit}" for hit in self.in_bytes(os.fsencode(path.name))]
                if path.is_file() and not path.is_symlink():
                    found += [f"{path}: {hit}" for hit in self.in_bytes(path.read_bytes())]
        return found

    def in_open_files(self, processes: Iterable[int]) -> list[str]:
        """Findings in files that these processes hold open though they have no name any more."""
        found = []
        for process in processes:
            for descriptor in Path(f"/proc/{process}/fd").iterdir():
                try:
                    if str(descriptor.readlink()).endswith(" (deleted)") and descriptor.is_file():
                        found += [f"{descriptor} of {process}: {hit}" for hit in self.in_bytes(descriptor.read_bytes())]
                except FileNotFoundError:
                    continue  # closed while we looked
        return found


def written(mark: str) -> Iterator[bytes]:
    """The ways in which a text may stand in raw bytes; where it may begin within a group, all beginnings."""
    plain = mark.encode()
    for cased in {plain, plain.lower(), plain.upper()}:
        yield cased
        yield cased[::-1]
    yield mark.encode("utf-16-le")
    yield mark.encode("utf-16-be")
    yield mark.encode("utf-32-le")
    yield mark.encode("utf-32-be")
    yield plain.hex().encode()
    yield plain.hex().upper().encode()
    for wide in (plain, mark.encode("utf-16-le")):
        for shift in range(3):
            yield from inner(base64.b64encode, wide, shift, 4, 3)
            yield from inner(base64.urlsafe_b64encode, wide, shift, 4, 3)
    yield from fixed_codes(plain)
    for shift in range(5):
        yield from inner(base64.b32encode, plain, shift, 8, 5)
        yield from (one.lower() for one in inner(base64.b32encode, plain, shift, 8, 5))


def inner(encode: Callable[[bytes], bytes], text: bytes, shift: int, letters: int, octets: int) -> Iterator[bytes]:
    """The letters of the encoded text that do not depend on what stands before and after it."""
    padded = b"\x00" * shift + text
    whole = padded[: len(padded) // octets * octets]
    yield encode(whole)[letters if shift else 0 :]


def fixed_codes(text: bytes) -> Iterator[bytes]:
    """ASCII letters as a raw deflate stream writes them with the fixed codes (RFC 1951 §3.2.6), at each bit of a byte.

    A short text is written so; what stands before it may end anywhere within a byte.
    """
    bits = "".join(f"{0x30 + letter:08b}" for letter in text)
    for shift in range(8):
        whole = bits[-shift % 8 :]
        whole = whole[: len(whole) // 8 * 8]
        yield bytes(int(whole[at : at + 8][::-1], 2) for at in range(0, len(whole), 8))


def unpackings(raw: bytes) -> Iterator[bytes]:
    """What gzip and zlib streams and members of zips that begin anywhere in these bytes hold, up to 1 MiB of each."""
    begins = [
        (found.start(), window) for pattern, window in ((GZIP, 31), (ZLIB, 15)) for found in pattern.finditer(raw)
    ]
    for found in ZIP.finditer(raw):
        head = raw[found.start() : found.start() + ZIP_HEAD]
        before = ZIP_HEAD + int.from_bytes(head[26:28], "little") + int.from_bytes(head[28:30], "little")
        begins.append((found.start() + before, -15))
    whole = memoryview(raw)
    for begin, window in begins:
        try:
            yield zlib.decompressobj(window).decompress(whole[begin:], UNPACKED_BYTES)
        except zlib.error:
            continue


def shown(hit: bytes) -> str:
    return repr(hit[:60])
