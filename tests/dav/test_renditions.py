"""Reading copies: where the class says `rendition`, a drive hands out marked pictures in place of a pointer.

rights.md §1, docs/decisions/0040. Asked of the application in this process, where non-public papers are handed out so.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pypdfium2 as pdfium
import pytest
from PIL import Image

from acl import store
from acl.labels import Classification, Label
from acl.mandates import Mandate
from acl.recusals import Effect, Recusal
from davserver.rendering.maker import Busy, Maker
from davserver.tree import rendered
from davserver.tree.rendered import Kept
from shareproviders.paths import ROOT
from tests.dav.inside import Clock, InsideClient, Worker
from tests.dav.syncing import OFFICE, label, node_of
from tests.davclient import Answer
from tests.foreign import need
from tests.mirror import Mirror, listing
from tests.portal.leaves import drawn_on
from tests.rendering import documents
from tests.running import copied

COPY = "/Kauf%20(Leseexemplar).pdf"
ORIGINAL = documents.pdf(1, "Grundstueck {} am Isarufer")
NON_PUBLIC = Label(Classification.NON_PUBLIC)


@pytest.fixture(scope="module")
def worker(installed: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Worker]:
    data = copied(installed, tmp_path_factory.mktemp("renditions"))
    roles = data / "roles.toml"
    pointed = 'non_public = "pointer"'
    assert roles.read_text("utf-8").count(pointed) == 1
    roles.write_text(roles.read_text("utf-8").replace(pointed, 'non_public = "rendition"'), "utf-8")
    made = Worker(data, Clock())
    yield made
    made.close()


@pytest.fixture
def papers(worker: Worker) -> InsideClient:
    """The clerk in a fresh folder with a non-public PDF and an open paper."""
    clerk = worker.client("clara", f"/dav/ba05/c-{uuid.uuid4().hex[:10]}")
    assert clerk.mkcol("").status == 201
    put(worker, clerk, "/Kauf.pdf", ORIGINAL)
    assert clerk.put("/offen.odt", b"open").status == 201
    return clerk


@pytest.fixture
def member(worker: Worker, papers: InsideClient) -> InsideClient:
    return worker.client("otto", papers.base)


def put(worker: Worker, clerk: InsideClient, path: str, content: bytes) -> None:
    assert clerk.put(path, content).status == 201
    label(worker, clerk, path, NON_PUBLIC)


def drawn(worker: Worker) -> int:
    """Changes so far of what is kept of documents."""
    return worker.house.rendered.stat(ROOT).change


def facts(client: InsideClient, path: str = COPY) -> tuple[str | None, str | None, str | None]:
    """Tag, length and date as PROPFIND tells them, which HEAD and GET must tell too."""
    found = client.properties(path, "getetag", "getcontentlength", "getlastmodified")
    return found.text("getetag"), found.text("getcontentlength"), found.text("getlastmodified")


def said(answer: Answer) -> tuple[str | None, str | None, str | None]:
    return answer.etag, answer.headers["Content-Length"], answer.headers["Last-Modified"]


def leaf(body: bytes, number: int = 0) -> Image.Image:
    """A page of a copy as its reader sees it."""
    return pdfium.PdfDocument(body)[number].render(scale=2).to_pil().convert("RGB")


def opened(client: InsideClient, path: str = COPY) -> Answer:
    """The copy: who opens a pointer finds it the next time."""
    assert client.get(path).status == 200
    return client.get(path)


def test_opening_the_pointer_has_the_copy_made(worker: Worker, member: InsideClient) -> None:
    """A listing and HEAD draw nothing. Whatever stands there, PROPFIND, HEAD and GET tell the same of it."""
    before = drawn(worker)
    assert member.names("/") == ["Kauf (Leseexemplar).pdf", "offen.odt"]
    pointer = facts(member)
    assert said(member.head(COPY)) == pointer
    assert drawn(worker) == before
    first = member.get(COPY)
    assert (said(first), int(first.headers["Content-Length"])) == (pointer, len(first.body))
    assert "Leseexemplar wird jetzt erstellt" in " ".join(text_of(first.body).split())
    copy = facts(member)
    assert copy[0] != pointer[0]
    got = member.get(COPY)
    assert (got.status, got.headers["Content-Type"]) == (200, "application/pdf")
    assert said(got) == copy == said(member.head(COPY)) == facts(member)
    assert int(got.headers["Content-Length"]) == len(got.body) > len(first.body)
    assert member.names("/") == ["Kauf (Leseexemplar).pdf", "offen.odt"]
    assert (member.get(COPY).body, member.get(COPY, Range="bytes=5-9").body) == (got.body, got.body[5:10])
    assert member.get(COPY, If_None_Match=str(got.etag)).status == 304
    assert member.get(COPY, If_None_Match=str(pointer[0])).status == 200


def text_of(body: bytes) -> str:
    return str(pdfium.PdfDocument(body)[0].get_textpage().get_text_range())


def test_it_shows_all_pages_with_words_and_the_readers_name(
    worker: Worker, papers: InsideClient, member: InsideClient
) -> None:
    """Pictures, marked large across and small at the foot; the words can be found; nothing of the original is in it."""
    original = documents.pdf(8, "Grundstueck {} am Isarufer") + b"% Kanarienvogel"  # more than one child draws at once
    assert papers.put("/Kauf.pdf", original).status == 204
    body = opened(member).body
    copy, paper = pdfium.PdfDocument(body), pdfium.PdfDocument(original)
    assert copy[7].get_size() == pytest.approx(paper[7].get_size(), abs=0.1)
    texts = [" ".join(page.get_textpage().get_text_range().split()) for page in copy]
    assert texts == [f"Grundstueck {number} am Isarufer" for number in range(1, 9)]
    assert copy.get_metadata_dict()["Subject"].startswith("otto · ")
    assert drawn_on(leaf(body), leaf(original)) == (True, True)
    assert b"Kanarienvogel" not in body


def test_each_reader_has_his_own(worker: Worker, papers: InsideClient, member: InsideClient) -> None:
    """Another name on it, so another tag; who has opened one has opened it for himself alone."""
    own = opened(member)
    with worker.house.database.transaction() as connection:
        store.declare_mandate(connection, Mandate("ba05", "edda", "member", worker.house.clock()))
    other = worker.client("edda", papers.base)
    assert facts(other)[0] not in (own.etag, None)
    theirs = opened(other)
    assert theirs.etag != own.etag
    assert pdfium.PdfDocument(theirs.body).get_metadata_dict()["Subject"].startswith("edda · ")
    assert said(member.get(COPY)) == said(own)
    assert papers.get("/Kauf.pdf").body == ORIGINAL


def test_a_new_version_is_opened_anew(papers: InsideClient, member: InsideClient) -> None:
    old = opened(member)
    assert papers.put("/Kauf.pdf", documents.pdf(2, "Neu {}")).status == 204
    pointer = facts(member)
    assert pointer[0] != old.etag
    assert member.get(COPY, If_None_Match=str(old.etag)).status == 200
    new = member.get(COPY, If_None_Match=str(old.etag))
    assert (new.status, len(pdfium.PdfDocument(new.body))) == (200, 2)


def test_an_office_document_has_one_too(worker: Worker, papers: InsideClient, member: InsideClient) -> None:
    """Under its own name with `.pdf`."""
    need("soffice")
    put(worker, papers, "/Antrag.odt", documents.odt("Wir beantragen Bäume"))
    body = opened(member, "/Antrag.pdf").body
    assert "Wir beantragen Bäume" in text_of(body)
    assert member.get("/Antrag.odt").status == 404


@pytest.mark.parametrize(
    ("name", "content"),
    [("Liste.zip", b"PK"), ("kaputt.pdf", b"%PDF-1.4 nichts"), ("dick.pdf", documents.pdf(101))],
    ids=["no pages", "damaged", "too many pages"],
)
def test_where_none_can_be_made_the_pointer_stays(
    worker: Worker, papers: InsideClient, member: InsideClient, name: str, content: bytes
) -> None:
    """The same one for PROPFIND, HEAD and GET; what is too much for a copy is still read in the portal."""
    put(worker, papers, f"/{name}", content)
    pointer = next(each for each in member.names("/") if each.startswith(name[:4]))
    path = "/" + pointer.replace(" ", "%20")
    told = facts(member, path)
    for answer in (member.get(path), member.head(path), member.get(path)):
        assert said(answer) == told
    assert "Portal" in text_of(member.get(path).body)


def test_what_took_too_long_is_tried_again_after_an_hour(
    worker: Worker, member: InsideClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not at each opening, for a drive opens things often; but the machine may have been busy."""
    pointer = facts(member)
    with monkeypatch.context() as patched:
        patched.setattr(rendered, "MOST_SECONDS", -1.0)
        assert said(opened(member)) == pointer
    assert said(opened(member)) == pointer
    clock = worker.house.clock
    assert isinstance(clock, Clock)
    with monkeypatch.context() as patched:
        patched.setattr(clock, "ahead", clock.ahead + rendered.TRY_AGAIN + 1)
        assert said(opened(member)) != pointer


