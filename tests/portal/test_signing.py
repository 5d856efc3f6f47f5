"""Signing in and out (security.md S-25, B1; contract.md): sessions, cookies, and what may never open what."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.davclient import DavClient
from tests.portal.portalclient import COOKIE, PortalClient
from tests.running import PASSWORD, RunningServer, command, copied, start

Visitors = Callable[[str], PortalClient]


@pytest.fixture(scope="module")
def own_server(installed: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """A server of this module's own, for what would disturb others: throttling, changed passwords."""
    with start(copied(installed, tmp_path_factory.mktemp("signing")), workers=2) as running:
        yield running


def test_every_page_asks_for_a_login_and_goes_on_afterwards(visitor: PortalClient) -> None:
    """Whoever follows a link is asked who he is, and then sees what he wanted."""
    asked = visitor.get("/anmeldungen?x=1")
    assert (asked.status, asked.onward) == (303, "/anmelden?weiter=/anmeldungen?x%3D1")
    page = visitor.get(asked.onward)
    answer = visitor.submit(page, "/anmelden", name="otto", password=PASSWORD)
    assert (answer.status, answer.onward) == (303, "/anmeldungen?x=1")
    assert visitor.get(answer.onward).title == "Wo ich angemeldet bin"


@pytest.mark.parametrize(
    "elsewhere", ["//evil.example", "https://evil.example/", "/\\evil.example", "javascript:0", "x"]
)
def test_a_login_never_leads_to_another_site(visitor: PortalClient, elsewhere: str) -> None:
    """ASVS 5.1.5: no open redirect."""
    page = visitor.get("/anmelden")
    fields = page.form("/anmelden") | {"name": "otto", "password": PASSWORD, "weiter": elsewhere}
    assert visitor.post("/anmelden", fields).onward == "/"


def test_a_wrong_password_is_said_in_words_and_tells_nothing(visitor: PortalClient) -> None:
    """The same for an account that exists and one that does not; the typed name stays, the password does not."""
    answers = [visitor.sign_in(user, "ganz falsch!") for user in ("otto", "niemand")]
    assert [page.status for page in answers] == [403, 403]
    said = [page.text.replace("otto", "").replace("niemand", "") for page in answers]
    assert said[0] == said[1]
    assert "Name und Passwort passen nicht zusammen" in said[0]
    assert answers[0].form("/anmelden")["name"] == "otto"
    assert b"ganz falsch!" not in answers[0].body


def test_the_cookie_is_new_at_login_and_hidden_from_scripts(visitor: PortalClient) -> None:
    """security.md S-25, session fixation: whatever a browser had before, its session has a name of its own."""
    visitor.cookies[COOKIE] = "chosen-by-an-attacker"
    page = visitor.sign_in("otto")
    (line,) = page.headers.get_all("Set-Cookie")
    assert visitor.cookies[COOKIE] != "chosen-by-an-attacker"
    assert len(visitor.cookies[COOKIE]) >= 43, "256 random bits"
    assert {"HttpOnly", "SameSite=Lax", "Path=/"} <= {part.strip() for part in line.split(";")}
    intruder = PortalClient(visitor.origin)
    intruder.cookies[COOKIE] = "chosen-by-an-attacker"
    assert intruder.get("/anmeldungen").status == 303


def test_over_tls_the_cookie_is_bound_to_the_host(own_data: Path) -> None:
    """`__Host-` and Secure where people reach the portal by https (security.md §4)."""
    with start(own_data, workers=1, env={"DAVSERVER_PUBLIC_URL": "https://gremium.example.org"}) as running:
        page = PortalClient(running.url).get("/anmelden", {"Host": "gremium.example.org"})
        (line,) = page.headers.get_all("Set-Cookie")
        assert re.match(r"__Host-gremium=[\w-]{43}; Secure; HttpOnly; Path=/; SameSite=Lax$", line), line
        assert page.headers["Strict-Transport-Security"] == "max-age=31536000"


def test_a_session_is_nothing_on_a_drive(visitors: Visitors) -> None:
    """security.md B1: the portal's cookie opens no drive, neither as cookie nor as a password or Bearer."""
    otto = visitors("otto")
    cookie = otto.cookies[COOKIE]
    drive = otto.dav()
    for header in ({"Cookie": f"{COOKIE}={cookie}"}, {"Authorization": f"Bearer {cookie}"}):
        assert drive.request("PROPFIND", "/dav/ba05/", headers={"Depth": "0", **header}).status == 401
    drive.close()
    as_password = DavClient(otto.origin, "otto", cookie)
    assert as_password.request("PROPFIND", "/dav/ba05/", headers={"Depth": "0"}).status == 401
    as_password.close()


def test_an_app_password_is_nothing_in_the_portal(own_server: RunningServer) -> None:
    """security.md B1: it opens drives only, and the page says so; neither does a Basic header sign anybody in."""
    made = json.loads(command("app-password", "create", "otto", "--label", "x", "--json", data=own_server.data))
    visitor = PortalClient(own_server.url)
    refused = visitor.sign_in("otto", made["password"])
    assert (refused.status, "App-Passwort" in refused.text) == (403, True)
    basic = DavClient(own_server.url, "otto", made["password"]).authorization
    assert visitor.get("/anmeldungen", {"Authorization": basic}).status == 303


