"""What the settings say of guesses, passwords and sessions holds; and how many devices anybody has."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from davserver.accounts import AccountProblem, Passwords
from davserver.devices import MOST
from davserver.login import Throttled, WrongPassword
from davserver.sessions import Sessions
from davserver.settings import Settings
from davserver.tree.seen import TooMany
from tests.dav.doors import opened
from tests.login.conftest import PEPPER, QUICK, Gate

PASSWORD = "korrekt pferd batterie"
MINUTE = 60


def guesses(gate: Gate, settings: Settings, users: int) -> int:
    """How many wrong passwords from one net, in turn for so many names, were looked at before the first 429."""
    login = gate.worker(settings)
    for count in range(1000):
        try:
            login.by_account_password(f"user{count % users}", "falsch geraten", "192.0.2.7")
        except WrongPassword:
            continue
        except Throttled:
            return count
    return 1000


@pytest.mark.parametrize(("of_name", "of_net"), [(10, 50), (3, 50), (30, 40)])
def test_so_many_guesses_are_looked_at_as_the_settings_say(gate: Gate, of_name: int, of_net: int) -> None:
    """`login_failures` for one name, `login_failures_per_net` for all of a net."""
    settings = replace(QUICK, login_failures=of_name, login_failures_per_net=of_net)
    assert guesses(gate, settings, users=1) == of_name
    gate.clock.advance(24 * 60 * MINUTE)
    assert guesses(gate, settings, users=of_net) == of_net


@pytest.mark.parametrize("letters", [8, 10, 15])
def test_a_password_has_as_many_letters_as_the_settings_say(letters: int) -> None:
    """`password_letters`; checking an older, shorter one goes on."""
    passwords = Passwords(replace(QUICK, password_letters=letters))
    with pytest.raises(AccountProblem, match=f"at least {letters} characters"):
        passwords.hash("ä" * (letters - 1))
    assert passwords.matches("ä" * letters, passwords.hash("ä" * letters))
    older = Passwords(replace(QUICK, password_letters=8)).hash("ä" * 8)
    assert passwords.matches("ä" * 8, older)


@pytest.mark.parametrize(("idle", "hours"), [(5, 1), (120, 12)])
def test_a_session_lasts_as_long_as_the_settings_say(gate: Gate, idle: int, hours: int) -> None:
    """`session_idle_minutes` without use, `session_hours` in any case."""
    gate.add("anna", PASSWORD)
    settings = Settings(session_idle_minutes=idle, session_hours=hours)
    sessions = Sessions(gate.database, settings, PEPPER, gate.audit, gate.clock)
    token = sessions.begin("anna", "", "")
    gate.clock.advance(idle * MINUTE - 1)
    assert sessions.find(token) is not None
    gate.clock.advance(idle * MINUTE)
    assert sessions.find(token) is None
    token, left = sessions.begin("anna", "", ""), hours * 60
    while left > 1:
        step = min(left - 1, idle // 2)
        gate.clock.advance(step * MINUTE)
        left -= step
        assert sessions.find(token) is not None
    gate.clock.advance(MINUTE)
    assert sessions.find(token) is None
    assert sessions.of("anna") == []


def test_one_person_has_fifty_devices(own_data: Path) -> None:
    """The next is refused until one of them goes."""
    with opened(own_data) as house:
        for number in range(MOST):
            house.own_devices.connect("otto", f"Gerät {number}")
        with pytest.raises(TooMany):
            house.own_devices.connect("otto", "eines zu viel")
        house.own_devices.connect("clara", "von jemand anderem")
