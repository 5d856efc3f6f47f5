"""explain, who-can, simulate: who may do what, why, and what a declaration would change about it."""

from __future__ import annotations

import argparse
from pathlib import Path

from sqlalchemy import select

from acl.principals import Channel, Principal, PrincipalKind
from acl.privileges import rights_words
from acl.sentences import sentence
from davserver.commands.spot import looking, when
from davserver.commands.workspace import Refused, Subparsers, Workspace, command, table
from davserver.declarations import read_declaration
from davserver.schema import account
from davserver.simulating import simulate as simulated


def register(commands: Subparsers, common: argparse.ArgumentParser) -> None:
    explaining = command(commands, "explain", explain, "what somebody may do there, and why", common)
    explaining.add_argument("user", metavar="USER")
    asking = command(commands, "who-can", who_can, "who may do what there", common)
    for parser in (explaining, asking):
        parser.add_argument("path", metavar="PATH")
        parser.add_argument("--at", metavar="T", help="at this instant instead of now")
    trying = command(commands, "simulate", simulate, "who would gain and lose what if FILE were applied", common)
    trying.add_argument("file", metavar="FILE", type=Path)


def explain(workspace: Workspace) -> int:
    """Every right with its decision, reason codes and the sentences that they stand for."""
    asked = workspace.arguments
    with looking(workspace) as spot:
        row = spot.connection.execute(select(account).where(account.c.user == asked.user)).one_or_none()
        if row is None:
            raise Refused(f"there is no account {asked.user}; see: davserver user list")
        principal = Principal(PrincipalKind.USER, asked.user, admin=row.admin)
        at = when(asked.at, "--at", spot.house.clock()) or spot.house.clock()
        decisions = spot.house.engine.explain(spot.rules, principal, at, Channel.DAV, spot.lineage)
        active, kept = row.active, spot.rules.held_within(spot.lineage, at)
    facts = [
        {
            "right": " ".join(rights_words(right)),
            "allowed": decision.allowed,
            "reasons": decision.reasons,
            "because": [sentence(code, "en") for code in decision.reasons],
        }
        for right, decision in decisions
    ]
    words = [
        (" ".join(rights_words(right)), "yes" if decision.allowed else "no", ", ".join(decision.reasons))
        for right, decision in decisions
    ]
    codes = dict.fromkeys(code for _, decision in decisions for code in decision.reasons)
    lines = [*table(words), "", *table([(code, sentence(code, "en")) for code in codes])]
    if kept:
        lines += ["", "a legal hold is on it or on something in it: it cannot be removed, moved or renamed"]
    if not active:
        lines.insert(0, f"the account {asked.user} is disabled; if it were not:")
    workspace.answer({"user": asked.user, "active": active, "at": at, "held": kept, "rights": facts}, lines)
    return 0 if any(decision.allowed for _, decision in decisions) else 1


def who_can(workspace: Workspace) -> int:
    """Every active account that may do something there."""
    with looking(workspace) as spot:
        users = spot.connection.execute(select(account).where(account.c.active).order_by(account.c.user)).all()
        at = when(workspace.arguments.at, "--at", spot.house.clock()) or spot.house.clock()
        may: dict[str, tuple[str, ...]] = {}
        for row in users:
            principal = Principal(PrincipalKind.USER, row.user, admin=row.admin)
            granted = spot.house.engine.granted(spot.rules, principal, at, Channel.DAV, spot.lineage)
            if granted.rights:
                may[row.user] = rights_words(granted.rights)
    workspace.answer(may, table([(user, " ".join(words)) for user, words in may.items()]))
    return 0 if may else 1


def simulate(workspace: Workspace) -> int:
    """Nothing is changed; by person and path, what he would gain and lose now."""
    declaration = read_declaration(workspace.arguments.file)
    with workspace.house() as house, workspace.progress("simulating"):
        changes, shifts = simulated(house, declaration, workspace.by)
    facts = [
        {
            "person": shift.user,
            "path": shift.path,
            "gains": rights_words(shift.gains),
            "loses": rights_words(shift.loses),
        }
        for shift in shifts
    ]
    words = [
        (
            shift.user,
            shift.path,
            f"gains {' '.join(rights_words(shift.gains))}" if shift.gains else "",
            f"loses {' '.join(rights_words(shift.loses))}" if shift.loses else "",
        )
        for shift in shifts
    ]
    lines = [*changes, *table(words)] if shifts else [*changes, "nobody would gain or lose anything now"]
    workspace.answer({"changes": changes, "rights": facts}, lines)
    return 0
