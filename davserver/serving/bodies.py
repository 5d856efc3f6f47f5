"""The request body as `wsgi.input`: bounded pieces, an end that is certain, or IncompleteBody (RFC 9112 §6, §7.1)."""

from __future__ import annotations

import re
import time

from davserver.serving.limits import PIECE_BYTES, Limits
from davserver.serving.requests import Head, IncompleteBody
from davserver.serving.wire import PeerGone, PeerTooSlow, Wire

_CHUNK_SIZE = re.compile(rb"([0-9A-Fa-f]{1,16})(?:[ \t]*;[\t -~\x80-\xff]*)?")
_TRAILER = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+:[\t -~\x80-\xff]*")
_LINE_BYTES = 256
_EXTENSION_BYTES = 16 * 1024
_TRAILER_BYTES = 8 * 1024
_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


class Body:
    """What the peer sends after the head; `complete` is true once its certain end has been read."""

    def __init__(self, wire: Wire, arrived: bytes, head: Head) -> None:
        self.complete = False
        self.awaits_continue = head.expects_continue
        self.leftover = b""
        self._wire = wire
        self._arrived = arrived
        self._failure: IncompleteBody | None = None
        wire.begin_body()

    def read(self, size: int) -> bytes:
        """The next 1 to min(size, 256 KiB) bytes, waiting for them; b"" only at the whole body's end.

        Raises IncompleteBody, now and at every later read, if the end can no longer be reached.
        """
        if self._failure is not None:
            raise self._failure
        if self.complete or size <= 0:
            return b""
        if self.awaits_continue:
            self._invite()
        try:
            return self._read(min(size, PIECE_BYTES))
        except PeerTooSlow:
            self._failure = IncompleteBody("The request body came too slowly.", "408 Request Timeout")
        except PeerGone:
            self._failure = IncompleteBody("The request body ended early.")
        except IncompleteBody as failure:
            self._failure = failure
        raise self._failure

    def skip(self, limits: Limits) -> bool:
        """Reads a small rest away; False if the next request cannot follow on this connection."""
        if self.complete:
            return True
        if self.awaits_continue or self._failure is not None or not self._may_fit(limits.drain_bytes):
            return False
        self._wire.read_by = time.monotonic() + limits.drain_seconds
        skipped = 0
        try:
            while skipped <= limits.drain_bytes:
                piece = self.read(limits.drain_bytes)
                if not piece:
                    return True
                skipped += len(piece)
        except IncompleteBody:
            return False
        finally:
            self._wire.read_by = None
        return False

    def _invite(self) -> None:
        self.awaits_continue = False
        if not self._arrived:
            try:
                self._wire.send(_CONTINUE)
            except PeerGone:
                self._failure = IncompleteBody("The request body ended early.")
                raise self._failure from None

    def _may_fit(self, most: int) -> bool:
        raise NotImplementedError

    def _read(self, most: int) -> bytes:
        raise NotImplementedError


class SizedBody(Body):
    """A body of Content-Length bytes; none at all if the head announced none."""

    def __init__(self, wire: Wire, arrived: bytes, head: Head) -> None:
        super().__init__(wire, arrived[: head.length], head)
        self.leftover = arrived[head.length :]
        self._remaining = head.length
        self.complete = head.length == 0

    def _may_fit(self, most: int) -> bool:
        return self._remaining <= most

    def _read(self, most: int) -> bytes:
        if self._arrived:
            piece, self._arrived = self._arrived[:most], self._arrived[most:]
        else:
            piece = self._wire.read(min(most, self._remaining))
        if not piece:
            raise PeerGone("end of stream")
        self._remaining -= len(piece)
        self.complete = self._remaining == 0
        return piece


class ChunkedBody(Body):
    """A body in chunks, whatever their size; extensions and trailers are bounded and dropped."""

    def __init__(self, wire: Wire, arrived: bytes, head: Head) -> None:
        super().__init__(wire, arrived, head)
        self._at = 0
        self._chunk_left = 0
        self._between = False
        self._extensions = 0

    def _may_fit(self, most: int) -> bool:
        return self._chunk_left <= most

    def _read(self, most: int) -> bytes:
        pieces: list[bytes] = []
        count = 0
        while count < most:
            if self._chunk_left == 0:
                # With bytes in hand, never wait for more: two line ends must be there already.
                if pieces and self._arrived.count(b"\n", self._at, self._at + _LINE_BYTES) < 2:
                    break
                self._next_chunk()
                if self.complete:
                    break
            if self._at == len(self._arrived):
                if pieces:
                    break
                self._fill()
            piece = self._take(min(self._chunk_left, most - count))
            self._chunk_left -= len(piece)
            self._between = self._chunk_left == 0
            count += len(piece)
            pieces.append(piece)
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def _take(self, most: int) -> bytes:
        if self._at == 0 and most >= len(self._arrived):
            piece, self._arrived = self._arrived, b""
            return piece
        piece = self._arrived[self._at : self._at + most]
        self._at += len(piece)
        return piece

    def _fill(self) -> None:
        more = self._wire.read(PIECE_BYTES)
        if not more:
            raise PeerGone("end of stream")
        self._arrived = self._arrived[self._at :] + more
        self._at = 0

    def _line(self) -> bytes:
        """The next line without its CRLF; a lone LF, or more than 256 bytes, is an error."""
        while True:
            end = self._arrived.find(b"\n", self._at, self._at + _LINE_BYTES + 2)
            if end >= 0:
                line = self._arrived[self._at : end + 1]
                self._at = end + 1
                if not line.endswith(b"\r\n"):
                    raise IncompleteBody("The chunked request body is malformed.")
                return line[:-2]
            if len(self._arrived) - self._at > _LINE_BYTES:
                raise IncompleteBody("The chunked request body is malformed.")
            self._fill()

    def _next_chunk(self) -> None:
        if self._between:
            if self._line():
                raise IncompleteBody("The chunked request body is malformed.")
            self._between = False
        line = self._line()
        size = _CHUNK_SIZE.fullmatch(line)
        if size is None:
            raise IncompleteBody("The chunked request body is malformed.")
        self._extensions += len(line) - size.end(1)
        if self._extensions > _EXTENSION_BYTES:
            raise IncompleteBody("The chunked request body has too many extensions.")
        self._chunk_left = int(size[1], 16)
        if self._chunk_left == 0:
            self._trailers()

    def _trailers(self) -> None:
        total = 0
        while line := self._line():
            total += len(line)
            if total > _TRAILER_BYTES or not _TRAILER.fullmatch(line):
                raise IncompleteBody("The trailer of the chunked request body is malformed.")
        self.leftover = self._arrived[self._at :]
        self._arrived, self._at = b"", 0
        self.complete = True


def body_of(head: Head, wire: Wire, arrived: bytes) -> Body:
    """The body that follows `head`; `arrived` are the bytes already read behind it."""
    return (ChunkedBody if head.chunked else SizedBody)(wire, arrived, head)
