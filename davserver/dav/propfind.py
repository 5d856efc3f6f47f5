"""PROPFIND (RFC 4918 §9.1): what is asked, and a multistatus written by plain text, one member after the other.

Minimal answers follow RFC 8144 (`Prefer: return=minimal`) and Microsoft's `Brief: t`.
"""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple

from lxml import etree

from acl.privileges import Rights
from davserver.dav import coding, principals, targets, xml
from davserver.dav.conditions import is_conditional
from davserver.dav.errors import DavError, need_privileges
from davserver.dav.properties import LEAN, LIVE, WIN32, LiveProperty, Page, Texts
from davserver.dav.request import Request, Response
from davserver.dav.spelling import WINDOWS
from davserver.tree.remembered import Text
from davserver.tree.seen import Lock, Seen
from shareproviders.contract import Node
from shareproviders.paths import SharePath

MAX_NAMES = 200
MAX_NAMES_TEXT = 16 * 1024
"""Names come back for each member that lacks them, so what one request may name is bounded."""

USUAL_BODY = 4 * 1024
"""Longer bodies of requests are read anew each time."""

_BY_NAME = MappingProxyType({prop.name: prop for prop in LIVE})
_IN_ALLPROP = tuple(prop for prop in LIVE if prop.in_allprop)
_WITH_QUOTA = (*_IN_ALLPROP, *(prop for prop in LIVE if prop.name.startswith("{DAV:}quota-")))
_WIN32_DECLARED = f' xmlns:{xml.PREFIXES[WIN32[1:-1]]}="{WIN32[1:-1]}"'
_EMPTY: Mapping[str, str] = MappingProxyType({})
_END_OF_FOUND = f"</D:prop><D:status>{xml.status_line(200)}</D:status></D:propstat>"


class Ask(NamedTuple):
    """What a PROPFIND asks of each resource. Hashable: equal asks get equal answers."""

    standard: tuple[LiveProperty, ...] = ()
    """Answered where they exist, passed over where not."""
    live: tuple[LiveProperty, ...] = ()
    """Named by the client: 404 where they do not exist."""
    dead: tuple[str, ...] = ()
    """Clark names that the client gave and that no live property has."""
    all_dead: bool = False
    names_only: bool = False
    minimal: bool = False
    """Leave out what does not exist."""
    declared: str = ""
    """A namespace declaration that each dead property leaves to the multistatus."""

    @property
    def shows_dead(self) -> bool:
        return self.all_dead or bool(self.dead)

    @property
    def is_lasting(self) -> bool:
        """Asks only for what follows from the database and the asker's rights: not for free space, not for others'."""
        return all(prop.in_allprop for prop in (*self.standard, *self.live))

    @property
    def names_dav_alone(self) -> bool:
        """Asks for no property of another namespace; in values of lasting ones there is none either."""
        return not self.dead and all(prop.name.startswith("{DAV:}") for prop in (*self.standard, *self.live))

    @property
    def shows_locks(self) -> bool:
        return not self.names_only and any(prop.needs_locks for prop in (*self.standard, *self.live))


def propfind(request: Request) -> Response:
    """Properties of a resource and, with Depth 1, of its members. Depth infinity is refused."""
    depth, spelling, wish = finite_depth(request), request.site.spelling, request.xml_body(xml.BODY_LIMIT)
    about = None if is_conditional(request) else _in_its_words(request, depth, wish)
    committed = request.tree.committed()
    body = request.tree.remembered(request.path, about) if about else None
    if body is not None:
        return _multistatus(request, body)._replace(standing=request.tree.standing(request.path, committed))
    ask = _ask_of(request, wish)
    if spelling is WINDOWS:
        ask = for_windows(ask, depth)
    seen = request.located()
    request.terms().check()
    members = request.tree.children(seen) if depth == "1" and seen.node.is_collection else []
    page = [seen, *members]
    dead: Dead = request.tree.properties(page) if ask.shows_dead else [_EMPTY] * len(page)
    facts = Page(request, covering_locks(request, page) if ask.shows_locks else None, page)
    lasts = ask.is_lasting and not facts.locks  # what is left of a lock's life changes every second
    ours = lasts and not ask.dead and not any(dead)  # all of it the server's own, and so of bounded length
    told = (_written if ours and members else _write)(ask, facts, page, dead)
    response = multistatus(request, xml.multistatus(told, only_dav=ours and ask.names_dav_alone))
    if about and lasts:
        request.tree.remember(request.path, about, b"".join(response.body), committed)
    return response


