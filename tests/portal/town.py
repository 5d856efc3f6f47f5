"""A town with everything that pages can show: a committee that meets, papers of all kinds, links, letters, a trash.

Its people are one of each kind that meets the portal; `ROLES` names them. Addresses of things are found by the names in
`Town.things`, so that a table of pages (everypage.py) can be written down once and hold for every run.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

from acl.links import LinkKind
from acl.meetings import MeetingState
from acl.privileges import Rights
from davserver.agendas import Agendas
from davserver.declarations import parse_declaration
from davserver.declaring import declare
from davserver.founding import default_key, found
from davserver.house import House
from davserver.tree.locking import GuardedTree
from davserver.tree.seen import Terms
from davserver.tree.sharing import LinkWish
from shareproviders.paths import SharePath
from tests.dav.doors import door, opened
from tests.portal.portalclient import PortalClient
from tests.rendering import documents
from tests.running import RunningServer, admit, start

BY = "command:town"
COMMITTEE, MEETING, PLANNED = "rat", "2026-12-07", "2027-02-01"
EVENING = "2026-12-07 Vollgremium"
BUDGET, TREES, LAND = "01 Haushalt", "02 Bäume", "N 01 Grundstück"
WORD = "Geheim-Wort-77"
ROLES: Mapping[str, str] = MappingProxyType(
    {
        "clerk": "clara",
        "chair": "vera",
        "member": "otto",
        "looker": "gerd",
        "recused": "rita",
        "auditor": "renate",
        "citizen": "",
    }
)
"""What somebody is here, and his account: `looker` may only look at one folder, `citizen` has no account."""

FACTS = f"""
[[committee]]
id = "{COMMITTEE}"
name = "Stadtrat"
provider = "vault"
default_class = "public"
"""
DECLARED = f"""
{FACTS}

  [[committee.meeting]]
  id = "{MEETING}"
  title = "Vollgremium"
  start = {MEETING}T19:00:00
  end = {MEETING}T22:00:00

    [[committee.meeting.item]]
    number = "1"
    title = "Haushalt"

    [[committee.meeting.item]]
    number = "2"
    title = "Bäume"

    [[committee.meeting.item]]
    number = "N 1"
    title = "Grundstück"
    part = "non_public"

  [[committee.meeting]]
  id = "{PLANNED}"
  title = "Klausur"
  start = {PLANNED}T19:00:00
  end = {PLANNED}T22:00:00

    [[committee.meeting.item]]
    number = "1"
    title = "Entwurf"
"""
RIGHTS = f"""
{FACTS}

  [[committee.label]]
  path = "Arbeitskreis"
  class = "restricted"
  release = "on creation"

  [[committee.label]]
  path = "{EVENING}/{TREES}"
  publish = 2026-01-01

  [[committee.entry]]
  path = "Arbeitskreis"
  principal = "user:gerd"
  rights = ["view"]

  [[committee.entry]]
  path = "Arbeitskreis"
  principal = "role:member"
  rights = ["read", "comment", "write"]

[[recusal]]
person = "rita"
committee = "{COMMITTEE}"
meeting = "{MEETING}"
item = "1"

[[recusal]]
person = "rita"
committee = "{COMMITTEE}"
meeting = "{MEETING}"
item = "N 1"
"""
OFFICES = {
    "clara": ("clerk",),
    "kurt": ("clerk",),
    "vera": ("chair",),
    "otto": ("member",),
    "rita": ("member",),
    "gerd": ("guest",),
    "renate": ("auditor",),
    "sam": (),
}


def declaration() -> str:
    people = [f'[[person]]\nuser = "{user}"\nname = "{user.title()} Amt"\nundertaking = 2020-05-12' for user in OFFICES]
    mandates = [
        f'[[committee.mandate]]\nuser = "{user}"\nrole = "{role}"\nstart = 2020-05-01'
        for user, roles in OFFICES.items()
        for role in roles
    ]
    return "\n".join([*people, DECLARED, *mandates])


@dataclass
class Town:
    """The running server, and where its things are."""

    things: dict[str, str]
    """Name of a thing → its number, or its token."""
    server: RunningServer = field(init=False)

    def visitor(self, role: str) -> PortalClient:
        """Somebody of this kind, signed in if he can."""
        user = ROLES.get(role, role)
        return PortalClient.signed_in(self.server.url, user) if user else PortalClient(self.server.url)


@contextmanager
def town(directory: Path) -> Iterator[Town]:
    """Built in this process, by the functions of the commands, and running in another."""
    data = directory / "data"
    found(data, default_key(data), BY)
    with opened(data) as house:
        declare(house, parse_declaration(declaration()), BY)
        admit(house, OFFICES)
        tree = door(house, "clara")
        _fill(tree)
        declare(house, parse_declaration(RIGHTS), BY)
        with house.database.transaction() as connection:
            agendas = Agendas(house, connection, COMMITTEE, BY, provider=house.share(COMMITTEE))
            agendas.reach(MEETING, MeetingState.AGENDA_RELEASED)
        put(door(house, "clara"), f"{EVENING}/{TREES}/Nachtrag.txt", b"late")
        built = Town({"committee": COMMITTEE, "meeting": MEETING, "planned": PLANNED})
        _open_to_people(built, house)
    with start(data, workers=1) as built.server:
        use(built.things, built.visitor("clerk"), built.visitor("citizen"))
        yield built


def put(tree: GuardedTree, path: str, content: bytes) -> None:
    """A document under a path of the committee's drive."""
    target = SharePath((COMMITTEE, *path.split("/")))
    tree.put(target, tree.stage(target, [content]), Terms())


