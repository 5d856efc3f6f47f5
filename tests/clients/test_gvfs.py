"""gvfs by `gio`, as GNOME's file manager and programs use a drive: no locks, saves guarded by entity tags."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import pytest

from tests.clients.desktop import session_bus
from tests.clients.mounts import fresh_collection
from tests.davclient import DavClient
from tests.foreign import need
from tests.running import RunningServer


@dataclass(frozen=True)
class Desktop:
    """A session bus with gvfs on it, and one folder of a drive mounted."""

    environment: dict[str, str]
    root: str
    """`dav://` or `davs://` URL of the folder, without a slash at the end."""
    clerk: DavClient

    def gio(self, verb: str, *words: str, text: str = "", fails: bool = False) -> str:
        done = subprocess.run(
            ["gio", verb, *words],
            input=text,
            capture_output=True,
            text=True,
            env=self.environment,
            timeout=60,
            check=False,
        )
        assert (done.returncode != 0) == fails, f"gio {verb} {words}: {done.returncode}\n{done.stdout}{done.stderr}"
        return done.stdout + done.stderr

    def at(self, path: str) -> str:
        return self.root + quote(path)

    def attribute(self, path: str, name: str) -> str:
        told = self.gio("info", "-a", name, self.at(path))
        match = re.search(rf"{re.escape(name)}: (.*)", told)
        assert match is not None, told
        return match[1]


@pytest.fixture(scope="module")
def session(server: RunningServer) -> Iterator[dict[str, str]]:
    """Environment of a session bus of our own."""
    need("gio")
    with session_bus(server) as environment:
        yield environment


@pytest.fixture
def desktop(session: dict[str, str], server: RunningServer, drive: str) -> Iterator[Desktop]:
    """The folder mounted as a user mounts it: by its URL and a password asked for."""
    base = fresh_collection(server, drive)
    with server.client("clara", base) as clerk:
        found = Desktop(session, server.address("dav", base, "clara"), clerk)
        found.gio("mount", found.root + "/", text=server.password("clara") + "\n")
        yield found
        found.gio("mount", "-u", found.root + "/")


def test_listing_shows_names_sizes_and_kinds(desktop: Desktop) -> None:
    desktop.clerk.mkcol("/Übung & Ordner")
    desktop.clerk.put("/Pr%C3%BCfung%2050%25%20%231.txt", b"12345")
    told = desktop.gio("list", "-l", desktop.at("/"))
    assert re.search(r"^Prüfung 50% #1.txt\t5\t\(regular\)", told, re.M), told
    assert re.search(r"^Übung & Ordner\t0\t\(directory\)", told, re.M), told
    assert desktop.attribute("/Prüfung 50% #1.txt", "standard::content-type") == "text/plain"


def test_above_the_drive_lies_what_one_may_see(desktop: Desktop) -> None:
    """gvfs climbs to the top of the host as long as DAV answers there; the way down again leads to one's drives."""
    host = desktop.root.partition("/dav/")[0]
    assert "dav" in desktop.gio("list", host + "/").splitlines()
    assert {"ba05", "archiv"} <= set(desktop.gio("list", host + "/dav/").splitlines())


@pytest.mark.own_tls
def test_copy_in_copy_out_and_on_the_server(desktop: Desktop, tmp_path: Path) -> None:
    """Bytes survive the way in and out; a copy inside the drive is made by the server."""
    content = os.urandom(400_000)
    (tmp_path / "in.bin").write_bytes(content)
    desktop.gio("mkdir", desktop.at("/neu ü"))
    desktop.gio("copy", str(tmp_path / "in.bin"), desktop.at("/neu ü/a.bin"))
    assert desktop.clerk.get("/neu ü/a.bin").body == content
    desktop.gio("copy", desktop.at("/neu ü/a.bin"), desktop.at("/b.bin"))
    desktop.gio("copy", desktop.at("/b.bin"), str(tmp_path / "out.bin"))
    assert (tmp_path / "out.bin").read_bytes() == content
    assert desktop.clerk.names("") == ["b.bin", "neu ü"]