def test_signing_out_ends_the_session_for_good(visitors: Visitors) -> None:
    """The cookie of a session that was ended opens nothing, even if somebody kept it."""
    otto = visitors("otto")
    kept = dict(otto.cookies)
    page = otto.submit(otto.get("/anmeldungen"), "/abmelden")
    assert "Sie sind abgemeldet" in page.text
    otto.cookies = kept
    assert otto.get("/anmeldungen").status == 303


def test_one_sees_and_ends_ones_own_sessions(visitors: Visitors) -> None:
    """Each with browser and system; ending one leaves this one, and nobody ends another's."""
    here, there, other = visitors("edda"), visitors("edda"), visitors("sam")
    page = here.get("/anmeldungen", {"User-Agent": "Mozilla/5.0 (Windows NT 10.0) Firefox/140.0"})
    assert page.text.count("Dieses Gerät") == 1
    name = page.tree.xpath("//button[@name='session']/@value")[0]
    other.post("/anmeldungen/beenden", {"token": other.get("/anmeldungen").token(), "session": name})
    assert there.get("/anmeldungen").status == 200, "another's session"
    here.submit(page, "/anmeldungen/beenden", session=name)
    assert (there.get("/anmeldungen").status, here.get("/anmeldungen").status) == (303, 200)


def test_a_new_password_or_a_disabled_account_ends_all_sessions(own_server: RunningServer) -> None:
    """security.md S-14: in every worker, at once."""
    for words in (("user", "passwd", "sam", "--password-stdin"), ("user", "disable", "sam")):
        sam = PortalClient(own_server.url)
        assert sam.sign_in("sam").status == 303
        command(*words, data=own_server.data, text=PASSWORD + "\n")
        assert {sam.get("/anmeldungen").status for _ in range(12)} == {303}
    assert PortalClient(own_server.url).sign_in("sam").status == 403


def test_a_password_that_the_operator_has_set_is_told(own_server: RunningServer) -> None:
    """contract.md: whoever's access was reset reads by whom, from his next sign-in on, in every session."""
    command("user", "passwd", "otto", "--password-stdin", data=own_server.data, text=PASSWORD + "\n")
    for _ in range(2):
        otto = PortalClient(own_server.url)
        assert otto.sign_in("otto").status == 303
        assert re.search(r"Ihr Passwort wurde am .* von der Administration neu gesetzt", otto.get("/").text)


def test_guessing_is_throttled_and_never_kept_waiting(own_server: RunningServer) -> None:
    """security.md S-19: 10 wrong ones, then 429 with Retry-After, also for the right one; others are served."""
    visitor = PortalClient(own_server.url)
    page = visitor.get("/anmelden")
    got = [visitor.submit(page, "/anmelden", name="edda", password=f"falsch-{n}-falsch") for n in range(30)]
    assert [answer.status for answer in got] == [403] * 10 + [429] * 20
    last = visitor.submit(page, "/anmelden", name="edda", password=PASSWORD)
    assert last.status == 429
    assert 1 <= int(last.headers["Retry-After"]) <= 900
    assert "zu viele falsche Versuche" in last.text
    assert visitor.submit(page, "/anmelden", name="otto", password=PASSWORD).status == 303


def test_a_form_that_was_sent_too_late_survives_the_login(visitors: Visitors) -> None:
    """What somebody wrote while his session ended is not lost: he signs in, looks at it, and sends it."""
    old = visitors("otto")
    page = old.get("/anmeldungen")
    old.lose_session()
    late = old.post("/anmeldungen/beenden", page.form("/sprache") | {"session": "äöü & <so>"})
    assert late.status == 403
    assert "Ihre Eingabe ist noch da" in late.text
    back = old.submit(late, "/anmelden", name="otto", password=PASSWORD)
    assert back.status == 200
    form = back.form("/anmeldungen/beenden")
    assert form["session"] == "äöü & <so>"
    assert form["token"] != page.token()
    assert old.submit(back, "/anmeldungen/beenden").status == 303


def test_names_queries_and_cookies_are_not_logged(server: RunningServer, visitors: Visitors) -> None:
    """contract.md: one line per request, with node ids, never names, queries or tokens."""
    otto = visitors("otto")
    otto.get("/anmeldungen?q=hundesteuer")
    lines = [json.loads(line) for line in server.log if '"request"' in line]
    assert {"time", "request", "method", "status", "ms", "bytes", "nodes"} == set(lines[-1])
    log = "".join(server.log)
    assert "hundesteuer" not in log
    assert otto.cookies[COOKIE] not in log
    assert PASSWORD not in log


def test_without_a_provider_of_identities_there_is_no_way_to_one(visitor: PortalClient) -> None:
    """security.md B1: what is not configured is not there."""
    page = visitor.get("/anmelden")
    assert "extern" not in page.body.decode()
    assert visitor.post("/anmelden/extern", {"token": page.token()}).status == 404
    assert visitor.get("/anmelden/extern/zurueck?code=x&state=y").status == 404
