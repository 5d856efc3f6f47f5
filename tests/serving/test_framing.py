"""Where a request ends is beyond doubt, or it is refused and the connection closes (RFC 9112; wsgidav.md §2.3, C4)."""

from __future__ import annotations

import time

import pytest

from tests.serving.conftest import Running, Serving
from tests.serving.raw import Peer, chunked, request

MARKER = b"GET /marker HTTP/1.1\r\nHost: test\r\n\r\n"
GOOD = "POST /read HTTP/1.1\r\nHost: test\r\n"
REFUSALS = {400, 413, 414, 417, 431, 501}


def post(*lines: str, body: bytes = b"abc") -> bytes:
    return (GOOD + "".join(line + "\r\n" for line in lines) + "\r\n").encode("latin-1") + body


ANOMALIES: dict[str, bytes] = {
    "two different Content-Length": post("Content-Length: 3", "Content-Length: 4"),
    "two equal Content-Length": post("Content-Length: 3", "Content-Length: 3"),
    "a list as Content-Length": post("Content-Length: 3, 3"),
    "Content-Length with Transfer-Encoding": post(
        "Content-Length: 3", "Transfer-Encoding: chunked", body=chunked(b"abc")
    ),
    "Transfer-Encoding with Content-Length": post(
        "Transfer-Encoding: chunked", "Content-Length: 3", body=chunked(b"abc")
    ),
    "plus sign": post("Content-Length: +3"),
    "minus sign": post("Content-Length: -3"),
    "minus zero": post("Content-Length: -0"),
    "underscore in the number": post("Content-Length: 0_3"),
    "space in the number": post("Content-Length: 0 3"),
    "hexadecimal number": post("Content-Length: 0x3"),
    "superscript digit": post("Content-Length: \xb3"),
    "empty number": post("Content-Length:"),
    "enormous number": post("Content-Length: 99999999999999999999999"),
    "unknown coding": post("Transfer-Encoding: xchunked"),
    "gzip before chunked": post("Transfer-Encoding: gzip, chunked", body=chunked(b"abc")),
    "chunked before identity": post("Transfer-Encoding: chunked, identity", body=chunked(b"abc")),
    "chunked twice in one line": post("Transfer-Encoding: chunked, chunked", body=chunked(b"abc")),
    "two Transfer-Encoding": post("Transfer-Encoding: chunked", "Transfer-Encoding: chunked", body=chunked(b"abc")),
    "empty Transfer-Encoding": post("Transfer-Encoding:", "Content-Length: 3"),
    "quoted chunked": post('Transfer-Encoding: "chunked"', body=chunked(b"abc")),
    "vertical tab before chunked": post("Transfer-Encoding: \x0bchunked", body=chunked(b"abc")),
    "chunked in HTTP/1.0": b"POST /read HTTP/1.0\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n" + chunked(b"abc"),
    "folded field": post("X-A: b", " c: d", "Content-Length: 3"),
    "folded Transfer-Encoding": post("Transfer-Encoding:", " chunked", body=chunked(b"abc")),
    "space before the first field": b"GET / HTTP/1.1\r\n Host: test\r\n\r\n",
    "NUL in a value": post("X-A: b\0c"),
    "NUL in a name": post("X\0A: b"),
    "DEL in a value": post("X-A: b\x7fc"),
    "bare CR in a value": post("X-A: b\rContent-Length: 3"),
    "bare LF ends a line": post("X-A: b\nContent-Length: 3"),
    "only LF ends lines": b"GET / HTTP/1.1\nHost: test\n\n",
    "space before the colon": post("Content-Length : 3"),
    "tab before the colon": post("Transfer-Encoding\t: chunked", body=chunked(b"abc")),
    "no colon": post("Content-Length"),
    "empty name": post(": 3"),
    "name with a space": post("Content Length: 3"),
    "name with a slash": post("X/A: 3"),
    "name with an umlaut": post("X-\xe4: 3"),
    "underscore in a name": post("Content_Length: 3"),
    "underscore in another name": post("Transfer_Encoding: chunked", "Content-Length: 3"),
    "no Host": b"GET / HTTP/1.1\r\n\r\n",
    "two Host": post("Host: test"),
    "empty Host": b"GET / HTTP/1.1\r\nHost:\r\n\r\n",
    "Host with a path": b"GET / HTTP/1.1\r\nHost: evil/x?\r\n\r\n",
    "Host with userinfo": b"GET / HTTP/1.1\r\nHost: a@b\r\n\r\n",
    "Host with a comma": b"GET / HTTP/1.1\r\nHost: a, b\r\n\r\n",
    "Host with a bad port": b"GET / HTTP/1.1\r\nHost: a:8o\r\n\r\n",
    "two Authorization": post("Authorization: Basic eDp5", "Authorization: Basic YTpi"),
    "HTTP/0.9": b"GET /\r\n\r\n",
    "HTTP/2.0": b"GET / HTTP/2.0\r\nHost: test\r\n\r\n",
    "HTTP/1.2": b"GET / HTTP/1.2\r\nHost: test\r\n\r\n",
    "HTTP/1.10": b"GET / HTTP/1.10\r\nHost: test\r\n\r\n",
    "http/1.1 in small letters": b"GET / http/1.1\r\nHost: test\r\n\r\n",
    "version padded": b"GET / HTTP/1.1 \r\nHost: test\r\n\r\n",
    "the preface of HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "two spaces": b"GET  / HTTP/1.1\r\nHost: test\r\n\r\n",
    "tab as space": b"GET\t/ HTTP/1.1\r\nHost: test\r\n\r\n",
    "space in the target": b"GET /a b HTTP/1.1\r\nHost: test\r\n\r\n",
    "no target": b"GET HTTP/1.1\r\nHost: test\r\n\r\n",
    "target without slash": b"GET x HTTP/1.1\r\nHost: test\r\n\r\n",
    "asterisk for GET": b"GET * HTTP/1.1\r\nHost: test\r\n\r\n",
    "fragment": b"GET /a#b HTTP/1.1\r\nHost: test\r\n\r\n",
    "broken percent-encoding": b"GET /a%zz HTTP/1.1\r\nHost: test\r\n\r\n",
    "NUL in the target": b"GET /a\0b HTTP/1.1\r\nHost: test\r\n\r\n",
    "method with a bad character": b"G(T / HTTP/1.1\r\nHost: test\r\n\r\n",
    "method in small letters": b"get / HTTP/1.1\r\nHost: test\r\n\r\n",
    "no method": b" / HTTP/1.1\r\nHost: test\r\n\r\n",
    "CONNECT": b"CONNECT test:443 HTTP/1.1\r\nHost: test:443\r\n\r\n",
    "absolute target of another host": b"GET http://other/ HTTP/1.1\r\nHost: test\r\n\r\n",
    "absolute target with userinfo": b"GET http://u@test/ HTTP/1.1\r\nHost: test\r\n\r\n",
    "absolute target of another scheme": b"GET ftp://test/ HTTP/1.1\r\nHost: test\r\n\r\n",
    "two empty lines first, LF only": b"\n\nGET / HTTP/1.1\r\nHost: test\r\n\r\n",
    "unknown expectation": post("Expect: 200-maybe", "Content-Length: 3"),
    "a TLS greeting": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    "101 fields": post(*(f"X-{n}: 1" for n in range(101))),
    "too long a request line": b"GET /" + b"a" * 8200 + b" HTTP/1.1\r\nHost: test\r\n\r\n",
    "100 KB in one field": post("X-A: " + "b" * 100_000),
    "fields without end": (GOOD + "X-A: b\r\n" * 20_000).encode(),
}

