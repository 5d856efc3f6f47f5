"""Fixtures for foreign clients: the ways by which they reach a server, a document that stays open for long.

Every test here runs over plain HTTP and over HTTPS through nginx; marked `own_tls` also over the server's own TLS.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.certificates import NAME, Authority, make_authority
from tests.clients.libreoffice import Office, available, office
from tests.clients.mounts import eventually, fresh_collection
from tests.clients.nginx import Front, free_ports, nginx
from tests.davclient import DAV, DavClient
from tests.running import RunningServer, command, copied, start

LONG = "long_open"
LOCK_SECONDS = 180  # what LibreOffice asks for
REFRESH_SECONDS = 170  # it renews 30 s before the end


class LongOpen:
    """A document open in LibreOffice, and its lock as the server tells it."""

    def __init__(self, suite: Office, clerk: DavClient) -> None:
        self._suite, self._clerk = suite, clerk
        self._url = clerk.url("/lange offen.odt")
        suite.done("new", url=self._url, text="Anfang.")
        self._since = time.monotonic()
        self._token, left = self._lock()
        assert left <= LOCK_SECONDS, "the client decides how long its lock outlives a crash"

    def _lock(self) -> tuple[str, int]:
        """Token and remaining seconds."""
        self._clerk.close()  # the server lets go of connections that idle
        discovery = self._clerk.properties("/lange offen.odt", "lockdiscovery").found[DAV + "lockdiscovery"]
        token = discovery.findtext(f"{DAV}activelock/{DAV}locktoken/{DAV}href")
        timeout = discovery.findtext(f"{DAV}activelock/{DAV}timeout")
        assert token is not None, "the lock has gone"
        assert timeout is not None
        return token, int(timeout.removeprefix("Second-"))

    def wait_for_refresh(self) -> None:
        """Until the same lock ends later than the one that was taken first."""
        while True:
            token, left = self._lock()
            passed = time.monotonic() - self._since
            assert token == self._token
            if passed + left > LOCK_SECONDS + 2:
                return
            assert passed < REFRESH_SECONDS, "LibreOffice did not renew its lock, or the server did not prolong it"
            time.sleep(1)

    def save_and_close(self) -> None:
        """The renewed lock still lets its holder save, and goes when he closes."""
        before = self._clerk.head("/lange offen.odt").etag
        self._suite.done("append", url=self._url, text=" Ende.")
        self._suite.done("save", url=self._url)
        assert self._clerk.head("/lange offen.odt").etag != before
        self._suite.done("close", url=self._url)
        eventually(lambda: self._clerk.put("/lange offen.odt", b"frei").status == 204)


WAYS = ("direct", "nginx")
VAULT, FILESYSTEM = "ba05", "archiv"


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """Whom clients are made to trust."""
    return make_authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="session")
def direct(plain_server: RunningServer) -> RunningServer:
    """Plain HTTP, two workers."""
    return plain_server


@pytest.fixture(scope="session")
def lone(tmp_path_factory: pytest.TempPathFactory, installed: Path) -> Iterator[RunningServer]:
    """Plain HTTP, a single worker."""
    with start(copied(installed, tmp_path_factory.mktemp("lone")), workers=1) as running:
        yield running


@pytest.fixture(scope="session")
def https(tmp_path_factory: pytest.TempPathFactory, installed: Path, authority: Authority) -> Iterator[RunningServer]:
    """The server's own TLS."""
    with start(copied(installed, tmp_path_factory.mktemp("https")), authority=authority) as running:
        yield running


@pytest.fixture(scope="session")
def behind(
    tmp_path_factory: pytest.TempPathFactory, installed: Path, authority: Authority
) -> Iterator[tuple[RunningServer, Front]]:
    """HTTPS through nginx with the shipped configuration; and that nginx. Drives open with app passwords only."""
    with behind_nginx(copied(installed, tmp_path_factory.mktemp("behind")), authority) as both:
        yield both


