"""The public board over HTTP: what anybody finds without login, and its Atom feed (portal.md §9, RFC 4287)."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from lxml import etree

from tests.portal.portalclient import PortalClient
from tests.running import RunningServer, command, copied, start

ATOM = "{http://www.w3.org/2005/Atom}"
MEETINGS = """
[[committee]]
id = "rat"
name = "Stadtrat & Ausschüsse"
provider = "vault"
publish_with_agenda = true

  [[committee.mandate]]
  user = "clara"
  role = "clerk"
  start = 2020-05-01

  [[committee.meeting]]
  id = "2026-12-07"
  title = "Vollversammlung"
  start = 2020-12-07T19:00:00
  end = 2020-12-07T22:00:00

    [[committee.meeting.item]]
    number = "1"
    title = "Bäume pflanzen"

    [[committee.meeting.item]]
    number = "2"
    part = "non_public"
    title = "Grundstück kaufen"
"""


@pytest.fixture(scope="module")
def served(installed: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """A committee that publishes with its agendas, with a meeting whose agenda is out."""
    data = copied(installed, tmp_path_factory.mktemp("public"))
    declarations = data.parent / "rat.toml"
    declarations.write_text(MEETINGS, encoding="utf-8")
    command("apply", str(declarations), data=data)
    with start(data, workers=1) as running, running.client("clara", "/dav/rat") as clerk:
        (meeting,) = [name for name in clerk.names("/") if "Vollversammlung" in name]
        for folder in clerk.names(f"/{meeting}/"):
            assert clerk.put(f"/{meeting}/{folder}/Vorlage {folder[:5]}.txt", b"paper").status == 201
        assert clerk.put("/Interna.txt", b"canary").status == 201
        command("meeting", "state", "rat", "2026-12-07", "agenda_released", data=data)
        yield running


@pytest.fixture
def anybody(served: RunningServer) -> PortalClient:
    return PortalClient(served.url)


def test_published_is_found_without_login_and_nothing_else(anybody: PortalClient) -> None:
    """From the board to the bytes; the non-public part and what is not published are not there, not even as numbers."""
    page = anybody.get("/oeffentlich/rat")
    assert (page.status, page.title) == (200, "Stadtrat & Ausschüsse")
    assert "Vollversammlung" in page.text
    assert "Interna" not in page.text
    meeting = anybody.get(next(path for words, path in page.links().items() if "Vollversammlung" in words))
    assert "Bäume pflanzen" in meeting.text
    assert "Grundstück" not in meeting.text
    folder = anybody.get(next(path for words, path in meeting.links().items() if "Bäume" in words))
    document = anybody.get(next(path for words, path in folder.links().items() if "Vorlage" in words))
    assert anybody.get(document.links()["Herunterladen"]).body == b"paper"
    number = int(document.path.rpartition("/")[2])
    opened = [near for near in range(number - 40, number + 40) if anybody.get(f"/oeffentlich/rat/{near}").status == 200]
    texts = " ".join(anybody.get(f"/oeffentlich/rat/{near}").text for near in opened)
    assert number in opened
    assert "Interna" not in texts
    assert "Grundstück" not in texts


def test_a_committee_that_publishes_nothing_is_like_none(anybody: PortalClient, served: RunningServer) -> None:
    """Law 3; whoever is signed in sees the same board as everybody."""
    absent = anybody.get("/oeffentlich/gibt-es-nicht")
    for path in ("/oeffentlich/ba05", "/oeffentlich/ba05/atom.xml", "/oeffentlich/geteilt", "/oeffentlich/rat/1"):
        page = anybody.get(path)
        assert (page.status, page.body) == (absent.status, absent.body)
    clara = PortalClient.signed_in(served.url, "clara")
    assert "Interna" not in clara.get("/oeffentlich/rat").text
    assert clara.get("/oeffentlich/ba05").status == 404


def test_the_feed_names_the_newest_documents(anybody: PortalClient, served: RunningServer) -> None:
    """RFC 4287 §4.1.1, §4.1.2: id, title, updated, author; each entry leads to its page."""
    answer = anybody.get("/oeffentlich/rat/atom.xml")
    assert answer.headers["Content-Type"].startswith("application/atom+xml")
    feed = etree.fromstring(answer.body)
    assert feed.tag == f"{ATOM}feed"
    assert [feed.findtext(f"{ATOM}{name}") is not None for name in ("id", "title", "updated")] == [True] * 3
    assert feed.findtext(f"{ATOM}title") == "Stadtrat & Ausschüsse"
    titles = [entry.findtext(f"{ATOM}title") for entry in feed.iter(f"{ATOM}entry")]
    assert len(titles) == 1
    assert str(titles[0]).startswith("Vorlage")
    target = urlsplit(str(feed.find(f"{ATOM}entry/{ATOM}link").get("href")))  # type: ignore[union-attr]
    assert target.netloc == urlsplit(served.url).netloc
    assert anybody.get(target.path).status == 200


def test_a_feed_that_is_known_is_not_sent_again(anybody: PortalClient, served: RunningServer) -> None:
    """RFC 9110 §13: by tag and by time; the tag changes with what the feed says."""
    first = anybody.get("/oeffentlich/rat/atom.xml")
    tag, time = str(first.headers["ETag"]), str(first.headers["Last-Modified"])
    for asked in ({"If-None-Match": tag}, {"If-Modified-Since": time}):
        again = anybody.get("/oeffentlich/rat/atom.xml", asked)
        assert (again.status, again.body, again.headers["ETag"]) == (304, b"", tag)
    name = f"Neu-{uuid.uuid4().hex[:6]}.txt"
    with served.client("clara", "/dav/rat") as clerk:
        assert clerk.put(f"/{name}", b"x").status == 201
    command("label", f"rat/{name}", "--class", "public", "--release", "now", "--publish", "now", data=served.data)
    changed = anybody.get("/oeffentlich/rat/atom.xml", {"If-None-Match": tag, "If-Modified-Since": time})
    assert changed.status == 200
    assert name in changed.body.decode()


def test_what_is_withdrawn_is_gone_at_once(anybody: PortalClient, served: RunningServer) -> None:
    """A raised class closes the page, the bytes and the line of the feed."""
    name = f"Kurz-{uuid.uuid4().hex[:6]}.txt"
    with served.client("clara", "/dav/rat") as clerk:
        assert clerk.put(f"/{name}", b"x").status == 201
        command("label", f"rat/{name}", "--class", "public", "--release", "now", "--publish", "now", data=served.data)
        page = anybody.get("/oeffentlich/rat")
        path = next(to for words, to in page.links().items() if name in words)
        assert anybody.get(f"{path}/herunterladen").body == b"x"
        assert name in anybody.get("/oeffentlich/rat/atom.xml").body.decode()
        command("label", f"rat/{name}", "--class", "restricted", data=served.data)
        assert anybody.get(path).status == anybody.get(f"{path}/herunterladen").status == 404
        assert name not in anybody.get("/oeffentlich/rat/atom.xml").body.decode()
