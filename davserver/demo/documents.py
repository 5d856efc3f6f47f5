"""Makes real documents out of a text: PDF, ODT, DOCX, XLSX, PNG. Pure: the same text and seed, the same look."""

from __future__ import annotations

import io
import random
import zipfile
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import NamedTuple

import docx
import openpyxl
from odf import style, table, teletype, text
from odf.opendocument import OpenDocumentText
from openpyxl.styles import Font
from PIL import Image, ImageDraw
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import getSampleStyleSheet
from reportlab.platypus import PageBreak, Paragraph, SimpleDocTemplate, Spacer, Table, TableStyle

WRITTEN = datetime(2026, 1, 2, 9, 0, tzinfo=UTC)  # inside the files; the drive keeps its own times
ZIP_TIME = (2026, 1, 2, 9, 0, 0)


class Text(NamedTuple):
    """What a document says."""

    title: str
    heading: str
    """Whose it is: the line above the title."""
    paragraphs: Sequence[str]
    rows: Sequence[Sequence[str]] = ()
    """A table; its first row is the head."""


def pdf(content: Text, pages: int) -> bytes:
    """A PDF of at least `pages` pages of A4, with page numbers."""
    styles = getSampleStyleSheet()
    story = [Paragraph(content.heading, styles["Heading4"]), Paragraph(content.title, styles["Title"])]
    if content.rows:
        grid = Table([list(row) for row in content.rows], hAlign="LEFT")
        grid.setStyle(
            TableStyle([("GRID", (0, 0), (-1, -1), 0.5, "#888888"), ("BACKGROUND", (0, 0), (-1, 0), "#dddddd")])
        )
        story += [grid, Spacer(1, 12)]
    for page in range(pages):
        if page:
            story += [PageBreak(), Paragraph(f"Abschnitt {page + 1}", styles["Heading2"])]
        for paragraph in content.paragraphs:
            story += [Paragraph(paragraph, styles["BodyText"]), Spacer(1, 6)]

    def number(canvas: object, document: object) -> None:
        canvas.drawCentredString(A4[0] / 2, 30, f"{content.title[:80]} · Seite {document.page}")  # type: ignore[attr-defined]

    buffer = io.BytesIO()
    template = SimpleDocTemplate(
        buffer, pagesize=A4, title=content.title, author=content.heading, lang="de", invariant=1
    )
    template.build(story, onFirstPage=number, onLaterPages=number)
    return buffer.getvalue()


def odt(content: Text) -> bytes:
    """An OpenDocument text with headings, paragraphs and, if there are rows, a table."""
    document = OpenDocumentText()
    heading = style.Style(name="Titel", family="paragraph")
    heading.addElement(style.TextProperties(fontsize="18pt", fontweight="bold"))
    document.styles.addElement(heading)
    document.text.addElement(text.P(text=content.heading))
    document.text.addElement(text.H(outlinelevel=1, stylename=heading, text=content.title))
    for paragraph in content.paragraphs:
        element = text.P()
        teletype.addTextToElement(element, paragraph)
        document.text.addElement(element)
    if content.rows:
        grid = table.Table(name="Tabelle1")
        grid.addElement(table.TableColumn(numbercolumnsrepeated=len(content.rows[0])))
        for row in content.rows:
            line = table.TableRow()
            for value in row:
                cell = table.TableCell(valuetype="string")
                cell.addElement(text.P(text=value))
                line.addElement(cell)
            grid.addElement(line)
        document.text.addElement(grid)
    buffer = io.BytesIO()
    document.write(buffer)
    return _timeless(buffer.getvalue())


def word(content: Text) -> bytes:
    """A DOCX with headings, paragraphs and, if there are rows, a table."""
    document = docx.Document()
    core = document.core_properties
    core.author, core.title, core.language = content.heading, content.title, "de-DE"
    core.created = core.modified = WRITTEN
    document.add_paragraph(content.heading)
    document.add_heading(content.title, level=1)
    for paragraph in content.paragraphs:
        document.add_paragraph(paragraph)
    if content.rows:
        grid = document.add_table(rows=0, cols=len(content.rows[0]), style="Table Grid")
        for row in content.rows:
            for cell, value in zip(grid.add_row().cells, row, strict=True):
                cell.text = value
    buffer = io.BytesIO()
    document.save(buffer)
    return _timeless(buffer.getvalue())


