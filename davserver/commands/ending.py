"""committee delete: the end of a committee, with everything that it ever kept."""

from __future__ import annotations

import argparse
import sys

from davserver.commands.workspace import Refused, Subparsers, Workspace, WrongUsage, command, group
from davserver.ending import StillNeeded, end_committee


def register(commands: Subparsers, common: argparse.ArgumentParser) -> None:
    committees = group(commands, "committee", "committees as a whole; `apply` makes and changes them")
    deleting = command(committees, "delete", delete, "destroy a committee and all that it keeps, for good", common)
    deleting.add_argument("id", metavar="ID")
    deleting.add_argument("--confirm", metavar="ID", help="the same id once more; else it is asked for on a terminal")


def delete(workspace: Workspace) -> int:
    """Nobody can bring it back; backups made before keep it until they are destroyed."""
    asked = workspace.arguments
    again = asked.confirm
    if again is None and sys.stdin.isatty():
        again = input(f"This destroys {asked.id} with all papers, for good. Type its id once more: ").strip()
    if again is None:
        raise WrongUsage(f"this destroys everything that {asked.id} keeps; say so with --confirm {asked.id}")
    if again != asked.id:
        raise Refused(f"{again} is not {asked.id}; nothing was deleted")
    try:
        with workspace.house() as house, workspace.progress(f"deleting {asked.id}"):
            shredded = end_committee(house, asked.id, workspace.by)
    except StillNeeded as problem:
        raise Refused(str(problem)) from None
    if not shredded:
        workspace.warn(f"the files of {asked.id} lie in a plain directory and are still there; remove them yourself")
    workspace.answer({"id": asked.id, "files": shredded}, [f"{asked.id} is destroyed; no key opens any of it any more"])
    return 0
