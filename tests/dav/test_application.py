"""The application before any door opens: what it answers to everybody, and what it never lets out."""

from __future__ import annotations

import io
import logging
from collections.abc import Mapping
from typing import Any, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from acl.principals import ANONYMOUS, Principal, PrincipalKind
from davserver.dav.conditions import parse_http_date, parse_if, parse_tags
from davserver.dav.errors import DavError
from davserver.dav.server import Application, RequestServer
from davserver.dav.targets import decode_path, split_origin
from davserver.dav.xml import BadXml, parse
from davserver.login import Throttled
from davserver.tree.locking import GuardedTree

SECRET = "geheimes Wort"


class Answer(NamedTuple):
    status: int
    headers: dict[str, str]
    body: bytes
    log: list[Mapping[str, object]]


def login(environ: Mapping[str, Any]) -> Principal:
    """A login with one user and one way to be sent away."""
    if environ.get("HTTP_AUTHORIZATION") == "throttled":
        raise Throttled(1)
    return Principal(PrincipalKind.USER, "anna") if "HTTP_AUTHORIZATION" in environ else ANONYMOUS


def broken_door(_principal: Principal) -> GuardedTree:
    raise ZeroDivisionError(SECRET)


def ask(method: str, target: str, **headers: str) -> Answer:
    lines: list[Mapping[str, object]] = []
    application = Application({}, login=login, doors=broken_door, log=lines.append)
    environ = {"REQUEST_METHOD": method, "REQUEST_URI": target, "PATH_INFO": "/", "wsgi.url_scheme": "http"}
    environ |= {f"HTTP_{name.upper()}": value for name, value in headers.items()}
    started: list[tuple[str, list[tuple[str, str]]]] = []
    body = application({**environ, "wsgi.input": io.BytesIO()}, lambda *start: started.append(start))
    (line, fields), content = started[0], b"".join(body)
    assert len(fields) == len(dict(fields)), "no header twice"
    return Answer(int(line.split()[0]), dict(fields), content, lines)


@pytest.mark.parametrize(
    "target", ["*", "/", "/dav", "/dav/", "/dav/ba05/x.odt", "/elsewhere", "/%zz", "http://h/dav/x"]
)
def test_options_is_answered_to_everybody_everywhere(target: str) -> None:
    """Office and Windows ask without credentials, also above the drives (clients.md §3, §4, D14)."""
    answer = ask("OPTIONS", target)
    assert answer.status == 200
    assert answer.headers["DAV"] == "1, 2, 3, access-control, extended-mkcol"
    assert answer.headers["MS-Author-Via"] == "DAV"
    assert answer.headers["Allow"].split(", ") == list(RequestServer.methods)
    assert answer.headers["Content-Length"] == "0"


def test_every_method_that_is_allowed_has_its_verb() -> None:
    """Allow follows the code: none of WsgiDAV's own methods answers."""
    for method in RequestServer.methods:
        assert f"do_{method}" in vars(RequestServer)


@pytest.mark.parametrize("target", ["/dav/", "/dav/ba05/x", "/dav/absent", "/"])
def test_who_is_unknown_is_asked_to_log_in(target: str) -> None:
    """The same 401 for everything in and above the drives, so nothing can be found out."""
    answer = ask("PROPFIND", target, depth="0")
    assert answer.status == 401
    assert answer.headers["WWW-Authenticate"] == 'Basic realm="Gremium", charset="UTF-8"'


def test_too_many_wrong_passwords() -> None:
    answer = ask("GET", "/dav/", authorization="throttled")
    assert (answer.status, answer.headers["Retry-After"]) == (429, "1")


def test_above_the_drives() -> None:
    """A line for people without login; only looking is allowed there; beside the way down there is nothing."""
    answer = ask("GET", "/")
    assert (answer.status, answer.headers["Content-Type"]) == (200, "text/plain; charset=utf-8")
    assert b"/dav/" in answer.body
    assert ask("HEAD", "/").body == b""
    for method in ("PUT", "DELETE", "MKCOL", "LOCK", "BREW"):
        refused = ask(method, "/", authorization="x")
        assert (refused.status, refused.headers["Allow"]) == (405, "OPTIONS, GET, HEAD, PROPFIND")
    pages = {ask(method, path).body for method in ("GET", "PROPFIND", "PUT") for path in ("/_vti_inf.html", "/davx/")}
    assert len(pages) == 1


@pytest.mark.parametrize(
    "target", ["/dav/%00", "/dav/..", "/dav/a%2Fb", "/dav/%FF", "dav", "ftp://h/dav", "/dav" + "/a" * 65]
)
def test_targets_that_cannot_be_are_answered_whole(target: str) -> None:
    """C13: 400 with its body and length, whoever asks."""
    answer = ask("PROPFIND", target, authorization="x")
    assert answer.status == 400
    assert answer.headers["Content-Length"] == str(len(answer.body)) != "0"


def test_a_bug_is_a_500_with_a_number_and_no_detail(caplog: pytest.LogCaptureFixture) -> None:
    """protocol.md §1: the traceback is in the log, under the number that the client was told."""
    with caplog.at_level(logging.ERROR):
        answer = ask("PROPFIND", "/dav/", authorization="x")
    assert answer.status == 500
    assert SECRET.encode() not in answer.body
    number = str(answer.log[0]["request"])
    assert number.encode() in answer.body
    assert number in caplog.text
    assert "ZeroDivisionError" in caplog.text


def test_head_never_has_a_body() -> None:
    """D3: also when it is refused; Content-Length says what GET would send."""
    answer = ask("HEAD", "/dav/x")
    assert (answer.status, answer.body) == (401, b"")
    assert answer.headers["Content-Length"] == str(len(ask("GET", "/dav/x").body))


def test_one_line_of_log_without_names() -> None:
    """contract.md: node ids, never names, queries or tokens."""
    answer = ask("GET", "/dav/Personalakte.pdf?token=x", authorization="x")
    (line,) = answer.log
    assert set(line) == {"request", "method", "status", "ms", "bytes", "nodes"}
    assert (line["method"], line["status"], line["bytes"]) == ("GET", 500, len(answer.body))
    assert "Personalakte" not in str(line)


def test_a_server_that_hides_the_raw_target_is_served_too() -> None:
    """The application does not know its server (performance.md §3)."""
    application = Application({}, login=login, doors=broken_door, log=[].append)
    environ = {"REQUEST_METHOD": "GET", "PATH_INFO": "/d\xc3\xa4v", "wsgi.url_scheme": "http"}
    started: list[str] = []
    body = b"".join(application(environ, lambda line, _headers: started.append(line)))
    assert (started, b"NotFound" in body) == (["404 Not Found"], True)


@given(st.text() | st.text(alphabet='()<>[]":/W Not,%.?#0aA'))
def test_no_header_of_any_sort_is_more_than_a_400(text: str) -> None:
    """protocol.md §1: never a 500 for anything a client can send."""
    parse_http_date(text)
    for read in (parse_if, decode_path, split_origin):
        try:
            read(text)
        except DavError as refusal:
            assert refusal.status == 400
    try:
        parse_tags(text, "If-Match")
    except DavError as refusal:
        assert refusal.status == 400


@given(st.binary() | st.text(alphabet="<>/!?-[]=\"' aD:&;x#\0\n").map(str.encode))
def test_no_body_of_any_sort_is_more_than_bad_xml(body: bytes) -> None:
    """The same for XML."""
    try:
        parse(body)
    except BadXml as refusal:
        assert str(refusal)