def test_when_too_many_are_being_made_the_next_opening_has_it_made(
    member: InsideClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The pointer is sent whole all the same, and nothing is remembered of it."""

    def full(*_: object) -> None:
        raise Busy("other documents are being made")

    pointer = facts(member)
    with monkeypatch.context() as patched:
        patched.setattr(Maker, "draw", full)
        assert said(member.get(COPY)) == pointer == facts(member)
    assert said(opened(member)) != pointer


@pytest.mark.parametrize("has_opened", [False, True], ids=["not yet opened", "opened"])
def test_it_cannot_be_changed(papers: InsideClient, member: InsideClient, has_opened: bool) -> None:
    if has_opened:
        assert said(opened(member)) == facts(member)
    for answer in (
        member.put(COPY, b"x"),
        member.delete(COPY),
        member.lock(COPY),
        member.copy(COPY, "/copy.pdf"),
        member.move(COPY, "/moved.pdf"),
        member.proppatch(COPY, "<D:set><D:prop><x xmlns='urn:x'>v</x></D:prop></D:set>"),
    ):
        assert answer.status == 403
    assert papers.get("/Kauf.pdf").body == ORIGINAL
    assert papers.names("/") == ["Kauf.pdf", "offen.odt"]


def test_what_is_withdrawn_is_gone_with_its_copy(worker: Worker, papers: InsideClient, member: InsideClient) -> None:
    """Law 3: as if it had never been; and the copy lies on the disk no longer than until the next upkeep."""
    assert opened(member).status == 200
    label(worker, papers, "/Kauf.pdf", OFFICE)
    absent = member.get("/none.pdf")
    assert (member.get(COPY).status, member.get(COPY).body) == (404, absent.body)
    assert member.names("/") == ["offen.odt"]


def test_who_is_excluded_from_the_matter_loses_it(worker: Worker, papers: InsideClient, member: InsideClient) -> None:
    """rights.md §3: a recusal hits GET, range GET, listing and what was made earlier, from its minute on."""
    mark, now = worker.house.matter_mark("26-20 / V 00123"), worker.house.clock()
    label(worker, papers, "/Kauf.pdf", Label(Classification.NON_PUBLIC, matter=mark))
    assert opened(member).status == 200
    with worker.house.database.transaction() as connection:
        store.add_recusal(connection, Recusal("", "otto", None, mark, now, None, Effect.BOTH, "user:clara", now))
    assert {member.get(COPY).status, member.get(COPY, Range="bytes=0-4").status, member.head(COPY).status} == {404}
    assert member.names("/") == ["offen.odt"]


def test_opening_it_is_noted_as_reading(worker: Worker, papers: InsideClient, member: InsideClient) -> None:
    """As a look in the portal is: once, whatever ranges are asked for. A pointer tells nothing, so it is not."""
    put(worker, papers, "/Liste.zip", b"PK")
    opened(member, "/Liste.pdf")
    for span in ("bytes=0-9,20-29", "bytes=0-9", "bytes=10-19"):
        assert member.get(COPY, Range=span).status == 206
    worker.house.flush()
    reads = [line["node"] for line in worker.house.audit.show(limit=20) if line["what"] == "read"]
    assert reads.count(node_of(worker, papers, "/Kauf.pdf")) == 1
    assert reads.count(node_of(worker, papers, "/Liste.zip")) == 0


def test_what_is_kept_too_long_is_made_anew(worker: Worker, member: InsideClient) -> None:
    """After upkeep has let go of it a pointer stands there again; the next one has a tag of its own."""
    first = opened(member)
    house = worker.house
    assert Kept(house.rendered, house.clock, house.database.transaction, most_bytes=0).shrink() >= 1
    assert facts(member)[0] not in (first.etag, None)
    second = opened(member)
    assert (second.status, second.etag != first.etag) == (200, True)
    assert said(second) == facts(member)


def test_who_asks_twice_at_once_gets_one_whole_each_time(worker: Worker, member: InsideClient) -> None:
    """Players and previews ask for several parts at once: each answer is of one copy, and one copy stays."""
    clients = [worker.client("otto", member.base) for _ in range(4)]
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(opened, clients))
    for answer in answers:
        assert answer.status == 200
        assert len(answer.body) == int(answer.headers["Content-Length"])
        assert len(pdfium.PdfDocument(answer.body)) == 1
    assert facts(member)[0] in {answer.etag for answer in answers}


def test_a_mirror_of_the_folder_stays_one(worker: Worker, papers: InsideClient, member: InsideClient) -> None:
    """RFC 6578: what was opened is no change of the folder; a renamed paper takes its copy's name along."""
    mirror = Mirror(member)
    mirror.sync()
    assert opened(member).status == 200
    assert mirror.sync().keys() == listing(member).keys()
    assert papers.move("/Kauf.pdf", "/Erwerb.pdf").status == 201
    assert set(mirror.sync()) == {"/Erwerb (Leseexemplar).pdf", "/offen.odt"}
    assert mirror.copy == listing(member)
    assert mirror.afresh == 0
