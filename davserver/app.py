"""Wires one running server from Settings: the only composition root."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from acl.principals import Channel, Principal
from davserver.accounts import PEPPER_SECRET
from davserver.database import CHECKPOINT_BYTES
from davserver.dav.exchange import LASTING, Lasting
from davserver.dav.mounts import LinkMount, OpenMount
from davserver.dav.server import Application
from davserver.digest import Digests
from davserver.filelocks import START_PATIENCE
from davserver.forwarding import Forwarding
from davserver.heads import Heads
from davserver.health import LIVE, READY, Health
from davserver.hosts import Hosts
from davserver.house import House
from davserver.identities import Identities
from davserver.locks import LockLimits, LockTable
from davserver.logs import Lines
from davserver.mailing import Post
from davserver.metrics import BOARD_NAME, MetricsPage
from davserver.metrics import PATH as METRICS
from davserver.nextcloud.annexes import DavAnnex
from davserver.nextcloud.endpoints import Endpoints
from davserver.nextcloud.mapping import FileIds
from davserver.nextcloud.mounts import Drives, FilesMount, Signposts, WebdavMount
from davserver.nextcloud.trashbin import TrashCall
from davserver.nextcloud.uploads import UploadsCall
from davserver.nextcloud.versions import VersionsCall
from davserver.notices import read_notices
from davserver.oidc import Provider
from davserver.portal.application import create
from davserver.portal.elsewhere import BACK
from davserver.portal.entrance import is_for_portal, page_instead, send_there
from davserver.portal.ground import Ground
from davserver.rendering.maker import Bounds, Maker
from davserver.serving import Board, Limits, ServingSettings, Tally, TLSFiles
from davserver.serving import serve as serve_app
from davserver.serving.repeats import REPEAT, Repeat, Repeats
from davserver.settings import Settings, read_secret
from davserver.tree.aliases import Aliases
from davserver.tree.auditing import Auditing
from davserver.tree.departures import Departures
from davserver.tree.exclusions import Exclusions
from davserver.tree.forest import Forest, RulesShelf
from davserver.tree.letters import by_digest
from davserver.tree.linked import LinkTree
from davserver.tree.locking import GuardedTree
from davserver.tree.mirrored import MirroredTree
from davserver.tree.office import Office
from davserver.tree.opened import OpenedTree, open_once
from davserver.tree.pointers import Pointers
from davserver.tree.remembered import Remembered
from davserver.tree.rendered import Showing
from davserver.tree.renditions import Renditions
from davserver.tree.seconding import Seconding
from davserver.tree.titles import Titles
from davserver.tree.uploads import Uploads
from davserver.upkeep import claim, is_due, tidy
from shareproviders.contract import Unavailable, Upkeep

CHECKPOINT_SECONDS, TIDYING_SECONDS = 60.0, 1.0
UPKEEP_LOOKS_SECONDS = 60.0
UPKEEP = "server:upkeep"
"""Who is noted for what the server does by itself."""
DRIVES = ("/dav", "/dav-link", "/dav-open", "/remote.php")
"""What lies at or under these the WebDAV application answers; other pages are the portal's."""

StartResponse = Callable[..., Any]
WSGIApplication = Callable[[dict[str, Any], StartResponse], Iterable[bytes]]
_log = logging.getLogger(__name__)


def forest_of(house: House) -> Forest:
    """The ground on which this process opens doors."""
    settings = house.settings
    limits = LockLimits(settings.locks_per_resource, settings.locks_per_user, longest=settings.lock_seconds)
    return Forest(
        database=house.database,
        clock=house.clock,
        shares=lambda: house.shares,
        engine=house.engine,
        locks=LockTable(house.clock, house.keys.sealer, limits),
        audit=house.audit,
        reads=house.reads,
        departures=Departures(house.keys.sealer),
        aliases=Aliases(house.keys.sealer),
        pointers=Pointers(settings.public_url.rstrip("/")),
        renditions=Renditions(house.kept, house.clock),
        showing=partial(Showing, kept=house.kept, maker=maker_of(settings)),
        remembered=Remembered(),
        titles=Titles(),
        sealer=house.keys.sealer,
        era=max(house.restores, default=0),
        rules=RulesShelf(house.database, house.engine),
    )


