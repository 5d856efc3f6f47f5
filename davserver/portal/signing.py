"""Signing in and out, and one's own sessions.

Whoever proves who he is in another way (a second factor, a provider of identities, an invitation) ends in `admit` too.
"""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlsplit

from flask import Blueprint, Response, make_response, redirect, render_template, request, url_for

from acl.principals import Principal
from davserver.login import AppPasswordShown, SignsInElsewhere, Throttled, WrongPassword
from davserver.portal.devices import device_name
from davserver.portal.ground import origin, visit
from davserver.portal.guarding import FORM_FIELD, STREAMING, is_marked, open_to_all
from davserver.second_step import TooLate, WrongCode
from davserver.tree.news import begin_visit
from shareproviders.contract import Unavailable

pages = Blueprint("signing", __name__)

MAX_CARRIED = 64 * 1024
Fields = list[tuple[str, str]]


@pages.get("/anmelden")
@open_to_all
def sign_in() -> Any:
    """The page; whoever is signed in already goes on."""
    onward = local(request.args.get("weiter", "/"))
    if visit().signed_in is not None:
        return redirect(onward, 303)
    return render_template("signing/in.html", onward=onward)


@pages.post("/anmelden")
@open_to_all
def try_sign_in() -> Any:
    """Check name and password, then the second step of whoever has one; the page again where they do not open."""
    try:
        principal = visit().ground.sign_in(
            request.form.get("name", ""), request.form.get("password", ""), visit().address
        )
    except AppPasswordShown:
        return again("app-password")
    except WrongPassword:
        return again("wrong")
    except SignsInElsewhere:
        return again("elsewhere")
    except Throttled as throttled:
        return again("throttled", 429, throttled.retry_after)
    except Unavailable:
        return again("busy", 503, 3)
    asked = visit().ground.second_step.ask(principal.id, visit().cookie)
    if asked:
        return render_template("signing/step.html", asked=asked, **_waiting())
    return admit(principal, local(request.form.get("weiter", "/")), carried(request.form.get("carried", "")))


@pages.post("/anmelden/code")
@open_to_all
def try_code() -> Any:
    """The second step: a code of the app, or a recovery code."""
    asked, problem, status, wait = request.form.get("asked", ""), "wrong", 403, 0
    try:
        principal = visit().ground.second_step.answer(
            asked, visit().cookie, request.form.get("code", ""), visit().address
        )
    except TooLate:
        return again("late")
    except WrongCode:
        pass
    except Throttled as throttled:
        problem, status, wait = "throttled", 429, throttled.retry_after
    else:
        return admit(principal, local(request.form.get("weiter", "/")), carried(request.form.get("carried", "")))
    page = render_template("signing/step.html", asked=asked, problem=problem, wait=wait, **_waiting())
    return _refusal(page, status, wait)


def again(problem: str, status: int = 403, wait: int = 0) -> Response:
    """The sign-in page, with what was wrong, and all that came along."""
    name = request.form.get("name", "")
    page = render_template("signing/in.html", name=name, problem=problem, wait=wait, **_waiting())
    return _refusal(page, status, wait)


def _waiting() -> dict[str, str]:
    """Where somebody wanted to go, and the form that waits to be sent."""
    return {"onward": local(request.form.get("weiter", "/")), "carried": request.form.get("carried", "")}


def _refusal(page: str, status: int, wait: int) -> Response:
    response = make_response(page, status)
    if wait:
        response.headers["Retry-After"] = str(wait)
    return response


def admit(principal: Principal, onward: str, form: Fields) -> Response:
    """Open a new session for whoever has proved who he is; then on, or back to a form that waits to be sent."""
    here = visit()
    begin_visit(here.ground.door(principal))
    here.ground.resets.begin_telling(principal.id)
    here.new_cookie = here.ground.sessions.begin(principal.id, device_name(request.user_agent.string), here.address)
    if here.signed_in is not None:
        here.ground.sessions.end(here.signed_in.principal.id, here.signed_in.session.name)
    if not form:
        return make_response(redirect(onward, 303))
    return make_response(render_template("signing/resume.html", onward=onward, form=form))


def ask() -> Response:
    """Send somebody who is not signed in to the page; a form that he has filled in comes along."""
    if request.method in ("GET", "HEAD"):
        return make_response(redirect(url_for("signing.sign_in", weiter=local(request.full_path.rstrip("?"))), 303))
    form = [] if is_marked(STREAMING) else [pair for pair in request.form.items(multi=True) if pair[0] != FORM_FIELD]
    written = json.dumps(form)
    kept = form and len(written) <= MAX_CARRIED
    page = render_template(
        "signing/in.html",
        onward=local(request.path) if kept else "/",
        problem="ended",
        carried=written if kept else "",
        lost=not kept,
    )
    return make_response(page, 403)


def carried(written: str) -> Fields:
    """The form that was filled in before the session ended, as the sign-in page brought it along."""
    if not written:
        return []
    try:
        found = json.loads(written)
    except ValueError:
        return []
    return [(str(pair[0]), str(pair[1])) for pair in found if isinstance(pair, list) and len(pair) == 2]


def local(address: str) -> str:
    """An address of this portal, as it was sent along; the first page in place of any other."""
    parts = urlsplit(address)
    plain = address.startswith("/") and not address.startswith(("//", "/\\")) and "\\" not in address
    return address if plain and not parts.scheme and not parts.netloc and address.isprintable() else "/"


@pages.post("/abmelden")
def sign_out() -> Any:
    """End this session; then the sign-in page, which says so, and leads on to whoever still knows this browser."""
    here = visit()
    assert here.signed_in is not None
    user, provider = here.principal.id, here.ground.identities
    here.ground.sessions.end(user, here.signed_in.session.name)
    here.signed_in, here.cookie = None, ""
    elsewhere = provider is not None and here.ground.awake_until(user) is not None
    leaving = provider.leaving(origin() + url_for("signing.sign_in")) if provider and elsewhere else ""
    return render_template("signing/in.html", onward="/", problem="signed-out", leaving=leaving)


@pages.get("/anmeldungen")
def sessions() -> Any:
    """Where somebody is signed in."""
    return render_template("signing/sessions.html", sessions=visit().ground.sessions.of(visit().principal.id))


@pages.post("/anmeldungen/beenden")
def end_session() -> Any:
    """End one of one's own sessions, by its name."""
    visit().ground.sessions.end(visit().principal.id, request.form.get("session", ""))
    return redirect(url_for("signing.sessions"), 303)
