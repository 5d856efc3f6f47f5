"""Whoever has a letter with a one-time code sets his own password with it, and is signed in."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, redirect, render_template, request, url_for

from davserver.accounts import AccountProblem
from davserver.invitations import bare
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
def check_code() -> Any:
    """On to the password, where the code holds."""
    code = bare(request.form.get("code", ""))
    try:
        visit().ground.invitations.invited(code)
    except NotFound:
        return render_template("signing/code.html", problem=True, code=request.form.get("code", "")), 404
    return redirect(url_for("inviting.choose_password", code=code), 303)


@pages.get("/einladung/<code>")
@open_to_all
def choose_password(code: str) -> Any:
    """Looking uses nothing up. Raises NotFound for a code that does not hold."""
    return render_template("signing/new-password.html", invited=visit().ground.invitations.invited(code))


@pages.post("/einladung/<code>")
@open_to_all
def set_password(code: str) -> Any:
    """Set it, end the code and every session, and sign in."""
    invitations, password = visit().ground.invitations, request.form.get("password", "")
    invited = invitations.invited(code)
    problem = "" if password == request.form.get("again", "") else "differ"
    if not problem:
        try:
            invitations.accept(code, password)
        except AccountProblem:
            problem = "weak"
    if problem:
        return render_template("signing/new-password.html", invited=invited, problem=problem), 400
    principal = visit().ground.sign_in(invited.user, password, visit().address)
    return admit(principal, "/", [])
