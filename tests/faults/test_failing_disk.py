"""S-39: each call of a PUT fails once, in each way that a disk fails; the old version stays or the new one is there.

A call that fails of an interruption (EINTR) is made again, and nobody notices. After a failed fsync a drive takes
nothing any more and health is red, until a restart: the kernel may have dropped what it could not write.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.davclient import DavClient
from tests.faults.quick_starts import ForkedServer, QuickStarts
from tests.faults.test_kill import findings, leftovers
from tests.faults.tracing import failing, spread, traced
from tests.foreign import need
from tests.running import copied
from tests.soaking import SOAK

FAULTS = {
    "openat": ("EIO", "ENOSPC", "EINTR"),
    "write": ("EIO", "ENOSPC", "EINTR"),
    "pwrite64": ("EIO", "ENOSPC", "EINTR"),
    "fsync": ("EIO", "ENOSPC"),
    "fdatasync": ("EIO", "ENOSPC"),
    "rename": ("EIO", "ENOSPC"),
    "renameat": ("EIO", "ENOSPC"),
    "link": ("EIO", "ENOSPC"),
    "linkat": ("EIO", "ENOSPC"),
}
FULL = (("write", "ENOSPC"), ("pwrite64", "ENOSPC"))
"""What a full disk looks like: 507 (RFC 4918 §11.5)."""
SIZES = {"large": (40_000, 50_000), "small": (4_000, 5_000)}
"""Of the old and the new version: with files of their own, and in rows of the vault (decision 72)."""


class Lives:
    """Servers on one directory; a new one only where the last one has stopped taking writes."""

    def __init__(self, starts: QuickStarts, drive: str, sizes: tuple[int, int]) -> None:
        self.starts, self.place = starts, f"/dav/{drive}/Arbeitsordner"
        self.old, self._size = os.urandom(sizes[0]), sizes[1]
        self.server: ForkedServer | None = None
        self.restarts = 0

    @contextmanager
    def client(self) -> Iterator[tuple[int, DavClient]]:
        if self.server is None:
            self.server = self.starts.start()
            self.restarts += 1
        with self.server.client("clara", self.place) as client:
            yield self.server.pid, client

    def new(self) -> bytes:
        """A version that nobody has stored."""
        return os.urandom(self._size)

    def end(self) -> None:
        if self.server is not None:
            self.server.die()
            self.server = None


@pytest.fixture(params=SIZES)
def lives(installed: Path, tmp_path: Path, drive: str, request: pytest.FixtureRequest) -> Iterator[Lives]:
    with QuickStarts(copied(installed, tmp_path / "own")) as starts:
        made = Lives(starts, drive, SIZES[request.param])
        yield made
        made.end()
    assert findings(starts.data) == []


def prepared(client: DavClient, old: bytes) -> str | None:
    """The old version lies there, and the connection is warm; its entity tag."""
    assert client.put("/paper", old).status in (201, 204)
    return client.head("/paper").etag


def test_each_call_of_a_put_fails_once(lives: Lives, drive: str, tmp_path: Path) -> None:
    """5xx or 507 and the old version, by bytes and tag, or success and the new one; nothing is left over."""
    strace, trace = need("strace"), tmp_path / "trace"
    with lives.client() as (pid, client):
        prepared(client, lives.old)
        with traced(strace, pid, trace, f"--trace={','.join(FAULTS)}") as told:
            assert client.put("/paper", lives.new()).status == 204
    counts, refused, tried = told.counts(), 0, 0
    for call, errors in FAULTS.items():
        count = counts.get(call, 0)
        for number in range(1, count + 1) if SOAK else spread(count):
            for error in errors:
                tried += 1
                refused += refuses(lives, (strace, trace), call, number, error)
    print(f"{drive}: {tried} faults, {refused} refused, {lives.restarts - 1} restarts; {dict(counts)}")
    assert refused > tried // 4


def refuses(lives: Lives, tools: tuple[str, Path], call: str, number: int, error: str) -> bool:
    """One PUT that meets this fault; whether it was refused."""
    where, (strace, trace), new = f"{call} {number} {error}", tools, lives.new()
    with lives.client() as (pid, client):
        tag = prepared(client, lives.old)
        with failing(strace, pid, trace, call, number, error):
            status = client.put("/paper", new).status
        assert status == 204 or 500 <= status < 600, (where, status)
        found = client.get("/paper")
        assert found.body == (new if status == 204 else lives.old), (where, status)
        assert (found.etag == tag) == (status != 204), where
        assert status == 204 or error != "EINTR", where
        assert status in (204, 507) or (call, error) not in FULL, (where, status)
        well = client.put("/paper", new).status == 204
        health = client.request("GET", "", raw_target="/healthz").status
        assert (health == 200) == well, where
    assert well or call == "fsync", f"{where}: only what was not made durable stops the drive"
    if not well:
        lives.end()
        with lives.client() as (_, client):
            assert client.get("/paper").body == lives.old, where
            assert client.put("/paper", new).status == 204, f"{where}: a restart heals"
    assert [each for each in leftovers(lives.starts.data) if "/old/" not in each and "/steps/" not in each] == [], where
    return status != 204
