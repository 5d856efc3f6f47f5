"""A data directory on two disks whose power can be cut, held by one process and the servers that it forks.

The process lives in a mount namespace of its own: when it ends, however it does, its mounts and loop devices are gone.
The database lies on one loop file system, blobs and the filesystem drive on the other. A cut is the shutdown that ext4
and xfs have for tests: what is not on the disk at that moment never comes there, not even the journal's log.
"""

from __future__ import annotations

import errno
import fcntl
import json
import os
import shutil
import signal
import sqlite3
import struct
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from types import FrameType
from typing import Any, NamedTuple

from davserver import app, cli, database
from tests.faults.quick_starts import ForkedServer, Told, forked, make_quick
from tests.foreign import lacking, need

GOING_DOWN = 0x8004587D
"""`_IOR('X', 125, __u32)`: EXT4_IOC_SHUTDOWN and XFS_IOC_GOINGDOWN."""
NO_LOG_FLUSH = struct.pack("I", 2)
IMAGE_BYTES = 8 << 30
"""Of a sparse file: xfs wants at least 300 MiB."""
MAKE = {"ext4": ("mkfs.ext4", "-q"), "xfs": ("mkfs.xfs", "-q")}
BUSY_SECONDS = 10


class Left(NamedTuple):
    """A sync that is left out, by where it is asked for: file, function, and the function that called that one, if
    it matters. A `_sync` of the vault's counts as its caller's line."""

    file: str
    function: str
    caller: str


LEFT_OUT = {
    "blob": Left("vault/blobs.py", "_sync", "_store"),
    "blob-directory": Left("vault/blobs.py", "_sync_directory", "_store"),
    "fan-out": Left("vault/blobs.py", "_sync_directory", "prepare"),
    "body": Left("filesystem/bodies.py", "stage", ""),
    "folder": Left("filesystem/steps.py", "rename", ""),
    "record": Left("filesystem/steps.py", "_write", ""),
}
"""Those that `os.fsync` is asked for. Besides: "commit", SQLite's own sync of its log."""


class Disks(Told):
    """The process, as tests see it; `data` can be seen by it alone."""

    def __init__(self, place: Path, template: Path, database_on: str, files_on: str, without: str = "") -> None:
        program = (sys.executable, "-m", "tests.faults.disks")
        private = (need("unshare"), "--mount", "--propagation", "private")
        super().__init__(*private, *program, str(place), str(template.parent), database_on, files_on, without)
        self.next("loaded")

    def start(self) -> ForkedServer:
        """A server that listens."""
        self.tell("start")
        pid = int(self.next("pid")["pid"])
        return ForkedServer(pid, str(self.next("url")["url"]))

    def cut(self) -> int:
        """Cut the power of both disks, end what runs and mount them again; the moment, of the monotonic clock in ns."""
        self.tell("cut")
        return int(self.next("cut")["cut"])

    def run(self, *words: str) -> int:
        """A command of the house on this directory; its exit code."""
        self.tell(f"run {json.dumps(words)}")
        return int(self.next("code")["code"])

    def damage(self) -> list[str]:
        """What SQLite finds wrong with the file of the database."""
        self.tell("damage")
        return [str(line) for line in self.next("damage")["damage"]]


def need_disks() -> None:
    """A test that cuts power is skipped where nobody may mount, or fails where REQUIRE_CLIENTS=1."""
    for program in ("unshare", "mkfs.ext4", "mkfs.xfs"):
        need(program)
    if os.geteuid() != 0 or not os.access("/dev/loop-control", os.R_OK | os.W_OK):
        lacking("cutting power needs root and loop devices")


