"""Room that bodies leave on their disk: whoever deletes or unlocks on a full one needs some for the database."""

from __future__ import annotations

import os
from pathlib import Path

from shareproviders.errors import DiskFull

ROOM_BYTES = 8 * 1024 * 1024
LOG_BYTES = 16 * 1024 * 1024
"""What the log of a database may hold that is yet to be written once more, into the database."""


def leave_room(place: int | Path, count: int) -> None:
    """To be asked before so many bytes go into an open file, or below a directory.

    Raises DiskFull where they would take the last room.
    """
    disk = os.statvfs(place)
    if disk.f_bavail * disk.f_frsize < ROOM_BYTES + count:
        raise DiskFull("the disk is full; free some space and try again")
