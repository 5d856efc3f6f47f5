"""Every page (everypage.py) for every kind of visitor: who sees it, on a phone and a desktop, without barriers."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

import pytest
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.keys import Keys as Key

from tests.portal.chromium import DESKTOP, PHONE, SMALLEST, Browser, browser
from tests.portal.everypage import address, addresses, rules, seen_by, states
from tests.portal.portalclient import Page, PortalClient
from tests.portal.town import COMMITTEE, ROLES, Town, town
from tests.running import PASSWORD

HALF = (640, 450)
"""A desktop at 200 % zoom (WCAG §1.4.4)."""
SECRETS: Mapping[str, tuple[str, ...]] = {
    "clerk": (),
    "chair": (),
    "member": (),
    "looker": ("Etat.pdf", "Kauf.pdf", "Grundstück", "Haushalt"),
    "recused": ("Etat.pdf", "Kauf.pdf"),
    "auditor": ("Etat.pdf", "Kauf.pdf", "Grundstück", "Haushalt", "Arbeitskreis"),
    "citizen": ("Etat.pdf", "Kauf.pdf", "Grundstück", "Haushalt", "Arbeitskreis"),
}
"""What stands on no page that somebody finds, but for what a link shows to whoever has it."""
BY_LINK = ("landing.", "letters.", "public.", "a link", "a drop")
UNFOLD = "document.querySelectorAll('details.more').forEach(each => { each.open = true })"
STANDS = """
const title = document.querySelector('h1'), box = title.getBoundingClientRect();
return [
  performance.getEntriesByType('navigation')[0].responseStatus,
  title.textContent.trim(),
  box.width > 0 && box.left >= 0 && box.right <= innerWidth,
  document.documentElement.scrollWidth <= innerWidth,
];
"""
Answers = dict[str, Page]


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    with town(tmp_path_factory.mktemp("town")) as built:
        yield built


@pytest.fixture(scope="module")
def visitors(built: Town) -> dict[str, PortalClient]:
    return {role: built.visitor(role) for role in ROLES}


@pytest.fixture(scope="module")
def answers(built: Town, visitors: dict[str, PortalClient]) -> dict[str, Answers]:
    """Role → name of a page → what comes back."""
    pages = addresses(built.things) | states(built.things)
    return {role: {name: client.get(path) for name, path in pages.items()} for role, client in visitors.items()}


@pytest.fixture(scope="module")
def window(built: Town) -> Iterator[Browser]:
    """One for all; who looks through it changes with its cookies."""
    with browser(built.server.url) as here:
        yield here


def is_page(answer: Page) -> bool:
    return answer.status != 303 and answer.headers.get_content_type() == "text/html"


@pytest.mark.parametrize("role", ROLES)
def test_who_sees_which_page(answers: dict[str, Answers], role: str) -> None:
    """The table; where there is nothing for somebody, the answer is a sentence, or the way to sign in."""
    found = dict[str, str]()
    for name, answer in answers[role].items():
        sees = answer.status == 200 or (answer.status == 303 and not answer.onward.startswith("/anmelden"))
        if sees != (role in seen_by(name)):
            found[name] = f"{answer.status} at {answer.path}"
        if not sees and answer.status != 303:
            assert answer.status in (403, 404), name
            assert answer.tree.xpath("//*[@id='sentence']"), name
        if is_page(answer) and not name.startswith(BY_LINK):
            assert [word for word in SECRETS[role] if word in answer.text] == [], name
    assert found == {}


def stands(window: Browser, answer: Page, *sizes: tuple[int, int]) -> list[str]:
    """Where the open page is not the one that came back, or sticks out of the window."""
    told = []
    for size in sizes:
        window.resize(size)
        found = window.driver.execute_script(STANDS)
        if found != [answer.status, answer.title, True, True]:
            told.append(f"{size}: {found} for {answer.title}")
    return told


def shape(answer: Page) -> tuple[tuple[str, str], ...]:
    """A page without its words: what it consists of."""
    return tuple((str(one.tag), one.get("class", "")) for one in answer.tree.iter())


@pytest.mark.parametrize("role", [role for role in ROLES if role != "clerk"])
def test_it_stands_on_a_phone_and_on_a_desktop(
    window: Browser, visitors: dict[str, PortalClient], answers: dict[str, Answers], role: str
) -> None:
    """In Chromium: the same page with the same title, and nothing sticks out. The clerk's are looked at below; of pages
    that consist of the same and differ in words alone, the first visitor's is looked at.
    """
    window.become(visitors[role].cookies)
    before = itertools.takewhile(lambda other: other != role, ROLES)
    earlier = {shape(one) for other in before for one in answers[other].values() if is_page(one)}
    pages = {name: one for name, one in answers[role].items() if role in seen_by(name) and is_page(one)}
    assert len(pages) > 10
    found = dict[str, list[str]]()
    for name, answer in pages.items():
        if shape(answer) not in earlier:
            window.open(answer.path)
            found[name] = stands(window, answer, PHONE, DESKTOP)
    assert {name: told for name, told in found.items() if told} == {}


def refused(window: Browser, built: Town) -> Iterator[str]:
    """Pages that only a mistake leads to, each by its name while it is open."""
    window.become({})
    locked = f"/s/{built.things['locked link']}"
    for path, fields in (
        ("/anmelden", {"name": "otto", "password": "falsch"}),
        (locked, {"password": "falsch"}),
        ("/einladung", {"code": "falsch"}),
    ):
        window.open(path)
        yield f"{path} before"
        for name, value in fields.items():
            window.fill(name, value)
        window.one("main button.main").click()
        window.wait(lambda _: bool(window.all("[role=alert]")))
        yield f"{path} refused"


@pytest.mark.parametrize(("language", "dark"), [("de", False), ("en", True)], ids=["de-light", "en-dark"])
def test_no_page_has_barriers(
    window: Browser, built: Town, visitors: dict[str, PortalClient], language: str, *, dark: bool
) -> None:
    """WCAG 2.1 AA as far as axe-core can tell, at each size; the office sees most, a member what he may not have."""
    window.shade(dark=dark)
    pages, found = addresses(built.things) | states(built.things), dict[str, list[str]]()
    for role, names in (("clerk", list(pages)), ("member", ["a paper to look at", "a draft", "papers.label"])):
        client = visitors[role]
        client.submit(client.get("/impressum"), "/sprache", sprache=language)
        window.become(client.cookies)
        for name in names:
            answer = client.get(pages[name])
            if is_page(answer):
                window.open(answer.path)
                found[f"{name} for the {role}"] = stands(window, answer, DESKTOP, PHONE, HALF, SMALLEST)
                if name == "browsing.folder":
                    window.one(".menu summary").click()
                window.driver.execute_script(UNFOLD)
                found[f"{name} for the {role}"] += window.barriers()
    for name in refused(window, built):
        found[name] = window.barriers()
    assert {name: told for name, told in found.items() if told} == {}


class Keys(NamedTuple):
    """Somebody who has no mouse."""

    window: Browser

    def type(self, *words: str) -> None:
        for each in words:
            ActionChains(self.window.driver).send_keys(each).perform()

    def reach(self, words: str) -> None:
        """The next stop that is called so; what has the focus is to be seen (WCAG §2.4.7)."""
        called = """
        const one = document.activeElement, label = one.labels && one.labels[0];
        return [one.ariaLabel || (label || one).innerText || '', getComputedStyle(one).outlineStyle, one.tagName];
        """
        for _ in range(80):
            self.type(Key.TAB)
            name, outline, tag = self.window.driver.execute_script(called)
            assert outline != "none" or tag == "BODY", name
            if words in name:
                return
        raise AssertionError(f"no stop is called {words!r}")

    def go(self, words: str, until: str) -> None:
        """By Enter, to a page that says so and fits into the window."""
        self.reach(words)
        self.type(Key.ENTER)
        self.window.wait_for(until)
        assert self.window.driver.execute_script("return document.documentElement.scrollWidth <= innerWidth")


@pytest.mark.parametrize("size", [HALF, SMALLEST], ids=["zoom-200", "smallest"])
def test_a_member_needs_no_mouse(window: Browser, size: tuple[int, int]) -> None:
    """Sign in, search, read, comment, share by link: each ends in a sentence that is to be seen (WCAG §2.1.1)."""
    keys = Keys(window)
    window.become({})
    window.resize(size)
    window.open("/anmelden")
    keys.reach("Ihr Anmeldename")
    keys.type("otto")
    keys.reach("Passwort")
    keys.type(PASSWORD, Key.ENTER)
    window.wait_for("Guten Tag, Otto Amt.")
    keys.reach("In allen meinen Gremien suchen")
    keys.type("etat", Key.ENTER)
    window.wait_for("1 Treffer")
    keys.go("Etat.pdf", "PDF-Dokument")
    keys.reach("Seite")
    keys.type(Key.BACKSPACE, "2", Key.ENTER)
    window.wait_for("Etat Seite 2")
    keys.type(Key.HOME)
    window.open(window.driver.current_url.partition("?")[0].partition(window.url.rstrip("/"))[2])
    keys.go("Anmerkungen", "Ihre Anmerkung")
    keys.reach("Ihre Anmerkung")
    keys.type("Von der Tastatur.")
    keys.go("Anmerken", "steht jetzt hier")
    keys.go("Etat.pdf", "PDF-Dokument")
    keys.go("Teilen", "über einen Link")
    keys.go("Zeigen, wer es sehen wird", "Alle, die den Link haben")
    keys.go("Ja, Link erstellen", "Der Link ist erstellt")


def test_a_citizen_needs_no_mouse(window: Browser, built: Town, tmp_path: Path) -> None:
    """A letter to the office, and a document for a drop; the file itself is chosen in a window of the system."""
    keys, document = Keys(window), tmp_path / "Einwand.txt"
    document.write_text("Guten Tag.", encoding="utf-8")
    window.become({})
    for size in (HALF, SMALLEST):
        window.resize(size)
        window.open(f"/s/{built.things['link']}")
        keys.go("Der Geschäftsstelle schreiben", "Ihre Zuschrift")
        keys.reach("Ihre Zuschrift")
        keys.type("Von der Tastatur.")
        keys.go("Absenden", "Ihre Zuschrift ist angekommen")
        window.open(f"/s/{built.things['drop']}")
        window.one("#documents").send_keys(str(document))
        keys.go("Absenden", "Vielen Dank")


def test_the_office_and_a_member_need_no_mouse(window: Browser, built: Town) -> None:
    """An agenda is released and a meeting opened, each looked at first; a member declares that he is involved."""
    keys, office = Keys(window), built.visitor("clerk")
    meeting = f"/geschaeftsstelle/{COMMITTEE}/sitzung/{built.things['planned']}"
    for size, act in ((HALF, "Tagesordnung freigeben"), (SMALLEST, "Sitzung eröffnen")):
        window.become(office.cookies)
        window.resize(size)
        window.open(meeting)
        keys.go(act, "Ja, so machen")
        keys.go("Ja, so machen", "Erledigt.")
    folder = str(office.get(meeting).tree.xpath("//table//tbody//a/@href")[0])
    window.become(built.visitor("member").cookies)
    window.open(folder.replace("/ordner/", "/ausschluss/"))
    keys.go("Erklären", "Sie haben es erklärt")


def test_an_office_document_is_read_in_place(window: Browser, built: Town) -> None:
    """An ODT, by the viewer for whoever may have it; the words are those that were written."""
    window.become(built.visitor("member").cookies)
    window.resize(DESKTOP)
    window.open(states(built.things)["an office document"])
    window.wait_for("Wir beantragen Linden")


POLICY = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self';"
    " font-src 'self'; connect-src 'self'; media-src 'self'; worker-src 'self';"
    " form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}
OF_BYTES = {"Content-Security-Policy": "sandbox; default-src 'none'; frame-ancestors 'none'"}
"""What people have put here, or what was made of it: never a page of ours."""
OF_LINKS = {"Referrer-Policy": "strict-origin", "X-Robots-Tag": "noindex, nofollow, noarchive"}
KEPT = {"Cache-Control": "no-cache"}
NEVER = ("Server", "X-Powered-By", "Access-Control-Allow-Origin", "Strict-Transport-Security")


def policy(endpoint: str, answer: Page) -> dict[str, str]:
    """The committed table: route and kind of answer → headers (security.md S-25)."""
    blueprint, kind = endpoint.partition(".")[0], answer.headers.get_content_type()
    expected = dict(POLICY)
    if blueprint in ("landing", "letters"):
        expected |= OF_LINKS
    if endpoint == "static" or kind == "application/atom+xml":
        return expected | KEPT if answer.status == 200 else expected
    if answer.status == 200 and kind != "text/html":
        expected |= OF_BYTES
    return expected


@pytest.mark.parametrize("role", ["clerk", "looker", "citizen"])
def test_every_answer_carries_the_committed_headers(
    built: Town, visitors: dict[str, PortalClient], answers: dict[str, Answers], role: str
) -> None:
    """Every route, whatever comes of it: pages, bytes, redirects, refusals, forms without a token, other methods."""
    client, found, met = visitors[role], dict[str, object](), set[int]()
    asked = [(rule.endpoint, answers[role][rule.endpoint]) for rule in rules("GET")]
    for rule in rules("POST"):
        path = address(built.things, rule)
        asked += [(rule.endpoint, client.post(path, {"x": "y"})), ("", client.get(path + "/gibt-es-nicht"))]
    asked.append(("", client.post("/anmelden", {"x": "y" * 300_000})))
    for endpoint, answer in asked:
        met.add(answer.status)
        expected = policy(endpoint, answer)
        carried = {name: answer.headers[name] for name in expected}
        stray = [name for name in NEVER if name in answer.headers]
        if carried != expected or stray:
            odd = {name: carried[name] for name in expected if carried[name] != expected[name]}
            found[f"{endpoint} {answer.path} {answer.status}"] = odd, stray
    assert found == {}
    assert met >= {200, 303, 403, 404}
