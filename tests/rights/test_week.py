"""One week, played: after each step every role finds exactly what `week.txt` says (must-show 7)."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.davclient import DavClient, prop_body
from tests.running import PASSWORD, RunningServer, command, start

TABLE = Path(__file__).with_name("week.txt")
ROLES = {"clara": "clerk", "vera": "chair", "otto": "member", "uli": "member", "pia": "press", "sam": ""}
PUBLIC, NON_PUBLIC = 100, 17
SERIES = re.compile(r"P(\d\d)-P(\d\d)\.(\w+)")
TIMES = (
    '<D:set><D:prop xmlns:Z="urn:schemas-microsoft-com:"><Z:Win32LastModifiedTime>'
    "Mon, 30 Nov 2026 09:00:00 GMT</Z:Win32LastModifiedTime></D:prop></D:set>"
)


def committee() -> str:
    people = "".join(
        f'[[person]]\nuser = "{name}"\nname = "{name.title()}"\nundertaking = 2020-05-12\n' for name in ROLES
    )
    mandates = "".join(
        f'[[committee.mandate]]\nuser = "{name}"\nrole = "{role}"\nstart = 2020-05-01\n'
        for name, role in ROLES.items()
        if role
    )
    return f'{people}[[committee]]\nid = "ba05"\nname = "BA 5"\n{mandates}'


def wanted() -> dict[str, dict[str, set[str]]]:
    """The table: step → person → names."""
    found: dict[str, dict[str, set[str]]] = {}
    for line in TABLE.read_text("utf-8").splitlines():
        first, _, rest = line.partition(" ")
        if first == "step":
            found[rest.strip()] = {}
        elif first in ROLES:
            found[list(found)[-1]][first] = {name for word in rest.split() for name in named(word)} - {"-"}
    return found


def named(word: str) -> list[str]:
    match = SERIES.fullmatch(word)
    if match is None:
        return [word]
    return [f"P{number:02}.{match[3]}" for number in range(int(match[1]), int(match[2]) + 1)]


class Week:
    """The clerk's hands, and everybody's eyes."""

    def __init__(self, server: RunningServer, clients: dict[str, DavClient]) -> None:
        self.server, self.clients = server, clients
        self.clerk = clients["clara"]
        self.meeting = "2026-12-07 Vollgremium"

    def run(self, *words: str) -> str:
        return command(*words, data=self.server.data)

    def found(self, person: str) -> set[str]:
        """Names of all documents beneath the meeting's folder, as this person's drive shows them."""
        client, names, waiting = self.clients[person], set[str](), [f"/{self.meeting}"]
        while waiting:
            folder = waiting.pop()
            answer = client.propfind(folder, "1", prop_body("resourcetype"))
            if answer.status == 404:
                continue
            own = client.base + folder
            for href, member in answer.members().items():
                if href == own:
                    continue
                name = href.rpartition("/")[2]
                if member.is_collection:
                    waiting.append(f"{folder}/{name}")
                else:
                    names.add(name)
        return names

    def folder(self, number: str) -> str:
        """Where the item with this number is kept."""
        (name,) = (name for name in self.clerk.names(f"/{self.meeting}") if re.match(rf"{number}\b", name))
        return f"/{self.meeting}/{name}"

    def upload(self, folder: str, name: str, content: bytes = b"PK paper") -> None:
        """As Explorer does it: an empty file, a lock, the times, the bytes, the lock goes."""
        path = f"{folder}/{name}"
        assert self.clerk.put(path, b"").status == 201
        token = self.clerk.lock(path).lock_token
        held = {"If": f"(<{token}>)"}
        assert self.clerk.proppatch(path, TIMES, **held).status == 207
        assert self.clerk.put(path, content, **held).status == 204
        assert self.clerk.proppatch(path, TIMES, **held).status == 207
        assert self.clerk.unlock(path, token).status == 204

    # -- the steps, in the words of the table ---------------------------------------------------------------------

    def agenda(self, directory: Path) -> None:
        rows = [f"{n};Punkt {n}: Anhörung;public" for n in range(1, PUBLIC + 1)]
        rows += [f"N {n};Vergabe {n};non_public" for n in range(1, NON_PUBLIC + 1)]
        (directory / "agenda.csv").write_text("number;title;part\n" + "\n".join(rows) + "\n", "utf-8")
        when = ("--start", "2026-12-07T19:00", "--end", "2026-12-07T22:00")
        self.run("meeting", "add", "ba05", "2026-12-07", "--title", "Vollgremium", *when)
        self.run("item", "import", "ba05", "2026-12-07", str(directory / "agenda.csv"))
        assert len(self.clerk.names(f"/{self.meeting}")) == PUBLIC + NON_PUBLIC

    def papers(self) -> None:
        folders = sorted(self.clerk.names(f"/{self.meeting}"))
        public = [name for name in folders if not name.startswith("N")]
        others = [name for name in folders if name.startswith("N")]
        for number, name in enumerate([*public[:70], *others[:10]], 1):
            self.upload(f"/{self.meeting}/{name}", f"P{number:02}.docx")

    def misplaced(self) -> None:
        self.upload(self.folder("001"), "Irrtum.docx")

    def taken_back(self) -> None:
        assert self.clerk.move(f"{self.folder('001')}/Irrtum.docx", f"{self.folder('N 11')}/Irrtum.docx").status == 201

    def late(self) -> None:
        self.upload(self.folder("002"), "Nachtrag.docx")
        self.upload(self.folder("N 12"), "Tischvorlage.docx")
        assert self.clients["otto"].get(f"{self.folder('002')}/Nachtrag.docx").status == 403

    def late_released(self) -> None:
        paths = (f"{self.folder('002')}/Nachtrag.docx", f"{self.folder('N 12')}/Tischvorlage.docx")
        self.run("release", *(f"ba05{path}" for path in paths))
        assert self.clients["otto"].get(paths[0]).status == 200
        assert self.clients["otto"].get(paths[1]).status == 404

    def renumbered(self) -> None:
        old = f"{self.folder('007')}/P07.docx"
        token = self.clerk.lock(old).lock_token
        self.run("item", "renumber", "ba05", "2026-12-07", "7=118")
        assert self.clerk.put(old, b"saved by Word", If=f"(<{token}>)").status == 204
        assert self.clerk.get(f"{self.folder('118')}/P07.docx").body == b"saved by Word"
        assert self.clerk.unlock(old, token).status == 204

    def recused(self) -> None:
        hidden = self.folder("005"), self.folder("N 01")
        for folder in hidden:
            self.run("recuse", "uli", f"ba05{folder}")
        assert [self.clients["uli"].propfind(folder).status for folder in hidden] == [404, 404]

    def minutes(self) -> None:
        template = "/Arbeitsordner/Vorlage.docx"
        assert self.clerk.put(template, b"template").status == 201
        assert self.clerk.copy(template, f"/{self.meeting}/Niederschrift.docx").status == 201

    def released(self) -> None:
        self.run("meeting", "state", "ba05", "2026-12-07", "agenda_released")

    def minutes_released(self) -> None:
        self.run("release", f"ba05/{self.meeting}/Niederschrift.docx")

    def published(self) -> None:
        self.run("label", f"ba05{self.folder('001')}", "--publish", "2026-01-01")


@pytest.fixture
def week(tmp_path: Path) -> Iterator[Week]:
    data = tmp_path / "data"
    command("init", data=data)
    (tmp_path / "committee.toml").write_text(committee(), "utf-8")
    command("apply", str(tmp_path / "committee.toml"), data=data)
    for name in ROLES:
        command("user", "passwd", name, "--password-stdin", data=data, text=PASSWORD + "\n")
    with start(data) as server, ExitStack() as stack:
        yield Week(server, {name: stack.enter_context(server.client(name, "/dav/ba05")) for name in ROLES})


def test_one_week(week: Week, tmp_path: Path) -> None:
    """After each step, everybody's listing is that of the table."""
    steps: dict[str, Callable[[], None]] = {
        "117 items are imported": lambda: week.agenda(tmp_path),
        "80 papers are uploaded as Explorer does": week.papers,
        "one is dropped in the wrong folder": week.misplaced,
        "and taken back": week.taken_back,
        "the agenda is released": week.released,
        "two papers are late": week.late,
        "and are released": week.late_released,
        "item 7 gets another number while Word holds a paper of it": week.renumbered,
        "uli is recused from item 5 and from N 1": week.recused,
        "the minutes are made from a copied template": week.minutes,
        "and released": week.minutes_released,
        "item 1 is published": week.published,
    }
    table = wanted()
    assert list(table) == list(steps)
    for step, act in steps.items():
        act()
        for person, names in table[step].items():
            assert week.found(person) == names, f"{step}: {person}"
