"""What `apply` reads: people, committees, mandates, meetings and agenda items from a TOML file, checked key by key."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any, TypeVar

from acl.labels import Classification
from acl.mandates import ROLES, CommitteeKind
from davserver.accounts import AccountProblem, clean_user_name
from davserver.instants import instant
from davserver.settings import nearest

ID = re.compile(r"[a-z0-9-]{1,32}")
RESERVED_IDS = ("geteilt",)
SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*(B|KiB|MiB|GiB|TiB)")
UNITS = {"B": 1, "KiB": 1024, "MiB": 1024**2, "GiB": 1024**3, "TiB": 1024**4}
MEETING_STATES = ("planned", "agenda_released", "running", "closed", "minutes_approved", "cancelled")
ITEM_PARTS = ("public", "non_public")
MATTER_LENGTH = 64

Value = TypeVar("Value")


class BadDeclaration(Exception):  # noqa: N818 (architecture.md §5: errors are named by what happened)
    """The file cannot be applied; the text is one sentence that names the place, the key and what is possible."""


@dataclass(frozen=True, slots=True)
class Person:
    user: str
    name: str
    email: str = ""
    undertaking: int | None = None
    """Instant of the pledge of secrecy, microseconds as all instants here."""


@dataclass(frozen=True, slots=True)
class Mandate:
    user: str
    role: str
    start: int
    end: int | None = None
    """Exclusive."""


@dataclass(frozen=True, slots=True)
class AgendaItem:
    number: str
    title: str
    part: str = "public"
    matter: str = ""


@dataclass(frozen=True, slots=True)
class Meeting:
    id: str
    title: str
    start: int
    end: int
    state: str = "planned"
    agenda: tuple[AgendaItem, ...] = ()


@dataclass(frozen=True, slots=True)
class Committee:
    id: str
    name: str
    provider: str = "vault"
    quota: int | None = None
    """Bytes."""
    default_class: Classification = Classification.RESTRICTED
    kind: CommitteeKind = CommitteeKind.PLENARY
    has_meetings: bool = True
    early_access: bool = False
    publish_with_agenda: bool = False
    options: Mapping[str, Any] = field(default_factory=dict)
    mandates: tuple[Mandate, ...] = ()
    meetings: tuple[Meeting, ...] = ()


@dataclass(frozen=True, slots=True)
class Declaration:
    """One whole file."""

    people: tuple[Person, ...] = ()
    committees: tuple[Committee, ...] = ()


def read_declaration(path: Path) -> Declaration:
    """Raises BadDeclaration; also where the file cannot be read."""
    try:
        return parse_declaration(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise BadDeclaration(f"{path} cannot be read: {error}") from None
    except BadDeclaration as error:
        raise BadDeclaration(f"{path}: {error}") from None


def parse_declaration(text: str) -> Declaration:
    """Raises BadDeclaration, tomllib.TOMLDecodeError."""
    top = _Keys(tomllib.loads(text), "the file")
    declaration = Declaration(
        people=tuple(_person(keys) for keys in top.tables("person")),
        committees=tuple(_committee(keys) for keys in top.tables("committee")),
    )
    top.end()
    _once("person", [person.user for person in declaration.people])
    _once("committee", [committee.id for committee in declaration.committees])
    return declaration


class _Keys:
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

    def tables(self, key: str) -> list[_Keys]:
        nothing: list[dict[str, Any]] = []
        tables = self.take(key, _tables, nothing)
        place = "" if self.place == "the file" else f"{self.place}, "
        return [_Keys(table, f"{place}{key} {number}") for number, table in enumerate(tables, 1)]

    def end(self) -> None:
        for key in self._left:
            raise BadDeclaration(f"{self.place}: unknown key {key!r}; {nearest(key, self._taken)}")


def _person(keys: _Keys) -> Person:
    user = keys.take("user", _user)
    keys.place = f"person {user}"
    person = Person(
        user,
        keys.take("name", _text),
        keys.take("email", _text, ""),
        keys.take("undertaking", _instant, None),
    )
    keys.end()
    return person


def _committee(keys: _Keys) -> Committee:
    share = keys.take("id", _id)
    keys.place = f"committee {share}"
    committee = Committee(
        id=share,
        name=keys.take("name", _text),
        provider=keys.take("provider", _text, "vault"),
        quota=keys.take("quota", size, None),
        default_class=keys.take(
            "default_class", lambda value: Classification.parse(_text(value)), Classification.RESTRICTED
        ),
        kind=CommitteeKind(keys.take("kind", _one_of(tuple(CommitteeKind)), "plenary")),
        has_meetings=keys.take("has_meetings", _switch, True),
        early_access=keys.take("early_access", _switch, False),
        publish_with_agenda=keys.take("publish_with_agenda", _switch, False),
        options=keys.take("options", _table, {}),
        mandates=tuple(_mandate(mandate) for mandate in keys.tables("mandate")),
        meetings=tuple(_meeting(meeting) for meeting in keys.tables("meeting")),
    )
    keys.end()
    _once(f"committee {share}: meeting", [meeting.id for meeting in committee.meetings])
    _once(
        f"committee {share}: mandate",
        [f"{mandate.user} as {mandate.role} from one start" for mandate in committee.mandates],
        [(mandate.user, mandate.role, mandate.start) for mandate in committee.mandates],
    )
    return committee


def _mandate(keys: _Keys) -> Mandate:
    mandate = Mandate(
        keys.take("user", _user),
        keys.take("role", _one_of(ROLES)),
        keys.take("start", _instant),
        keys.take("end", _instant, None),
    )
    keys.end()
    if mandate.end is not None and mandate.end <= mandate.start:
        raise keys.wrong("end", "must lie after start (it is exclusive)")
    return mandate


def _meeting(keys: _Keys) -> Meeting:
    meeting = Meeting(
        id=keys.take("id", _id),
        title=keys.take("title", _text),
        start=keys.take("start", _instant),
        end=keys.take("end", _instant),
        state=keys.take("state", _one_of(MEETING_STATES), "planned"),
        agenda=tuple(_agenda_item(agenda_item) for agenda_item in keys.tables("item")),
    )
    keys.end()
    if meeting.end <= meeting.start:
        raise keys.wrong("end", "must lie after start")
    _once(f"{keys.place}: item", [agenda_item.number for agenda_item in meeting.agenda])
    return meeting


def _agenda_item(keys: _Keys) -> AgendaItem:
    agenda_item = AgendaItem(
        keys.take("number", _text),
        keys.take("title", _text),
        keys.take("part", _one_of(ITEM_PARTS), "public"),
        keys.take("matter", _matter, ""),
    )
    keys.end()
    return agenda_item


def _once(what: str, names: list[str], identities: list[tuple[Any, ...]] | None = None) -> None:
    seen = set[Any]()
    for name, identity in zip(names, identities or names, strict=True):
        if identity in seen:
            raise BadDeclaration(f"{what} {name} is declared twice")
        seen.add(identity)


def _text(value: Any) -> str:
    if not isinstance(value, str) or not value.strip() or not value.isprintable():
        raise ValueError(f"must be a text on one line, not {value!r}")
    return value


def _matter(value: Any) -> str:
    if len(_text(value)) > MATTER_LENGTH:
        raise ValueError(f"must have at most {MATTER_LENGTH} characters")
    return _text(value)


def _user(value: Any) -> str:
    return clean_user_name(_text(value))


def _id(value: Any) -> str:
    if not ID.fullmatch(_text(value)):
        raise ValueError(f"must be 1 to 32 of a to z, digits and hyphen, not {value!r}")
    if value in RESERVED_IDS:
        raise ValueError(f"must not be {value!r}; the server uses this name itself")
    return _text(value)


def _instant(value: Any) -> int:
    if not isinstance(value, date | str):
        raise ValueError(f"must be a date such as 2026-05-01 or 2026-12-07T19:00:00, not {value!r}")  # noqa: TRY004
    return instant(value)


def _switch(value: Any) -> bool:
    if not isinstance(value, bool):
        raise ValueError(f"must be true or false, not {value!r}")  # noqa: TRY004
    return value


def _table(value: Any) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise ValueError(f'must be a table such as {{ path = "/srv/archiv" }}, not {value!r}')  # noqa: TRY004
    return value


def _tables(value: Any) -> list[dict[str, Any]]:
    if not isinstance(value, list) or not all(isinstance(table, dict) for table in value):
        raise ValueError("must be written as [[…]] tables")
    return value


def _one_of(words: tuple[str, ...]) -> Callable[[Any], str]:
    def read(value: Any) -> str:
        if value not in words:
            raise ValueError(f"must be one of {', '.join(words)}; not {value!r}")
        return str(value)

    return read


def size(value: Any) -> int:
    """Bytes of a text such as `50 GiB`; raises ValueError."""
    written = SIZE.fullmatch(value) if isinstance(value, str) else None
    if written is None:
        raise ValueError(f'must be a size such as "50 GiB", not {value!r}')
    return int(float(written[1]) * UNITS[written[2]])
