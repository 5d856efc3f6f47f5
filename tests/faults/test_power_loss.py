"""S-35: the power is cut at any moment under four writers, and everything answered is there, whole (law 8).

Nothing is simulated but the disk's end: the real server, real requests, ext4 and xfs as they come back after it.
By default a few cuts; `SOAK=1` makes a thousand.
"""

from __future__ import annotations

import random
import time
from pathlib import Path

import pytest

from tests.faults.disks import Disks, need_disks
from tests.faults.quick_starts import ForkedServer
from tests.faults.scribes import Crowd, Scribe
from tests.running import DECLARATIONS, committee
from tests.sealed import LONG
from tests.soaking import SOAK

KINDS = (("ext4", "xfs"), ("xfs", "ext4"))
"""Of the disk of the database, and of the files."""
CUTS = 500 if SOAK else 8
"""For each pair."""
ANSWERS = 60
"""At most so many between two cuts, about."""
RESTART_SECONDS = 5.0
CUTS_UNTIL_CAUGHT = 60


VAULT, DIRECTORY = ("clara", "ba05"), ("clara", "archiv")
WRITERS = (VAULT, ("otto", "ba05"), DIRECTORY, DIRECTORY)
WITHOUT = {"commit": VAULT, "blob": VAULT, "blob-directory": VAULT, "body": DIRECTORY, "folder": DIRECTORY}
"""Who notices that a sync is left out; alone, as others' syncs would write his entry of a directory, too."""
NEW = DECLARATIONS + committee("neu", "Neu", "has_meetings = false", "clara:clerk")


def crowd(seed: object, *writers: tuple[str, str]) -> Crowd:
    """Writers in folders of their own."""
    scribes = [
        Scribe(user, f"/dav/{drive}/Arbeitsordner/schreiber-{number}", random.Random(f"{seed} {number}"))
        for number, (user, drive) in enumerate(writers)
    ]
    return Crowd(scribes, random.Random(f"{seed}"))


def cut(disks: Disks, server: ForkedServer, writers: Crowd) -> None:
    """A life that ends with the power."""
    writers.live(server, writers.chance.randrange(4, ANSWERS), disks.cut)


@pytest.mark.parametrize("kinds", KINDS, ids="-".join)
def test_a_cut_of_power_takes_nothing_that_was_answered(
    kinds: tuple[str, str], installed: Path, tmp_path: Path
) -> None:
    """0 lost, 0 torn, of documents, properties and locks; the database, every blob and the log are whole."""
    need_disks()
    writers = crowd(kinds, *WRITERS)
    with Disks(tmp_path, installed, *kinds) as disks:
        for _ in range(CUTS):
            began = time.monotonic()
            server = disks.start()
            assert time.monotonic() - began < RESTART_SECONDS, "recovery takes too long"
            cut(disks, server, writers)
            assert disks.damage() == []
        writers.look(disks.start())
        disks.cut()
        assert disks.run("check") == 0
        assert disks.run("audit", "verify") == 0
    print(f"{'-'.join(kinds)}: {CUTS} cuts, {writers.confirmed} answered steps, all there")
    assert writers.confirmed > 10 * CUTS


@pytest.mark.parametrize("left_out", WITHOUT)
def test_a_sync_that_is_left_out_is_noticed(left_out: str, installed: Path, tmp_path: Path) -> None:
    """The measure itself: without any one sync of the way from a request to its answer something answered is lost."""
    need_disks()
    writers = crowd(left_out, WITHOUT[left_out])
    with Disks(tmp_path, installed, "ext4", "xfs", left_out) as disks:
        for number in range(CUTS_UNTIL_CAUGHT):
            server = disks.start()
            try:
                cut(disks, server, writers)
            except AssertionError as loss:
                assert number > 0, loss
                print(f"without {left_out}: noticed after {number} cuts: {str(loss)[:200]}")
                return
    pytest.fail(f"{CUTS_UNTIL_CAUGHT} cuts without {left_out}, and nothing was noticed")


@pytest.mark.parametrize("left_out", ["", "fan-out"])
def test_a_committee_that_was_declared_takes_documents_after_a_cut(
    left_out: str, installed: Path, tmp_path: Path
) -> None:
    """`apply` ends when the drive's directories are durable (security.md §3, PUT 2); else it is noticed."""
    need_disks()
    (tmp_path / "new.toml").write_text(NEW, encoding="utf-8")
    with Disks(tmp_path, installed, "ext4", "xfs", left_out) as disks:
        assert disks.run("apply", str(tmp_path / "new.toml")) == 0
        disks.cut()
        with disks.start().client("clara", "/dav/neu/Arbeitsordner") as clerk:
            assert clerk.put("/a", bytes(LONG)).status == (503 if left_out else 201)
