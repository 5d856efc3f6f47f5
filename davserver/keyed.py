"""One table of a TOML file, read key by key: each is taken once, and what is left at the end is an error."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import date
from typing import Any, TypeVar

from davserver.accounts import AccountProblem, clean_user_name
from davserver.instants import instant
from davserver.settings import nearest
from shareproviders.paths import BadName, SharePath

ID = re.compile(r"[a-z0-9-]{1,32}")
RESERVED_IDS = ("geteilt",)
SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*(B|KiB|MiB|GiB|TiB)")
UNITS = {"B": 1, "KiB": 1024, "MiB": 1024**2, "GiB": 1024**3, "TiB": 1024**4}
MATTER_LENGTH = 64

Value = TypeVar("Value")


class BadDeclaration(Exception):  # noqa: N818 (architecture.md §5: errors are named by what happened)
    """The file cannot be applied; the text is one sentence that names the place, the key and what is possible."""


class Keys:
    """The keys of one table; each is taken once, and what is left at the end is an error."""

    def __init__(self, table: Mapping[str, Any], place: str) -> None:
        self._left, self._taken, self.place = dict(table), list[str](), place

    def wrong(self, key: str, problem: str) -> BadDeclaration:
        return BadDeclaration(f"{self.place}: {key} {problem}")

    def take(self, key: str, read: Callable[[Any], Value], *default: Value) -> Value:
        """The key's value as `read` makes it; raises BadDeclaration if it is missing and there is no default."""
        self._taken.append(key)
        if key not in self._left:
            if default:
                return default[0]
            raise BadDeclaration(f"{self.place}: the key {key} is missing")
        try:
            return read(self._left.pop(key))
        except (ValueError, AccountProblem) as error:
            raise self.wrong(
                key, f"{error}" if str(error).startswith(("is", "must")) else f"is wrong: {error}"
            ) from None

    def tables(self, key: str) -> list[Keys]:
        nothing: list[dict[str, Any]] = []
        tables = self.take(key, read_tables, nothing)
        place = "" if self.place == "the file" else f"{self.place}, "
        return [Keys(table, f"{place}{key} {number}") for number, table in enumerate(tables, 1)]

    def end(self) -> None:
        for key in self._left:
            raise BadDeclaration(f"{self.place}: unknown key {key!r}; {nearest(key, self._taken)}")


def read_text(value: Any) -> str:
    if not isinstance(value, str) or not value.strip() or not value.isprintable():
        raise ValueError(f"must be a text on one line, not {value!r}")
    return value


def read_texts(value: Any) -> tuple[str, ...]:
    if not isinstance(value, list):
        raise ValueError(f'must be a list such as ["read", "comment"], not {value!r}')  # noqa: TRY004
    return tuple(read_text(each) for each in value)


def read_matter(value: Any) -> str:
    if len(read_text(value)) > MATTER_LENGTH:
        raise ValueError(f"must have at most {MATTER_LENGTH} characters")
    return read_text(value)


def read_user(value: Any) -> str:
    return clean_user_name(read_text(value))


def read_id(value: Any) -> str:
    if not ID.fullmatch(read_text(value)):
        raise ValueError(f"must be 1 to 32 of a to z, digits and hyphen, not {value!r}")
    if value in RESERVED_IDS:
        raise ValueError(f"must not be {value!r}; the server uses this name itself")
    return read_text(value)


def read_instant(value: Any) -> int:
    if not isinstance(value, date | str):
        raise ValueError(f"must be a date such as 2026-05-01 or 2026-12-07T19:00:00, not {value!r}")  # noqa: TRY004
    return instant(value)


def read_switch(value: Any) -> bool:
    if not isinstance(value, bool):
        raise ValueError(f"must be true or false, not {value!r}")  # noqa: TRY004
    return value


def read_table(value: Any) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise ValueError(f'must be a table such as {{ path = "/srv/archiv" }}, not {value!r}')  # noqa: TRY004
    return value


def read_tables(value: Any) -> list[dict[str, Any]]:
    if not isinstance(value, list) or not all(isinstance(table, dict) for table in value):
        raise ValueError("must be written as [[…]] tables")
    return value


def read_one_of(words: tuple[str, ...]) -> Callable[[Any], str]:
    def read(value: Any) -> str:
        if value not in words:
            raise ValueError(f"must be one of {', '.join(words)}; not {value!r}")
        return str(value)

    return read


def read_size(value: Any) -> int:
    """Bytes of a text such as `50 GiB`; raises ValueError."""
    written = SIZE.fullmatch(value) if isinstance(value, str) else None
    if written is None:
        raise ValueError(f'must be a size such as "50 GiB", not {value!r}')
    return int(float(written[1]) * UNITS[written[2]])


def read_path(value: Any) -> SharePath:
    """A path inside the committee's drive."""
    try:
        path = SharePath.parse(read_text(value))
    except BadName as error:
        raise ValueError(f"is no path: {error}") from None
    return path
