"""Families of hostile XML bodies, 5,000 of them from a seed (security.md B11, S-04)."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

SEED = 4
ROOTS = ("propfind", "propertyupdate", "lockinfo", "acl", "mkcol", "sync-collection", "expand-property")
ENCODINGS = ("utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-7", "cp037", "latin-1", "cp1252")
Drawn = random.Random


class Body(NamedTuple):
    family: str
    content: bytes
    must_fail: bool
    """It holds a DOCTYPE, or an entity that nobody declared, in an encoding that is understood."""


def bodies(count: int, lures: Sequence[str]) -> Iterator[Body]:
    """So many; `lures` are addresses of files and servers that a careless parser would open."""
    drawn = random.Random(SEED)
    for number in range(count):
        yield FAMILIES[number % len(FAMILIES)](drawn, lures)


def _wrapped(drawn: Drawn, inner: str, before: str = "") -> str:
    root = drawn.choice(ROOTS)
    said = drawn.choice(("", '<?xml version="1.0"?>', '<?xml version="1.0" encoding="utf-8" standalone="yes"?>'))
    return f'{said}{before}<D:{root} xmlns:D="DAV:"><D:prop>{inner}</D:prop></D:{root}>'


def _noise(drawn: Drawn) -> str:
    pieces = ("", " ", "\r\n\t", "<!-- x -->", "<?y z?>", "<!-- <a> --><?b?>\n")
    return "".join(drawn.choice(pieces) for _ in range(drawn.randrange(12)))


def _letters(drawn: Drawn) -> str:
    return "".join(drawn.choice("aä€\U0001f3db") for _ in range(drawn.randrange(1, 30)))


def _external(drawn: Drawn, lures: Sequence[str]) -> Body:
    """XXE: general and parameter entities, external subsets, by every way of naming them."""
    lure = drawn.choice(lures)
    how = drawn.choice(("SYSTEM", 'PUBLIC "-//x//y"'))
    subset = drawn.choice(
        (
            f'<!ENTITY x {how} "{lure}">',
            f'<!ENTITY % x {how} "{lure}"> %x;',
            f"<!ENTITY % a \"<!ENTITY x SYSTEM '{lure}'>\"> %a;",
            f'<!NOTATION n {how} "{lure}"><!ENTITY x {how} "{lure}" NDATA n>',
            f'<!ATTLIST a b ENTITY #IMPLIED><!ENTITY x {how} "{lure}">',
        )
    )
    kind = drawn.choice(
        (f"<!DOCTYPE a [{subset}]>", f'<!DOCTYPE a {how} "{lure}">', f'<!DOCTYPE a {how} "{lure}" [{subset}]>')
    )
    return Body(
        "external", _wrapped(drawn, drawn.choice(("&x;", "<a b='&x;'/>", "")), _noise(drawn) + kind).encode(), True
    )


def _bomb(drawn: Drawn, _lures: Sequence[str]) -> Body:
    """Billion laughs, quadratic blow-up, recursion."""
    width, depth = drawn.randrange(2, 40), drawn.randrange(2, 30)
    entities = "".join(f'<!ENTITY e{n} "{f"&e{n - 1};" * width}">' for n in range(1, depth))
    first = drawn.choice(('<!ENTITY e0 "lol">', f'<!ENTITY e0 "{"x" * 20_000}">', f'<!ENTITY e0 "&e{depth - 1};">'))
    return Body("bomb", _wrapped(drawn, f"&e{depth - 1};" * width, f"<!DOCTYPE a [{first}{entities}]>").encode(), True)


def _hidden_doctype(drawn: Drawn, _lures: Sequence[str]) -> Body:
    """A DOCTYPE behind what may stand before it, in both encodings that are understood."""
    text = _noise(drawn) + _noise(drawn) + drawn.choice(("<!DOCTYPE a>", "<!DOCTYPE\na\t[]>", "<!DOCTYPE a [ ]  >"))
    encoding = drawn.choice(("utf-8", "utf-16", "utf-8-sig"))
    return Body("doctype", (text.lstrip() + "<a/>").encode(encoding), True)


def _undeclared(drawn: Drawn, _lures: Sequence[str]) -> Body:
    name = drawn.choice(("lol", "nbsp", "xxe", "ä")) + "a" * drawn.randrange(2_000)
    return Body("entity", _wrapped(drawn, f"<a b='&{name};'/>" if drawn.random() < 0.5 else f"&{name};").encode(), True)


def _encoded(drawn: Drawn, lures: Sequence[str]) -> Body:
    """Foreign encodings, some with a DOCTYPE that a second look would find; declared or not, rightly or not."""
    encoding, said = drawn.choice(ENCODINGS), drawn.choice((*ENCODINGS, "UTF-7", "IBM037", "x", ""))
    declared = f'<?xml version="1.0" encoding="{said}"?>' if said else ""
    doctype = drawn.choice(("", f'<!DOCTYPE a SYSTEM "{lures[0]}">'))
    content = f"{declared}{doctype}<a>{_letters(drawn)}</a>".encode(encoding, "replace")
    return Body("encoding", content, bool(doctype) and encoding.startswith("utf-8"))


def _deep(drawn: Drawn, _lures: Sequence[str]) -> Body:
    levels = drawn.choice((drawn.randrange(20, 40), drawn.randrange(1_000), drawn.randrange(30_000)))
    name = drawn.choice(("a", "D:prop", "x" * 50)) if levels < 2_000 else "a"
    closed = f"</{name}>" * levels + "</r>" if drawn.random() < 0.7 else ""
    return Body("deep", f'<r xmlns:D="DAV:">{f"<{name}>" * levels}{closed}'.encode(), False)


def _wide(drawn: Drawn, _lures: Sequence[str]) -> Body:
    """Many elements, many attributes, one element of a long name or value."""
    many = drawn.choice((drawn.randrange(1, 2_100), drawn.randrange(1, 20_000)))
    inner = drawn.choice(
        (
            "<b/>" * many,
            "".join(f"<b{n}/>" for n in range(min(many, 5_000))),
            "<b " + " ".join(f"a{n}='1'" for n in range(min(many, 5_000))) + "/>",
            f"<{'n' * many}/>",
            f"<b c='{'v' * many}'/>",
            f"<b>{'&#65;' * many}</b>",
            f"<b><![CDATA[{'x' * many}]]></b>" * 2,
            f"<!--{'-' * (many % 2)}{'x' * many}-->" * 3,
        )
    )
    return Body("wide", _wrapped(drawn, inner).encode(), False)


def _namespaces(drawn: Drawn, _lures: Sequence[str]) -> Body:
    """expat's tables of names (CVE-2026-7210 and its kin): each element in a namespace of its own."""
    many = drawn.choice((drawn.randrange(70), drawn.randrange(4_000)))
    inner = drawn.choice(
        (
            "".join(f'<p xmlns="urn:{drawn.getrandbits(40):x}"/>' for _ in range(many)),
            "<p " + " ".join(f"xmlns:p{n}='urn:{n}'" for n in range(many)) + "/>",
            "".join(f'<q{n}:p xmlns:q{n}="urn:x"/>' for n in range(many)),
            '<p xmlns="">' * (many % 30) + "</p>" * (many % 30),
            '<xml:p xmlns:xmlns="x"/>',
            '<p xmlns:xml="urn:x" xmlns:a=""/>',
        )
    )
    return Body("namespaces", _wrapped(drawn, inner).encode(), False)


