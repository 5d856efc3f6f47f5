"""check, gc, audit: is everything whole, what can go, what has happened."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

from davserver.audit import RIGHTS_ACTS
from davserver.commands.workspace import Refused, Subparsers, Workspace, command, group, table
from davserver.heads import heads_in, written
from davserver.house import House
from davserver.instants import shown
from davserver.upkeep import note_check, tidy
from shareproviders.contract import Upkeep

DAMAGED = 3


def register(commands: Subparsers, common: argparse.ArgumentParser) -> None:
    command(commands, "check", check, "verify every stored byte, reference and sum; repairs nothing", common)
    command(commands, "gc", gc, "let go of old trash and versions, and of what nothing names", common)
    audit = group(commands, "audit", "the log of who did what")
    verifying = command(audit, "verify", verify, "check the chain of the log", common)
    about = "also against the heads that this log file tells, of syslog or of the server"
    verifying.add_argument("--heads", metavar="FILE", type=Path, help=about)
    command(audit, "head", head, "print number and hash of the newest line, to be kept elsewhere", common)
    showing = command(audit, "show", show, "print the newest lines", common)
    showing.add_argument("--who", metavar="KEY", help="only of this principal, such as user:anna")
    showing.add_argument("--share", metavar="ID", help="only in this drive")
    showing.add_argument("--rights", action="store_true", help="only what changed who may see what")
    showing.add_argument("--limit", metavar="N", type=int, default=100)


def check(workspace: Workspace) -> int:
    """Exit code 3 if anything is damaged; prints node ids, never names."""
    found: list[dict[str, object]] = []
    with workspace.house() as house:
        for share, provider in _upkeep(house):
            with workspace.progress(f"checking {share}"):
                found += [
                    {"share": share, "node": finding.node_id, "problem": finding.problem}
                    for finding in provider.check()
                ]
        _, broken = house.audit.verify()
        if broken is not None:
            found.append({"share": "", "node": 0, "problem": f"audit log, line {broken.seq}: {broken.problem}"})
        note_check(house, len(found), workspace.by)
    lines = [" ".join(str(part) for part in finding.values() if part) for finding in found]
    workspace.answer({"findings": found}, lines or ["everything is whole"])
    return DAMAGED if found else 0


def gc(workspace: Workspace) -> int:
    """Can be stopped and started again at any point."""
    with workspace.house() as house:
        with workspace.progress("tidying"):
            done = tidy(house, workspace.by)
        house.database.checkpoint()
    lines = [
        f"{share}: {done.orphans.get(share, 0)} removed that nothing names,"
        f" {done.trash.get(share, 0)} out of the trash, {done.versions.get(share, 0)} versions"
        for share in sorted({share for part in done for share in part})
    ]
    facts = {"removed": done.orphans, "trash": done.trash, "versions": done.versions}
    workspace.answer(facts, lines or ["nothing to remove"])
    return 0


def _upkeep(house: House) -> Iterator[tuple[str, Upkeep]]:
    for share, provider in house.stores().items():
        if isinstance(provider, Upkeep):
            yield share, provider


def verify(workspace: Workspace) -> int:
    asked, known = workspace.arguments, []
    if asked.heads is not None:
        with asked.heads.open(encoding="utf-8", errors="replace") as file:
            known = list(heads_in(file))
        if not known:
            raise Refused(f"{asked.heads} tells no head; look for lines with audit-head")
    with workspace.house() as house:
        count, broken = house.audit.verify(known)
    if broken is None:
        workspace.answer({"lines": count, "broken": None}, [f"{count} lines, the chain holds"])
        return 0
    facts = {"lines": count, "broken": {"line": broken.seq, "problem": broken.problem}}
    workspace.answer(facts, [f"line {broken.seq}: {broken.problem}; {count} lines before it hold"])
    return DAMAGED


def head(workspace: Workspace) -> int:
    with workspace.house() as house:
        newest = house.audit.head()
    workspace.answer({"line": newest.seq, "hash": newest.hash.hex()}, [written(newest)])
    return 0


def show(workspace: Workspace) -> int:
    asked = workspace.arguments
    with workspace.house() as house:
        acts = RIGHTS_ACTS if asked.rights else None
        rows = list(house.audit.show(who=asked.who, share=asked.share, acts=acts, limit=asked.limit))
    words = [
        (
            str(row["seq"]),
            shown(row["at"]),
            row["who"],
            row["what"],
            row["share"],
            str(row["node"] or ""),
            row["result"],
            row["detail"],
        )
        for row in rows
    ]
    workspace.answer(rows, table(words))
    return 0 if rows else 1
