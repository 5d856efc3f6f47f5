"""One request before any verb: targets, headers, bodies, and how errors are told (protocol.md §1, §2)."""

from __future__ import annotations

import base64
import hashlib
import io
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast

import pytest
from lxml import etree

from acl.principals import ANONYMOUS, Principal, PrincipalKind
from acl.privileges import Rights
from davserver.dav import errors
from davserver.dav.errors import DavError, translated
from davserver.dav.request import Request, Site
from davserver.dav.targets import Target, decode_path, encode_path, split_origin
from davserver.login import Throttled, Unauthorized
from davserver.tree.locking import GuardedTree
from davserver.tree.seen import AccessDenied, LockConflict, Locked
from shareproviders.contract import (
    BodyTruncated,
    Damaged,
    DiskFull,
    NameTaken,
    NotFound,
    ParentMissing,
    QuotaExceeded,
    Unavailable,
)
from shareproviders.paths import SharePath

ANNA = Principal(PrincipalKind.USER, "anna")
SITE = Site("/dav")
FILE = SharePath(("ba05", "a b.txt"))


@dataclass
class Asker:
    """As much of a door as a request asks before any verb runs: who stands before it, and what he may know of."""

    principal: Principal = ANNA

    @staticmethod
    def may_know(path: SharePath) -> bool:
        return bool(path.segments)


def request(body: bytes = b"", *, principal: Principal = ANNA, site: Site = SITE, **headers: str) -> Request:
    environ: dict[str, Any] = {"REQUEST_METHOD": "PUT", "wsgi.url_scheme": "http", "HTTP_HOST": "h:8080"}
    environ |= {"wsgi.input": io.BytesIO(body), "CONTENT_LENGTH": str(len(body))}
    for name, value in headers.items():
        environ[name if name == "CONTENT_LENGTH" else f"HTTP_{name.upper()}"] = value
    if "transfer_encoding" in headers:
        del environ["CONTENT_LENGTH"]
    return Request(environ, cast(GuardedTree, Asker(principal)), FILE, has_slash=False, site=site)


def status_of(act: Callable[[], object]) -> int:
    with pytest.raises(DavError) as caught:
        act()
    return caught.value.status


# -- targets --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("raw", "segments", "has_slash"),
    [
        ("/", (), True),
        ("/dav", ("dav",), False),
        ("/dav/", ("dav",), True),
        ("/a%20b/%c3%bc/", ("a b", "ü"), True),
        ("/u%CC%88", ("ü",), False),
        ("/a%2525", ("a%25",), False),
        ("/a%3Fb%23c%3B=+&", ("a?b#c;=+&",), False),
        ("/..a/...", ("..a", "..."), False),
        ("/%5C", ("\\",), False),
    ],
)
def test_targets_are_decoded_once_segment_by_segment(raw: str, segments: tuple[str, ...], has_slash: bool) -> None:
    """RFC 3986 §2.4; names come out in NFC, so Finder's spelling and everybody's are one (D13)."""
    assert decode_path(raw) == Target(segments, has_slash)


@pytest.mark.parametrize(
    "raw",
    [
        *(
            "",
            "a",
            "*",
            "/a//b",
            "//",
            "//h/a",
            "/.",
            "/..",
            "/a/../b",
            "/a/./b",
            "/%2e%2e/",
            "/%2E",
            "/a%2Fb",
            "/a%2fb",
        ),
        *("/%00", "/a%00b", "/%01", "/%7F", "/%C2%80", "/%FF", "/%DC", "/%C0%AF", "/%ED%A0%80", "/%EF%BF%BE"),
        *(
            "/%",
            "/%4",
            "/%GG",
            "/%+1",
            "/% 1",
            "/a b",
            "/\u00e4",
            "/a\tb",
            "/a#b",
            "/" + "a" * 256,
            "/" + "%C3%BC" * 128,
        ),
    ],
)
def test_targets_that_can_be_no_name_are_a_400(raw: str) -> None:
    """Dots, empty segments, encoded slashes, controls, stray bytes: never decoded twice, never passed on (§1)."""
    assert status_of(lambda: decode_path(raw)) == 400


def test_hrefs_are_absolute_and_collections_end_in_a_slash() -> None:
    """RFC 4918 §8.3; upper-case hex, and nothing that XML would have to escape."""
    assert encode_path("/dav", ("ba05", "ü&<>\"'#?%+;b.txt"), False) == (
        "/dav/ba05/%C3%BC%26%3C%3E%22%27%23%3F%25%2B%3Bb.txt"
    )
    assert encode_path("/dav", (), True) == "/dav/"
    assert encode_path("", (), False) == "/"
    assert decode_path(encode_path("", ("ü &?#", "x"), False)).segments == ("ü &?#", "x")


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ("/a", ("", "/a")),
        ("http://H/a", ("http://h", "/a")),
        ("HTTP://u:p@h:80/a?b", ("http://h", "/a?b")),
        ("https://h:443", ("https://h", "/")),
        ("https://[::1]:8443/a", ("https://[::1]:8443", "/a")),
    ],
)
def test_origins_are_comparable(raw: str, expected: tuple[str, str]) -> None:
    """RFC 9110 §4.2.3: case, default port and (KDE) user information make no difference."""
    assert split_origin(raw) == expected


