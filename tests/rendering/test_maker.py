"""The maker of pages: what it makes, and what hostile documents get of the machine (security.md S-58, B17)."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from davserver.rendering import child
from davserver.rendering.maker import MIB, OFFICE_ENDINGS, PDF, Bounds, Busy, Maker, NotMade, Reason, read_drawing
from tests.foreign import need
from tests.listening import CANARY, listening
from tests.rendering import documents
from tests.rendering import hostile as hostile_documents
from tests.rendering.documents import DOCX, ODT

ENDLESS = "import time\nwhile True: time.sleep(1)"


@pytest.fixture(scope="module")
def maker() -> Maker:
    return Maker(None)


@pytest.fixture(scope="module")
def office() -> Maker:
    need("soffice")
    return Maker(Maker.find_office())


def words_of(drawing_lines: tuple[tuple[object, ...], ...]) -> str:
    return " ".join(word.text for line in drawing_lines for word in line)  # type: ignore[attr-defined]


def test_pages_of_a_pdf_are_drawn_with_their_words(maker: Maker) -> None:
    """As many as were asked for, as wide as was asked; words stand where they are to be seen."""
    drawing = maker.draw([documents.pdf(5)], PDF, 600, [2, 3])
    assert (drawing.total, [page.number for page in drawing.pages]) == (5, [2, 3])
    page = drawing.pages[0]
    assert (page.width, len(page.pixels)) == (600, page.width * page.height * 3)
    assert words_of(page.lines) == "Seite 2 der Vorlage"
    first = page.lines[0][0]
    assert 70 < first.left < 74
    assert 55 < first.top < 75, "from the top, as people see it"
    assert len(set(page.pixels)) > 2, "something is drawn"


def test_a_page_that_is_not_there_is_left_out(maker: Maker) -> None:
    assert maker.draw([documents.pdf(2)], PDF, 400, [2, 3]).pages[-1].number == 2
    assert maker.draw([documents.pdf(2)], PDF, 400, [9]).pages == []


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "GIF", "WEBP", "TIFF", "BMP"])
def test_a_picture_is_one_page(maker: Maker, kind: str) -> None:
    drawing = maker.draw([documents.picture(kind)], f"image/{kind.lower()}", 800, [1])
    assert (drawing.total, drawing.pages[0].width, drawing.pages[0].height) == (1, 60, 40)
    red, green, blue = drawing.pages[0].pixels[:3]
    assert red > 180 > 60 > max(green, blue)


def test_an_office_document_becomes_a_pdf(office: Maker, maker: Maker) -> None:
    made = office.convert([documents.odt("Grüße aus dem Gremium")], ODT)
    assert words_of(maker.draw([made], PDF, 600, [1]).pages[0].lines) == "Grüße aus dem Gremium"


def test_without_the_program_nothing_is_converted(maker: Maker) -> None:
    assert not maker.converts(ODT)
    assert Maker("/usr/bin/soffice").converts(ODT)
    assert not Maker("/usr/bin/soffice").converts(PDF)
    assert set(OFFICE_ENDINGS.values()) >= {"odt", "ods", "odp", "docx", "xlsx", "pptx", "doc", "rtf"}


@pytest.mark.parametrize("name", documents.odd_pdfs())
def test_an_odd_pdf_ends_in_an_answer(maker: Maker, name: str) -> None:
    """Pages or a reason, in time; the maker makes the next document as if nothing had been."""
    began = time.monotonic()
    try:
        drawing = maker.draw([documents.odd_pdfs()[name]], PDF, 800, [1])
    except NotMade as why:
        assert why.reason in (Reason.DAMAGED, Reason.HEAVY)
    else:
        assert all(len(page.pixels) <= 3 * 6_100_000 for page in drawing.pages)
    assert time.monotonic() - began < 35
    assert maker.draw([documents.pdf()], PDF, 400, [1]).total == 1


@pytest.mark.parametrize("name", documents.odd_pictures())
def test_an_odd_picture_is_refused(maker: Maker, name: str) -> None:
    with pytest.raises(NotMade):
        maker.draw([documents.odd_pictures()[name]], "image/png", 800, [1])


def test_a_protected_pdf_is_told_as_such(maker: Maker) -> None:
    from reportlab.lib.pdfencrypt import StandardEncryption
    from reportlab.pdfgen.canvas import Canvas

    canvas = Canvas("x", encrypt=StandardEncryption("geheim", strength=128))
    canvas.drawString(72, 700, "x")
    with pytest.raises(NotMade) as why:
        maker.draw([canvas.getpdfdata()], PDF, 400, [1])
    assert why.value.reason is Reason.PROTECTED


def hostile(url: str) -> dict[str, tuple[bytes, str]]:
    """Office documents that ask for an address, by what they are, with the media type they claim."""
    found = {name: (content, ODT) for name, content in documents.odt_linking(url).items()}
    found |= {name: (content, ODT) for name, content in documents.environment_ini(url).items()}
    found |= {f"odt that is {name}": (content, ODT) for name, content in documents.html_as(url).items()}
    found |= {"docx": (documents.docx_linking(url), DOCX), "macro": (documents.macro(f"curl {url}"), ODT)}
    return found


def converted(office: Maker, maker: Maker, content: bytes, media_type: str) -> tuple[bytes, str]:
    """The PDF and its words; empty if there is none."""
    try:
        made = office.convert([content], media_type)
    except NotMade:
        return b"", ""
    pages = maker.draw([made], PDF, 600, [1, 2, 3]).pages
    return made, " ".join(words_of(page.lines) for page in pages)


@pytest.mark.parametrize("name", sorted(hostile("")))
def test_no_document_reaches_the_network(office: Maker, maker: Maker, name: str) -> None:
    """CVE-2024-12425 and kin: nothing is asked for, whatever a document links to."""
    with listening() as (url, heard):
        converted(office, maker, *hostile(url)[name])
        time.sleep(0.3)
    assert heard == []


@pytest.mark.parametrize("name", ["image", "object", "section", "odt that is html", "odt that is fodt", "docx"])
def test_no_document_reads_a_file_of_the_server(office: Maker, maker: Maker, tmp_path: Path, name: str) -> None:
    """Neither as text nor packed into the PDF."""
    secret = tmp_path / "secret.txt"
    secret.write_text(f"{CANARY}\n" * 50)
    made, words = converted(office, maker, *hostile(secret.as_uri())[name])
    assert CANARY not in words
    assert CANARY.encode() not in made


def test_no_document_learns_the_environment(office: Maker, maker: Maker, monkeypatch: pytest.MonkeyPatch) -> None:
    """CVE-2024-12426: the child has no variable of the server's."""
    monkeypatch.setenv("GREMIUM_CANARY", CANARY)
    content = documents.environment_ini("http://127.0.0.1:9")["expand-3"]
    made, words = converted(office, maker, content, ODT)
    assert CANARY not in words
    assert CANARY.encode() not in made


