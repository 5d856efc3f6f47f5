"""File systems that foreign clients mount in tests: asked for, made and in any case taken away again."""

from __future__ import annotations

import os
import subprocess
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.foreign import lacking
from tests.running import RunningServer

FUSE = Path("/dev/fuse")


def need_fuse() -> None:
    """A test that mounts is skipped where this machine lets nobody mount, or fails where REQUIRE_CLIENTS=1."""
    if os.geteuid() != 0 or not os.access(FUSE, os.R_OK | os.W_OK):
        lacking("mounting needs root and /dev/fuse")


@contextmanager
def room() -> Iterator[Path]:
    """A directory that other users' daemons may pass through, unlike pytest's own; with an empty `mnt` in it."""
    with tempfile.TemporaryDirectory(prefix="gremium-") as name:
        path = Path(name)
        path.chmod(0o755)
        (path / "mnt").mkdir()
        yield path


def unmount(point: Path, *command: str) -> None:
    """Take the mount away; lazily if the client hangs, and then say so."""
    words = command or ("umount",)
    done = subprocess.run([*words, str(point)], capture_output=True, text=True, timeout=60, check=False)
    if os.path.ismount(point):
        subprocess.run(["umount", "-l", str(point)], check=False)
        raise AssertionError(f"the mount did not go away: {done.stdout}{done.stderr}")


def fresh_collection(server: RunningServer, drive: str, where: str = "/Arbeitsordner") -> str:
    """The path of a new folder; in Arbeitsordner members may write, elsewhere they only read."""
    path = f"/dav/{drive}{where}/m-{uuid.uuid4().hex[:12]}"
    with server.client("clara") as clerk:
        assert clerk.mkcol(path).status == 201
    return path


def eventually(holds: Callable[[], bool]) -> None:
    """Wait for what a client does when it finds the time, at most 20 s."""
    end = time.monotonic() + 20
    while not holds():
        assert time.monotonic() < end, "still not so after 20 s"
        time.sleep(0.1)
