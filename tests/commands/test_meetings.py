"""meeting, item, binding, release: folders, labels, states, renumbering (rights.md §1, contract.md)."""

from __future__ import annotations

from pathlib import Path

import pytest

from acl import store
from acl.labels import NEVER, Classification, Label
from davserver.house import House
from davserver.tree.aliases import KEPT, Aliases
from shareproviders.contract import Node, Writing
from shareproviders.paths import SharePath
from tests.commands.conftest import Run

MEETING = "2026-12-07 Kanarientitel Dezember"
POINT = "N 04.2.1 Kanarienanhörung"
AGENDA = (
    "number;title;part;matter\n"
    "1;Begrüßung;;\n"
    '4.2.2;"Antrag ""Rad/Fuß""; zweite Lesung";public;20-26 / B 07538\n'
    "N 3;Vergabe;non_public;20-26 / V 00412\n"
)


def names(house: House, *path: str) -> list[str]:
    with house.database.read():
        provider = house.share("ba05")
        return [member.name for member in provider.children(provider.stat(SharePath(path)))]


def node(house: House, *path: str) -> Node:
    with house.database.read():
        return house.share("ba05").stat(SharePath(path))


def label(house: House, *path: str) -> Label:
    with house.database.read() as connection:
        return store.labels(connection, "ba05").get(node(house, *path).id, Label())


def paper(house: House, *path: str) -> Node:
    """A paper that lies there, as the door would have put it."""
    provider = house.share("ba05")
    with house.database.transaction():
        writing = Writing("user:anna", house.clock())
        return provider.make_collection(SharePath(path), writing)


def imported(run: Run, tmp_path: Path, text: str = AGENDA) -> int:
    (tmp_path / "agenda.csv").write_text(text)
    return run("item", "import", "ba05", "2026-12-07", tmp_path / "agenda.csv").code


def test_apply_makes_a_folder_for_each_meeting_and_item(house: House) -> None:
    """Windows-safe speaking names; a non-public item's folder is at least that; nothing is released yet."""
    assert MEETING in names(house)
    assert names(house, MEETING) == [POINT]
    assert label(house, MEETING, POINT) == Label(Classification.NON_PUBLIC)
    assert label(house, MEETING) == Label()


def test_meeting_add_makes_its_folder(peopled: Run, house: House) -> None:
    """By command as by apply; a second time nothing changes; a new title renames."""
    call = (
        "meeting",
        "add",
        "ba05",
        "2027-01-11",
        "--start",
        "2027-01-11T19:00",
        "--end",
        "2027-01-11T22:00",
        "--title",
    )
    assert peopled(*call, "Vollgremium", "--json").json["changes"] == [
        "meeting 2027-01-11 declared",
        "folder of the meeting 2027-01-11",
    ]
    assert peopled(*call, "Vollgremium", "--json").json["changes"] == []
    before = node(house, "2027-01-11 Vollgremium")
    assert peopled(*call, "UA: Bau").code == 0
    assert node(house, "2027-01-11 UA – Bau").id == before.id
    listed = peopled("meeting", "list", "ba05", "--json").json
    assert [(m["id"], m["title"], m["state"]) for m in listed][1] == ("2027-01-11", "UA: Bau", "planned")
    assert peopled("meeting", "add", "ba05", "Dezember!", *call[4:], "x").code == 2
    assert peopled("meeting", "list", "ba06").code == 1


