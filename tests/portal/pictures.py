"""`make docs-pictures`: a picture of every page of the portal, as the demo shows it, on a phone and on a desktop."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

from selenium.webdriver.common.by import By

from tests.portal.chromium import DESKTOP, PHONE, Browser, browser

PICTURES = Path(__file__).resolve().parents[2] / "docs" / "pictures"
SIZES = {"phone": PHONE, "desktop": DESKTOP}
MEMBER, CLERK, AUDITOR = "otto", "anna", "renate"


@contextmanager
def demo() -> Iterator[str]:
    """The demo on a free port; its address."""
    with tempfile.TemporaryDirectory() as directory:
        words = [sys.executable, "-m", "davserver", "demo", "--data", f"{directory}/data", "--port", "0"]
        process = subprocess.Popen(
            words, stdout=subprocess.PIPE, text=True, env={**os.environ, "DAVSERVER_LOG": "json"}
        )
        assert process.stdout is not None
        try:
            yield next(line.split("url=")[1].split()[0] for line in process.stdout if "event=ready" in line)
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(30)


def meeting_of(here: Browser) -> str:
    """The folder of the next meeting, from the first page."""
    here.open("/")
    return str(here.one(".meetings a").get_attribute("href")).partition("/ordner")[2]


def documents(here: Browser) -> list[str]:
    """The addresses of the documents in the folder that is open."""
    links = here.driver.find_elements(By.CSS_SELECTOR, "a.name")
    return [address for link in links if "/lesen/" in (address := str(link.get_attribute("href")))]


def pages(here: Browser) -> Iterator[tuple[str, str]]:
    """(name of the picture, path) of all pages, as the clerk sees them."""
    meeting = meeting_of(here)
    yield "meine-gremien", "/"
    yield "gremium", "/pfad/ba05"
    yield "sitzung", f"/ordner{meeting}"
    here.open(f"/ordner{meeting}")
    here.one("a.name").click()
    document = documents(here)[0].partition("/lesen")[2]
    yield "dokument", f"/lesen{document}"
    yield "warum", f"/warum{document}"
    yield "umbenennen", f"/umbenennen{document}"
    yield "verschieben", f"/verschieben{document}"
    yield "loeschen", f"/loeschen{document}"
    yield "fassungen", f"/fassungen{document}"
    yield "papierkorb", "/papierkorb"
    yield "neuer-ordner", f"/ordner{meeting}/neu"
    yield "suche", f"/suche?q={quote('baum')}"
    yield "anmeldungen", "/anmeldungen"
    yield "zweiter-schritt", "/zweiter-schritt"
    yield "geteilt", "/geteilt/"
    yield "verbinden", "/verbinden"
    yield "verbinden-windows", "/verbinden/windows"
    yield "einstufung", f"/einstufung{document}"
    yield "ausschluss", f"/ausschluss{document}"
    yield "rechte-von-hand", f"/rechte{document}"
    yield "zustimmen", "/zustimmen"
    desk = "/geschaeftsstelle/ba05"
    yield "geschaeftsstelle", desk
    here.open(desk)
    here.one(".meetings a").click()
    meeting_at_desk = desk + here.driver.current_url.partition(desk)[2]
    yield "geschaeftsstelle-sitzung", meeting_at_desk
    yield "geschaeftsstelle-freigabe", f"{meeting_at_desk}/stand?neu=agenda_released"
    yield "geschaeftsstelle-personen", f"{desk}/personen"
    for name in ("verlauf", "ausschluesse", "rechte", "freigaben", "festgehalten", "sperren"):
        yield f"geschaeftsstelle-{name}", f"{desk}/{name}"
    yield "mein-protokoll", "/mein-protokoll"
    yield "meine-freigaben", "/meine-freigaben"
    yield "zuschriften", "/zuschriften"
    yield "anmerkungen", f"/anmerkungen{document}"
    yield "oeffentlich", "/oeffentlich/ba05"
    yield "nicht-gefunden", "/gibt-es-nicht"


def made(here: Browser) -> str:
    """The address of the link that has just been made."""
    here.wait(lambda _: bool(here.all("#url")))
    return str(here.one("#url").get_attribute("value"))


def shared(here: Browser) -> Iterator[str]:
    """The pages of sharing, each by its name while it is open: from the form to what whoever has the link sees."""
    here.open("/pfad/ba05/Arbeitsordner")
    here.click("Teilen")
    yield "teilen"
    here.all("main form button.main")[1].click()
    yield "wer-es-sehen-wird"
    here.click("Ja, Link erstellen")
    link = made(here)
    yield "link"
    here.open("/pfad/ba05/Arbeitsordner")
    here.click("Teilen")
    here.all("main form button.main")[2].click()
    here.click("Ja, Link erstellen")
    drop = made(here)
    for name, address in (("link-seite", link), ("briefkasten", drop)):
        here.driver.get(address)
        yield name


def audited(here: Browser) -> Iterator[str]:
    """The auditors' page, with what the clerk has read just now."""
    here.sign_in(AUDITOR, f"Demo-{AUDITOR}-2026")
    here.open("/protokoll")
    here.driver.execute_script("document.querySelector('#purpose').value = 'check'")
    here.fill("reference", "Az 17/2026")
    here.one("#reference").submit()
    here.wait(lambda _: bool(here.all("#found")))
    yield "revision"


def decided(here: Browser) -> Iterator[str]:
    """What the desk shows before something changes rights: an office that is about to be given."""
    here.open("/geschaeftsstelle/ba05/personen")
    here.one("#user").send_keys("bruno")
    here.driver.execute_script("document.querySelector('#give-begin').value = '2026-05-01'")
    here.one("#user").submit()
    here.wait(lambda _: bool(here.all("[name=yes]")))
    yield "geschaeftsstelle-entscheidung"


def main() -> int:
    PICTURES.mkdir(parents=True, exist_ok=True)
    with demo() as url:
        for size, measures in SIZES.items():
            with browser(url, measures) as here:
                for name in ("anmelden", "impressum"):
                    here.open(f"/{name}")
                    here.picture(PICTURES / f"{name}-{size}.png")
                here.sign_in(CLERK, f"Demo-{CLERK}-2026")
                for name in shared(here):
                    here.picture(PICTURES / f"{name}-{size}.png")
                for name, path in pages(here):
                    here.open(path)
                    here.picture(PICTURES / f"{name}-{size}.png")
                for name in decided(here):
                    here.picture(PICTURES / f"{name}-{size}.png")
                here.driver.delete_all_cookies()
                for name in audited(here):
                    here.picture(PICTURES / f"{name}-{size}.png")
    print(json.dumps({"pictures": len(list(PICTURES.glob("*.png")))}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
