"""Speaking names (domain.md §4 no. 14, §5.4): Windows can show them, they sort, they are short and unique."""

from __future__ import annotations

import re
import unicodedata
from datetime import datetime

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from davserver.instants import instant
from davserver.naming import (
    NAME_LENGTH,
    PATH_LENGTH,
    Numbered,
    agenda_names,
    folded,
    limit_under,
    meeting_name,
    number_key,
    speaking,
    unique,
    units,
)
from davserver.tree.names import is_programs, is_reserved
from shareproviders.paths import SharePath, clean_name

RISKY = st.sampled_from(
    [*'<>:"/\\|?*~.…\t\x00\x1f\x7f\u0085', "\u200b", "\u202e", "\ud800", "\ufffe", "\u0308", "😀", "≮"]
)
TITLES = st.text(st.one_of(RISKY, st.sampled_from("aäßÄZ 09-_()"), st.characters()), max_size=300)
DEVICES = ["CON", "nul", "Aux", "PRN", "COM1", "lpt9", "COM¹", "CONIN$", "con.pdf", "NUL .txt", "COM0.a.b"]
NUMBERS = st.lists(st.integers(0, 120), min_size=1, max_size=4).map(lambda parts: ".".join(map(str, parts)))
RESERVED = re.compile(r"(CON|PRN|AUX|NUL|CONIN\$|CONOUT\$|COM[0-9¹²³]|LPT[0-9¹²³])[ ]*(\.|$)", re.IGNORECASE)


def assert_harmless(name: str, limit: int = NAME_LENGTH) -> None:
    """What Windows asks of a name (Naming Files, Paths and Namespaces), and our own door."""
    assert not set(name) & set('<>:"/\\|?*')
    assert all(ord(character) >= 0x20 for character in name)
    assert name
    assert name[-1] not in " ."
    assert name[0] not in " ."
    assert not RESERVED.match(name)
    assert units(name) <= limit
    assert unicodedata.is_normalized("NFC", name)
    assert clean_name(name) == name


@given(TITLES, st.integers(12, NAME_LENGTH))
@example("CON", 12)
@example("~$x.~0123456789ab", 60)
def test_any_title_becomes_a_harmless_name(title: str, limit: int) -> None:
    """Whatever stands in an agenda, Explorer opens the folder."""
    assert_harmless(speaking(title, limit=limit), limit)


@given(st.one_of(TITLES, st.sampled_from(DEVICES)), st.sampled_from([".pdf", ".docx"]))
def test_the_extension_survives(title: str, extension: str) -> None:
    """A cut never takes the kind of a paper."""
    name = speaking(title, extension=extension)
    assert_harmless(name)
    assert name.endswith(extension)


@given(TITLES)
def test_a_name_is_its_own_name(title: str) -> None:
    """Naming again changes nothing."""
    assert speaking(speaking(title)) == speaking(title)


@pytest.mark.parametrize("device", DEVICES)
def test_devices_are_no_names(device: str) -> None:
    """CON, NUL, COM1 and kin open a device on Windows, with any extension."""
    assert_harmless(speaking(device))


@given(st.lists(TITLES, max_size=6))
def test_siblings_differ(titles: list[str]) -> None:
    """Also for systems that ignore case or normalisation; nothing looks like a program's own file."""
    names: list[str] = []
    for title in titles:
        names.append(unique(speaking(title), names))
        assert_harmless(names[-1])
        assert not is_programs(names[-1])
        assert not is_reserved(names[-1])
    assert len({folded(name) for name in names}) == len(names)


def test_many_namesakes() -> None:
    """`Beschlussvorlage` 1,056 times: the number counts on and the limit holds."""
    names: list[str] = []
    for _ in range(12):
        names.append(unique(speaking("B" * 250), names))
    assert names[0] == "B" * 59 + "…"
    assert names[-1] == "B" * 54 + "… (12)"


