"""simulate: who gains and loses what, and nothing is changed; apply's rights."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from acl import store
from acl.labels import Classification
from davserver.house import House
from shareproviders.contract import Writing
from shareproviders.paths import SharePath
from tests.commands.conftest import COMMITTEES, Run
from tests.commands.test_rights import explained, written

COMMITTEE = '[[committee]]\nid = "ba05"\nname = "BA 5 Au-Haidhausen"\nquota = "1 GiB"\n'
DECLARED = (
    COMMITTEE
    + """
  [[committee.label]]
  path = "Arbeitsordner"
  class = "non_public"
  close = 2030-01-01
  matter = "20-26 / B 07538"

  [[committee.entry]]
  path = "00 Eingang"
  principal = "user:otto"
  rights = ["read", "comment"]
  until = 2030-01-01

  [[committee.binding]]
  path = "Arbeitsordner"
  meeting = "2026-12-07"
  item = "4.2.1"

[[recusal]]
person = "otto"
committee = "ba05"
meeting = "2026-12-07"
item = "4.2.1"

[[recusal]]
person = "anna"
matter = "20-26 / B 00001"
from = 2026-05-01
effect = "discussion"
"""
)


def test_rights_can_be_declared(peopled: Run, house: House) -> None:
    """Labels, entries, bindings, recusals from the file: told before, told when done, nothing the second time."""
    path = written(DECLARED)
    planned = peopled("apply", path, "--dry-run", "--json").json["changes"]
    assert len(planned) == 5
    done = peopled("apply", path, "--json").json["changes"]
    assert done == planned
    assert peopled("apply", path, "--json").json["changes"] == []
    assert not any("Kanarien" in line for line in done)
    with house.database.read() as connection:
        node = house.share("ba05").stat(SharePath(("Arbeitsordner",))).id
        assert store.labels(connection, "ba05")[node].classification is Classification.NON_PUBLIC
        assert list(store.bindings(connection, "ba05")) == [node]
        assert [r.person for r in store.recusals(connection, "ba05")] == ["otto", "anna"]
    assert explained(peopled, "otto", "ba05/Arbeitsordner")["view"]["reasons"][1] == "recusal:item"


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ('path = "00 Eingang"', 'path = "Eingang"', "there is no /Eingang"),
        ('rights = ["read", "comment"]', 'rights = ["fly"]', "unknown right 'fly'"),
        ('rights = ["read", "comment"]', "rights = 3", "must be a list"),
        ('item = "4.2.1"\n\n[[rec', 'item = "9"\n\n[[rec', "has no item 9"),
        ('person = "anna"', 'person = "eva"', "there is no account eva"),
        ('matter = "20-26 / B 00001"\nfrom', 'committee = "ba05"\nfrom', "name either a matter, or committee"),
        ('class = "non_public"', 'class = "public"', "takes a second person"),
        ('effect = "discussion"', 'effect = "all"', "must be one of documents, discussion, both"),
    ],
)
def test_declared_rights_are_all_or_nothing(peopled: Run, house: House, old: str, new: str, told: str) -> None:
    """One sentence, and nothing of the file was done."""
    assert old in DECLARED
    said = peopled("apply", written(DECLARED.replace(old, new)))
    assert (said.code, told in said.err) == (1, True), said.err
    with house.database.read() as connection:
        assert store.recusals(connection, "ba05") == []
        assert store.bindings(connection, "ba05") == {}


def simulated(run: Run, path: Path) -> dict[tuple[str, str], dict[str, Any]]:
    said = run("simulate", path, "--json")
    assert said.code == 0, said.err
    return {(shift["person"], shift["path"]): shift for shift in said.json["rights"]}


def test_simulate_tells_and_changes_nothing(peopled: Run, house: House) -> None:
    """By person and path; a mandate gives, a raised class takes; afterwards all is as before."""
    with house.database.transaction():
        house.share("ba05").make_collection(SharePath(("Arbeitsordner", "Plan")), Writing("user:anna", house.clock()))
    peopled("user", "add", "eva")
    before = {user: explained(peopled, user, "ba05/Arbeitsordner/Plan") for user in ("eva", "otto")}
    text = COMMITTEE + (
        '[[committee.mandate]]\nuser = "eva"\nrole = "member"\nstart = 2026-05-01\n'
        '[[committee.label]]\npath = "Arbeitsordner/Plan"\nclass = "office"\n'
    )
    shifts = simulated(peopled, written(text))
    assert "read" in shifts["eva", "ba05/Arbeitsordner"]["gains"]
    assert ("eva", "ba05/Arbeitsordner/Plan") not in shifts
    assert "read" in shifts["otto", "ba05/Arbeitsordner/Plan"]["loses"]
    assert ("otto", "ba05/Arbeitsordner") not in shifts
    assert {user: explained(peopled, user, "ba05/Arbeitsordner/Plan") for user in ("eva", "otto")} == before
    assert "otto" in peopled("simulate", written(text)).out


def test_simulate_of_what_stands_already(peopled: Run) -> None:
    """Nobody gains or loses."""
    assert simulated(peopled, written(COMMITTEES)) == {}
    assert "nobody would gain or lose" in peopled("simulate", written(COMMITTEES)).out


def test_a_new_drive_is_nobodys_loss(peopled: Run) -> None:
    """Drives that the file would make hold nothing yet."""
    assert simulated(peopled, written('[[committee]]\nid = "ba06"\nname = "BA 6"\n')) == {}
    assert peopled("explain", "anna", "ba06").code == 1
