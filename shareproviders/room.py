"""Room that bodies leave on their disk: whoever deletes or unlocks on a full one needs some for the database."""

from __future__ import annotations

import os

from shareproviders.errors import DiskFull

ROOM_BYTES = 8 * 1024 * 1024


def leave_room(descriptor: int, count: int) -> None:
    """To be asked before so many bytes go into the open file. Raises DiskFull where they would take the last room."""
    disk = os.fstatvfs(descriptor)
    if disk.f_bavail * disk.f_frsize < ROOM_BYTES + count:
        raise DiskFull("the disk is full; free some space and try again")
