"""Earlier versions as Nextcloud shows them: `versions/<user>/versions/<file id>/<version>`, brought back by MOVE."""

from __future__ import annotations

from collections.abc import Iterable

from davserver.dav.properties import LiveProperty, Page
from davserver.dav.request import Response
from davserver.dav.xml import element, escape
from davserver.nextcloud.annexes import AnnexCall, Verbs
from davserver.nextcloud.properties import NC
from davserver.tree.finding import Finding
from davserver.tree.seen import Seen
from shareproviders.contract import NotFound, Version
from shareproviders.paths import ROOT, SharePath

VERSIONS, RESTORE, TARGET = "versions", "restore", "target"
DIGITS = 19


class VersionsCall(AnnexCall):
    """One request about the versions of one document."""

    root = "versions"

    def properties(self) -> Iterable[LiveProperty]:
        self._found: dict[SharePath, Version] = {}
        name = f"{NC}version-author"

        def author(_page: Page, seen: Seen) -> str | None:
            version = self._found.get(seen.path)
            return None if version is None else element(name, escape(version.by.partition(":")[2]))

        return [LiveProperty(name, False, author)]

    def verbs(self) -> Verbs:
        segments = self.below.segments
        if not segments:
            inside = [self.collection(SharePath((name,))) for name in (VERSIONS, RESTORE)]
            return {"PROPFIND": lambda: self.listed(self.collection(ROOT), lambda: inside)}
        if segments in ((VERSIONS,), (RESTORE,)):
            return {"PROPFIND": lambda: self.listed(self.collection(self.below), list)}
        if segments[0] != VERSIONS or len(segments) > 3:
            raise NotFound("there is nothing here")
        document = self._document(segments[1])
        earlier = self.tree.versions(document)[1:]
        if len(segments) == 2:
            own = self.collection(self.below)
            return {"PROPFIND": lambda: self.listed(own, lambda: [self._shown(document, each) for each in earlier])}
        version = next((each for each in earlier if str(each.id) == segments[2]), None)
        if version is None:
            raise NotFound("there is nothing here")
        seen = self._shown(document, version)
        return {
            "PROPFIND": lambda: self.listed(seen, list),
            "GET": lambda: self.sent(seen.node, self.tree.read_version(document, version.id)),
            "MOVE": lambda: self._restore(document, version),
        }

    def _document(self, number: str) -> Seen:
        """Raises NotFound for an id that no document of the asker has."""
        if number.isascii() and number.isdigit() and len(number) <= DIGITS:
            finding = Finding(self.tree)
            for drive in self.drives_of_asker():
                try:
                    seen = finding.at(drive.share, self.drives.ids.node(drive.share, int(number)))
                except NotFound:
                    continue
                if not seen.node.is_collection and self.drives.ids.of(seen) == int(number):
                    return self.request.noted(seen)
        raise NotFound("there is nothing here")

    def _shown(self, document: Seen, version: Version) -> Seen:
        path = SharePath((*self.below.segments[:2], str(version.id)))
        self._found[path] = version
        node = document.node._replace(name=path.name, size=version.size, entity_tag=version.entity_tag)
        node = node._replace(media_type=version.media_type, created=version.at, modified=version.at)
        return Seen(path, "", node, document.rights, version.entity_tag, path.name)

    def _restore(self, document: Seen, version: Version) -> Response:
        self.demand_target(RESTORE, TARGET)
        self.tree.restore_version(document.path, version.id, self.request.terms())
        return Response(201, [], [])