BAD_CHUNKS: dict[str, bytes] = {
    "sign": b"+3\r\nabc\r\n0\r\n\r\n",
    "minus": b"-3\r\nabc\r\n0\r\n\r\n",
    "0x": b"0x3\r\nabc\r\n0\r\n\r\n",
    "underscore": b"0_3\r\nabc\r\n0\r\n\r\n",
    "space before": b" 3\r\nabc\r\n0\r\n\r\n",
    "space after": b"3 \r\nabc\r\n0\r\n\r\n",
    "no digits": b"\r\nabc\r\n0\r\n\r\n",
    "no hex": b"g\r\nabc\r\n0\r\n\r\n",
    "17 digits": b"00000000000000003\r\nabc\r\n0\r\n\r\n",
    "LF after the size": b"3\nabc\r\n0\r\n\r\n",
    "CR after the size": b"3\rabc\r\n0\r\n\r\n",
    "two CR": b"3\r\r\nabc\r\n0\r\n\r\n",
    "longer than it says": b"2\r\nabc\r\n0\r\n\r\n",
    "LF after the bytes": b"3\r\nabc\n0\r\n\r\n",
    "no end after the bytes": b"3\r\nabc0\r\n\r\n",
    "LF in the extension": b"3;a\nb\r\nabc\r\n0\r\n\r\n",
    "NUL in the extension": b"3;\0\r\nabc\r\n0\r\n\r\n",
    "extension without end": b"3;" + b"a" * 5000 + b"\r\nabc\r\n0\r\n\r\n",
    "extensions in every chunk": (b"1;" + b"a" * 200 + b"\r\nx\r\n") * 200 + b"0\r\n\r\n",
    "LF after the last chunk": b"3\r\nabc\r\n0\r\n\n",
    "trailer without colon": b"3\r\nabc\r\n0\r\nGET / HTTP/1.1\r\n\r\n",
    "folded trailer": b"3\r\nabc\r\n0\r\nX: a\r\n b\r\n\r\n",
    "trailers without end": b"3\r\nabc\r\n0\r\n" + b"X: abcdefgh\r\n" * 1000 + b"\r\n",
}


