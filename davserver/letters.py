"""Letters with a one-time code: as PDF, one page for each person, to be put into an envelope; or as a mail."""

from __future__ import annotations

import io
from collections.abc import Iterable
from typing import NamedTuple

import segno
from reportlab.lib.pagesizes import A4
from reportlab.lib.units import mm
from reportlab.pdfgen.canvas import Canvas

from davserver.instants import BERLIN, EPOCH, MICROSECOND

LEFT, TOP, LINE = 25 * mm, 250 * mm, 7 * mm
SQUARE = 40 * mm
"""The side of the QR code."""


MAIL_SUBJECT = "Gremium: Ihr Zugang / Your access"
MAIL = """Guten Tag, {name},

Ihre Geschäftsstelle hat für Sie einen Zugang zum Gremienportal vorbereitet. Öffnen Sie diese Adresse und geben Sie sich
selbst ein Passwort, das niemand sonst kennt:

{address}

Ihr Anmeldename: {user}
Die Adresse gilt einmal, bis zum {day}. Geben Sie sie nicht weiter.
Haben Sie diese Nachricht nicht erwartet, sagen Sie es bitte Ihrer Geschäftsstelle.

Good day, {name}, your office has prepared an access to the committees' portal for you. Open the address above and
choose a password that only you know. Your name for signing in is {user}; the address holds once, until {day}.
Do not pass it on. If you did not expect this message, please tell your office.
"""


class Letter(NamedTuple):
    """What one page says."""

    name: str
    user: str
    code: str


def letters(pages: Iterable[Letter], url: str, until: int) -> bytes:
    """One PDF; `url` is the portal's public address, `until` when the codes end."""
    file = io.BytesIO()
    canvas = Canvas(file, pagesize=A4, invariant=True, lang="de")
    canvas.setTitle("Zugang zum Gremienportal")
    for letter in pages:
        _page(canvas, letter, url.rstrip("/"), until)
        canvas.showPage()
    canvas.save()
    return file.getvalue()


def mail(letter: Letter, url: str, until: int) -> str:
    """What a mail says in place of a page; the address has the code behind the #, as the QR code has."""
    day = (EPOCH + until * MICROSECOND).astimezone(BERLIN).strftime("%d.%m.%Y")
    return MAIL.format(name=letter.name, user=letter.user, day=day, address=_address(url.rstrip("/"), letter))


def _address(url: str, letter: Letter) -> str:
    return f"{url}/einladung#{letter.code}"


def _page(canvas: Canvas, letter: Letter, url: str, until: int) -> None:
    day = (EPOCH + until * MICROSECOND).astimezone(BERLIN).strftime("%d.%m.%Y")
    lines = (
        ("Helvetica", "Persönlich"),
        ("Helvetica-Bold", letter.name),
        ("Helvetica", ""),
        ("Helvetica-Bold", "Ihr Zugang zum Gremienportal"),
        ("Helvetica", ""),
        ("Helvetica", "Öffnen Sie diese Adresse, oder lesen Sie den Code mit dem Telefon ein:"),
        ("Courier-Bold", f"{url}/einladung"),
        ("Helvetica", ""),
        ("Helvetica", "Ihr Anmeldename:"),
        ("Courier-Bold", letter.user),
        ("Helvetica", "Ihr Code, einmal zu benutzen:"),
        ("Courier-Bold", letter.code),
        ("Helvetica", ""),
        ("Helvetica", "Damit geben Sie sich selbst ein Passwort, das niemand sonst kennt."),
        ("Helvetica", f"Der Code gilt bis zum {day}. Danach lassen Sie sich einen neuen geben."),
        ("Helvetica", "Haben Sie diesen Brief nicht erwartet, sagen Sie es bitte Ihrer Geschäftsstelle."),
    )
    for number, (font, text) in enumerate(lines):
        canvas.setFont(font, 11)
        plain = text.encode("cp1252", "replace").decode("cp1252")  # what the standard fonts know
        canvas.drawString(LEFT, TOP - number * LINE, plain)
    _square(canvas, _address(url, letter), LEFT, TOP - len(lines) * LINE - SQUARE)


def _square(canvas: Canvas, text: str, left: float, bottom: float) -> None:
    rows = [list(row) for row in segno.make(text, error="m", micro=False).matrix]
    side = SQUARE / len(rows)
    for down, row in enumerate(rows):
        for across, dark in enumerate(row):
            if dark:
                canvas.rect(left + across * side, bottom + SQUARE - (down + 1) * side, side, side, stroke=0, fill=1)
