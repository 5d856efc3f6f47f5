"""The second step of signing in (RFC 6238, security.md B1): codes, recovery codes, and what they never open."""

from __future__ import annotations

import base64

import pytest

from davserver.keys import Sealer, SpaceKeys
from davserver.login import Throttled, Unauthorized
from davserver.resets import Resets, What
from davserver.second_step import SecondStep, TooLate, WrongCode, app_address
from davserver.settings import Settings
from tests.login.codes import app_code
from tests.login.conftest import PEPPER, Gate, basic

HERE = "192.0.2.7"
BROWSER = "the cookie of this browser"
OWN = "eigenes Passwort 1"


@pytest.fixture
def steps(gate: Gate) -> SecondStep:
    gate.add("otto", OWN)
    return SecondStep(gate.database, Settings(), PEPPER, gate.audit, gate.clock)


@pytest.fixture
def secret(steps: SecondStep, gate: Gate) -> str:
    """Otto's, switched on a minute ago."""
    secret = steps.prepare("otto")
    steps.confirm("otto", app_code(secret, gate.clock.now), HERE)
    gate.clock.advance(60)
    return secret


def test_the_codes_are_those_of_the_rfc() -> None:
    """RFC 6238 appendix B, SHA-1, the last six digits; so our app for tests is one."""
    secret = base64.b32encode(b"12345678901234567890").decode()
    assert app_code(secret, 59 * 1_000_000) == "287082"
    assert app_code(secret, 1_111_111_109 * 1_000_000) == "081804"


def test_it_asks_for_nothing_until_a_code_was_right(steps: SecondStep, gate: Gate) -> None:
    """Whoever sets it up without an app that works is not shut out."""
    secret = steps.prepare("otto")
    assert (steps.of("otto"), steps.ask("otto", BROWSER)) == (None, "")
    with pytest.raises(WrongCode):
        steps.confirm("otto", "000000" if app_code(secret, gate.clock.now) != "000000" else "111111", HERE)
    assert steps.prepared("otto") == secret
    codes = steps.confirm("otto", app_code(secret, gate.clock.now), HERE)
    assert len(set(codes)) == 10
    assert steps.ask("otto", BROWSER)
    assert steps.prepared("otto") == "", "the secret is shown no more"


def test_a_code_counts_once(steps: SecondStep, gate: Gate, secret: str) -> None:
    """RFC 6238 §5.2: what somebody looked at over a shoulder is worthless; neither is an older one taken later."""
    before, now = app_code(secret, gate.clock.now - 30_000_000), app_code(secret, gate.clock.now)
    assert steps.answer(steps.ask("otto", BROWSER), BROWSER, now, HERE).id == "otto"
    for code in (now, before):
        with pytest.raises(WrongCode):
            steps.answer(steps.ask("otto", BROWSER), BROWSER, code, HERE)


