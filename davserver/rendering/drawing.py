"""Inside the child: draws pages of a PDF, or a picture as a page, and finds the words on them."""

from __future__ import annotations

import ctypes
import io
from collections.abc import Iterator, Sequence
from typing import Any, BinaryIO

import pypdfium2 as pdfium
from PIL import Image, ImageOps
from pypdfium2 import raw

MOST_PIXELS = 6_000_000
"""Of one page: 18 MB in memory, and more than any screen shows."""
MOST_LETTERS = 50_000
"""Of one page that are looked at for words."""
MOST_SEARCHED = 2000
"""Pages whose text is looked through."""
PICTURES = ("PNG", "JPEG", "GIF", "WEBP", "TIFF", "BMP")

Line = list[tuple[float, float, float, float, str]]
Drawn = tuple[dict[str, Any], bytes]
"""What is told of a page, and its pixels: three bytes each, rows from the top."""


class Unreadable(Exception):  # noqa: N818 (an answer, not a fault)
    """The document cannot be opened; `reason` is a word of `maker.Reason`."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def draw_pdf(document: BinaryIO, numbers: Sequence[int], width: int) -> tuple[int, Iterator[Drawn]]:
    """Number of pages, and those of the pages asked for (from 1) that exist, each `width` pixels wide."""
    pdf = _opened(document)
    count = len(pdf)
    return count, (_drawn(pdf[number - 1], number, width) for number in numbers if 1 <= number <= count)


def _opened(document: BinaryIO) -> pdfium.PdfDocument:
    try:
        pdf = pdfium.PdfDocument(document)
    except pdfium.PdfiumError as error:
        raise Unreadable("protected" if "password" in str(error).lower() else "damaged") from None
    if not len(pdf):
        raise Unreadable("damaged")
    return pdf


def words_of(document: BinaryIO) -> list[str]:
    """The text of each page, as many as are looked through."""
    pdf = _opened(document)
    return [_text(pdf[place]) for place in range(min(len(pdf), MOST_SEARCHED))]


def _text(page: pdfium.PdfPage) -> str:
    text = page.get_textpage()
    return str(text.get_text_range(0, min(text.count_chars(), MOST_LETTERS), errors="replace"))


def _drawn(page: pdfium.PdfPage, number: int, width: int) -> Drawn:
    across, down = page.get_size()
    across, down = max(across, 1.0), max(down, 1.0)
    scale = min(width / across, (MOST_PIXELS / (across * down)) ** 0.5)
    picture = page.render(scale=scale, rev_byteorder=True, prefer_bgrx=False).to_pil().convert("RGB")
    told = {
        "number": number,
        "pixels": picture.size,
        "points": (round(across, 2), round(down, 2)),
        "lines": _lines(page, across, down),
    }
    return told, picture.tobytes()


def _lines(page: pdfium.PdfPage, across: float, down: float) -> list[Line]:
    """Words with their boxes (left, top, width, height in points from the page's upper left corner), line by line."""
    text = page.get_textpage()
    lines: list[Line] = [[]]
    letters: list[tuple[str, tuple[float, float, float, float]]] = []
    for place in range(min(text.count_chars(), MOST_LETTERS)):
        letter = chr(raw.FPDFText_GetUnicode(text, place) or 32)
        if letter in "\r\n":
            _end_word(lines, letters, page, (across, down))
            if lines[-1]:
                lines.append([])
        elif letter.isspace():
            _end_word(lines, letters, page, (across, down))
        elif letter.isprintable():
            letters.append((letter, text.get_charbox(place, loose=True)))
    _end_word(lines, letters, page, (across, down))
    return [line for line in lines if line]


def _end_word(
    lines: list[Line],
    letters: list[tuple[str, tuple[float, float, float, float]]],
    page: pdfium.PdfPage,
    size: tuple[float, float],
) -> None:
    if not letters:
        return
    corners = [_on_screen(page, size, *corner) for _, box in letters for corner in (box[:2], box[2:])]
    left, right = min(x for x, _ in corners), max(x for x, _ in corners)
    top, bottom = min(y for _, y in corners), max(y for _, y in corners)
    word = "".join(letter for letter, _ in letters)
    letters.clear()
    if lines[-1] and abs(lines[-1][-1][1] - top) > max(lines[-1][-1][3], bottom - top):
        lines.append([])
    lines[-1].append((round(left, 1), round(top, 1), round(right - left, 1), round(bottom - top, 1), word))


def _on_screen(page: pdfium.PdfPage, size: tuple[float, float], x: float, y: float) -> tuple[float, float]:
    """From the page's own measures to points from its upper left corner as it is shown: turned, cropped."""
    fine = 100
    across, down = ctypes.c_int(), ctypes.c_int()
    raw.FPDF_PageToDevice(page, 0, 0, int(size[0] * fine), int(size[1] * fine), 0, x, y, across, down)
    return across.value / fine, down.value / fine


def draw_picture(document: BinaryIO, width: int) -> tuple[int, Iterator[Drawn]]:
    """A picture as the only page; turned as its camera was held, on white where it is transparent."""
    Image.MAX_IMAGE_PIXELS = 100_000_000
    try:
        with Image.open(io.BytesIO(document.read()), formats=PICTURES) as opened:
            opened.draft("RGB", (width, width))
            picture = ImageOps.exif_transpose(opened).convert("RGBA")
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise Unreadable("damaged") from None
    most = max(1, int(MOST_PIXELS / width))
    picture.thumbnail((width, most))
    ground = Image.new("RGB", picture.size, "white")
    ground.paste(picture, mask=picture.getchannel("A"))
    told = {"number": 1, "pixels": ground.size, "points": ground.size, "lines": []}
    return 1, iter([(told, ground.tobytes())])
