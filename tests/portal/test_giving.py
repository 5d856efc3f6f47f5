"""Sharing by forms over HTTP: inside, by link, by drop; who will see it is told before; all of it is taken back."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable
from datetime import datetime, timedelta

import pytest

from davserver.instants import BERLIN
from tests.davclient import DavClient
from tests.portal.portalclient import Page, PortalClient
from tests.running import PASSWORD, RunningServer

Visitors = Callable[[str], PortalClient]
People = Callable[[str, str], DavClient]
IN_A_MONTH = datetime.now(BERLIN).date() + timedelta(days=30)


@pytest.fixture
def place(people: People) -> str:
    """A fresh folder of the drive with one document in it; its path."""
    clerk = people("clara", f"/dav/ba05/t-{uuid.uuid4().hex[:12]}")
    assert clerk.mkcol("").status == 201
    assert clerk.put("/Plan.txt", b"the plan").status == 201
    return clerk.base.removeprefix("/dav")


def form_of(client: PortalClient, path: str) -> Page:
    """The form of sharing, found from the page of what is shared."""
    page = client.open(f"/pfad{path}")
    return client.get(str(page.tree.xpath("//main//a[normalize-space(.)='Teilen']/@href")[0]))


def ask(client: PortalClient, form: Page, **fields: str) -> Page:
    return client.post(form.path, {"token": form.token(), **fields})


def confirm(client: PortalClient, preview: Page) -> Page:
    assert preview.status == 200, preview.text
    return client.submit(preview, preview.path)


def made_link(client: PortalClient, form: Page, **fields: str) -> Page:
    return confirm(
        client, ask(client, form, **{"way": "link", "level": "read", "until": IN_A_MONTH.isoformat(), **fields})
    )


def value(page: Page, field: str) -> str:
    return str(page.tree.xpath(f"//input[@id='{field}']/@value")[0])


def path_of(page: Page) -> str:
    return "/s/" + value(page, "url").rpartition("/s/")[2]


def take_back(client: PortalClient, name: str) -> Page:
    """The newest of one's own with this name."""
    page = client.get("/meine-freigaben")
    rows = [row for row in page.tree.xpath("//main//li") if name in row.text_content()]
    given = rows[0].xpath(".//button/@value")[0]
    return client.get(client.post("/meine-freigaben", {"token": page.token(), "given": given}).onward)


def test_a_share_inside_is_shown_then_made_then_taken_back(visitors: Visitors, people: People, place: str) -> None:
    """Who gains what stands there by name, found by the engine; nothing is shared before the second click."""
    clara, stranger = visitors("clara"), people("sam", "/dav/geteilt/ba05")
    form = form_of(clara, place)
    preview = ask(clara, form, way="inside", receiver="user:otto", level="write")
    assert "Otto Maier" in preview.text
    assert "lesen und ändern" in preview.text
    assert people("otto", f"/dav{place}").put("/Neu.txt", b"x").status == 403
    assert clara.get(confirm(clara, preview).onward).text.count("Es ist geteilt.") == 1
    assert people("otto", f"/dav{place}").put("/Neu.txt", b"x").status == 201
    again = ask(clara, form, way="inside", receiver="user:otto", level="read")
    assert "Niemand würde mehr sehen als jetzt" in again.text
    assert "Es ist zurückgenommen" in take_back(clara, place.rpartition("/")[2]).text
    assert people("otto", f"/dav{place}").put("/Neu2.txt", b"x").status == 403
    assert stranger.get(f"/{place.rpartition('/')[2]}/Plan.txt").status == 404


