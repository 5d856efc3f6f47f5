"""What `apply` reads: people, committees and all that follows for them, from a TOML file, checked key by key."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from acl.labels import NEVER, ON_CREATION, Classification
from acl.mandates import ROLES, CommitteeKind
from davserver.keyed import (
    BadDeclaration,
    Keys,
    read_id,
    read_instant,
    read_matter,
    read_one_of,
    read_path,
    read_size,
    read_switch,
    read_table,
    read_text,
    read_texts,
    read_user,
)
from shareproviders.paths import SharePath

MEETING_STATES = ("planned", "agenda_released", "running", "closed", "minutes_approved", "cancelled")
ITEM_PARTS = ("public", "non_public")
EFFECTS = ("documents", "discussion", "both")


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
    state: str = ""
    """Empty: as it stands, `planned` at first."""
    agenda: tuple[AgendaItem, ...] = ()


@dataclass(frozen=True, slots=True)
class DeclaredLabel:
    """What stands at a folder or paper; parts that are None are left as they are."""

    path: SharePath
    classification: Classification | None = None
    release: int | None = None
    close: int | None = None
    review: int | None = None
    publish: int | None = None
    matter: str | None = None


@dataclass(frozen=True, slots=True)
class DeclaredEntry:
    path: SharePath
    principal: str
    rights: tuple[str, ...]
    deny: bool = False
    cut: bool = False
    start: int | None = None
    end: int | None = None


@dataclass(frozen=True, slots=True)
class Binding:
    """A paper that belongs to an item of an agenda without lying in its folder."""

    path: SharePath
    meeting: str
    number: str


@dataclass(frozen=True, slots=True)
class DeclaredHold:
    """What must stay as it is, at a folder or paper."""

    path: SharePath
    start: int | None = None
    end: int | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Recusal:
    """Of a person, from one item of an agenda or from a matter wherever it is dealt with."""

    person: str
    committee: str = ""
    meeting: str = ""
    number: str = ""
    matter: str = ""
    start: int | None = None
    end: int | None = None
    effect: str = "both"


@dataclass(frozen=True, slots=True)
class Committee:
    id: str
    name: str
    provider: str = "vault"
    quota: int | None = None
    """Bytes."""
    default_class: Classification | None = None
    """None, as of the next four: as it stands, and for a new one as `acl.mandates.Committee` begins."""
    kind: CommitteeKind | None = None
    has_meetings: bool | None = None
    early_access: bool | None = None
    publish_with_agenda: bool | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    mandates: tuple[Mandate, ...] = ()
    meetings: tuple[Meeting, ...] = ()
    labels: tuple[DeclaredLabel, ...] = ()
    entries: tuple[DeclaredEntry, ...] = ()
    bindings: tuple[Binding, ...] = ()
    holds: tuple[DeclaredHold, ...] = ()


@dataclass(frozen=True, slots=True)
class Declaration:
    """One whole file."""

    people: tuple[Person, ...] = ()
    committees: tuple[Committee, ...] = ()
    recusals: tuple[Recusal, ...] = ()


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
    top = Keys(tomllib.loads(text), "the file")
    declaration = Declaration(
        people=tuple(_person(keys) for keys in top.tables("person")),
        committees=tuple(_committee(keys) for keys in top.tables("committee")),
        recusals=tuple(_recusal(keys) for keys in top.tables("recusal")),
    )
    top.end()
    _once("person", [person.user for person in declaration.people])
    _once("committee", [committee.id for committee in declaration.committees])
    return declaration


def _person(keys: Keys) -> Person:
    user = keys.take("user", read_user)
    keys.place = f"person {user}"
    person = Person(
        user,
        keys.take("name", read_text),
        keys.take("email", read_text, ""),
        keys.take("undertaking", read_instant, None),
    )
    keys.end()
    return person


def _committee(keys: Keys) -> Committee:
    share = keys.take("id", read_id)
    keys.place = f"committee {share}"
    committee = Committee(
        id=share,
        name=keys.take("name", read_text),
        provider=keys.take("provider", read_text, "vault"),
        quota=keys.take("quota", read_size, None),
        default_class=keys.take("default_class", lambda value: Classification.parse(read_text(value)), None),
        kind=keys.take("kind", lambda value: CommitteeKind(read_one_of(tuple(CommitteeKind))(value)), None),
        has_meetings=keys.take("has_meetings", read_switch, None),
        early_access=keys.take("early_access", read_switch, None),
        publish_with_agenda=keys.take("publish_with_agenda", read_switch, None),
        options=keys.take("options", read_table, {}),
        mandates=tuple(_mandate(mandate) for mandate in keys.tables("mandate")),
        meetings=tuple(_meeting(meeting) for meeting in keys.tables("meeting")),
        labels=tuple(_label(label) for label in keys.tables("label")),
        entries=tuple(_entry(entry) for entry in keys.tables("entry")),
        bindings=tuple(_binding(binding) for binding in keys.tables("binding")),
        holds=tuple(_hold(hold) for hold in keys.tables("hold")),
    )
    keys.end()
    _once(f"committee {share}: meeting", [meeting.id for meeting in committee.meetings])
    _once(
        f"committee {share}: mandate",
        [f"{mandate.user} as {mandate.role} from one start" for mandate in committee.mandates],
        [(mandate.user, mandate.role, mandate.start) for mandate in committee.mandates],
    )
    return committee


def _mandate(keys: Keys) -> Mandate:
    mandate = Mandate(
        keys.take("user", read_user),
        keys.take("role", read_one_of(ROLES)),
        keys.take("start", read_instant),
        keys.take("end", read_instant, None),
    )
    keys.end()
    if mandate.end is not None and mandate.end <= mandate.start:
        raise keys.wrong("end", "must lie after start (it is exclusive)")
    return mandate


def _meeting(keys: Keys) -> Meeting:
    meeting = Meeting(
        id=keys.take("id", read_id),
        title=keys.take("title", read_text),
        start=keys.take("start", read_instant),
        end=keys.take("end", read_instant),
        state=keys.take("state", read_one_of(MEETING_STATES), ""),
        agenda=tuple(_agenda_item(agenda_item) for agenda_item in keys.tables("item")),
    )
    keys.end()
    if meeting.end <= meeting.start:
        raise keys.wrong("end", "must lie after start")
    _once(f"{keys.place}: item", [agenda_item.number for agenda_item in meeting.agenda])
    return meeting


def _agenda_item(keys: Keys) -> AgendaItem:
    agenda_item = AgendaItem(
        keys.take("number", read_text),
        keys.take("title", read_text),
        keys.take("part", read_one_of(ITEM_PARTS), "public"),
        keys.take("matter", read_matter, ""),
    )
    keys.end()
    return agenda_item


def _label(keys: Keys) -> DeclaredLabel:
    path = keys.take("path", read_path)
    keys.place = f"{keys.place}, {path}"
    label = DeclaredLabel(
        path,
        classification=keys.take("class", lambda value: Classification.parse(read_text(value)), None),
        release=keys.take("release", _date, None),
        close=keys.take("close", _date, None),
        review=keys.take("review", _date, None),
        publish=keys.take("publish", _date, None),
        matter=keys.take("matter", read_matter, None),
    )
    keys.end()
    return label


def _date(value: Any) -> int:
    """Of a label: an instant, or one of its two words."""
    words = {"never": NEVER, "on creation": ON_CREATION}
    return words[value] if isinstance(value, str) and value in words else read_instant(value)


def _entry(keys: Keys) -> DeclaredEntry:
    entry = DeclaredEntry(
        keys.take("path", read_path),
        keys.take("principal", read_text),
        keys.take("rights", read_texts, ()),
        keys.take("deny", read_switch, False),
        keys.take("cut", read_switch, False),
        keys.take("from", read_instant, None),
        keys.take("until", read_instant, None),
    )
    keys.end()
    return entry


def _binding(keys: Keys) -> Binding:
    binding = Binding(keys.take("path", read_path), keys.take("meeting", read_id), keys.take("item", read_text))
    keys.end()
    return binding


def _hold(keys: Keys) -> DeclaredHold:
    hold = DeclaredHold(
        keys.take("path", read_path),
        keys.take("from", read_instant, None),
        keys.take("until", read_instant, None),
        keys.take("reason", read_text, ""),
    )
    keys.end()
    return hold


def _recusal(keys: Keys) -> Recusal:
    recusal = Recusal(
        keys.take("person", read_user),
        keys.take("committee", read_id, ""),
        keys.take("meeting", read_id, ""),
        keys.take("item", read_text, ""),
        keys.take("matter", read_matter, ""),
        keys.take("from", read_instant, None),
        keys.take("until", read_instant, None),
        keys.take("effect", read_one_of(EFFECTS), "both"),
    )
    keys.end()
    place = (recusal.committee, recusal.meeting, recusal.number)
    if any(place) is bool(recusal.matter) or (any(place) and not all(place)):
        raise BadDeclaration(f"{keys.place}: name either a matter, or committee, meeting and item")
    if recusal.start is not None and recusal.end is not None and recusal.end <= recusal.start:
        raise keys.wrong("until", "must lie after from")
    return recusal


def _once(what: str, names: list[str], identities: list[tuple[Any, ...]] | None = None) -> None:
    seen = set[Any]()
    for name, identity in zip(names, identities or names, strict=True):
        if identity in seen:
            raise BadDeclaration(f"{what} {name} is declared twice")
        seen.add(identity)
