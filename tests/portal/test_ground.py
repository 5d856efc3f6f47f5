"""The portal's ground: forms of foreign pages, languages, what is the portal's and what the drives'."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path

import pytest
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po

from davserver.portal import errors
from tests.davclient import DavClient
from tests.portal.portalclient import COOKIE, PortalClient
from tests.running import PASSWORD, RunningServer, start

PORTAL = Path(__file__).resolve().parents[2] / "davserver" / "portal"
Visitors = Callable[[str], PortalClient]


def test_pages_hold_no_script_and_no_style_of_their_own(visitors: Visitors) -> None:
    """The policy above would stop them; so no page may need them."""
    for path in PORTAL.glob("templates/**/*.html"):
        text = path.read_text("utf-8")
        assert not re.search(r"<script(?![^>]*\bsrc=)|<style|\sstyle=|\son[a-z]+=|javascript:", text), path


def test_files_of_the_design_are_kept_under_the_mark_of_their_content(visitor: PortalClient) -> None:
    """A year, because a changed file has another address."""
    address = visitor.get("/anmelden").tree.xpath("//link[@rel='stylesheet']/@href")[0]
    assert re.fullmatch(r"/static/portal\.css\?v=[0-9a-f]{12}", address)
    assert visitor.get(address).headers["Cache-Control"] == "public, max-age=31536000, immutable"


FOREIGN = [
    {"Origin": "https://evil.example"},
    {"Origin": "null"},
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site"},
]


@pytest.mark.parametrize("headers", FOREIGN, ids=str)
def test_a_foreign_page_sends_no_form(visitors: Visitors, headers: dict[str, str]) -> None:
    """CSRF: even with the right token."""
    otto = visitors("otto")
    token = otto.get("/anmeldungen").token()
    answer = otto.post("/abmelden", {"token": token}, headers)
    assert (answer.status, answer.title) == (403, "Dieses Formular ist zu alt")
    assert otto.get("/anmeldungen").status == 200


def test_a_form_needs_the_token_of_this_very_session(visitors: Visitors) -> None:
    """CSRF: no token, a made-up one, and one of another session are refused alike; also at signing in."""
    otto, clara = visitors("otto"), visitors("clara")
    strange = clara.get("/anmeldungen").token()
    for token in ("", "0" * 32, strange, "ä"):
        assert otto.post("/abmelden", {"token": token}).status == 403
        assert otto.post("/anmelden", {"token": token, "name": "sam", "password": PASSWORD}).status == 403
    fresh = PortalClient(otto.origin)
    assert fresh.post("/anmelden", {"token": strange, "name": "sam", "password": PASSWORD}).status == 403
    assert COOKIE not in fresh.cookies or fresh.get("/anmeldungen").status == 303


def test_every_route_that_changes_is_a_post_and_needs_a_token(visitors: Visitors) -> None:
    """No view takes its changes from a GET; each POST of the application is refused without a token."""
    from davserver.portal.application import create
    from davserver.portal.ground import Ground

    app = create(Ground(**dict.fromkeys(each.name for each in fields(Ground))))  # type: ignore[arg-type]
    otto = visitors("otto")
    posts = [rule for rule in app.url_map.iter_rules() if "POST" in (rule.methods or ())]
    assert posts
    for rule in posts:
        path = re.sub(r"<\w+>", "ba05", re.sub(r"<int:\w+>", "1", rule.rule))
        kind = {"Content-Type": "multipart/form-data; boundary=x"}
        assert otto.post(path, {"x": "y"}).status in (400, 403), path
        assert otto.request("POST", path, b"--x--\r\n", kind).status in (303, 400, 403), path
    assert otto.get("/anmeldungen").status == 200


def test_unknown_pages_look_alike_for_everybody(visitors: Visitors, visitor: PortalClient) -> None:
    """404 in plain words, whether somebody is signed in or not."""
    for client in (visitors("otto"), visitor):
        page = client.get("/gibt-es-nicht")
        assert (page.status, page.title) == (404, "Hier ist nichts")


def test_the_language_is_the_browsers_and_then_the_chosen_one(visitor: PortalClient) -> None:
    """German where nothing is asked for; a choice is kept and leads back to the same page."""
    visitor.language = "en-GB,de;q=0.5"
    page = visitor.get("/anmelden?weiter=/impressum")
    assert (page.title, page.tree.get("lang"), page.headers["Content-Language"]) == ("Sign in", "en", "en")
    answer = visitor.submit(page, "/sprache", sprache="de")
    assert (answer.status, answer.onward) == (303, "/anmelden?weiter=/impressum")
    page = visitor.get(answer.onward)
    assert (page.title, page.tree.get("lang")) == ("Anmelden", "de")
    visitor.cookies, visitor.language = {}, "fr"
    assert visitor.get("/anmelden").title == "Anmelden"


def test_every_text_is_german_too() -> None:
    """Each text of code and templates stands in a German catalogue, once, with its variables, and no other does."""
    found = extract_from_dir(
        str(PORTAL),
        method_map=[("**.py", "python"), ("templates/**.html", "jinja2")],
        options_map={"templates/**.html": {"newstyle_gettext": "true", "silent": "false"}},
        keywords={"_": None, "N_": None, "gettext": None, "ngettext": (1, 2)},
    )
    written = {message if isinstance(message, str) else message[0] for _, _, message, _, _ in found}
    german: dict[str, object] = {}
    for path in sorted((PORTAL / "locales" / "de").glob("*.po")):
        with path.open("rb") as file:
            for message in read_po(file, locale="de", abort_invalid=True):
                ids = (message.id,) if isinstance(message.id, str) else message.id
                texts = (message.string,) if isinstance(message.string, str) else message.string
                if not ids[0]:
                    continue
                assert ids[0] not in german, f"{path.name}: {ids[0]!r} stands twice"
                assert all(texts) and not message.fuzzy, f"{path.name}: {ids[0]!r}"
                assert variables(*ids) == variables(*texts), f"{path.name}: {ids[0]!r}"
                german[ids[0]] = texts
    assert written == german.keys()


def variables(*texts: str) -> set[str]:
    return {name for text in texts for name in re.findall(r"%\((\w+)\)s", text)}


def test_what_the_operator_must_tell_is_on_every_page(own_data: Path, tmp_path: Path) -> None:
    """Imprint, privacy and accessibility from the settings: a text of one's own, or a page elsewhere."""
    (own_data / "impressum.txt").write_text(
        "Stadt Musterstadt\nMarktplatz 1\n\n<b>Vertreten</b> durch", encoding="utf-8"
    )
    told = {"DAVSERVER_IMPRINT": "impressum.txt", "DAVSERVER_PRIVACY": "https://stadt.example/datenschutz"}
    with start(own_data, workers=1, env=told) as running:
        visitor = PortalClient(running.url)
        page = visitor.get("/impressum")
        paragraphs = [each.text_content() for each in page.tree.xpath("//main//p")]
        assert paragraphs == ["Stadt Musterstadt Marktplatz 1", "<b>Vertreten</b> durch"]
        assert visitor.get("/datenschutz").onward == "https://stadt.example/datenschutz"
        assert "noch nichts eingetragen" in visitor.get("/barrierefreiheit").text
        links = set(page.tree.xpath("//footer//a/@href"))
        assert links == {"/impressum", "/datenschutz", "/barrierefreiheit"}
        assert any("accessibility" in line for line in running.log), "serve warns while one is empty"