def test_only_those_who_are_known_can_be_chosen(visitors: Visitors, place: str) -> None:
    """No name is confirmed by guessing it; a form that makes no sense is told so and shares nothing."""
    clara = visitors("clara")
    form = form_of(clara, place)
    offered = {str(word) for word in form.tree.xpath("//select[@name='receiver']//option/@value")}
    assert {"user:otto", "committee:archiv", "role:member"} <= offered
    assert "user:sam" not in offered
    nonsense = (
        {"way": "inside", "receiver": "user:sam", "level": "read"},
        {"way": "inside", "receiver": "user:otto", "level": "all"},
        {"way": "inside", "receiver": "user:otto", "level": "read", "until": "2020-01-01"},
        {"way": "inside", "receiver": "user:otto", "level": "read", "start": "gestern"},
        {"way": "link", "level": "read"},
        {"way": "link", "until": IN_A_MONTH.isoformat()},
        {"way": "link", "level": "comment", "until": IN_A_MONTH.isoformat()},
        {"way": "link", "level": "view", "until": IN_A_MONTH.isoformat(), "uses": "2"},
        {"way": "link", "level": "read", "until": (IN_A_MONTH + timedelta(days=400)).isoformat()},
        {"way": "link", "level": "read", "until": IN_A_MONTH.isoformat(), "uses": "0"},
        {"way": "link", "level": "read", "until": IN_A_MONTH.isoformat(), "uses": "²"},
        {"way": ""},
    )
    for fields in nonsense:
        for step in ("", "give"):
            refused = ask(clara, form, step=step, **fields)
            assert refused.status == 400, fields
            assert refused.tree.xpath("//*[@role='alert']"), fields
    assert place.rpartition("/")[2] not in clara.get("/meine-freigaben").text


def test_a_link_is_made_opened_elsewhere_counted_and_taken_back(
    visitors: Visitors, people: People, server: RunningServer, place: str
) -> None:
    """End to end: the default is 30 days, the address is shown once, uses are counted for its maker, its end is now."""
    clara, citizen = visitors("clara"), PortalClient(server.url)
    form = form_of(clara, place + "/Plan.txt")
    assert form.tree.xpath("//input[@id='until-link']/@value") == [IN_A_MONTH.isoformat()]
    made = made_link(clara, form, uses="3", label="für den Aushang", locked="yes")
    path, password = path_of(made), value(made, "password")
    assert path not in clara.get("/meine-freigaben").body.decode()
    asked = citizen.get(path)
    assert citizen.submit(asked, path, password=password).status == 303
    page = citizen.get(path)
    assert page.title == "Plan.txt"
    assert citizen.submit(page, str(page.tree.xpath("//main//form/@action")[0])).body == b"the plan"
    listed = next(
        row for row in clara.get("/meine-freigaben").tree.xpath("//main//li") if "Plan.txt" in row.text_content()
    )
    words = " ".join(listed.text_content().split())
    assert "für den Aushang), mit Passwort" in words
    assert "1 Mal heruntergeladen, zuletzt" in words
    assert "noch 2 möglich" in words
    take_back(clara, "für den Aushang")
    assert citizen.get(path).status == 404
    assert people("clara", f"/dav{place}").get("/Plan.txt").body == b"the plan"


def test_a_link_only_to_look_at(visitors: Visitors, server: RunningServer, place: str) -> None:
    """Chosen in the form, told in the preview, shown without account, counted for its maker as looks."""
    clara, citizen = visitors("clara"), PortalClient(server.url)
    form = form_of(clara, place + "/Plan.txt")
    assert form.tree.xpath("//select[@id='level-link']/option/@value") == ["read", "view", "write"]
    preview = ask(clara, form, way="link", level="view", until=IN_A_MONTH.isoformat(), label="zum Zeigen")
    assert "Herunterladen lässt es sich nicht" in preview.text
    page = citizen.get(path_of(confirm(clara, preview)))
    assert page.tree.xpath("//pre/text()") == ["the plan"]
    assert not page.tree.xpath("//main//form")
    time.sleep(1.6)  # readings are noted in batches
    words = clara.get("/meine-freigaben").text
    assert "nur zum Ansehen (zum Zeigen)" in words
    assert "1 Mal angesehen, zuletzt" in words


