"""SIGKILL in the middle of restoring, purging and upkeep: what was deleted is there or it is not, and `check` agrees.

As `test_kill.py`, for what has no verb of WebDAV: a process of its own does one thing to one data directory and dies at
the k-th call of a kind, for positions spread over all that it makes.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from acl.principals import Channel, Principal, PrincipalKind
from davserver.app import forest_of
from davserver.house import House, now
from davserver.tree.locking import GuardedTree
from davserver.tree.seen import Terms
from davserver.upkeep import DAY, tidy
from shareproviders.contract import NotFound, Upkeep
from shareproviders.paths import SharePath
from tests.faults.deaths import Deaths, opened
from tests.running import copied

WORK = SharePath.parse("ba05/Arbeitsordner")
CALLS = ("write", "pwrite64", "fsync", "fdatasync", "unlink", "ftruncate")
FOLDERS = 3
DEPTH = ("a", "b")


def door(house: House) -> GuardedTree:
    return GuardedTree(forest_of(house), Principal(PrincipalKind.USER, "clara"), Channel.DAV)


def later() -> int:
    return now() + 91 * DAY


def restore(house: House) -> None:
    for thrown in door(house).trashed():
        door(house).restore("ba05", thrown.node.id)


def purge(house: House) -> None:
    door(house).empty_trash()


def upkeep(house: House) -> None:
    tidy(house, "tests")


ACTS: dict[str, tuple[Callable[[House], None], Callable[[], int]]] = {
    "restore": (restore, now),
    "purge": (purge, now),
    "upkeep": (upkeep, later),
}


def fill(data: Path) -> None:
    """Folders with documents, all in the trash and nothing else."""
    house = opened(data)
    try:
        for number in range(FOLDERS):
            folder = WORK / f"f{number}"
            door(house).make_collection(folder, Terms())
            for name in DEPTH:
                tree = door(house)
                tree.put(folder / name, tree.stage(folder / name, [os.urandom(3000)]), Terms())
            door(house).delete(folder, Terms())
    finally:
        house.close()


def look(data: Path, act: str) -> tuple[int, int]:
    """(what is in the trash, what has come back), each of it whole; `check` finds nothing."""
    house = opened(data)
    try:
        findings = [
            each for provider in house.shares.values() if isinstance(provider, Upkeep) for each in provider.check()
        ]
        assert findings == [], act
        assert house.audit.verify()[1] is None
        tree = door(house)
        trash = tree.trashed()
        for thrown in trash:
            for member in tree.trashed_children(thrown):
                assert len(b"".join(tree.read_trashed(member))) == 3000
        back = 0
        for number in range(FOLDERS):
            try:
                members = tree.children(tree.stat(WORK / f"f{number}"))
            except NotFound:
                continue
            assert [len(b"".join(tree.read(each))) for each in members] == [3000] * len(DEPTH)
            back += 1
        return len(trash), back
    finally:
        house.close()


@pytest.mark.parametrize("act", list(ACTS))
def test_killed_at_any_call_each_deleted_folder_is_whole_in_one_place(
    act: str, installed: Path, tmp_path: Path
) -> None:
    """Law 8: one transaction for each; what was done stays done, what was not is still to do."""
    template = copied(installed, tmp_path / "template")
    fill(template)
    verb, clock = ACTS[act]
    deaths = Deaths(verb, template, tmp_path, CALLS, clock)
    whole, counts = deaths.whole()
    assert look(whole, act) == ((0, FOLDERS) if act == "restore" else (0, 0))
    left = set()
    for data, finished in deaths.after(counts):
        trash, back = look(data, act)
        left.add(trash)
        assert not finished or trash == 0
        assert back == (FOLDERS - trash if act == "restore" else 0)
    assert len(left) > 1, "both outcomes occur"
