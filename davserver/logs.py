"""What the server writes to standard output: one line per fact, as JSON or for people, never two lines mixed."""

from __future__ import annotations

import contextlib
import functools
import json
import logging
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from json.encoder import encode_basestring
from typing import Any

TOGETHER_SECONDS = 0.005
MOST_WAITING = 4096
ATOMIC = 4096
"""Characters of one write at most; a pipe takes so many bytes of one process whole (PIPE_BUF, pipe(7))."""

_encode = json.JSONEncoder(ensure_ascii=False).encode
_WRITERS: dict[type, Callable[[Any], str]] = {str: encode_basestring, int: repr, float: repr}
"""What nearly all facts are, written without the detours of `json`; no line tells of a number that is infinite."""


class Lines:
    """Writes lines in the form that the settings ask for. Safe for many threads, not over a fork."""

    def __init__(self, form: str) -> None:
        self._as_json = form == "json"
        self._waiting: deque[str] = deque()
        self._due = threading.Event()
        self._writing = threading.Lock()
        self._writer: threading.Thread | None = None

    def write(self, facts: Mapping[str, object]) -> None:
        """One line, now, after all that wait."""
        self._waiting.append(self._line(facts))
        self.flush()

    def write_soon(self, facts: Mapping[str, object]) -> None:
        """One line, together with those of the next few milliseconds (record 79); at once where too many wait."""
        self._waiting.append(self._line(facts))
        if not self._due.is_set():
            self._due.set()
            if self._writer is None:
                with self._writing:
                    self._begin()
        elif len(self._waiting) > MOST_WAITING:
            self.flush()

    def flush(self) -> None:
        """Writes all that wait; whole lines in each write, so that those of several processes never mix.

        What cannot be written now stays with the stream until the next line: whoever reads the log may be gone or his
        disk full, and what a request did is done all the same.
        """
        with self._writing:
            while self._waiting:
                piece = self._waiting.popleft()
                while self._waiting and len(piece) + len(self._waiting[0]) <= ATOMIC:
                    piece += self._waiting.popleft()
                with contextlib.suppress(OSError):
                    sys.stdout.write(piece)
                    sys.stdout.flush()

    def _begin(self) -> None:
        if self._writer is None:
            self._writer = threading.Thread(target=self._write, name="log", daemon=True)
            self._writer.start()

    def _write(self) -> None:
        while self._due.wait():
            time.sleep(TOGETHER_SECONDS)
            self._due.clear()
            self.flush()

    def _line(self, facts: Mapping[str, object]) -> str:
        if self._as_json:
            told = [f', "{name}": {_WRITERS.get(type(fact), _json)(fact)}' for name, fact in facts.items()]
            return f'{{"time": "{_now()}"{"".join(told)}}}\n'
        return " ".join(f"{name}={value}" for name, value in facts.items()) + "\n"

    def take_over_logging(self) -> None:
        """Warnings and errors of all rooms go the same way."""
        handler = logging.StreamHandler(sys.stdout)
        if self._as_json:
            handler.setFormatter(_JsonFormatter())
        logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)


def _json(fact: object) -> str:
    if not isinstance(fact, list):
        return _encode(fact)
    return f"[{', '.join([_WRITERS.get(type(one), _json)(one) for one in fact])}]"


def _now() -> str:
    """The instant in UTC, as programs that read logs know it (RFC 3339)."""
    return _written(int(time.time()))


@functools.lru_cache(maxsize=2)
def _written(second: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(second))


class _JsonFormatter(logging.Formatter):
    """A record, with its traceback if it has one, as one line of JSON."""

    def format(self, record: logging.LogRecord) -> str:
        facts = {"time": _now(), "level": record.levelname, "room": record.name, "message": record.getMessage()}
        if record.exc_info:
            facts["trace"] = self.formatException(record.exc_info)
        return _encode(facts)
