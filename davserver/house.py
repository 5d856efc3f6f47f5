"""One opened data directory: everything below the door, wired from Settings for one process."""

from __future__ import annotations

import hmac
import json
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from sqlalchemy import Connection, insert, select

from acl.engine import Engine
from acl.meetings import normal_matter
from acl.policies import Policy
from acl.roles import RoleTable
from davserver import migrations, plugins
from davserver.accounts import PEPPER_SECRET
from davserver.audit import CHAIN_SECRET, Audit, ReadLog
from davserver.copylock import is_copied
from davserver.database import DATABASE_NAME, Database
from davserver.devices import DeviceLogin, OwnDevices
from davserver.filelocks import CHANGED, IN_USE, PATIENCE, USED, held
from davserver.invitations import Invitations
from davserver.keys import KeyRing, RootKeys
from davserver.links import LinkLogin
from davserver.login import Login
from davserver.openings import Openings
from davserver.pins import awake_until
from davserver.resets import Resets
from davserver.schema import setting
from davserver.schema import share as share_table
from davserver.second_step import SecondStep
from davserver.sessions import Sessions
from davserver.settings import Settings
from davserver.tree.rendered import Kept
from davserver.tree.uploads import UploadStore
from shareproviders.contract import Durability, Ground, NameTaken, NotFound, ShareProvider
from shareproviders.statements import Statement

UPLOADS, RENDERED = ".uploads", ".rendered"
"""Spaces of the house itself, under ids that no committee can have: uploads in parts, and pages that were made."""

ROLES_NAME = "roles.toml"
SECRETS = (PEPPER_SECRET, CHAIN_SECRET)
"""Those of the house itself, wrapped under the root key."""
UNFINISHED = "unfinished-restore"
"""Lies in a data directory until `restore` has put everything back."""
ENDED = "ended-shares"
RESTORES = "restores"
"""Setting: the instants of all restores of this house, as JSON."""


_lots = Statement(
    select(share_table.c.id, share_table.c.provider, share_table.c.options, share_table.c.quota).order_by(
        share_table.c.id
    )
)


class NoHouse(Exception):  # noqa: N818
    """The directory is not a usable data directory; the text says why and what to do."""


def now() -> int:
    """The clock of a running house: microseconds since the epoch."""
    return time.time_ns() // 1000


class Lot(NamedTuple):
    """The row of one share: what its provider is built from."""

    provider: str
    options: str
    quota: int | None


class Shares(Mapping[str, ShareProvider]):
    """Providers by share id; follows the share table without being told (one pragma per look while nothing changes)."""

    def __init__(
        self,
        database: Database,
        keys: KeyRing,
        clock: Callable[[], int],
        directory: Path,
        durability: Callable[[str], Durability],
    ) -> None:
        self._database, self._keys, self._clock, self._directory = database, keys, clock, directory
        self._durability = durability
        self._built: dict[str, tuple[Lot, ShareProvider]] = {}
        self._providers: dict[str, ShareProvider] = {}
        self._building = threading.Lock()
        self._seen = threading.local()

    def __getitem__(self, share: str) -> ShareProvider:
        if self._database.in_transaction and share in self._providers:
            return self._providers[share]  # a change asks for it again inside its bracket; no query for that
        return self._current()[share]

    def __iter__(self) -> Iterator[str]:
        return iter(self._current())

    def __len__(self) -> int:
        return len(self._current())

    def _current(self) -> dict[str, ShareProvider]:
        if self._database.in_transaction:  # our own uncommitted shares count, but are not kept for others
            return self._read_in_transaction()
        committed = self._database.known()
        if getattr(self._seen, "committed", None) != committed:
            self._reload()
            self._seen.committed = committed
        return self._providers

    def _rows(self) -> dict[str, Lot]:
        with self._database.read() as connection:
            return {share: Lot(*lot) for share, *lot in _lots.rows(connection, {})}

    def _reload(self) -> None:
        rows = self._rows()
        with self._building:
            if {share: lot for share, (lot, _) in self._built.items()} != rows:
                self._built = {share: self._kept(share, lot) for share, lot in rows.items()}
                self._providers = {share: provider for share, (_, provider) in self._built.items()}

    def _read_in_transaction(self) -> dict[str, ShareProvider]:
        return {share: self._kept(share, lot)[1] for share, lot in self._rows().items()}

    def _kept(self, share: str, lot: Lot) -> tuple[Lot, ShareProvider]:
        kept = self._built.get(share)
        return kept if kept is not None and kept[0] == lot else (lot, self._build(share, lot))

    def _committed(self) -> int | None:
        return None if self._database.in_transaction else self._database.known()

    def _build(self, share: str, lot: Lot) -> ShareProvider:
        ground = Ground(
            share=share,
            clock=self._clock,
            begin_read=self._database.read,
            begin_transaction=self._database.transaction,
            keys=self._keys.space(share),
            directory=self._directory,
            quota=lot.quota,
            options=json.loads(lot.options),
            keeps_files=partial(is_copied, self._directory),
            durability=self._durability(share),
            committed=self._committed,
        )
        provider: ShareProvider = plugins.find(plugins.SHARE_PROVIDERS, lot.provider)(ground)
        return provider

    def create(
        self, connection: Connection, share: str, provider: str, options: Mapping[str, Any], quota: int | None
    ) -> ShareProvider:
        """A new share with a space key of its own, inside the open transaction; its provider is not prepared yet.

        Raises UnknownPlugin, and what the provider says about its options.
        """
        plugins.find(plugins.SHARE_PROVIDERS, provider)
        if share in ended_shares(connection):
            raise NameTaken(f"{share} was deleted, and an id is never given again; take another one")
        lot = Lot(provider, json.dumps(dict(options), sort_keys=True), quota)
        connection.execute(insert(share_table).values(id=share, **lot._asdict()))
        self._keys.create(connection, share)
        return self._build(share, lot)


