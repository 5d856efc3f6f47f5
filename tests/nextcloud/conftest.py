"""Fixtures of this room: people at the addresses that Nextcloud's clients use."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest

from tests.davclient import DAV, Answer, DavClient, Member, prop_body
from tests.portal.conftest import language, visitor, visitors
from tests.running import RunningServer

OC, NC = "{http://owncloud.org/ns}", "{http://nextcloud.org/ns}"
FILES = "/remote.php/dav/files"


@dataclass(frozen=True)
class Sync:
    """One user's tree as his sync client meets it; paths are those below `/dav/`."""

    client: DavClient
    user: str

    def at(self, path: str) -> str:
        return f"{FILES}/{self.user}{path}"

    def properties(self, path: str, *names: str) -> Member:
        return self.client.properties(self.at(path), *names)

    def text(self, path: str, name: str) -> str | None:
        return self.properties(path, name).text(name)

    def etag(self, path: str) -> str:
        tag = self.text(path, "getetag")
        assert tag, f"{path} has no entity tag"
        return tag

    def put(self, path: str, body: bytes, **headers: str) -> Answer:
        return self.client.put(self.at(path), body, **headers)

    def listed(self, path: str, *names: str) -> dict[str, Member]:
        """Members by name, the collection itself under the empty one."""
        members = self.client.propfind(self.at(path), "1", prop_body(*names)).members()
        own = self.at(path).rstrip("/")
        return {href.removeprefix(own).strip("/"): member for href, member in members.items()}


@pytest.fixture
def sync(people: Callable[[str, str], DavClient]) -> Callable[[str], Sync]:
    """sync(user)"""
    return lambda user: Sync(people(user, ""), user)


@pytest.fixture
def place(server: RunningServer) -> Iterator[str]:
    """A fresh folder of the vault in which members may write, as a path below `/dav`."""
    path = f"/ba05/Arbeitsordner/n-{uuid.uuid4().hex[:12]}"
    with server.client("clara") as clerk:
        assert clerk.mkcol(f"/dav{path}").status == 201
    yield path


def raw(client: DavClient, method: str, target: str, **headers: str) -> Answer:
    """A target with a query, sent as it stands."""
    return client.request(
        method, "", raw_target=target, headers={key.replace("_", "-"): value for key, value in headers.items()}
    )


__all__ = ["DAV", "FILES", "NC", "OC", "Sync", "language", "raw", "visitor", "visitors"]
