"""How a document is shown in place: pages as pictures with their words, letters, a player, or why not.

The same for members, for earlier versions and for whoever holds a link: only the addresses and the mark differ.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple

from flask import Response, request

from davserver.portal.headers import SANDBOXED
from davserver.portal.language import N_
from davserver.rendering import stamping, texts
from davserver.rendering.maker import PICTURES, NotMade, Reason, Word
from davserver.tree import words
from davserver.tree.bookmarks import Bookmarks
from davserver.tree.rendered import WIDTHS, Showing, Shown
from davserver.tree.seen import Seen
from davserver.tree.words import Hits
from shareproviders.contract import NotFound

PLAYED = ("audio/", "video/")
WIDTH = WIDTHS[1]
ZOOMS = (100, 150, 200)
"""Per cent of the width that a page has beside nothing else."""
REASONS: Mapping[Reason, str] = MappingProxyType(
    {
        Reason.DAMAGED: N_("This document is damaged or not what its name says, so it cannot be shown here."),
        Reason.PROTECTED: N_("This document is protected by a password, so it cannot be shown here."),
        Reason.HEAVY: N_("This document is too large or too laborious to be shown here."),
    }
)
TOO_LONG = N_("This document is too long to be searched here.")


class Places(NamedTuple):
    """The addresses of one document as one kind of visitor reads it."""

    here: str
    """Of the page that shows it."""
    picture: Callable[[int], str]
    """Of a page's picture, by the page's number."""
    pdf: str = ""
    """Where the viewer gets the document, for who may have it."""
    play: str = ""
    bookmark: str = ""
    """Where the viewer tells how far its reader has come; empty if nobody remembers."""


class Sight(NamedTuple):
    """How a document is shown: by exactly one of `shown`, `text`, `plays` and `why_not`, or by none."""

    at: Places
    mark: str = ""
    """What stands on every page that somebody may look at only."""
    shown: Shown | None = None
    zoom: int = ZOOMS[0]
    text: texts.Text | None = None
    markdown: str = ""
    """As HTML that `texts.html_of` made."""
    plays: str = ""
    """`audio` or `video`."""
    why_not: str = ""
    source: str = ""
    """Where the viewer gets the PDF, for who may have it."""
    is_searched: bool = False
    """Has it words on several pages that can be looked for?"""
    hits: Hits | None = None
    """Of what was looked for, if something was."""
    unsearched: str = ""
    """Why nothing could be looked for."""
    places: Sequence[Word] = ()
    """The words of it that stand on the shown page."""
    zooms: tuple[int, ...] = ZOOMS
    widths: tuple[int, ...] = WIDTHS


def sight_of(
    showing: Showing, seen: Seen, places: Places, *, receives: bool, mark: str = "", marks: Bookmarks | None = None
) -> Sight:
    """What a page shows of a document; `receives`: may its bytes go out? `marks` know where its reader stopped."""
    bare, media_type = Sight(places, mark), seen.node.media_type
    if showing.has_pages(media_type):
        return _pages(showing, seen, bare, marks, viewer=receives and media_type not in PICTURES)
    if texts.is_text(media_type):
        text = showing.text(seen)
        markdown = texts.html_of(text.letters) if media_type == texts.MARKDOWN else ""
        return bare._replace(text=text, markdown=markdown)
    if media_type.startswith(PLAYED) and receives and places.play:
        return bare._replace(plays=media_type.partition("/")[0])
    return bare


def _pages(showing: Showing, seen: Seen, bare: Sight, marks: Bookmarks | None, *, viewer: bool) -> Sight:
    asked = request.args.get("seite", 0, type=int) or (marks.page(seen) if marks else 1)
    zoom = request.args.get("groesse", ZOOMS[0], type=int)
    try:
        try:
            shown = showing.page(seen, max(1, asked), WIDTH)
        except NotFound:  # of an older version, or typed
            shown = showing.page(seen, 1, WIDTH)
    except NotMade as why:
        return bare._replace(why_not=REASONS[why.reason])
    if marks:
        marks.put(seen, shown.page.number)
    sight = bare._replace(shown=shown, zoom=zoom if zoom in ZOOMS else ZOOMS[0])
    if seen.node.media_type not in PICTURES:
        sight = _searched(showing, seen, sight, shown)
    return sight._replace(source=bare.at.pdf if viewer else "")


def _searched(showing: Showing, seen: Seen, sight: Sight, shown: Shown) -> Sight:
    """With what was looked for in the words of all pages; also where a browser has only one page at a time."""
    wanted = " ".join(request.args.get("suche", "").split())[: words.LONGEST]
    sight = sight._replace(is_searched=True)
    if not wanted:
        return sight
    try:
        hits = words.find(showing.words(seen), wanted)
    except NotMade:  # its pages could be drawn, so it is only too much
        return sight._replace(unsearched=TOO_LONG)
    return sight._replace(hits=hits, places=words.places(shown.page, wanted))


def picture_of(showing: Showing, seen: Seen, number: int, mark: str) -> Response:
    """The picture of one page, in the width that was asked for; `mark` stands on it if he may look only.

    Raises NotFound, AccessDenied, NotMade, Busy.
    """
    width = request.args.get("breite", WIDTH, type=int)
    if width not in WIDTHS or not showing.has_pages(seen.node.media_type):
        raise NotFound("there is no such picture")
    shown = showing.page(seen, number, width)
    response = Response(stamping.packed(shown.page, mark if shown.to_be_marked else ""), mimetype=stamping.MEDIA_TYPE)
    response.headers["Content-Security-Policy"] = SANDBOXED
    return response
