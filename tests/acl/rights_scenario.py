"""Reads one assertion file of `matrix/`: sentences that a jurist can check, against the real store and engine.

A file first states facts, one sentence a line, then expectations. Times are those of Europe/Berlin.

    committee ba05: restricted, with meetings   (also: faction, without meetings, early access, publishes with agenda)
    otto is member from 2026-05-01 until 2032-05-01  (also: of ba06; is administrator)
    otto pledged 2026-05-12
    node Sitzung/Vorlage: non_public, released 2026-11-25 18:00   (also: closes, published; released on creation, never)
    entry: role:member may bind unbind at Arbeitsordner from 2026-06-01   (also: must not; until; cutting)
    app-password telefon: up to restricted, only read, beneath Sitzung
    at 2026-11-25 17:59
    otto may not discover Sitzung/Vorlage because phase:draft
    otto with telefon via portal may only view comment Sitzung/Vorlage
    eva may nothing Sitzung/Vorlage because mandate:none@ba05

Of meetings, recusals and what is shared:

    meeting vg: 2026-12-07 19:00 until 2026-12-07 22:00 at Sitzung        (the folder may be left out)
    meeting vg is closed 2026-12-07 22:30      (also: agenda_released, running, minutes_approved, cancelled, planned)
    item 4.2 of vg: non_public, matter 20-26 / V 15898, at Sitzung/04.2      (also: public; matter and folder optional)
    binding: Ablage/Vorlage to 4.2 of vg
    otto is recused from item 4.2 of vg from 2026-12-01 for documents     (also: from matter …; until; discussion, both)
    hold on Sitzung/Vorlage from 2026-12-01 until 2027-12-01
    share by anna: user:eva may read at Sitzung/Vorlage until 2026-12-24
    inbox: role:member may read unbind at Eingang
    otto would own read unbind in Eingang
    otto finds a pointer at Sitzung/Vorlage      (also: the original, nothing)
    link gast by anna: read at Sitzung/Vorlage up to public until 2026-12-24      (also: drop; revoked T)
    gast may only read Sitzung/Vorlage
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, create_engine

from acl import store
from acl.engine import HIDDEN_ON_DAV, POINTER, AccessRequest, Engine, View
from acl.entries import Entry
from acl.holds import Hold
from acl.labels import NEVER, ON_CREATION, Classification, Label
from acl.links import Link, LinkKind
from acl.mandates import Committee, CommitteeKind, Mandate
from acl.meetings import AgendaItem, Meeting, MeetingState, normal_matter
from acl.principals import ANONYMOUS, Ceiling, Channel, Principal, PrincipalKind
from acl.privileges import NAMES, Rights, parse_rights
from acl.recusals import Effect, Recusal
from acl.roles import RoleTable
from acl.schema import metadata
from davserver.keys import Sealer, SpaceKeys

CONFIG = Path(__file__).parents[2] / "config" / "roles.toml"
TIME = r"\d{4}-\d\d-\d\d(?: \d\d:\d\d)?"
WINDOW = rf"(?: from (?P<start>{TIME}))?(?: until (?P<end>{TIME}))?"
FACTS = {
    "committee": r"committee (?P<share>[a-z0-9-]+): (?P<parts>.+)",
    "admin": r"(?P<person>\w+) is administrator",
    "meeting": rf"meeting (?P<name>\w+): (?P<start>{TIME}) until (?P<end>{TIME})(?: at (?P<path>\S+))?",
    "state": rf"meeting (?P<name>\w+) is (?P<state>\w+) (?P<at>{TIME})",
    "point": r"item (?P<number>\S+) of (?P<meeting>\w+): (?P<part>public|non_public)"
    r"(?:, matter (?P<matter>[^,]+))?(?:, at (?P<path>\S+))?",
    "binding": r"binding: (?P<path>\S+) to (?P<number>\S+) of (?P<meeting>\w+)",
    "recusal": r"(?P<person>\w+) is recused from (?:item (?P<number>\S+) of (?P<meeting>\w+)|matter (?P<matter>.+?))"
    rf"{WINDOW} for (?P<effect>\w+)",
    "inside": rf"share by (?P<maker>\w+): (?P<who>\S+) may (?P<rights>[a-z -]+?) at (?P<path>\S+){WINDOW}",
    "inbox": r"inbox: (?P<who>\S+) may (?P<rights>[a-z -]+?) at (?P<path>\S+)",
    "own": r"(?P<who>\w+) would own (?P<rights>[a-z -]+?) in (?P<path>\S+)",
    "delivery": r"(?P<who>\w+) finds (?P<shape>the original|a pointer|nothing) at (?P<path>\S+)",
    "link": r"(?P<kind>link|drop) (?P<name>\w+) by (?P<maker>\w+): (?P<rights>[a-z -]+?) at (?P<path>\S+)"
    rf" up to (?P<most>\w+){WINDOW}",
    "revocation": rf"(?:link|drop) (?P<name>\w+) is revoked (?P<at>{TIME})",
    "hold": rf"hold on (?P<path>\S+){WINDOW}",
    "mandate": rf"(?P<person>\w+) is (?P<role>\w+)(?: of (?P<share>[a-z0-9-]+))?{WINDOW}",
    "pledge": rf"(?P<person>\w+) pledged (?P<since>{TIME})",
    "node": r"node (?P<path>\S+?)(?:: (?P<parts>.+))?",
    "entry": r"entry: (?P<who>\S+) (?P<verb>may|must not) (?P<rights>[a-z -]+?) at (?P<path>\S+)"
    rf"{WINDOW}(?P<cut> cutting)?",
    "credential": r"app-password (?P<name>\w+): (?P<parts>.+)",
    "now": rf"at (?P<at>{TIME})",
}
EXPECTATION = re.compile(
    r"(?P<who>\w+)(?: with (?P<credential>\w+))?(?: via (?P<channel>\w+))? may (?P<kind>not |only |nothing )?"
    rf"(?P<rights>(?:(?:{'|'.join(NAMES)}) )*)(?P<path>\S+)(?: because (?P<codes>.+))?"
)


def instant(text: str) -> int:
    """Microseconds of a local time in Berlin; a bare date is its midnight."""
    local = datetime.fromisoformat(text).replace(tzinfo=ZoneInfo("Europe/Berlin"))
    return int(local.timestamp()) * 1_000_000


def mark(number: str) -> bytes:
    """As a house marks a matter."""
    return hmac.digest(b"house", number.encode(), "sha256")[:16]


class Scenario:
    """One file: its facts in a database, and a check for each expectation."""

    def __init__(self, engine: Engine, connection: Connection) -> None:
        self.engine, self.connection = engine, connection
        self.ids: dict[str, int] = {"/": 1}
        self.admins: set[str] = set()
        self.credentials: dict[str, Ceiling] = {}
        self.links: dict[str, int] = {}
        self.sealer = Sealer(SpaceKeys(bytes(16), bytes(range(32))))
        self.at = 0
        self.checks = 0
        store.declare_committee(connection, Committee("ba05", "BA 5"))

    def lineage(self, path: str) -> tuple[int, ...]:
        """Of a path; nodes come to be when first named."""
        parts = [] if path == "/" else path.split("/")
        places = ["/", *("/".join(parts[: n + 1]) for n in range(len(parts)))]
        return tuple(self.ids.setdefault(place, len(self.ids) + 1) for place in places)

    def place(self, ids: Iterable[int]) -> Mapping[int, tuple[int, ...]]:
        paths = {number: path for path, number in self.ids.items()}
        return {number: self.lineage(paths[number]) for number in ids if number in paths}

    def take(self, line: str) -> None:
        """One sentence; raises AssertionError where an expectation fails."""
        for name, pattern in FACTS.items():
            if match := re.fullmatch(pattern, line):
                getattr(self, f"_{name}")(**match.groupdict())
                return
        match = EXPECTATION.fullmatch(line)
        assert match, f"not a sentence: {line!r}"
        self._expect(**match.groupdict())
        self.checks += 1

    def _committee(self, share: str, parts: str) -> None:
        words = parts.split(", ")
        kinds = [kind for kind in CommitteeKind if kind.value in words and kind.value != "faction"]
        classes = [word for word in words if word in {c.word for c in Classification} and word != "faction"]
        facts = Committee(
            share,
            share,
            CommitteeKind.FACTION if "faction" in words else next(iter(kinds), CommitteeKind.PLENARY),
            Classification.parse(classes[0]) if classes else Classification.RESTRICTED,
            "without meetings" not in words,
            "early access" in words,
            "publishes with agenda" in words,
        )
        store.declare_committee(self.connection, facts)

    def _admin(self, person: str) -> None:
        self.admins.add(person)

    def _mandate(self, person: str, role: str, share: str | None, start: str | None, end: str | None) -> None:
        window = instant(start) if start else 0, instant(end) if end else None
        store.declare_mandate(self.connection, Mandate(share or "ba05", person, role, *window))

    def _pledge(self, person: str, since: str) -> None:
        store.declare_undertaking(self.connection, person, instant(since))

    def _node(self, path: str, parts: str | None) -> None:
        label = Label()
        for part in parts.split(", ") if parts else ():
            word, _, when = part.partition(" ")
            if word == "matter":
                label = label._replace(matter=mark(normal_matter(when)))
                continue
            at = {"on creation": ON_CREATION, "never": NEVER}.get(when) if when else None
            at = instant(when) if when and at is None else at
            field = {"released": "release_at", "closes": "close_at", "published": "publish_at"}.get(word)
            change = {field: at} if field else {"classification": Classification.parse(word)}
            label = label._replace(**change)
        store.set_label(self.connection, "ba05", self.lineage(path)[-1], label)

    def _entry(self, who: str, verb: str, rights: str, path: str, start: str | None, end: str | None, cut: str) -> None:
        deny = verb != "may"
        entry = Entry(
            self.lineage(path)[-1],
            who,
            parse_rights(rights.split(), deny=deny),
            deny,
            bool(cut),
            instant(start) if start else None,
            instant(end) if end else None,
        )
        store.add_entry(self.connection, "ba05", entry)

    def _meeting(self, name: str, start: str, end: str, path: str | None) -> None:
        folder = self.lineage(path)[-1] if path else None
        sitting = Meeting("ba05", name, name, instant(start), instant(end), node=folder)
        store.declare_meeting(self.connection, self.sealer, sitting)

    def _state(self, name: str, state: str, at: str) -> None:
        store.set_meeting_state(self.connection, "ba05", name, MeetingState(state), instant(at))

    def _point(self, number: str, meeting: str, part: str, matter: str | None, path: str | None) -> None:
        folder = self.lineage(path)[-1] if path else None
        point = AgendaItem("ba05", meeting, number, number, part == "public", matter, node=folder)
        store.declare_agenda_item(self.connection, self.sealer, mark, point)

    def _number(self, number: str, meeting: str) -> int:
        agenda = store.agenda(self.connection, self.sealer, "ba05", meeting)
        return next(point.id for point in agenda if point.number == number)

    def _binding(self, path: str, number: str, meeting: str) -> None:
        store.add_binding(self.connection, "ba05", self.lineage(path)[-1], self._number(number, meeting))

    def _recusal(
        self, person: str, number: str, meeting: str, matter: str, start: str | None, end: str | None, effect: str
    ) -> None:
        recusal = Recusal(
            "" if matter else "ba05",
            person,
            None if matter else self._number(number, meeting),
            mark(normal_matter(matter)) if matter else None,
            instant(start) if start else 0,
            instant(end) if end else None,
            Effect(effect),
            "user:anna",
            0,
        )
        store.add_recusal(self.connection, recusal)

    def _hold(self, path: str, start: str | None, end: str | None) -> None:
        window = instant(start) if start else 0, instant(end) if end else None
        store.add_hold(self.connection, Hold("ba05", self.lineage(path)[-1], *window, "user:anna", 0))

    def _inside(self, maker: str, who: str, rights: str, path: str, start: str | None, end: str | None) -> None:
        window = instant(start) if start else None, instant(end) if end else None
        entry = Entry(self.lineage(path)[-1], who, parse_rights(rights.split()), False, False, *window)
        store.add_entry(self.connection, "ba05", replace(entry, maker=f"user:{maker}"))

    def _inbox(self, who: str, rights: str, path: str) -> None:
        entry = Entry(self.lineage(path)[-1], who, parse_rights(rights.split()), drop_own=True)
        store.add_entry(self.connection, "ba05", entry)

    def _own(self, who: str, rights: str, path: str) -> None:
        rules = store.load_rules(self.connection, "ba05", self.place)
        view = View(rules, self.engine, self._principal(who, None), Channel.DAV)
        wanted = parse_rights(word for word in rights.split() if word != "nothing")
        assert view.own_rights(self.lineage(path), self.at) == wanted
        self.checks += 1

    def _delivery(self, who: str, shape: str, path: str) -> None:
        rules = store.load_rules(self.connection, "ba05", self.place)
        granted = self.engine.granted(rules, self._principal(who, None), self.at, Channel.DAV, self.lineage(path))
        found = "the original" if granted.rights & Rights.READ == Rights.READ else "nothing"
        if POINTER in granted.obligations:
            found = "a pointer"
        assert found == shape, f"really {found}"
        assert (HIDDEN_ON_DAV in granted.obligations) == (found == "nothing" and bool(granted.rights))
        self.checks += 1

    def _link(
        self, kind: str, name: str, maker: str, rights: str, path: str, most: str, start: str | None, end: str | None
    ) -> None:
        link = Link(
            "ba05",
            self.lineage(path)[-1],
            LinkKind(kind),
            name.encode(),
            parse_rights(rights.split()),
            Classification.parse(most),
            f"user:{maker}",
            instant(start) if start else 0,
            instant(end) if end else None,
        )
        self.links[name] = store.add_link(self.connection, link)

    def _revocation(self, name: str, at: str) -> None:
        store.revoke_link(self.connection, self.links[name], instant(at))

    def _credential(self, name: str, parts: str) -> None:
        rights, most, scopes = Rights.ALL, Classification.FACTION, []
        for part in parts.split(", "):
            if part.startswith("up to "):
                most = Classification.parse(part.removeprefix("up to "))
            elif part.startswith("only "):
                rights = parse_rights(part.removeprefix("only ").split())
            else:
                scopes.append(("ba05", self.lineage(part.removeprefix("beneath "))[-1]))
        self.credentials[name] = Ceiling("app-password", rights, most, tuple(scopes))

    def _now(self, at: str) -> None:
        self.at = instant(at)

    def _principal(self, who: str, credential: str | None) -> Principal:
        if who == "anonymous":
            return ANONYMOUS
        ceiling = self.credentials[credential] if credential else Ceiling()
        if who in self.links:
            return Principal(PrincipalKind.LINK, str(self.links[who]), ceiling=ceiling)
        return Principal(PrincipalKind.USER, who, who, who in self.admins, ceiling)

    def _expect(
        self, who: str, credential: str, channel: str, kind: str, rights: str, path: str, codes: str | None
    ) -> None:
        principal, way = self._principal(who, credential), Channel(channel or ("link" if who in self.links else "dav"))
        lineage = self.lineage(path)
        scopes = [node for _, node in principal.ceiling.scopes]
        rules = store.load_rules(self.connection, "ba05", self.place, scopes)
        granted = self.engine.granted(rules, principal, self.at, way, lineage)
        words = rights.split()
        told = sorted(name for name in NAMES if granted.rights & NAMES[name] == NAMES[name])
        if kind in ("only ", "nothing "):
            own = Rights.READ_CURRENT_USER_PRIVILEGE_SET
            assert granted.rights & ~own == parse_rights(words), f"{path}: really {told}"
        for word in words or ["discover"]:
            request = AccessRequest(principal, NAMES[word], "ba05", lineage, self.at, way)
            decision = self.engine.decide(rules, request)
            assert decision.allowed == (kind not in ("not ", "nothing ")), f"{word}: {decision.reasons}, really {told}"
            for code in codes.split(", ") if codes else ():
                assert code in decision.reasons, f"{word}: {decision.reasons}"
        if len(lineage) > 1:
            page = self.engine.page(rules, principal, self.at, way, lineage[:-1], [lineage[-1], 10**6])
            assert page[0] == granted


def run_file(path: Path) -> int:
    """Check every sentence of a file; the number of expectations met."""
    database = create_engine("sqlite://")
    try:
        with database.begin() as connection:
            metadata.create_all(connection)
            scenario = Scenario(Engine(RoleTable.load(CONFIG)), connection)
            for number, raw in enumerate(path.read_text("utf-8").splitlines(), 1):
                line = re.sub(r"(^|\s)#.*", "", raw).strip()
                if line:
                    try:
                        scenario.take(line)
                    except (AssertionError, ValueError, KeyError) as error:
                        raise AssertionError(f"{path.name}, line {number}: {line}\n  {error}") from error
            return scenario.checks
    finally:
        database.dispose()
