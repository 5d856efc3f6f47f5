"""backup, restore, key, rotate-keys: what must be there when the machine is gone, and what must not be."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from davserver.backups import back_up
from davserver.commands.workspace import Refused, Subparsers, Workspace, command, group
from davserver.filelocks import END_PATIENCE, PATIENCE
from davserver.instants import shown
from davserver.keys import SHEET_LINES, confirm_root_key, is_confirmed, sheet_of
from davserver.restoring import restore as put_back
from davserver.rotating import rotate_committee, rotate_root


def register(commands: Subparsers, common: argparse.ArgumentParser) -> None:
    backing = command(commands, "backup", backup, "copy everything as it stands now, while the server runs", common)
    backing.add_argument("target", metavar="DIR", type=Path, help="a new or empty directory, best on another disk")
    restoring = command(commands, "restore", restore, "make a new data directory of a backup", common)
    restoring.add_argument("source", metavar="DIR", type=Path, help="what `backup` made")
    rotating = command(commands, "rotate-keys", rotate_keys, "a new root key, also while the server runs", common)
    rotating.add_argument("--committee", metavar="ID", help="a new key for this committee, while no server runs")
    rotating.add_argument("--wait", action="store_true", help="with --committee: until the server has stopped")
    keys = group(commands, "key", "the root key and its recovery sheet")
    command(keys, "show", show, "print the recovery sheet of the root key", common)
    command(keys, "confirm", confirm, "compare what was typed from the sheet with the root key", common)


def backup(workspace: Workspace) -> int:
    target: Path = workspace.arguments.target
    if workspace.key.absolute().is_relative_to(workspace.directory.absolute()):
        raise Refused("the root key lies in the data directory and would be in the backup; move it elsewhere")
    with workspace.house() as house:
        if not is_confirmed(house.database.read, house.keys.root().id):
            workspace.warn(
                "nobody has confirmed that the recovery sheet of this root key exists; without the key this backup is"
                " worth nothing: davserver key show, then davserver key confirm"
            )
        with workspace.progress(f"backing up to {target}"):
            made = back_up(house, target, workspace.by)
    for share in made.left_out:
        workspace.warn(f"the files of {share} lie in a plain directory and are not in the backup; copy them yourself")
    lines = [f"{target}: everything as of {shown(made.at)}, {made.blobs} files of documents, {made.bytes} bytes"]
    workspace.answer({"directory": str(target), **made._asdict()}, lines)
    return 0


def restore(workspace: Workspace) -> int:
    source: Path = workspace.arguments.source
    with workspace.progress(f"restoring {source}"):
        done = put_back(source, workspace.directory, workspace.key, workspace.settings(), workspace.by)
    since = shown(done.backup.at)
    workspace.warn(
        f"what was changed after {since} is missing, also changes of rights, passwords and accounts: disable again"
        " whoever was disabled since, give new passwords again, apply the newest committees.toml"
    )
    for share in done.backup.left_out:
        workspace.warn(f"the files of {share} were not in the backup: put its directory back, hidden folders too")
    lines = [
        f"{workspace.directory}: everything as of {since}, {done.backup.blobs} files of documents, all read and whole",
        f"{done.links} links and {done.app_passwords} app passwords sleep: some may have been revoked since",
        "wake those that nobody revoked: davserver link list, link wake ID, app-password list, app-password wake ID",
        "everybody signs in anew, and drives that keep in step look through everything once",
    ]
    facts = {"at": done.at, "backup": done.backup._asdict(), "links": done.links, "app_passwords": done.app_passwords}
    workspace.answer(facts, lines)
    return 0


def rotate_keys(workspace: Workspace) -> int:
    """Can be stopped and started again at any point."""
    committee = workspace.arguments.committee
    if committee is not None:
        patience = END_PATIENCE if workspace.arguments.wait else PATIENCE
        with (
            workspace.house(alone=True, patience=patience) as house,
            workspace.progress(f"changing the key of {committee}"),
        ):
            rotate_committee(house, committee, workspace.by)
        workspace.answer({"committee": committee}, [f"all of {committee} is sealed under a new key"])
        return 0
    with workspace.house() as house, workspace.progress("changing the root key"):
        done = rotate_root(house, workspace.by)
    first = "finished a rotation that was interrupted" if done.was_interrupted else "wrapped all keys anew"
    lines = [
        f"{first}; {workspace.key} now holds root key {done.key_id}",
        f"{done.kept} is the former one. Backups made before today need it; destroy it together with them.",
        "Print the new recovery sheet: davserver key show, then davserver key confirm",
    ]
    workspace.answer({"id": done.key_id, "former": str(done.kept), "finished": done.was_interrupted}, lines)
    return 0


def show(workspace: Workspace) -> int:
    """To be printed or written down by hand, and kept apart from data and backups."""
    with workspace.house() as house:
        key = house.keys.root()
    digits = sheet_of(key)
    lines = [
        f"Recovery sheet of the root key {key.id} for {workspace.directory.absolute()}",
        "",
        *(f"  {number}:  {line}" for number, line in enumerate(digits, 1)),
        "",
        "To use it: write the four lines, without their numbers, into a file of mode 0400 and name it with --key.",
        "Whoever has this sheet and the data can read everything. Lock it away, apart from data and backups.",
        "Then type it back once: davserver key confirm",
    ]
    workspace.answer({"id": key.id, "lines": digits}, lines)
    return 0


def confirm(workspace: Workspace) -> int:
    """Standard input: the four lines as the sheet has them."""
    if sys.stdin.isatty():
        print("Type the four lines of the sheet, without their numbers:", file=sys.stderr)
    typed = [sys.stdin.readline() for _ in range(SHEET_LINES)]
    with workspace.house() as house:
        key = house.keys.root()
        wrong = [
            number
            for number, (line, wanted) in enumerate(zip(typed, sheet_of(key), strict=True), 1)
            if "".join(line.split()).lower() != "".join(wanted.split())
        ]
        if wrong:
            raise Refused(f"line {wrong[0]} is not that of this root key; look at the sheet again")
        with house.database.transaction() as connection:
            confirm_root_key(connection, key.id)
            house.audit.note(connection, workspace.by, "key-confirm", detail=key.id)
    workspace.answer({"id": key.id}, [f"the sheet of root key {key.id} is right"])
    return 0
