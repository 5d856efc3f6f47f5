"""Numbers of requests, by which the log and whoever meets a failure speak of the same one."""

from __future__ import annotations

import itertools
import secrets


class Numbers:
    """Those of one process; to be made after a fork, so that no two workers give the same. Safe for many threads."""

    def __init__(self) -> None:
        self._process, self._count = secrets.token_hex(3), itertools.count(1)

    def next(self) -> str:
        """Hexadecimal; the first six digits are the process's."""
        return f"{self._process}{next(self._count):06x}"
