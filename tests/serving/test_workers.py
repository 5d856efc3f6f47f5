"""Several processes on one port: all serve, the dead are replaced, and stopping finishes what runs (wsgidav.md §4)."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from davserver.serving.engine import CHEROOT
from tests.serving.raw import HOST, Peer, eventually, request


class Process:
    """A started server; its first line of output tells where it listens."""

    def __init__(self, *arguments: str, port: int = 0, engine: str = CHEROOT) -> None:
        self.popen = subprocess.Popen(
            [sys.executable, "-m", "tests.serving.served", *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "PORT": str(port), "ENGINE": engine},
        )
        assert self.popen.stdout is not None
        self.first = self.popen.stdout.readline().split()

    @property
    def port(self) -> int:
        assert self.first[:2] == ["ready", HOST]
        return int(self.first[2])

    def get(self, path: str = "/") -> str:
        with Peer(self.port) as peer:
            peer.send(request("GET", path, "Connection: close"))
            return peer.answer().body.decode()

    def worker(self) -> int | None:
        """The process that answers one new connection; None if it was refused or reset."""
        try:
            return int(self.get().split()[0])
        except (OSError, EOFError):
            return None

    def workers(self, tries: int = 40) -> set[int]:
        return {found for _ in range(tries) if (found := self.worker()) is not None}

    def stop(self, number: int = signal.SIGTERM) -> tuple[int, str]:
        """Exit status and the rest of the output."""
        self.popen.send_signal(number)
        out, _ = self.popen.communicate(timeout=20)
        return self.popen.returncode, out


@contextmanager
def served(*arguments: str, port: int = 0, engine: str = CHEROOT) -> Iterator[Process]:
    process = Process(*arguments, port=port, engine=engine)
    try:
        yield process
    finally:
        if process.popen.poll() is None:
            process.popen.kill()
        process.popen.communicate(timeout=20)


def alive(process: int) -> bool:
    """Whether it runs; a zombie does not."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


@pytest.mark.parametrize("workers", ["1", "2"])
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_stopping_finishes_the_running_request(workers: str, number: int) -> None:
    """SIGTERM and SIGINT: the answer comes whole, every application is closed, the exit status is 0."""
    with served(workers) as process, Peer(process.port) as peer:
        peer.send(request("GET", "/sleep?0.7"))
        time.sleep(0.3)
        process.popen.send_signal(number)
        answer = peer.answer()
        assert (answer.status, answer.closes) == (200, True)
        out, err = process.popen.communicate(timeout=20)
        assert (process.popen.returncode, out.count("closed")) == (0, int(workers)), err
        with pytest.raises(ConnectionRefusedError):
            Peer(process.port)


def test_two_workers_both_serve() -> None:
    """SO_REUSEPORT spreads connections; the application is made in the worker, not in the supervisor."""
    with served("2") as process:
        found = process.workers()
        assert len(found) == 2
        assert int(process.first[3]) not in found
        assert process.get().endswith("True")
        status, _ = process.stop()
        assert status == 0
        assert not any(alive(worker) for worker in found)


@pytest.mark.parametrize("death", ["killed", "exits"])
def test_a_dead_worker_is_replaced(death: str) -> None:
    with served("2") as process:
        before = process.workers()
        assert len(before) == 2
        if death == "killed":
            os.kill(min(before), signal.SIGKILL)
        else:
            with Peer(process.port) as peer:
                peer.send(request("GET", "/exit"))
                assert peer.rest() == b""
        assert eventually(lambda: len(process.workers(10) - before) == 1, 10)
        after = process.workers()
        assert len(after) == 2
        assert process.stop()[0] == 0
        assert not any(alive(worker) for worker in before | after)


def test_workers_end_with_their_supervisor() -> None:
    """Nobody serves on with nobody to stop him."""
    with served("2") as process:
        found = process.workers()
        process.popen.kill()
        process.popen.wait()
        assert eventually(lambda: not any(alive(worker) for worker in found), 10)


@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_taken_port_is_a_plain_error(workers: str) -> None:
    """Not even a server of the same user that shares ports is joined by mistake."""
    with served("2") as first, served(workers, port=first.port) as second:
        assert second.popen.stdout is not None
        out = second.popen.stdout.read()  # communicate() would lose what came along with the first line
        second.popen.wait(10)
        said = " ".join(second.first) + "\n" + out
        assert f"problem Port {first.port} on 127.0.0.1 is in use; stop that server or choose another port." in said
        assert second.popen.returncode == 1
        assert first.get()


def test_a_worker_that_cannot_start_is_a_plain_error() -> None:
    with served("2", "break") as process:
        assert process.first[:5] == ["problem", "A", "worker", "could", "not"]
        assert process.popen.wait(10) == 1


def test_a_port_can_be_taken_again_at_once() -> None:
    """Connections in TIME_WAIT do not hinder a restart."""
    with served("2") as first:
        port = first.port
        assert first.get()
        assert first.stop()[0] == 0
    with served("2", port=port) as second:
        assert second.port == port
        assert second.get()


@pytest.mark.parametrize(("files", "warned"), [(4000, True), (9000, False)])
def test_connections_for_which_there_are_too_few_files_are_told_in_the_log(files: int, warned: bool) -> None:
    """`connections` is more than the machine lets a process open: whoever set it reads what to do."""
    program = (
        "import logging, resource\n"
        "from davserver.serving.workers import allow_many_files\n"
        f"resource.setrlimit(resource.RLIMIT_NOFILE, (1024, {files}))\n"
        "logging.basicConfig()\n"
        "allow_many_files(4000)\n"
        "print(resource.getrlimit(resource.RLIMIT_NOFILE)[0])\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == f"{files}\n"
    assert ("connections = 4000 needs 6048: raise LimitNOFILE" in done.stderr) == warned
