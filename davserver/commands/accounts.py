"""user and app-password: who may log in, and with what."""

from __future__ import annotations

import argparse
from pathlib import Path

from sqlalchemy import select

from acl.labels import Classification
from davserver.accounts import (
    PEPPER_SECRET,
    Passwords,
    change_account,
    create_app_password,
    has_password,
    open_label,
    revoke_app_password,
    wake_app_password,
)
from davserver.commands import personal
from davserver.commands.spot import on_behalf
from davserver.commands.waking import how_ended, which_sleep, woken
from davserver.commands.workspace import Refused, Subparsers, Workspace, WrongUsage, command, group, share_path, table
from davserver.house import House
from davserver.instants import shown
from davserver.invitations import LIFE
from davserver.letters import Letter, letters
from davserver.people import add_person, end_account
from davserver.pins import awake_until, unpin
from davserver.resets import What, note_reset
from davserver.schema import account, app_password, identity, person, second_step
from davserver.sessions import end_sessions

DAY = 86_400_000_000


def register(commands: Subparsers, common: argparse.ArgumentParser) -> None:
    users = group(commands, "user", "accounts")
    adding = command(users, "add", add, "add an account", common)
    adding.add_argument("user", metavar="NAME")
    adding.add_argument("--name", metavar="TEXT", help="the person's name")
    adding.add_argument("--admin", action="store_true")
    changing = command(users, "passwd", passwd, "set an account's password", common)
    changing.add_argument("user", metavar="NAME")
    for parser in (adding, changing):
        parser.add_argument("--password-stdin", action="store_true", help="read the password from standard input")
        on_behalf(parser)
    inviting = command(users, "invite", invite, "letters with which people set their own password", common)
    inviting.add_argument("users", metavar="NAME", nargs="+")
    inviting.add_argument("--letter", metavar="FILE.pdf", type=Path, required=True, help="one page each; must be new")
    on_behalf(inviting)
    taking = command(users, "totp-off", totp_off, "take off the second step of somebody who has lost it", common)
    taking.add_argument("user", metavar="NAME")
    on_behalf(taking)
    unpinning = command(users, "unpin", unpin_users, "let accounts be opened by a password again", common)
    unpinning.add_argument("users", metavar="NAME", nargs="+")
    command(users, "disable", disable, "end all logins of an account", common).add_argument("user", metavar="NAME")
    command(users, "list", list_users, "list accounts", common)
    personal.register(users, common)

    own = group(commands, "app-password", "passwords for one device each")
    creating = command(own, "create", create, "make an app password; it is shown once", common)
    creating.add_argument("user", metavar="USER")
    creating.add_argument("--label", metavar="TEXT", required=True, help="the device")
    creating.add_argument("--scope", metavar="PATH", action="append", default=[], help="only this folder (repeatable)")
    creating.add_argument("--read-only", action="store_true")
    creating.add_argument("--days", metavar="N", type=int, help="ends after so many days")
    creating.add_argument("--max-class", metavar="CLASS", default="restricted")
    command(own, "list", list_app_passwords, "list app passwords", common).add_argument(
        "user", metavar="USER", nargs="?"
    )
    command(own, "revoke", revoke, "end an app password at once", common).add_argument("id", metavar="ID")
    waking = command(own, "wake", wake, "let app passwords work again that sleep since a restore", common)
    which_sleep(waking, "app password")


def add(workspace: Workspace) -> int:
    asked = workspace.arguments
    password = workspace.new_password(required=False)
    with workspace.house() as house:
        hashed = Passwords(house.settings).hash(password) if password is not None else None
        with house.database.transaction() as connection:
            add_person(house, connection, workspace.by, asked.user, asked.name or asked.user, admin=asked.admin)
            if hashed is not None:
                change_account(connection, asked.user, password=hashed)
    state = "with a password" if password is not None else "without a password"
    workspace.answer({"user": asked.user, "password": password is not None}, [f"added {asked.user} {state}"])
    return 0


