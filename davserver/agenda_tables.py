"""Agendas as tables: a CSV file, or rows pasted from Word or Excel; each line read, or told what is wrong."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Literal, NamedTuple

from acl.meetings import AgendaItem

COLUMNS = ("number", "title", "part", "matter")
NAMES: Mapping[str, str] = MappingProxyType(
    {name: name for name in COLUMNS}
    | dict.fromkeys(("nr", "nr.", "nummer", "top", "tagesordnungspunkt"), "number")
    | dict.fromkeys(("titel", "betreff", "bezeichnung", "gegenstand", "thema"), "title")
    | dict.fromkeys(("teil", "öffentlichkeit"), "part")
    | dict.fromkeys(("vorgang", "vorlage", "sitzungsvorlage", "aktenzeichen"), "matter")
)
"""What the first line may call the columns, in small letters."""
PUBLIC = frozenset({"public", "öffentlich", "oeffentlich", "ö"})
NON_PUBLIC = frozenset({"non_public", "nichtöffentlich", "nicht öffentlich", "nicht-öffentlich", "nö", "n"})
SECTION = re.compile(r"(?P<closed>nicht[- ]?)?öffentliche[rn]?( sitzung| teil)?:?", re.IGNORECASE)
"""A line that stands above the items of one part, as in most printed agendas."""
MATTER = re.compile(r"[0-9]{2}-[0-9]{2} ?/ ?[A-Z] ?[0-9]{1,6}", re.IGNORECASE)
LONGEST_NUMBER = 32
SEPARATORS = ";,\t"


class Problem(NamedTuple):
    """Why a line cannot be taken."""

    line: int
    kind: str
    """A key of SENTENCES."""
    said: str
    """What stands there, as far as it helps."""

    def __str__(self) -> str:
        return f"line {self.line}: {SENTENCES[self.kind].format(self.said)}"


SENTENCES: Mapping[str, str] = MappingProxyType(
    {
        "columns": "it must name the columns number and title, and may name part and matter; it names {}",
        "cells": "more cells than columns; put a text that holds a separator in quotes",
        "part": "part must be one of public, non_public; not {!r}",
        "twice": "the number {} stands twice",
        "empty": f"an item needs a number of at most {LONGEST_NUMBER} characters and a title; {{!r}} has not both",
        "quotes": "{}",
    }
)


class AgendaTable(NamedTuple):
    """What was read; to be taken only where nothing is wrong."""

    points: list[AgendaItem]
    problems: list[Problem]


Row = tuple[int, list[str]]


def read_agenda(text: str, share: str, meeting: str, *, headed: bool = False) -> AgendaTable:
    """Read a table; `headed`: its first line must name the columns, else it may, or their order is that of COLUMNS."""
    try:
        rows = [(line, cells) for line, cells in _rows(text) if any(cells)]
    except _Malformed as malformed:
        return AgendaTable([], [malformed.problem])
    names = [NAMES.get(cell.casefold(), "") for cell in rows[0][1]] if rows else []
    if {"number", "title"} <= set(names) and all(names):
        rows = rows[1:]
    elif headed:
        told = ", ".join(rows[0][1]) if rows else "nothing"
        return AgendaTable([], [Problem(1, "columns", told)])
    else:
        names = []
    points: dict[str, AgendaItem] = {}
    problems: list[Problem] = []
    public = True
    for line, cells in rows:
        section = SECTION.fullmatch(" ".join(filter(None, cells)))
        if section is not None:
            public = not section["closed"]
            continue
        read = _point(line, _named(cells, names), share, meeting, public=public)
        if isinstance(read, AgendaItem) and read.number in points:
            read = Problem(line, "twice", read.number)
        if isinstance(read, Problem):
            problems.append(read)
        else:
            points[read.number] = read
    return AgendaTable(list(points.values()), problems)


class _Malformed(Exception):  # noqa: N818 (architecture.md §5: errors are named by what happened)
    def __init__(self, problem: Problem) -> None:
        self.problem = problem


def _rows(text: str) -> Iterator[Row]:
    """Lines with their numbers. Excel quotes its cells where needed, Word never does."""
    separator = "\t" if "\t" in text else max(SEPARATORS, key=text.partition("\n")[0].count)
    try:
        yield from list(_parsed(text, separator, csv.QUOTE_MINIMAL))
    except csv.Error as error:
        if separator != "\t":
            raise _Malformed(Problem(1, "quotes", str(error))) from None
        yield from _parsed(text, separator, csv.QUOTE_NONE)


def _parsed(text: str, separator: str, quoting: Literal[0, 3]) -> Iterator[Row]:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, quoting=quoting, strict=True)
    for cells in reader:
        yield reader.line_num, [" ".join(cell.split()) for cell in cells]


def _named(cells: Sequence[str], names: Sequence[str]) -> dict[str, str] | None:
    """Cells by their columns; without names what follows the title says by itself what it is. None: too many."""
    if names:
        return dict(zip(names, cells, strict=False)) if not any(cells[len(names) :]) else None
    number, title, *more = [*cells, "", ""]
    found = {"number": number, "title": title}
    for cell in filter(None, more):
        name = "matter" if MATTER.fullmatch(cell) else "part"
        if name in found:
            return None
        found[name] = cell
    return found


def _point(
    line: int, cells: Mapping[str, str] | None, share: str, meeting: str, *, public: bool
) -> AgendaItem | Problem:
    """The item of a line. A number that begins with N is in the non-public part, unless the line says otherwise."""
    if cells is None:
        return Problem(line, "cells", "")
    number, title = cells.get("number", "").rstrip("."), cells.get("title", "")
    if not number or not title or len(number) > LONGEST_NUMBER:
        return Problem(line, "empty", number)
    part = cells.get("part", "")
    if part and part.casefold() not in PUBLIC | NON_PUBLIC:
        return Problem(line, "part", part)
    if part:
        public = part.casefold() in PUBLIC
    elif re.match(r"N\W*[0-9]", number):
        public = False
    return AgendaItem(share, meeting, number, title, public, cells.get("matter") or None)
