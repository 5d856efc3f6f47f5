"""The demo: real documents of every kind, and a server that everybody on its printed list can log in to."""

from __future__ import annotations

import http.client
import io
import os
import re
import signal
import socket
import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path, PurePosixPath

import docx
import openpyxl
import pytest
from odf import text as odf_text
from odf.opendocument import load
from PIL import Image

from acl.labels import Classification
from acl.mandates import ROLES
from davserver.demo import calendar
from davserver.demo.meetings import COMMITTEES, Paper
from davserver.demo.papers import make
from davserver.demo.people import PEOPLE
from tests.davclient import DavClient
from tests.running import PROGRAM, QUICK_HASHES

TODAY = date(2026, 11, 23)
NOW = 1_795_000_000_000_000
START_SECONDS = 120


def papers() -> list[tuple[str, str, Paper]]:
    """(committee, folder, paper) of all of them."""
    return [
        (committee.name, place.path, paper)
        for committee in COMMITTEES
        for place in calendar.places(committee, TODAY, NOW)
        for paper in place.papers
    ]


def test_there_is_enough_to_try() -> None:
    """Two committees, at least 40 documents of five kinds, long and umlaut names, public and non-public."""
    names = [paper.name for _, _, paper in papers()]
    kinds = Counter(PurePosixPath(name).suffix for name in names)
    assert len(COMMITTEES) == 2
    assert len(names) >= 40
    assert kinds.keys() == {".pdf", ".odt", ".docx", ".xlsx", ".png"}
    assert max(len(name.encode()) for name in names) > 200
    assert any("ä" in name for name in names)
    classes = {place.label.classification for one in COMMITTEES for place in calendar.places(one, TODAY, NOW)}
    assert {Classification.PUBLIC, Classification.NON_PUBLIC} <= classes
    assert {paper.classification for _, _, paper in papers()} >= {"personal", "restricted"}


def test_no_name_troubles_windows() -> None:
    """Explorer must be able to open every folder and document."""
    for _, place, paper in papers():
        for name in (*place.split("/"), paper.name):
            assert not re.search(r'[<>:"\\|?*\x00-\x1f]|[. ]$', name), name


def test_each_role_can_be_tried() -> None:
    """Somebody holds each role, and meetings lie before and after today."""
    assert {office.role for person in PEOPLE for office in person.offices} == set(ROLES)
    for committee in calendar.declaration(TODAY).committees:
        assert {meeting.start < NOW for meeting in committee.meetings} == {True, False}
        assert all(meeting.agenda for meeting in committee.meetings)


def test_documents_open_in_their_own_library() -> None:
    """Every document is what its name says, and says what it is about."""
    for committee, place, paper in papers():
        body, stem = make(committee, place, paper), PurePosixPath(paper.name).stem
        kind = PurePosixPath(paper.name).suffix
        if kind == ".pdf":
            assert body.startswith(b"%PDF-"), paper.name
            assert body.rstrip().endswith(b"%%EOF"), paper.name
            assert len(re.findall(rb"/Type\s*/Page\b", body)) >= paper.pages, paper.name
        elif kind == ".odt":
            assert stem in [str(heading) for heading in load(io.BytesIO(body)).getElementsByType(odf_text.H)]
        elif kind == ".docx":
            assert stem in [paragraph.text for paragraph in docx.Document(io.BytesIO(body)).paragraphs]
        elif kind == ".xlsx":
            sheet = openpyxl.load_workbook(io.BytesIO(body)).active
            assert sheet["A1"].value == stem
            assert sheet.max_row > 5
        else:
            with Image.open(io.BytesIO(body)) as image:
                image.load()
                assert image.format == "PNG"


def test_one_document_is_large() -> None:
    """50 MB, so that slow paths and the limits of clients are met in the demo already."""
    (scan,) = [found for found in papers() if found[2].is_scan]
    assert 50_000_000 < len(make(*scan)) < 80_000_000


def test_documents_are_the_same_again() -> None:
    """The same paper, the same bytes, where the library allows it."""
    for found in papers():
        if found[2].name.endswith((".pdf", ".png")) and not found[2].is_scan:
            assert make(*found) == make(*found)


@contextmanager
def demo(data: Path) -> Iterator[tuple[int, Path]]:
    """`davserver demo` until it answers; (port, what it printed)."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    printed = data.with_suffix(".out")
    with printed.open("wb") as output:
        process = subprocess.Popen(
            [*PROGRAM, "demo", "--data", str(data), "--port", str(port)],
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            env={**os.environ, **QUICK_HASHES},
        )
    try:
        deadline = time.monotonic() + START_SECONDS
        while not answers(port):
            assert process.poll() is None, printed.read_text()
            assert time.monotonic() < deadline, printed.read_text()
            time.sleep(0.1)
        yield port, printed
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def answers(port: int) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request("GET", "/healthz")
        return connection.getresponse().status == 200
    except OSError:
        return False
    finally:
        connection.close()


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("demo") / "data"


def folders(port: int, user: str, password: str) -> set[str]:
    """What this person finds in the drive of BA 5; nothing where the drive itself is unknown to him."""
    client = DavClient(f"http://127.0.0.1:{port}", user, password)
    try:
        answer = client.propfind("/dav/ba05/", "1")
        assert answer.status in (207, 404), answer.status
        return {Path(href).name for href in answer.members()} - {"ba05"} if answer.status == 207 else set()
    finally:
        client.close()


def test_everybody_on_the_list_logs_in(data: Path) -> None:
    """A line `login: USER / PASSWORD` per account, addresses, how to mount; each sees what his office opens."""
    with demo(data) as (port, printed):
        told = printed.read_text()
        logins = dict(re.findall(r"^login: (\S+) / (\S+)$", told, re.M))
        assert logins == {person.user: person.password for person in PEOPLE}
        for word in (f"http://127.0.0.1:{port}/dav/", "Windows", "macOS", "GNOME", "KDE", "davfs2", "rclone"):
            assert word in told
        seen = {user: folders(port, user, password) for user, password in logins.items()}
    published = next(name for name in seen["paula"] if name.endswith("Vollgremium"))
    assert {user for user, names in seen.items() if "Interna der Geschäftsstelle" in names} == {"anna"}
    for outsider in ("paula", "bruno", "erika", "karl"):
        assert seen[outsider] == {published}, outsider
    for member in ("otto", "elif", "viktoria"):
        assert len(seen[member] - {published}) >= 3, member


def test_the_clerk_reads_what_was_made(data: Path) -> None:
    """The second start takes the same directory up again, and the documents are whole."""
    committee = COMMITTEES[0]
    with demo(data) as (port, _):
        client = DavClient(f"http://127.0.0.1:{port}", "anna", "Demo-anna-2026", f"/dav/{committee.id}")
        try:
            folders = [name for href in client.propfind("/", "1").members() if (name := Path(href).name)[:2] == "20"]
            assert len(folders) == len(committee.meetings)
            meeting = next(name for name in folders if client.propfind(f"/{name}/", "1").members())
            papers_there = [m for m in client.propfind(f"/{meeting}/", "1").members().values() if not m.is_collection]
            assert papers_there
            body = client.get(papers_there[0].href.removeprefix(f"/dav/{committee.id}")).body
            assert str(len(body)) == papers_there[0].text("getcontentlength")
            assert body.startswith((b"%PDF-", b"PK"))
        finally:
            client.close()
