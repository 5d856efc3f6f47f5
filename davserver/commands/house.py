"""init, serve, upgrade, apply: make a house, run it, keep it up to date, declare who is in it."""

from __future__ import annotations

import argparse
from pathlib import Path

from davserver.commands.spot import on_behalf
from davserver.commands.workspace import Refused, Subparsers, Workspace, command
from davserver.declarations import read_declaration
from davserver.declaring import declare
from davserver.founding import found
from davserver.house import now
from davserver.notices import missing, read_notices
from davserver.settings import read_secret
from davserver.upgrading import upgrade as upgrade_database


def register(commands: Subparsers, common: argparse.ArgumentParser) -> None:
    command(commands, "init", init, "make a data directory, its database and root key", common)
    serving = command(commands, "serve", serve, "run the server", common)
    serving.add_argument("--host", metavar="H", help="address to listen on")
    serving.add_argument("--port", metavar="N", type=int)
    serving.add_argument("--workers", metavar="N", type=int, help="processes")
    serving.add_argument("--server", metavar="NAME", help="HTTP engine")
    serving.add_argument("--tls-cert", metavar="FILE")
    serving.add_argument("--tls-key", metavar="FILE")
    serving.add_argument("--log", metavar="FORM", help="json, or human for people")
    upgrading = command(commands, "upgrade", upgrade, "bring the database to the schema of this program", common)
    upgrading.add_argument("--dry-run", action="store_true", help="only print what would be done")
    applying = command(commands, "apply", apply, "make committees, people and mandates as a file declares them", common)
    applying.add_argument("file", metavar="FILE", type=Path)
    applying.add_argument("--dry-run", action="store_true", help="only print what would change")
    on_behalf(applying)


def init(workspace: Workspace) -> int:
    """Make a house; refuses to overwrite."""
    directory, key = workspace.directory, workspace.key
    for warning in found(directory, key, workspace.by):
        workspace.warn(warning)
    lines = [
        f"made the data directory {directory} and the root key {key}",
        f"Back up the root key apart from the data, for example: cp -p {key} /media/safe/",
        "Without it nothing in the data directory can be read, by nobody, ever.",
    ]
    workspace.answer({"data": str(directory), "key": str(key)}, lines)
    return 0


def serve(workspace: Workspace) -> int:
    """Run the server until SIGTERM."""
    asked = workspace.arguments
    settings = workspace.settings(
        host=asked.host,
        port=asked.port,
        workers=asked.workers,
        server=asked.server,
        tls_cert=asked.tls_cert,
        tls_key=asked.tls_key,
        log=asked.log,
    )
    if not settings.public_url:
        workspace.warn(
            "public_url is not set: links name whatever Host a client sends, and account passwords may open drives;"
            " set it before other people use this server"
        )
    empty = missing(settings)
    if empty:
        workspace.warn(
            f"the law asks for what the portal cannot show yet; set in the configuration: {', '.join(empty)}"
        )
    read_notices(settings, workspace.directory)
    read_secret("oidc_client_secret", settings.oidc_client_secret, workspace.directory)
    # Only this command needs the web stack, which takes longer to load than the others take to run.
    from davserver.app import serve as run  # noqa: PLC0415
    from davserver.metrics import read_token  # noqa: PLC0415
    from davserver.serving import ServingProblem  # noqa: PLC0415

    read_token(settings, workspace.directory)

    try:
        return run(settings, workspace.directory, workspace.key)
    except ServingProblem as problem:
        raise Refused(str(problem)) from problem


def upgrade(workspace: Workspace) -> int:
    """After a copy of the database; what it was can be put back until the new program has written something."""
    asked = workspace.arguments
    with workspace.progress("upgrading"):
        done = upgrade_database(workspace.directory, now, dry_run=asked.dry_run)
    facts = {**done._asdict(), "copy": None if done.copy is None else str(done.copy), "dry_run": asked.dry_run}
    if not done.revisions:
        workspace.answer(facts, [f"schema {done.before} is what this program needs; nothing to do"])
        return 0
    steps = f"from schema {done.before} to {done.after} ({', '.join(done.revisions)})"
    if done.copy is None:
        workspace.answer(facts, [f"would upgrade {steps}"])
        return 0
    with workspace.house() as house, house.database.transaction() as connection:
        house.audit.note(connection, workspace.by, "upgrade", detail=steps)
    lines = [f"upgraded {steps}", f"{done.copy} is the database as it was; remove it once all is well"]
    workspace.answer(facts, lines)
    return 0


def apply(workspace: Workspace) -> int:
    """Declare; applying the same file again changes nothing."""
    declaration = read_declaration(workspace.arguments.file)
    with workspace.house() as house:
        changes = declare(house, declaration, workspace.by, dry_run=workspace.arguments.dry_run)
    verb = "would change" if workspace.arguments.dry_run else "changed"
    facts = {"dry_run": workspace.arguments.dry_run, "changes": changes}
    workspace.answer(facts, [*changes, f"{verb}: {len(changes)}" if changes else "nothing to change"])
    return 0
