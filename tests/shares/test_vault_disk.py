"""The vault's files: nothing readable, nothing left over, nothing lost; memory and disk stay bounded."""

from __future__ import annotations

import base64
import errno
import os
import stat
import threading
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from shareproviders.contract import Damaged, Expected, NotFound, QuotaExceeded, ReadOnlyShare, Unavailable
from shareproviders.paths import SharePath
from shareproviders.vault.blobs import AHEAD_BYTES
from shareproviders.vault.cobblestone import sealed_size
from tests.sealed import LONG, altering
from tests.shares.vaults import FORMS, Bench, open_bench, pattern

MIB = 1024 * 1024
LATER = 4_000_000_000_000_000


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    with open_bench(tmp_path) as made:
        yield made


def _disguises(canary: str) -> list[bytes]:
    plain = canary.encode()
    spread = [base64.b64encode(b"x" * shift + plain)[4:-4] for shift in range(3)]
    return [plain, canary.encode("utf-16-le"), canary.encode("utf-16-be"), plain.hex().encode(), *spread]


def test_no_file_holds_contents_names_or_properties(bench: Bench) -> None:
    """S-28: a raw scan of blobs, staging, database, WAL and a dump, while running and with an upload under way."""
    canaries = {kind: f"Kanarienvogel-{kind}-Haushaltsplan" for kind in ("content", "name", "property", "value", "old")}
    bench.make(f"/{canaries['name']}")
    node = bench.put(f"/{canaries['name']}/{canaries['name']}.pdf", canaries["old"].encode() * 3)
    bench.put(f"/{canaries['name']}/{canaries['name']}.pdf", canaries["content"].encode() * 3000)
    bench.vault.set_properties(node, {f"{{x:}}{canaries['property']}": f"<x>{canaries['value']}</x>"}, bench.writing())
    bench.copy(f"/{canaries['name']}", f"/{canaries['name']}-2")
    bench.move(f"/{canaries['name']}-2", f"/{canaries['name']}-3")
    bench.delete(f"/{canaries['name']}-3")
    bench.put("/klein", canaries["content"].encode())
    assert bench.small_rows()
    scanned = []

    def upload() -> Iterator[bytes]:
        yield canaries["content"].encode() * 3000
        for path in bench.directory.rglob("*"):
            if path.is_file():
                raw = path.read_bytes()
                scanned.append(path.name)
                for canary in canaries.values():
                    assert not any(disguise in raw for disguise in _disguises(canary)), path
                    assert canary not in str(path)

    bench.vault.stage(upload()).discard()
    with altering(bench.directory) as connection:
        dump = "\n".join(connection.iterdump()).encode()
    for canary in canaries.values():
        assert not any(disguise in dump for disguise in (*_disguises(canary), canary.encode().hex().upper().encode()))
    assert any(name.endswith("-wal") for name in scanned)
    assert len(scanned) >= 5


def test_a_body_that_fails_leaves_no_file_and_its_error_passes(bench: Bench) -> None:
    """storage.md §4.4: a short body changes nothing and leaves no trace, at whatever position it ends."""

    class BrokenOffError(Exception):
        pass

    def body(pieces: int, size: int) -> Iterator[bytes]:
        for number in range(pieces):
            yield pattern(size, number)
        raise BrokenOffError

    bench.put("/a", b"old")
    for pieces, size in ((0, 0), (1, 100), (7, 100), (1, 50_000), (7, 50_000)):
        with pytest.raises(BrokenOffError):
            bench.vault.stage(body(pieces, size))
    assert bench.drafts() == []
    assert len(bench.stored()) == 1
    assert bench.read("/a") == b"old"


@FORMS
def test_a_discarded_or_rolled_back_upload_leaves_nothing(bench: Bench, times: int) -> None:
    """Staged.discard: after a refusal or rollback the blob goes; after `put` it is harmless."""
    staged = bench.vault.stage([b"dropped" * times])
    staged.discard()
    staged.discard()
    assert bench.stored() == []

    class ChangedMindError(Exception):
        pass

    staged = bench.vault.stage([b"rolled back" * times])
    with pytest.raises(ChangedMindError), bench.database.transaction():
        bench.vault.put(SharePath.parse("/a"), staged, Expected(), bench.writing())
        raise ChangedMindError
    staged.discard()
    assert bench.stored() == []
    with pytest.raises(NotFound):
        bench.stat("/a")
    staged = bench.vault.stage([b"kept" * times])
    with bench.database.transaction():
        bench.vault.put(SharePath.parse("/a"), staged, Expected(), bench.writing())
    staged.discard()
    assert bench.read("/a") == b"kept" * times


def test_files_and_directories_are_for_the_server_alone(bench: Bench) -> None:
    """storage.md §4.2: 0600 files in 0700 directories, ids only, in a fan-out that exists beforehand."""
    bench.put("/Geheime Vorlage.pdf", pattern(LONG))
    (path,) = bench.blob_files()
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700
    assert path.name.startswith(path.parent.name)
    assert len(path.name) == 32
    assert len(list(path.parents[1].iterdir())) == 256


