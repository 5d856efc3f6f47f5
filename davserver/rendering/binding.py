"""Binds pictures of pages into a PDF: nothing of the document that they were drawn from comes along but its words.

The words lie unseen over the pictures, so that they can be found, copied and heard (PDF 32000-1 §9.3.6, mode 3).
"""

from __future__ import annotations

import io
from collections.abc import Iterable

from reportlab.lib.utils import ImageReader
from reportlab.pdfbase.pdfmetrics import stringWidth
from reportlab.pdfgen.canvas import Canvas

from davserver.rendering.maker import Page
from davserver.rendering.stamping import marked

FONT = "Helvetica"
QUALITY = 78
UNSEEN = 3


def bound(pages: Iterable[Page], mark: str, title: str) -> bytes:
    """One PDF of these pages, each with `mark` on it; equal for equal pages, mark and title."""
    into = io.BytesIO()
    canvas = Canvas(into, invariant=True, pageCompression=1)
    canvas.setTitle(title)
    canvas.setSubject(mark)
    for page in pages:
        packed = io.BytesIO()
        marked(page, mark).save(packed, "JPEG", quality=QUALITY)
        canvas.setPageSize((page.across, page.down))
        canvas.drawImage(ImageReader(packed), 0, 0, page.across, page.down)
        _write(canvas, page)
        canvas.showPage()
    canvas.save()
    return into.getvalue()


def _write(canvas: Canvas, page: Page) -> None:
    """The standard font knows Western letters; of others a question mark is found."""
    text = canvas.beginText()
    text.setTextRenderMode(UNSEEN)
    for line in page.lines:
        for word in line:
            letters = word.text.encode("cp1252", "replace").decode("cp1252") + " "
            size = max(word.height * 0.85, 1.0)
            text.setFont(FONT, size)
            text.setHorizScale(100 * max(word.width, 0.1) / max(stringWidth(letters[:-1], FONT, size), 0.1))
            text.setTextOrigin(word.left, page.down - word.top - word.height * 0.8)
            text.textOut(letters)
    canvas.drawText(text)