def test_a_link_tells_before_what_it_will_open(visitors: Visitors, people: People, place: str) -> None:
    """Documents are counted by the engine: what is not for the public stays closed, and is told as a number."""
    clara = visitors("clara")
    preview = ask(clara, form_of(clara, place), way="link", level="read", until=IN_A_MONTH.isoformat())
    assert "Er öffnet 1 Dokument." in preview.text
    people("clara", f"/dav{place}").put("/Zweites.txt", b"x")
    preview = ask(clara, form_of(clara, place), way="link", level="read", until=IN_A_MONTH.isoformat(), uses="2")
    assert "Er öffnet 2 Dokumente." in preview.text
    assert "Nach 2 Mal endet er." in preview.text
    assert place.rpartition("/")[2] not in clara.get("/meine-freigaben").text


def test_a_drop_box_from_the_form_to_the_folder(
    visitors: Visitors, people: People, server: RunningServer, place: str
) -> None:
    """Made, handed in without account, counted; documents cannot be drops."""
    clara, citizen = visitors("clara"), PortalClient(server.url)
    form = form_of(clara, place)
    made = confirm(clara, ask(clara, form, way="drop", until=IN_A_MONTH.isoformat(), uses="1"))
    path = path_of(made)
    page = citizen.get(path)
    assert citizen.upload(f"{path}/abgeben", page.token(), [("Brief.txt", b"dear all")]).title == "Vielen Dank"
    assert people("clara", f"/dav{place}").get("/Brief.txt").body == b"dear all"
    assert citizen.get(path).status == 404
    words = clara.get("/meine-freigaben").text
    assert "1 Dokument abgegeben" in words
    assert "abgelaufen" in words
    document = form_of(clara, place + "/Plan.txt")
    assert ask(clara, document, way="drop", until=IN_A_MONTH.isoformat(), step="give").status == 403


def test_who_may_not_share_shares_nothing(visitors: Visitors, place: str) -> None:
    """The door is asked at each step; what others have given cannot be taken back by guessing numbers."""
    clara, otto, sam = visitors("clara"), visitors("otto"), visitors("sam")
    form = form_of(clara, place)
    page = otto.get(form.path)  # a member may make links to public papers, but not share inside
    assert not page.tree.xpath("//select[@name='receiver']")
    for step in ("", "give"):
        assert ask(otto, page, way="inside", receiver="user:clara", level="read", step=step).status in (400, 403)
    assert sam.get(form.path).status == 404
    made_link(clara, form, label="von Clara")
    given = next(
        str(row.xpath(".//button/@value")[0])
        for row in clara.get("/meine-freigaben").tree.xpath("//main//li")
        if "von Clara" in row.text_content()
    )
    token = sam.get("/meine-freigaben").token()
    for number in (given, "link/ba05/999999", "share/ba05/1", "share/x/1", "link/ba05/²", "", "///"):
        assert sam.post("/meine-freigaben", {"token": token, "given": number}).status == 404
    assert "von Clara" in clara.get("/meine-freigaben").text


def test_everything_stands_in_english_too(visitors: Visitors, place: str) -> None:
    clara = visitors("clara")
    form = form_of(clara, place)
    clara.language = "en"
    page = clara.get(form.path)
    assert "With a committee, an office or a person" in page.text
    assert "It opens 1 document." in ask(clara, page, way="link", level="read", until=IN_A_MONTH.isoformat()).text


def test_a_share_outlives_the_session_in_which_it_was_filled_in(visitors: Visitors, place: str) -> None:
    """The form comes back after the new login, and leads to who will see it as ever; nothing is shared before."""
    clara = visitors("clara")
    form = form_of(clara, place)
    clara.lose_session()
    late = ask(clara, form, way="link", level="read", until=IN_A_MONTH.isoformat())
    assert late.status == 403
    back = clara.submit(late, "/anmelden", name="clara", password=PASSWORD)
    preview = clara.submit(back, form.path)
    link = confirm(clara, preview)
    assert clara.get(path_of(link)).status == 200
