"""Access lists: the ACL method and the properties that show rights (RFC 3744 §5, §8; RFC 5397).

Two preconditions of §8.1.1 are never broken here, because our acl-restrictions ask for neither: grant-only and
missing-required-principal.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from lxml import etree

from acl.privileges import Rights
from davserver.dav import principals, privileges, xml
from davserver.dav.errors import DavError
from davserver.dav.request import Request, Response
from davserver.tree.granting import Ace
from davserver.tree.seen import InvalidAcl, Seen
from shareproviders.paths import SharePath

if TYPE_CHECKING:
    from davserver.dav.properties import Page

MAX_ACES = 100
"""Lines that one list may set at one resource."""

_PSEUDO = ("authenticated", "all")
_NOT_HERE = ("{DAV:}unauthenticated", "{DAV:}property", "{DAV:}self")
_SUPPORTED = f"<D:supported-privilege-set>{privileges.supported()}</D:supported-privilege-set>"
_RESTRICTIONS = "<D:acl-restrictions><D:deny-before-grant/><D:no-invert/></D:acl-restrictions>"


def acl(request: Request) -> Response:
    """Replace the lines of one resource's list that are neither protected nor inherited (RFC 3744 §8.1)."""
    root = request.xml(xml.BODY_LIMIT)
    seen = request.located()
    request.tree.set_access_list(request.path, read_acl(root, request, seen), request.terms())
    return Response(200, [], [])


def read_acl(root: etree._Element | None, request: Request, seen: Seen) -> list[Ace]:
    """The list in a body. Raises DavError 400 if it is none; InvalidAcl for what no list can say."""
    if root is None or root.tag != "{DAV:}acl":
        raise DavError(400, message="the body of ACL must be a DAV:acl")
    lines = list(root.iterchildren("{DAV:}ace"))
    if len(lines) > MAX_ACES:
        raise InvalidAcl("limited-number-of-aces", f"a list can have at most {MAX_ACES} lines")
    aces = [_read_ace(line, request, seen) for line in lines]
    free = [ace.deny for ace in aces if ace.free]
    if free != sorted(free, reverse=True):
        raise InvalidAcl("deny-before-grant", "the lines that deny must stand before those that grant")
    return aces


def _read_ace(line: etree._Element, request: Request, seen: Seen) -> Ace:
    if line.find("{DAV:}invert") is not None:
        raise InvalidAcl("no-invert", "a line cannot speak of everybody except somebody")
    named = line.findall("{DAV:}principal")
    given = [part for part in line if part.tag in ("{DAV:}grant", "{DAV:}deny")]
    if len(named) != 1 or len(named[0]) != 1 or len(given) != 1:
        raise DavError(400, message="each line needs one principal and either grant or deny")
    rights = Rights.NONE
    for privilege in given[0].iterchildren("{DAV:}privilege"):
        rights |= _read_privilege(privilege)
    if not rights:
        raise DavError(400, message="each line needs at least one privilege")
    above = line.find("{DAV:}inherited")
    protected = line.find("{DAV:}protected") is not None
    word = _read_principal(named[0][0], request, seen)
    return Ace(
        word,
        rights,
        deny=given[0].tag == "{DAV:}deny",
        protected=protected,
        inherited=None if above is None else _read_href(above, request),
    )


def _read_privilege(privilege: etree._Element) -> Rights:
    if len(privilege) != 1:
        raise DavError(400, message="each DAV:privilege names one privilege")
    rights = privileges.BY_NAME.get(str(privilege[0].tag))
    if rights is None:
        raise InvalidAcl("not-supported-privilege", "the list names a privilege that does not exist here")
    if rights == privileges.ABSTRACT:
        raise InvalidAcl("no-abstract", "whoever may discover it may see his rights; this is not given by itself")
    return rights


