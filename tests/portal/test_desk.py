"""The clerk's desk over HTTP, without script: meetings, agendas, papers, releases; and who may not (portal.md §8)."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.portal.desk import agreed, install_with_desk
from tests.portal.portalclient import Page, PortalClient
from tests.running import RunningServer, command, start

DESK = "/geschaeftsstelle/rat"


@pytest.fixture(scope="module")
def server(installed: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    with start(install_with_desk(installed, tmp_path_factory.mktemp("desk")), workers=1) as server:
        yield server


@pytest.fixture
def language() -> str:
    return "en"


@pytest.fixture
def clerk(visitors: Callable[[str], PortalClient]) -> PortalClient:
    return visitors("clara")


@pytest.fixture
def meeting(clerk: PortalClient) -> str:
    """The page of a fresh meeting at the desk."""
    made = clerk.submit(clerk.get(DESK), DESK, title="Vollgremium", day="2027-03-01", begin="19:00", end="22:00")
    assert made.status == 303
    return made.onward.partition("?")[0]


def with_agenda(clerk: PortalClient, meeting: str, text: str = "1\tBudget\nN 1\tSecret contract\n") -> Page:
    """Pasted, checked, taken."""
    checked = clerk.submit(clerk.get(meeting), f"{meeting}/tagesordnung", table=text)
    assert checked.status == 200, checked.text
    taken = clerk.submit(checked, f"{meeting}/tagesordnung", take="yes")
    assert taken.status == 303
    return clerk.open(meeting)


def uploaded(clerk: PortalClient, meeting: str, *documents: tuple[str, bytes]) -> Page:
    page = clerk.get(meeting)
    sent = clerk.upload(f"{meeting}/hochladen", page.token(), documents)
    assert sent.status == 303, sent.text
    return clerk.open(meeting)


def papers(page: Page) -> dict[str, str]:
    """Number → how many documents, from the agenda on a meeting's page."""
    rows = page.tree.xpath("//table//tbody/tr")
    return {row[0].text_content().strip(): row[-1].text_content().strip() for row in rows}


def test_only_those_who_work_there_find_the_desk(visitors: Callable[[str], PortalClient]) -> None:
    """Clerks by their office; a member and the chair are refused, a stranger learns of no committee (law 3)."""
    assert visitors("clara").get(DESK).status == 200
    for user, status in (("otto", 403), ("vera", 403), ("sam", 404)):
        visitor = visitors(user)
        assert visitor.get(DESK).status == status, user
        assert visitor.get(f"{DESK}/sitzung/2027-03-01").status == status, user
        assert visitor.post(DESK, {"token": visitor.get("/").token(), "title": "x"}).status == status, user
        assert "To the desk" not in visitor.get("/").text
    assert (
        visitors("sam").get("/geschaeftsstelle").status
        == visitors("sam").get("/geschaeftsstelle/nowhere").status
        == 404
    )


def test_a_meeting_is_entered_and_has_a_folder(clerk: PortalClient, meeting: str) -> None:
    """Two on one day are told apart; what is wrong is said in words, and what was typed stays."""
    again = clerk.submit(clerk.get(DESK), DESK, title="Sondersitzung", day="2027-03-01", begin="22:00", end="23:00")
    assert re.fullmatch(rf"{DESK}/sitzung/2027-03-01-\d+\?getan=declared", again.onward)
    assert clerk.get(meeting).title == "Vollgremium"
    wrong = clerk.submit(clerk.get(DESK), DESK, title="Verkehrt", day="2027-03-02", begin="22:00", end="20:00")
    assert wrong.status == 400
    assert "must end after it begins" in wrong.text
    assert wrong.form(DESK)["title"] == "Verkehrt"


def test_a_pasted_agenda_is_checked_line_by_line(clerk: PortalClient, meeting: str) -> None:
    """Nothing is taken while a line is wrong; each wrong line is named with its number."""
    text = "1\tBudget\n2\t\n1\tAgain\n3\tRoads\tgeheim\n"
    checked = clerk.submit(clerk.get(meeting), f"{meeting}/tagesordnung", table=text)
    assert checked.status == 400
    for line in ("Line 2: It has no number", "Line 3: The number 1 stands twice", "Line 4: It is neither public nor"):
        assert line in checked.text
    page = clerk.submit(checked, f"{meeting}/tagesordnung", table=text, take="yes")
    assert page.status == 400
    assert papers(clerk.get(meeting)) == {}


