"""What a link opens in a browser: for people without an account, and without script (portal.md §5).

Opening a page never uses a link up; the click does, which is a POST.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from flask import Blueprint, Response, make_response, redirect, render_template, request, url_for

from acl.links import Link, LinkKind
from acl.privileges import Rights
from davserver.linking import link_urls
from davserver.links import PROVED_FOR
from davserver.login import Throttled, Unauthorized
from davserver.portal.ground import origin, visit
from davserver.portal.guarding import open_to_all, streaming
from davserver.portal.language import moment
from davserver.portal.reading import attachment
from davserver.portal.sight import Places, Sight, picture_of, sight_of
from davserver.portal.uploads import take_in
from davserver.tree import letters
from davserver.tree.finding import Described, Finding
from davserver.tree.linked import LinkTree
from davserver.tree.looking import NOTHING_HERE
from davserver.tree.seen import Seen
from shareproviders.contract import NotFound
from shareproviders.paths import SharePath

pages = Blueprint("landing", __name__)

COOKIE = "gremium-link"
SECOND = 1_000_000


class Open(NamedTuple):
    """A link whose password, if it has one, was given."""

    token: str
    link: Link
    tree: LinkTree

    @property
    def takes_letters(self) -> bool:
        """Does its maker let people write, and may he himself?"""
        return self.link.kind is LinkKind.LINK and Rights.COMMENT in letters.opened(self.tree).rights

    def shows(self, seen: Seen) -> bool:
        """Is a document shown on the page itself? Not where downloads are counted: looking would be a free one."""
        return Rights.VIEW in seen.rights and self.link.uses_left is None and self.link.kind is LinkKind.LINK


@pages.after_request
def unlisted(response: Response) -> Response:
    """No search engine keeps it, and no Referer tells the token, to our own log neither."""
    response.headers["Referrer-Policy"] = "strict-origin"  # `no-referrer` would send our own forms with `Origin: null`
    response.headers["X-Robots-Tag"] = "noindex, nofollow, noarchive"
    return response


@pages.get("/s/<token>")
@open_to_all
def landing(token: str) -> Any:
    """What the link opens, or where its password is asked."""
    opened = find_open(token)
    return _password_page(token) if opened is None else _page(opened, opened.tree.stat(opened.tree.base))


@pages.post("/s/<token>")
@open_to_all
def unlock(token: str) -> Any:
    """Take the password, once for this browser."""
    here = visit()
    link = here.ground.links.find(token)
    try:
        proof = here.ground.links.prove(link, request.form.get("password", ""), here.address)
    except Unauthorized:
        return _password_page(token, "wrong")
    except Throttled as throttled:
        return _password_page(token, "throttled", throttled.retry_after)
    where = url_for("landing.landing", token=token)
    response = make_response(redirect(where, 303))
    seconds = PROVED_FOR // SECOND
    response.set_cookie(
        COOKIE, proof, max_age=seconds, httponly=True, secure=here.secure, samesite="Lax", path=f"/s/{token}"
    )
    return response


@pages.get("/s/<token>/<int:node>")
@open_to_all
def inside(token: str, node: int) -> Any:
    """A folder or document further down."""
    opened = find_open(token)
    return _back(token) if opened is None else _page(opened, Finding(opened.tree).at(opened.link.share, node))


@pages.get("/s/<token>/<int:node>/seite/<int:number>")
@open_to_all
def picture(token: str, node: int, number: int) -> Any:
    """The picture of one page; with the link's number and the time on it if the link lets people look only."""
    opened = find_open(token)
    if opened is None:
        return _back(token)
    seen = visit().noted(Finding(opened.tree).at(opened.link.share, node))
    if not opened.shows(seen):
        raise NotFound(NOTHING_HERE)
    return picture_of(visit().ground.showing(opened.tree), seen, number, _mark(opened))


