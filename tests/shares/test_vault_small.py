"""Small bodies lie in rows: one commit makes them durable, and they go as files do (decision 72)."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import pytest
from sqlalchemy import event, select

from shareproviders.contract import Damaged, DiskFull, Expected, Ground
from shareproviders.paths import SharePath
from shareproviders.room import LOG_BYTES, ROOM_BYTES
from shareproviders.vault.cobblestone import sealed_size
from shareproviders.vault.history import READ_LATELY
from shareproviders.vault.schema import small
from shareproviders.vault.share import Vault
from tests.sealed import LONG, is_anywhere
from tests.shares.vaults import Bench, ground, open_bench, pattern

LATER = 4_000_000_000_000_000


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    with open_bench(tmp_path) as made:
        yield made
        assert list(made.vault.check()) == []


@pytest.mark.parametrize("step", [1, 1000, 40_000], ids=["byte by byte", "in parts", "at once"])
def test_the_border_is_a_whole_chunk(bench: Bench, step: int) -> None:
    """A message that is only a last chunk is a row; from 16,384 bytes on it is a file; however the bytes come."""
    for size in (0, LONG - 1, LONG, LONG + 1):
        content = pattern(size, size)
        staged = bench.vault.stage(content[start : start + step] for start in range(0, size, step))
        with bench.database.transaction():
            bench.vault.put(SharePath.parse(f"/{size}"), staged, Expected(), bench.writing())
        place = bench.sealed(bench.stat(f"/{size}").id)
        assert (place.file is None) == (size < LONG)
        assert len(place.read()) == sealed_size(size)
        assert bench.read(f"/{size}") == content
        assert bench.read(f"/{size}", size // 3, 100) == content[size // 3 :][:100]
    assert (len(bench.small_rows()), len(bench.blob_files())) == (2, 2)


def test_a_small_body_is_nowhere_on_the_disk_before_its_commit(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """No file, no sync, and nothing for `collect`: an upload that waits for its commit cannot be tidied away."""

    def refused(_: int) -> None:
        raise AssertionError("a small body is synced with the commit alone")

    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", refused)
        staged = bench.vault.stage([b"small"])
        assert (bench.drafts(), bench.stored(), bench.vault.collect(LATER)) == ([], [], 0)
        with bench.database.transaction():
            bench.vault.put(SharePath.parse("/a"), staged, Expected(), bench.writing())
    assert (bench.read("/a"), bench.blob_files()) == (b"small", [])


class _Disk(NamedTuple):
    f_bavail: int
    f_frsize: int = 1


@pytest.mark.parametrize("missing", [0, 1])
def test_small_bodies_leave_room_too(bench: Bench, monkeypatch: pytest.MonkeyPatch, missing: int) -> None:
    """S-40: they are written twice, into the log and then into the database, and people must still delete."""
    free = ROOM_BYTES + LOG_BYTES + sealed_size(100) - missing
    with monkeypatch.context() as patched:
        patched.setattr(os, "statvfs", lambda place: _Disk(free if place == bench.directory else 0))
        if missing:
            with pytest.raises(DiskFull):
                bench.vault.stage([bytes(100)])
        else:
            bench.vault.stage([bytes(100)])


def test_versions_of_both_forms_are_read_back(bench: Bench) -> None:
    """What replaced a small version, and what lies in the trash, changes nothing of it."""
    contents = [b"first", pattern(LONG, 1), b"third", pattern(LONG, 2), b"fifth"]
    for content in contents:
        bench.put("/a", content)
    document = bench.stat("/a")
    numbers = [version.id for version in reversed(bench.vault.versions(document))]
    assert [b"".join(bench.vault.read_version(document, number)) for number in numbers] == contents
    bench.delete("/a")
    assert b"".join(bench.vault.read_trashed(document)) == b"fifth"
    bench.vault.restore(document.id, SharePath.parse("/back"), bench.writing())
    bench.vault.restore_version(SharePath.parse("/back"), numbers[0], bench.writing())
    assert bench.read("/back") == b"first"
    assert len(bench.small_rows()) == 3


def raw(bench: Bench) -> bytes:
    bench.database.checkpoint()
    return b"".join(path.read_bytes() for path in bench.directory.glob("gremium.db*"))


def test_a_shredded_row_is_overwritten(bench: Bench) -> None:
    """secure_delete: after the next checkpoint no byte of it is in the database, whoever let it go."""
    ends = {
        "replaced": lambda: bench.put("/replaced", b"anew", keep_version=False),
        "dropped": lambda: bench.vault.drop_versions(
            bench.stat("/dropped"), [bench.vault.versions(bench.stat("/dropped"))[1].id]
        ),
        "purged": lambda: (bench.delete("/purged"), bench.vault.purge(bench.vault.trashed()[0].node_id)),
    }
    for name, end in ends.items():
        sealed = bench.sealed(bench.put(f"/{name}", pattern(9000, len(name))).id).read()
        bench.put("/dropped", b"newer")
        assert is_anywhere(sealed, raw(bench)), name
        end()
        assert not is_anywhere(sealed, raw(bench)), name
    with bench.database.read() as connection:
        assert sorted(map(len, connection.execute(select(small.c.message)).scalars())) == [72 + 4, 72 + 5]


def test_a_backup_names_only_what_has_a_file(bench: Bench) -> None:
    """Restorable.files: the copy of the database carries the rest."""
    bench.put("/a", b"small")
    bench.put("/b", pattern(LONG))
    assert [bench.directory / path for path in bench.vault.files()] == bench.blob_files()


class Reader:
    """A vault that is told of commits, as the server's are; counts the statements of its readers."""

    def __init__(self, bench: Bench) -> None:
        database = bench.database
        stands: Ground = ground(bench.directory, database, bench.keys, bench.clock)
        self.vault = Vault(replace(stands, committed=database.known))
        self.bench, self.statements = bench, 0
        event.listen(database._readers, "begin", self._count, named=True)

    def _count(self, **_: object) -> None:
        self.statements += 1

    def read(self, path: str) -> bytes:
        return b"".join(self.vault.read(self.bench.stat(path)))


def test_read_again_it_needs_neither_file_nor_query_while_nobody_commits(bench: Bench) -> None:
    """What is remembered is ciphertext, checked at each read; a commit of anybody ends it."""
    bench.put("/a", b"small")
    reader, node = Reader(bench), bench.stat("/a")
    assert b"".join(reader.vault.read(node)) == b"small"
    before = reader.statements
    assert [b"".join(reader.vault.read(node, start)) for start in (0, 2)] == [b"small", b"all"]
    assert reader.statements == before
    ((_, secret, _),) = reader.vault._history._read_lately.values()
    assert secret.message is not None and b"small" not in secret.message
    secret.message = secret.message[:-1] + bytes([secret.message[-1] ^ 1])
    with pytest.raises(Damaged):
        b"".join(reader.vault.read(node))
    bench.put("/b", b"another")
    assert b"".join(reader.vault.read(node)) == b"small"


def test_what_is_remembered_has_an_end(bench: Bench) -> None:
    """At most so many versions, and none of before a commit."""
    for name in ("/a", "/b"):
        bench.put(name, name.encode())
    reader = Reader(bench)
    kept = reader.vault._history._read_lately
    assert [reader.read(name) for name in ("/a", "/b")] == [b"/a", b"/b"]
    assert len(kept) == 2
    bench.put("/c", b"c")
    assert (reader.read("/c"), len(kept)) == (b"c", 1)
    for number in range(READ_LATELY):
        kept[number, "", False] = next(iter(kept.values()))
    assert (reader.read("/a"), len(kept)) == (b"/a", 1)