def test_word_and_excel_tables_are_read(clerk: PortalClient, meeting: str) -> None:
    """Headings of the parts, numbers with a dot, a quoted cell, a matter; N means not public."""
    text = (
        'Öffentlicher Teil\n1.\t"Rad/Fuß" am Ring\t20-26 / V 15898\n'
        "Nichtöffentlicher Teil:\n2\tVergabe\nN 3\tPersonal\n4\tBericht\töffentlich\n"
    )
    page = with_agenda(clerk, meeting, text)
    rows = [[cell.text_content().strip() for cell in row] for row in page.tree.xpath("//table//tbody/tr")]
    assert [(row[0], row[2]) for row in rows] == [
        ("1", "public"),
        ("2", "not public"),
        ("N 3", "not public"),
        ("4", "public"),
    ]
    assert '"Rad/Fuß" am Ring' in rows[0][1]
    assert "20-26 / V 15898" in rows[0][1]


def test_papers_go_to_the_item_that_their_name_begins_with(clerk: PortalClient, meeting: str) -> None:
    """A bare number never leads from the public part astray; what names no item waits in the inbox."""
    with_agenda(clerk, meeting)
    page = uploaded(
        clerk, meeting, ("1 Plan.pdf", b"%PDF-1"), ("TOP 01_Anlage.pdf", b"%PDF-2"), ("N 1 Vertrag.pdf", b"%PDF-3")
    )
    assert papers(page) == {"1": "2", "N 1": "1"}
    page = uploaded(
        clerk, meeting, ("Brief.pdf", b"%PDF-4"), ("2027-03-01 Notiz.pdf", b"%PDF-5"), ("Brief.pdf", b"%PDF-6")
    )
    assert papers(page) == {"1": "2", "N 1": "1"}
    assert "3 documents name no agenda item" in page.text
    choosing = clerk.get(f"{meeting}/zuordnen")
    assert {"Brief.pdf", "Brief (2).pdf", "2027-03-01 Notiz.pdf"} <= {
        label.text for label in choosing.tree.xpath("//label")
    }
    choice = next(name for name in choosing.form(f"{meeting}/zuordnen") if name.startswith("paper-"))
    option = choosing.tree.xpath(f"//select[@name='{choice}']/option[contains(., 'N 1')]/@value")[0]
    assert clerk.submit(choosing, f"{meeting}/zuordnen", **{choice: option}).status == 303
    page = clerk.get(meeting)
    assert papers(page) == {"1": "2", "N 1": "2"}
    assert "2 documents name no agenda item" in page.text


def test_a_release_tells_first_who_gains_what(
    clerk: PortalClient, meeting: str, visitors: Callable[[str], PortalClient]
) -> None:
    """GET changes nothing and names the people; POST does it; then members read, and what comes late waits."""
    with_agenda(clerk, meeting)
    uploaded(clerk, meeting, ("1 Haushalt.pdf", b"%PDF-1"), ("N 1 Vertrag.pdf", b"%PDF-3"))
    otto, step = visitors("otto"), f"{meeting}/stand"
    foreseen = clerk.get(f"{step}?neu=agenda_released")
    assert "Otto Maier" in foreseen.text
    assert "may then read and download 1 document" in foreseen.text
    assert "may then read 1 document here in the portal" in foreseen.text
    paper = otto.get("/suche?q=haushalt").links()["1 Haushalt.pdf"].replace("lesen", "herunterladen")
    assert otto.get(paper).status == 403
    assert clerk.submit(foreseen, step, neu="agenda_released").status == 303
    assert otto.get(paper).status == 200
    page = uploaded(clerk, meeting, ("1 Nachtrag.pdf", b"%PDF-9"))
    assert "Came late" in page.text
    paper = otto.get("/suche?q=nachtrag").links()["1 Nachtrag.pdf"].replace("lesen", "herunterladen")
    assert otto.get(paper).status == 403
    late = clerk.get(f"{step}?neu=late")
    assert "Otto Maier" in late.text
    assert clerk.submit(late, step, neu="late").status == 303
    assert "Came late" not in clerk.get(meeting).text
    assert otto.get(paper).status == 200
    for state in ("running", "closed", "minutes_approved"):
        assert clerk.submit(clerk.get(f"{step}?neu={state}"), step, neu=state).status == 303
    assert "Minutes approved" in clerk.get(meeting).text


