"""A session bus of our own, as a desktop has one: programs on it start daemons, which end with it."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.clients.mounts import eventually, room
from tests.foreign import need
from tests.running import RunningServer


@contextmanager
def session_bus(server: RunningServer) -> Iterator[dict[str, str]]:
    """The environment of programs on it; they and their daemons trust whoever signed the server's certificate."""
    words = server.told(need("dbus-daemon"), "--session", "--nofork", "--nopidfile", "--print-address=1")
    with room() as home:
        (home / "run").mkdir(0o700)
        own = {"HOME": str(home), "XDG_RUNTIME_DIR": str(home / "run"), "GVFS_DISABLE_FUSE": "1", "LC_ALL": "C.UTF-8"}
        environment = {"PATH": os.environ["PATH"], **own}
        with (home / "said").open("w") as said:
            bus = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=said, text=True, env=environment)
        assert bus.stdout is not None
        try:
            address = bus.stdout.readline().strip()
            yield {**environment, "DBUS_SESSION_BUS_ADDRESS": address}
        finally:
            bus.terminate()
            bus.wait(30)
            bus.stdout.close()
            end_daemons(home / "run")


def end_daemons(run: Path) -> None:
    """They leave when their bus is gone; what stays in our runtime directory is ended by its id."""
    mark = f"XDG_RUNTIME_DIR={run}".encode()

    def left() -> list[int]:
        found = []
        for environ in Path("/proc").glob("[0-9]*/environ"):
            try:
                marked = mark in environ.read_bytes().split(b"\0")
            except OSError:
                continue  # ended meanwhile
            if marked:
                found.append(int(environ.parent.name))
        return found

    for process in left():
        os.kill(process, signal.SIGTERM)
    eventually(lambda: left() == [])
