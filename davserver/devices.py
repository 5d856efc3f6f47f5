"""Devices that ask to be let in: the person says yes in the browser, the device then fetches an app password.

This is Login Flow v2 of Nextcloud. Two tokens belong to one wish: with the first the device asks whether the answer is
there, the second opens the page on which the person decides; the database keeps only digests of both. The app password
is made when the device fetches it, so it lies nowhere in between.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from sqlalchemy import Connection, Row, delete, insert, select, update

from davserver import throttle
from davserver.accounts import create_app_password, open_label, revoke_app_password, seal_label
from davserver.audit import Audit
from davserver.database import Database
from davserver.linking import new_token, token_hash
from davserver.login import Throttled
from davserver.schema import account, app_password, device_login
from davserver.settings import Settings
from davserver.throttle import SECOND, Bucket, net_of
from davserver.tree.seen import TooMany
from shareproviders.contract import NotFound

LIFE = 20 * 60 * SECOND
MAX_LABEL = 120
MOST = 50
"""Devices of one person."""

_NOT_ASKED = "no device waits here; start the connection on the device again"


class Wish(NamedTuple):
    """The tokens of a device that has asked."""

    poll: str
    page: str


class Granted(NamedTuple):
    """What the device gets, once."""

    user: str
    app_password: str


class DeviceLogin:
    """The table of waiting devices. `pepper` is a secret of this house; safe for many threads and processes."""

    def __init__(
        self, database: Database, settings: Settings, pepper: bytes, audit: Audit, clock: Callable[[], int]
    ) -> None:
        self._database, self._pepper, self._audit, self._clock = database, pepper, audit, clock
        self._wishes = settings.devices_per_net

    def _digest(self, kind: str, token: str) -> bytes:
        return token_hash(self._pepper, token, f"device {kind}")

    def ask(self, label: str, remote_address: str) -> Wish:
        """A device begins; `label` is what it calls itself. Raises Throttled, Unavailable."""
        wish, now = Wish(new_token() + new_token(), new_token() + new_token()), self._clock()
        poll = self._digest("poll", wish.poll)
        asked = (Bucket(f"device {net_of(remote_address)}", self._wishes, 10 * 60 * SECOND),)
        with self._database.transaction() as connection:
            pause = throttle.pause_left(connection, asked, now)
            if pause:
                raise Throttled(pause, "too many devices ask to be connected")
            throttle.count_failure(connection, asked, now)
            connection.execute(delete(device_login).where(device_login.c.expires <= now))
            connection.execute(
                insert(device_login).values(
                    poll=poll,
                    page=self._digest("page", wish.page),
                    label=seal_label(self._pepper, poll.hex(), label.strip()[:MAX_LABEL] or "?"),
                    expires=now + LIFE,
                )
            )
        return wish

    def label(self, page: str) -> str:
        """What the device that waits behind this page calls itself. Raises NotFound."""
        of_page = device_login.c.page == self._digest("page", page)
        alive = device_login.c.expires > self._clock(), device_login.c.user.is_(None)
        with self._database.read() as connection:
            row = connection.execute(select(device_login).where(of_page, *alive)).one_or_none()
        if row is None:
            raise NotFound(_NOT_ASKED)
        return open_label(self._pepper, row.poll.hex(), row.label)

    def grant(self, page: str, user: str) -> None:
        """This user lets the device in. Raises NotFound where none waits, or somebody has decided already."""
        of_page = device_login.c.page == self._digest("page", page)
        alive = device_login.c.expires > self._clock(), device_login.c.user.is_(None)
        with self._database.transaction() as connection:
            done = connection.execute(update(device_login).where(of_page, *alive).values(user=user))
            if done.rowcount != 1:
                raise NotFound(_NOT_ASKED)
            self._audit.note(connection, f"user:{user}", "device-grant")

    def refuse(self, page: str) -> None:
        """The device is sent away; harmless where none waits."""
        with self._database.transaction() as connection:
            connection.execute(delete(device_login).where(device_login.c.page == self._digest("page", page)))

    def fetch(self, poll: str) -> Granted:
        """The app password of a device that was let in: made now, told once. Raises NotFound before and after."""
        of_device = device_login.c.poll == self._digest("poll", poll)
        with self._database.read() as connection:
            if connection.execute(select(device_login.c.user).where(of_device)).scalar() is None:
                raise NotFound(_NOT_ASKED)
        with self._database.transaction() as connection:
            now = self._clock()
            active = select(account.c.user).where(account.c.user == device_login.c.user, account.c.active).exists()
            ready = of_device, device_login.c.expires > now, active
            row = connection.execute(select(device_login).where(*ready)).one_or_none()
            if row is None:
                raise NotFound(_NOT_ASKED)
            connection.execute(delete(device_login).where(of_device))
            label = open_label(self._pepper, row.poll.hex(), row.label)
            made = create_app_password(connection, self._pepper, row.user, label, now)
            self._audit.note(connection, f"user:{row.user}", "app-password-create", detail=f"{row.user} {made.id}")
        return Granted(row.user, made.shown)


class Device(NamedTuple):
    """A device of somebody's that may open his drives."""

    id: str
    label: str
    created: int
    last_use: int | None


class OwnDevices:
    """Somebody's app passwords, as he himself makes, sees and ends them."""

    def __init__(self, database: Database, pepper: bytes, audit: Audit, clock: Callable[[], int]) -> None:
        self._database, self._pepper, self._audit, self._clock = database, pepper, audit, clock

    def connect(self, user: str, label: str) -> str:
        """A new app password, told once. Raises Unavailable, and TooMany beyond what anybody has."""
        name = label.strip()[:MAX_LABEL] or "?"
        with self._database.transaction() as connection:
            if len(self._living(connection, user)) >= MOST:
                raise TooMany(f"more than {MOST} devices")
            made = create_app_password(connection, self._pepper, user, name, self._clock())
            self._audit.note(connection, f"user:{user}", "app-password-create", detail=f"{user} {made.id}")
        return made.shown

    def of(self, user: str) -> list[Device]:
        """Those that still work, the newest first."""
        with self._database.read() as connection:
            rows = self._living(connection, user)
        return [
            Device(row.id, open_label(self._pepper, row.id, row.label), row.created, row.last_use)
            for row in sorted(rows, key=lambda row: row.created, reverse=True)
        ]

    def disconnect(self, user: str, app_id: str) -> None:
        """End one of one's own at once; harmless for one that has ended. Raises NotFound for anybody else's."""
        with self._database.transaction() as connection:
            mine = select(app_password.c.revoked).where(app_password.c.id == app_id, app_password.c.user == user)
            row = connection.execute(mine).one_or_none()
            if row is None:
                raise NotFound("there is no such device")
            if row.revoked is None:
                revoke_app_password(connection, app_id, self._clock())
                self._audit.note(connection, f"user:{user}", "app-password-revoke", detail=app_id)

    def _living(self, connection: Connection, user: str) -> Sequence[Row[Any]]:
        living = (app_password.c.expires.is_(None)) | (app_password.c.expires > self._clock())
        mine = app_password.c.user == user, app_password.c.revoked.is_(None), living
        return connection.execute(select(app_password).where(*mine)).all()
