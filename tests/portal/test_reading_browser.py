"""Reading in place in headless Chromium: the viewer, pictures without it, keyboard, both languages, no barriers."""

from __future__ import annotations

import json
import time
import uuid
from pathlib import Path

import pytest
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from tests.portal.chromium import DESKTOP, PHONE, Browser, Browsers
from tests.rendering import documents
from tests.running import RunningServer, command

NAMES = ("Etat.pdf", "Kauf.pdf", "Notiz.md", "Foto.png", "kaputt.pdf")


@pytest.fixture(scope="module")
def place(server: RunningServer) -> str:
    """The path of a folder with a PDF of 100 pages and one that members may look at only."""
    with server.client("clara", f"/dav/ba05/l-{uuid.uuid4().hex[:10]}") as clerk:
        assert clerk.mkcol("").status == 201
        contents = (documents.pdf(100), documents.pdf(3, "Grundstueck {} am Isarufer"), b"# Notiz\n\nText\n")
        for name, content in zip(NAMES, (*contents, documents.picture("PNG"), b"%PDF-"), strict=True):
            assert clerk.put(f"/{name}", content).status == 201
        path = clerk.base.removeprefix("/dav")
    command("label", f"{path[1:]}/Kauf.pdf", "--class", "non_public", data=server.data)
    return path


@pytest.fixture(scope="module")
def looking(server: RunningServer, place: str) -> str:
    """The page of a link by which people may look at a document, and no more."""
    told = command(
        "link", "create", f"{place[1:]}/Etat.pdf", "--rights", "view", "--as", "clara", "--json", data=server.data
    )
    return f"/s/{json.loads(told)['token']}"


def open_document(here: Browser, place: str, name: str) -> None:
    here.open(f"/pfad{place}")
    here.driver.get(str(here.driver.find_element(By.PARTIAL_LINK_TEXT, name).get_attribute("href")))


def wait_for_viewer(here: Browser) -> None:
    here.wait(lambda _: here.one(".viewer").get_attribute("data-ready") == "true")


def press(here: Browser, *keys: str) -> None:
    """At whatever has the focus."""
    for key in keys:
        ActionChains(here.driver).send_keys(key).perform()


def console(here: Browser) -> list[str]:
    return [line["message"] for line in here.driver.get_log("browser")]


def test_a_hundred_pages_are_read_in_the_viewer(browsers: Browsers, server: RunningServer, place: str) -> None:
    """pdf.js under our policy: words in the page, any page at once, the page is remembered; nothing is refused."""
    with browsers(server.url) as here:
        here.sign_in("otto")
        open_document(here, place, "Etat.pdf")
        wait_for_viewer(here)
        assert len(here.all(".sheet")) == 100
        here.wait(lambda _: "Seite 1 der Vorlage" in here.text)
        field = here.one("#seite")
        field.clear()
        field.send_keys("60", Keys.ENTER)
        here.wait(lambda _: "Seite 60 der Vorlage" in here.text)
        here.wait(lambda _: here.one("#seite").get_attribute("value") == "60")
        assert len(here.all(".sheet canvas")) < 12, "only what is near is drawn"
        here.wait(lambda _: len(here.all(".textLayer span")) >= 100)
        assert here.driver.execute_script("return window.find('Seite 97 der Vorlage')"), "by the browser's search"
        field.clear()
        field.send_keys("60", Keys.ENTER)
        here.wait(lambda _: here.one("#seite").get_attribute("value") == "60")
        here.one("[data-key=ArrowLeft]").click()
        here.wait(lambda _: here.one("#seite").get_attribute("value") == "59")
        here.one("[data-zoom='200']").click()
        here.wait(lambda _: here.one(".sheet").rect["width"] > 1.9 * here.one(".sheets").rect["width"])
        time.sleep(2)  # until the viewer has told where its reader is
        open_document(here, place, "Etat.pdf")
        wait_for_viewer(here)
        assert abs(int(here.one(".viewer").get_attribute("data-page") or 0) - 59) <= 1
        assert console(here) == []


def test_pages_follow_the_width_of_the_window(browsers: Browsers, server: RunningServer, place: str) -> None:
    """A tablet is turned: nothing has to be scrolled sideways then, and the reader stays at his page."""
    fits = "const one = document.querySelector('.sheets'); return one.scrollWidth <= one.clientWidth + 1"
    with browsers(server.url, DESKTOP) as here:
        here.sign_in("otto")
        open_document(here, place, "Etat.pdf")
        wait_for_viewer(here)
        here.one("#seite").clear()
        here.one("#seite").send_keys("40", Keys.ENTER)
        here.wait(lambda _: here.one("#seite").get_attribute("value") == "40")
        here.resize(PHONE)
        here.wait(lambda driver: driver.execute_script(fits))
        here.one("[data-zoom='150']").click()
        here.wait(lambda driver: not driver.execute_script(fits))
        assert abs(int(here.one("#seite").get_attribute("value") or 0) - 40) <= 1
        assert here.one(".sheets").get_attribute("tabindex") == "0", "what is wider now is scrolled by keys"
        assert here.barriers() == []


