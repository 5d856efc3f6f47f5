"""S-32: the root key changes under load and under kill -9; every file stays readable, and the former key goes."""

from __future__ import annotations

import os
import random
import signal
import threading
import time
from pathlib import Path

from cryptography.hazmat.primitives.keywrap import aes_key_wrap
from sqlalchemy import select

from davserver.founding import default_key
from davserver.house import SECRETS, House
from davserver.keys import read_root_key
from davserver.rotating import rotate_root
from davserver.schema import setting, space_key
from shareproviders.contract import Upkeep
from tests.faults.test_kill_keeping import born, door, fill, lived, opened, spread
from tests.faults.tracing import struck, traced
from tests.foreign import need
from tests.running import command, copied, start

CALLS = ("pwrite64", "fsync", "fdatasync", "link", "linkat", "rename")
RANDOM_DEATHS = 8
WITHIN = 0.05
"""Seconds in which a rotation is killed; a whole one takes about as long."""


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


def test_killed_at_any_call_the_house_opens_and_the_rotation_is_finished_later(installed: Path, tmp_path: Path) -> None:
    """Before the commit the former key is in force, after it the next one; the files for both are there."""
    strace, trace = need("strace"), tmp_path / "trace"
    template = copied(installed, tmp_path / "template")
    fill(template)
    whole = copied(template, tmp_path / "whole")
    child, go, done = born(whole, rotate)
    with traced(strace, child, trace, f"--trace={','.join(CALLS)}") as told:
        assert lived(child, go, done)
        os.waitpid(child, 0)
    counts = told.counts()
    former = read_root_key(default_key(template)).id
    is_whole(whole)
    assert under(whole) == {read_root_key(default_key(whole)).id} != {former}
    left = set()
    points = [(call, number) for call in CALLS for number in sorted(set(spread(counts.get(call, 0))[::2]))]
    for place, (call, number) in enumerate(points):
        data = copied(template, tmp_path / f"case{place}")
        child, go, done = born(data, rotate)
        with struck(strace, child, trace, call, number):
            lived(child, go, done)
        _, status = os.waitpid(child, 0)
        assert os.WIFEXITED(status) or os.WTERMSIG(status) == signal.SIGKILL
        is_whole(data)
        (in_force,) = under(data)
        left.add((in_force == former, read_root_key(default_key(data)).id == former))
        house = opened(data)
        rotate(house)
        house.close()
        is_whole(data)
        assert under(data) == {read_root_key(default_key(data)).id} != {former}
    assert left == {(True, True), (False, True), (False, False)}, "before the commit, between, and after the rename"


def test_two_workers_serve_while_the_root_key_changes_again_and_again(installed: Path, tmp_path: Path) -> None:
    """Every request of readers and writers is answered right, whenever the rotation dies; then the former key goes:
    no row is under it, its bytes and what it wrapped are in no file, and the server starts without its file.
    """
    data = copied(installed, tmp_path / "own")
    key, chance = default_key(data), random.Random(32)
    former, wraps = read_root_key(key), wrapped_spaces(data)
    going, problems, rounds = threading.Event(), list[object](), [0]
    going.set()
    with start(data, workers=2) as server:

        def work() -> None:
            with server.client("clara", "/dav/ba05/Arbeitsordner") as client:
                while going.is_set():
                    name, body = f"/d{rounds[0]}", os.urandom(5000)
                    answers = client.put(name, body).status, client.get(name).status, client.get(name).body == body
                    if answers != (201, 200, True):
                        problems.append((name, answers))
                    rounds[0] += 1

        writer = threading.Thread(target=work)
        writer.start()
        while not rounds[0]:
            time.sleep(0.01)
        for _ in range(RANDOM_DEATHS):
            child, go, done = born(data, rotate)
            os.write(go, b"!")
            time.sleep(chance.uniform(0, WITHIN))
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
            for end in (go, done):
                os.close(end)
            with server.client("otto", "/dav/ba05/Arbeitsordner") as client:
                assert client.get("/d0").status == 200
        command("rotate-keys", data=data)
        command("rotate-keys", data=data)
        with server.client("otto", "/dav/ba05/Arbeitsordner") as client:
            assert client.put("/danach", b"new").status == 201
        going.clear()
        writer.join(60)
        assert problems == []
        assert rounds[0] > RANDOM_DEATHS
        assert server.stop() == 0
    assert under(data) == {read_root_key(key).id}
    for kept in key.parent.glob(f"{key.name}.*"):
        kept.unlink()
    raw = b"".join(path.read_bytes() for path in data.parent.rglob("*") if path.is_file())
    for gone in (former.secret, former.secret.hex().encode(), former.id.encode(), *wraps):
        assert gone not in raw
    with start(data, workers=1) as server, server.client("otto", "/dav/ba05/Arbeitsordner") as client:
        assert client.get("/danach").body == b"new"
        for number in range(rounds[0]):
            assert len(client.get(f"/d{number}").body) == 5000
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
