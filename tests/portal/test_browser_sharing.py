"""Sharing, handing in, commenting, writing and answering in headless Chromium, end to end; no page has barriers."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from selenium.webdriver.support.select import Select

from tests.davclient import DavClient
from tests.portal.chromium import DESKTOP, PHONE, SMALLEST, Browser, Browsers
from tests.running import RunningServer, copied, start

WORDS = {
    "de": {
        "share": "Teilen",
        "yes": "Ja, teilen",
        "shared": "Es ist geteilt",
        "make": "Ja, Link erstellen",
        "comments": "Anmerkungen",
        "stands": "steht jetzt hier",
        "download": "Herunterladen",
        "write": "Der Geschäftsstelle schreiben",
        "send": "Absenden",
        "arrived": "Ihre Zuschrift ist angekommen",
        "waiting": "wartet auf Ihre Antwort",
        "keep": "Antwort speichern",
        "shown": "sehen jetzt alle",
        "thanks": "Vielen Dank",
        "back": "Zurücknehmen",
        "taken": "Es ist zurückgenommen",
        "nothing": "Hier ist nichts",
    },
    "en": {
        "share": "Share",
        "yes": "Yes, share",
        "shared": "It is shared",
        "make": "Yes, make the link",
        "comments": "Comments",
        "stands": "stands here now",
        "download": "Download",
        "write": "Write to the office",
        "send": "Send",
        "arrived": "Your letter has arrived",
        "waiting": "for your answer",
        "keep": "Keep the answer",
        "shown": "are shown to everybody",
        "thanks": "Thank you",
        "back": "Take back",
        "taken": "It has been taken back",
        "nothing": "There is nothing here",
    },
}


class Play(NamedTuple):
    """Clerk and citizen, each in a window of their own."""

    clerk: Browser
    citizen: Browser
    words: dict[str, str]
    script: bool
    found: dict[str, list[str]]

    def look(self, here: Browser, name: str) -> None:
        """Barriers of the page that is open; axe-core needs script itself."""
        if self.script:
            self.found[name] = here.barriers()


@pytest.fixture(scope="module")
def server(installed: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """One of its own: letters of other tests from this address would make the server ask for a pause."""
    with start(copied(installed, tmp_path_factory.mktemp("sharing")), workers=2) as running:
        yield running


@pytest.fixture
def place(people: Callable[[str, str], DavClient]) -> str:
    """A fresh folder with one document in it; its path."""
    clerk = people("clara", f"/dav/ba05/s-{uuid.uuid4().hex[:12]}")
    assert clerk.mkcol("").status == 201
    assert clerk.put("/Vorlage.txt", b"the paper").status == 201
    return clerk.base.removeprefix("/dav")


def press(here: Browser, selector: str, place: int = 0) -> None:
    """One of the elements that match, scrolled to."""
    element = here.all(selector)[place]
    here.driver.execute_script("arguments[0].scrollIntoView({block: 'center'})", element)
    element.click()


def share_inside(play: Play, place: str) -> None:
    clerk, words = play.clerk, play.words
    clerk.open(f"/pfad{place}/Vorlage.txt")
    clerk.click(words["share"])
    play.look(clerk, "form")
    Select(clerk.one("#receiver")).select_by_value("user:otto")
    Select(clerk.one("#level")).select_by_value("write")
    press(clerk, "main form button.main")
    clerk.wait_for("Otto Maier")
    play.look(clerk, "who will see it")
    clerk.click(words["yes"])
    clerk.wait_for(words["shared"])
    play.look(clerk, "what I have shared")


def make_link(play: Play, path: str, form: int) -> str:
    """By the form with this number; the path of the link."""
    clerk = play.clerk
    clerk.open(f"/pfad{path}")
    clerk.click(play.words["share"])
    if clerk.all("#letters"):
        press(clerk, "#letters")
    press(clerk, "main form button.main", form)
    clerk.click(play.words["make"])
    clerk.wait(lambda _: bool(clerk.all("#url")))
    play.look(clerk, "the link")
    return "/s/" + str(clerk.one("#url").get_attribute("value")).rpartition("/s/")[2]


def comment(play: Play, place: str) -> None:
    clerk, words = play.clerk, play.words
    clerk.open(f"/pfad{place}/Vorlage.txt")
    clerk.click(words["comments"])
    clerk.fill("text", "Bitte <i>prüfen</i>.")
    press(clerk, "main form button.main")
    clerk.wait_for(words["stands"])
    assert "Bitte <i>prüfen</i>." in clerk.text
    play.look(clerk, "comments")


def correspond(play: Play, link: str, directory: Path) -> None:
    """The citizen takes the document, writes, and reads the answer under a private address."""
    clerk, citizen, words = play.clerk, play.citizen, play.words
    citizen.driver.execute_cdp_cmd("Browser.setDownloadBehavior", {"behavior": "allow", "downloadPath": str(directory)})
    citizen.open(link)
    play.look(citizen, "landing")
    citizen.click(words["download"])
    citizen.wait(lambda _: (directory / "Vorlage.txt").exists())
    assert (directory / "Vorlage.txt").read_bytes() == b"the paper"
    citizen.click(words["write"])
    play.look(citizen, "writing")
    citizen.fill("text", "Wann wird gebaut?")
    citizen.click(words["send"])
    citizen.wait_for(words["arrived"])
    play.look(citizen, "written")
    private = "/antwort/" + str(citizen.one("#url").get_attribute("value")).rpartition("/")[2]
    clerk.open("/")
    clerk.click(words["waiting"])
    clerk.click("Vorlage.txt")
    clerk.fill("text", "Im Frühjahr.")
    press(clerk, "[name=publish]")
    clerk.click(words["keep"])
    clerk.wait_for(words["shown"])
    play.look(clerk, "letters")
    citizen.open(private)
    assert "Im Frühjahr." in citizen.text
    play.look(citizen, "reply")
    citizen.open(link)
    assert "Im Frühjahr." in citizen.text
    play.look(citizen, "published")


def hand_in(play: Play, link: str, document: Path) -> None:
    citizen = play.citizen
    citizen.open(link)
    play.look(citizen, "drop")
    citizen.one("#documents").send_keys(str(document))
    citizen.click(play.words["send"])
    citizen.wait_for(play.words["thanks"])
    assert document.name in citizen.text
    play.look(citizen, "thanks")


def take_all_back(play: Play, links: list[str]) -> None:
    clerk = play.clerk
    for _ in range(3):
        clerk.open("/meine-freigaben")
        clerk.click(play.words["back"])
        clerk.wait_for(play.words["taken"])
    for link in links:
        play.citizen.open(link)
        assert play.citizen.title == play.words["nothing"]


@pytest.mark.parametrize(
    ("size", "language", "script", "dark"),
    [(PHONE, "de", False, False), (SMALLEST, "de", True, False), (DESKTOP, "en", True, True)],
    ids=["phone-de-without-script", "smallest-de", "desktop-en-dark"],
)
def test_from_sharing_to_taking_back(
    browsers: Browsers,
    server: RunningServer,
    place: str,
    tmp_path: Path,
    size: tuple[int, int],
    language: str,
    script: bool,
    dark: bool,
) -> None:
    """portal.md §5, §6: all of it by forms, and no barriers on any page on the way (WCAG 2.1 AA)."""
    document = tmp_path / "Mein Brief.txt"
    document.write_text("Guten Tag.", encoding="utf-8")
    with (
        browsers(server.url, size, language=language, script=script, dark=dark) as clerk,
        browsers(server.url, size, language=language, script=script, dark=dark) as citizen,
    ):
        play = Play(clerk, citizen, WORDS[language], script, {})
        clerk.sign_in("clara")
        share_inside(play, place)
        link = make_link(play, f"{place}/Vorlage.txt", 1)
        comment(play, place)
        correspond(play, link, tmp_path / "downloads")
        drop = make_link(play, place, 2)
        hand_in(play, drop, document)
        take_all_back(play, [link, drop])
    assert {page: told for page, told in play.found.items() if told} == {}
    assert bool(play.found) == script