def _read_principal(named: etree._Element, request: Request, seen: Seen) -> str:
    """In the words of entries; whether there is such a principal, the door decides."""
    tag = str(named.tag)
    if tag in _NOT_HERE:
        raise InvalidAcl("allowed-principal", "name a person, an office, a committee, DAV:authenticated or DAV:all")
    if tag.startswith(xml.DAV) and tag.removeprefix(xml.DAV) in _PSEUDO:
        return tag.removeprefix(xml.DAV)
    if tag != "{DAV:}href":
        raise DavError(400, message="a principal is a DAV:href or one of the principals of RFC 3744 §5.5.1")
    path = _path(named, request)
    known = None if path is None else principals.named_at(path)
    if known is None:
        raise InvalidAcl("recognized-principal", "the list names somebody who is not known here")
    if known.share not in ("", seen.share):
        raise InvalidAcl("allowed-principal", "an office has rights in the drive of its own committee only")
    return known.word


def _read_href(holder: etree._Element, request: Request) -> SharePath:
    path = _path(holder.find("{DAV:}href"), request)
    if path is None:
        raise InvalidAcl("no-inherited-ace-conflict", "the list changes a line that cannot be changed here")
    return path


def _path(href: etree._Element | None, request: Request) -> SharePath | None:
    return None if href is None else request.path_of((href.text or "").strip())


# -- properties -----------------------------------------------------------------------------------------------------


def acl_value(page: Page, seen: Seen) -> str:
    """DAV:acl (§5.5); who may not read it never gets here."""
    request = page.request
    return xml.element("{DAV:}acl", "".join(_ace(ace, request, seen) for ace in request.tree.access_list(seen)))


def _ace(ace: Ace, request: Request, seen: Seen) -> str:
    if ace.principal in _PSEUDO:
        principal = f"<D:{ace.principal}/>"
    else:
        path = principals.path_of(ace.principal, seen.share)
        principal = f"<D:href>{xml.escape(request.principal_href(path))}</D:href>"
    kind, given = "deny" if ace.deny else "grant", "".join(privileges.needed(ace.rights))
    protected = "<D:protected/>" if ace.protected else ""
    inherited = ""
    if ace.inherited is not None:
        inherited = f"<D:inherited><D:href>{xml.escape(request.href(ace.inherited, True))}</D:href></D:inherited>"
    return f"<D:ace><D:principal>{principal}</D:principal><D:{kind}>{given}</D:{kind}>{protected}{inherited}</D:ace>"


def _supported_methods(page: Page, seen: Seen) -> str:
    methods = principals.METHODS if principals.is_inside(seen.path) else page.request.site.methods
    each = "".join(f'<D:supported-method name="{method}"/>' for method in methods)
    return xml.element("{DAV:}supported-method-set", each)


def _supported_reports(page: Page, seen: Seen) -> str:
    syncs = page.request.tree.can_sync(seen)
    each = "".join(
        f"<D:supported-report><D:report>{xml.element(name)}</D:report></D:supported-report>"
        for name in page.request.site.reports
        if syncs or name != SYNC_COLLECTION
    )
    return xml.element("{DAV:}supported-report-set", each)


def _always(value: str) -> Callable[[Page, Seen], str]:
    return lambda _page, _seen: value


SYNC_COLLECTION = "{DAV:}sync-collection"
"""The only report that not every resource supports (RFC 6578 §3.2)."""
VALUES: tuple[tuple[str, Callable[[Page, Seen], str | None]], ...] = (
    ("{DAV:}owner", _always("<D:owner/>")),  # nobody owns council papers; offices do
    ("{DAV:}group", _always("<D:group/>")),
    ("{DAV:}supported-privilege-set", _always(_SUPPORTED)),
    ("{DAV:}acl-restrictions", _always(_RESTRICTIONS)),
    ("{DAV:}inherited-acl-set", _always("<D:inherited-acl-set/>")),  # §5.7: none further up has to agree as well
    ("{DAV:}supported-method-set", _supported_methods),
    ("{DAV:}supported-report-set", _supported_reports),
)
"""Live properties of every resource, none in allprop."""