def test_collect_removes_orphans_and_only_those(bench: Bench) -> None:
    """gc: old files that no row names go, young ones stay, restartable at any point."""
    named, replacing = pattern(LONG, 1), pattern(LONG, 2)
    bench.put("/a", named)
    orphan = bench.vault.stage([pattern(LONG, 3)])
    bench.put("/b", pattern(LONG, 4))
    bench.put("/b", replacing, keep_version=False)
    assert len(bench.blob_files()) == 4
    assert bench.vault.collect(0) == 0
    assert bench.vault.collect(LATER) == 2
    assert bench.vault.collect(LATER) == 0
    assert bench.read("/a") == named
    assert bench.read("/b") == replacing
    with pytest.raises(Unavailable), bench.database.transaction():
        bench.vault.put(SharePath.parse("/c"), orphan, Expected(), bench.writing())
    assert list(bench.vault.check()) == []


def test_recover_drops_drafts_of_the_dead_and_leaves_those_of_the_living(bench: Bench) -> None:
    """Upkeep.recover at a start beside another worker: only uploads without a process are dropped."""
    dead = next(bench.directory.glob("vault/*/staging")) / "00"
    dead.write_bytes(b"half")

    def body() -> Iterator[bytes]:
        yield pattern(LONG, 1)
        bench.again().vault.recover()
        assert not dead.exists()
        assert len(bench.drafts()) == 1
        yield pattern(LONG, 2)

    staged = bench.vault.stage(body())
    with bench.database.transaction():
        bench.vault.put(SharePath.parse("/a"), staged, Expected(), bench.writing())
    assert bench.read("/a") == pattern(LONG, 1) + pattern(LONG, 2)


