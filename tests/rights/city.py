"""A house with 25 committees behind all its doors; each clerk has hidden one secret word wherever he can reach."""

from __future__ import annotations

import base64
import re
import secrets
from pathlib import Path
from typing import Any

from acl.labels import Classification
from acl.links import LinkKind
from acl.meetings import AgendaItem, Meeting
from acl.principals import Channel, Principal, PrincipalKind
from acl.privileges import Rights
from davserver.accounts import PEPPER_SECRET, create_app_password
from davserver.agendas import Agendas
from davserver.app import Worker, forest_of
from davserver.dav.server import Application
from davserver.declarations import Committee, Declaration, Mandate, Person
from davserver.declaring import declare
from davserver.founding import found
from davserver.house import House
from davserver.nextcloud.mapping import FileIds
from davserver.settings import Settings
from davserver.tree.locking import GuardedTree
from davserver.tree.opened import open_once
from davserver.tree.sharing import LinkWish
from shareproviders.contract import KeepsTrash, KeepsVersions
from shareproviders.paths import SharePath
from tests.davclient import LOCKINFO
from tests.rights.calling import Answer, call
from tests.rights.playing import BEGIN, DAY, HOUR

COMMITTEES = tuple(f"ba{number:02}" for number in range(1, 26))
KNOWN = "/Papers/Vorlage.odt"
SYNC = (
    '<D:sync-collection xmlns:D="DAV:"><D:sync-token>{}</D:sync-token><D:sync-level>1</D:sync-level>'
    "<D:prop><D:displayname/></D:prop></D:sync-collection>"
)
_TOKEN = re.compile(rb"sync-token>([^<]+)<")
_ARGUMENT = re.compile(r"<(?:\w+:)?(\w+)>")