@pages.post("/s/<token>/<int:node>/herunterladen")
@open_to_all
def take(token: str, node: int) -> Any:
    """The click: the bytes, always as an attachment; of a link with limited uses it takes one."""
    opened = find_open(token)
    if opened is None:
        return _back(token)
    seen = visit().noted(Finding(opened.tree).at(opened.link.share, node))
    body = opened.tree.read(seen)
    return attachment(seen.display_name, seen.node.media_type, seen.node.size, seen.node.modified, body)


@pages.post("/s/<token>/abgeben")
@open_to_all
@streaming
def hand_in(token: str) -> Any:
    """Documents for a drop; then the names that they got."""
    names = [visit().noted(seen).display_name for seen in take_in(lambda: _drop(token))]
    return render_template("landing/thanks.html", token=token, names=names)


def _drop(token: str) -> tuple[LinkTree, SharePath]:
    opened = find_open(token)
    if opened is None or opened.link.kind is not LinkKind.DROP:
        raise NotFound(NOTHING_HERE)
    return opened.tree, opened.tree.base


def find_open(token: str) -> Open | None:
    """None while its password is still to be given. Raises NotFound alike for all that opens nothing."""
    ground = visit().ground
    link = ground.links.find(token)
    if not ground.links.is_open_to(link, request.cookies.get(COOKIE, "")):
        return None
    return Open(token, link, ground.link_door(link))


def _back(token: str) -> Any:
    return redirect(url_for("landing.landing", token=token), 303)


def _password_page(token: str, problem: str = "", wait: int = 0) -> Any:
    page = render_template("landing/password.html", token=token, problem=problem, wait=wait)
    response = make_response(page, {"": 200, "wrong": 403, "throttled": 429}[problem])
    if wait:
        response.headers["Retry-After"] = str(wait)
    return response


def _page(opened: Open, seen: Seen) -> Any:
    """A document as what the link gives of it, a folder as a list, a drop as its form."""
    tree, finding = opened.tree, Finding(opened.tree)
    if not seen.share:  # the collection around a document, which tells nothing else
        (seen,) = tree.children(seen)
    visit().noted(seen)
    facts: dict[str, Any] = {"token": opened.token, "link": opened.link, "committee": tree.committee, "seen": seen}
    facts["drive"] = link_urls(origin(), opened.token)[1]
    if opened.link.kind is LinkKind.LINK and seen.node.id == opened.link.node and opened.takes_letters:
        facts |= {"takes_letters": True, "letters": letters.published(tree)}
    if opened.link.kind is LinkKind.DROP:
        return render_template("landing/drop.html", **facts)
    if seen.node.is_collection:
        members = sorted(finding.describe(finding.members(seen), seen), key=_by_kind_and_name)
        above = [each for each in finding.above(seen) if each.share]
        return render_template("landing/folder.html", members=members, above=above, **facts)
    facts["sight"] = _sight(opened, seen) if opened.shows(seen) else None
    return render_template("landing/document.html", may_read=Rights.READ in seen.rights, **facts)


def _sight(opened: Open, seen: Seen) -> Sight:
    """Pictures of its pages, or its letters. A link has no viewer of its own: the bytes come by a click alone."""
    there: dict[str, Any] = {"token": opened.token, "node": seen.node.id}
    places = Places(
        url_for("landing.inside", **there), lambda number: url_for("landing.picture", number=number, **there)
    )
    mark = "" if Rights.READ in seen.rights else _mark(opened)
    return sight_of(visit().ground.showing(opened.tree), seen, places, receives=False, mark=mark)


def _mark(opened: Open) -> str:
    """What stands on pages that people may look at only: nobody knows who they are, but by which link they came."""
    return f"{opened.tree.committee} · Link {opened.link.id} · {moment(visit().ground.clock())}"


def _by_kind_and_name(each: Described) -> tuple[bool, str, int]:
    return not each.seen.node.is_collection, each.title.casefold(), each.seen.node.id