def portal_ground(house: House, forest: Forest, lines: Lines) -> Ground:
    """What the portal stands on in this process."""
    return Ground(
        sign_in=house.login.by_account_password,
        second_step=house.second_step,
        identities=identities_of(house),
        awake_until=house.awake_until,
        resets=house.resets,
        send=send_of(house),
        sessions=house.sessions,
        door=lambda principal: GuardedTree(forest, principal, Channel.PORTAL),
        clock=house.clock,
        log=lines.write,
        notices=read_notices(house.settings, house.directory),
        devices=house.devices,
        own_devices=house.own_devices,
        invitations=house.invitations,
        open_once=partial(open_once, forest, house.openings),
        office=partial(Office, house),
        seconding=partial(Seconding, house),
        exclusions=partial(Exclusions, house),
        auditing=partial(Auditing, house),
        showing=forest.showing,
        links=house.links,
        link_door=partial(LinkTree, forest),
        letter=partial(by_digest, forest),
        public_url=house.settings.public_url,
    )


def identities_of(house: House) -> Identities | None:
    """Signing in elsewhere, where the settings name a provider of identities. Raises SettingsError."""
    settings = house.settings
    if not settings.oidc_issuer:
        return None
    secret = read_secret("oidc_client_secret", settings.oidc_client_secret, house.directory)
    provider = Provider(settings, secret, settings.public_url.rstrip("/") + BACK, house.clock)
    pepper = house.keys.secret(PEPPER_SECRET)
    return Identities(house.database, provider, pepper, house.audit, house.clock)


def send_of(house: House) -> Callable[[str, str, str], None] | None:
    """What sends mails, where the settings name a server for it. Raises SettingsError."""
    return Post(house.settings, house.directory).send if house.settings.mail_server else None


def office_of(settings: Settings) -> str | None:
    """The program that converts office documents; None if there is none, or if it is not wanted."""
    return Maker.find_office() if settings.convert_office else None


def maker_of(settings: Settings) -> Maker:
    """What draws pages in this process."""
    bounds = Bounds(settings.draw_seconds, settings.draw_bytes, settings.draw_at_once)
    return Maker(office_of(settings), bounds)


def _digests_of(house: House, forest: Forest) -> Digests | None:
    """The daily mail, where the settings name a server for it. Raises SettingsError."""
    send = send_of(house)
    return None if send is None else Digests(house, forest, send)


