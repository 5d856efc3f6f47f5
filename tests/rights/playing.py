"""Every step is played to both, the house and the oracle's world beside it; what they make of it is compared."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import unquote

from acl import store
from acl.entries import Entry
from acl.holds import Hold
from acl.labels import NEVER, Classification, Label
from acl.mandates import Mandate
from acl.meetings import AgendaItem, Meeting, MeetingState
from acl.privileges import parse_rights
from acl.recusals import Effect, Recusal
from davserver.agendas import Agendas
from shareproviders.paths import SharePath
from tests.rights import answers, changes, fronts, lists, oracle, papers
from tests.rights.calling import Answer, call, listed
from tests.rights.mirrors import Mirrors
from tests.rights.planted import planted
from tests.rights.recalling import Recalling
from tests.rights.sending import body_of, headers_of
from tests.rights.staging import (
    BEGIN,
    COMMITTEES,
    DAY,
    HOUR,
    LABEL_DATES,
    LONG_AGO,
    PEOPLE,
    SECOND,
    lowered_nothing,
    told,
)
from tests.rights.trashing import throw

__all__ = ("BEGIN", "COMMITTEES", "DAY", "HOUR", "LONG_AGO", "PEOPLE", "SECOND", "Played", "Stage", "Step")

Step = tuple[Any, ...]
"""A word and its arguments, all plain: can be printed, and played again."""
_USER = re.compile(r"\.principals/users/([^/<]+)/")


class Played(NamedTuple):
    """One step's outcome; `problem` is empty where the house and the oracle agree."""

    problem: str
    answer: Answer | None = None