def passwd(workspace: Workspace) -> int:
    user = workspace.arguments.user
    if user == workspace.arguments.acting:
        raise Refused("nobody resets his own password; let somebody else do it")
    password = workspace.new_password(required=True) or ""
    with workspace.house() as house:
        hashed = Passwords(house.settings).hash(password)
        with house.database.transaction() as connection:
            if awake_until(connection, user) is not None:
                raise Refused(f"{user} signs in elsewhere, no more with a password; `davserver user unpin` ends that")
            if has_password(connection, user):
                note_reset(connection, user, What.PASSWORD, workspace.by, house.clock())
            change_account(connection, user, password=hashed)
            end_sessions(connection, user)
            house.audit.note(connection, workspace.by, "user-passwd", detail=user)
    workspace.answer({"user": user}, [f"{user} has a new password"])
    return 0


def invite(workspace: Workspace) -> int:
    """One-time codes for fourteen days, on paper only; all or none. The present passwords hold until then."""
    asked = workspace.arguments
    with workspace.house() as house:
        if not house.settings.public_url:
            raise Refused("the letter must name the portal's address; set public_url first")
        with house.database.transaction() as connection:
            names = dict(connection.execute(select(person.c.user, person.c.name)).all())
            pages = [
                Letter(names.get(user) or user, user, house.invitations.invite(connection, user, workspace.by))
                for user in dict.fromkeys(asked.users)
            ]
            until = house.clock() + LIFE
            try:
                asked.letter.touch(mode=0o600, exist_ok=False)
                asked.letter.write_bytes(letters(pages, house.settings.public_url, until))
            except OSError as error:
                raise Refused(f"{asked.letter} cannot be written: {error.strerror}; nobody was invited") from None
    users = [page.user for page in pages]
    told = f"{asked.letter}: {len(users)} letters, valid until {shown(until)}; print it, then delete it"
    workspace.answer({"users": users, "letter": str(asked.letter), "until": until}, [told])
    return 0


def totp_off(workspace: Workspace) -> int:
    """The password alone opens the portal from now on; the person is told who did it."""
    user = workspace.arguments.user
    if user == workspace.arguments.acting:
        raise Refused("nobody takes off his own second step here; he does that in the portal, with a code")
    with workspace.house() as house, house.database.transaction() as connection:
        if not house.second_step.take_off(connection, user, workspace.by):
            raise Refused(f"{user} has no second step")
    workspace.answer({"user": user}, [f"{user} signs in with the password alone"])
    return 0


def unpin_users(workspace: Workspace) -> int:
    """All or none."""
    users = list(dict.fromkeys(workspace.arguments.users))
    with workspace.house() as house, house.database.transaction() as connection:
        for user in users:
            unpin(connection, user)
            house.audit.note(connection, workspace.by, "identity-unpin", detail=user)
    lines = [f"{user} signs in with a password again; `davserver user invite` gives a new one" for user in users]
    workspace.answer({"users": users}, lines)
    return 0


def disable(workspace: Workspace) -> int:
    user = workspace.arguments.user
    with workspace.house() as house, house.database.transaction() as connection:
        end_account(house, connection, workspace.by, user)
    workspace.answer({"user": user}, [f"{user} cannot log in any more"])
    return 0


def list_users(workspace: Workspace) -> int:
    with workspace.house() as house, house.database.read() as connection:
        wanted = (
            select(account, person.c.name, second_step.c.since.label("second_step"), identity.c.issuer)
            .join(person, person.c.user == account.c.user, isouter=True)
            .join(second_step, second_step.c.user == account.c.user, isouter=True)
            .join(identity, identity.c.user == account.c.user, isouter=True)
        )
        rows = connection.execute(wanted.order_by(account.c.user)).all()
    facts = [
        {
            "user": row.user,
            "name": row.name,
            "admin": row.admin,
            "active": row.active,
            "password": row.password is not None,
            "second_step": row.second_step is not None,
            "pinned": row.issuer,
        }
        for row in rows
    ]
    words = [
        (
            row.user,
            row.name or "",
            "admin" if row.admin else "",
            "" if row.active else "disabled",
            row.issuer or ("" if row.password else "no password"),
            "second step" if row.second_step else "",
        )
        for row in rows
    ]
    workspace.answer(facts, table(words))
    return 0 if rows else 1