@given(st.lists(st.tuples(NUMBERS, TITLES), max_size=12, unique_by=lambda pair: number_key(pair[0])), st.booleans())
def test_names_sort_as_their_numbers(agenda: list[tuple[str, str]], public: bool) -> None:
    """Code point order of the names is the order of the numbers, 4.2 before 4.2.1 before 4.10."""
    ordered = sorted(agenda, key=lambda pair: number_key(pair[0]))
    names = agenda_names([Numbered(number, title, public) for number, title in ordered])
    assert names == sorted(names)
    for name in names:
        assert_harmless(name)


@given(st.integers(0, 4_000_000_000_000_000), TITLES)
def test_meetings_sort_by_day(start: int, title: str) -> None:
    """Each begins with its day."""
    name = meeting_name(start, title)
    assert_harmless(name)
    assert datetime.strptime(name[:10], "%Y-%m-%d")  # noqa: DTZ007 (a day, not an instant)


@pytest.mark.parametrize(
    ("number", "title", "public", "name"),
    [
        ("4.2.1", "Anhörung BaumSchutzV", True, "04.2.1 Anhörung BaumSchutzV"),
        ("N 3", "Vergabe einer Erbbaurechtsfläche", False, "N 03 Vergabe einer Erbbaurechtsfläche"),
        ("3", "Personal", False, "N 03 Personal"),
        ("12", "Baumschutz: Fällung von drei Linden", True, "12 Baumschutz – Fällung von drei Linden"),
        ("2.1", 'Antrag "Rad/Fuß" für Bürger*innen?', True, "02.1 Antrag 'Rad-Fuß' für Bürger_innen"),
        ("1", "Kosten\t2026 <vorläufig>.", True, "01 Kosten 2026 (vorläufig)"),
        ("1.", "Anho\u0308rung", True, "01 Anhörung"),
        ("", "Verschiedenes", True, "Verschiedenes"),
        (
            "4.3",
            "Stellungnahme der Anwohnerinnen und Anwohner zur geplanten Neuordnung des ruhenden Verkehrs " * 3,
            True,
            "04.3 Stellungnahme der Anwohnerinnen und Anwohner zur…",
        ),
    ],
)
def test_agenda_items_as_people_know_them(number: str, title: str, public: bool, name: str) -> None:
    """The examples of the design, and titles as councils write them."""
    assert agenda_names([Numbered(number, title, public)]) == [name]


def test_a_wide_level_is_wide_for_all() -> None:
    """54 items on level 3: then all of that level have two digits, in that part only."""
    agenda = [Numbered("4.2.1", "a"), Numbered("4.2.54", "b"), Numbered("N 1", "c", public=False)]
    assert agenda_names(agenda) == ["04.2.01 a", "04.2.54 b", "N 01 c"]


def test_the_day_of_a_meeting_is_berlins() -> None:
    """Half an hour after midnight in Berlin is still yesterday in UTC; a title that begins with the day keeps one."""
    assert meeting_name(instant("2026-07-01T00:30"), "Vollgremium") == "2026-07-01 Vollgremium"
    assert meeting_name(instant("2026-12-07T19:00"), "2026-12-07 Vollgremium") == "2026-12-07 Vollgremium"
    assert meeting_name(instant("2026-12-07T19:00"), "UA: Bau") == "2026-12-07 UA – Bau"
    assert meeting_name(instant("2026-12-07"), "X", ["2026-12-07 x"]) == "2026-12-07 X (2)"


def test_a_whole_path_stays_short() -> None:
    """At most 180 for a path; where nothing fits any more, it is said."""
    parent = SharePath(("b" * 32, "2026-12-07 " + "m" * 49))
    assert limit_under(parent) == NAME_LENGTH
    deep = parent / ("t" * 60)
    name = unique(speaking("Anlage zum Schreiben des Referats vom 3. Juli", limit=limit_under(deep)), ())
    assert units(str(deep / name)) <= PATH_LENGTH
    with pytest.raises(ValueError, match="too deep"):
        limit_under(deep / ("u" * 20))