class City:
    """Its people, what is hidden in it, and every address at which that could be asked for."""

    def __init__(self, directory: Path) -> None:
        self.now = BEGIN
        data, key = directory / "data", directory / "root.key"
        found(data, key, "tests")
        settings = Settings(argon2_memory_kib=64, argon2_passes=1, argon2_lanes=1)
        self.house = House.open(data, key, settings, lambda: self.now)
        people = [*(f"k{share}" for share in COMMITTEES), "member", "stranger"]
        declare(
            self.house,
            Declaration(
                tuple(Person(name, name, undertaking=BEGIN - DAY) for name in people),
                tuple(Committee(share, share, mandates=self.mandates(share)) for share in COMMITTEES),
            ),
            "tests",
        )
        self.forest = forest_of(self.house)
        self.drives = Application(
            {},
            login=lambda e: self.house.login.principal(e.get("HTTP_AUTHORIZATION"), e["REMOTE_ADDR"], False),
            doors=lambda principal: GuardedTree(self.forest, principal, Channel.DAV),
            log=lambda _line: None,
        )
        self.worker = Worker(self.house)
        """All doors, as a server has them."""
        self.logins = {name: self.credential(name) for name in people}
        self.cookies = {name: self.house.sessions.begin(name, "tests", "127.0.0.1") for name in people}
        self.canaries = {share: f"kanarie{secrets.token_hex(6)}" for share in COMMITTEES}
        self.numbers: dict[str, dict[str, str]] = {}
        """By committee: what stands for `<share>`, `<node>` and so on in addresses of its hidden things."""
        for share in COMMITTEES:
            self.hide(share, self.canaries[share])

    def close(self) -> None:
        self.worker.close()

    @staticmethod
    def mandates(share: str) -> tuple[Mandate, ...]:
        clerk = Mandate(f"k{share}", "clerk", BEGIN - DAY)
        return (clerk, Mandate("member", "member", BEGIN - DAY)) if share == COMMITTEES[0] else (clerk,)

    def credential(self, name: str) -> str:
        pepper = self.house.keys.secret(PEPPER_SECRET)
        with self.house.database.transaction() as connection:
            made = create_app_password(connection, pepper, name, "test", BEGIN, max_class=Classification.FACTION)
        return "Basic " + base64.b64encode(f"{name}:{made.shown}".encode()).decode()

    def ask(self, name: str, method: str, target: str, body: str = "", **headers: str) -> Answer:
        """At the drives alone."""
        return call(self.drives, method, target, body.encode(), authorization=self.logins[name], **headers)

    def knock(self, name: str, method: str, target: str, body: str = "", **headers: str) -> Answer:
        """At any door, with everything by which somebody is known."""
        known = {"authorization": self.logins[name], "cookie": f"gremium={self.cookies[name]}"}
        return call(self.worker, method, target, body.encode(), **known, **headers)

    def form(self, name: str, **fields: str) -> tuple[str, dict[str, str]]:
        """Body and headers of a form that a page of ours made for this person."""
        token = self.house.sessions.token_for_forms(self.cookies[name])
        body = "&".join(f"{field}={value}" for field, value in {"token": token, **fields}.items())
        return body, {"content_type": "application/x-www-form-urlencoded", "origin": "http://127.0.0.1"}

    # -- what is hidden ---------------------------------------------------------------------------------------------

    def hide(self, share: str, canary: str) -> None:
        """In a name, a content, an older version, a property, a lock's owner, the trash, an upload, a comment, the
        titles of a meeting and its item.
        """
        clerk, papers = f"k{share}", f"/dav/{share}/Papers"
        uploads = f"/remote.php/dav/uploads/{clerk}/up{canary}"
        note = f'<D:set xmlns:D="DAV:"><D:prop><u:note xmlns:u="u:">{canary}</u:note></D:prop></D:set>'
        steps = [
            self.ask(clerk, "MKCOL", papers),
            self.ask(clerk, "PUT", f"{papers}/{canary}.odt", canary),
            self.ask(clerk, "PUT", f"/dav/{share}{KNOWN}", f"old {canary}"),
            self.ask(clerk, "PUT", f"/dav/{share}{KNOWN}", f"new {canary}"),
            self.ask(clerk, "PUT", f"{papers}/gone-{canary}.odt", canary),
            self.ask(clerk, "DELETE", f"{papers}/gone-{canary}.odt"),
            self.ask(
                clerk,
                "PROPPATCH",
                f"/dav/{share}{KNOWN}",
                f'<D:propertyupdate xmlns:D="DAV:">{note}</D:propertyupdate>',
            ),
            self.ask(clerk, "PUT", f"/dav/{share}/Arbeitsordner/Notiz.txt", canary),
            self.knock(clerk, "MKCOL", uploads),
            self.knock(clerk, "PUT", f"{uploads}/00001", canary),
        ]
        assert [step.status // 100 for step in steps] == [2] * len(steps), steps
        principal = Principal(PrincipalKind.USER, clerk)
        door = GuardedTree(self.forest, principal, Channel.PORTAL)
        door.add_comment(SharePath((share, "Papers", "Vorlage.odt")), f"comment {canary}")
        with self.house.database.transaction() as connection:
            agendas = Agendas(self.house, connection, share, "tests", provider=self.house.share(share))
            agendas.declare_meeting(Meeting(share, "m1", f"Sitzung {canary}", BEGIN + DAY, BEGIN + DAY + 2 * HOUR))
            agendas.declare_agenda("m1", [AgendaItem(share, "m1", "1", f"Punkt {canary}", True, None)])
        self.numbers[share] = self.numbered(share, canary, principal)
        locked = self.ask(clerk, "LOCK", f"/dav/{share}{KNOWN}", LOCKINFO.format(scope="exclusive", owner=canary))
        assert locked.status == 200

    def numbered(self, share: str, canary: str, clerk: Principal) -> dict[str, str]:
        """Ids, tokens and names by which somebody could ask for what is hidden here, if only he knew them."""
        provider, ids = self.house.share(share), FileIds(self.house.file_secret, self.house.instance)
        assert isinstance(provider, KeepsTrash)
        assert isinstance(provider, KeepsVersions)
        document = provider.stat(SharePath(("Papers", "Vorlage.odt")))
        (gone,) = [each for each in provider.trashed() if each.lineage[-2] == document.lineage[-2]]
        notes = SharePath((share, "Arbeitsordner", "Notiz.txt"))
        secret = self.house.links.new_secret()
        wish = LinkWish(secret.digest, LinkKind.LINK, Rights.DISCOVER | Rights.VIEW | Rights.READ, None)
        GuardedTree(self.forest, clerk, Channel.DAV).make_link(notes, wish)
        synced = _TOKEN.search(self.ask(clerk.id, "REPORT", f"/dav/{share}/Papers/", SYNC.format("")).body)
        assert synced is not None
        return {
            "share": share,
            "node": str(document.id),
            "folder": str(document.lineage[-2]),
            "file": str(ids.number(share, document.id)),
            "version": str(provider.versions(document)[-1].id),
            "gone": f"gone-{canary}.odt.d{ids.number(share, gone.node_id)}",
            "meeting": "m1",
            "number": "1",
            "link": spoilt(secret.token),
            "open": spoilt(open_once(self.forest, self.house.openings, clerk, notes).path.split("/")[2]),
            "sync": synced[1].decode(),
            "path": f"{share}/Papers/Vorlage.odt",
        }

    # -- where it could be asked for --------------------------------------------------------------------------------

    def side_doors(self, name: str, share: str) -> list[str]:
        """Addresses beside `/dav/`, as this person would write them and under the name of the clerk."""
        known, found = self.numbers[share], ["/remote.php/webdav/" + share + KNOWN]
        for user in (name, f"k{share}"):
            dav = "/remote.php/dav"
            found += [f"{dav}/files/{user}/{share}{below}" for below in ("", "/Papers", KNOWN, "/Arbeitsordner/x")]
            found += [
                f"{dav}/trashbin/{user}/{below}" for below in ("", "trash", f"trash/{known['gone']}", "restore/x")
            ]
            versions = f"{dav}/versions/{user}"
            found += [f"{versions}/versions/{known['file']}{below}" for below in ("", f"/{known['version']}", "/1")]
            found += [f"{versions}/restore/target", f"{dav}/uploads/{user}"]
            found += [f"{dav}/uploads/{user}/up{self.canaries[share]}{below}" for below in ("", "/00001", "/.file")]
            found += [f"/ocs/v2.php/cloud/users/{user}?format=json", f"{dav}/principals/users/{user}/"]
        return [
            *found,
            "/ocs/v1.php/cloud/user?format=json",
            f"/ocs/v2.php/apps/files_sharing/api/v1/shares?path=/{share}/Papers",
            f"/dav-link/{known['link']}/",
            f"/dav-link/{known['link']}/Notiz.txt",
            f"/dav-open/{known['open']}/Notiz.txt",
        ]

    def pages(self, share: str, method: str) -> list[str]:
        """Every page of the portal that takes this method; forms only where they are about something of a committee."""
        known = self.numbers[share]
        rules = [rule for rule in self.portal.url_map.iter_rules() if method in (rule.methods or ())]
        wanted = [rule.rule for rule in rules if method == "GET" or "<share>" in rule.rule]
        values = {**known, "filename": "portal.css", "committee": share, "token": known["link"]}
        found = [_ARGUMENT.sub(lambda match: values.get(match[1], "1"), rule) for rule in wanted]
        in_folder = [page.replace(f"/{known['node']}", f"/{known['folder']}") for page in found]
        return [*found, *in_folder, "/suche?q=kanarie", "/suche?q=Vorlage", f"/suche?q={share}", "/suche?q=Punkt"]

    @property
    def portal(self) -> Any:
        return self.worker._portal


def spoilt(token: str) -> str:
    """A token that is wrong in its last letter alone."""
    return token[:-1] + ("A" if token[-1] != "A" else "B")
