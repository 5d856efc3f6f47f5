"""`/healthz`: does this process serve; `/healthz/ready`: can it take a document now? Anybody may ask: few words."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from davserver.house import House
from davserver.keys import KeyProblem, read_root_key
from davserver.serving.tally import Board
from shareproviders.contract import Unavailable

LIVE, READY = "/healthz", "/healthz/ready"
ASKED_ANEW_SECONDS = 1.0
"""So long an answer about readiness holds: whoever asks all the time costs no more than a look a second."""
WRITER_SECONDS = 2.0
STOPPED = "a store has stopped taking writes; see the log"


class Health:
    """Looks after one worker's house."""

    def __init__(self, house: House, board: Board) -> None:
        self._house, self._board = house, board
        self._asking = threading.Lock()
        self._lacking: list[str] = []
        self._asked = 0.0

    def __call__(self, environ: Mapping[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        if environ["PATH_INFO"] == LIVE:
            lacking, well = self._stopped(), "ok"
        else:
            lacking, well = self.lacking(), "ready"
        body = "".join(f"{line}\n" for line in lacking or [well]).encode()
        headers = [("Content-Type", "text/plain"), ("Content-Length", str(len(body))), ("Cache-Control", "no-store")]
        start_response("503 Service Unavailable" if lacking else "200 OK", headers)
        return [b"" if environ["REQUEST_METHOD"] == "HEAD" else body]

    def lacking(self) -> list[str]:
        """What stands in the way of writing, a sentence each; empty: nothing."""
        with self._asking:
            if time.monotonic() >= self._asked:
                self._lacking = [*self._stopped(), *self._missing()]
                self._asked = time.monotonic() + ASKED_ANEW_SECONDS
            return self._lacking

    def _stopped(self) -> list[str]:
        """Stores go read-only after a failed fsync, until a restart: those of this worker, or of another one."""
        return [STOPPED] if self._house.stores_stopped or self._board.sums().stores_stopped else []

    def _missing(self) -> Iterator[str]:
        house = self._house
        try:
            house.database.try_writing(WRITER_SECONDS)
        except Unavailable:
            yield "the database cannot be written"
        try:
            read_root_key(house.key)  # the next start needs it
        except KeyProblem:
            yield "the root key cannot be read"
        disk = os.statvfs(house.directory)
        if disk.f_bavail * 100 < disk.f_blocks * house.settings.free_space_percent:
            yield "the disk is nearly full"
