"""Imprint, privacy notice, accessibility statement, and the choice of a language: open to everybody."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, make_response, redirect, render_template, request

from davserver.notices import Notice
from davserver.portal.ground import visit
from davserver.portal.guarding import open_to_all
from davserver.portal.language import COOKIE, LANGUAGES, N_
from davserver.portal.signing import local

pages = Blueprint("legal", __name__)

YEAR = 365 * 86400


@pages.get("/impressum")
@open_to_all
def imprint() -> Any:
    return _notice(N_("Imprint"), "imprint")


@pages.get("/datenschutz")
@open_to_all
def privacy() -> Any:
    return _notice(N_("Privacy"), "privacy")


@pages.get("/barrierefreiheit")
@open_to_all
def accessibility() -> Any:
    return _notice(N_("Accessibility"), "accessibility")


def _notice(title: str, name: str) -> Any:
    notice: Notice = visit().ground.notices[name]
    if notice.url:
        return redirect(notice.url, 303)
    return render_template("notice.html", title=title, notice=notice)


@pages.post("/sprache")
@open_to_all
def language() -> Any:
    """Keep the chosen language for a year, and go back to where it was chosen."""
    response = make_response(redirect(local(request.form.get("weiter", "/")), 303))
    wanted = request.form.get("sprache", "")
    if wanted in LANGUAGES:
        response.set_cookie(COOKIE, wanted, max_age=YEAR, httponly=True, secure=visit().secure, samesite="Lax")
    return response