def release(house: House, path: str) -> None:
    """What came too late for its agenda."""
    with house.database.transaction() as connection:
        Agendas(house, connection, COMMITTEE, BY, provider=house.share(COMMITTEE)).release(SharePath.parse(f"/{path}"))


def _fill(tree: GuardedTree) -> None:
    """Papers of each kind that is read in place; some of two versions, and one in the trash."""
    work = SharePath.parse(f"/{COMMITTEE}/Arbeitskreis")
    tree.make_collection(work, Terms())
    papers = {
        f"{EVENING}/{BUDGET}/Etat.pdf": documents.pdf(100, "Etat Seite {}"),
        f"{EVENING}/{TREES}/Bericht.md": b"# Bericht\n\n* eins\n",
        f"{EVENING}/{TREES}/Foto.png": documents.picture("PNG"),
        f"{EVENING}/{TREES}/kaputt.pdf": b"%PDF-",
        f"{EVENING}/{LAND}/Kauf.pdf": documents.pdf(3, "Kaufpreis Seite {}"),
        "Arbeitskreis/Notiz.txt": b"first",
        "Arbeitskreis/Antrag.odt": documents.odt("Wir beantragen Linden"),
        "Arbeitskreis/Mitschnitt.mp3": b"\xff\xfb" * 500,
        "Arbeitskreis/Plan.pdf": documents.pdf(2, "Plan von gestern Seite {}"),
        "Arbeitskreis/alt.txt": b"thrown away",
    }
    for path, content in papers.items():
        put(tree, path, content)
    put(tree, "Arbeitskreis/Notiz.txt", b"second")
    put(tree, "Arbeitskreis/Plan.pdf", documents.pdf(3, "Plan von heute Seite {}"))
    put(tree, "Arbeitskreis/Mitschnitt.mp3", b"\xff\xfb" * 600)
    tree.delete(work / "alt.txt", Terms())


def _open_to_people(town: Town, house: House) -> None:
    """Numbers of what lies there; links of all kinds; an invitation."""
    tree, things = door(house, "clara"), town.things
    things["path"] = f"{COMMITTEE}/Arbeitskreis"
    for name, path in {
        "drive": "",
        "evening": EVENING,
        "budget": f"{EVENING}/{BUDGET}",
        "paper": f"{EVENING}/{BUDGET}/Etat.pdf",
        "report": f"{EVENING}/{TREES}/Bericht.md",
        "photo": f"{EVENING}/{TREES}/Foto.png",
        "broken": f"{EVENING}/{TREES}/kaputt.pdf",
        "draft": f"{EVENING}/{TREES}/Nachtrag.txt",
        "secret": f"{EVENING}/{LAND}/Kauf.pdf",
        "work": "Arbeitskreis",
        "note": "Arbeitskreis/Notiz.txt",
        "motion": "Arbeitskreis/Antrag.odt",
        "recording": "Arbeitskreis/Mitschnitt.mp3",
        "plan": "Arbeitskreis/Plan.pdf",
    }.items():
        things[name] = str(tree.stat(SharePath.parse(f"/{COMMITTEE}/{path}")).node.id)
    note = SharePath((COMMITTEE, "Arbeitskreis", "Notiz.txt"))
    budget, trees = SharePath((COMMITTEE, EVENING, BUDGET)), SharePath((COMMITTEE, EVENING, TREES))
    for name, words in {
        "version": "Notiz.txt",
        "plan version": "Plan.pdf",
        "recording version": "Mitschnitt.mp3",
    }.items():
        things[name] = str(tree.versions(tree.stat(note.parent / words))[-1].id)
    things["link"] = link(house, tree, budget / "Etat.pdf", rights=Rights.READ | Rights.COMMENT)
    things["link to look"] = link(house, tree, budget / "Etat.pdf", rights=Rights.VIEW)
    things["folder link"] = link(house, tree, trees)
    things["locked link"] = link(house, tree, trees, password=WORD)
    things["drop"] = link(house, tree, note.parent, kind=LinkKind.DROP)
    tree.share_inside(note, "user:sam", Rights.READ, None, None)
    with house.database.transaction() as connection:
        things["code"] = house.invitations.invite(connection, "sam", "user:clara")


def link(house: House, tree: GuardedTree, path: SharePath, password: str | None = None, **wish: Any) -> str:
    """Its token."""
    secret = house.links.new_secret(password)
    tree.make_link(path, LinkWish(secret.digest, password=secret.password, **wish))
    return secret.token


def use(things: dict[str, str], clerk: PortalClient, citizen: PortalClient) -> None:
    """A comment, a letter, a device that waits."""
    thread = f"/anmerkungen/{things['committee']}/{things['note']}"
    assert clerk.submit(clerk.get(thread), thread, text="Bitte prüfen: Stimmt die Summe?").status == 303
    things["comment"] = re.findall(rf"{thread}/(\d+)", clerk.get(thread).body.decode())[0]
    page = citizen.get(f"/s/{things['link']}/schreiben")
    written = citizen.submit(page, page.path, text="Wann wird gebaut?")
    things["reply"] = str(written.tree.xpath("//input[@id='url']/@value")[0]).rpartition("/")[2]
    answer = citizen.request("POST", "/index.php/login/v2", b"", {"User-Agent": "Nextcloud auf Testgerät"})
    things["device"] = re.findall(rb"/flow/([^\"]+)", answer.body)[0].decode()
