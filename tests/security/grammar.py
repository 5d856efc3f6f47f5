"""Requests out of the grammar of everything that the drives understand, and a little beside it (security.md S-03).

Each part is drawn from what is right, what is nearly right, and what is not; the framing alone is always right, as
`tests/serving/test_framing.py` asks for the others. The same seed gives the same requests.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from urllib.parse import quote

METHODS = (
    *("OPTIONS", "GET", "HEAD", "PUT", "PROPFIND", "PROPPATCH", "MKCOL", "DELETE", "COPY", "MOVE", "LOCK", "UNLOCK"),
    *("REPORT", "ACL", "POST", "SEARCH", "PATCH", "TRACE", "MKCALENDAR", "BIND", "LABEL", "VERSION-CONTROL", "X-Y"),
)
WEIGHTS = (1, 4, 2, 5, 6, 5, 3, 1, 4, 3, 5, 3, 4, 3, 1, 1, 1, 1, 1, 1, 1, 1, 1)
NAMES = (
    "a.txt",
    "b.txt",
    "Ordner",
    "Ordner/c.txt",
    "Ordner/tief",
    "ö.txt",
    "e\u0308.txt",
    "fehlt",
    "x y",
    "a;b",
    "~$a.docx",
)
CHAR = "a\"<>()[]{}/\\,;:@ \t=*%?'&#!|^`~+-_.0\x7f\xff\x80é"
URNS = (
    "urn:uuid:00000000-0000-4000-8000-000000000000",
    "DAV:no-lock",
    "opaquelocktoken:x",
    "urn:x",
    "",
    "http://test/x",
)
NUMBERS = ("0", "1", "2", "-1", "4294967296", "18446744073709551616", "9" * 400, "1e3", "0x1", "١", "+1", " 1 ", "")
DATES = ("Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT", "Thu, 99 Foo 2020 99:99:99 GMT", "now", "")
SPACES = (
    "DAV:",
    "DAV",
    "urn:x",
    "http://owncloud.org/ns",
    "http://nextcloud.org/ns",
    "",
    "http://calendarserver.org/ns/",
)
PROPERTIES = (
    *("getetag", "displayname", "lockdiscovery", "acl", "resourcetype", "getcontentlength", "supported-report-set"),
    *(
        "quota-used-bytes",
        "current-user-privilege-set",
        "sync-token",
        "owner",
        "fileid",
        "permissions",
        "Win32LastModifiedTime",
    ),
    *(
        "Win32LastModifiedTime",
        "creationdate",
        "getlastmodified",
        "principal-URL",
        "group-member-set",
        "x",
        "checksums",
        "share-types",
    ),
)
ELEMENTS = (
    *("propfind", "prop", "allprop", "propname", "include", "propertyupdate", "set", "remove", "lockinfo", "lockscope"),
    *(
        "exclusive",
        "shared",
        "locktype",
        "write",
        "owner",
        "href",
        "acl",
        "ace",
        "principal",
        "grant",
        "deny",
        "privilege",
    ),
    *("principal", "read", "all", "sync-collection", "sync-token", "sync-level", "limit", "nresults", "property"),
    *(
        "expand-property",
        "principal-property-search",
        "property-search",
        "match",
        "acl-principal-prop-set",
        "mkcol",
        "resourcetype",
    ),
)
Drawn = random.Random


def request(drawn: Drawn, bases: Sequence[str], credentials: Sequence[str]) -> bytes:
    """One request to one of the bases, with or without one of the credentials (whole Authorization values)."""
    (method,) = drawn.choices(METHODS, WEIGHTS)
    lines = [f"{method} {target(drawn, bases)} HTTP/1.1", "Host: test"]
    if drawn.random() < 0.95:
        lines.append(f"Authorization: {drawn.choice(credentials)}")
    chosen = {name for name in FIELDS if drawn.random() < 0.08} | USUAL.get(method, set())
    lines += [f"{name}: {line(FIELDS[name](drawn, bases))}" for name in sorted(chosen)]
    body = content(drawn, method)
    return framed(drawn, lines, body)


def framed(drawn: Drawn, lines: list[str], body: bytes) -> bytes:
    """Always one request, whole: by length, or in chunks of odd sizes."""
    if body and drawn.random() < 0.3:
        cut = drawn.randrange(len(body)) if len(body) > 1 else 0
        pieces = [piece for piece in (body[:cut], body[cut:]) if piece]
        body = b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"
        lines.append("Transfer-Encoding: chunked")
    else:
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join([*lines, "", ""]).encode("latin-1", "replace") + body


def line(value: str) -> str:
    """What may stand in a field: controls would be a matter of framing."""
    return "".join(each for each in value if each == "\t" or (each >= " " and each != "\x7f")).strip(" \t")


def target(drawn: Drawn, bases: Sequence[str]) -> str:
    path = drawn.choice(bases) + drawn.choice(("", "/", *("/" + quote(name) for name in NAMES)))
    if drawn.random() < 0.1:
        path += drawn.choice(("?", "?x=%zz", "//", "/.", "/%2e%2e/", "/%FF", "%", "/" + "n" * 260, "/x" * 70, "/%00"))
    return path if path.startswith("/") else "/" + path


def rubbish(drawn: Drawn, _bases: Sequence[str] = ()) -> str:
    return "".join(drawn.choice(CHAR) for _ in range(drawn.randrange(24)))


def either(*values: str) -> Callable[[Drawn, Sequence[str]], str]:
    """One of these nine times in ten, else rubbish."""
    return lambda drawn, bases: drawn.choice(values) if drawn.random() < 0.9 else rubbish(drawn, bases)


def tags(drawn: Drawn, _bases: Sequence[str]) -> str:
    one = ('"x"', 'W/"x"', "*", '""', '"', "x", "W/", '"a","b"', '"a" "b"', '"\xff"', ",", '"x",')
    return ", ".join(drawn.choice(one) for _ in range(drawn.choice((1, 1, 2, 120))))


def condition(drawn: Drawn, bases: Sequence[str]) -> str:
    """RFC 4918 §10.4, with something out of place now and then."""
    parts = []
    for _ in range(drawn.choice((1, 1, 2, 3, 110))):
        if drawn.random() < 0.4:
            parts.append(drawn.choice((f"<http://test{target(drawn, bases)}>", "</dav>", "<x>", "<>")))
        inner = [drawn.choice(("Not ", "", "", "not")) + state(drawn) for _ in range(drawn.choice((0, 1, 1, 2)))]
        parts.append(f"({' '.join(inner)})")
    text = drawn.choice((" ", "")).join(parts)
    if drawn.random() < 0.3 and text:
        place = drawn.randrange(len(text))
        text = text[:place] + drawn.choice(("", "(", ")", "<", '"', "[", rubbish(drawn))) + text[place + 1 :]
    return text


def state(drawn: Drawn) -> str:
    return drawn.choice((f"<{drawn.choice(URNS)}>", '["x"]', '[W/"x"]', "[]", "<>", rubbish(drawn)))


def destination(drawn: Drawn, bases: Sequence[str]) -> str:
    host = drawn.choice(
        ("http://test", "", "http://test:80", "https://test", "http://other", "//test", "ftp://test", "http://")
    )
    return host + target(drawn, bases) if drawn.random() < 0.9 else rubbish(drawn)


def ranges(drawn: Drawn, _bases: Sequence[str]) -> str:
    spans = (f"{drawn.choice(NUMBERS)}-{drawn.choice(NUMBERS)}" for _ in range(drawn.choice((1, 1, 3, 300))))
    return drawn.choice(("bytes=", "bytes = ", "lines=", "")) + ",".join(spans)


FIELDS: Mapping[str, Callable[[Drawn, Sequence[str]], str]] = {
    "If": condition,
    "If-Match": tags,
    "If-None-Match": tags,
    "If-Range": either('"x"', *DATES),
    "If-Modified-Since": either(*DATES),
    "If-Unmodified-Since": either(*DATES),
    "If-Schedule-Tag-Match": tags,
    "Depth": either("0", "1", "infinity", "Infinity", "1,noroot", "2", ""),
    "Destination": destination,
    "Overwrite": either("T", "F", "t", "true", ""),
    "Timeout": either(
        "Second-600", "Infinite", "Infinite, Second-4100000000", "Second-" + "9" * 90, "Second--1", "Extend"
    ),
    "Lock-Token": either(*(f"<{urn}>" for urn in URNS), *URNS),
    "Range": ranges,
    "Content-Range": either("bytes 0-1/2", "bytes */*", "bytes 5-1/9", "bytes 0-99999999999999999999/*"),
    "Content-Type": either(
        "text/xml", "application/xml; charset=utf-16", "text/plain", "multipart/form-data", "x" * 300, "/"
    ),
    "Content-Encoding": either("gzip", "identity", "br", "x"),
    "Content-Language": either("de", "x" * 200),
    "Content-MD5": either("Q2hlY2sgSW50ZWdyaXR5IQ==", "x"),
    "Content-Digest": either("sha-256=:AAAA:", "sha-256=x", "md5=::"),
    "Accept": either("*/*", "text/html", "application/json;q=x", "text/html;q=0"),
    "Accept-Encoding": either("gzip", "gzip;q=0, *;q=x", "identity;q=0", "br, zstd"),
    "Accept-Language": either("de", "en;q=0.1, *", "x" * 100),
    "Prefer": either("return=minimal", "depth-noroot", "return=representation; x=y", "handling=lenient"),
    "Brief": either("t", "f"),
    "Translate": either("f", "t"),
    "Expect": either("100-continue"),
    "User-Agent": either("Microsoft-WebDAV-MiniRedir/10", "WebDAVFS/3", "Mozilla/5.0 (X) mirall/3.15", "gvfs/1.5", "x"),
    "OC-Checksum": either("SHA1:x", "MD5:", "ADLER32:00000001", "SHA1:" + "0" * 40, ":"),
    "OC-Total-Length": either(*NUMBERS),
    "OC-Chunked": either("1"),
    "X-OC-Mtime": either(*NUMBERS),
    "X-OC-CTime": either(*NUMBERS),
    "X-Expected-Entity-Length": either(*NUMBERS),
    "X-HTTP-Method-Override": either("DELETE", "GET"),
    "X-Forwarded-For": either("127.0.0.1", "::1", "x"),
    "X-Forwarded-Proto": either("https", "javascript"),
    "X-Forwarded-Host": either("evil"),
    "Forwarded": either("for=1.2.3.4;proto=https", 'for="[::1]:x"', ";;"),
    "Cookie": either("gremium=x", "gremium-link=1.2.3", "=;=", "a" * 3000),
    "Origin": either("http://evil", "null"),
    "Referer": either("http://test/", "x"),
    "Sec-Fetch-Site": either("cross-site", "same-origin"),
    "Max-Forwards": either(*NUMBERS),
    "Apply-To-Redirect-Ref": either("T"),
    "Date": either(*DATES),
}
USUAL: Mapping[str, set[str]] = {
    "COPY": {"Destination"},
    "MOVE": {"Destination"},
    "PROPFIND": {"Depth"},
    "REPORT": {"Depth"},
    "UNLOCK": {"Lock-Token"},
}


# -- bodies -----------------------------------------------------------------------------------------------------------


def content(drawn: Drawn, method: str) -> bytes:
    if method in ("GET", "HEAD", "DELETE", "OPTIONS", "COPY", "MOVE", "UNLOCK", "TRACE") and drawn.random() < 0.95:
        return b""
    if method == "PUT":
        return drawn.randbytes(drawn.choice((0, 1, 100, 5000)))
    kind = drawn.random()
    if kind < 0.1:
        return drawn.choice((b"", b"<", b"\x00", b"<?xml?>", b"\xef\xbb\xbf", b"<a", drawn.randbytes(60)))
    text = known(drawn, method) if kind < 0.8 else tree(drawn, 4)
    body = ('<?xml version="1.0" encoding="utf-8"?>' if drawn.random() < 0.8 else "") + text
    return spoiled(drawn, body.encode("utf-8", "surrogatepass"))


def spoiled(drawn: Drawn, body: bytes) -> bytes:
    """Now and then a byte is another, or a piece is gone, or there twice."""
    if drawn.random() < 0.7:
        return body
    start, length = drawn.randrange(len(body)), drawn.randrange(20)
    piece = drawn.choice((b"", drawn.randbytes(1), body[start : start + length] * 2, b"&x;", b"]]>", b"<!--"))
    return body[:start] + piece + body[start + length :]


ROOTS = {"PROPFIND": "propfind", "PROPPATCH": "propertyupdate", "LOCK": "lockinfo", "ACL": "acl", "MKCOL": "mkcol"}
PRINCIPALS = ("<D:all/>", "<D:authenticated/>", "<D:self/>", "<D:href>/dav/.principals/x</D:href>", "")


def known(drawn: Drawn, method: str) -> str:
    """What such a request usually brings, of random parts."""
    props = "".join(_property(drawn) for _ in range(drawn.choice((0, 1, 3, 30))))
    root = ROOTS.get(method)
    if root is None:
        return _report(drawn, props)
    return f'<D:{root} xmlns:D="DAV:" xmlns:y="urn:y">{_inside(drawn, method, props)}</D:{root}>'


def _inside(drawn: Drawn, method: str, props: str) -> str:
    if method == "PROPFIND":
        asked = f"<D:prop>{props}</D:prop>"
        return drawn.choice(
            (asked, asked, "<D:allprop/>", "<D:propname/>", f"<D:allprop/><D:include>{props}</D:include>")
        )
    if method == "LOCK":
        scope = f"<D:lockscope><D:{drawn.choice(('exclusive', 'shared', 'x'))}/></D:lockscope>"
        return f"{scope}<D:locktype><D:write/></D:locktype><D:owner>{_text(drawn)}</D:owner>"
    if method == "ACL":
        right = f"<D:privilege><D:{drawn.choice(ELEMENTS)}/></D:privilege>"
        way = drawn.choice(("grant", "deny"))
        return f"<D:ace><D:principal>{drawn.choice(PRINCIPALS)}</D:principal><D:{way}>{right}</D:{way}></D:ace>"
    if method == "MKCOL":
        return f"<D:set><D:prop><D:resourcetype><D:collection/></D:resourcetype>{props}</D:prop></D:set>"
    way = drawn.choice(("set", "set", "remove", "x"))
    return f"<D:{way}><D:prop>{props}</D:prop></D:{way}>"


def _report(drawn: Drawn, props: str) -> str:
    name = drawn.choice(
        ("sync-collection", "expand-property", "principal-property-search", "acl-principal-prop-set", "x")
    )
    token = drawn.choice(("", "x", "http://test/sync/1", _text(drawn)))
    inner = f"<D:sync-token>{token}</D:sync-token><D:sync-level>{drawn.choice(NUMBERS)}</D:sync-level>"
    inner += f"<D:limit><D:nresults>{drawn.choice(NUMBERS)}</D:nresults></D:limit><D:prop>{props}</D:prop>"
    inner += f'<D:property name="{drawn.choice(PROPERTIES)}" namespace="{drawn.choice(SPACES)}"/>'
    inner += f"<D:property-search><D:prop>{props}</D:prop><D:match>{_text(drawn)}</D:match></D:property-search>"
    return f'<D:{name} xmlns:D="DAV:" xmlns:y="urn:y">{inner}</D:{name}>'


def _property(drawn: Drawn) -> str:
    space, name = drawn.choice(SPACES), drawn.choice(PROPERTIES)
    return f'<{name} xmlns="{space}">{_text(drawn)}</{name}>'


def _text(drawn: Drawn) -> str:
    values = (
        "",
        "v",
        "&lt;x/&gt;",
        "<![CDATA[<]]>",
        "&#0;",
        "&#x1F600;",
        "&#xD800;",
        "&nichts;",
        "\u202e",
        "v" * 3000,
        *DATES,
    )
    return drawn.choice((*values, *NUMBERS, f"<D:href xmlns:D='DAV:'>{rubbish_text(drawn)}</D:href>"))


def rubbish_text(drawn: Drawn) -> str:
    return rubbish(drawn).replace("<", "").replace("&", "").replace("\x7f", "")


def tree(drawn: Drawn, depth: int) -> str:
    """Elements of WebDAV in any order."""
    name, space = drawn.choice(ELEMENTS), drawn.choice(SPACES)
    inner = "".join(tree(drawn, depth - 1) for _ in range(drawn.randrange(4))) if depth else _text(drawn)
    return f'<{name} xmlns="{space}">{inner}</{name}>'
