"""Invitation and reset by letter: one code, one use, fourteen days; a second person; told afterwards (rights.md §2)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.portal.desk import CODE, install_with_desk, written
from tests.portal.portalclient import PortalClient
from tests.running import RunningServer, command, start

DESK = "/geschaeftsstelle/rat/personen"
NEW = "Neues-Kennwort-2027"


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    with start(install_with_desk(tmp_path_factory.mktemp("letters")), workers=1) as server:
        yield server


@pytest.fixture
def visitors(running: RunningServer) -> Callable[[str], PortalClient]:
    def signed_in(user: str) -> PortalClient:
        client = PortalClient(running.url)
        assert client.sign_in(user).status == 303
        client.language = "en"
        return client

    return signed_in


def test_a_letter_from_the_desk_resets_a_password_once(
    running: RunningServer, visitors: Callable[[str], PortalClient]
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
    guest = PortalClient(running.url)
    guest.language = "en"
    typed = guest.submit(guest.get("/einladung"), "/einladung", code=code.upper().replace("-", " "))
    assert typed.status == 303
    form = guest.get(typed.onward)
    assert "Paula Puls" in form.text
    assert guest.submit(form, typed.onward, password=NEW, again="other").status == 400
    assert guest.submit(form, typed.onward, password="kurz", again="kurz").status == 400
    assert guest.submit(form, typed.onward, password=NEW, again=NEW).status == 303
    assert "set anew" in guest.get("/").text
    assert "Clara Clerk" in guest.get("/").text
    assert paula.get("/").onward.startswith("/anmelden")
    assert PortalClient(running.url).sign_in("paula").status == 403
    assert PortalClient(running.url).sign_in("paula", NEW).status == 303
    assert guest.get(typed.onward).status == 404
    assert guest.submit(guest.get("/einladung"), "/einladung", code=code).status == 404


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


def test_a_newer_letter_ends_the_older(running: RunningServer, visitors: Callable[[str], PortalClient]) -> None:
    clara, guest = visitors("clara"), PortalClient(running.url)
    codes = []
    for _ in range(2):
        letter = clara.post(f"{DESK}/brief", {"token": clara.get("/").token(), "user": "vera"})
        codes += CODE.findall(written(letter.body))
    assert [guest.get(f"/einladung/{code}").status for code in codes] == [404, 200]


def test_letters_by_command(running: RunningServer, tmp_path: Path) -> None:
    """`user invite`: one page for each, a new file for its owner only; the code is in no log and no database."""
    env, file = {"DAVSERVER_PUBLIC_URL": "https://gremium.example"}, tmp_path / "letters.pdf"
    command("user", "invite", "otto", "sam", "--letter", str(file), data=running.data, env=env)
    said = written(file.read_bytes())
    codes = CODE.findall(said)
    assert len(codes) == 2
    assert "https://gremium.example/einladung" in said
    assert file.stat().st_mode & 0o777 == 0o600
    kept = b"".join(path.read_bytes() for path in running.data.glob("gremium.db*"))
    assert not any(code.encode() in kept or code.replace("-", "").encode() in kept for code in codes)
    assert not any(code in line for code in codes for line in running.log)
    assert PortalClient(running.url).get(f"/einladung/{codes[1]}").status == 200
