"""The pages over HTTP, without script: what they show to whom, and what their forms do (portal.md §1, §2, §7)."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote, urlencode

import pytest

from tests.davclient import DavClient
from tests.portal.portalclient import Page, PortalClient
from tests.running import command, start

Visitors = Callable[[str], PortalClient]
People = Callable[[str, str], DavClient]


@pytest.fixture
def place(people: People) -> str:
    """A fresh folder of the vault in which members may write; its name."""
    name = f"t-{uuid.uuid4().hex[:12]}"
    assert people("clara", "/dav/ba05/Arbeitsordner").mkcol(f"/{name}").status == 201
    return name


def put(people: People, place: str, name: str, content: bytes = b"x") -> None:
    assert people("clara", f"/dav/ba05/Arbeitsordner/{place}").put(f"/{name}", content).status == 201


def open_folder(client: PortalClient, place: str) -> Page:
    page = client.open(f"/pfad/ba05/Arbeitsordner/{place}")
    assert page.status == 200
    return page


def names(page: Page) -> list[str]:
    """What a folder's page lists, in order."""
    return [link.text_content().split(": ", 1)[1].strip() for link in page.tree.xpath("//a[@class='name']")]


def link(page: Page, text: str) -> str:
    return next(path for words, path in page.links().items() if text in words)


def test_the_first_page_shows_ones_committees(visitors: Visitors) -> None:
    """Drives as cards, with the office that one holds there; nobody else's."""
    page = visitors("otto").get("/")
    assert page.title == "Meine Gremien"
    assert "BA 5 Au-Haidhausen Mitglied" in page.text
    assert "Keine" not in page.text
    assert "BA 5" not in visitors("sam").get("/").text
    assert "Sie gehören noch keinem Gremium an" in visitors("sam").get("/").text


def test_a_folder_shows_what_a_drive_shows(visitors: Visitors, people: People, place: str) -> None:
    """Folders first, then by name; sizes, classes in words; files that programs make for themselves are left out."""
    for name in ("b.pdf", "Ä.txt", ".~lock.b.pdf#", "~$b.docx", "lu123abc.tmp"):
        put(people, place, name, b"x" * 1500)
    people("clara", f"/dav/ba05/Arbeitsordner/{place}").mkcol("/zz")
    page = open_folder(visitors("otto"), place)
    assert names(page) == ["zz", "b.pdf", "Ä.txt"]
    assert "öffentlich" in page.text
    assert "2 KB" in page.text
    ways = page.tree.xpath("//nav[@class='way']//a")
    assert [way.text_content().strip() for way in ways] == ["Meine Gremien", "BA 5 Au-Haidhausen", "Arbeitsordner"]


def test_a_folder_is_sorted_as_asked(visitors: Visitors, people: People, place: str) -> None:
    """By size and back; the column says so to screen readers; nonsense means by name."""
    for name, size in (("a.txt", 30), ("b.txt", 10), ("c.txt", 20)):
        put(people, place, name, b"x" * size)
    otto = visitors("otto")
    page = open_folder(otto, place)
    here = otto.get(page.path + "?nach=size")
    assert names(here) == ["b.txt", "c.txt", "a.txt"]
    assert here.tree.xpath("//th[@aria-sort]/@aria-sort") == ["ascending"]
    assert names(otto.get(page.path + "?nach=size&richtung=ab")) == ["a.txt", "c.txt", "b.txt"]
    assert names(otto.get(page.path + "?nach=<b>")) == ["a.txt", "b.txt", "c.txt"]


def test_hidden_is_exactly_like_absent(visitors: Visitors, people: People, place: str) -> None:
    """Law 3: same status, body and headers for what somebody may not discover and for what is not there."""
    put(people, place, "geheim.txt")
    page = open_folder(visitors("otto"), place)
    node = link(page, "geheim.txt").rpartition("/")[2]
    sam = visitors("sam")
    for form in ("/lesen/ba05/{}", "/ordner/ba05/{}", "/warum/ba05/{}", "/herunterladen/ba05/{}", "/loeschen/ba05/{}"):
        hidden, absent = sam.get(form.format(node)), sam.get(form.format(2**52))
        assert (hidden.status, hidden.body) == (absent.status, absent.body)
        assert hidden.status == 404
        volatile = {"Date"}
        told = [
            {name: value for name, value in each.headers.items() if name not in volatile} for each in (hidden, absent)
        ]
        assert told[0] == told[1]
    assert sam.get(f"/lesen/ba05/{2**80}").status == 404
    nowhere = sam.get("/lesen/gibt-es-nicht/1")
    assert (nowhere.status, nowhere.body) == (404, sam.get(f"/lesen/ba05/{2**52}").body)
    assert sam.get(f"/pfad/ba05/Arbeitsordner/{place}").status == 404


