"""Earlier versions as a way in (rights.md §3): those of a paper are read by who may read it as it stands now.

Whoever only reads finds none that was replaced before the release. Which versions there are is the house's to know;
whose they are is not.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from davserver.nextcloud.mapping import FileIds
from shareproviders.contract import KeepsVersions, Version
from shareproviders.paths import SharePath
from tests.rights import answers, oracle
from tests.rights.calling import call, listed
from tests.rights.papers import World, label, lineage
from tests.rights.planted import planted
from tests.rights.shared import drives_of
from tests.rights.trashing import Trashing

PAST = "versions"
PAST_METHODS = {"PROPFIND": 4, "GET": 3, "MOVE": 2}
AT_WORK = ("write-content", "bind")


def due_of(w: World, copies: oracle.Asker, method: str, node: int, *, named: bool) -> set[int]:
    """`named`: the version that is asked for is one that he finds."""
    facts = w["nodes"][node]
    at_home = facts["share"] in drives_of(w, copies) and oracle.shown(w, copies, node)
    if facts["folder"] or not at_home:
        return {404}
    stop = answers.need(w, copies, (node, "read"))
    if stop or method == "PROPFIND":
        return stop or {207}
    if not named:
        return {404}
    if method == "GET":
        return {200}
    return answers.need(w, copies, (node, "write-content")) or answers.locked(w, copies, {}, [node]) or {201}


def found_by(w: World, copies: oracle.Asker, node: int, versions: Sequence[Version]) -> set[str]:
    """Numbers of the earlier versions that he finds."""
    works, release = set(AT_WORK) & oracle.rights(w, copies, node), label(w, node)["release"]
    return {str(older.id) for newer, older in pairwise(versions) if works or newer.at > release}


class Recalling(Trashing):
    """Requests at `/remote.php/dav/versions/<user>/`."""

    def step_past(self, name: str, kind: str, which: int, back: int, method: str) -> str:
        """The earlier versions of a document (PROPFIND), or one of them."""
        world, asker = self.world, self.askers.get((name, kind))
        documents = [node for node, facts in world["nodes"].items() if not facts["folder"]]
        if asker is None or not documents:
            return ""
        node = documents[which % len(documents)]
        share, *path = self.path(node)
        for rule in planted(world, asker, {"path": [world["nodes"][each]["name"] for each in lineage(world, node)]}):
            self.met[PAST, method, rule] += 1
        provider, copies = self.house.share(share), asker | {"way": "files"}
        assert isinstance(provider, KeepsVersions)
        versions = provider.versions(provider.stat(SharePath(tuple(path))))
        shown = found_by(world, copies, node, versions)
        asked = versions[1 + back % (len(versions) - 1)] if len(versions) > 1 else None
        if method == "MOVE" and (asked is None or not asked.size or world["nodes"][node]["empty"]):
            return ""
        ids = FileIds(self.house.file_secret, self.house.instance)
        base = f"/remote.php/dav/versions/{name}"
        url = f"{base}/versions/{ids.number(share, self.real(node))}/"
        target = url if method == "PROPFIND" else f"{url}{asked.id if asked else 0}"
        more = {"destination": f"{base}/restore/target"} if method == "MOVE" else {"depth": "1"}
        due = due_of(world, copies, method, node, named=asked is not None and str(asked.id) in shown)
        answer = call(self.app, method, target, authorization=self.logins[name, kind], **more)
        if answer.status not in due:
            return f"expected {sorted(due)}, got {answer.status} {answer.body[:200]!r}"
        if method == "PROPFIND" and answer.status == 207 and listed(answer, url) != shown:
            return f"versions: expected {sorted(shown)}, got {sorted(listed(answer, url))}"
        return ""
