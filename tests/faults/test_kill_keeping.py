"""SIGKILL in the middle of restoring, purging and upkeep: what was deleted is there or it is not, and `check` agrees.

As `test_kill.py`, for what has no verb of WebDAV: a process of its own does one thing to one data directory and dies at
the k-th call of a kind, for positions spread over all that it makes.
"""

from __future__ import annotations

import os
import signal
import warnings
from collections.abc import Callable
from pathlib import Path

import pytest

from acl.principals import Channel, Principal, PrincipalKind
from davserver.app import forest_of
from davserver.founding import default_key
from davserver.house import House, now
from davserver.settings import load
from davserver.tree.locking import GuardedTree
from davserver.tree.seen import Terms
from davserver.upkeep import DAY, tidy
from shareproviders.contract import NotFound, Upkeep
from shareproviders.paths import SharePath
from tests.faults.tracing import struck, traced
from tests.foreign import need
from tests.running import copied

WORK = SharePath.parse("ba05/Arbeitsordner")
CALLS = ("write", "pwrite64", "fsync", "fdatasync", "unlink", "ftruncate")
SPREAD = 5
FOLDERS = 3
DEPTH = ("a", "b")


def opened(data: Path, clock: Callable[[], int] = now) -> House:
    return House.open(data, default_key(data), load(data, {}), clock)


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


def born(data: Path, verb: Callable[[House], object], clock: Callable[[], int] = now) -> tuple[int, int, int]:
    """A process that waits for the word, acts once and ends: its id, where to say the word, where it says so."""
    ready_read, ready_write = os.pipe()
    go_read, go_write = os.pipe()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # threads of other tests: the child never needs theirs
        child = os.fork()
    if child == 0:
        status = 1
        try:
            house = opened(data, clock)
            os.write(ready_write, b".")
            os.read(go_read, 1)
            verb(house)
            os.write(ready_write, b"!")
            status = 0
        finally:
            os._exit(status)
    assert os.read(ready_read, 1) == b"."
    for end in (ready_write, go_read):
        os.close(end)
    return child, go_write, ready_read


def lived(child: int, go: int, done: int) -> bool:
    """Say the word and wait for its end; True if it said that it was done."""
    os.write(go, b"!")
    said = os.read(done, 1)
    for end in (go, done):
        os.close(end)
    return said == b"!"


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
    strace, trace = need("strace"), tmp_path / "trace"
    template = copied(installed, tmp_path / "template")
    fill(template)
    whole = copied(template, tmp_path / "whole")
    child, go, done = born(whole, *ACTS[act])
    with traced(strace, child, trace, f"--trace={','.join(CALLS)}") as told:
        assert lived(child, go, done)
        os.waitpid(child, 0)
    counts = told.counts()
    assert look(whole, act) == ((0, FOLDERS) if act == "restore" else (0, 0))
    points = [(call, number) for call in CALLS for number in spread(counts.get(call, 0))]
    left = set()
    for place, (call, number) in enumerate(points):
        data = copied(template, tmp_path / f"case{place}")
        child, go, done = born(data, *ACTS[act])
        with struck(strace, child, trace, call, number):
            finished = lived(child, go, done)
        _, status = os.waitpid(child, 0)
        assert os.WIFEXITED(status) or os.WTERMSIG(status) == signal.SIGKILL
        trash, back = look(data, f"{act}, {call} {number}")
        left.add(trash)
        assert not finished or trash == 0
        assert back == (FOLDERS - trash if act == "restore" else 0)
    assert len(left) > 1, "both outcomes occur"


def spread(count: int) -> list[int]:
    """Positions from the first to the last call."""
    if count <= SPREAD:
        return list(range(1, count + 1))
    return sorted({1 + step * (count - 1) // (SPREAD - 1) for step in range(SPREAD)})
