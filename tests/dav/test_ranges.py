"""Byte ranges (RFC 9110 §14): what a Range header selects, and the multipart body."""

from __future__ import annotations

import email
from collections.abc import Iterator

import pytest

from davserver.dav.ranges import MAX_PARTS, MAX_SPECS, Multipart, Span, requested_spans


@pytest.mark.parametrize(
    ("header", "spans"),
    [
        ("bytes=0-9", [Span(0, 10)]),
        ("bytes=0-0", [Span(0, 1)]),
        ("bytes=90-", [Span(90, 10)]),
        ("bytes=-7", [Span(93, 7)]),
        ("bytes=-700", [Span(0, 100)]),
        ("bytes=95-999", [Span(95, 5)]),
        ("bytes=95-9223372036854775807", [Span(95, 5)]),
        ("Bytes = 0-9", [Span(0, 10)]),
        ("bytes=0-9, 20-29", [Span(0, 10), Span(20, 10)]),
        ("bytes=20-29,0-9", [Span(20, 10), Span(0, 10)]),
        ("bytes=0-9,,20-29,", [Span(0, 10), Span(20, 10)]),
        ("bytes=0-9,500-600", [Span(0, 10)]),
    ],
)
def test_a_well_formed_range_selects_its_bytes(header: str, spans: list[Span]) -> None:
    """RFC 9110 §14.1.2: first-last, open end, suffix; unsatisfiable ones among several are left out."""
    assert requested_spans(header, 100) == spans


@pytest.mark.parametrize(
    "header",
    [
        "",
        "bytes",
        "bytes=",
        "bytes=,",
        "bytes=a-b",
        "bytes=-",
        "bytes=9-0",
        "bytes=0-9,9-0",
        "bytes=+1-5",
        "bytes=1 -5",
        "bytes=١-٥",
        "bytes=0-9;20-29",
        "items=0-3",
        "bytes=0-" + "9" * 33,
        "bytes 0-9",
    ],
)
def test_a_malformed_range_is_ignored(header: str) -> None:
    """RFC 9110 §14.2: an invalid ranges-specifier or a foreign unit is ignored, never 416."""
    assert requested_spans(header, 100) is None


@pytest.mark.parametrize("header", ["bytes=100-", "bytes=100-200", "bytes=-0", "bytes=200-300,400-"])
def test_a_range_beyond_the_end_selects_nothing(header: str) -> None:
    """RFC 9110 §15.5.17: no satisfiable range is 416."""
    assert requested_spans(header, 100) == []


def test_ranges_of_an_empty_document() -> None:
    """An empty document has no first byte (416); a suffix of it is all of it, sent whole."""
    assert requested_spans("bytes=0-", 0) == []
    assert requested_spans("bytes=-5", 0) is None


def test_overlapping_and_touching_ranges_become_one() -> None:
    """RFC 9110 §15.3.7.2: overlaps are coalesced, so no byte is sent twice."""
    assert requested_spans("bytes=0-9,5-14,15-19", 100) == [Span(0, 20)]
    assert requested_spans("bytes=50-59,0-9,55-69", 100) == [Span(50, 20), Span(0, 10)]
    assert requested_spans("bytes=0-99,10-19", 100) == [Span(0, 100)]
    assert requested_spans(",".join(["bytes=0-"] + ["0-"] * (MAX_SPECS - 1)), 100) == [Span(0, 100)]


def test_too_many_parts_are_answered_with_the_whole() -> None:
    """RFC 9110 §14.2: many small ranges are an attack or a mistake; the whole in one pass is cheaper."""
    several = [f"{10 * part}-{10 * part}" for part in range(MAX_PARTS)]
    assert len(requested_spans("bytes=" + ",".join(several), 1000) or []) == MAX_PARTS
    assert requested_spans("bytes=" + ",".join([*several, "900-900"]), 1000) is None
    assert requested_spans("bytes=" + ",".join(["0-0"] * (MAX_SPECS + 1)), 1000) is None


class Stream:
    """A body that notes whether it was closed."""

    def __init__(self, *pieces: bytes) -> None:
        self.pieces, self.closed = pieces, False

    def __iter__(self) -> Iterator[bytes]:
        yield from self.pieces

    def close(self) -> None:
        self.closed = True


def test_multipart_body_has_exactly_its_announced_length_and_parts() -> None:
    """RFC 9110 §14.6: each part with its own Content-Type and Content-Range; Content-Length is exact."""
    body = Multipart([(Span(0, 4), Stream(b"ab", b"cd")), (Span(10, 2), Stream(b"\r\n"))], "text/plain", 100)
    sent = b"".join(body)
    assert len(sent) == body.length
    message = email.message_from_bytes(b"Content-Type: " + body.content_type.encode() + b"\r\n\r\n" + sent)
    parts = [part for part in message.walk() if not part.is_multipart()]
    assert [part["Content-Range"] for part in parts] == ["bytes 0-3/100", "bytes 10-11/100"]
    assert [part["Content-Type"] for part in parts] == ["text/plain", "text/plain"]
    assert [part.get_payload(decode=True) for part in parts] == [b"abcd", b"\r\n"]


def test_closing_a_multipart_body_closes_streams_never_begun() -> None:
    """A client that goes away before the first byte leaves no file open (PEP 3333 close)."""
    streams = [Stream(b"a"), Stream(b"b")]
    Multipart([(Span(0, 1), streams[0]), (Span(5, 1), streams[1])], "text/plain", 9).close()
    assert all(stream.closed for stream in streams)
