"""Whose request counts: forms of our own pages only, and private pages for people who are signed in."""

from __future__ import annotations

import hmac
from collections.abc import Callable
from typing import Any, TypeVar

from flask import current_app, request
from werkzeug.exceptions import Forbidden

from davserver.portal.ground import origin, visit

View = TypeVar("View", bound=Callable[..., Any])

SAFE = ("GET", "HEAD", "OPTIONS")
FORM_FIELD = "token"
OPEN, STREAMING = "gremium_open", "gremium_streaming"


class ForeignForm(Forbidden):
    """The form was not made by a page of ours, or by one that is too old."""


def open_to_all(view: View) -> View:
    """Mark a view that needs nobody to be signed in."""
    setattr(view, OPEN, True)
    return view


def streaming(view: View) -> View:
    """Mark a view that reads its own body piece by piece, and checks the form's token with `check_token` first."""
    setattr(view, STREAMING, True)
    return view


def needs_sign_in() -> bool:
    """Is the request for something that only people who are signed in may ask for? An unknown address is not."""
    return request.endpoint is not None and not is_marked(OPEN) and visit().signed_in is None


def is_marked(mark: str) -> bool:
    """Does the request's view carry this mark?"""
    return bool(getattr(current_app.view_functions.get(request.endpoint or ""), mark, False))


def check_form() -> None:
    """Refuse what a foreign page may have sent (CSRF). Raises ForeignForm."""
    if request.method in SAFE or request.endpoint is None:
        return
    site, sender = request.headers.get("Sec-Fetch-Site"), request.headers.get("Origin")
    if site not in (None, "same-origin", "none") or sender not in (None, origin()):
        raise ForeignForm
    if not is_marked(STREAMING):
        check_token(request.form.get(FORM_FIELD, ""))


def check_token(shown: str) -> None:
    """Raises ForeignForm for any token but that of this visitor's pages."""
    here = visit()
    if not here.cookie or not hmac.compare_digest(here.form_token.encode(), shown.encode()):
        raise ForeignForm
