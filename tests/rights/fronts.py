"""Front ends: which place of the tree a path of theirs stands for, and what they answer by themselves.

A later front end (trash, versions, Nextcloud, portal) adds a class with the four verbs of `Drive`, a branch in
`front_of`, and to the author (`writing.py`) how often somebody comes that way; the rules are then the same. A new
method adds a function to `answers` and a line to `VERBS`, a new report a line to `answers.report` and `sending`, a new
ground for refusal a line to `oracle.held` or `answers.need`. Where a step is no request, it is a `step_…` of `playing`.
"""

from __future__ import annotations

from urllib.parse import quote

from tests.rights import answers
from tests.rights.answers import (
    Request,
    bad_headers,
    conditions_hold,
    find,
    is_pointer,
    listing,
    locked,
    need,
    need_content,
    visible,
)
from tests.rights.lists import acl
from tests.rights.oracle import Asker, holds, shown
from tests.rights.papers import World, lineage
from tests.rights.shared import drives_of, free_name, lines

SHARED, PRINCIPALS = "geteilt", ".principals"
PROGRAMS = ("~WRL0001.tmp", "~$Notiz", ".~lock.Notiz#", "Thumbs.db")
"""Names that programs give to what they make for themselves (protocol.md §2)."""
SUCCESS = {200, 201, 204, 207}
VERBS = {
    "GET": answers.get,
    "HEAD": answers.get,
    "PROPFIND": answers.propfind,
    "PROPPATCH": answers.proppatch,
    "PUT": answers.put,
    "MKCOL": answers.mkcol,
    "DELETE": answers.delete,
    "MOVE": answers.move,
    "COPY": answers.copy,
    "LOCK": answers.lock,
    "UNLOCK": answers.unlock,
    "ACL": acl,
    "REPORT": answers.report,
}


class Drive:
    """`/dav/`: all drives that somebody has."""

    name, prefix = "drive", "/dav"

    def real(self, w: World, asker: Asker, path: tuple[str, ...]) -> tuple[str, ...] | None:
        """The place in the tree; None if there is none."""
        return path

    def by_itself(self, w: World, asker: Asker, r: Request) -> set[int] | None:
        """Statuses where the front end alone decides; None where the tree does."""
        if not r["path"]:
            due = {"GET": {200}, "HEAD": {200}, "PROPFIND": {207}}.get(r["method"], {403})
            return loosely(due, r, folder=True)
        if r["path"][0] == PRINCIPALS:
            return loosely({207}, r, folder=True)
        if "to" in r and r["to"][:1] == (SHARED,):
            return _into_the_list(w, asker, r)
        return None

    def names(self, w: World, asker: Asker, path: tuple[str, ...]) -> set[str]:
        """What a listing shows."""
        if path:
            node = find(w, path)
            assert node is not None
            return listing(w, asker, node)
        return drives_of(w, asker) | ({SHARED} if any(lines(w, asker, share) for share in w["roots"]) else set())

    def url(self, path: tuple[str, ...]) -> str:
        return f"{self.prefix}/" + "/".join(quote(name) for name in path)


class Shared(Drive):
    """`/dav/geteilt/<committee>/<name>/…`: what colleagues share; each line stands for the real place."""

    name = "shared"

    def real(self, w: World, asker: Asker, path: tuple[str, ...]) -> tuple[str, ...] | None:
        if path[:1] != (SHARED,):
            return path
        node = lines(w, asker, path[1]).get(path[2]) if len(path) > 2 else None
        if node is None:
            return None
        return (*(w["nodes"][place]["name"] for place in lineage(w, node)), *path[3:])

    def by_itself(self, w: World, asker: Asker, r: Request) -> set[int] | None:
        path, method, real = r["path"], r["method"], self.real(w, asker, r["path"])
        there = real is not None or len(path) == 1 or (len(path) == 2 and bool(lines(w, asker, path[1])))
        if not there:
            deep = len(path) > 3
            fixed = {
                "PUT": {409} if deep else {403},
                "LOCK": {409} if deep else {403},
                "MKCOL": {409} if deep else {404},
            }
            return loosely(fixed.get(method, {404}), r, folder=False)
        if len(path) < 3:
            reading = {"GET": {200}, "HEAD": {200}, "PROPFIND": {207}, "MKCOL": {405}}
            more = {"UNLOCK": {403, 409}, "COPY": {403, 409}, "REPORT": {207, 403}}
            return loosely((reading | more).get(method, {403}), r, folder=True)
        if len(path) == 3 and method in ("DELETE", "MOVE"):
            return loosely({403}, r, folder=True)
        return _into_the_list(w, asker, r) if "to" in r else None

    def names(self, w: World, asker: Asker, path: tuple[str, ...]) -> set[str]:
        if len(path) == 1:
            return {share for share in w["roots"] if lines(w, asker, share)}
        if len(path) == 2:
            return set(lines(w, asker, path[1]))
        real = self.real(w, asker, path)
        assert real is not None
        return super().names(w, asker, real)


