"""What all requests of one process share: open shares, the rules in force, one view per principal and channel."""

from __future__ import annotations

import logging
import threading
from collections import OrderedDict
from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import Connection

from acl import store
from acl.engine import Engine, View
from acl.principals import Channel, Principal
from acl.rules import ShareRules
from davserver.accounts import scopes_in
from davserver.audit import Audit, ReadLog
from davserver.database import Database
from davserver.keys import Sealer
from davserver.locks import LockTable
from davserver.tree import parts, past
from davserver.tree.aliases import Aliases
from davserver.tree.departures import Departures
from davserver.tree.past import Displaced
from davserver.tree.pointers import Pointers
from davserver.tree.remembered import Remembered
from davserver.tree.renditions import Renditions
from davserver.tree.titles import Titles
from shareproviders.contract import KeepsTrash, NotFound, ShareProvider, TracksChanges, Unavailable
from shareproviders.paths import ROOT, SharePath
from shareproviders.statements import Statement

if TYPE_CHECKING:
    from davserver.tree.looking import LookingTree
    from davserver.tree.rendered import Showing

VIEWS_KEPT = 4096
SETTLING_SECONDS = 0.2
"""How long somebody who only reads waits for the database, to do what the next reader can do as well."""

_log = logging.getLogger(__name__)
_epoch = Statement(store.EPOCH)


def _asked(connection: Connection, share: str) -> int:
    row = _epoch.row(connection, {"of": share})
    assert row is not None
    return int(row[0])


@dataclass(frozen=True, slots=True)
class Forest:
    """The ground on which doors are opened; wired once per process."""

    database: Database
    clock: Callable[[], int]
    shares: Callable[[], Mapping[str, ShareProvider]]
    engine: Engine
    locks: LockTable
    audit: Audit
    reads: ReadLog
    departures: Departures
    aliases: Aliases
    pointers: Pointers
    renditions: Renditions
    showing: Callable[[LookingTree], Showing]
    """Through a door, what its asker may look at in place."""
    remembered: Remembered
    titles: Titles
    sealer: Callable[[str], Sealer]
    """Of a share, for what only this server may read again: titles of meetings, sync-tokens."""
    era: int
    """The instant of the last restore from a backup, 0 if there was none."""
    rules: RulesShelf

    def provider(self, share: str) -> ShareProvider:
        """Raises NotFound."""
        provider = self.shares().get(share)
        if provider is None:
            raise NotFound("there is nothing here")
        return provider


@dataclass(frozen=True, slots=True)
class SharePlaces:
    """Where the nodes of one share are now (the `Places` of the lock table)."""

    share: str
    provider: ShareProvider

    def lineage(self, node: int) -> tuple[int, ...]:
        return self.provider.locate(node)[1].lineage

    def path(self, node: int) -> SharePath:
        return SharePath((self.share, *self.provider.locate(node)[0].segments))

    def lineages(self, nodes: Iterable[int]) -> dict[int, tuple[int, ...]]:
        """Of those that live; what is gone or in the trash is missing."""
        found = {}
        for node in nodes:
            try:
                found[node] = self.lineage(node)
            except NotFound:
                continue
        return found

    def trashed_lineages(self, nodes: Iterable[int]) -> dict[int, tuple[int, ...]]:
        """Of those that lie in the trash: as they lay, through what was deleted after them too."""
        found: dict[int, tuple[int, ...]] = {}
        if not isinstance(self.provider, KeepsTrash):
            return found
        for node in nodes:
            try:
                found[node] = self.provider.locate_trashed(node)[1].lineage
            except NotFound:
                continue
        return found

    def kept_lineages(self, nodes: Iterable[int]) -> dict[int, tuple[int, ...]]:
        """Of all that lives or lies in the trash."""
        wanted = set(nodes)
        found = self.lineages(wanted)
        return found | self.trashed_lineages(wanted - found.keys())