def test_numbers_are_exchanged_all_at_once(clerk: PortalClient, meeting: str) -> None:
    """Each item keeps its papers; a number that would stand twice changes nothing."""
    with_agenda(clerk, meeting, "1\tBudget\n2\tRoads\n")
    uploaded(clerk, meeting, ("1 Plan.pdf", b"%PDF-1"))
    form, action = clerk.get(f"{meeting}/nummern"), f"{meeting}/nummern"
    assert clerk.submit(form, action, **{"number-1": "2"}).status == 409
    assert clerk.submit(form, action, **{"number-1": "2", "number-2": "1"}).status == 303
    assert papers(clerk.get(meeting)) == {"1": "0", "2": "1"}


def item_of(clerk: PortalClient, meeting: str, number: str) -> str:
    """`<share>/<node>` of the folder of an item."""
    rows = clerk.get(meeting).tree.xpath("//table//tbody/tr")
    row = next(row for row in rows if row[0].text_content().strip() == number)
    return str(row.xpath(".//a/@href")[0]).removeprefix("/ordner/")


def test_lowering_a_released_paper_takes_a_second_person(
    clerk: PortalClient, meeting: str, visitors: Callable[[str], PortalClient]
) -> None:
    """One clerk proposes; he cannot approve his own, a member finds nothing; the second clerk does (rights.md §2)."""
    with_agenda(clerk, meeting)
    uploaded(clerk, meeting, ("1 Vertrag.pdf", b"%PDF-1"))
    step, item = f"{meeting}/stand", item_of(clerk, meeting, "1")
    assert clerk.submit(clerk.get(f"{step}?neu=agenda_released"), step, neu="agenda_released").status == 303
    action = f"/einstufung/{item}"
    assert clerk.submit(clerk.get(action), action, classification="non_public", yes="yes").status == 303
    foreseen = clerk.submit(clerk.get(action), action, classification="restricted")
    assert (foreseen.status, "Yes, do it" in foreseen.text) == (200, True)
    assert "Otto Maier" in foreseen.text  # as it would be once somebody has agreed
    proposed = clerk.submit(foreseen, action, yes="yes")
    assert proposed.onward.endswith("getan=proposed")
    waiting = clerk.get("/zustimmen")
    assert "Somebody else must say yes" in waiting.text
    kurt, otto = visitors("kurt"), visitors("otto")
    number = kurt.get("/zustimmen").tree.xpath("//button[@name='proposal']/@value")[-1]
    assert clerk.post("/zustimmen", {"token": waiting.token(), "proposal": number}).status == 409
    assert "wait" in visitors("vera").get("/").tree.xpath("string(//a[@href='/zustimmen'])")
    assert otto.get("/zustimmen").tree.xpath("//button[@name='proposal']") == []
    assert otto.post("/zustimmen", {"token": otto.get("/").token(), "proposal": number}).status == 404
    assert "not public" in clerk.get(action).text
    looked = kurt.submit(kurt.get("/zustimmen"), "/zustimmen", proposal=number)
    assert "Otto Maier" in looked.text
    assert "not public" in clerk.get(action).text
    assert kurt.submit(looked, "/zustimmen", yes="yes").status == 303
    marks = clerk.get(action).tree.xpath("string(//p[@class='tags'])")
    assert "for the committee only" in marks


def test_raising_needs_nobody_else_and_tells_who_loses(
    clerk: PortalClient, meeting: str, visitors: Callable[[str], PortalClient]
) -> None:
    """Looked at first; done by a yes; then the members' page is not found any more."""
    with_agenda(clerk, meeting)
    uploaded(clerk, meeting, ("1 Gutachten.pdf", b"%PDF-1"))
    step, item = f"{meeting}/stand", item_of(clerk, meeting, "1")
    clerk.submit(clerk.get(f"{step}?neu=agenda_released"), step, neu="agenda_released")
    otto, action = visitors("otto"), f"/einstufung/{item}"
    assert "Otto Maier" in clerk.get(action).text
    foreseen = clerk.submit(clerk.get(action), action, classification="office")
    assert "may no longer download 1 document" in foreseen.text
    assert otto.get(f"/ordner/{item}").status == 200
    assert clerk.submit(foreseen, action, yes="yes").onward.endswith("getan=relabelled")
    assert otto.get(f"/ordner/{item}").status == 404
    for user in ("otto", "vera"):
        assert visitors(user).get(action).status in (403, 404)