class Link(Drive):
    """`/dav-link/<token>/`: one folder or document and what lies in it, or a drop; nothing beside it."""

    name = "link"

    def __init__(self, w: World, asker: Asker) -> None:
        self.link, self.asker = w["links"][asker["link"]], asker
        self.prefix = f"/dav-link/{self.link['token']}"
        self.node = self.link["node"] if self.link["node"] in w["nodes"] else None
        self.is_drop = self.link["kind"] == "drop"
        whole = [w["nodes"][place]["name"] for place in lineage(w, self.node)] if self.node else []
        self.folder = self.node is not None and w["nodes"][self.node]["folder"]
        self.base = tuple(whole if self.folder else whole[:-1])
        self.document = "" if self.folder or not whole else whole[-1]

    def real(self, w: World, asker: Asker, path: tuple[str, ...]) -> tuple[str, ...] | None:
        """A drop gives what it takes a name that nothing has yet."""
        if self.is_drop and len(path) == 1:
            return (*self.base, free_name(w, self.node or 0, path[0]))
        return (*self.base, *path)

    def by_itself(self, w: World, asker: Asker, r: Request) -> set[int] | None:
        path, method, node, link = r["path"], r["method"], self.node, self.link
        ended = not holds(link, w["at"]) or (link["revoked"] is not None and link["revoked"] <= w["at"])
        if ended or link["uses"] == 0 or node is None:
            return {404}
        seen = shown(w, asker, node)
        if not path or (self.is_drop and method in ("MKCOL", "LOCK")):
            due = self._at_the_root(w, asker, method, seen=seen) if not path else {403}
        elif self.is_drop:
            due = {404} if method != "PUT" else self._dropped(w, asker, r, node, seen=seen)
        elif self.folder:
            due = None
        else:
            due = self._beside_a_document(w, asker, r, seen=seen)
        return None if due is None else loosely(due, r, folder=not path)

    def _dropped(self, w: World, asker: Asker, r: Request, node: int, *, seen: bool) -> set[int]:
        """Each arrival is a new document; there is nothing that conditions could be about."""
        if not seen or len(r["path"]) > 1:
            return {409}
        stop = need(w, asker, (node, "bind")) or locked(w, asker, r, [node])
        missed = not conditions_hold(w, asker, {**r, "path": ()})
        return stop or ({412} if missed else {201})

    def _at_the_root(self, w: World, asker: Asker, method: str, *, seen: bool) -> set[int] | None:
        if method == "PUT":
            return {403, 409}  # its URL is a folder's
        if not seen:
            return {403, 404} if self.is_drop else {404}
        if method in ("DELETE", "COPY", "MOVE", "ACL") or (self.is_drop and method in ("MKCOL", "LOCK")):
            return {403}
        if self.folder:
            return None
        reading = {"GET": {200}, "HEAD": {200}, "PROPFIND": {207}, "REPORT": {207, 403}}
        return (reading | {"MKCOL": {405}, "UNLOCK": {403, 409}}).get(method, {403})

    def _beside_a_document(self, w: World, asker: Asker, r: Request, *, seen: bool) -> set[int] | None:
        method, path, node = r["method"], r["path"], self.node
        assert node is not None
        making = method in ("PUT", "MKCOL", "LOCK")
        if not seen or len(path) > 1:
            return {409} if making else {404}
        if path != (self.document,):
            return {403} if making else {404}
        if method in ("DELETE", "COPY", "MOVE"):
            return {403, 409}
        if method == "PUT":
            stop = need_content(w, asker, node) or locked(w, asker, r, [node])
            missed = not conditions_hold(w, asker, {**r, "path": (*self.base, *path)})
            return stop or ({412} if missed else {204})
        return None

    def names(self, w: World, asker: Asker, path: tuple[str, ...]) -> set[str]:
        if self.is_drop:
            return set()
        if not self.folder and not path:
            return {self.document}
        node = find(w, (*self.base, *path))
        assert node is not None
        return listing(w, asker, node)


