"""How long somebody waits who works beside whatever a test does to the server.

He is a process of his own (`python -m tests.latency`): the threads with which a test presses would else wait for one
another, and that would be measured.
"""

from __future__ import annotations

import select
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from tests.davclient import DavClient

ENDS_WITHIN = 60
LEAST = 200
"""Of what is asked before and meanwhile, so that a twentieth of it means something."""


def listed(client: DavClient) -> float:
    """Seconds of one PROPFIND, which must be answered."""
    begun = time.monotonic()
    status = client.propfind("", "0").status
    seconds = time.monotonic() - begun
    assert status == 207
    return seconds


def locked(client: DavClient) -> float:
    """Seconds of a LOCK of his own document, which is unlocked again."""
    begun = time.monotonic()
    answer = client.lock("/eigenes.txt")
    seconds = time.monotonic() - begun
    assert answer.status in (200, 201)
    assert client.unlock("/eigenes.txt", answer.lock_token).status == 204
    return seconds


ASKED: dict[str, Callable[[DavClient], float]] = {"listed": listed, "locked": locked}


class Waiting:
    """What he has measured."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def p95(self, goes_on: Callable[[], bool] = lambda: False) -> float:
        """What the slowest of twenty take, in seconds: of those answered from now on, as long as something goes on."""
        assert self._process.stdout is not None
        times: list[float] = []
        begun = time.monotonic()
        for line in self._process.stdout:
            answered, seconds = (float(word) for word in line.split())
            if answered - seconds < begun:
                continue  # from before
            if len(times) >= LEAST and not goes_on():
                return statistics.quantiles(times, n=20)[-1]
            times.append(seconds)
        raise AssertionError("who works beside it met an error")


@contextmanager
def beside(client: DavClient, what: str = "listed") -> Iterator[Waiting]:
    """Somebody goes on asking for the same, with the login of this client, until the context ends."""
    words = [sys.executable, "-m", "tests.latency", client.origin, client.authorization, client.base, what]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield Waiting(process)
        finally:
            process.communicate(timeout=ENDS_WITHIN)  # what he has begun he ends, so no lock is left


def main(origin: str, authorization: str, base: str, what: str) -> None:
    """One line for each answer: when it came (seconds of the monotonic clock), and after how many."""
    with DavClient(origin, base=base) as client:
        client.authorization = authorization
        while not select.select([sys.stdin], [], [], 0)[0]:
            seconds = ASKED[what](client)
            print(time.monotonic(), seconds, flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