def made_of(office: Maker, found: hostile_documents.Documents) -> dict[str, tuple[bytes, float]]:
    """Two at a time: name → the PDF, or nothing, and the seconds that it took."""

    def one(content: bytes, media_type: str) -> tuple[bytes, float]:
        began = time.monotonic()
        try:
            return office.convert([content], media_type), time.monotonic() - began
        except NotMade:
            return b"", time.monotonic() - began

    with ThreadPoolExecutor(2) as pool:
        waiting = {name: pool.submit(one, *each) for name, each in found.items()}
        return {name: each.result() for name, each in waiting.items()}


def test_no_other_format_reaches_out_either(office: Maker, tmp_path: Path) -> None:
    """S-58, B17: templates, objects, entities, formulas, media on the network; text in a file of the server."""
    secret = tmp_path / "secret.txt"
    secret.write_text(f"{CANARY}\n" * 50)
    with listening() as (url, heard):
        reached = made_of(office, hostile_documents.reaching(url))
        time.sleep(0.3)
    assert heard == []
    assert sum(bool(made) for made, _ in reached.values()) > 8, "most of them are documents after all"
    asking = hostile_documents.reaching(secret.as_uri())
    read = made_of(office, {name: asking[name] for name in hostile_documents.READING})
    for name, (made, _) in read.items():
        assert CANARY.encode() not in made, name
        words = office.draw([made], PDF, 600, [1, 2]).pages if made else []
        assert CANARY not in " ".join(words_of(page.lines) for page in words), name


