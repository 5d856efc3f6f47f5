"""The two ends of what lies in the trash: it comes back, or it is destroyed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from acl import store
from acl.labels import NEVER, Classification, Label
from acl.meetings import Meeting, MeetingState
from acl.privileges import Rights
from davserver.tree.seen import AccessDenied, DoesNotFit, Locked, Terms
from shareproviders.contract import NotFound
from tests.rights.keeping import ON, WORK, Doors, at
from tests.rights.playing import DAY, HOUR, Stage


@pytest.fixture
def doors(tmp_path: Path) -> Iterator[Doors]:
    stage = Stage(tmp_path)
    yield Doors(stage)
    stage.close()


# -- restoring ----------------------------------------------------------------------------------------------------


def test_restoring_keeps_id_label_entries_links_and_versions(doors: Doors) -> None:
    node = doors.put("otto", f"{WORK}/a.odt", b"one")
    doors.put("otto", f"{WORK}/a.odt", b"two")
    doors.label("ba05", node, classification=Classification.PERSONAL)
    doors.entry("ba05", node, "user:gina", Rights.VIEW)
    doors.delete("clara", f"{WORK}/a.odt")
    back = doors("clara").restore("ba05", node)
    assert (back.node.id, back.path) == (node, at(f"{WORK}/a.odt"))
    tree = doors("clara")
    assert [b"".join(tree.read_version(back, each.id)) for each in tree.versions(back)] == [b"two", b"one"]
    with doors.house.database.read() as connection:
        assert store.labels(connection, "ba05")[node] == Label(Classification.PERSONAL)
        assert [each.principal for each in store.list_entries(connection, "ba05", node)] == ["user:gina"]
    assert doors.trash("clara") == []


def test_a_taken_name_makes_way_to_the_next_one(doors: Doors) -> None:
    for body in (b"first", b"second", b"third"):
        doors.put("otto", f"{WORK}/a.odt", body)
        doors.delete("otto", f"{WORK}/a.odt")
        doors.stage.now += HOUR
    for thrown in doors("otto").trashed():
        doors("otto").restore("ba05", thrown.node.id)
    assert doors.names("otto", WORK) == ["a (2).odt", "a (3).odt", "a.odt"]
    assert doors.read("otto", f"{WORK}/a.odt") == b"third"


def test_restoring_needs_bind_there_and_elsewhere_what_a_move_needs(doors: Doors) -> None:
    doors.make("clara", "/ba05/Ablage")
    folder = doors.make("clara", "/ba05/Ablage/Mappe")
    doors.label("ba05", folder, release_at=1)
    doors.put("clara", "/ba05/Ablage/Mappe/a.odt")
    doors.label("ba05", doors.stat("clara", "/ba05/Ablage/Mappe/a.odt").node.id, release_at=1)
    doors.entry("ba05", folder, "user:otto", Rights.UNBIND)
    doors.delete("otto", "/ba05/Ablage/Mappe/a.odt")
    (thrown,) = doors("otto").trashed()
    with pytest.raises(AccessDenied) as refused:
        doors("otto").restore("ba05", thrown.node.id)
    assert refused.value.needed == Rights.BIND
    assert doors("otto").restore("ba05", thrown.node.id, at(f"{WORK}/a.odt")).node.id == thrown.node.id


def test_a_drive_keeps_its_own(doors: Doors) -> None:
    doors.put("paul", f"{WORK}/a.odt")
    doors.delete("paul", f"{WORK}/a.odt")
    (thrown,) = doors("paul").trashed()
    with pytest.raises(DoesNotFit):
        doors("paul").restore("ba05", thrown.node.id, at("/ba06/Arbeitsordner/a.odt"))
    with pytest.raises(NotFound):
        doors("paul").restore("ba06", thrown.node.id)


def test_what_lies_in_a_deleted_folder_comes_back_with_it_only(doors: Doors) -> None:
    folder = doors.make("otto", f"{WORK}/F")
    inner = doors.put("otto", f"{WORK}/F/a.odt", b"x")
    doors.delete("otto", f"{WORK}/F")
    for verb in (doors("otto").restore, doors("otto").purge):
        with pytest.raises(DoesNotFit):
            verb("ba05", inner)
    doors("otto").restore("ba05", folder)
    assert doors.read("otto", f"{WORK}/F/a.odt") == b"x"


def test_what_was_released_while_it_lay_here_waits_for_a_release_of_its_own(doors: Doors) -> None:
    """rights.md §1: what comes after the release of the agenda waits; a paper that was out already comes back out."""
    folder = doors.make("clara", "/ba05/Sitzung")
    for name in ("draft.odt", "out.odt"):
        doors.put("clara", f"/ba05/Sitzung/{name}")
    doors.delete("clara", "/ba05/Sitzung/draft.odt")
    doors.stage.now += HOUR
    doors.label("ba05", folder, release_at=doors.stage.now)
    doors.stage.now += HOUR
    assert doors.names("otto", "/ba05/Sitzung") == ["out.odt"]
    doors.delete("clara", "/ba05/Sitzung/out.odt")
    for thrown in doors("clara").trashed():
        doors("clara").restore("ba05", thrown.node.id)
    assert doors.names("otto", "/ba05/Sitzung") == ["out.odt"]
    assert doors.names("clara", "/ba05/Sitzung") == ["draft.odt", "out.odt"]


def test_elsewhere_it_is_never_released_by_the_way(doors: Doors) -> None:
    """Out of the work folder into papers that are out: a draft, as by MOVE."""
    folder = doors.make("clara", "/ba05/Sitzung")
    doors.label("ba05", folder, release_at=doors.stage.now - DAY)
    doors.put("clara", f"{WORK}/a.odt")
    doors.delete("clara", f"{WORK}/a.odt")
    (thrown,) = doors("clara").trashed()
    doors("clara").restore("ba05", thrown.node.id, at("/ba05/Sitzung/a.odt"))
    with doors.house.database.read() as connection:
        assert store.labels(connection, "ba05")[thrown.node.id].release_at == NEVER
    assert doors.names("otto", "/ba05/Sitzung") == []


def test_a_locked_folder_takes_nothing_back(doors: Doors) -> None:
    doors.make("otto", f"{WORK}/F")
    doors.put("otto", f"{WORK}/F/a.odt")
    doors.delete("otto", f"{WORK}/F/a.odt")
    (thrown,) = doors("otto").trashed()
    lock, _, _ = doors("paul").lock(at(f"{WORK}/F"), ON, exclusive=True, deep=False, owner="", seconds=600)
    for name, terms in (("otto", ON), ("otto", Terms(frozenset({lock.token}))), ("paul", ON)):
        with pytest.raises(Locked):
            doors(name).restore("ba05", thrown.node.id, terms=terms)
    doors("paul").restore("ba05", thrown.node.id, terms=Terms(frozenset({lock.token})))


# -- purging ------------------------------------------------------------------------------------------------------


def test_purging_ends_all_that_was_said_of_it(doors: Doors) -> None:
    node = doors.put("otto", f"{WORK}/a.odt")
    doors.entry("ba05", node, "user:gina", Rights.VIEW)
    doors.label("ba05", node, classification=Classification.RESTRICTED)
    doors.delete("otto", f"{WORK}/a.odt")
    doors("otto").purge("ba05", node)
    assert doors.trash("clara") == []
    with pytest.raises(NotFound):
        doors("otto").restore("ba05", node)
    with doors.house.database.read() as connection:
        assert node not in store.labels(connection, "ba05")
        assert store.list_entries(connection, "ba05", node) == []


def test_purging_a_folder_takes_along_what_was_deleted_out_of_it_before(doors: Doors) -> None:
    """Else nobody could tell any more what class that has."""
    folder = doors.make("otto", f"{WORK}/F")
    doors.put("otto", f"{WORK}/F/a.odt")
    doors.delete("otto", f"{WORK}/F/a.odt")
    doors.delete("otto", f"{WORK}/F")
    doors("otto").purge("ba05", folder)
    assert doors.trash("clara") == []


def test_emptying_counts_what_went_and_what_stays(doors: Doors) -> None:
    for name in ("a", "b", "c"):
        doors.put("otto", f"{WORK}/{name}")
        doors.delete("otto", f"{WORK}/{name}")
    doors.put("fritz", "/fr/Arbeitsordner/f")
    doors.delete("fritz", "/fr/Arbeitsordner/f")
    assert doors("fritz").empty_trash(at("/fr")) == (1, 0)
    assert doors("otto").empty_trash() == (3, 0)
    assert doors.trash("clara") == doors.trash("vroni") == []


def test_everything_is_in_the_log(doors: Doors) -> None:
    first, second = doors.put("otto", f"{WORK}/a"), doors.put("otto", f"{WORK}/b")
    for raw in (f"{WORK}/a", f"{WORK}/b"):
        doors.delete("otto", raw)
    doors("otto").restore("ba05", first)
    doors("otto").purge("ba05", second)
    lines = [(line["who"], line["what"], line["share"], line["node"]) for line in doors.house.audit.show(limit=2)]
    assert lines == [("user:otto", "purge", "ba05", second), ("user:otto", "restore", "ba05", first)]


def test_the_tags_and_sizes_of_readers_follow(doors: Doors) -> None:
    """rights.md §4: a collection's tag changes for whoever may see what came back, and the bytes are counted again."""
    root = at("/ba05")
    inner = doors.make("clara", f"{WORK}/F")
    doors.label("ba05", inner, classification=Classification.RESTRICTED)
    doors.put("otto", f"{WORK}/F/a.odt", b"1" * 1000)

    def used() -> int:
        usage = doors("otto").usage(doors("otto").stat(root))
        assert usage is not None
        return usage.used

    assert used() == 1000
    doors.delete("otto", f"{WORK}/F/a.odt")
    gone = doors("otto").stat(at(f"{WORK}/F")).tag
    (thrown,) = doors("otto").trashed()
    doors("otto").restore("ba05", thrown.node.id)
    assert doors("otto").stat(at(f"{WORK}/F")).tag != gone
    assert used() == 1000
    doors.delete("otto", f"{WORK}/F")
    doors("otto").restore("ba05", inner)
    assert used() == 1000