@pytest.mark.parametrize("sent", ANOMALIES.values(), ids=ANOMALIES.keys())
def test_a_head_in_doubt_is_refused_and_nothing_behind_it_runs(running: Running, sent: bytes) -> None:
    """RFC 9112 §2.2, §3, §5.1, §6.3: 4xx or 501, the connection closes, the request hidden behind is never seen."""
    begin = time.monotonic()
    with running.peer() as peer:
        peer.send(sent, MARKER)
        answer = peer.answer()
        assert answer.status in REFUSALS
        assert answer.closes
        assert peer.closed_within(5)
    assert running.application.requests == []
    assert time.monotonic() - begin < 1


@pytest.mark.parametrize(
    ("begun", "status"),
    [
        (b"GET / HTTP/1.1\nHost: test\n\n", 400),
        (b"GET /\r\n", 400),
        (b"\x16\x03\x01\x02\x00", 400),
        (b"GET / HTTP/1.1\r\nX: a\rb", 400),
        (b"GET / HTTP/1.1\r\nX: a\0", 400),
        (b"GET /" + b"a" * 8200, 414),
        (b"GET / HTTP/1.1\r\nX: " + b"a" * 66_000, 431),
        (b"GET / HTTP/1.1\r\n" + b"X: a\r\n" * 12_000, 431),
    ],
)
def test_nonsense_is_refused_before_it_ends(running: Running, begun: bytes, status: int) -> None:
    """A head that cannot become good is not waited for; the size limits hold while it arrives."""
    with running.peer(3) as peer:
        peer.send(begun)
        answer = peer.answer()
    assert (answer.status, answer.closes) == (status, True)


@pytest.mark.parametrize("body", BAD_CHUNKS.values(), ids=BAD_CHUNKS.keys())
@pytest.mark.parametrize("path", ["/read", "/ignore"])
def test_a_malformed_chunked_body_ends_the_connection(running: Running, path: str, body: bytes) -> None:
    """RFC 9112 §7.1: whether the application reads it or not, what follows is never taken for a request."""
    with running.peer() as peer:
        peer.send(request("PUT", path, "Transfer-Encoding: chunked"), body, MARKER)
        answer = peer.answer()
        assert answer.status == (400 if path == "/read" else 200)
        assert answer.closes
        assert peer.closed_within(5)
    assert running.application.requests == [f"PUT {path}"]
    assert len(running.application.broken) == (path == "/read")


def test_a_chunk_extension_is_no_request(running: Running) -> None:
    """wsgidav.md C4: one MKCOL whose chunk extension looks like a request gave three answers."""
    with running.peer() as peer:
        hidden = b"5D;A / HTTP/1.1\r\nHost: test\r\n\r\nGET /marker HTTP/1.1\r\nHost: test\r\nX: ".ljust(
            0x5D + 17, b"y"
        )
        peer.send(request("MKCOL", "/ignore", "Transfer-Encoding: chunked"), hidden[: 0x5D + 17], b"\r\n0\r\n\r\n")
        assert peer.answer().status == 200
        peer.send(request("GET", "/after"))
        assert peer.answer().status == 200
    assert running.application.requests == ["MKCOL /ignore", "GET /after"]


def test_extensions_and_trailers_are_read_and_dropped(running: Running) -> None:
    """RFC 9112 §7.1.1, §7.1.2."""
    with running.peer() as peer:
        body = b'3;a="b c";d\r\nabc\r\n2 ; e\r\nde\r\n0;f\r\nX-Trailer: yes\r\nY: 2\r\n\r\n'
        peer.send(request("PUT", "/read", "Transfer-Encoding: Chunked"), body, request("GET", "/"))
        assert peer.answer().body.startswith(b"5 ")
        assert peer.answer().status == 200
    assert "HTTP_X_TRAILER" not in running.application.seen[0]


def test_two_pipelined_requests_are_answered_in_order(running: Running) -> None:
    """RFC 9112 §9.3.2."""
    with running.peer() as peer:
        peer.send(request("PUT", "/read", body=b"abc"), request("GET", "/ignore"), request("GET", "/stream"))
        assert [peer.answer().body[:2] for _ in range(3)] == [b"3 ", b"ok", b"on"]


def test_a_head_may_come_byte_by_byte(running: Running) -> None:
    with running.peer() as peer:
        for byte in request("PUT", "/read", body=b"abc"):
            peer.send(bytes([byte]))
        assert peer.answer().body.startswith(b"3 ")


def test_one_empty_line_before_a_request_is_ignored(running: Running) -> None:
    """RFC 9112 §2.2."""
    with running.peer() as peer:
        peer.send(b"\r\n", request("GET", "/"), b"\r\n", request("GET", "/"))
        assert [peer.answer().status for _ in range(2)] == [200, 200]


