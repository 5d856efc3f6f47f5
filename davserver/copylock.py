"""The lock of a running backup: what it is about to copy stays on the disk, though its rows may go meanwhile."""

from __future__ import annotations

from contextlib import AbstractContextManager
from pathlib import Path

from davserver.filelocks import held, is_held

NAME = "backup.lock"


def copying(directory: Path) -> AbstractContextManager[None]:
    """Hold it. Raises Unavailable while another backup runs."""
    return held(directory / NAME, "another backup is running; wait for its end", alone=True)


def is_copied(directory: Path) -> bool:
    """True while a backup of this data directory runs."""
    return is_held(directory / NAME)
