"""Who asks: app passwords, account passwords where allowed, malformed headers, throttling (security.md §4)."""

from __future__ import annotations

import base64
import hashlib
import hmac
import logging
import statistics
import time
from dataclasses import replace

import pytest

from acl.labels import Classification
from acl.principals import ANONYMOUS
from acl.privileges import Rights
from davserver.accounts import Passwords, change_account, revoke_app_password
from davserver.login import CHALLENGE, Malformed, Throttled, Unauthorized
from davserver.schema import app_password
from davserver.settings import Settings
from tests.login.conftest import PEPPER, QUICK, Gate, basic

HERE = "192.0.2.7"
PASSWORD = "korrekt pferd batterie"


def with_settings(**changes: object) -> Settings:
    return replace(QUICK, **changes)  # type: ignore[arg-type]


def test_without_header_nobody_in_particular_asks(gate: Gate) -> None:
    """401 without credentials is no failure (Explorer probes): anonymous, and nothing is counted."""
    login = gate.worker()
    for _ in range(100):
        assert login.principal(None, HERE, False) is ANONYMOUS
    gate.add("anna")
    _, shown = gate.app_password("anna")
    assert login.principal(basic("anna", shown), HERE, False).id == "anna"


def test_app_password_carries_its_ceiling(gate: Gate) -> None:
    """rights.md §1 AppPassword: scope paths, rights ceiling, class ceiling."""
    gate.add("anna")
    _, shown = gate.app_password(
        "anna", scopes=[("ba05", 17)], read_only=True, max_class=Classification.NON_PUBLIC, expires=gate.clock() + 10
    )
    principal = gate.worker().principal(basic("anna", shown), HERE, False)
    assert (principal.key, principal.name) == ("user:anna", "Anna")
    assert principal.ceiling.reason == "app-password"
    assert principal.ceiling.scopes == (("ba05", 17),)
    assert principal.ceiling.max_class is Classification.NON_PUBLIC
    assert Rights.READ in principal.ceiling.rights
    assert not principal.ceiling.rights & Rights.WRITE


def test_app_password_defaults_to_restricted(gate: Gate) -> None:
    """contract.md: default ceiling `restricted`."""
    gate.add("anna")
    _, shown = gate.app_password("anna")
    principal = gate.worker().principal(basic("anna", shown), HERE, False)
    assert principal.ceiling.max_class is Classification.RESTRICTED


@pytest.mark.parametrize("spelling", ["{}", "DOMAIN\\{}", ".\\{}", "{} "])
def test_windows_domain_and_capitals_are_stripped(gate: Gate, spelling: str) -> None:
    """Explorer sends `DOMAIN\\user`, and people write their name with a capital."""
    gate.add("anna")
    _, shown = gate.app_password("anna")
    assert gate.worker().principal(basic(spelling.format("Anna"), shown), HERE, False).id == "anna"


def test_app_password_may_be_typed_without_hyphens_and_in_capitals(gate: Gate) -> None:
    """security.md §4: base32 in groups, typable; 0, 1 and 8 cannot occur and are read as o, l and b."""
    gate.add("anna")
    _, shown = gate.app_password("anna")
    typed = shown.replace("-", "").upper().replace("O", "0").replace("L", "1").replace("B", "8")
    assert gate.worker().principal(basic("anna", typed), HERE, False).id == "anna"


def test_app_password_is_stored_as_hmac_only(gate: Gate) -> None:
    """security.md S-23: the database holds no app password in clear; the digest is HMAC-SHA-256 under the pepper."""
    gate.add("anna")
    _, shown = gate.app_password("anna")
    letters = shown.replace("-", "")
    with gate.database.read() as connection:
        row = connection.execute(app_password.select()).one()
    assert row.digest == hmac.digest(PEPPER, letters.encode(), hashlib.sha256)
    gate.database.checkpoint()
    raw = gate.database.path.read_bytes()
    assert letters[8:].encode() not in raw
    assert shown.encode() not in raw


def test_app_password_of_another_user_is_wrong(gate: Gate) -> None:
    """A credential counts for its owner's name only."""
    gate.add("anna")
    gate.add("otto")
    _, shown = gate.app_password("anna")
    with pytest.raises(Unauthorized):
        gate.worker().principal(basic("otto", shown), HERE, False)


