"""Sixty hostile documents and names in every view, in Chromium: nothing runs, nothing foreign is asked for (S-26)."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from lxml import etree

from acl.privileges import Rights
from davserver.declarations import parse_declaration
from davserver.declaring import declare
from davserver.digest import DAY
from davserver.tree.seen import Terms
from shareproviders.paths import SharePath
from tests.dav.doors import door, opened
from tests.listening import listening
from tests.portal.chromium import Browser, browser
from tests.portal.hostile import script, uploads
from tests.portal.mails import receiving, run
from tests.portal.town import BY, COMMITTEE, EVENING, FACTS, MEETING, OFFICES, TREES, Town, put, release, town
from tests.soaking import SOAK

MARKUP = "<img src=x onerror=ran=1>{{7*7}}"
SAYS_SO = f"""
{FACTS.replace('"Stadtrat"', f'"Stadtrat {MARKUP}"')}

  [[committee.meeting]]
  id = "{MEETING}"
  title = "Vollgremium {MARKUP}"
  start = {MEETING}T19:00:00
  end = {MEETING}T22:00:00

    [[committee.meeting.item]]
    number = "2"
    title = "Bäume {MARKUP}"
"""
PEOPLE = "\n".join(
    f'[[person]]\nuser = "{user}"\nname = "{user.title()} {MARKUP}"\nemail = "{user}@example.org"\n' for user in OFFICES
)
FOUND = """
return [
  performance.getEntriesByType('navigation')[0].responseStatus,
  'ran' in window,
  frames.length,
  document.querySelectorAll('main script:not([src^="/static/"]), base, iframe, object, embed').length,
  document.querySelectorAll('[onerror], [onload], [onclick], [onmouseover], [onfocus]').length,
  document.querySelectorAll('a[href^="javascript:" i], a[href^="data:" i], meta[http-equiv]').length,
];
"""
NOTHING = [200, False, 0, 0, 0, 0]
EVERY = 2 if SOAK else 6
"""Of the sixty, every so-manieth is shown to the public, too; the member opens them all."""
Placed = dict[str, str]


@pytest.fixture(scope="module")
def heard() -> Iterator[tuple[str, list[bytes]]]:
    with listening() as found:
        yield found


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    with town(tmp_path_factory.mktemp("hostile")) as built:
        yield built


@pytest.fixture(scope="module")
def placed(built: Town, heard: tuple[str, list[bytes]]) -> Placed:
    """Name → number. Some have two versions, are shared, thrown away, commented; people and titles join in."""
    place, found = f"{EVENING}/{TREES}", dict[str, str]()
    with opened(built.server.data) as house:
        clerk = door(house, "clara")
        where = SharePath((COMMITTEE, *place.split("/")))
        for number, (name, content) in enumerate(uploads(heard[0]).items()):
            put(clerk, f"{place}/{name}", content)
            found[name] = str(clerk.stat(where / name).node.id)
            if number % 9 == 0:
                put(clerk, f"{place}/{name}", content + b" ")
                put(clerk, f"{place}/weg {name}", b"x")
                clerk.delete(where / f"weg {name}", Terms())
                clerk.share_inside(where / name, "user:sam", Rights.READ, None, None)
                clerk.add_comment(where / name, f"{MARKUP}</textarea><script>ran=1</script>")
        release(house, place)
        declare(house, parse_declaration(PEOPLE + SAYS_SO), BY)
    citizen, form = built.visitor("citizen"), f"/s/{built.things['link']}/schreiben"
    written = citizen.submit(citizen.get(form), form, text=f"</textarea><script>ran=1</script>{MARKUP}")
    built.things["reply"] = str(written.tree.xpath("//input[@id='url']/@value")[0]).rpartition("/")[2]
    return found


@pytest.fixture(scope="module")
def window(built: Town) -> Iterator[Browser]:
    with browser(built.server.url, listens=True) as here:
        yield here


def look(window: Browser, role: str, built: Town, paths: Sequence[str]) -> dict[str, object]:
    """What has run, or has become an element, on any of these pages."""
    window.become(built.visitor(role).cookies if role != "citizen" else {})
    found = dict[str, object]()
    for path in paths:
        window.open(path)
        if window.all(".viewer[data-source]"):
            window.wait(lambda _: bool(window.all(".viewer[data-ready], .refused:not([hidden])")))
        state = window.driver.execute_script(FOUND)
        if state != NOTHING:
            found[path] = state
    return found


def look_first(window: Browser, at: str, numbers: Sequence[str]) -> dict[str, object]:
    """The same of what comes before a deed, for the clerk who is here: pages that only a form leads to."""
    steps = [(f"/teilen/{at}/{number}", ".choices form button.main") for number in numbers]
    steps += [(f"/einstufung/{at}/{number}", "section form button.main") for number in numbers]
    steps.append(("/papierkorb", "form[action$='/vernichten'] button"))
    found = dict[str, object]()
    for path, button in steps:
        window.open(path)
        for field in window.all("#receiver option:nth-child(2)")[:1]:
            window.driver.execute_script("arguments[0].selected = true", field)
        window.driver.execute_script("document.querySelector(arguments[0]).click()", button)
        window.wait(lambda _: bool(window.all("main form input[type=hidden][name=token] ~ .buttons a.button")))
        state = window.driver.execute_script(FOUND)
        if state != NOTHING:
            found[f"{path} {button}"] = state
    return found


def asked_for(window: Browser) -> set[str]:
    """Hosts of everything that the window has asked for since it was opened."""
    told = [json.loads(line["message"])["message"] for line in window.driver.get_log("performance")]
    sent = [each["params"]["request"]["url"] for each in told if each["method"] == "Network.requestWillBeSent"]
    return {urlsplit(url).netloc for url in sent if not url.startswith(("data:", "blob:"))}


def test_the_measure_notices_what_runs(window: Browser, tmp_path: Path) -> None:
    """Else the rest would prove nothing."""
    with listening() as (url, heard):
        page = tmp_path / "page.html"
        markup = f"<main><script>{script(url)}</script><iframe></iframe><b onclick='ran=1'>x</b></main>"
        page.write_text(markup, encoding="utf-8")
        window.driver.get(page.as_uri())
        window.wait(lambda _: bool(heard))
        assert window.driver.execute_script(FOUND) == [200, True, 1, 2, 1, 0]
        assert urlsplit(url).netloc in asked_for(window)
    window.driver.get_log("browser")


def test_nothing_runs_in_any_view(window: Browser, built: Town, placed: Placed, heard: tuple[str, list[bytes]]) -> None:
    """Listing, reading, search, trash, versions, shares, comments, desk; by link and in public."""
    assert len(placed) >= 60
    at, things, numbers = COMMITTEE, built.things, list(placed.values())
    way = built.visitor("clerk").open(f"/lesen/{at}/{numbers[0]}").links().values()
    lists = ["/", *(path for path in way if "/ordner/" in path), "/suche?q=ran", "/suche?q=%3Cimg", "/geteilt/"]
    rooms = ("", f"/sitzung/{MEETING}", "/personen", "/freigaben", "/verlauf", "/laufwerk", "/rechte", "/ausschluesse")
    desk = [f"/geschaeftsstelle/{at}{room}" for room in rooms]
    letters = ("/zuschriften", f"/zuschriften/{at}/{things['paper']}")
    own = (
        "warum",
        "umbenennen",
        "verschieben",
        "loeschen",
        "fassungen",
        "anmerkungen",
        "teilen",
        "einstufung",
        "rechte",
    )
    found = look(window, "member", built, [*lists, *(f"/lesen/{at}/{number}" for number in numbers)])
    found |= look(window, "clerk", built, [*lists, "/papierkorb", "/meine-freigaben", *letters, *desk])
    found |= look(window, "clerk", built, [f"/{page}/{at}/{number}" for page in own for number in numbers[::9]])
    found |= look_first(window, at, numbers[::9])
    found |= look(window, "sam", built, ["/geteilt/", f"/geteilt/{at}"])
    link = f"/s/{things['folder link']}"
    public = [f"/oeffentlich/{at}", *(f"/oeffentlich/{at}/{number}" for number in numbers[::EVERY])]
    found |= look(window, "citizen", built, [link, f"/antwort/{things['reply']}", *public])
    found |= look(window, "citizen", built, [f"{link}/{number}" for number in numbers[1::EVERY]])
    assert found == {}
    assert asked_for(window) == {urlsplit(built.server.url).netloc}
    assert heard[1] == []
    console = [line["message"] for line in window.driver.get_log("browser")]
    refused = [message for message in console if "Content Security Policy" in message]
    assert refused == [], "not even an attempt: nothing became an element that the policy has to stop"


def test_the_bytes_themselves_open_as_nothing(
    built: Town, placed: Placed, heard: tuple[str, list[bytes]], window: Browser
) -> None:
    """Every address at which bytes are given out is a download or sandboxed, whatever they claim to be."""
    window.become(built.visitor("member").cookies)
    window.driver.execute_cdp_cmd("Browser.setDownloadBehavior", {"behavior": "deny"})
    client = built.visitor("member")
    for name, number in placed.items():
        at = f"{COMMITTEE}/{number}"
        for path, way in (
            (f"herunterladen/{at}", "attach"),
            (f"abspielen/{at}", "inline"),
            (f"lesen/{at}/pdf", "attach"),
        ):
            answer = client.get(f"/{path}")
            if answer.status == 200:
                assert answer.headers["Content-Security-Policy"].startswith("sandbox;"), name
                assert answer.headers["Content-Disposition"].startswith(way), name
                assert answer.headers["X-Content-Type-Options"] == "nosniff"
    for name in ("page.html", "drawing.svg", "page.xhtml", "page.mp3", "page.mp4"):
        page = "abspielen" if ".mp" in name else "herunterladen"
        window.open(f"/{page}/{COMMITTEE}/{placed[name]}")
        assert window.driver.execute_script("return 'ran' in window") is False
    assert heard[1] == []


def test_the_feed_holds_titles_as_text(built: Town, placed: Placed) -> None:
    """Atom: its every element is Atom's own, and leads here."""
    answer = built.visitor("citizen").get(f"/oeffentlich/{COMMITTEE}/atom.xml")
    feed = etree.fromstring(answer.body)
    assert {etree.QName(each).namespace for each in feed.iter()} == {"http://www.w3.org/2005/Atom"}
    titles = [each.text for each in feed.iter("{http://www.w3.org/2005/Atom}title")]
    assert set(titles) & set(placed)
    assert all(each.get("href").startswith(built.server.url) for each in feed.iter("{http://www.w3.org/2005/Atom}link"))


def test_the_daily_mail_is_plain_text(built: Town, placed: Placed) -> None:
    """One part, no markup that a mail program would show as such; names stay in it as they are."""
    assert placed
    with receiving() as sink:
        assert run(built.server.data, sink) == 0  # the first look only notes how far everything has come
        with opened(built.server.data) as house:
            put(door(house, "clara"), "Arbeitskreis/<img src=x onerror=ran=1>.txt", b"x")
        assert run(built.server.data, sink, DAY + 1_000_000) >= 1
        for mail in sink.mails:
            assert (mail.get_content_type(), mail.is_multipart()) == ("text/plain", False)
            assert f"Stadtrat {MARKUP}" in mail.get_content()
            assert "onerror=ran=1>.txt" not in mail.get_content(), "no titles"
