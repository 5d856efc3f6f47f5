"""Visitors of the portal at the running server."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from davserver.house import House
from tests.dav.doors import Linking, fresh, linking, opened
from tests.davclient import DavClient
from tests.portal.chromium import Browsers
from tests.portal.portalclient import PortalClient
from tests.running import RunningServer


@pytest.fixture(scope="session")
def browsers() -> Iterator[Browsers]:
    """browsers(url, …): a window of Chromium, lent for a test."""
    lending = Browsers()
    yield lending
    lending.close()


@pytest.fixture
def visitor(server: RunningServer) -> PortalClient:
    """Somebody who has not signed in yet."""
    return PortalClient(server.url)


@pytest.fixture
def language() -> str:
    """What the browsers of `visitors` ask for."""
    return "de"


@pytest.fixture
def visitors(server: RunningServer, language: str) -> Callable[[str], PortalClient]:
    """visitors(user): somebody who is signed in."""
    return lambda user: PortalClient.signed_in(server.url, user, language)


@pytest.fixture
def house(server: RunningServer) -> Iterator[House]:
    """The server's own house, opened beside it."""
    with opened(server.data) as house:
        yield house


@pytest.fixture
def folder(server: RunningServer) -> Iterator[DavClient]:
    """A fresh folder of the clerk's."""
    with fresh(server) as client:
        yield client


@pytest.fixture
def link(server: RunningServer, house: House, folder: DavClient) -> Iterator[Linking]:
    """link(path, …): a link to what lies in that folder."""
    with linking(server, house, folder) as link:
        yield link


@pytest.fixture
def citizen(server: RunningServer) -> PortalClient:
    """Somebody without an account."""
    return PortalClient(server.url)