def test_import_adds_an_agenda(peopled: Run, house: House, tmp_path: Path) -> None:
    """117 items come from a file: names sort, titles stay, public items are public."""
    assert imported(peopled, tmp_path) == 0
    assert names(house, MEETING) == [
        "01 Begrüßung",
        "04.2.2 Antrag 'Rad-Fuß'; zweite Lesung",
        "N 03 Vergabe",
        POINT,
    ]
    assert label(house, MEETING, "01 Begrüßung").classification is Classification.PUBLIC
    listed = peopled("item", "list", "ba05", "2026-12-07", "--json").json
    assert [(point["number"], point["part"]) for point in listed] == [
        ("4.2.1", "non_public"),
        ("1", "public"),
        ("4.2.2", "public"),
        ("N 3", "non_public"),
    ]
    assert listed[2]["title"] == 'Antrag "Rad/Fuß"; zweite Lesung'
    assert imported(peopled, tmp_path) == 0
    assert len(names(house, MEETING)) == 4


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("nummer;inhalt\n1;a\n", "must name the columns number and title"),
        ("number;title;part\n1;a;geheim\n", "line 2: part must be one of public, non_public"),
        ("number;title\n1;a\n1;b\n", "line 3: the number 1 stands twice"),
        ("number;title\n1;a;b;c\n", "more cells than columns"),
        ("number;title\n1;\n", "needs a number"),
        ("number,title\n1,a\n2,b\n", ""),
    ],
)
def test_import_is_all_or_nothing(peopled: Run, house: House, tmp_path: Path, text: str, told: str) -> None:
    """What is wrong is named with its line, and no folder was made."""
    (tmp_path / "agenda.csv").write_text(text)
    said = peopled("item", "import", "ba05", "2026-12-07", tmp_path / "agenda.csv")
    assert told in said.err
    assert said.code == (1 if told else 0)
    assert len(names(house, MEETING)) == (1 if told else 3)


def test_releasing_an_agenda_releases_what_lies_beneath(peopled: Run, house: House) -> None:
    """release_at on the meeting's folder; drafts beneath follow it again; later papers wait for `release`."""
    draft, elsewhere = paper(house, MEETING, POINT, "Vorlage"), paper(house, "00 Eingang", "Brief")
    with house.database.transaction() as connection:
        store.set_label(connection, "ba05", draft.id, Label(Classification.PERSONAL, NEVER))
        store.set_label(connection, "ba05", elsewhere.id, Label(release_at=NEVER))
    assert peopled("meeting", "state", "ba05", "2026-12-07", "agenda_released").code == 0
    released = label(house, MEETING).release_at
    assert released is not None
    assert released <= house.clock()
    assert label(house, MEETING, POINT, "Vorlage") == Label(Classification.PERSONAL)
    assert label(house, "00 Eingang", "Brief").release_at == NEVER
    (meeting,) = peopled("meeting", "list", "ba05", "--json").json
    assert meeting["released_at"] == released


def test_release_of_late_papers(peopled: Run, house: House) -> None:
    """`release PATH…`: all or none; a folder with its drafts; nothing in the inbox."""
    peopled("meeting", "state", "ba05", "2026-12-07", "agenda_released")
    for name in ("a", "b"):
        late = paper(house, MEETING, POINT, name)
        with house.database.transaction() as connection:
            store.set_label(connection, "ba05", late.id, Label(release_at=NEVER))
    paths = [f"ba05/{MEETING}/{POINT}/{name}" for name in ("a", "b")]
    assert peopled("release", paths[0], "ba05/nowhere").code == 1
    assert label(house, MEETING, POINT, "a").release_at == NEVER
    assert peopled("release", paths[0], "--json").json == {"released": 1}
    assert (label(house, MEETING, POINT, "a").release_at or NEVER) <= house.clock()
    assert peopled("release", f"ba05/{MEETING}", "--json").json == {"released": 1}
    assert label(house, MEETING, POINT, "b") == Label()
    assert peopled("release", paths[1], "--json").json == {"released": 0}
    paper(house, "00 Eingang", "Brief")
    assert peopled("release", "ba05/00 Eingang/Brief").code == 1


def test_an_item_that_comes_after_the_release_waits(peopled: Run, house: House) -> None:
    """What comes later waits for `release PATH`."""
    peopled("meeting", "state", "ba05", "2026-12-07", "agenda_released")
    assert peopled("item", "add", "ba05", "2026-12-07", "9", "Nachtrag").code == 0
    assert label(house, MEETING, "09 Nachtrag").release_at == NEVER
    assert peopled("release", f"ba05/{MEETING}/09 Nachtrag").code == 0


