"""The author of random steps: plain ones, that fit the world as it is, mostly where something is to be found out."""

from __future__ import annotations

import random
from typing import Any

from tests.rights import answers, fronts, oracle, papers
from tests.rights.playing import BEGIN, COMMITTEES, DAY, HOUR, PEOPLE, Stage, Step
from tests.rights.recalling import PAST, PAST_METHODS
from tests.rights.shared import lines
from tests.rights.trashing import TRASH, TRASH_METHODS

LARGEST = 45
BUSY = {"clara": 4, "otto": 3, "vera": 2, "paul": 4, "anna": 4, "vroni": 3, "fritz": 3}
NAMES = ("Anlage", "Bericht.odt", "Etat.pdf", "TOP 1", "Größe.txt", "Notiz", "a b&c.doc")
FRONTS = {"drive": 50, "shared": 16, "link": 20, "files": 20, "bin": 8, "past": 6}
METHODS = {"PROPFIND": 9, "GET": 6, "HEAD": 3, "PUT": 7, "MKCOL": 5, "DELETE": 4, "MOVE": 5, "COPY": 5}
METHODS |= {"PROPPATCH": 3, "LOCK": 4, "UNLOCK": 3, "ACL": 4, "REPORT": 6, "OPTIONS": 3}
WAYS = {front: tuple(METHODS) for front in ("drive", "shared", "link")}
WAYS |= {
    "files": tuple(method for method in METHODS if method != "ACL"),
    TRASH: tuple(TRASH_METHODS),
    PAST: tuple(PAST_METHODS),
}
"""What is asked by which way."""
FACTS = {"clock": 5, "label": 5, "entry": 4, "unentry": 2, "mandate": 2, "end": 1, "pledge": 1, "recuse": 2}
FACTS |= {
    "meeting": 1,
    "state": 3,
    "point": 2,
    "bind": 2,
    "release": 2,
    "share": 6,
    "link": 6,
    "revoke": 1,
    "password": 2,
}
FACTS |= {"hold": 3, "lift": 2}
GIVEN = ("discover", "view", "read", "read write", "read bind", "read bind unbind", "read write-content comment", "all")
DENIED = ("discover", "view", "read", "write", "bind", "write-content unbind")
SHAREABLE = ("read", "read", "view", "read write", "read bind unbind", "discover", "read comment")
LINKABLE = ("read", "read", "view", "discover", "read write-content", "read bind write-content write-properties")
STATES = ("agenda_released", "agenda_released", "running", "closed", "minutes_approved", "planned", "cancelled")
REPORTS = ("expand-property", "acl-principal-prop-set", *["sync-collection"] * 3)
DEPTHS = ("0", "1", "infinity", "2")


CLERKS = {"ba05": "clara", "ba06": "anna", "fr": "vroni"}
KEEPERS, KEPT = (("clara", "full"), ("otto", "full"), ("paul", "full")), (("ba05",), ("ba05", "Arbeitsordner"))
"""Whose clients keep copies of which folders, and come back to them."""

OPENING: tuple[Step, ...] = (
    *(
        ("entry", (share,), f"role:{role}", "discover write", {})
        for share in ("ba05", "ba06")
        for role in ("member", "chair")
    ),
    *(
        ("ask", clerk, "full", {"method": "MKCOL" if last[-1] == "s" else "PUT", "path": (share, *path, last)})
        for share, clerk in (("ba05", "clara"), ("ba06", "anna"), ("fr", "vroni"))
        for *path, last in (("Papers",), ("Papers", "a"), ("Papers", "Annexes"), ("Papers", "Annexes", "b"), ("Lists",))
    ),
    ("label", ("ba05", "Papers"), {"class": "restricted", "release": BEGIN - DAY}),
    ("label", ("ba05", "Papers", "Annexes"), {"class": "non_public"}),
    ("label", ("ba05", "Lists"), {"class": "public", "release": BEGIN - DAY, "publish": BEGIN - HOUR}),
    ("label", ("ba06", "Papers"), {"class": "public", "release": BEGIN + HOUR}),
    ("meeting", "ba05", BEGIN + DAY, 3),
    ("point", 0, None, True, "20-26 / V 00001"),
    ("point", 0, None, False, None),
    ("password", "clara", "folder", ("ba05", "Papers"), {}),
    ("password", "otto", "folder", ("ba05", "Arbeitsordner"), {"most": "non_public"}),
    ("link", "clara", ("ba05", "Lists"), "link", "read", {}),
    ("link", "clara", ("ba05", "Arbeitsordner"), "drop", "read", {}),
    ("share", "clara", ("ba05", "Papers"), "user:sam", "read write", {}),
    ("entry", ("ba05", "Arbeitsordner"), "user:rita", "view", {"deny": True}),
    ("ask", "clara", "full", {"method": "PUT", "path": ("ba05", "Arbeitsordner", "Etat.pdf")}),
    ("ask", "rita", "full", {"method": "GET", "path": ("ba05", "Arbeitsordner", "Etat.pdf")}),
)
"""What every play begins with, so that there is something to be found out."""


