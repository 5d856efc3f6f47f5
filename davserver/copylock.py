"""The lock of a running backup: what it is about to copy stays on the disk, though its rows may go meanwhile.

A lock of the kernel on a file, so it ends with the process that holds it, however that ends.
"""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from shareproviders.contract import Unavailable

NAME = "backup.lock"
PATIENCE = 2.0  # seconds: whoever only looks holds the lock for microseconds


@contextmanager
def copying(directory: Path) -> Iterator[None]:
    """Hold it. Raises Unavailable while another backup runs."""
    descriptor = os.open(directory / NAME, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        deadline = time.monotonic() + PATIENCE
        while not _locked(descriptor, fcntl.LOCK_EX):
            if time.monotonic() > deadline:
                raise Unavailable("another backup is running; wait for its end")
            time.sleep(0.01)
        yield
    finally:
        os.close(descriptor)


def is_copied(directory: Path) -> bool:
    """True while a backup of this data directory runs."""
    try:
        descriptor = os.open(directory / NAME, os.O_RDONLY | os.O_CLOEXEC)
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
