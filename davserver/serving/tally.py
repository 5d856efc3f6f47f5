"""Counts of what all workers serve, in memory that the processes share: numbers only, no name and no path.

Each worker writes in a place of its own, so there is nothing to lock between processes; whoever reads adds the places
up. A worker that takes a dead one's place goes on with its counts, so sums never fall while the server runs.
"""

from __future__ import annotations

import mmap
import os
import threading
from bisect import bisect_left
from dataclasses import dataclass
from pathlib import Path

METHODS = (
    *("OPTIONS", "GET", "HEAD", "PUT", "DELETE", "MKCOL", "COPY", "MOVE", "POST", "PATCH"),
    *("PROPFIND", "PROPPATCH", "REPORT", "SEARCH", "ACL", "LOCK", "UNLOCK", "other"),
)
"""What requests are counted by; a method that nobody knows is `other`, or anybody could make up rows."""
CLASSES = ("2xx", "3xx", "4xx", "5xx")
BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
"""Upper bounds of the durations' histogram, in seconds; one more bucket holds what took longer."""

_PLACE_OF = {method: number for number, method in enumerate(METHODS)}
_OTHER = len(METHODS) - 1
_PROCESS, _CONNECTIONS, _STOPPED, _RECEIVED, _SENT, _LOGINS, _MICROSECONDS, _REQUESTS = range(8)
_DURATIONS = _REQUESTS + len(METHODS) * len(CLASSES)
_CELLS = _DURATIONS + len(BUCKETS) + 1
_LAYOUT = 0x4752_4D54_0000_0000 + _CELLS  # tells a reader of another version that these are not his cells
_HEAD = 2
_GONE = 499  # for the counts alone: the peer went before there was an answer


class NoBoard(Exception):  # noqa: N818
    """The file holds no counts of this version."""


@dataclass(frozen=True, slots=True)
class Sums:
    """All workers' numbers, added up."""

    requests: dict[tuple[str, str], int]
    """By method and class of the status."""
    durations: tuple[int, ...]
    """Requests by bucket, each without those of the buckets below it."""
    seconds: float
    received: int
    sent: int
    logins_refused: int
    connections: int
    stores_stopped: int
    """At most in one worker."""
    workers: int
    """How many live."""
    places: int
    """How many there should be."""


class Tally:
    """One worker's place; safe for its threads."""

    def __init__(self, place: int, cells: memoryview) -> None:
        self.place = place
        self._cells = cells
        self._lock = threading.Lock()

    def enter(self) -> None:
        """This process takes the place; what its predecessor held open died with him."""
        self._cells[_CONNECTIONS] = self._cells[_STOPPED] = 0
        self._cells[_PROCESS] = os.getpid()

    def leave(self) -> None:
        self._cells[_PROCESS] = self._cells[_CONNECTIONS] = self._cells[_STOPPED] = 0

    def answered(self, method: str, status: int, seconds: float, received: int, sent: int) -> None:
        """One request has come to its end; `status` is 0 if it got no answer."""
        row = _PLACE_OF.get(method, _OTHER) * len(CLASSES) + ((status or _GONE) // 100 - 2)
        bucket = _DURATIONS + bisect_left(BUCKETS, seconds)
        cells = self._cells
        with self._lock:
            cells[_REQUESTS + row] += 1
            cells[bucket] += 1
            cells[_MICROSECONDS] += int(seconds * 1_000_000)
            cells[_RECEIVED] += received
            cells[_SENT] += sent

    def connected(self, count: int) -> None:
        """So many connections are open now."""
        self._cells[_CONNECTIONS] = count

    def stores_stopped(self, count: int) -> None:
        """So many stores of this worker take no changes now."""
        self._cells[_STOPPED] = count

    def logins_refused(self, count: int) -> None:
        """So many more."""
        with self._lock:
            self._cells[_LOGINS] += count


class Board:
    """The places of all workers of one server; made before the first of them is forked."""

    def __init__(self, memory: mmap.mmap) -> None:
        self._cells = memoryview(memory).cast("Q")

    @classmethod
    def create(cls, workers: int, path: Path | None = None) -> Board:
        """A board without counts, in a new file if other processes shall read it, too."""
        size = 8 * (_HEAD + workers * _CELLS)
        if path is None:
            board = cls(mmap.mmap(-1, size))
        else:
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
            try:
                os.ftruncate(descriptor, size)
                board = cls(mmap.mmap(descriptor, size))
            finally:
                os.close(descriptor)
        board._cells[0], board._cells[1] = _LAYOUT, workers
        return board

    @classmethod
    def read(cls, path: Path) -> Board:
        """As it is now, also of a server that runs no longer. Raises NoBoard."""
        try:
            with path.open("rb") as file:
                board = cls(mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ))
        except (FileNotFoundError, ValueError):  # ValueError: an empty file
            raise NoBoard(f"{path} holds no counts of a server") from None
        cells = board._cells
        if cells[0] != _LAYOUT or len(cells) != _HEAD + cells[1] * _CELLS:
            raise NoBoard(f"{path} was written by another version")
        return board

    def tally(self, place: int) -> Tally:
        """The place of one worker, from 0."""
        start = _HEAD + place * _CELLS
        return Tally(place, self._cells[start : start + _CELLS])

    def sums(self) -> Sums:
        """Added up over all places."""
        count = self._cells[1]
        places = [self._cells[_HEAD + n * _CELLS : _HEAD + (n + 1) * _CELLS].tolist() for n in range(count)]
        total = [sum(column) for column in zip(*places, strict=True)]
        living = [place for place in places if _lives(place[_PROCESS])]
        kinds = [(method, kind) for method in METHODS for kind in CLASSES]
        return Sums(
            requests=dict(zip(kinds, total[_REQUESTS:_DURATIONS], strict=True)),
            durations=tuple(total[_DURATIONS:]),
            seconds=total[_MICROSECONDS] / 1_000_000,
            received=total[_RECEIVED],
            sent=total[_SENT],
            logins_refused=total[_LOGINS],
            connections=sum(place[_CONNECTIONS] for place in living),
            stores_stopped=max((place[_STOPPED] for place in living), default=0),
            workers=len(living),
            places=count,
        )


def _lives(process: int) -> bool:
    if not process:
        return False
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # somebody else's, so it is there
        return True
    return True
