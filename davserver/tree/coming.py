"""Meetings, as far as the asker may discover their folders: the next ones of all drives, or those of one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from acl import store
from acl.meetings import MeetingState
from davserver.tree.finding import Described, Finding, shown_number
from davserver.tree.locking import GuardedTree
from shareproviders.contract import NotFound


class Coming(NamedTuple):
    """A meeting."""

    share: str
    committee: str
    title: str
    """Empty where the asker may not know it."""
    start: int
    end: int
    state: MeetingState
    folder: Described
    excluded: tuple[str, ...] = ()
    """Numbers of the items from which the asker is excluded himself (Art. 49 GO); never a title."""


def coming_meetings(tree: GuardedTree, limit: int) -> list[Coming]:
    """The next ones of all drives, the earliest first; cancelled ones too, because people would come to them."""
    now = tree.clock()
    found = [one for share in sorted(tree.forest.shares()) for one in meetings_in(tree, share, now)]
    return sorted(found, key=lambda one: (one.start, one.committee))[:limit]


def meetings_in(tree: GuardedTree, share: str, after: int = 0) -> Iterator[Coming]:
    """Those of one drive that are over after this instant only, as far as the asker may discover their folders."""
    finding, rules = Finding(tree), tree._view(tree._share(share)).rules
    wanted = {one.id for one in rules.meetings.values() if one.over_at > after and one.node is not None}
    if not wanted:
        return
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
            out = _excluded(tree, share, meeting.id)
            yield Coming(share, name, title, meeting.start, meeting.end, meeting.state, folder, out)


def _excluded(tree: GuardedTree, share: str, meeting: str) -> tuple[str, ...]:
    """He alone is told, so that he knows why a paper is missing and when to leave the room."""
    recusals = tree._view(tree._share(share)).rules.recusals.get(tree.principal.id, ())
    own = [recusal for recusal in recusals if recusal.holds_at(tree.clock())]
    if not own:
        return ()
    points = [recusal.agenda_item for recusal in own if recusal.agenda_item is not None]
    matters = [recusal.matter_mark for recusal in own if recusal.matter_mark is not None]
    with tree.forest.database.read() as connection:
        numbers = store.numbers_concerned(connection, share, meeting, points, matters)
    return tuple(shown_number(number, public=public) for number, public in numbers)
