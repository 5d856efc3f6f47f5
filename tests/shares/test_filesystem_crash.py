"""The filesystem share loses nothing: a process that dies at any step leaves the old state or the new one."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from shareproviders.contract import Expected
from shareproviders.paths import SharePath
from tests.shares.filesystem_ground import ANNA, Stand

TOUCHING = frozenset({"os.rename", "os.link", "os.remove", "os.mkdir", "os.rmdir", "open", "sqlite3.connect"})
"""Audit events of the calls that change the disk (sys.audit), raised just before each of them."""


def at(raw: str) -> SharePath:
    return SharePath.parse(raw)


@pytest.fixture
def stand(tmp_path: Path) -> Iterator[Stand]:
    stand = Stand.make(tmp_path)
    for raw in ("/c", "/c/d"):
        stand.make_collection(raw)
    for raw in ("/a", "/b", "/c/a", "/c/d/b"):
        stand.put(raw, b"old " + raw.encode())
    node = stand.stat("/a")
    stand.share.set_properties(node, {"{x}p": "<p/>"}, ANNA)
    yield stand
    stand.database.close()


VERBS: dict[str, Callable[[Stand], object]] = {
    "put new": lambda stand: stand.put("/new", b"new"),
    "put over": lambda stand: stand.put("/a", b"new"),
    "make": lambda stand: stand.make_collection("/new"),
    "delete": lambda stand: stand.share.delete(at("/c"), ANNA),
    "move": lambda stand: stand.share.move(at("/c"), at("/new"), ANNA),
    "move over": lambda stand: stand.share.move(at("/c/a"), at("/a"), ANNA),
    "copy": lambda stand: stand.share.copy(at("/c"), at("/new"), ANNA, deep=True),
    "copy over": lambda stand: stand.share.copy(at("/c/a"), at("/a"), ANNA, deep=True),
}


def in_a_child(stand: Stand, act: Callable[[Stand], object], *, die_before: int | None) -> int:
    """Run `act` in a process that ends, without any clean-up, before its n-th call that changes the disk."""
    child = os.fork()
    if child == 0:
        try:
            own = stand.again()
            if die_before is not None:
                countdown = iter(range(die_before))

                def count(event: str, _arguments: object) -> None:
                    if event in TOUCHING and next(countdown, None) is None:
                        os._exit(9)

                sys.addaudithook(count)
            act(own)
        except BaseException:  # noqa: BLE001 (a forked copy of the test runner must not go on)
            os._exit(1)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(status)


@pytest.mark.parametrize("verb", list(VERBS))
def test_death_before_any_call_leaves_old_or_new(stand: Stand, tmp_path: Path, verb: str) -> None:
    """Acknowledged means new; and whatever is left over is gone after recover()."""
    before = stand.tree()
    sizes = stand.stat("/").size
    for step in range(200):
        code = in_a_child(stand, VERBS[verb], die_before=step)
        other = stand.again()
        if code == 0:
            assert other.tree() != before, "acknowledged means new"
            other.share.recover()
            other.share.recover()
            assert other.leftovers() == []
            other.database.close()
            assert step > 3, "the hook must have seen the calls"
            return
        assert code == 9
        if step % 2:  # a server that restarts; else one whose other processes go on
            other.share.recover()
        assert other.tree() == before, f"died before call {step}"
        assert other.stat("/").size == sizes
        assert list(other.share.check()) == []
        other.share.recover()
        other.share.recover()
        assert other.leftovers() == []
        other.database.close()
    pytest.fail("the verb never came to its end")


def test_death_between_rename_and_commit_is_repaired_by_the_next_reader(stand: Stand) -> None:
    before = stand.tree()

    def die_inside(own: Stand) -> None:
        with own.database.transaction():
            for act in VERBS.values():
                if act not in (VERBS["copy"], VERBS["make"], VERBS["move over"], VERBS["copy over"], VERBS["move"]):
                    act(own)
            os._exit(9)

    assert in_a_child(stand, die_inside, die_before=None) == 9
    assert not (stand.disk / "c").exists(), "the disk had the new state"
    assert stand.tree() == before
    assert (stand.disk / "a").read_bytes() == b"old /a"


def test_a_loss_of_power_brings_no_settled_step_back(stand: Stand, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was unlinked lies there again after it, unless its directory was synced; rows that were committed do not."""
    stand.put("/a", b"new")
    gone: dict[tuple[int, str], bytes] = {}
    unlink, fsync = os.unlink, os.fsync

    def unlinking(name: str, *, dir_fd: int) -> None:
        place = Path(f"/proc/self/fd/{dir_fd}/{name}").resolve()
        gone[os.fstat(dir_fd).st_ino, str(place)] = place.read_bytes()
        unlink(name, dir_fd=dir_fd)

    def syncing(descriptor: int) -> None:
        fsync(descriptor)
        for where in [each for each in gone if each[0] == os.fstat(descriptor).st_ino]:
            del gone[where]

    with monkeypatch.context() as patched:
        patched.setattr(os, "unlink", unlinking)
        patched.setattr(os, "fsync", syncing)
        stand.share.set_properties(stand.stat("/b"), {"{x}p": "<p/>"}, ANNA)  # settles, and makes no step of its own
    for (_, path), content in gone.items():
        Path(path).write_bytes(content)
    other = stand.again()
    other.share.recover()
    assert other.content("/a") == b"new"
    other.database.close()


def test_an_interrupted_upload_leaves_no_file(stand: Stand) -> None:
    stand.share.recover()
    stand.share.recover()

    def cut() -> Iterator[bytes]:
        yield b"x" * 500_000
        raise ConnectionResetError

    with pytest.raises(ConnectionResetError):
        stand.share.stage(cut())
    assert stand.leftovers() == []


def test_recover_spares_uploads_of_living_processes_only(stand: Stand) -> None:
    """A worker that restarts must not take away what its neighbours are receiving."""
    stand.share.recover()
    stand.share.recover()
    assert in_a_child(stand, lambda own: (own.share.stage([b"orphan"]), os._exit(9)), die_before=None) == 9
    staged = stand.share.stage([b"living"])
    assert len(stand.leftovers()) == 2
    other = stand.again()
    other.share.recover()
    other.database.close()
    assert len(stand.leftovers()) == 1
    stand.share.put(at("/new"), staged, Expected(), ANNA)
    assert stand.content("/new") == b"living"


def test_a_replaced_version_is_still_served_to_who_asked_just_before(stand: Stand) -> None:
    """Between stat and read somebody else's PUT may come; that reader gets what he was told, not a 404."""
    node = stand.stat("/a")
    stand.put("/a", b"new")
    stand.put("/b", b"another write, which settles the first")
    assert b"".join(stand.share.read(node)) == b"old /a"


def test_replaced_and_deleted_bytes_do_not_pile_up(stand: Stand) -> None:
    for k in range(5):
        stand.put("/a", b"%d" % k)
    stand.share.delete(at("/c"), ANNA)
    stand.share.collect(stand.share._ground.clock() + 1_000_000)
    stand.share.collect(stand.share._ground.clock() + 1_000_000)
    assert stand.leftovers() == []
    assert sorted(stand.tree()) == ["/a", "/b"]
