"""What the tests of sync clients share: the clients themselves, and what the server answers them."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.foreign import need
from tests.running import PASSWORD, RunningServer

SECONDS = 120
OWN_FILES = (".sync_", "._sync_", ".owncloudsync", ".nextcloudsync")


@dataclass(frozen=True)
class Device:
    """One user's folder that a sync client keeps equal to the server; each call is one run of the client."""

    program: str
    user: str
    url: str
    room: Path
    password: str = PASSWORD

    @property
    def folder(self) -> Path:
        return self.room / "folder"

    @property
    def work(self) -> Path:
        """The folder in which members may write."""
        return self.folder / "ba05" / "Arbeitsordner"

    def run(self, **environment: str) -> subprocess.CompletedProcess[str]:
        """One run, however it ends."""
        self.folder.mkdir(parents=True, exist_ok=True)
        words = [need(self.program), "--non-interactive", "-h", "-u", self.user, "-p", self.password]
        if self.program == "owncloudcmd":
            (self.room / "exclude").touch()  # Debian's has no list of its own and refuses to run without one
            words += ["--exclude", str(self.room / "exclude")]
        if self.url.startswith("https:"):
            words.append("--trust")  # these programs know no other way to a test's own authority
        home = {"HOME": str(self.room), "QT_QPA_PLATFORM": "offscreen", **environment}
        words += [str(self.folder), self.url]
        return subprocess.run(
            words, capture_output=True, text=True, timeout=SECONDS, check=False, env={**os.environ, **home}
        )

    def sync(self, **environment: str) -> str:
        """One run in which everything went well; what the client told."""
        done = self.run(**environment)
        assert done.returncode == 0, done.stderr[-4000:]
        return done.stderr

    def forget_failures(self) -> None:
        """As if the half minute had passed that a client waits before it tries again what was refused."""
        for journal in self.folder.glob(".sync_*.db"):
            with closing(sqlite3.connect(journal)) as connection, connection:
                connection.execute("DELETE FROM blacklist")

    def names(self) -> set[str]:
        """Of everything that people see, relative to the folder."""
        paths = (path for path in self.folder.rglob("*") if not path.name.startswith(OWN_FILES))
        return {str(path.relative_to(self.folder)) for path in paths}


@contextmanager
def requests_of(server: RunningServer) -> Iterator[list[tuple[str, int]]]:
    """Method and status of what the server answers meanwhile; filled at the end."""
    told: list[tuple[str, int]] = []
    start = len(server.log)
    yield told
    for line in server.log[start:]:
        facts = json.loads(line)
        if "method" in facts:
            told.append((facts["method"], facts["status"]))
