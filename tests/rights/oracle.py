"""The rights of `design/rights.md` once more, in two pages and without a line of the product: who may what, and when.

Worlds are those of `papers`. Rights are sets of words.
"""

from __future__ import annotations

import tomllib
from functools import cache
from pathlib import Path
from typing import Any

from tests.rights.papers import CLASSES, NEVER, World, label, lineage, members, phase, points

Asker = dict[str, Any]
"""`name`, or the `link` he holds; `channel`; of the app password: `rights`, `most` (class), `scopes` (none: all).

`way`: `dav`, or `files` for a client that keeps a copy of what it finds (docs/decisions/0024).
"""
Lent = dict[str, frozenset[str]]
"""Maker of shares or links → what he may do himself at the place in question."""
TABLE: dict[str, Any] = tomllib.loads((Path(__file__).parents[2] / "config" / "roles.toml").read_text("utf-8"))
CHAIN = ("discover", "view", "read")
WRITE = ("write-content", "write-properties", "bind", "unbind")
OTHERS = "unlock read-acl read-current-user-privilege-set write-acl share link classify recuse read-log comment"
ALL = frozenset((*CHAIN, *WRITE, *OTHERS.split()))
ADDING, HELD = frozenset({"discover", "bind"}), frozenset({"write-content", "write-properties", "unbind", "classify"})


def user(name: str, channel: str = "dav") -> Asker:
    """Somebody himself, whatever credential he may hold."""
    whole = {"rights": "all", "most": "faction", "scopes": frozenset()}
    return {"name": name, "link": None, "channel": channel, "way": "dav", **whole}


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
    when = "early" if early and phase == "draft" and "early" in row else phase
    text = row if isinstance(row, str) else row[when]
    return words(text, "read" if TABLE["delivery"][grade] == "original" else "view")


def holds(fact: dict[str, Any], at: int) -> bool:
    return bool((fact["start"] or 0) <= at and (fact["end"] is None or at < fact["end"]))


def known_as(w: World, asker: Asker, share: str) -> frozenset[str]:
    """What entries may call somebody: himself, his running offices here, the committees that he sits in."""
    if asker["link"] is not None:
        return frozenset()
    running = [m for m in w["mandates"] if m["person"] == asker["name"] and holds(m, w["at"])]
    here = {m["role"] for m in running if m["share"] == share}
    here |= {other for role in here for other in TABLE["role"][role].get("acts_as", ())}
    inside = {f"committee:{m['share']}" for m in running if TABLE["role"][m["role"]]["inside"]}
    return frozenset({"all", "authenticated", f"user:{asker['name']}", *(f"role:{role}" for role in here), *inside})


def by_office(w: World, name: str, node: int) -> frozenset[str]:
    """§2.3: table(role, class, phase) of each running mandate; all are citizens, administrators are so everywhere."""
    share, grade, when = w["nodes"][node]["share"], label(w, node)["class"], phase(w, node)
    running = [m for m in w["mandates"] if m["share"] == share and holds(m, w["at"])]
    chairs = [m["person"] for m in running if m["role"] == "chair"]
    roles = {"citizen"} | {m["role"] for m in running if m["person"] == name}
    roles |= {"admin"} if name in w["admins"] else set()
    if "vice_chair" in roles and chairs and all(recused(w, chair, node) for chair in chairs):
        roles.add("chair")  # §3: the vice-chair gains what the recused chair loses
    committee = w["committees"][share]
    if grade == "faction" and committee["kind"] != "faction":
        return frozenset()
    return frozenset().union(*(cell(role, grade, when, committee["early"]) for role in roles))


def by_entry(w: World, asker: Asker, node: int, lent: Lent) -> frozenset[str]:
    """§1: entries at the node and above, unless a cut ends what comes from above. An inbox lets add to itself only;
    an inside share gives what its maker may do.
    """
    places, names = lineage(w, node), known_as(w, asker, w["nodes"][node]["share"])
    active = [e for e in w["entries"] if e["node"] in places and holds(e, w["at"]) and not e["deny"]]
    cut = max((places.index(e["node"]) for e in active if e["cut"]), default=0)
    given = frozenset[str]()
    for e in (e for e in active if e["who"] in names and places.index(e["node"]) >= cut):
        own = (ADDING if e["node"] == node else frozenset()) if e["inbox"] else words(e["rights"])
        given |= own & (lent[e["maker"]] if e["maker"] else ALL)
    return given & words(TABLE["ceiling"]["entry"][label(w, node)["class"]])


