"""Signing in through a provider of identities (OpenID Connect; security.md S-24): who gets in, and 20 who do not."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import insert, select, update

from davserver.identities import DEPARTURES, Cancelled, Identities, Nobody, Wish
from davserver.login import SignsInElsewhere, Throttled, Unauthorized
from davserver.oidc import NoProof, Provider
from davserver.pins import unpin
from davserver.schema import account, handover, identity, invitation, person
from davserver.sessions import Sessions
from davserver.settings import Settings
from shareproviders.contract import Unavailable
from tests.login.conftest import PEPPER, QUICK, Gate, basic
from tests.login.provider import CLIENT, SECRET, LyingProvider, lying_provider, new_key, unsigned, with_a_shared_key

HERE, BROWSER = "192.0.2.7", "the cookie of this browser"
WISH = Wish("/ordner/ba05/17", '[["text", "äöü"]]')
DAY = 86400
OTTO = {"email": "Otto@example.org", "email_verified": True}

Make = Callable[..., Identities]


@pytest.fixture(scope="module")
def served() -> Iterator[LyingProvider]:
    with lying_provider() as provider:
        yield provider


@pytest.fixture
def provider(served: LyingProvider) -> Iterator[LyingProvider]:
    """Honest again for each test."""
    fresh = LyingProvider(url=served.url, key=served.key)
    served.__dict__.update(fresh.__dict__)
    served.claims = dict(OTTO)
    yield served


@pytest.fixture
def make(gate: Gate, provider: LyingProvider) -> Make:
    """make(claim=…): the way to the provider, as a worker builds it; two people with an address each."""
    gate.clock.now = time.time_ns() // 1000
    for user in ("otto", "edda"):
        gate.add(user, "eigenes Passwort 1")
        with gate.database.transaction() as connection:
            mine = person.c.user == user
            connection.execute(update(person).where(mine).values(email=f"{user}@example.org"))

    def identities(**changed: Any) -> Identities:
        given = {"oidc_issuer": provider.url, "oidc_client_id": CLIENT, "oidc_name": "M-Login", **changed}
        asked = Provider(replace(QUICK, **given), SECRET, "https://gremium.example/anmelden/extern/zurueck", gate.clock)
        return Identities(gate.database, asked, PEPPER, gate.audit, gate.clock)

    return identities


def come(identities: Identities, provider: LyingProvider, **changed: str) -> tuple[str, Wish]:
    """A whole way there and back; who that is."""
    answer = {**provider.agree(identities.depart(BROWSER, WISH, HERE)), **changed}
    principal, wish = identities.arrive(BROWSER, answer, HERE)
    return principal.id, wish


def outcomes(
    identities: Identities, provider: LyingProvider, told: Mapping[str, Mapping[str, object]]
) -> dict[str, str]:
    """What becomes of each who comes with other claims; the name of the refusal, or of the person."""
    got = {}
    for name, claims in told.items():
        provider.claims = {**OTTO, **claims}
        try:
            got[name] = come(identities, provider)[0]
        except (NoProof, Nobody) as refusal:
            got[name] = type(refusal).__name__
    provider.claims = dict(OTTO)
    return got


def pins(gate: Gate) -> list[tuple[str, str]]:
    with gate.database.read() as connection:
        return [(row.user, row.subject) for row in connection.execute(select(identity).order_by(identity.c.user))]


def test_the_claim_finds_a_person_once_then_the_subject_is_he(make: Make, provider: LyingProvider, gate: Gate) -> None:
    """What he wanted comes back with him; a changed address does not change who he is."""
    identities = make()
    assert come(identities, provider) == ("otto", WISH)
    assert pins(gate) == [("otto", "4711")]
    provider.claims["email"] = "edda@example.org"
    assert come(identities, provider)[0] == "otto"
    provider.claims["email"] = None
    assert come(identities, provider)[0] == "otto"
    assert "identity-pin" in [line["what"] for line in gate.audit.show(who="user:otto")]


def test_nobody_takes_a_pinned_account_over(make: Make, provider: LyingProvider, gate: Gate) -> None:
    """Another subject with the same claim is a stranger, and is told nothing but that."""
    identities = make()
    come(identities, provider)
    provider.claims["sub"] = "the thief"
    with pytest.raises(Nobody):
        come(identities, provider)
    assert pins(gate) == [("otto", "4711")]
    (line,) = [line for line in gate.audit.show(who="anonymous:") if line["what"] == "oidc"]
    assert (line["result"], line["detail"]) == ("unknown", "the thief")


STRANGERS: dict[str, dict[str, object]] = {
    "an address of nobody": {"email": "niemand@example.org"},
    "an empty address": {"email": ""},
    "no address": {"email": None},
    "a list": {"email": ["otto@example.org"]},
    "a pattern": {"email": "%"},
    "not verified": {"email_verified": False},
    "not said whether": {"email_verified": None},
    "verified by a word": {"email_verified": "true"},
}


def test_unknown_people_get_nothing(make: Make, provider: LyingProvider, gate: Gate) -> None:
    """Nothing is made: no account, no pin; an address that nobody has verified is no proof of whose it is."""
    identities = make()
    assert outcomes(identities, provider, STRANGERS) == dict.fromkeys(STRANGERS, "Nobody")
    assert pins(gate) == []
    with gate.database.read() as connection:
        assert len(connection.execute(select(account)).all()) == 2


def test_two_people_with_one_address_are_nobody(make: Make, provider: LyingProvider, gate: Gate) -> None:
    """Rather none than the wrong one; neither is a disabled account found, nor opened once it was pinned."""
    gate.add("otto2")
    with gate.database.transaction() as connection:
        mine = person.c.user == "otto2"
        connection.execute(update(person).where(mine).values(email="otto@example.org"))
    with pytest.raises(Nobody):
        come(make(), provider)
    with gate.database.transaction() as connection:
        connection.execute(update(account).where(account.c.user == "otto2").values(active=False))
    assert come(make(), provider)[0] == "otto"
    with gate.database.transaction() as connection:
        connection.execute(update(account).where(account.c.user == "otto").values(active=False))
    with pytest.raises(Nobody):
        come(make(), provider)


def test_another_claim_names_the_account(make: Make, provider: LyingProvider, gate: Gate) -> None:
    """`oidc_claim`: anything but the address is a login name."""
    provider.claims = {"preferred_username": "Edda"}
    assert come(make(oidc_claim="preferred_username"), provider)[0] == "edda"


ATTACKS: dict[str, dict[str, Any]] = {
    "another issuer": {"iss": "https://evil.example"},
    "no issuer": {"iss": None},
    "another client": {"aud": "another"},
    "other clients": {"aud": ["another", "third"]},
    "for another client too": {"aud": [CLIENT, "another"], "azp": "another"},
    "for another client, said to be used by us": {"aud": "another", "azp": CLIENT},
    "no client": {"aud": None},
    "another nonce": {"nonce": "replayed"},
    "no nonce": {"nonce": None},
    "expired": {"exp": 1_700_000_000},
    "no end": {"exp": None},
    "from the future": {"nbf": 4_000_000_000},
    "no subject": {"sub": None},
    "an empty subject": {"sub": ""},
    "a number as subject": {"sub": 4711},
    "too long a subject": {"sub": "x" * 256},
    "for another access token": {"at_hash": "AAAAAAAAAAAAAAAAAAAAAA"},
}


def test_a_token_that_is_not_for_us_now_is_refused(make: Make, provider: LyingProvider, gate: Gate) -> None:
    """OpenID Connect Core 1.0 §3.1.3.7, each rule of it; signed rightly, so that nothing else is wrong."""
    identities = make()
    assert outcomes(identities, provider, ATTACKS) == dict.fromkeys(ATTACKS, "NoProof")
    assert pins(gate) == []
    noted = [line["result"] for line in gate.audit.show(who="anonymous:")]
    assert noted == ["refused"] * len(ATTACKS)
    assert come(identities, provider)[0] == "otto", "an honest one is taken"


FORGERIES: dict[str, Callable[[LyingProvider], Any]] = {
    "alg none": lambda provider: unsigned,
    "HMAC with the client's secret": lambda provider: with_a_shared_key(SECRET.encode()),
    "HMAC with the published key": lambda provider: with_a_shared_key(provider.key.as_pem(private=False)),
    "another key of that name": lambda provider: lambda claims: provider.signed(claims, new_key("first")),
    "altered": lambda provider: lambda claims: provider.signed(claims)[:-8] + "AAAAAAAA",
    "no token": lambda provider: lambda claims: "",
    "rubbish": lambda provider: lambda claims: "a.b.c",
}


def test_a_forged_token_is_refused(make: Make, provider: LyingProvider, gate: Gate) -> None:
    """RFC 8725 §2.1 and §3.1: only signatures of a key pair that the provider publishes."""
    identities, got = make(), {}
    for name, forgery in FORGERIES.items():
        provider.forge = forgery(provider)
        got |= outcomes(identities, provider, {name: {}})
    assert got == dict.fromkeys(FORGERIES, "NoProof")
    assert pins(gate) == []


def test_a_way_back_that_was_never_gone_is_refused(make: Make, provider: LyingProvider, gate: Gate) -> None:
    """Login CSRF, replay and mix-up (RFC 9700 §2.1, §4.4, §4.7; RFC 9207)."""
    identities = make()
    answer = provider.agree(identities.depart(BROWSER, WISH, HERE))
    refused = (
        ({**answer, "state": "invented"}, BROWSER),
        ({"code": answer["code"]}, BROWSER),
        (answer, "the browser of somebody else"),
        (answer, ""),
    )
    for brought, browser in refused:
        with pytest.raises(NoProof):
            identities.arrive(browser, brought, HERE)
    provider.ends_codes = False  # so that it is ours alone to see that somebody came back already
    assert identities.arrive(BROWSER, answer, HERE)[0].id == "otto", "the true one is not used up by that"
    with pytest.raises(NoProof):
        identities.arrive(BROWSER, answer, HERE)
    with pytest.raises(NoProof):
        come(identities, provider, iss="https://evil.example")
    late = provider.agree(identities.depart(BROWSER, WISH, HERE))
    gate.clock.advance(601)
    with pytest.raises(NoProof):
        identities.arrive(BROWSER, late, HERE)


@pytest.mark.parametrize("checks_verifier", [True, False], ids=["by PKCE", "by the nonce, where PKCE is not checked"])
def test_a_stolen_code_is_worth_nothing_in_another_browser(
    make: Make, provider: LyingProvider, gate: Gate, checks_verifier: bool
) -> None:
    """RFC 7636, RFC 9700 §2.1.1: the code of one way does not fit another; a used or invented one fits none."""
    provider.checks_verifier = checks_verifier
    identities = make()
    stolen = provider.agree(identities.depart("the victim", WISH, HERE))["code"]
    used = provider.agree(identities.depart(BROWSER, WISH, HERE))
    assert identities.arrive(BROWSER, used, HERE)[0].id == "otto"
    for code in (stolen, used["code"], "invented"):
        with pytest.raises(NoProof):
            come(identities, provider, code=code)


def test_whoever_turns_back_at_the_provider_is_told_so(make: Make, provider: LyingProvider) -> None:
    """`error` in place of a code (RFC 6749 §4.1.2.1), but only on a way that was gone."""
    identities = make()
    answer = provider.agree(identities.depart(BROWSER, WISH, HERE))
    with pytest.raises(NoProof):
        identities.arrive(BROWSER, {"error": "access_denied", "state": "x"}, HERE)
    with pytest.raises(Cancelled):
        identities.arrive(BROWSER, {"error": "access_denied", "state": answer["state"]}, HERE)


def test_new_keys_are_heard_of_and_rubbish_does_not_make_us_ask_again(
    make: Make, provider: LyingProvider, gate: Gate
) -> None:
    """Key rotation: a new key counts once it is published; forged tokens ask the provider at most once a minute."""
    identities = make()
    come(identities, provider)
    provider.key = new_key("second")
    gate.clock.advance(61)
    assert come(identities, provider)[0] == "otto"
    asked = len(provider.asked)
    provider.signing = new_key("third")
    for _ in range(3):
        with pytest.raises(NoProof):
            come(identities, provider)
    assert len(provider.asked) == asked


def test_a_provider_that_is_another_or_away(make: Make, provider: LyingProvider, gate: Gate) -> None:
    """OpenID Connect Discovery 1.0 §4.3; a dead one is told from a wrong one, and nothing waits for it for long."""
    provider.issuer = "https://evil.example"
    with pytest.raises(NoProof, match="another issuer"):
        make().depart(BROWSER, WISH, HERE)
    with pytest.raises(Unavailable):
        make(oidc_issuer="http://127.0.0.1:9").depart(BROWSER, WISH, HERE)


def test_one_net_cannot_fill_the_table(make: Make, provider: LyingProvider, gate: Gate) -> None:
    """What waits takes room, so one net sends at most 300 on that way in ten minutes; others go on."""
    identities = make()
    with gate.database.transaction():
        for _ in range(DEPARTURES):
            identities.depart(BROWSER, WISH, HERE)
    with pytest.raises(Throttled):
        identities.depart(BROWSER, WISH, HERE)
    identities.depart(BROWSER, WISH, "198.51.100.1")


def test_what_waits_lies_sealed_and_keyed(make: Make, provider: LyingProvider, gate: Gate) -> None:
    """Neither state, nonce, verifier nor what somebody had written stands in the database."""
    address = make().depart(BROWSER, WISH, HERE)
    answer = provider.agree(address)
    with gate.database.read() as connection:
        row = connection.execute(select(handover)).one()
    kept = b"".join(value if isinstance(value, bytes) else str(value).encode() for value in row)
    for secret in (answer["state"], *provider.codes[answer["code"]], BROWSER, "ordner", "text"):
        assert secret.encode() not in kept


def test_a_pinned_account_is_opened_by_no_password_and_by_no_letter(
    make: Make, provider: LyingProvider, gate: Gate
) -> None:
    """One door only; what others had of it ends: sessions, codes of letters. A wrong password is told as ever."""
    sessions = Sessions(gate.database, Settings(), PEPPER, gate.audit, gate.clock)
    token = sessions.begin("otto", "", HERE)
    with gate.database.transaction() as connection:
        row = {"digest": b"d" * 32, "user": "otto", "by": "user:x", "created": 0, "until": gate.clock.now * 2}
        connection.execute(insert(invitation).values(row))
    come(make(), provider)
    assert sessions.find(token) is None
    with gate.database.read() as connection:
        assert connection.execute(select(invitation)).all() == []
    login = gate.worker()
    with pytest.raises(SignsInElsewhere):
        login.by_account_password("otto", "eigenes Passwort 1", HERE)
    with pytest.raises(Unauthorized, match="do not match"):
        login.by_account_password("otto", "ein falsches Passwort", HERE)
    with pytest.raises(Unauthorized, match="app password"):
        login.principal(basic("otto", "eigenes Passwort 1"), "127.0.0.1", False)
    with gate.database.transaction() as connection:
        unpin(connection, "otto")
    assert login.by_account_password("otto", "eigenes Passwort 1", HERE).id == "otto"


def test_devices_sleep_after_thirty_days_and_wake_with_the_next_sign_in(
    make: Make, provider: LyingProvider, gate: Gate
) -> None:
    """Whoever has left the city must not stay on his devices; those of other accounts never sleep."""
    identities, login = make(), gate.worker()
    come(identities, provider)
    (_, shown), (_, other) = gate.app_password("otto"), gate.app_password("edda")
    gate.clock.advance(30 * DAY - 1)
    assert login.principal(basic("otto", shown), HERE, False).id == "otto"
    gate.clock.advance(1)
    for worker in (login, gate.worker()):
        for _ in range(12):
            with pytest.raises(Unauthorized, match="sleeps"):
                worker.principal(basic("otto", shown), HERE, False)
    assert login.principal(basic("edda", other), HERE, False).id == "edda"
    back = int(time.time()) + 30 * DAY
    provider.claims |= {"iat": back, "exp": back + 300}
    come(identities, provider)
    assert login.principal(basic("otto", shown), HERE, False).id == "otto", "at once, and never throttled"


@pytest.mark.parametrize(
    ("told", "path"),
    [("/leave", "/leave?"), ("/leave?realm=city", "/leave?realm=city&")],
)
def test_people_are_led_on_to_sign_out_there(make: Make, provider: LyingProvider, told: str, path: str) -> None:
    """OpenID Connect RP-Initiated Logout 1.0 §2: as this client, and back here afterwards."""
    provider.leaving = told
    asked = f"client_id={CLIENT}&post_logout_redirect_uri=https%3A%2F%2Fgremium.example%2Fanmelden"
    assert make().leaving("https://gremium.example/anmelden") == f"{provider.url}{path}{asked}"


@pytest.mark.parametrize("told", ["", "javascript:alert(1)", "ftp://city.example/"])
def test_nobody_is_led_to_what_is_no_address(make: Make, provider: LyingProvider, told: str) -> None:
    """A page of ours links there, so what the provider publishes is looked at first; where it is away, nobody waits."""
    provider.leaving = told
    assert make().leaving("https://gremium.example/anmelden") == ""
    assert make(oidc_issuer="http://127.0.0.1:9").leaving("https://gremium.example/anmelden") == ""
