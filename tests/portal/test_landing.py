"""Landing pages of links over HTTP, without account and without script (portal.md §5, security.md B4–B6, S-16)."""

from __future__ import annotations

import json
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from flask import Flask

from acl.links import LinkKind
from acl.privileges import Rights
from davserver.house import House
from davserver.portal.application import PAGES
from tests.dav.doors import Linking, Made, door
from tests.davclient import DavClient
from tests.portal.leaves import drawn_on, opened, picture, turns, words
from tests.portal.portalclient import Page, PortalClient
from tests.rendering import documents
from tests.running import RunningServer

WORD = "Geheim-Wort-77"
SECOND = 1_000_000
HOUR = 3600 * SECOND


def page_of(made: Made) -> str:
    return f"/s/{made.token}"


def forms(page: Page) -> list[str]:
    """Where the forms of the main part lead."""
    return [str(action) for action in page.tree.xpath("//main//form/@action")]


def click(citizen: PortalClient, page: Page, place: int = 0) -> Page:
    """One of the buttons of a page."""
    return citizen.submit(page, forms(page)[place])


def told(page: Page) -> tuple[int, list[tuple[str, str]], bytes]:
    """All that an answer tells, but the time of day."""
    return page.status, [line for line in page.headers.items() if line[0] != "Date"], page.body


def test_a_document_is_shown_and_taken_by_a_click(
    folder: DavClient, link: Linking, citizen: PortalClient, house: House
) -> None:
    """What it is, whose, until when; the bytes come as an attachment by POST alone."""
    folder.put("/Plan ä.txt", b"read me")
    made = link("/Plan ä.txt", end=house.clock() + HOUR, uses=2)
    page = citizen.get(page_of(made))
    assert (page.status, page.title) == (200, "Plan ä.txt")
    for sentence in ("BA 5 Au-Haidhausen teilt dieses Dokument mit Ihnen", "Dieser Link gilt bis", "noch 2 Mal"):
        assert sentence in page.text
    got = click(citizen, page)
    assert (got.status, got.body) == (200, b"read me")
    assert got.headers["Content-Disposition"].startswith("attachment;")
    assert got.headers["Content-Security-Policy"].startswith("sandbox;")
    assert citizen.get(forms(page)[0]).status == 404


def test_looking_never_uses_a_link_up(folder: DavClient, link: Linking, citizen: PortalClient) -> None:
    """GET, HEAD and programs that preview links are free; the click counts; after the last one nothing is there."""
    folder.put("/a.txt", b"x")
    made = link("/a.txt", uses=1)
    for method in ("GET", "HEAD", "GET"):
        assert citizen.request(method, page_of(made)).status == 200
    page = citizen.get(page_of(made))
    assert click(citizen, page).status == 200
    assert click(citizen, page).status == 404
    assert citizen.get(page_of(made)).status == 404


def test_one_use_and_fifty_clicks_at_once(server: RunningServer, folder: DavClient, link: Linking) -> None:
    """S-16, B5: exactly one gets it."""
    folder.put("/a.txt", b"x")
    made = link("/a.txt", uses=1)
    citizen = PortalClient(server.url)
    page = citizen.get(page_of(made))
    with ThreadPoolExecutor(50) as crowd:
        statuses = list(crowd.map(lambda _: click(citizen, page).status, range(50)))
    assert sorted(statuses) == [200] + [404] * 49


def test_a_folder_is_a_list_and_nothing_beside_it_is_there(
    folder: DavClient, link: Linking, citizen: PortalClient
) -> None:
    """B3: its documents and folders; the number of a neighbour opens nothing through this link."""
    for path in ("/F", "/F/Unter", "/F2"):
        folder.mkcol(path)
    folder.put("/F/Unter/tief.txt", b"deep")
    folder.put("/F/oben.txt", b"top")
    made, beside = link("/F"), link("/F2")
    page = citizen.get(page_of(made))
    assert page.title == "F"
    assert citizen.submit(page, forms(page)[0]).body == b"top"
    inner = citizen.get(page.links()["Unter"])
    assert inner.title == "Unter"
    assert click(citizen, inner).body == b"deep"
    for number in (beside.link.node, 1, 2**52, 2**80):
        assert citizen.get(f"{page_of(made)}/{number}").status == 404
        taken = citizen.post(f"{page_of(made)}/{number}/herunterladen", {"token": page.token()})
        assert taken.status == 404


