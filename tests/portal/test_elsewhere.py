"""Signing in with the account that somebody has elsewhere: the whole way, through an independent provider.

What a provider may lie about is tested in tests/login/test_oidc.py.
"""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlencode, urlsplit
from urllib.request import HTTPRedirectHandler, Request, build_opener

import pytest

from tests.clients.nginx import free_ports
from tests.dav.doors import opened
from tests.davclient import DavClient
from tests.portal.chromium import Browsers
from tests.portal.portalclient import Page, PortalClient
from tests.running import RunningServer, command, copied, start

DEPART, BACK = "/anmelden/extern", "/anmelden/extern/zurueck"
CITIZENS = (
    {"sub": "4711", "email": "otto@city.example", "email_verified": True},
    {"sub": "4712", "email": "edda@city.example", "email_verified": True},
    {"sub": "4713", "email": "otto@city.example", "email_verified": True},
    {"sub": "9999", "email": "niemand@city.example", "email_verified": True},
)
ADDRESSES = """
[[person]]
user = "otto"
name = "Otto Maier"
email = "otto@city.example"

[[person]]
user = "edda"
name = "Edda Ehemals"
email = "edda@city.example"
"""


@pytest.fixture(scope="module")
def city() -> Iterator[str]:
    """The provider, in a process of its own; its address."""
    (port,) = free_ports(1)
    words = [sys.executable, "-m", "oidc_provider_mock", "--port", str(port)]
    words += [word for claims in CITIZENS for word in ("--user-claims", json.dumps(claims))]
    process = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        for _ in range(300):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            assert process.poll() is None, "the provider did not start"
            time.sleep(0.1)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(30)


