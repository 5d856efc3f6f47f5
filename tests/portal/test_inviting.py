"""Invitation and reset by letter: one code, one use, fourteen days; a second person; told afterwards (rights.md §2)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import segno

from tests.clients.nginx import free_ports
from tests.dav.doors import opened
from tests.login.codes import app_code
from tests.portal.desk import CODE, install_with_desk, written
from tests.portal.mails import Sink, receiving
from tests.portal.portalclient import PortalClient
from tests.running import RunningServer, command, start

DESK = "/geschaeftsstelle/rat/personen"
SET = "/einladung/passwort"
NEW = "Neues-Passwort-2027"
ADDRESS = """
[[person]]
user = "{user}"
name = "{user} mit Adresse"
email = "{user}@example.org"
"""


@pytest.fixture(scope="module")
def sink() -> Iterator[Sink]:
    with receiving() as sink:
        yield sink


@pytest.fixture(scope="module")
def server(installed: Path, sink: Sink, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    data, (port,) = install_with_desk(installed, tmp_path_factory.mktemp("letters")), free_ports(1)
    people = data.parent / "people.toml"
    people.write_text("".join(ADDRESS.format(user=user) for user in ("otto", "kurt")), encoding="utf-8")
    command("apply", str(people), data=data)
    with start(
        data, workers=1, env={**sink.settings, "DAVSERVER_PUBLIC_URL": f"http://127.0.0.1:{port}"}, port=port
    ) as server:
        yield server


@pytest.fixture
def language() -> str:
    return "en"


def holds(guest: PortalClient, code: str) -> int:
    """What the page says to a code: 200 or 404."""
    return guest.submit(guest.get("/einladung"), "/einladung", code=code).status


def test_a_letter_from_the_desk_resets_a_password_once(
    server: RunningServer, visitors: Callable[[str], PortalClient]
) -> None:
    """The old password holds until the code is used; then it and all sessions end, and the person is told by whom."""
    clara, paula = visitors("clara"), visitors("paula")
    page = clara.get(DESK)
    letter = clara.post(f"{DESK}/brief", {"token": page.token(), "user": "paula"})
    assert (letter.status, letter.body[:5]) == (200, b"%PDF-")
    assert letter.headers["Cache-Control"] == "no-store"
    said = written(letter.body)
    assert "Paula Puls" in said
    code = CODE.findall(said)[0]
    assert paula.get("/").status == 200
    guest = PortalClient(server.url)
    guest.language = "en"
    typed = guest.submit(guest.get("/einladung"), "/einladung", code=code.upper().replace("-", " "))
    assert "Paula Puls" in typed.text
    assert guest.submit(typed, SET, password=NEW, again="other").status == 400
    assert guest.submit(typed, SET, password="kurz", again="kurz").status == 400
    assert guest.submit(typed, SET, password=NEW, again=NEW).status == 303
    assert "set anew" in guest.get("/").text
    assert "Clara Clerk" in guest.get("/").text
    assert paula.get("/").onward.startswith("/anmelden")
    assert PortalClient(server.url).sign_in("paula").status == 403
    assert PortalClient(server.url).sign_in("paula", NEW).status == 303
    assert guest.submit(typed, SET, token=guest.get("/").token(), password=NEW, again=NEW).status == 404
    assert holds(guest, code) == 404


def test_who_may_have_a_letter_made_for_whom(visitors: Callable[[str], PortalClient]) -> None:
    """Nobody for himself; a desk for none whose other offices are not at a desk of the same clerk, else it would lend
    him rights that he has not; a member for nobody.
    """
    for user, other, status in (
        ("clara", "clara", 409),
        ("clara", "sam", 404),
        ("clara", "kurt", 200),
        ("kurt", "otto", 403),
        ("kurt", "vera", 200),
        ("otto", "vera", 403),
    ):
        visitor = visitors(user)
        answer = visitor.post(f"{DESK}/brief", {"token": visitor.get("/").token(), "user": other})
        assert answer.status == status, (user, other)


def test_a_newer_letter_ends_the_older(server: RunningServer, visitors: Callable[[str], PortalClient]) -> None:
    clara, guest = visitors("clara"), PortalClient(server.url)
    codes = []
    for _ in range(2):
        letter = clara.post(f"{DESK}/brief", {"token": clara.get("/").token(), "user": "vera"})
        codes += CODE.findall(written(letter.body))
    assert [holds(guest, code) for code in codes] == [404, 200]
    assert [holds(guest, code) for code in codes] == [404, 200], "looking uses nothing up"


def test_letters_by_command(server: RunningServer, tmp_path: Path) -> None:
    """`user invite`: one page for each, a new file for its owner only; the code is in no log and no database."""
    env, file = {"DAVSERVER_PUBLIC_URL": "https://gremium.example"}, tmp_path / "letters.pdf"
    command("user", "invite", "otto", "sam", "--letter", str(file), data=server.data, env=env)
    said = written(file.read_bytes())
    codes = CODE.findall(said)
    assert len(codes) == 2
    assert "https://gremium.example/einladung" in said
    assert file.stat().st_mode & 0o777 == 0o600
    kept = b"".join(path.read_bytes() for path in server.data.glob("gremium.db*"))
    assert not any(code.encode() in kept or code.replace("-", "").encode() in kept for code in codes)
    assert not any(code in line for code in codes for line in server.log)
    assert holds(PortalClient(server.url), codes[1]) == 200


def test_the_code_stands_in_no_path(server: RunningServer, visitors: Callable[[str], PortalClient]) -> None:
    """Paths are logged on the way, and kept by browsers: the letter's QR code has the code behind the #."""
    clara = visitors("clara")
    letter = clara.post(f"{DESK}/brief", {"token": clara.get("/").token(), "user": "vera"})
    (code,) = CODE.findall(written(letter.body))
    expected = segno.make(f"{server.url.rstrip('/')}/einladung#{code}", error="m", micro=False)
    dark = sum(sum(1 for module in row if module) for row in expected.matrix)
    assert written(letter.body).count(" re f") == dark
    guest = PortalClient(server.url)
    assert guest.get(f"/einladung/{code}").status == 404