def by_link(w: World, asker: Asker, node: int, lent: Lent) -> frozenset[str]:
    """A link opens its node and all beneath up to its class, as far as its maker may; a drop lets add to its node."""
    link, grade = w["links"][asker["link"]], label(w, node)["class"]
    is_link, closed = link["kind"] == "link", "link" not in words(TABLE["ceiling"]["class"][grade])
    if link["node"] not in lineage(w, node) or CLASSES.index(grade) > CLASSES.index(link["most"]):
        return frozenset()
    given = words(link["rights"]) if is_link else ADDING if node == link["node"] else frozenset()
    return frozenset() if is_link and closed else given & lent[link["maker"]]


def lent_at(w: World, asker: Asker, node: int) -> Lent:
    """What makers of shares and links may do themselves; by rounds, so that two who share with each other gain
    nothing by it. An administrator's own look at all drives is not lent.
    """
    places = lineage(w, node)
    makers = {e["maker"] for e in w["entries"] if e["node"] in places and e["maker"]}
    makers |= {w["links"][asker["link"]]["maker"]} if asker["link"] is not None else set()
    lent, plain = {maker: frozenset[str]() for maker in makers}, {**w, "admins": ()}
    while (more := {m: held(plain, user(m, asker["channel"]), node, lent) for m in makers}) != lent:
        lent = more
    return lent


def recused(w: World, name: str, node: int) -> bool:
    """§2.5: by an item, or by a matter of any item of it."""
    concerned = points(w, node)
    matters = {w["points"][p]["matter"] for p in concerned} - {None}
    own = [r for r in w["recusals"] if r["person"] == name and holds(r, w["at"])]
    return any(r["point"] in concerned or r["matter"] in matters for r in own)


def held(w: World, asker: Asker, node: int, lent: Lent | None = None) -> frozenset[str]:
    """§2, steps 1 to 5."""
    name, grade, places, link = asker["name"], label(w, node)["class"], lineage(w, node), asker["link"]
    lent = lent_at(w, asker, node) if lent is None else lent
    if link is None and grade in TABLE["gate"]["undertaking"] and w["pledged"].get(name, NEVER) > w["at"]:
        return frozenset()
    if CLASSES.index(grade) > CLASSES.index(asker["most"]) or (asker["scopes"] and not asker["scopes"] & set(places)):
        return frozenset()
    office = by_office(w, name, node) if link is None else frozenset()
    given = office | (by_entry(w, asker, node, lent) if link is None else by_link(w, asker, node, lent))
    in_inbox = any(e["inbox"] and e["node"] in places[:-1] for e in w["entries"])
    if link is not None and (w["links"][link]["kind"], w["links"][link]["node"]) == ("drop", node):
        in_inbox = False  # it may be made for a folder there
    if (link is None and recused(w, name, node)) or (in_inbox and "view" not in given):
        return frozenset()
    found = office if phase(w, node) == "closed" else given  # §2.5: a closed window leaves only the table
    channel = words(TABLE["ceiling"]["channel"][asker["channel"]])
    found &= words(TABLE["ceiling"]["class"][grade]) & channel & words(asker["rights"])
    names = known_as(w, asker, w["nodes"][node]["share"])
    for e in w["entries"]:
        if e["deny"] and e["node"] in places and e["who"] in names and holds(e, w["at"]):
            weakest = min((CHAIN.index(d) for d in CHAIN if d in e["rights"].split()), default=len(CHAIN))
            found -= (words(e["rights"]) - set(CHAIN)) | set(CHAIN[weakest:])
    if any(h["node"] in places and holds(h, w["at"]) for h in w["holds"]):
        found -= HELD
    secret = asker["channel"] == "dav" and CLASSES.index(grade) >= CLASSES.index("non_public")
    if "discover" not in found or (secret and "view" not in found):  # §3: a name tells the title
        return found & {"bind", "read-log"}
    return found if "view" in found else found - {"read", "comment"}


def rights(w: World, asker: Asker, node: int) -> frozenset[str]:
    """With §2.6: a folder is discoverable too if it has a discoverable member; what is above a link's node is not."""
    own = held(w, asker, node)
    if "discover" in own or (asker["link"] is not None and w["links"][asker["link"]]["node"] not in lineage(w, node)):
        return own
    return own | {"discover"} if any("discover" in rights(w, asker, each) for each in members(w, node)) else own


def shown(w: World, asker: Asker, node: int) -> bool:
    """Is it there, on his way in? What may be viewed but not read is for the portal, not for a drive (§1)."""
    own = rights(w, asker, node)
    unread = "read" not in own and not w["nodes"][node]["folder"]
    portal_only = unread and ("view" in own or asker["way"] == "files")  # of a name alone nobody keeps a copy
    return "discover" in own and not (portal_only and asker["channel"] == "dav")
