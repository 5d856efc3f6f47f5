"""The maker of pages: a confined child for each document, bounds on what it takes and gives, doubts about its answer.

What a child answers is as little trusted as the document that it looked at: pixels are counted, words are checked,
a converted document is looked at by another child only.
"""

from __future__ import annotations

import json
import logging
import math
import os
import select
import shutil
import signal
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from enum import StrEnum
from types import MappingProxyType
from typing import NamedTuple

from davserver.rendering import child

MIB = 1024**2
LARGEST_DOCUMENT, LARGEST_PDF, LARGEST_DRAWING = 256 * MIB, 256 * MIB, 128 * MIB
LARGEST_HEADER, LARGEST_WORDS = 16 * MIB, 64 * MIB
PATIENCE_SECONDS = 20.0
"""So long whoever comes while as many children are at work as may be waits for one to end."""
PIECE = 256 * 1024
OFFICE_ENDINGS: Mapping[str, str] = MappingProxyType(
    {
        "application/vnd.oasis.opendocument.text": "odt",
        "application/vnd.oasis.opendocument.spreadsheet": "ods",
        "application/vnd.oasis.opendocument.presentation": "odp",
        "application/vnd.oasis.opendocument.graphics": "odg",
        "application/msword": "doc",
        "application/vnd.ms-excel": "xls",
        "application/vnd.ms-powerpoint": "ppt",
        "application/rtf": "rtf",
        "text/rtf": "rtf",
        "application/vnd.openxmlformats-officedocument.wordprocessingml.document": "docx",
        "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": "xlsx",
        "application/vnd.openxmlformats-officedocument.presentationml.presentation": "pptx",
    }
)
"""Media types that are converted, and the ending by which the program knows them."""
PICTURES = frozenset({f"image/{kind}" for kind in ("png", "jpeg", "gif", "webp", "tiff", "bmp")})
PDF = "application/pdf"


_log = logging.getLogger(__name__)


class Reason(StrEnum):
    """Why there are no pages."""

    DAMAGED = "damaged"
    PROTECTED = "protected"
    HEAVY = "heavy"
    """It took too much time or memory, or is too large."""


