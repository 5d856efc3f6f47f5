"""Fixtures that every test of a front end uses: the real server, its people, a fresh folder per test."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.davclient import DavClient
from tests.running import RunningServer, copied, install, start

LONGEST = (
    "faults/test_kill.py",
    "clients/test_five_mirrors.py",
    "rights/test_oracle.py",
    "faults/test_power_loss.py",
    "faults/test_kill_keeping.py",
    "faults/test_sudden_death.py",
    "clients/test_sync_clients.py",
    "clients/test_rclone.py",
    "rights/test_isolation.py",
    "clients/test_libreoffice.py",
    "portal/test_clerks_day.py",
)
"""Files that take more than a minute. Two processes share the files; the long ones come first, so that neither of the
two is left alone with one at the end."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    rank = {here / name: place for place, name in enumerate(LONGEST)}
    items.sort(key=lambda item: rank.get(item.path, len(LONGEST)))


@pytest.fixture(scope="session")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An installed data directory; a template, never served itself."""
    return install(tmp_path_factory.mktemp("installed"))


@pytest.fixture
def own_data(installed: Path, tmp_path: Path) -> Path:
    """A data directory for this test alone."""
    return copied(installed, tmp_path / "own")


@pytest.fixture(scope="session")
def plain_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """The server as the demo runs it: plain HTTP on loopback, two workers."""
    with start(install(tmp_path_factory.mktemp("served")), workers=2) as running:
        yield running


@pytest.fixture(scope="session")
def server(plain_server: RunningServer) -> RunningServer:
    """The server, shared by all tests, which keep to folders of their own."""
    return plain_server


@pytest.fixture(params=["ba05", "archiv"], ids=["vault", "filesystem"])
def drive(request: pytest.FixtureRequest) -> str:
    """A drive on each provider."""
    return str(request.param)


@pytest.fixture
def people(server: RunningServer) -> Iterator[Callable[[str, str], DavClient]]:
    """people(user, base): a client that is closed after the test; user "" is nobody."""
    opened: list[DavClient] = []

    def client(user: str, base: str = "") -> DavClient:
        opened.append(server.client(user, base))
        return opened[-1]

    yield client
    for one in opened:
        one.close()


@pytest.fixture
def folder(people: Callable[[str, str], DavClient], drive: str) -> DavClient:
    """The clerk in a fresh folder on each provider; members may read and write there too."""
    return fresh_folder(people, drive)


@pytest.fixture
def vault_folder(people: Callable[[str, str], DavClient]) -> DavClient:
    """The clerk in a fresh folder of the vault."""
    return fresh_folder(people, "ba05")


def fresh_folder(people: Callable[[str, str], DavClient], drive: str) -> DavClient:
    base = f"/dav/{drive}/Arbeitsordner/t-{uuid.uuid4().hex[:12]}"
    clerk = people("clara", base)
    answer = clerk.mkcol("")
    assert answer.status == 201, (answer.status, answer.body)
    return clerk