def test_an_upload_arrives_and_becomes_a_new_version(visitors: Visitors, people: People, place: str) -> None:
    """A form without script; several documents; an odd name; the bytes are exactly those that were sent."""
    otto = visitors("otto")
    page = open_folder(otto, place)
    action = page.path + "/hochladen"
    content = bytes(range(256)) * 3000 + b"\r\n--gremium-test-boundar\r\n--"
    sent = otto.upload(action, page.token(), [('Plan "A" – ä.bin', content), ("leer.txt", b"")])
    assert sent.status == 303
    after = otto.get(sent.onward)
    assert "Ihr Dokument ist angekommen" in after.text
    assert len(names(after)) == 2
    drive = people("otto", f"/dav/ba05/Arbeitsordner/{place}")
    assert drive.get("/leer.txt").body == b""
    document = otto.get(link(after, "Plan"))
    assert otto.get(link(document, "Herunterladen")).body == content
    assert otto.upload(action, after.token(), [("leer.txt", b"neu")]).status == 303
    assert drive.get("/leer.txt").body == b"neu"


def test_an_upload_that_is_foreign_or_cut_changes_nothing(visitors: Visitors, place: str) -> None:
    """Law 8, CSRF: without the right token in front of the first document nothing of it is taken."""
    otto = visitors("otto")
    page = open_folder(otto, place)
    for token in ("", "0" * 32):
        assert otto.upload(page.path + "/hochladen", token, [("a.txt", b"a")]).status == 403
    kind = {"Content-Type": "multipart/form-data; boundary=b"}
    start = f'--b\r\nContent-Disposition: form-data; name="token"\r\n\r\n{page.token()}\r\n--b\r\n'
    begun = start + 'Content-Disposition: form-data; name="documents"; filename="cut.txt"\r\n\r\nbegun'
    cut = otto.request("POST", page.path + "/hochladen", begun.encode(), kind)
    assert (cut.status, cut.title) == (400, "Die Übertragung ist abgebrochen")
    for nonsense in (b"", b"x", b"--b\r\nX: y\r\n\r\nz\r\n--b--"):
        assert otto.request("POST", page.path + "/hochladen", nonsense, kind).status == 400
    assert otto.request("POST", page.path + "/hochladen", b"--b--\r\n", kind).status == 403
    assert names(open_folder(otto, place)) == []


def test_a_new_folder_a_new_name_another_place(visitors: Visitors, people: People, place: str) -> None:
    """Make, rename and move by forms; the number, and so the address, stays; a taken name is said on the form."""
    put(people, place, "alt.txt")
    otto = visitors("otto")
    page = open_folder(otto, place)
    form = otto.get(page.path + "/neu")
    made = otto.submit(form, form.path, name="Ziel")
    assert "Der Ordner ist angelegt" in otto.get(made.onward).text
    again = otto.submit(form, form.path, name="Ziel")
    assert again.status == 409
    assert "Hier heißt schon etwas so" in again.text
    assert otto.submit(form, form.path, name="a/b").status == 400
    document = link(open_folder(otto, place), "alt.txt")
    node = document.rpartition("/")[2]
    renaming = otto.get(f"/umbenennen/ba05/{node}")
    assert otto.submit(renaming, renaming.path, name="Ziel").status == 409
    assert otto.submit(renaming, renaming.path, name="neu.txt").status == 303
    assert otto.get(document).title == "neu.txt"
    choosing = otto.get(f"/verschieben/ba05/{node}")
    there = otto.get(choosing.path + link(choosing, "Ziel"))
    target = there.tree.xpath("//button[@name='folder']/@value")[0]
    assert otto.submit(there, choosing.path, folder=target).status == 303
    assert otto.get(document).title == "neu.txt"
    assert names(otto.open(f"/pfad/ba05/Arbeitsordner/{place}/Ziel")) == ["neu.txt"]


def test_deleting_asks_first(visitors: Visitors, people: People, place: str) -> None:
    """GET only asks; the click deletes; what is locked stays."""
    put(people, place, "weg.txt")
    otto = visitors("otto")
    node = link(open_folder(otto, place), "weg.txt").rpartition("/")[2]
    asking = otto.get(f"/loeschen/ba05/{node}")
    assert "wirklich löschen" in asking.text
    drive = people("clara", f"/dav/ba05/Arbeitsordner/{place}")
    token = drive.lock("/weg.txt").lock_token
    locked = otto.submit(asking, asking.path)
    assert (locked.status, locked.title) == (423, "Jemand arbeitet gerade daran")
    drive.unlock("/weg.txt", token)
    done = otto.submit(asking, asking.path)
    assert "Es ist gelöscht" in otto.get(done.onward).text
    assert otto.get(f"/lesen/ba05/{node}").status == 404


