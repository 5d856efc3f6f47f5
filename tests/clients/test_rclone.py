"""rclone: sync and check of thousands of awkward names, its other verbs, and its mount (vendor `other`)."""

from __future__ import annotations

import json
import os
import random
import subprocess
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.clients.mounts import eventually, fresh_collection, need_fuse, room, unmount
from tests.davclient import DavClient
from tests.foreign import need
from tests.running import RunningServer
from tests.soaking import SOAK

FILES = 3000 if SOAK else 1000
PARTS = 4  # rclone waits 10 ms before each request, so several of it share the work
PER_FOLDER = 125
PIECES = (
    *("a", "B", "ä", "Ö", "ß", "é", "ñ", "č", "ø", "І", "中文", "עברית", "ไทย", "한글", "🗳", "👩🏽‍💻", "€", "½"),
    *(" ", "  ", "'", '"', "`", "%", "%20", "%C3", "#", "?", "+", "&", "=", ";", ":", "@", "!", "$", "*", ","),
    *("(", ")", "[", "]", "{", "}", "<", ">", "|", "\\", "^", "~", "_", "-", ".", "..", "\u00a0", "\u200b"),
)
EDGES = (
    *(".versteckt", "...", "endet mit Punkt.", " beginnt leer", "endet leer ", "-rf"),
    *("~", "%", "%2F", "con", "nul.txt"),
)
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
    options: tuple[str, ...]

    def __call__(self, *words: str, code: int = 0) -> str:
        """What it told, as one text; it must end with this exit code."""
        done = subprocess.run(self.command(*words), capture_output=True, text=True, timeout=180, check=False)
        assert done.returncode == code, f"rclone {' '.join(words)}: {done.returncode}\n{done.stdout}{done.stderr}"
        return done.stdout + done.stderr

    def command(self, *words: str) -> list[str]:
        return [
            self.program,
            "--config",
            str(self.config),
            "--retries",
            "1",
            "--low-level-retries",
            "1",
            *self.options,
            *words,
        ]

    def moved(self, *words: str) -> int:
        """Number of files that a sync or copy has transferred."""
        told = self(*words, "--use-json-log", "-v", "--stats-log-level", "INFO", "--stats", "1h")
        final = [stats for line in told.splitlines() if (stats := json.loads(line).get("stats"))]
        assert final[-1]["errors"] == 0
        return int(final[-1]["transfers"])


@pytest.fixture
def rclone(server: RunningServer, drive: str, tmp_path: Path) -> Iterator[Rclone]:
    with server.client("clara", fresh_collection(server, drive)) as clerk:
        yield remote(server, clerk, tmp_path)


def remote(server: RunningServer, clerk: DavClient, tmp_path: Path, vendor: str = "other") -> Rclone:
    """rclone, with the clerk's folder configured as one of this vendor's."""
    config = configured(tmp_path, clerk.url(""), vendor, "clara", server.password("clara"))
    trusting = () if server.authority is None else ("--ca-cert", str(server.authority.bundle))
    return Rclone(need("rclone"), config, clerk, trusting)


def configured(directory: Path, url: str, vendor: str, user: str, password: str) -> Path:
    """A configuration in which `d:` is what the user finds there."""
    obscure = [need("rclone"), "obscure", "-"]
    hidden = subprocess.run(obscure, input=password, capture_output=True, text=True, check=True)
    lines = ["[d]", "type=webdav", f"url={url}", f"vendor={vendor}", f"user={user}", f"pass={hidden.stdout}"]
    config = directory / "rclone.conf"
    config.write_text("\n".join(lines))
    return config


@pytest.fixture
def source(tmp_path: Path) -> Path:
    directory = tmp_path / "quelle"
    directory.mkdir()
    return directory


def fill(source: Path, count: int) -> None:
    """Awkward names in awkwardly named folders, in equal parts."""
    names = awkward_names(count)
    for number, start in enumerate(range(0, count, PER_FOLDER)):
        folder = source / f"Teil {number % PARTS}" / f"{start:04} {names[start]}"[:60]
        folder.mkdir(parents=True)
        for name in names[start : start + PER_FOLDER]:
            (folder / name).write_text(f"Inhalt von {name}\n")


