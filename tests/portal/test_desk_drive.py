"""What holds in a committee's whole drive, dates that never come, links that let change, and the end of what was thrown
away: at the desk and in the portal as by command, each looked at first (portal.md §8; docs/desk.md).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from davserver.declarations import parse_declaration
from davserver.declaring import declare
from davserver.keyed import BadDeclaration
from tests.dav.doors import opened
from tests.davclient import DavClient
from tests.portal.desk import agreed, install_with_desk
from tests.portal.portalclient import PortalClient
from tests.portal.test_desk_rights import MEETING, MEETINGS, node_of
from tests.running import RunningServer, start

DESK = "/geschaeftsstelle/rat"
DRIVE = f"{DESK}/laufwerk"
FACTS = '[[committee]]\nid = "rat"\nname = "Stadtrat"\n'
EVERYBODY = "Everybody, also without an account"


@pytest.fixture(scope="module")
def server(installed: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    with start(install_with_desk(installed, tmp_path_factory.mktemp("drive"), MEETINGS), workers=1) as server:
        yield server


@pytest.fixture
def language() -> str:
    return "en"


@pytest.fixture
def clerk(visitors: Callable[[str], PortalClient]) -> PortalClient:
    return visitors("clara")


def put(server: RunningServer, path: str, content: bytes = b"%PDF-1 paper") -> str:
    """`rat/NODE` of a fresh document."""
    with server.client("clara") as clara:
        assert clara.put(f"/dav/rat/{path}", content).status == 201
    return node_of(server, f"/dav/rat/{path}")


def settings(**switches: str) -> dict[str, str]:
    """Of the drive, as its form sends them: a box without a tick is not sent."""
    return {"default_class": "public", **switches}


def changed(clerk: PortalClient, told: str, **switches: str) -> str:
    """The drive's form, looked at and agreed to; what was done."""
    token = {"token": clerk.get(DRIVE).token()}
    looked = clerk.post(DRIVE, token | settings(**switches))
    assert (looked.status, "Yes, do it" in looked.text) == (200, True), looked.text
    assert told in looked.text
    return clerk.submit(looked, DRIVE, yes="yes").onward.rpartition("=")[2]


def test_drafts_are_shown_early_and_agendas_published_at_once(
    server: RunningServer, clerk: PortalClient, visitors: Callable[[str], PortalClient]
) -> None:
    """First who gains what, those without an account too; it holds at once, and stands in the log (rights.md §1)."""
    paper, otto = put(server, f"{MEETING}%20Vollgremium/Entwurf.txt", b"early words"), visitors("otto")
    anybody = PortalClient(server.url)
    assert "early words" not in otto.get(f"/lesen/{paper}").text
    assert changed(clerk, "may then read 1 document here in the portal", early="yes") == "relabelled"
    assert "early words" in otto.get(f"/lesen/{paper}").text
    assert changed(clerk, "may no longer read 1 document") == "relabelled"
    assert "early words" not in otto.get(f"/lesen/{paper}").text
    agreed(clerk, clerk.get(f"/einstufung/{paper}"), f"/einstufung/{paper}/freigeben", "Otto Maier")
    public = f"/oeffentlich/rat/{paper.partition('/')[2]}"
    assert anybody.get(public).status == 404
    assert changed(clerk, EVERYBODY, publishes="yes") == "relabelled"
    assert anybody.get(public).status == 200
    assert changed(clerk, EVERYBODY) == "relabelled"
    assert anybody.get(public).status == 404
    assert "changed what holds in the whole drive" in clerk.get(f"{DESK}/verlauf?nur=rechte").text


