"""Sessions of the portal on a clock that tests turn, and how many may sign in at once (security.md §4, S-21, S-41)."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import select

from davserver.accounts import change_account
from davserver.login import AppPasswordShown, Throttled, WrongPassword
from davserver.schema import session
from davserver.sessions import Sessions, end_sessions
from davserver.settings import Settings
from shareproviders.contract import Unavailable
from tests.login.conftest import PEPPER, Gate

HERE = "192.0.2.7"
PASSWORD = "korrekt pferd batterie"
MINUTE = 60


@pytest.fixture
def sessions(gate: Gate) -> Sessions:
    gate.add("anna", PASSWORD)
    return Sessions(gate.database, Settings(), PEPPER, gate.audit, gate.clock)


def test_a_session_ends_after_half_an_hour_without_use(gate: Gate, sessions: Sessions) -> None:
    """Idle 30 minutes; each use counts, in any worker."""
    token = sessions.begin("anna", "Firefox, Windows", HERE)
    for _ in range(5):
        gate.clock.advance(29 * MINUTE)
        found = sessions.find(token)
        assert found is not None
        assert found.principal.key == "user:anna"
    gate.clock.advance(30 * MINUTE)
    assert sessions.find(token) is None
    assert sessions.of("anna") == []


def test_a_session_ends_after_ten_hours_whatever_happens(gate: Gate, sessions: Sessions) -> None:
    """Absolute 10 hours."""
    token = sessions.begin("anna", "", HERE)
    for _ in range(39):
        gate.clock.advance(15 * MINUTE)
        assert sessions.find(token) is not None
    gate.clock.advance(15 * MINUTE)
    assert sessions.find(token) is None


def test_a_clock_set_back_makes_no_session_immortal(gate: Gate, sessions: Sessions) -> None:
    """security.md S-41: minutes are forgiven, days are not."""
    token = sessions.begin("anna", "", HERE)
    gate.clock.advance(-MINUTE)
    assert sessions.find(token) is not None
    gate.clock.advance(-2 * 24 * 60 * MINUTE)
    assert sessions.find(token) is None


def test_tokens_are_random_and_kept_as_hashes_only(gate: Gate, sessions: Sessions) -> None:
    """security.md S-23: a dump of the database opens no session."""
    tokens = {sessions.begin("anna", "", HERE) for _ in range(50)}
    assert len(tokens) == 50
    with gate.database.read() as connection:
        rows = connection.execute(select(session)).all()
    for token in tokens:
        assert all(token.encode() not in row.digest and token not in row.device for row in rows)
    names = {each.name for each in sessions.of("anna")}
    assert len(names) == 50
    assert all(sessions.find(name) is None for name in names)


def test_a_disabled_account_has_no_session(gate: Gate, sessions: Sessions) -> None:
    """At once, even where only the account was changed; and those that were ended by name."""
    first, second = sessions.begin("anna", "", HERE), sessions.begin("anna", "", HERE)
    found = sessions.find(first)
    assert found is not None
    sessions.end("otto", found.session.name)
    assert sessions.find(first) is not None, "another's session"
    sessions.end("anna", found.session.name)
    sessions.end("anna", "ä")
    assert sessions.find(first) is None
    with gate.database.transaction() as connection:
        change_account(connection, "anna", active=False)
    assert sessions.find(second) is None
    with gate.database.transaction() as connection:
        change_account(connection, "anna", active=True)
        end_sessions(connection, "anna")
    assert sessions.find(second) is None


def test_ended_sessions_are_swept_away(gate: Gate, sessions: Sessions) -> None:
    """Nothing of them stays longer than until the next login of anybody (DSGVO Art. 5)."""
    sessions.begin("anna", "", HERE)
    gate.clock.advance(31 * MINUTE)
    sessions.begin("anna", "", HERE)
    with gate.database.read() as connection:
        assert len(connection.execute(select(session)).all()) == 1


def test_signing_in_takes_the_accounts_own_password_only(gate: Gate) -> None:
    """security.md B1: an app password is refused before anything is hashed, counted or looked up."""
    gate.add("anna", PASSWORD)
    login = gate.worker()
    _, shown = gate.app_password("anna")
    assert login.by_account_password(" Anna ", PASSWORD, HERE).key == "user:anna"
    for _ in range(30):
        with pytest.raises(AppPasswordShown):
            login.by_account_password("anna", shown, HERE)
    with pytest.raises(WrongPassword):
        login.by_account_password("anna", "x" * 2000, HERE)
    for _ in range(10):
        with pytest.raises(WrongPassword):
            login.by_account_password("anna", "falsch-falsch", HERE)
    with pytest.raises(Throttled):
        login.by_account_password("anna", PASSWORD, HERE)


def test_who_comes_on_top_of_many_is_sent_away_at_once(gate: Gate, monkeypatch: pytest.MonkeyPatch) -> None:
    """security.md S-21: a crowd that signs in never takes all threads of a worker, which serve the drives too."""
    gate.add("anna", PASSWORD)
    login, go, waiting = gate.worker(), threading.Event(), threading.Semaphore(0)

    def slow(password: str, hashed: str | None) -> bool:
        waiting.release()
        return go.wait(30) and password == PASSWORD and hashed is not None

    monkeypatch.setattr(login.passwords, "matches", slow)
    many = Settings().sign_ins_at_once
    with ThreadPoolExecutor(many) as pool:
        crowd = [pool.submit(login.by_account_password, "anna", PASSWORD, HERE) for _ in range(many)]
        for _ in crowd:
            assert waiting.acquire(timeout=30)
        with pytest.raises(Unavailable):
            login.by_account_password("anna", PASSWORD, HERE)
        go.set()
        assert {each.result(30).id for each in crowd} == {"anna"}
    assert login.by_account_password("anna", PASSWORD, HERE).id == "anna"
