"""The command line: one place that reads arguments, runs a command and turns errors into one line and an exit code."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from importlib.metadata import version
from typing import NoReturn

from acl.roles import RoleTableError
from davserver.accounts import AccountProblem
from davserver.backups import NoBackup
from davserver.commands import (
    accounts,
    asking,
    backing,
    demo,
    drives,
    ending,
    holding,
    house,
    inside,
    keeping,
    meetings,
    opening,
    recusing,
    rights,
    sharing,
    watching,
)
from davserver.commands.workspace import Refused, Workspace, WrongUsage
from davserver.house import NoHouse
from davserver.keyed import BadDeclaration
from davserver.keys import KeyProblem
from davserver.migrations import WrongSchema
from davserver.plugins import UnknownPlugin
from davserver.settings import SettingsError
from davserver.tree.seen import DoorError
from shareproviders.contract import BadName, Damaged, ShareError

DONE, REFUSED, WRONG_USAGE, DAMAGED = 0, 1, 2, 3
REFUSALS = (
    AccountProblem,
    BadDeclaration,
    BadName,
    DoorError,
    KeyProblem,
    NoBackup,
    NoHouse,
    OSError,
    Refused,
    RoleTableError,
    SettingsError,
    ShareError,
    UnknownPlugin,
    WrongSchema,
)


class OneLineParser(argparse.ArgumentParser):
    """Says in one line what is wrong with a call, and where help is."""

    def error(self, message: str) -> NoReturn:
        self.exit(WRONG_USAGE, f"{self.prog}: {message}; see {self.prog} --help\n")


def parser() -> argparse.ArgumentParser:
    """All commands of the contract that exist."""
    top = OneLineParser(prog="davserver", description="Gremium, a committee drive", allow_abbrev=False)
    top.add_argument("--version", action="version", version=version("gremium"))
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--data", dest="directory", metavar="DIR", help="data directory (else DAVSERVER_DATA)")
    common.add_argument("--key", metavar="FILE", help="root key (else DAVSERVER_KEY, else DIR.key beside DIR)")
    common.add_argument("--config", metavar="FILE", help="configuration (else davserver.toml in the data directory)")
    common.add_argument("--json", action="store_true", help="answer as JSON")
    commands = top.add_subparsers(title="commands", metavar="COMMAND", required=True)
    rooms = (
        demo,
        house,
        drives,
        accounts,
        meetings,
        rights,
        recusing,
        holding,
        sharing,
        inside,
        opening,
        keeping,
        backing,
        ending,
        asking,
        watching,
    )
    for room in rooms:
        room.register(commands, common)
    return top


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; its exit code: 0 done, 1 refused or nothing found, 2 wrong usage, 3 damage found."""
    os.umask(0o077)
    workspace = Workspace(parser().parse_args(arguments), os.environ)
    run = workspace.arguments.run
    try:
        code: int = run(workspace)
    except WrongUsage as error:
        return _failed(error, WRONG_USAGE)
    except Damaged as error:
        return _failed(error, DAMAGED)
    except REFUSALS as error:
        return _failed(error, REFUSED)
    except KeyboardInterrupt:
        return _failed("stopped", REFUSED)
    return code


def _failed(error: object, code: int) -> int:
    print(f"davserver: {' '.join(str(error).split())}", file=sys.stderr)
    return code
