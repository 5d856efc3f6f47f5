"""recuse, recusal: by item and by matter, in force at once (rights.md §2.5, §3)."""

from __future__ import annotations

import pytest

from davserver.house import House
from shareproviders.contract import Writing
from shareproviders.paths import SharePath
from tests.commands.conftest import Run
from tests.commands.test_rights import explained, written

POINT = "ba05/2026-12-07 Kanarientitel Dezember/N 04.2.1 Kanarienanhörung"


@pytest.fixture
def released(peopled: Run) -> Run:
    """The agenda is released and otto has pledged secrecy, so he may view the non-public item."""
    pledge = '[[person]]\nuser = "otto"\nname = "Otto Maier"\nundertaking = 2026-05-12\n'
    assert peopled("apply", written(pledge)).code == 0
    assert peopled("meeting", "state", "ba05", "2026-12-07", "agenda_released").code == 0
    assert explained(peopled, "otto", POINT)["view"]["allowed"]
    return peopled


@pytest.mark.parametrize(
    ("thing", "code"),
    [
        (POINT, "recusal:item"),
        (f"/dav/{POINT}/", "recusal:item"),
        ("ba05/2026-12-07/4.2.1", "recusal:item"),
        ("20-26 / V 15898", "recusal:matter"),
        ("20-26/V15898", "recusal:matter"),
    ],
)
def test_a_recused_person_has_no_right_at_all(released: Run, thing: str, code: str) -> None:
    """By the item's folder, its number, or the matter however it is written; explain says so with a sentence."""
    assert released("recuse", "otto", thing).code == 0
    rights = explained(released, "otto", POINT)
    assert not any(right["allowed"] for right in rights.values())
    assert code in rights["view"]["reasons"]
    assert any("recusal" in sentence for sentence in rights["view"]["because"])
    assert explained(released, "anna", POINT)["view"]["allowed"]


def test_a_recusal_ends(released: Run) -> None:
    """list shows number and person, no title; end lifts it at once; the same twice is one."""
    first = released("recuse", "otto", POINT, "--as", "anna", "--json").json["ids"]
    assert released("recuse", "otto", "ba05/2026-12-07/4.2.1", "--json").json["ids"] == first
    (listed,) = released("recusal", "list", "ba05", "--json").json
    assert (listed["person"], listed["item"], listed["by"]) == ("otto", "2026-12-07/4.2.1", "user:anna")
    assert "Kanarien" not in released("recusal", "list").out
    assert released("recusal", "end", str(first[0])).code == 0
    assert explained(released, "otto", POINT)["view"]["allowed"]
    assert released("recusal", "end", str(first[0])).code == 1


def test_a_window(released: Run) -> None:
    """--from, --until: outside of it nothing is taken."""
    assert released("recuse", "otto", POINT, "--from", "2036-01-01", "--until", "2036-02-01").code == 0
    assert explained(released, "otto", POINT)["view"]["allowed"]
    assert not explained(released, "otto", POINT, "--at", "2036-01-15")["view"]["allowed"]
    assert released("recuse", "otto", POINT, "--from", "2036-01-01", "--until", "2035-02-01").code == 1


@pytest.mark.parametrize("thing", ["ba05/Arbeitsordner", "ba07/x", "ba05/2026-12-07/9", "nonsense", "ba05"])
def test_what_is_no_item_and_no_matter_is_refused(peopled: Run, thing: str) -> None:
    """Never a recusal from something that does not exist."""
    said = peopled("recuse", "otto", thing)
    assert (said.code, said.err.count("\n")) == (1, 1)
    assert peopled("recusal", "list").code == 1


def test_nobody_unknown_is_recused(peopled: Run) -> None:
    """A slip of the pen must not look like a recusal."""
    assert peopled("recuse", "ottto", POINT).code == 1


def test_a_label_carries_a_matter(released: Run, house: House) -> None:
    """label --matter: a paper on no agenda belongs to a matter too, and back."""
    with house.database.transaction():
        house.share("ba05").make_collection(SharePath(("Arbeitsordner", "Akte")), Writing("user:anna", house.clock()))
    released("label", "ba05/Arbeitsordner/Akte", "--matter", "20-26 / V 15898")
    assert released("recuse", "otto", "20-26 / v  15898").code == 0
    assert not explained(released, "otto", "ba05/Arbeitsordner/Akte")["discover"]["allowed"]
    (listed,) = released("recusal", "list", "--json").json
    assert listed["matter"] == "20-26 / V 15898"
    released("label", "ba05/Arbeitsordner/Akte", "--matter", "inherit")
    assert explained(released, "otto", "ba05/Arbeitsordner/Akte")["discover"]["allowed"]
