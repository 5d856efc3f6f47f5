"""rclone: sync and check of thousands of awkward names, its other verbs, and its mount (vendor `other`)."""

from __future__ import annotations

import json
import os
import random
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.clients.mounts import fresh_collection, need_fuse, room, unmount
from tests.conftest import need
from tests.davclient import DavClient
from tests.running import PASSWORD, RunningServer

FILES = 3000
PER_FOLDER = 150
PIECES = (
    *("a", "B", "ä", "Ö", "ß", "é", "ñ", "č", "ø", "І", "中文", "עברית", "ไทย", "한글", "🗳", "👩🏽‍💻", "€", "½"),
    *(" ", "  ", "'", '"', "`", "%", "%20", "%C3", "#", "?", "+", "&", "=", ";", ":", "@", "!", "$", "*", ","),
    *("(", ")", "[", "]", "{", "}", "<", ">", "|", "\\", "^", "~", "_", "-", ".", "..", "\u00a0", "\u200b"),
)
EDGES = (".versteckt", "...", "endet mit Punkt.", " beginnt leer", "endet leer ", "-rf", "~", "%", "%2F", "con", "nul.txt")
PROGRAMS = ("Thumbs.db", "desktop.ini", ".DS_Store", "~$brief.docx", "._Bild.png", "~WRL0001.tmp", ".~lock.Brief.odt#")
LONGEST = ("x" * 255, "ü" * 127, "中" * 85, "🗳" * 63, "lang " * 50 + "e.txt")


def awkward_names(count: int) -> list[str]:
    """Distinct legal names, up to 255 bytes, the same in every run."""
    chance = random.Random(4918)
    names = dict.fromkeys((*EDGES, *PROGRAMS, *LONGEST))
    while len(names) < count:
        name = "".join(chance.choices(PIECES, k=chance.randint(1, 12))) + chance.choice(("", ".txt", ".odt"))
        if name not in (".", "..") and len(name.encode()) <= 255:
            names[name] = None
    return list(names)


@dataclass(frozen=True)
class Rclone:
    """The program, with one folder of a drive as the remote `d:`."""

    program: str
    config: Path
    clerk: DavClient

    def __call__(self, *words: str, code: int = 0) -> str:
        """What it told, as one text; it must end with this exit code."""
        done = subprocess.run(self.command(*words), capture_output=True, text=True, timeout=180, check=False)
        assert done.returncode == code, f"rclone {' '.join(words)}: {done.returncode}\n{done.stdout}{done.stderr}"
        return done.stdout + done.stderr

    def command(self, *words: str) -> list[str]:
        return [self.program, "--config", str(self.config), "--retries", "1", "--low-level-retries", "1", *words]

    def moved(self, *words: str) -> int:
        """Number of files that a sync or copy has transferred."""
        told = self(*words, "--use-json-log", "-v", "--stats-log-level", "INFO", "--stats", "1h")
        final = [stats for line in told.splitlines() if (stats := json.loads(line).get("stats"))]
        assert final[-1]["errors"] == 0
        return int(final[-1]["transfers"])


@pytest.fixture
def rclone(server: RunningServer, drive: str, tmp_path: Path) -> Iterator[Rclone]:
    program = need("rclone")
    with server.client("clara", fresh_collection(server, drive)) as clerk:
        hidden = subprocess.run([program, "obscure", "-"], input=PASSWORD, capture_output=True, text=True, check=True)
        lines = ["[d]", "type=webdav", f"url={clerk.url('')}", "vendor=other", "user=clara", f"pass={hidden.stdout}"]
        config = tmp_path / "rclone.conf"
        config.write_text("\n".join(lines))
        yield Rclone(program, config, clerk)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    directory = tmp_path / "quelle"
    directory.mkdir()
    return directory


def fill(source: Path, count: int) -> None:
    """Awkward names in awkwardly named folders."""
    names = awkward_names(count)
    for start in range(0, count, PER_FOLDER):
        folder = source / f"{start:04} {names[start]}"[:60]
        folder.mkdir()
        for name in names[start : start + PER_FOLDER]:
            (folder / name).write_text(f"Inhalt von {name}\n")


def test_sync_of_awkward_names(rclone: Rclone, source: Path, tmp_path: Path, drive: str) -> None:
    """3,000 names go out and come back byte for byte; a second sync has nothing left to do."""
    count = FILES if drive == "ba05" else FILES // 10
    fill(source, count)
    fast = ("--transfers", "4", "--checkers", "4")
    assert rclone.moved("sync", str(source), "d:ziel", *fast) == count
    assert rclone.moved("sync", str(source), "d:ziel", *fast) == 0
    told = rclone("check", "--download", str(source), "d:ziel", *fast)
    assert f"{count} matching files" in told
    assert "0 differences found" in told
    back = tmp_path / "zurück"
    some = [folder.name for folder in sorted(source.iterdir())[:1]]
    assert rclone.moved("copy", f"d:ziel/{some[0]}", str(back)) == min(count, PER_FOLDER)
    assert {file.name: file.read_bytes() for file in back.iterdir()} == {
        file.name: file.read_bytes() for file in (source / some[0]).iterdir()
    }
    rclone("purge", "d:ziel")
    assert rclone.clerk.names("") == []
