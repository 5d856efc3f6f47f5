"""Reading in place over HTTP, without script: pages as pictures with their words, and what never leaves."""

from __future__ import annotations

import re
import time
import uuid
from collections.abc import Callable

import pytest

from tests.davclient import DavClient
from tests.foreign import need
from tests.portal.leaves import drawn_on, opened, picture, turns, words
from tests.portal.portalclient import Page, PortalClient
from tests.rendering import documents
from tests.running import RunningServer, command

Visitors = Callable[[str], PortalClient]
People = Callable[[str, str], DavClient]


@pytest.fixture
def papers(people: People) -> DavClient:
    """The clerk in a fresh folder of the vault, outside the work folder."""
    clerk = people("clara", f"/dav/ba05/r-{uuid.uuid4().hex[:10]}")
    assert clerk.mkcol("").status == 201
    return clerk


def put(papers: DavClient, name: str, content: bytes) -> None:
    assert papers.put(f"/{name}", content).status == 201


def guard(server: RunningServer, papers: DavClient, name: str) -> None:
    """Make it non-public: members may look at it and not receive it."""
    command("label", f"{papers.base.removeprefix('/dav/')}/{name}", "--class", "non_public", data=server.data)


def open_document(client: PortalClient, papers: DavClient, name: str) -> Page:
    page = client.open(f"/pfad{papers.base.removeprefix('/dav')}")
    found = page.tree.xpath(f"//a[@class='name'][contains(., '{name}')]/@href")
    return client.get(found[0])


def test_a_pdf_is_read_page_by_page(visitors: Visitors, papers: DavClient) -> None:
    """A picture, its words above it, and links to the next and the previous page."""
    put(papers, "Etat.pdf", documents.pdf(3))
    otto = visitors("otto")
    page = open_document(otto, papers, "Etat.pdf")
    assert words(page) == "Seite 1 der Vorlage"
    assert "von 3" in page.text
    assert turns(page).keys() == {"Nächste Seite"}
    second = otto.get(turns(page)["Nächste Seite"])
    assert words(second) == "Seite 2 der Vorlage"
    assert turns(second).keys() == {"Vorige Seite", "Nächste Seite"}
    assert turns(otto.get(f"{page.path}?seite=3")).keys() == {"Vorige Seite"}
    assert opened(otto, picture(second)).width == 1200


def test_it_opens_where_one_stopped(visitors: Visitors, papers: DavClient) -> None:
    """For each reader; a page that is gone means the first one."""
    put(papers, "Etat.pdf", documents.pdf(9))
    otto, clara = visitors("otto"), visitors("clara")
    page = open_document(otto, papers, "Etat.pdf")
    otto.get(f"{page.path}?seite=4")
    assert words(otto.get(page.path)) == "Seite 4 der Vorlage"
    assert words(clara.get(page.path)) == "Seite 1 der Vorlage"
    told = otto.post(f"{page.path}/stelle", {"token": page.token(), "seite": "7"})
    assert told.status == 204
    assert words(otto.get(page.path)) == "Seite 7 der Vorlage"
    assert papers.put("/Etat.pdf", documents.pdf(2)).status == 204
    assert words(otto.get(page.path)) == "Seite 1 der Vorlage"
    for odd in ("0", "-3", "99", "x", "9" * 30):
        assert words(otto.get(f"{page.path}?seite={odd}")) == "Seite 1 der Vorlage"


def test_who_may_look_only_gets_marked_pictures_and_never_the_bytes(
    server: RunningServer, visitors: Visitors, papers: DavClient
) -> None:
    """Every URL of the document, with and without ranges and versions: no piece of the original."""
    original = documents.pdf(2, "Grundstueck {} am Isarufer")
    put(papers, "Kauf.pdf", original)
    guard(server, papers, "Kauf.pdf")
    otto = visitors("otto")
    page = open_document(otto, papers, "Kauf.pdf")
    assert words(page) == "Grundstueck 1 am Isarufer"
    assert "Otto Maier" in page.text
    node = page.path.rpartition("/")[2]
    marked = opened(otto, picture(page))
    plain = opened(visitors("clara"), picture(page))
    assert marked.size == plain.size
    foot, middle = drawn_on(marked, plain)
    assert foot, "his name stands at the foot"
    assert middle, "and across the page"
    pieces = [original[at : at + 24] for at in range(0, len(original) - 24, 24)]
    for path in (
        *("lesen/ba05/{}", "lesen/ba05/{}/pdf", "lesen/ba05/{}/seite/1", "herunterladen/ba05/{}", "abspielen/ba05/{}"),
        *("fassungen/ba05/{}", "fassungen/ba05/{}/1", "fassungen/ba05/{}/1/pdf", "lesen/ba05/{}/seite/1?breite=1800"),
    ):
        for headers in ({}, {"Range": "bytes=0-99"}, {"Accept": "application/pdf"}):
            answer = otto.get("/" + path.format(node), headers)
            assert not any(piece in answer.body for piece in pieces), path
            assert not answer.body.startswith(b"%PDF"), path
    assert otto.get(f"/lesen/ba05/{node}/pdf").status == 403
    assert otto.get(f"/herunterladen/ba05/{node}").status == 403


