"""All that changes rights, at the desk as by command; first comes who gains and loses what (portal.md §8)."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.portal.desk import CODE, agreed, install_with_desk, written
from tests.portal.portalclient import PortalClient
from tests.running import PASSWORD, RunningServer, command, start

DESK = "/geschaeftsstelle/rat"
HOSTILE = '<script>alert(1)</script> & "Söhne"'
MEETING = "2027-03-01"
MEETINGS = f"""
  [[committee.meeting]]
  id = "{MEETING}"
  title = "Vollgremium"
  start = {MEETING}T19:00:00
  end = {MEETING}T22:00:00
"""


@pytest.fixture(scope="module")
def server(installed: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    data = install_with_desk(installed, tmp_path_factory.mktemp("rights"), MEETINGS, "berta", "renate")
    with start(data, workers=1) as server:
        yield server


@pytest.fixture
def language() -> str:
    return "en"


@pytest.fixture
def clerk(visitors: Callable[[str], PortalClient]) -> PortalClient:
    return visitors("clara")


@pytest.fixture
def paper(server: RunningServer, request: pytest.FixtureRequest) -> str:
    """`rat/NODE` of a fresh document in the work folder, which members may read."""
    name = f"{request.node.name[5:35]}.pdf"
    with server.client("clara") as clara:
        assert clara.put(f"/dav/rat/Arbeitsordner/{name}", b"%PDF-1 paper").status == 201
    return node_of(server, f"/dav/rat/Arbeitsordner/{name}")


def draft(server: RunningServer, name: str) -> str:
    """`rat/NODE` of a fresh document of the meeting, which waits for its release."""
    path = f"/dav/rat/{MEETING}%20Vollgremium/{name}"
    with server.client("clara") as clara:
        assert clara.put(path, b"%PDF-1 draft").status == 201
    return node_of(server, path)


def node_of(server: RunningServer, path: str) -> str:
    """`COMMITTEE/NODE` of what stands at a path, as the portal's addresses name it."""
    client = PortalClient.signed_in(server.url, "clara")
    onward = client.get(path.replace("/dav/", "/pfad/")).onward
    return re.sub(r"^/(?:lesen|ordner)/", "", onward)


def item(server: RunningServer, number: str, *more: str, share: str = "rat") -> None:
    command("item", "add", share, MEETING, number, f"Punkt {number}", *more, data=server.data)


# -- people -------------------------------------------------------------------------------------------------------


def test_a_new_person_is_entered_and_gets_a_letter(
    clerk: PortalClient, visitors: Callable[[str], PortalClient]
) -> None:
    """An account without a password, and an office; a name that is taken is refused; all of it is in the log."""
    page, action = clerk.get(f"{DESK}/personen"), f"{DESK}/personen/neu"
    new = {"user": "nora", "name": HOSTILE, "email": "nora@example.org", "role": "member", "begin": "2026-01-01"}
    for wrong, told in (
        ({"user": "otto"}, "Nothing has been changed"),
        ({"email": "nora at home"}, "cannot be an address"),
        ({"begin": ""}, "day from which it holds"),
        ({"end": "2025-01-01"}, "end lies before"),
    ):
        refused = clerk.submit(page, action, **(new | wrong), yes="yes")
        assert (refused.status in {400, 409}, told in refused.text) == (True, True), wrong
    agreed(clerk, page, action, HOSTILE, **new)
    listed = clerk.get(f"{DESK}/personen")
    assert HOSTILE in listed.text
    assert "<script>alert" not in listed.body.decode()
    letter = clerk.post(f"{DESK}/personen/brief", {"token": listed.token(), "user": "nora"})
    assert (letter.status, letter.body[:5]) == (200, b"%PDF-")
    assert "Clara Clerk entered a person" in clerk.get(f"{DESK}/verlauf?nur=rechte").text


def test_name_address_and_the_end_of_an_access(
    server: RunningServer, clerk: PortalClient, paper: str, visitors: Callable[[str], PortalClient]
) -> None:
    """Only of those all of whose offices are at desks of the clerk, and never of oneself; then nobody signs in."""
    paula, action = visitors("paula"), f"{DESK}/personen/angaben"
    named = {"user": "paula", "name": "Paula Pult", "email": "paula@example.org"}
    token = {"token": clerk.get(f"{DESK}/personen").token()}
    assert clerk.post(action, token | named).status == 303
    assert "Paula Pult paula · paula@example.org" in clerk.get(f"{DESK}/personen").text
    kurt = visitors("kurt")
    for user, status in (("otto", 403), ("kurt", 409), ("berta", 404)):
        sent = {"token": kurt.get(f"{DESK}/personen").token(), "user": user, "name": "X", "yes": "yes"}
        assert kurt.post(action, sent).status == status, user
        assert kurt.post(f"{DESK}/personen/zugang", sent).status == status, user
    looked = clerk.post(f"{DESK}/personen/zugang", token | {"user": "paula"})
    assert "can no longer sign in anywhere" in looked.text
    assert re.search(r"Paula Pult may no longer download \d+ document", looked.text)
    assert paula.get(f"/lesen/{paper}").status == 200
    assert paula.get("/").status == 200
    assert clerk.submit(looked, f"{DESK}/personen/zugang", yes="yes").status == 303
    assert paula.get("/").onward.startswith("/anmelden")
    assert PortalClient(server.url).sign_in("paula").status == 403