def test_revocation_holds_at_once_in_every_worker(gate: Gate) -> None:
    """Effective within 1 s in every worker: the very next request asks the account's epoch."""
    gate.add("anna")
    app_id, shown = gate.app_password("anna")
    one, two = gate.worker(), gate.worker()
    for login in (one, two):
        assert login.principal(basic("anna", shown), HERE, False).id == "anna"
    with gate.database.transaction() as connection:
        revoke_app_password(connection, app_id, gate.clock())
    for login in (one, two):
        with pytest.raises(Unauthorized):
            login.principal(basic("anna", shown), HERE, False)


def test_an_ended_app_password_is_no_guess(gate: Gate) -> None:
    """A forgotten device that goes on asking does not close the account's count for its owner."""
    gate.add("anna", PASSWORD)
    app_id, shown = gate.app_password("anna")
    with gate.database.transaction() as connection:
        revoke_app_password(connection, app_id, gate.clock())
    login = gate.worker()
    for _ in range(100):
        with pytest.raises(Unauthorized):
            login.principal(basic("anna", shown), HERE, False)
    assert login.principal(basic("anna", PASSWORD), HERE, False).id == "anna"


def test_disabling_an_account_ends_its_app_passwords_at_once(gate: Gate) -> None:
    """rights.md §2 gate: account active."""
    gate.add("anna")
    _, shown = gate.app_password("anna")
    login = gate.worker()
    login.principal(basic("anna", shown), HERE, False)
    with gate.database.transaction() as connection:
        change_account(connection, "anna", active=False)
    with pytest.raises(Unauthorized):
        login.principal(basic("anna", shown), HERE, False)


def test_expiry_ends_a_remembered_app_password(gate: Gate) -> None:
    """The success cache never outlives the credential."""
    gate.add("anna")
    _, shown = gate.app_password("anna", expires=gate.clock() + 5_000_000)
    login = gate.worker()
    login.principal(basic("anna", shown), HERE, False)
    gate.clock.advance(5)
    with pytest.raises(Unauthorized):
        login.principal(basic("anna", shown), HERE, False)


def test_last_use_is_written_once_a_minute(gate: Gate) -> None:
    """At most one write a minute and app password, over all workers."""
    gate.add("anna")
    _, shown = gate.app_password("anna")
    one, two = gate.worker(), gate.worker()
    start = gate.clock()
    for login in (one, two, one):
        login.principal(basic("anna", shown), HERE, False)
        login.flush()
        gate.clock.advance(10)
    with gate.database.read() as connection:
        assert connection.execute(app_password.select()).one().last_use == start
    gate.clock.advance(60)
    one.principal(basic("anna", shown), HERE, False)
    one.flush()
    with gate.database.read() as connection:
        assert connection.execute(app_password.select()).one().last_use == gate.clock()


@pytest.mark.parametrize(
    ("changes", "forwarded", "allowed"),
    [
        ({}, False, True),
        ({}, True, False),
        ({"host": "0.0.0.0"}, False, False),
        ({"host": "::1"}, False, True),
        ({"trusted_proxies": ("127.0.0.1",)}, False, False),
        ({"public_url": "https://example.org"}, False, False),
        ({"host": "0.0.0.0", "account_password_on_dav": True}, True, True),
    ],
)
def test_account_password_on_dav_only_under_the_rule(
    gate: Gate, changes: dict[str, object], forwarded: bool, allowed: bool
) -> None:
    """contract.md: loopback listening, no proxy configured, no forwarding header, or the configuration allows it."""
    gate.add("anna", PASSWORD)
    login = gate.worker(with_settings(**changes))
    if allowed:
        assert login.principal(basic("anna", PASSWORD), HERE, forwarded).ceiling.reason == ""
    else:
        with pytest.raises(Unauthorized):
            login.principal(basic("anna", PASSWORD), HERE, forwarded)


def test_a_remembered_account_password_does_not_pass_with_a_forwarding_header(gate: Gate) -> None:
    """The rule is asked on each request, also for what the success cache knows."""
    gate.add("anna", PASSWORD)
    login = gate.worker()
    login.principal(basic("anna", PASSWORD), HERE, False)
    with pytest.raises(Unauthorized):
        login.principal(basic("anna", PASSWORD), HERE, True)


def test_a_changed_password_ends_the_old_one_at_once(gate: Gate) -> None:
    """Dropped from every cache on password change."""
    gate.add("anna", PASSWORD)
    login = gate.worker()
    login.principal(basic("anna", PASSWORD), HERE, False)
    with gate.database.transaction() as connection:
        change_account(connection, "anna", password=None)
    with pytest.raises(Unauthorized):
        login.principal(basic("anna", PASSWORD), HERE, False)