def test_a_lower_default_class_waits_for_a_second_person(
    server: RunningServer, clerk: PortalClient, visitors: Callable[[str], PortalClient]
) -> None:
    """As at a paper: raised by one alone, lowered by two once something was released; a file of the operator's neither
    goes round that nor turns back what it does not name (rights.md §2).
    """
    paper, otto, kurt = put(server, "Arbeitsordner/Protokoll.pdf"), visitors("otto"), visitors("kurt")
    assert otto.get(f"/lesen/{paper}").status == 200
    assert changed(clerk, "Otto Maier", default_class="office") == "relabelled"
    assert otto.get(f"/lesen/{paper}").status == 404
    with opened(server.data) as house:
        assert declare(house, parse_declaration(FACTS), "command:root") == []
        with pytest.raises(BadDeclaration, match="takes a second person"):
            declare(house, parse_declaration(FACTS + 'default_class = "public"\n'), "command:root")
    assert clerk.get(DRIVE).form(DRIVE)["default_class"] == "office"
    assert changed(clerk, "Otto Maier") == "proposed"
    assert otto.get(f"/lesen/{paper}").status == 404
    assert "Somebody else must say yes" in clerk.get("/zustimmen").text
    waiting = kurt.get("/zustimmen")
    assert "What has no class of its own shall become: public" in waiting.text
    proposal = waiting.tree.xpath("//button[@name='proposal']/@value")[-1]
    looked = kurt.submit(waiting, "/zustimmen", proposal=proposal)
    assert "Otto Maier" in looked.text
    assert kurt.submit(looked, "/zustimmen", yes="yes").status == 303
    assert otto.get(f"/lesen/{paper}").status == 200
    token = {"token": clerk.get(DRIVE).token()}
    assert clerk.post(DRIVE, token | settings(default_class="geheim")).status == 409


def test_a_whole_drive_is_kept_as_it_is(server: RunningServer, clerk: PortalClient) -> None:
    """At its root, where the page of the drive leads to: dates for all that has none of its own, and a hold."""
    links = clerk.get(DRIVE).links()
    action = links["Class and dates"]
    assert clerk.get(links["Rights given by hand"]).status == 200
    agreed(clerk, clerk.get(action), action, close="at", close_at="2031-01-01T00:00")
    assert clerk.get(action).form(action)["close_at"] == "2031-01-01T00:00"
    agreed(clerk, clerk.get(action), action, close="inherit")
    agreed(clerk, clerk.get(action), f"{action}/festhalten", reason="Klage")
    with server.client("clara") as clara:
        assert clara.put("/dav/rat/Arbeitsordner/Neu.pdf", b"x").status == 201
        assert clara.request("DELETE", "/dav/rat/Arbeitsordner/Neu.pdf").status == 403
        page = clerk.get(action)
        hold = page.tree.xpath("//button[@name='hold']/@value")[0]
        agreed(clerk, page, f"{action}/loslassen", hold=hold)
        assert clara.request("DELETE", "/dav/rat/Arbeitsordner/Neu.pdf").status == 204


@pytest.mark.parametrize("date", ["close", "publish", "review"])
def test_a_date_may_be_never(server: RunningServer, clerk: PortalClient, date: str) -> None:
    """Also where the folder has one; it stays so when other things are saved, and is taken back by `as the folder`."""
    action = f"/einstufung/{put(server, f'Arbeitsordner/{date}.pdf')}"
    own = {date: "never", f"{date}_at": ""}
    for told, fields, stands in (
        ("at", {f"{date}_at": "2031-05-05T08:00"}, "2031-05-05T08:00"),
        ("never", own, ""),
        ("never", {"matter": "20-26 / V 1"}, ""),
        ("inherit", {date: "inherit"}, ""),
    ):
        agreed(clerk, clerk.get(action), action, **fields)
        form = clerk.get(action).form(action)
        assert (form[date], form[f"{date}_at"]) == (told, stands), fields
    assert clerk.submit(clerk.get(action), action, **{date: "at"}).status == 400
    assert clerk.submit(clerk.get(action), action, **{date: "sometime"}).status == 400


