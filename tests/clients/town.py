"""The ground on which people act under the sync clients: all there is, who has it in hand, who may know of it."""

from __future__ import annotations

import os
import random
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from davserver import settings
from davserver.founding import default_key
from davserver.house import House
from shareproviders.contract import Node
from shareproviders.paths import ROOT
from tests.clients.copies import TOKEN, escaped
from tests.davclient import DavClient, prop_body
from tests.nextcloud.conftest import OC
from tests.running import QUICK_HASHES

DRIVES = ("ba05", "ba06", "ba07")
PEOPLE = ("otto", "mia", "clara", "role", "user")
WORK = "/ba05/Arbeitsordner"
TRASH = "/remote.php/dav/trashbin/clara"
STALE = 8
"""Operations between two looks at what there is; meanwhile some are told that it is no longer there."""
ENOUGH = 70
"""Documents; with more than that there are new ones only as others go."""
SUFFIXES = (".txt", " Ä & b.odt", " (x).docx", " 100% #1.txt", " ü ö;.pdf", " 'é'.txt")


def named(path: str) -> set[str]:
    """What is unmistakable in the last name of a path."""
    return set(TOKEN.findall(path.rpartition("/")[2]))


def told(client: DavClient, path: str, name: str) -> str:
    """A property of ownCloud's; empty where there is nothing."""
    answer = client.propfind(escaped(path), "0", prop_body(f"{OC}{name}"))
    return (answer.member().text(f"{OC}{name}") or "") if answer.status == 207 else ""


@dataclass(frozen=True)
class Desk:
    """Where somebody works on the files that his sync client keeps."""

    user: str
    folder: Path
    """What the client keeps."""
    top: str
    """Beneath this path he works."""
    asking: DavClient
    """Himself, at the address that his client uses."""


@dataclass
class Ground:
    """The house from inside, its people, and what they have in hand until the next synchronisation."""

    house: House
    chance: random.Random
    people: dict[str, DavClient]
    """Clients with base `/dav`: clara and anna (clerks), otto (member)."""
    files: DavClient
    """Clara at the addresses of Nextcloud."""
    desks: list[Desk]
    done: Counter[str] = field(default_factory=Counter)
    """By verb: what succeeded."""
    everything: set[str] = field(default_factory=set)
    """Tokens of all names and contents."""
    secret: set[str] = field(default_factory=set)
    """Those of papers that only clara may discover, at no time anybody else."""
    nobodys: set[str] = field(default_factory=set)
    """Those of papers that not even she may."""
    held: dict[str, str] = field(default_factory=dict)
    """Path → whoever has edited it on his disk; nobody where it is new there, or gone."""
    written: set[str] = field(default_factory=set)
    """Contents that were written on disks and have not been sent yet, the last of each document."""
    sent: set[str] = field(default_factory=set)
    """Names of documents into which somebody has written over HTTP since the last synchronisation."""
    from_disks: set[str] = field(default_factory=set)
    """Tokens that came from somebody's disk, so that his own client need not have been told them."""
    contested: set[str] = field(default_factory=set)
    """Names of documents that two have written between two synchronisations."""
    paths: dict[str, bool] = field(default_factory=dict)
    """All there is, roughly: path → is it a folder."""
    thrown: list[tuple[str, str]] = field(default_factory=list)
    """(name in the trash, path)."""
    contents: dict[tuple[str, int, str | None], frozenset[str]] = field(default_factory=dict)
    """Tokens by drive, node and version."""
    story: list[str] = field(default_factory=list)
    """What happened, for whoever looks into a failure."""
    steps: int = 0
    moment: int = 0
    """How many names and contents were made."""
    recused: int = 0
    """The recusal that stands, if one does."""

    def token(self, kind: str) -> str:
        self.moment += 1
        made = f"{kind}{self.moment:05}q"
        self.everything.add(made)
        return made

    def content(self, path: str) -> bytes:
        """Of a length that no other has: rclone looks at size and second alone."""
        made = self.token("c")
        for kind in (self.secret, self.nobodys):
            if named(path) & kind:
                kind.add(made)
        self.story.append(f"{made} is for {path}")
        return f"{made} {'.' * self.moment} {made}\n".encode()

    def fresh_name(self) -> str:
        return self.token("n") + self.chance.choice(SUFFIXES)

    def told(self, about: object) -> list[str]:
        """What happened to whatever is named there, and the recusals."""
        asked = set(TOKEN.findall(repr(about)))
        return [line for line in self.story if asked & set(TOKEN.findall(line)) or line.startswith(PEOPLE)]

    def look(self) -> dict[str, Node]:
        """All there is, whoever may see it; files of programs are left out."""
        found: dict[str, Node] = {}
        with self.house.database.read():
            for drive in DRIVES:
                share = self.house.share(drive)
                waiting = [(f"/{drive}", share.stat(ROOT))]
                while waiting:
                    path, folder = waiting.pop()
                    for node in share.children(folder):
                        if ".~" not in node.name:
                            found[f"{path}/{node.name}"] = node
                            if node.is_collection:
                                waiting.append((f"{path}/{node.name}", node))
        self.paths = {path: node.is_collection for path, node in found.items()}
        return found

    def hidden(self, shown: set[str]) -> set[str]:
        """Tokens of names and contents of all there is, but for what somebody is shown."""
        tokens: set[str] = set()
        for path, node in self.look().items():
            tokens |= named(path)
            if not node.is_collection:
                drive = path.split("/")[1]
                version = (drive, node.id, node.entity_tag)
                if version not in self.contents:
                    content = b"".join(self.house.share(drive).read(node))
                    self.contents[version] = frozenset(TOKEN.findall(content.decode("latin-1")))
                tokens |= self.contents[version]
        return tokens - shown

    def folders(self, drive: str = "") -> list[str]:
        own = [f"/{each}" for each in DRIVES] + [WORK] * 3
        made = [path for path, folder in self.paths.items() if folder and TOKEN.search(path)]
        every = [path for path in own + made if path.startswith(f"/{drive}" if drive else "/")]
        return [path for path in every if path.count("/") < 5]

    def documents(self) -> list[str]:
        return [path for path, folder in self.paths.items() if not folder and TOKEN.search(path)]

    def whose(self, path: str) -> DavClient:
        if path.startswith("/ba06"):
            return self.people["anna"]
        return self.people[self.chance.choice(("clara", "otto")) if path.startswith(WORK) else "clara"]

    def free(self, path: str) -> bool:
        """Nobody has it in hand, nor anything above or beneath it."""
        return not any(f"{path}/".startswith(f"{each}/") or f"{each}/".startswith(f"{path}/") for each in self.held)

    def mark_secret(self, source: str, target: str) -> None:
        """The name that something gets is as secret as the one that it had."""
        for kind in (self.secret, self.nobodys):
            if named(source) & kind:
                kind.update(named(target))

    def is_secret(self, path: str) -> bool:
        return bool(named(path) & (self.secret | self.nobodys))


def inside(data: Path) -> House:
    """The house of a server that runs, as a command of the operator opens it."""
    return House.open(data, default_key(data), settings.load(data, {**os.environ, **QUICK_HASHES}))