def test_an_office_program_that_deletes_and_saves_leaves_the_count_right(doors: Doors) -> None:
    """protocol.md §2: the document that is brought back counts once."""
    inner = doors.make("clara", f"{WORK}/F")
    doors.label("ba05", inner, classification=Classification.RESTRICTED)
    node = doors.put("otto", f"{WORK}/F/a.docx", b"1" * 1000)
    doors.put("otto", f"{WORK}/F/~WRD0001.tmp", b"2" * 500)
    doors.delete("otto", f"{WORK}/F/a.docx")
    tree = doors("otto")
    saved, _ = tree.move(at(f"{WORK}/F/~WRD0001.tmp"), at(f"{WORK}/F/a.docx"), ON, overwrite=True)
    assert saved.node.id == node
    usage = doors("otto").usage(doors("otto").stat(at("/ba05")))
    assert usage is not None
    assert usage.used == 500


def test_meetings_go_on_without_a_purged_folder(doors: Doors) -> None:
    house, now = doors.house, doors.stage.now
    folder = doors.make("clara", "/ba05/Sitzung")
    with house.database.transaction() as connection:
        sealer = house.keys.sealer("ba05")
        meeting = Meeting("ba05", "m", "M", now, now + HOUR, MeetingState.PLANNED, folder)
        store.declare_meeting(connection, sealer, meeting)
    doors.delete("clara", "/ba05/Sitzung")
    doors("clara").purge("ba05", folder)
    with house.database.read() as connection:
        assert [each.node for each in store.meetings(connection, house.keys.sealer("ba05"), "ba05")] == [None]
