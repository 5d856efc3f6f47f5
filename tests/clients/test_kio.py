"""KDE's KIO by `kioclient5`, as Dolphin uses a drive: as a member by name and password in the URL, and by a link.

Without a screen KIO cannot ask for a password. It takes one from the URL to list, read, move and remove, but forgets it
when it copies, so copies go by a link.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import pytest

from tests.clients.desktop import session_bus
from tests.davclient import DavClient
from tests.foreign import need
from tests.running import RunningServer


@dataclass(frozen=True)
class Kio:
    """The program on a session bus, and a folder's URL."""

    environment: dict[str, str]
    server: RunningServer
    root: str

    def __call__(self, verb: str, *urls: str, overwrite: bool = False, fails: bool = False) -> str:
        """What it printed. kioclient5 ends with 0 or 1."""
        options = ["--noninteractive", *(["--overwrite"] if overwrite else [])]
        done = subprocess.run(
            self.server.told(need("kioclient5"), *options, verb, *urls),
            capture_output=True,
            text=True,
            env={**self.environment, "QT_QPA_PLATFORM": "offscreen", "QT_LOGGING_RULES": "*=false"},
            timeout=60,
            check=False,
        )
        assert (done.returncode != 0) == fails, f"{verb} {urls}: {done.returncode}\n{done.stdout}{done.stderr}"
        return done.stdout

    def at(self, path: str) -> str:
        return self.root + quote(path)


@pytest.fixture(scope="module")
def session(server: RunningServer) -> Iterator[dict[str, str]]:
    need("kioclient5")
    with session_bus(server) as environment:
        yield environment


@pytest.fixture
def member(session: dict[str, str], server: RunningServer, folder: DavClient) -> Kio:
    """The clerk in his folder."""
    return Kio(session, server, server.address("webdav", folder.base, f"clara:{server.password('clara')}"))


@pytest.fixture
def visitor(session: dict[str, str], server: RunningServer, link: str) -> Kio:
    """Whoever has the link to the same folder."""
    return Kio(session, server, server.address("webdav", link))


@pytest.fixture(params=["member", "visitor"])
def kio(request: pytest.FixtureRequest) -> Kio:
    found = request.getfixturevalue(request.param)
    assert isinstance(found, Kio)
    return found


@pytest.mark.own_tls
def test_list_and_read(kio: Kio, folder: DavClient) -> None:
    folder.mkcol("/Übung & Ordner")
    folder.put("/Pr%C3%BCfung%2050%25%20%231.txt", "Grüß Gott\n")
    assert sorted(kio("ls", kio.at("/")).split("\n"))[-2:] == ["Prüfung 50% #1.txt", "Übung & Ordner"]
    assert kio("cat", kio.at("/Prüfung 50% #1.txt")) == "Grüß Gott\n"


@pytest.mark.own_tls
def test_copy_up_overwrite_and_copy_down(visitor: Kio, folder: DavClient, tmp_path: Path) -> None:
    """KIO asks for free space first, and would refuse a drive that tells nonsense."""
    content = os.urandom(400_000)
    (tmp_path / "in.bin").write_bytes(content)
    visitor("copy", str(tmp_path / "in.bin"), visitor.at("/a ü.bin"))
    assert folder.get("/a ü.bin").body == content
    (tmp_path / "in.bin").write_bytes(b"neu")
    visitor("copy", str(tmp_path / "in.bin"), visitor.at("/a ü.bin"), fails=True)
    assert folder.get("/a ü.bin").body == content, "what is there is not replaced unasked"
    visitor("copy", str(tmp_path / "in.bin"), visitor.at("/a ü.bin"), overwrite=True)
    assert folder.get("/a ü.bin").body == b"neu"
    visitor("copy", visitor.at("/a ü.bin"), str(tmp_path / "out.bin"))
    assert (tmp_path / "out.bin").read_bytes() == b"neu"


def test_copy_of_a_folder(visitor: Kio, folder: DavClient, tmp_path: Path) -> None:
    """MKCOL without a slash, PUT for each document; and the way back."""
    (tmp_path / "Mappe" / "Anlagen").mkdir(parents=True)
    (tmp_path / "Mappe" / "a.txt").write_text("a")
    (tmp_path / "Mappe" / "Anlagen" / "b ö.txt").write_text("b")
    visitor("copy", str(tmp_path / "Mappe"), visitor.at("/"))
    assert sorted(folder.names("/Mappe")) == ["Anlagen", "a.txt"]
    assert folder.get("/Mappe/Anlagen/b ö.txt").body == b"b"
    visitor("copy", visitor.at("/Mappe"), str(tmp_path / "zurück"))
    assert (tmp_path / "zurück" / "Anlagen" / "b ö.txt").read_text() == "b"


@pytest.mark.own_tls
def test_member_moves_and_removes(member: Kio, folder: DavClient) -> None:
    """MOVE with userinfo in its Destination and Overwrite: F; DELETE of a folder without a slash."""
    folder.put("/a.txt", "a")
    folder.mkcol("/d")
    folder.mkcol("/d/e")
    member("move", member.at("/a.txt"), member.at("/d/b ü.txt"))
    assert folder.names("") == ["d"]
    assert folder.get("/d/b ü.txt").body == b"a"
    member("remove", member.at("/d/b ü.txt"))
    assert folder.names("/d") == ["e"]
    member("remove", member.at("/d"))
    assert folder.names("") == []


def test_locks_of_others_hold(
    member: Kio, visitor: Kio, folder: DavClient, server: RunningServer, tmp_path: Path
) -> None:
    """KIO takes no locks, but is bound by them."""
    folder.put("/doc.txt", b"alt")
    (tmp_path / "neu.txt").write_text("neu")
    with server.client("otto", folder.base) as otto:
        assert otto.lock("/doc.txt").status == 200
        visitor("copy", str(tmp_path / "neu.txt"), visitor.at("/doc.txt"), overwrite=True, fails=True)
        member("remove", member.at("/doc.txt"), fails=True)
    assert folder.get("/doc.txt").body == b"alt"


def test_visitor_moves_and_removes_nothing(visitor: Kio, folder: DavClient) -> None:
    """A link never lets take away, whatever else it gives."""
    folder.put("/a.txt", "a")
    visitor("move", visitor.at("/a.txt"), visitor.at("/b.txt"), fails=True)
    visitor("remove", visitor.at("/a.txt"), fails=True)
    assert folder.names("") == ["a.txt"]
