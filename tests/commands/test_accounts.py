"""user and app-password on the command line; passwords never as arguments."""

from __future__ import annotations

import base64

import pytest

from acl.labels import Classification
from davserver.accounts import AccountProblem
from davserver.house import House
from davserver.login import Unauthorized
from davserver.pins import pin
from davserver.resets import What
from tests.commands.conftest import Run
from tests.login.codes import app_code

HERE = "127.0.0.1"


def basic(user: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


def test_a_password_from_standard_input_opens_the_account(peopled: Run, house: House) -> None:
    """user add, user passwd."""
    added = peopled("user", "add", "eva", "--name", "Eva Lang", "--admin", "--password-stdin", stdin="lang genug 1\n")
    assert added.code == 0, added.err
    principal = house.login.principal(basic("eva", "lang genug 1"), HERE, False)
    assert (principal.id, principal.name, principal.admin) == ("eva", "Eva Lang", True)
    changed = peopled("user", "passwd", "eva", "--password-stdin", stdin="noch länger 2\n")
    assert changed.code == 0, changed.err
    with pytest.raises(Unauthorized):
        house.login.principal(basic("eva", "lang genug 1"), HERE, False)
    assert house.login.principal(basic("eva", "noch länger 2"), HERE, False).id == "eva"


@pytest.mark.parametrize(
    ("password", "told"),
    [
        ("kurz", "at least 10 characters"),
        ("x" * 1025, "at most 1024 bytes"),
        ("abcde-" * 7 + "fghij", "looks like an app password"),
    ],
)
def test_bad_passwords_are_refused_and_nothing_is_made(founded: Run, password: str, told: str) -> None:
    """Ten characters at least."""
    said = founded("user", "add", "eva", "--password-stdin", stdin=password + "\n")
    assert said.code == 1
    assert told in said.err
    assert founded("user", "list").code == 1


def test_an_account_without_password_lets_nobody_in(peopled: Run, house: House) -> None:
    """apply creates accounts without password."""
    with pytest.raises(Unauthorized):
        house.login.principal(basic("anna", ""), HERE, False)
    listed = {row["user"]: row for row in peopled("user", "list", "--json").json}
    assert listed["anna"] == {
        "user": "anna",
        "name": "Anna Huber",
        "admin": False,
        "active": True,
        "password": False,
        "second_step": False,
        "pinned": None,
    }


def test_passwd_wants_a_password(peopled: Run) -> None:
    """Never from arguments, never empty without being asked."""
    said = peopled("user", "passwd", "anna")
    assert said.code == 2
    assert "--password-stdin" in said.err
    assert peopled("user", "passwd", "nobody", "--password-stdin", stdin="lang genug 1\n").code == 1


def test_disable_ends_every_login(peopled: Run, house: House) -> None:
    """At once."""
    shown = peopled("app-password", "create", "otto", "--label", "Laptop", "--json").json["password"]
    assert house.login.principal(basic("otto", shown), HERE, False).id == "otto"
    assert peopled("user", "disable", "otto").code == 0
    with pytest.raises(Unauthorized):
        house.login.principal(basic("otto", shown), HERE, False)


def test_an_app_password_is_shown_once_and_ends_when_revoked(peopled: Run, house: House) -> None:
    """create, list, revoke; the list never shows it."""
    made = peopled("app-password", "create", "otto", "--label", "Laptop", "--days", "30", "--json").json
    listed = peopled("app-password", "list", "otto")
    assert made["id"] in listed.out
    assert made["password"] not in listed.out + peopled("app-password", "list", "--json").out
    assert "Laptop" in listed.out
    assert house.login.principal(basic("otto", made["password"]), HERE, False).id == "otto"
    assert peopled("app-password", "revoke", made["id"]).code == 0
    with pytest.raises(Unauthorized):
        house.login.principal(basic("otto", made["password"]), HERE, False)
    assert peopled("app-password", "revoke", made["id"]).code == 1


def test_an_app_password_is_cut_to_a_folder_and_a_class(peopled: Run, house: House) -> None:
    """--scope PATH is resolved to the node once; /dav/ in front is accepted."""
    made = peopled(
        *("app-password", "create", "otto", "--label", "x", "--scope", "/dav/ba05/Arbeitsordner"),
        *("--read-only", "--max-class", "public", "--json"),
    ).json
    ceiling = house.login.principal(basic("otto", made["password"]), HERE, False).ceiling
    (scope,) = ceiling.scopes
    with house.database.read():
        assert str(house.share("ba05").locate(scope[1])[0]) == "/Arbeitsordner"
    assert ceiling.max_class is Classification.PUBLIC


@pytest.mark.parametrize(
    ("options", "code"),
    [
        (["--max-class", "geheim"], 2),
        (["--days", "0"], 2),
        (["--scope", "ba05/Nirgends"], 1),
        (["--scope", "ba99"], 1),
        (["--scope", "/"], 2),
        (["--scope", "ba05/../x"], 1),
    ],
)
def test_wrong_wishes_make_no_app_password(peopled: Run, options: list[str], code: int) -> None:
    """One line, and nothing is made."""
    said = peopled("app-password", "create", "otto", "--label", "x", *options)
    assert said.code == code
    assert said.err.count("\n") == 1
    assert peopled("app-password", "list").code == 1


def test_a_password_set_by_command_is_told_to_its_owner(peopled: Run, house: House) -> None:
    """By whom, once he signs in; the first password of an account is no reset."""
    for words in (("lang genug 1", []), ("lang genug 2", ["--as", "anna"])):
        password, acting = words
        assert peopled("user", "passwd", "otto", "--password-stdin", *acting, stdin=f"{password}\n").code == 0
    house.resets.begin_telling("otto")
    assert [(told.what, told.by) for told in house.resets.of("otto")] == [(What.PASSWORD, "user:anna")]


def test_a_lost_second_step_is_taken_off(peopled: Run, house: House) -> None:
    """user totp-off: by somebody else, who is named to its owner."""
    refused = peopled("user", "totp-off", "otto")
    assert (refused.code, "has no second step" in refused.err) == (1, True)
    secret = house.second_step.prepare("otto")
    house.second_step.confirm("otto", app_code(secret, house.clock()), HERE)
    assert {row["user"]: row["second_step"] for row in peopled("user", "list", "--json").json}["otto"]
    own = peopled("user", "totp-off", "otto", "--as", "otto")
    assert (own.code, "nobody takes off his own" in own.err) == (1, True)
    done = peopled("user", "totp-off", "otto", "--as", "anna")
    assert done.code == 0, done.err
    assert house.second_step.of("otto") is None
    house.resets.begin_telling("otto")
    assert [(told.what, told.by) for told in house.resets.of("otto")] == [(What.SECOND_STEP, "user:anna")]


def test_a_pinned_account_is_let_go(peopled: Run, house: House) -> None:
    """user unpin: all or none; while it is pinned it gets no letter and no password."""
    with house.database.transaction() as connection:
        pin(connection, "otto", "https://login.example", "4711", house.clock())
    assert {row["user"]: row["pinned"] for row in peopled("user", "list", "--json").json}["otto"]
    with house.database.transaction() as connection, pytest.raises(AccountProblem, match="signs in elsewhere"):
        house.invitations.invite(connection, "otto", "command:operator")
    given = peopled("user", "passwd", "otto", "--password-stdin", stdin="lang genug 1\n")
    assert (given.code, "otto signs in elsewhere" in given.err) == (1, True)
    refused = peopled("user", "unpin", "otto", "anna")
    assert (refused.code, "anna is pinned to no" in refused.err) == (1, True)
    assert house.awake_until("otto") is not None, "none of them"
    done = peopled("user", "unpin", "otto")
    assert done.code == 0, done.err
    assert house.awake_until("otto") is None
