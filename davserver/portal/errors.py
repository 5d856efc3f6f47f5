"""The one table domain error → status and page, in plain words (architecture.md §5)."""

from __future__ import annotations

import logging
from typing import NamedTuple

from flask import Flask, Response, make_response, render_template, request
from werkzeug.exceptions import HTTPException

from davserver.login import Throttled
from davserver.portal.ground import visit
from davserver.portal.guarding import ForeignForm
from davserver.portal.language import N_
from davserver.portal.uploads import NoForm
from davserver.rendering.maker import Busy, NotMade
from davserver.tree.damage import note_damage
from davserver.tree.refusals import note_refusal
from davserver.tree.seen import (
    AccessDenied,
    DoesNotFit,
    Impossible,
    InvalidAcl,
    LockConflict,
    Locked,
    NoSuchLock,
    PreconditionFailed,
    TooMany,
)
from shareproviders.contract import (
    BadName,
    BodyTruncated,
    Damaged,
    NameTaken,
    NotFound,
    Outdated,
    ParentMissing,
    QuotaExceeded,
    ReadOnlyShare,
    Unavailable,
    WrongKind,
)
from shareproviders.paths import ROOT

RETRY_AFTER = 5  # seconds until somebody may try again whom a busy or full server sent away

_logger = logging.getLogger(__name__)


class Page(NamedTuple):
    """What people read: what happened, and what they can do."""

    status: int
    title: str
    sentence: str


NOT_FOUND = Page(
    404,
    N_("There is nothing here"),
    N_("Perhaps it was moved or deleted, or it is not meant for you. Check the address, or start at your committees."),
)
DENIED = Page(403, N_("You may not do this here"), N_("You may look at it, but this action is not open to you."))
FIXED = Page(403, N_("This cannot be changed"), N_("It is kept like this for everybody and cannot be changed here."))
CHANGED = Page(
    412,
    N_("Somebody else was faster"),
    N_("This was changed in the meantime. Open the folder again and repeat what you wanted to do."),
)
LOCKED = Page(
    423,
    N_("Somebody is working on this"),
    N_("It is locked because somebody has it open. Try again later, or ask the office."),
)
FAILED = Page(
    500,
    N_("Something went wrong"),
    N_("This is not your fault. Please try again; if it happens again, tell the office the number below."),
)
BUSY = Page(503, N_("Please try again in a moment"), N_("The server is very busy just now. Nothing was changed."))
BAD_REQUEST = Page(
    400, N_("This request was not understood"), N_("Go back, load the page again and repeat what you wanted to do.")
)

TABLE: tuple[tuple[type[Exception], Page], ...] = (
    (
        ForeignForm,
        Page(
            403,
            N_("This form is too old"),
            N_("For your safety it was not carried out. Go back, load the page again and send it once more."),
        ),
    ),
    (
        Throttled,
        Page(
            429,
            N_("Too many attempts"),
            N_("Nobody can sign in here for a little while. Please wait and try again then."),
        ),
    ),
    (NotFound, NOT_FOUND),
    (
        ParentMissing,
        Page(409, N_("The folder is gone"), N_("The folder does not exist any more. Start again at your committees.")),
    ),
    (
        NameTaken,
        Page(409, N_("This name is taken"), N_("Something here has this name already. Choose another name.")),
    ),
    (WrongKind, Page(409, N_("This does not fit"), N_("A folder and a document cannot take each other's place."))),
    (Outdated, CHANGED),
    (PreconditionFailed, CHANGED),
    (
        BodyTruncated,
        Page(400, N_("The upload broke off"), N_("Nothing was changed. Please send the document once more.")),
    ),
    (
        BadName,
        Page(
            400,
            N_("This name is not possible"),
            N_("A name must not be empty, too long, or contain a slash or control characters."),
        ),
    ),
    (NoForm, BAD_REQUEST),
    (
        QuotaExceeded,
        Page(507, N_("The drive is full"), N_("There is not enough room for this. Please ask the office.")),
    ),
    (ReadOnlyShare, FIXED),
    (DoesNotFit, FIXED),
    (AccessDenied, DENIED),
    (
        Impossible,
        Page(
            409,
            N_("This is not possible"),
            N_("It does not fit how things stand now. Nothing was changed. Load the page again and look once more."),
        ),
    ),
    (InvalidAcl, Page(409, N_("These rights are not possible"), N_("They contradict each other or the rules."))),
    (Locked, LOCKED),
    (LockConflict, LOCKED),
    (NoSuchLock, CHANGED),
    (TooMany, Page(403, N_("A limit is reached"), N_("There are too many of these already. Please ask the office."))),
    (Unavailable, BUSY),
    (Busy, BUSY),
    (NotMade, Page(404, N_("There is no picture of this page"), N_("Go back to the document; it says why."))),
)
"""Domain error and its page. What is not listed is a 500 with a number and no detail."""

PAGES: dict[int, Page] = {
    404: NOT_FOUND,
    405: NOT_FOUND,
    413: Page(413, N_("This is too much at once"), N_("The form is too large. Please send less text.")),
}
"""What the web framework refuses before any of our views."""


def register(app: Flask) -> None:
    """Let every error of a view end in its page."""
    app.register_error_handler(Exception, _answered)


def page_of(error: Exception) -> Page | None:
    """The page of a domain error; None for one that nobody expected."""
    return next((page for kind, page in TABLE if isinstance(error, kind)), None)


def _answered(error: Exception) -> Response:
    page, number = page_of(error), ""
    if isinstance(error, AccessDenied) and visit().signed_in is not None:
        note_refusal(visit().tree, error)
    elif isinstance(error, Damaged) and visit().signed_in is not None:
        note_damage(visit().tree.forest, ROOT, error)
    if page is None and isinstance(error, HTTPException):
        page = PAGES.get(error.code or 0, BAD_REQUEST)
    if page is None:
        number = request.environ["gremium.request_id"]
        _logger.error("request %s failed", number, exc_info=error)
        page = FAILED
    response = make_response(render_template("error.html", page=page, number=number), page.status)
    if isinstance(error, Throttled):
        response.headers["Retry-After"] = str(error.retry_after)
    elif page.status == 503:
        response.headers["Retry-After"] = str(RETRY_AFTER)
    return response
