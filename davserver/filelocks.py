"""Locks of the kernel on files: they end with the process that holds them, however that ends."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from shareproviders.contract import Unavailable

IN_USE = "house.lock"
"""Held together by all processes that have a data directory open, alone by what none of them may live through."""
USED = "a server or another command uses this data directory; stop it, then try again"
CHANGED = "the data directory is being upgraded, or the keys of a committee are being changed; try again after that"
PATIENCE = 0.5  # seconds: whoever only looks holds a lock for microseconds
START_PATIENCE, END_PATIENCE = 90.0, 600.0
"""Seconds for which a server waits to start, and a command for the server to end."""


@contextmanager
def held(path: Path, otherwise: str, *, alone: bool, patience: float = PATIENCE) -> Iterator[None]:
    """Hold it, alone or together with others. Raises Unavailable, with the sentence `otherwise`, if that cannot be.

    `patience`: seconds.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        deadline = time.monotonic() + patience
        while not _locked(descriptor, fcntl.LOCK_EX if alone else fcntl.LOCK_SH):
            if time.monotonic() > deadline:
                raise Unavailable(otherwise)
            time.sleep(0.01)
        yield
    finally:
        os.close(descriptor)


def is_held(path: Path) -> bool:
    """True while somebody holds it alone."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        return not _locked(descriptor, fcntl.LOCK_SH)
    finally:
        os.close(descriptor)


def _locked(descriptor: int, how: int) -> bool:
    try:
        fcntl.flock(descriptor, how | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
