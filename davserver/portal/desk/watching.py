"""What is locked, shared, linked and excluded in a committee, each with its end; and what has been changed."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, render_template, request, url_for

from davserver.portal.browsing import address_of
from davserver.portal.desk.deciding import Said, decide
from davserver.portal.desk.entitling import told
from davserver.portal.desk.meetings import office
from davserver.portal.fields import number_of
from davserver.portal.language import N_
from davserver.tree.entitling import Entries
from davserver.tree.excluded import ExcludedPeople
from davserver.tree.watching import Locked, Opened, Watching

pages = Blueprint("watching", __name__)

LINES = 200
ACTS = {
    "put": N_("saved"),
    "make": N_("made a folder"),
    "delete": N_("deleted"),
    "move": N_("moved or renamed"),
    "copy": N_("copied"),
    "restore": N_("brought back"),
    "replace": N_("replaced"),
    "lock": N_("opened for editing"),
    "unlock": N_("closed after editing, or broke a lock"),
    "acl": N_("changed rights"),
    "label": N_("changed class or dates"),
    "propose": N_("proposed a lower class"),
    "approve": N_("said yes to a lower class"),
    "release": N_("has released"),
    "withdraw": N_("withdrew"),
    "agenda": N_("worked on the agenda"),
    "apply": N_("changed people or the committee"),
    "committee": N_("changed what holds in the whole drive"),
    "recuse": N_("recorded an exclusion"),
    "recusal-end": N_("lifted an exclusion"),
    "hold": N_("set a legal hold"),
    "hold-end": N_("ended a legal hold"),
    "entry-add": N_("gave rights by hand"),
    "entry-remove": N_("took rights back"),
    "mandate-end": N_("ended an office"),
    "pledge": N_("recorded a pledge of secrecy"),
    "share": N_("shared with colleagues"),
    "unshare": N_("took a share back"),
    "link": N_("opened a link to people outside"),
    "link-revoke": N_("ended a link"),
    "binding-add": N_("assigned a paper to one more agenda item"),
    "binding-remove": N_("took a paper from an agenda item"),
    "user-add": N_("entered a person"),
    "user-change": N_("changed a name or an address"),
    "user-disable": N_("ended an access"),
    "purge": N_("destroyed for good"),
    "properties": N_("changed what programs note"),
}
"""What was done, for people; what is not named stands as the log has it."""


@pages.get("/geschaeftsstelle/<share>/sperren")
def locks(share: str) -> Any:
    """What somebody has open."""
    desk, done = office(share), request.args.get("getan", "")
    return render_template("desk/locks.html", desk=desk, locks=Watching(desk).locks(), address=address_of, done=done)


@pages.post("/geschaeftsstelle/<share>/sperren")
def break_lock(share: str) -> Any:
    """Break a lock; first whose it is: whoever has it open may lose what he has not saved."""
    room = Watching(office(share))
    held = room.lock(request.form.get("lock", ""))
    said = Said(N_("Break the lock"), _about(held), N_("What was not saved is lost. It stands in the log who did it."))
    return decide(room.breaking(held), said, url_for("watching.locks", share=share), "broken")


def _about(thing: Locked | Opened) -> str:
    """Of what, and whose."""
    return ", ".join(part for part in (thing.paper.title, thing.name) if part)


@pages.get("/geschaeftsstelle/<share>/freigaben")
def links(share: str) -> Any:
    """What is open to people outside, and what colleagues have shared with one another."""
    desk, done = office(share), request.args.get("getan", "")
    facts = {"links": Watching(desk).links(), "shares": Entries(desk).standing(shared=True)}
    return render_template("desk/links.html", desk=desk, told=told, address=address_of, done=done, **facts)


@pages.post("/geschaeftsstelle/<share>/freigaben")
def end_link(share: str) -> Any:
    """End a link or drop, whoever made it; first which one it is."""
    room, number = Watching(office(share)), number_of(request.form.get("link", ""))
    said = Said(N_("End the link"), _about(room.link(number)), N_("It opens nothing any more, to whoever has it."))
    return decide(room.ending_link(number), said, url_for("watching.links", share=share), "ended")


@pages.post("/geschaeftsstelle/<share>/freigaben/intern")
def end_share(share: str) -> Any:
    """End what somebody has shared with colleagues; first who loses what."""
    entries, number = Entries(office(share)), number_of(request.form.get("entry", ""))
    back = url_for("watching.links", share=share)
    return decide(entries.taking_back(number), Said(N_("Take a share back")), back, "taken")


@pages.get("/geschaeftsstelle/<share>/ausschluesse")
def exclusions(share: str) -> Any:
    """Who is excluded from what for personal involvement."""
    desk, done = office(share), request.args.get("getan", "")
    return render_template(
        "desk/exclusions.html", desk=desk, listed=ExcludedPeople(desk).listed(), address=address_of, done=done
    )


@pages.post("/geschaeftsstelle/<share>/ausschluesse")
def lift(share: str) -> Any:
    """End the exclusion of somebody else; first who gains what."""
    people, number = ExcludedPeople(office(share)), number_of(request.form.get("recusal", ""))
    back = url_for("watching.exclusions", share=share)
    return decide(people.lifting(number), Said(N_("Lift an exclusion")), back, "lifted")


@pages.get("/geschaeftsstelle/<share>/verlauf")
def log(share: str) -> Any:
    """What has been changed; all of it, or only what changed who may see what."""
    desk, only = office(share), request.args.get("nur", "") == "rechte"
    lines = Watching(desk).happened(LINES, only_rights=only)
    return render_template("desk/log.html", desk=desk, lines=lines, only=only, acts=ACTS, address=address_of)