def test_no_document_takes_more_than_its_share(office: Maker) -> None:
    """Ended in time whatever it unfolds to, within the memory of its child; the next one is made as ever."""
    hasty = Maker(Maker.find_office(), Bounds(seconds=6))
    before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    for name, (_, seconds) in made_of(hasty, hostile_documents.devouring()).items():
        assert seconds < 6 + 4, name
    assert resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss <= max(before, Bounds().memory // 1024)
    assert office.convert([documents.odt("danach")], ODT).startswith(b"%PDF")


PROBE = """
import os, socket, sys
sys.argv = ["x"]
from davserver.rendering.confinement import *
leave_network()
limit(1024 * MIB, 30, 64, 0, 0)
give_up_privileges()
print(leave_files(()))
def tried(what):
    try: what()
    except OSError as no: return type(no).__name__
    except MemoryError: return "MemoryError"
    return "done"
def talk():
    with socket.socket() as one:
        one.settimeout(2); one.connect(("127.0.0.1", {port}))
print(tried(talk))
print(tried(lambda: open({secret!r}).read()))
print(tried(lambda: open("/etc/passwd").read()))
print(tried(lambda: os.fork() or os._exit(0)))
print(tried(lambda: bytearray(2 * 1024 ** 3)))
print(tried(lambda: open("/tmp/gremium-probe", "x")))
print(tried(lambda: os.kill({server}, 0)))
print(sorted(os.environ))
"""


def test_the_child_has_given_everything_up(tmp_path: Path) -> None:
    """What a document that has taken over the child could still do: nothing of the machine, and little of itself."""
    secret = tmp_path / "secret"
    secret.write_text(CANARY)
    with listening() as (url, heard):
        port = int(url.split(":")[2].partition("/")[0])
        program = PROBE.format(
            port=port,
            secret=str(secret),
            server=os.getpid(),
        )
        words = [sys.executable, "-I", "-c", program]
        ran = subprocess.run(words, capture_output=True, text=True, env={}, check=False, timeout=60)
    told = ran.stdout.splitlines()
    assert "NO_FILES" in told[0], ran.stderr
    assert told[1] in ("OSError", "PermissionError", "ConnectionRefusedError")
    assert told[2] in ("PermissionError", "FileNotFoundError")
    assert told[3] == "PermissionError"
    assert told[4] == ("done" if os.geteuid() == 0 else "BlockingIOError"), "no such limit binds root"
    assert told[5] == "MemoryError"
    assert told[6] == "PermissionError"
    assert told[7] in ("PermissionError", "ProcessLookupError")
    assert told[8] in ("[]", "['LC_CTYPE']")
    assert heard == []


@pytest.mark.parametrize(
    ("program", "reason"),
    [
        (ENDLESS, Reason.HEAVY),
        ("import sys\nwhile True: sys.stdout.write('x' * 1000000)", Reason.HEAVY),
        ("import os\nos.close(1)\nwhile True: pass", Reason.HEAVY),
        ("import os\nos.abort()", Reason.HEAVY),
        ("raise SystemExit(4)", Reason.DAMAGED),
        ("print('no drawing')", Reason.DAMAGED),
    ],
    ids=["endless", "endless answer", "silent and endless", "aborts", "damaged", "nonsense"],
)
def test_a_child_that_goes_wrong_is_ended(monkeypatch: pytest.MonkeyPatch, program: str, reason: Reason) -> None:
    """In time, with everything that it has started, and its answer is bounded."""
    real = subprocess.Popen
    started: list[subprocess.Popen[bytes]] = []

    def instead(words: list[str], **kept: object) -> subprocess.Popen[bytes]:
        started.append(real([sys.executable, "-I", "-c", program], **kept))  # type: ignore[call-overload]
        return started[-1]

    monkeypatch.setattr("davserver.rendering.maker.subprocess.Popen", instead)
    began = time.monotonic()
    with pytest.raises(NotMade) as why:
        Maker(None, Bounds(seconds=1.5)).draw([b"x"], PDF, 400, [1])
    assert why.value.reason is reason
    assert time.monotonic() - began < 10
    assert started[0].poll() is not None


def test_a_document_takes_as_much_memory_as_is_allowed() -> None:
    """`draw_bytes`: what was too heavy is drawn where there is more."""
    large = documents.picture("PNG", (7000, 7000))
    with pytest.raises(NotMade) as why:
        Maker(None, Bounds(memory=384 * MIB)).draw([large], "image/png", 800, [1])
    assert why.value.reason is Reason.HEAVY
    assert len(Maker(None, Bounds()).draw([large], "image/png", 800, [1]).pages) == 1


def test_as_many_are_drawn_at_a_time_as_are_allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    """`draw_at_once`: who comes on top waits, and is told after a while."""
    monkeypatch.setattr("davserver.rendering.maker.PATIENCE_SECONDS", 0.2)
    gate, inside = threading.Event(), threading.Semaphore(0)

    def slow() -> Iterator[bytes]:
        inside.release()
        assert gate.wait(30)
        yield documents.picture("PNG")

    maker = Maker(None, Bounds(at_once=3))
    with ThreadPoolExecutor(3) as pool:
        drawn = [pool.submit(maker.draw, slow(), "image/png", 100, [1]) for _ in range(3)]
        assert all(inside.acquire(timeout=30) for _ in drawn)
        with pytest.raises(Busy):
            maker.draw([documents.picture("PNG")], "image/png", 100, [1])
        gate.set()
        assert [each.result(30).total for each in drawn] == [1, 1, 1]


def test_a_lying_child_is_not_believed() -> None:
    """Pixels are counted before anybody makes a picture of them."""
    header = b'{"count": 1, "pages": [{"number": 1, "pixels": [9, 9], "points": [1, 1], "lines": []}]}'
    answer = len(header).to_bytes(4, "big") + header
    for lie in (answer, answer + bytes(9 * 9 * 3 + 1), b"\xff\xff\xff\xff" + header):
        with pytest.raises(ValueError, match=r"pixels|header"):
            read_drawing(lie)
    assert read_drawing(answer + bytes(9 * 9 * 3)).total == 1


def test_the_work_of_a_child_is_named() -> None:
    assert set(child.WORKS) == {"draw", "words", "convert", "probe"}