Member = tuple[str, Seen, Mapping[str, str]]
"""Its escaped address, itself, its dead properties."""
REFUSED = ""
"""In place of the text of a property that may not be read."""
Dead = Sequence[Mapping[str, str]]
"""Dead properties of each of a page, in order."""


def _write(ask: Ask, facts: Page, page: Sequence[Seen], dead: Dead) -> list[str]:
    """The responses of a collection or document, the first, and of members."""
    href = _href_of(facts.request, page[0])
    return responses(ask, facts, zip(map(href, page), page, dead, strict=True))


def _written(ask: Ask, facts: Page, page: Sequence[Seen], dead: Dead) -> list[str]:
    """The same where there are no dead properties, as far as it was written before for who saw the member just so."""
    request, href = facts.request, _href_of(facts.request, page[0])
    remembered = request.tree.forest.remembered
    key = page[0].share, page[0].node.id, ask, request.prefix, request.site.spelling
    before = remembered.texts(key)
    same = [
        text if text and text.seen == seen else None
        for seen in page
        for text in [before.get((seen.share, seen.node.id))]
    ]
    fresh = [(href(seen), seen, each) for seen, each, text in zip(page, dead, same, strict=True) if text is None]
    written = iter(responses(ask, facts, fresh))
    now = [text or Text(seen, next(written)) for seen, text in zip(page, same, strict=True)]
    remembered.keep_texts(key, now)
    return [each.text for each in now]


def propfind_principals(request: Request) -> Response:
    """The same among principals (RFC 3744 §4), who have no dead properties and no locks."""
    depth, ask = finite_depth(request), asked(request)
    seen = principals.located(request, request.path)
    request.terms().check()
    page = [seen, *(principals.members(request, seen) if depth == "1" else ())]
    return answer(ask, Page(request), [(request.principal_href(each.path), each, _EMPTY) for each in page])


def propfind_above(request: Request, members: Iterable[str]) -> Response:
    """The same for a collection above the tree, which holds nothing but ways down (Windows asks each prefix)."""
    depth, ask = finite_depth(request), asked(request)
    base = request.href(request.path, True)
    page = [(base, _signpost(request.path), _EMPTY)]
    if depth == "1":
        page += [(f"{base}{targets.encode_segment(each)}/", _signpost(request.path / each), _EMPTY) for each in members]
    return answer(ask, Page(request), page)


def _signpost(path: SharePath) -> Seen:
    return Seen(path, "", Node(0, (0,), path.name, True, 0, "", "", 0, 0, 0), Rights.READ, "", path.name)


def finite_depth(request: Request) -> str:
    """0 or 1. Raises DavError 403 for infinity, 400 for nonsense."""
    depth = request.depth(("0", "1", "infinity"), "infinity")
    if depth == "infinity":
        raise DavError(403, "{DAV:}propfind-finite-depth", message="ask for one folder at a time: Depth 0 or 1")
    return depth


def covering_locks(request: Request, page: Sequence[Seen]) -> dict[SharePath, list[Lock]]:
    """By path, of those that any lock covers."""
    return {seen.path: locks for seen, locks in zip(page, request.tree.locks(page), strict=True) if locks}


def _href_of(request: Request, above: Seen) -> Callable[[Seen], str]:
    """What writes the addresses of a resource and its members: never anything to escape in them, as `&` and `<` are
    percent-encoded.
    """
    encode, shown = targets.encode_segment, request.site.spelling.shown
    base = request.href(above.path, above.node.is_collection)

    def href(seen: Seen) -> str:
        if seen is above:
            return base
        name = encode(shown(seen.path.segments[-1]))
        return f"{base}{name}/" if seen.node.is_collection else base + name

    return href


def asked(request: Request) -> Ask:
    """What the request's body and preferences ask for. Raises DavError 400, 413, BadXml, BodyTruncated."""
    return _ask_of(request, request.xml_body(xml.BODY_LIMIT))


