"""open-url: an address that opens one document in Office once, without a login."""

from __future__ import annotations

import argparse

from davserver.commands.spot import refusing
from davserver.commands.workspace import Subparsers, Workspace, command, share_path
from davserver.instants import shown
from davserver.labelling import active_user
from davserver.openings import office_link
from shareproviders.paths import SharePath


def register(commands: Subparsers, common: argparse.ArgumentParser) -> None:
    opening = command(commands, "open-url", open_url, "an address that opens one document in Office once", common)
    opening.add_argument("user", metavar="USER", help="whose rights count at each use")
    opening.add_argument("path", metavar="PATH")


def open_url(workspace: Workspace) -> int:
    """Through the door: what he may not read on a drive he does not open by an address either."""
    from davserver.app import forest_of  # noqa: PLC0415 (see spot.door)
    from davserver.tree.opened import open_once  # noqa: PLC0415

    asked = workspace.arguments
    share, inner = share_path(asked.path)
    with workspace.house() as house, refusing(), house.database.transaction() as connection:
        principal = active_user(connection, asked.user)
        made = open_once(forest_of(house), house.openings, principal, SharePath((share, *inner.segments)))
        house.audit.note(connection, workspace.by, "act-as", detail=asked.user)
        url = house.settings.public_url.rstrip("/") + made.path
    link = office_link(url) if house.settings.public_url else None
    facts = {"url": url, "office": link, "until": made.until}
    lines = [f"for {asked.user}, to be opened once until {shown(made.until)}, shown only now:", url]
    workspace.answer(facts, lines if link is None else [*lines, link])
    return 0
