"""share: what a colleague gives to colleagues, through the door, and takes back (contract.md; portal.md §5)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.commands.conftest import Run
from tests.running import RunningServer, command, copied, start

FOLDER = "ba05/Arbeitsordner"


def test_a_share_is_listed_and_ended(peopled: Run) -> None:
    """Whose it is, what it gives and until when; ended once."""
    said = peopled("share", "add", FOLDER, "--with", "role:member", "--until", "2030-01-01", "--json")
    assert said.code == 0, said.err
    made = said.json
    assert (made["maker"], made["with"]) == ("user:anna", "role:member")
    (listed,) = peopled("share", "list", "ba05", "--json").json
    assert (listed["id"], listed["path"], listed["rights"]) == (made["id"], FOLDER, ["read"])
    assert "2030-01-01" in peopled("share", "list").out
    assert peopled("share", "end", str(made["id"])).code == 0
    assert peopled("share", "list").code == 1
    said = peopled("share", "end", str(made["id"]))
    assert (said.code, "no share" in said.err) == (1, True)


def test_the_office_entries_are_no_shares(peopled: Run) -> None:
    """What `entry add` sets has no maker: it is not listed and not ended here."""
    number = peopled("entry", "add", FOLDER, "user:otto", "read", "--json").json["id"]
    assert peopled("share", "list").code == 1
    assert peopled("share", "end", str(number)).code == 1
    assert peopled("entry", "remove", "ba05", str(number)).code == 0


def test_who_shared_is_noted(peopled: Run) -> None:
    """--as names him; the log holds both him and that it was done by command."""
    made = peopled("share", "add", FOLDER, "--with", "user:otto", "--as", "anna", "--rights", "read", "write", "--json")
    assert made.json["maker"] == "user:anna"
    lines = [(line["who"], line["what"]) for line in peopled("audit", "show", "--json").json]
    assert ("user:anna", "share") in lines
    assert any(what == "act-as" for _, what in lines)
    assert peopled("share", "end", str(made.json["id"]), "--as", "otto").code == 1
    assert peopled("share", "end", str(made.json["id"]), "--as", "anna").code == 0


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        ([FOLDER, "--with", "user:otto", "--as", "otto"], 1, "otto may not share"),
        ([FOLDER, "--with", "all"], 1, "share with user:NAME"),
        ([FOLDER, "--with", "role:koenig"], 1, "unknown principal"),
        ([FOLDER, "--with", "user:otto", "--rights", "fly"], 2, "unknown right"),
        ([FOLDER, "--with", "user:otto", "--rights", "share"], 1, "given further"),
        ([FOLDER, "--with", "user:otto", "--from", "2030-01-01", "--until", "2029-01-01"], 1, "start before"),
        ([FOLDER, "--with", "user:otto", "--until", "soon"], 2, "--until"),
        (["ba05", "--with", "user:otto"], 1, "share a folder or a document"),
        (["ba05/nowhere", "--with", "user:otto"], 1, "nothing"),
        ([FOLDER], 2, "--with"),
    ],
)
def test_what_makes_no_share(peopled: Run, arguments: list[str], code: int, told: str) -> None:
    """Refused in one line, and nothing is made."""
    said = peopled("share", "add", *arguments)
    assert (said.code, told in said.err) == (code, True), said.err
    assert peopled("share", "list").code == 1


@pytest.fixture(scope="module")
def served(installed: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    with start(copied(installed, tmp_path_factory.mktemp("inside"))) as running:
        yield running


def test_the_receiver_finds_it(served: RunningServer) -> None:
    """While the server runs: under `/dav/geteilt/` at once, with the rights given, and gone as soon as it has ended."""
    with served.client("clara", "/dav/ba05/Arbeitsordner") as clara, served.client("sam", "/dav") as sam:
        clara.mkcol("/Entwurf")
        clara.put("/Entwurf/a.txt", b"shared")
        words = ("share", "add", "ba05/Arbeitsordner/Entwurf", "--with", "user:sam", "--json")
        assert sam.names("/") == []
        number = one_share(served, *words)
        assert sam.names("/geteilt/ba05/") == ["Entwurf"]
        assert sam.get("/geteilt/ba05/Entwurf/a.txt").body == b"shared"
        assert sam.put("/geteilt/ba05/Entwurf/a.txt", b"2").status == 403
        ended(served, number)
        assert sam.names("/") == []
        number = one_share(served, *words, "--rights", "read", "write")
        assert sam.put("/geteilt/ba05/Entwurf/a.txt", b"2").status == 204
        assert clara.get("/Entwurf/a.txt").body == b"2"
        ended(served, number)
        later = one_share(served, *words, "--from", "2099-01-01")
        assert sam.get("/geteilt/ba05/Entwurf/a.txt").status == 404
        ended(served, later)


def one_share(served: RunningServer, *words: str) -> str:
    return str(json.loads(command(*words, data=served.data))["id"])


def ended(served: RunningServer, number: str) -> None:
    command("share", "end", number, data=served.data)
