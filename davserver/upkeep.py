"""What a house does by itself once a day, and `davserver gc` at any time: let go of what need not be kept any longer.

Trash goes by age, versions by count and age; what is under a legal hold loses nothing, and of a paper the versions that
were in force at its release and at the end of each of its meetings stay (storage.md §7). Everything happens in small
transactions that look again before they act, so it can be stopped and started at any point, and twice at once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice, pairwise
from typing import NamedTuple

from sqlalchemy import Connection, delete, insert, select

from acl import store
from acl.labels import ON_CREATION
from acl.meetings import MeetingState
from acl.rules import ShareRules
from davserver import comments, throttle
from davserver.ending import sweep_ended
from davserver.house import House
from davserver.schema import setting
from davserver.tree import bookmarks
from davserver.tree.forest import SharePlaces
from davserver.tree.names import bare_name, is_programs
from davserver.tree.uploads import sweep
from shareproviders.contract import (
    KeepsTrash,
    KeepsVersions,
    Node,
    NotFound,
    ShareProvider,
    Trashed,
    Upkeep,
    Version,
)

DAY = 24 * 3600 * 1_000_000
ORPHAN_AGE = DAY
"""What no row names may be an upload that is still on its way; after so long it is not."""
PROGRAMS_AGE = DAY
"""Nobody ever sees temp and owner files in the trash; only an office program that is saving may want one back."""
TRASH_BATCH, VERSIONS_BATCH = 20, 50
"""Deleted nodes, and documents, of one transaction."""
LAST_RUN, LAST_CHECK = "upkeep-run", "check-run"


class Tidied(NamedTuple):
    """What went, by share."""

    trash: dict[str, int]
    """Deleted documents and folders that were destroyed."""
    versions: dict[str, int]
    orphans: dict[str, int]
    """What no row named."""


def never() -> bool:
    """A run that nobody stops."""
    return False


def is_due(house: House) -> bool:
    """Has nobody run it for a day?"""
    with house.database.read() as connection:
        last = connection.execute(select(setting.c.value).where(setting.c.name == LAST_RUN)).scalar_one_or_none()
    return last is None or int.from_bytes(last, "big") <= house.clock() - DAY


def claim(house: House) -> bool:
    """Of all processes one gets this day's run: whoever notes it first."""
    with house.database.transaction() as connection:
        if not is_due(house):
            return False
        connection.execute(delete(setting).where(setting.c.name == LAST_RUN))
        connection.execute(insert(setting).values(name=LAST_RUN, value=house.clock().to_bytes(8, "big")))
        return True


def note_check(house: House, findings: int, by: str) -> None:
    """Remember when everything was verified, and how much of it was damaged: for the server's numbers and the log."""
    value = house.clock().to_bytes(8, "big") + findings.to_bytes(8, "big")
    with house.database.transaction() as connection:
        connection.execute(delete(setting).where(setting.c.name == LAST_CHECK))
        connection.execute(insert(setting).values(name=LAST_CHECK, value=value))
        if findings:
            house.audit.note(connection, by, "check", result="damaged", detail=f"{findings} findings")


def tidy(house: House, by: str, stopped: Callable[[], bool] = never) -> Tidied:
    """All of it; `by` is noted as who did it, `stopped` asked between two transactions."""
    done = Tidied({}, {}, {})
    sweep(house.uploads, house.clock())
    house.kept.sweep(house.shares)
    for share, provider in house.stores().items():
        keeping = Retention(house, share, provider, by, stopped)
        if share in house.shares and isinstance(provider, KeepsTrash):
            done.trash[share] = keeping.empty(provider)
        if share in house.shares and isinstance(provider, KeepsVersions):
            done.versions[share] = keeping.thin(provider)
        if isinstance(provider, Upkeep) and not stopped():
            done.orphans[share] = provider.collect(house.clock() - ORPHAN_AGE)
    sweep_ended(house)
    with house.database.transaction() as connection:
        throttle.sweep(connection, house.clock())
        bookmarks.sweep(connection, house.clock())
    house.audit.shorten(house.settings.audit_access_days, house.settings.audit_days)
    return done


