"""What is new since somebody's last visit to the portal: changes of the journal and releases by the clock.

A visit begins with a login. It notes for each drive how far the journal has come; what came after the beginning of the
visit before is new, and stays so until the next one. Each thing is decided for its reader when it is shown.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from sqlalchemy import insert, select, update

from davserver.schema import visit
from davserver.tree.finding import Described, Finding
from davserver.tree.locking import GuardedTree
from davserver.tree.names import is_programs
from davserver.tree.seen import Seen
from shareproviders.contract import KeepsVersions, NotFound, TracksChanges
from shareproviders.paths import SharePath

CHANGES_READ = 2000
TRIED = 300
TOLD = frozenset({"put", "make", "restore"})


class News(NamedTuple):
    """Something that is new to the reader."""

    described: Described
    kind: str
    """`changed`, or `released`."""
    at: int
    """When it was released, or last changed."""


def begin_visit(tree: GuardedTree) -> None:
    """Note how far each drive of the asker has come, and how far it had when he came the last time."""
    now, user = tree.clock(), tree.principal.id
    with tree.forest.database.transaction() as connection:
        for share, provider in tree.forest.shares().items():
            if not isinstance(provider, TracksChanges) or not enters(tree, share):
                continue
            newest = provider.newest_change()
            this = (visit.c.user == user, visit.c.share == share)
            moved = {"last_newest": visit.c.newest, "last_at": visit.c.at, "newest": newest, "at": now}
            if not connection.execute(update(visit).where(*this).values(**moved)).rowcount:
                first = {"newest": newest, "at": now, "last_newest": newest, "last_at": now}
                connection.execute(insert(visit).values(user=user, share=share, **first))


def news(tree: GuardedTree, limit: int) -> list[News]:
    """The newest first, no more than `limit`; each thing once, and never more than the reader may discover."""
    found: dict[tuple[str, int], tuple[Seen, str, int]] = {}
    with tree.forest.database.read() as connection:
        rows = connection.execute(select(visit).where(visit.c.user == tree.principal.id)).all()
    visits = {row.share: row for row in rows}
    for share, provider in tree.forest.shares().items():
        if share in visits and isinstance(provider, TracksChanges) and enters(tree, share):
            since, since_at = visits[share].last_newest, visits[share].last_at
            for seen, kind, at in changed_in(tree, share, provider, since, since_at):
                found.setdefault((share, seen.node.id), (seen, kind, at))
    newest = sorted(found.values(), key=lambda one: -one[2])[:limit]
    described = Finding(tree).describe([seen for seen, _, _ in newest])
    return [News(each, kind, at) for each, (_, kind, at) in zip(described, newest, strict=True)]


def changed_in(
    tree: GuardedTree, share: str, provider: TracksChanges, since: int, since_at: int
) -> Iterator[tuple[Seen, str, int]]:
    """(what, kind and instant as in News) of one drive, after a change and an instant; some may come twice."""
    finding, now = Finding(tree), tree.clock()
    rules = tree._view(tree._share(share)).rules
    released = {
        pin: region.bound.release_at
        for pin, region in rules.regions.items()
        if since_at < region.bound.release_at <= now and pin in rules.places
    }
    for pin, at in released.items():
        above = set(rules.places[pin][:-1])
        if not any(released.get(node) == at for node in above):  # a folder stands for what was released with it
            yield from ((seen, "released", at) for seen in _found(finding, share, pin))
    changes = provider.changes_since(since, CHANGES_READ)
    changed = dict.fromkeys(change.node_id for change in reversed(changes) if change.kind in TOLD)
    for node in list(changed)[:TRIED]:
        for seen in _found(finding, share, node):
            if not seen.node.is_collection and not is_programs(seen.display_name):
                yield seen, "changed", _written_at(provider, seen)


def _written_at(provider: TracksChanges, seen: Seen) -> int:
    """When its content was last written, whatever time of change a client asked for."""
    versions = provider.versions(seen.node) if isinstance(provider, KeepsVersions) else []
    return versions[0].at if versions else seen.node.modified


def _found(finding: Finding, share: str, node: int) -> Iterator[Seen]:
    try:
        yield finding.at(share, node)
    except NotFound:
        return


def enters(tree: GuardedTree, share: str) -> bool:
    """May the asker discover anything of this drive?"""
    try:
        tree._enter(tree._share(share), SharePath((share,)))
    except NotFound:
        return False
    return True