@pytest.mark.parametrize(("seconds", "counts"), [(-61, False), (-30, True), (30, True), (61, False)])
def test_the_phones_clock_may_differ_a_little(
    steps: SecondStep, gate: Gate, secret: str, seconds: int, counts: bool
) -> None:
    """RFC 6238 §5.2: one time step to each side."""
    gate.clock.advance(600 - gate.clock.now // 1_000_000 % 30)
    code = app_code(secret, gate.clock.now + seconds * 1_000_000)
    if counts:
        assert steps.answer(steps.ask("otto", BROWSER), BROWSER, f" {code[:3]} {code[3:]} ", HERE).id == "otto"
    else:
        with pytest.raises(WrongCode):
            steps.answer(steps.ask("otto", BROWSER), BROWSER, code, HERE)


def test_the_password_alone_opens_nothing(steps: SecondStep, gate: Gate, secret: str) -> None:
    """The proof between both steps holds for five minutes, in one browser, for one account, as long as the password."""
    asked, code = steps.ask("otto", BROWSER), app_code(secret, gate.clock.now)
    gate.add("edda", OWN)
    forged = asked.replace("otto", "edda")
    user, until, proof = asked.split(":")
    later = f"{user}:{int(until) + 60_000_000}:{proof}"
    for shown, browser in ((forged, BROWSER), (later, BROWSER), (asked, "another"), ("", BROWSER), ("otto::", BROWSER)):
        with pytest.raises(TooLate):
            steps.answer(shown, browser, code, HERE)
    gate.clock.advance(301)
    with pytest.raises(TooLate):
        steps.answer(asked, BROWSER, app_code(secret, gate.clock.now), HERE)
    asked = steps.ask("otto", BROWSER)
    gate.app_password("otto")  # any change of credentials
    with pytest.raises(TooLate):
        steps.answer(asked, BROWSER, app_code(secret, gate.clock.now), HERE)


def test_guessing_is_throttled_from_everywhere_and_a_recovery_code_still_counts(
    steps: SecondStep, gate: Gate, secret: str
) -> None:
    """Five wrong ones, whatever the address; then not even a right one, so that its owner is not kept out for long."""
    (spare, *_) = steps.renew("otto", app_code(secret, gate.clock.now), HERE)
    gate.clock.advance(30)
    wrong = next(code for code in ("000000", "111111") if code != app_code(secret, gate.clock.now))
    for number in range(5):
        with pytest.raises(WrongCode):
            steps.check("otto", wrong, f"192.0.2.{number}")
    with pytest.raises(Throttled) as told:
        steps.check("otto", app_code(secret, gate.clock.now), "198.51.100.1")
    assert 0 < told.value.retry_after <= 30
    steps.check("otto", spare, HERE)
    gate.clock.advance(31)
    steps.check("otto", app_code(secret, gate.clock.now), HERE)
    refused = [line for line in gate.audit.show(who="user:otto") if line["what"] == "second-step"]
    assert [line["result"] for line in refused] == ["refused"] * 5


def test_recovery_codes_count_once_each_and_new_ones_end_the_old(steps: SecondStep, gate: Gate, secret: str) -> None:
    """As typed with capitals and blanks; nobody else's."""
    first = steps.renew("otto", app_code(secret, gate.clock.now), HERE)
    gate.clock.advance(30)
    steps.check("otto", first[0].upper().replace("-", " "), HERE)
    standing = steps.of("otto")
    assert standing is not None and standing.codes_left == 9
    gate.add("edda")
    for user, code in (("otto", first[0]), ("edda", first[1])):
        with pytest.raises(WrongCode):
            steps.check(user, code, HERE)
    second = steps.renew("otto", first[1], HERE)
    with pytest.raises(WrongCode):
        steps.check("otto", first[2], HERE)
    steps.check("otto", second[0], HERE)


def test_the_secret_lies_sealed(steps: SecondStep, gate: Gate, secret: str) -> None:
    """Neither it nor a recovery code stands in the database; one sealed for another account does not open."""
    codes = steps.renew("otto", app_code(secret, gate.clock.now), HERE)
    kept = b"".join(path.read_bytes() for path in gate.directory.glob("*.db*"))
    assert b"otto" in kept
    for told in (secret, *codes, *(code.replace("-", "") for code in codes)):
        assert told.encode() not in kept
    assert base64.b32decode(secret) not in kept
    sealer = Sealer(SpaceKeys(b"x", PEPPER))
    assert sealer.seal(secret, "second step otto") in kept, "that is how it lies there"
    assert sealer.seal(secret, "second step otto") != sealer.seal(secret, "second step edda")


def test_its_own_password_opens_no_drive_any_more_and_app_passwords_do(
    steps: SecondStep, gate: Gate, secret: str
) -> None:
    """security.md B1: no second way in that asks for less; where it was remembered, that ends as well."""
    login, (_, shown) = gate.worker(), gate.app_password("otto")
    with pytest.raises(Unauthorized, match="app password"):
        login.principal(basic("otto", OWN), "127.0.0.1", False)
    assert login.principal(basic("otto", shown), HERE, False).id == "otto"
    steps.switch_off("otto", app_code(secret, gate.clock.now), HERE)
    assert login.principal(basic("otto", OWN), "127.0.0.1", False).id == "otto"
    second = steps.prepare("otto")
    assert login.principal(basic("otto", OWN), "127.0.0.1", False).id == "otto", "not on yet"
    gate.clock.advance(30)
    steps.confirm("otto", app_code(second, gate.clock.now), HERE)
    with pytest.raises(Unauthorized, match="app password"):
        login.principal(basic("otto", OWN), "127.0.0.1", False)


def test_whoever_takes_it_off_is_named_to_its_owner(steps: SecondStep, gate: Gate, secret: str) -> None:
    """From his next sign-in on, however late that is, for thirty days."""
    resets = Resets(gate.database, gate.clock)
    with gate.database.transaction() as connection:
        assert steps.take_off(connection, "otto", "user:clara")
        assert not steps.take_off(connection, "otto", "user:clara")
    gate.clock.advance(90 * 86400)
    assert (steps.of("otto"), resets.of("otto")) == (None, [])
    resets.begin_telling("otto")
    for days in (0, 29):
        gate.clock.advance(days * 86400)
        assert [(told.what, told.by) for told in resets.of("otto")] == [(What.SECOND_STEP, "user:clara")]
        resets.begin_telling("otto")
    gate.clock.advance(86400)
    assert resets.of("otto") == []


def test_what_the_qr_code_says(steps: SecondStep, secret: str) -> None:
    """The form that apps read: name of the portal, account, secret; the rest are their defaults."""
    told = app_address(secret, "otto", "Gremium gremium.example.org")
    assert told.startswith("otpauth://totp/Gremium%20gremium.example.org:otto?")
    assert f"secret={secret}" in told