def create(workspace: Workspace) -> int:
    asked = workspace.arguments
    try:
        max_class = Classification.parse(asked.max_class)
    except ValueError as error:
        raise WrongUsage(f"--max-class: {error}") from None
    if asked.days is not None and not 1 <= asked.days <= 3650:
        raise WrongUsage("--days must lie between 1 and 3650")
    with workspace.house() as house:
        scopes = [_scope(house, text) for text in asked.scope]
        with house.database.transaction() as connection:
            made = create_app_password(
                connection,
                house.keys.secret(PEPPER_SECRET),
                asked.user,
                asked.label,
                house.clock(),
                scopes=scopes,
                read_only=asked.read_only,
                max_class=max_class,
                expires=house.clock() + asked.days * DAY if asked.days else None,
            )
            house.audit.note(connection, workspace.by, "app-password-create", detail=f"{asked.user} {made.id}")
    facts = {"id": made.id, "user": asked.user, "password": made.shown}
    workspace.answer(facts, [f"app password {made.id} of {asked.user}, shown only now:", made.shown])
    return 0


def _scope(house: House, text: str) -> tuple[str, int]:
    share, path = share_path(text)
    with house.database.read():
        return share, house.share(share).stat(path).id


def list_app_passwords(workspace: Workspace) -> int:
    columns = [column for column in app_password.c if column.name != "digest"]
    wanted = select(*columns).order_by(app_password.c.user, app_password.c.created)
    if workspace.arguments.user:
        wanted = wanted.where(app_password.c.user == workspace.arguments.user)
    with workspace.house() as house, house.database.read() as connection:
        pepper = house.keys.secret(PEPPER_SECRET)
        found = [dict(row) for row in connection.execute(wanted).mappings()]
        rows = [{**row, "label": open_label(pepper, row["id"], row["label"])} for row in found]
        now, lulled = house.clock(), house.restores
    words = []
    for row in rows:
        ended = how_ended(row["revoked"], row["expires"], now, lulled)
        until = f"until {shown(row['expires'])}" if row["expires"] else ""
        used = f"used {shown(row['last_use'])}" if row["last_use"] else "never used"
        words.append((row["id"], row["user"], row["label"], row["max_class"], until, used, ended))
    workspace.answer(rows, table(words))
    return 0 if rows else 1


def revoke(workspace: Workspace) -> int:
    app_id = workspace.arguments.id
    with workspace.house() as house, house.database.transaction() as connection:
        revoke_app_password(connection, app_id, house.clock())
        house.audit.note(connection, workspace.by, "app-password-revoke", detail=app_id)
    workspace.answer({"id": app_id}, [f"app password {app_id} does not work any more"])
    return 0


def wake(workspace: Workspace) -> int:
    """Whoever wakes an app password says that nobody took it back after the backup."""
    with workspace.house() as house, house.database.transaction() as connection:
        lulled = house.restores
        asleep = select(app_password.c.id).where(app_password.c.revoked.in_(lulled)).order_by(app_password.c.id)
        sleeping = list(connection.execute(asleep).scalars())
        ids = woken(workspace, sleeping, lambda one: wake_app_password(connection, one, lulled))
        for one in ids:
            house.audit.note(connection, workspace.by, "app-password-wake", detail=one)
    workspace.answer({"woken": ids}, [f"app password {one} works again" for one in ids])
    return 0 if ids else 1
