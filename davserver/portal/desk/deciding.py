"""Two clicks for whatever changes rights: who gains and loses what, then the deed (portal.md §7, §8)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from flask import redirect, render_template, request

from davserver.labelling import Outcome
from davserver.portal.ground import visit
from davserver.portal.guarding import FORM_FIELD
from davserver.tree.acts import Act

YES = "yes"


class Said(NamedTuple):
    """How the page of a decision tells what is to happen."""

    title: str
    """Still to be translated."""
    about: str = ""
    """Whom or what it is about: a name, for people."""
    warning: str = ""
    """Still to be translated."""


def outcome_of(outcome: object) -> str:
    """What was done, where it may wait for a second person."""
    return "proposed" if isinstance(outcome, Outcome) and outcome.proposal is not None else "relabelled"


def decide(act: Act, said: Said, back: str, done: str | Callable[[object], str]) -> Any:
    """First who would gain and lose what; with a yes to that, done, and back to the page that it came from.

    `done` names what was done, or says so by what came of it. Raises what the act raises, both times.
    """
    if request.form.get(YES):
        outcome = act.carry_out()
        return redirect(f"{back}?getan={done if isinstance(done, str) else done(outcome)}", 303)
    fields = [(name, value) for name, value in request.form.items(multi=True) if name not in (FORM_FIELD, YES)]
    later = act.at if act.at is not None and act.at > visit().ground.clock() else None
    facts = {"said": said, "back": back, "fields": fields, "gains": act.foresee(), "later": later}
    return render_template("desk/decide.html", desk=act.office, **facts)
