"""Speaking names for what we make ourselves: they sort, and Windows, macOS and Linux can all show and open them."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from typing import NamedTuple

from davserver.instants import BERLIN, EPOCH, MICROSECOND
from davserver.tree.names import is_programs, is_reserved
from shareproviders.paths import SharePath

NAME_LENGTH = 60
PATH_LENGTH = 180
"""Of a whole path with its drive; Explorer refuses beyond 260 and mounts take some of it. UTF-16 units, as there."""
SHORTEST = 12
NAMELESS = "ohne Titel"
CUT = "…"

_REPLACED = str.maketrans(
    {"/": "-", "\\": "-", "|": "-", ":": "-", "<": "(", ">": ")", '"': "'", "?": "", "*": "_", "~": "-"}
)
_DEVICE = re.compile(r"(CON|PRN|AUX|NUL|CONIN\$|CONOUT\$|(COM|LPT)[0-9¹²³]) *(\..*)?", re.IGNORECASE)
_UNUSABLE = frozenset({"Cc", "Cf", "Cn", "Co", "Cs"})
_WIDEST = 4  # digits of a number beyond that are no numbering


class Numbered(NamedTuple):
    """What the name of an agenda item's folder is made of."""

    number: str
    """`4.2.1`, `N 3`."""
    title: str
    public: bool = True


def limit_under(parent: SharePath) -> int:
    """The longest name that still fits beneath `parent`, a path in the whole tree. Raises ValueError if none does."""
    left = min(NAME_LENGTH, PATH_LENGTH - units(str(parent)) - 1)
    if left < SHORTEST:
        raise ValueError("this folder lies too deep: its path leaves no room for a name; use a folder further up")
    return left


def units(text: str) -> int:
    """The length as Windows counts it."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def speaking(title: str, *, limit: int = NAME_LENGTH, extension: str = "") -> str:
    """A name as close to the title as every system can bear; `extension` (`.pdf`) survives the cut. NFC."""
    text = _cut(_clean(title), limit - units(extension)) or NAMELESS
    name = text + extension
    return _cut(f"_{text}", limit - units(extension)) + extension if _DEVICE.fullmatch(name) else name


def unique(name: str, taken: Iterable[str], *, limit: int = NAME_LENGTH, extension: str = "") -> str:
    """The name, or with ` (2)` and so on, such that no sibling has it, whichever way a system compares names."""
    siblings, stem, number = {folded(sibling) for sibling in taken}, name.removesuffix(extension), 1
    while folded(name) in siblings or is_programs(name) or is_reserved(name):
        number += 1
        tail = f" ({number}){extension}"
        name = _cut(stem, limit - units(tail)) + tail
    return name


def folded(name: str) -> str:
    """Equal for names that some file system takes for the same."""
    return unicodedata.normalize("NFC", name.casefold())


def meeting_name(start: int, title: str, taken: Iterable[str] = (), *, limit: int = NAME_LENGTH) -> str:
    """`2026-12-07 Vollgremium`, of its day in Berlin."""
    day = (EPOCH + start * MICROSECOND).astimezone(BERLIN).date()
    text = title.removeprefix(f"{day}")
    return unique(speaking(f"{day} {text}", limit=limit), taken, limit=limit)


def agenda_names(agenda: Iterable[Numbered], taken: Iterable[str] = (), *, limit: int = NAME_LENGTH) -> list[str]:
    """One name for each item, in the given order; as plain texts they sort like the numbers.

    `04.2.1 Anhörung BaumSchutzV`, `N 03 …` in the non-public part. A level on which some item of the same part has
    two digits gets two on all; the first level always has two.
    """
    items = list(agenda)
    widths = {public: _widths(each.number for each in items if each.public is public) for public in (True, False)}
    siblings, names = [*taken], list[str]()
    for each in items:
        number = _padded(each.number, widths[each.public])
        text = f"{number} {each.title}" if each.public else f"N {number} {each.title}"
        name = unique(speaking(text, limit=limit), siblings, limit=limit)
        siblings.append(name)
        names.append(name)
    return names


def number_key(number: str) -> tuple[int, ...]:
    """Orders agenda numbers as people do: 4.2 before 4.2.1 before 4.10."""
    return tuple(int(digits) for digits in re.findall("[0-9]+", number))


def leading_number(name: str) -> tuple[bool, tuple[int, ...]] | None:
    """The item that the beginning of a document's name speaks of: (in the non-public part, its digits); else None.

    `4.2.1 Anhörung.pdf`, `TOP 04.2.1_…`, `N 3 …`.
    """
    found = re.match(r"\s*(?:TOP[\s_.]*)?(N[\s_.]*)?([0-9]+(?:\.[0-9]+)*)(?![0-9])", name, re.IGNORECASE)
    return None if found is None else (bool(found[1]), number_key(found[2]))


def _widths(numbers: Iterable[str]) -> list[int]:
    widths = [2]
    for number in numbers:
        for level, value in enumerate(number_key(number)):
            if level == len(widths):
                widths.append(1)
            widths[level] = min(max(widths[level], len(str(value))), _WIDEST)
    return widths


def _padded(number: str, widths: list[int]) -> str:
    levels = iter(widths)
    bare = re.sub(r"^\s*N\b\.?\s*", "", number)
    return re.sub("[0-9]+", lambda digits: f"{int(digits[0]):0{next(levels)}}", bare).strip(" .")


def _clean(title: str) -> str:
    text = unicodedata.normalize("NFC", title)
    text = re.sub(r"\s+", " ", text).replace(": ", " – ")
    text = "".join(character for character in text if unicodedata.category(character) not in _UNUSABLE)
    text = unicodedata.normalize("NFC", text.translate(_REPLACED))
    return _ends(re.sub(r"\s+", " ", text))


def _cut(text: str, limit: int) -> str:
    """At a word's end where one is near; never between a letter and its marks."""
    if units(text) <= limit:
        return text
    end = len(text)
    while units(text[:end]) > limit - len(CUT):
        end -= 1
    blank = text.rfind(" ", 0, end + 1)
    if blank > end * 2 // 3:
        end = blank
    while end and unicodedata.combining(text[end]):
        end -= 1
    return _ends(text[:end]) + CUT


def _ends(text: str) -> str:
    """Windows drops blanks and dots at the end, others hide what begins with a dot."""
    return text.lstrip(" .").rstrip(" .")