def sheet(content: Text) -> bytes:
    """An XLSX with one sheet: a bold head, the rows, a column of sums where the last column holds numbers."""
    book = openpyxl.Workbook()
    page = book.active
    page.title = "Übersicht"
    page.append([content.title])
    page.append(list(content.rows[0]))
    for cell in (*page[1], *page[2]):
        cell.font = Font(bold=True)
    for row in content.rows[1:]:
        page.append([float(value) if value.replace(".", "", 1).isdigit() else value for value in row])
    last = page.cell(row=2, column=len(content.rows[0])).column_letter
    page.append(["Summe", *[""] * (len(content.rows[0]) - 2), f"=SUM({last}3:{last}{page.max_row})"])
    page.column_dimensions["A"].width = 48
    book.properties.created = WRITTEN.replace(tzinfo=None)
    book.properties.creator = content.heading
    buffer = io.BytesIO()
    book.save(buffer)
    return _timeless(buffer.getvalue())


def plan(content: Text, seed: str, size: tuple[int, int] = (1400, 1000)) -> Image.Image:
    """A site plan: blocks of houses, a street through them, trees, the title below."""
    draw_at = random.Random(seed)  # noqa: S311 (a picture, not a secret) # nosec B311
    image = Image.new("RGB", size, "#f4f1ea")
    pen = ImageDraw.Draw(image)
    width, height = size
    step = width // 7
    for left in range(20, width - step, step):
        for top in range(20, height - step, step):
            right, bottom = left + draw_at.randint(step // 2, step - 24), top + draw_at.randint(step // 2, step - 24)
            pen.rectangle((left, top, right, bottom), fill="#d9c7b0", outline="#7a6a58", width=2)
    road = height * draw_at.randint(35, 60) // 100
    pen.rectangle((0, road, width, road + 46), fill="#bfc3c7")
    pen.line((0, road + 23, width, road + 23), fill="#ffffff", width=3)
    for _ in range(60):
        x, y = draw_at.randrange(width), draw_at.choice((road - 16, road + 62))
        pen.ellipse((x - 9, y - 9, x + 9, y + 9), fill="#5d8f4e")
    pen.rectangle((0, height - 44, width, height), fill="#ffffff")
    pen.text((16, height - 34), f"{content.heading} · {content.title}", fill="#222222", font_size=22)
    return image


def png(content: Text, seed: str) -> bytes:
    """The plan as a PNG."""
    buffer = io.BytesIO()
    plan(content, seed).save(buffer, "PNG")
    return buffer.getvalue()


def scan(content: Text, seed: str, pages: int) -> bytes:
    """A scanned volume of plans as a PDF: large, because paper grain hardly compresses (about 3 MB a page)."""
    grain_from = random.Random(seed)  # noqa: S311 (a picture, not a secret) # nosec B311
    size = (2480, 1754)
    sheets = []
    for page in range(pages):
        grain = Image.frombytes("L", size, grain_from.randbytes(size[0] * size[1])).convert("RGB")
        sheets.append(Image.blend(plan(content, f"{seed} {page}", size), grain, 0.35))
    buffer = io.BytesIO()
    first, *others = sheets
    moment = WRITTEN.timetuple()
    first.save(
        buffer,
        "PDF",
        save_all=True,
        append_images=others,
        quality=95,
        resolution=150,
        title=content.title,
        creationDate=moment,
        modDate=moment,
    )
    return buffer.getvalue()


def _timeless(archive: bytes) -> bytes:
    """The same ZIP without the times at which its members were written."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(archive)) as old, zipfile.ZipFile(buffer, "w") as new:
        for member in old.infolist():
            entry = zipfile.ZipInfo(member.filename, ZIP_TIME)
            entry.compress_type = member.compress_type
            new.writestr(entry, old.read(member))
    return buffer.getvalue()