def test_a_code_by_mail_where_the_address_is_known(
    server: RunningServer, visitors: Callable[[str], PortalClient], sink: Sink
) -> None:
    """The same code, for the same people, at the clerk's choice; only to the person's own address."""
    clara, guest = visitors("clara"), PortalClient(server.url)
    page = clara.get(DESK)
    assert clara.submit(page, f"{DESK}/mail", user="otto").onward == f"{DESK}?getan=mailed"
    (mail,) = sink.mails
    assert (mail["To"], mail["From"]) == ("otto@example.org", "gremium@example.org")
    text = mail.get_content()
    (code,) = CODE.findall(text)
    assert f"{server.url.rstrip('/')}/einladung#{code}" in text.splitlines()
    assert "Ihr Anmeldename: otto" in text
    assert holds(guest, code) == 200
    for user, other, status in (("clara", "paula", 409), ("clara", "sam", 404), ("otto", "kurt", 403)):
        visitor = visitors(user)
        answer = visitor.post(f"{DESK}/mail", {"token": visitor.get("/").token(), "user": other})
        assert answer.status == status, (user, other)
    assert len(sink.mails) == 1
    assert code not in "".join(server.log)


def test_a_letter_is_the_way_back_for_who_has_lost_the_second_step_too(
    server: RunningServer, visitors: Callable[[str], PortalClient]
) -> None:
    """contract.md `user invite`: also for a lost second factor; the person is told both, and by whom."""
    with opened(server.data) as house:
        secret = house.second_step.prepare("kurt")
        house.second_step.confirm("kurt", app_code(secret, house.clock()), "::1")
    clara, guest = visitors("clara"), PortalClient(server.url)
    by_mail = clara.post(f"{DESK}/mail", {"token": clara.get("/").token(), "user": "kurt"})
    assert by_mail.status == 409, "a mailbox alone must not open what has a second step"
    letter = clara.post(f"{DESK}/brief", {"token": clara.get("/").token(), "user": "kurt"})
    (code,) = CODE.findall(written(letter.body))
    assert "zweite Schritt" in guest.sign_in("kurt").text
    form = guest.submit(guest.get("/einladung"), "/einladung", code=code)
    assert guest.submit(form, SET, password=NEW, again=NEW).status == 303
    told = guest.get("/").text
    assert "Passwort" in told or "Passwort" in told
    assert "zweite Schritt Ihrer Anmeldung wurde" in told
    assert told.count("von Clara Clerk") == 2


def test_who_never_had_a_password_is_told_nothing(server: RunningServer) -> None:
    """The first letter is a welcome, no reset."""
    command("user", "add", "neu", "--name", "Nele Neu", data=server.data)
    with opened(server.data) as house, house.database.transaction() as connection:
        code = house.invitations.invite(connection, "neu", "command:operator")
    guest = PortalClient(server.url)
    form = guest.submit(guest.get("/einladung"), "/einladung", code=code)
    assert guest.submit(form, SET, password=NEW, again=NEW).status == 303
    assert "neu gesetzt" not in guest.get("/").text
