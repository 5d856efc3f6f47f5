"""link: what is opened to people without an account, and by whom."""

from __future__ import annotations

import argparse
import sys
from typing import Any

from sqlalchemy import Connection

from acl import store
from acl.labels import Classification
from acl.links import Link, LinkKind
from acl.principals import Channel
from acl.privileges import Rights, rights_words
from davserver.accounts import PEPPER_SECRET, Passwords
from davserver.commands.spot import changing, on_behalf, refusing, when
from davserver.commands.workspace import Refused, Subparsers, Workspace, WrongUsage, command, group, table
from davserver.house import House
from davserver.instants import shown
from davserver.labelling import Desk, active_user
from davserver.linking import link_urls, new_token, token_hash
from davserver.tree.forest import SharePlaces
from shareproviders.contract import NotFound


def register(commands: Subparsers, common: argparse.ArgumentParser) -> None:
    links = group(commands, "link", "links and drops for people without an account")
    creating = command(links, "create", create, "make a link or drop; its address is shown once", common)
    creating.add_argument("path", metavar="PATH")
    creating.add_argument("--expires", metavar="T", help="the first instant without it; else it stays until revoked")
    creating.add_argument("--password-stdin", action="store_true", help="read a password from standard input")
    creating.add_argument("--uses", metavar="N", type=int, help="how often it may be used")
    creating.add_argument("--drop", action="store_true", help="visitors may add to this folder and see nothing")
    creating.add_argument("--label", metavar="TEXT", default="", help="what it is for")
    creating.add_argument("--max-class", metavar="CLASS", default="restricted", help="what it opens at most")
    on_behalf(creating)
    command(links, "list", list_links, "list links", common).add_argument("share", metavar="COMMITTEE", nargs="?")
    revoking = command(links, "revoke", revoke, "end a link at once", common)
    revoking.add_argument("id", metavar="ID", type=int)
    on_behalf(revoking)


def create(workspace: Workspace) -> int:
    """It never opens more than its maker may see himself, at each use."""
    asked = workspace.arguments
    try:
        most = Classification.parse(asked.max_class)
    except ValueError as error:
        raise WrongUsage(f"--max-class: {error}") from None
    with changing(workspace) as desk:
        now, maker = desk.house.clock(), _maker(desk)
        if asked.drop and not desk.node.is_collection:
            raise Refused("a drop is a folder; this is a document")
        there = desk.rules.bound_at(desk.node.lineage).classification
        if there > most:
            raise Refused(f"this is {there.word}, the link would open {most.word} at most; see --max-class")
        token, password = new_token(), None
        if asked.password_stdin:
            password = Passwords(desk.house.settings).hash(sys.stdin.readline().rstrip("\r\n"))
        hashed = token_hash(desk.house.keys.secret(PEPPER_SECRET), token)
        link = Link(
            desk.share,
            desk.node.id,
            LinkKind.DROP if asked.drop else LinkKind.LINK,
            hashed,
            Rights.BIND if asked.drop else Rights.READ,
            most,
            maker,
            now,
            when(asked.expires, "--expires", now),
            asked.uses,
            password,
            desk.house.keys.sealer(desk.share).seal(asked.label, _place(hashed)) if asked.label else None,
            now,
        )
        number = store.add_link(desk.connection, link)
        desk.note("link-create", f"{link.kind.value} {number} of {maker}")
        page, drive = link_urls(desk.house.settings.public_url, token)
    facts = {"id": number, "kind": link.kind.value, "token": token, "url": page, "dav_url": drive, "maker": maker}
    lines = [f"{link.kind.value} {number} of {maker}, shown only now:", page, drive]
    workspace.answer(facts, lines)
    return 0


def _maker(desk: Desk) -> str:
    """Whoever it is made for, or else a clerk in office: somebody who may make links there."""
    now, kind = desk.house.clock(), desk.by.partition(":")[0]
    if kind == "user":
        users = [desk.by.removeprefix("user:")]
    else:
        clerks = store.mandates_in(desk.connection, desk.share)
        users = sorted({mandate.person for mandate in clerks if mandate.role == "clerk" and mandate.holds_at(now)})
    for user in users:
        try:
            principal = active_user(desk.connection, user)
        except ValueError:
            continue
        granted = desk.house.engine.granted(desk.rules, principal, now, Channel.PORTAL, desk.node.lineage)
        if granted.rights & Rights.LINK:
            return principal.key
    if kind == "user":
        raise Refused(f"{users[0]} may not make links there; see: davserver explain {users[0]} PATH")
    raise Refused("no clerk in office may make links there; name somebody who may with --as USER")


def list_links(workspace: Workspace) -> int:
    asked = workspace.arguments
    with workspace.house() as house, house.database.read() as connection:
        shares = [asked.share] if asked.share else list(house.shares)
        facts = [_facts(house, connection, link) for share in shares for link in _links(house, connection, share)]
        now = house.clock()
    words = []
    for link in facts:
        ended = "revoked" if link["revoked"] else "expired" if link["until"] and link["until"] <= now else ""
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
    label = "" if sealed is None else house.keys.sealer(link.share).open(sealed, _place(link.token_hash))
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
    }


def revoke(workspace: Workspace) -> int:
    number = workspace.arguments.id
    with workspace.house() as house, refusing(), house.database.transaction() as connection:
        if not store.revoke_link(connection, number, house.clock()):
            raise Refused(f"there is no link {number} that still opens anything; see: davserver link list")
        house.audit.note(connection, workspace.by, "link-revoke", detail=f"link {number}")
    workspace.answer({"id": number}, [f"link {number} opens nothing any more"])
    return 0


def _place(hashed: bytes) -> str:
    """Binds a label to its link."""
    return f"link {hashed.hex()}"
