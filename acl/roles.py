"""The table role × class × phase → rights and the ceilings beside it, read from `config/roles.toml`."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, NoReturn, TypeVar

from acl.labels import Classification, Phase
from acl.mandates import ROLES
from acl.principals import Channel
from acl.privileges import NAMES, Rights

EARLY = "early"
"""The cell that stands in for `draft` where the committee allows early access."""

_Key = TypeVar("_Key")


class RoleTableError(Exception):
    """The table makes no sense; one line that names the file's line, the key and what is possible."""


class Delivery(StrEnum):
    """What a WebDAV drive shows of a paper that may be viewed but not read (rights.md §1).

    `original` is for those who may read it; whoever may only view it finds a pointer, and nothing from personal on.
    """

    ORIGINAL = "original"
    RENDITION = "rendition"
    POINTER = "pointer"
    HIDDEN = "hidden"


@dataclass(frozen=True, slots=True)
class Role:
    """One office's row. Rights are integers here, for speed."""

    name: str
    title: str
    inside: bool
    """Does it make its holder one of the committee, so that entries for `committee:…` reach him?"""
    acts_as: tuple[str, ...]
    """Other roles whose hand-set entries hold for this one too."""
    after: str | None
    """The role that is left when the mandate has ended."""
    cells: Mapping[tuple[Classification, Phase], int]
    early: Mapping[Classification, int]