class Retention:
    """What one share keeps of its past."""

    def __init__(
        self, house: House, share: str, provider: ShareProvider, by: str, stopped: Callable[[], bool] = never
    ) -> None:
        self._house, self._share, self._by, self._stopped = house, share, by, stopped
        self._places = SharePlaces(share, provider)
        self._settings = house.settings

    def _rules(self, connection: Connection) -> ShareRules:
        return store.load_rules(connection, self._share, self._places.kept_lineages)

    # -- trash ----------------------------------------------------------------------------------------------------

    def empty(self, provider: KeepsTrash) -> int:
        """Destroy what has lain in the trash for too long; the number of deleted nodes that went."""
        with self._house.database.read():
            due = [trashed.node_id for trashed in provider.trashed() if self._is_due(trashed)]
        gone = 0
        for some in batches(due, TRASH_BATCH):
            if self._stopped():
                break
            with self._house.database.transaction() as connection:
                rules = self._rules(connection)
                gone += sum(self._purge(connection, provider, rules, node) for node in some)
        return gone

    def _is_due(self, trashed: Trashed) -> bool:
        for_programs = is_programs(bare_name(trashed.name))
        age = PROGRAMS_AGE if for_programs else self._settings.trash_days * DAY
        return trashed.at <= self._house.clock() - age

    def _purge(self, connection: Connection, provider: KeepsTrash, rules: ShareRules, node_id: int) -> bool:
        try:
            _, node, trashed = provider.locate_trashed(node_id)
        except NotFound:
            return False  # restored or purged meanwhile, perhaps with its folder a moment ago
        held = rules.held_within(node.lineage, self._house.clock())
        if held or trashed.node_id != node_id or not self._is_due(trashed):
            return False
        self._house.audit.note(
            connection, self._by, "purge", share=self._share, node=node.id, detail="kept long enough"
        )
        ended = provider.purge(node_id)
        comments.forget(connection, self._share, ended)
        store.forget_nodes(connection, self._share, ended)
        return True

    # -- versions -------------------------------------------------------------------------------------------------

    def thin(self, provider: KeepsVersions) -> int:
        """Drop versions beyond the newest ones that were replaced too long ago; their number."""
        gone, after, most = 0, 0, self._settings.versions_kept
        while not self._stopped() and (some := provider.crowded(most, after, VERSIONS_BATCH)):
            after = some[-1]
            with self._house.database.read() as connection:
                crowded = [node.id for node, surplus in self._surplus(connection, provider, some) if surplus]
            if not crowded:
                continue
            with self._house.database.transaction() as connection:
                for node, surplus in self._surplus(connection, provider, crowded):
                    gone += self._drop(connection, provider, node, surplus)
        return gone

    def _surplus(
        self, connection: Connection, provider: KeepsVersions, nodes: Iterable[int]
    ) -> Iterator[tuple[Node, list[int]]]:
        rules, now = self._rules(connection), self._house.clock()
        before = now - self._settings.versions_days * DAY
        for number in nodes:
            try:
                node = self._places.provider.locate(number)[1]
            except NotFound:
                continue  # deleted meanwhile
            if rules.held_at(node.lineage, now):
                continue
            moments = [at for at in decisive_moments(connection, rules, node.lineage) if at <= now]
            yield node, surplus(provider.versions(node), self._settings.versions_kept, before, moments)

    def _drop(self, connection: Connection, provider: KeepsVersions, node: Node, versions: list[int]) -> int:
        if versions:
            provider.drop_versions(node, versions)
            told = f"{len(versions)} versions, kept long enough"
            self._house.audit.note(connection, self._by, "versions-drop", share=self._share, node=node.id, detail=told)
        return len(versions)


def decisive_moments(connection: Connection, rules: ShareRules, lineage: tuple[int, ...]) -> list[int]:
    """When a paper was released, published, and when its meetings ended or will, also those of other committees."""
    region = rules.regions[rules.region_of(lineage)]
    held = [rules.meetings[one] for one in region.meetings if one in rules.meetings]
    ends = [meeting.over_at for meeting in held if meeting.state is not MeetingState.CANCELLED]
    ends += store.meeting_ends(connection, region.items)
    return [at for at in (region.bound.release_at, region.bound.publish_at, *ends) if at > ON_CREATION]


def surplus(versions: Sequence[Version], kept: int, before: int, moments: Iterable[int]) -> list[int]:
    """Ids of those that may go, of versions newest first: neither among the newest `kept`, nor replaced since `before`,
    nor in force at one of the moments.
    """
    in_force = {next((version.id for version in versions if version.at <= at), 0) for at in moments}
    replaced = [(old, new.at) for new, old in pairwise(versions)][max(kept, 1) - 1 :]
    return [old.id for old, at in replaced if at <= before and old.id not in in_force]


def batches(numbers: Iterable[int], size: int) -> Iterator[list[int]]:
    """In lists of at most so many."""
    left = iter(numbers)
    while some := list(islice(left, size)):
        yield some
