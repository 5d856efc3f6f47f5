"""The second step of one's own sign-in: set up with an authenticator app, recovery codes, switched off again."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from flask import Blueprint, redirect, render_template, request, url_for

from davserver.accounts import AccountProblem
from davserver.linking import in_groups
from davserver.login import Unauthorized
from davserver.portal.ground import origin, visit
from davserver.portal.mounting import square
from davserver.second_step import WrongCode, app_address

pages = Blueprint("second_step", __name__)

GROUP = 4


@pages.get("/zweiter-schritt")
def page() -> Any:
    """Is it on, since when, and how many recovery codes are left?"""
    return _page("")


def _page(problem: str) -> Any:
    here = visit()
    return render_template(
        "signing/second-step.html",
        standing=here.ground.second_step.of(here.principal.id),
        elsewhere=here.ground.awake_until(here.principal.id) is not None,
        problem=problem,
    )


@pages.post("/zweiter-schritt")
def prepare() -> Any:
    """With the password: a new secret for the app, shown until a code of it was right."""
    here = visit()
    try:
        here.ground.sign_in(here.principal.id, request.form.get("password", ""), here.address)
        secret = here.ground.second_step.prepare(here.principal.id)
    except Unauthorized:
        return _page("password"), 403
    except AccountProblem:
        return redirect(url_for("second_step.page"), 303)
    return _secret(secret, problem=False)


def _secret(secret: str, *, problem: bool) -> Any:
    user, place = visit().principal.id, f"Gremium {urlsplit(origin()).hostname}"
    return render_template(
        "signing/second-step-secret.html",
        secret=in_groups(secret, GROUP).replace("-", " "),
        square=square(app_address(secret, user, place)),
        problem=problem,
    )


@pages.post("/zweiter-schritt/bestaetigen")
def confirm() -> Any:
    """A right code switches it on, and tells the recovery codes."""
    here = visit()
    try:
        codes = here.ground.second_step.confirm(here.principal.id, request.form.get("code", ""), here.address)
    except WrongCode:
        secret = here.ground.second_step.prepared(here.principal.id)
        return (_secret(secret, problem=True), 403) if secret else redirect(url_for("second_step.page"), 303)
    return render_template("signing/recovery-codes.html", codes=codes, just_on=True)


@pages.post("/zweiter-schritt/codes")
def renew() -> Any:
    """New recovery codes; the old ones end."""
    here = visit()
    try:
        codes = here.ground.second_step.renew(here.principal.id, request.form.get("code", ""), here.address)
    except WrongCode:
        return _page("code"), 403
    return render_template("signing/recovery-codes.html", codes=codes, just_on=False)


@pages.post("/zweiter-schritt/ausschalten")
def switch_off() -> Any:
    """With password and code."""
    here = visit()
    try:
        here.ground.sign_in(here.principal.id, request.form.get("password", ""), here.address)
        here.ground.second_step.switch_off(here.principal.id, request.form.get("code", ""), here.address)
    except Unauthorized:
        return _page("password"), 403
    except WrongCode:
        return _page("code"), 403
    return redirect(url_for("second_step.page"), 303)
