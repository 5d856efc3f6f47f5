"""Byte ranges of a document: which to send, and several of them in one body (RFC 9110 §14)."""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

MAX_PARTS = 8
"""More parts than this cost more than the whole document sent once (RFC 9110 §14.2)."""
MAX_SPECS = 64
"""More ranges than this are not worth reading."""

_UNIT = re.compile(r"[ \t]*bytes[ \t]*=", re.IGNORECASE)
_SPEC = re.compile(r"([0-9]{1,32})-([0-9]{1,32})?|-([0-9]{1,32})")


class Span(NamedTuple):
    """Bytes [start, start + length)."""

    start: int
    length: int

    def content_range(self, size: int) -> str:
        """The Content-Range of this part of `size` bytes (RFC 9110 §14.4)."""
        return f"bytes {self.start}-{self.start + self.length - 1}/{size}"


def requested_spans(header: str, size: int) -> list[Span] | None:
    """What a Range header selects of `size` bytes, overlaps merged, in the order asked for.

    None: the header says nothing usable or asks for too much, so it is ignored and the whole is sent.
    The empty list: it is well formed but selects nothing (416).
    """
    unit = _UNIT.match(header)
    if unit is None:
        return None
    specs = [spec for part in header[unit.end() :].split(",") if (spec := part.strip(" \t"))]
    if not specs or len(specs) > MAX_SPECS:
        return None
    spans: list[Span] = []
    for spec in specs:
        matched = _SPEC.fullmatch(spec)
        if matched is None:
            return None
        first, last, suffix = matched.groups()
        if suffix is not None:
            if size == 0 and int(suffix):
                return None  # satisfiable by RFC 9110 §14.1.2, but an empty part has no Content-Range
            start, end = max(0, size - int(suffix)), size
        else:
            start, end = int(first), min(size, int(last) + 1) if last else size
            if last and int(last) < start:
                return None
        if start < end:
            spans.append(Span(start, end - start))
    merged = _merged(spans) if len(spans) > 1 else spans
    return merged if len(merged) <= MAX_PARTS else None


def _merged(spans: Sequence[Span]) -> list[Span]:
    """Overlapping and touching spans joined; each stands where the first of its parts was asked for."""
    ordered = sorted(range(len(spans)), key=lambda index: spans[index].start)
    joined: list[tuple[int, Span]] = []
    for index in ordered:
        span = spans[index]
        if joined and span.start <= joined[-1][1].start + joined[-1][1].length:
            place, before = joined[-1]
            end = max(before.start + before.length, span.start + span.length)
            joined[-1] = (min(place, index), Span(before.start, end - before.start))
        else:
            joined.append((index, span))
    return [span for _, span in sorted(joined)]


class Multipart:
    """A multipart/byteranges body (RFC 9110 §14.6) that knows its length before the first byte is read."""

    def __init__(self, parts: Sequence[tuple[Span, Iterable[bytes]]], media_type: str, size: int) -> None:
        boundary = secrets.token_hex(12)
        self.content_type = f"multipart/byteranges; boundary={boundary}"
        self._parts = [
            (_part_head(boundary, media_type, span.content_range(size), is_first=index == 0), stream)
            for index, (span, stream) in enumerate(parts)
        ]
        self._tail = f"\r\n--{boundary}--\r\n".encode("ascii")
        framing = sum(len(head) for head, _ in self._parts) + len(self._tail)
        self.length = framing + sum(span.length for span, _ in parts)

    def __iter__(self) -> Iterator[bytes]:
        for head, stream in self._parts:
            yield head
            yield from stream
        yield self._tail

    def close(self) -> None:
        """Close every stream, also those that were never begun; the server calls this at the end (PEP 3333)."""
        for _, stream in self._parts:
            close = getattr(stream, "close", None)
            if close is not None:
                close()


def _part_head(boundary: str, media_type: str, content_range: str, *, is_first: bool) -> bytes:
    before = "" if is_first else "\r\n"
    head = f"{before}--{boundary}\r\nContent-Type: {media_type}\r\nContent-Range: {content_range}\r\n\r\n"
    return head.encode("ascii")
