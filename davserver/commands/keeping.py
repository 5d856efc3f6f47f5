"""trash, version: what was deleted or replaced, seen and brought back through the door as by everybody."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from acl.principals import Principal
from davserver.commands.spot import door, note_acting, on_behalf, principals_for
from davserver.commands.workspace import Refused, Subparsers, Workspace, command, group, share_path, table
from davserver.house import House
from davserver.instants import shown
from davserver.tree.seen import Terms, Thrown
from shareproviders.contract import KeepsTrash
from shareproviders.paths import ROOT, SharePath

if TYPE_CHECKING:
    from davserver.tree.locking import GuardedTree


def register(commands: Subparsers, common: argparse.ArgumentParser) -> None:
    trash = group(commands, "trash", "what was deleted and can come back")
    listing = command(trash, "list", list_trash, "what was deleted there, newest first", common)
    listing.add_argument("path", metavar="COMMITTEE|PATH", nargs="?", help="only beneath this; else in all drives")
    restoring = command(trash, "restore", restore, "bring something back to where it lay", common)
    restoring.add_argument("--to", metavar="PATH", help="elsewhere in the same drive, under this name")
    purging = command(trash, "purge", purge, "destroy something for good", common)
    for parser in (restoring, purging):
        parser.add_argument("share", metavar="COMMITTEE")
        parser.add_argument("id", metavar="ID", type=int, help="as `trash list` tells it")

    versions = group(commands, "version", "earlier versions of documents")
    telling = command(versions, "list", list_versions, "all that are kept, newest first", common)
    returning = command(versions, "restore", restore_version, "make a version the newest one", common)
    showing = command(versions, "show", show_version, "write a version's bytes to standard output", common)
    for parser in (telling, returning, showing):
        parser.add_argument("path", metavar="PATH")
    for parser in (returning, showing):
        parser.add_argument("id", metavar="ID", type=int, help="as `version list` tells it")
    for parser in (listing, restoring, purging, telling, returning, showing):
        on_behalf(parser)


# -- trash --------------------------------------------------------------------------------------------------------


def list_trash(workspace: Workspace) -> int:
    """As one person sees it; without `--as` each drive as its clerk does."""
    where = workspace.arguments.path
    with workspace.house() as house:
        if where is not None:
            share, inner = share_path(where)
            thrown = _tree(workspace, house, share).trashed(SharePath((share, *inner.segments)))
        elif workspace.arguments.acting is not None:
            thrown = _tree(workspace, house, "").trashed(ROOT)
        else:
            thrown = list(_as_clerks(workspace, house))
    facts = [_told(each) for each in thrown]
    words = [
        (
            str(fact["id"]),
            fact["committee"],
            "folder" if fact["folder"] else "document",
            f"{fact['size']} bytes",
            shown(fact["at"]),
            fact["by"],
            fact["path"] or f"…/{fact['name']}",
        )
        for fact in facts
    ]
    workspace.answer(facts, table(words))
    return 0 if facts else 1


def _as_clerks(workspace: Workspace, house: House) -> Iterator[Thrown]:
    for share, provider in house.shares.items():
        if isinstance(provider, KeepsTrash) and _principals(workspace, house, share):
            yield from _tree(workspace, house, share).trashed(SharePath((share,)))


def _told(thrown: Thrown) -> dict[str, Any]:
    return {
        "id": thrown.node.id,
        "committee": thrown.share,
        "name": thrown.node.name,
        "folder": thrown.node.is_collection,
        "size": thrown.node.size,
        "at": thrown.at,
        "by": thrown.by,
        "path": None if thrown.place is None else str(thrown.place).removeprefix("/"),
    }


def restore(workspace: Workspace) -> int:
    """Under a name like its own if that is taken; says where it is now."""
    asked, target = workspace.arguments, None
    if asked.to is not None:
        share, inner = share_path(asked.to)
        target = SharePath((share, *inner.segments))
    with workspace.house() as house:
        back = _tree(workspace, house, asked.share).restore(asked.share, asked.id, target)
    path = str(back.path).removeprefix("/")
    workspace.answer({"id": back.node.id, "path": path}, [f"{back.node.id} is back: {path}"])
    return 0


def purge(workspace: Workspace) -> int:
    """Its keys go with it: nobody can read it any more, not even from the disk."""
    asked = workspace.arguments
    with workspace.house() as house:
        _tree(workspace, house, asked.share).purge(asked.share, asked.id)
        house.database.checkpoint()  # its wrapped key leaves the write-ahead log, too
    workspace.answer({"id": asked.id}, [f"{asked.id} is destroyed"])
    return 0


# -- versions -----------------------------------------------------------------------------------------------------


def list_versions(workspace: Workspace) -> int:
    with _document(workspace) as (tree, path):
        seen = tree.stat(path)
        versions = tree.versions(seen)
    facts = [
        {"id": each.id, "size": each.size, "at": each.at, "by": each.by, "current": each.entity_tag == seen.tag}
        for each in versions
    ]
    words = [
        (str(each.id), f"{each.size} bytes", shown(each.at), each.by, "current" if each.entity_tag == seen.tag else "")
        for each in versions
    ]
    workspace.answer(facts, table(words))
    return 0


def restore_version(workspace: Workspace) -> int:
    """What was the newest stays as a version."""
    number = workspace.arguments.id
    with _document(workspace) as (tree, path):
        seen = tree.restore_version(path, number, Terms())
    facts = {"id": number, "node": seen.node.id, "size": seen.node.size}
    workspace.answer(facts, [f"version {number} is the newest now, {seen.node.size} bytes"])
    return 0


def show_version(workspace: Workspace) -> int:
    """Its bytes and nothing else, also with --json."""
    with _document(workspace) as (tree, path):
        for piece in tree.read_version(tree.stat(path), workspace.arguments.id):
            sys.stdout.buffer.write(piece)
        sys.stdout.buffer.flush()
        tree.forest.reads.flush()
    return 0


# -- as whom ------------------------------------------------------------------------------------------------------


@contextmanager
def _document(workspace: Workspace) -> Iterator[tuple[GuardedTree, SharePath]]:
    share, inner = share_path(workspace.arguments.path)
    with workspace.house() as house:
        yield _tree(workspace, house, share), SharePath((share, *inner.segments))


def _principals(workspace: Workspace, house: House, share: str) -> list[Principal]:
    with house.database.read() as connection:
        return list(principals_for(house, connection, share, workspace.by))


def _tree(workspace: Workspace, house: House, share: str) -> GuardedTree:
    """The door as the user of `--as` opens it, or else the committee's first clerk, which the log then tells."""
    if workspace.arguments.acting is None:
        house.share(share)
    found = _principals(workspace, house, share)
    if not found:
        raise Refused(f"{share} has no clerk in office; name somebody of it with --as USER")
    note_acting(workspace, house, share, found[0])
    return door(house, found[0])
