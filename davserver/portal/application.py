"""The portal as one WSGI application: pages, their languages, gate and headers; wired once for each process."""

from __future__ import annotations

import hashlib
import secrets
import time
from pathlib import Path
from typing import Any

from flask import Flask, Response, g, request, url_for

from davserver.portal import (
    auditing,
    browsing,
    changing,
    commenting,
    connecting,
    elsewhere,
    errors,
    excluding,
    giving,
    guarding,
    home,
    inviting,
    keeping,
    landing,
    language,
    legal,
    letters,
    mounting,
    public,
    reading,
    second_step,
    signing,
    wording,
)
from davserver.portal.desk import arriving, defining, entitling, meetings, papers, people, seconding, stages, watching
from davserver.portal.ground import Ground, Visit, visit
from davserver.portal.headers import WORKER_POLICY, protect
from davserver.portal.language import Catalogues

FORM_BYTES = 256 * 1024
YEAR = 365 * 86400
PAGES = (
    *(signing.pages, legal.pages, home.pages, browsing.pages, reading.pages),
    *(mounting.pages, meetings.pages, arriving.pages, stages.pages),
    *(inviting.pages, defining.pages, papers.pages, people.pages, excluding.pages),
    *(entitling.pages, seconding.pages, watching.pages),
    *(changing.pages, keeping.pages, connecting.pages, giving.pages, landing.pages, commenting.pages),
    *(letters.pages, public.pages, auditing.pages, elsewhere.pages, second_step.pages),
)
"""One blueprint for each group of pages, in a file of its own."""
STATIC = Path(__file__).parent / "static"


def create(ground: Ground) -> Flask:
    """The application. Raises what a damaged installation raises: a missing template or catalogue."""
    app = Flask("davserver.portal", root_path=str(Path(__file__).parent))
    app.config.update(MAX_CONTENT_LENGTH=FORM_BYTES, MAX_FORM_MEMORY_SIZE=FORM_BYTES, PROPAGATE_EXCEPTIONS=False)
    app.url_map.strict_slashes = app.url_map.merge_slashes = False
    app.jinja_options = {"extensions": ["jinja2.ext.i18n"], "trim_blocks": True, "lstrip_blocks": True}
    app.jinja_env.filters |= {each.__name__: each for each in language.FILTERS}
    app.jinja_env.globals |= wording.NAMES
    marks = {
        path.relative_to(STATIC).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()[:12]
        for path in STATIC.rglob("*.*")
        if path.is_file()
    }
    _speak(app, Catalogues.load())
    app.context_processor(lambda: {"visit": g.visit, "form_field": guarding.FORM_FIELD})
    app.jinja_env.globals["design"] = lambda name: url_for("static", filename=name, v=marks[name])
    for pages in PAGES:
        app.register_blueprint(pages)
    guarding.open_to_all(app.view_functions["static"])
    app.before_request(lambda: _enter(ground))
    app.after_request(_leave)
    errors.register(app)
    return app


def _speak(app: Flask, catalogues: Catalogues) -> None:
    """Texts of templates and views, in the language of the visit."""

    def texts() -> Any:
        return catalogues.de if visit().language == "de" else catalogues.en

    def gettext(text: str) -> str:
        return str(texts().gettext(text))

    def ngettext(one: str, many: str, count: int) -> str:
        return str(texts().ngettext(one, many, count))

    app.jinja_env.install_gettext_callables(gettext, ngettext, newstyle=True)  # type: ignore[attr-defined]


def _enter(ground: Ground) -> Any:
    g.began = time.perf_counter()
    request.environ.setdefault("gremium.request_id", secrets.token_hex(6))
    g.visit = Visit(ground, request, language.chosen(request))
    guarding.check_form()
    return signing.ask() if guarding.needs_sign_in() else None


def _leave(response: Response) -> Response:
    here, began = visit(), g.began
    if here.new_cookie:
        response.set_cookie(
            here.cookie_name, here.new_cookie, httponly=True, secure=here.secure, samesite="Lax", path="/"
        )
    if request.endpoint == "static" and request.args.get("v"):
        response.headers["Cache-Control"] = f"public, max-age={YEAR}, immutable"
    if request.endpoint == "static" and request.path.endswith(".worker.min.mjs"):
        response.headers["Content-Security-Policy"] = WORKER_POLICY
    facts = {"request": request.environ["gremium.request_id"], "method": request.method, "status": response.status_code}
    length = response.content_length or 0

    def note() -> None:
        milliseconds = round((time.perf_counter() - began) * 1000, 2)
        here.ground.log({**facts, "ms": milliseconds, "bytes": length, "nodes": here.nodes})

    response.call_on_close(note)
    response.headers["Content-Language"] = here.language
    return protect(response, secure=here.secure)
