"""What an engine that is not ours lets through is looked at once more, before the application sees it (record 0063).

Our own engine refuses all of this while it reads the head (requests.py). An engine that parses by itself hands over an
environ in which some of it can still be seen; what cannot be seen any longer is told in docs/operations.md.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Mapping
from typing import Any, Protocol

from davserver.serving.limits import PIECE_BYTES, Limits
from davserver.serving.requests import HOST, LENGTH, METHOD, IncompleteBody, Refused

_LISTS = re.compile(r",[ \t]*(?:,|$)|^[ \t]*(?:,|$)")
_JOINED_TARGETS = re.compile(r",[ \t]*https?://", re.I)
_BODY_LENGTHS = ("HTTP_X_EXPECTED_ENTITY_LENGTH", "HTTP_OC_TOTAL_LENGTH")

# Engines join repeated fields with commas, so in a field that has none of its own a comma tells of two.
# fmt: off
_WITHOUT_COMMA = frozenset({
    "HTTP_AUTHORIZATION", "HTTP_DEPTH", "HTTP_EXPECT", "HTTP_LOCK_TOKEN", "HTTP_MAX_FORWARDS", "HTTP_ORIGIN",
    "HTTP_OVERWRITE", "HTTP_TRANSFER_ENCODING",
})
# Of these two the right spelling has a key of its own, so this one is Content_Length or Content_Type.
_MISSPELT = ("HTTP_CONTENT_LENGTH", "HTTP_CONTENT_TYPE")
_DATES = frozenset({"HTTP_IF_MODIFIED_SINCE", "HTTP_IF_UNMODIFIED_SINCE"})
# They hand over a value with a byte beyond ASCII as an empty one. These say under which conditions something may
# happen, or to what: without its value such a field would ask for something else.
_STEERING = frozenset({
    *_WITHOUT_COMMA, *_DATES, "HTTP_CONTENT_DIGEST", "HTTP_CONTENT_RANGE", "HTTP_DESTINATION", "HTTP_DIGEST", "HTTP_IF",
    "HTTP_IF_MATCH", "HTTP_IF_NONE_MATCH", "HTTP_IF_RANGE", "HTTP_IF_SCHEDULE_TAG_MATCH", "HTTP_OC_CHECKSUM",
    "HTTP_OC_TOTAL_LENGTH", "HTTP_RANGE", "HTTP_X_EXPECTED_ENTITY_LENGTH", "HTTP_X_FORWARDED_FOR",
    "HTTP_X_FORWARDED_PROTO",
})
# fmt: on


class Readable(Protocol):
    """The engine's `wsgi.input`."""

    def read(self, size: int, /) -> bytes: ...


class GateBody:
    """A body whose length was told beforehand: bounded pieces, and IncompleteBody unless just so many bytes arrive.

    The engine ends a body that was cut, or whose chunks are malformed, like one that came whole (RFC 9112 §8).
    """

    def __init__(self, body: Readable, length: int, drain: int) -> None:
        """`drain`: so many bytes at most are worth reading for nothing."""
        self._body = body
        self._left, self._drain = length, drain
        self._failure: IncompleteBody | None = None
        self._ahead = b""
        self.received = 0

    @property
    def complete(self) -> bool:
        """Whether every byte has been read, and no byte was too many."""
        return self._left == 0 and self._failure is None and not self._ahead

    def ahead(self) -> bytes | None:
        """All of it, which is read all the same; None if it does not come whole, which its reader is told then."""
        pieces: list[bytes] = []
        try:
            while self._left:
                pieces.append(self.read(PIECE_BYTES))
        except IncompleteBody:
            return None
        finally:
            self._ahead = b"".join(pieces)
        return self._ahead

    def skip(self) -> None:
        """Reads a small rest away, or the engine closes the connection under the next request (RFC 9112 §9.3)."""
        if self._left <= self._drain:
            with contextlib.suppress(IncompleteBody):
                while self.read(PIECE_BYTES):
                    pass

    def read(self, size: int) -> bytes:
        """The next 1 to min(size, 256 KiB) bytes; b"" only at the whole body's end.

        Raises IncompleteBody, now and at every later read, if the end can no longer be reached.
        """
        if self._ahead and size > 0:
            piece, self._ahead = self._ahead[:size], self._ahead[size:]
            return piece
        if self._failure is not None:
            raise self._failure
        if self._left == 0 or size <= 0:
            return b""
        piece = self._body.read(min(size, PIECE_BYTES))
        self.received += len(piece)
        self._left -= len(piece)
        if not piece or self._left < 0:
            self._failure = IncompleteBody(
                "The request body is longer than it was said to be." if piece else "The request body ended early."
            )
            raise self._failure
        return piece


