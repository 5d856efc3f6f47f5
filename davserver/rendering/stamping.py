"""Writes on the picture of a page who reads it and when, and packs it for a browser."""

from __future__ import annotations

import io
from pathlib import Path

import reportlab
from PIL import Image, ImageDraw, ImageFont

from davserver.rendering.maker import Page

FONT = Path(reportlab.__file__).parent / "fonts" / "Vera.ttf"
"""Bitstream Vera, which comes with reportlab (its licence beside it)."""
QUALITY = 82
ACROSS, LEAN = 26, 30
"""Height of the large letters as a part of the page's width; how far they lean, in degrees."""
FAINT, BAND, INK = 44, 226, (60, 60, 60)
MEDIA_TYPE = "image/webp"


def packed(page: Page, mark: str = "") -> bytes:
    """The picture as WebP; `mark` is written large and faint across it, and small and plain at its foot."""
    into = io.BytesIO()
    marked(page, mark).save(into, "WEBP", quality=QUALITY, method=1)
    return into.getvalue()


def marked(page: Page, mark: str) -> Image.Image:
    """The picture of a page, with the mark on it if there is one."""
    picture = Image.frombytes("RGB", (page.width, page.height), page.pixels)
    return _marked(picture, mark) if mark else picture


def _marked(picture: Image.Image, mark: str) -> Image.Image:
    over = Image.new("RGBA", picture.size, (0, 0, 0, 0))
    wide, high = picture.size
    letters = ImageFont.truetype(str(FONT), max(12, wide // ACROSS))
    left, top, right, bottom = (int(each) for each in letters.getbbox(mark))
    tile = Image.new("RGBA", (right - left + 8, bottom - top + 8), (0, 0, 0, 0))
    ImageDraw.Draw(tile).text((4 - left, 4 - top), mark, font=letters, fill=(*INK, FAINT))
    leaning = tile.rotate(LEAN, expand=True, resample=Image.Resampling.BILINEAR)
    for number, down in enumerate(range(0, high, max(40, leaning.height))):
        over.alpha_composite(leaning, (max(0, (wide - leaning.width) * (number % 2)), down))
    small = ImageFont.truetype(str(FONT), max(10, wide // 64))
    line = int(small.size * 2)
    pen = ImageDraw.Draw(over)
    pen.rectangle((0, high - line, wide, high), fill=(255, 255, 255, BAND))
    pen.text((line // 2, high - line + small.size * 0.4), mark, font=small, fill=(*INK, 255))
    picture.paste(over, mask=over.getchannel("A"))
    return picture
