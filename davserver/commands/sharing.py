"""link: what is opened to people without an account, and by whom."""

from __future__ import annotations

import argparse
import sys
from typing import Any

from sqlalchemy import Connection

from acl import store
from acl.links import Link, LinkKind
from acl.principals import Channel, Principal
from acl.privileges import Rights, parse_rights, rights_words
from davserver.commands.spot import (
    Spot,
    class_named,
    door,
    looking,
    note_acting,
    on_behalf,
    principals_for,
    refusing,
    when,
)
from davserver.commands.waking import how_ended, which_sleep, woken
from davserver.commands.workspace import (
    Refused,
    Subparsers,
    Workspace,
    WrongUsage,
    command,
    group,
    share_path,
    table,
)
from davserver.house import House
from davserver.instants import shown
from davserver.linking import label_place, link_urls
from davserver.tree.forest import SharePlaces
from davserver.tree.sharing import LinkWish
from shareproviders.contract import NotFound
from shareproviders.paths import SharePath


def register(commands: Subparsers, common: argparse.ArgumentParser) -> None:
    links = group(commands, "link", "links and drops for people without an account")
    creating = command(links, "create", create, "make a link or drop; its address is shown once", common)
    creating.add_argument("path", metavar="PATH")
    creating.add_argument("--expires", metavar="T", help="the first instant without it; else it stays until revoked")
    creating.add_argument("--password-stdin", action="store_true", help="read a password from standard input")
    creating.add_argument("--uses", metavar="N", type=int, help="how often it may be used")
    creating.add_argument("--drop", action="store_true", help="visitors may add to this folder and see nothing")
    creating.add_argument(
        "--rights",
        metavar="RIGHT",
        nargs="+",
        default=["read"],
        help="of a link; else read. Also: write-content, bind",
    )
    creating.add_argument("--label", metavar="TEXT", default="", help="what it is for")
    creating.add_argument("--max-class", metavar="CLASS", help="what it opens at most; else what the paper is now")
    on_behalf(creating)
    command(links, "list", list_links, "list links", common).add_argument("share", metavar="COMMITTEE", nargs="?")
    revoking = command(links, "revoke", revoke, "end a link at once", common)
    revoking.add_argument("id", metavar="ID", type=int)
    on_behalf(revoking)
    waking = command(links, "wake", wake, "let links open again that sleep since a restore", common)
    which_sleep(waking, "link")


def create(workspace: Workspace) -> int:
    """Through the door, as its maker: a link never opens more than he may see himself, at each use."""
    asked = workspace.arguments
    share, inner = share_path(asked.path)
    most = None if asked.max_class is None else class_named(asked.max_class, "--max-class")
    rights = _rights(asked)
    with looking(workspace) as spot, refusing():
        maker = giver(spot, workspace.by, Rights.LINK, "make links")
        there = spot.rules.bound_at(spot.lineage).classification
        if most is not None and there > most:
            raise Refused(f"this is {there.word}, the link would open {most.word} at most; see --max-class")
    with workspace.house() as house, refusing():
        password = sys.stdin.readline().rstrip("\r\n") if asked.password_stdin else None
        secret = house.links.new_secret(password)
        wish = LinkWish(
            secret.digest,
            LinkKind.DROP if asked.drop else LinkKind.LINK,
            rights,
            max_class=most,
            end=when(asked.expires, "--expires", house.clock()),
            uses=asked.uses,
            password=secret.password,
            label=house.keys.sealer(share).seal(asked.label, label_place(secret.digest)) if asked.label else None,
        )
        note_acting(workspace, house, share, maker)
        link = door(house, maker).make_link(SharePath((share, *inner.segments)), wish)
        page, drive = link_urls(house.settings.public_url, secret.token)
    kind = link.kind.value
    facts = {"id": link.id, "kind": kind, "token": secret.token, "url": page, "dav_url": drive, "maker": link.maker}
    workspace.answer(facts, [f"{kind} {link.id} of {link.maker}, shown only now:", page, drive])
    return 0


