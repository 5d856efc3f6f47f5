"""XML of WebDAV: bodies parsed under hard limits, multistatus written as plain text (RFC 4918 §14, XML 1.0).

Everything written has the prefix `D:` on every element of DAV:, the prefix of `PREFIXES` or its own declaration on
every other element, no default namespace and no white space between elements (Windows MiniRedir and Finder take
nothing else).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from http import HTTPStatus
from types import MappingProxyType

from lxml import etree

DAV = "{DAV:}"
PREFIXES: Mapping[str, str] = MappingProxyType(
    {
        "DAV:": "D",
        "urn:gremium:dav": "G",
        "urn:schemas-microsoft-com:": "Z",  # as Windows itself writes it
        "http://apache.org/dav/props/": "A",
        "http://owncloud.org/ns": "oc",
        "http://nextcloud.org/ns": "nc",
        "http://sabredav.org/ns": "s",
    }
)
"""Namespaces that stand in many answers, or many times in one: declared once, at the root of a document."""
CONTENT_TYPE = "application/xml; charset=utf-8"
BODY_LIMIT = 256 * 1024
PROPPATCH_LIMIT = 1024 * 1024
MAX_DEPTH = 32
MAX_ELEMENTS = 2_000
MAX_NAMESPACES = 64

_PIECE = 8 * 1024  # what the parser may take in before the limits are looked at again
_LANG = "{http://www.w3.org/XML/1998/namespace}lang"
_XML_PREFIX = "http://www.w3.org/XML/1998/namespace"
_DECLARATION = re.compile(r"<\?xml[ \t\r\n][^<>]*?\?>")
_ENCODING = re.compile(r"""encoding[ \t\r\n]*=[ \t\r\n]*["']([A-Za-z0-9._-]+)["']""")
_PROLOG = re.compile(r"(?:[ \t\r\n]++|<!--.*?-->|<\?.*?\?>)*+", re.DOTALL)
_UNSAFE_TEXT = re.compile(r"[&<>\r]")
_UNSAFE_VALUE = re.compile(r'[&<>"\r\n\t]')
_REFERENCES = {"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "\r": "&#13;", "\n": "&#10;", "\t": "&#9;"}


class BadXml(Exception):  # noqa: N818 (the house's word, architecture.md §5)
    """A request body that is not the XML it should be; the text says why, for people."""


def parse(body: bytes) -> etree._Element:
    """The root element of a request body; comments and processing instructions are gone.

    Raises BadXml for anything that is not well-formed UTF-8 or UTF-16 XML, for any DOCTYPE, and over the
    limits on depth, elements and namespaces, which are watched while the tree grows.
    """
    text = _decode(body)
    start = text[_PROLOG.match(text).end() :][:2]  # type: ignore[union-attr]  # the pattern matches the empty text
    if start == "<!":
        raise BadXml("the XML body must not have a DOCTYPE")
    parser = etree.XMLPullParser(
        events=("start", "end", "start-ns"),
        encoding="utf-8",
        resolve_entities=False,
        no_network=True,
        huge_tree=False,
        remove_comments=True,
        remove_pis=True,
    )
    data = text.encode()
    watch = _Watch(parser)
    try:
        for offset in range(0, len(data), _PIECE):
            parser.feed(data[offset : offset + _PIECE])
            watch.look()
        return parser.close()
    except etree.XMLSyntaxError:
        raise BadXml("the body is not well-formed XML") from None


class _Watch:
    """Counts what a parser has built so far."""

    def __init__(self, parser: etree.XMLPullParser) -> None:
        self._parser = parser
        self._depth = self._elements = self._declarations = 0
        self._namespaces: set[str] = set()

    def look(self) -> None:
        """Raises BadXml over a limit."""
        for event, what in self._parser.read_events():
            if event == "start":
                self._depth += 1
                self._elements += 1
                if self._depth > MAX_DEPTH or self._elements > MAX_ELEMENTS:
                    raise BadXml("the XML body is too deep or has too many elements")
            elif event == "end":
                self._depth -= 1
            elif isinstance(what, tuple):  # start-ns: prefix and namespace
                self._declarations += 1
                self._namespaces.add(str(what[1]))
                if len(self._namespaces) > MAX_NAMESPACES or self._declarations > MAX_ELEMENTS:
                    raise BadXml("the XML body has too many namespaces")


def _decode(body: bytes) -> str:
    """The text without byte order mark and XML declaration (XML 1.0 §4.3.3, appendix F)."""
    encoding = "utf-8-sig"
    names: tuple[str, ...] = ("utf-8", "utf8", "us-ascii")
    if body[:2] in (b"\xff\xfe", b"\xfe\xff"):
        encoding, names = "utf-16", ("utf-16",)
    elif body[:4] in (b"<\0?\0", b"\0<\0?"):
        encoding = "utf-16-le" if body[0] else "utf-16-be"
        names = ("utf-16", encoding)
    try:
        text = body.decode(encoding)
    except UnicodeDecodeError:
        raise BadXml("the XML body is neither UTF-8 nor UTF-16") from None
    declaration = _DECLARATION.match(text)
    if declaration is None:
        return text
    named = _ENCODING.search(declaration[0])
    if named is not None and named[1].lower() not in names:
        raise BadXml("the XML body must be UTF-8 or UTF-16 and say so")
    return text[declaration.end() :]


def escape(text: str) -> str:
    """Character data for element content."""
    return _UNSAFE_TEXT.sub(_reference, text) if _UNSAFE_TEXT.search(text) else text


def escape_all(texts: list[str]) -> list[str]:
    """Of each, in order; mostly there is nothing to escape in any."""
    return [escape(text) for text in texts] if _UNSAFE_TEXT.search("".join(texts)) else texts


def escape_value(text: str) -> str:
    """Character data for an attribute value between double quotes."""
    return _UNSAFE_VALUE.sub(_reference, text)


def _reference(match: re.Match[str]) -> str:
    return _REFERENCES[match[0]]


def element(name: str, content: str = "") -> str:
    """An element with a Clark name around content that is serialised already; part of a `document`."""
    namespace, local = split(name)
    if namespace in PREFIXES:
        tag, declaration = f"{PREFIXES[namespace]}:{local}", ""
    elif namespace:
        tag, declaration = f"x:{local}", f' xmlns:x="{escape_value(namespace)}"'
    else:
        tag, declaration = local, ""
    return f"<{tag}{declaration}>{content}</{tag}>" if content else f"<{tag}{declaration}/>"


def split(name: str) -> tuple[str, str]:
    """Namespace and local name of a Clark name; the namespace is empty for a name without braces."""
    if name[:1] != "{":
        return "", name
    namespace, _, local = name[1:].partition("}")
    return namespace, local


def serialise(prop: etree._Element) -> str:
    """A property element as it is kept and shown: self-contained, no default namespace, `xml:lang` in scope kept.

    Prefixes of the client are kept where it used any (RFC 4918 §4.3).
    """
    prefixes: dict[str, str] = {"DAV:": "D", _XML_PREFIX: "xml"}
    taken = {"D", "xml"}
    for part in prop.iter():
        for name, wanted in [(part.tag, part.prefix), *((str(key), None) for key in part.attrib)]:
            namespace = split(str(name))[0]
            if namespace and namespace not in prefixes:
                prefixes[namespace] = _free_prefix(wanted or _prefix_of(part, namespace), taken)
    declarations = "".join(
        f' xmlns:{prefix}="{escape_value(namespace)}"'
        for namespace, prefix in prefixes.items()
        if prefix not in ("D", "xml")
    )
    lang = next(
        (str(above.get(_LANG)) for above in (prop, *prop.iterancestors()) if above.get(_LANG) is not None), None
    )
    if lang and prop.get(_LANG) is None:
        declarations += f' xml:lang="{escape_value(lang)}"'
    return _write(prop, prefixes, declarations)


def _prefix_of(part: etree._Element, namespace: str) -> str | None:
    return next((prefix for prefix, uri in part.nsmap.items() if uri == namespace and prefix), None)


def _free_prefix(wanted: str | None, taken: set[str]) -> str:
    prefix, number = wanted or "x", 0
    while prefix in taken:
        number += 1
        prefix = f"x{number}"
    taken.add(prefix)
    return prefix


def _write(part: etree._Element, prefixes: dict[str, str], declarations: str) -> str:
    tag = _prefixed(str(part.tag), prefixes)
    attributes = "".join(
        f' {_prefixed(str(name), prefixes)}="{escape_value(str(value))}"' for name, value in part.attrib.items()
    )
    inside = escape(part.text or "") + "".join(_write(child, prefixes, "") + escape(child.tail or "") for child in part)
    opened = f"<{tag}{declarations}{attributes}"
    return f"{opened}>{inside}</{tag}>" if inside else f"{opened}/>"


def _prefixed(name: str, prefixes: dict[str, str]) -> str:
    namespace, local = split(name)
    return f"{prefixes[namespace]}:{local}" if namespace else local


def status_line(status: int) -> str:
    """`HTTP/1.1 404 Not Found`, as it stands inside a multistatus."""
    return f"HTTP/1.1 {status} {HTTPStatus(status).phrase}"


def propstat(properties: str, status: int, error: str = "") -> str:
    """One propstat around serialised properties; `error` is a serialised precondition element."""
    told = f"<D:error>{error}</D:error>" if error else ""
    return f"<D:propstat><D:prop>{properties}</D:prop><D:status>{status_line(status)}</D:status>{told}</D:propstat>"


def response(href: str, content: str) -> str:
    """One response of a multistatus; `href` is percent-encoded, `content` serialised propstats or a status."""
    return f"<D:response><D:href>{escape(href)}</D:href>{content}</D:response>"


def response_status(href: str, status: int, error: str = "") -> str:
    """One response that says how a member fared as a whole (RFC 4918 §14.24)."""
    told = f"<D:error>{error}</D:error>" if error else ""
    return response(href, f"<D:status>{status_line(status)}</D:status>{told}")


def multistatus(responses: Iterable[str], *, only_dav: bool = False) -> bytes:
    """The body of a 207 from serialised responses; `only_dav`: no other namespace of `PREFIXES` is in use."""
    return document("D:multistatus", "".join(responses), only_dav=only_dav)


def document(root: str, content: str, *, only_dav: bool = False) -> bytes:
    """A whole XML document: a root element around serialised content, with each namespace of `PREFIXES` in use.

    Who knows that it is `DAV:` alone spares a long listing the search for the others.
    """
    declared = "".join(
        f' xmlns:{prefix}="{namespace}"'
        for namespace, prefix in PREFIXES.items()
        if prefix == "D" or (not only_dav and f"<{prefix}:" in content)
    )
    return f'<?xml version="1.0" encoding="utf-8"?><{root}{declared}>{content}</{root}>'.encode()
