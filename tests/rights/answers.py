"""What a drive must answer, by `design/rights.md` §2 and §3 and the table of errors, and what that does to the world.

Where several things stand in the way at once, each of their answers is right; what may not be discovered comes first.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tests.rights.oracle import CLASSES, NEVER, Asker, World, delivery, label, lineage, members, points, rights, shown

Request = dict[str, Any]
"""`method`, `path` (names; the first is the drive), and as the method needs: `to`, `overwrite`, `deep`, `token`."""
DONE = {"PUT": {201, 204}, "MKCOL": {201}, "DELETE": {204}, "MOVE": {201, 204}, "COPY": {201, 204}, "LOCK": {200, 201}}


def find(w: World, path: tuple[str, ...]) -> int | None:
    """The node under a path, whoever asks."""
    place: int | None = w["roots"].get(path[0])
    for name in path[1:]:
        place = next((m for m in members(w, place) if w["nodes"][m]["name"] == name), None) if place else None
    return place


def beneath(w: World, node: int) -> Iterator[int]:
    for member in members(w, node):
        yield member
        yield from beneath(w, member)


def listing(w: World, asker: Asker, path: tuple[str, ...]) -> set[str]:
    """Names that a listing of this folder shows."""
    if not path:
        return {share for share, root in w["roots"].items() if shown(w, asker, root)}
    node = find(w, path)
    assert node is not None
    return {w["nodes"][m]["name"] for m in members(w, node) if shown(w, asker, m)} | pointers(w, asker, node)


def pointers(w: World, asker: Asker, folder: int) -> set[str]:
    """§1: what stands for papers that may be viewed but not read, if their class says so."""
    mine = sorted((not w["nodes"][m]["name"].endswith(".pdf"), w["nodes"][m]["name"], m) for m in members(w, folder))
    taken, found = {name.casefold() for _, name, m in mine if "discover" in rights(w, asker, m)}, set()
    for _, own, m in mine:
        if not shown(w, asker, m) and "view" in rights(w, asker, m) and delivery(w, m) == "pointer":
            stem = own.rpartition(".")[0] or own
            names = (f"{stem}.pdf", f"{stem} (Verweis).pdf", *(f"{stem} (Verweis {n}).pdf" for n in range(2, 99)))
            name = next(name for name in names if name.casefold() not in taken)
            taken.add(name.casefold())
            found.add(name)
    return found


def _is_pointer(w: World, asker: Asker, path: tuple[str, ...]) -> bool:
    folder = find(w, path[:-1]) if len(path) > 1 else None
    seen = folder is not None and shown(w, asker, folder) and _visible(w, asker, path) is None
    return seen and folder is not None and path[-1] in pointers(w, asker, folder)


def expected(w: World, asker: Asker, r: Request) -> set[int]:
    """Statuses that are right."""
    if r["method"] == "OPTIONS":
        return {200}
    if not r["path"]:
        return {"GET": {200}, "PROPFIND": {207}}[r["method"]]
    if _is_pointer(w, asker, r["path"]):  # read-only; a COPY of it is a page of its own
        return {"GET": {200}, "HEAD": {200}, "PROPFIND": {207}, "MKCOL": {403, 405}}.get(r["method"], {403})
    if "to" in r and _is_pointer(w, asker, r["to"]):
        return {403, 404, 409, 412}
    return globals()[f"_{r['method'].lower()}"](w, asker, r)  # type: ignore[no-any-return]


def _visible(w: World, asker: Asker, path: tuple[str, ...]) -> int | None:
    node = find(w, path)
    return node if node is not None and shown(w, asker, node) else None


def _need(w: World, asker: Asker, *pairs: tuple[int, str]) -> set[int]:
    return set() if all(word in rights(w, asker, node) for node, word in pairs) else {403}


def _get(w: World, asker: Asker, r: Request) -> set[int]:
    node = _visible(w, asker, r["path"])
    if node is None:
        return {404}
    return {200} if w["nodes"][node]["folder"] else _need(w, asker, (node, "read")) or {200}


_head = _get


def _propfind(w: World, asker: Asker, r: Request) -> set[int]:
    return {404} if _visible(w, asker, r["path"]) is None else {207}


def _proppatch(w: World, asker: Asker, r: Request) -> set[int]:
    node = _visible(w, asker, r["path"])
    if node is None:
        return {404}
    return _need(w, asker, (node, "write-properties")) or _locked(w, asker, r, [node]) or {207}


def _arrive(w: World, asker: Asker, path: tuple[str, ...], verb: str) -> tuple[set[int], int | None, int | None]:
    """What stands in the way of a name; the folder, and what is shown there already."""
    if len(path) < 2:
        return {403}, None, None
    folder = _visible(w, asker, path[:-1])
    if folder is None or not w["nodes"][folder]["folder"]:
        return {409}, None, None
    there, seen = find(w, path), _visible(w, asker, path)
    if there is not None and seen is None:
        return {403}, folder, None  # §3: a hidden paper's name
    if seen is not None and verb == "PUT":
        return (set() if not w["nodes"][seen]["folder"] else {405, 409}), folder, seen
    return _need(w, asker, (folder, "bind")), folder, seen


def _put(w: World, asker: Asker, r: Request) -> set[int]:
    stop, folder, there = _arrive(w, asker, r["path"], "PUT")
    if stop or folder is None:
        return stop
    if there is not None:
        return _need(w, asker, (there, "write-content")) or _locked(w, asker, r, [there]) or {204}
    return _locked(w, asker, r, [folder]) or {201}


def _mkcol(w: World, asker: Asker, r: Request) -> set[int]:
    if _visible(w, asker, r["path"]) is not None:
        return {405}
    stop, folder, _ = _arrive(w, asker, r["path"], "MKCOL")
    if len(r["path"]) < 2:
        return {404, 403}
    return stop or _locked(w, asker, r, [folder]) or {201}


def _lock(w: World, asker: Asker, r: Request) -> set[int]:
    node = _visible(w, asker, r["path"])
    if node is None:
        return _put(w, asker, r)
    need = "bind" if w["nodes"][node]["folder"] else "write-content"
    wished = [node, *(beneath(w, node) if r["deep"] else ())]
    standing = [k for k in _living(w) if k["node"] in wished or (k["deep"] and k["node"] in lineage(w, node))]
    return _need(w, asker, (node, need)) or ({423} if standing else {200})


def _leave(w: World, asker: Asker, r: Request, *, moving: bool) -> set[int]:
    """DELETE, and the source of MOVE: nothing hidden may be taken along (§3)."""
    path, node = r["path"], _visible(w, asker, r["path"])
    if node is None:
        return {404}
    if len(path) < 2:
        return {403}
    folder = w["nodes"][node]["parent"]
    stop = _need(w, asker, (folder, "unbind"), *([(node, "read")] if moving else []))
    stop |= {403} if any(not shown(w, asker, each) for each in beneath(w, node)) else set()
    return stop or _locked(w, asker, r, [node, *beneath(w, node)]) | _locked(w, asker, r, [folder])


def _delete(w: World, asker: Asker, r: Request) -> set[int]:
    return _leave(w, asker, r, moving=False) or {204}


def _two_sided(w: World, asker: Asker, r: Request, stop: set[int]) -> set[int]:
    path, to = r["path"], r["to"]
    if stop == {404}:
        return stop
    if len(path) < 2 or path[: len(to)] == to or to[: len(path)] == path:
        return stop | {403}
    more, folder, there = _arrive(w, asker, to, "MOVE")
    stop |= more
    if folder is None:
        return stop
    if there is not None:
        stop |= set() if r["overwrite"] else {412}
        stop |= _need(w, asker, (folder, "unbind"))
        stop |= {403} if any(not shown(w, asker, each) for each in beneath(w, there)) else set()
        stop |= _locked(w, asker, r, [there, *beneath(w, there)])
    stop |= _locked(w, asker, r, [folder])
    return stop or ({204} if there is not None else {201})


def _move(w: World, asker: Asker, r: Request) -> set[int]:
    return _two_sided(w, asker, r, _leave(w, asker, r, moving=True))


def _copy(w: World, asker: Asker, r: Request) -> set[int]:
    node = _visible(w, asker, r["path"])
    return _two_sided(w, asker, r, {404} if node is None else _need(w, asker, (node, "read")))


# -- locks (RFC 4918 §7) ---------------------------------------------------------------------------------------------


def _living(w: World) -> list[dict[str, Any]]:
    return [k for k in w["locks"] if k["until"] > w["at"] and k["node"] in w["nodes"]]


def _locked(w: World, asker: Asker, r: Request, nodes: list[int | None]) -> set[int]:
    """423 if a lock covers one of them and its maker did not submit its token."""
    for node in nodes:
        places = lineage(w, node) if node is not None else []
        for k in _living(w):
            if (k["node"] == node or (k["deep"] and k["node"] in places)) and not (
                k["token"] == r.get("token") and k["by"] == asker["name"]
            ):
                return {423}
    return set()


# -- what a success does ----------------------------------------------------------------------------------------------


def carried(one: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
    """§2.7: the higher class, the later release, the earlier close; never a publication."""
    return {
        "class": max(one["class"], other["class"], key=CLASSES.index),
        "release": max(one["release"], other["release"]),
        "close": min(one["close"], other["close"]),
    }


def is_out(w: World, folder: int) -> bool:
    """§1: what comes to papers that are released already waits for its own release."""
    return bool(0 < label(w, folder)["release"] <= w["at"])


def make(w: World, path: tuple[str, ...], *, folder: bool) -> int:
    parent = find(w, path[:-1])
    assert parent is not None
    w["last"] += 1
    w["nodes"][w["last"]] = {"share": path[0], "parent": parent, "name": path[-1], "folder": folder}
    if is_out(w, parent):
        w["labels"][w["last"]] = {"release": NEVER}
    return int(w["last"])


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
    if takes_over:
        onto = there
    elif there is not None:
        drop(w, there)
    if not moving:
        result = onto or make(w, r["to"], folder=facts["folder"])
        bind(w, result, taken)
        if r["deep"]:
            _copied(w, asker, node, result)
        return result, due
    same = r["path"][0] == r["to"][0]
    if onto is None and same:
        facts |= {"parent": folder, "name": r["to"][-1]}
        bind(w, node, taken)
        return node, due
    result = onto or make(w, r["to"], folder=facts["folder"])
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