def test_states_take_their_course(peopled: Run, house: House) -> None:
    """A state that is passed over counts as reached; cancelling takes the agenda's release back."""
    assert peopled("meeting", "state", "ba05", "2026-12-07", "closed").code == 0
    (meeting,) = peopled("meeting", "list", "ba05", "--json").json
    assert meeting["released_at"] == meeting["closed_at"] == label(house, MEETING).release_at
    assert meeting["approved_at"] is None
    assert peopled("meeting", "state", "ba05", "2026-12-07", "cancelled").code == 0
    assert label(house, MEETING).release_at is None
    for state in ("agenda_released", "planned"):  # released a second time, it can be taken back a second time
        assert peopled("meeting", "state", "ba05", "2026-12-07", state).code == 0
        assert (label(house, MEETING).release_at is None) == (state == "planned")
    assert peopled("meeting", "state", "ba05", "2026-12-07", "nonsense").code == 2
    assert peopled("meeting", "state", "ba05", "2027-12-07", "closed").code == 1


def test_renumbering_renames_and_the_old_path_resolves(peopled: Run, house: House, tmp_path: Path) -> None:
    """Ids stay; items may trade numbers; the old name leads to the node for seven days."""
    imported(peopled, tmp_path, "number;title\n4.2.2;Gleich\n4.2.3;Gleich\n")
    first, second = node(house, MEETING, "04.2.2 Gleich"), node(house, MEETING, "04.2.3 Gleich")
    said = peopled("item", "renumber", "ba05", "2026-12-07", "4.2.1=4.2.9", "4.2.2=4.2.3", "4.2.3=4.2.2")
    assert said.code == 0, said.err
    assert node(house, MEETING, "04.2.3 Gleich").id == first.id
    assert node(house, MEETING, "04.2.2 Gleich").id == second.id
    moved = node(house, MEETING, "N 04.2.9 Kanarienanhörung")
    folder, aliases, now = node(house, MEETING).id, Aliases(house.keys.sealer), house.clock()
    with house.database.read() as connection:
        assert aliases.find(connection, "ba05", folder, POINT, now) == moved.id
        assert aliases.find(connection, "ba05", folder, POINT, now + KEPT) is None
        assert aliases.find(connection, "ba05", folder, "never there", now) is None
    assert peopled("item", "renumber", "ba05", "2026-12-07", "4.2.2=4.2.3").code == 1
    assert peopled("item", "renumber", "ba05", "2026-12-07", "4.2.2").code == 2


def test_a_whole_agenda_moves_up_by_one(peopled: Run, house: House, tmp_path: Path) -> None:
    """A chain of equal titles: each takes the name of the next."""
    imported(peopled, tmp_path, "number;title\n" + "".join(f"{n};Gleich\n" for n in range(1, 13)))
    before = {n: node(house, MEETING, f"{n:02} Gleich").id for n in range(1, 13)}
    assert peopled("item", "renumber", "ba05", "2026-12-07", *(f"{n}={n + 1}" for n in range(1, 13))).code == 0
    assert {n: node(house, MEETING, f"{n + 1:02} Gleich").id for n in range(1, 13)} == before
    assert not [name for name in names(house, MEETING) if "umbenannt" in name]


def test_a_level_that_gets_wide_renames_its_neighbours(peopled: Run, house: House) -> None:
    """With a tenth item on a level all of it has two digits, so that names go on sorting."""
    before = node(house, MEETING, POINT)
    assert peopled("item", "add", "ba05", "2026-12-07", "4.2.10", "Zehn", "--part", "non_public").code == 0
    assert names(house, MEETING) == ["N 04.2.01 Kanarienanhörung", "N 04.2.10 Zehn"]
    assert node(house, MEETING, "N 04.2.01 Kanarienanhörung").id == before.id


