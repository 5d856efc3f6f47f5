"""A real house in this process, and the oracle's world beside it: every step is played to both."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any, NamedTuple

from acl import store
from acl.entries import Entry
from acl.labels import NEVER, Classification, Label
from acl.mandates import CommitteeKind, Mandate
from acl.meetings import AgendaItem, Meeting
from acl.principals import Channel
from acl.privileges import parse_rights, rights_words
from acl.recusals import Effect, Recusal
from davserver.accounts import PEPPER_SECRET, change_account, create_app_password
from davserver.app import forest_of
from davserver.dav.server import Application
from davserver.declarations import Committee, Declaration, Person
from davserver.declarations import Mandate as DeclaredMandate
from davserver.declaring import declare
from davserver.founding import found
from davserver.house import House
from davserver.settings import Settings
from davserver.tree.locking import GuardedTree
from shareproviders.paths import SharePath
from tests.davclient import LOCKINFO
from tests.rights import answers, oracle
from tests.rights.calling import Answer, call, listed, target

SECOND = 1_000_000
HOUR, DAY = 3600 * SECOND, 86_400 * SECOND
BEGIN = 1_795_420_800 * SECOND  # 2026-11-23 08:00 UTC
LONG_AGO = BEGIN - 1000 * DAY
PEOPLE = {
    "clara": [("ba05", "clerk")],
    "vera": [("ba05", "chair")],
    "rita": [("ba05", "vice_chair")],
    "otto": [("ba05", "member")],
    "paul": [("ba05", "member"), ("ba06", "chair")],
    "moni": [("ba05", "minutes")],
    "uli": [("ba05", "sub_chair")],
    "anna": [("ba06", "clerk")],
    "fritz": [("fr", "member"), ("ba05", "member")],
    "vroni": [("fr", "chair")],
    "benno": [("ba05", "commissioner")],
    "doris": [("ba05", "department")],
    "gina": [("ba05", "guest")],
    "presse": [("ba05", "press")],
    "edda": [("ba05", "auditor")],
    "root": [],
    "sam": [],
}
PLEDGED = ("clara", "vera", "rita", "otto", "paul", "uli", "anna", "fritz", "root", "sam")
COMMITTEES = {
    "ba05": {"kind": "plenary", "class": "restricted", "meetings": True, "early": False, "publishes": False},
    "ba06": {"kind": "plenary", "class": "public", "meetings": True, "early": True, "publishes": True},
    "fr": {"kind": "faction", "class": "faction", "meetings": False, "early": False, "publishes": False},
}
Step = tuple[Any, ...]
"""A word and its arguments, all plain: can be printed, and played again."""


class Played(NamedTuple):
    """One step's outcome; `problem` is empty where the house and the oracle agree."""

    problem: str
    answer: Answer | None = None