def test_a_document_is_searched_on_all_its_pages(server: RunningServer, visitors: Visitors, papers: DavClient) -> None:
    """Also by who gets one picture at a time: where it stands, in which words, marked on the page."""
    put(papers, "Kauf.pdf", documents.pdf(12, "Am Isarufer, Grundstueck {} (Teil)"))
    guard(server, papers, "Kauf.pdf")
    otto = visitors("otto")
    page = open_document(otto, papers, "Kauf.pdf")
    found = otto.get(f"{page.path}?suche=grundstueck++1")
    assert "„grundstueck 1“ kommt 4 Mal vor." in found.text
    hits = found.tree.xpath("//section[contains(@class, 'hits')]//li")
    assert [hit.xpath("./a")[0].text_content() for hit in hits] == ["Seite 1", "Seite 10", "Seite 11", "Seite 12"]
    assert hits[1].xpath(".//mark/text()") == ["Grundstueck 1"]
    assert "Am Isarufer, Grundstueck 10 (Teil)" in " ".join(hits[1].text_content().split())
    tenth = otto.get(hits[1].xpath("./a/@href")[0].partition("#")[0])
    assert words(tenth) == "Am Isarufer, Grundstueck 10 (Teil)"
    assert tenth.tree.xpath("count(//*[local-name()='rect'])") == 2, "both words are marked on the page"
    assert "suche=grundstueck%201" in turns(tenth)["Nächste Seite"]
    assert "steht nicht in diesem Dokument" in otto.get(f"{page.path}?suche=%5Ba-z%5D%2B").text
    for nothing in ("", "%20", "%00" * 3):
        assert otto.get(f"{page.path}?suche={nothing}").status == 200
    put(papers, "Scan.pdf", documents.pdf(1, ""))
    scan = open_document(otto, papers, "Scan.pdf")
    assert "keinen Text" in otto.get(f"{scan.path}?suche=x").text
    put(papers, "Foto.png", documents.picture("PNG"))
    assert not open_document(otto, papers, "Foto.png").tree.xpath("//input[@name='suche']")
    assert visitors("sam").get(f"{page.path}?suche=Isarufer").status == 404


def test_earlier_versions_are_read_in_place(server: RunningServer, visitors: Visitors, papers: DavClient) -> None:
    """From the list of versions, page by page, as PDF for the viewer; who may not read the document reads none."""
    old = documents.pdf(2, "Alt {}")
    put(papers, "Etat.pdf", old)
    assert papers.put("/Etat.pdf", documents.pdf(1, "Neu {}")).status == 204
    otto = visitors("otto")
    page = open_document(otto, papers, "Etat.pdf")
    listed = otto.get(page.links()["Fassungen"]).tree.xpath("//a[starts-with(normalize-space(.), 'Lesen')]/@href")
    newest, oldest = (otto.get(str(address)) for address in listed)
    assert (words(newest), words(oldest), words(page)) == ("Neu 1", "Alt 1", "Neu 1")
    assert words(otto.get(turns(oldest)["Nächste Seite"])) == "Alt 2"
    assert opened(otto, picture(oldest)).tobytes() != opened(otto, picture(newest)).tobytes()
    assert "Wie es am" in oldest.text
    assert "Von Clara Clerk" in oldest.text
    base = oldest.path.removesuffix("/lesen")
    assert otto.get(f"{base}/pdf").body == otto.get(base).body == old
    assert words(otto.get(page.path)) == "Neu 1", "where one stopped in an old version says nothing of the new one"
    addresses = [oldest.path, base, f"{base}/pdf", f"{base}/seite/1", f"{base}/abspielen"]
    for odd in (f"{base}9/lesen", f"{base}9/seite/1", f"{base}/seite/3", f"{base}/seite/1?breite=7"):
        assert otto.get(odd).status == 404, odd
    assert {visitors("sam").get(each).status for each in addresses} == {404}
    guard(server, papers, "Etat.pdf")
    assert {otto.get(each).status for each in addresses} == {403}
    assert words(otto.get(page.path)) == "Neu 1"