def _broken(drawn: Drawn, _lures: Sequence[str]) -> Body:
    """A right body with bytes of it changed, lost or doubled."""
    body = bytearray(_wrapped(drawn, "<D:getetag/><x xmlns='urn:x'>v&amp;w</x><![CDATA[<]]>").encode())
    for _ in range(drawn.randrange(1, 6)):
        place = drawn.randrange(len(body))
        body[place : place + drawn.randrange(3)] = drawn.choice(
            (b"", drawn.randbytes(1), b"\x00", b"<", b"]]>", b"\xed\xa0\x80")
        )
    return Body("broken", bytes(body), False)


def _cut(drawn: Drawn, _lures: Sequence[str]) -> Body:
    """What never ends: comments, instructions, attributes, CDATA."""
    piece = drawn.choice((b"<!--", b"<?x ", b"<![CDATA[", b"<a b='", b"<a ", b"&#", b"<", b"</", b"<!", b"<!ENTITY "))
    return Body(
        "cut",
        b"<r>" * drawn.randrange(2) + piece * drawn.choice((drawn.randrange(1, 50), drawn.randrange(20_000))),
        False,
    )


def _inclusion(drawn: Drawn, lures: Sequence[str]) -> Body:
    """XInclude, stylesheets, schemas: only who follows them is lured."""
    lure = f"{drawn.choice(lures)}?{drawn.getrandbits(32)}"
    inner = drawn.choice(
        (
            f'<i:include xmlns:i="http://www.w3.org/2001/XInclude" href="{lure}" parse="text"/>',
            f'<p xmlns:s="http://www.w3.org/2001/XMLSchema-instance" s:schemaLocation="urn:x {lure}"/>',
            f'<D:href>{lure}</D:href><p xml:base="{lure}" xmlns="urn:x"/>',
        )
    )
    return Body(
        "inclusion", _wrapped(drawn, inner, f'<?xml-stylesheet href="{lure}" type="text/xsl"?>').encode(), False
    )


FAMILIES: tuple[Callable[[Drawn, Sequence[str]], Body], ...] = (
    *(_external, _bomb, _hidden_doctype, _undeclared, _encoded, _deep),
    *(_wide, _namespaces, _broken, _cut, _inclusion),
)
