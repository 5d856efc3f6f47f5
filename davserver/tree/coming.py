"""The next meetings of the asker's committees, as far as he may discover their folders."""

from __future__ import annotations

from typing import NamedTuple

from acl import store
from acl.meetings import MeetingState
from davserver.tree.finding import Described, Finding
from davserver.tree.locking import GuardedTree
from shareproviders.contract import NotFound


class Coming(NamedTuple):
    """A meeting that is not over."""

    share: str
    committee: str
    title: str
    """Empty where the asker may not know it."""
    start: int
    end: int
    state: MeetingState
    folder: Described


def coming_meetings(tree: GuardedTree, limit: int) -> list[Coming]:
    """The next ones of all drives, the earliest first; cancelled ones too, because people would come to them."""
    finding, now = Finding(tree), tree.clock()
    found: list[Coming] = []
    for share in sorted(tree.forest.shares()):
        rules = tree._view(tree._share(share)).rules
        wanted = {one.id for one in rules.meetings.values() if one.over_at > now and one.node is not None}
        if not wanted:
            continue
        with tree.forest.database.read() as connection:
            meetings = store.meetings(connection, tree.forest.sealer(share), share)
        for meeting in meetings:
            if meeting.id in wanted and meeting.node is not None:
                try:
                    folder = finding.describe([finding.at(share, meeting.node)])[0]
                except NotFound:
                    continue
                title = meeting.title if folder.title else ""
                name = rules.committee.name
                found.append(Coming(share, name, title, meeting.start, meeting.end, meeting.state, folder))
    return sorted(found, key=lambda one: (one.start, one.committee))[:limit]
