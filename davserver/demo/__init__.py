"""Fills a new house with two committees, their people, meetings and papers, as their clerks would: through the door."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import NamedTuple

from sqlalchemy import func, select

from acl import store
from acl.labels import Label
from acl.principals import Principal, PrincipalKind
from davserver.accounts import Passwords, change_account
from davserver.agendas import Agendas
from davserver.declaring import declare
from davserver.demo import calendar
from davserver.demo.meetings import COMMITTEES, Committee, Paper
from davserver.demo.papers import MEDIA_TYPES, make
from davserver.demo.people import PEOPLE
from davserver.house import House
from davserver.schema import account
from davserver.tree.locking import GuardedTree
from davserver.tree.seen import Terms
from shareproviders.contract import NotFound
from shareproviders.paths import SharePath

BY = "command:demo"
NO_TERMS = Terms()


class Login(NamedTuple):
    """Who may try the demo; the password is public."""

    user: str
    password: str
    name: str
    what: str


def build(house: House, doors: Callable[[Principal], GuardedTree]) -> list[Login]:
    """Make what is missing and tell the logins. Passwords come last: where they stand, the demo is complete."""
    logins = [Login(person.user, person.password, person.name, person.what) for person in PEOPLE]
    with house.database.read() as connection:
        begun = connection.execute(select(func.min(account.c.created))).scalar_one()
        finished = connection.execute(select(account.c.user).where(account.c.password.is_not(None))).first()
    if finished:
        return logins
    founded = begun or house.clock()  # an interrupted build goes on with the same dates
    today = datetime.fromtimestamp(founded / 1e6, UTC).date()
    declare(house, calendar.declaration(today), BY, dry_run=False)
    for committee in COMMITTEES:
        clerk = next(person for person in PEOPLE if person.user == committee.clerk)
        tree = doors(Principal(PrincipalKind.USER, clerk.user, clerk.name))
        for place in calendar.places(committee, today, founded):
            _fill(house, tree, committee, place)
        _release(house, committee, today)
    _admit_people(house)
    return logins


def _fill(house: House, tree: GuardedTree, committee: Committee, place: calendar.Place) -> None:
    """A folder with its label, then its papers; what is there already stays as it is."""
    path = SharePath((committee.id,))
    for name in place.path.split("/"):
        path = path / name
        if not _exists(tree, path):
            tree.make_collection(path, NO_TERMS)
    _label(house, tree, path, place.label)
    for paper in place.papers:
        target = path / paper.name
        if not _exists(tree, target):
            _put(tree, target, committee, place.path, paper)
        if paper.classification:
            _label(house, tree, target, calendar.own_class(paper))


def _release(house: House, committee: Committee, today: date) -> None:
    """Papers of meetings whose agenda is out came after it, and a clerk would release them by a click."""
    with house.database.transaction() as connection:
        agendas = Agendas(house, connection, committee.id, BY, provider=house.share(committee.id))
        for place in calendar.meeting_places(committee, today):
            agendas.release(SharePath((place,)))


def _exists(tree: GuardedTree, path: SharePath) -> bool:
    try:
        tree.stat(path)
    except NotFound:
        return False
    return True


def _put(tree: GuardedTree, target: SharePath, committee: Committee, place: str, paper: Paper) -> None:
    body = make(committee.name, place, paper)
    tree.admit_put(target, NO_TERMS, len(body))
    staged = tree.stage(target, [body])
    tree.put(target, staged, NO_TERMS, media_type=MEDIA_TYPES[target.name.rpartition(".")[2]])


def _label(house: House, tree: GuardedTree, path: SharePath, label: Label) -> None:
    seen = tree.stat(path)
    with house.database.transaction() as connection:
        store.set_label(connection, seen.share, seen.node.id, label)


def _admit_people(house: House) -> None:
    passwords = Passwords(house.settings)
    hashes = {person: passwords.hash(person.password) for person in PEOPLE}
    with house.database.transaction() as connection:
        for person, hashed in hashes.items():
            change_account(connection, person.user, password=hashed, admin=person.admin)
        house.audit.note(connection, BY, "demo")


def guide(url: str, logins: list[Login]) -> str:
    """What `davserver demo` prints: addresses, logins, how to mount. `url` has no slash at its end."""
    host = url.partition("://")[2]
    drive, user = COMMITTEES[0].id, logins[0].user
    credentials = f"--webdav-user {user} --webdav-pass $(rclone obscure {logins[0].password})"
    lines = [f"Portal, in a browser: {url}/", f"All drives: {url}/dav/"]
    lines += [f"{committee.name}: {url}/dav/{committee.id}/" for committee in COMMITTEES]
    lines += ["", "These passwords are public. Use them for the demo only."]
    for login in logins:
        lines += [f"  {login.name}, {login.what}", f"login: {login.user} / {login.password}"]
    lines += [
        "",
        "How to mount (more in docs/clients.md):",
        f"  Windows   net use Z: {url}/dav/{drive}/ /user:{user} *     (plain http: BasicAuthLevel 2, see docs)",
        f"  macOS     Finder, Go, Connect to Server: {url}/dav/{drive}/",
        f"  GNOME     gio mount dav://{user}@{host}/dav/{drive}/     or type the address into Files",
        f"  KDE       dolphin webdav://{user}@{host}/dav/{drive}/",
        f"  davfs2    mount -t davfs {url}/dav/{drive}/ /mnt     (kernel 6.16 or newer: buf_size 128)",
        f"  rclone    rclone lsf :webdav:{drive} --webdav-url {url}/dav/ {credentials}",
    ]
    return "\n".join(lines)
