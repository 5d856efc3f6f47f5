"""S-32: the root key changes under load and under kill -9; every file stays readable, and the former key goes."""

from __future__ import annotations

import os
import random
import signal
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Self

import pytest
from cryptography.hazmat.primitives.keywrap import aes_key_wrap
from sqlalchemy import select

from davserver.filelocks import IN_USE, USED, held
from davserver.founding import default_key
from davserver.house import SECRETS, House
from davserver.keys import read_root_key
from davserver.rotating import rotate_committee, rotate_root
from davserver.schema import setting, space_key
from shareproviders.contract import Unavailable, Upkeep
from tests.faults.deaths import Deaths, born, opened
from tests.faults.test_kill_keeping import door, fill
from tests.running import RunningServer, command, copied, start

CALLS = ("pwrite64", "fsync", "fdatasync", "link", "linkat", "rename")
RANDOM_DEATHS = 20
FOLDER, SIZE = "/dav/ba05/Arbeitsordner", 5000
WITHIN = 0.05
"""Seconds in which a rotation is killed; a whole one takes about as long."""


NEW_COMMITTEE = """
[[committee]]
id = "neu"
name = "Neu"

  [[committee.mandate]]
  user = "clara"
  role = "clerk"
  start = 2020-05-01
"""


def rotate(house: House) -> None:
    rotate_root(house, "tests")


def under(data: Path) -> set[str]:
    """Ids of the root keys under which anything is wrapped."""
    house = opened(data)
    try:
        with house.database.read() as connection:
            kept = set(connection.execute(select(space_key.c.kek_id)).scalars())
            wrapped = connection.execute(select(setting.c.value).where(setting.c.name.in_(SECRETS)))
            return kept | {bytes(value[:16]).decode() for value in wrapped.scalars()}
    finally:
        house.close()


def is_whole(data: Path) -> None:
    """Everything opens with the files that are there, by the rules of every command."""
    house = opened(data)
    try:
        assert [each for one in house.shares.values() if isinstance(one, Upkeep) for each in one.check()] == []
        assert house.audit.verify()[1] is None
        assert len(door(house).trashed()) == 3
    finally:
        house.close()


def after_deaths(verb: Callable[[House], None], template: Path, tmp_path: Path) -> Iterator[Path]:
    """The directory after each death of a rotation; everything in it opens."""
    deaths = Deaths(verb, template, tmp_path, CALLS, every=2)
    whole, counts = deaths.whole()
    is_whole(whole)
    for data, _ in deaths.after(counts):
        is_whole(data)
        yield data


def test_killed_at_any_call_the_house_opens_and_the_rotation_is_finished_later(installed: Path, tmp_path: Path) -> None:
    """Before the commit the former key is in force, after it the next one; the files for both are there."""
    template = copied(installed, tmp_path / "template")
    fill(template)
    former, left = read_root_key(default_key(template)).id, set()
    for data in after_deaths(rotate, template, tmp_path):
        (in_force,) = under(data)
        left.add((in_force == former, read_root_key(default_key(data)).id == former))
        house = opened(data)
        rotate(house)
        house.close()
        is_whole(data)
        assert under(data) == {read_root_key(default_key(data)).id} != {former}
    assert left == {(True, True), (False, True), (False, False)}, "before the commit, between, and after the rename"


def rotate_ba05(house: House) -> None:
    """As the command does it: with nobody else in the house."""
    house.close()
    alone = House.open(house.directory, default_key(house.directory), house.settings, alone=True)
    rotate_committee(alone, "ba05", "tests")
    alone.close()


def test_killed_at_any_call_a_committee_is_under_the_one_key_or_the_other(installed: Path, tmp_path: Path) -> None:
    """One transaction: every name and document opens under the key that the database has then."""
    template = copied(installed, tmp_path / "template")
    fill(template)
    former, left = wrapped_spaces(template), set()
    for data in after_deaths(rotate_ba05, template, tmp_path):
        left.add(wrapped_spaces(data) == former)
    assert left == {True, False}


