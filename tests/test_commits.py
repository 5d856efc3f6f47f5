"""What tells that somebody has committed: it never misses one, and leaves SQLite's locks alone (record 67)."""

from __future__ import annotations

import fcntl
import sqlite3
import struct
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from davserver.database import DATABASE_NAME, Database

WRITER = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
for number in range(int(sys.argv[2])):
    connection.execute("INSERT INTO t VALUES (?)", (number,))
    print(number, flush=True)
    sys.stdin.readline()
"""


@pytest.fixture
def place(tmp_path: Path) -> Path:
    with closing(sqlite3.connect(tmp_path / DATABASE_NAME)) as connection:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("CREATE TABLE t (n INTEGER)")
    return tmp_path


@pytest.fixture
def database(place: Path) -> Iterator[Database]:
    database = Database(place)
    yield database
    database.close()


def test_every_commit_of_another_program_is_seen(database: Database) -> None:
    """Of one that knows nothing of our locks, each of 200 before its next one; and nothing is seen where none was."""
    seen = {database.committed()}
    with subprocess.Popen(
        [sys.executable, "-c", WRITER, str(database.path), "200"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as writer:
        assert writer.stdin is not None and writer.stdout is not None
        for count in range(200):
            writer.stdout.readline()
            seen.add(database.committed())
            assert len(seen) == count + 2
            assert database.committed() in seen
            writer.stdin.write(b"\n")
            writer.stdin.flush()


def test_our_own_commits_are_seen_and_a_rollback_or_a_look_is_not(database: Database) -> None:
    before = database.committed()
    with database.read() as connection:
        connection.exec_driver_sql("SELECT * FROM t").all()
    with pytest.raises(ZeroDivisionError), database.transaction() as connection:
        connection.exec_driver_sql("INSERT INTO t VALUES (1)")
        raise ZeroDivisionError
    assert database.committed() == before
    with database.transaction() as connection:
        connection.exec_driver_sql("INSERT INTO t VALUES (1)")
        assert database.committed() == before, "it is not yet one"
    assert database.committed() != before


def test_a_commit_is_seen_after_the_log_was_moved_into_the_database(database: Database) -> None:
    """The log begins anew then, and its numbers with it."""
    seen = set()
    for number in range(20):
        with database.transaction() as connection:
            connection.exec_driver_sql("INSERT INTO t VALUES (?)", (number,))
        seen.add(database.committed())
        assert database.checkpoint()
    assert len(seen) == 20


def test_a_log_that_is_written_over_keeps_its_file_and_shows_each_commit(database: Database) -> None:
    """Record 76: its blocks are used again; and what is still to be moved is counted from its beginning."""
    seen, lengths = set(), set()
    for number in range(200):
        with database.transaction() as connection:
            connection.exec_driver_sql("INSERT INTO t VALUES (zeroblob(5000))")
        seen.add(database.committed())
        if database.rewind(50_000):
            assert not database.rewind(1), "nothing waits in it now"
            if number > 40:
                lengths.add(database.path.with_name(DATABASE_NAME + "-wal").stat().st_size)
    assert len(seen) == 200
    assert len(lengths) == 1, "it has grown to what was allowed once, and no further"
    assert 50_000 <= lengths.pop() < 100_000
    with closing(sqlite3.connect(database.path)) as other:
        assert other.execute("SELECT count(*) FROM t").fetchone() == (200,)


def test_once_it_is_cut_nothing_is_left_of_the_log(database: Database) -> None:
    with database.transaction() as connection:
        connection.exec_driver_sql("INSERT INTO t VALUES (1)")
    assert database.rewind(1)
    log = database.path.with_name(DATABASE_NAME + "-wal")
    assert log.stat().st_size
    assert database.checkpoint()
    assert not log.stat().st_size


def test_where_the_index_cannot_be_read_sqlite_is_asked(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("davserver.commits.os.pread", lambda *_: b"")
    before = database.committed()
    assert database.committed() == before
    with database.transaction() as connection:
        connection.exec_driver_sql("INSERT INTO t VALUES (1)")
    assert database.committed() != before
    assert database.rewind(1), "the length of the log's file says then how much is in it"


def test_closing_one_database_leaves_sqlites_locks_to_another(place: Path) -> None:
    """fcntl(2): a process that closes any descriptor of a file gives up all its locks on it."""
    first, second = Database(place), Database(place)
    shared = str(first.path) + "-shm"
    assert _is_locked(shared), "SQLite keeps a lock for as long as anybody has the database open"
    first.close()
    assert _is_locked(shared)
    second.close()


def _is_locked(path: str) -> bool:
    """Whether another process finds any lock on the file (F_GETLK of a process of its own)."""
    program = (
        "import fcntl, struct, sys\n"
        "with open(sys.argv[1], 'r+b') as file:\n"
        f"    asked = struct.pack('hhqqi', {fcntl.F_WRLCK}, 0, 0, 0, 0)\n"
        f"    told = fcntl.fcntl(file, {fcntl.F_GETLK}, asked)\n"
        f"print(struct.unpack('hhqqi', told)[0] != {fcntl.F_UNLCK})\n"
    )
    assert struct.calcsize("hhqqi") >= 28
    done = subprocess.run([sys.executable, "-c", program, path], capture_output=True, text=True, check=True)
    return done.stdout.strip() == "True"
