"""What sleeps since a restore is named by its ids, or as all of it."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from typing import TypeVar

from davserver.commands.workspace import Refused, Workspace, WrongUsage

Id = TypeVar("Id", int, str)


def which_sleep(parser: argparse.ArgumentParser, what: str) -> None:
    """The arguments of a command that wakes."""
    parser.add_argument("ids", metavar="ID", nargs="*", help=f"of a {what} that sleeps")
    parser.add_argument("--all", action="store_true", help="every one that sleeps")


def how_ended(revoked: int | None, until: int | None, now: int, lulled: Sequence[int]) -> str:
    """One word for a list: why something opens nothing now; empty if it does."""
    if revoked:
        return "asleep" if revoked in lulled else "revoked"
    return "expired" if until and until <= now else ""


def woken(workspace: Workspace, sleeping: Sequence[Id], wake: Callable[[Id], bool]) -> list[Id]:
    """Those that wake now. Raises Refused for one that does not sleep, WrongUsage if none is named."""
    asked = workspace.arguments
    if bool(asked.ids) == asked.all:
        raise WrongUsage("name the ids to wake, or --all")
    known = {str(one): one for one in sleeping}
    for one in asked.ids:
        if one not in known:
            raise Refused(f"{one} does not sleep since a restore; nothing was woken")
    return [one for one in sleeping if (asked.all or str(one) in asked.ids) and wake(one)]
