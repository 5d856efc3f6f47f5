"""What colleagues share inside (portal.md §5): the lines of `/dav/geteilt/`, and which drives are somebody's own."""

from __future__ import annotations

from tests.rights.oracle import Asker, held, holds, known_as, shown
from tests.rights.papers import World, lineage, members


def shared_with(w: World, asker: Asker, share: str) -> set[int]:
    """Nodes at which somebody shares with him now."""
    names = known_as(w, asker, share)
    active = [e for e in w["entries"] if e["maker"] and e["who"] in names and holds(e, w["at"])]
    return {e["node"] for e in active if e["node"] in w["nodes"] and w["nodes"][e["node"]]["share"] == share}


def lines(w: World, asker: Asker, share: str) -> dict[str, int]:
    """Names in the list of what a committee's people share with him; of equal ones each carries its node's number."""
    if share not in w["roots"]:
        return {}
    seen = {node: w["nodes"][node]["name"] for node in shared_with(w, asker, share) if shown(w, asker, node)}
    named: dict[str, int] = {}
    for node, name in seen.items():
        twins = list(seen.values()).count(name) > 1
        named[numbered(name, w["number"](node)) if twins else name] = node
    return named


def drives_of(w: World, asker: Asker) -> set[str]:
    """Drives in his list: not those where he holds no office and finds nothing but what is shared with him."""
    return {share for share, root in w["roots"].items() if shown(w, asker, root) and not only_shared(w, asker, share)}


def only_shared(w: World, asker: Asker, share: str) -> bool:
    mine = [m for m in w["mandates"] if (m["person"], m["share"]) == (asker["name"], share)]
    if not lines(w, asker, share) or any(holds(m, w["at"]) for m in mine):
        return False
    given = shared_with(w, asker, share)
    others = [n for n, facts in w["nodes"].items() if facts["share"] == share and given.isdisjoint(lineage(w, n))]
    return not any("discover" in held(w, asker, node) for node in others)


def numbered(name: str, number: int) -> str:
    stem, dot, suffix = name.rpartition(".")
    return f"{stem} ({number}){dot}{suffix}" if stem and len(suffix) <= 16 else f"{name} ({number})"


def free_name(w: World, folder: int, name: str) -> str:
    taken = {w["nodes"][m]["name"] for m in members(w, folder)}
    return next(each for n in range(1, 99) if (each := name if n == 1 else numbered(name, n)) not in taken)
