"""The trash: decided as if everything still lay where it was deleted (rights.md §2 "bind", §3 "recusal must hit")."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from acl import store
from acl.labels import Classification
from acl.meetings import AgendaItem, Meeting
from acl.principals import Channel
from acl.privileges import Rights
from acl.recusals import Effect, Recusal
from davserver.tree.seen import AccessDenied
from shareproviders.contract import NotFound, ParentMissing, WrongKind
from tests.rights.keeping import ON, WORK, Doors, at
from tests.rights.playing import DAY, HOUR, PEOPLE, Stage

CANARY = "zqkanarie"


@pytest.fixture
def doors(tmp_path: Path) -> Iterator[Doors]:
    stage = Stage(tmp_path)
    yield Doors(stage)
    stage.close()


def test_a_member_sees_what_he_deleted_and_clerks_all_of_theirs(doors: Doors) -> None:
    for name in ("otto", "paul"):
        doors.put(name, f"{WORK}/{name}.odt", name.encode())
        doors.delete(name, f"{WORK}/{name}.odt")
    doors.make("clara", "/ba05/Ablage")
    doors.put("clara", "/ba05/Ablage/clara.odt")
    doors.delete("clara", "/ba05/Ablage/clara.odt")
    assert doors.trash("otto") == ["paul.odt", "otto.odt"], "he may remove things from the work folder"
    assert doors.trash("clara") == ["clara.odt", "paul.odt", "otto.odt"]
    assert doors.trash("clara", WORK) == ["paul.odt", "otto.odt"]
    for stranger in ("anna", "presse", "sam", "gina", "root", "edda"):
        assert doors.trash(stranger) == [], stranger
    with pytest.raises(NotFound):
        doors.trash("sam", "/ba05")


def test_what_he_deleted_stays_his_though_he_may_remove_nothing_there_any_more(doors: Doors) -> None:
    folder = doors.make("clara", "/ba05/Ablage")
    doors.label("ba05", folder, release_at=1)
    doors.entry("ba05", folder, "user:otto", Rights.READ | Rights.WRITE)
    doors.put("otto", "/ba05/Ablage/his.odt")
    doors.put("otto", "/ba05/Ablage/other.odt")
    doors.delete("otto", "/ba05/Ablage/his.odt")
    doors.delete("clara", "/ba05/Ablage/other.odt")
    assert doors.trash("otto") == ["other.odt", "his.odt"]
    with doors.house.database.transaction() as connection:
        (own,) = store.list_entries(connection, "ba05", folder)
        store.remove_entry(connection, "ba05", own.id)
    for node in doors("clara").trashed(at("/ba05/Ablage")):
        doors.label("ba05", node.node.id, release_at=1)
    (his,) = doors("otto").trashed()
    assert his.node.name == "his.odt"
    for attempt in (
        lambda: doors("otto").purge("ba05", his.node.id),
        lambda: doors("otto").restore("ba05", his.node.id),
    ):
        with pytest.raises(AccessDenied):
            attempt()


def test_the_entry_tells_what_when_by_whom_and_where(doors: Doors) -> None:
    folder = doors.make("otto", f"{WORK}/Entwurf")
    doors.put("otto", f"{WORK}/Entwurf/a.odt", b"12345")
    doors.make("otto", f"{WORK}/Entwurf/leer")
    doors.delete("otto", f"{WORK}/Entwurf")
    (thrown,) = doors("clara").trashed()
    assert (thrown.share, thrown.node.id, thrown.root, thrown.node.name) == ("ba05", folder, folder, "Entwurf")
    assert (thrown.node.is_collection, thrown.node.size) == (True, 5)
    assert (thrown.by, thrown.at, thrown.place) == ("user:otto", doors.stage.now, at(f"{WORK}/Entwurf"))
    document, empty = doors("clara").trashed_children(thrown)
    assert (document.node.name, document.place, document.root) == ("a.odt", at(f"{WORK}/Entwurf/a.odt"), folder)
    assert empty.node.is_collection
    assert doors("clara").trashed_children(empty) == []
    tree = doors("clara")
    assert b"".join(tree.read_trashed(document)) == b"12345"
    assert b"".join(tree.read_trashed(document, 1, 2)) == b"23"
    assert tree.stat_trashed("ba05", document.node.id) == document
    with pytest.raises(WrongKind):
        tree.read_trashed(thrown)
    with pytest.raises(WrongKind):
        tree.trashed_children(document)
    with pytest.raises(NotFound):
        tree.stat(at(f"{WORK}/Entwurf"))
    with pytest.raises(NotFound):
        tree.stat_trashed("ba05", tree.stat(at(WORK)).node.id)


def test_a_mandate_that_ended_closes_the_trash(doors: Doors) -> None:
    doors.put("otto", f"{WORK}/a.odt")
    doors.delete("otto", f"{WORK}/a.odt")
    (thrown,) = doors("otto").trashed()
    doors.stage.step_end("otto", "ba05", "member")
    assert doors.trash("otto") == []
    with pytest.raises(NotFound):
        doors("otto").stat_trashed("ba05", thrown.node.id)
    assert doors.trash("clara") == ["a.odt"]


def test_in_a_faction_the_chair_manages_the_trash_and_no_clerk_or_administrator_looks_in(doors: Doors) -> None:
    """rights.md §2: "In a faction its chair manages mandates, locks and trash"."""
    doors.put("fritz", "/fr/Arbeitsordner/Strategie.odt")
    doors.delete("fritz", "/fr/Arbeitsordner/Strategie.odt")
    doors.stage.step_mandate("clara", "fr", "clerk", doors.stage.now - DAY, None)
    assert doors.trash("vroni") == doors.trash("fritz") == ["Strategie.odt"]
    assert doors.trash("clara") == doors.trash("root") == []
    doors("vroni").purge("fr", doors("vroni").trashed()[0].node.id)
    assert doors.trash("fritz") == []


@pytest.fixture
def recused(doors: Doors) -> Doors:
    """In the work folder, a folder that belongs to an item from which uli is recused; he put the paper in himself."""
    folder = doors.make("clara", f"{WORK}/{CANARY}-TOP")
    doors.put("uli", f"{WORK}/{CANARY}-TOP/{CANARY}.odt", CANARY.encode() * 99)
    house, now = doors.house, doors.stage.now
    with house.database.transaction() as connection:
        sealer = house.keys.sealer("ba05")
        store.declare_meeting(connection, sealer, Meeting("ba05", "m", "M", now + 100 * DAY, now + 101 * DAY))
        item = AgendaItem("ba05", "m", "5", "T", public=True)
        store.declare_agenda_item(connection, sealer, house.matter_mark, item)
        (number,) = (each.id for each in store.agenda(connection, sealer, "ba05", "m"))
        store.bind_agenda_item_folder(connection, "ba05", number, folder)
        recusal = Recusal("ba05", "uli", number, None, now - DAY, None, Effect.BOTH, "user:vera", now)
        store.add_recusal(connection, recusal)
    return doors


@pytest.mark.parametrize("what", ["paper", "folder", "paper and then its folder"])
def test_a_recusal_hits_the_trash(recused: Doors, what: str) -> None:
    """0 canary bytes in listing, name, size, for whoever is recused; others see all."""
    if "paper" in what:
        recused.delete("clara", f"{WORK}/{CANARY}-TOP/{CANARY}.odt")
    if "folder" in what:
        recused.delete("clara", f"{WORK}/{CANARY}-TOP")
    everything = recused("clara").trashed()
    assert len(everything) == (2 if "then" in what else 1)
    assert recused("uli").trashed() == []
    for thrown in everything:
        for ask in (
            lambda tree, node: tree.stat_trashed("ba05", node),
            lambda tree, node: tree.restore("ba05", node, at(f"{WORK}/x")),
            lambda tree, node: tree.purge("ba05", node),
        ):
            with pytest.raises(NotFound) as refused:
                ask(recused("uli"), thrown.node.id)
            with pytest.raises(NotFound) as absent:
                ask(recused("uli"), thrown.node.id + 10**9)
            assert CANARY not in str(refused.value)
            assert type(refused.value) is type(absent.value)
    assert recused("otto").trashed() != []


def test_the_recused_gets_a_restored_paper_back_neither(recused: Doors) -> None:
    """Restored elsewhere it takes its items along, as by MOVE."""
    recused.delete("clara", f"{WORK}/{CANARY}-TOP/{CANARY}.odt")
    (thrown,) = recused("clara").trashed()
    recused("clara").restore("ba05", thrown.node.id, at(f"{WORK}/anderswo.odt"))
    assert recused.names("otto", WORK) == ["anderswo.odt", f"{CANARY}-TOP"]
    assert recused.names("uli", WORK) == []


def test_what_holds_something_hidden_tells_neither_its_name_nor_its_size(recused: Doors) -> None:
    """A folder that uli may see, with a paper inside that he may not."""
    for name in ("Mappe", "Anderswo"):
        recused.make("otto", f"{WORK}/{name}")
    recused.put("otto", f"{WORK}/Mappe/offen.odt", b"123")
    recused("clara").move(at(f"{WORK}/{CANARY}-TOP"), at(f"{WORK}/Mappe/{CANARY}"), ON, overwrite=False)
    recused.delete("otto", f"{WORK}/Mappe")
    (thrown,) = recused("uli").trashed()
    assert thrown.node.size == 3
    assert [each.node.name for each in recused("uli").trashed_children(thrown)] == ["offen.odt"]
    with pytest.raises(AccessDenied):
        recused("uli").purge("ba05", thrown.node.id)
    with pytest.raises(AccessDenied):
        recused("uli").restore("ba05", thrown.node.id, at(f"{WORK}/Anderswo/Mappe"))
    assert recused("uli").empty_trash() == (0, 1)
    (whole,) = recused("otto").trashed()
    assert whole.node.size == 3 + 99 * len(CANARY)


def test_a_class_that_was_raised_while_it_lay_here_holds_at_once(doors: Doors) -> None:
    node = doors.put("otto", f"{WORK}/a.odt")
    doors.delete("otto", f"{WORK}/a.odt")
    doors.label("ba05", node, classification=Classification.OFFICE)
    assert doors.trash("otto") == []
    assert doors.trash("clara") == ["a.odt"]


def test_the_class_of_the_folder_holds_for_what_was_deleted_out_of_it(doors: Doors) -> None:
    """Also after the folder itself was deleted, and above that its own folder: the way up stays."""
    doors.make("clara", "/ba05/Akte")
    secret = doors.make("clara", "/ba05/Akte/Amt")
    doors.label("ba05", secret, classification=Classification.OFFICE)
    doors.put("clara", "/ba05/Akte/Amt/geheim.odt")
    for raw in ("/ba05/Akte/Amt/geheim.odt", "/ba05/Akte/Amt", "/ba05/Akte"):
        doors.delete("clara", raw)
        doors.stage.now += HOUR
    everybody = {name: doors.trash(name) for name in PEOPLE}
    assert everybody.pop("clara") == ["Akte", "Amt", "geheim.odt"]
    assert set(map(len, everybody.values())) == {0}
    node = doors("clara").trashed()[-1].node
    with pytest.raises(ParentMissing):
        doors("clara").restore("ba05", node.id)
    doors("clara").restore("ba05", node.id, at(f"{WORK}/geheim.odt"))
    assert doors.names("otto", WORK) == []
    assert doors.names("clara", WORK) == ["geheim.odt"]


def test_a_way_that_he_may_not_know_is_not_told(doors: Doors) -> None:
    """An entry opens one folder beneath a hidden one; where it lay is told only along folders that he may see."""
    above = doors.make("clara", f"/ba05/{CANARY}")
    folder = doors.make("clara", f"/ba05/{CANARY}/offen")
    doors.label("ba05", above, classification=Classification.NON_PUBLIC)
    doors.entry("ba05", folder, "user:otto", Rights.READ | Rights.WRITE)
    doors.put("otto", f"/ba05/{CANARY}/offen/a.odt")
    doors.delete("otto", f"/ba05/{CANARY}/offen/a.odt")
    (thrown,) = doors("otto").trashed()
    assert thrown.place == at(f"/ba05/{CANARY}/offen/a.odt"), "he walks through it while something is open to him"
    doors.delete("clara", f"/ba05/{CANARY}/offen")
    names = [(each.node.name, each.place) for each in doors("otto").trashed()]
    assert names == [("a.odt", None)]
    assert CANARY not in repr(doors("otto").stat_trashed("ba05", thrown.node.id))


def test_what_programs_made_for_themselves_lies_here_for_nobody(doors: Doors) -> None:
    for name in (".~lock.a.odt#", "~$a.docx", ".DS_Store", "~WRL0001.tmp"):
        doors.put("otto", f"{WORK}/{name}")
        doors.delete("otto", f"{WORK}/{name}")
    assert doors.trash("otto") == doors.trash("clara") == []


def test_what_may_only_be_viewed_is_not_read_from_the_trash(doors: Doors) -> None:
    folder = doors.make("clara", "/ba05/nichtöffentlich")
    doors.label("ba05", folder, classification=Classification.NON_PUBLIC, release_at=1)
    doors.put("clara", "/ba05/nichtöffentlich/a.odt")
    doors.entry("ba05", folder, "user:paul", Rights.UNBIND)
    doors.delete("clara", "/ba05/nichtöffentlich/a.odt")
    (thrown,) = doors("clara").trashed()
    doors.label("ba05", thrown.node.id, release_at=1)
    assert doors.trash("paul") == []
    (shown,) = doors("paul", Channel.PORTAL).trashed()
    with pytest.raises(AccessDenied):
        doors("paul", Channel.PORTAL).read_trashed(shown)