class Files(Drive):
    """`/remote.php/dav/files/<user>/`: the drives for clients that keep a copy; files of programs are not taken."""

    name = "files"

    def __init__(self, asker: Asker) -> None:
        self.prefix = f"/remote.php/dav/files/{asker['name']}"

    def by_itself(self, w: World, asker: Asker, r: Request) -> set[int] | None:
        if r["path"] and r["path"][-1] in PROGRAMS:
            making = {"PUT": {403}, "LOCK": {403}, "MKCOL": {403}}
            return loosely(making.get(r["method"], {404}), r, folder=False)
        if r.get("to", ("",))[-1] in PROGRAMS:
            return loosely({404} if visible(w, asker, r["path"]) is None else {403}, r, folder=True)
        return super().by_itself(w, asker, r)


def front_of(w: World, asker: Asker, path: tuple[str, ...]) -> Drive:
    """By which way somebody comes."""
    if asker["way"] == "files":
        return Files(asker)
    if asker["link"] is not None:
        return Link(w, asker)
    return Shared() if path[:1] == (SHARED,) else Drive()


def expected(w: World, asker: Asker, r: Request) -> set[int]:
    """Statuses that are right for a place in the tree."""
    if is_pointer(w, asker, r["path"]):  # read-only; a COPY of it is a page of its own
        reading = {"GET": {200}, "HEAD": {200}, "PROPFIND": {207}, "REPORT": {207, 403}}
        due = (reading | {"MKCOL": {403, 405}, "UNLOCK": {403, 409}}).get(r["method"], {403})
        return loosely(due, r, folder=False)
    due = VERBS[r["method"]](w, asker, r)
    if "to" in r and is_pointer(w, asker, r["to"]) and due != {404}:
        due = {403, 404, 409, 412}
    node = visible(w, asker, r["path"])
    bad = bad_headers(r, folder=node is not None and w["nodes"][node]["folder"])
    if bad or due == {404}:
        return (due - SUCCESS) | bad
    if not conditions_hold(w, asker, r):
        return {412} if due & SUCCESS else due | {412}
    if (
        r["method"] in ("GET", "HEAD")
        and due == {200}
        and any(
            header == "if-none-match" and answers.matches(w, asker, which, r["path"])
            for header, which, _ in r.get("when", ())
        )
    ):
        return {304}
    return due


def loosely(due: set[int], r: Request, *, folder: bool) -> set[int]:
    """The answer of a front end by itself, where headers may stand in the way: nothing turns on rights there."""
    bad = bad_headers(r, folder=folder)
    return (due - SUCCESS if bad else due) | bad | ({412, 304} if r.get("when") else set())


def answered(w: World, asker: Asker, r: Request) -> tuple[set[int], Request]:
    """Statuses that are right, and the same request with its places in the tree."""
    front = front_of(w, asker, r["path"])

    def real(path: tuple[str, ...]) -> tuple[str, ...]:
        return front_of(w, asker, path).real(w, asker, path) or ()

    whole = {**r, "path": real(r["path"]), "when": [(name, wish, real(path)) for name, wish, path in r.get("when", ())]}
    whole |= {"to": real(r["to"])} if "to" in r else {}
    if r["method"] == "OPTIONS":
        return {200}, whole
    due = front.by_itself(w, asker, r)
    return (expected(w, asker, whole) if due is None else due), whole


def _into_the_list(w: World, asker: Asker, r: Request) -> set[int] | None:
    """COPY and MOVE to a line of the list, or beneath one that is not there; a source that is not there comes first."""
    to, source = r["to"], Shared().real(w, asker, r["path"])
    if to[:1] != (SHARED,) or (len(to) > 3 and Shared().real(w, asker, to) is not None):
        return None
    if source is None or (visible(w, asker, source) is None and not is_pointer(w, asker, source)):
        return loosely({404}, r, folder=False)
    return loosely({403, 409}, r, folder=True)
