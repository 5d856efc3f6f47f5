"""user export and user erase: what is stored about one person, told to him and ended (Art. 15 and 17 GDPR)."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection

from davserver.commands.spot import door
from davserver.commands.workspace import Refused, Subparsers, Workspace, WrongUsage, command
from davserver.house import House
from davserver.labelling import active_user
from davserver.personal.erasing import StillBound
from davserver.personal.erasing import erase as erase_person
from davserver.personal.gathering import Gathering
from davserver.personal.report import write

if TYPE_CHECKING:
    from davserver.tree.finding import Finding


def register(users: Subparsers, common: argparse.ArgumentParser) -> None:
    """Into the group `user`."""
    telling = command(users, "export", export, "everything that is stored about a person, for himself", common)
    telling.add_argument("user", metavar="NAME")
    telling.add_argument("--to", metavar="FILE.zip", type=Path, required=True, help="must be new")
    telling.add_argument("--purpose", metavar="TEXT", required=True, help="a word and a file number, for the log")
    erasing = command(users, "erase", erase, "end a person's account and data; records of the body stay", common)
    erasing.add_argument("user", metavar="NAME")
    erasing.add_argument(
        "--confirm", metavar="NAME", help="the same name once more; else it is asked for on a terminal"
    )


def export(workspace: Workspace) -> int:
    """Noted before anything is written; the file is readable for whoever runs the command, and for nobody else."""
    asked = workspace.arguments
    if not asked.purpose.strip():
        raise WrongUsage("say what for, with --purpose")
    with workspace.house() as house:
        with house.database.read() as connection:
            finding = _finding(house, connection, asked.user)
            sections = Gathering(house, connection, asked.user, finding).all()
        with house.database.transaction() as connection:
            house.audit.note(connection, workspace.by, "user-export", detail=f"{asked.user}; {asked.purpose}")
        try:
            write(asked.to, asked.user, sections, house.clock())
        except OSError as error:
            raise Refused(f"{asked.to} cannot be written: {error.strerror}") from None
    counts = {name: len(rows) for name, rows in sections.items()}
    lines = [f"{asked.to}: {sum(counts.values())} facts about {asked.user}; hand it over safely, then delete it"]
    workspace.answer({"user": asked.user, "file": str(asked.to), "facts": counts}, lines)
    return 0


def _finding(house: House, connection: Connection, user: str) -> Finding | None:
    """How he finds papers; None for whom no door opens any more: then papers have numbers only."""
    try:
        principal = active_user(connection, user)
    except ValueError:
        return None
    # As in spot.door: few commands open a door.
    from davserver.tree.finding import Finding  # noqa: PLC0415

    return Finding(door(house, principal))


def erase(workspace: Workspace) -> int:
    """Nobody can bring it back; backups made before keep it until they are destroyed."""
    asked = workspace.arguments
    again = asked.confirm
    if again is None and sys.stdin.isatty():
        again = input(f"This erases all that is {asked.user}'s, for good. Type the name once more: ").strip()
    if again is None:
        raise WrongUsage(f"this erases all that is {asked.user}'s; say so with --confirm {asked.user}")
    if again != asked.user:
        raise Refused(f"{again} is not {asked.user}; nothing was erased")
    try:
        with workspace.house() as house:
            done = erase_person(house, asked.user, workspace.by)
            access, days = house.settings.audit_access_days, house.settings.audit_days
    except StillBound as problem:
        raise Refused(str(problem)) from None
    lines = [
        f"{asked.user} is erased: {done.rows} rows are gone, {done.renamed} records name nobody any more",
        f"{done.log_lines} lines of the log stay: readings and sign-ins for {access} days, changes for {days}",
        "older backups keep what was erased until you destroy them; after restoring one, erase it again",
        "take the name out of committees.toml: `apply` refuses a file that still has it",
    ]
    workspace.answer({"user": asked.user, **done._asdict()}, lines)
    return 0
