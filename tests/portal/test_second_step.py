"""The second step in the portal: set up, asked for, lost, switched off; all of it by forms without script."""

from __future__ import annotations

import re
import time

import pytest

from tests.davclient import DavClient
from tests.login.codes import app_code
from tests.portal.chromium import SMALLEST, Browsers
from tests.portal.portalclient import Page, PortalClient
from tests.running import PASSWORD, RunningServer, command

STEP, CONFIRM, RENEW, OFF = (f"/zweiter-schritt{part}" for part in ("", "/bestaetigen", "/codes", "/ausschalten"))
RECOVERY = re.compile(r"[a-z2-7]{4}-[a-z2-7]{4}-[a-z2-7]{4}")


def now() -> int:
    return time.time_ns() // 1000


def secret_on(page: Page) -> str:
    return page.tree.xpath("string(//code[@class='secret'])").replace(" ", "")


def switched_on(client: PortalClient) -> tuple[str, list[str]]:
    """Set it up as a person does; the secret in the app, and the recovery codes on the printed page."""
    shown = client.submit(client.get(STEP), STEP, password=PASSWORD)
    secret = secret_on(shown)
    codes = client.submit(shown, CONFIRM, code=app_code(secret, now()))
    assert "Der zweite Schritt ist eingeschaltet" in codes.text
    return secret, RECOVERY.findall(codes.text)


@pytest.fixture
def user(server: RunningServer, request: pytest.FixtureRequest) -> str:
    """An account that no other test knows."""
    name = str(request.node.name).removeprefix("test_")[:12].strip("_")
    command("user", "add", name, "--password-stdin", data=server.data, text=PASSWORD + "\n")
    return name


@pytest.fixture
def owner(server: RunningServer, user: str) -> PortalClient:
    """Its owner, signed in."""
    return PortalClient.signed_in(server.url, user)


def test_a_whole_life(server: RunningServer, user: str, owner: PortalClient) -> None:
    """Off, set up, asked for with every new sign-in, a recovery code, new codes, off again."""
    assert owner.submit(owner.get(STEP), STEP, password="nicht meines").status == 403
    shown = owner.submit(owner.get(STEP), STEP, password=PASSWORD)
    assert shown.tree.xpath("//figure//*[local-name()='svg']")
    wrong = owner.submit(shown, CONFIRM, code="abcdef")
    assert (wrong.status, secret_on(wrong)) == (403, secret_on(shown))
    codes = RECOVERY.findall(owner.submit(wrong, CONFIRM, code=app_code(secret_on(shown), now())).text)
    assert len(codes) == 10
    assert secret_on(shown) not in owner.get(STEP).text, "shown once"

    again = PortalClient(server.url)
    asked = again.submit(again.get("/anmelden?weiter=/anmeldungen"), "/anmelden", name=user, password=PASSWORD)
    assert (asked.status, asked.title) == (200, "Der zweite Schritt")
    assert again.get("/anmeldungen").status == 303, "the password alone opens nothing"
    refused = again.submit(asked, "/anmelden/code", code="000000000")
    assert (refused.status, "Dieser Code gilt nicht" in refused.text) == (403, True)
    back = again.submit(refused, "/anmelden/code", code=codes[0])
    assert (back.status, back.onward) == (303, "/anmeldungen")
    assert "noch 9 Ersatzcodes" in again.get(STEP).text
    new = RECOVERY.findall(again.submit(again.get(STEP), RENEW, code=codes[1]).text)
    assert len(new) == 10 and not set(new) & set(codes)
    assert again.submit(again.get(STEP), OFF, password=PASSWORD, code=codes[2]).status == 403
    assert again.submit(again.get(STEP), OFF, password="nicht meines", code=new[0]).status == 403
    assert again.submit(again.get(STEP), OFF, password=PASSWORD, code=new[0]).status == 303
    assert PortalClient(server.url).sign_in(user).status == 303


