"""rclone as it speaks to Nextcloud and ownCloud: modification times and checksums make the second run a quiet one."""

from __future__ import annotations

import hashlib
import os
import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.clients.mounts import fresh_collection
from tests.clients.test_rclone import Rclone, remote
from tests.running import RunningServer

ADDRESSES = {"nextcloud": "/remote.php/dav/files/clara", "owncloud": "/remote.php/webdav"}


@pytest.fixture(params=list(ADDRESSES))
def rclone(server: RunningServer, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Rclone]:
    """The program with a fresh folder of the vault at the vendor's address."""
    path = fresh_collection(server, "ba05").removeprefix("/dav")
    with server.client("clara", f"{ADDRESSES[request.param]}{path}") as clerk:
        yield remote(server, clerk, tmp_path, request.param)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """Files of long ago, in a folder of their own."""
    directory, chance = tmp_path / "quelle", random.Random(11)
    (directory / "Ordner ä").mkdir(parents=True)
    for number in range(12):
        file = directory / ("Ordner ä" if number % 2 else ".") / f"Vorlage {number}.bin"
        file.write_bytes(chance.randbytes(chance.randrange(200_000)))
        os.utime(file, (1_500_000_000 + number, 1_500_000_000 + number))
    return directory


def test_the_second_sync_is_quiet(rclone: Rclone, source: Path) -> None:
    """X-OC-Mtime is kept, so that nothing is sent twice; what changes goes out."""
    assert rclone.moved("sync", str(source), "d:") == 12
    assert rclone.moved("sync", str(source), "d:") == 0
    os.utime(source / "Vorlage 0.bin", (1_600_000_000, 1_600_000_000))
    (source / "Vorlage 2.bin").write_bytes(b"neu")
    (source / "Vorlage 4.bin").unlink()
    rclone.moved("sync", str(source), "d:")
    assert rclone.moved("sync", str(source), "d:") == 0
    assert "Vorlage 4.bin" not in rclone.clerk.names("")


def test_sums_are_those_of_the_files(rclone: Rclone, source: Path) -> None:
    """`hashsum` and `check` by oc:checksums, without a byte being fetched; a change is noticed."""
    rclone.moved("copy", str(source), "d:")
    told = dict(line.split("  ", 1)[::-1] for line in rclone("hashsum", "sha1", "d:").splitlines() if "  " in line)
    wanted = {
        str(path.relative_to(source)): hashlib.sha1(path.read_bytes(), usedforsecurity=False).hexdigest()
        for path in source.rglob("*.bin")
    }
    assert told == wanted
    assert " 0 differences found" in rclone("check", str(source), "d:")
    size = (source / "Vorlage 0.bin").stat().st_size
    (source / "Vorlage 0.bin").write_bytes(random.Random(12).randbytes(size))
    assert " differ" in rclone("check", str(source), "d:", code=1)
