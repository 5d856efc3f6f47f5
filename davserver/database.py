"""The one database: connections, SQLite pragmas, the writer mutex, transactions. Migrations live in `migrations/`.

SQLite 3.7.0 to 3.51.2 can lose committed pages when a checkpoint races a commit of another connection, so every
write transaction and every checkpoint holds one lock file across all processes, and SQLite never checkpoints by
itself (storage-format.md, "SQLite").
"""

from __future__ import annotations

import fcntl
import os
import sqlite3
import threading
import time
from collections.abc import Collection, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.exc import OperationalError
from sqlalchemy.pool import NullPool

from acl.rows import VIEW
from davserver.commits import Commits
from shareproviders.contract import DiskFull, Unavailable

DATABASE_NAME = "gremium.db"
WRITER_TIMEOUT = 7.0  # seconds until a writer gives up, so that his 503 comes within 10 (S-42)
CHECKPOINT_BYTES = 16 * 1024 * 1024
TRANSIENT = frozenset(
    {
        sqlite3.SQLITE_BUSY,
        sqlite3.SQLITE_LOCKED,
        sqlite3.SQLITE_FULL,
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_READONLY,
        sqlite3.SQLITE_CANTOPEN,
    }
)
SHORTEST_PAUSE, LONGEST_PAUSE = 0.00005, 0.001
"""Seconds between two looks whether another process still writes: often while it is likely to be a single change."""


class WriterMutex:
    """One writer at a time, over threads and processes: a thread lock, then `flock` on a file."""

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        self._thread_lock = threading.Lock()

    def acquire(self, timeout: float = WRITER_TIMEOUT) -> float:
        """How much of `timeout`, in seconds, is left; raises Unavailable after it."""
        deadline = time.monotonic() + timeout
        if not self._thread_lock.acquire(timeout=timeout):
            raise Unavailable("the database is busy; try again in a moment")
        pause = SHORTEST_PAUSE
        while True:
            try:
                fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if time.monotonic() > deadline:
                    self._thread_lock.release()
                    raise Unavailable("the database is busy; try again in a moment") from None
                time.sleep(pause)
                pause = min(pause * 1.05, LONGEST_PAUSE)
            else:
                return max(deadline - time.monotonic(), 0.0)

    def release(self) -> None:
        fcntl.flock(self._file, fcntl.LOCK_UN)
        self._thread_lock.release()

    def close(self) -> None:
        os.close(self._file)


class _OfThread(threading.local):
    """What one thread is in the midst of."""

    open: Connection | None = None
    """Its write transaction."""
    viewing: Connection | None = None
    asks: bool = False
    """It answers a request."""
    known: int | None = None
    changes: int = 0
    """`total_changes` of its connection when the write transaction began."""


