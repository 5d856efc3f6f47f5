"""nextcloudcmd and owncloudcmd: two people's folders stay equal, and nobody loses his own work."""

from __future__ import annotations

import hashlib
import os
import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.certificates import Authority
from tests.clients.conftest import behind_nginx
from tests.clients.relays import CuttingRelay
from tests.clients.syncing import Device, requests_of
from tests.running import RunningServer, command, copied, install, start

BIG = 200_000_000
PARTS = {"OWNCLOUD_CHUNK_SIZE": "5000000", "OWNCLOUD_MAX_CHUNK_SIZE": "10000000"}
CHANGES = {"PUT", "MKCOL", "MOVE", "DELETE"}


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """A server of this file's own: sync clients take whole drives along."""
    with start(install(tmp_path_factory.mktemp("synced")), workers=2) as running:
        yield running


@pytest.fixture(params=["nextcloudcmd", "owncloudcmd"])
def program(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def devices(served: RunningServer, program: str, tmp_path: Path) -> Iterator[tuple[Device, Device]]:
    """The clerk's and a member's, both up to date; the drive is emptied after the test."""
    pair = (
        Device(program, "clara", served.url, tmp_path / "clara"),
        Device(program, "otto", served.url, tmp_path / "otto"),
    )
    for device in pair:
        device.sync()
    yield pair
    with served.client("clara", "/dav/ba05") as clerk:
        for folder in ("", "/Arbeitsordner"):
            for name in clerk.names(folder or "/"):
                if name not in ("Arbeitsordner", "00 Eingang"):
                    assert clerk.delete(f"{folder}/{name}").status == 204


def test_two_folders_stay_equal(served: RunningServer, devices: tuple[Device, Device]) -> None:
    """New, edited, renamed, moved, deleted: each reaches the other; then both are quiet."""
    clara, otto = devices
    (clara.work / "Ordner Ä" / "tief").mkdir(parents=True)
    (clara.work / "Ordner Ä" / "tief" / "b & c #1%.txt").write_text("yo\n")
    (clara.work / "a.txt").write_text("hallo")
    (clara.work / "geht.txt").write_text("geht")
    clara.sync()
    otto.sync()
    assert otto.names() == clara.names() >= {"ba05/Arbeitsordner/Ordner Ä/tief/b & c #1%.txt"}
    (otto.work / "a.txt").write_text("hallo von Otto")
    (otto.work / "geht.txt").unlink()
    (otto.work / "Ordner Ä").rename(otto.work / "Ordner B")
    (otto.work / "Ordner B" / "tief" / "b & c #1%.txt").rename(otto.work / "Ordner B" / "umgezogen.txt")
    with requests_of(served) as told:
        otto.sync()
    assert ("MOVE", 201) in told, "a rename is told as one, nothing is sent again"
    clara.sync()
    assert clara.names() == otto.names()
    assert (clara.work / "a.txt").read_text() == "hallo von Otto"
    assert (clara.work / "Ordner B" / "umgezogen.txt").read_text() == "yo\n"
    otto.sync()  # learns the new tags of the folders that he has changed himself
    for device in devices:
        with requests_of(served) as told:
            device.sync()
        assert len(told) <= 6, "an idle run looks at the root only"
        assert not CHANGES & {method for method, _ in told}


def test_through_nginx(tmp_path: Path, program: str, installed: Path, authority: Authority) -> None:
    """The same over HTTPS with the shipped configuration, with app passwords."""
    with behind_nginx(copied(installed, tmp_path), authority) as (behind, _):
        clara, otto = (
            Device(program, user, behind.url, tmp_path / user, behind.passwords[user]) for user in ("clara", "otto")
        )
        clara.sync()
        (clara.work / "Ordner").mkdir()
        (clara.work / "Ordner" / "groß.bin").write_bytes(random.Random(3).randbytes(30_000_000))
        (clara.work / "a.txt").write_text("hallo")
        clara.sync(**PARTS)
        otto.sync()
        assert otto.names() == clara.names() >= {"ba05/Arbeitsordner/Ordner/groß.bin"}
        (otto.work / "Ordner").rename(otto.work / "Umbenannt")
        (otto.work / "a.txt").unlink()
        otto.sync()
        clara.sync()
        assert clara.names() == otto.names() >= {"ba05/Arbeitsordner/Umbenannt/groß.bin"}
        assert (clara.work / "Umbenannt" / "groß.bin").read_bytes() == (
            otto.work / "Umbenannt" / "groß.bin"
        ).read_bytes()


def test_modification_times_and_sums_travel(served: RunningServer, devices: tuple[Device, Device]) -> None:
    """X-OC-Mtime is kept; the checksum that the client sent is told again."""
    clara, otto = devices
    (clara.work / "alt.txt").write_text("alt")
    os.utime(clara.work / "alt.txt", (1_500_000_000, 1_500_000_000))
    clara.sync()
    otto.sync()
    assert int((otto.work / "alt.txt").stat().st_mtime) == 1_500_000_000
    with served.client("otto") as member:
        answer = member.get("/remote.php/webdav/ba05/Arbeitsordner/alt.txt")
    assert answer.headers["OC-Checksum"] == f"SHA1:{hashlib.sha1(b'alt', usedforsecurity=False).hexdigest()}"


def test_a_conflict_keeps_both(devices: tuple[Device, Device]) -> None:
    """Both edit: whoever comes second gets the other's text and keeps his own beside it."""
    clara, otto = devices
    (clara.work / "a.txt").write_text("Anfang")
    clara.sync()
    otto.sync()
    (clara.work / "a.txt").write_text("von Clara")
    (otto.work / "a.txt").write_text("von Otto, zur selben Zeit")
    clara.sync()
    otto.run()
    assert (otto.work / "a.txt").read_text() == "von Clara"
    (own,) = otto.work.glob("a (conflicted copy*).txt")
    assert own.read_text() == "von Otto, zur selben Zeit"


def test_a_reader_who_edits_gets_his_copy_back(served: RunningServer, devices: tuple[Device, Device]) -> None:
    """No W and no C: the paper is restored, his text stays beside it, nothing of it is sent, and no run does more."""
    _, otto = devices
    with served.client("clara") as clerk:
        assert clerk.put("/dav/ba05/satzung.txt", b"alte Fassung").status == 201
    otto.sync()
    paper = otto.folder / "ba05" / "satzung.txt"
    assert paper.stat().st_mode & 0o222 == 0, "shown as read-only"
    paper.chmod(0o644)
    paper.write_text("neue Fassung von Otto")
    (otto.folder / "ba05" / "neu.txt").write_text("hier darf er nichts anlegen")
    for _ in range(2):
        with requests_of(served) as told:
            otto.run()
        assert not CHANGES & {method for method, _ in told}
        assert paper.read_text() == "alte Fassung"
    (own,) = (otto.folder / "ba05").glob("satzung (conflicted copy*).txt")
    assert own.read_text() == "neue Fassung von Otto"
    assert (otto.folder / "ba05" / "neu.txt").exists()


def test_a_paper_that_vanishes_takes_no_work_along(served: RunningServer, devices: tuple[Device, Device]) -> None:
    """A class is raised: the copy goes, one's own edits stay on the disk and are offered once only."""
    _, otto = devices
    for name in ("wird geheim.txt", "geändert.txt", "eigen.txt"):
        (otto.work / name).write_text("erste Fassung")
    otto.sync()
    for name in ("wird geheim.txt", "geändert.txt"):
        command("label", f"ba05/Arbeitsordner/{name}", "--class", "office", "--as", "clara", data=served.data)
    (otto.work / "geändert.txt").write_text("zweite Fassung, noch nicht gesendet")
    (otto.work / "eigen.txt").write_text("zweite Fassung, seine eigene")
    asked = 0
    for _ in range(3):
        with requests_of(served) as told:
            otto.run()
        asked += told.count(("PUT", 403))
    assert asked == 1
    assert not (otto.work / "wird geheim.txt").exists()
    assert (otto.work / "geändert.txt").read_text() == "zweite Fassung, noch nicht gesendet"
    with served.client("clara", "/dav/ba05/Arbeitsordner") as clerk:
        assert clerk.get("/geändert.txt").text == "erste Fassung"
        assert clerk.get("/eigen.txt").text == "zweite Fassung, seine eigene"


def test_a_locked_document_waits(served: RunningServer, devices: tuple[Device, Device]) -> None:
    """Somebody has it open in his office program: the edit stays here and goes out once it is closed."""
    _, otto = devices
    (otto.work / "offen.txt").write_text("Anfang")
    otto.sync()
    with served.client("clara", "/dav/ba05/Arbeitsordner") as clerk:
        token = clerk.lock("/offen.txt", owner="LibreOffice - Clara").lock_token
        (otto.work / "offen.txt").write_text("Ottos Fassung")
        otto.run()
        assert clerk.get("/offen.txt").text == "Anfang"
        assert clerk.unlock("/offen.txt", token).status == 204
        otto.forget_failures()
        (otto.work / "offen.txt").write_text("Ottos letzte Fassung")
        otto.sync()
        assert clerk.get("/offen.txt").text == "Ottos letzte Fassung"


def test_a_broken_upload_goes_on(served: RunningServer, devices: tuple[Device, Device]) -> None:
    """200 MB in parts, the line cut in the middle: what has arrived is not sent again."""
    clara, otto = devices
    content = random.Random(7).randbytes(BIG)
    relay = CuttingRelay(served.port, cut_after=BIG // 2)
    beyond = Device(clara.program, clara.user, f"http://127.0.0.1:{relay.port}/", clara.room)
    try:
        beyond.sync()
        (clara.work / "groß.bin").write_bytes(content)
        for _ in range(3):
            if beyond.run(**PARTS).returncode == 0:
                break
        assert relay.cuts == 1
        assert relay.sent < BIG * 1.4
    finally:
        relay.close()
    otto.sync()
    assert (otto.work / "groß.bin").read_bytes() == content
    with served.client("clara") as clerk:
        left = clerk.propfind("/remote.php/dav/uploads/clara/", "1").members()
    assert len(left) == 1, "the parts are gone"