def test_what_one_may_not_do_is_not_offered_and_refused(visitors: Visitors, people: People) -> None:
    """The page offers what the door allows; whoever asks anyway is told in words, and nothing happens."""
    otto, clara = visitors("otto"), visitors("clara")
    drive = otto.open("/pfad/ba05")
    assert "Dokumente hinzufügen" not in drive.text
    assert "Dokumente hinzufügen" in clara.open("/pfad/ba05").text
    path = drive.path
    refused = otto.upload(path + "/hochladen", drive.token(), [("a.txt", b"a")])
    assert (refused.status, refused.title) == (403, "Das dürfen Sie hier nicht")
    form = otto.get(path + "/neu")
    assert otto.submit(form, form.path, name="Neu").status == 403
    folder = link(drive, "Arbeitsordner").rpartition("/")[2]
    for verb in ("loeschen", "umbenennen"):
        form = otto.get(f"/{verb}/ba05/{folder}")
        assert otto.submit(form, form.path, name="x").status == 403
    root = path.rpartition("/")[2]
    assert clara.post(f"/loeschen/ba05/{root}", {"token": clara.get("/").token()}).status == 404
    assert people("clara", "/dav/ba05").propfind("/Arbeitsordner", "0").status == 207


def test_a_document_is_always_an_attachment(visitors: Visitors, people: People, place: str) -> None:
    """security.md S-26: what people have put here never becomes a page of this server, whatever it is called."""
    for name in ("seite.html", "bild.svg", 'a"b\\ä.xhtml'):
        assert (
            people("clara", f"/dav/ba05/Arbeitsordner/{place}").put(f"/{name}", b"<script>alert(1)</script>").status
            == 201
        )
    otto = visitors("otto")
    for words, path in open_folder(otto, place).links().items():
        if "/lesen/" in path:
            answer = otto.get(path.replace("/lesen/", "/herunterladen/"))
            assert answer.status == 200, words
            assert answer.headers["Content-Disposition"].startswith("attachment; filename")
            assert answer.headers["Content-Security-Policy"].startswith("sandbox; default-src 'none'")
            assert answer.headers["X-Content-Type-Options"] == "nosniff"


HOSTILE = [
    "<img src=x onerror=alert(1)>.txt",
    "{{ 7*7 }}.txt",
    '"><svg onload=alert(1)>.txt',
    "%3Cscript%3E.txt",
    "\u202egpj.exe",
]


@pytest.mark.parametrize("name", HOSTILE)
def test_names_are_text_and_nothing_else(visitors: Visitors, people: People, place: str, name: str) -> None:
    """security.md S-26: a name is shown as it is, on every page that shows it."""
    drive = people("clara", f"/dav/ba05/Arbeitsordner/{place}")
    assert drive.request("PUT", "", b"x", raw_target=drive.target("/") + quote(name)).status == 201
    otto = visitors("otto")
    page = open_folder(otto, place)
    assert names(page) == [name]
    node = next(path for path in page.links().values() if "/lesen/" in path).rpartition("/")[2]
    for path in (f"/lesen/ba05/{node}", f"/warum/ba05/{node}", f"/loeschen/ba05/{node}", f"/umbenennen/ba05/{node}"):
        page = otto.get(path)
        assert page.status == 200
        assert not page.tree.xpath("//*[@onerror or @onload] | //main//script | //main//img")
        assert name in page.text or name in str(page.tree.xpath("//input[@id='name']/@value"))


def test_search_finds_by_words_and_numbers_what_one_may_see(visitors: Visitors, people: People, place: str) -> None:
    """All words, any order, small or capital; what may not be discovered is neither found nor counted."""
    mark = uuid.uuid4().hex[:8]
    put(people, place, f"Bericht {mark} Müllerstraße 20-26 V 15898.pdf")
    otto = visitors("otto")
    for query in (mark, f"müllerstr {mark.upper()}", f"20-26 / V 15898 {mark}"):
        page = otto.get(f"/suche?{encoded(query)}")
        assert "1 Treffer" in page.text, query
        assert any("/lesen/" in path for path in page.links().values())
    assert "So heißt nichts" in otto.get(f"/suche?{encoded(mark + ' anders')}").text
    hidden = visitors("sam").get(f"/suche?{encoded(mark)}")
    assert re.search(r"\b0 Treffer", hidden.text)
    assert mark not in "".join(hidden.links())


def encoded(query: str) -> str:
    return urlencode({"q": query})


def test_news_are_what_came_since_the_last_visit(visitors: Visitors, people: People, place: str) -> None:
    """From the beginning of one visit to the next; decided for each reader."""
    visitors("edda"), visitors("otto")
    mark = f"Neues {uuid.uuid4().hex[:8]}.txt"
    put(people, place, mark)
    assert mark in visitors("otto").get("/").text
    assert mark not in visitors("otto").get("/").text, "the visit before this one began after it"
    assert mark not in visitors("edda").get("/").text, "no longer a member"


