"""Stopping and restarting under load: what was answered is there, and no request is cut (issue "Trust"; bar S-37).

The socket stays open over a restart as systemd keeps it (sd_listen_fds(3)): who connects meanwhile waits a moment and
sees no error. Without that he is refused at the door, which a client may repeat at once.
"""

from __future__ import annotations

import http.client
import os
import random
import socket
import sqlite3
import subprocess
import threading
import time
from base64 import b64encode
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

import pytest

from tests.running import PASSWORD, PROGRAM, RunningServer, command, copied, start

CLIENTS = 8
DEATHS = 2
"""Of all processes; fifty of a server alone: tests/faults/test_sudden_death.py."""
RESTART_SECONDS = 5.0
FOLDER = "/dav/ba05/Arbeitsordner"
HELD = ("bash", "-c", 'exec 3<&"$0"; export LISTEN_FDS=1 LISTEN_PID=$$; exec "$@"')
"""Starts a program with a listening socket as its descriptor 3, as systemd does for a unit with a socket."""
AUTHORIZATION = {"Authorization": "Basic " + b64encode(f"clara:{PASSWORD}".encode()).decode()}


@dataclass
class Writer:
    """A client that puts one new document after the other, over one connection or a fresh one for each."""

    port: int
    number: int
    keeps: bool
    acknowledged: dict[str, bytes] = field(default_factory=dict)
    shut: int = 0
    """Requests on a kept connection that met its end and no byte of an answer: to be sent again (RFC 9112 §9.3.1)."""
    refused: int = 0
    cut: list[str] = field(default_factory=list)

    def run(self, ending: threading.Event) -> None:
        connection, count, fresh = self._connection(), 0, True
        while not ending.is_set():
            path, content = f"{FOLDER}/last-{self.number}-{count}.bin", os.urandom(2_000 + 997 * (count % 60))
            try:
                connection.request("PUT", path, content, AUTHORIZATION)
                answer = connection.getresponse()
                answer.read()
            except ConnectionRefusedError:
                self.refused += 1
                time.sleep(0.05)
                connection, fresh = self._connection(), True
                continue
            except (http.client.HTTPException, OSError) as error:
                untouched = isinstance(error, http.client.RemoteDisconnected | ConnectionResetError | BrokenPipeError)
                if untouched and not fresh:
                    self.shut += 1
                else:
                    self.cut.append(f"{type(error).__name__}: {error} at {path}")
                connection.close()
                connection, fresh = self._connection(), True
                continue
            if answer.status in (201, 204):
                self.acknowledged[path] = content
                count += 1
            else:
                self.cut.append(f"{answer.status} at {path}")
            if self.keeps:
                fresh = connection.sock is None
            else:
                connection.close()
                connection, fresh = self._connection(), True
        connection.close()

    def _connection(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)


class Crowd:
    """Eight clients at work, half of them over kept connections."""

    def __init__(self, port: int) -> None:
        self._ending = threading.Event()
        self.writers = [Writer(port, number, keeps=number % 2 == 0) for number in range(CLIENTS)]
        self._threads = [threading.Thread(target=writer.run, args=(self._ending,)) for writer in self.writers]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def rest(self) -> None:
        """Let each finish what it does."""
        self._ending.set()
        for thread in self._threads:
            thread.join(90)
        assert not any(thread.is_alive() for thread in self._threads)

    def __exit__(self, *_: object) -> None:
        self.rest()


def wait_for_work(writers: list[Writer]) -> None:
    """Until each has had two more answers."""
    before = [len(writer.acknowledged) for writer in writers]
    end = time.monotonic() + 60
    while any(len(writer.acknowledged) < count + 2 for writer, count in zip(writers, before, strict=True)):
        assert time.monotonic() < end, [(writer.refused, writer.shut, writer.cut) for writer in writers]
        time.sleep(0.02)


def check_all_is_there(served: RunningServer, writers: list[Writer]) -> None:
    client = served.client("clara")
    acknowledged = {path: content for writer in writers for path, content in writer.acknowledged.items()}
    assert len(acknowledged) >= 4 * CLIENTS
    lost = [path for path, content in acknowledged.items() if client.get(path).body != content]
    client.close()
    assert lost == []


@pytest.fixture
def held_open() -> Iterator[socket.socket]:
    """A listening socket that outlives the servers behind it."""
    with socket.create_server(("127.0.0.1", 0), backlog=256) as listening:
        listening.set_inheritable(True)
        yield listening


def space_keys(data: Path) -> dict[str, bytes]:
    """Share → its wrapped key."""
    with closing(sqlite3.connect(data / "gremium.db")) as connection:
        return dict(connection.execute("SELECT share, wrapped FROM space_key"))


