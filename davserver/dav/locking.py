"""LOCK and UNLOCK, and how locks are shown (RFC 4918 §6, §9.10, §9.11, §15.8, §15.10)."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import NamedTuple

from lxml import etree

from davserver.dav import xml
from davserver.dav.errors import DavError
from davserver.dav.request import Request, Response
from davserver.tree.seen import Lock, NoSuchLock, Seen
from shareproviders.paths import SharePath

MICROSECONDS = 1_000_000
OWNER_LIMIT = 4096
"""Bytes of the serialised <owner>."""
DEFAULT_SECONDS = 1800
LONGEST_SECONDS = 2**32 - 1
"""What Infinite, or more than a timeout may say (RFC 4918 §10.7), stands for; the lock table caps it further."""

SUPPORTED_LOCK = "".join(
    f"<D:lockentry><D:lockscope><D:{scope}/></D:lockscope><D:locktype><D:write/></D:locktype></D:lockentry>"
    for scope in ("exclusive", "shared")
)
"""Content of DAV:supportedlock, the same on every resource (RFC 4918 §15.10)."""

_SECONDS = re.compile(r"second-([0-9]+)", re.IGNORECASE)
_CODED_URL = re.compile(r"<([^<>\s]+)>|([^<>\s]+)")

Href = Callable[[SharePath, bool], str]
"""`Request.href`."""


class LockInfo(NamedTuple):
    """What the body of a LOCK request asks for (RFC 4918 §14.11)."""

    exclusive: bool
    owner: str
    """The <owner> element, serialised with the prefix `D:`; empty if there is none."""


def lock(request: Request) -> Response:
    """Make a lock, or, without a body, give one a new life (RFC 4918 §9.10.2)."""
    seconds = asked_seconds(request.header("Timeout"))
    body = request.xml(xml.BODY_LIMIT)
    if body is None:
        return _refresh(request, seconds)
    deep = request.depth(("0", "infinity"), "infinity") == "infinity"
    asked = read_lockinfo(body)
    if request.has_slash:
        request.located()  # a URL with a slash names a collection, and LOCK makes only documents (§9.10.4)
    tree = request.tree
    owner = asked.owner or f"<D:owner>{xml.escape(tree.principal.name or tree.principal.id)}</D:owner>"
    made, seen, created = tree.lock(
        request.path, request.terms(), exclusive=asked.exclusive, deep=deep, owner=owner, seconds=seconds
    )
    request.noted(seen)
    locks = [made]
    if (
        not made.exclusive
    ):  # the answer carries the whole lockdiscovery (§9.10.1); ours first, for clients that read one
        locks += [other for other in tree.locks([seen])[0] if other.token != made.token]
    return _answer(request, seen, locks, status=201 if created else 200, token=made.token)


def _refresh(request: Request, seconds: int) -> Response:
    terms = request.terms()
    named = request.header("Lock-Token")
    tokens = terms.tokens if named is None else terms.tokens | {read_token(named)}
    if not tokens:
        raise DavError(400, message="a LOCK without a body refreshes a lock and must name its token in an If header")
    seen = request.located()
    try:
        renewed = request.tree.refresh(request.path, tokens, terms, seconds)
    except NoSuchLock as error:
        raise DavError(412, "{DAV:}lock-token-matches-request-uri", message=str(error)) from None
    return _answer(request, seen, [renewed], status=200)


def _answer(request: Request, seen: Seen, locks: Iterable[Lock], *, status: int, token: str = "") -> Response:
    tree = request.tree
    content = lockdiscovery(locks, seen, reader=tree.principal.key, now=tree.clock(), href=request.href)
    body = xml.document("D:prop", f"<D:lockdiscovery>{content}</D:lockdiscovery>")
    headers = [("Content-Type", xml.CONTENT_TYPE), ("Content-Length", str(len(body)))]
    if token:
        headers.append(("Lock-Token", f"<{token}>"))
    return Response(status, headers, [body])


def unlock(request: Request) -> Response:
    """Remove a lock named by the Lock-Token header, with or without angle brackets (RFC 4918 §9.11)."""
    header = request.header("Lock-Token")
    if header is None:
        raise DavError(400, message="UNLOCK needs a Lock-Token header")
    token = read_token(header)
    request.located()
    request.tree.unlock(request.path, token, request.terms())
    return Response(204, [], [])


def lockdiscovery(locks: Iterable[Lock], seen: Seen, *, reader: str, now: int, href: Href) -> str:
    """Content of DAV:lockdiscovery of a resource for one reader (RFC 4918 §15.8).

    `reader` is the key of the principal who asks: the tokens of others' locks are left out, their owners shown.
    """
    return "".join(_activelock(each, seen, reader=reader, now=now, href=href) for each in locks)


def _activelock(lock: Lock, seen: Seen, *, reader: str, now: int, href: Href) -> str:
    scope, depth = "exclusive" if lock.exclusive else "shared", "infinity" if lock.deep else "0"
    remaining = max(0, -((now - lock.expires) // MICROSECONDS))
    token = f"<D:locktoken><D:href>{lock.token}</D:href></D:locktoken>" if lock.principal == reader else ""
    is_collection = seen.node.is_collection or lock.node != seen.node.id  # an indirect lock comes from a folder above
    return (
        f"<D:activelock><D:locktype><D:write/></D:locktype><D:lockscope><D:{scope}/></D:lockscope>"
        f"<D:depth>{depth}</D:depth>{lock.owner}<D:timeout>Second-{remaining}</D:timeout>{token}"
        f"<D:lockroot><D:href>{xml.escape(href(lock.root, is_collection))}</D:href></D:lockroot></D:activelock>"
    )


def asked_seconds(header: str | None) -> int:
    """Seconds of the first understood alternative of a Timeout header, else the default (RFC 4918 §10.7)."""
    for alternative in (header or "").split(","):
        word = alternative.strip()
        if word.lower() == "infinite":
            return LONGEST_SECONDS
        matched = _SECONDS.fullmatch(word)
        if matched is not None:
            digits = matched[1].lstrip("0") or "0"
            return LONGEST_SECONDS if len(digits) > 10 else min(int(digits), LONGEST_SECONDS)
    return DEFAULT_SECONDS


def read_token(header: str) -> str:
    """The token in a Lock-Token header (RFC 4918 §10.5); Windows leaves the angle brackets out. Raises DavError 400."""
    matched = _CODED_URL.fullmatch(header.strip())
    if matched is None:
        raise DavError(400, message="the Lock-Token header must be one lock token in angle brackets")
    return matched[1] or matched[2]


def read_lockinfo(root: etree._Element) -> LockInfo:
    """What a lockinfo body asks for; unknown elements are passed over (RFC 4918 §17). Raises DavError 400, 413."""
    if root.tag != "{DAV:}lockinfo":
        raise DavError(400, message="the body of LOCK must be a DAV:lockinfo")
    exclusive = root.find("{DAV:}lockscope/{DAV:}exclusive") is not None
    shared = root.find("{DAV:}lockscope/{DAV:}shared") is not None
    if exclusive == shared:
        raise DavError(400, message="a lock is either exclusive or shared; lockscope must say which")
    if root.find("{DAV:}locktype/{DAV:}write") is None:
        raise DavError(400, message="only write locks are known; locktype must say write")
    element = root.find("{DAV:}owner")
    owner = "" if element is None or not (len(element) or element.text) else xml.serialise(element)
    if len(owner.encode()) > OWNER_LIMIT:
        raise DavError(413, message=f"the owner of a lock can have at most {OWNER_LIMIT} bytes of XML")
    return LockInfo(exclusive, owner)
