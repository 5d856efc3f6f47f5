"""Floods of locks: refused at the limit, answers stay small, and nothing is left behind (security.md S-49, S-54)."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import delete, func, select

from davserver.house import House
from davserver.schema import lock
from davserver.settings import Settings
from tests.dav.doors import fresh, opened
from tests.davclient import DavClient, prop_body
from tests.latency import beside
from tests.running import RunningServer, copied, start
from tests.soaking import SOAK

ON_ONE, BY_ONE = (2_000, 20_000) if SOAK else (100, 250)
THREADS, ROUNDS, FILES = 20, 100 if SOAK else 25, 4
ANSWER = 64 * 1024
PER_RESOURCE, PER_USER = Settings().locks_per_resource, Settings().locks_per_user if SOAK else 200
NO_ROOM = 403


@pytest.fixture(scope="module")
def served(installed: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    env = {"DAVSERVER_LOCKS_PER_USER": str(PER_USER)}
    with start(copied(installed, tmp_path_factory.mktemp("floods")), workers=2, env=env) as running:
        yield running


@pytest.fixture(scope="module")
def house(served: RunningServer) -> Iterator[House]:
    with opened(served.data) as house:
        yield house


@pytest.fixture
def folder(served: RunningServer, house: House) -> Iterator[DavClient]:
    """A fresh one of a clerk who holds no lock anywhere."""
    with fresh(served) as client:
        yield client
    with house.database.transaction() as connection:
        connection.execute(delete(lock))


def standing(house: House) -> int:
    with house.database.read() as connection:
        return connection.scalar(select(func.count()).select_from(lock)) or 0


def test_two_thousand_on_one_document(served: RunningServer, folder: DavClient) -> None:
    """`locks_per_resource` are given, the rest refused; who lists it gets a small answer, others lock theirs."""
    folder.put("/a.txt", b"1")
    folder.put("/b.txt", b"1")
    statuses = Counter(folder.lock("/a.txt", scope="shared", owner="x" * 1_000).status for _ in range(ON_ONE))
    assert statuses == {200: PER_RESOURCE, NO_ROOM: ON_ONE - PER_RESOURCE}
    for depth, path in (("0", "/a.txt"), ("1", "/")):
        assert len(folder.propfind(path, depth, prop_body("lockdiscovery", "getetag")).body) < ANSWER
    with served.client("otto", folder.base) as otto:
        assert otto.lock("/b.txt").status == 200
        assert otto.lock("/a.txt", scope="shared").status == NO_ROOM
        assert otto.lock("/a.txt").status == 423


def test_more_by_one_person_than_one_may_hold(served: RunningServer, house: House, folder: DavClient) -> None:
    """`locks_per_user` are given, then none, wherever; others are not kept from theirs."""
    places = PER_USER // PER_RESOURCE + 2
    for number in range(places):
        folder.put(f"/{number}.txt", b"1")
    statuses = Counter[int]()

    def flood() -> None:
        for number in range(BY_ONE):
            path = f"/{number // PER_RESOURCE % places}.txt"
            statuses[folder.lock(path, scope="shared", Timeout="Second-3600").status] += 1

    flooding = threading.Thread(target=flood)
    with served.client("otto", folder.base) as otto, beside(otto, "locked") as waiting:
        usual = waiting.p95()
        flooding.start()
        slowest = waiting.p95(flooding.is_alive)
        flooding.join()
    print(f"{BY_ONE} locks; another one gets his within {slowest * 1000:.1f} ms, without them {usual * 1000:.1f} (p95)")
    assert statuses == {200: PER_USER, NO_ROOM: BY_ONE - PER_USER}
    assert standing(house) == PER_USER
    with served.client("otto", folder.base) as otto:
        assert otto.lock("/neu.txt").status == 201
        assert otto.lock("/0.txt").status == 423


def test_twenty_threads_lock_and_unlock(served: RunningServer, house: House, folder: DavClient) -> None:
    """Each lock is one thread's alone, no request fails, and in the end none is left."""
    for number in range(FILES):
        folder.put(f"/{number}.txt", b"1")
    before, statuses, holders = standing(house), Counter[int](), Holders()
    clients = [served.client("clara", folder.base) for _ in range(THREADS)]

    def bomb(number: int) -> None:
        path = f"/{number % FILES}.txt"
        for _ in range(ROUNDS):
            answer = clients[number].lock(path)
            statuses[answer.status] += 1
            if answer.status == 200:
                holders.enter(path)
                holders.leave(path)
                statuses[clients[number].unlock(path, answer.lock_token).status] += 1

    threads = [threading.Thread(target=bomb, args=(number,)) for number in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for client in clients:
        client.close()
    assert set(statuses) <= {200, 204, 423}, statuses
    assert statuses[200] + statuses[423] == THREADS * ROUNDS
    assert statuses[200] == statuses[204] > 0
    assert holders.most == 1
    assert standing(house) == before


class Holders:
    """How many hold the same thing at a time."""

    def __init__(self) -> None:
        self._lock, self._now = threading.Lock(), Counter[str]()
        self.most = 0

    def enter(self, path: str) -> None:
        with self._lock:
            self._now[path] += 1
            self.most = max(self.most, self._now[path])

    def leave(self, path: str) -> None:
        with self._lock:
            self._now[path] -= 1