def _in_its_words(request: Request, depth: str, body: bytes) -> Hashable:
    """All of a request that decides how its answer is written; one that says the same again need not be read again.

    What the client wrote is told by its digest: however much that was, to remember it takes no more memory.
    """
    environ, site = request.environ, request.site
    wishes = repr((environ.get("HTTP_PREFER"), environ.get("HTTP_BRIEF"))).encode()
    words = hashlib.blake2b(wishes + b"\n" + body, digest_size=32).digest()
    return depth, words, coding.accepted(request), site.prefix, site.spelling, request.has_slash


def _ask_of(request: Request, body: bytes) -> Ask:
    ask = (_known_ask if len(body) <= USUAL_BODY else _read_body)(body, request.site.properties)
    minimal = is_minimal(request) or (request.header("Brief") or "").strip().lower() == "t"
    return ask._replace(minimal=True) if minimal else ask


def _read_body(body: bytes, more: tuple[LiveProperty, ...]) -> Ask:
    return read_ask(xml.parse(body) if body else None, more)


_known_ask = functools.lru_cache(maxsize=256)(_read_body)  # a client asks the same of everything that it meets


def for_windows(ask: Ask, depth: str) -> Ask:
    """The same ask of Windows' WebClient, which only ever sends allprop: a listing as short as it can be, and of a
    resource alone all there is, with the numbers that Explorer shows as the size of the drive (RFC 4331).
    """
    if ask.standard is not _IN_ALLPROP:
        return ask
    if depth == "0":
        return ask._replace(standard=_WITH_QUOTA)
    return ask._replace(standard=LEAN, declared=_WIN32_DECLARED)


def is_minimal(request: Request) -> bool:
    """True for `Prefer: return=minimal` (RFC 7240 §4.2)."""
    header = request.header("Prefer")
    if header is None:
        return False
    preferences = header.lower().split(",")
    return any(one.partition(";")[0].replace(" ", "") in ("return=minimal", 'return="minimal"') for one in preferences)


def read_ask(root: etree._Element | None, more: Iterable[LiveProperty] = ()) -> Ask:
    """What a body asks for; no body means allprop. Raises DavError 400; unknown elements are passed over (§17).

    `more`: live properties of the mount alone.
    """
    if root is None:
        return Ask(standard=_IN_ALLPROP, all_dead=True)
    if root.tag != "{DAV:}propfind":
        raise DavError(400, message="the body of PROPFIND must be a DAV:propfind")
    kinds = [child for child in root if child.tag in ("{DAV:}prop", "{DAV:}allprop", "{DAV:}propname")]
    if len(kinds) != 1:
        raise DavError(400, message="a DAV:propfind must hold one of prop, allprop and propname")
    if kinds[0].tag == "{DAV:}propname":
        return Ask(standard=LIVE, all_dead=True, names_only=True)
    if kinds[0].tag == "{DAV:}prop":
        live, dead = named(kinds[0], more)
        return Ask(live=live, dead=dead)
    included = [name for include in root.iterchildren("{DAV:}include") for name in include]
    live, dead = named(included, more)
    extra = tuple(prop for prop in live if not prop.in_allprop)
    return Ask(standard=_IN_ALLPROP, live=extra, dead=dead, all_dead=True)


def named(
    elements: Iterable[etree._Element], more: Iterable[LiveProperty] = ()
) -> tuple[tuple[LiveProperty, ...], tuple[str, ...]]:
    """Live properties and other names, each once, in order. Raises DavError 400 for too many."""
    names = dict.fromkeys(str(each.tag) for each in elements)
    if len(names) > MAX_NAMES or sum(map(len, names)) > MAX_NAMES_TEXT:
        raise DavError(400, message=f"one request can name at most {MAX_NAMES} properties")
    known = {**_BY_NAME, **{prop.name: prop for prop in more}}
    live = tuple(known[name] for name in names if name in known)
    return live, tuple(name for name in names if name not in known)


def wish(request: Request, root: etree._Element) -> Ask:
    """What a report's DAV:prop asks of each resource that it finds."""
    live, dead = named([each for prop in root.iterchildren("{DAV:}prop") for each in prop], request.site.properties)
    return Ask(live=live, dead=dead, minimal=is_minimal(request))


def answer(ask: Ask, page: Page, members: Iterable[Member]) -> Response:
    """A 207 from href (escaped), resource and dead properties of each."""
    return multistatus(page.request, xml.multistatus(responses(ask, page, members)))


