"""hold: legal holds by command and by file, told by explain and simulate (rights.md §2.5)."""

from __future__ import annotations

import pytest

from acl import store
from acl.privileges import parse_rights
from davserver.house import House
from shareproviders.contract import Writing
from shareproviders.paths import SharePath
from tests.commands.conftest import Run
from tests.commands.test_rights import explained, written
from tests.commands.test_simulating import COMMITTEE

FILE = "ba05/Arbeitsordner"
REASON = "Kanarienverfahren 12 K 345/26"
DECLARED = (
    COMMITTEE
    + f"""
  [[committee.hold]]
  path = "Arbeitsordner"
  from = 2026-05-01
  reason = "{REASON}"
"""
)
TAKEN = {"write-content", "write-properties", "unbind", "classify"}


def lost(run: Run, user: str, *more: str) -> set[str]:
    """The rights that somebody lacks there for a hold, each with its sentence."""
    rights = explained(run, user, FILE, *more)
    held = {right for right, told in rights.items() if "hold" in told["reasons"]}
    assert all("legal hold" in " ".join(rights[right]["because"]) for right in held)
    assert not any(rights[right]["allowed"] for right in held)
    return held


def test_a_hold_takes_the_same_from_every_office(peopled: Run) -> None:
    """explain names it; the clerk may still read, add and share."""
    assert lost(peopled, "anna") == set()
    assert peopled("hold", "add", FILE).code == 0
    assert lost(peopled, "anna") == TAKEN
    rights = explained(peopled, "anna", FILE)
    assert all(rights[right]["allowed"] for right in ("read", "bind", "share", "recuse"))


def test_explain_tells_of_a_hold_further_down(peopled: Run) -> None:
    """Nothing there is forbidden, and yet it cannot be removed as a whole (§3)."""
    for held in (False, True):
        assert peopled("explain", "anna", "ba05", "--json").json["held"] is held
        assert ("legal hold" in peopled("explain", "anna", "ba05").out) is held
        peopled("hold", "add", FILE)
    assert explained(peopled, "anna", "ba05")["unbind"]["allowed"]


def test_an_agenda_takes_over_no_held_folder(peopled: Run, house: House) -> None:
    """A folder made by hand that has an item's name would get the item's class."""
    (meeting,) = (n for n in house.share("ba05").children(house.share("ba05").stat(SharePath(()))) if "2026" in n.name)
    for number in ("05", "06"):
        with house.database.transaction():
            made = SharePath((meeting.name, f"{number} Haushalt"))
            house.share("ba05").make_collection(made, Writing("user:anna", house.clock()))
    peopled("hold", "add", f"ba05/{meeting.name}/05 Haushalt")
    for number in ("5", "6"):
        assert peopled("item", "add", "ba05", "2026-12-07", number, "Haushalt").code == 0
    folder = house.share("ba05").stat(SharePath((meeting.name,)))
    names = {node.name: node.id for node in house.share("ba05").children(folder)}
    assert {"05 Haushalt", "05 Haushalt (2)", "06 Haushalt"} <= set(names) and "06 Haushalt (2)" not in names
    with house.database.read() as connection:
        assert names["05 Haushalt"] not in store.labels(connection, "ba05")


def test_a_hold_is_listed_and_ends(peopled: Run) -> None:
    """The list tells the reason and no name; the same twice is one; after the end everything is as before."""
    added = peopled("hold", "add", FILE, "--reason", REASON, "--as", "anna", "--json").json
    assert peopled("hold", "add", f"/dav/{FILE}/", "--json").json == {"id": added["id"], "new": False}
    (listed,) = peopled("hold", "list", "ba05", "--json").json
    assert (listed["id"], listed["by"], listed["reason"], listed["until"]) == (added["id"], "user:anna", REASON, None)
    said = peopled("hold", "list")
    assert REASON in said.out and "Arbeitsordner" not in said.out
    assert peopled("hold", "end", str(added["id"]), "--as", "anna").code == 0
    assert lost(peopled, "anna") == set()
    again = peopled("hold", "end", str(added["id"]))
    assert (again.code, again.err.count("\n")) == (1, 1)


def test_the_reason_is_sealed_and_the_log_does_not_tell_it(peopled: Run, house: House) -> None:
    peopled("hold", "add", FILE, "--reason", REASON, "--as", "anna")
    peopled("hold", "end", "1")
    with house.database.read() as connection:
        (hold,) = store.holds(connection, "ba05")
    assert hold.reason is not None and b"Kanarien" not in hold.reason
    said = peopled("audit", "show", "--rights", "--json")
    noted = [(line["what"], line["detail"]) for line in said.json if line["what"].startswith("hold")]
    assert noted == [("hold-end", "hold 1"), ("hold", "hold 1")]
    assert "user:anna" in {line["who"] for line in said.json if line["what"] == "hold"}
    assert "Kanarien" not in said.out


