"""Who is in the committee: people entered, offices given and ended, pledges of secrecy, letters for passwords."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, time
from typing import Any

from flask import Blueprint, redirect, render_template, request, url_for

from davserver.instants import instant
from davserver.letters import MAIL_SUBJECT, letters, mail
from davserver.login import clean_user
from davserver.mailing import MailRefused
from davserver.portal.desk.deciding import Said, decide
from davserver.portal.desk.meetings import office
from davserver.portal.fields import Wrong, day_of, number_of, today, window_of
from davserver.portal.ground import origin, visit
from davserver.portal.language import N_
from davserver.portal.reading import attachment
from davserver.tree.acts import Act
from davserver.tree.members import Members
from davserver.tree.roster import NewPerson, Roster
from davserver.tree.seen import Impossible
from shareproviders.contract import NotFound

pages = Blueprint("people", __name__)

LONGEST_NAME, LONGEST_ADDRESS = 200, 254  # RFC 5321 §4.5.3.1.3: a path of 256 octets holds 254 of address
NO_SUCH = N_("There is no such account, the end lies before the begin, or it is your own. Nothing has been changed.")
NOT_SENT = N_("The mail could not be sent. Please print a letter.")


@pages.get("/geschaeftsstelle/<share>/personen")
def roster(share: str) -> Any:
    """All who hold an office, and the forms for others."""
    return _roster(Roster(office(share)))


def _roster(roster: Roster, **facts: Any) -> Any:
    facts.setdefault("done", request.args.get("getan", ""))
    return render_template(
        "desk/people.html",
        desk=roster.office,
        holders=roster.holders(),
        roles=roster.roles(),
        coming=roster.coming(),
        today=today(),
        **facts,
    )


def _asked(roster: Roster, form: str, act: Callable[[], Act], said: Said, done: str) -> Any:
    """Decide about what one of the forms wishes; where that makes no sense, the form again with what was typed."""
    back = url_for("people.roster", share=roster.office.share)
    try:
        return decide(act(), said, back, done)
    except Wrong as wrong:
        return _roster(roster, problem=str(wrong), wrong=form, given=request.form, done=""), 400
    except Impossible:
        return _roster(roster, problem=NO_SUCH, wrong=form, given=request.form, done=""), 409


@pages.post("/geschaeftsstelle/<share>/personen")
def appoint(share: str) -> Any:
    """Give somebody an office who has an account already."""
    roster, form = Roster(office(share)), request.form

    def act() -> Act:
        start, end = window_of(form)
        if start is None:
            raise Wrong(N_("Please enter the day from which it holds."))
        return roster.appointing(clean_user(form.get("user", "")), form.get("role", ""), start, end)

    return _asked(roster, "give", act, Said(N_("Give an office"), form.get("user", "")), "appointed")


@pages.post("/geschaeftsstelle/<share>/personen/neu")
def enter(share: str) -> Any:
    """Enter somebody who has no account yet, with an office; then a letter brings him his first password."""
    roster, form = Roster(office(share)), request.form

    def act() -> Act:
        start, end = window_of(form)
        if start is None:
            raise Wrong(N_("Please enter the day from which it holds."))
        new = NewPerson(form.get("user", "").strip(), *_described(form.get("name", ""), form.get("email", "")))
        return roster.entering(new, form.get("role", ""), start, end)

    return _asked(roster, "new", act, Said(N_("Enter a new person"), form.get("name", "")), "entered")


@pages.post("/geschaeftsstelle/<share>/personen/vertreten")
def stand_in(share: str) -> Any:
    """An office for one meeting."""
    roster, form = Roster(office(share)), request.form
    user, role = form.get("user", ""), form.get("role", "")
    said = Said(N_("Stand in for one meeting"), roster.holder(user).name)
    return _asked(roster, "deputy", lambda: roster.standing_in(user, role, form.get("meeting", "")), said, "appointed")


@pages.post("/geschaeftsstelle/<share>/personen/beenden")
def dismiss(share: str) -> Any:
    """End somebody's office, now or after a day."""
    roster, form = Roster(office(share)), request.form
    user, role, start = [*form.get("office", "").split("/"), "", ""][:3]

    def act() -> Act:
        return roster.dismissing(user, role, number_of(start), window_of(form)[1])

    return _asked(roster, "end", act, Said(N_("End the office"), roster.holder(user).name), "dismissed")


@pages.post("/geschaeftsstelle/<share>/personen/verpflichten")
def pledge(share: str) -> Any:
    """Somebody has pledged secrecy, today or on a day before."""
    roster, form = Roster(office(share)), request.form
    user = form.get("user", "")

    def act() -> Act:
        day = day_of(form, "day")
        at = roster.office.house.clock() if day in (None, today()) else instant(datetime.combine(day, time()))
        return roster.pledging(user, at)

    return _asked(roster, "pledge", act, Said(N_("Has pledged secrecy"), roster.holder(user).name), "pledged")


@pages.post("/geschaeftsstelle/<share>/personen/angaben")
def describe(share: str) -> Any:
    """Another name or address for mail; nobody's rights change by that."""
    roster, form = Roster(office(share)), request.form
    try:
        name, email = _described(form.get("name", ""), form.get("email", ""))
    except Wrong as wrong:
        return _roster(roster, problem=str(wrong), wrong="describe", given=form, done=""), 400
    Members(roster).describe(form.get("user", ""), name, email)
    return redirect(url_for("people.roster", share=share, getan="described"), 303)


def _described(name: str, email: str) -> tuple[str, str]:
    """What was typed, without blanks around it. Raises Wrong for an empty name or what cannot be an address."""
    name, email = name.strip(), email.strip()
    if not name or len(name) > LONGEST_NAME or not name.isprintable():
        raise Wrong(N_("Please enter the person's name."))
    local, _, host = email.rpartition("@")
    fits = email.isprintable() and " " not in email and len(email) <= LONGEST_ADDRESS and local and host
    if email and not fits:
        raise Wrong(N_("This cannot be an address for mail."))
    return name, email


@pages.post("/geschaeftsstelle/<share>/personen/zugang")
def end_account(share: str) -> Any:
    """Somebody signs in nowhere any more."""
    roster = Roster(office(share))
    user = request.form.get("user", "")
    warning = N_("The person can no longer sign in anywhere, and all devices and links of that person stop working.")
    said = Said(N_("End the access"), roster.holder(user).name, warning)
    return _asked(roster, "account", lambda: Members(roster).ending(user), said, "account")


@pages.post("/geschaeftsstelle/<share>/personen/brief")
def letter(share: str) -> Any:
    """A letter with a one-time code, as PDF; the code is shown nowhere else."""
    page, until = Members(Roster(office(share))).invite(request.form.get("user", ""))
    body = letters([page], origin(), until)
    return attachment(f"Brief {page.user}.pdf", "application/pdf", len(body), until, iter([body]))


@pages.post("/geschaeftsstelle/<share>/personen/mail")
def mail_code(share: str) -> Any:
    """The same by mail, where the person's address is known."""
    roster, send = Roster(office(share)), visit().ground.send
    if send is None:
        raise NotFound("no mails are sent here")
    page, until, receiver = Members(roster).invite_by_mail(request.form.get("user", ""))
    try:
        send(receiver, MAIL_SUBJECT, mail(page, origin(), until))
    except MailRefused:
        return _roster(roster, problem=NOT_SENT, wrong="mail", given=request.form, done=""), 502
    return redirect(url_for("people.roster", share=share, getan="mailed"), 303)