def test_absent_expired_revoked_used_up_are_one_answer(
    folder: DavClient, link: Linking, server: RunningServer, house: House
) -> None:
    """portal.md §5, S-15: status, headers and body; whoever has no cookie yet is given none that differs in kind."""
    folder.put("/a.txt", b"x")
    end = house.clock() + 3 * SECOND
    expired = link("/a.txt", end=end)
    revoked, standing = link("/a.txt"), link("/a.txt")
    door(house, "clara").revoke_link("ba05", revoked.link.id)
    citizen = PortalClient(server.url)
    citizen.get("/anmelden")
    folder.put("/b.txt", b"x")
    of_deleted = link("/b.txt")
    folder.delete("/b.txt")
    time.sleep(max(0, end - house.clock()) / SECOND + 0.05)
    absent = citizen.get("/s/" + "x" * 22)
    assert absent.status == 404
    for made in (expired, revoked, of_deleted):
        assert told(citizen.get(page_of(made))) == told(absent)
        assert told(citizen.get(f"{page_of(made)}/{made.link.node}/seite/1")) == told(absent)
    assert citizen.get(page_of(standing)).status == 200
    assert {name: absent.headers[name] for name in ("Referrer-Policy", "X-Robots-Tag")} == {
        "Referrer-Policy": "strict-origin",
        "X-Robots-Tag": "noindex, nofollow, noarchive",
    }


def test_a_password_is_asked_once_and_opens_only_its_own_link(
    folder: DavClient, link: Linking, citizen: PortalClient
) -> None:
    """B6: nothing is told before; the cookie of one link is worthless on another, and new after each password."""
    folder.put("/Geheimname.txt", b"x")
    made, other = link("/Geheimname.txt", password=WORD), link("/Geheimname.txt", password=WORD)
    page = citizen.get(page_of(made))
    assert page.title == "Dieser Link hat ein Passwort"
    assert "Geheimname" not in page.body.decode()
    wrong = citizen.submit(page, page_of(made), password="falsch")
    assert (wrong.status, "gremium-link" in citizen.cookies) == (403, False)
    assert citizen.submit(page, page_of(made), password="x" * 100_000).status == 403
    assert citizen.submit(page, page_of(made), password=WORD).status == 303
    proof = citizen.cookies["gremium-link"]
    shown = citizen.get(page_of(made))
    assert shown.title == "Geheimname.txt"
    assert click(citizen, shown).body == b"x"
    assert citizen.get(page_of(other)).title == "Dieser Link hat ein Passwort"
    assert citizen.submit(page, page_of(made), password=WORD).status == 303
    assert citizen.cookies["gremium-link"] != proof
    for forged in ("", "1", "a.b.c", "9" * 30 + ".a.b", proof[:-1] + ("0" if proof[-1] != "0" else "1"), "²." + proof):
        citizen.cookies["gremium-link"] = forged.encode("latin-1", "replace").decode("latin-1")
        assert citizen.get(page_of(made)).title == "Dieser Link hat ein Passwort"


def test_guessing_a_links_password_is_slowed_down(folder: DavClient, link: Linking, citizen: PortalClient) -> None:
    """B6: after ten wrong ones 429 with Retry-After, for the right one too; another link is not concerned."""
    folder.put("/a.txt", b"x")
    made, other = link("/a.txt", password=WORD), link("/a.txt", password=WORD)
    page = citizen.get(page_of(made))
    statuses = [citizen.submit(page, page_of(made), password=f"falsch-{number}").status for number in range(14)]
    assert statuses.count(403) <= 10
    assert statuses[-1] == 429
    refused = citizen.submit(page, page_of(made), password=WORD)
    assert (refused.status, int(refused.headers["Retry-After"]) > 0) == (429, True)
    assert "Zu viele falsche Passwörter" in refused.text
    assert citizen.submit(citizen.get(page_of(other)), page_of(other), password=WORD).status == 303