def test_why_says_the_reasons_in_plain_words(visitors: Visitors, people: People, place: str) -> None:
    """The engine's sentences, with the committee by its name, in both languages."""
    put(people, place, "warum.txt")
    otto = visitors("otto")
    node = link(open_folder(otto, place), "warum.txt").rpartition("/")[2]
    page = otto.get(f"/warum/ba05/{node}")
    assert "Sie dürfen es herunterladen." in page.text
    assert "Das folgt aus dem Amt Mitglied im Gremium BA 5 Au-Haidhausen." in page.text
    otto.language = "en"
    assert "It follows from the office Mitglied in BA 5 Au-Haidhausen." in otto.get(f"/warum/ba05/{node}").text
    drive = otto.get(f"/warum/ba05/{otto.open('/pfad/ba05').path.rpartition('/')[2]}")
    assert "You may not add anything here." in drive.text


def test_versions_and_trash_lead_back(visitors: Visitors, people: People, place: str) -> None:
    """Who and when; an earlier version becomes the newest; what was deleted comes back under its address."""
    put(people, place, "Protokoll.txt", b"erste")
    otto = visitors("otto")
    address = link(open_folder(otto, place), "Protokoll.txt")
    node = address.rpartition("/")[2]
    people("otto", f"/dav/ba05/Arbeitsordner/{place}").put("/Protokoll.txt", b"zweite")
    history = otto.get(link(otto.get(address), "Fassungen"))
    assert re.search(r"Die aktuelle\s*Von Otto Maier", history.text)
    assert "Von Clara Clerk" in history.text
    first = history.tree.xpath("//button[@name='version']/@value")
    assert len(first) == 1
    assert otto.get(f"/fassungen/ba05/{node}/{first[0]}").body == b"erste"
    assert otto.get(f"/fassungen/ba05/{node}/1").status == 404
    assert otto.submit(history, history.path, version=first[0]).status == 303
    assert otto.get(f"/herunterladen/ba05/{node}").body == b"erste"
    asking = otto.get(f"/loeschen/ba05/{node}")
    otto.submit(asking, asking.path)
    trash = otto.get("/papierkorb")
    assert "Gelöscht von Otto Maier" in trash.text
    for stranger in ("sam", "edda"):
        assert "Protokoll.txt" not in visitors(stranger).get("/papierkorb").text
    sam = visitors("sam")
    thrown = f"ba05/{node}"
    assert sam.post("/papierkorb", {"token": sam.get("/").token(), "thrown": thrown}).status == 404
    back = otto.submit(trash, "/papierkorb", thrown=thrown)
    assert names(otto.get(back.onward)) == ["Protokoll.txt"]
    assert otto.get(address).title == "Protokoll.txt"
    for nonsense in ("", "ba05/", "ba05/x", "/1", f"ba05/{2**70}"):
        assert otto.post("/papierkorb", {"token": trash.token(), "thrown": nonsense}).status == 404


def test_shared_with_me_leads_to_the_real_places(visitors: Visitors) -> None:
    """`geteilt` is a list of its own; where nothing is shared the page says so."""
    otto = visitors("otto")
    assert otto.get("/ordner/geteilt").onward == "/geteilt/"
    assert "Zurzeit teilt niemand etwas mit Ihnen" in otto.get("/geteilt/").text
    assert otto.get("/geteilt/ba05").status == 404


def test_who_is_excluded_learns_it_and_nobody_else(own_data: Path) -> None:
    """Art. 49 GO; rights.md §3: the person alone, by the number of the item, never by its title."""
    hours = "2031-03-03T19:00", "2031-03-03T22:00"
    words = ("--title", "Vollgremium", "--start", hours[0], "--end", hours[1])
    command("meeting", "add", "ba05", "2031-03-03", *words, data=own_data)
    for number, part, title in (("2.1", "public", "Anhörung"), ("3", "non_public", "Grundstück Meier")):
        command("item", "add", "ba05", "2031-03-03", number, title, "--part", part, data=own_data)
    command("meeting", "state", "ba05", "2031-03-03", "agenda_released", data=own_data)
    command("recuse", "otto", "ba05/2031-03-03/3", data=own_data)
    with start(own_data, workers=1) as running:
        shown = {}
        for user in ("otto", "clara"):
            shown[user] = PortalClient.signed_in(running.url, user).get("/").text
    assert "Von TOP N 3 sind Sie wegen persönlicher Beteiligung ausgeschlossen." in shown["otto"]
    assert "Meier" not in shown["otto"]
    assert "ausgeschlossen" not in shown["clara"]