def test_who_may_look_only_gets_pictures(browsers: Browsers, server: RunningServer, place: str) -> None:
    """No viewer, no PDF in what the browser has loaded; words can be found and selected; arrows turn the pages."""
    with browsers(server.url) as here:
        here.sign_in("otto")
        open_document(here, place, "Kauf.pdf")
        wide = "return document.querySelector('figure img').naturalWidth"
        here.wait(lambda _: here.driver.execute_script(wide) > 700)
        assert here.one(".viewer").get_attribute("data-source") is None
        assert here.driver.execute_script("return window.find('Isarufer')"), "the browser's own search finds it"
        here.driver.execute_script("getSelection().selectAllChildren(document.querySelector('.words'))")
        assert "Grundstueck 1 am Isarufer" in here.driver.execute_script("return getSelection().toString()")
        press(here, Keys.ARROW_RIGHT)
        here.wait(lambda _: "seite=2" in here.driver.current_url)
        press(here, Keys.ARROW_LEFT)
        here.wait(lambda _: "seite=1" in here.driver.current_url)
        loaded = here.driver.execute_script("return performance.getEntriesByType('resource').map((each) => each.name)")
        assert not [each for each in loaded if each.endswith("/pdf") or "herunterladen" in each]
        assert console(here) == []


@pytest.mark.parametrize("name", ["Etat.pdf", "Kauf.pdf"])
def test_it_is_read_without_script(browsers: Browsers, server: RunningServer, place: str, name: str) -> None:
    """Pictures with links, for everybody; a page by its number."""
    with browsers(server.url, PHONE, script=False) as here:
        here.sign_in("clara")
        open_document(here, place, name)
        here.click("Nächste Seite")
        here.wait(lambda _: "seite=2" in here.driver.current_url)
        here.fill("seite", "3")
        here.click("Los")
        here.wait(lambda _: "seite=3" in here.driver.current_url)
        assert here.one("figure img").get_attribute("alt") == f"Seite 3 von {100 if name == 'Etat.pdf' else 3}"
        here.click("150 %")
        here.wait(lambda _: "groesse=150" in here.driver.current_url)


def test_a_link_is_read_without_account_and_script(browsers: Browsers, server: RunningServer, looking: str) -> None:
    """Page by page with its words; the picture is there, and says by which link it was seen."""
    with browsers(server.url, PHONE, script=False) as here:
        here.open(looking)
        here.click("Nächste Seite")
        here.wait(lambda _: "seite=2" in here.driver.current_url)
        here.wait(lambda _: "BA 5 Au-Haidhausen · Link " in here.text)
        here.fill("suche", "97")
        here.one("#suche").send_keys(Keys.ENTER)
        here.wait(lambda _: "Seite 97 der Vorlage" in here.text)
        here.click("Seite 97")
        here.wait(lambda _: here.one("figure img").get_attribute("alt") == "Seite 97 von 100")
        here.wait(lambda _: int(here.one("figure img").get_property("naturalWidth")) > 300)


def test_all_of_it_by_keyboard(browsers: Browsers, server: RunningServer, place: str) -> None:
    """WCAG §2.1.1: to the number of the page, on to another one, larger; the focus is to be seen."""
    with browsers(server.url) as here:
        here.sign_in("otto")
        open_document(here, place, "Kauf.pdf")
        for _ in range(40):
            press(here, Keys.TAB)
            stop = here.driver.switch_to.active_element
            assert stop.value_of_css_property("outline-style") != "none", stop.get_attribute("outerHTML")
            if stop.get_attribute("id") == "seite":
                break
        press(here, Keys.BACKSPACE, "2", Keys.ENTER)
        here.wait(lambda _: "seite=2" in here.driver.current_url)
        press(here, "+")
        here.wait(lambda _: "groesse=150" in here.driver.current_url)
        stops = []
        for _ in range(40):
            press(here, Keys.TAB)
            stops.append(str(here.driver.switch_to.active_element.get_attribute("class")))
        assert any("sheets" in stop for stop in stops), "what is wider than the window can be scrolled by keys"


@pytest.mark.parametrize(
    ("language", "size", "dark"), [("de", PHONE, False), ("en", DESKTOP, True)], ids=["de-phone", "en-desktop-dark"]
)
def test_no_page_of_reading_has_barriers(
    browsers: Browsers,
    server: RunningServer,
    place: str,
    looking: str,
    language: str,
    size: tuple[int, int],
    dark: bool,
    tmp_path: Path,
) -> None:
    """WCAG 2.1 AA as far as axe-core can tell, with and without the viewer, in both languages."""
    found: dict[str, list[str]] = {}
    with browsers(server.url, size, language=language, dark=dark) as here:
        here.sign_in("otto")
        for name in NAMES:
            open_document(here, place, name)
            if name == "Etat.pdf":
                wait_for_viewer(here)
                here.wait(lambda _: bool(here.all(".textLayer span")))
            found[name] = here.barriers()
            here.driver.save_screenshot(str(tmp_path / f"{name}.png"))
            if name in NAMES[:2]:
                here.fill("suche", "a")
                here.one("#suche").send_keys(Keys.ENTER)
                here.wait(lambda _: bool(here.all(".hits mark")))
                here.wait(lambda _: bool(here.all(".wanted, .words rect")))
                found[f"found in {name}"] = here.barriers()
                here.driver.save_screenshot(str(tmp_path / f"{name} searched.png"))
        open_document(here, place, "Etat.pdf")
        here.driver.get(here.driver.current_url.replace("/lesen/", "/fassungen/").partition("#")[0])
        here.one("main a[href$='/lesen']").click()
        wait_for_viewer(here)
        found["a version"] = here.barriers()
        here.driver.save_screenshot(str(tmp_path / "version.png"))
        here.open(looking)
        found["by a link"] = here.barriers()
        here.driver.save_screenshot(str(tmp_path / "link.png"))
    assert {name: told for name, told in found.items() if told} == {}
