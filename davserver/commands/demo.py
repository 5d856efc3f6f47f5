"""demo: one command from nothing to a server with people, meetings and papers to try."""

from __future__ import annotations

import argparse
from pathlib import Path

from davserver.commands.workspace import Subparsers, Workspace, command
from davserver.founding import found

DIRECTORY = ".demo/data"


def register(commands: Subparsers, common: argparse.ArgumentParser) -> None:
    trying = command(commands, "demo", demo, "serve two committees with people and documents to try", common)
    trying.add_argument("--port", metavar="N", type=int)


def demo(workspace: Workspace) -> int:
    """Make the directory, or take it up again; then run the server until SIGTERM."""
    from acl.principals import Channel, Principal  # noqa: PLC0415 (only this command needs the web stack)
    from davserver.app import forest_of, serve  # noqa: PLC0415
    from davserver.demo import build, guide  # noqa: PLC0415 (and the document libraries)
    from davserver.tree.locking import GuardedTree  # noqa: PLC0415

    asked = workspace.arguments
    asked.directory = asked.directory or workspace.environment.get("DAVSERVER_DATA") or DIRECTORY
    directory = Path(asked.directory)
    if not directory.exists():
        found(directory, workspace.key, workspace.by)
    with workspace.house() as house:
        forest = forest_of(house)

        def door(principal: Principal) -> GuardedTree:
            return GuardedTree(forest, principal, Channel.PORTAL)

        logins = build(house, door)
    settings = workspace.settings(port=asked.port, log="human")
    workspace.answer([login._asdict() for login in logins], [guide(f"http://{settings.host}:{settings.port}", logins)])
    return serve(settings, directory, workspace.key)
