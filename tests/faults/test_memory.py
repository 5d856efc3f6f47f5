"""Bodies of any size pass in little memory: 2 GiB within 64 MiB above idle, eight at once within 64 MiB each.

Must-show 6 of the drive; storage-format.md, "PUT, step by step"; reference bar S-30 for the range. The kernel's own
high-water mark of the serving process is reset before and read after each transfer, so no peak is missed.
"""

from __future__ import annotations

import http.client
import os
import random
import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.davclient import DavClient
from tests.running import RunningServer, copied, start

MIB = 1024 * 1024
HUGE, LARGE = 2048 * MIB, 256 * MIB
ALLOWED = 64 * MIB
AT_ONCE = 8
RANGE_READ = 64 * 1024
PERIOD = MIB + 4099
"""No multiple of any chunk, so that no two chunks of a document are alike."""


class Pattern:
    """Contents that are checked byte by byte without being kept: random bytes, repeated."""

    def __init__(self, seed: int, size: int) -> None:
        self.size = size
        block = random.Random(seed).randbytes(PERIOD)
        self._twice = memoryview(block + block)

    def part(self, start: int, length: int) -> memoryview:
        """At most one period, from anywhere."""
        return self._twice[start % PERIOD :][: min(length, PERIOD, self.size - start)]

    def put(self, client: DavClient, path: str) -> int:
        connection = http.client.HTTPConnection(client.host, client.port, timeout=120)
        with closing(connection):
            connection.putrequest("PUT", client.target(path))
            connection.putheader("Authorization", client.authorization)
            connection.putheader("Content-Length", str(self.size))
            connection.endheaders()
            sent = 0
            while sent < self.size:
                piece = self.part(sent, PERIOD)
                connection.send(piece)
                sent += len(piece)
            return connection.getresponse().status

    def check(self, client: DavClient, path: str) -> int:
        """GET it whole; the status. Fails at the first wrong byte."""
        connection = http.client.HTTPConnection(client.host, client.port, timeout=120)
        buffer = bytearray(MIB)
        view = memoryview(buffer)
        with closing(connection):
            connection.request("GET", client.target(path), headers={"Authorization": client.authorization})
            response = connection.getresponse()
            received = 0
            while count := response.readinto(buffer):
                assert view[:count] == self.part(received, count), f"wrong from {received} on"
                received += count
            assert received == self.size
            return response.status


@dataclass(frozen=True)
class Worker:
    """The one serving process, as the kernel sees it."""

    server: RunningServer
    client: DavClient

    def fact(self, file: str, name: str) -> int:
        text = Path(f"/proc/{self.server.process.pid}/{file}").read_text()
        (line,) = [line for line in text.splitlines() if line.startswith(name + ":")]
        return int(line.split()[1])

    def peak(self, act: Callable[[], None]) -> int:
        """How many bytes more than when idle were resident at most while `act` ran."""
        idle = self.fact("status", "VmRSS")
        Path(f"/proc/{self.server.process.pid}/clear_refs").write_text("5")  # the high-water mark starts anew
        act()
        return (self.fact("status", "VmHWM") - idle) * 1024


@pytest.fixture(scope="module")
def worker(installed: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Worker]:
    """A warm server; all that it has stored is removed in the end."""
    directory = tmp_path_factory.mktemp("large") / "own"
    if shutil.disk_usage(directory.parent).free < 8 * HUGE // 2:
        pytest.skip("needs 8 GiB of disk")
    try:
        with (
            start(copied(installed, directory), workers=1) as server,
            server.client("clara", "/dav/ba05/Arbeitsordner") as client,
        ):
            warm = Pattern(0, MIB)
            for _ in range(3):
                assert warm.put(client, "/warm") in (201, 204)
                assert warm.check(client, "/warm") == 200
            yield Worker(server, client)
            assert server.stop() == 0
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def test_two_gibibytes_pass_within_64_mebibytes(worker: Worker) -> None:
    """PUT, GET and a byte at the end of 2 GiB; each byte is compared."""
    huge, client = Pattern(1, HUGE), worker.client
    statuses = []
    growth = worker.peak(lambda: statuses.append(huge.put(client, "/huge.bin")))
    assert growth <= ALLOWED, f"PUT took {growth / MIB:.0f} MiB"
    more = worker.peak(lambda: statuses.append(huge.check(client, "/huge.bin")))
    assert more <= ALLOWED, f"GET took {more / MIB:.0f} MiB"
    assert statuses == [201, 200]
    print(f"2 GiB: PUT +{growth / MIB:.1f} MiB, GET +{more / MIB:.1f} MiB")


def test_a_byte_at_the_end_reads_little_from_the_disk(worker: Worker) -> None:
    """S-30: at most 64 KiB are read for one byte at the end, from wherever, also with a cold page cache."""
    (file,) = [path for path in worker.server.data.glob("vault/*/blobs/*/*") if path.stat().st_size > HUGE]
    asked = {"Range": f"bytes={HUGE - 1}-"}
    assert worker.client.request("GET", "/huge.bin", headers=asked).status == 206
    with file.open("rb") as blob:
        os.posix_fadvise(blob.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
    before = [worker.fact("io", name) for name in ("rchar", "read_bytes")]
    answer = worker.client.request("GET", "/huge.bin", headers=asked)
    after = [worker.fact("io", name) for name in ("rchar", "read_bytes")]
    assert (answer.status, answer.body) == (206, bytes(Pattern(1, HUGE).part(HUGE - 1, 1)))
    read, fetched = (late - early for early, late in zip(before, after, strict=True))
    assert read <= RANGE_READ, f"{read} bytes were read"
    assert fetched <= RANGE_READ, f"{fetched} bytes came from the disk"
    print(f"1 byte at the end of 2 GiB: {read} bytes read, {fetched} from the disk")


def test_eight_at_once_pass_within_64_mebibytes_each(worker: Worker) -> None:
    """PUT and GET of eight documents at the same time."""
    patterns = [Pattern(number + 2, LARGE) for number in range(AT_ONCE)]
    for verb, status in (("put", 201), ("check", 200)):
        statuses: list[int] = []

        def transfer(number: int, verb: str = verb, statuses: list[int] = statuses) -> None:
            act = getattr(patterns[number], verb)
            statuses.append(act(worker.client, f"/large-{number}.bin"))

        growth = worker.peak(lambda: all_at_once(transfer, AT_ONCE))
        assert statuses == [status] * AT_ONCE
        assert growth <= AT_ONCE * ALLOWED, f"{verb} took {growth / MIB:.0f} MiB"
        print(f"8 x 256 MiB {verb}: +{growth / MIB:.1f} MiB")


def all_at_once(act: Callable[[int], None], count: int) -> None:
    threads = [threading.Thread(target=act, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