def test_a_link_lets_people_change_and_outlives_a_higher_class(server: RunningServer, clerk: PortalClient) -> None:
    """As `link create --rights read write-content bind --max-class restricted`; nothing goes that way, ever."""
    folder = node_of(server, "/dav/rat/Arbeitsordner")
    put(server, "Arbeitsordner/Plan.txt", b"old")
    action = f"/teilen/{folder}"
    wish = {"way": "link", "level": "write", "until": clerk.get(action).tree.xpath("//*[@id='until-link']/@value")[0]}
    token = {"token": clerk.get(action).token()}
    assert clerk.post(action, token | wish | {"most": "non_public"}).status == 400
    looked = clerk.post(action, token | wish | {"most": "restricted"})
    assert "They may also change it and add documents" in looked.text
    assert "It stays open if the class rises, up to: for the committee only" in looked.text
    made = clerk.submit(looked, action)
    page, drive = (made.tree.xpath(f"//input[@id='{name}']/@value")[0] for name in ("url", "drive"))
    assert urlsplit(drive).path in PortalClient(server.url).get(urlsplit(page).path).text
    agreed(clerk, clerk.get(f"/einstufung/{folder}"), f"/einstufung/{folder}", classification="restricted")
    with DavClient(server.url, "anybody", "") as guest:
        at = urlsplit(drive).path
        assert guest.put(f"{at}Plan.txt", b"new").status == 204
        assert guest.put(f"{at}Mehr.txt", b"more").status == 201
        assert guest.request("DELETE", f"{at}Plan.txt").status == 403
    assert "Link, to change too" in clerk.get(f"{DESK}/freigaben").text
    assert "to change too" in clerk.get("/meine-freigaben").text


def test_what_was_thrown_away_is_destroyed_by_whoever_might_remove_it(
    server: RunningServer, clerk: PortalClient, visitors: Callable[[str], PortalClient]
) -> None:
    """Looked at first, and never under a hold; then nobody has it, and the log says so (storage.md)."""
    paper = put(server, "Arbeitsordner/Weg.pdf")
    with server.client("clara") as clara:
        assert clara.request("MKCOL", "/dav/rat/Arbeitsordner/Alt/").status == 201
        for name in ("eins", "zwei"):
            assert clara.put(f"/dav/rat/Arbeitsordner/Alt/{name}.txt", b"x").status == 201
        held = node_of(server, "/dav/rat/Arbeitsordner/Alt/")
        for name in ("Weg.pdf", "Alt/"):
            assert clara.request("DELETE", f"/dav/rat/Arbeitsordner/{name}").status == 204
    action, page = "/papierkorb/vernichten", clerk.get("/papierkorb")
    token = {"token": page.token()}
    buttons = page.tree.xpath(f"//form[@action='{action}']//button/@value")
    assert {paper, held} <= set(buttons)
    sam = visitors("sam")
    assert sam.post(action, {"token": sam.get("/").token(), "thrown": paper, "yes": "yes"}).status == 404
    looked = clerk.post(action, token | {"thrown": held})
    assert "2 documents go with this folder." in looked.text
    assert held in clerk.get("/papierkorb").tree.xpath("//button/@value")
    done = clerk.submit(looked, action, yes="yes")
    assert "It is destroyed" in clerk.open(done.onward).text
    assert held not in clerk.get("/papierkorb").tree.xpath("//button/@value")
    assert clerk.post(action, token | {"thrown": held, "yes": "yes"}).status == 404
    assert clerk.post("/papierkorb", token | {"thrown": held}).status == 404
    with opened(server.data) as house:
        assert [line["who"] for line in house.audit.show(acts=("purge",))] == ["user:clara"]
    folder = "/einstufung/" + node_of(server, "/dav/rat/Arbeitsordner")
    agreed(clerk, clerk.get(folder), f"{folder}/festhalten")
    assert paper not in clerk.get("/papierkorb").tree.xpath(f"//form[@action='{action}']//button/@value")
    assert clerk.post(action, token | {"thrown": paper}).status == 403
    assert clerk.post(action, token | {"thrown": paper, "yes": "yes"}).status == 403
    assert paper in clerk.get("/papierkorb").tree.xpath("//button/@value")