def test_somebody_stands_in_for_one_meeting(clerk: PortalClient) -> None:
    """From its beginning until it would end by itself; an office that has not begun is taken back without a trace."""
    page, action = clerk.get(f"{DESK}/personen"), f"{DESK}/personen/vertreten"
    assert clerk.post(action, {"token": page.token(), "user": "sam", "meeting": MEETING}).status == 404
    agreed(clerk, page, action, "Otto Maier", user="otto", role="chair", meeting=MEETING)
    listed = clerk.get(f"{DESK}/personen")
    assert "Vorsitz from 1 Mar 2027 until 2 Mar 2027, 06:00" in listed.text
    office = next(each for each in listed.tree.xpath("//input[@name='office']/@value") if each.startswith("otto/chair"))
    ending = {"token": listed.token(), "office": office, "yes": "yes"}
    assert clerk.post(f"{DESK}/personen/beenden", ending).status == 303
    assert "until 2 Mar 2027, 06:00" not in clerk.get(f"{DESK}/personen").text


def test_an_office_ends_after_a_day_to_come_and_a_pledge_has_its_day(clerk: PortalClient) -> None:
    """The last day still counts; what is past cannot be changed any more, nor a pledge recorded that is to come."""
    listed = clerk.get(f"{DESK}/personen")
    office = next(each for each in listed.tree.xpath("//input[@name='office']/@value") if each.startswith("kurt/"))
    ending = {"token": listed.token(), "office": office, "yes": "yes"}
    assert clerk.post(f"{DESK}/personen/beenden", ending | {"end": "2020-06-01"}).status == 409
    assert clerk.post(f"{DESK}/personen/beenden", ending | {"end": "2031-12-31"}).status == 303
    pledge = {"token": listed.token(), "user": "kurt", "yes": "yes"}
    assert clerk.post(f"{DESK}/personen/verpflichten", pledge | {"day": "2036-01-01"}).status == 409
    assert clerk.post(f"{DESK}/personen/verpflichten", pledge | {"day": "2021-02-03"}).status == 303
    told = clerk.get(f"{DESK}/personen").text
    assert "until 31 Dec 2031" in told
    assert "pledged to secrecy on 3 Feb 2021" in told


# -- papers -------------------------------------------------------------------------------------------------------


def test_rights_by_hand_have_a_window_and_are_taken_back(
    clerk: PortalClient, paper: str, visitors: Callable[[str], PortalClient]
) -> None:
    """Denied to a member, who then finds nothing; never to the clerk's own gain; a window is told."""
    otto, kurt, action = visitors("otto"), visitors("kurt"), f"/rechte/{paper}"
    assert otto.get(f"/lesen/{paper}").status == 200
    page = clerk.get(action)
    for whom in ("user:kurt", "user:berta", "role:clerk"):
        assert kurt.submit(kurt.get(action), action, level="read", whom=whom).status == 409, whom
    assert clerk.submit(page, action, whom="user:otto", level="single").status == 400
    agreed(clerk, page, action, "Otto Maier", whom="user:otto", way="deny", level="single", right="discover")
    assert otto.get(f"/lesen/{paper}").status == 404
    stands = clerk.get(action)
    assert "may not: see that it is there Take back" in stands.text
    assert "may not: see that it is there" in clerk.get(f"{DESK}/rechte").text
    entry = stands.tree.xpath("//button[@name='entry']/@value")[0]
    agreed(clerk, stands, f"{action}/zuruecknehmen", "Otto Maier", entry=entry)
    assert otto.get(f"/lesen/{paper}").status == 200
    window = {"begin": "2027-04-01", "end": "2027-04-30", "begin_time": "08:00"}
    agreed(clerk, stands, action, "matter on 1 Apr 2027, 08:00", whom="role:guest", level="read", **window)
    assert "From 1 Apr 2027, 08:00. Until 30 Apr 2027." in clerk.get(action).text