def test_an_earlier_recording_is_played(visitors: Visitors, papers: DavClient) -> None:
    put(papers, "Mitschnitt.mp3", b"old sound")
    assert papers.put("/Mitschnitt.mp3", b"new").status == 204
    otto = visitors("otto")
    page = otto.get(open_document(otto, papers, "Mitschnitt.mp3").links()["Fassungen"])
    oldest = otto.get(str(page.tree.xpath("//a[starts-with(normalize-space(.), 'Lesen')]/@href")[-1]))
    part = otto.get(str(oldest.tree.xpath("//audio/@src")[0]), {"Range": "bytes=4-"})
    assert (part.status, part.body, part.headers["Content-Range"]) == (206, b"sound", "bytes 4-8/9")


def test_whoever_may_not_look_finds_nothing(server: RunningServer, visitors: Visitors, papers: DavClient) -> None:
    """Law 3, at every address of reading; a withdrawn paper stops at the next page, also what was drawn before."""
    put(papers, "Kauf.pdf", documents.pdf(2))
    otto, sam = visitors("otto"), visitors("sam")
    page = open_document(otto, papers, "Kauf.pdf")
    addresses = [page.path, f"{page.path}/seite/1", f"{page.path}/seite/2", f"{page.path}/pdf"]
    assert all(otto.get(each).status == 200 for each in addresses)
    for each in addresses:
        hidden, absent = sam.get(each), sam.get(re.sub(r"/\d+(?=/|$)", f"/{2**52}", each, count=1))
        assert (hidden.status, hidden.body) == (404, absent.body)
    place = f"{papers.base.removeprefix('/dav/')}/Kauf.pdf"
    command("label", place, "--class", "office", data=server.data)
    assert {otto.get(each).status for each in addresses} <= {403, 404}


def test_a_look_at_a_secret_paper_is_noted_once(server: RunningServer, visitors: Visitors, papers: DavClient) -> None:
    """`log_read`, as on the drives: once for a version, however many pages are turned."""
    put(papers, "Kauf.pdf", documents.pdf(3))
    guard(server, papers, "Kauf.pdf")
    otto = visitors("otto")
    page = open_document(otto, papers, "Kauf.pdf")
    for number in (1, 2, 3):
        assert otto.get(f"{page.path}/seite/{number}").status == 200
    node = int(page.path.rpartition("/")[2])
    time.sleep(1.6)
    lines = command("audit", "show", "--json", data=server.data)
    assert len(re.findall(rf'"what": "read"[^}}]*"node": {node}\b', lines)) == 1, lines[:2000]


def test_an_office_document_is_read_too(visitors: Visitors, papers: DavClient, server: RunningServer) -> None:
    need("soffice")
    put(papers, "Antrag.odt", documents.odt("Wir beantragen Bäume"))
    otto = visitors("otto")
    page = open_document(otto, papers, "Antrag.odt")
    assert words(page) == "Wir beantragen Bäume"
    made = otto.get(f"{page.path}/pdf")
    assert (made.status, made.body[:5]) == (200, b"%PDF-")
    guard(server, papers, "Antrag.odt")
    assert otto.get(f"{page.path}/pdf").status == 403
    assert words(otto.get(page.path)) == "Wir beantragen Bäume"


def test_a_picture_is_one_page(visitors: Visitors, papers: DavClient) -> None:
    """Drawn anew: what else may lie in the file does not reach the browser."""
    put(papers, "Foto.png", documents.picture("PNG", (300, 200)) + b"<script>alert(1)</script>")
    otto = visitors("otto")
    page = open_document(otto, papers, "Foto.png")
    assert "von 1" in page.text
    assert opened(otto, picture(page)).size == (300, 200)
    assert b"<script>" not in otto.get(picture(page)).body
    assert otto.get(f"{page.path}/pdf").status == 404


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("Notiz.txt", "Grüße & <b>Küsse</b>".encode(), "Grüße & <b>Küsse</b>"),
        ("Alt.txt", "Grüße".encode("cp1252"), "Grüße"),
        ("Windows.txt", "Grüße".encode("utf-16"), "Grüße"),
        ("Liste.csv", b"a;b\n1;2", "a;b 1;2"),
        ("Seite.html", b"<script>alert(1)</script><h1>x</h1>", "<script>alert(1)</script><h1>x</h1>"),
    ],
)
def test_texts_are_shown_as_letters(
    visitors: Visitors, papers: DavClient, name: str, content: bytes, expected: str
) -> None:
    put(papers, name, content)
    page = open_document(visitors("otto"), papers, name)
    shown = page.tree.xpath("//pre")[0]
    assert " ".join(shown.text_content().split()) == expected
    assert len(shown) == 0, "no element of the document's own"