def ended_shares(connection: Connection) -> list[str]:
    """Ids of committees that were deleted: what still names them anywhere must never mean another one."""
    kept = connection.execute(select(setting.c.value).where(setting.c.name == ENDED)).scalar_one_or_none()
    return [] if kept is None else [str(one) for one in json.loads(kept)]


def inner_store(
    space: str, database: Database, keys: KeyRing, clock: Callable[[], int], directory: Path, *, durability: Durability
) -> UploadStore:
    """What the house keeps for itself in one of its spaces: a vault, so encrypted and durable like everything else."""
    ground = Ground(
        share=space,
        clock=clock,
        begin_read=database.read,
        begin_transaction=database.transaction,
        keys=keys.space(space),
        directory=directory,
        quota=None,
        options={},
        keeps_files=partial(is_copied, directory),
        durability=durability,
    )
    store: UploadStore = plugins.find(plugins.SHARE_PROVIDERS, "vault")(ground)
    return store


def policies_of(settings: Settings) -> list[Policy]:
    """The policies that the settings name, in their order. Raises UnknownPlugin."""
    return [plugins.find(plugins.POLICIES, name)() for name in settings.policies]


class House:
    """Everything below the door. Opened after the fork, never before; closed by `close`."""

    def __init__(
        self,
        directory: Path,
        key: Path,
        settings: Settings,
        database: Database,
        keys: KeyRing,
        *,
        clock: Callable[[], int],
    ) -> None:
        self.directory, self.key, self.settings, self.database, self.keys = directory, key, settings, database, keys
        self._opened = ExitStack()
        self.clock = clock
        self._durabilities: dict[str, Durability] = {}
        self.shares = Shares(database, keys, clock, directory, self._durability)
        self.uploads = inner_store(UPLOADS, database, keys, clock, directory, durability=self._durability(UPLOADS))
        self.rendered = inner_store(RENDERED, database, keys, clock, directory, durability=self._durability(RENDERED))
        self.kept = Kept(self.rendered, clock, database.transaction, most_bytes=settings.pages_bytes)
        self.audit = Audit(database, keys.secret(CHAIN_SECRET), clock)
        self.reads = ReadLog(self.audit, database, clock)
        self.engine = Engine(RoleTable.load(directory / ROLES_NAME), policies_of(settings))
        pepper = keys.secret(PEPPER_SECRET)
        self.login = Login(database, settings, pepper, self.audit, clock)
        self.sessions = Sessions(database, settings, pepper, self.audit, clock)
        self.links = LinkLogin(database, self.login.passwords, pepper, self.audit, clock)
        self.openings = Openings(database, keys.sealer, pepper, self.audit, clock)
        self.devices = DeviceLogin(database, settings, pepper, self.audit, clock)
        self.second_step = SecondStep(database, settings, pepper, self.audit, clock)
        self.invitations = Invitations(
            database, self.login.passwords, pepper, self.audit, clock, second_step=self.second_step
        )
        self.resets = Resets(database, clock)
        self.own_devices = OwnDevices(database, pepper, self.audit, clock)
        self.file_secret = hmac.digest(pepper, b"file ids", "sha256")
        """From which file ids are made (davserver/nextcloud/mapping.py)."""

    def _durability(self, share: str) -> Durability:
        """One for each store and the life of this process, however often its provider is built anew."""
        return self._durabilities.setdefault(share, Durability())

    @property
    def stores_stopped(self) -> int:
        """How many stores take no changes any more, since the disk failed to keep one."""
        return sum(durability.lost for durability in list(self._durabilities.values()))

    def awake_until(self, user: str) -> int | None:
        """When somebody's devices fall asleep (davserver/pins.py)."""
        with self.database.read() as connection:
            return awake_until(connection, user)

    @property
    def restores(self) -> list[int]:
        """The instants at which this house began anew from a backup, oldest first."""
        with self.database.read() as connection:
            kept = connection.execute(select(setting.c.value).where(setting.c.name == RESTORES)).scalar_one_or_none()
        return [] if kept is None else [int(one) for one in json.loads(kept)]

    @property
    def instance(self) -> str:
        """What tells this installation from all others, 12 hexadecimal digits."""
        with self.database.read() as connection:
            value = connection.execute(select(setting.c.value).where(setting.c.name == "instance")).scalar_one()
        return bytes(value).decode()

    def matter_mark(self, number: str) -> bytes:
        """16 bytes that are equal for equal matter numbers in all committees, and tell nothing else."""
        text = b"matter\0" + normal_matter(number).encode()
        return hmac.digest(self.keys.secret(PEPPER_SECRET), text, "sha256")[:16]

    @classmethod
    def open(
        cls,
        directory: Path,
        key: Path,
        settings: Settings,
        clock: Callable[[], int] = now,
        *,
        alone: bool = False,
        patience: float = PATIENCE,
    ) -> House:
        """Together with others, or alone: then no process has it open, and none opens it until it is closed.

        `patience`: seconds for which it waits for that.

        Raises NoHouse, KeyProblem, WrongSchema, RoleTableError, UnknownPlugin, Unavailable.
        """
        if (directory / UNFINISHED).exists():
            raise NoHouse(f"{directory} holds an unfinished restore; empty it and run: davserver restore")
        return cls.enter(directory, key, settings, clock, alone=alone, patience=patience)

    @classmethod
    def enter(
        cls,
        directory: Path,
        key: Path,
        settings: Settings,
        clock: Callable[[], int] = now,
        *,
        alone: bool = False,
        patience: float = PATIENCE,
    ) -> House:
        """Open it even while it is being restored."""
        if not (directory / DATABASE_NAME).exists():
            raise NoHouse(f"{directory} is no data directory; make one with: davserver init --data {directory}")
        with ExitStack() as opening:
            otherwise = USED if alone else CHANGED
            opening.enter_context(held(directory / IN_USE, otherwise, alone=alone, patience=patience))
            roots = RootKeys(key)
            database = Database(directory)
            opening.callback(database.close)
            migrations.check(database)
            house = cls(directory, key, settings, database, KeyRing(roots, database.read), clock=clock)
            house._opened = opening.pop_all()
        return house

    def share(self, share: str) -> ShareProvider:
        """Raises NotFound for an unknown share."""
        try:
            return self.shares[share]
        except KeyError:
            raise NotFound(f"there is no committee {share!r}") from None

    def stores(self) -> dict[str, ShareProvider]:
        """Everything that holds bytes and wants upkeep: the drives, and what the house keeps for itself."""
        return {**self.shares, UPLOADS: self.uploads, RENDERED: self.rendered}

    def flush(self) -> None:
        """Write what a process collects (reads, last uses); to be called every second. Raises Unavailable."""
        self.reads.flush()
        self.login.flush()

    def close(self) -> None:
        """Only when no request is running."""
        self._opened.close()
