"""Requests that came before, word for word, and are answered as they were then (record 78).

Clients ask the same again and again: whether a drive has changed, whether a document has. What such a request is
answered follows from its words, what the application has committed and the clock; so the application says with an
answer for how long it holds, and an engine that meets the same words asks for nothing but that.
"""

from __future__ import annotations

import logging
import secrets
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable
from hashlib import blake2b
from typing import Any, Generic, NamedTuple, TypeVar

LONGEST_WORDS = 4 * 1024
"""Bytes of a request, its body among them; who writes more is not recognised."""
LONGEST_ANSWER = 1024 * 1024
BYTES_KEPT = 16 * 1024 * 1024  # per process
ABOUT_AN_ANSWER = 4096
"""Bytes that an answer takes in memory beside its body, and what says whether it holds; measured 2,300 to 3,400."""

REPEAT = "gremium.repeat"
"""Environ key: the application's word that its answer may be given again."""

_log = logging.getLogger("davserver.serving")


class Repeat(NamedTuple):
    """What an application says of an answer that it would give again."""

    era: int
    """Answers of different eras never hold together."""
    holds: Callable[[], bool]
    """Would the same words be answered the same way now? May raise anything, which is as good as no."""
    tell: Callable[[str, float], None]
    """Logs an answer that is given again, with the number of its request and the seconds that it took."""
    part: Callable[..., Iterable[bytes]] | None = None
    """An application (PEP 3333) that answers the same words with another Range; of the environ it needs that alone."""


Answer = TypeVar("Answer")


class Kept(NamedTuple, Generic[Answer]):
    repeat: Repeat
    answer: Answer
    """As the engine sends it."""
    size: int


class Repeats(Generic[Answer]):
    """Answers by the words of their requests; the oldest make room. Safe for many threads.

    Of the words it keeps a keyed digest alone: they hold passwords.
    """

    def __init__(self) -> None:
        self._key = secrets.token_bytes(32)
        self._kept: OrderedDict[bytes, Kept[Answer]] = OrderedDict()
        self._bytes, self._era = 0, 0
        self._lock = threading.Lock()

    def words(self, spoken: bytes) -> bytes:
        """The digest of everything of a request that an answer can follow from."""
        return blake2b(spoken, key=self._key, digest_size=32).digest()

    def find(self, words: bytes) -> Kept[Answer] | None:
        """What these words are answered, if the application would answer just so again."""
        kept = self._kept.get(words)
        try:
            return kept if kept is not None and kept.repeat.holds() else None
        except Exception:  # noqa: BLE001 (whatever is wrong is met again, and answered, on the usual way)
            _log.exception("it cannot be said whether an answer still holds")
            return None

    def keep(self, words: bytes, repeat: Repeat, answer: Answer, body_bytes: int) -> None:
        """In place of what was kept. All of another era go: after a commit none of before can be given again."""
        if body_bytes > LONGEST_ANSWER:
            return
        with self._lock:
            self._enter(repeat.era)
            old = self._kept.pop(words, None)
            kept = self._kept[words] = Kept(repeat, answer, body_bytes + ABOUT_AN_ANSWER)
            self._bytes += kept.size - (old.size if old else 0)
            while self._bytes > BYTES_KEPT:
                self._bytes -= self._kept.popitem(last=False)[1].size

    def enter(self, era: int) -> None:
        """Lets go of what is of another era: documents are among it, and some of them are destroyed."""
        with self._lock:
            self._enter(era)

    def clear(self) -> None:
        """Lets go of everything."""
        with self._lock:
            self._kept.clear()
            self._bytes = 0

    def _enter(self, era: int) -> None:
        if era != self._era:
            self._kept.clear()
            self._bytes, self._era = 0, era


def repeats_of(app: object) -> Repeats[Any]:
    """Those that an application keeps an eye on as its `repeats`; of another, new ones."""
    found: Repeats[Any] | None = getattr(app, "repeats", None)
    return Repeats() if found is None else found
