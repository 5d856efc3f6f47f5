"""The trash as Nextcloud shows it: `trashbin/<user>/trash/…`, brought back by MOVE to `trashbin/<user>/restore/`.

What was deleted is called `NAME.d` and its file id, so that two of one name differ and each is found by its own.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable

from davserver.dav.properties import LiveProperty, Page
from davserver.dav.request import Response
from davserver.dav.xml import element, escape
from davserver.nextcloud.annexes import AnnexCall, Verbs
from davserver.nextcloud.properties import NC, OC, SECOND
from davserver.tree.seen import Seen, Thrown
from shareproviders.contract import NotFound
from shareproviders.paths import ROOT, SharePath

TRASH, RESTORE = "trash", "restore"
_NAMED = re.compile(r"(?s:.*)\.d([0-9]{1,19})")


class TrashCall(AnnexCall):
    """One request about what was deleted."""

    root = "trashbin"

    def properties(self) -> Iterable[LiveProperty]:
        self._found: dict[SharePath, Thrown] = {}
        told: dict[str, Callable[[Thrown], str]] = {
            f"{NC}trashbin-filename": lambda thrown: thrown.node.name,
            f"{NC}trashbin-title": lambda thrown: thrown.node.name,
            f"{NC}trashbin-original-location": lambda thrown: str(thrown.place or thrown.node.name).lstrip("/"),
            f"{NC}trashbin-deletion-time": lambda thrown: str(thrown.at // SECOND),
            f"{OC}fileid": lambda thrown: str(self.drives.ids.number(thrown.share, thrown.node.id)),
            f"{OC}size": lambda thrown: str(thrown.node.size),
            f"{OC}permissions": lambda _: "GD",
        }
        return [LiveProperty(name, False, self._of(name, value)) for name, value in told.items()]

    def _of(self, name: str, value: Callable[[Thrown], str]) -> Callable[[Page, Seen], str | None]:
        def told(_page: Page, seen: Seen) -> str | None:
            thrown = self._found.get(seen.path)
            return None if thrown is None else element(name, escape(value(thrown)))

        return told

    def verbs(self) -> Verbs:
        segments = self.below.segments
        if not segments:
            own = self.collection(ROOT)
            inside = [self.collection(SharePath((name,))) for name in (TRASH, RESTORE)]
            return {"PROPFIND": lambda: self.listed(own, lambda: inside)}
        if segments == (RESTORE,):
            return {"PROPFIND": lambda: self.listed(self.collection(self.below), list)}
        if segments[0] != TRASH:
            raise NotFound("there is nothing here")
        if len(segments) == 1:
            return {"PROPFIND": self._list_all, "DELETE": self._empty}
        thrown = self._located(segments[1:])
        shown = self._shown(self.below, thrown)
        verbs: dict[str, Callable[[], Response]] = {
            "PROPFIND": lambda: self.listed(shown, lambda: self._members(thrown))
        }
        if not thrown.node.is_collection:
            verbs["GET"] = lambda: self.sent(thrown.node, self.tree.read_trashed(thrown))
        if thrown.root == thrown.node.id:
            verbs |= {"MOVE": lambda: self._restore(thrown), "DELETE": lambda: self._purge(thrown)}
        return verbs

    def _name(self, thrown: Thrown) -> str:
        return f"{thrown.node.name}.d{self.drives.ids.number(thrown.share, thrown.node.id)}"

    def _shown(self, path: SharePath, thrown: Thrown) -> Seen:
        self._found[path] = thrown
        tag = thrown.node.entity_tag or f"t{thrown.node.id:x}.{thrown.node.change:x}"
        return Seen(path, "", thrown.node, thrown.rights, tag, path.name)

    def _located(self, names: tuple[str, ...]) -> Thrown:
        """Raises NotFound for all that he may not see there, alike."""
        match = _NAMED.fullmatch(names[0])
        number = int(match[1]) if match else -1
        for drive in self.drives_of_asker() if match else ():
            try:
                thrown = self.tree.stat_trashed(drive.share, self.drives.ids.node(drive.share, number))
            except NotFound:
                continue
            if thrown.root == thrown.node.id and self._name(thrown) == names[0]:
                return self._beneath(thrown, names[1:])
        raise NotFound("there is nothing here")

    def _beneath(self, thrown: Thrown, names: tuple[str, ...]) -> Thrown:
        for name in names:
            members = self.tree.trashed_children(thrown) if thrown.node.is_collection else []
            found = next((each for each in members if each.node.name == name), None)
            if found is None:
                raise NotFound("there is nothing here")
            thrown = found
        return thrown

    def _list_all(self) -> Response:
        drives = {drive.share for drive in self.drives_of_asker()}
        thrown = [each for each in self.tree.trashed() if each.share in drives]
        return self.listed(
            self.collection(self.below), lambda: [self._shown(self.below / self._name(each), each) for each in thrown]
        )

    def _members(self, thrown: Thrown) -> list[Seen]:
        return [self._shown(self.below / each.node.name, each) for each in self.tree.trashed_children(thrown)]

    def _restore(self, thrown: Thrown) -> Response:
        self.demand_target(RESTORE)
        self.request.noted(self.tree.restore(thrown.share, thrown.node.id))
        return Response(201, [], [])

    def _purge(self, thrown: Thrown) -> Response:
        self.tree.purge(thrown.share, thrown.node.id)
        return Response(204, [], [])

    def _empty(self) -> Response:
        self.tree.empty_trash()
        return Response(204, [], [])
