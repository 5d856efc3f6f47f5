"""XML of WebDAV: what is refused before it costs anything, and what is written (protocol.md §1, RFC 4918 §14)."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest
from lxml import etree

from davserver.dav import xml
from davserver.dav.xml import BadXml, parse, serialise

ORDINARY = '<D:propfind xmlns:D="DAV:"><D:prop><D:getetag/></D:prop></D:propfind>'


def many_namespaces(count: int) -> bytes:
    props = "".join(f'<p xmlns="urn:n{number}"/>' for number in range(count))
    return f'<D:propfind xmlns:D="DAV:"><D:prop>{props}</D:prop></D:propfind>'.encode()


HOSTILE: dict[str, Callable[[], bytes]] = {
    "100,000 namespaces": lambda: many_namespaces(100_000),
    "65 namespaces and DAV:": lambda: many_namespaces(xml.MAX_NAMESPACES),
    "prefixes on one element": lambda: b"<a " + b" ".join(b'xmlns:p%d="u"' % n for n in range(15_000)) + b"/>",
    "100,000 levels": lambda: b"<a>" * 100_000,
    "33 levels": lambda: b"<a>" * 33 + b"</a>" * 33,
    "2,001 elements": lambda: b"<a>" + b"<b/>" * 2_000 + b"</a>",
    "a million elements": lambda: b"<a>" + b"<b/>" * 1_000_000 + b"</a>",
    "unclosed comments": lambda: b"<!--" * 60_000,
    "unclosed instructions": lambda: b"<?x" * 60_000,
    "bomb": lambda: b'<!DOCTYPE a [<!ENTITY l "lol"><!ENTITY m "&l;&l;&l;">]><a>&m;</a>',
    "DOCTYPE": lambda: b"<!DOCTYPE propfind><propfind/>",
    "DOCTYPE behind comments": lambda: (
        b'<?xml version="1.0"?><!-- x --><?y z?>\n<!DOCTYPE a SYSTEM "file:///etc/passwd"><a/>'
    ),
    "DOCTYPE in UTF-16": lambda: "<!DOCTYPE a><a/>".encode("utf-16"),
    "entity": lambda: b"<a>&lol;</a>",
    "Latin-1": lambda: b'<?xml version="1.0" encoding="ISO-8859-1"?><a>\xe4</a>',
    "not UTF-8": lambda: b"<a>\xff</a>",
    "overlong": lambda: b"<a>\xc0\xaf</a>",
    "UTF-8 that says UTF-16": lambda: b'<?xml version="1.0" encoding="utf-16"?><a/>',
    "UTF-32": lambda: "<a/>".encode("utf-32"),
    "empty prefix declaration": lambda: b'<a xmlns="DAV:"><b xmlns:c=""><c:d/></b></a>',
    "undeclared prefix": lambda: b"<D:a/>",
    "control character": lambda: b"<a>\x01</a>",
    "control character by reference": lambda: b"<a>&#1;</a>",
    "two roots": lambda: b"<a/><b/>",
    "cut": lambda: b"<a><b>",
    "text": lambda: b"hello",
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_bodies_are_refused_at_once(name: str) -> None:
    """DOCTYPE, entities, foreign encodings and everything over the limits end in BadXml, in well under 100 ms."""
    body = HOSTILE[name]()
    took = []
    for _ in range(3):  # the collector may run in one of them, over all that the tests before this one left
        began = time.thread_time()
        with pytest.raises(BadXml):
            parse(body)
        took.append(time.thread_time() - began)
    assert min(took) < 0.1


@pytest.mark.parametrize(
    "body",
    [
        ORDINARY.encode(),
        b"\xef\xbb\xbf" + ORDINARY.encode(),
        f'<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\r\n{ORDINARY}'.encode(),
        f"<?xml version='1.0' encoding='utf-16'?>{ORDINARY}".encode("utf-16"),
        f'<?xml version="1.0"?>{ORDINARY}'.encode("utf-16-le"),
        f"<!-- <!DOCTYPE no> --><?pi?>{ORDINARY}<!-- end -->".encode(),
        ORDINARY.replace("<D:getetag/>", "<!-- c --><?p i?><D:getetag/>").encode(),
        ORDINARY.replace("<D:getetag/>", "<D:getetag/><![CDATA[<!DOCTYPE a>]]>").encode(),
    ],
)
def test_well_formed_bodies_in_both_encodings_are_understood(body: bytes) -> None:
    """UTF-8 and UTF-16 by mark or declaration; comments and instructions are as if they were not there (§8.2, §17)."""
    root = parse(body)
    assert root.tag == "{DAV:}propfind"
    assert [child.tag for child in root[0]] == ["{DAV:}getetag"]


def test_limits_leave_room_for_what_clients_send() -> None:
    """2,000 elements, 32 levels and 64 namespaces are still taken."""
    assert len(parse(b"<a>" + b"<b/>" * 1_999 + b"</a>")) == 1_999
    assert parse(b"<a>" * 32 + b"</a>" * 32).tag == "a"
    assert len(parse(many_namespaces(63))[0]) == 63


def shown(body: str) -> str:
    """The first property of a body as it would be kept, then parsed within a multistatus and made canonical."""
    kept = serialise(parse(body.encode())[0])
    within = etree.fromstring(xml.multistatus([kept]))
    assert None not in {prefix for part in within.iter() for prefix in part.nsmap}, "no default namespace anywhere"
    return etree.tostring(within[0], method="c14n", exclusive=True).decode()


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ('<p><a xmlns="urn:x">text</a></p>', '<x:a xmlns:x="urn:x">text</x:a>'),
        ('<p><q:a xmlns:q="urn:x" q:b="1" c="2"/></p>', '<q:a xmlns:q="urn:x" c="2" q:b="1"></q:a>'),
        ("<p><a>none</a></p>", "<a>none</a>"),
        ('<p xml:lang="de"><a/></p>', '<a xml:lang="de"></a>'),
        ('<p xml:lang="de"><a xml:lang="fr"/></p>', '<a xml:lang="fr"></a>'),
        ('<p><D:a xmlns:D="urn:not-dav"/></p>', '<x1:a xmlns:x1="urn:not-dav"></x1:a>'),
        ('<p><a xmlns="DAV:"><b xmlns=""/></a></p>', '<D:a xmlns:D="DAV:"><b></b></D:a>'),
        ("<p><a>&lt;&amp;&gt;]]&gt;<b/>tail&#13;</a></p>", "<a>&lt;&amp;&gt;]]&gt;<b></b>tail&#xD;</a>"),
        ("<p><a b='&quot;&#10;&#9;&lt;'/></p>", '<a b="&quot;&#xA;&#x9;&lt;"></a>'),
        ("<p><a>\U0001f3db</a></p>", "<a>\U0001f3db</a>"),
        ("<p><a><!-- gone --><![CDATA[<b>]]></a></p>", "<a>&lt;b&gt;</a>"),
    ],
)
def test_dead_property_keeps_what_it_says(body: str, expected: str) -> None:
    """Names, attributes, text, xml:lang in scope survive; prefixes are made where there were none (RFC 4918 §4.3)."""
    assert shown(body) == expected


def test_multistatus_is_as_windows_and_finder_take_it() -> None:
    """D: on every element, no white space between elements, foreign names declared where they stand (clients.md §2)."""
    content = xml.propstat(xml.element("{DAV:}getetag", "&quot;1&quot;") + xml.element("{urn:x}y"), 200)
    body = xml.multistatus([xml.response("/dav/a&b", content), xml.response_status("/dav/c", 423)])
    assert body.decode() == (
        '<?xml version="1.0" encoding="utf-8"?><D:multistatus xmlns:D="DAV:"><D:response><D:href>/dav/a&amp;b</D:href>'
        "<D:propstat><D:prop><D:getetag>&quot;1&quot;</D:getetag>"
        '<x:y xmlns:x="urn:x"/></D:prop><D:status>HTTP/1.1 200 OK</D:status></D:propstat></D:response>'
        "<D:response><D:href>/dav/c</D:href><D:status>HTTP/1.1 423 Locked</D:status></D:response></D:multistatus>"
    )