@pytest.fixture(scope="module")
def running(city: str, installed: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """A server that knows the provider, under the address that the provider sends people back to."""
    data = copied(installed, tmp_path_factory.mktemp("elsewhere"))
    (data / "people.toml").write_text(ADDRESSES, encoding="utf-8")
    command("apply", str(data / "people.toml"), data=data)
    (data / "client.secret").write_text("the secret of the client\n", encoding="utf-8")
    (port,) = free_ports(1)
    env = {
        "DAVSERVER_PUBLIC_URL": f"http://127.0.0.1:{port}",
        "DAVSERVER_OIDC_ISSUER": city,
        "DAVSERVER_OIDC_NAME": "M-Login",
        "DAVSERVER_OIDC_CLIENT_ID": "gremium",
        "DAVSERVER_OIDC_CLIENT_SECRET": "client.secret",
    }
    with start(data, workers=2, env=env, port=port) as server:
        yield server


@pytest.fixture
def visitor(running: RunningServer) -> PortalClient:
    return PortalClient(running.url)


class Stay(HTTPRedirectHandler):
    def redirect_request(self, *_: object) -> None:
        """The address that the provider sends the browser to is all that is asked for."""


def agreed(page: Page, **answer: str) -> str:
    """A person answers on the provider's page; the path to which his browser is sent back."""
    (address,) = page.tree.xpath("//main//a/@href")
    assert page.tree.xpath("//meta[@http-equiv='refresh']/@content") == [f"0; url={address}"]
    try:
        build_opener(Stay).open(Request(address, urlencode(answer).encode()), timeout=30)
    except OSError as redirect:
        parts = urlsplit(redirect.headers["Location"])  # type: ignore[attr-defined]
    assert parts.path == BACK
    return f"{parts.path}?{parts.query}"


def arrive(client: PortalClient, subject: str, at: str = "/anmelden") -> Page:
    """From the sign-in page to the provider and back."""
    return client.get(agreed(client.submit(client.get(at), DEPART), sub=subject))


def test_a_citizen_signs_in_and_lands_where_he_wanted(visitor: PortalClient, running: RunningServer) -> None:
    """In whichever worker: known by address once, then by subject; then his password opens the portal no more."""
    back = arrive(visitor, "4711", "/anmelden?weiter=/anmeldungen")
    assert (back.status, back.onward) == (303, "/anmeldungen")
    assert "Otto Maier" in visitor.get("/anmeldungen").text
    again = PortalClient(running.url)
    assert arrive(again, "4711").status == 303
    refused = PortalClient(running.url).sign_in("otto")
    assert (refused.status, "mit M-Login geöffnet" in refused.text) == (403, True)
    assert "nicht mit einem Passwort" in visitor.get("/zweiter-schritt").text
    out = visitor.submit(visitor.get("/"), "/abmelden")
    assert visitor.get("/").status == 303, "signed out here"
    leaving = urlsplit(out.links()["Auch bei M-Login abmelden"])
    asked = parse_qs(leaving.query)
    assert (leaving.path, asked["client_id"]) == ("/oauth2/end_session", ["gremium"])
    assert asked["post_logout_redirect_uri"] == [f"{running.url.rstrip('/')}/anmelden"]


def test_a_stranger_and_a_thief_are_told_the_same(visitor: PortalClient, running: RunningServer) -> None:
    """Nobody here, and somebody whose address is pinned to another: one plain sentence, no session, no account."""
    arrive(PortalClient(running.url), "4711")
    pages = [arrive(visitor, subject) for subject in ("9999", "4713")]
    assert [page.status for page in pages] == [403, 403]
    assert pages[0].text == pages[1].text
    assert "dazu gehört hier kein Zugang" in pages[0].text
    assert visitor.get("/").status == 303
    with opened(running.data) as house:
        refused = [line["detail"] for line in house.audit.show(who="anonymous:") if line["result"] == "unknown"]
    assert refused[:2] == ["4713", "9999"]


def test_a_way_back_counts_once_and_in_its_browser(visitor: PortalClient, running: RunningServer) -> None:
    """Nobody is signed in as somebody else by a link (login CSRF), nor twice by one."""
    way = agreed(visitor.submit(visitor.get("/anmelden"), DEPART), sub="4711")
    for half in parse_qs(urlsplit(way).query).values():  # security.md B1: half signed in is nobody
        assert visitor.get("/anmeldungen", {"Authorization": f"Bearer {half[0]}"}).status == 303
        with DavClient(running.url, "otto", half[0]) as drive:
            assert drive.request("PROPFIND", "/dav/", headers={"Depth": "0"}).status == 401
    victim = PortalClient(running.url)
    victim.get("/anmelden")
    refused = victim.get(way)
    assert (refused.status, "hat nicht geklappt" in refused.text) == (403, True)
    assert visitor.get(way).status == 303
    assert visitor.get(way).status == 403
    code = parse_qs(urlsplit(way).query)["code"][0]
    assert code not in "".join(running.log)


def test_whoever_turns_back_reads_so(visitor: PortalClient) -> None:
    """RFC 6749 §4.1.2.1; written here, because the provider of these tests forgets the state in that answer."""
    way = agreed(visitor.submit(visitor.get("/anmelden"), DEPART), sub="4711")
    state = parse_qs(urlsplit(way).query)["state"][0]
    answer = visitor.get(f"{BACK}?{urlencode({'error': 'access_denied', 'state': state})}")
    assert "Sie haben sich nicht mit M-Login angemeldet" in answer.text


def test_a_form_survives_the_way_there_and_back(visitor: PortalClient) -> None:
    """What somebody had written is there again, and sent by his click alone."""
    assert arrive(visitor, "4711").status == 303
    page = visitor.get("/anmeldungen")
    visitor.lose_session()
    late = visitor.post("/anmeldungen/beenden", page.form("/sprache") | {"session": "äöü & <so>"})
    back = visitor.get(agreed(visitor.submit(late, DEPART), sub="4711"))
    assert back.form("/anmeldungen/beenden")["session"] == "äöü & <so>"
    assert visitor.submit(back, "/anmeldungen/beenden").status == 303


def test_devices_of_a_citizen_sleep_without_him(visitor: PortalClient, running: RunningServer) -> None:
    """Thirty days after his last sign-in: 401 until the next one; his page says when. The clock is the house's rows."""
    assert arrive(visitor, "4712").status == 303
    shown = json.loads(command("app-password", "create", "edda", "--label", "x", "--json", data=running.data))
    with DavClient(running.url, "edda", shown["password"]) as drive:
        assert drive.request("PROPFIND", "/dav/", headers={"Depth": "0"}).status == 207
        assert "Mit jeder Anmeldung hier laufen sie weitere dreißig Tage" in visitor.get("/verbinden").text
        with opened(running.data) as house, house.database.transaction() as connection:
            connection.exec_driver_sql("UPDATE identity SET signed_in = 0 WHERE user = 'edda'")
            connection.exec_driver_sql("UPDATE account SET epoch = epoch + 1 WHERE user = 'edda'")
        asleep = drive.request("PROPFIND", "/dav/", headers={"Depth": "0"})
        assert asleep.status == 401
        assert arrive(PortalClient(running.url), "4712").status == 303
        assert drive.request("PROPFIND", "/dav/", headers={"Depth": "0"}).status == 207


def test_others_go_on_with_their_passwords(running: RunningServer) -> None:
    """The provider stands beside them; clara was never there."""
    clara = PortalClient.signed_in(running.url, "clara")
    assert "Auch bei" not in clara.submit(clara.get("/"), "/abmelden").text


def test_in_a_browser(browsers: Browsers, running: RunningServer) -> None:
    """The content policy lets no form end elsewhere, so a page of ours sends the browser on."""
    with browsers(running.url) as here:
        here.open("/anmelden")
        assert here.barriers() == []
        here.click("Anmelden mit M-Login")
        here.wait(lambda driver: "/oauth2/authorize" in driver.current_url)
        here.one("button[value='4711']").click()
        here.wait(lambda _: bool(here.all(".finder")))
        assert "Otto Maier" in here.text
        here.one("header .menu summary").click()
        here.one("form[action='/abmelden'] button").click()
        here.click("Auch bei M-Login abmelden")
        here.wait(lambda driver: "/oauth2/end_session" in driver.current_url)
        here.one("form button").click()
        here.wait(lambda driver: driver.current_url.startswith(f"{running.url.rstrip('/')}/anmelden"))