def responses(ask: Ask, page: Page, members: Iterable[Member]) -> list[str]:
    """The serialised response of each."""
    if ask.names_only:
        names = _names_writer(ask, page)
        return [names(href, seen, dead) for href, seen, dead in members]
    told = list(members)
    everybody = [seen for _, seen, _ in told]
    standard = [prop.all(page, everybody) for prop in ask.standard]
    live = [_readable(prop, page, everybody) for prop in ask.live]
    write = _writer(ask)
    return [
        write(member, found, named)
        for member, found, named in zip(told, _rows(standard, told), _rows(live, told), strict=True)
    ]


def _rows(columns: list[Texts], members: Sequence[Member]) -> Iterable[Sequence[str | None]]:
    """The texts of each member."""
    return zip(*columns, strict=True) if columns else [()] * len(members)


def _readable(prop: LiveProperty, page: Page, members: Sequence[Seen]) -> Texts:
    """Of each, in order; REFUSED of those of which the asker may not read it, and nobody looks."""
    if not prop.needs:
        return prop.all(page, members)
    needed = int(prop.needs)
    may = [not needed & ~int(seen.rights) for seen in members]
    texts = iter(prop.all(page, [seen for seen, readable in zip(members, may, strict=True) if readable]))
    return [next(texts) if readable else REFUSED for readable in may]


def multistatus(request: Request, body: bytes) -> Response:
    """A 207 with this body, compressed if it is long and the client takes that."""
    return _multistatus(request, coding.coded(body) if coding.accepted(request) else body)


def _multistatus(request: Request, body: bytes) -> Response:
    headers = [("Content-Type", xml.CONTENT_TYPE), *coding.headers(body)]
    if is_minimal(request):
        headers.append(("Preference-Applied", "return=minimal"))
    return Response(207, headers, [body])


def _writer(ask: Ask) -> Callable[[Member, Sequence[str | None], Sequence[str | None]], str]:
    """A function that writes one response; everything that does not depend on the member is decided here."""
    live = [(xml.element(prop.name), prop.needs) for prop in ask.live]
    names = [(name, xml.element(name)) for name in ask.dead]
    all_dead, minimal, found_end, declared = ask.all_dead, ask.minimal, _END_OF_FOUND, ask.declared

    def write(member: Member, standard: Sequence[str | None], values: Sequence[str | None]) -> str:
        href, _, dead = member
        found = [text for text in (*standard, *values) if text]
        missing, refused = [], ""
        if not all(values):
            for text, (empty, needs) in zip(values, live, strict=True):
                if text is None:
                    missing.append(empty)
                elif text == REFUSED:
                    refused += xml.propstat(empty, 403, need_privileges(href, needs))
        if all_dead:
            found.extend([undeclared(text, declared) for text in dead.values()] if declared else dead.values())
        for name, empty in names:
            if name not in dead:
                missing.append(empty)
            elif not all_dead:
                found.append(dead[name])
        start = f"<D:response><D:href>{href}</D:href>"
        told = refused if minimal or not missing else refused + xml.propstat("".join(missing), 404)
        if not told:
            return f"{start}<D:propstat><D:prop>{''.join(found)}{found_end}</D:response>"
        if not found:
            return f"{start}{told}</D:response>"
        return f"{start}<D:propstat><D:prop>{''.join(found)}{found_end}{told}</D:response>"

    return write


def undeclared(prop: str, declared: str) -> str:
    """A serialised property without that declaration, if it is the first thing in its first tag (`xml.serialise`)."""
    tag, found, rest = prop.partition(declared)
    return tag + rest if found and not {" ", ">"} & set(tag) else prop


def _names_writer(ask: Ask, page: Page) -> Callable[[str, Seen, Mapping[str, str]], str]:
    """The same for propname: empty elements of all that a resource has (RFC 4918 §14.20)."""
    live = [(prop, xml.element(prop.name)) for prop in ask.standard]

    def write(href: str, seen: Seen, dead: Mapping[str, str]) -> str:
        names = [empty for prop, empty in live if prop.needs or prop.value(page, seen) is not None]
        names += [xml.element(name) for name in dead]
        return f"<D:response><D:href>{href}</D:href>{xml.propstat(''.join(names), 200)}</D:response>"

    return write