def test_a_paper_belongs_to_further_items(
    server: RunningServer, clerk: PortalClient, visitors: Callable[[str], PortalClient]
) -> None:
    """The stricter class of the item counts at once, and a second person takes it off again; another committee's item
    only from a desk of one's own.
    """
    item(server, "N 11", "--part", "non_public")
    times = ("--start", f"{MEETING}T19:00", "--end", f"{MEETING}T22:00")
    command("meeting", "add", "bau", MEETING, "--title", "Bau", *times, data=server.data)
    item(server, "12", share="bau")
    paper, kurt = draft(server, "Gutachten.pdf"), visitors("kurt")
    action = f"/einstufung/{paper}"
    page = clerk.get(action)
    agreed(clerk, page, f"{action}/freigeben", "Otto Maier")
    bind = f"{action}/zuordnen"
    assert clerk.submit(page, bind, meeting=f"rat/{MEETING}", number="99").status == 409
    assert kurt.submit(kurt.get(action), bind, meeting=f"bau/{MEETING}", number="12").status == 404
    agreed(clerk, page, bind, meeting=f"bau/{MEETING}", number="12")
    agreed(clerk, page, bind, "Otto Maier", meeting=f"rat/{MEETING}", number="N 11")
    bound = clerk.get(action)
    assert f"N 11 Punkt N 11 {MEETING}" in bound.text
    assert "An item of another committee" in bound.text
    assert visitors("otto").get(f"/herunterladen/{paper}").status == 403
    mine, foreign = bound.tree.xpath("//button[@name='point']/@value")
    agreed(clerk, clerk.get(action), f"{action}/trennen", point=foreign)
    assert agreed(clerk, clerk.get(action), f"{action}/trennen", "Otto Maier", point=mine).onward.endswith("proposed")
    waiting = kurt.get("/zustimmen")
    assert "shall no longer belong to an agenda item" in waiting.text
    proposal = waiting.tree.xpath("//button[@name='proposal']/@value")[0]
    assert kurt.submit(waiting, "/zustimmen", proposal=proposal, yes="yes").status == 303
    assert "It belongs to no agenda item." in clerk.get(action).text
    assert visitors("otto").get(f"/herunterladen/{paper}").status == 200
    assert clerk.post(f"{action}/trennen", {"token": page.token(), "point": "1"}).status == 404


def test_a_draft_is_released_and_held_back_at_the_paper(
    server: RunningServer, clerk: PortalClient, visitors: Callable[[str], PortalClient]
) -> None:
    """Saving the form without touching the release leaves `never` as it is: nothing is released by the way."""
    paper, otto = draft(server, "Nachtrag.pdf"), visitors("otto")
    action = f"/einstufung/{paper}"
    agreed(clerk, clerk.get(action), f"{action}/freigeben", "Otto Maier")
    assert otto.get(f"/herunterladen/{paper}").status == 200
    agreed(clerk, clerk.get(action), action, "Otto Maier", release="never")
    assert otto.get(f"/herunterladen/{paper}").status == 403
    agreed(clerk, clerk.get(action), action, review_at="2027-06-01T00:00", matter="20-26 / V 4711")
    assert otto.get(f"/herunterladen/{paper}").status == 403
    assert "A matter is recorded here" in clerk.get(action).text
    agreed(clerk, clerk.get(action), f"{action}/freigeben", "Otto Maier")
    assert otto.get(f"/herunterladen/{paper}").status == 200
    assert clerk.submit(clerk.get(action), action, release="at", release_at="").status == 400


def test_a_hold_has_a_window_and_a_place_in_the_list(clerk: PortalClient, paper: str) -> None:
    """Whoever looks at a held paper finds the way to its end, although nobody may change its class."""
    action = f"/einstufung/{paper}"
    page = clerk.get(action)
    agreed(clerk, page, f"{action}/festhalten", reason=HOSTILE, end="2031-01-01")
    listed = clerk.get(f"{DESK}/festgehalten")
    assert HOSTILE in listed.text
    assert "It ends on 1 Jan 2031." in listed.text
    assert "Class and dates" in clerk.get(f"/lesen/{paper}").text
    number = clerk.get(action).tree.xpath("//button[@name='hold']/@value")[0]
    agreed(clerk, clerk.get(action), f"{action}/loslassen", hold=number)
    assert HOSTILE not in clerk.get(f"{DESK}/festgehalten").text


