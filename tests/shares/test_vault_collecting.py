"""S-34, S-43: collecting takes no blob that a row names, and `check` finds whatever is wrong, and nothing else."""

from __future__ import annotations

import os
import random
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from sqlalchemy import select, update

from shareproviders.contract import Unavailable, Writing
from shareproviders.paths import SharePath
from shareproviders.vault.schema import blob, node, version
from tests.sealed import LONG
from tests.shares.vaults import Bench, open_bench
from tests.soaking import SOAK

ROUNDS = 500
LATER = 4_000_000_000_000_000
CLEAN = 10_000 if SOAK else 400
PLANTED = 50


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    with open_bench(tmp_path) as made:
        yield made


class Collector(threading.Thread):
    """Another process's gc, with no grace at all, again and again while the context lasts."""

    def __init__(self, bench: Bench) -> None:
        super().__init__()
        self._other, self._ending = bench.again(), threading.Event()
        self.rounds = 0

    def run(self) -> None:
        while not self._ending.is_set():
            self._other.vault.collect(LATER)
            self.rounds += 1

    def __enter__(self) -> Collector:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ending.set()
        self.join()


def test_collecting_beside_uploads_and_restores_takes_nothing_that_a_row_names(bench: Bench) -> None:
    """S-43: an upload is refused or stays readable; what came back out of the trash, too; then all orphans go."""
    chance, there = random.Random(43), dict[str, bytes]()
    refused = orphans = 0
    with Collector(bench) as collector:
        for number in range(ROUNDS):
            name, content = f"/{number}", os.urandom(100 if number % 2 else LONG)
            try:
                bench.put(name, content)
            except Unavailable:
                refused += 1
                continue
            there[name] = content
            if number % 5 == 0:
                with suppress(Unavailable):  # its draft was collected before it was complete
                    bench.vault.stage([b"nobody ever names this" * LONG])
                    orphans += 1
            if number % 3 == 0:
                gone = chance.choice(list(there))
                thrown = bench.stat(gone).id
                bench.delete(gone)
                with bench.database.transaction():
                    bench.vault.restore(thrown, SharePath.parse(gone), Writing(by="anna", at=bench.clock()))
    assert {name: bench.read(name) for name in there} == there
    bench.vault.collect(LATER)
    with bench.database.read() as connection:
        named = {each.hex() for each in connection.execute(select(blob.c.id)).scalars()}
    assert set(bench.stored()) == named
    assert list(bench.vault.check()) == []
    print(f"{ROUNDS} rounds beside {collector.rounds} collections: {refused} uploads refused, {orphans} orphans gone")
    assert len(there) > ROUNDS // 2
    assert collector.rounds > 5


Plant = Callable[[Bench, int, random.Random], None]


def flip(bench: Bench, document: int, chance: random.Random) -> None:
    place = bench.sealed(document)
    sealed = bytearray(place.read())
    sealed[chance.randrange(len(sealed))] ^= 1 << chance.randrange(8)
    place.write(bytes(sealed))


def cut(bench: Bench, document: int, chance: random.Random) -> None:
    place = bench.sealed(document)
    sealed = place.read()
    place.write(sealed[: chance.randrange(len(sealed))])


def lengthen(bench: Bench, document: int, chance: random.Random) -> None:
    place = bench.sealed(document)
    place.write(place.read() + chance.randbytes(chance.randrange(1, 40)))


def remove(bench: Bench, document: int, _: random.Random) -> None:
    bench.sealed(document).remove()


def repoint(bench: Bench, document: int, _: random.Random) -> None:
    with bench.database.transaction() as connection:
        other = connection.execute(select(version.c.blob).where(version.c.node != document).limit(1)).scalar_one()
        connection.execute(update(version).where(version.c.node == document).values(blob=other))


def resize(bench: Bench, document: int, _: random.Random) -> None:
    with bench.database.transaction() as connection:
        connection.execute(update(version).where(version.c.node == document).values(mac=bytes(32)))


def rename(bench: Bench, document: int, chance: random.Random) -> None:
    with bench.database.transaction() as connection:
        connection.execute(update(node).where(node.c.id == document).values(name_ct=chance.randbytes(30)))


PLANTS: tuple[Plant, ...] = (flip, cut, lengthen, remove, repoint, resize, rename)


def test_check_finds_each_of_fifty_planted_faults_and_no_other(bench: Bench) -> None:
    """S-34: 50 of 50 by their node, none among the clean ones, in rows and in files; SOAK=1: of ten thousand."""
    chance = random.Random(34)
    sizes = [chance.randrange(1, 400) + chance.choice((0, LONG)) for _ in range(CLEAN)]
    documents = [bench.put(f"/{number}", chance.randbytes(size)).id for number, size in enumerate(sizes)]
    assert list(bench.vault.check()) == []
    planted = chance.sample(documents, PLANTED)
    for number, document in enumerate(planted):
        PLANTS[number % len(PLANTS)](bench, document, chance)
    found = {finding.node_id for finding in bench.vault.check() if finding.node_id}
    root = bench.stat("/").id
    assert found - {root} == set(planted)