class Database:
    """Connections of one process to `<directory>/gremium.db`. Make it after the fork, never before."""

    def __init__(self, directory: Path) -> None:
        self.path = directory / DATABASE_NAME
        self._mutex = WriterMutex(directory / "writer.lock")
        self._writers = self._engine(query_only=False)
        self._readers = self._engine(query_only=True)
        self._local = _OfThread()
        self._idle: dict[Engine, list[Connection]] = {self._writers: [], self._readers: []}
        self._commits = Commits(self.path, self._watching())

    def _engine(self, *, query_only: bool) -> Engine:
        engine = create_engine(
            f"sqlite:///{self.path}", poolclass=NullPool, connect_args={"check_same_thread": False, "timeout": 10.0}
        )

        @event.listens_for(engine, "connect")
        def set_pragmas(connection: sqlite3.Connection, _record: object) -> None:
            connection.isolation_level = None  # we begin and end transactions ourselves
            _set_pragmas(connection)
            if query_only:
                connection.execute("PRAGMA query_only=ON")

        @event.listens_for(engine, "begin")
        def begin_explicitly(connection: Connection) -> None:
            if not query_only:  # a view has begun already
                connection.exec_driver_sql("BEGIN IMMEDIATE")

        return engine

    @contextmanager
    def _borrowed(self, engine: Engine) -> Iterator[Connection]:
        """A connection for one bracket; kept for the next thread afterwards (list.pop and append are atomic)."""
        idle = self._idle[engine]
        try:
            connection = idle.pop()
        except IndexError:
            connection = engine.connect()
        try:
            yield connection
        finally:
            if connection.invalidated or connection.in_transaction() or _driver(connection).in_transaction:
                connection.close()
            else:
                idle.append(connection)

    def _watching(self) -> sqlite3.Connection:
        watcher = sqlite3.connect(self.path, isolation_level=None, check_same_thread=False)
        _set_pragmas(watcher)
        return watcher

    @contextmanager
    def transaction(self, patience: float = WRITER_TIMEOUT) -> Iterator[Connection]:
        """The write transaction of this thread: joined if open, else begun, and committed or rolled back at the end.

        Raises Unavailable when others write for longer than `patience`, in seconds.
        """
        if self._local.open is not None:
            yield self._local.open
            return
        patience = self._mutex.acquire(patience)
        try:
            with self._borrowed(self._writers) as connection, _patient(connection, patience).begin():
                self._local.open, self._local.changes = connection, _driver(connection).total_changes
                yield connection
        except OperationalError as error:
            code = getattr(error.orig, "sqlite_errorcode", 0) & 0xFF
            if code not in TRANSIENT:
                raise
            if code == sqlite3.SQLITE_FULL:
                raise DiskFull("the disk is full; free some space and try again") from error
            raise Unavailable("the database cannot be written now; try again in a moment") from error
        finally:
            self._local.open = self._local.known = None
            self._mutex.release()

    def try_writing(self, seconds: float) -> None:
        """Begin a write transaction and give it up again. Raises Unavailable, also if others write for so long."""
        patience = self._mutex.acquire(seconds)
        try:
            with self._borrowed(self._writers) as connection, _patient(connection, patience).begin() as change:
                change.rollback()
        except OperationalError as error:
            raise Unavailable("the database cannot be written now") from error
        finally:
            self._mutex.release()

    def read(self) -> AbstractContextManager[Connection]:
        """A consistent view for a short look-up: joins this thread's open transaction or view, else begins one."""
        joined = self._local.open or self._local.viewing
        return self._view() if joined is None else nullcontext(joined)

    @contextmanager
    def _view(self) -> Iterator[Connection]:
        with self._borrowed(self._readers) as connection:
            driver = _driver(connection)
            driver.execute("BEGIN").close()  # straight to the driver: each look-up begins with this
            self._local.viewing, connection.info[VIEW] = connection, object()
            try:
                yield connection
            finally:
                self._local.viewing = None
                if connection.in_transaction():  # a statement of SQLAlchemy's has joined it
                    connection.commit()
                else:
                    driver.commit()

    @property
    def in_transaction(self) -> bool:
        """True while this thread has its write transaction open."""
        return self._local.open is not None

    @property
    def in_view(self) -> bool:
        """True while this thread looks at one state of the database: inside `read` or its write transaction."""
        return self._local.open is not None or self._local.viewing is not None

    def committed(self) -> int:
        """A number that differs after any commit by anyone; meaningful within this process."""
        return self._commits.number()

    def begin_request(self) -> None:
        """From now on `known` answers as of its next asking, in this thread; to be said by whoever takes a request.

        Nothing is asked yet: what answers without the database must not wait for it.
        """
        self._local.asks, self._local.known = True, None

    def known(self) -> int:
        """What `committed` was when this thread's request began; where none began, or it committed itself, what it is.

        Good for finding again what was kept: the request is answered as of its beginning.
        """
        number = self._local.known
        if number is None:
            number = self.committed()
            if self._local.asks:
                self._local.known = number
        return number

    @property
    def stands_as_known(self) -> bool:
        """True in a write transaction that has changed no row, if nobody has committed since `known`."""
        opened = self._local.open
        return (
            opened is not None
            and _driver(opened).total_changes == self._local.changes
            and self.committed() == self.known()
        )

    def checkpoint(self) -> bool:
        """Move the write-ahead log into the database under the writer mutex; False if there was none.

        Nothing of it is left: neither what was shredded, nor its blocks on the disk.
        """
        log = self.path.with_name(self.path.name + "-wal")
        if not log.exists() or not log.stat().st_size:
            return False
        self._move_log("TRUNCATE")
        return True

    def rewind(self, at_least: int) -> bool:
        """The same if so many bytes wait in the log, but its file stays and is written over from its beginning.

        A commit that needs no new blocks syncs its data alone, and not the journal of the file system, too (record 76).
        """
        if self._commits.log_bytes() < at_least:
            return False
        self._move_log("RESTART")
        return True

    def _move_log(self, how: str) -> None:
        self._mutex.acquire()
        try:
            connection = sqlite3.connect(self.path, isolation_level=None)
            try:
                _set_pragmas(connection)
                connection.execute(f"PRAGMA wal_checkpoint({how})")
            finally:
                connection.close()
        finally:
            self._mutex.release()

    def copy_to(self, target: Path) -> None:
        """Copy all committed rows into a new file, in the caller's transaction, which keeps writers away meanwhile.

        The file is durable only after it was synced.
        """
        assert self.in_transaction, "a copy beside a checkpoint or another writer would hold neither state"
        descriptor = os.open(target, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        os.close(descriptor)
        source, copy = sqlite3.connect(self.path), sqlite3.connect(target)
        try:
            copy.execute("PRAGMA synchronous=OFF").close()  # a half written copy is thrown away, never opened
            source.backup(copy)
        finally:
            copy.close()
            source.close()

    def skip_numbers(self, count: int, *, but: Collection[str]) -> None:
        """Leave out the next `count` ids of every table that counts by itself, except of those named in `but`."""
        with self.transaction() as connection:
            counting = "SELECT name FROM sqlite_master WHERE type = 'table' AND sql LIKE '%AUTOINCREMENT%'"
            for (table,) in connection.exec_driver_sql(counting).all():
                if table in but:
                    continue
                moved = connection.exec_driver_sql(
                    "UPDATE sqlite_sequence SET seq = seq + ? WHERE name = ?", (count, table)
                )
                if not moved.rowcount:
                    connection.exec_driver_sql("INSERT INTO sqlite_sequence (name, seq) VALUES (?, ?)", (table, count))

    def close(self) -> None:
        """Close all connections; only when no request is running."""
        for idle in self._idle.values():
            while idle:
                idle.pop().close()
        self._writers.dispose()
        self._readers.dispose()
        self._commits.close()
        self._mutex.close()


def _driver(connection: Connection) -> sqlite3.Connection:
    driven = connection.connection.driver_connection
    assert isinstance(driven, sqlite3.Connection)
    return driven


def _patient(connection: Connection, seconds: float) -> Connection:
    """Programs that do not know the mutex may hold the database, too: waiting for both takes no longer."""
    _driver(connection).execute(f"PRAGMA busy_timeout={int(seconds * 1000)}").close()
    return connection


def _set_pragmas(connection: sqlite3.Connection) -> None:
    for pragma in (
        "journal_mode=WAL",
        "synchronous=FULL",
        "foreign_keys=ON",
        "secure_delete=ON",
        "busy_timeout=10000",
        "trusted_schema=OFF",
        "cell_size_check=ON",
        "wal_autocheckpoint=0",
        "temp_store=MEMORY",
    ):
        connection.execute(f"PRAGMA {pragma}").close()