@pytest.mark.parametrize("more", [0, 64 * MIB], ids=["at the end", "while more comes"])
def test_a_sync_that_fails_while_a_long_body_arrives_fails_the_upload(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, more: int
) -> None:
    """The kernel tells of a failure once: what an early sync met is never lost, and fsync is not tried again."""
    calls, real = [], os.fsync

    def first_fails(descriptor: int) -> None:
        calls.append(descriptor)
        if len(calls) == 1:
            raise OSError(errno.EIO, "injected")
        real(descriptor)

    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", first_fails)
        with pytest.raises(Unavailable):
            bench.vault.stage(bytes(MIB) for _ in range((AHEAD_BYTES + more) // MIB))
    assert len(calls) == 1
    assert (bench.vault.read_only, bench.drafts()) == (True, [])


def test_a_long_body_is_synced_while_it_arrives_and_at_its_end(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever went before, the last sync of the file comes after its last byte."""
    sizes, real = [], os.fsync

    def noted(descriptor: int) -> None:
        real(descriptor)
        if stat.S_ISREG((told := os.fstat(descriptor)).st_mode):
            sizes.append(told.st_size)

    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", noted)
        staged = bench.vault.stage(bytes(MIB) for _ in range(3 * AHEAD_BYTES // MIB))
    assert len(sizes) > 1
    assert sizes[-1] == sealed_size(3 * AHEAD_BYTES)
    staged.discard()


def test_an_fsync_error_makes_the_share_read_only_until_it_is_opened_anew(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """storage.md §4.7: the request fails, nothing is written any more, reading goes on, fsync is not tried again."""
    bench.put("/a", b"before")
    calls = []

    def failing(descriptor: int) -> None:
        calls.append(descriptor)
        raise OSError(errno.EIO, "injected")

    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", failing)
        with pytest.raises(Unavailable):
            bench.vault.stage([pattern(LONG)])
    assert len(calls) == 1
    assert bench.vault.read_only
    assert bench.drafts() == []
    for attempt in (
        lambda: bench.put("/b", b""),
        lambda: bench.make("/c"),
        lambda: bench.move("/a", "/b"),
        lambda: bench.delete("/a"),
    ):
        with pytest.raises(ReadOnlyShare):
            attempt()
    assert bench.read("/a") == b"before"
    again = bench.again()
    assert not again.vault.read_only
    again.put("/a", b"after")
    assert bench.read("/a") == b"after"


@pytest.mark.parametrize("call", ["open", "write", "rename"])
def test_a_failing_disk_refuses_the_upload_and_heals(bench: Bench, monkeypatch: pytest.MonkeyPatch, call: str) -> None:
    """S-39, S-40: ENOSPC in any call leaves the old version and no file; freed space heals without a restart."""
    bench.put("/a", b"old")
    files = bench.blob_files()

    def full(*_args: object, **_kwargs: object) -> int:
        raise OSError(errno.ENOSPC, "injected")

    with monkeypatch.context() as patched:
        if call == "rename":
            patched.setattr(Path, "rename", full)
        else:
            patched.setattr(os, call, full)
        with pytest.raises(Unavailable, match="full"):
            bench.vault.stage([pattern(100_000)])
    assert bench.drafts() == []
    assert bench.blob_files() == files
    assert not bench.vault.read_only
    assert bench.read("/a") == b"old"
    assert bench.put("/a", b"new").size == 3


def test_short_writes_are_completed(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """`write` may take less than it was given."""
    real: Callable[[int, memoryview], int] = os.write
    with monkeypatch.context() as patched:
        patched.setattr(os, "write", lambda descriptor, content: real(descriptor, content[:1000]))
        bench.put("/a", pattern(70_000))
    assert bench.read("/a") == pattern(70_000)


def _big(size: int) -> Iterator[bytes]:
    piece = pattern(MIB)
    for _ in range(size // MIB):
        yield from (piece[start : start + 65536] for start in range(0, MIB, 65536))


def test_a_large_document_takes_little_memory_each_way(bench: Bench) -> None:
    """performance.md §2: putting and reading 256 MiB allocates a few MiB at most."""
    tracemalloc.start()
    try:
        staged = bench.vault.stage(_big(256 * MIB))
        with bench.database.transaction():
            node, _ = bench.vault.put(SharePath.parse("/big"), staged, Expected(), bench.writing())
        writing = tracemalloc.get_traced_memory()[1]
        tracemalloc.reset_peak()
        assert sum(len(piece) for piece in bench.vault.read(node)) == 256 * MIB
        reading = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert writing < 6 * MIB
    assert reading < 6 * MIB


def test_a_byte_at_the_end_of_a_gibibyte_reads_little_from_disk(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """S-30: at most 64 KiB are read, by the calls and (where the kernel tells) from the device."""
    staged = bench.vault.stage(_big(1024 * MIB))
    with bench.database.transaction():
        node, _ = bench.vault.put(SharePath.parse("/huge"), staged, Expected(), bench.writing())
    path = max(bench.blob_files(), key=lambda file: file.stat().st_size)
    descriptor = os.open(path, os.O_RDONLY)
    os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
    os.close(descriptor)
    asked, real = [], os.pread

    def counting(descriptor: int, count: int, offset: int) -> bytes:
        asked.append(count)
        return real(descriptor, count, offset)

    monkeypatch.setattr(os, "pread", counting)
    before = _device_bytes()
    assert b"".join(bench.vault.read(node, 1024 * MIB - 1, 1)) == pattern(MIB)[-1:]
    from_device = _device_bytes() - before
    assert 0 < sum(asked) <= 65536
    assert from_device <= 65536


def _device_bytes() -> int:
    lines = Path("/proc/self/io").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("read_bytes"))


def test_a_reader_finishes_its_version_though_it_is_replaced_and_destroyed(bench: Bench) -> None:
    """read: goes on delivering exactly this version."""
    content = pattern(2 * MIB)
    bench.put("/a", content)
    reading = bench.vault.read(bench.stat("/a"))
    got = [next(reading)]
    bench.put("/a", b"new", keep_version=False)
    bench.vault.collect(LATER)
    assert (bench.blob_files(), len(bench.small_rows())) == ([], 1)
    got.extend(reading)
    assert b"".join(got) == content


def test_an_abandoned_reader_closes_its_file(bench: Bench) -> None:
    """A client that goes away, before or after the first piece, leaks no descriptor."""
    bench.put("/a", pattern(2 * MIB))
    node = bench.stat("/a")
    before = len(list(Path("/proc/self/fd").iterdir()))
    for number in range(20):
        reading = bench.vault.read(node)
        if number % 2:
            next(reading)
        del reading
    with pytest.raises(Damaged):
        bench.blob_files()[0].write_bytes(b"")
        bench.vault.read(node)
    assert len(list(Path("/proc/self/fd").iterdir())) == before


def test_two_processes_see_one_share(bench: Bench) -> None:
    """State lives in the database: what one worker writes, the other reads, quota included."""
    other = bench.again()
    bench.make("/dir")
    node = other.put("/dir/a", b"one")
    assert bench.stat("/dir/a") == node
    assert bench.put("/dir/a", b"three").id == node.id
    assert other.read("/dir/a") == b"three"


def test_parallel_writes_never_pass_the_quota(tmp_path: Path) -> None:
    """S-16: 20 uploads of 1 MB at once into 10 MB: the sum never exceeds the limit."""
    with open_bench(tmp_path, quota=10_000_000) as bench:
        done: list[str] = []

        def write(name: str) -> None:
            try:
                bench.put(name, os.urandom(1_000_000))
            except QuotaExceeded:
                return
            done.append(name)

        writers = [threading.Thread(target=write, args=(f"/{number}",)) for number in range(20)]
        for writer in writers:
            writer.start()
        for writer in writers:
            writer.join()
        assert len(done) == 10
        assert bench.vault.usage().used == 10_000_000
        assert sorted(f"/{name}" for name in bench.names("/")) == sorted(done)
