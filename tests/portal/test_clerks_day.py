"""A clerk's day at the desk in Chromium: 117 items pasted, 80 files, release, minutes, ≤ 40 clicks, counted."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.portal.chromium import DESKTOP, SMALLEST, Browser, Browsers
from tests.portal.desk import install_with_desk, pasted
from tests.running import RunningServer, start

CLICKS = 40
ITEMS, FILES, NAMELESS = 117, 80, 2
UNFOLD = "document.querySelectorAll('details.more').forEach(each => { each.open = true })"


class Counting(Browser):
    """Counts what is clicked in the main part, and each choice of a file as one click."""

    clicks = 0

    def click(self, text: str) -> None:
        super().click(text)
        self.clicks += 1

    def choose(self, files: list[Path]) -> None:
        self.wait(lambda _: bool(self.all("#documents")))
        self.one("#documents").send_keys("\n".join(map(str, files)))
        self.clicks += 1

    def type(self, field: str, value: str) -> None:
        """Typed text is no click; a pasted table arrives whole."""
        self.wait(lambda _: bool(self.all(f"main [name='{field}']")))
        self.driver.execute_script("arguments[0].value = arguments[1]", self.one(f"main [name='{field}']"), value)


@pytest.fixture(scope="module")
def running(installed: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    with start(install_with_desk(installed, tmp_path_factory.mktemp("day"), "", "renate"), workers=1) as server:
        with server.client("clara") as clara:
            assert clara.put("/dav/rat/Arbeitsordner/Weg.pdf", b"%PDF-1").status == 201
            assert clara.request("DELETE", "/dav/rat/Arbeitsordner/Weg.pdf").status == 204
        yield server


def files(directory: Path) -> list[Path]:
    """Papers of one evening: for items of both parts, and two that name none."""
    names = [f"{number} Vorlage.pdf" for number in range(1, 71)] + [f"N {number} Vertrag.pdf" for number in range(1, 9)]
    names += ["Begleitschreiben.pdf", "Foto vom Ortstermin.jpg"]
    found = [directory / name for name in names]
    for path in found:
        path.write_bytes(b"%PDF-1.4 " + path.name.encode())
    return found


def step(here: Counting, act: str) -> None:
    """One step of a meeting: asked for, looked at, done."""
    here.click(act)
    here.wait_for("Ja, so machen")
    here.click("Ja, so machen")
    here.wait_for("Erledigt.")


def until_the_minutes(here: Counting, minutes: Path) -> None:
    """The evening itself, and what follows: opened, closed, minutes brought, released, approved."""
    step(here, "Sitzung eröffnen")
    step(here, "Sitzung schließen")
    minutes.write_bytes(b"%PDF-1.4 minutes")
    here.one("#into").send_keys("Zur Sitzung")
    here.clicks += 1
    here.choose([minutes])
    here.click("Hochladen")
    here.wait_for("Nachgereicht")
    step(here, "Nachgereichtes freigeben")
    step(here, "Niederschrift genehmigen")


def test_a_clerks_day_takes_at_most_forty_clicks(browsers: Browsers, running: RunningServer, tmp_path: Path) -> None:
    """From the sign-in to approved minutes; 80 papers lie in their items, and none at the wrong one."""
    papers = files(tmp_path)
    assert len(papers) == FILES
    with browsers(running.url, DESKTOP) as window:
        here = Counting(window.driver, window.url)
        here.sign_in("clara")
        here.clicks += 1
        here.click("Zur Geschäftsstelle")
        here.click("Stadtrat")
        here.type("day", "2027-04-12")
        here.click("Sitzung eintragen")
        here.wait_for("Die Sitzung ist eingetragen")
        here.type("table", pasted(ITEMS))
        here.click("Prüfen")
        here.wait_for(f"{ITEMS} Punkte sind gelesen")
        here.click("Tagesordnung übernehmen")
        here.wait_for("Die Tagesordnung ist übernommen")
        here.choose(papers)
        here.click("Hochladen")
        here.wait_for("Die Dokumente sind angekommen")
        here.click("Jetzt zuordnen")
        here.wait_for("Hier liegen lassen")
        for select in here.all("select"):
            select.send_keys("N 24")
            here.clicks += 1
        here.one("main form .button.main").click()
        here.clicks += 1
        here.wait_for("Die Dokumente sind zugeordnet")
        here.click("Zur Sitzung")
        here.wait_for("Tagesordnung freigeben")
        here.click("Tagesordnung freigeben")
        here.wait_for("Otto Maier")
        here.click("Ja, so machen")
        here.wait_for("Erledigt.")
        until_the_minutes(here, tmp_path / "Niederschrift.pdf")
        rows = {
            row[0]: int(row[1])
            for row in here.driver.execute_script(
                "return [...document.querySelectorAll('tbody tr')].map(r =>"
                " [r.cells[0].innerText.trim(), r.cells[3].innerText.trim()])"
            )
        }
        assert len(rows) == ITEMS
        assert sum(rows.values()) == FILES
        assert (rows["1"], rows["N 1"], rows["N 24"], rows["93"]) == (1, 1, NAMELESS, 0)
        assert here.clicks <= CLICKS, here.clicks


@pytest.mark.parametrize(
    ("size", "language", "dark"),
    [(SMALLEST, "de", False), (DESKTOP, "en", True)],
    ids=["smallest-de", "desktop-en-dark"],
)
def test_what_the_desk_asks_has_no_barriers(
    browsers: Browsers, running: RunningServer, size: tuple[int, int], language: str, *, dark: bool
) -> None:
    """axe-core finds nothing on a decision and on what auditors find; all other pages: test_every_page.py."""
    with browsers(running.url, size, language=language, dark=dark) as here:
        here.sign_in("kurt")
        here.open("/geschaeftsstelle/rat/personen")
        here.one("#user").send_keys("sam")
        here.driver.execute_script("document.querySelector('#give-begin').value = '2027-01-01'")
        here.one("#user").submit()
        here.wait(lambda _: bool(here.all("[name=yes]")))
        assert here.barriers() == [], "a decision"
        here.open("/papierkorb")
        here.one("form[action$='/vernichten'] button").click()
        here.wait(lambda _: bool(here.all("[name=yes]")))
        assert here.barriers() == [], "before something is destroyed"
        here.driver.delete_all_cookies()
        here.sign_in("renate")
        here.open("/protokoll")
        here.driver.execute_script("document.querySelector('#purpose').value = 'check'")
        here.fill("reference", "Az 1")
        here.one("#reference").submit()
        here.wait(lambda _: bool(here.all("#found")))
        here.driver.execute_script(UNFOLD)
        assert here.barriers() == [], "the auditors' page"
