"""Headers that PUT reads and GET writes, without any server."""

from __future__ import annotations

import pytest

from davserver.dav.content import EARLIEST, LATEST, browser_headers, sent_media_type, wished_time


@pytest.mark.parametrize(
    ("header", "instant"),
    [
        ("1700000000", 1_700_000_000_000_000),
        (" 1700000000 ", 1_700_000_000_000_000),
        ("1700000000.5", 1_700_000_000_500_000),
        ("1700000000.123456789", 1_700_000_000_123_456),
        ("0", 0),
        ("-1", -1_000_000),
        ("-0.5", -500_000),
        (str(EARLIEST), EARLIEST * 1_000_000),
        (str(LATEST), LATEST * 1_000_000),
    ],
)
def test_x_oc_mtime_is_unix_seconds(header: str, instant: int) -> None:
    """Whole, fractional and negative seconds are kept (plain WsgiDAV answers 400 to the latter two)."""
    assert wished_time(header) == instant


@pytest.mark.parametrize(
    "header", [None, "", "now", "1e9", "0x10", "+5", "1.", "١٧", str(EARLIEST - 1), str(LATEST + 1), "9" * 400]
)
def test_an_unusable_x_oc_mtime_is_not_accepted(header: str | None) -> None:
    """It is a wish: without a usable time the upload goes on, and `X-OC-MTime: accepted` is not answered."""
    assert wished_time(header) is None


@pytest.mark.parametrize(
    ("header", "kept"),
    [
        ("application/PDF", "application/pdf"),
        ("text/plain; charset=utf-8", "text/plain"),
        ("application/vnd.oasis.opendocument.text", "application/vnd.oasis.opendocument.text"),
        (None, ""),
        ("", ""),
        ("application/octet-stream", ""),
        ("application/x-www-form-urlencoded", ""),
        ("pdf", ""),
        ("text/plain\r\nX: y", ""),
        ("text/pl\u00e4in", ""),
        ("text/" + "a" * 200, ""),
    ],
)
def test_the_media_type_of_an_upload_is_kept_if_it_says_something(header: str | None, kept: str) -> None:
    """What clients send for want of better is left to the name of the document."""
    assert sent_media_type(header) == kept


@pytest.mark.parametrize(
    "media_type",
    [
        "text/html",
        "image/svg+xml",
        "application/xhtml+xml",
        "text/xml",
        "application/xml",
        "multipart/related",
        "application/javascript",
        "application/x-anything",
        "text/plainer",
    ],
)
def test_active_content_is_sandboxed(media_type: str) -> None:
    """Security B7: nothing uploaded runs as a page of this server."""
    headers = dict(browser_headers(media_type))
    assert headers["Content-Security-Policy"] == "sandbox; default-src 'none'"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Content-Type"] == media_type


@pytest.mark.parametrize("media_type", ["application/pdf", "image/png", "text/plain", "video/mp4", ""])
def test_passive_content_may_be_shown(media_type: str) -> None:
    """A sandbox would keep browsers from showing PDF; nosniff keeps them from taking it for something else."""
    headers = dict(browser_headers(media_type))
    assert "Content-Security-Policy" not in headers
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Content-Type"] == (media_type or "application/octet-stream")