def test_a_link_to_look_at_shows_marked_pages(
    folder: DavClient, link: Linking, citizen: PortalClient, house: House
) -> None:
    """Page by page with its words, without account and script; the link's number and the time are drawn into each."""
    folder.put("/Kauf.pdf", documents.pdf(3, "Grundstueck {} am Isarufer"))
    page = citizen.get(page_of(looking := link("/Kauf.pdf", rights=Rights.VIEW)))
    assert words(page) == "Grundstueck 1 am Isarufer"
    assert not page.tree.xpath("//main//form[@method='post']")
    for told in ("hier ansehen, aber nicht herunterladen", f"BA 5 Au-Haidhausen · Link {looking.link.id} · "):
        assert told in page.text
    found = citizen.get(f"{page.path}/{looking.link.node}?suche=isarufer")
    assert "„isarufer“ kommt 3 Mal vor." in found.text
    second = citizen.get(turns(page)["Nächste Seite"])
    assert (words(second), turns(second).keys()) == ("Grundstueck 2 am Isarufer", {"Vorige Seite", "Nächste Seite"})
    whole = citizen.get(page_of(link("/Kauf.pdf")))
    assert drawn_on(opened(citizen, picture(page)), opened(citizen, picture(whole))) == (True, True)
    assert "Link" not in whole.tree.xpath("//section[contains(@class, 'viewer')]")[0].text_content()
    time.sleep(1.6)  # readings are noted in batches
    reads = [line["who"] for line in house.audit.show(limit=50) if line["what"] == "read"]
    assert reads.count(f"link:{looking.link.id}") == 1, "its maker is told, once for a while"


def test_no_address_gives_the_bytes_of_what_may_only_be_looked_at(
    folder: DavClient, link: Linking, citizen: PortalClient
) -> None:
    """Each address that the portal knows, and each drive, with the link's token and the document's number."""
    original = documents.pdf(2, "Grundstueck {} am Isarufer")
    folder.put("/Kauf.pdf", original)
    made = link("/Kauf.pdf", rights=Rights.VIEW | Rights.COMMENT)
    token = citizen.get(f"{page_of(made)}/schreiben").token()
    answers = []
    for method, path in addresses(token=made.token, share="ba05", node=made.link.node, number=1, version=1):
        for headers in ({}, {"Range": "bytes=0-99"}):
            body = f"token={token}".encode() if method == "POST" else None
            kind = {"Content-Type": "application/x-www-form-urlencoded"} if body else {}
            answers.append((path, citizen.request(method, path, body, {**kind, **headers}).body))
    visitor = made.client()
    for method in ("GET", "HEAD", "PROPFIND", "REPORT", "COPY", "MOVE", "LOCK"):
        for place in ("/Kauf.pdf", "/", "/kauf.pdf", "/Kauf%20(Verweis).pdf"):
            headers = {"Depth": "0", "Destination": visitor.url("/Kopie.pdf")}
            answers.append((f"{method} {place}", visitor.request(method, place, None, headers).body))
    for base in ("/dav-open", "/dav", "/remote.php/dav/files", "/remote.php/webdav"):
        answers.append((base, citizen.get(f"{base}/{made.token}/Kauf.pdf").body))
    pieces = [original[at : at + 24] for at in range(0, len(original) - 24, 24)]
    for path, body in answers:
        assert not body.startswith(b"%PDF"), path
        assert not any(piece in body for piece in pieces), path
    assert visitor.get("/Kauf.pdf").status == 403
    number = made.link.node
    assert citizen.post(f"{page_of(made)}/{number}/herunterladen", {"token": token}).status == 403
    assert len(answers) > 100


def addresses(**known: object) -> list[tuple[str, str]]:
    """Method and path of every page of the portal, with these values in it."""
    app = Flask("addresses")
    for pages in PAGES:
        app.register_blueprint(pages)
    places, found = app.url_map.bind("127.0.0.1"), []
    for rule in app.url_map.iter_rules():
        values = {name: known.get(name, "x") for name in rule.arguments}
        path = places.build(rule.endpoint, values)
        found += [(method, path) for method in sorted((rule.methods or set()) & {"GET", "POST"})]
    return found