class Author:
    """Thinks up the steps of one play."""

    def __init__(self, stage: Stage, seed: int) -> None:
        self.stage, self.dice = stage, random.Random(seed)
        self.back: Step | None = None
        """What a client that keeps a copy asked last, and soon asks again."""

    def step(self) -> Step:
        if self.back is not None and self.dice.random() < 0.8:
            step, self.back = self.back, None
            return step
        if self.dice.random() < 0.8:
            step = getattr(self, f"by_{self.weighted(FRONTS)}")()
            if isinstance(step[-1], dict) and step[-1].get("report") == "sync-collection":
                self.back = step
            return step
        fact: Step = getattr(self, f"fact_{self.weighted(FACTS)}")()
        return fact

    def weighted(self, weights: dict[str, int]) -> str:
        return self.dice.choices(list(weights), list(weights.values()))[0]

    def place(self, *, folder: bool | None = None, under: int | None = None) -> tuple[str, ...]:
        nodes = self.stage.world["nodes"]
        where = nodes if under is None else [under, *answers.beneath(self.stage.world, under)]
        fitting = [node for node in where if folder is None or nodes[node]["folder"] is folder]
        return self.stage.path(self.dice.choice(fitting or list(where)))

    def name(self, under: int | None = None) -> tuple[str, ...]:
        """A place for something: often free, sometimes taken, sometimes beneath nothing."""
        if self.dice.random() < 0.2:
            return self.place(under=under)
        folder = self.place(folder=self.dice.random() < 0.97, under=under)
        if self.dice.random() < 0.04:
            folder = (*folder, "nirgends")
        return (*folder, self.dice.choice(NAMES))

    def anybody(self) -> tuple[str, str]:
        """Somebody and one of his credentials; who is busy, more often."""
        return self.dice.choices(list(self.stage.askers), [BUSY.get(name, 1) for name, _ in self.stage.askers])[0]

    # -- requests, by front end -----------------------------------------------------------------------------------

    def by_drive(self) -> Step:
        who = self.anybody()
        who, r = self.returned(who, self.wish())
        if r["method"] == "DELETE" and len(self.stage.world["nodes"]) > LARGEST and self.dice.random() < 0.6:
            who = (CLERKS[r["path"][0]], "full")  # or the drives fill with what hardly anybody may clear away
        if self.dice.random() < 0.02:
            r = {"method": self.dice.choice(("PROPFIND", "GET")), "path": (), "deep": True}
        if r["method"] == "REPORT" and self.dice.random() < 0.3:
            r |= {"report": "principal-property-search", "path": (".principals",)}
        if "to" in r and self.dice.random() < 0.05:
            r["to"] = ("geteilt", r["to"][0], *r["to"][-1:], *self.dice.choice(((), ("Neu",))))
        return ("ask", *who, self.dressed(r, who[0], None))

    def returned(self, who: tuple[str, str], r: dict[str, Any]) -> tuple[tuple[str, str], dict[str, Any]]:
        """Most of those who ask what has changed have asked before."""
        if r.get("report") != "sync-collection" or self.dice.random() < 0.3:
            return who, r
        return self.dice.choice(KEEPERS), r | {"path": self.dice.choice(KEPT)}

    def by_files(self) -> Step:
        """A client that keeps a copy; it sends all that it finds on the disk, also what programs left there."""
        who = self.anybody()
        who, r = self.returned(who, self.wish())
        if r["method"] not in WAYS["files"] or self.dice.random() < 0.02:
            r = {"method": "PROPFIND", "path": self.dice.choice(((), r["path"])), "deep": True}
        for key in [key for key in ("path", "to") if r.get(key) and self.dice.random() < 0.04]:
            r[key] = (*r[key][:-1], self.dice.choice(fronts.PROGRAMS))
        return ("sync", *who, self.dressed(r, who[0], None))

    def by_bin(self) -> Step:
        who = self.anybody()
        return ("bin", *who, self.dice.randrange(500), self.weighted(TRASH_METHODS))

    def by_past(self) -> Step:
        who = self.anybody()
        return ("past", *who, self.dice.randrange(500), self.dice.randrange(5), self.weighted(PAST_METHODS))

    def by_shared(self) -> Step:
        """Mostly somebody to whom something is shared, beneath it."""
        world, dice = self.stage.world, self.dice
        who = dice.choice(list(self.stage.askers))
        found = [
            (each, share, name, node)
            for each in dice.sample(list(self.stage.askers), 6)
            for share in world["roots"]
            for name, node in lines(world, self.stage.askers[each], share).items()
        ]
        share, name, under, real = dice.choice(list(COMMITTEES)), dice.choice(NAMES), None, ()
        if found and dice.random() < 0.9:
            who, share, name, under = dice.choice(found)
            real = self.stage.path(under)
        r = self.wish(under)
        for key in [key for key in ("path", "to") if key in r and (key == "path" or dice.random() < 0.8)]:
            below = r[key][len(real) :] if under is not None else ()
            short = dice.choice((("geteilt",), ("geteilt", share), ("geteilt", share, dice.choice(NAMES))))
            r[key] = ("geteilt", share, name, *below) if dice.random() < 0.85 else short
        return ("ask", *who, self.dressed(r, who[0], None))

    def by_link(self) -> Step:
        """Somebody with a token, mostly of a link that still opens something."""
        world, dice = self.stage.world, self.dice
        alive = [n for n, k in world["links"].items() if k["node"] in world["nodes"] and self.opens(k)]
        which = dice.choice(alive if alive and dice.random() < 0.9 else list(world["links"]) or [0])
        link = world["links"].get(which)
        if link is None or link["node"] not in world["nodes"]:
            return ("knock", which, {"method": "GET", "path": ()})
        r, whole = self.wish(link["node"]), self.stage.path(link["node"])
        base = len(whole) if world["nodes"][link["node"]]["folder"] else len(whole) - 1
        for key in [key for key in ("path", "to") if key in r]:
            r[key] = r[key][base:] if dice.random() < 0.95 else (dice.choice(NAMES),)
        return ("knock", which, self.dressed(r, "", which))

    def opens(self, link: dict[str, Any]) -> bool:
        return oracle.holds(link, self.stage.now) and link["revoked"] is None and link["uses"] != 0

    def wish(self, under: int | None = None) -> dict[str, Any]:
        """A request in the paths of the tree."""
        dice, method = self.dice, self.weighted(METHODS)
        crowded = len(self.stage.world["nodes"]) > LARGEST
        if crowded and method in ("PUT", "MKCOL", "COPY") and dice.random() < 0.7:
            method = "DELETE"
        making = method in ("PUT", "MKCOL", "LOCK") or dice.random() < 0.1
        r: dict[str, Any] = {"method": method, "path": self.name(under) if making else self.place(under=under)}
        if method in ("PROPFIND", "COPY", "LOCK"):
            r["deep"] = dice.random() < (0.85 if method != "LOCK" else 0.3)
        if method in ("MOVE", "COPY"):
            r |= {"to": self.name(under if dice.random() < 0.8 else None), "overwrite": dice.random() < 0.7}
        if method == "REPORT":
            r["report"] = dice.choice(REPORTS)
            if r["report"] == "sync-collection":
                r["path"] = self.place(folder=True, under=under)
        if method == "ACL":
            r["aces"] = self.aces()
        if method == "UNLOCK":
            living = [k for k in self.stage.world["locks"] if k["until"] > self.stage.now]
            here = [k for k in living if k["node"] in self.stage.world["nodes"]]
            lock = dice.choice(here) if here else {"token": "urn:uuid:0", "node": None}
            r |= {"token": lock["token"]}
            if lock["node"] is not None and under is None and dice.random() < 0.9:
                r["path"] = self.stage.path(lock["node"])
        return r

    def aces(self) -> list[tuple[str, str, bool]]:
        dice = self.dice
        found = [(self.whom(), dice.choice(DENIED), True) for _ in range(dice.random() < 0.25)]
        return found + [(self.whom(), dice.choice(GIVEN), False) for _ in range(dice.choice((0, 1, 1, 2)))]

    def whom(self) -> str:
        dice = self.dice
        kinds = [f"user:{dice.choice(list(PEOPLE))}"] * 3
        kinds += [f"role:{dice.choice(('member', 'clerk', 'guest', 'chair'))}"]
        return dice.choice([*kinds, f"committee:{dice.choice(list(COMMITTEES))}", "authenticated", "all"])

    def dressed(self, r: dict[str, Any], name: str, link: int | None) -> dict[str, Any]:
        """With headers: the token of one's own lock, a condition, or what nobody can understand."""
        world, dice = self.stage.world, self.dice
        asker = oracle.user(name) if link is None else oracle.user("") | {"link": link, "channel": "link"}
        front = fronts.front_of(world, asker, r["path"])
        node = answers.find(world, front.real(world, asker, r["path"]) or ())
        own = [k for k in world["locks"] if k["node"] == node and k["by"] == (name, link)]
        if own and own[-1]["until"] > self.stage.now and r["method"] in ("PUT", "PROPPATCH", "DELETE", "MOVE", "ACL"):
            return r | {"token": own[-1]["token"]}
        kind = dice.random()
        if kind < 0.12:
            header = dice.choice(("if-match", "if-none-match", "if"))
            wish = (
                dice.choice(("*", "current", "stale"))
                if header != "if"
                else dice.choice(("current", "not current", "stale"))
            )
            place = r["path"]
            if header == "if" and link is None and dice.random() < 0.7:
                place = self.place()
            r["when"] = [(header, wish, place)]
        elif kind < 0.15:
            r["depth"] = dice.choice(DEPTHS)
        elif kind < 0.17 and "to" in r:
            r |= dice.choice(({"over": "x"}, {"destination": ""}, {"destination": "http://elsewhere/dav/ba05/x"}))
        elif kind < 0.18 and r["method"] not in ("UNLOCK",):
            r["if"] = "(("
        return r

    # -- facts ----------------------------------------------------------------------------------------------------

    def when(self) -> int:
        """An instant around now; some shared, so that edges meet."""
        hours = self.dice.choice((-2000, -48, -1, 0, 1, 2, 24, 48, 200))
        return self.stage.now - self.stage.now % HOUR + hours * HOUR

    def window(self) -> dict[str, Any]:
        """Often none."""
        if self.dice.random() < 0.7:
            return {}
        start = self.when()
        return {
            "start": start,
            "end": start + self.dice.choice((1, 24, 100)) * HOUR if self.dice.random() < 0.7 else None,
        }

    def fact_clock(self) -> Step:
        return ("clock", self.dice.choice((1, 60, 599, 3600, 7200, 40_000)))

    def fact_label(self) -> Step:
        dice = self.dice
        path = next((path for path in (self.place() for _ in range(4)) if len(path) > 1), ("ba05", "Papers"))
        grades = [grade for grade in papers.CLASSES if (grade == "faction") == (path[0] == "fr")]
        parts = {
            "class": dice.choice([*grades, None, None]),
            "release": dice.choice((0, 0, papers.NEVER, self.when(), self.when(), None, None)),
            "close": dice.choice((self.when(), *[None] * 9)),
            "publish": dice.choice((self.when(), None, None)),
        }
        return ("label", path, parts)

    def fact_entry(self) -> Step:
        dice = self.dice
        path = self.place(folder=True if dice.random() < 0.7 else None)
        if dice.random() < 0.25 and len(path) > 1:
            return ("entry", path, self.whom(), dice.choice(DENIED), {**self.window(), "deny": True})
        return ("entry", path, self.whom(), dice.choice(GIVEN), {**self.window(), "cut": dice.random() < 0.15})

    def fact_unentry(self) -> Step:
        entries = [e for e in self.stage.world["entries"] if e["node"] in self.stage.world["nodes"] and not e["inbox"]]
        if not entries:
            return self.fact_entry()
        return ("unentry", self.stage.path(self.dice.choice(entries)["node"]))

    def fact_mandate(self) -> Step:
        dice = self.dice
        role = dice.choice(("member", "guest", "vice_chair", "sub_member", "department", "chair", "press"))
        start = self.when()
        end = dice.choice((None, start + 24 * HOUR, start + 400 * HOUR))
        return ("mandate", dice.choice(list(PEOPLE)), dice.choice(list(COMMITTEES)), role, start, end)

    def fact_end(self) -> Step:
        running = [m for m in self.stage.world["mandates"] if m["role"] != "clerk" and oracle.holds(m, self.stage.now)]
        m = self.dice.choice(running or self.stage.world["mandates"])
        return ("end", m["person"], m["share"], m["role"])

    def fact_meeting(self) -> Step:
        if len(self.stage.world["meetings"]) > 8:
            return self.fact_state()
        return (
            "meeting",
            self.dice.choice(("ba05", "ba05", "ba06")),
            max(self.when(), BEGIN),
            self.dice.choice((2, 4)),
        )

    def fact_state(self) -> Step:
        return ("state", self.dice.randrange(50), self.dice.choice(STATES))

    def fact_point(self) -> Step:
        dice, path = self.dice, None
        if dice.random() < 0.6:
            path = self.place(folder=True if dice.random() < 0.9 else None)
        matter = dice.choice((None, "20-26 / V 00001", "20-26 / B 00002"))
        return ("point", dice.randrange(50), path, dice.random() < 0.6, matter)

    def fact_bind(self) -> Step:
        return ("bind", self.place(), self.dice.randrange(50))

    def fact_release(self) -> Step:
        return ("release", self.place())

    def fact_recuse(self) -> Step:
        dice, start = self.dice, self.when()
        end = start + dice.choice((24, 100)) * HOUR
        person = dice.choice([name for name in PEOPLE if name not in ("clara", "anna")])
        return ("recuse", person, dice.randrange(50), dice.random() < 0.5, start, end)

    def fact_hold(self) -> Step:
        start = self.stage.now + self.dice.choice((0, 0, 1)) * HOUR
        return ("hold", self.place(), start, start + self.dice.choice((2, 24, 100)) * HOUR)

    def fact_lift(self) -> Step:
        return ("lift", self.dice.randrange(50))

    def fact_pledge(self) -> Step:
        return ("pledge", self.dice.choice(list(PEOPLE)), self.when())

    def giver(self, path: tuple[str, ...]) -> str:
        clerk = CLERKS[path[0]]
        return clerk if self.dice.random() < 0.6 else self.dice.choice(list(PEOPLE))

    def fact_share(self) -> Step:
        path, whom = self.place(), self.whom()
        whom = whom if ":" in whom else f"user:{self.dice.choice(list(PEOPLE))}"
        return ("share", self.giver(path), path, whom, self.dice.choice(SHAREABLE), self.window())

    def fact_link(self) -> Step:
        dice, path = self.dice, self.place(folder=True if self.dice.random() < 0.6 else None)
        wish: dict[str, Any] = {**self.window(), **({"uses": dice.choice((1, 3))} if dice.random() < 0.2 else {})}
        wish |= {"most": dice.choice(papers.CLASSES)} if dice.random() < 0.4 else {}
        return ("link", self.giver(path), path, dice.choice(("link", "link", "drop")), dice.choice(LINKABLE), wish)

    def fact_revoke(self) -> Step:
        return ("revoke", self.dice.randrange(50))

    def fact_password(self) -> Step:
        dice = self.dice
        terms = {"most": dice.choice(("restricted", "non_public", "faction")), "read_only": dice.random() < 0.2}
        return ("password", dice.choice(list(BUSY)), "folder", self.place(), terms)
