"""Rows of plain WsgiDAV's HTTP defects (RFC 9110, RFC 9112), each as a rule that this server keeps."""

from __future__ import annotations

import re
from email.utils import formatdate, parsedate_to_datetime

import pytest

from tests.dav.test_critical_defects import request_bytes, statuses
from tests.davclient import DavClient, raw_exchange

TEN = b"0123456789"


def test_three_writes_of_one_size_within_a_second_have_three_entity_tags(folder: DavClient) -> None:
    """RFC 9110 §8.8.3: a strong tag changes with every content change."""
    tags = {folder.put("/f", body).etag for body in (b"aaa", b"bbb", b"aaa")}
    assert len(tags) == 3
    assert all(re.fullmatch(r'"[^"]+"', tag or "") for tag in tags)


def test_the_tag_of_a_put_is_the_tag_of_get_head_and_propfind(folder: DavClient) -> None:
    tag = folder.put("/f", TEN).etag
    assert tag == folder.get("/f").etag == folder.head("/f").etag == folder.properties("/f", "getetag").text("getetag")


def test_a_put_with_x_oc_mtime_answers_the_tag_and_time_that_stay(folder: DavClient) -> None:
    answer = folder.put("/f", TEN, X_OC_Mtime="1500000000")
    assert answer.headers["X-OC-MTime"] == "accepted"
    after = folder.head("/f")
    assert after.etag == answer.etag
    assert after.headers["Last-Modified"] == formatdate(1500000000, usegmt=True)


@pytest.mark.parametrize("value", ["1500000000.75", "-3", "x", ""])
def test_an_odd_x_oc_mtime_never_breaks_an_upload(folder: DavClient, value: str) -> None:
    assert folder.put("/f", TEN, X_OC_Mtime=value).status in (201, 400)
    assert folder.get("/f").status in (200, 404)


def test_if_modified_since_equal_to_last_modified_is_304_with_the_tag(folder: DavClient) -> None:
    """RFC 9110 §13.1.3, §15.4.5."""
    tag = folder.put("/f", TEN).etag
    modified = folder.head("/f").headers["Last-Modified"]
    answer = folder.get("/f", If_Modified_Since=modified)
    assert (answer.status, answer.etag, answer.body) == (304, tag, b"")
    assert folder.get("/f", If_None_Match=f'"x", {tag}').status == 304
    assert folder.get("/f", If_None_Match='"a,b"').status == 200


def test_a_comma_inside_a_quoted_tag_is_no_separator(folder: DavClient) -> None:
    folder.put("/f", TEN)
    assert folder.put("/f", b"x", If_Match='"a,b", "c"').status == 412
    assert folder.get("/f").body == TEN


def test_a_weak_tag_never_matches_for_a_write(folder: DavClient) -> None:
    """RFC 9110 §8.8.3.2: strong comparison for If-Match."""
    tag = folder.put("/f", TEN).etag
    assert folder.put("/f", b"x", If_Match=f"W/{tag}").status == 412
    assert folder.put("/f", b"x", If_Match=str(tag)).status == 204


@pytest.mark.parametrize(
    ("header", "status", "content_range", "body"),
    [
        ("bytes=0-3", 206, "bytes 0-3/10", b"0123"),
        ("bytes=-3", 206, "bytes 7-9/10", b"789"),
        ("bytes=7-", 206, "bytes 7-9/10", b"789"),
        ("bytes=7-999", 206, "bytes 7-9/10", b"789"),
        ("bytes=10-", 416, "bytes */10", None),
        ("bytes=-0", 416, "bytes */10", None),
        ("items=0-3", 200, None, TEN),
        ("bytes=9-0", 200, None, TEN),
        ("bytes=x", 200, None, TEN),
        ("bytes=0-0,5-", 206, None, None),
    ],
)
def test_range(folder: DavClient, header: str, status: int, content_range: str | None, body: bytes | None) -> None:
    """RFC 9110 §14: satisfiable, unsatisfiable and meaningless ranges."""
    folder.put("/f", TEN)
    answer = folder.get("/f", Range=header)
    assert (answer.status, answer.headers["Content-Range"]) == (status, content_range)
    if body is not None:
        assert answer.body == body