@pytest.mark.parametrize("raw", ["", "a", "::::", "//h/a", "ftp://h/a", "http:///a", "http://u@/a", "urn:x:y"])
def test_what_is_no_address_is_a_400(raw: str) -> None:
    assert status_of(lambda: split_origin(raw)) == 400


# -- headers --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "destination",
    ["/dav/ba05/c%3Fd", "http://h:8080/dav/ba05/c%3Fd", "http://u:p@H:8080/dav/ba05/c%3Fd", "/dav/ba05/c%3Fd/"],
)
def test_destination_may_be_absolute_a_path_or_carry_a_user(destination: str) -> None:
    """RFC 4918 §10.3, clients.md D9; an encoded question mark stays in the name (C8)."""
    assert request(destination=destination).destination() == SharePath(("ba05", "c?d"))


@pytest.mark.parametrize(
    ("destination", "status"),
    [
        ("", 400),
        ("d.txt", 400),
        ("/dav/a/../b", 400),
        ("/dav/a%2Fb", 400),
        ("http://other/dav/a", 502),
        ("http://h/dav/a", 502),
        ("https://h:8080/dav/a", 502),
        ("/elsewhere/a", 502),
        ("/davx/a", 502),
        ("/", 502),
    ],
)
def test_destination_elsewhere_is_a_502(destination: str, status: int) -> None:
    """RFC 4918 §9.8.5."""
    assert status_of(request(destination=destination).destination) == status


def test_destination_may_name_the_configured_public_address() -> None:
    """Behind a configured proxy clients say https (D10); X-Forwarded-Proto from anybody changes nothing."""
    site = Site("/dav", "https://drive.example")
    assert request(destination="https://drive.example/dav/x", site=site).destination() == SharePath(("x",))
    forged = request(destination="https://h:8080/dav/x", x_forwarded_proto="https")
    assert status_of(forged.destination) == 502


def test_depth_and_overwrite() -> None:
    """RFC 4918 §10.2, §10.6: absent means the verb's default and T; anything unknown is a 400."""
    assert request().depth(("0", "infinity"), "infinity") == "infinity"
    assert request(depth="Infinity").depth(("0", "infinity"), "0") == "infinity"
    assert status_of(lambda: request(depth="1").depth(("0", "infinity"), "0")) == 400
    assert request().overwrite()
    assert not request(overwrite="f").overwrite()
    assert status_of(request(overwrite="no").overwrite) == 400


# -- bodies ---------------------------------------------------------------------------------------------------------

HELLO = b"hello"
SHA256 = base64.b64encode(hashlib.sha256(HELLO).digest()).decode()


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"transfer_encoding": "chunked"},
        {"transfer_encoding": "chunked", "x_expected_entity_length": "5"},
        {"oc_checksum": f"SHA1:{hashlib.sha1(HELLO).hexdigest()}"},
        {"oc_checksum": f"md5:{hashlib.md5(HELLO).hexdigest().upper()}"},
        {"oc_checksum": f"ADLER32:{zlib.adler32(HELLO):08x}"},
        {"oc_checksum": "UNKNOWN:00"},
        {"content_digest": f"sha-256=:{SHA256}:, unixsum=:AAAA:"},
    ],
)
def test_a_whole_body_comes_whole(headers: dict[str, str]) -> None:
    """By either framing, with every promise that clients make about it kept."""
    assert b"".join(request(HELLO, **headers).chunks()) == HELLO


@pytest.mark.parametrize(
    "headers",
    [
        {"CONTENT_LENGTH": "6"},
        {"transfer_encoding": "chunked", "x_expected_entity_length": "6"},
        {"transfer_encoding": "chunked", "x_expected_entity_length": "4"},
        {"oc_checksum": f"SHA1:{hashlib.sha1(b'hullo').hexdigest()}"},
        {"content_digest": f"sha-512=:{SHA256}:"},
    ],
)
def test_a_body_that_is_not_what_was_announced_is_truncated(headers: dict[str, str]) -> None:
    """D1: a body that ends early or differs must change nothing, so its reader ends in an error."""
    with pytest.raises(BodyTruncated):
        list(request(HELLO, **headers).chunks())


@pytest.mark.parametrize(
    "headers",
    [
        {"CONTENT_LENGTH": "+5"},
        {"CONTENT_LENGTH": "-5"},
        {"CONTENT_LENGTH": "5, 5"},
        {"transfer_encoding": "chunked", "x_expected_entity_length": "five"},
        {"oc_checksum": "SHA1"},
        {"oc_checksum": "SHA1:abc"},
        {"content_digest": "sha-256=abc"},
        {"content_digest": "sha-256=:a:"},
    ],
)
def test_promises_that_cannot_be_read_are_a_400(headers: dict[str, str]) -> None:
    assert status_of(lambda: list(request(HELLO, **headers).chunks())) == 400


