"""Principals as resources under `.principals/`: people, offices and committees, as the asker may know of them.

RFC 3744 §4 and RFC 5397. Whom he may not know of is not there (404). `.principals` is no drive and never listed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, NamedTuple

from acl.mandates import ROLES
from acl.principals import PrincipalKind
from acl.privileges import Rights
from davserver.dav import xml
from davserver.dav.request import Request
from davserver.tree.acquaintance import Acquaintances
from davserver.tree.seen import Seen
from shareproviders.contract import Node, NotFound
from shareproviders.paths import SharePath

if TYPE_CHECKING:
    from davserver.dav.properties import Page

NAME = ".principals"
HOME = SharePath((NAME,))
METHODS = ("OPTIONS", "PROPFIND", "REPORT")

_KINDS = ("users", "roles", "committees")


class Named(NamedTuple):
    """Whom a principal's URL names."""

    word: str
    """In the words of entries: `user:anna`, `role:member`, `committee:ba05`."""
    share: str = ""
    """Whose office, if it is one."""


def is_inside(path: SharePath) -> bool:
    """At or under `.principals`."""
    return path.segments[:1] == HOME.segments


def named_at(path: SharePath) -> Named | None:
    """Whom a path would name; None for one that is no principal's."""
    if not is_inside(path):
        return None
    match path.segments[1:]:
        case ("users", user):
            return Named(f"user:{user}")
        case ("roles", share, role) if role in ROLES:
            return Named(f"role:{role}", share)
        case ("committees", share):
            return Named(f"committee:{share}")
    return None


def is_principal(path: SharePath) -> bool:
    """A principal itself, not a collection of them."""
    return named_at(path) is not None


def path_of(word: str, share: str) -> SharePath:
    """Where the principal of an entry in this share is."""
    kind, _, name = word.partition(":")
    return HOME / "roles" / share / name if kind == "role" else HOME / f"{kind}s" / name


def located(request: Request, path: SharePath) -> Seen:
    """What is there for the asker. Raises NotFound."""
    name = _name(request.tree.acquaintances, path.segments[1:])
    if name is None:
        raise NotFound("there is nothing here")
    return Seen(path, "", Node(0, (0,), path.name, True, 0, "", "", 0, 0, 0), Rights.READ, "", name)


def members(request: Request, seen: Seen) -> list[Seen]:
    """Of a collection of principals; a principal has none."""
    known = request.tree.acquaintances
    match seen.path.segments[1:]:
        case ():
            names: Iterable[str] = _KINDS
        case ("users",):
            names = known.people
        case ("roles",) | ("committees",):
            names = known.committees
        case ("roles", _):
            names = known.titles
        case _:
            names = ()
    return [located(request, seen.path / name) for name in names]


def everybody(request: Request, under: SharePath = HOME) -> Iterator[Seen]:
    """All principals that the asker may know of, at or under a path."""
    known = request.tree.acquaintances
    paths = [HOME / "users" / user for user in known.people]
    for share in known.committees:
        paths.append(HOME / "committees" / share)
        paths += (HOME / "roles" / share / role for role in known.titles)
    for path in paths:
        if path == under or path.is_inside(under):
            yield located(request, path)


def of_asker(request: Request) -> list[SharePath]:
    """The asker himself and the groups that he is in (§9.3, DAV:self)."""
    user = _asker(request)
    if user is None:
        return []
    known = request.tree.acquaintances
    offices = known.offices_of(user)
    committees = dict.fromkeys(share for share, role in offices if role in known.inside)
    return [
        HOME / "users" / user,
        *(HOME / "roles" / share / role for share, role in offices),
        *(HOME / "committees" / share for share in committees),
    ]


def _asker(request: Request) -> str | None:
    principal = request.tree.principal
    return principal.id if principal.kind is PrincipalKind.USER else None


def _name(known: Acquaintances, below: tuple[str, ...]) -> str | None:
    """Name for people; None if the asker knows of nothing there."""
    match below:
        case ():
            return "principals"
        case (kind,) if kind in _KINDS:
            return kind
        case ("users", user):
            return known.people.get(user)
        case ("roles" | "committees", share):
            return known.committees.get(share)
        case ("roles", share, role) if share in known.committees and role in known.titles:
            return f"{known.titles[role]}, {known.committees[share]}"
    return None


# -- properties -----------------------------------------------------------------------------------------------------


def _hrefs(name: str, page: Page, paths: Iterable[SharePath]) -> str:
    href = page.request.principal_href
    return xml.element(name, "".join(f"<D:href>{xml.escape(href(path))}</D:href>" for path in paths))


def _current_user(page: Page, _seen: Seen) -> str:
    user = _asker(page.request)
    if user is None:
        return "<D:current-user-principal><D:unauthenticated/></D:current-user-principal>"
    return _hrefs("{DAV:}current-user-principal", page, [HOME / "users" / user])


def _collection_set(page: Page, _seen: Seen) -> str:
    return _hrefs("{DAV:}principal-collection-set", page, [HOME])


def _url(page: Page, seen: Seen) -> str | None:
    return _hrefs("{DAV:}principal-URL", page, [seen.path]) if is_principal(seen.path) else None


def _other_urls(_page: Page, seen: Seen) -> str | None:
    return "<D:alternate-URI-set/>" if is_principal(seen.path) else None


def _member_set(page: Page, seen: Seen) -> str | None:
    """Direct members, as far as known (§4.3): people of an office, offices that make the committee."""
    if not is_principal(seen.path):
        return None
    known, paths = page.request.tree.acquaintances, list[SharePath]()
    match seen.path.segments[1:]:
        case ("roles", share, role):
            paths = [HOME / "users" / user for user in known.holders.get((share, role), ())]
        case ("committees", share):
            paths = [HOME / "roles" / share / role for c, role in known.holders if c == share and role in known.inside]
    return _hrefs("{DAV:}group-member-set", page, paths)


def _membership(page: Page, seen: Seen) -> str | None:
    """The groups that it is directly in (§4.4)."""
    if not is_principal(seen.path):
        return None
    known, paths = page.request.tree.acquaintances, list[SharePath]()
    match seen.path.segments[1:]:
        case ("users", user):
            paths = [HOME / "roles" / share / role for share, role in known.offices_of(user)]
        case ("roles", share, role) if role in known.inside:
            paths = [HOME / "committees" / share]
    return _hrefs("{DAV:}group-membership", page, paths)


VALUES: tuple[tuple[str, Callable[[Page, Seen], str | None]], ...] = (
    ("{DAV:}current-user-principal", _current_user),
    ("{DAV:}principal-collection-set", _collection_set),
    ("{DAV:}principal-URL", _url),
    ("{DAV:}alternate-URI-set", _other_urls),
    ("{DAV:}group-member-set", _member_set),
    ("{DAV:}group-membership", _membership),
)
"""Live properties of principals, and those by which they are found; none in allprop."""