def test_half_signed_in_is_nobody(server: RunningServer, user: str, owner: PortalClient) -> None:
    """security.md B1: what proves the password is no session: neither as cookie, Bearer or password, nor elsewhere."""
    secret, codes = switched_on(owner)
    half = PortalClient(server.url)
    asked = half.sign_in(user)
    proof = asked.form("/anmelden/code")["asked"]
    thief = PortalClient(server.url)
    taken = thief.post("/anmelden/code", {"token": thief.get("/anmelden").token(), "asked": proof, "code": codes[0]})
    assert (taken.status, "Das hat zu lange gedauert" in taken.text) == (403, True), "another browser"
    for header in ({"Cookie": f"gremium={proof}"}, {"Authorization": f"Bearer {proof}"}):
        assert PortalClient(server.url).get("/anmeldungen", header).status == 303
    with DavClient(server.url, user, proof) as drive:
        assert drive.request("PROPFIND", "/dav/", headers={"Depth": "0"}).status == 401
    with DavClient(server.url, user, PASSWORD) as drive:
        assert drive.request("PROPFIND", "/dav/", headers={"Depth": "0"}).status == 401, "not by its own password"
    assert half.submit(asked, "/anmelden/code", code=codes[0]).status == 303, "and the code was not used up by that"
    assert secret not in "".join(server.log)


def test_a_form_survives_both_steps(server: RunningServer, user: str, owner: PortalClient) -> None:
    """What somebody wrote while his session ended waits behind the second step too."""
    _, codes = switched_on(owner)
    page = owner.get("/anmeldungen")
    owner.lose_session()
    late = owner.post("/anmeldungen/beenden", page.form("/sprache") | {"session": "äöü & <so>"})
    asked = owner.submit(late, "/anmelden", name=user, password=PASSWORD)
    wrong = owner.submit(asked, "/anmelden/code", code="0")
    back = owner.submit(wrong, "/anmelden/code", code=codes[0])
    assert back.form("/anmeldungen/beenden")["session"] == "äöü & <so>"


def test_whoever_takes_it_off_is_named(server: RunningServer, user: str, owner: PortalClient) -> None:
    """`user totp-off`: the password is enough then, and the first page says that it was done."""
    switched_on(owner)
    command("user", "totp-off", user, data=server.data)
    told = PortalClient.signed_in(server.url, user).get("/")
    assert "Der zweite Schritt Ihrer Anmeldung wurde am" in told.text
    assert told.links()["Wieder einrichten"] == STEP


def test_in_a_browser_on_a_small_phone(browsers: Browsers, server: RunningServer, user: str) -> None:
    """No page has barriers (WCAG 2.1 AA), nothing sticks out; and the QR code of a letter fills in its code."""
    found: dict[str, list[str]] = {}
    with browsers(server.url, SMALLEST) as here:
        code = "-".join(["abcd"] * 8)
        here.open(f"/einladung#{code}")
        assert here.one("#code").get_attribute("value") == code
        assert here.driver.current_url.endswith("/einladung"), "and it is kept in no history"
        here.sign_in(user)
        here.open(STEP)
        found["off"] = here.barriers()
        here.fill("password", PASSWORD)
        here.one("main button.main").click()
        here.wait(lambda _: bool(here.all(".square svg")))
        found["secret"] = here.barriers()
        secret = here.one("code.secret").text.replace(" ", "")
        here.fill("code", "abcdef")
        here.one("main button.main").click()
        here.wait(lambda _: bool(here.all(".message.problem")))
        found["wrong"] = here.barriers()
        here.fill("code", app_code(secret, now()))
        here.one("main button.main").click()
        here.wait(lambda _: len(here.all("li code.secret")) == 10)
        assert here.one("[data-print]").is_displayed()
        found["codes"] = here.barriers()
        spare = here.one("li code.secret").text
        here.click("Ich habe sie")
        found["on"] = here.barriers()
        here.driver.delete_all_cookies()
        here.open("/anmelden")
        here.fill("name", user)
        here.fill("password", PASSWORD)
        here.one("main button.main").click()
        here.wait(lambda _: bool(here.all("#code-hint")))
        found["step"] = here.barriers()
        here.fill("code", spare)
        here.one("main button.main").click()
        here.wait(lambda _: bool(here.all(".finder")))
    assert {page: told for page, told in found.items() if told} == {}