class Load:
    """Somebody who writes and reads back one document after the other while the context lasts."""

    def __init__(self, server: RunningServer) -> None:
        self._server, self._going = server, threading.Event()
        self._thread = threading.Thread(target=self._work)
        self.rounds = 0
        self.problems: list[object] = []

    def _work(self) -> None:
        with self._server.client("clara", FOLDER) as client:
            while self._going.is_set():
                name, body = f"/d{self.rounds}", os.urandom(SIZE)
                answers = client.put(name, body).status, client.get(name).status, client.get(name).body == body
                if answers != (201, 200, True):
                    self.problems.append((name, answers))
                self.rounds += 1

    def __enter__(self) -> Self:
        self._going.set()
        self._thread.start()
        while not self.rounds and self._thread.is_alive():
            time.sleep(0.01)
        return self

    def __exit__(self, *_: object) -> None:
        self._going.clear()
        self._thread.join(60)


def killed_after(data: Path, seconds: float) -> None:
    """A rotation by a process of its own, killed so long after its begin."""
    child, go, done = born(data, rotate)
    os.write(go, b"!")
    time.sleep(seconds)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    for end in (go, done):
        os.close(end)


def test_two_workers_serve_while_the_root_key_changes_again_and_again(installed: Path, tmp_path: Path) -> None:
    """Every request of readers and writers is answered right, whenever the rotation dies; then the former key goes:
    no row is under it, its bytes and what it wrapped are in no file, and the server starts without its file.
    """
    data = copied(installed, tmp_path / "own")
    key, chance = default_key(data), random.Random(32)
    former, wraps = read_root_key(key), wrapped_spaces(data)
    with start(data, workers=2) as server:
        with Load(server) as load, server.client("otto", FOLDER) as client:
            for _ in range(RANDOM_DEATHS):
                killed_after(data, chance.uniform(0, WITHIN))
                assert client.get("/d0").status == 200
            with pytest.raises(Unavailable), held(data / IN_USE, USED, alone=True):
                pass  # what `upgrade` and a committee's new key ask for is refused while workers live
            command("rotate-keys", data=data)
            command("rotate-keys", data=data)
            assert client.put("/danach", b"new").status == 201
            (tmp_path / "new.toml").write_text(NEW_COMMITTEE)
            command("apply", str(tmp_path / "new.toml"), data=data)
            with server.client("clara", "/dav/neu/Arbeitsordner") as clerk:
                assert clerk.put("/x", b"under a key that the workers have not seen").status == 201
        assert load.problems == []
        assert load.rounds > RANDOM_DEATHS
        assert server.stop() == 0
    assert under(data) == {read_root_key(key).id}
    for kept in key.parent.glob(f"{key.name}.*"):
        kept.unlink()
    raw = b"".join(path.read_bytes() for path in data.parent.rglob("*") if path.is_file())
    for gone in (former.secret, former.secret.hex().encode(), *wraps):
        assert gone not in raw
    with start(data, workers=1) as server, server.client("otto", FOLDER) as client:
        assert client.get("/danach").body == b"new"
        assert {len(client.get(f"/d{number}").body) for number in range(load.rounds)} == {SIZE}
        assert server.stop() == 0
    command("check", data=data)


def wrapped_spaces(data: Path) -> list[bytes]:
    """What the root key of now has wrapped; made anew from the secrets, so that the test knows what it looks for."""
    house = opened(data)
    try:
        with house.database.read() as connection:
            rows = connection.execute(select(space_key)).all()
        root = house.keys.root()
        spaces = [house.keys.space(row.share)._secret for row in rows]
        assert [aes_key_wrap(root.secret, secret) for secret in spaces] == [row.wrapped for row in rows]
        return [row.wrapped for row in rows]
    finally:
        house.close()