def test_who_sees_this_is_told_at_each_paper(clerk: PortalClient, paper: str) -> None:
    """By name those whom the clerk may know of; people beyond that as a number."""
    assert clerk.get(f"/lesen/{paper}").links()["Who sees this?"] == f"/einstufung/{paper}#sees"
    sees = " ".join(clerk.get(f"/einstufung/{paper}").tree.xpath("string(//dl[@class='sees'])").split())
    assert sees.startswith("May read and download it")
    assert all(name in sees for name in ("Clara Clerk", "Kurt Clerk", "Otto Maier"))
    assert "Berta" not in sees


def test_the_second_person_is_surely_another(
    server: RunningServer, clerk: PortalClient, visitors: Callable[[str], PortalClient]
) -> None:
    """Whoever made the letter with which somebody set his password cannot have him agree: it might be himself."""
    new = {"user": "zoe", "name": "Zoe Zweit", "role": "clerk", "begin": "2026-01-01"}
    agreed(clerk, clerk.get(f"{DESK}/personen"), f"{DESK}/personen/neu", **new)
    token = clerk.get(f"{DESK}/personen").token()
    letter = clerk.post(f"{DESK}/personen/brief", {"token": token, "user": "zoe"})
    guest = PortalClient(server.url)
    typed = guest.submit(guest.get("/einladung"), "/einladung", code=CODE.findall(written(letter.body))[0])
    assert guest.submit(typed, "/einladung/passwort", password=PASSWORD, again=PASSWORD).status == 303
    action = f"/einstufung/{draft(server, 'Klasse.pdf')}"
    agreed(clerk, clerk.get(action), f"{action}/freigeben")
    agreed(clerk, clerk.get(action), action, classification="restricted")
    assert agreed(clerk, clerk.get(action), action, classification="public").onward.endswith("proposed")
    kurt, zoe = visitors("kurt"), visitors("zoe")
    waiting, hers = kurt.get("/zustimmen"), zoe.get("/zustimmen")
    proposal = waiting.tree.xpath("//button[@name='proposal']/@value")[-1]
    assert "Somebody else must say yes" in hers.text
    assert zoe.post("/zustimmen", {"token": hers.token(), "proposal": proposal, "yes": "yes"}).status == 409
    assert kurt.submit(waiting, "/zustimmen", proposal=proposal, yes="yes").status == 303


# -- lists --------------------------------------------------------------------------------------------------------


def test_exclusions_are_listed_and_lifted(
    server: RunningServer, clerk: PortalClient, visitors: Callable[[str], PortalClient]
) -> None:
    """With window and effect; nobody lifts his own; from the discussion only, the papers stay open."""
    item(server, "21")
    folder = node_of(server, f"/dav/rat/{MEETING}%20Vollgremium/21%20Punkt%2021")
    action, listing = f"/ausschluss/{folder}", f"{DESK}/ausschluesse"
    agreed(clerk, clerk.get(action), action, "Vera Vorsitz", person="vera", effect="documents", end="2031-05-05")
    page = clerk.get(listing)
    assert f"Vera Vorsitz {MEETING}, 21 · the papers only" in page.text
    assert "Until 5 May 2031." in page.text
    assert visitors("vera").get(f"/ordner/{folder}").status == 404
    number = page.tree.xpath("//button[@name='recusal']/@value")[0]
    agreed(clerk, page, listing, recusal=number)
    assert visitors("vera").get(f"/ordner/{folder}").status in {200, 404}
    assert "Vera Vorsitz" not in clerk.get(listing).text
    assert clerk.post(listing, {"token": page.token(), "recusal": number, "yes": "yes"}).status == 404


def test_shares_of_colleagues_are_taken_back(
    server: RunningServer, clerk: PortalClient, paper: str, visitors: Callable[[str], PortalClient]
) -> None:
    """Whoever made them; first who loses what."""
    name = clerk.get(f"/lesen/{paper}").title
    command(*("share", "add", f"rat/Arbeitsordner/{name}", "--with", "committee:bau", "--as", "kurt"), data=server.data)
    assert visitors("berta").get(f"/lesen/{paper}").status == 200
    page = clerk.get(f"{DESK}/freigaben")
    assert "With Bauausschuss" in page.text
    entry = page.tree.xpath("//button[@name='entry']/@value")[0]
    agreed(clerk, page, f"{DESK}/freigaben/intern", "Berta Bau", entry=entry)
    assert visitors("berta").get(f"/lesen/{paper}").status == 404


def test_a_meeting_gets_another_time(clerk: PortalClient) -> None:
    action = f"{DESK}/sitzung/{MEETING}/angaben"
    page = clerk.get(f"{DESK}/sitzung/{MEETING}")
    assert page.form(action)["begin"] == "19:00"
    assert clerk.submit(page, action, begin="23:00").status == 400
    agreed(clerk, page, action, begin="18:30")
    assert clerk.get(f"{DESK}/sitzung/{MEETING}").form(action)["begin"] == "18:30"
    agreed(clerk, page, action, begin="19:00")