class Stage:
    """The house, its application without a socket, and the world of the oracle."""

    def __init__(self, directory: Path) -> None:
        self.now = BEGIN
        data, key = directory / "data", directory / "root.key"
        found(data, key, "tests")
        settings = Settings(argon2_memory_kib=64, argon2_passes=1, argon2_lanes=1)
        self.house = House.open(data, key, settings, lambda: self.now)
        self.declare()
        self.logins: dict[tuple[str, str], str] = {}
        forest = forest_of(self.house)
        self.app = Application(
            {},
            login=lambda e: self.house.login.principal(e.get("HTTP_AUTHORIZATION"), e["REMOTE_ADDR"], False),
            doors=lambda principal: GuardedTree(forest, principal, Channel.DAV),
            log=lambda _line: None,
        )
        self.world = self.first_world()
        self.askers: dict[tuple[str, str], oracle.Asker] = {}
        for name in PEOPLE:
            self.credential(name, "full", {"max_class": Classification.FACTION})
        for name in ("clara", "otto", "vera"):
            self.credential(name, "phone", {})
            self.credential(name, "reader", {"max_class": Classification.FACTION, "read_only": True})

    def declare(self) -> None:
        people = [Person(name, name.title(), undertaking=LONG_AGO if name in PLEDGED else None) for name in PEOPLE]
        committees = [
            Committee(
                share,
                share,
                kind=CommitteeKind(str(facts["kind"])),
                default_class=Classification.parse(str(facts["class"])),
                has_meetings=bool(facts["meetings"]),
                early_access=bool(facts["early"]),
                publish_with_agenda=bool(facts["publishes"]),
                mandates=tuple(
                    DeclaredMandate(name, role, LONG_AGO)
                    for name, offices in PEOPLE.items()
                    for where, role in offices
                    if where == share
                ),
            )
            for share, facts in COMMITTEES.items()
        ]
        declare(self.house, Declaration(tuple(people), tuple(committees)), "tests")
        with self.house.database.transaction() as connection:
            change_account(connection, "root", admin=True)

    def first_world(self) -> oracle.World:
        world: oracle.World = {
            "at": self.now,
            "last": 0,
            "committees": COMMITTEES,
            "pledged": dict.fromkeys(PLEDGED, LONG_AGO),
            "admins": {"root"},
            "mandates": [
                {"person": name, "share": share, "role": role, "start": LONG_AGO, "end": None}
                for name, offices in PEOPLE.items()
                for share, role in offices
            ],
            **{name: {} for name in ("nodes", "labels", "roots", "came", "points", "bound")},
            **{name: [] for name in ("entries", "locks", "recusals")},
        }
        for share in COMMITTEES:
            world["last"] += 1
            world["roots"][share] = world["last"]
            world["nodes"][world["last"]] = {"share": share, "parent": None, "name": share, "folder": True}
            for member in self.house.share(share).children(self.house.share(share).stat(SharePath(()))):
                answers.make(world, (share, member.name), folder=True)
        self.world = world
        for share in COMMITTEES:
            self.adopt(share)
        return world

    def adopt(self, share: str) -> None:
        """Take the hand-set entries of a new drive (`Arbeitsordner`, `00 Eingang`) and its labels as given."""
        with self.house.database.read() as connection:
            entries, labels = store.list_entries(connection, share), store.labels(connection, share)
        for node, real in self.real_ids(share).items():
            if real in labels:
                self.world["labels"][node] = told(labels[real])
            for entry in entries:
                if entry.node == real:
                    assert not entry.deny
                    self.entry_fact(node, entry.principal, " ".join(rights_words(entry.rights)))

    def entry_fact(self, node: int, who: str, rights: str, **more: Any) -> None:
        fact = {"node": node, "who": who, "rights": rights, "deny": False, "cut": False, "start": None, "end": None}
        self.world["entries"].append(fact | more)

    def credential(self, name: str, kind: str, terms: dict[str, Any]) -> None:
        with self.house.database.transaction() as connection:
            made = create_app_password(connection, self.house.keys.secret(PEPPER_SECRET), name, kind, self.now, **terms)
        self.logins[name, kind] = "Basic " + base64.b64encode(f"{name}:{made.shown}".encode()).decode()
        reading = "read read-acl read-current-user-privilege-set"
        self.askers[name, kind] = {
            "name": name,
            "rights": reading if terms.get("read_only") else "all",
            "most": terms.get("max_class", Classification.RESTRICTED).word,
            "scopes": terms.get("model_scopes", frozenset()),
        }

    # -- where things are ---------------------------------------------------------------------------------------

    def path(self, node: int) -> tuple[str, ...]:
        return tuple(self.world["nodes"][place]["name"] for place in oracle.lineage(self.world, node))

    def real(self, node: int) -> int:
        """The house's id of the oracle's node."""
        share, *names = self.path(node)
        return self.house.share(share).stat(SharePath(tuple(names))).id

    def real_ids(self, share: str) -> dict[int, int]:
        return {node: self.real(node) for node, facts in self.world["nodes"].items() if facts["share"] == share}

    def labels_of(self, node: int) -> dict[str, Any]:
        """What the house holds of a node's label, inherited by the oracle's rule."""
        share = self.world["nodes"][node]["share"]
        with self.house.database.read() as connection:
            rows = store.labels(connection, share)
        committee = COMMITTEES[share]
        found = {"class": committee["class"], "release": oracle.NEVER if committee["meetings"] else 0}
        found |= {"close": oracle.NEVER, "publish": oracle.NEVER}
        for place in oracle.lineage(self.world, node):
            real = self.real(place)
            found |= told(rows[real]) if real in rows else {}
        return found

    # -- steps --------------------------------------------------------------------------------------------------

    def play(self, step: Step) -> Played:
        """One step, to both; a step that no longer fits (in a shortened replay) does nothing."""
        word, *rest = step
        outcome = getattr(self, f"step_{word}")(*rest)
        return outcome if isinstance(outcome, Played) else Played("")

    def step_clock(self, seconds: int) -> None:
        self.now += seconds * SECOND
        self.world["at"] = self.now

    def step_label(self, path: tuple[str, ...], parts: dict[str, Any]) -> None:
        node = answers.find(self.world, path)
        if node is None:
            return
        dates = {name: None if parts.get(name) is None else min(parts[name], NEVER) for name in LABEL_DATES}
        grade = Classification.parse(parts["class"]) if parts.get("class") else None
        label = Label(grade, dates["release"], dates["close"], None, dates["publish"])
        with self.house.database.transaction() as connection:
            store.set_label(connection, path[0], self.real(node), label)
        self.world["labels"][node] = {name: part for name, part in parts.items() if part is not None}

    def step_entry(self, path: tuple[str, ...], who: str, rights: str, more: dict[str, Any]) -> None:
        node = answers.find(self.world, path)
        if node is None:
            return
        bits = parse_rights(rights.split(), deny=more.get("deny", False))
        entry = Entry(self.real(node), who, bits, **more)
        with self.house.database.transaction() as connection:
            store.add_entry(connection, path[0], entry)
        self.entry_fact(node, who, rights, **more)

    def step_unentry(self, path: tuple[str, ...]) -> None:
        """All entries that stand at one node."""
        node = answers.find(self.world, path)
        if node is None:
            return
        with self.house.database.transaction() as connection:
            for entry in store.list_entries(connection, path[0], self.real(node)):
                store.remove_entry(connection, path[0], entry.id)
        self.world["entries"] = [e for e in self.world["entries"] if e["node"] != node]

    def step_mandate(self, person: str, share: str, role: str, start: int, end: int | None) -> None:
        known = [m for m in self.world["mandates"] if (m["person"], m["share"], m["role"]) == (person, share, role)]
        if any(m["start"] == start for m in known):
            return
        with self.house.database.transaction() as connection:
            store.declare_mandate(connection, Mandate(share, person, role, start, end))
        fact = {"person": person, "share": share, "role": role, "start": start, "end": end}
        self.world["mandates"].append(fact)

    def step_end(self, person: str, share: str, role: str) -> None:
        with self.house.database.transaction() as connection:
            store.end_mandate(connection, share, person, role, self.now)
        for m in self.world["mandates"]:
            if (m["person"], m["share"], m["role"]) == (person, share, role) and oracle.holds(m, self.now):
                m["end"] = self.now

    def step_pledge(self, person: str, since: int) -> None:
        with self.house.database.transaction() as connection:
            store.declare_undertaking(connection, person, since)
        self.world["pledged"][person] = since

    def step_point(self, path: tuple[str, ...], matter: str | None) -> None:
        """An item of a meeting that is far away; this is its folder."""
        node = answers.find(self.world, path)
        if node is None or any(facts["folder"] == node for facts in self.world["points"].values()):
            return
        share, number = path[0], str(len(self.world["points"]) + 1)
        sealer, later = self.house.keys.sealer(share), BEGIN + 4000 * DAY
        with self.house.database.transaction() as connection:
            store.declare_meeting(connection, sealer, Meeting(share, "far", "far", later, later + HOUR))
            item = AgendaItem(share, "far", number, number, public=True, matter=matter)
            store.declare_agenda_item(connection, sealer, self.house.matter_mark, item)
            made = next(each.id for each in store.agenda(connection, sealer, share, "far") if each.number == number)
            store.bind_agenda_item_folder(connection, share, made, self.real(node))
        self.world["points"][made] = {"share": share, "folder": node, "matter": matter}

    def step_recuse(self, person: str, which: int, by_matter: bool, start: int, end: int | None) -> None:
        """From the agenda item, or from its matter; `which` counts the items that there are."""
        if not self.world["points"]:
            return
        point = list(self.world["points"])[which % len(self.world["points"])]
        facts = self.world["points"][point]
        matter = facts["matter"] if by_matter else None
        mark = self.house.matter_mark(matter) if matter else None
        share, number = ("", None) if matter else (facts["share"], point)
        recusal = Recusal(share, person, number, mark, start, end, Effect.BOTH, "tests", self.now)
        with self.house.database.transaction() as connection:
            store.add_recusal(connection, recusal)
        fact = {"person": person, "point": number, "matter": matter, "start": start, "end": end}
        self.world["recusals"].append(fact)

    def step_ask(self, name: str, kind: str, request: dict[str, Any]) -> Played:
        """One request: its status, the names it shows, the labels it leaves."""
        asker, world = self.askers[name, kind], self.world
        due = answers.expected(world, asker, request)
        answer = self.request(self.logins[name, kind], request)
        if answer.status not in due:
            return Played(f"expected {sorted(due)}, got {answer.status} {answer.body[:200]!r}", answer)
        if answer.status == 207 and request["method"] == "PROPFIND" and request.get("deep"):
            names, shown = listed(answer, request["path"]), answers.listing(world, asker, request["path"])
            if names != shown:
                return Played(f"listing: expected {sorted(shown)}, got {sorted(names)}", answer)
        if 200 <= answer.status < 300 and request["method"] in answers.DONE:
            return Played(self.done(asker, request, answer), answer)
        return Played("", answer)

    def request(self, authorization: str, r: dict[str, Any]) -> Answer:
        headers, body, method = {"authorization": authorization}, b"", r["method"]
        if r.get("token"):
            headers["if"] = (
                f"({'<' + r['token'] + '>'})" if "to" not in r else f"<{target(r['path'])}> (<{r['token']}>)"
            )
        if method in ("PROPFIND", "COPY", "LOCK"):
            deep = "1" if method == "PROPFIND" else "infinity"
            headers["depth"] = deep if r.get("deep") else "0"
        if "to" in r:
            headers |= {"destination": target(r["to"]), "overwrite": "T" if r["overwrite"] else "F"}
        if method == "PUT":
            body = r.get("body", "x").encode()
        if method == "LOCK":
            body = LOCKINFO.format(scope="exclusive", owner=r.get("owner", "tests")).encode()
            headers["timeout"] = "Second-600"
        if method == "PROPPATCH":
            value = r.get("body", "x")
            body = (
                '<D:propertyupdate xmlns:D="DAV:"><D:set><D:prop><u:note xmlns:u="urn:u">'
                f"{value}</u:note></D:prop></D:set></D:propertyupdate>"
            ).encode()
        return call(self.app, method, target(r["path"]), body, **headers)

    def done(self, asker: oracle.Asker, r: dict[str, Any], answer: Answer) -> str:
        """Change the oracle's world as the success says; what is wrong with the labels that were left."""
        world, method, node = self.world, r["method"], answers.find(self.world, r["path"])
        if method in ("PUT", "MKCOL", "LOCK") and node is None:
            node = answers.make(world, r["path"], folder=method == "MKCOL")
            due, got = oracle.label(world, node), self.labels_of(node)
            if got != due:
                return f"label of the new one: expected {due}, got {got}"
        if method == "LOCK":
            fact = {"node": node, "by": asker["name"], "token": answer.headers["Lock-Token"].strip("<>")}
            world["locks"].append({**fact, "deep": r["deep"], "until": self.now + 600 * SECOND})
        if method == "DELETE" and node is not None:
            answers.drop(world, node)
        if method in ("COPY", "MOVE"):
            return self.arrived(asker, r)
        return ""

    def arrived(self, asker: oracle.Asker, r: dict[str, Any]) -> str:
        world = self.world
        world["came"] = {}
        before = {each: oracle.label(world, each) for each in world["nodes"]}
        result, due = answers.arrive(world, asker, r)
        got = self.labels_of(result)
        if got.pop("publish") not in due.pop("publish") or got != due:
            return f"label: expected {due}, got {got}"
        for each in answers.beneath(world, result):
            was, now = before[world["came"].get(each, each)], self.labels_of(each)
            if not lowered_nothing(was, now):
                return f"label of {self.path(each)}: was {was}, is {now}"
        with self.house.database.read() as connection:
            rows = store.labels(connection, r["to"][0])
        for each in [result, *answers.beneath(world, result)]:
            row = rows.get(self.real(each))
            world["labels"].pop(each, None)
            world["labels"] |= {each: told(row)} if row is not None else {}
        return ""

    def close(self) -> None:
        self.house.close()


LABEL_DATES = ("release", "close", "publish")


def told(label: Label) -> dict[str, Any]:
    """A label of the house in the oracle's words."""
    dates = {"release": label.release_at, "close": label.close_at, "publish": label.publish_at}
    found: dict[str, Any] = {name: oracle.NEVER if at == NEVER else at for name, at in dates.items() if at is not None}
    return found | ({"class": label.classification.word} if label.classification is not None else {})


def lowered_nothing(was: dict[str, Any], now: dict[str, Any]) -> bool:
    grades = oracle.CLASSES.index
    return bool(
        grades(now["class"]) >= grades(was["class"])
        and now["release"] >= was["release"]
        and now["close"] <= was["close"]
    )
