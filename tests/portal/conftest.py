"""Visitors of the portal at the running server."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.portal.portalclient import PortalClient
from tests.running import RunningServer


@pytest.fixture
def visitor(server: RunningServer) -> PortalClient:
    """Somebody who has not signed in yet."""
    return PortalClient(server.url)


@pytest.fixture
def visitors(server: RunningServer) -> Callable[[str], PortalClient]:
    """visitors(user): somebody who is signed in."""

    def signed_in(user: str) -> PortalClient:
        client = PortalClient(server.url)
        assert client.sign_in(user).status == 303
        return client

    return signed_in