def test_a_hold_keeps_a_paper_until_it_ends(clerk: PortalClient, meeting: str) -> None:
    """Its class stays while it is held; ending it is an act of its own."""
    with_agenda(clerk, meeting)
    action = f"/einstufung/{item_of(clerk, meeting, '1')}"
    agreed(clerk, clerk.get(action), f"{action}/festhalten", "the office neither", reason="Klage 3 K 12")
    held = clerk.get(action)
    assert "Klage 3 K 12" in held.text
    assert clerk.submit(held, action, classification="restricted", yes="yes").status == 403
    number = held.tree.xpath("//button[@name='hold']/@value")[0]
    agreed(clerk, held, f"{action}/loslassen", "can then change and remove it", hold=number)
    assert clerk.submit(clerk.get(action), action, classification="restricted", yes="yes").status == 303


def test_a_member_declares_his_own_exclusion_and_cannot_take_it_back(
    clerk: PortalClient, meeting: str, visitors: Callable[[str], PortalClient]
) -> None:
    """Art. 49 GO: for himself only, in force at once; the chair records and lifts it for others, never her own."""
    with_agenda(clerk, meeting)
    step, item = f"{meeting}/stand", item_of(clerk, meeting, "1")
    clerk.submit(clerk.get(f"{step}?neu=agenda_released"), step, neu="agenda_released")
    otto, vera, action = visitors("otto"), visitors("vera"), f"/ausschluss/{item}"
    form = otto.get(action)
    assert otto.post(action, {"token": form.token(), "person": "paula"}).status == 403
    assert "You have declared it" in otto.submit(form, action).text
    assert otto.get(action).status == otto.get(f"/ordner/{item}").status == 404
    standing = vera.get(action)
    assert "Otto Maier" in standing.tree.xpath("string(//section[@aria-labelledby='standing'])")
    number = standing.tree.xpath("//button[@name='recusal']/@value")[0]
    paula = visitors("paula")
    assert paula.post(f"{action}/aufheben", {"token": form_token(paula), "recusal": number}).status == 403
    assert vera.submit(standing, f"{action}/aufheben", recusal=number).status == 303
    assert otto.get(f"/ordner/{item}").status == 200
    assert "You have declared it" in vera.submit(vera.get(action), action, person="vera").text
    assert vera.get(f"/ordner/{item}").status == 404


def test_an_exclusion_by_matter_takes_the_right_in_every_committee(
    server: RunningServer, clerk: PortalClient, meeting: str, visitors: Callable[[str], PortalClient]
) -> None:
    """It follows the matter everywhere, so the chair of one committee neither records nor lifts it for all of them."""
    with_agenda(clerk, meeting, "1\tBudget\t20-26 / V 777\n")
    times = ("--start", "2027-03-01T19:00", "--end", "2027-03-01T22:00")
    command("meeting", "add", "ba05", "2027-03-01", "--title", "BA", *times, data=server.data)
    command("item", "add", "ba05", "2027-03-01", "7", "Budget", "--matter", "20-26 / V 777", data=server.data)
    step, item = f"{meeting}/stand", item_of(clerk, meeting, "1")
    clerk.submit(clerk.get(f"{step}?neu=agenda_released"), step, neu="agenda_released")
    action, vera, paula = f"/ausschluss/{item}", visitors("vera"), visitors("paula")
    assert vera.submit(vera.get(action), action, person="paula", scope="matter").status == 403
    assert paula.get(f"/ordner/{item}").status == 200
    agreed(clerk, clerk.get(action), action, person="paula", scope="matter")
    assert paula.get(f"/ordner/{item}").status == 404
    number = vera.get(action).tree.xpath("//button[@name='recusal']/@value")[0]
    assert vera.submit(vera.get(action), f"{action}/aufheben", recusal=number).status == 403
    agreed(clerk, clerk.get(action), f"{action}/aufheben", recusal=number)
    assert paula.get(f"/ordner/{item}").status == 200