class Site:
    """The two file systems, mounted; and what runs on them."""

    def __init__(self, place: Path, template: Path, kinds: tuple[str, str]) -> None:
        self._images = place / "images"
        self._points = (place / "database", place / "files")
        for path in (self._images, *self._points):
            path.mkdir()
        _mount("-t", "tmpfs", "-o", "size=80%", "disks", self._images)
        for point, kind in zip(self._points, kinds, strict=True):
            image = self._image(point)
            with image.open("wb") as file:
                file.truncate(IMAGE_BYTES)
            subprocess.run([*MAKE[kind], str(image)], check=True, stdout=subprocess.DEVNULL)
            _mount("-o", "loop", image, point)
        self.data = self._points[0] / template.name
        self._binds = tuple(self.data / name for name in ("vault", "archive"))
        shutil.copytree(template.parent, self._points[0], dirs_exist_ok=True)
        for bind in self._binds:
            shutil.move(bind, self._points[1] / bind.name)
            bind.mkdir(mode=0o700)
        self._bind()
        os.sync()
        self._server = 0

    def _image(self, point: Path) -> Path:
        return self._images / f"{point.name}.img"

    def _bind(self) -> None:
        for bind in self._binds:
            _mount("--bind", self._points[1] / bind.name, bind)

    def start(self) -> int:
        self._server = forked(self.data)
        return self._server

    def cut(self) -> int:
        """The database goes first: what its disk took before that moment had its bytes on the other one long before."""
        descriptors = [os.open(point, os.O_RDONLY | os.O_DIRECTORY) for point in self._points]
        moment = time.monotonic_ns()
        for descriptor in descriptors:
            fcntl.ioctl(descriptor, GOING_DOWN, NO_LOG_FLUSH)
        for descriptor in descriptors:
            os.close(descriptor)
        self.kill()
        for point in (*self._binds, *self._points):
            _unmount(point)
        for point in self._points:
            _mount("-o", "loop", self._image(point), point)
        self._bind()
        return moment

    def kill(self) -> None:
        if self._server:
            os.kill(self._server, signal.SIGKILL)
            os.waitpid(self._server, 0)
            self._server = 0

    def run(self, words: list[str]) -> int:
        child = os.fork()
        if child == 0:
            status = 70
            try:
                status = cli.main([*words, "--data", str(self.data)])
            finally:
                sys.stdout.flush()
                os._exit(status)
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])

    def damage(self) -> list[str]:
        with closing(sqlite3.connect(self.data / database.DATABASE_NAME)) as connection:
            said = [str(line) for (line,) in connection.execute("PRAGMA integrity_check")]
        return [] if said == ["ok"] else said


def _mount(*words: object) -> None:
    subprocess.run(["mount", *map(str, words)], check=True)


def _unmount(point: Path) -> None:
    """A thread that dies in a call to the disk holds it for a moment."""
    end = time.monotonic() + BUSY_SECONDS
    while subprocess.run(["umount", str(point)], check=False, stderr=subprocess.DEVNULL).returncode:
        if time.monotonic() > end:
            raise OSError(errno.EBUSY, f"{point} stays busy")
        time.sleep(0.005)


def leave_out(name: str) -> None:
    """From now on, in this process and its children, this sync is not done: as if its line were not in the code."""
    if name == "commit":
        _without_commits()
        return
    left, sync = LEFT_OUT[name], os.fsync

    def fsync(descriptor: int) -> None:
        asker = sys._getframe(1).f_back  # it is the stores' one way to sync (shareproviders/durable.py) that calls us
        if asker is None or not _is(asker, left):
            sync(descriptor)

    os.fsync = fsync  # type: ignore[assignment]


def _is(frame: FrameType, left: Left) -> bool:
    """True if this line stands in the function, or in the `_sync` that it called."""
    places = [frame, frame.f_back, frame.f_back and frame.f_back.f_back]
    names = [each.f_code.co_name for each in places if each is not None]
    if not frame.f_code.co_filename.endswith(left.file) or left.function not in names[:2]:
        return False
    return not left.caller or names[names.index(left.function) + 1] == left.caller


def _without_commits() -> None:
    set_pragmas: Callable[[sqlite3.Connection], None] = database._set_pragmas

    def loosely(connection: sqlite3.Connection) -> None:
        set_pragmas(connection)
        connection.execute("PRAGMA synchronous=NORMAL").close()

    database._set_pragmas = loosely


def write_over_often() -> None:
    """Lives are short here: the log of the database begins anew after a few changes, not after 16 MiB (record 76)."""
    app.CHECKPOINT_BYTES, app.TIDYING_SECONDS = 256 * 1024, 0.02


def main(place: str, template: str, database_on: str, files_on: str, without: str) -> None:
    """Answer each line on standard input until it ends."""
    if without:
        leave_out(without)
    write_over_often()
    make_quick()
    site = Site(Path(place), Path(template) / "data", (database_on, files_on))
    answers: dict[str, Callable[[str], dict[str, Any]]] = {
        "start": lambda _: {"pid": site.start()},
        "cut": lambda _: {"cut": site.cut()},
        "run": lambda words: {"code": site.run(json.loads(words))},
        "damage": lambda _: {"damage": site.damage()},
    }
    print(json.dumps({"loaded": True}), flush=True)
    try:
        for line in sys.stdin:
            word, _, rest = line.strip().partition(" ")
            print(json.dumps(answers[word](rest)), flush=True)
    finally:
        site.kill()


if __name__ == "__main__":
    main(*sys.argv[1:])
