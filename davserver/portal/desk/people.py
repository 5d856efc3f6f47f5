"""Who is in the committee: offices given and ended, pledges of secrecy; what is locked, and what has happened."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, redirect, render_template, request, url_for

from davserver.instants import instant
from davserver.letters import MAIL_SUBJECT, letters, mail
from davserver.login import clean_user
from davserver.mailing import MailRefused
from davserver.portal.browsing import address_of
from davserver.portal.desk.meetings import DAY, office
from davserver.portal.ground import origin, visit
from davserver.portal.language import N_
from davserver.portal.reading import attachment
from davserver.tree.office import Impossible
from davserver.tree.roster import Roster
from davserver.tree.watching import Watching
from shareproviders.contract import NotFound

pages = Blueprint("people", __name__)

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
}
"""What was done, for people; what is not named stands as the log has it."""


@pages.get("/geschaeftsstelle/<share>/personen")
def roster(share: str) -> Any:
    return _roster(Roster(office(share)))


def _roster(roster: Roster, **facts: Any) -> Any:
    facts.setdefault("done", request.args.get("getan", ""))
    return render_template(
        "desk/people.html", desk=roster.office, holders=roster.holders(), roles=roster.roles(), **facts
    )


@pages.post("/geschaeftsstelle/<share>/personen")
def appoint(share: str) -> Any:
    """Give somebody an office."""
    roster, form = Roster(office(share)), request.form
    user, begin, end = clean_user(form.get("user", "")), form.get("begin", ""), form.get("end", "")
    dates = [day for day in (begin, end) if day]
    if not begin or not all(DAY.fullmatch(day) for day in dates):
        return _roster(roster, problem="day", given=form, done=""), 400
    try:
        roster.appoint(user, form.get("role", ""), instant(begin), instant(end) if end else None)
    except (Impossible, ValueError):
        return _roster(roster, problem="person", given=form, done=""), 409
    return redirect(url_for("people.roster", share=share, getan="appointed"), 303)


@pages.post("/geschaeftsstelle/<share>/personen/beenden")
def dismiss(share: str) -> Any:
    """End somebody's office now."""
    user, _, role = request.form.get("office", "").partition("/")
    Roster(office(share)).dismiss(user, role)
    return redirect(url_for("people.roster", share=share, getan="dismissed"), 303)


@pages.post("/geschaeftsstelle/<share>/personen/verpflichten")
def pledge(share: str) -> Any:
    """Somebody has pledged secrecy, today."""
    desk = office(share)
    Roster(desk).pledge(request.form.get("user", ""), desk.house.clock())
    return redirect(url_for("people.roster", share=share, getan="pledged"), 303)


@pages.post("/geschaeftsstelle/<share>/personen/brief")
def letter(share: str) -> Any:
    """A letter with a one-time code, as PDF; the code is shown nowhere else."""
    page, until = Roster(office(share)).invite(request.form.get("user", ""))
    body = letters([page], origin(), until)
    return attachment(f"Brief {page.user}.pdf", "application/pdf", len(body), until, iter([body]))


@pages.post("/geschaeftsstelle/<share>/personen/mail")
def mail_code(share: str) -> Any:
    """The same by mail, where the person's address is known."""
    roster, send = Roster(office(share)), visit().ground.send
    if send is None:
        raise NotFound("no mails are sent here")
    page, until, receiver = roster.invite_by_mail(request.form.get("user", ""))
    try:
        send(receiver, MAIL_SUBJECT, mail(page, origin(), until))
    except MailRefused:
        return _roster(roster, problem="mail", done=""), 502
    return redirect(url_for("people.roster", share=share, getan="mailed"), 303)


@pages.get("/geschaeftsstelle/<share>/sperren")
def locks(share: str) -> Any:
    """What somebody has open."""
    desk, done = office(share), request.args.get("getan", "")
    return render_template("desk/locks.html", desk=desk, locks=Watching(desk).locks(), address=address_of, done=done)


@pages.post("/geschaeftsstelle/<share>/sperren")
def break_lock(share: str) -> Any:
    """Break a lock; whoever had it open may lose what he has not saved."""
    Watching(office(share)).break_lock(request.form.get("lock", ""))
    return redirect(url_for("people.locks", share=share, getan="broken"), 303)


@pages.get("/geschaeftsstelle/<share>/freigaben")
def links(share: str) -> Any:
    """What is open to people outside."""
    desk, done = office(share), request.args.get("getan", "")
    return render_template("desk/links.html", desk=desk, links=Watching(desk).links(), address=address_of, done=done)


@pages.post("/geschaeftsstelle/<share>/freigaben")
def end_link(share: str) -> Any:
    """End a link or drop, whoever made it."""
    Watching(office(share)).end_link(request.form.get("link", 0, type=int))
    return redirect(url_for("people.links", share=share, getan="ended"), 303)


@pages.get("/geschaeftsstelle/<share>/verlauf")
def log(share: str) -> Any:
    """What has been changed."""
    desk = office(share)
    lines = Watching(desk).happened(LINES)
    return render_template("desk/log.html", desk=desk, lines=lines, acts=ACTS, address=address_of)
