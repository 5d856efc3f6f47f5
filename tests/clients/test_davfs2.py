"""davfs2: a drive as a file system. Each write is LOCK, HEAD, PUT with If-Match and a tagged If list, UNLOCK."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import pytest

from tests.clients.mounts import davfs, eventually, fresh_collection
from tests.davclient import DAV, DavClient
from tests.running import RunningServer


@dataclass(frozen=True)
class Mounted:
    """A mount of one folder of a drive, and the same folder over HTTP as two people."""

    path: Path
    clerk: DavClient
    member: DavClient


@pytest.fixture(scope="module")
def mounted(server: RunningServer, drive: str) -> Iterator[Mounted]:
    """One mount for all tests of a provider: taking it away lasts three seconds."""
    base = fresh_collection(server, drive)
    with server.client("clara", base) as clerk, server.client("otto", base) as member, davfs(server, base) as path:
        yield Mounted(path, clerk, member)


@pytest.fixture
def here(mounted: Mounted, request: pytest.FixtureRequest) -> Iterator[tuple[Path, str]]:
    """(directory of this test in the mount, the same as a path below the clients' base)"""
    name = f"{request.node.originalname} äöü"
    directory = mounted.path / name
    directory.mkdir()
    yield directory, f"/{name}"
    shutil.rmtree(directory)
    assert mounted.clerk.propfind(f"/{name}").status == 404, "rm -r through the mount removes the folder"


@pytest.mark.own_tls
def test_written_files_arrive(here: tuple[Path, str], mounted: Mounted) -> None:
    """What is copied in, appended and overwritten is what the server has, and what others read."""
    directory, path = here
    big = os.urandom(3_000_000)
    (directory / "groß.bin").write_bytes(big)
    (directory / "a.txt").write_text("eins\n")
    uploaded(mounted.member, f"{path}/groß.bin", big)
    uploaded(mounted.member, f"{path}/a.txt", b"eins\n")
    with (directory / "a.txt").open("a") as file:
        file.write("zwei\n")
    uploaded(mounted.member, f"{path}/a.txt", b"eins\nzwei\n")
    (directory / "a.txt").write_text("neu\n")
    uploaded(mounted.member, f"{path}/a.txt", b"neu\n")
    assert sorted(mounted.clerk.names(path)) == ["a.txt", "groß.bin"]


def test_files_of_others_are_read(here: tuple[Path, str], mounted: Mounted) -> None:
    """What others put there is listed with its size and read, the new version too."""
    directory, path = here
    names = ["Prüfung 50% #1.txt", "a & b.txt", "Protokoll (1).odt"]
    for name in names:
        put(mounted.member, f"{path}/{name}", name.encode() * 1000)
    shows(directory, *names)
    for name in names:
        assert (directory / name).stat().st_size == len(name.encode()) * 1000
        assert (directory / name).read_bytes() == name.encode() * 1000
    put(mounted.member, f"{path}/{names[0]}", b"neuer Stand")
    eventually(lambda: (directory / names[0]).read_bytes() == b"neuer Stand")


def test_rename_and_directories(here: tuple[Path, str], mounted: Mounted) -> None:
    """Rename a file and a directory, over a file too; mkdir, rmdir; a directory that is not empty stays."""
    directory, path = here
    (directory / "d").mkdir()
    (directory / "d" / "a.txt").write_text("a")
    uploaded(mounted.clerk, f"{path}/d/a.txt", b"a")
    (directory / "d" / "a.txt").rename(directory / "b.txt")
    assert mounted.clerk.names(f"{path}/d") == []
    (directory / "d").rename(directory / "e")
    (directory / "c.txt").write_text("c")
    uploaded(mounted.clerk, f"{path}/c.txt", b"c")
    (directory / "c.txt").rename(directory / "b.txt")
    assert sorted(mounted.clerk.names(path)) == ["b.txt", "e"]
    assert mounted.clerk.get(f"{path}/b.txt").body == b"c"
    (directory / "e" / "x").mkdir()
    with pytest.raises(OSError, match="not empty"):
        (directory / "e").rmdir()
    (directory / "e" / "x").rmdir()
    (directory / "e").rmdir()
    (directory / "b.txt").unlink()
    assert mounted.clerk.names(path) == []


def test_safe_save_keeps_the_document(here: tuple[Path, str], mounted: Mounted) -> None:
    """An editor's safe-save (temp file, rename over) is new content of the same document: it stays as old as it is."""
    directory, path = here
    put(mounted.member, f"{path}/Brief.txt", b"alt")
    created = mounted.clerk.properties(f"{path}/Brief.txt", "creationdate").text("creationdate")
    time.sleep(1.1)  # creationdate counts seconds
    (directory / "lu4711abc.tmp").write_text("neu")
    uploaded(mounted.clerk, f"{path}/lu4711abc.tmp", b"neu")
    assert mounted.member.propfind(f"{path}/lu4711abc.tmp").status == 404, "a temp file is its maker's alone"
    (directory / "lu4711abc.tmp").rename(directory / "Brief.txt")
    assert mounted.member.get(f"{path}/Brief.txt").body == b"neu"
    assert mounted.clerk.names(path) == ["Brief.txt"]
    assert mounted.clerk.properties(f"{path}/Brief.txt", "creationdate").text("creationdate") == created


def test_foreign_lock_refuses_writing(here: tuple[Path, str], mounted: Mounted) -> None:
    """Locked by somebody else: opening for writing fails at once with EACCES, reading works, afterwards writing too."""
    directory, path = here
    put(mounted.member, f"{path}/doc.txt", b"alt")
    shows(directory, "doc.txt")
    token = mounted.member.lock(f"{path}/doc.txt", owner="Otto Maier").lock_token
    assert (directory / "doc.txt").read_bytes() == b"alt"
    with pytest.raises(PermissionError):
        (directory / "doc.txt").open("r+b")
    assert mounted.member.unlock(f"{path}/doc.txt", token).status == 204
    (directory / "doc.txt").write_text("neu")
    uploaded(mounted.member, f"{path}/doc.txt", b"neu")


def test_executable_bit_is_kept(here: tuple[Path, str], mounted: Mounted) -> None:
    """chmod +x is a PROPPATCH of mod_dav's property."""
    directory, path = here
    put(mounted.clerk, f"{path}/skript.sh", b"#!/bin/sh\n")
    shows(directory, "skript.sh")
    (directory / "skript.sh").chmod(0o755)
    name = "{http://apache.org/dav/props/}executable"
    assert mounted.clerk.properties(f"{path}/skript.sh", name).text(name) == "T"


def test_free_space_is_the_quota(mounted: Mounted) -> None:
    """df shows what RFC 4331 tells of the drive."""
    told = mounted.clerk.properties("", "quota-available-bytes", "quota-used-bytes")
    available, used = (int(told.text(name) or "") for name in ("quota-available-bytes", "quota-used-bytes"))
    size = os.statvfs(mounted.path)
    assert size.f_bavail * size.f_frsize == pytest.approx(available, rel=0.05)
    assert size.f_blocks * size.f_frsize == pytest.approx(available + used, rel=0.05)


def put(client: DavClient, path: str, content: bytes) -> None:
    answer = client.request("PUT", "", content, raw_target=target(client, path))
    assert answer.status in (201, 204), answer


def target(client: DavClient, path: str) -> str:
    return client.base + quote(path)


def uploaded(client: DavClient, path: str, content: bytes) -> None:
    """davfs2 uploads when it is idle: wait until the server has it and the client's lock is gone."""
    eventually(lambda: client.get(path).body == content)
    eventually(lambda: not len(client.properties(path, "lockdiscovery").found[DAV + "lockdiscovery"]))


def shows(directory: Path, *names: str) -> None:
    """davfs2 asks for a listing anew in the next second."""
    eventually(lambda: sorted(entry.name for entry in directory.iterdir()) == sorted(names))
