"""Letters of people without an account, over HTTP: written by link, moderated, answered privately (portal.md §6)."""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy import select

from acl.privileges import Rights
from davserver.house import House
from davserver.schema import letter
from tests.dav.doors import Linking, door
from tests.davclient import DavClient
from tests.portal.portalclient import Page, PortalClient
from tests.running import RunningServer

Visitors = Callable[[str], PortalClient]
OPEN = Rights.READ | Rights.COMMENT


def write(citizen: PortalClient, token: str, text: str) -> Page:
    page = citizen.get(f"/s/{token}/schreiben")
    return citizen.submit(page, page.path, text=text)


def answer_address(page: Page) -> str:
    url = str(page.tree.xpath("//input[@id='url']/@value")[0])
    return "/antwort/" + url.rpartition("/antwort/")[2]


def letters_of(clerk: PortalClient, node: int) -> Page:
    return clerk.get(f"/zuschriften/ba05/{node}")


def reply(clerk: PortalClient, page: Page, **fields: str) -> Page:
    """Fill in the first form of the page."""
    sent = clerk.post(str(page.tree.xpath("//main//form/@action")[0]), {"token": page.token(), **fields})
    return clerk.get(sent.onward) if sent.status == 303 else sent


def test_a_letter_is_answered_privately(
    folder: DavClient, link: Linking, citizen: PortalClient, visitors: Visitors, server: RunningServer
) -> None:
    """The reply link shows letter and answer to its writer; the link that all share shows nothing of it."""
    folder.put("/Plan.txt", b"x")
    made, clara = link("/Plan.txt", rights=OPEN), visitors("clara")
    sent = write(citizen, made.token, "Wo ist <b>mein</b> Baum?")
    private = answer_address(sent)
    assert "hat noch nicht geantwortet" in citizen.get(private).text
    assert "auf Ihre Antwort" in clara.get("/").text
    assert "Plan.txt" in clara.get("/zuschriften").text
    page = letters_of(clara, made.link.node)
    assert "Wo ist <b>mein</b> Baum?" in page.text
    assert "nur wer geschrieben hat" in reply(clara, page, text="Er wird nachgepflanzt.").text
    elsewhere = PortalClient(server.url)
    told = elsewhere.get(private)
    assert "Wo ist <b>mein</b> Baum?" in told.text
    assert "Er wird nachgepflanzt." in told.text
    assert told.headers["Referrer-Policy"] == "strict-origin"
    shared = citizen.get(f"/s/{made.token}")
    assert "Baum" not in shared.text
    assert "nachgepflanzt" not in shared.text
    assert elsewhere.get(private[:-1] + ("a" if private[-1] != "a" else "b")).status == 404


def test_only_what_the_office_publishes_is_shown(
    folder: DavClient, link: Linking, citizen: PortalClient, visitors: Visitors
) -> None:
    """Published with an answer, unpublished, removed; on the page of its own link only."""
    folder.put("/Plan.txt", b"x")
    made, other = link("/Plan.txt", rights=OPEN), link("/Plan.txt", rights=OPEN)
    clara = visitors("clara")
    private = answer_address(write(citizen, made.token, "Frage eins"))
    page = letters_of(clara, made.link.node)
    assert reply(clara, page, text=" ", publish="yes").status == 400
    assert "Frage eins" not in citizen.get(f"/s/{made.token}").text
    page = reply(clara, page, text="Antwort eins", publish="yes")
    shared = citizen.get(f"/s/{made.token}").text
    assert "Frage eins" in shared
    assert "Antwort eins" in shared
    assert "Frage eins" not in citizen.get(f"/s/{other.token}").text
    page = reply(clara, page, text="Antwort eins")
    assert "Frage eins" not in citizen.get(f"/s/{made.token}").text
    reply(clara, page, step="remove")
    assert citizen.get(private).status == 404


def test_letters_need_the_consent_of_the_links_maker(
    folder: DavClient, link: Linking, citizen: PortalClient, house: House
) -> None:
    """A plain link has no form and takes nothing; an ended one neither."""
    folder.put("/Plan.txt", b"x")
    plain, open_one = link("/Plan.txt"), link("/Plan.txt", rights=OPEN)
    assert "Geschäftsstelle schreiben" not in citizen.get(f"/s/{plain.token}").text
    assert citizen.get(f"/s/{plain.token}/schreiben").status == 404
    token = citizen.get("/anmelden").token()
    assert citizen.post(f"/s/{plain.token}/schreiben", {"token": token, "text": "x"}).status == 403
    door(house, "clara").revoke_link("ba05", open_one.link.id)
    assert citizen.post(f"/s/{open_one.token}/schreiben", {"token": token, "text": "x"}).status == 404


def test_only_the_office_reads_letters(
    folder: DavClient, link: Linking, citizen: PortalClient, visitors: Visitors, house: House
) -> None:
    """Members are refused, strangers find nothing; the database holds no word of them in clear (S-28)."""
    folder.put("/Plan.txt", b"x")
    made = link("/Plan.txt", rights=OPEN)
    write(citizen, made.token, "canary-Brief")
    otto, sam, clara = visitors("otto"), visitors("sam"), visitors("clara")
    page = letters_of(clara, made.link.node)
    action = str(page.tree.xpath("//main//form/@action")[0])
    assert letters_of(otto, made.link.node).status == 403
    assert letters_of(sam, made.link.node).status == 404
    assert otto.post(action, {"token": otto.get("/").token(), "text": "x"}).status == 403
    assert sam.post(action, {"token": sam.get("/").token(), "text": "x"}).status == 404
    assert "Plan.txt" not in otto.get("/zuschriften").text
    for number in ("0", str(2**80), "999999"):
        path = action.rpartition("/")[0] + f"/{number}"
        assert clara.post(path, {"token": page.token(), "text": "x"}).status == 404
    with house.database.read() as connection:
        rows = connection.execute(select(letter)).all()
    assert rows
    assert all(b"canary" not in bytes(row.text) for row in rows)


def test_floods_are_slowed_down_and_nothing_written_is_lost(
    folder: DavClient, link: Linking, citizen: PortalClient
) -> None:
    """429 after some in a row, with the text still in the form; empty and too long are told at the field."""
    folder.put("/Plan.txt", b"x")
    made = link("/Plan.txt", rights=OPEN)
    for text in (" ", "ä" * 4001):
        assert write(citizen, made.token, text).status == 400
    statuses = [write(citizen, made.token, f"Brief {number}").status for number in range(7)]
    assert statuses[0] == 200
    refused = write(citizen, made.token, "Noch ein Brief")
    assert refused.status == 429
    assert refused.tree.xpath("//textarea")[0].text_content() == "Noch ein Brief"
