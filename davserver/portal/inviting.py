"""Whoever has a letter with a one-time code sets his own password with it, and is signed in.

The code never stands in a path, which proxies log: it is typed, or stands behind the # of the letter's QR code, which
browsers keep to themselves and script puts into the field.
"""

from __future__ import annotations

from typing import Any

from flask import Blueprint, render_template, request

from davserver.accounts import AccountProblem
from davserver.invitations import Invited
from davserver.portal.ground import visit
from davserver.portal.guarding import open_to_all
from davserver.portal.signing import admit
from shareproviders.contract import NotFound

pages = Blueprint("inviting", __name__)


@pages.get("/einladung")
@open_to_all
def type_code() -> Any:
    """Type the code of the letter."""
    return render_template("signing/code.html")


@pages.post("/einladung")
@open_to_all
def choose_password() -> Any:
    """The form for the password, where the code holds. Looking uses nothing up."""
    code = request.form.get("code", "")
    try:
        invited = visit().ground.invitations.invited(code)
    except NotFound:
        return _not_holding(code)
    return _choosing(invited, code)


@pages.post("/einladung/passwort")
@open_to_all
def set_password() -> Any:
    """Set it, end the code and every session, and sign in."""
    invitations, code, password = (
        visit().ground.invitations,
        request.form.get("code", ""),
        request.form.get("password", ""),
    )
    problem = "" if password == request.form.get("again", "") else "differ"
    try:
        invited = invitations.invited(code)
        if not problem:
            invitations.accept(code, password)
    except NotFound:
        return _not_holding(code)
    except AccountProblem:
        problem = "weak"
    if problem:
        return _choosing(invited, code, problem), 400
    principal = visit().ground.sign_in(invited.user, password, visit().address)
    return admit(principal, "/", [])


def _choosing(invited: Invited, code: str, problem: str = "") -> str:
    letters = visit().ground.invitations.passwords.shortest
    return render_template("signing/new-password.html", invited=invited, code=code, problem=problem, letters=letters)


def _not_holding(code: str) -> Any:
    return render_template("signing/code.html", problem=True, code=code), 404
