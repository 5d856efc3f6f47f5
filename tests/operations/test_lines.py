"""Record 79: what a server writes to its log, when, and that lines never mix."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from davserver import logs
from davserver.logs import ATOMIC, MOST_WAITING, Lines
from tests.running import RunningServer, copied, start
from tests.serving.raw import eventually


class Stream:
    """Standard output that takes each write down, and may be closed to all of them for a while."""

    def __init__(self) -> None:
        self.writes: list[str] = []
        self.open = threading.Event()
        self.open.set()

    def write(self, text: str) -> int:
        self.open.wait(20)
        self.writes.append(text)
        return len(text)

    def flush(self) -> None:
        pass

    @property
    def lines(self) -> list[str]:
        return "".join(self.writes).splitlines()


@pytest.fixture
def stream(monkeypatch: pytest.MonkeyPatch) -> Iterator[Stream]:
    made = Stream()
    monkeypatch.setattr(logs, "sys", SimpleNamespace(stdout=made))  # pytest itself sets sys.stdout anew for each test
    yield made
    made.open.set()


def test_lines_of_requests_go_together(stream: Stream) -> None:
    """In their order, whole, and no write longer than what a pipe takes whole (PIPE_BUF, pipe(7))."""
    lines = Lines("json")
    for number in range(500):
        lines.write_soon({"request": number})
    assert eventually(lambda: len(stream.lines) == 500)
    assert [json.loads(line)["request"] for line in stream.lines] == list(range(500))
    assert len(stream.writes) < 50
    assert all(len(write) <= ATOMIC and write.endswith("\n") for write in stream.writes)


def test_what_is_written_now_comes_after_what_waits(stream: Stream) -> None:
    lines = Lines("human")
    lines.write_soon({"first": 1})
    lines.write({"then": 2})
    assert stream.lines == ["first=1", "then=2"]


def test_a_line_longer_than_that_is_written_alone(stream: Stream) -> None:
    lines = Lines("json")
    for number, text in enumerate(("a", "b" * ATOMIC, "c")):
        lines.write_soon({"number": number, "text": text})
    lines.flush()
    assert [json.loads(line)["number"] for line in stream.lines] == [0, 1, 2]


def test_who_is_not_read_holds_requests_up(stream: Stream) -> None:
    """Nothing is dropped, and no memory fills: where too many lines wait, the next request waits, too."""
    lines, done = Lines("json"), threading.Event()
    stream.open.clear()

    def ask() -> None:
        for number in range(MOST_WAITING + 1000):
            lines.write_soon({"request": number})
        done.set()

    thread = threading.Thread(target=ask)
    thread.start()
    assert not done.wait(0.5)
    stream.open.set()
    thread.join()
    assert eventually(lambda: len(stream.lines) == MOST_WAITING + 1000)


def test_a_full_disk_loses_no_request(stream: Stream, monkeypatch: pytest.MonkeyPatch) -> None:
    lines = Lines("json")

    def fails() -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(stream, "flush", fails)
    lines.write_soon({"request": 1})
    assert eventually(lambda: stream.writes)
    lines.write({"request": 2})
    assert len(stream.lines) == 2


def test_a_worker_that_stops_has_written_all(installed: Path, tmp_path: Path) -> None:
    with start(copied(installed, tmp_path), workers=2) as server, server.client("clara", "/dav/ba05") as client:
        for _ in range(50):
            assert client.propfind("").status == 207
        assert server.stop() == 0
        answered(server, 50)


def answered(server: RunningServer, times: int) -> None:
    """The log has a line for each, with a number of its own."""
    lines = [json.loads(line) for line in server.log if '"PROPFIND"' in line]
    assert len({line["request"] for line in lines}) == len(lines) == times
    assert {line["status"] for line in lines} == {207}


def test_lines_of_two_processes_never_mix(tmp_path: Path) -> None:
    """Both write as fast as they can into one pipe."""
    program = (
        "import sys; from davserver.logs import Lines; lines = Lines('json')\n"
        "for number in range(20000): lines.write_soon({'who': sys.argv[1] * 50, 'number': number})\n"
        "lines.flush()"
    )
    reading, writing = os.pipe()
    both = [subprocess.Popen([sys.executable, "-c", program, who], stdout=writing) for who in ("a", "b")]
    os.close(writing)
    with os.fdopen(reading, encoding="utf-8") as pipe:
        lines = [json.loads(line) for line in pipe]
    assert [each.wait(60) for each in both] == [0, 0]
    for who in ("a", "b"):
        assert [line["number"] for line in lines if line["who"] == who * 50] == list(range(20000))