# -- who may not --------------------------------------------------------------------------------------------------


def test_a_clerk_of_another_desk_sees_and_changes_nothing(
    server: RunningServer, clerk: PortalClient, paper: str, visitors: Callable[[str], PortalClient]
) -> None:
    """berta works at one desk only: at the other everything answers as if it were not there, or refuses alike."""
    berta = visitors("berta")
    assert berta.get("/geschaeftsstelle").onward == "/geschaeftsstelle/bau"
    pages = [DESK, f"{DESK}/sitzung/{MEETING}", f"/einstufung/{paper}", f"/rechte/{paper}"]
    lists = ("personen", "ausschluesse", "rechte", "freigaben", "festgehalten", "sperren", "verlauf", "laufwerk")
    pages += [f"{DESK}/{name}" for name in lists]
    token = {"token": berta.get("/").token(), "yes": "yes"}
    for path in pages:
        assert berta.get(path).status == 404, path
    posts = ("neu", "vertreten", "beenden", "verpflichten", "angaben", "zugang", "brief")
    targets = [f"{DESK}/personen/{name}" for name in posts]
    targets += [f"{DESK}/{name}" for name in ("personen", "ausschluesse", "freigaben/intern", "laufwerk")]
    targets.append(f"/rechte/{paper}")
    targets += [f"/einstufung/{paper}/{name}" for name in ("freigeben", "zuordnen", "trennen", "festhalten")]
    for path in targets:
        assert berta.post(path, token | {"user": "otto", "role": "member", "begin": "2026-01-01"}).status == 404, path
    for user in ("otto", "vera"):
        visitor = visitors(user)
        mine = {"token": visitor.get("/").token(), "yes": "yes", "user": "otto", "begin": "2026-01-01"}
        assert {visitor.post(path, mine).status for path in targets} <= {403, 404}, user
    assert "Otto Maier" in clerk.get(f"{DESK}/personen").text
    assert "Otto" not in berta.get("/geschaeftsstelle/bau/personen").text


# -- auditors -----------------------------------------------------------------------------------------------------


def test_an_auditor_sees_readings_for_a_purpose_and_no_paper(
    server: RunningServer, clerk: PortalClient, visitors: Callable[[str], PortalClient]
) -> None:
    """By paper, person and day; each look is a line of its own; a clerk has no such page (rights.md §2)."""
    item(server, "N 31", "--part", "non_public")
    folder = f"/dav/rat/{MEETING}%20Vollgremium/N%2031%20Punkt%20N%2031"
    with server.client("kurt") as kurt:
        assert kurt.put(f"{folder}/Geheimsache.pdf", b"%PDF-1 secret").status == 201
        assert kurt.get(f"{folder}/Geheimsache.pdf").status == 200
    paper = node_of(server, f"{folder}/Geheimsache.pdf").rpartition("/")[2]
    assert clerk.get("/protokoll").status == visitors("otto").get("/protokoll").status == 404
    renate = visitors("renate")
    assert "Who has read what" in renate.get("/").text
    page = renate.get("/protokoll")
    assert renate.submit(page, "/protokoll", whom="rat").status == 400
    why = {"purpose": "complaint", "reference": "Az 17/2027"}
    found = renate.submit(page, "/protokoll", whom="rat", paper=paper, **why)
    assert f"Kurt Clerk has read Paper {paper}, not public" in found.text
    assert "Geheimsache" not in found.text
    assert renate.get(f"/lesen/rat/{paper}").status == 404
    nobody = renate.submit(page, "/protokoll", whom="rat/otto", paper=paper, **why)
    assert "Nobody has read anything" in nobody.text
    assert "has read Paper" not in renate.submit(page, "/protokoll", whom="rat", end="2020-01-01", **why).text
    for foreign in ("bau", "rat/berta", "nowhere"):
        assert renate.submit(page, "/protokoll", whom=foreign, **why).status == 404
    told = renate.submit(page, "/protokoll", whom="rat", **why).text
    assert "Renate Revision has looked at this log: Complaint or suspicion, Az 17/2027; otto" in told
    assert "look" not in clerk.get(f"{DESK}/verlauf").tree.xpath("string(//main//ul)")
    assert "Geheimsache.pdf" in visitors("kurt").get("/mein-protokoll").text
    assert "Geheimsache" not in visitors("otto").get("/mein-protokoll").text