def test_several_ranges_come_in_order_as_multipart(folder: DavClient) -> None:
    """RFC 9110 §14.6."""
    folder.put("/f", TEN)
    answer = folder.get("/f", Range="bytes=0-1,8-9")
    kind = answer.headers["Content-Type"]
    assert kind.startswith("multipart/byteranges; boundary=")
    parts = re.findall(rb"Content-Range: (bytes [^\r]+)\r\n\r\n([^\r]*)\r\n", answer.body, re.IGNORECASE)
    assert parts == [(b"bytes 0-1/10", b"01"), (b"bytes 8-9/10", b"89")]
    assert int(answer.headers["Content-Length"]) == len(answer.body)


def test_one_unsatisfiable_range_among_good_ones_is_left_out(folder: DavClient) -> None:
    folder.put("/f", TEN)
    answer = folder.get("/f", Range="bytes=0-3,20-29")
    assert (answer.status, answer.body) == (206, b"0123")


def test_two_thousand_ranges_cost_at_most_one_pass(folder: DavClient) -> None:
    """CVE-2011-3192: overlapping ranges."""
    folder.put("/f", b"x" * 10_000)
    answer = folder.get("/f", Range="bytes=" + ",".join("0-" for _ in range(1500)))
    assert answer.status in (200, 206, 400, 416, 431)
    assert len(answer.body) <= 10_500


def test_head_ignores_range(folder: DavClient) -> None:
    """RFC 9110 §14.2: Range is defined for GET only."""
    folder.put("/f", TEN)
    answer = folder.head("/f", Range="bytes=0-3")
    assert (answer.status, answer.headers["Content-Length"]) == (200, "10")


def test_if_range(folder: DavClient) -> None:
    """RFC 9110 §13.1.5: by tag and by date."""
    tag = str(folder.put("/f", TEN).etag)
    modified = folder.head("/f").headers["Last-Modified"]
    assert folder.get("/f", Range="bytes=0-3", If_Range=tag).status == 206
    assert folder.get("/f", Range="bytes=0-3", If_Range='"other"').status == 200
    assert folder.get("/f", Range="bytes=0-3", If_Range=modified).status in (200, 206)
    assert folder.get("/f", Range="bytes=0-3", If_Range=formatdate(0, usegmt=True)).status == 200
    assert parsedate_to_datetime(modified).tzinfo is not None


@pytest.mark.parametrize(
    "length",
    ["Content-Length: 3\r\nContent-Length: 4", "Content-Length: +3", "Content-Length: -3", "Content-Length: 3 ",
     "Content-Length: 0x3", "Content-Length: 3\r\nTransfer-Encoding: chunked", "Transfer-Encoding: gzip, chunked",
     "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked", "Content-Length: 1_0"],
)  # fmt: skip
def test_ambiguous_framing_is_refused_and_the_connection_closed(vault_folder: DavClient, length: str) -> None:
    """RFC 9112 §6.3; nothing is created."""
    head = f"PUT {vault_folder.target('/new')} HTTP/1.1\r\nHost: x:{vault_folder.port}\r\n"
    head += f"Authorization: {vault_folder.authorization}\r\n{length}\r\n\r\nabc"
    answer = raw_exchange(vault_folder.port, head.encode(), half_close=True, timeout=5)
    if length != "Content-Length: 3 ":  # RFC 9110 §5.5: white space around a value is no part of it
        assert statuses(answer)[0] in (400, 501)
        assert vault_folder.get("/new").status == 404


def test_a_request_without_host_is_refused(vault_folder: DavClient) -> None:
    """RFC 9112 §3.2."""
    head = f"GET {vault_folder.target('/')} HTTP/1.1\r\nAuthorization: {vault_folder.authorization}\r\n\r\n"
    assert statuses(raw_exchange(vault_folder.port, head.encode(), timeout=5)) == [400]


