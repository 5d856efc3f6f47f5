"""S-42: while another process holds the database, writers are told so in time, readers notice nothing, all heals."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from davserver.database import DATABASE_NAME
from tests.running import command, copied, start
from tests.soaking import SOAK

HELD_SECONDS = 30 if SOAK else 8
ANSWER_SECONDS, READ_SECONDS = 10.0, 5.0
"""A reader who waited for the database would wait as long as a writer, about seven seconds."""
WRITERS = 4
FOLDER = "/dav/ba05/Arbeitsordner"
HOLD = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("BEGIN IMMEDIATE")
print("held", flush=True)
sys.stdin.read()
connection.execute("ROLLBACK")
"""
HALF = """
import socket, sys
connection = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
head = ["PUT " + sys.argv[2] + " HTTP/1.1", "Host: 127.0.0.1", "Authorization: " + sys.argv[3], "Content-Length: 40000"]
connection.sendall("\\r\\n".join([*head, "", ""]).encode() + bytes(20000))
print("half", flush=True)
sys.stdin.readline()
connection.sendall(bytes(20000))
print(connection.recv(12).decode(), flush=True)
"""


@contextmanager
def process(program: str, *words: str) -> Iterator[subprocess.Popen[str]]:
    """A Python process that has said its first word."""
    running = subprocess.Popen(
        [sys.executable, "-c", program, *words], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert running.stdin is not None
    assert running.stdout is not None
    try:
        assert running.stdout.readline()
        yield running
        running.stdin.close()
        assert running.wait(30) == 0
    finally:
        running.kill()
        running.wait()
        running.stdout.close()


def test_writers_are_told_in_time_and_readers_notice_nothing(installed: Path, tmp_path: Path) -> None:
    """503 with Retry-After within ten seconds, whoever stood in line before; no half state, no deadlock."""
    data = copied(installed, tmp_path / "own")
    refused: list[tuple[int, str | None, float]] = []
    with start(data, workers=2) as server, server.client("clara", FOLDER) as reader:
        assert reader.put("/there", b"there").status == 201

        def write(number: int) -> None:
            with server.client("clara", FOLDER) as client:
                end = time.monotonic() + HELD_SECONDS - 7.5
                while True:
                    began = time.monotonic()
                    answer = client.put(f"/n{number}", b"new")
                    refused.append((answer.status, answer.headers["Retry-After"], time.monotonic() - began))
                    if time.monotonic() > end:
                        return

        with process(HOLD, str(data / DATABASE_NAME)), ThreadPoolExecutor(WRITERS) as pool:
            writing = [pool.submit(write, number) for number in range(WRITERS)]
            reads = []
            while not all(one.done() for one in writing):
                began = time.monotonic()
                assert reader.get("/there").body == b"there"
                assert reader.propfind("/", "1").status == 207
                reads.append(time.monotonic() - began)
            for one in writing:
                one.result()
        assert max(reads) < READ_SECONDS
        assert len(refused) >= WRITERS
        assert {(status, retry is not None) for status, retry, _ in refused} == {(503, True)}
        assert max(seconds for *_, seconds in refused) < ANSWER_SECONDS
        assert reader.names("/") == ["there"]
        assert [reader.put(f"/n{number}", b"new").status for number in range(WRITERS)] == [201] * WRITERS
        assert server.stop() == 0
    command("check", data=data)


def test_a_client_that_is_stopped_hinders_nobody_and_goes_on_later(installed: Path, tmp_path: Path) -> None:
    """SIGSTOP in the middle of a body; all others write, to the same document, too; SIGCONT, and it is answered."""
    data = copied(installed, tmp_path / "own")
    with start(data, workers=1) as server, server.client("clara", FOLDER) as other:
        words = (str(server.port), f"{FOLDER}/paper", str(other.authorization))
        with process(HALF, *words) as stopped:
            os.kill(stopped.pid, signal.SIGSTOP)
            for number in range(5):
                assert other.put("/paper", f"{number}").status in (201, 204)
                assert other.put(f"/other-{number}", b"x").status == 201
            os.kill(stopped.pid, signal.SIGCONT)
            assert stopped.stdin is not None
            assert stopped.stdout is not None
            stopped.stdin.write("\n")
            stopped.stdin.flush()
            assert stopped.stdout.readline().strip() == "HTTP/1.1 204"
        assert other.get("/paper").body == bytes(40_000)
        assert server.stop() == 0
