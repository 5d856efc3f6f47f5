"""What a committee has published: its meetings and the newest documents, as far as the asker may discover them.

Whoever asks without a login finds published papers only: the door says so for `ANONYMOUS` as for everybody.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import NamedTuple

from acl.labels import NEVER
from acl.privileges import Rights
from acl.weighing import bind
from davserver.tree.coming import Coming, meetings_in
from davserver.tree.finding import Described, Finding
from davserver.tree.locking import GuardedTree
from davserver.tree.seen import Seen
from shareproviders.paths import SharePath

MEETINGS, LOOKED_AT = 60, 1000
"""The newest meetings that are told, and resources that are looked at for the newest documents."""
OF_MEETINGS = 12
"""In the folders of so many meetings the newest documents are looked for."""


class Published(NamedTuple):
    """A document, and when it came out or last changed since."""

    document: Described
    at: int


class Board(NamedTuple):
    """What hangs on a committee's public board."""

    drive: Seen
    coming: list[Coming]
    """The next one first."""
    past: list[Coming]
    """The latest one first."""
    others: list[Described]
    """What lies beside the meetings."""


def board(tree: GuardedTree, share: str) -> Board:
    """Raises NotFound where the asker may discover nothing of the committee, as where there is none."""
    drive, finding, now = tree.stat(SharePath((share,))), Finding(tree), tree.clock()
    meetings = sorted(meetings_in(tree, drive.share), key=lambda one: -one.start)[:MEETINGS]
    folders = {one.folder.seen.node.id for one in meetings}
    others = [seen for seen in finding.members(drive) if seen.node.id not in folders]
    return Board(
        drive,
        [one for one in reversed(meetings) if one.end > now],
        [one for one in meetings if one.end <= now],
        finding.describe(others, drive),
    )


def newest(tree: GuardedTree, share: str, limit: int) -> list[Published]:
    """The newest documents of the latest meetings and of what lies beside them. Raises NotFound as `board`."""
    hung = board(tree, share)
    places = [*hung.coming, *hung.past][:OF_MEETINGS]
    starts = [*(one.folder.seen for one in places), *(each.seen for each in hung.others)]
    rules = tree._view(tree._share(share)).rules
    found = []
    for seen in _documents(tree, starts):
        region = rules.regions[rules.region_of(seen.node.lineage)]
        out = bind(rules, region).publish_at
        found.append((max(seen.node.modified, 0 if out == NEVER else out), seen))
    found.sort(key=lambda one: (-one[0], one[1].node.id))
    described = Finding(tree).describe([seen for _, seen in found[:limit]])
    return [Published(each, at) for each, (at, _) in zip(described, found, strict=False)]


def _documents(tree: GuardedTree, starts: list[Seen]) -> Iterator[Seen]:
    waiting, looked_at, finding = deque(starts), 0, Finding(tree)
    while waiting and looked_at < LOOKED_AT:
        seen = waiting.popleft()
        looked_at += 1
        if seen.node.is_collection:
            waiting += finding.members(seen)
        elif Rights.VIEW in seen.rights:
            yield seen