def test_a_long_target_and_long_headers_are_refused(vault_folder: DavClient) -> None:
    assert vault_folder.request("GET", "/" + "a" * 300_000).status == 414
    assert vault_folder.get("/", X_Filler="a" * 70_000).status in (400, 431)


def test_an_absolute_target_is_understood(vault_folder: DavClient) -> None:
    """RFC 9112 §3.2.2."""
    vault_folder.put("/f", TEN)
    assert vault_folder.request("GET", "/f", raw_target=vault_folder.url("/f")).body == TEN


def test_head_of_a_refusal_has_no_body_and_the_connection_stays_in_step(vault_folder: DavClient) -> None:
    """RFC 9110 §9.3.2: HEAD never carries a body."""
    one = request_bytes(vault_folder, "HEAD", "/none", {})
    two = request_bytes(vault_folder, "HEAD", "/", {"If-Match": '"wrong"', "Connection": "close"})
    answer = raw_exchange(vault_folder.port, one + two, timeout=5)
    assert statuses(answer) == [404, 412]
    assert answer.count(b"\r\n\r\n") == 2
    assert answer.endswith(b"\r\n\r\n")


def test_a_refused_chunked_upload_does_not_desync(vault_folder: DavClient) -> None:
    """Finder and DAVx5 send chunked bodies; the next request on the connection must be the next request."""
    chunked = {"Transfer-Encoding": "chunked", "If-Match": '"wrong"'}
    body = b"5\r\nhello\r\n0\r\n\r\n"
    first = request_bytes(vault_folder, "PUT", "/f", chunked, body)
    second = request_bytes(vault_folder, "OPTIONS", "/", {"Connection": "close"})
    answer = raw_exchange(vault_folder.port, first + second, timeout=5)
    assert statuses(answer)[0] == 412
    assert statuses(answer)[1:] in ([], [200])


def test_no_answer_names_a_version_path_or_class(vault_folder: DavClient) -> None:
    """Errors tell people what to do and attackers nothing."""
    answers = [
        vault_folder.propfind("", "0", "<broken"),
        vault_folder.request("PROPFIND", "/%00"),
        vault_folder.request("BREW", "/"),
        vault_folder.get("/none"),
        vault_folder.put("/f/g/h", b""),
    ]
    for answer in answers:
        told = (str(answer.headers) + answer.body.decode()).lower()
        for word in ("traceback", "wsgidav", "cheroot/", "python", "/tmp", "lxml", ".py"):
            assert word not in told, (answer.status, word)


def test_405_names_what_is_allowed(vault_folder: DavClient) -> None:
    """RFC 9110 §15.5.6."""
    answer = vault_folder.request("BREW", "/")
    assert answer.status == 405
    assert {"GET", "PUT", "PROPFIND", "LOCK"} <= set(answer.headers["Allow"].replace(" ", "").split(","))


def test_a_put_with_content_range_is_refused(folder: DavClient) -> None:
    """RFC 9110 §14.5: a server that cannot do partial PUT must say 400."""
    folder.put("/f", TEN)
    assert folder.put("/f", b"xx", Content_Range="bytes 2-3/10").status == 400
    assert folder.get("/f").body == TEN


def test_expect_100_is_answered_only_when_the_body_is_wanted(vault_folder: DavClient) -> None:
    """RFC 9110 §10.1.1: a refusal comes instead of 100."""
    wanted = request_bytes(vault_folder, "PUT", "/f", {"Expect": "100-Continue", "Content-Length": "3"})
    assert statuses(raw_exchange(vault_folder.port, wanted, timeout=1.5)) == [100]
    refused = {"Expect": "100-continue", "Content-Length": "3", "If-Match": '"x"'}
    answer = raw_exchange(vault_folder.port, request_bytes(vault_folder, "PUT", "/f", refused), timeout=3)
    assert statuses(answer) == [412]
