"""What is answered is on the disk: fsync of bytes, of their directory, of the write-ahead log, and only then the 201.

storage-format.md, "PUT, step by step": steps 5 to 7. The order of system calls is read from strace.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.davclient import DavClient
from tests.faults.tracing import Trace, traced
from tests.foreign import need
from tests.running import RunningServer, start

WATCHED = "--trace=fsync,fdatasync,rename,renameat,renameat2,sendto"
DRAFT, DIRECTORY, LOG = ("/staging/", "/blobs/", "gremium.db-wal>")
UPDATE = '<D:set><D:prop><x:a xmlns:x="urn:x">wert</x:a></D:prop></D:set>'


@pytest.fixture
def alone(own_data: Path) -> Iterator[RunningServer]:
    """A server with one worker, so that one process is traced."""
    with start(own_data, workers=1) as running:
        yield running
        assert running.stop() == 0


def steps(trace: Trace) -> list[str]:
    """The watched calls of the thread that answered, up to its answer."""
    calls = trace.calls()
    (answering,) = {thread for thread, call, line in calls if call == "sendto" and '"HTTP/1.1 2' in line}
    lines = [line for thread, _, line in calls if thread == answering]
    last = next(number for number, line in enumerate(lines) if '"HTTP/1.1 2' in line)
    return lines[: last + 1]


def position(lines: list[str], call: str, *parts: str) -> int:
    """Where this call on this file stands; it must be there."""
    found = [n for n, line in enumerate(lines) if f" {call}(" in line and all(part in line for part in parts)]
    assert found, f"no {call} {parts} before the answer:\n" + "\n".join(lines)
    return found[0]


def test_a_put_into_the_vault_is_durable_before_its_answer(alone: RunningServer, tmp_path: Path) -> None:
    """fsync of the draft, rename, fsync of its directory, fsync of the log, answer: in this order."""
    with alone.client("clara", "/dav/ba05/Arbeitsordner") as client:
        assert client.put("/warm", b"").status == 201
        with traced(need("strace"), alone.process.pid, tmp_path / "trace", WATCHED, "-y") as trace:
            assert client.put("/neu", os.urandom(100_000)).status == 201
    lines = steps(trace)
    order = [
        position(lines, "fsync", DRAFT),
        position(lines, "rename", DRAFT, DIRECTORY),
        position(lines, "fsync", DIRECTORY),
        position(lines, "fdatasync", LOG),
        position(lines, "sendto", "HTTP/1.1 201"),
    ]
    assert order == sorted(order), lines


def test_a_small_put_into_the_vault_is_durable_before_its_answer(alone: RunningServer, tmp_path: Path) -> None:
    """Decision 72: its bytes are in the log that is synced, once, before the answer; no file, and no other sync."""
    with alone.client("clara", "/dav/ba05/Arbeitsordner") as client:
        assert client.put("/warm", b"").status == 201
        with traced(need("strace"), alone.process.pid, tmp_path / "trace", f"{WATCHED},pwrite64", "-y") as trace:
            assert client.put("/neu", os.urandom(16_000)).status == 201
    lines = steps(trace)
    synced = [line for line in lines if " pwrite64(" not in line]
    assert [position(synced, "fdatasync", LOG), position(synced, "sendto", "HTTP/1.1 201")] == [0, 1], lines
    written = [n for n, line in enumerate(lines) if " pwrite64(" in line and LOG in line]
    assert len(written) > 4
    assert max(written) < position(lines, "fdatasync", LOG)


def test_a_put_onto_the_filesystem_is_durable_before_its_answer(alone: RunningServer, tmp_path: Path) -> None:
    """fsync of the body and of the step's record, rename, fsync of the folder, fsync of the log, answer."""
    with alone.client("clara", "/dav/archiv/Arbeitsordner") as client:
        assert client.put("/warm", b"").status == 201
        with traced(need("strace"), alone.process.pid, tmp_path / "trace", WATCHED, "-y") as trace:
            assert client.put("/neu", os.urandom(100_000)).status == 201
    lines = steps(trace)
    order = [
        position(lines, "fsync", "/new/"),
        position(lines, "fsync", "/steps/"),
        position(lines, "renameat", '"neu"'),
        position(lines, "fsync", "/Arbeitsordner>"),
        position(lines, "fdatasync", LOG),
        position(lines, "sendto", "HTTP/1.1 201"),
    ]
    assert order == sorted(order), lines


CHANGES: dict[str, Callable[[DavClient], int]] = {
    "mkcol": lambda client: client.mkcol("/neu").status,
    "move": lambda client: client.move("/da", "/dort").status,
    "copy": lambda client: client.copy("/da", "/dort").status,
    "delete": lambda client: client.delete("/da").status,
    "proppatch": lambda client: client.proppatch("/da", UPDATE).status,
    "lock": lambda client: client.lock("/da").status,
}


@pytest.mark.parametrize("change", CHANGES)
def test_no_change_is_answered_before_it_is_durable(alone: RunningServer, tmp_path: Path, change: str) -> None:
    """synchronous=FULL: the log is synced in the transaction of every verb, once."""
    with alone.client("clara", "/dav/ba05/Arbeitsordner") as client:
        assert client.put("/da", b"da").status == 201
        assert client.propfind("/da").status == 207  # the first look after an `apply` settles the collections' parts
        with traced(need("strace"), alone.process.pid, tmp_path / "trace", WATCHED, "-y") as trace:
            assert 200 <= CHANGES[change](client) < 300
    lines = steps(trace)
    assert position(lines, "fdatasync", LOG) < len(lines) - 1
    assert sum(LOG in line for line in lines) == 1, "one transaction for each verb:\n" + "\n".join(lines)
