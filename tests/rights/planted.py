"""Which rules were planted where a request goes: what a mistake about them would show (security.md S-10)."""

from __future__ import annotations

from collections.abc import Iterator

from tests.rights.answers import Request, find, is_held
from tests.rights.oracle import Asker, recused
from tests.rights.papers import World, label, lineage, phase, points


def planted(w: World, asker: Asker, r: Request) -> set[str]:
    """Names of the rules, at the place itself, above it, and at the Destination."""
    nodes = [
        node for path in (r["path"], r.get("to")) if path for node in [find(w, path) or find(w, path[:-1])] if node
    ]
    return {rule for node in nodes for rule in _at(w, asker, node)} | set(_about(w, asker, r))


def _about(w: World, asker: Asker, r: Request) -> Iterator[str]:
    """Of the request, wherever it goes."""
    if asker["scopes"]:
        yield "scope"
    if asker["rights"] != "all" or asker["most"] != "faction":
        yield "credential"
    if asker["link"] is not None:
        link = w["links"][asker["link"]]
        yield str(link["kind"])
        if link["end"] is not None or link["revoked"] is not None or link["uses"] is not None:
            yield "link's window"
    if r.get("when") or {"depth", "over", "destination", "if"} & r.keys():
        yield "header"


def _at(w: World, asker: Asker, node: int) -> Iterator[str]:
    places, own = lineage(w, node), label(w, node)
    committee = w["committees"][w["nodes"][node]["share"]]
    yield f"phase {phase(w, node)}"
    if own["class"] != committee["class"]:
        yield f"class {own['class']}"
    for e in (e for e in w["entries"] if e["node"] in places):
        yield "inbox" if e["inbox"] else "inside share" if e["maker"] else "denial" if e["deny"] else "entry"
        if e["cut"]:
            yield "cut"
    if points(w, node):
        yield "agenda item"
    if recused(w, asker["name"] or w["links"][asker["link"]]["maker"], node):
        yield "recusal"
    if any(m["folder"] in places for m in w["meetings"]):
        yield "meeting"
    if is_held(w, node):
        yield "hold"
    if any(k["node"] in places and k["until"] > w["at"] for k in w["locks"]):
        yield "lock"