def test_offices_are_given_and_ended_by_somebody_else(
    clerk: PortalClient, visitors: Callable[[str], PortalClient]
) -> None:
    """rights.md §2: nobody gives himself a mandate; an office that ends takes its rights at once."""
    action = f"{DESK}/personen"
    page = clerk.get(action)
    for user in ("clara", "nobody"):
        assert clerk.submit(page, action, user=user, role="member", begin="2026-01-01").status == 409, user
    agreed(clerk, page, action, "sam", user="sam", role="member", begin="2026-01-01")
    assert clerk.submit(page, action, user="otto", role="auditor", begin="2026-01-01").status == 409
    sam = visitors("sam")
    assert sam.get("/ordner/rat").status == 303
    listed = clerk.get(action)
    assert "Sam Stranger" in listed.text
    assert "not pledged to secrecy yet" in listed.text
    yes = {"token": listed.token(), "yes": "yes"}
    assert clerk.post(f"{action}/verpflichten", {**yes, "user": "clara"}).status == 409
    assert clerk.post(f"{action}/verpflichten", {**yes, "user": "sam"}).status == 303
    assert "not pledged to secrecy yet" not in clerk.get(action).text
    assert clerk.post(f"{action}/beenden", {**yes, "office": "clara/clerk/0"}).status == 409
    assert clerk.post(f"{action}/beenden", {**yes, "office": "sam/member/0"}).status == 303
    assert sam.get("/ordner/rat").status == 404
    told = clerk.get(f"{DESK}/verlauf").text
    assert "Clara Clerk ended an office" in told
    assert "sam is member" in told


def test_the_desk_ends_links_of_others(
    server: RunningServer, clerk: PortalClient, visitors: Callable[[str], PortalClient]
) -> None:
    """Whoever made it; a member sees no list of them."""
    with server.client("kurt") as kurt:
        assert kurt.put("/dav/rat/Arbeitsordner/Karte.pdf", b"%PDF").status in (201, 204)
    command("link", "create", "rat/Arbeitsordner/Karte.pdf", "--as", "kurt", data=server.data)
    listed = clerk.get(f"{DESK}/freigaben")
    assert "Karte.pdf" in listed.text
    assert "Kurt Clerk" in listed.text
    link = listed.tree.xpath("//button[@name='link']/@value")[0]
    otto = visitors("otto")
    assert otto.get(f"{DESK}/freigaben").status == 403
    assert otto.post(f"{DESK}/freigaben", {"token": form_token(otto), "link": link}).status == 403
    agreed(clerk, listed, f"{DESK}/freigaben", "Karte.pdf, Kurt Clerk", link=link)
    assert "Nothing is open" in clerk.get(f"{DESK}/freigaben").text


def test_the_log_tells_changes_and_no_reads(clerk: PortalClient, meeting: str) -> None:
    """Who has read what is the auditors' to know."""
    with_agenda(clerk, meeting)
    uploaded(clerk, meeting, ("N 1 Vermerk.pdf", b"%PDF-1"))
    paper = clerk.get("/suche?q=vermerk").links()["N 1 Vermerk.pdf"]
    assert clerk.get(paper.replace("lesen", "herunterladen")).status == 200
    told = clerk.get(f"{DESK}/verlauf").tree.xpath("string(//main//ul)")
    assert "Clara Clerk saved: N 1 Vermerk.pdf" in " ".join(told.split())
    assert " read" not in told


def test_a_lock_is_broken_by_the_desk_and_that_is_logged(
    server: RunningServer, clerk: PortalClient, visitors: Callable[[str], PortalClient]
) -> None:
    """The document is free again for the next one; a member cannot do it."""
    path = "/dav/rat/Arbeitsordner/Entwurf.docx"
    with server.client("kurt") as kurt, server.client("clara") as clara:
        assert kurt.put(path, b"PK").status == 201
        assert kurt.lock(path).status == 200
        assert clara.put(path, b"PK2").status == 423
        page = clerk.get(f"{DESK}/sperren")
        assert "Kurt Clerk" in page.text
        lock = page.tree.xpath("//button[@name='lock']/@value")[0]
        otto = visitors("otto")
        assert otto.post(f"{DESK}/sperren", {"token": form_token(otto), "lock": lock}).status == 403
        agreed(clerk, page, f"{DESK}/sperren", "Entwurf.docx, Kurt Clerk", lock=lock)
        assert clara.put(path, b"PK2").status == 204
    assert "broke a lock: Entwurf.docx" in clerk.get(f"{DESK}/verlauf").text


def form_token(client: PortalClient) -> str:
    return client.get("/").token()
