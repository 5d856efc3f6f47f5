"""Access lists (RFC 3744): who may set what, whom one may know, and what a list that was set does."""

from __future__ import annotations

from typing import Any

from tests.rights.answers import Request, locked, need, visible
from tests.rights.changes import entry
from tests.rights.oracle import CHAIN, TABLE, Asker, holds, rights, words
from tests.rights.papers import World, lineage
from tests.rights.shared import drives_of

PLAIN = {"cut": False, "start": None, "end": None, "maker": "", "inbox": False}


def acquainted(w: World, name: str) -> set[str]:
    """People that somebody may know of: those in his committees; who only has an office there knows its clerks."""
    known = {name}
    running = [m for m in w["mandates"] if holds(m, w["at"])]
    for share in {m["share"] for m in running if m["person"] == name}:
        inside = any(TABLE["role"][m["role"]]["inside"] for m in running if (m["person"], m["share"]) == (name, share))
        known |= {m["person"] for m in running if m["share"] == share and (inside or m["role"] == "clerk")}
    return known


def committees(w: World, asker: Asker, drives: set[str]) -> set[str]:
    """Those that somebody may know of: he belongs to them, or sees something in their drives."""
    return {m["share"] for m in w["mandates"] if m["person"] == asker["name"] and holds(m, w["at"])} | drives


def is_plain(e: dict[str, Any]) -> bool:
    """Can a list say it? Not windows, cuts, shares, inboxes, nor the denial of some of `discover < view < read`."""
    weakest = min((CHAIN.index(d) for d in CHAIN if d in e["rights"].split()), default=0)
    return PLAIN.items() <= e.items() and not (e["deny"] and weakest)


def acl(w: World, asker: Asker, r: Request) -> set[int]:
    """Nobody gives himself rights, nor rights that he does not hold, nor to whom he may not know (§2)."""
    node, aces = visible(w, asker, r["path"]), r["aces"]
    if node is None:
        return {404}
    stop = need(w, asker, (node, "write-acl"))
    standing = {
        (e["who"], words(e["rights"])) for e in w["entries"] if e["node"] == node and is_plain(e) and not e["deny"]
    }
    for who, text, deny in aces:
        if deny or (who, words(text)) not in standing:
            kind, _, name = who.partition(":")
            known = {"user": acquainted(w, asker["name"]), "committee": committees(w, asker, drives_of(w, asker))}
            stop |= set() if name in known.get(kind, {name}) else {403}
            lacking = words(text) - rights(w, asker, node) - {"read-current-user-privilege-set"}
            stop |= {403} if not deny and (lacking or who == f"user:{asker['name']}") else set()
    then = {**w, "entries": [*w["entries"]]}
    replaced(then, node, aces)
    gained = rights(then, asker, node) - rights(w, asker, node)
    stop |= {403} if "discover" in rights(then, asker, node) and gained else set()
    stop |= locked(w, asker, r, [node])
    places, named = lineage(w, node), {who for who, _, _ in aces}
    denied = any(e["deny"] and e["who"] in named for e in w["entries"] if e["node"] in places)
    contradicts = denied or any(deny for _, _, deny in aces)  # RFC 3744 §8.1.1; our rights do not ask which
    return stop or ({200, 403} if contradicts else {200})


def replaced(w: World, node: int, aces: list[tuple[str, str, bool]]) -> None:
    """The plain lines of one node give way. To deny what contains `discover` is to deny all of that (RFC 3744 §3)."""
    w["entries"] = [e for e in w["entries"] if e["node"] != node or not is_plain(e)]
    for who, text, deny in aces:
        entry(w, node, who, f"discover {text}" if deny and set(CHAIN) & set(text.split()) else text, deny=deny)
