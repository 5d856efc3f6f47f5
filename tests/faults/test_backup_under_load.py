"""S-44: a backup taken while people write holds one instant, and a new house made of it serves that instant."""

from __future__ import annotations

import os
import shutil
import threading
from collections import defaultdict
from functools import cache
from pathlib import Path

from tests.davclient import DavClient
from tests.running import RunningServer, command, copied, start

WRITERS = ("clara", "otto")
RESTORING = ("fsync", "unlink", "fdatasync")
BEFORE = 10
"""Rounds that each writer has behind him when the backup begins, and that are therefore in it."""


class Writer(threading.Thread):
    """Writes `<n>` in two documents of one folder, moves and deletes others, one after the other, until told."""

    def __init__(self, server: RunningServer, user: str, going: threading.Event) -> None:
        super().__init__()
        self.server, self.user, self.going = server, user, going
        self.done = 0
        self.problems: list[object] = []
        self.warm = threading.Event()

    def run(self) -> None:
        try:
            with self.server.client(self.user, f"/dav/ba05/Arbeitsordner/von-{self.user}") as client:
                assert client.mkcol("").status == 201
                while self.going.is_set():
                    self.round(client, self.done)
                    self.done += 1
                    if self.done >= BEFORE:
                        self.warm.set()
        except Exception as problem:  # noqa: BLE001 (told by the test)
            self.problems.append(problem)
            self.warm.set()

    def round(self, client: DavClient, number: int) -> None:
        """First `a`, then `b`: at every instant b is at most one behind, never ahead."""
        for name in ("a", "b"):
            assert client.put(f"/{name}-{number}", body(self.user, number)).status == 201
        if number % 3 == 2:
            assert client.delete(f"/a-{number - 1}").status == 204
            assert client.move(f"/b-{number - 2}", f"/c-{number - 2}").status == 201


@cache
def body(user: str, number: int) -> bytes:
    return f"{user} {number} ".encode() * 2000


def expected(steps: int, user: str) -> dict[str, bytes]:
    """What one writer's folder holds after so many of his changes."""
    found: dict[str, bytes] = {}
    number = 0
    while steps > 0:
        acts = [("put", f"a-{number}"), ("put", f"b-{number}")]
        if number % 3 == 2:
            acts += [("delete", f"a-{number - 1}"), ("move", f"b-{number - 2}")]
        for act, name in acts[:steps]:
            if act == "put":
                found[name] = body(user, number)
            else:
                content = found.pop(name)
                if act == "move":
                    found["c" + name[1:]] = content
        steps -= len(acts)
        number += 1
    return found


def test_a_backup_under_load_is_one_instant_and_comes_back_on_an_empty_host(installed: Path, tmp_path: Path) -> None:
    """Each writer's folder is exactly what it was after some number of his changes, and no change answered before
    the backup is missing. The running server goes on: no request of the writers failed."""
    data, going = copied(installed, tmp_path / "own"), threading.Event()
    going.set()
    with start(data, workers=2) as server:
        writers = [Writer(server, user, going) for user in WRITERS]
        for writer in writers:
            writer.start()
        for writer in writers:
            assert writer.warm.wait(60)
        answered = {writer.user: writer.done for writer in writers}
        command("backup", str(tmp_path / "backup"), data=data)
        behind = {writer.user: writer.done for writer in writers}
        going.clear()
        for writer in writers:
            writer.join(60)
            assert writer.problems == [], writer.problems
        assert server.stop() == 0
    assert all(behind[user] > answered[user] for user in WRITERS), "nobody wrote while the backup was taken"
    command("check", data=data)
    (tmp_path / "host").mkdir()
    os.link(tmp_path / "own" / "data.key", tmp_path / "host" / "data.key")
    command("restore", str(tmp_path / "backup"), data=tmp_path / "host" / "data")
    shutil.copytree(data / "archive", tmp_path / "host" / "data" / "archive")  # as `restore` asks for
    found = folders(tmp_path / "host" / "data")
    for user in WRITERS:
        states = [expected(steps, user) for steps in range(4 * behind[user])]
        assert found[user] in states, sorted(found[user])
        assert states.index(found[user]) >= 2 * answered[user]


def folders(data: Path) -> dict[str, dict[str, bytes]]:
    """As a server on the restored directory shows them."""
    found: dict[str, dict[str, bytes]] = defaultdict(dict)
    with start(data, workers=1) as server:
        for user in WRITERS:
            with server.client(user, f"/dav/ba05/Arbeitsordner/von-{user}") as client:
                for name in client.names(""):
                    found[user][name] = client.get(f"/{name}").body
        assert server.stop() == 0
    return found