class NotMade(Exception):  # noqa: N818 (an answer, not a fault)
    """There are no pages of this document, and will be none."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(reason.value)
        self.reason = reason


class Busy(Exception):  # noqa: N818
    """Too many documents are being made; later there may be room."""


class Word(NamedTuple):
    """In points, from the upper left corner of the page."""

    left: float
    top: float
    width: float
    height: float
    text: str


class Page(NamedTuple):
    """One page as it was drawn."""

    number: int
    """From 1."""
    width: int
    height: int
    """Of the picture, in pixels."""
    across: float
    down: float
    """Of the page, in points."""
    lines: tuple[tuple[Word, ...], ...]
    pixels: bytes
    """Red, green, blue, row by row from the top."""


class Drawing(NamedTuple):
    """What one look at a document gave."""

    total: int
    """Pages of the document."""
    pages: list[Page]


class Bounds(NamedTuple):
    """What one document may cost, and how many may."""

    seconds: float = 30.0
    """Of a clock on the wall; as many of a processor."""
    memory: int = 1024 * MIB
    """Bytes of address space."""
    at_once: int = 2
    """Children of one process."""


class Maker:
    """Makes pages of documents, a few at a time; one for each process of the server."""

    def __init__(self, office: str | None, bounds: Bounds = Bounds()) -> None:  # noqa: B008 (it cannot be changed)
        """`office`: the program that converts office documents, None for none."""
        self._office, self._confined = office, office is None
        self.bounds = bounds
        self._room = threading.BoundedSemaphore(bounds.at_once)

    @staticmethod
    def find_office() -> str | None:
        """LibreOffice, if it is installed."""
        program = shutil.which("soffice", path="/usr/local/bin:/usr/bin:/bin")
        return program and os.path.realpath(program)

    def draws(self, media_type: str) -> bool:
        """Can it draw pages of such documents at once?"""
        return media_type == PDF or media_type in PICTURES

    def converts(self, media_type: str) -> bool:
        """Can it make a PDF of such documents first?"""
        return media_type in OFFICE_ENDINGS and self._can_convert()

    def _can_convert(self) -> bool:
        """Is there a program, and can this machine shut it in? The second is found out at the first question."""
        if not self._confined:
            try:
                self._run((), ["probe"], 0)
            except NotMade:
                _log.warning("office documents are not shown: this machine cannot shut LibreOffice in")
                self._office = None
            self._confined = True
        return self._office is not None

    def draw(self, document: Iterable[bytes], media_type: str, width: int, numbers: Sequence[int]) -> Drawing:
        """These pages of a PDF (or a picture as the only one), `width` pixels wide. Raises NotMade, Busy."""
        kind = "picture" if media_type in PICTURES else "pdf"
        answer = self._run(document, ["draw", kind, str(width), *map(str, numbers)], LARGEST_DRAWING)
        try:
            return read_drawing(answer)
        except (ValueError, KeyError, TypeError, struct.error):
            raise NotMade(Reason.DAMAGED) from None

    def words(self, document: Iterable[bytes]) -> list[str]:
        """The text of each page of a PDF, of the first 2000. Raises NotMade, Busy."""
        try:
            found = json.loads(self._run(document, ["words"], LARGEST_WORDS))
        except ValueError:
            raise NotMade(Reason.DAMAGED) from None
        if not isinstance(found, list) or not all(isinstance(each, str) for each in found):
            raise NotMade(Reason.DAMAGED)
        return found

    def convert(self, document: Iterable[bytes], media_type: str) -> bytes:
        """The PDF of an office document. Raises NotMade, Busy."""
        assert self._office is not None
        made = self._run(document, ["convert", self._office, OFFICE_ENDINGS[media_type]], LARGEST_PDF)
        if not made.startswith(b"%PDF-"):
            raise NotMade(Reason.DAMAGED)
        return made

    def _run(self, document: Iterable[bytes], words: Sequence[str], most: int) -> bytes:
        if not self._room.acquire(timeout=PATIENCE_SECONDS):
            raise Busy("other documents are being made")
        allowed = str(self.bounds.memory), str(math.ceil(self.bounds.seconds))
        try:
            with in_memory(document) as source:
                process = subprocess.Popen(  # noqa: S603 (our own program, with words of ours) # nosec B603
                    [sys.executable, "-I", "-m", child.__name__, *allowed, *words],
                    stdin=source,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.DEVNULL,
                    cwd="/",
                    env={},
                    start_new_session=True,
                )
                return self._answer_of(process, most)
        finally:
            self._room.release()

    def _answer_of(self, process: subprocess.Popen[bytes], most: int) -> bytes:
        """All that the child writes. Nothing of it lives on, however this ends."""
        assert process.stdout is not None
        until, answer = time.monotonic() + self.bounds.seconds, bytearray()
        try:
            while select.select([process.stdout], [], [], max(0.0, until - time.monotonic()))[0]:
                piece = os.read(process.stdout.fileno(), PIECE)
                answer += piece
                if not piece or len(answer) > most:
                    break
            else:
                raise NotMade(Reason.HEAVY)
            if len(answer) > most:
                raise NotMade(Reason.HEAVY)
            status = process.wait(max(0.1, until - time.monotonic()))
        except subprocess.TimeoutExpired:
            raise NotMade(Reason.HEAVY) from None
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
            process.stdout.close()
        if status != child.MADE:
            raise NotMade(REASONS.get(status, Reason.HEAVY))
        return bytes(answer)


REASONS: Mapping[int, Reason] = MappingProxyType(
    {child.DAMAGED: Reason.DAMAGED, child.PROTECTED: Reason.PROTECTED, child.NOT_CONFINED: Reason.HEAVY}
)


@contextmanager
def in_memory(document: Iterable[bytes]) -> Iterator[int]:
    """A file that has no name and lies on no disk, at its beginning. Raises NotMade for more than may be looked at."""
    descriptor = os.memfd_create("document")
    try:
        size = 0
        for piece in document:
            size += len(piece)
            if size > LARGEST_DOCUMENT:
                raise NotMade(Reason.HEAVY)
            os.write(descriptor, piece)
        os.lseek(descriptor, 0, os.SEEK_SET)
        yield descriptor
    finally:
        os.close(descriptor)


def read_drawing(answer: bytes) -> Drawing:
    """What `child.draw` wrote. Raises ValueError, KeyError, TypeError, struct.error for anything else."""
    (length,) = struct.unpack_from(">I", answer)
    if length > LARGEST_HEADER:
        raise ValueError("the header is too long")
    header = json.loads(answer[4 : 4 + length])
    place, pages = 4 + length, []
    for told in header["pages"]:
        width, height = (int(each) for each in told["pixels"])
        end = place + 3 * width * height
        if width < 1 or height < 1 or end > len(answer):
            raise ValueError("pixels are missing")
        across, down = (float(each) for each in told["points"])
        pages.append(
            Page(int(told["number"]), width, height, across, down, read_lines(told["lines"]), answer[place:end])
        )
        place = end
    if place != len(answer):
        raise ValueError("too many pixels")
    return Drawing(int(header["count"]), pages)


def read_lines(told: Sequence[Sequence[Sequence[object]]]) -> tuple[tuple[Word, ...], ...]:
    """Lines of words as JSON has them. Raises ValueError, TypeError."""
    return tuple(tuple(_word(*word) for word in line) for line in told)


def _word(left: object, top: object, width: object, height: object, text: object) -> Word:
    box = [float(str(each)) for each in (left, top, width, height)]
    if not isinstance(text, str) or any(abs(each) > 1e6 or each != each for each in box):  # noqa: PLR0124 (NaN)
        raise ValueError("no word")
    return Word(box[0], box[1], box[2], box[3], text)
