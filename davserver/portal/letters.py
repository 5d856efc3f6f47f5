"""Letters of people without an account: written on a link's page, answered by the office, read by a private link."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, redirect, render_template, request, url_for

from davserver.linking import reply_url
from davserver.portal.browsing import address_of
from davserver.portal.ground import origin, visit
from davserver.portal.guarding import open_to_all
from davserver.portal.landing import find_open, unlisted
from davserver.tree import letters
from davserver.tree.commenting import MAX_LETTERS
from davserver.tree.finding import LARGEST, Finding
from davserver.tree.seen import Seen
from shareproviders.contract import NotFound

pages = Blueprint("letters", __name__)
pages.after_request(unlisted)


@pages.get("/s/<token>/schreiben")
@open_to_all
def ask(token: str) -> Any:
    """The form, where the link's maker lets people write."""
    return _ask(token)


@pages.post("/s/<token>/schreiben")
@open_to_all
def write(token: str) -> Any:
    """Take the letter; the reply link is shown this once."""
    opened = find_open(token)
    if opened is None:
        return redirect(url_for("landing.landing", token=token), 303)
    reply, digest = visit().ground.links.new_reply()
    try:
        letters.write(opened.tree, request.form.get("text", ""), digest, visit().address)
    except ValueError:
        return _ask(token, problem="text"), 400
    except letters.TooManyLetters:
        return _ask(token, problem="throttled"), 429
    return render_template("letters/written.html", token=token, url=reply_url(origin(), reply))


def _ask(token: str, problem: str = "") -> Any:
    opened = find_open(token)
    if opened is None:
        return redirect(url_for("landing.landing", token=token), 303)
    if not opened.takes_letters:
        raise NotFound("there is nothing here")
    return render_template(
        "letters/write.html",
        token=token,
        committee=opened.tree.committee,
        problem=problem,
        written=request.form.get("text", ""),
        most=MAX_LETTERS,
    )


@pages.get("/antwort/<token>")
@open_to_all
def reply(token: str) -> Any:
    """One's own letter and the answer, for whoever has its reply link."""
    ground = visit().ground
    return render_template("letters/reply.html", letter=ground.letter(ground.links.reply_digest(token)))


@pages.get("/zuschriften")
def overview() -> Any:
    """Everything about which people have written, for the office."""
    found = letters.waiting(visit().tree)
    return render_template("letters/overview.html", found=found)


@pages.get("/zuschriften/<share>/<int:node>")
def about(share: str, node: int) -> Any:
    """The letters about one document or folder."""
    return _page(_at(share, node))


@pages.post("/zuschriften/<share>/<int:node>/<int:number>")
def answer(share: str, node: int, number: int) -> Any:
    """Answer one, or remove it."""
    seen = _at(share, node)
    if number > LARGEST:
        raise NotFound("there is no such letter here")
    if request.form.get("step") == "remove":
        letters.remove(visit().tree, seen.path, number)
        return _back(seen, "removed")
    publish = request.form.get("publish") == "yes"
    try:
        letters.answer(visit().tree, seen.path, number, request.form.get("text", ""), publish=publish)
    except ValueError:
        return _page(seen, problem=number), 400
    return _back(seen, "published" if publish else "answered")


def _at(share: str, node: int) -> Seen:
    return visit().noted(Finding(visit().tree).at(share, node))


def _back(seen: Seen, done: str) -> Any:
    return redirect(url_for("letters.about", share=seen.share, node=seen.node.id, getan=done), 303)


def _page(seen: Seen, problem: int = 0) -> Any:
    finding = Finding(visit().tree)
    (own,) = finding.describe([seen])
    return render_template(
        "letters/about.html",
        own=own,
        above=finding.describe(finding.above(seen)),
        address=address_of,
        found=letters.letters(visit().tree, seen.path),
        problem=problem,
        most=MAX_LETTERS,
        done=request.args.get("getan", ""),
    )