def test_a_window(peopled: Run) -> None:
    """--from, --until: outside of it nothing is taken; a hold that never holds is refused."""
    assert peopled("hold", "add", FILE, "--from", "2036-01-01", "--until", "2036-02-01").code == 0
    assert lost(peopled, "anna") == set()
    assert lost(peopled, "anna", "--at", "2036-01-01") == TAKEN
    assert lost(peopled, "anna", "--at", "2036-02-01") == set()
    assert peopled("hold", "add", FILE, "--from", "2036-01-01", "--until", "2035-02-01").code == 1


def test_an_end_given_later_is_that_of_the_hold_that_stands(peopled: Run) -> None:
    number = peopled("hold", "add", FILE, "--json").json["id"]
    assert peopled("hold", "add", FILE, "--until", "2036-02-01", "--json").json == {"id": number, "new": True}
    assert lost(peopled, "anna", "--at", "2036-01-31") == TAKEN
    assert lost(peopled, "anna", "--at", "2036-02-01") == set()


def test_only_what_exists_is_held(peopled: Run) -> None:
    assert peopled("hold", "add", "ba05/none").code == 1
    assert peopled("hold", "add", FILE, "--as", "nobody").code != 0
    assert peopled("hold", "list").code == 1


def test_no_class_and_no_date_changes_under_a_hold(peopled: Run) -> None:
    """Neither up nor down, nor by a proposal that was made before it."""
    peopled("label", FILE, "--class", "public")
    proposed = peopled("label", FILE, "--class", "restricted", "--json").json
    assert proposed["changed"]
    waiting = peopled("label", FILE, "--class", "public", "--as", "anna", "--json").json["proposal"]
    assert waiting is not None
    peopled("hold", "add", FILE)
    for change in (("--class", "non_public"), ("--close", "2030-01-01"), ("--matter", "20-26 / V 15898")):
        said = peopled("label", FILE, *change)
        assert (said.code, said.err.count("\n")) == (1, 1) and "legal hold" in said.err
    said = peopled("approve", str(waiting), "--as", "otto")
    assert said.code == 1 and "legal hold" in said.err
    assert peopled("label", FILE, "--class", "restricted").code == 0  # it says what stands there already


@pytest.mark.parametrize("inside", [False, True], ids=["itself", "a paper in it"])
def test_a_held_folder_keeps_its_name_when_the_agenda_is_renumbered(peopled: Run, house: House, inside: bool) -> None:
    """The agenda goes on; the folder is left as if it had been named by hand, and the command says so."""
    (meeting,) = (n for n in house.share("ba05").children(house.share("ba05").stat(SharePath(()))) if "2026" in n.name)
    path = SharePath((meeting.name, "N 04.2.1 Kanarienanhörung"))
    if inside:
        with house.database.transaction():
            house.share("ba05").make_collection(path / "Akte", Writing("user:anna", house.clock()))
    peopled("hold", "add", f"ba05/{path / 'Akte' if inside else path}".replace("//", "/"))
    said = peopled("item", "renumber", "ba05", "2026-12-07", "4.2.1=5")
    assert said.code == 0 and "keeps its name" in said.out
    assert house.share("ba05").stat(path).is_collection
    assert "5" in peopled("item", "list", "ba05", "2026-12-07").out


def test_a_hold_can_be_declared_and_simulated(peopled: Run) -> None:
    """Told before, told when done, nothing the second time, and not again once somebody has ended it."""
    path = written(DECLARED)
    simulated = peopled("simulate", path, "--json").json
    (shift,) = [each for each in simulated["rights"] if each["person"] == "anna"]
    assert (shift["path"], shift["gains"]) == (FILE, [])
    assert parse_rights(shift["loses"]) == parse_rights(TAKEN)
    planned = peopled("apply", path, "--dry-run", "--json").json["changes"]
    assert peopled("apply", path, "--json").json["changes"] == planned != []
    assert "Kanarien" not in "".join(planned)
    assert peopled("apply", path, "--json").json["changes"] == []
    assert lost(peopled, "anna") == TAKEN
    peopled("hold", "end", "1")
    assert peopled("apply", path, "--json").json["changes"] == []
    assert lost(peopled, "anna") == set()