class RulesShelf:
    """Rules and views, kept only as long as the database says that nothing they depend on has changed.

    A thread that has seen the same `Database.committed()` twice skips even the query for the share's epoch.
    """

    def __init__(self, database: Database, engine: Engine) -> None:
        self._database, self._engine = database, engine
        self._rules: dict[str, tuple[int, ShareRules]] = {}
        self._views: OrderedDict[tuple[str, Principal, Channel], tuple[ShareRules, View]] = OrderedDict()
        self._views_lock = threading.Lock()
        self._checked = threading.local()
        self._settled: dict[str, int] = {}
        """Epochs of the rules along which a share is known to be cut."""
        self._roots: dict[str, tuple[int, ...]] = {}

    @property
    def checked(self) -> int:
        """`Database.committed()` as it was when this thread last made sure of its rules."""
        number: int = getattr(self._checked, "number", 0)
        return number

    def root(self, places: SharePlaces) -> tuple[int, ...]:
        """The lineage of the share's root, which never changes."""
        if places.share not in self._roots:
            self._roots[places.share] = places.provider.stat(ROOT).lineage
        return self._roots[places.share]

    def of(self, places: SharePlaces) -> ShareRules:
        """The rules of one share as of now; inside a view or transaction, as that one sees them."""
        if self._database.in_view:
            loaded = self._load(places)
            if not self._database.in_transaction:  # what is committed; a worker that only writes comes by here alone
                self._rules[places.share] = loaded
            return loaded[1]
        number = self._database.committed()
        if self.checked != number:
            self._checked.number, self._checked.epochs = number, {}
        kept = self._rules.get(places.share)
        if kept is None or self._checked.epochs.get(places.share) != kept[0]:  # a slower thread may have put back older
            kept = self._rules[places.share] = self._load(places)
            self._settle(places, kept)
            self._checked.epochs[places.share] = kept[0]
        return kept[1]

    def before(self, places: SharePlaces, moves: Sequence[Displaced]) -> ShareRules:
        """The rules of now with pins where they stood before these moves; inside a view or transaction."""
        now = self.of(places)
        if not moves:
            return now
        stood = past.places_before(now.places, moves)
        with self._database.read() as connection:
            return store.load_rules(connection, places.share, lambda _: stood, scopes_in(connection, places.share))

    def _load(self, places: SharePlaces) -> tuple[int, ShareRules]:
        with self._database.read() as connection:
            epoch = store.epoch(connection, places.share, _asked)
            kept = self._rules.get(places.share)
            if kept is not None and kept[0] == epoch:
                return kept
            scopes = scopes_in(connection, places.share)
            return epoch, store.load_rules(connection, places.share, places.lineages, scopes)

    def _settle(self, places: SharePlaces, loaded: tuple[int, ShareRules]) -> None:
        """Rules that were changed by a command have not cut the collections into parts yet."""
        if self._settled.get(places.share) == loaded[0] or not isinstance(places.provider, TracksChanges):
            return
        with self._database.read() as connection:
            if parts.is_settled(connection, places.share, loaded[0]):
                self._settled[places.share] = loaded[0]
                return
        try:
            with self._database.transaction(SETTLING_SECONDS) as connection:
                parts.settle(connection, places.provider, self._load(places)[1])
        except Unavailable:
            _log.warning("collections of %s are not cut along the new rules yet: the database is busy", places.share)

    def stale(self, connection: Connection, share: str) -> None:
        """Inside a transaction: what was cached of this share's rules no longer holds once it commits."""
        store.touch(connection, share)

    def recut(self, connection: Connection, places: SharePlaces, arrived: Container[int] = ()) -> None:
        """At the end of a transaction that changed what is pinned, or where; `arrived`: pins that are new there."""
        if isinstance(places.provider, TracksChanges):
            parts.settle(connection, places.provider, self._load(places)[1], arrived)

    def view(self, places: SharePlaces, principal: Principal, channel: Channel) -> View:
        """What this principal may do in this share, decided once per region and remembered until its time edge."""
        rules = self.of(places)
        key = (places.share, principal, channel)
        kept = self._views.get(key)
        if kept is not None and kept[0] is rules:
            return kept[1]
        view = View(rules, self._engine, principal, channel)
        committed = self._rules.get(places.share)
        if committed is not None and committed[1] is rules:  # not those that a transaction is about to change
            with self._views_lock:
                self._views[key] = (rules, view)
                while len(self._views) > VIEWS_KEPT:
                    self._views.popitem(last=False)
        return view

    def trash_view(self, places: SharePlaces, principal: Principal, channel: Channel) -> View:
        """As `view`, but whatever lies in the trash is decided as if it still lay where it was deleted.

        Made anew each time: where something lay changes with every move of the folders above, pinned or not.
        """
        with self._database.read() as connection:
            living = self.of(places).places

            def place(nodes: Iterable[int]) -> dict[int, tuple[int, ...]]:
                wanted = set(nodes)
                found = {node: living[node] for node in wanted & living.keys()}
                return found | places.trashed_lineages(wanted - living.keys())

            rules = store.load_rules(connection, places.share, place, scopes_in(connection, places.share))
            return View(rules, self._engine, principal, channel)