@contextmanager
def behind_nginx(
    data: Path, authority: Authority, options: tuple[str, ...] = ()
) -> Iterator[tuple[RunningServer, Front]]:
    """A server for this data directory, as clients see it through an nginx of its own; and that nginx."""
    passwords = {}
    for user in ("clara", "otto", "sam"):
        made = command("app-password", "create", user, "--label", "tests", "--json", data=data)
        passwords[user] = json.loads(made)["password"]
    port, plain_port = free_ports(2)
    proxied = {"DAVSERVER_PUBLIC_URL": f"https://{NAME}:{port}", "DAVSERVER_TRUSTED_PROXIES": "127.0.0.1"}
    with (
        start(data, env=proxied, options=options) as running,
        nginx(authority, (port, plain_port), running.port) as front,
    ):
        yield replace(running, url=front.url, port=port, authority=authority, passwords=passwords), front


@pytest.fixture(scope="session")
def nginx_server(behind: tuple[RunningServer, Front]) -> RunningServer:
    """HTTPS through nginx, as clients see it."""
    return behind[0]


@pytest.fixture(scope="session")
def server(request: pytest.FixtureRequest) -> RunningServer:
    """The server by one of the ways; tests name it, `pytest_generate_tests` chooses."""
    return reached(request)


@pytest.fixture(scope="session")
def drive(request: pytest.FixtureRequest) -> str:
    """A drive on each provider; chosen together with the server."""
    return str(request.param)


@pytest.fixture(params=["lone", "direct", "https", "nginx"])
def crew(request: pytest.FixtureRequest) -> RunningServer:
    """The server with one worker, then with two by every way."""
    return reached(request)


def reached(request: pytest.FixtureRequest) -> RunningServer:
    found = request.getfixturevalue("nginx_server" if request.param == "nginx" else request.param)
    assert isinstance(found, RunningServer)
    return found


@pytest.fixture
def link(server: RunningServer, folder: DavClient) -> str:
    """The path of a link that lets read and write in the folder, for clients that cannot log in."""
    words = ("--rights", "read", "write-content", "write-properties", "bind", "--json")
    made = command("link", "create", folder.base.removeprefix("/dav/"), *words, data=server.data)
    return str(urlsplit(json.loads(made)["dav_url"]).path).rstrip("/")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Both providers directly; over TLS, which is the same for both, the vault alone."""
    names = metafunc.fixturenames
    if "server" not in names:
        if "drive" in names:
            metafunc.parametrize("drive", [VAULT, FILESYSTEM], indirect=True, ids=["vault", "filesystem"])
        return
    ways = [*WAYS, *(["https"] if metafunc.definition.get_closest_marker("own_tls") else [])]
    if "drive" not in names:
        metafunc.parametrize("server", ways, indirect=True, scope="session")
        return
    both = [("direct", VAULT), ("direct", FILESYSTEM), *((way, VAULT) for way in ways if way != "direct")]
    ids = ["direct-vault", "direct-filesystem", *(f"{way}-vault" for way in ways if way != "direct")]
    metafunc.parametrize(("server", "drive"), both, indirect=True, scope="session", ids=ids)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What watches a lock for two and a half minutes comes last, so that the others run meanwhile."""
    items.sort(key=lambda item: LONG in getattr(item, "fixturenames", ()))


@pytest.fixture(scope="session", autouse=True)
def opened_early(request: pytest.FixtureRequest) -> None:
    """Open that document before the first test of this room."""
    if any(LONG in getattr(item, "fixturenames", ()) for item in request.session.items) and available():
        with suppress(Exception):  # pytest keeps it, and the test that needs the document tells it
            request.getfixturevalue(LONG)


@pytest.fixture(scope="session")
def long_open(nginx_server: RunningServer) -> Iterator[LongOpen]:
    """A document that stays open in a LibreOffice of its own until the last test; through nginx, which must let it."""
    base = fresh_collection(nginx_server, "ba05")
    with office("clara", nginx_server) as suite, nginx_server.client("clara", base) as clerk:
        yield LongOpen(suite, clerk)