class Stage(Recalling):
    """A house and a world in which a play goes on."""

    def __init__(self, directory: Path) -> None:
        super().__init__(directory)
        self.met = Counter[tuple[str, str, str]]()
        """(front end, method, rule) → how many requests met something that such a rule was planted at."""
        self.mirrors = Mirrors()
        self.leaving: int | None = None
        """The house's id of what is asked to be deleted."""

    # -- what clerks and `apply` say ------------------------------------------------------------------------------

    def play(self, step: Step) -> Played:
        """One step, to both; a step that no longer fits (in a shortened replay) does nothing."""
        word, *rest = step
        outcome = getattr(self, f"step_{word}")(*rest)
        return outcome if isinstance(outcome, Played) else Played(outcome or "")

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
        changes.entry(self.world, node, who, rights, **more)

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

    # -- meetings -------------------------------------------------------------------------------------------------

    def step_meeting(self, share: str, start: int, hours: int) -> None:
        """One more meeting, with the folder that it is given."""
        number = f"m{len(self.world['meetings']) + 1}"
        with self.house.database.transaction() as connection:
            agendas = self.agendas(connection, share)
            agendas.declare_meeting(Meeting(share, number, f"Sitzung {number}", start, start + hours * HOUR))
            folder = agendas.meeting(number).node
        fact = {"share": share, "id": number, "start": start, "end": start + hours * HOUR, "state": "planned"}
        self.world["meetings"].append(fact | dict.fromkeys((*changes.INSTANTS, "out"), None) | {"folder": None})
        self.world["meetings"][-1]["folder"] = self.stands(share, folder, asked={})

    def step_state(self, which: int, state: str) -> None:
        if not self.world["meetings"]:
            return
        meeting = self.world["meetings"][which % len(self.world["meetings"])]
        with self.house.database.transaction() as connection:
            self.agendas(connection, meeting["share"]).reach(meeting["id"], MeetingState(state))
        changes.reach(self.world, meeting, state)

    def step_point(self, which: int, path: tuple[str, ...] | None, public: bool, matter: str | None) -> str:
        """An item of a meeting; its folder is the one at `path`, or the one that it is given."""
        node = answers.find(self.world, path) if path is not None else None
        taken = [facts["folder"] for facts in (*self.world["points"].values(), *self.world["meetings"])]
        ours = [m for m in self.world["meetings"] if path is None or m["share"] == path[0]]
        if not ours or (path is not None and (node is None or node in taken)):
            return ""
        meeting, number = ours[which % len(ours)], str(len(self.world["points"]) + 1)
        share, at_home = meeting["share"], meeting["folder"] in self.world["nodes"]
        if path is None and not at_home:
            return ""
        with self.house.database.transaction() as connection:
            real = None if node is None else self.real(node)
            item = AgendaItem(share, meeting["id"], number, f"Punkt {number}", public, matter, node=real)
            agendas = self.agendas(connection, share)
            agendas.declare_agenda(meeting["id"], [item])
            made = agendas.point(meeting["id"], number)
            folders = {point.id: point.node for point in agendas.agenda(meeting["id"])}
        self.made_again(meeting, folders)
        fact = {"share": share, "meeting": meeting["id"], "matter": matter, "public": public, "folder": node}
        self.world["points"][made.id] = fact
        if node is not None:
            return ""
        late = {"release": papers.NEVER} if changes.REACHED.get(meeting["state"], 0) else {}
        fact["folder"] = self.stands(share, made.node, asked=self.asked_of(fact) | late)
        return self.differs(fact["folder"])

    def made_again(self, meeting: dict[str, Any], folders: dict[int, int | None]) -> None:
        """Items whose folders were destroyed get new ones, as soon as anything is said of their meeting's agenda."""
        kept = set(self.world["nodes"]).union(*(each["nodes"] for each in self.world["thrown"].values()))
        if meeting["folder"] not in self.world["nodes"]:
            return
        for number, fact in self.world["points"].items():
            if (fact["share"], fact["meeting"]) == (meeting["share"], meeting["id"]) and fact["folder"] not in kept:
                fact["folder"] = self.stands(fact["share"], folders[number], asked=self.asked_of(fact))

    def asked_of(self, fact: dict[str, Any]) -> dict[str, Any]:
        """The label of an item's folder."""
        grade = COMMITTEES[fact["share"]]["class"]
        least = max(str(grade), "non_public", key=papers.CLASSES.index)
        return {"class": least if not fact["public"] else "faction" if grade == "faction" else "public"}

    def step_bind(self, path: tuple[str, ...], which: int) -> None:
        """A paper concerns one more item, perhaps of another committee."""
        node = answers.find(self.world, path)
        if node is None or not self.world["points"]:
            return
        point = list(self.world["points"])[which % len(self.world["points"])]
        with self.house.database.transaction() as connection:
            store.add_binding(connection, path[0], self.real(node), point)
        self.world["bound"][node] = self.world["bound"].get(node, set()) | {point}

    def step_release(self, path: tuple[str, ...]) -> None:
        """`davserver release`: a paper, or a folder with all drafts beneath."""
        node = answers.find(self.world, path)
        if node is None or len(path) < 2 or path[1] == "00 Eingang":
            return
        with self.house.database.transaction() as connection:
            self.agendas(connection, path[0]).release(SharePath(path[1:]))
        if papers.label(self.world, node)["release"] > self.now:
            changes.release(self.world, node)
        else:
            changes.clear(self.world, node)

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

    def step_hold(self, path: tuple[str, ...], start: int, end: int | None) -> None:
        """§2.5: nothing there may be changed or go."""
        node = answers.find(self.world, path)
        if node is None or len(path) < 2:
            return
        with self.house.database.transaction() as connection:
            number = store.add_hold(connection, Hold(path[0], self.real(node), start, end, "tests", self.now))
        self.world["holds"].append({"node": node, "start": start, "end": end, "id": number})

    def step_lift(self, which: int) -> None:
        if self.world["holds"]:
            hold = self.world["holds"][which % len(self.world["holds"])]
            with self.house.database.transaction() as connection:
                if store.end_hold(connection, hold["id"], self.now) is not None:
                    hold["end"] = self.now

    def agendas(self, connection: Any, share: str) -> Agendas:
        return Agendas(self.house, connection, share, "tests", provider=self.house.share(share))

    def stands(self, share: str, real: int | None, *, asked: dict[str, Any]) -> int:
        """A folder that the house made by itself, wherever it did, with the label that it must have."""
        assert real is not None
        names = self.house.share(share).locate(real)[0].segments
        node = answers.find(self.world, (share, *names)) or changes.make(self.world, (share, *names), folder=True)
        self.world["labels"].pop(node, None)
        self.world["labels"] |= {node: asked} if asked else {}
        return node

    def differs(self, node: int) -> str:
        due, got = papers.label(self.world, node), self.labels_of(node)
        return "" if due == got else f"label of {self.path(node)}: expected {due}, got {got}"

    # -- requests -------------------------------------------------------------------------------------------------

    def step_ask(self, name: str, kind: str, request: dict[str, Any]) -> Played:
        """Somebody's request: its status, the names it shows, the labels it leaves."""
        asker = self.askers.get((name, kind))
        return Played("") if asker is None else self.asked(asker, self.logins[name, kind], request)

    def step_sync(self, name: str, kind: str, request: dict[str, Any]) -> Played:
        """The request of a client that keeps a copy, at Nextcloud's addresses."""
        asker = self.askers.get((name, kind))
        return Played("") if asker is None else self.asked(asker | {"way": "files"}, self.logins[name, kind], request)

    def step_knock(self, which: int, request: dict[str, Any]) -> Played:
        """The request of whoever holds a link."""
        if which not in self.world["links"]:
            return Played("")
        return self.asked(oracle.user("") | {"link": which, "channel": "link"}, "", request)

    def asked(self, asker: oracle.Asker, login: str, request: dict[str, Any]) -> Played:
        world, front = self.world, fronts.front_of(self.world, asker, request["path"])
        due, real = fronts.answered(world, asker, request)
        for rule in planted(world, asker, real):
            self.met[front.name, request["method"], rule] += 1
        mirror = (f"{asker['name']} {login}", asker["link"], front.url(request["path"]))
        standing = answers.find(world, real["path"]) if request["method"] == "DELETE" else None
        self.leaving = None if standing is None else self.real(standing)
        syncs = request.get("report") == "sync-collection"
        answer = self.request(login, request | ({"sync": self.mirrors.token(mirror)} if syncs else {}), asker)
        if syncs and answer.status == 403:
            self.mirrors.forget(mirror)
        if answer.status not in due:
            return Played(f"expected {sorted(due)}, got {answer.status} {answer.body[:200]!r}", answer)
        method = request["method"]
        if answer.status == 207 and method == "PROPFIND" and request.get("deep") and "depth" not in request:
            names, shown = listed(answer, front.url(request["path"])), front.names(world, asker, request["path"])
            if names != shown:
                return Played(f"listing: expected {sorted(shown)}, got {sorted(names)}", answer)
        if answer.status == 207 and syncs:
            names, shown = self.mirrors.follow(mirror, answer), front.names(world, asker, request["path"])
            return Played("" if names == shown else f"copy: expected {sorted(shown)}, got {sorted(names)}", answer)
        if answer.status == 207 and method == "REPORT" and asker["link"] is None:
            named, known = set(_USER.findall(answer.body.decode())), lists.acquainted(world, asker["name"])
            if not named <= known or (request["report"] == "principal-property-search" and named != known):
                return Played(f"people: expected {sorted(known)}, got {sorted(named)}", answer)
        if 200 <= answer.status < 300:
            return Played(self.done(asker, real, answer), answer)
        return Played("", answer)

    def request(self, authorization: str, r: dict[str, Any], asker: oracle.Asker | None = None) -> Answer:
        """Send it, by the asker's way in."""
        asker = asker or oracle.user("")
        front = fronts.front_of(self.world, asker, r["path"])
        tags = [
            (header, wish, front.url(place), self.tag(asker, r["path"] if header != "if" else place, wish))
            for header, wish, place in r.get("when", ())
        ]
        headers = headers_of(r, front.url(r["path"]), front.url(r["to"]) if "to" in r else "", tags)
        if authorization:
            headers["authorization"] = authorization
        return call(self.app, r["method"], front.url(r["path"]), body_of(r), **headers)

    def tag(self, asker: oracle.Asker, path: tuple[str, ...], wish: str) -> str:
        """The entity tag in quotes of what stands there, whoever may know it."""
        real = fronts.front_of(self.world, asker, path).real(self.world, asker, path) or ()
        node = answers.find(self.world, real)
        if not wish.endswith("current") or node is None or self.world["nodes"][node]["folder"]:
            return '"0"'
        return f'"{self.house.share(real[0]).stat(SharePath(real[1:])).entity_tag}"'

    def done(self, asker: oracle.Asker, r: dict[str, Any], answer: Answer) -> str:
        """Change the oracle's world as the success says; what is wrong with the labels that were left."""
        world, method, node, problem = self.world, r["method"], answers.find(self.world, r["path"]), ""
        link = world["links"].get(asker["link"])
        if link is not None and link["uses"] is not None:
            download = method == "GET" and node is not None and not world["nodes"][node]["folder"]
            link["uses"] -= download if link["kind"] == "link" else method == "PUT"
        if method in ("PUT", "MKCOL", "LOCK") and node is None:
            node = changes.make(world, r["path"], folder=method == "MKCOL", asker=asker, empty=method == "LOCK")
            problem = self.differs(node)
            told_name = unquote(answer.headers.get("Location", "")).rpartition("/")[2]
            if told_name and told_name != r["path"][-1]:
                problem = f"name: expected {r['path'][-1]}, got {told_name}"
        if method == "PUT" and node is not None:
            world["nodes"][node]["empty"] = False
        if method == "LOCK":
            fact = {"node": node, "by": answers.by(asker), "token": answer.headers["Lock-Token"].strip("<>")}
            world["locks"].append({**fact, "deep": r["deep"], "until": self.now + 600 * SECOND})
        if method == "UNLOCK":
            world["locks"] = [k for k in world["locks"] if k["token"] != r["token"]]
        if method == "DELETE" and node is not None:
            assert self.leaving is not None
            throw(world, asker, node, self.leaving)
            changes.drop(world, node)
        if method == "ACL" and node is not None:
            lists.replaced(world, node, r["aces"])
        return self.arrived(asker, r) if method in ("COPY", "MOVE") else problem

    def arrived(self, asker: oracle.Asker, r: dict[str, Any]) -> str:
        world = self.world
        world["came"] = {}
        before = {each: papers.label(world, each) for each in world["nodes"]}
        ground = before[answers.find(world, r["to"][:-1])]
        renamed = r["method"] == "MOVE" and r["path"][:-1] == r["to"][:-1]
        result, due = changes.arrive(world, asker, r)
        got = self.labels_of(result)
        if got["publish"] not in due.pop("publish") or any(got[name] != part for name, part in due.items()):
            return f"label: expected {due}, got {got}"
        for each in answers.beneath(world, result):
            was, now = before[world["came"].get(each, each)], self.labels_of(each)
            if not lowered_nothing(was, now) or not (renamed or lowered_nothing(ground, now)):
                return f"label of {self.path(each)}: was {was}, is {now}"
        with self.house.database.read() as connection:
            rows = store.labels(connection, r["to"][0])
        for each in [result, *answers.beneath(world, result)]:
            row = rows.get(self.real(each))
            world["labels"].pop(each, None)
            world["labels"] |= {each: told(row)} if row is not None else {}
        return ""
