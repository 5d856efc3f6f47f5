"""The portal in headless Chromium: phone and desktop, German and English, with script and without; no barriers."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from pathlib import Path

import pytest
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.keys import Keys

from tests.davclient import DavClient
from tests.portal.chromium import DESKTOP, PHONE, Browser, Browsers
from tests.running import RunningServer

WORDS = {
    "de": {
        "folder": "Neuer Ordner",
        "make": "Ordner anlegen",
        "made": "Der Ordner ist angelegt",
        "upload": "Hochladen",
        "arrived": "Ihr Dokument ist angekommen",
        "rename": "Umbenennen",
        "renamed": "Der Name ist geändert",
        "why": "Warum sehe ich das?",
        "may": "Sie dürfen es ändern.",
        "delete": "Löschen",
        "yes": "Ja, löschen",
        "deleted": "Es ist gelöscht",
    },
    "en": {
        "folder": "New folder",
        "make": "Make the folder",
        "made": "The folder has been made",
        "upload": "Upload",
        "arrived": "Your document has arrived",
        "rename": "Rename",
        "renamed": "The name has been changed",
        "why": "Why do I see this?",
        "may": "You may change it.",
        "delete": "Delete",
        "yes": "Yes, delete",
        "deleted": "It has been deleted",
    },
}


@pytest.fixture
def place(people: Callable[[str, str], DavClient]) -> str:
    """The path of a fresh folder in which members may write, with one document in it."""
    clerk = people("clara", f"/dav/ba05/Arbeitsordner/b-{uuid.uuid4().hex[:12]}")
    assert clerk.mkcol("").status == 201
    assert clerk.put("/Vorlage.pdf", b"%PDF-1.4").status == 201
    return clerk.base.removeprefix("/dav")


def an_evening(here: Browser, place: str, language: str, document: Path) -> None:
    """Sign in, find one's folder, make another, upload, rename, ask why, delete."""
    words = WORDS[language]
    here.sign_in("otto")
    here.open(f"/pfad{place}")
    here.click(words["folder"])
    here.fill("name", "Notizen")
    here.click(words["make"])
    here.wait_for(words["made"])
    here.click("Notizen")
    here.one("#documents").send_keys(str(document))
    here.click(words["upload"])
    here.wait_for(words["arrived"])
    here.click("Mein Entwurf.txt")
    here.click(words["rename"])
    here.fill("name", "Unser Entwurf.txt")
    here.one("main button.main").click()
    here.wait_for(words["renamed"])
    here.click("Unser Entwurf.txt")
    here.click(words["why"])
    here.wait_for(words["may"])
    here.click("Unser Entwurf.txt")
    here.click(words["delete"])
    here.click(words["yes"])
    here.wait_for(words["deleted"])
    assert "Unser Entwurf" not in here.text


@pytest.mark.parametrize(
    ("size", "language", "script"),
    [(PHONE, "de", True), (DESKTOP, "en", True), (PHONE, "en", False), (DESKTOP, "de", False)],
    ids=["phone-de", "desktop-en", "phone-en-without-script", "desktop-de-without-script"],
)
def test_an_evening_in_the_portal(
    browsers: Browsers,
    server: RunningServer,
    place: str,
    tmp_path: Path,
    size: tuple[int, int],
    language: str,
    script: bool,
) -> None:
    """portal.md: all of it by forms; script only adds."""
    document = tmp_path / "Mein Entwurf.txt"
    document.write_text("Guten Tag.", encoding="utf-8")
    with browsers(server.url, size, language=language, script=script) as here:
        an_evening(here, place, language, document)


def press(here: Browser, key: str) -> None:
    """At whatever has the focus."""
    ActionChains(here.driver).send_keys(key).perform()


def test_everything_is_reached_by_keyboard(browsers: Browsers, server: RunningServer, place: str) -> None:
    """The first stop skips to the content; focus is to be seen; Escape closes a menu and stays on it."""
    with browsers(server.url) as here:
        here.sign_in("otto")
        here.open(f"/pfad{place}")
        press(here, Keys.TAB)
        skip = here.driver.switch_to.active_element
        assert skip.text == "Zum Inhalt springen"
        press(here, Keys.ENTER)
        assert here.driver.switch_to.active_element.get_attribute("id") == "inhalt"
        seen = []
        for _ in range(40):
            press(here, Keys.TAB)
            stop = here.driver.switch_to.active_element
            outline = stop.value_of_css_property("outline-style")
            assert outline != "none" or stop.tag_name == "body", stop.get_attribute("outerHTML")
            seen.append(stop.text or stop.get_attribute("id"))
        assert any("Vorlage.pdf" in words for words in seen)
        assert "documents" in seen
        menu = here.one(".small-menu summary")
        here.driver.execute_script("arguments[0].focus()", menu)
        press(here, Keys.ENTER)
        assert here.one(".small-menu").get_attribute("open") is not None
        press(here, Keys.TAB)
        press(here, Keys.ESCAPE)
        assert here.one(".small-menu").get_attribute("open") is None
        assert here.driver.switch_to.active_element == menu


def test_a_refused_upload_is_told_in_words(
    browsers: Browsers, server: RunningServer, tmp_path: Path, place: str
) -> None:
    """With script the page stays and says what was wrong, as text (WCAG §3.3.1)."""
    document = tmp_path / "Plan.~0123456789ab"  # a name that nobody may take: it is kept for programs' own files
    document.write_text("x", encoding="utf-8")
    with browsers(server.url) as here:
        here.sign_in("otto")
        here.open(f"/pfad{place}")
        here.one("#documents").send_keys(str(document))
        here.click("Hochladen")
        here.wait_for("Dieser Name geht nicht")
        assert here.title.startswith("b-")
