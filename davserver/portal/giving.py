"""Sharing inside, by link and by drop: a form, then who will see what, then the deed; and all that one has shared."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any, NamedTuple

from flask import Blueprint, redirect, render_template, request, url_for

from acl.labels import Classification
from acl.links import LinkKind
from acl.privileges import Rights
from davserver.instants import instant
from davserver.linking import label_place, link_urls
from davserver.portal.browsing import address_of
from davserver.portal.fields import Wrong, day_of, end_of, number_of, today
from davserver.portal.ground import origin, visit
from davserver.portal.language import N_
from davserver.tree.finding import Finding
from davserver.tree.foreseeing import foresee_link, foresee_share, link_classes, receivers
from davserver.tree.given import given
from davserver.tree.seen import Seen
from davserver.tree.sharing import LinkWish

pages = Blueprint("giving", __name__)

USUAL_DAYS, MOST_DAYS = 30, 365
"""How long a link lives unless its maker says otherwise, and at most (security.md §4)."""
MOST_USES, MAX_LABEL = 100_000, 100
LEVELS: Mapping[str, tuple[Rights, str]] = {
    "read": (Rights.READ, N_("read and download")),
    "view": (Rights.VIEW, N_("only look at it here")),
    "comment": (Rights.READ | Rights.COMMENT, N_("read and comment")),
    "write": (Rights.READ | Rights.COMMENT | Rights.WRITE, N_("read and change")),
}
"""What can be given inside: its word, its rights, and how people call it."""
WORD_LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"
"""None of them looks like another."""
LINK_LEVELS: Mapping[str, tuple[Rights, str]] = {
    "read": LEVELS["read"],
    "view": LEVELS["view"],
    "write": (Rights.READ | Rights.WRITE_CONTENT | Rights.BIND, N_("read, change and add documents, but not delete")),
}
"""The same of a link."""


class Asked(NamedTuple):
    """What a form of sharing asks for."""

    way: str
    """`inside`, `link` or `drop`."""
    receiver: str
    level: str
    start: int | None
    end: int | None
    uses: int | None
    locked: bool
    letters: bool
    """May people write to the office?"""
    label: str
    most: Classification | None = None
    """Up to which class a link stays open, if that rises later; None: up to the one that holds now."""


@pages.get("/teilen/<share>/<int:node>")
def form(share: str, node: int) -> Any:
    """The ways of sharing that are open to the asker here."""
    return _form(_at(share, node))


@pages.post("/teilen/<share>/<int:node>")
def give(share: str, node: int) -> Any:
    """First who will see what; then, on a second click, the deed."""
    seen = _at(share, node)
    try:
        asked = _asked(seen)
        if request.form.get("step") != "give":
            return _preview(seen, asked)
        return _share(seen, asked) if asked.way == "inside" else _link(seen, asked)
    except Wrong as wrong:
        return _form(seen, str(wrong)), 400


@pages.get("/meine-freigaben")
def mine() -> Any:
    """What I have shared, with whom, until when, how often links were used."""
    found = given(visit().tree)
    names = {share: _names(share) for share in {each.share for each in found}}
    return render_template(
        "giving/mine.html",
        found=found,
        name=lambda each: names[each.share].get(each.receiver, ""),
        address=address_of,
        level=level_of,
        done=request.args.get("getan", ""),
    )


@pages.post("/meine-freigaben")
def end() -> Any:
    """Take one back; at once, everywhere."""
    kind, _, rest = request.form.get("given", "").partition("/")
    share, _, number = rest.partition("/")
    tree, numbered = visit().tree, number_of(number)
    if kind == "share":
        tree.end_share(share, numbered)
    else:
        tree.revoke_link(share, numbered)
    return redirect(url_for("giving.mine", getan="ended"), 303)


def _at(share: str, node: int) -> Seen:
    return visit().noted(Finding(visit().tree).at(share, node))


def _form(seen: Seen, problem: str = "") -> Any:
    committees, offices, people = receivers(visit().tree, seen.share)
    levels = {word: text for word, (rights, text) in LEVELS.items() if not rights & ~seen.rights}
    return render_template(
        "giving/form.html",
        **_page(seen),
        problem=problem,
        groups=((N_("Committees"), committees), (N_("Offices of this committee"), offices), (N_("People"), people)),
        levels=levels,
        link_levels={word: text for word, (rights, text) in LINK_LEVELS.items() if not rights & ~seen.rights},
        link_classes=link_classes(visit().tree, seen),
        may_comment=Rights.COMMENT in seen.rights,
        today=today(),
        usual=today() + timedelta(days=USUAL_DAYS),
        latest=today() + timedelta(days=MOST_DAYS),
        written=request.form,
    )


def _page(seen: Seen) -> dict[str, Any]:
    finding = Finding(visit().tree)
    above = finding.above(seen)
    (own,) = finding.describe([seen], above[-1] if above else None)
    open_here = {
        "inside": bool(seen.rights & Rights.SHARE),
        "link": bool(seen.rights & Rights.LINK),
        "drop": seen.node.is_collection and not (Rights.LINK | Rights.BIND) & ~seen.rights,
    }
    ways = {way for way, is_open in open_here.items() if is_open}
    return {"own": own, "above": finding.describe(above), "address": address_of, "ways": ways}


def _asked(seen: Seen) -> Asked:
    """Raises Wrong."""
    wrote = request.form
    way = wrote.get("way", "")
    if way not in ("inside", "link", "drop"):
        raise Wrong(N_("Choose how you want to share."))
    start, until = day_of(wrote, "start"), day_of(wrote, "until")
    now, level = visit().ground.clock(), wrote.get("level", "")
    if way == "inside" and wrote.get("receiver") not in _names(seen.share):
        raise Wrong(N_("Choose with whom you want to share."))
    if way != "drop" and level not in (LEVELS if way == "inside" else LINK_LEVELS):
        raise Wrong(N_("Choose what they may do."))
    if way == "link" and level == "view" and wrote.get("uses", "").strip():
        raise Wrong(N_("Whoever may only look downloads nothing: leave the number of downloads empty."))
    if way != "inside" and (until is None or not today() <= until <= today() + timedelta(days=MOST_DAYS)):
        raise Wrong(N_("Choose until when the link works: from today on, and for a year at most."))
    begin, finish = (None if start is None else instant(start)), (None if until is None else end_of(until))
    if finish is not None and finish <= max(begin or now, now):
        raise Wrong(N_("The last day lies before the first one, or is over already."))
    return Asked(
        way,
        wrote.get("receiver", ""),
        level,
        begin if way == "inside" else None,
        finish,
        None if way == "inside" else _number("uses"),
        way != "inside" and wrote.get("locked") == "yes",
        way == "link" and wrote.get("letters") == "yes",
        wrote.get("label", "").strip()[:MAX_LABEL],
        _most(seen) if way == "link" else None,
    )


def _most(seen: Seen) -> Classification | None:
    word = request.form.get("most", "")
    if word and word not in {each.word for each in link_classes(visit().tree, seen)}:
        raise Wrong(N_("A link cannot open papers of this class."))
    return Classification.parse(word) if word else None


def _number(field: str) -> int | None:
    written = request.form.get(field, "").strip()
    if not written:
        return None
    if not (written.isascii() and written.isdigit() and len(written) < 9 and 1 <= int(written) <= MOST_USES):
        raise Wrong(N_("Write how often as a number from 1 on, or leave the field empty."))
    return int(written)


def _names(share: str) -> dict[str, str]:
    """With whom one may share there: word of an entry → name."""
    committees, offices, people = receivers(visit().tree, share)
    return committees | offices | people


def level_of(rights: Rights) -> str:
    """What people call these rights; those that no form gives are told as the nearest below."""
    return next(
        (text for own, text in reversed(tuple(LEVELS.values())) if not own & ~rights), N_("only look at it here")
    )


def _preview(seen: Seen, asked: Asked) -> Any:
    """Who will see what: found by trying it out, not guessed."""
    tree, facts = visit().tree, dict[str, Any]()
    if asked.way == "inside":
        rights = LEVELS[asked.level][0]
        with_whom = _names(seen.share)[asked.receiver]
        window = {"start": asked.start, "end": asked.end}
        gains = _sensible(lambda: foresee_share(tree, seen.path, asked.receiver, rights, **window))
        facts = {"with_whom": with_whom, "gains": gains, "level": LEVELS[asked.level][1], "level_of": level_of}
    elif asked.way == "link":
        facts = {"opens": _sensible(lambda: foresee_link(tree, seen.path, _wish(seen, asked)[0]))}
    return render_template("giving/preview.html", **_page(seen), asked=asked, written=request.form, **facts)


def _sensible(try_it: Callable[[], Any]) -> Any:
    """Raises Wrong for what the door finds senseless."""
    try:
        return try_it()
    except ValueError:
        raise Wrong(N_("This does not make sense as it stands. Please check what you have written.")) from None


def _wish(seen: Seen, asked: Asked) -> tuple[LinkWish, str, str]:
    """What is asked of the door, and what is told once: token and password."""
    ground = visit().ground
    password = "-".join("".join(secrets.choice(WORD_LETTERS) for _ in range(4)) for _ in range(4))
    secret = ground.links.new_secret(password if asked.locked else None)
    sealer = visit().tree.forest.sealer(seen.share)
    wish = LinkWish(
        secret.digest,
        LinkKind.DROP if asked.way == "drop" else LinkKind.LINK,
        _link_rights(asked),
        max_class=asked.most,
        end=asked.end,
        uses=asked.uses,
        password=secret.password,
        label=sealer.seal(asked.label, label_place(secret.digest)) if asked.label else None,
    )
    return wish, secret.token, password if asked.locked else ""


def _link_rights(asked: Asked) -> Rights:
    if asked.way == "drop":
        return Rights.BIND
    return LINK_LEVELS[asked.level][0] | (Rights.COMMENT if asked.letters else Rights.NONE)


def _share(seen: Seen, asked: Asked) -> Any:
    rights = LEVELS[asked.level][0]
    _sensible(lambda: visit().tree.share_inside(seen.path, asked.receiver, rights, asked.start, asked.end))
    return redirect(url_for("giving.mine", getan="shared"), 303)


def _link(seen: Seen, asked: Asked) -> Any:
    """The address is shown once: only its hash is kept."""
    wish, token, password = _wish(seen, asked)
    _sensible(lambda: visit().tree.make_link(seen.path, wish))
    page, drive = link_urls(origin(), token)
    return render_template("giving/made.html", **_page(seen), asked=asked, url=page, drive=drive, password=password)
