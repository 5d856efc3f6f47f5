"""What the server writes to standard output: one line per fact, as JSON or for people, never two lines mixed."""

from __future__ import annotations

import contextlib
import functools
import json
import logging
import sys
import time
from collections.abc import Callable, Mapping
from json.encoder import encode_basestring
from typing import Any

_encode = json.JSONEncoder(ensure_ascii=False).encode
_WRITERS: dict[type, Callable[[Any], str]] = {str: encode_basestring, int: repr, float: repr}
"""What nearly all facts are, written without the detours of `json`; no line tells of a number that is infinite."""


class Lines:
    """Writes lines in the form that the settings ask for."""

    def __init__(self, form: str) -> None:
        self._as_json = form == "json"

    def write(self, facts: Mapping[str, object]) -> None:
        """One line in one write, so that lines of several processes never mix.

        What cannot be written now stays with the stream until the next line: whoever reads the log may be gone or his
        disk full, and what a request did is done all the same.
        """
        if self._as_json:
            told = [f', "{name}": {_WRITERS.get(type(fact), _json)(fact)}' for name, fact in facts.items()]
            line = f'{{"time": "{_now()}"{"".join(told)}}}'
        else:
            line = " ".join(f"{name}={value}" for name, value in facts.items())
        with contextlib.suppress(OSError):
            sys.stdout.write(line + "\n")
            sys.stdout.flush()

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
