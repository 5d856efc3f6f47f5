"""File systems that foreign clients mount in tests: asked for, made and in any case taken away again."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from tests.foreign import lacking, need
from tests.running import RunningServer

FUSE = Path("/dev/fuse")
DAVFS_OPTIONS = {
    "ask_auth": 0,
    "buf_size": 128,  # kernels from 6.16 on refuse its default with EINVAL
    "delay_upload": 0,
    "dir_refresh": 0,
    "file_refresh": 0,
}


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


@contextmanager
def davfs(server: RunningServer, base: str, **options: int) -> Iterator[Path]:
    """A folder of the server as the clerk mounts it by davfs2, with these options over those that tests want."""
    program = need("mount.davfs")
    need_fuse()
    with room() as place, server.client("clara", base) as clerk:
        url = clerk.url("/")
        _configure(place, url, server, options)
        words = [program, url, str(place / "mnt"), "-o", f"conf={place / 'davfs2.conf'}"]
        with (place / "said").open("w+") as said:  # not a pipe: the daemon stays behind with it
            done = subprocess.run(words, stdout=said, stderr=said, timeout=60, check=False)
            said.seek(0)
            assert done.returncode == 0, said.read()
        try:
            yield place / "mnt"
        finally:
            unmount(place / "mnt")


def _configure(place: Path, url: str, server: RunningServer, given: Mapping[str, int]) -> None:
    (place / "cache").mkdir()
    shutil.chown(place / "cache", group="davfs2")
    (place / "cache").chmod(0o770)
    secrets = place / "secrets"
    secrets.touch(0o600)
    secrets.write_text(f"{url} clara {server.password('clara')}\n")
    options = {**DAVFS_OPTIONS, **given, "secrets": secrets, "cache_dir": place / "cache"}
    if server.authority is not None:
        options["trust_ca_cert"] = shutil.copy(server.authority.bundle, place / "authority.pem")  # read as davfs2
    (place / "davfs2.conf").write_text("".join(f"{name} {value}\n" for name, value in options.items()))


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