@dataclass(frozen=True, slots=True)
class RoleTable:
    """The whole table, complete: every role, class and phase has its cell."""

    roles: Mapping[str, Role]
    class_ceiling: Mapping[Classification, int]
    entry_ceiling: Mapping[Classification, int]
    channel_ceiling: Mapping[Channel, int]
    delivery: Mapping[Classification, Delivery]
    undertaking: frozenset[Classification]
    """Classes that open only after the undertaking of secrecy."""

    @classmethod
    def load(cls, path: Path) -> RoleTable:
        """Raises RoleTableError; also where the file cannot be read."""
        try:
            text = path.read_text("utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise RoleTableError(f"{path.name}: cannot be read: {error}") from None
        return cls.parse(text, path.name)

    @classmethod
    def parse(cls, text: str, name: str = "roles.toml") -> RoleTable:
        """As `load`, from a text; `name` stands in errors."""
        return _Reader(text, name).table()

    def rights(self, role: str, classification: Classification, phase: Phase, early_access: bool) -> int:
        """One cell."""
        row = self.roles[role]
        if early_access and phase is Phase.DRAFT and classification in row.early:
            return row.early[classification]
        return row.cells[classification, phase]


_TOP = ("gate", "delivery", "ceiling", "word", "role")
_CLASSES = {classification.word: classification for classification in Classification}
_PHASES = {phase.value: phase for phase in Phase}
_CHANNELS = {channel.value: channel for channel in Channel}


class _Reader:
    """Reads one text; every complaint goes through `_fail`, which finds the line."""

    def __init__(self, text: str, name: str) -> None:
        self._text, self._name = text, name
        try:
            self._root: dict[str, Any] = tomllib.loads(text)
        except tomllib.TOMLDecodeError as error:
            raise RoleTableError(f"{name}: not TOML: {error}") from None
        self._words: dict[str, int] = {word: int(rights) for word, rights in NAMES.items()} | {"nothing": 0}

    def table(self) -> RoleTable:
        self._keys((), self._root, _TOP, optional=("word",))
        delivery = self._delivery()
        for word, cell in self._section(("word",), optional=True).items():
            if word in self._words:
                self._fail(("word", word), "is a word that has a meaning already; choose another")
            self._words[word] = self._cell(("word", word), cell)
        ceiling = self._section(("ceiling",))
        self._keys(("ceiling",), ceiling, ("class", "entry", "channel"))
        rows = self._section(("role",))
        self._keys(("role",), rows, ROLES)
        return RoleTable(
            roles={role: self._role(role, delivery) for role in ROLES},
            class_ceiling=self._cells(("ceiling", "class"), _CLASSES),
            entry_ceiling=self._cells(("ceiling", "entry"), _CLASSES),
            channel_ceiling=self._cells(("ceiling", "channel"), _CHANNELS),
            delivery=delivery,
            undertaking=self._gate(),
        )

    def _gate(self) -> frozenset[Classification]:
        gate = self._section(("gate",))
        self._keys(("gate",), gate, ("undertaking",))
        words = self._strings(("gate", "undertaking"), gate["undertaking"], tuple(_CLASSES), "class")
        return frozenset(_CLASSES[word] for word in words)

    def _delivery(self) -> dict[Classification, Delivery]:
        section = self._section(("delivery",))
        self._keys(("delivery",), section, _CLASSES)
        known = {delivery.value: delivery for delivery in Delivery}
        for word, value in section.items():
            if value not in known:
                self._fail(("delivery", word), f"unknown delivery {value!r}; one of: {', '.join(known)}")
        return {classification: known[section[word]] for word, classification in _CLASSES.items()}

    def _role(self, name: str, delivery: Mapping[Classification, Delivery]) -> Role:
        path = ("role", name)
        row = self._section(path)
        self._keys(path, row, ("title", "inside", "acts_as", "after", *_CLASSES), optional=("acts_as", "after"))
        if not isinstance(row["title"], str):
            self._fail((*path, "title"), "must be a text")
        if not isinstance(row["inside"], bool):
            self._fail((*path, "inside"), "must be true or false")
        acts_as = self._strings((*path, "acts_as"), row.get("acts_as", []), ROLES, "role")
        after = self._strings((*path, "after"), [row["after"]] if "after" in row else [], ROLES, "role")
        cells: dict[tuple[Classification, Phase], int] = {}
        early: dict[Classification, int] = {}
        for word, classification in _CLASSES.items():
            delivered = Rights.READ if delivery[classification] is Delivery.ORIGINAL else Rights.VIEW
            line = self._line((*path, word), row[word], int(delivered))
            if EARLY in line:
                early[classification] = line[EARLY]
            cells.update({(classification, phase): line[key] for key, phase in _PHASES.items()})
        return Role(name, row["title"], row["inside"], acts_as, next(iter(after), None), cells, early)

    def _line(self, path: tuple[str, ...], line: Any, delivered: int) -> dict[str, int]:
        """The cells of one role and class by phase; a single text stands for all phases."""
        if isinstance(line, str):
            line = dict.fromkeys(_PHASES, line)
        if not isinstance(line, dict):
            self._fail(path, "must be a text or { phase = text, … }")
        self._keys(path, line, (*_PHASES, EARLY), optional=(EARLY,))
        return {phase: self._cell((*path, phase), cell, delivered) for phase, cell in line.items()}

    def _cells(self, path: tuple[str, ...], keys: Mapping[str, _Key]) -> dict[_Key, int]:
        section = self._section(path)
        self._keys(path, section, keys)
        return {key: self._cell((*path, word), section[word]) for word, key in keys.items()}

    def _cell(self, path: tuple[str, ...], cell: Any, delivered: int | None = None) -> int:
        if not isinstance(cell, str) or not cell.split():
            self._fail(path, "must be a text of rights; write nothing for none")
        words = self._words if delivered is None else self._words | {"as-delivered": delivered}
        bits = 0
        for word in cell.split():
            name = word.removeprefix("-")
            if name not in words:
                self._fail(path, f"unknown right {name!r}; one of: {', '.join(words)}")
            bits = bits & ~words[name] if name != word else bits | words[name]
        return bits

    def _strings(self, path: tuple[str, ...], words: Any, known: Iterable[str], what: str) -> tuple[str, ...]:
        if not isinstance(words, list):
            self._fail(path, "must be a list of texts")
        for word in words:
            if word not in known:
                self._fail(path, f"unknown {what} {word!r}; one of: {', '.join(known)}")
        return tuple(words)

    def _section(self, path: tuple[str, ...], *, optional: bool = False) -> dict[str, Any]:
        section: Any = self._root
        for key in path:
            section = section.get(key, {} if optional else None)
        if not isinstance(section, dict):
            self._fail(path, "must be a table")
        return dict(section)

    def _keys(
        self, path: tuple[str, ...], section: Mapping[str, Any], known: Iterable[str], optional: Iterable[str] = ()
    ) -> None:
        known = tuple(known)
        for key in section:
            if key not in known:
                self._fail((*path, key), f"unknown; one of: {', '.join(known)}")
        missing = [key for key in known if key not in section and key not in optional]
        if missing:
            self._fail((*path, missing[0]), "is missing")

    def _fail(self, path: tuple[str, ...], problem: str) -> NoReturn:
        raise RoleTableError(f"{self._name}, line {_line_of(self._text, path)}: {'.'.join(path)}: {problem}")


def _line_of(text: str, path: tuple[str, ...]) -> int:
    """Where the key stands, or else the nearest thing that contains it; 1 if nothing does."""
    found, depth = 1, 0
    header: tuple[str, ...] = ()
    for number, line in enumerate(text.splitlines(), 1):
        if section := re.match(r"\s*\[([^\[\]]+)\]", line):
            header = tuple(part.strip().strip('"') for part in section[1].split("."))
            here = header
        elif key := re.match(r"\s*\"?([\w-]+)\"?\s*=", line):
            here = (*header, key[1])
        else:
            continue
        if len(here) > depth and path[: len(here)] == here:
            found, depth = number, len(here)
    return found