@pytest.mark.parametrize("rotating", ["", "ba05"], ids=["one worker", "two workers, and a committee's key changes"])
def test_a_restart_under_load_loses_and_cuts_nothing(
    installed: Path, tmp_path: Path, held_open: socket.socket, rotating: str
) -> None:
    """SIGTERM while eight clients write, a new server behind the same socket: nobody is refused, every answer holds.

    Also where a command waits for that moment to give a committee a new key (S-32): the new server waits for its end,
    and nothing is left under the former one.
    """
    data, workers = copied(installed, tmp_path / "own"), 2 if rotating else 1
    former = space_keys(data)
    port, inherit = held_open.getsockname()[1], (held_open.fileno(),)
    program = (*HELD, str(held_open.fileno()), *PROGRAM)
    first = start(data, workers=workers, program=program, port=port, inherit=inherit)
    with first, Crowd(port) as crowd:
        words = [*PROGRAM, "rotate-keys", "--committee", rotating, "--wait", "--data", str(data)]
        waiting = subprocess.Popen(words) if rotating else None
        wait_for_work(crowd.writers)
        assert waiting is None or waiting.poll() is None
        assert first.stop() == 0
        with start(data, workers=workers, program=program, port=port, inherit=inherit) as second:
            assert waiting is None or waiting.wait(0) == 0, "the new server did not wait for the end"
            wait_for_work(crowd.writers)
            crowd.rest()
            check_all_is_there(second, crowd.writers)
            assert second.stop() == 0
    assert {share for share, wrapped in space_keys(data).items() if wrapped != former[share]} == {rotating} - {""}
    assert command("check", data=data).strip() == "everything is whole"
    for path in data.glob("gremium.db*"):
        assert not rotating or former[rotating] not in path.read_bytes()
    assert [writer.cut for writer in crowd.writers] == [[]] * CLIENTS
    assert [writer.refused for writer in crowd.writers] == [0] * CLIENTS


def test_a_stop_without_a_held_socket_refuses_and_cuts_nothing(installed: Path, tmp_path: Path) -> None:
    """Who comes between the two servers is refused at the door and comes again; what was answered is there."""
    data = copied(installed, tmp_path / "own")
    with start(data, workers=2) as first, Crowd(first.port) as crowd:
        wait_for_work(crowd.writers)
        assert first.stop() == 0
        with start(data, workers=2, port=first.port) as second:
            wait_for_work(crowd.writers)
            crowd.rest()
            check_all_is_there(second, crowd.writers)
    assert [writer.cut for writer in crowd.writers] == [[]] * CLIENTS
    assert sum(writer.refused for writer in crowd.writers) > 0


def test_a_slow_upload_is_finished_before_the_end(installed: Path, tmp_path: Path) -> None:
    """SIGTERM in the middle of a body: the rest is taken, the answer is 201, then the server ends with 0."""
    data = copied(installed, tmp_path / "own")
    content = os.urandom(400_000)
    with start(data, workers=2) as served:
        connection = http.client.HTTPConnection("127.0.0.1", served.port, timeout=60)
        connection.putrequest("PUT", f"{FOLDER}/langsam.bin")
        for name, value in {**AUTHORIZATION, "Content-Length": str(len(content))}.items():
            connection.putheader(name, value)
        connection.endheaders(content[:1000])
        time.sleep(0.3)
        served.process.terminate()
        for start_at in range(1000, len(content), 40_000):
            connection.send(content[start_at : start_at + 40_000])
            time.sleep(0.1)
        answer = connection.getresponse()
        assert (answer.status, answer.headers["Connection"]) == (201, "close")
        connection.close()
        assert served.process.wait(60) == 0
    with start(data, workers=1) as after:
        client = after.client("clara")
        assert client.get(f"{FOLDER}/langsam.bin").body == content
        client.close()


def test_systemd_is_told_when_it_is_ready_and_when_it_stops(own_data: Path, tmp_path: Path) -> None:
    """sd_notify(3), so that a unit of Type=notify waits for the right moment."""
    address = tmp_path / "notify"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as line:
        line.bind(str(address))
        line.settimeout(30)
        with start(own_data, workers=2, env={"NOTIFY_SOCKET": str(address)}) as served:
            assert line.recv(100) == b"READY=1"
            assert served.stop() == 0
        assert line.recv(100) == b"STOPPING=1"


def test_killed_under_load_what_was_answered_is_there(installed: Path, tmp_path: Path) -> None:
    """SIGKILL of all processes at any moment (S-37): nothing answered is lost, and a start takes less than 5 s."""
    data = copied(installed, tmp_path / "own")
    chance, port = random.Random(37), 0
    served = start(data, workers=2)
    try:
        port = served.port
        with Crowd(port) as crowd:
            for _ in range(DEATHS):
                wait_for_work(crowd.writers)
                time.sleep(chance.uniform(0, 0.4))
                served.kill()
                began = time.monotonic()
                served = start(data, workers=2, port=port)
                assert time.monotonic() - began < RESTART_SECONDS
            wait_for_work(crowd.writers)
            crowd.rest()
        check_all_is_there(served, crowd.writers)
        assert served.stop() == 0
    finally:
        if served.process.poll() is None:
            served.kill()
    assert command("check", data=data).strip() == "everything is whole"