def test_markdown_becomes_a_page_without_what_could_run(visitors: Visitors, papers: DavClient) -> None:
    text = (
        "# Notiz\n\n* eins\n* [weiter](https://example.org)\n\n<script>alert(1)</script>\n\n"
        "[x](javascript:alert(1)) ![b](http://127.0.0.1/b.png)\n\n| a | b |\n|---|---|\n| 1 | 2 |\n"
    )
    put(papers, "Notiz.md", text.encode())
    page = open_document(visitors("otto"), papers, "Notiz.md")
    prose = page.tree.xpath("//div[@class='prose']")[0]
    assert [each.text for each in prose.xpath(".//h2 | .//td")] == ["Notiz", "1", "2"]
    assert prose.xpath(".//a/@href") == ["https://example.org"]
    assert not prose.xpath(".//script | .//img")
    assert "127.0.0.1" not in page.text
    assert page.tree.xpath("count(//h1)") == 1


def test_a_long_text_is_cut(visitors: Visitors, papers: DavClient) -> None:
    put(papers, "lang.txt", "ä".encode() * 600_001)
    page = open_document(visitors("otto"), papers, "lang.txt")
    assert "Der Text geht weiter" in page.text
    assert "\ufffd" not in page.text
    assert "Ã" not in page.text


def test_a_recording_is_played_by_ranges(server: RunningServer, visitors: Visitors, papers: DavClient) -> None:
    """RFC 9110 §14; for who may only look there is nothing to be played, because a player receives the bytes."""
    content = bytes(range(256)) * 40
    put(papers, "Mitschnitt.mp3", content)
    otto = visitors("otto")
    page = open_document(otto, papers, "Mitschnitt.mp3")
    address = page.tree.xpath("//audio/@src")[0]
    whole = otto.get(address)
    assert (whole.status, whole.body, whole.headers["Accept-Ranges"]) == (200, content, "bytes")
    part = otto.get(address, {"Range": "bytes=300-399"})
    assert (part.status, part.body) == (206, content[300:400])
    assert part.headers["Content-Range"] == f"bytes 300-399/{len(content)}"
    assert otto.get(address, {"Range": "bytes=-10"}).body == content[-10:]
    assert otto.get(address, {"Range": f"bytes={len(content)}-"}).status == 416
    guard(server, papers, "Mitschnitt.mp3")
    assert not otto.get(page.path).tree.xpath("//audio")
    for headers in ({}, {"Range": "bytes=0-9"}, {"Range": f"bytes={len(content)}-"}):
        assert otto.get(address, headers).status == 403


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("kaputt.pdf", b"%PDF-1.4 nichts", "beschädigt"),
        ("kein.png", b"<svg/>", "beschädigt"),
        ("Archiv.zip", b"PK", "lassen sich hier nicht anzeigen"),
    ],
)
def test_what_cannot_be_shown_is_told_in_words(
    visitors: Visitors, papers: DavClient, name: str, content: bytes, sentence: str
) -> None:
    """The page stands all the same, with download and versions; its pictures are not there."""
    put(papers, name, content)
    otto = visitors("otto")
    page = open_document(otto, papers, name)
    assert page.status == 200
    assert sentence in page.text
    assert "Herunterladen" in page.text
    assert otto.get(f"{page.path}/seite/1").status == 404


def test_odd_addresses_of_pages_are_not_there(visitors: Visitors, papers: DavClient) -> None:
    put(papers, "Etat.pdf", documents.pdf(2))
    otto = visitors("otto")
    page = open_document(otto, papers, "Etat.pdf")
    for odd in ("seite/3", "seite/0", "seite/1?breite=7", "seite/1?breite=999999", f"seite/{2**70}", "seite/x"):
        assert otto.get(f"{page.path}/{odd}").status == 404, odd
