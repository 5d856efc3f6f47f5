"""German and English: texts from gettext catalogues, dates and sizes as people write them.

Texts stand in the code in English; `locales/de/*.po` has the German ones, one file for each group of pages, compiled
when the portal starts.
"""

from __future__ import annotations

import io
from datetime import UTC, datetime, time
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

from babel import Locale
from babel.dates import format_date, format_datetime, format_time
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.numbers import format_decimal
from babel.support import NullTranslations, Translations
from flask import Request

from davserver.instants import BERLIN, EPOCH, MICROSECOND
from davserver.portal.ground import visit

LANGUAGES = ("de", "en")
COOKIE = "gremium-language"
LOCALES = MappingProxyType({"de": Locale("de", "DE"), "en": Locale("en", "GB")})
UNITS = ("KB", "MB", "GB", "TB")


class Catalogues(NamedTuple):
    """The texts of both languages."""

    de: NullTranslations
    en: NullTranslations

    @classmethod
    def load(cls) -> Catalogues:
        german = Translations()
        for path in sorted((Path(__file__).parent / "locales" / "de").glob("*.po")):
            with path.open("rb") as file:
                catalogue = read_po(file, locale="de")
            compiled = io.BytesIO()
            write_mo(compiled, catalogue)
            compiled.seek(0)
            german.merge(Translations(compiled))
        return cls(german, NullTranslations())


def chosen(asked: Request) -> str:
    """The language that somebody chose, else the one that his browser asks for, else German."""
    kept = asked.cookies.get(COOKIE)
    if kept in LANGUAGES:
        return kept
    wished = (tag.partition("-")[0].lower() for tag in asked.accept_languages.values())
    return next((language for language in wished if language in LANGUAGES), LANGUAGES[0])


def N_(text: str) -> str:  # noqa: N802 (the name that gettext tools know)
    """Mark a text that is translated where it is shown."""
    return text


def local_time(at: int) -> datetime:
    """Berlin time of an instant in microseconds."""
    return (EPOCH + at * MICROSECOND).astimezone(BERLIN)


def _locale() -> Locale:
    return LOCALES[visit().language]


def day(at: int) -> str:
    """`7. Dezember 2026`."""
    return format_date(local_time(at), "long", locale=_locale())


def weekday(at: int) -> str:
    """`Montag, 7. Dezember 2026`."""
    return format_date(local_time(at), "full", locale=_locale())


def short_day(at: int) -> str:
    """`07.12.2026`."""
    return format_date(local_time(at), "dd.MM.yyyy" if visit().language == "de" else "d MMM yyyy", locale=_locale())


def clock_time(at: int) -> str:
    """`19:00`."""
    return format_time(local_time(at), "HH:mm", locale=_locale())


def moment(at: int) -> str:
    """`7. Dez. 2026, 19:00`."""
    pattern = "d. MMM yyyy, HH:mm" if visit().language == "de" else "d MMM yyyy, HH:mm"
    return format_datetime(local_time(at), pattern, locale=_locale())


def month(at: int) -> str:
    """`Dez`, for the leaf of a calendar."""
    return format_date(local_time(at), "LLL", locale=_locale()).rstrip(".")


def day_number(at: int) -> str:
    """`7`."""
    return str(local_time(at).day)


def machine_time(at: int) -> str:
    """For `<time datetime>`."""
    return datetime.fromtimestamp(at / 1e6, UTC).isoformat(timespec="seconds")


def until(at: int) -> str:
    """The end of a window that no longer holds at this instant: its last day, or the day and time."""
    return moment(at) if local_time(at).time() != time() else short_day(at - 1)


def form_day(at: int) -> str:
    """`2026-12-07`, as a date field of a form holds it in every language."""
    return local_time(at).date().isoformat()


def form_time(at: int) -> str:
    """`19:00`, as a time field holds it."""
    return local_time(at).strftime("%H:%M")


def size(count: int) -> str:
    """`1,2 MB`; whole kilobytes, because nobody counts bytes."""
    step = max(0, min(len(UNITS) - 1, (len(str(count)) - 1) // 3 - 1))
    amount = max(count / 1000 ** (step + 1), 1 if count else 0)
    digits = "#,##0.#" if step and amount < 100 else "#,##0"
    return f"{format_decimal(amount, digits, locale=_locale())}\u00a0{UNITS[step]}"


DATES = (day, weekday, short_day, clock_time, moment, month, day_number, machine_time, until, form_day, form_time)
FILTERS = (*DATES, size)