def test_sync_of_awkward_names(rclone: Rclone, source: Path, server: RunningServer, drive: str) -> None:
    """3,000 names go out and come back byte for byte; a second sync has nothing left to do (elsewhere 500)."""
    count = FILES if drive == "ba05" and server.authority is None else 500
    fill(source, count)

    def sync(part: str) -> int:
        return rclone.moved("sync", str(source / part), f"d:{part}")

    def check(part: str) -> str:
        return rclone("check", "--download", str(source / part), f"d:{part}")

    parts = [part.name for part in source.iterdir()]
    with ThreadPoolExecutor(PARTS) as crew:
        assert list(crew.map(sync, parts)) == [count // PARTS] * PARTS
        assert list(crew.map(sync, parts)) == [0] * PARTS
        for told in crew.map(check, parts):
            assert f" {count // PARTS} matching files" in told
            assert " 0 differences found" in told


def test_what_comes_back(rclone: Rclone, source: Path, tmp_path: Path) -> None:
    """A copy from the server has the same names and bytes; purge leaves nothing."""
    fill(source, PER_FOLDER)
    (folder,) = (source / "Teil 0").iterdir()
    back = tmp_path / "zurück"
    assert rclone.moved("copy", str(folder), "d:ziel") == PER_FOLDER
    assert rclone.moved("copy", "d:ziel", str(back)) == PER_FOLDER
    assert contents(back) == contents(folder)
    assert set(rclone.clerk.names("/ziel")) == set(contents(folder))
    rclone("purge", "d:ziel")
    assert rclone.clerk.names("") == []


def test_sync_follows_changes(rclone: Rclone, source: Path) -> None:
    """Changed, new, renamed and deleted files follow; what is the same stays untouched."""
    for name in ("bleibt.txt", "ändert.txt", "geht.txt"):
        (source / name).write_text(name)
    rclone.moved("sync", str(source), "d:")
    before = rclone.clerk.head("/bleibt.txt").etag
    (source / "ändert.txt").write_text("hat sich geändert")
    (source / "geht.txt").rename(source / "kommt.txt")
    assert rclone.moved("sync", str(source), "d:") == 2
    assert set(rclone.clerk.names("")) == {"bleibt.txt", "ändert.txt", "kommt.txt"}
    assert rclone.clerk.get("/ändert.txt").text == "hat sich geändert"
    assert rclone.clerk.head("/bleibt.txt").etag == before


@pytest.mark.own_tls
def test_single_verbs(rclone: Rclone) -> None:
    """rcat, cat with a range, lsjson, moveto, copyto, delete, mkdir, rmdir: MOVE and COPY on the server."""
    words = rclone.command("rcat", "d:a b/ü.txt")
    subprocess.run(words, input=b"0123456789" * 1000, check=True, timeout=60, capture_output=True)
    assert rclone("cat", "--offset", "9990", "--count", "4", "d:a b/ü.txt") == "0123"
    rclone("copyto", "d:a b/ü.txt", "d:kopie.txt")
    rclone("moveto", "d:kopie.txt", "d:c/neu.txt")
    rclone("moveto", "d:c", "d:d")
    rclone("mkdir", "d:leer")
    rclone("rmdir", "d:leer")
    listed = {entry["Path"]: entry["Size"] for entry in json.loads(rclone("lsjson", "-R", "--files-only", "d:"))}
    assert listed == {"a b/ü.txt": 10_000, "d/neu.txt": 10_000}
    rclone("deletefile", "d:a b/ü.txt")
    assert set(rclone.clerk.names("")) == {"a b", "d"}
    assert rclone.clerk.names("/a b") == []


@pytest.mark.own_tls
def test_bisync_keeps_two_folders_alike(rclone: Rclone, source: Path, tmp_path: Path) -> None:
    """New, changed and deleted on either side. bisync wants times that it can set: X-OC-Mtime, vendor `nextcloud`."""
    clerk, way = rclone.clerk, ("--webdav-vendor", "nextcloud", "--workdir", str(tmp_path / "stand"))

    def bisync(*words: str) -> None:
        rclone("bisync", str(source), "d:", *way, *words)

    def alike() -> dict[str, bytes]:
        found = {name: clerk.get(f"/{name}").body for name in clerk.names("")}
        assert found == contents(source)
        return found

    for name in ("bleibt", "nah geändert", "fern geändert", "nah gelöscht", "fern gelöscht"):
        (source / name).write_text("alt")
    clerk.put("/fern da", b"fern")
    bisync("--resync")
    assert len(alike()) == 6
    time.sleep(1.1)  # it compares whole seconds
    (source / "nah geändert").write_text("neu von nah")
    (source / "nah neu").write_text("x")
    (source / "nah gelöscht").unlink()
    clerk.put("/fern geändert", b"neu von fern")
    clerk.put("/fern neu", b"x")
    clerk.delete("/fern gelöscht")
    bisync()
    both = alike()
    assert set(both) == {"bleibt", "nah geändert", "fern geändert", "fern da", "nah neu", "fern neu"}
    assert (both["nah geändert"], both["fern geändert"]) == (b"neu von nah", b"neu von fern")


def test_about_tells_the_quota(rclone: Rclone) -> None:
    """Used and free are what RFC 4331 tells."""
    told = json.loads(rclone("about", "--json", "d:"))
    shown = rclone.clerk.properties("", "quota-available-bytes", "quota-used-bytes")
    assert told["free"] == pytest.approx(int(shown.text("quota-available-bytes") or ""), rel=0.05)
    assert told["used"] == pytest.approx(int(shown.text("quota-used-bytes") or ""), rel=0.05)


@pytest.fixture
def mounted(rclone: Rclone) -> Iterator[Path]:
    """The folder as a file system, with writes going through a cache on disk."""
    need_fuse()
    need("fusermount3")
    with room() as place, (place / "said").open("w+") as said:
        options = ["--vfs-cache-mode", "writes", "--vfs-write-back", "0s", "--dir-cache-time", "0s"]
        words = rclone.command("mount", "d:", str(place / "mnt"), *options, "--cache-dir", str(place / "cache"))
        process = subprocess.Popen(words, stdout=said, stderr=said)
        try:
            eventually(lambda: os.path.ismount(place / "mnt") or process.poll() is not None)
            said.seek(0)
            assert os.path.ismount(place / "mnt"), said.read()
            yield place / "mnt"
        finally:
            if os.path.ismount(place / "mnt"):
                unmount(place / "mnt", "fusermount3", "-u")
            process.terminate()
            process.wait(30)


def test_mount_reads_and_writes(mounted: Path, rclone: Rclone) -> None:
    """What is written, appended, renamed and deleted in the mount happens on the server."""
    clerk = rclone.clerk
    clerk.put("/von anderen.txt", b"hallo")
    assert (mounted / "von anderen.txt").read_bytes() == b"hallo"
    big = random.Random(1).randbytes(2_000_000)
    (mounted / "Ordner").mkdir()
    (mounted / "Ordner" / "groß.bin").write_bytes(big)
    eventually(lambda: clerk.get("/Ordner/groß.bin").body == big)
    (mounted / "a.txt").write_text("eins\n")
    eventually(lambda: clerk.get("/a.txt").body == b"eins\n")
    with (mounted / "a.txt").open("a") as file:
        file.write("zwei\n")
    eventually(lambda: clerk.get("/a.txt").body == b"eins\nzwei\n")
    (mounted / "a.txt").rename(mounted / "Ordner" / "b ü.txt")
    eventually(lambda: clerk.get("/Ordner/b ü.txt").body == b"eins\nzwei\n")
    (mounted / "Ordner" / "groß.bin").unlink()
    eventually(lambda: clerk.names("/Ordner") == ["b ü.txt"])
    (mounted / "Ordner" / "b ü.txt").unlink()
    (mounted / "Ordner").rmdir()
    assert clerk.names("") == ["von anderen.txt"]


def contents(directory: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in directory.iterdir()}