def test_the_drives_keep_their_addresses(server: RunningServer, visitor: PortalClient) -> None:
    """contract.md: OPTIONS and PROPFIND of `/` answer as Windows and Finder expect; a browser comes to the portal."""
    drive = DavClient(server.url, "otto", PASSWORD)
    assert "DAV" in drive.request("OPTIONS", "/").headers
    assert drive.request("PROPFIND", "/", headers={"Depth": "0"}).status == 207
    assert drive.request("GET", "/dav/ba05/").body.startswith(b"This is a folder")
    drive.close()
    for path, page in (
        ("/dav/", "/"),
        ("/dav", "/"),
        ("/dav/ba05", "/pfad/ba05"),
        ("/dav/ba05/Gibt%20es%20nicht/", "/pfad/ba05/Gibt%20es%20nicht"),
        ("/dav/ba05/%C3%A4%3F/", "/pfad/ba05/%C3%A4%3F"),
    ):
        answer = visitor.get(path)
        assert (answer.status, answer.onward) == (303, page)
    assert visitor.get("/dav/ba05/a.pdf").status == 401


def test_the_table_of_errors_knows_the_whole_family() -> None:
    """Every error that storage, the door and the login raise has its page, but those that are meant to be a 500,
    or that only drives meet."""
    from davserver import login
    from davserver.tree import seen
    from shareproviders import contract

    meant = {"UnknownSyncToken", "Damaged", "ShareError", "DoorError", "LoginError", "Malformed"}
    for room in (contract, seen, login):
        for name, kind in vars(room).items():
            if isinstance(kind, type) and issubclass(kind, Exception) and name not in meant:
                is_shown = issubclass(kind, login.Unauthorized) or any(issubclass(kind, row) for row, _ in errors.TABLE)
                assert is_shown, name