class Broken(io.RawIOBase):
    """An input whose sender went away."""

    def read(self, size: int = -1) -> bytes:
        raise ConnectionResetError("peer gone")


def test_a_broken_connection_is_a_truncated_body() -> None:
    broken = request(transfer_encoding="chunked")
    broken.environ["wsgi.input"] = Broken()
    with pytest.raises(BodyTruncated):
        list(broken.chunks())


def test_bodies_come_in_pieces_and_no_further_than_their_length() -> None:
    """Bounded memory; the next request's bytes stay where they are."""
    mine = request(bytes(600_000), CONTENT_LENGTH="599999")
    pieces = list(mine.chunks())
    assert max(map(len, pieces)) <= 256 * 1024
    assert sum(map(len, pieces)) == 599_999
    assert mine.environ["wsgi.input"].read() == b"\0"


def test_an_xml_body_over_its_limit_is_a_413() -> None:
    """protocol.md §1; however it is framed."""
    assert status_of(lambda: request(b" " * 1025).xml(1024)) == 413
    assert status_of(lambda: request(b" " * 1025, transfer_encoding="chunked").xml(1024)) == 413
    assert request().xml(1024) is None
    root = request(b"<a/>", transfer_encoding="chunked").xml(1024)
    assert root is not None
    assert root.tag == "a"


# -- errors ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("error", "status", "condition"),
    [
        (NotFound("x"), 404, None),
        (ParentMissing("x"), 409, None),
        (NameTaken("x"), 405, None),
        (BodyTruncated("x"), 400, None),
        (QuotaExceeded("x"), 507, "quota-not-exceeded"),
        (DiskFull("x"), 507, "sufficient-disk-space"),
        (Unavailable("x"), 503, None),
        (AccessDenied(FILE, Rights.WRITE_CONTENT), 403, "need-privileges"),
        (Locked(FILE), 423, "lock-token-submitted"),
        (LockConflict(FILE), 423, "no-conflicting-lock"),
    ],
)
def test_domain_errors_have_their_status_and_precondition(error: Exception, status: int, condition: str | None) -> None:
    """architecture.md §5; bodies in the form that Nextcloud clients show (clients.md §2)."""
    refusal = translated(error, request())
    assert refusal is not None
    media_type, body = refusal.get_response_page()
    assert media_type == "application/xml; charset=utf-8"
    root = etree.fromstring(body)
    assert (refusal.status, root.tag) == (status, "{DAV:}error")
    assert root.find("{http://sabredav.org/ns}message") is not None
    conditions = [child.tag for child in root if child.tag.startswith("{DAV:}")]
    assert conditions == ([f"{{DAV:}}{condition}"] if condition else [])
    if condition not in (None, "quota-not-exceeded", "sufficient-disk-space"):
        assert root[0].findtext(".//{DAV:}href") == "/dav/ba05/a%20b.txt"


def test_need_privileges_names_them() -> None:
    """RFC 3744 §7.1.1."""
    refusal = translated(AccessDenied(FILE, Rights.BIND | Rights.UNBIND), request())
    assert refusal is not None
    privileges = etree.fromstring(refusal.get_response_page()[1]).iterfind(".//{DAV:}privilege")
    assert [privilege[0].tag for privilege in privileges] == ["{DAV:}bind", "{DAV:}unbind"]


def test_absent_and_hidden_are_told_in_the_same_words() -> None:
    """Law 3: a NotFound says nothing of its own."""
    pages = {translated(NotFound(text), request()).get_response_page() for text in ("absent", "hidden")}  # type: ignore[union-attr]
    assert len(pages) == 1


def test_who_is_not_logged_in_gets_401() -> None:
    """401 only ever means "log in"; a known user gets 403 (protocol.md §2)."""
    for error in (Unauthorized("log in"), AccessDenied(FILE, Rights.READ)):
        refusal = translated(error, request(principal=ANONYMOUS))
        assert refusal is not None
        assert refusal.status == 401
        assert dict(refusal.headers)["WWW-Authenticate"].startswith('Basic realm="')


def test_those_sent_away_are_told_when_to_come_back() -> None:
    """RFC 9110 §10.2.3, RFC 6585 §4."""
    for error, status, seconds in ((Unavailable("x"), 503, errors.RETRY_AFTER), (Throttled(2_500_000), 429, 3)):
        refusal = translated(error)
        assert refusal is not None
        assert (refusal.status, dict(refusal.headers)["Retry-After"]) == (status, str(seconds))


def test_what_nobody_expected_is_no_refusal() -> None:
    """It becomes a 500 with a number and no detail; so does damage, with an alarm."""
    assert translated(ZeroDivisionError("secret")) is None
    assert translated(Damaged("blob x")) is None
