"""Names that programs make, not people: temp files, owner files, one-per-person files (protocol.md §2).

All of them are stored under a name of their maker's own, so that they stay with him whatever becomes of the document.
Temp and one-per-person files nobody else ever meets. Owner files (`.~lock.NAME#`, `~$NAME`, `._NAME`) are seen by
exactly those who may discover NAME, and without such a NAME by their maker alone.
"""

from __future__ import annotations

import functools
import hashlib
import re
from collections.abc import Callable, Iterable
from itertools import chain, count

from shareproviders.paths import MAX_NAME_BYTES

LONGEST_SUFFIX = 16  # letters after the last dot that still count as a suffix

_UUID = r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
_TEMP = re.compile(
    rf"~WR[A-Z]\w*\.tmp|lu\w+\.tmp|[0-9A-F]{{8}}\.tmp|.+\.sb-[0-9a-f]+-\w+|.+-{_UUID}", re.IGNORECASE | re.DOTALL
)
_ONCE = frozenset({".ds_store", "thumbs.db", "desktop.ini"})
_OWNER = re.compile(r"\.~lock\.(?P<libreoffice>.+)#|~\$(?P<office>.+)|\._(?P<finder>.+)", re.DOTALL)
_PRIVATE = re.compile(r"(?P<shown>.+)\.~(?P<maker>[0-9a-f]{12})", re.DOTALL)


@functools.lru_cache(maxsize=4096)
def maker_mark(principal: str) -> str:
    """What marks the stored names of one principal's own files; tells nothing about him."""
    return ".~" + hashlib.sha256(b"gremium-maker " + principal.encode()).hexdigest()[:12]


def is_temp(name: str) -> bool:
    """A file that a program writes before it takes a real name."""
    return _TEMP.fullmatch(name) is not None


def is_private(name: str) -> bool:
    """Temp, or a file that exists once per person."""
    return is_temp(name) or name.lower() in _ONCE


def is_reserved(name: str) -> bool:
    """Looks like a stored name of somebody's own file; nobody may ask for it by that name."""
    return ".~" in name and _PRIVATE.fullmatch(name) is not None


def owner_of(name: str) -> str | None:
    """The NAME (or its tail, for Office) that an owner file belongs to; None for any other file."""
    match = _OWNER.fullmatch(name) if name[:2] in (".~", "~$", "._") else None
    return match[match.lastgroup or 0] if match else None


def is_programs(name: str) -> bool:
    """Made by a program for itself: kept out of versions, notices and the portal."""
    return is_private(name) or owner_of(name) is not None


def bare_name(stored: str) -> str:
    """A stored name without its maker's mark."""
    match = _PRIVATE.fullmatch(stored) if ".~" in stored else None
    return match["shown"] if match else stored


def numbered(name: str, number: int) -> str:
    """`plan.pdf` and 2 → `plan (2).pdf`, cut short where it would become too long."""
    stem, dot, suffix = name.rpartition(".")
    if not stem or len(suffix) > LONGEST_SUFFIX:
        stem, dot, suffix = name, "", ""
    tail = f" ({number}){dot}{suffix}"
    return stem.encode()[: MAX_NAME_BYTES - len(tail.encode())].decode(errors="ignore") + tail


def free_name(name: str, is_taken: Callable[[str], bool]) -> str:
    """This name, or the first one like it that nothing has yet."""
    names = chain((name,), (numbered(name, number) for number in count(2)))
    return next(each for each in names if not is_taken(each))


class Neighbours:
    """The names that somebody may discover in one folder, to match owner files against.

    Files of programs own no owner files that others see. Office cuts the first two characters of longer names, so
    `~$richt.docx` belongs to `Bericht.docx`.
    """

    def __init__(self, names: Iterable[str]) -> None:
        self._names = frozenset(name for name in names if not is_programs(name))
        self._tails = frozenset(name[2:] for name in self._names)

    def has(self, owner_file: str) -> bool:
        """True if the owner file's document is among them."""
        wanted = owner_of(owner_file)
        return wanted in self._names or (owner_file.startswith("~$") and wanted in self._tails)