def test_a_folder_to_look_at(folder: DavClient, link: Linking, citizen: PortalClient) -> None:
    """Its documents are read on pages of their own, further down too; a neighbour's pages are not there."""
    folder.mkcol("/F")
    folder.put("/F/Notiz.md", "# Notiz\n\nGrüße".encode())
    folder.put("/daneben.pdf", documents.pdf(1))
    beside = link("/daneben.pdf", rights=Rights.VIEW)
    made = link("/F", rights=Rights.VIEW)
    page = citizen.get(page_of(made))
    assert not forms(page)
    note = citizen.get(page.links()["Notiz.md"])
    assert note.tree.xpath("//div[@class='prose']/h2/text()") == ["Notiz"]
    assert f"Link {made.link.id} · " in note.text
    assert citizen.get(f"{page_of(made)}/{beside.link.node}/seite/1").status == 404
    assert citizen.get(f"{page_of(beside)}/{beside.link.node}/seite/1").status == 200


def test_where_downloads_are_counted_nothing_is_shown_for_free(
    folder: DavClient, link: Linking, citizen: PortalClient
) -> None:
    """A link with so many uses shows no pages; one without does, and its pages end with it."""
    folder.put("/a.pdf", documents.pdf(1))
    counted, free = link("/a.pdf", uses=3), link("/a.pdf")
    for made, status in ((counted, 404), (free, 200)):
        assert bool(citizen.get(page_of(made)).tree.xpath("//figure")) == (status == 200)
        assert citizen.get(f"{page_of(made)}/{made.link.node}/seite/1").status == status
    with pytest.raises(ValueError, match="uses are downloads"):
        link("/a.pdf", rights=Rights.VIEW, uses=3)


def test_pages_of_a_link_with_a_password_ask_for_it(folder: DavClient, link: Linking, citizen: PortalClient) -> None:
    folder.put("/a.pdf", documents.pdf(1))
    made = link("/a.pdf", rights=Rights.VIEW, password=WORD)
    address = f"{page_of(made)}/{made.link.node}/seite/1"
    assert (citizen.get(address).status, citizen.get(address).onward) == (303, page_of(made))
    assert citizen.submit(citizen.get(page_of(made)), page_of(made), password=WORD).status == 303
    assert citizen.get(address).status == 200


def test_a_drop_takes_and_tells_nothing(folder: DavClient, link: Linking, citizen: PortalClient) -> None:
    """Create only: names collide without harm, the sender learns the name that his document got and nothing else."""
    folder.mkcol("/Kasten")
    folder.put("/Kasten/Brief.txt", b"of the committee")
    made = link("/Kasten", kind=LinkKind.DROP)
    page = citizen.get(page_of(made))
    assert page.title == "Unterlagen abgeben"
    assert "Brief" not in page.text
    action = forms(page)[0]
    sent = citizen.upload(action, page.token(), [("Brief.txt", b"mine"), ("Neu.txt", b"")])
    assert (sent.status, sent.title) == (200, "Vielen Dank")
    names = [str(name.text_content()) for name in sent.tree.xpath("//ul[@class='listing']//span")]
    assert len(names) == 2
    assert names[0] != "Brief.txt"
    assert folder.get("/Kasten/Brief.txt").body == b"of the committee"
    assert folder.get(f"/Kasten/{names[0]}".replace(" ", "%20")).body == b"mine"
    assert citizen.upload(action, "", [("a.txt", b"x")]).status == 403
    assert citizen.upload(action, page.token(), []).title == "Es wurde nichts ausgewählt"
    assert citizen.get(f"{page_of(made)}/{made.link.node}").title == "Unterlagen abgeben"
    plain = link("/Kasten")
    assert citizen.upload(f"{page_of(plain)}/abgeben", page.token(), [("a.txt", b"x")]).status == 404


def test_no_token_is_ever_logged(
    server: RunningServer, folder: DavClient, link: Linking, citizen: PortalClient
) -> None:
    """security.md §4: neither address nor query nor Referer; the line names the node."""
    folder.put("/a.txt", b"x")
    made = link("/a.txt")
    click(citizen, citizen.get(page_of(made)))
    lines = [json.loads(line) for line in list(server.log) if line.startswith("{")]
    assert any(f"ba05/{made.link.node}" in line.get("nodes", ()) for line in lines)
    assert made.token not in "".join(server.log)