def test_folders_that_people_made_or_named_are_theirs(peopled: Run, house: House) -> None:
    """A folder of that name made by hand is taken; one renamed by hand keeps its name until it is renumbered."""
    made = paper(house, MEETING, "05 Eigener")
    assert peopled("item", "add", "ba05", "2026-12-07", "5", "Eigener").code == 0
    assert node(house, MEETING, "05 Eigener").id == made.id
    with house.database.transaction():
        source, target = SharePath((MEETING, "05 Eigener")), SharePath((MEETING, "Mein Name"))
        house.share("ba05").move(source, target, Writing("user:anna", house.clock()))
    assert peopled("item", "add", "ba05", "2026-12-07", "5", "Anderer Titel").code == 0
    assert node(house, MEETING, "Mein Name").id == made.id
    assert peopled("item", "renumber", "ba05", "2026-12-07", "5=6").code == 0
    assert node(house, MEETING, "06 Anderer Titel").id == made.id
    with house.database.transaction():
        source, target = SharePath((MEETING, "06 Anderer Titel")), SharePath(("Woanders",))
        house.share("ba05").move(source, target, Writing("user:anna", house.clock()))
    assert peopled("item", "renumber", "ba05", "2026-12-07", "6=7").code == 0
    assert node(house, "Woanders").id == made.id


def test_an_item_becomes_non_public_at_once_and_public_never_by_itself(peopled: Run, house: House) -> None:
    """Raising takes effect at once; lowering a class is for `label`, with its second person."""
    peopled("item", "add", "ba05", "2026-12-07", "6", "Titel")
    assert label(house, MEETING, "06 Titel").classification is Classification.PUBLIC
    peopled("item", "add", "ba05", "2026-12-07", "6", "Titel", "--part", "non_public")
    assert label(house, MEETING, "N 06 Titel").classification is Classification.NON_PUBLIC
    peopled("item", "add", "ba05", "2026-12-07", "6", "Titel")
    assert label(house, MEETING, "06 Titel").classification is Classification.NON_PUBLIC


def test_bindings(peopled: Run, house: House) -> None:
    """A paper that belongs to an item elsewhere; taking it out of a non-public item lowers its class."""
    there = paper(house, "Arbeitsordner", "Gutachten")
    path = "ba05/Arbeitsordner/Gutachten"
    assert peopled("binding", "add", path, "2026-12-07/4.2.1", "--json").json == {"changed": True}
    assert peopled("binding", "add", path, "2026-12-07/4.2.1", "--json").json == {"changed": False}
    with house.database.read() as connection:
        assert list(store.bindings(connection, "ba05")) == [there.id]
    proposed = peopled("binding", "remove", path, "2026-12-07/4.2.1", "--json").json
    assert (proposed["changed"], proposed["proposal"]) == (False, 1)
    assert peopled("approve", "1", "--as", "anna").code == 0
    with house.database.read() as connection:
        assert store.bindings(connection, "ba05") == {}
    assert peopled("binding", "remove", path, "2026-12-07/4.2.1").code == 1
    assert peopled("binding", "add", path, "2026-12-07/9").code == 1
    assert peopled("binding", "add", path, "nonsense").code == 2


def test_an_old_path_lives_as_long_as_a_lock_that_knew_it(house: House) -> None:
    """A lock made while the old path held keeps it beyond the seven days."""
    from sqlalchemy import insert

    from davserver.schema import lock

    aliases, now = Aliases(house.keys.sealer), house.clock()
    values = {"share": "ba05", "node": 9, "principal": "user:anna", "owner": b"", "exclusive": True, "deep": False}
    with house.database.transaction() as connection:
        aliases.remember(connection, "ba05", 1, "alt", 7, now + 10)
        held = {"token": "urn:uuid:1", "seconds": 180, "expires": now + 100, "created": now}
        connection.execute(insert(lock).values({**values, **held}))
        assert aliases.find(connection, "ba05", 1, "alt", now + 50) == 7
        assert aliases.find(connection, "ba05", 1, "alt", now + 100) is None
