"""What a success does to the world: the places of things, and the labels that they carry along (rights.md §1, §2.7)."""

from __future__ import annotations

from typing import Any

from tests.rights.answers import Request, beneath, find
from tests.rights.oracle import Asker, holds, known_as, rights, shown
from tests.rights.papers import CLASSES, NEVER, World, label, members, points


def carried(one: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
    """§2.7: the higher class, the later release, the earlier close (by date or by minutes); never a publication."""
    return {
        "class": max(one["class"], other["class"], key=CLASSES.index),
        "release": max(one["release"], other["release"]),
        "close": min(one["close"], one["ended"], other["close"], other["ended"]),
    }


def is_out(w: World, folder: int) -> bool:
    """§1: what comes to papers that are released already waits for its own release."""
    return bool(0 < label(w, folder)["release"] <= w["at"])


def make(w: World, path: tuple[str, ...], *, folder: bool, asker: Asker | None = None, empty: bool = False) -> int:
    """Something new: a draft among released papers; in an inbox its maker's own."""
    parent = find(w, path[:-1])
    assert parent is not None
    w["last"] += 1
    w["nodes"][w["last"]] = {"share": path[0], "parent": parent, "name": path[-1], "folder": folder, "empty": empty}
    if is_out(w, parent):
        w["labels"][w["last"]] = {"release": NEVER}
    if asker is not None:
        own(w, asker, w["last"])
    return int(w["last"])


def own(w: World, asker: Asker, node: int) -> None:
    """§2, `00 Eingang`: who brings something keeps his own rights over it."""
    folder = w["nodes"][node]["parent"]
    names = known_as(w, asker, w["nodes"][node]["share"])
    for e in [e for e in w["entries"] if e["inbox"] and e["node"] == folder and e["who"] in names]:
        if holds(e, w["at"]):
            entry(w, node, f"user:{asker['name']}", e["rights"])


def entry(w: World, node: int, who: str, rights: str, **more: Any) -> None:
    plain = {"deny": False, "cut": False, "start": None, "end": None, "maker": "", "inbox": False}
    w["entries"].append({"node": node, "who": who, "rights": rights} | plain | more)


def bind(w: World, node: int, agenda_items: set[int]) -> None:
    """§2.7: the items of both."""
    w["bound"][node] = w["bound"].get(node, set()) | (agenda_items - points(w, node))


def drop(w: World, node: int) -> None:
    for each in [node, *beneath(w, node)]:
        del w["nodes"][each]


def arrive(w: World, asker: Asker, r: Request) -> tuple[int, dict[str, Any]]:
    """COPY or MOVE done: (the result, the label that must hold there)."""
    node, there, folder = find(w, r["path"]), find(w, r["to"]), find(w, r["to"][:-1])
    assert node is not None
    assert folder is not None
    moving, facts, onto = r["method"] == "MOVE", w["nodes"][node], None
    takes_over = there is not None and not facts["folder"] and not w["nodes"][there]["folder"]
    base = label(w, there if takes_over and there is not None else folder)
    publish = {label(w, folder)["publish"], base["publish"]}  # its own only if nothing else changed there
    due = {"publish": publish, **carried(label(w, node), base)}
    taken = points(w, node)
    if not takes_over and is_out(w, folder) and (not moving or not label(w, node)["release"]):
        due["release"] = NEVER
    if takes_over and there is not None:
        onto = there
        w["nodes"][there]["empty"] = facts["empty"]
        if moving and r["path"][0] == r["to"][0]:
            w["holds"] = [h | ({"node": there} if h["node"] == node else {}) for h in w["holds"]]
    elif there is not None:
        drop(w, there)
    if not moving:
        result = onto or make(w, r["to"], folder=facts["folder"], asker=asker, empty=facts["empty"])
        bind(w, result, taken)
        if r["deep"]:
            _copied(w, asker, node, result)
        return result, due
    same = r["path"][0] == r["to"][0]
    if onto is None and same:
        facts |= {"parent": folder, "name": r["to"][-1]}
        bind(w, node, taken)
        own(w, asker, node)
        return node, due
    result = onto or make(w, r["to"], folder=facts["folder"], asker=asker, empty=facts["empty"])
    bind(w, result, taken)
    if onto is None:
        _copied(w, asker, node, result)
    drop(w, node)
    return result, due


def _copied(w: World, asker: Asker, node: int, result: int) -> None:
    """What the reader may not read is left out (§3)."""
    for member in list(members(w, node)):
        if member != result and shown(w, asker, member) and "read" in rights(w, asker, member):
            facts = w["nodes"][member]
            w["last"] += 1
            twin = w["last"]
            w["nodes"][twin] = {**facts, "parent": result, "share": w["nodes"][result]["share"]}
            w["came"][twin] = member
            bind(w, twin, points(w, member))
            _copied(w, asker, member, twin)


# -- meetings (§1) ----------------------------------------------------------------------------------------------------

REACHED = {"planned": 0, "agenda_released": 1, "running": 1, "closed": 2, "minutes_approved": 3}
INSTANTS = ("released", "closed", "approved")


def reach(w: World, meeting: dict[str, Any], state: str) -> None:
    """The agenda's release is that of all beneath; taken back or cancelled, what it released is a draft again.

    So it is with a folder in the trash, whose members' own labels stay.
    """
    was_out, is_now = (REACHED.get(each, 0) > 0 for each in (meeting["state"], state))
    before, meeting["state"] = meeting["state"], state
    if state == before:
        return
    if state in REACHED:
        for number, name in enumerate(INSTANTS):
            past = number < REACHED[state]
            meeting[name] = (w["at"] if meeting[name] is None else meeting[name]) if past else None
    folder = meeting["folder"]
    if folder not in w["nodes"] and all(folder not in each["nodes"] for each in w["thrown"].values()):
        return
    if is_now and not was_out:
        release(w, folder)
        meeting["out"] = w["at"]
    elif was_out and not is_now and w["labels"].get(folder, {}).get("release") == meeting["out"]:
        del w["labels"][folder]["release"]


def release(w: World, node: int) -> None:
    """§1: with all drafts beneath."""
    w["labels"][node] = w["labels"].get(node, {}) | {"release": w["at"]}
    clear(w, node)


def clear(w: World, node: int) -> None:
    for each in beneath(w, node):
        if w["labels"].get(each, {}).get("release") == NEVER:
            del w["labels"][each]["release"]
