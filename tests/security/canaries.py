"""Canaries: marked texts that are put into a server, and a scanner that finds them in raw bytes, however written."""

from __future__ import annotations

import base64
import os
import re
import zlib
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

GZIP, ZLIB = re.compile(rb"\x1f\x8b\x08"), re.compile(rb"\x78[\x01\x5e\x9c\xda]")
UNPACKED_BYTES = 1 << 20


class Canaries:
    """Texts that all contain one mark that occurs nowhere else."""

    def __init__(self, mark: str) -> None:
        """`mark`: ASCII letters, at least a dozen; random, so that nobody else writes it."""
        assert mark.isascii() and mark.isalpha() and len(mark) >= 12
        self.mark = mark
        self.made: list[str] = []
        longest_first = sorted({re.escape(one) for one in written(mark)}, key=lambda one: -len(one))
        self._patterns = re.compile(b"|".join(longest_first))

    def new(self, place: str) -> str:
        """A canary for one place, fit to be a file name, an XML name or a text."""
        self.made.append(f"{self.mark}{place}{len(self.made):03d}")
        return self.made[-1]

    def in_bytes(self, raw: bytes) -> list[str]:
        """How the mark is written in these bytes; empty if nowhere. Looks into whatever can be unpacked."""
        found = [shown(hit.group()) for hit in self._patterns.finditer(raw)]
        for unpacked in unpackings(raw):
            found += [f"packed {shown(hit.group())}" for hit in self._patterns.finditer(unpacked)]
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
    for shift in range(5):
        yield from inner(base64.b32encode, plain, shift, 8, 5)
        yield from (one.lower() for one in inner(base64.b32encode, plain, shift, 8, 5))


def inner(encode: Callable[[bytes], bytes], text: bytes, shift: int, letters: int, octets: int) -> Iterator[bytes]:
    """The letters of the encoded text that do not depend on what stands before and after it."""
    padded = b"\x00" * shift + text
    whole = padded[: len(padded) // octets * octets]
    yield encode(whole)[letters if shift else 0 :]


def unpackings(raw: bytes) -> Iterator[bytes]:
    """What gzip and zlib streams that begin anywhere in these bytes hold, up to 1 MiB of each."""
    for pattern, window in ((GZIP, 31), (ZLIB, 15)):
        for start in pattern.finditer(raw):
            try:
                yield zlib.decompressobj(window).decompress(raw[start.start() :], UNPACKED_BYTES)
            except zlib.error:
                continue


def shown(hit: bytes) -> str:
    return repr(hit[:60])
