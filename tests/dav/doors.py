"""What tests of links and shares do beside the running server: the same door, opened in the test's own process."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from acl.principals import Channel, Principal, PrincipalKind
from davserver import settings
from davserver.app import forest_of
from davserver.founding import default_key
from davserver.house import House
from davserver.tree.locking import GuardedTree
from shareproviders.paths import SharePath
from tests.davclient import DavClient
from tests.running import QUICK_HASHES, RunningServer


@contextmanager
def opened(data: Path) -> Iterator[House]:
    """The house of a data directory, beside the server that runs on it."""
    house = House.open(data, default_key(data), settings.load(data, {**os.environ, **QUICK_HASHES}))
    try:
        yield house
    finally:
        house.close()


def door(house: House, user: str) -> GuardedTree:
    """The tree as this user sees it."""
    return GuardedTree(forest_of(house), Principal(PrincipalKind.USER, user), Channel.DAV)


def tree_path(client: DavClient, path: str = "") -> SharePath:
    """A path under a client's base, in the whole tree."""
    return SharePath.parse((client.base + path).removeprefix("/dav"))


@contextmanager
def fresh(server: RunningServer, user: str = "clara", drive: str = "ba05") -> Iterator[DavClient]:
    """A client in a new folder that members may write in."""
    with server.client(user, f"/dav/{drive}/Arbeitsordner/t-{uuid.uuid4().hex[:12]}") as client:
        answer = client.mkcol("")
        assert answer.status == 201, (answer.status, answer.body)
        yield client
