"""Two processes write and checkpoint one database at the same time, and nothing that was committed is lost.

storage-format.md, "SQLite": versions before 3.51.3 can lose pages when a checkpoint races a commit of another
connection; one mutex over all processes keeps them apart.
"""

from __future__ import annotations

import itertools
import os
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import text

from davserver.database import Database
from tests.running import RunningServer, command, start

SECONDS = 4.0
TABLE = "CREATE TABLE written (name TEXT, number INTEGER, filling BLOB, PRIMARY KEY (name, number))"


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    opened = Database(tmp_path)
    with opened.transaction() as connection:
        connection.execute(text(TABLE))
    yield opened
    opened.close()


def writer(directory: Path, name: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "tests.faults.writing_process", str(directory), name],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


@pytest.mark.parametrize("ending", ["clean", "killed"])
def test_nothing_is_lost_between_two_writers_and_checkpoints(database: Database, tmp_path: Path, ending: str) -> None:
    """Each acknowledged row is there afterwards, in order and without a gap, and the file is sound."""
    writers = {name: writer(tmp_path, name) for name in ("one", "two")}
    spoken: dict[str, list[str]] = {}
    followers = []
    for name, process in writers.items():
        assert process.stdout is not None
        spoken[name] = []
        followers.append(threading.Thread(target=spoken[name].extend, args=(iter(process.stdout.readline, ""),)))
        followers[-1].start()
    end, checkpoints = time.monotonic() + SECONDS, 0
    while time.monotonic() < end:
        checkpoints += database.checkpoint()
    for process in writers.values():
        assert process.stdin is not None
        if ending == "killed":
            process.kill()
        process.stdin.close()
        assert process.wait(30) == (-signal.SIGKILL if ending == "killed" else 0)
    for follower in followers:
        follower.join()
    assert checkpoints > 10
    with closing(sqlite3.connect(tmp_path / "gremium.db")) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        for name, process in writers.items():
            assert process.stdout is not None
            process.stdout.close()
            acknowledged = int(spoken[name][-1])
            rows = [row[0] for row in connection.execute("SELECT number FROM written WHERE name = ?", (name,))]
            assert sorted(rows)[:acknowledged] == list(range(1, acknowledged + 1)), "an acknowledged row is lost"
            assert len(rows) <= acknowledged + 1
            assert acknowledged > 20, "one writer starves the other"
    print(f"{checkpoints} checkpoints beside {[spoken[name][-1].strip() for name in writers]} commits")


def test_a_checkpoint_waits_for_the_transaction_of_another_process(database: Database, tmp_path: Path) -> None:
    """And a transaction for a checkpoint: both hold the one mutex."""
    other = Database(tmp_path)  # a lock file of its own, as in another process
    done = threading.Event()

    def checkpoint() -> None:
        other.checkpoint()
        done.set()

    thread = threading.Thread(target=checkpoint)
    with database.transaction() as connection:
        connection.execute(text("INSERT INTO written VALUES ('one', 1, x'')"))
        thread.start()
        assert not done.wait(0.5), "a checkpoint ran beside a transaction"
    assert done.wait(5)
    thread.join()
    other.close()


def test_two_servers_lose_nothing_beside_checkpoints(own_data: Path) -> None:
    """Law 9: clients write at two server processes beside checkpoints, then SIGKILL: what was answered is there."""
    database = Database(own_data)
    with start(own_data, workers=1) as one, start(own_data, workers=1) as other:
        written: dict[str, bytes] = {}
        stopping = threading.Event()
        threads = [
            threading.Thread(target=write, args=(server, f"{number}", written, stopping))
            for number, server in enumerate((one, other, one, other))
        ]
        for thread in threads:
            thread.start()
        end = time.monotonic() + SECONDS
        while time.monotonic() < end:
            database.checkpoint()
        stopping.set()
        for thread in threads:
            thread.join()
        for server in (one, other):
            os.kill(server.process.pid, signal.SIGKILL)
    database.close()
    assert len(written) > 40
    with start(own_data, workers=1) as server, server.client("clara", "/dav/ba05/Arbeitsordner") as client:
        assert set(client.names("/")) == {path.strip("/") for path in written}
        for path, content in written.items():
            assert client.get(path).body == content, path
        assert server.stop() == 0
    command("check", data=own_data)
    command("audit", "verify", data=own_data)


def write(server: RunningServer, name: str, written: dict[str, bytes], stopping: threading.Event) -> None:
    """Make and overwrite documents; note what was answered last for each."""
    with server.client("clara", "/dav/ba05/Arbeitsordner") as client:
        for number in itertools.count():
            if stopping.is_set():
                return
            path = f"/{name}-{number // 3}"
            content = f"{name} {number} ".encode() * 200
            assert client.put(path, content).status in (201, 204)
            written[path] = content
