"""Rights given or denied by hand: at one folder or document, and all of a committee; each first looked at."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask import Blueprint, render_template, request, url_for
from werkzeug.datastructures import MultiDict

from acl.entries import Entry
from acl.privileges import denied_words, parse_rights, rights_words
from davserver.portal.browsing import address_of
from davserver.portal.desk.deciding import Said, decide
from davserver.portal.desk.meetings import office
from davserver.portal.fields import Wrong, number_of, window_of
from davserver.portal.ground import visit
from davserver.portal.language import N_
from davserver.tree.entitling import ALL, SIGNED_IN, Entries
from davserver.tree.finding import Finding
from davserver.tree.seen import Impossible

pages = Blueprint("entitling", __name__)

GIVE, DENY, INBOX, SINGLE = "give", "deny", "inbox", "single"
WAYS = {
    GIVE: N_("May do this"),
    DENY: N_("May not do this, whatever else gives it"),
    INBOX: N_("May add something, and do this to what he or she has brought"),
}
"""How an entry speaks, for people."""
LEVELS: Mapping[str, tuple[tuple[str, ...], str]] = {
    "view": (("view",), N_("only look at it here")),
    "read": (("read",), N_("read and download")),
    "comment": (("read", "comment"), N_("read and comment")),
    "write": (("read", "comment", "write"), N_("read and change")),
    SINGLE: ((), N_("the rights that are ticked below")),
}
"""What is usually given: its word, the rights in words of the commands, and how people call it."""
RIGHT_NAMES = {
    "discover": N_("see that it is there"),
    "view": N_("look at it here"),
    "read": N_("download it"),
    "comment": N_("comment on it"),
    "write-content": N_("change the content"),
    "write-properties": N_("change what programs note about it"),
    "bind": N_("add something"),
    "unbind": N_("rename, move and delete what lies in it"),
    "share": N_("share it with colleagues"),
    "link": N_("pass it on outside by a link"),
    "classify": N_("change class and dates"),
    "recuse": N_("record exclusions"),
    "unlock": N_("break locks"),
    "read-acl": N_("see who has which rights"),
    "write-acl": N_("give and take rights"),
}
"""Single rights for people; who has read what is the auditors' (`read-log`), and no desk gives it."""
MORE_NAMES = {"write": N_("change everything in it"), "all": N_("everything"), "read-log": N_("see who has read what")}
"""Words besides, with which sets of rights are told."""
EVERYBODY = {SIGNED_IN: N_("All who are signed in"), ALL: N_("Everybody, also without an account")}
REFUSED = N_("This entry makes no sense, or it would give something to yourself. Nothing has been changed.")


@pages.get("/rechte/<share>/<int:node>")
def at(share: str, node: int) -> Any:
    """What was given by hand at one folder or document, and a form for more."""
    return _page(Entries(office(share)), node)


def _page(entries: Entries, node: int, **facts: Any) -> Any:
    paper, finding = entries.paper(node), Finding(visit().tree)
    visit().noted(paper.seen)
    facts.setdefault("given", MultiDict())
    committees, offices, people = entries.receivers()
    return render_template(
        "desk/entries.html",
        desk=entries.office,
        own=paper,
        above=finding.describe(finding.above(paper.seen)),
        entries=entries.standing(shared=False, node=node),
        groups=((N_("Offices of this committee"), offices), (N_("People"), people), (N_("Committees"), committees)),
        everybody=EVERYBODY,
        ways=WAYS,
        levels=LEVELS,
        rights=RIGHT_NAMES,
        told=told,
        address=address_of,
        done=request.args.get("getan", ""),
        **facts,
    )


def told(entry: Entry) -> list[str]:
    """The rights of an entry, one text each, still to be translated."""
    words = denied_words(entry.rights) if entry.deny else rights_words(entry.rights)
    return [(RIGHT_NAMES | MORE_NAMES).get(word, word) for word in words]


@pages.post("/rechte/<share>/<int:node>")
def give(share: str, node: int) -> Any:
    """Give or deny; first who gains and loses what."""
    entries, form = Entries(office(share)), request.form
    back = url_for("entitling.at", share=share, node=node)
    try:
        said = Said(N_("Rights given by hand"), entries.paper(node).title)
        return decide(entries.giving(_entry(node, form)), said, back, "given")
    except Wrong as wrong:
        return _page(entries, node, problem=str(wrong), given=form), 400
    except Impossible:
        return _page(entries, node, problem=REFUSED, given=form), 409


def _entry(node: int, form: MultiDict[str, str]) -> Entry:
    """What the form wishes. Raises Wrong."""
    way, level, cuts = form.get("way", ""), form.get("level", ""), bool(form.get("cut"))
    if way not in WAYS or level not in LEVELS or not form.get("whom"):
        raise Wrong(N_("Choose who it is about, and what that person may do."))
    words = LEVELS[level][0] or tuple(word for word in form.getlist("right") if word in RIGHT_NAMES)
    if not words and not cuts:
        raise Wrong(N_("Tick at least one right."))
    start, end = window_of(form)
    rights = parse_rights(words, deny=way == DENY)
    return Entry(node, form["whom"], rights, way == DENY, cuts, start, end, drop_own=way == INBOX)


@pages.post("/rechte/<share>/<int:node>/zuruecknehmen")
def take_back(share: str, node: int) -> Any:
    """Take an entry back; first who gains and loses what."""
    entries, back = Entries(office(share)), url_for("entitling.at", share=share, node=node)
    said = Said(N_("Take the rights back"), entries.paper(node).title)
    return decide(entries.taking_back(number_of(request.form.get("entry", ""))), said, back, "taken")


@pages.get("/geschaeftsstelle/<share>/rechte")
def everywhere(share: str) -> Any:
    """All that was given by hand in a committee's drive."""
    desk = office(share)
    facts = {"entries": Entries(desk).standing(shared=False), "everybody": EVERYBODY, "told": told}
    return render_template("desk/given.html", desk=desk, address=address_of, **facts)