def test_save_is_guarded_by_the_entity_tag(desktop: Desktop) -> None:
    """A program that opened an older version may not overwrite the newer one (If-Match, 412)."""
    desktop.clerk.put("/doc.txt", b"eins")
    opened = desktop.attribute("/doc.txt", "etag::value")
    assert opened.strip('"') == (desktop.clerk.head("/doc.txt").etag or "").strip('"')
    desktop.gio("save", "-e", opened, desktop.at("/doc.txt"), text="zwei")
    assert desktop.clerk.get("/doc.txt").body == b"zwei"
    told = desktop.gio("save", "-e", opened, desktop.at("/doc.txt"), text="drei", fails=True)
    assert "modified" in told
    assert desktop.clerk.get("/doc.txt").body == b"zwei"
    desktop.gio("save", "-c", desktop.at("/neu.txt"), text="neu")
    assert desktop.gio("cat", desktop.at("/neu.txt")) == "neu"


def test_save_over_a_locked_document_is_refused(desktop: Desktop, server: RunningServer) -> None:
    """gvfs takes no locks but is bound by those of others."""
    desktop.clerk.put("/doc.txt", b"alt")
    with server.client("otto", desktop.clerk.base) as member:
        assert member.lock("/doc.txt").status == 200
        desktop.gio("save", desktop.at("/doc.txt"), text="neu", fails=True)
    assert desktop.clerk.get("/doc.txt").body == b"alt"


def test_rename_move_remove(desktop: Desktop) -> None:
    """Rename keeps out of the way of what stands there; move may replace it; a full folder is not removed."""
    for name in ("a", "b", "c"):
        desktop.clerk.put(f"/{name}.txt", name)
    desktop.clerk.mkcol("/d")
    desktop.gio("rename", desktop.at("/a.txt"), "ä ü.txt")
    assert "exist" in desktop.gio("rename", desktop.at("/b.txt"), "c.txt", fails=True)
    desktop.gio("move", desktop.at("/b.txt"), desktop.at("/c.txt"))
    desktop.gio("move", desktop.at("/ä ü.txt"), desktop.at("/d"))
    assert desktop.clerk.get("/c.txt").body == b"b"
    assert desktop.clerk.names("/d") == ["ä ü.txt"]
    desktop.gio("remove", desktop.at("/d"), fails=True)
    desktop.gio("remove", desktop.at("/d/ä ü.txt"))
    desktop.gio("remove", desktop.at("/d"))
    assert desktop.clerk.names("") == ["c.txt"]


def test_size_of_the_file_system_is_the_quota(desktop: Desktop) -> None:
    """filesystem::free and filesystem::used are what RFC 4331 tells."""
    told = desktop.gio("info", "-f", desktop.at("/"))
    shown = desktop.clerk.properties("", "quota-available-bytes", "quota-used-bytes")
    numbers = {name: int(value) for name, value in re.findall(r"filesystem::(free|used|size): (\d+)", told)}
    assert numbers["free"] == pytest.approx(int(shown.text("quota-available-bytes") or ""), rel=0.05)
    assert numbers["size"] == pytest.approx(numbers["free"] + int(shown.text("quota-used-bytes") or ""), rel=0.05)


def test_wrong_password_is_asked_again_not_mounted(session: dict[str, str], server: RunningServer) -> None:
    """401 leads to another question, never to a mount."""
    root = server.address("dav", "/dav/ba05/", "sam")
    done = subprocess.run(
        ["gio", "mount", root],
        input="falsch\n",
        capture_output=True,
        text=True,
        env=session,
        timeout=60,
        check=False,
    )
    assert done.returncode != 0
    listed = subprocess.run(["gio", "mount", "-l"], env=session, capture_output=True, text=True, check=True)
    assert "sam@" not in listed.stdout
