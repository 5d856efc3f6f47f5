"""The work: what is filled in first, and one function for each row of the table."""

from __future__ import annotations

import itertools
import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from lxml import etree

from tests.bench.driving import NAMED, Caller, Load, UnusableError, rate, transfer
from tests.bench.servers import Server

MIB = 1 << 20
RANGE = 64 * 1024
FOLDER_MEMBERS = 500
MOST_TIMES = 100


@dataclass
class Measure:
    """How long and how much; `scratch` is for the clients' own files."""

    seconds: int
    members: int
    big: int
    """MiB."""
    scratch: Path
    runs: itertools.count[int] = field(default_factory=itertools.count)

    @property
    def body(self) -> Path:
        """The large body, made once."""
        path = self.scratch / "large"
        if not path.exists():
            chance = random.Random(1)
            with path.open("wb") as file:
                for _ in range(self.big):
                    file.write(chance.randbytes(MIB))
        return path


def fill(server: Server, measure: Measure) -> None:
    """Everything goes in over WebDAV. Raises UnusableError if the server then lists less than it was given."""
    with Caller(server) as call:
        for folder in ("list", "small", "new", "folder"):
            call.expect("MKCOL", f"{folder}/")
        for number in range(measure.members):
            call.expect("PUT", f"list/Anlage_{number:05d}_Protokoll.pdf", b"x" * 100)
        call.expect("PUT", "small/4k.bin", random.Random(2).randbytes(4096))
        listing = call.expect("PROPFIND", "list/", NAMED.encode(), Depth="1", Content_Type="application/xml").body
    transfer(server, "large.bin", upload=measure.body)
    tree = etree.fromstring(listing)
    listed = len(tree.findall("{DAV:}response")) - 1
    if listed != measure.members:
        raise UnusableError(f"lists {listed} of {measure.members} members")
    if sum(bool(tag.text) for tag in tree.iterfind(".//{DAV:}getetag")) < measure.members:
        server.notes.append("lists no entity tags")


def _rate(method: str, below: str, **more: object) -> Callable[[Server, Measure], float]:
    def run(server: Server, measure: Measure) -> float:
        load = Load(method, below.replace("#", str(next(measure.runs))), **more)  # type: ignore[arg-type]
        return rate(server, load, measure.seconds, measure.scratch)

    return run


def _have_memory(measure: Measure) -> None:
    """Twice the large body of the kernel's memory for files, so that it is at hand for whoever comes now.

    A guest of a hypervisor gives memory back that it does not use, and gets it again at some 500 MiB/s: without this it
    would be measured who is first to need what his neighbour has left.
    """
    path, piece = measure.scratch / "memory", bytes(MIB)
    with path.open("wb") as file:
        for _ in range(2 * measure.big):
            file.write(piece)
    path.unlink()


def get_large(server: Server, measure: Measure) -> float:
    return _large(measure, lambda: transfer(server, "large.bin"))


def put_large(server: Server, measure: Measure) -> float:
    """Bodies that no server has yet: one that keeps equal bytes once would first read those that it has."""

    def put() -> float:
        with measure.body.open("r+b") as file:
            file.write(f"{next(measure.runs):016}".encode())
        return transfer(server, "large-again.bin", upload=measure.body)

    return _large(measure, put)


def _large(measure: Measure, once: Callable[[], float]) -> float:
    """MiB per second."""

    def after_making_room() -> float:
        _have_memory(measure)
        return once()

    return measure.big * _per_second(measure, after_making_room)


def _per_second(measure: Measure, once: Callable[[], float]) -> float:
    """One after the other, each of which tells its seconds; what lies between them is not timed, and so bounded."""
    seconds, count = 0.0, 0
    while seconds < measure.seconds and count < MOST_TIMES:
        seconds += once()
        count += 1
    return count / seconds


def list_after_write(server: Server, measure: Measure) -> float:
    """How fast the first reader after a change of that folder is answered; the change is not timed."""
    with Caller(server) as call, Caller(server) as writer:

        def once() -> float:
            writer.expect("PUT", "list/changed.bin", f"{next(measure.runs):08}".encode())
            return call.expect("PROPFIND", "list/", NAMED.encode(), Depth="1").seconds

        return _per_second(measure, once)


def read_ranges(server: Server, measure: Measure) -> float:
    chance = random.Random(3)
    count = 0
    with Caller(server) as call:
        started = time.perf_counter()
        while (passed := time.perf_counter() - started) < measure.seconds:
            first = chance.randrange(measure.big * MIB - RANGE)
            answer = call("GET", "large.bin", Range=f"bytes={first}-{first + RANGE - 1}")
            if answer.status != 206 or len(answer.body) != RANGE:
                raise UnusableError(f"a range answered {answer.status} with {len(answer.body)} bytes")
            count += 1
    return count / passed


def _folder(verb: str) -> Callable[[Server, Measure], float]:
    """The verb on a fresh folder of 500 files; what the others need is not timed."""

    def run(server: Server, measure: Measure) -> float:
        with Caller(server) as call:
            call("DELETE", "folder/")
            for folder in ("folder/", "folder/a/"):
                call.expect("MKCOL", folder)
            for number in range(FOLDER_MEMBERS):
                call.expect("PUT", f"folder/a/f{number}", b"y" * 1000)
            target = server.url("folder/b/")
            if verb == "DELETE":
                return 1 / call.expect("DELETE", "folder/a/").seconds
            return 1 / call.expect(verb, "folder/a/", Destination=target).seconds

    return run


class Work(NamedTuple):
    name: str
    run: Callable[[Server, Measure], float]


def works(measure: Measure) -> list[Work]:
    """The rows of the table, in its order."""
    members, big = f"{measure.members:,} members", f"{measure.big} MiB (MiB/s)"
    return [
        Work(
            f"PROPFIND depth 1, {members}, named (req/s)",
            _rate("PROPFIND", "list/", body=NAMED, depth="1", connections=4),
        ),
        Work(f"PROPFIND depth 1, {members}, allprop (req/s)", _rate("PROPFIND", "list/", depth="1", connections=4)),
        Work(f"PROPFIND depth 1, {members}, after another's write (1/s)", list_after_write),
        Work("PROPFIND depth 0 (req/s)", _rate("PROPFIND", "small/4k.bin", body=NAMED)),
        Work("GET 4 KiB (req/s)", _rate("GET", "small/4k.bin")),
        Work("PUT 4 KiB, new names (req/s)", _rate("PUT", "new/#-@.bin", body="z" * 4088, fresh=True)),
        Work(f"GET {big}", get_large),
        Work(f"PUT {big}", put_large),
        Work("64 KiB random range reads, 1 client (req/s)", read_ranges),
        Work(f"COPY a folder of {FOLDER_MEMBERS} files (1/s)", _folder("COPY")),
        Work(f"MOVE a folder of {FOLDER_MEMBERS} files (1/s)", _folder("MOVE")),
        Work(f"DELETE a folder of {FOLDER_MEMBERS} files (1/s)", _folder("DELETE")),
    ]
