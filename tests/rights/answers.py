"""What a front end must answer, by `design/rights.md` §2 and §3, the table of errors and RFC 4918.

Where several things stand in the way at once, each of their answers is right; what may not be discovered comes first.
Paths in here are those of the tree; what a front end makes of its own paths is in `fronts`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tests.rights.oracle import TABLE, WRITE, Asker, holds, rights, shown, user, words
from tests.rights.papers import CLASSES, World, label, lineage, members

Request = dict[str, Any]
"""`method`, `path` (names; the first is the drive), and as the method needs: `to`, `overwrite`, `deep`, `token`,
`aces`, `report`. Headers besides: `depth`, `over`, `destination` and `if` as sent, `when` (header, `*` or current or
stale, path).
"""
BAD = ("x", "2", "((", "")
"""Header values that nobody can understand."""


def find(w: World, path: tuple[str, ...]) -> int | None:
    """The node under a path, whoever asks."""
    place: int | None = w["roots"].get(path[0]) if path else None
    for name in path[1:]:
        place = next((m for m in members(w, place) if w["nodes"][m]["name"] == name), None) if place else None
    return place


def beneath(w: World, node: int) -> Iterator[int]:
    for member in members(w, node):
        yield member
        yield from beneath(w, member)


def visible(w: World, asker: Asker, path: tuple[str, ...]) -> int | None:
    node = find(w, path)
    return node if node is not None and shown(w, asker, node) else None


def listing(w: World, asker: Asker, folder: int) -> set[str]:
    """Names that a listing of this folder shows."""
    return {w["nodes"][m]["name"] for m in members(w, folder) if shown(w, asker, m)} | pointers(w, asker, folder)


def pointers(w: World, asker: Asker, folder: int) -> set[str]:
    """§1: what stands for papers that may be viewed but not read, if their class says so."""
    mine = sorted((not w["nodes"][m]["name"].endswith(".pdf"), w["nodes"][m]["name"], m) for m in members(w, folder))
    taken, found = {name.casefold() for _, name, m in mine if "discover" in rights(w, asker, m)}, set()
    for _, own, m in mine:
        if delivery(w, m) == "pointer" and not shown(w, asker, m) and "view" in rights(w, asker, m):
            stem = own.rpartition(".")[0] or own
            names = [f"{stem}.pdf", f"{stem} (Verweis).pdf", *(f"{stem} (Verweis {n}).pdf" for n in range(2, 99))]
            names = names[own.endswith(".pdf") :]  # its own name is a real member's
            name = next(name for name in names if name.casefold() not in taken)
            taken.add(name.casefold())
            found.add(name)
    return found


def delivery(w: World, node: int) -> str:
    """What a drive shows of a paper that may be viewed but not read (§1)."""
    grade = label(w, node)["class"]
    says = str(TABLE["delivery"][grade])
    return "pointer" if says == "original" and CLASSES.index(grade) < CLASSES.index("personal") else says


def is_pointer(w: World, asker: Asker, path: tuple[str, ...]) -> bool:
    folder = visible(w, asker, path[:-1]) if len(path) > 1 else None
    free = folder is not None and path[-1].endswith(".pdf") and visible(w, asker, path) is None
    return free and folder is not None and path[-1] in pointers(w, asker, folder)


def is_held(w: World, node: int) -> bool:
    """§2.5: a legal hold at it or above."""
    places = lineage(w, node)
    return any(h["node"] in places and holds(h, w["at"]) for h in w["holds"])


def kept(w: World, *nodes: int) -> set[int]:
    """403 where a hold keeps any of these where and as it is."""
    return {403} if any(is_held(w, node) for node in nodes) else set()


def need_content(w: World, asker: Asker, node: int) -> set[int]:
    """Under a hold, what is still empty may get its first content, but not by a right that is lent."""
    if not w["nodes"][node]["empty"] or asker["link"] is not None:
        return need(w, asker, (node, "write-content"))
    own = [entry for entry in w["entries"] if not entry["maker"]]
    return need(w, asker, (node, "write-content")) and need(
        {**w, "holds": [], "entries": own}, asker, (node, "write-content")
    )


def need(w: World, asker: Asker, *pairs: tuple[int, str]) -> set[int]:
    return set() if all(word in rights(w, asker, node) for node, word in pairs) else {403}


# -- headers (RFC 4918 §10, RFC 9110 §13) -----------------------------------------------------------------------------


def bad_headers(r: Request, *, folder: bool) -> set[int]:
    """What Depth, Overwrite, Destination and If must be answered with, if they do not fit."""
    depth, method, found = r.get("depth", "0"), r["method"], set[int]()
    allowed = {
        "PROPFIND": ("0", "1"),
        "COPY": ("0", "infinity"),
        "LOCK": ("0", "infinity"),
        "REPORT": ("0",),
        "DELETE": ("infinity",) if folder else ("0", "1", "infinity"),
        "MOVE": ("infinity",) if folder else ("0", "1", "infinity"),
    }.get(method, (depth,))
    if "depth" in r and depth not in allowed:
        found.add(403 if (method, depth) == ("PROPFIND", "infinity") else 400)
    if "to" in r and (r.get("over", "T") in BAD or r.get("destination") == ""):
        found.add(400)
    if "to" in r and r.get("destination", "").startswith("http://elsewhere"):
        found.add(502)
    if r.get("if") in BAD and method != "OPTIONS":
        found.add(400)
    return found


def matches(w: World, asker: Asker, which: str, path: tuple[str, ...]) -> bool:
    """Does an entity tag, or `*`, name what the asker finds there? Of a folder nobody here knows the tag."""
    node = visible(w, asker, path)
    if which == "*":
        return node is not None or is_pointer(w, asker, path)
    return which == "current" and node is not None and not w["nodes"][node]["folder"]


def conditions_hold(w: World, asker: Asker, r: Request) -> bool:
    for header, which, path in r.get("when", ()):
        there = r["path"] if header != "if" else path
        met = matches(w, asker, which.removeprefix("not "), there)
        if header == "if-match" or header == "if":
            if met == which.startswith("not "):
                return False
        elif met and r["method"] not in ("GET", "HEAD"):
            return False
    return True


# -- verbs ------------------------------------------------------------------------------------------------------------


def get(w: World, asker: Asker, r: Request) -> set[int]:
    node = visible(w, asker, r["path"])
    if node is None:
        return {404}
    return {200} if w["nodes"][node]["folder"] else need(w, asker, (node, "read")) or {200}


def propfind(w: World, asker: Asker, r: Request) -> set[int]:
    return {404} if visible(w, asker, r["path"]) is None else {207}


def proppatch(w: World, asker: Asker, r: Request) -> set[int]:
    node = visible(w, asker, r["path"])
    if node is None:
        return {404}
    return need(w, asker, (node, "write-properties")) or locked(w, asker, r, [node]) or {207}


def _arrive(w: World, asker: Asker, path: tuple[str, ...], verb: str) -> tuple[set[int], int | None, int | None]:
    """What stands in the way of a name; the folder, and what is shown there already."""
    if len(path) < 2:
        return {403}, None, None
    folder = visible(w, asker, path[:-1])
    if folder is None or not w["nodes"][folder]["folder"]:
        return {403 if is_pointer(w, asker, path[:-1]) else 409}, None, None
    there, seen = find(w, path), visible(w, asker, path)
    if there is not None and seen is None:
        return {403}, folder, None  # §3: a hidden paper's name
    if seen is not None and verb == "PUT":
        return (set() if not w["nodes"][seen]["folder"] else {405, 409}), folder, seen
    return need(w, asker, (folder, "bind")), folder, seen


def put(w: World, asker: Asker, r: Request) -> set[int]:
    stop, folder, there = _arrive(w, asker, r["path"], "PUT")
    if stop or folder is None:
        return stop
    if there is not None:
        return need_content(w, asker, there) or locked(w, asker, r, [there]) or {204}
    return locked(w, asker, r, [folder]) or {201}


def mkcol(w: World, asker: Asker, r: Request) -> set[int]:
    if visible(w, asker, r["path"]) is not None:
        return {405}
    stop, folder, _ = _arrive(w, asker, r["path"], "MKCOL")
    if len(r["path"]) < 2:
        return {404, 403}
    return stop or locked(w, asker, r, [folder]) or {201}


def lock(w: World, asker: Asker, r: Request) -> set[int]:
    node = visible(w, asker, r["path"])
    if node is None:
        return put(w, asker, r)
    stop = need(w, asker, (node, "bind")) if w["nodes"][node]["folder"] else need_content(w, asker, node)
    wished = [node, *(beneath(w, node) if r["deep"] else ())]
    standing = [k for k in _living(w) if k["node"] in wished or (k["deep"] and k["node"] in lineage(w, node))]
    return stop or ({423} if standing else {200})


def unlock(w: World, asker: Asker, r: Request) -> set[int]:
    """By its maker, or by whoever may break locks (§1)."""
    node = visible(w, asker, r["path"])
    if node is None:
        return {404}
    if words(asker["rights"]).isdisjoint(WRITE):
        return {403}  # a credential that only reads made no lock
    standing = [k for k in w["locks"] if k["until"] > w["at"] and k["token"] == r["token"]]
    if not any(k["node"] == node or (k["deep"] and k["node"] in lineage(w, node)) for k in standing):
        return {409}
    return {204} if standing[0]["by"] == by(asker) else need(w, asker, (node, "unlock")) or {204}


def _leave(w: World, asker: Asker, r: Request, *, moving: bool) -> set[int]:
    """DELETE, and the source of MOVE: nothing hidden may be taken along (§3)."""
    path, node = r["path"], visible(w, asker, r["path"])
    if node is None:
        return {404}
    if len(path) < 2:
        return {403}
    folder, below = w["nodes"][node]["parent"], [*beneath(w, node)]
    stop = need(w, asker, (folder, "unbind"), *([(node, "read")] if moving else []))
    stop |= {403} if any(not shown(w, asker, each) for each in below) else kept(w, node, *below)
    if moving and r["to"][:1] != path[:1]:  # every byte goes into another drive's keys
        stop |= need(w, asker, *((each, "read") for each in below))
    return stop or locked(w, asker, r, [node, *below]) | locked(w, asker, r, [folder])


def delete(w: World, asker: Asker, r: Request) -> set[int]:
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
        stop |= need(w, asker, (folder, "unbind"))
        below = [*beneath(w, there)]
        stop |= {403} if any(not shown(w, asker, each) for each in below) else kept(w, there, *below)
        stop |= locked(w, asker, r, [there, *beneath(w, there)])
    stop |= locked(w, asker, r, [folder])
    return stop or ({204} if there is not None else {201})


def move(w: World, asker: Asker, r: Request) -> set[int]:
    return _two_sided(w, asker, r, _leave(w, asker, r, moving=True))


def copy(w: World, asker: Asker, r: Request) -> set[int]:
    node = visible(w, asker, r["path"])
    return _two_sided(w, asker, r, {404} if node is None else need(w, asker, (node, "read")))


def report(w: World, asker: Asker, r: Request) -> set[int]:
    """What a list says is for those who may read it (RFC 3744 §9.2)."""
    node = visible(w, asker, r["path"])
    if node is None:
        return {404}
    if r["report"] == "sync-collection":  # a token that is too old is refused, so 403 is right wherever one was sent
        drop = asker["link"] is not None and w["links"][asker["link"]]["kind"] == "drop"
        outside = asker["scopes"] and not asker["scopes"] & set(lineage(w, node))
        return {403} if drop or outside or not w["nodes"][node]["folder"] else {207, 403}
    return {207} if r["report"] != "acl-principal-prop-set" else need(w, asker, (node, "read-acl")) or {207}


# -- locks (RFC 4918 §7) ---------------------------------------------------------------------------------------------


def by(asker: Asker) -> tuple[str, int | None]:
    """Who holds a lock: a person, whatever his credential, or a link."""
    return asker["name"], asker["link"]


def _living(w: World) -> list[dict[str, Any]]:
    """§3: one whose maker may write there no longer is none."""
    standing = [k for k in w["locks"] if k["until"] > w["at"] and k["node"] in w["nodes"]]
    plain = {**w, "admins": ()}
    return [k for k in standing if not rights(plain, _holder(k), k["node"]).isdisjoint(WRITE)]


def _holder(lock: dict[str, Any]) -> Asker:
    name, link = lock["by"]
    return user(name) | ({} if link is None else {"link": link, "channel": "link"})


def locked(w: World, asker: Asker, r: Request, nodes: list[int | None]) -> set[int]:
    """423 if a lock covers one of them and its maker did not submit its token."""
    for node in nodes:
        places = lineage(w, node) if node is not None else []
        for k in _living(w):
            if (k["node"] == node or (k["deep"] and k["node"] in places)) and not (
                k["token"] == r.get("token") and k["by"] == by(asker)
            ):
                return {423}
    return set()