MALFORMED = {
    "no colon": "Basic " + base64.b64encode(b"annapassword").decode(),
    "bad base64": "Basic %%%",
    "non-ASCII in base64": "Basic \xe4\xf6",
    "no credential": "Basic",
    "non-UTF-8": "Basic " + base64.b64encode(b"anna:\xff\xfe").decode(),
    "two headers": f"{basic('anna', 'x')}, {basic('otto', 'y')}",
    "long password": basic("anna", "x" * 1025),
    "one megabyte": basic("anna", "x" * 1_000_000),
    "one megabyte of name": basic("x" * 1_000_000, "x"),
}


@pytest.mark.parametrize("header", MALFORMED.values(), ids=MALFORMED.keys())
def test_malformed_credentials_are_refused_fast(gate: Gate, header: str) -> None:
    """security.md S-22: 400, within 50 ms, no argon2, no 500."""
    login = gate.worker(Settings())  # with the full argon2 cost a hash would show
    started = time.perf_counter()
    with pytest.raises(Malformed):
        login.principal(header, HERE, False)
    assert time.perf_counter() - started < 0.05


@pytest.mark.parametrize("header", ["Bearer abc", "Digest x", "Negotiate", "x"])
def test_other_schemes_get_the_challenge(gate: Gate, header: str) -> None:
    """401 with the Basic challenge, realm Gremium, UTF-8 (RFC 7617 §2.1)."""
    with pytest.raises(Unauthorized) as refused:
        gate.worker().principal(header, HERE, False)
    assert refused.value.challenge == 'Basic realm="Gremium", charset="UTF-8"' == CHALLENGE


def test_ten_wrong_passwords_close_the_account_from_there_only(gate: Gate) -> None:
    """10 wrong in 5 minutes → 429 with Retry-After; the right credential from elsewhere is never locked out."""
    gate.add("anna", PASSWORD)
    login = gate.worker()
    for _ in range(10):
        with pytest.raises(Unauthorized):
            login.principal(basic("anna", "falsch-falsch"), HERE, False)
    with pytest.raises(Throttled) as refused:
        login.principal(basic("anna", PASSWORD), HERE, False)
    assert 1 <= refused.value.retry_after <= 30
    assert login.principal(basic("anna", PASSWORD), "192.0.2.8", False).id == "anna"
    with pytest.raises(Throttled):
        gate.worker().principal(basic("anna", PASSWORD), HERE, False)  # survives a restart, holds in each worker


def test_a_flood_of_wrong_app_passwords_is_refused(gate: Gate) -> None:
    """security.md S-19: of 500 wrong tokens at most 15 are answered 401, the rest 429."""
    gate.add("anna")
    workers = gate.worker(), gate.worker()
    answers = []
    for number in range(500):
        with pytest.raises((Unauthorized, Throttled)) as refused:
            workers[number % 2].principal(basic("anna", "abcde-" * 7 + "fghij"), HERE, False)
        answers.append(refused.type)
    assert answers.count(Unauthorized) == 10


def test_a_right_app_password_is_served_from_a_throttled_net(gate: Gate) -> None:
    """Nobody is locked out by the guesses of others behind the same address; 160 bits are not guessed."""
    gate.add("anna")
    gate.add("otto", PASSWORD)
    _, shown = gate.app_password("anna")
    login = gate.worker()
    for number in range(60):
        with pytest.raises((Unauthorized, Throttled)):
            login.principal(basic(f"user{number}", "falsch-falsch"), HERE, False)
    with pytest.raises(Throttled):
        login.principal(basic("otto", PASSWORD), HERE, False)  # 50 wrong in 10 minutes from one net
    assert login.principal(basic("anna", shown), HERE, False).id == "anna"


def test_the_pause_doubles_up_to_fifteen_minutes(gate: Gate) -> None:
    """Retry-After doubles with each further wrong password, to 15 minutes."""
    gate.add("anna", PASSWORD)
    login = gate.worker()
    pauses = []
    for _ in range(17):
        with pytest.raises((Unauthorized, Throttled)):
            login.principal(basic("anna", "falsch-falsch"), HERE, False)
        with pytest.raises((Unauthorized, Throttled)) as refused:
            login.principal(basic("anna", "falsch-falsch"), HERE, False)
        if isinstance(refused.value, Throttled):
            pauses.append(refused.value.retry_after)
            gate.clock.advance(refused.value.retry_after)
    assert pauses[:6] == [30, 60, 120, 240, 480, 900]
    assert max(pauses) == 900