def body_length(environ: Mapping[str, Any], limits: Limits) -> int:
    """The length of the body of a good request. Raises Refused for one that our own engine would not have let pass.

    A body in chunks must tell its length beforehand, as Finder and ownCloud's clients do: its end cannot be trusted.
    """
    if METHOD.fullmatch(environ["REQUEST_METHOD"]) is None:
        raise Refused("400 Bad Request", "The request line is malformed.")
    _check_size(environ, limits)
    path = environ["PATH_INFO"]
    if path[:1] != "/" and (path, environ["REQUEST_METHOD"]) != ("*", "OPTIONS"):
        raise Refused("400 Bad Request", "The request target is malformed.")
    host = environ.get("HTTP_HOST", "")
    if HOST.fullmatch(host) is None and (host or _is_http11(environ)):
        raise Refused("400 Bad Request", "The Host field is missing or malformed.")
    _check_fields(environ)
    return _length(environ)


def _is_http11(environ: Mapping[str, Any]) -> bool:
    return bool(environ["SERVER_PROTOCOL"] == "HTTP/1.1")


def _check_size(environ: Mapping[str, Any], limits: Limits) -> None:
    if len(environ["PATH_INFO"]) + len(environ["QUERY_STRING"]) > limits.request_line_bytes:
        raise Refused("414 URI Too Long", "The request line is too long.")
    size = sum([len(name) + len(value) for name, value in environ.items() if name[:5] == "HTTP_"])
    if size > limits.head_bytes:
        raise Refused("431 Request Header Fields Too Large", "The header fields are too long.")


def _check_fields(environ: Mapping[str, Any]) -> None:
    """Refuses what tells of two fields where there may be one, and of a value that the engine has dropped."""
    for name in environ.keys() & _STEERING:
        value = environ[name]
        if _is_doubled(name, value):
            raise Refused("400 Bad Request", "A header field that must be single is repeated.")
        if _LISTS.search(value):
            raise Refused("400 Bad Request", "A header field is empty, or holds bytes that are not ASCII.")
    if not environ.keys().isdisjoint(_MISSPELT):
        raise Refused("400 Bad Request", "A header field is malformed.")
    expected = environ.get("HTTP_EXPECT")
    if expected is not None and expected.lower() != "100-continue":
        raise Refused("417 Expectation Failed", "Only the expectation 100-continue is understood.")


def _is_doubled(name: str, value: str) -> bool:
    if "," not in value:
        return False
    if name == "HTTP_DESTINATION":
        return _JOINED_TARGETS.search(value) is not None
    return name in _WITHOUT_COMMA or (name in _DATES and value.count(",") > 1)


def _length(environ: Mapping[str, Any]) -> int:
    """RFC 9112 §6.3, and 411 (RFC 9110 §15.5.12) for chunks of unknown length."""
    coding, length = environ.get("HTTP_TRANSFER_ENCODING"), environ.get("CONTENT_LENGTH")
    if coding is not None:
        if length is not None or not _is_http11(environ):
            raise Refused("400 Bad Request", "The length of the request body is ambiguous.")
        if coding.lower() != "chunked":
            raise Refused("501 Not Implemented", "Only the transfer coding chunked is understood.")
        length = next((environ[name] for name in _BODY_LENGTHS if name in environ), None)
        if length is None:
            raise Refused("411 Length Required", "Here a request body must tell its length.")
    if length is None:
        return 0
    if not LENGTH.fullmatch(length):
        raise Refused("400 Bad Request", "The length of the request body is malformed.")
    return int(length)