class Worker:
    """The WSGI application of one process, and the little work that it does by itself every second."""

    def __init__(self, house: House, board: Board | None = None, tally: Tally | None = None) -> None:
        self._house, board = house, board or Board.create(1)
        self._tally = tally or board.tally(0)
        self._health, self._metrics = Health(house, board), MetricsPage(house, board)
        self._forwarding = Forwarding(house.settings.trusted_proxies)
        self._hosts = Hosts(house.settings.public_url)
        forest = forest_of(house)
        lines = self.lines = Lines(house.settings.log)
        self._heads = Heads(house.audit, lines.write, house.settings.syslog) if self._tally.place == 0 else None
        public_url = house.settings.public_url
        self._portal = create(portal_ground(house, forest, lines))
        ids = FileIds(house.file_secret, house.instance)
        drives = Drives(self._principal, partial(self._mirrored, forest), ids, public_url)
        self._dav = Application(
            {},
            login=self._principal,
            doors=partial(self._door, forest),
            log=lines.write_soon,
            public_url=public_url,
            beside=(
                LinkMount(partial(self._link_door, forest)),
                OpenMount(partial(self._opened_door, forest)),
                FilesMount(drives),
                WebdavMount(drives),
            ),
            annexes=(
                Signposts(drives, ("files", UploadsCall.root, TrashCall.root, VersionsCall.root)),
                DavAnnex(UploadsCall.root, drives, partial(UploadsCall, self._uploads)),
                DavAnnex(TrashCall.root, drives, TrashCall),
                DavAnnex(VersionsCall.root, drives, VersionsCall),
            ),
        )
        self._endpoints = Endpoints(self._principal, drives, house.devices, lines.write_soon)
        self._digests = _digests_of(house, forest)
        self.repeats: Repeats[Any] = Repeats()
        self._stopping = threading.Event()
        self._tidying = threading.Thread(target=self._tidy, name="tidying", daemon=True)
        self._keeping_up = threading.Thread(target=self._keep_up, name="upkeep", daemon=True)
        for thread in (self._tidying, self._keeping_up):
            thread.start()

    def __call__(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        self._forwarding.apply(environ)
        self._house.database.begin_request()
        if environ["PATH_INFO"] in (LIVE, READY):
            return self._health(environ, start_response)
        if environ["PATH_INFO"] == METRICS:
            return self._metrics(environ, start_response)
        if not self._hosts.is_ours(environ):
            return self._hosts.refuse(environ, start_response)
        if self._endpoints.takes(environ["PATH_INFO"]):
            return self._endpoints(environ, start_response)
        page = page_instead(environ)
        if page is not None:
            return send_there(page, start_response)
        application: WSGIApplication = self._portal if is_for_portal(environ, DRIVES) else self._dav
        answer = application(environ, start_response)
        lasting = environ.get(LASTING)
        authorization = environ.get("HTTP_AUTHORIZATION")
        if lasting is not None and authorization is not None:
            self._offer(environ, lasting, authorization)
        return answer

    def _offer(self, environ: dict[str, Any], lasting: Lasting, authorization: str) -> None:
        """Let the engine give an answer again while what it says holds and who got it is known by the same words."""
        database, clock, standing = self._house.database, self._house.clock, lasting.standing
        known = self._house.login.still(authorization)
        if known is None:
            return

        def holds() -> bool:
            return standing.holds(database.committed(), clock()) and known()

        environ[REPEAT] = Repeat(standing.committed, holds, lasting.tell, lasting.part)

    def _principal(self, environ: Mapping[str, Any]) -> Principal:
        forwarded = bool(environ[Forwarding.SEEN])
        return self._house.login.principal(environ.get("HTTP_AUTHORIZATION"), environ["REMOTE_ADDR"], forwarded)

    @staticmethod
    def _door(forest: Forest, principal: Principal) -> GuardedTree:
        return GuardedTree(forest, principal, Channel.DAV)

    @staticmethod
    def _mirrored(forest: Forest, principal: Principal) -> MirroredTree:
        return MirroredTree(forest, principal, Channel.DAV)

    def _uploads(self, principal: Principal) -> Uploads:
        house = self._house
        return Uploads(house.uploads, principal, house.clock, house.database.transaction, house.settings.upload_bytes)

    def _link_door(self, forest: Forest, environ: Mapping[str, Any], token: str) -> LinkTree:
        authorization, address = environ.get("HTTP_AUTHORIZATION"), environ["REMOTE_ADDR"]
        return LinkTree(forest, self._house.links.link(token, authorization, address))

    def _opened_door(
        self, forest: Forest, environ: Mapping[str, Any], token: str, names: tuple[str, ...]
    ) -> OpenedTree:
        submitted = f"{environ.get('HTTP_IF', '')} {environ.get('HTTP_LOCK_TOKEN', '')}"
        method, address = environ["REQUEST_METHOD"], environ["REMOTE_ADDR"]
        openings = self._house.openings
        return OpenedTree(forest, openings, openings.enter(token, names, method, address, submitted))

    def _tidy(self) -> None:
        checkpoint_at = time.monotonic() + CHECKPOINT_SECONDS
        while not self._stopping.wait(TIDYING_SECONDS):
            try:
                self._tally.logins_refused(self._house.login.take_refused())
                self._tally.stores_stopped(self._house.stores_stopped)
                self._house.flush()
                self.repeats.enter(self._house.database.committed())
                due = time.monotonic() >= checkpoint_at
                if due and self._heads is not None:
                    self._heads.tell()
                if due:
                    self.repeats.clear()
                    self._house.database.checkpoint()
                    checkpoint_at = time.monotonic() + CHECKPOINT_SECONDS
                else:
                    self._house.database.rewind(CHECKPOINT_BYTES)
            except Unavailable as busy:
                _log.warning("tidying waits: %s", busy)
            except Exception:  # noqa: BLE001 (the thread must outlive whatever one round meets; the next round tries again)
                _log.exception("tidying failed")

    def _keep_up(self) -> None:
        """Once a day in one of all workers: let go of what need not be kept any longer, tell by mail what is new."""
        while not self._stopping.wait(UPKEEP_LOOKS_SECONDS):
            try:
                if is_due(self._house) and claim(self._house):
                    tidy(self._house, UPKEEP, self._stopping.is_set)
                if self._digests is not None:
                    self._digests.run(self._stopping.is_set)
            except Unavailable as busy:
                _log.warning("upkeep waits: %s", busy)
            except Exception:  # noqa: BLE001 (as above: the thread must outlive what one day meets)
                _log.exception("upkeep failed")

    def close(self) -> None:
        """After the last request: write what is still collected, then let go of the database."""
        self._stopping.set()
        self._tidying.join()
        self._keeping_up.join()
        self._house.flush()
        if self._heads is not None:
            self._heads.tell()
        self.lines.flush()
        self._house.database.checkpoint()
        self._house.close()


def serve(settings: Settings, directory: Path, key: Path) -> int:
    """Run until SIGTERM; 0 after a clean stop. Raises NoHouse, KeyProblem, WrongSchema, ServingProblem."""
    lines = Lines(settings.log)
    lines.take_over_logging()
    _recover(settings, directory, key)
    tls = TLSFiles(Path(settings.tls_cert), Path(settings.tls_key)) if settings.tls_cert else None
    serving = ServingSettings(
        settings.host,
        settings.port,
        settings.workers,
        settings.threads,
        tls,
        limits_of(settings),
        engine=settings.server,
    )
    scheme = "https" if tls else "http"

    counted = directory / BOARD_NAME
    fresh = counted.with_suffix(".new")
    board = Board.create(settings.workers, fresh)

    def ready(host: str, port: int) -> None:
        fresh.replace(counted)  # not before: a second server that finds the port taken must not hide the first one's
        shown = f"[{host}]" if ":" in host else host
        lines.write({"event": "ready", "url": f"{scheme}://{shown}:{port}/", "workers": settings.workers})

    try:
        serve_app(lambda tally: Worker(House.open(directory, key, settings), board, tally), serving, ready, board)
    finally:
        fresh.unlink(missing_ok=True)
    return 0


def _recover(settings: Settings, directory: Path, key: Path) -> None:
    """Before any worker exists: see that the house opens, and repair what a crash left half done.

    While the key of a committee is changed it waits, as do those who connect meanwhile.
    """
    house = House.open(directory, key, settings, patience=START_PATIENCE)
    try:
        for provider in house.stores().values():
            if isinstance(provider, Upkeep):
                provider.recover()
        house.database.checkpoint()
    finally:
        house.close()


def limits_of(settings: Settings) -> Limits:
    """What one peer may cost, as the settings say."""
    return Limits(
        head_bytes=settings.header_bytes,
        head_fields=settings.header_count,
        head_seconds=settings.header_seconds,
        rate_bytes=settings.body_rate,
        rate_seconds=settings.body_seconds,
        idle_seconds=settings.idle_seconds,
        kept_connections=settings.kept_connections,
        connections=settings.connections,
    )
