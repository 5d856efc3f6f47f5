"""The trash as a way in (rights.md §2, step 1): what was deleted is decided as if it still lay where it was.

Seen is what may be discovered by that decision, and was deleted by the asker or might be removed from there by him.
The world keeps `thrown`: root → `by`, `at`, `real` (the house's id), `nodes` {id: facts}.
"""

from __future__ import annotations

from collections import Counter
from typing import Any
from urllib.parse import quote

from davserver.nextcloud.mapping import FileIds
from tests.rights import answers, oracle
from tests.rights.calling import call, listed
from tests.rights.giving import Giving
from tests.rights.papers import NEVER, World, label, lineage
from tests.rights.planted import planted
from tests.rights.shared import drives_of, free_name

TRASH = "trash"
NEWEST = 20
"""How many of the newest in the trash are asked for; what is older stands for itself."""
TRASH_METHODS = {"PROPFIND": 3, "GET": 3, "MOVE": 3, "DELETE": 1}


def as_it_lay(w: World) -> World:
    """The world as if nothing had been deleted; without what lay in a folder that was purged."""
    nodes = {**w["nodes"]}
    for each in w["thrown"].values():
        nodes |= each["nodes"]
    known: set[int | None] = {None, *nodes}
    while hanging := {node for node, facts in nodes.items() if facts["parent"] not in known}:
        nodes = {node: facts for node, facts in nodes.items() if node not in hanging}  # it lay in what was purged
        known -= hanging
    return {**w, "nodes": nodes}


def in_trash(w: World, then: World, asker: oracle.Asker, root: int) -> bool:
    """Does he see it there?"""
    thrown, facts = w["thrown"][root], then["nodes"][root]
    might = "unbind" in oracle.rights(then, asker, facts["parent"])
    opens = might or (asker["link"] is None and thrown["by"] == asker["name"])
    return opens and facts["share"] in drives_of(w, asker | {"way": "files"}) and oracle.shown(then, asker, root)


def due_of(w: World, then: World, asker: oracle.Asker, method: str, root: int) -> set[int]:
    facts, below = then["nodes"][root], [each for each in w["thrown"][root]["nodes"] if each != root]
    folder = facts["parent"]
    if not in_trash(w, then, asker, root):
        return {404}
    if method == "GET":
        return {405} if facts["folder"] else answers.need(then, asker, (root, "read")) or {200}
    if method == "DELETE":
        stop = answers.need(then, asker, (folder, "unbind")) | answers.kept(then, root, *below)
        return stop or ({403} if not all(oracle.shown(then, asker, each) for each in below) else {204})
    copies = asker | {"way": "files"}
    if folder not in w["nodes"] or not oracle.shown(w, copies, folder):
        return {409}
    place = (*(w["nodes"][each]["name"] for each in lineage(w, folder)), facts["name"])
    if answers.is_pointer(w, copies, place):
        return {403}
    return answers.need(w, asker, (folder, "bind")) or answers.locked(w, asker, {}, [folder]) or {201}


def throw(w: World, asker: oracle.Asker, root: int, real: int) -> None:
    """DELETE done; the locks go with it."""
    nodes = {each: w["nodes"][each] for each in (root, *answers.beneath(w, root))}
    by = asker["name"] if asker["link"] is None else None
    w["thrown"][root] = {"by": by, "at": w["at"], "real": real, "nodes": nodes}
    w["locks"] = [k for k in w["locks"] if k["node"] not in nodes]


def bring_back(w: World, then: World, root: int) -> None:
    """To where it lay, as it was; what was released while it lay here waits for its own release."""
    facts, own = w["thrown"][root]["nodes"][root], label(then, root)
    if w["thrown"][root]["at"] < own["release"] <= w["at"]:
        w["labels"][root] = w["labels"].get(root, {}) | {"release": NEVER}
    facts["name"] = free_name(w, facts["parent"], facts["name"])
    w["nodes"] |= w["thrown"].pop(root)["nodes"]


class Trashing(Giving):
    """Requests at `/remote.php/dav/trashbin/<user>/`."""

    met: Counter[tuple[str, str, str]]

    def step_bin(self, name: str, kind: str, which: int, method: str) -> str:
        """One thing in the trash, or (PROPFIND) all that is seen there."""
        world, asker = self.world, self.askers.get((name, kind))
        then = as_it_lay(world)
        roots = [root for root in [*world["thrown"]][-NEWEST:] if root in then["nodes"]]
        if asker is None or not roots:
            return ""
        root, ids = roots[which % len(roots)], FileIds(self.house.file_secret, self.house.instance)
        for rule in planted(then, asker, {"path": [then["nodes"][each]["name"] for each in lineage(then, root)]}):
            self.met[TRASH, method, rule] += 1
        names = {each: self.name_there(ids, each) for each in roots}
        base = f"/remote.php/dav/trashbin/{name}"
        url = f"{base}/trash/" + ("" if method == "PROPFIND" else quote(names[root]))
        more = {"destination": f"{base}/restore/x"} if method == "MOVE" else {"depth": "1"}
        due = {207} if method == "PROPFIND" else due_of(world, then, asker, method, root)
        answer = call(self.app, method, url, authorization=self.logins[name, kind], **more)
        if answer.status not in due:
            return f"expected {sorted(due)}, got {answer.status} {answer.body[:200]!r}"
        if method == "PROPFIND":
            seen = {names[each] for each in roots if in_trash(world, then, asker, each)}
            found = listed(answer, url) & set(names.values())
            return "" if found == seen else f"trash: expected {sorted(seen)}, got {sorted(found)}"
        if answer.status == 204:
            del world["thrown"][root]
        if answer.status == 201:
            bring_back(world, then, root)
            return self.differs(root)
        return ""

    def name_there(self, ids: FileIds, root: int) -> str:
        thrown: dict[str, Any] = self.world["thrown"][root]
        facts = thrown["nodes"][root]
        return f"{facts['name']}.d{ids.number(facts['share'], thrown['real'])}"

    def differs(self, node: int) -> str:
        """What is wrong with the label of a node."""
        raise NotImplementedError