def _rights(asked: argparse.Namespace) -> Rights:
    """What the link gives. Raises WrongUsage."""
    if asked.drop and asked.rights != ["read"]:
        raise WrongUsage("--rights: a drop lets add and gives nothing else")
    try:
        return parse_rights(asked.rights)
    except ValueError as error:
        raise WrongUsage(f"--rights: {error}") from None


def giver(spot: Spot, by: str, needed: Rights, to_do: str) -> Principal:
    """On whose behalf something is given or taken back, or else a clerk in office: somebody with that right there."""
    now = spot.house.clock()
    for principal in principals_for(spot.house, spot.connection, spot.share, by):
        granted = spot.house.engine.granted(spot.rules, principal, now, Channel.PORTAL, spot.lineage)
        if granted.rights & needed:
            return principal
    if by.startswith("user:"):
        user = by.removeprefix("user:")
        raise Refused(f"{user} may not {to_do} there; see: davserver explain {user} PATH")
    raise Refused(f"no clerk in office may {to_do} there; name somebody who may with --as USER")


def list_links(workspace: Workspace) -> int:
    asked = workspace.arguments
    with workspace.house() as house, house.database.read() as connection:
        shares = [asked.share] if asked.share else list(house.shares)
        facts = [_facts(house, connection, link) for share in shares for link in _links(house, connection, share)]
        now, lulled = house.clock(), house.restores
    words = []
    for link in facts:
        ended = how_ended(link["revoked"], link["until"], now, lulled)
        until = f"until {shown(link['until'])}" if link["until"] else ""
        uses = f"{link['uses_left']} uses left" if link["uses_left"] is not None else ""
        locked = "with password" if link["password"] else ""
        words.append(
            (str(link["id"]), link["kind"], link["path"], link["maker"], link["label"], until, uses, locked, ended)
        )
    workspace.answer(facts, table(words))
    return 0 if facts else 1


def _links(house: House, connection: Connection, share: str) -> list[Link]:
    house.share(share)
    return store.links(connection, share)


def _facts(house: House, connection: Connection, link: Link) -> dict[str, Any]:
    try:
        path = str(SharePlaces(link.share, house.share(link.share)).path(link.node))
    except NotFound:
        path = f"/{link.share}, deleted"
    sealed = link.label
    label = "" if sealed is None else house.keys.sealer(link.share).open(sealed, label_place(link.token_hash))
    return {
        "id": link.id,
        "kind": link.kind.value,
        "path": path.removeprefix("/"),
        "rights": rights_words(link.rights),
        "max_class": link.max_class.word,
        "maker": link.maker,
        "label": label,
        "from": link.start,
        "until": link.end,
        "uses_left": link.uses_left,
        "password": link.password is not None,
        "revoked": link.revoked,
        "asleep": link.revoked in house.restores,
    }


def revoke(workspace: Workspace) -> int:
    number = workspace.arguments.id
    with workspace.house() as house, refusing(), house.database.transaction() as connection:
        if not store.revoke_link(connection, number, house.clock()):
            raise Refused(f"there is no link {number} that still opens anything; see: davserver link list")
        house.audit.note(connection, workspace.by, "link-revoke", detail=f"link {number}")
    workspace.answer({"id": number}, [f"link {number} opens nothing any more"])
    return 0


def wake(workspace: Workspace) -> int:
    """Whoever wakes a link says that nobody took it back after the backup."""
    with workspace.house() as house, house.database.transaction() as connection:
        lulled = house.restores
        sleeping = [
            link.id for share in house.shares for link in store.links(connection, share) if link.revoked in lulled
        ]
        numbers = woken(workspace, sleeping, lambda number: store.wake_link(connection, number, lulled))
        for number in numbers:
            house.audit.note(connection, workspace.by, "link-wake", detail=f"link {number}")
    workspace.answer({"woken": numbers}, [f"link {number} opens again" for number in numbers])
    return 0 if numbers else 1