def test_getting_it_right_forgives_the_mistyped_ones(gate: Gate) -> None:
    """Nine wrong, one right, and the count starts again."""
    gate.add("anna", PASSWORD)
    for _ in range(3):
        for _ in range(9):
            with pytest.raises(Unauthorized):
                gate.worker().principal(basic("anna", "falsch-falsch"), HERE, False)
        assert gate.worker().principal(basic("anna", PASSWORD), HERE, False).id == "anna"


def test_a_clock_set_back_closes_nothing_for_longer(gate: Gate) -> None:
    """security.md S-41: no early or late unlock beyond the longest pause by a jump of the clock."""
    gate.add("anna", PASSWORD)
    login = gate.worker()
    for _ in range(10):
        with pytest.raises(Unauthorized):
            login.principal(basic("anna", "falsch-falsch"), HERE, False)
    gate.clock.advance(-86400)
    with pytest.raises(Throttled) as refused:
        login.principal(basic("anna", PASSWORD), HERE, False)
    assert refused.value.retry_after <= 900


def test_ipv6_is_counted_by_its_64(gate: Gate) -> None:
    """Buckets per /32 or /64."""
    gate.add("anna", PASSWORD)
    login = gate.worker()
    for number in range(10):
        with pytest.raises(Unauthorized):
            login.principal(basic("anna", "falsch-falsch"), f"2001:db8::{number + 1:x}", False)
    with pytest.raises(Throttled):
        login.principal(basic("anna", PASSWORD), "2001:db8::ffff", False)
    assert login.principal(basic("anna", PASSWORD), "2001:db8:0:1::1", False).id == "anna"


def test_each_failure_is_one_log_line_without_secret(gate: Gate, caplog: pytest.LogCaptureFixture) -> None:
    """One stable line per failure for fail2ban: address and event, neither name nor password."""
    caplog.set_level(logging.INFO)
    with pytest.raises(Unauthorized):
        gate.worker().principal(basic("anna\r\nx", "geheim-geheim"), HERE, False)
    assert [record.getMessage() for record in caplog.records] == ["login failed from 192.0.2.7: wrong name or password"]


def test_a_failure_is_noted_in_the_audit_log(gate: Gate) -> None:
    """ASVS 16.3.1: logins that were refused are noted, for the account if there is one."""
    gate.add("anna")
    with pytest.raises(Unauthorized):
        gate.worker().principal(basic("anna", "geheim-geheim"), HERE, False)
    (line,) = gate.audit.show()
    assert (line["who"], line["what"], line["result"], line["detail"]) == ("user:anna", "login", "refused", HERE)


def test_unknown_user_costs_the_time_of_a_wrong_password(gate: Gate) -> None:
    """security.md B19: no enumeration by time (compared by medians, with an argon2 of some milliseconds)."""
    gate.add("anna")
    costly = with_settings(argon2_memory_kib=4096, argon2_passes=2)
    with gate.database.transaction() as connection:
        change_account(connection, "anna", password=Passwords(costly).hash(PASSWORD))
    login = gate.worker(costly)
    times: dict[str, list[float]] = {"anna": [], "nobody": []}
    for number in range(20):
        for user, taken in times.items():
            started = time.perf_counter()
            with pytest.raises(Unauthorized):
                login.principal(basic(user, "falsch-falsch"), f"198.51.100.{number}", False)
            taken.append(time.perf_counter() - started)
    ratio = statistics.median(times["anna"]) / statistics.median(times["nobody"])
    assert 0.7 < ratio < 1.4


def test_a_remembered_credential_costs_no_hash_and_no_query(gate: Gate) -> None:
    """security.md S-20: median login cost ≤ 0.2 ms per authenticated request."""
    gate.add("anna", PASSWORD)
    login = gate.worker(with_settings(argon2_memory_kib=65536, argon2_passes=3))
    header = basic("anna", PASSWORD)
    with gate.database.transaction() as connection:
        change_account(connection, "anna", password=Passwords(Settings()).hash(PASSWORD))
    login.principal(header, HERE, False)
    times = []
    for _ in range(500):
        started = time.perf_counter()
        login.principal(header, HERE, False)
        times.append(time.perf_counter() - started)
    assert statistics.median(times) < 0.0002
