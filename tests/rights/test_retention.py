"""What is let go of the past, by `davserver gc` and by the server once a day (storage.md §7)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import select

from acl import store
from acl.holds import Hold
from acl.meetings import AgendaItem, Meeting, MeetingState
from davserver.tree.seen import AccessDenied
from davserver.upkeep import Tidied, claim, is_due, tidy
from shareproviders.contract import KeepsVersions, Upkeep
from shareproviders.paths import SharePath
from shareproviders.vault.schema import blob
from tests.rights.keeping import ON, WORK, Doors, at
from tests.rights.playing import DAY, HOUR, Stage
from tests.sealed import LONG, is_anywhere, sealed

PAPER = f"{WORK}/a.odt"
KEPT = 20


@pytest.fixture
def doors(tmp_path: Path) -> Iterator[Doors]:
    stage = Stage(tmp_path)
    yield Doors(stage)
    for share, provider in stage.house.shares.items():
        assert isinstance(provider, Upkeep)
        assert list(provider.check()) == [], share
    assert stage.house.audit.verify()[1] is None
    stage.close()


def run(doors: Doors) -> Tidied:
    return tidy(doors.house, "tests")


def hold(doors: Doors, node: int) -> None:
    now = doors.stage.now
    with doors.house.database.transaction() as connection:
        store.add_hold(connection, Hold("ba05", node, now, None, "user:clara", now))


def write(doors: Doors, count: int, raw: str = PAPER, *, by: str = "clara") -> None:
    """So many versions, a day between two of them; each says which one it is."""
    for number in range(1, count + 1):
        doors.stage.now += DAY
        doors.put(by, raw, f"version {number}".encode())


def kept(doors: Doors, raw: str = PAPER) -> list[int]:
    tree = doors("clara")
    seen = tree.stat(at(raw))
    return [int(b"".join(tree.read_version(seen, each.id)).split()[1]) for each in tree.versions(seen)]


# -- trash --------------------------------------------------------------------------------------------------------


def test_trash_goes_after_its_days_and_not_before(doors: Doors) -> None:
    doors.put("otto", PAPER)
    doors.delete("otto", PAPER)
    doors.stage.now += 90 * DAY - 1
    assert run(doors).trash["ba05"] == 0
    assert doors.trash("otto") == ["a.odt"]
    doors.stage.now += 1
    assert run(doors).trash == {"ba05": 1, "ba06": 0, "fr": 0}
    assert doors.trash("otto") == []
    lines = [(line["who"], line["what"], line["detail"]) for line in doors.house.audit.show(limit=1)]
    assert lines == [("tests", "purge", "kept long enough")]


@pytest.mark.parametrize("times", [1, LONG], ids=["in a row", "in a file"])
def test_keys_are_shredded_and_bytes_go(doors: Doors, tmp_path: Path, times: int) -> None:
    """Crypto-shredding (storage.md §2): the only wrapped key is in no file any more, then neither is the blob."""
    doors.put("otto", PAPER, b"secret" * times)
    (place,) = sealed(tmp_path / "data").values()
    content = place.read()
    with doors.house.database.read() as connection:
        wrapped = list(connection.execute(select(blob.c.wrapped)).scalars())
    assert len(wrapped) == 1
    doors.delete("otto", PAPER)
    doors.house.database.checkpoint()
    stored = [path for path in (tmp_path / "data").glob("gremium.db*") if path.is_file()]
    held = b"".join(path.read_bytes() for path in stored)
    assert wrapped[0] in held
    assert is_anywhere(content, held) == (place.file is None)
    doors.stage.now += 91 * DAY
    done = run(doors)
    doors.house.database.checkpoint()
    left = b"".join(path.read_bytes() for path in stored if path.exists())
    assert wrapped[0] not in left
    assert not is_anywhere(content, left)
    assert done.orphans["ba05"] == int(place.file is not None)
    assert place.file is None or not place.file.exists()


def test_a_hold_keeps_what_was_deleted(doors: Doors) -> None:
    """By where it lay: at it, at what lies beneath it, or at a folder above, also one that was deleted after it."""
    doors.make("clara", "/ba05/Akte")
    held = doors.put("clara", "/ba05/Akte/held.odt")
    doors.put("clara", "/ba05/Akte/free.odt")
    for name in ("held.odt", "free.odt"):
        doors.delete("clara", f"/ba05/Akte/{name}")
    doors.delete("clara", "/ba05/Akte")
    hold(doors, held)
    doors.stage.now += 91 * DAY
    assert run(doors).trash["ba05"] == 1
    assert sorted(doors.trash("clara")) == ["Akte", "held.odt"]
    for thrown in doors("clara").trashed():
        with pytest.raises(AccessDenied):
            doors("clara").purge("ba05", thrown.node.id)
        with pytest.raises(AccessDenied):
            doors("clara").restore("ba05", thrown.node.id, at(f"{WORK}/{thrown.node.name}"))
    assert doors("clara").empty_trash() == (0, 2)
    (akte,) = (each for each in doors("clara").trashed() if each.node.name == "Akte")
    doors("clara").restore("ba05", akte.node.id)
    doors("clara").restore("ba05", held)
    assert doors.names("clara", "/ba05/Akte") == ["held.odt"]


def test_a_hold_at_a_folder_keeps_what_was_deleted_out_of_it(doors: Doors) -> None:
    folder = doors.make("otto", f"{WORK}/F")
    doors.put("otto", f"{WORK}/F/a.odt")
    doors.delete("otto", f"{WORK}/F/a.odt")
    hold(doors, folder)
    doors.stage.now += 91 * DAY
    assert run(doors).trash["ba05"] == 0
    (thrown,) = doors("otto").trashed()
    with pytest.raises(AccessDenied):
        doors("otto").purge("ba05", thrown.node.id)


def test_what_programs_left_goes_after_a_day(doors: Doors) -> None:
    doors.put("otto", f"{WORK}/.~lock.a.odt#")
    doors.delete("otto", f"{WORK}/.~lock.a.odt#")
    assert run(doors).trash["ba05"] == 0
    doors.stage.now += DAY
    assert run(doors).trash["ba05"] == 1


def test_a_restored_one_starts_anew(doors: Doors) -> None:
    node = doors.put("otto", PAPER)
    doors.delete("otto", PAPER)
    doors.stage.now += 89 * DAY
    doors("otto").restore("ba05", node)
    doors.delete("otto", PAPER)
    doors.stage.now += 89 * DAY
    assert run(doors).trash["ba05"] == 0


def test_a_folder_takes_along_what_was_deleted_out_of_it(doors: Doors) -> None:
    doors.make("otto", f"{WORK}/F")
    for name in ("a", "b"):
        doors.put("otto", f"{WORK}/F/{name}")
        doors.delete("otto", f"{WORK}/F/{name}")
    doors.delete("otto", f"{WORK}/F")
    doors.stage.now += 91 * DAY
    run(doors)
    assert doors.trash("clara") == []


# -- versions -----------------------------------------------------------------------------------------------------


def test_the_newest_stay_whatever_their_age_and_young_ones_whatever_their_number(doors: Doors) -> None:
    write(doors, KEPT + 5)
    assert run(doors).versions["ba05"] == 0, "none was replaced a year ago"
    doors.stage.now += 1000 * DAY
    assert run(doors).versions["ba05"] == 5
    assert kept(doors) == list(range(KEPT + 5, 5, -1))
    assert run(doors).versions["ba05"] == 0
    (line,) = doors.house.audit.show(acts=["versions-drop"])
    assert (line["node"], line["detail"]) == (doors.stat("clara", PAPER).node.id, "5 versions, kept long enough")


def test_age_counts_from_when_a_version_was_replaced(doors: Doors) -> None:
    """One that stood for years and was replaced yesterday can be had back for a year."""
    doors.put("clara", PAPER, b"version 0")
    doors.stage.now += 1000 * DAY
    write(doors, KEPT + 1)
    assert run(doors).versions["ba05"] == 0
    doors.stage.now += 365 * DAY
    assert run(doors).versions["ba05"] == 2


def test_versions_in_force_at_release_and_at_the_end_of_each_meeting_stay_for_good(doors: Doors) -> None:
    """storage.md §7; also of a meeting of another committee to whose item the paper is bound."""
    house, now = doors.house, doors.stage.now
    folder = doors.make("clara", "/ba05/Sitzung")
    raw = "/ba05/Sitzung/a.odt"
    node = doors.put("clara", raw, b"version 0")
    ends = {"ba05": now + 3 * DAY, "ba06": now + 6 * DAY}
    with house.database.transaction() as connection:
        for share, end in ends.items():
            sealer = house.keys.sealer(share)
            home = folder if share == "ba05" else None
            meeting = Meeting(share, "m", "M", now, end, MeetingState.CLOSED, home, now, end + HOUR)
            store.declare_meeting(connection, sealer, meeting)
        item = AgendaItem("ba06", "m", "1", "T", public=True)
        store.declare_agenda_item(connection, house.keys.sealer("ba06"), house.matter_mark, item)
        (number,) = (each.id for each in store.agenda(connection, house.keys.sealer("ba06"), "ba06", "m"))
        store.add_binding(connection, "ba05", node, number)
    doors.label("ba05", folder, release_at=now + DAY + HOUR)
    write(doors, KEPT + 10, raw)
    doors.stage.now += 1000 * DAY
    assert run(doors).versions["ba05"] == 11 - 3
    assert kept(doors, raw) == [*range(KEPT + 10, 10, -1), 6, 3, 1]


def test_a_paper_under_hold_loses_nothing(doors: Doors) -> None:
    write(doors, KEPT + 5)
    hold(doors, doors.stat("clara", WORK).node.id)
    doors.stage.now += 1000 * DAY
    assert run(doors).versions["ba05"] == 0
    assert len(kept(doors)) == KEPT + 5
    tree = doors("clara")
    oldest = tree.versions(tree.stat(at(PAPER)))[-1]
    with pytest.raises(AccessDenied):
        tree.restore_version(at(PAPER), oldest.id, ON)


def test_what_lies_in_the_trash_keeps_its_versions(doors: Doors) -> None:
    write(doors, KEPT + 5)
    doors.delete("clara", PAPER)
    doors.stage.now += 80 * DAY
    run(doors)
    (thrown,) = doors("clara").trashed()
    doors("clara").restore("ba05", thrown.node.id)
    assert len(kept(doors)) == KEPT + 5


def test_the_current_version_is_never_dropped(doors: Doors) -> None:
    write(doors, 2)
    provider = doors.house.share("ba05")
    assert isinstance(provider, KeepsVersions)
    node = provider.stat(SharePath(("Arbeitsordner", "a.odt")))
    with pytest.raises(ValueError, match="never dropped"):
        provider.drop_versions(node, [provider.versions(node)[0].id])


# -- once a day ---------------------------------------------------------------------------------------------------


def test_one_worker_has_each_day(doors: Doors) -> None:
    assert is_due(doors.house)
    assert [claim(doors.house), claim(doors.house)] == [True, False]
    doors.stage.now += DAY - 1
    assert not is_due(doors.house)
    doors.stage.now += 1
    assert is_due(doors.house)
    assert claim(doors.house)


def test_a_run_that_was_stopped_goes_on_where_it_was(doors: Doors) -> None:
    """Twenty deleted nodes to a transaction; between two of them it may be stopped, or killed."""
    for number in range(45):
        doors.put("otto", f"{WORK}/{number}")
        doors.delete("otto", f"{WORK}/{number}")
    doors.stage.now += 91 * DAY
    asked = iter([False, False, True])
    assert tidy(doors.house, "tests", lambda: next(asked, True)).trash["ba05"] == 40
    assert len(doors.trash("otto")) == 5
    assert run(doors).trash["ba05"] == 5
