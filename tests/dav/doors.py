"""What tests of links and shares do beside the running server: the same door, opened in the test's own process."""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from acl.links import Link
from acl.principals import Channel, Principal, PrincipalKind
from davserver import settings
from davserver.accounts import PEPPER_SECRET, create_app_password
from davserver.app import forest_of
from davserver.founding import default_key
from davserver.house import House
from davserver.tree.locking import GuardedTree
from davserver.tree.sharing import LinkWish
from shareproviders.paths import SharePath
from tests.davclient import Answer, DavClient
from tests.running import QUICK_HASHES, RunningServer


@contextmanager
def opened(data: Path) -> Iterator[House]:
    """The house of a data directory, beside the server that runs on it."""
    house = House.open(data, default_key(data), settings.load(data, {**os.environ, **QUICK_HASHES}))
    try:
        yield house
    finally:
        house.close()


def app_password(data: Path, user: str) -> str:
    """A new one of his, that may do all that he may."""
    with opened(data) as house, house.database.transaction() as connection:
        pepper = house.keys.secret(PEPPER_SECRET)
        return create_app_password(connection, pepper, user, "tests", house.clock()).shown


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


Linking = Callable[..., "Made"]


class Made:
    """A link with its token, and clients of whoever has it."""

    def __init__(self, served: RunningServer, link: Link, token: str) -> None:
        self.served, self.link, self.token = served, link, token
        self._clients: list[DavClient] = []

    def client(self, password: str = "") -> DavClient:
        """A fresh connection, so either worker may get it."""
        self._clients.append(DavClient(self.served.url, "x" if password else "", password, f"/dav-link/{self.token}"))
        return self._clients[-1]

    def close(self) -> None:
        for client in self._clients:
            client.close()


@contextmanager
def linking(served: RunningServer, house: House, folder: DavClient) -> Iterator[Linking]:
    """link(path, user=…, password=…, …): a link to what lies in the folder; its clients are closed at the end."""
    made: list[Made] = []

    def give(path: str = "", user: str = "clara", password: str | None = None, **wish: Any) -> Made:
        secret = house.links.new_secret(password)
        asked = LinkWish(secret.digest, password=secret.password, **wish)
        made.append(Made(served, door(house, user).make_link(tree_path(folder, path), asked), secret.token))
        return made[-1]

    yield give
    for one in made:
        one.close()


def told(answer: Answer) -> tuple[int, list[tuple[str, str]], bytes]:
    """All that an answer tells, but the time of day."""
    return answer.status, [field for field in answer.headers.items() if field[0] != "Date"], answer.body
