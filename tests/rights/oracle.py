"""The rights of `design/rights.md` once more, in two pages and without a line of the product: who may what, and when.

A world is plain dicts: `at` · `committees` {share: facts} · `nodes` {id: share, parent, name, folder} · `labels` {id:
class, release, close, publish} · `mandates` · `pledged` {person: since} · `admins` · `entries` · `points` {agenda item:
share, folder, matter} · `bound` {node: agenda items} · `recusals`. Rights: sets of words.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

World = dict[str, Any]
Asker = dict[str, Any]
"""`name`; of the app password: `rights` (words), `most` (class), `scopes` (nodes; none: everywhere)."""
TABLE: dict[str, Any] = tomllib.loads((Path(__file__).parents[2] / "config" / "roles.toml").read_text("utf-8"))
CLASSES = ("public", "restricted", "non_public", "personal", "office", "faction")
NEVER = 1 << 63
CHAIN = ("discover", "view", "read")
WRITE = ("write-content", "write-properties", "bind", "unbind")
SINGLE = (
    *WRITE,
    *["unlock", "read-acl", "read-current-user-privilege-set", "write-acl", "share", "link", "classify", "recuse"],
)
ALL = frozenset((*CHAIN, *SINGLE, "read-log", "comment"))


@cache
def words(text: str, delivered: str = "view") -> frozenset[str]:
    """A cell of the table, with `discover < view < read` spelled out."""
    found: frozenset[str] = frozenset()
    meaning = {"all": ALL, "write": frozenset(WRITE), "nothing": frozenset()}
    for word in text.split():
        name = delivered if word == "as-delivered" else word.removeprefix("-")
        meant = frozenset(CHAIN[: CHAIN.index(name) + 1]) if name in CHAIN else meaning.get(name, frozenset({name}))
        meant = words(TABLE["word"][name]) if name in TABLE["word"] else meant
        found = found - meant if word.startswith("-") else found | meant
    return found


@cache
def cell(role: str, grade: str, phase: str, early: bool) -> frozenset[str]:
    row = TABLE["role"][role][grade]
    text = (
        row if isinstance(row, str) else row["early"] if early and phase == "draft" and "early" in row else row[phase]
    )
    return words(text, "read" if TABLE["delivery"][grade] == "original" else "view")


def lineage(w: World, node: int) -> list[int]:
    above = w["nodes"][node]["parent"]
    return [node] if above is None else [*lineage(w, above), node]


def label(w: World, node: int) -> dict[str, Any]:
    """Each part from the nearest ancestor that has it; else what the committee says (§1)."""
    committee = w["committees"][w["nodes"][node]["share"]]
    found = {
        "class": committee["class"],
        "release": NEVER if committee["meetings"] else 0,
        "close": NEVER,
        "publish": NEVER,
    }
    for place in lineage(w, node):
        found |= w["labels"].get(place, {})
    return found


def phase(w: World, node: int) -> str:
    """§1: draft before release; of closing and publication, the later one that has passed."""
    own, at = label(w, node), w["at"]
    committee = w["committees"][w["nodes"][node]["share"]]
    publish = own["publish"]
    if committee["publishes"] and own["class"] == "public" and own["release"]:
        publish = min(publish, own["release"])
    if at < own["release"]:
        return "draft"
    if publish <= at and not publish <= own["close"] <= at:
        return "published"
    return "closed" if own["close"] <= at else "released"


def holds(fact: dict[str, Any], at: int) -> bool:
    return bool((fact["start"] or 0) <= at and (fact["end"] is None or at < fact["end"]))


def known_as(w: World, name: str, share: str) -> frozenset[str]:
    """What entries may call somebody: himself, his running offices here, the committees that he sits in."""
    running = [m for m in w["mandates"] if m["person"] == name and holds(m, w["at"])]
    here = {m["role"] for m in running if m["share"] == share}
    here |= {other for role in here for other in TABLE["role"][role].get("acts_as", ())}
    inside = {f"committee:{m['share']}" for m in running if TABLE["role"][m["role"]]["inside"]}
    return frozenset({"all", "authenticated", f"user:{name}", *(f"role:{role}" for role in here), *inside})


def by_office(w: World, name: str, node: int) -> frozenset[str]:
    """§2.3: table(role, class, phase) of each running mandate; all are citizens, administrators are so everywhere."""
    share, grade, when = w["nodes"][node]["share"], label(w, node)["class"], phase(w, node)
    own = [m for m in w["mandates"] if (m["person"], m["share"]) == (name, share)]
    chairs = [m["person"] for m in w["mandates"] if (m["share"], m["role"]) == (share, "chair") and holds(m, w["at"])]
    roles = {"citizen"} | {m["role"] for m in own if holds(m, w["at"])} | ({"admin"} if name in w["admins"] else set())
    if "vice_chair" in roles and chairs and all(recused(w, chair, node) for chair in chairs):
        roles.add("chair")  # §3: the vice-chair gains what the recused chair loses
    committee = w["committees"][share]
    if grade == "faction" and committee["kind"] != "faction":
        return frozenset()
    return frozenset().union(*(cell(role, grade, when, committee["early"]) for role in roles))


def by_entry(w: World, name: str, node: int) -> frozenset[str]:
    """§1: entries at the node and above, unless a cut ends what comes from above; not in a closed window (§2.5)."""
    places, names = lineage(w, node), known_as(w, name, w["nodes"][node]["share"])
    active = [e for e in w["entries"] if e["node"] in places and holds(e, w["at"]) and not e["deny"]]
    cut = max((places.index(e["node"]) for e in active if e["cut"]), default=0)
    given = [words(e["rights"]) for e in active if e["who"] in names and places.index(e["node"]) >= cut]
    if phase(w, node) == "closed":
        return frozenset()
    return frozenset().union(*given) & words(TABLE["ceiling"]["entry"][label(w, node)["class"]])


def points(w: World, node: int) -> set[int]:
    """§1: the agenda items of a paper: of its folders, and those it is bound to."""
    places = lineage(w, node)
    return {p for p, facts in w["points"].items() if facts["folder"] in places}.union(
        *(w["bound"].get(place, ()) for place in places)
    )


def recused(w: World, name: str, node: int) -> bool:
    """§2.5: by an item, or by a matter of any item of it."""
    concerned = points(w, node)
    matters = {w["points"][p]["matter"] for p in concerned} - {None}
    own = [r for r in w["recusals"] if r["person"] == name and holds(r, w["at"])]
    return any(r["point"] in concerned or r["matter"] in matters for r in own)


def held(w: World, asker: Asker, node: int) -> frozenset[str]:
    """§2, steps 1 to 5, on a drive."""
    name, grade, places = asker["name"], label(w, node)["class"], lineage(w, node)
    if grade in TABLE["gate"]["undertaking"] and w["pledged"].get(name, NEVER) > w["at"]:
        return frozenset()
    if recused(w, name, node):
        return frozenset()
    found = by_office(w, name, node) | by_entry(w, name, node)
    found &= (
        words(TABLE["ceiling"]["class"][grade]) & words(TABLE["ceiling"]["channel"]["dav"]) & words(asker["rights"])
    )
    if CLASSES.index(grade) > CLASSES.index(asker["most"]) or (asker["scopes"] and not asker["scopes"] & set(places)):
        return frozenset()
    names = known_as(w, name, w["nodes"][node]["share"])
    for entry in w["entries"]:
        if entry["deny"] and entry["node"] in places and entry["who"] in names and holds(entry, w["at"]):
            denied = words(entry["rights"])
            weakest = min((CHAIN.index(d) for d in CHAIN if d in entry["rights"].split()), default=len(CHAIN))
            found -= (denied - set(CHAIN)) | set(CHAIN[weakest:])
    secret = CLASSES.index(grade) >= CLASSES.index("non_public")
    return (
        found if "discover" in found and ("view" in found or not secret) else frozenset()
    )  # §3: a name tells the title


def members(w: World, node: int) -> Iterator[int]:
    return (other for other, facts in w["nodes"].items() if facts["parent"] == node)


def rights(w: World, asker: Asker, node: int) -> frozenset[str]:
    """With §2.6: a folder is discoverable too if it has a discoverable member."""
    own = held(w, asker, node)
    through = not own and any(rights(w, asker, member) for member in members(w, node))
    return frozenset({"discover"}) if through else own


def shown(w: World, asker: Asker, node: int) -> bool:
    """Is it on his drive? What may be viewed but not read is for the portal (§1)."""
    own = rights(w, asker, node)
    return "discover" in own and (w["nodes"][node]["folder"] or "read" in own or "view" not in own)


def delivery(w: World, node: int) -> str:
    """What a drive shows of a paper that may be viewed but not read (§1)."""
    grade = label(w, node)["class"]
    says = str(TABLE["delivery"][grade])
    return "pointer" if says == "original" and CLASSES.index(grade) < CLASSES.index("personal") else says
