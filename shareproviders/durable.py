"""Making bytes durable, and never claiming it after the disk has failed to: one `Durability` for each store."""

from __future__ import annotations

import logging
import os

from shareproviders.errors import ReadOnlyShare

_log = logging.getLogger(__name__)


class Durability:
    """Syncs what one store writes; after a failure the store takes no changes for the life of the process.

    The kernel tells of pages that it could not write once, and may have dropped them: a second fsync that succeeds
    would claim what the first one lost (PostgreSQL's fsync errors, 2018). Safe for many threads.
    """

    def __init__(self) -> None:
        self.lost = False
        """True after a sync has failed."""

    def sync(self, descriptor: int) -> None:
        """fsync(2) of a file or directory. Raises OSError."""
        try:
            os.fsync(descriptor)
        except OSError as error:
            self.lost = True
            _log.critical(
                "the disk failed to keep a change (%s); this store takes none until a restart", error.strerror
            )
            raise

    def check(self) -> None:
        """Raises ReadOnlyShare if a sync has failed."""
        if self.lost:
            raise ReadOnlyShare("the disk failed to keep a change; this drive takes none until the server restarts")
