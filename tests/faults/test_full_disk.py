"""S-40: a disk of 64 MB that eight writers fill. Who reads, deletes and unlocks goes on, and freed space heals."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from shareproviders.room import ROOM_BYTES
from tests.foreign import lacking, need
from tests.running import RunningServer, start

MIB = 1 << 20
BALLAST = 24 * MIB
BODY, SMALL, ROW = MIB, 4096, 16_000
WRITERS, DRIVES = 8, ("ba05", "archiv")
ON_A_SMALL_DISK = 'mount -t tmpfs -o size=64m,mode=700 small "$1" && cp -a "$2/." "$1" && shift 2 && exec "$@"'
"""In a mount namespace of its own, which goes with the process."""


@pytest.fixture
def full(installed: Path, tmp_path: Path) -> Iterator[RunningServer]:
    """A server whose whole data directory lies on such a disk; nobody outside of it sees that."""
    private = (need("unshare"), "--mount", "--propagation", "private")
    if os.geteuid() != 0:
        lacking("mounting needs root")
    words = ("sh", "-c", ON_A_SMALL_DISK, "sh", str(tmp_path), str(installed.parent))
    with start(tmp_path / installed.name, program=(*private, *words, sys.executable, "-m", "davserver")) as server:
        yield server


def seen_by(server: RunningServer) -> Path:
    """The data directory as the server sees it."""
    return Path(f"/proc/{server.process.pid}/root{server.data}")


def fill(server: RunningServer, drive: str, writer: int, size: int = BODY) -> list[str]:
    """Uploads until one is refused; what was answered. Raises AssertionError for anything but 201, then 507."""
    taken: list[str] = []
    with server.client("clara", f"/dav/{drive}") as client:
        while True:
            name = f"/{writer}-{len(taken)}"
            status = client.put(name, name.encode().ljust(size, b".")).status
            if status != 201:
                assert status == 507, status
                return taken
            taken.append(name)


@pytest.mark.parametrize("drive", DRIVES)
def test_eight_writers_fill_a_disk_of_64_mb(full: RunningServer, drive: str) -> None:
    ballast = seen_by(full).parent / "ballast"
    ballast.write_bytes(bytes(BALLAST))
    with full.client("clara", f"/dav/{drive}") as clerk:
        assert clerk.put("/first", b"1").status == 201
        token = clerk.lock("/first").lock_token
        with ThreadPoolExecutor(WRITERS) as crew:
            filled = crew.map(lambda writer: fill(full, drive, writer), range(WRITERS))
            taken = [name for names in filled for name in names]
        assert taken
        while clerk.put(f"/small-{len(taken)}", b"s" * SMALL).status == 201:  # into what is left beside large ones
            taken.append(f"/small-{len(taken)}")
        for name in taken:
            body = b"s" * SMALL if name.startswith("/small") else name.encode().ljust(BODY, b".")
            assert clerk.get(name).body == body
        assert clerk.unlock("/first", token).status == 204
        assert clerk.delete(taken.pop(0)).status == 204
        assert clerk.put("/late", bytes(BODY)).status == 507
        assert clerk.mkcol("/folder").status == 201  # takes next to nothing
        ballast.unlink()
        assert clerk.put("/late", bytes(BODY)).status == 201  # without a restart
        used = clerk.properties("/", "quota-used-bytes").text("quota-used-bytes")
        if drive == "ba05":
            assert used == str(sum(SMALL if name.startswith("/small") else BODY for name in taken) + BODY + 1)
        assert not [path for path in seen_by(full).rglob("staging/*") if path.is_file()]
    assert full.stop() == 0


def test_small_bodies_leave_what_their_log_still_takes(full: RunningServer) -> None:
    """They are written twice, into the log and then into the database (decision 72): both find room."""
    (seen_by(full).parent / "ballast").write_bytes(bytes(BALLAST))
    with full.client("clara", "/dav/ba05") as clerk:
        assert clerk.put("/first", b"1").status == 201
        token = clerk.lock("/first").lock_token
        with ThreadPoolExecutor(WRITERS) as crew:
            filled = list(crew.map(lambda writer: fill(full, "ba05", writer, ROW), range(WRITERS)))
        disk, log = os.statvfs(seen_by(full)), seen_by(full) / "gremium.db-wal"
        assert disk.f_bavail * disk.f_frsize >= ROOM_BYTES + log.stat().st_size
        assert all(filled)
        for name in (name for names in filled for name in names):
            assert clerk.get(name).body == name.encode().ljust(ROW, b".")
        assert clerk.unlock("/first", token).status == 204
        assert clerk.delete(filled[0][0]).status == 204
        assert clerk.mkcol("/folder").status == 201
    assert full.stop() == 0