@pytest.mark.parametrize(
    ("target", "path", "query", "raw"),
    [
        ("/a%20b?c=%20d", "/a b", "c=%20d", "/a%20b?c=%20d"),
        ("//x/y", "//x/y", "", "//x/y"),
        ("//x:80/y?z", "//x:80/y", "z", "//x:80/y?z"),
        ("http://TEST/a?b", "/a", "b", "/a?b"),
        ("http://test", "/", "", "/"),
        ("https://test?q", "/", "q", "/?q"),
        ("/%C3%A4", "/\xc3\xa4", "", "/%C3%A4"),
        ("/%FF", "/\xff", "", "/%FF"),
        ("/a%2Fb", "/a/b", "", "/a%2Fb"),
        ("/../x", "/../x", "", "/../x"),
        ("/a:b", "/a:b", "", "/a:b"),
    ],
)
def test_the_target_reaches_the_application_as_sent(
    running: Running, target: str, path: str, query: str, raw: str
) -> None:
    """RFC 9112 §3.2; wsgidav.md C13 and §2.3: none drops the connection, `//x` is a path, absolute form works."""
    with running.peer() as peer:
        peer.send(request("GET", target), request("GET", "/next"))
        assert [peer.answer().status, peer.answer().status] == [200, 200]
    environ = running.application.seen[0]
    assert (environ["PATH_INFO"], environ["QUERY_STRING"], environ["REQUEST_URI"]) == (path, query, raw)


@pytest.mark.parametrize("target", ["*", "http://test"])
def test_options_of_the_server_itself(running: Running, target: str) -> None:
    """RFC 9112 §3.2.4."""
    with running.peer() as peer:
        peer.send(request("OPTIONS", target))
        assert peer.answer().status == 200
    assert running.application.seen[0]["PATH_INFO"] == "*"


def test_fields_become_environ_entries(running: Running) -> None:
    """PEP 3333; RFC 9110 §5.2: a repeated list field is joined, a cookie with semicolons (RFC 6265)."""
    with running.peer() as peer:
        fields = ("X-A: 1", "x-a:\t2 ", "Cookie: a=b", "Cookie: c=d", "Content-Type: text/plain", "X-Umlaut: \xc3\xa4")
        peer.send(request("PUT", "/read", *fields, body=b"abc"))
        peer.answer()
    environ = running.application.seen[0]
    assert environ["HTTP_X_A"] == "1, 2"
    assert environ["HTTP_COOKIE"] == "a=b; c=d"
    assert (environ["CONTENT_TYPE"], environ["CONTENT_LENGTH"]) == ("text/plain", "3")
    assert environ["HTTP_X_UMLAUT"] == "\xc3\xa4"
    assert (environ["HTTP_HOST"], environ["SERVER_PORT"]) == ("test", str(running.port))
    assert environ["wsgi.input_terminated"] is True
    assert environ["REMOTE_ADDR"] == "127.0.0.1"


def test_names_with_underscores_are_left_out(running: Running) -> None:
    """Office sends X-IDCRL_ACCEPTED and X-FORMS_BASED_AUTH_ACCEPTED (MS-OFBA); none may pass for another field."""
    with running.peer() as peer:
        peer.send(
            request("GET", "/", "X-IDCRL_ACCEPTED: t", "X_Forwarded_For: 10.0.0.1", "X_A: 1", "X-A: 2", "X-A_: 3")
        )
        assert peer.answer().status == 200
    environ = running.application.seen[0]
    assert environ["HTTP_X_A"] == "2"
    assert not {"HTTP_X_IDCRL_ACCEPTED", "HTTP_X_FORWARDED_FOR", "HTTP_X_A_"} & set(environ)


def test_only_the_last_connection_wish_of_either_version_counts(running: Running) -> None:
    """RFC 9112 §9.3: 1.1 stays unless told to close, 1.0 closes unless told to stay."""
    with running.peer() as peer:
        peer.send(b"GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n")
        assert peer.answer().headers["connection"] == "keep-alive"
        peer.send(request("GET", "/", "Connection: foo, CLOSE"))
        assert peer.answer().closes
        assert peer.closed_within(5)
    with running.peer() as peer:
        peer.send(b"GET / HTTP/1.0\r\n\r\n")
        assert peer.answer().closes
        assert peer.closed_within(5)


def test_refusals_arrive_although_the_peer_is_still_sending(serving: Serving) -> None:
    """A close over unread bytes would reset the connection before the answer is read (RFC 9112 §9.6)."""
    with serving() as running:
        for _ in range(20):
            with Peer(running.port) as peer:
                peer.send(b"BAD\r\n", b"x" * 200_000)
                assert peer.answer().status == 400
