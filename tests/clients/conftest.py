"""Fixtures for foreign clients: a server with one worker beside the shared one, a document that stays open for long."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import suppress

import pytest

from tests.clients.libreoffice import Office, available, office
from tests.clients.mounts import eventually, fresh_collection
from tests.davclient import DAV, DavClient
from tests.running import RunningServer, install, start

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


@pytest.fixture(scope="session")
def lone_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """The server with a single worker."""
    with start(install(tmp_path_factory.mktemp("lone")), workers=1) as running:
        yield running


@pytest.fixture(params=["lone_server", "server"], ids=["one worker", "two workers"])
def crew(request: pytest.FixtureRequest) -> RunningServer:
    """The server with one worker, then with two."""
    running = request.getfixturevalue(request.param)
    assert isinstance(running, RunningServer)
    return running


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
def long_open(server: RunningServer) -> Iterator[LongOpen]:
    """A document that stays open in a LibreOffice of its own until the last test."""
    base = fresh_collection(server, "ba05")
    with office("clara") as suite, server.client("clara", base) as clerk:
        yield LongOpen(suite, clerk)
