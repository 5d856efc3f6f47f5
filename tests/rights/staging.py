"""A real house in this process, opened for a play: people, committees, credentials, and where its things are."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from acl import store
from acl.labels import NEVER, Classification, Label
from acl.mandates import CommitteeKind
from acl.principals import Channel, Principal, PrincipalKind
from acl.privileges import rights_words
from davserver.accounts import PEPPER_SECRET, change_account, create_app_password
from davserver.app import forest_of
from davserver.dav.mounts import LinkMount
from davserver.dav.server import Application
from davserver.declarations import Committee, Declaration, Person
from davserver.declarations import Mandate as DeclaredMandate
from davserver.declaring import declare
from davserver.founding import found
from davserver.house import House
from davserver.nextcloud.annexes import DavAnnex
from davserver.nextcloud.mapping import FileIds
from davserver.nextcloud.mounts import Drives, FilesMount
from davserver.nextcloud.trashbin import TrashCall
from davserver.nextcloud.versions import VersionsCall
from davserver.settings import Settings
from davserver.tree.linked import LinkTree
from davserver.tree.locking import GuardedTree
from davserver.tree.mirrored import MirroredTree
from shareproviders.paths import SharePath
from tests.rights import changes, oracle, papers

SECOND = 1_000_000
HOUR, DAY = 3600 * SECOND, 86_400 * SECOND
BEGIN = 1_795_420_800 * SECOND  # 2026-11-23 08:00 UTC
LONG_AGO = BEGIN - 1000 * DAY
PEOPLE = {
    "clara": [("ba05", "clerk")],
    "vera": [("ba05", "chair")],
    "rita": [("ba05", "vice_chair")],
    "otto": [("ba05", "member")],
    "paul": [("ba05", "member"), ("ba06", "chair")],
    "moni": [("ba05", "minutes")],
    "uli": [("ba05", "sub_chair")],
    "anna": [("ba06", "clerk")],
    "fritz": [("fr", "member"), ("ba05", "member")],
    "vroni": [("fr", "chair")],
    "benno": [("ba05", "commissioner")],
    "doris": [("ba05", "department")],
    "gina": [("ba05", "guest")],
    "presse": [("ba05", "press")],
    "edda": [("ba05", "auditor")],
    "root": [],
    "sam": [],
}
PLEDGED = ("clara", "vera", "rita", "otto", "paul", "uli", "anna", "fritz", "root", "sam")
COMMITTEES = {
    "ba05": {"kind": "plenary", "class": "restricted", "meetings": True, "early": False, "publishes": False},
    "ba06": {"kind": "plenary", "class": "public", "meetings": True, "early": True, "publishes": True},
    "fr": {"kind": "faction", "class": "faction", "meetings": False, "early": False, "publishes": False},
}
READING = "read read-acl read-current-user-privilege-set"


class Ground:
    """The house, its application without a socket, and the world of the oracle."""

    def __init__(self, directory: Path) -> None:
        self.now = BEGIN
        data, key = directory / "data", directory / "root.key"
        found(data, key, "tests")
        settings = Settings(argon2_memory_kib=64, argon2_passes=1, argon2_lanes=1)
        self.house = House.open(data, key, settings, lambda: self.now)
        self.declare()
        self.logins: dict[tuple[str, str], str] = {}
        self.forest = forest_of(self.house)
        ids = FileIds(self.house.file_secret, self.house.instance)
        drives = Drives(self.login, lambda principal: MirroredTree(self.forest, principal, Channel.DAV), ids)
        self.app = Application(
            {},
            login=self.login,
            doors=lambda principal: GuardedTree(self.forest, principal, Channel.DAV),
            log=lambda _line: None,
            beside=(
                LinkMount(lambda e, token: LinkTree(self.forest, self.house.links.link(token, None, "127.0.0.1"))),
                FilesMount(drives),
            ),
            annexes=tuple(DavAnnex(call.root, drives, call) for call in (TrashCall, VersionsCall)),
        )
        self.world = self.first_world()
        self.askers: dict[tuple[str, str], oracle.Asker] = {}
        for name in PEOPLE:
            self.credential(name, "full", max_class=Classification.FACTION)
        for name in ("clara", "otto", "vera"):
            self.credential(name, "phone")
            self.credential(name, "reader", max_class=Classification.FACTION, read_only=True)

    def login(self, environ: Mapping[str, Any]) -> Principal:
        return self.house.login.principal(environ.get("HTTP_AUTHORIZATION"), environ["REMOTE_ADDR"], False)

    def door(self, name: str) -> GuardedTree:
        """For what no protocol says yet: shares and links."""
        return GuardedTree(
            self.forest, Principal(PrincipalKind.USER, name, admin=name in self.world["admins"]), Channel.DAV
        )

    def declare(self) -> None:
        people = [Person(name, name.title(), undertaking=LONG_AGO if name in PLEDGED else None) for name in PEOPLE]
        committees = [
            Committee(
                share,
                share,
                kind=CommitteeKind(str(facts["kind"])),
                default_class=Classification.parse(str(facts["class"])),
                has_meetings=bool(facts["meetings"]),
                early_access=bool(facts["early"]),
                publish_with_agenda=bool(facts["publishes"]),
                mandates=tuple(
                    DeclaredMandate(name, role, LONG_AGO)
                    for name, offices in PEOPLE.items()
                    for where, role in offices
                    if where == share
                ),
            )
            for share, facts in COMMITTEES.items()
        ]
        declare(self.house, Declaration(tuple(people), tuple(committees)), "tests")
        with self.house.database.transaction() as connection:
            change_account(connection, "root", admin=True)

    def first_world(self) -> papers.World:
        world: papers.World = {
            "at": self.now,
            "last": 0,
            "number": self.real,
            "committees": COMMITTEES,
            "pledged": dict.fromkeys(PLEDGED, LONG_AGO),
            "admins": {"root"},
            "mandates": [
                {"person": name, "share": share, "role": role, "start": LONG_AGO, "end": None}
                for name, offices in PEOPLE.items()
                for share, role in offices
            ],
            **{name: {} for name in ("nodes", "labels", "roots", "came", "points", "bound", "links", "thrown")},
            **{name: [] for name in ("entries", "locks", "recusals", "meetings", "holds")},
        }
        self.world = world
        for share in COMMITTEES:
            world["last"] += 1
            world["roots"][share] = world["last"]
            world["nodes"][world["last"]] = {
                "share": share,
                "parent": None,
                "name": share,
                "folder": True,
                "empty": False,
            }
            for member in self.house.share(share).children(self.house.share(share).stat(SharePath(()))):
                changes.make(world, (share, member.name), folder=True)
            self.adopt(share)
        return world

    def adopt(self, share: str) -> None:
        """Take the hand-set entries of a new drive (`Arbeitsordner`, `00 Eingang`) and its labels as given."""
        with self.house.database.read() as connection:
            entries, labels = store.list_entries(connection, share), store.labels(connection, share)
        for node, real in self.real_ids(share).items():
            if real in labels:
                self.world["labels"][node] = told(labels[real])
            for entry in entries:
                if entry.node == real:
                    assert not entry.deny
                    words = " ".join(rights_words(entry.rights))
                    changes.entry(self.world, node, entry.principal, words, inbox=entry.drop_own)

    def credential(self, name: str, kind: str, node: int | None = None, **terms: Any) -> None:
        """An app password of somebody, for one place or for all."""
        scopes = [(self.path(node)[0], self.real(node))] if node is not None else []
        pepper = self.house.keys.secret(PEPPER_SECRET)
        with self.house.database.transaction() as connection:
            made = create_app_password(connection, pepper, name, kind, self.now, scopes=scopes, **terms)
        self.logins[name, kind] = "Basic " + base64.b64encode(f"{name}:{made.shown}".encode()).decode()
        self.askers[name, kind] = oracle.user(name) | {
            "rights": READING if terms.get("read_only") else "all",
            "most": terms.get("max_class", Classification.RESTRICTED).word,
            "scopes": frozenset({node} - {None}),
        }

    # -- where things are ---------------------------------------------------------------------------------------

    def path(self, node: int) -> tuple[str, ...]:
        return tuple(self.world["nodes"][place]["name"] for place in papers.lineage(self.world, node))

    def real(self, node: int) -> int:
        """The house's id of the oracle's node."""
        share, *names = self.path(node)
        return self.house.share(share).stat(SharePath(tuple(names))).id

    def real_ids(self, share: str) -> dict[int, int]:
        return {node: self.real(node) for node, facts in self.world["nodes"].items() if facts["share"] == share}

    def labels_of(self, node: int) -> dict[str, Any]:
        """What the house's rows say of a node, inherited by the oracle's rule."""
        with self.house.database.read() as connection:
            rows = store.labels(connection, self.world["nodes"][node]["share"])
        reals = {place: self.real(place) for place in papers.lineage(self.world, node)}
        labels = {place: told(rows[real]) for place, real in reals.items() if real in rows}
        return papers.label({**self.world, "labels": labels}, node)

    def close(self) -> None:
        self.house.close()


LABEL_DATES = ("release", "close", "publish")


def told(label: Label) -> dict[str, Any]:
    """A label of the house in the oracle's words."""
    dates = {"release": label.release_at, "close": label.close_at, "publish": label.publish_at}
    found: dict[str, Any] = {name: papers.NEVER if at == NEVER else at for name, at in dates.items() if at is not None}
    return found | ({"class": label.classification.word} if label.classification is not None else {})


def lowered_nothing(was: dict[str, Any], now: dict[str, Any]) -> bool:
    grades = papers.CLASSES.index
    return bool(
        grades(now["class"]) >= grades(was["class"])
        and now["release"] >= was["release"]
        and min(now["close"], now["ended"]) <= min(was["close"], was["ended"])
    )
