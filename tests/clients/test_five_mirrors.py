"""Five sync clients, 2,000 random operations, restarts and changes of rights in between (must-show 2 of issue Clients).

Each client keeps a copy for a reader of other rights. At each checkpoint the copy equals, names and bytes, what the
server shows that reader when it is asked anew (RFC 6578, rights.md §4); and in no answer that ever went over his line
is a name or a content of a paper that he may not discover.
"""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from acl.labels import Classification
from davserver.accounts import PEPPER_SECRET, create_app_password
from tests.clients.copies import (
    DeviceCopy,
    Difference,
    Lists,
    RcloneCopy,
    Reader,
    ReportCopy,
    Tree,
    on_disk,
    tokens,
)
from tests.clients.desks import BY_DISK, VERBS, Town
from tests.clients.relays import RecordingRelay
from tests.clients.syncing import Device
from tests.clients.test_rclone import configured
from tests.clients.town import Desk, inside, named
from tests.davclient import DavClient
from tests.foreign import need
from tests.nextcloud.conftest import FILES
from tests.running import command, start
from tests.soaking import SOAK

OPERATIONS = 2_000 if SOAK else 1_000
EACH = 100
"""Operations between two checkpoints."""
POLL = 20
"""Operations between two looks of the client that keeps step by RFC 6578."""
SEED = 6578
STOPS = (230, 790, 1510) if SOAK else (230, 790)
"""After so many operations the server is stopped (SIGTERM) and started again."""
KILLED_AT = 1_100 if SOAK else 500
"""At this checkpoint it is killed (SIGKILL) under the clients."""
ROUNDS = 6
"""Runs until two who write are of one mind; one that sends, one that fetches, and some if they were interrupted."""
PEOPLE = {
    "clara": {"ba05": "clerk", "ba07": "clerk"},
    "otto": {"ba05": "member"},
    "mia": {"ba05": "member"},
    "gina": {"ba06": "member", "ba07": "member"},
    "anna": {"ba06": "clerk"},
}


def declarations() -> str:
    people = "".join(
        f'[[person]]\nuser = "{name}"\nname = "{name.title()}"\nundertaking = 2020-05-12\n' for name in PEOPLE
    )
    committees = "".join(
        f'[[committee]]\nid = "{drive}"\nname = "{drive}"\ndefault_class = "public"\nhas_meetings = false\n'
        + "".join(
            f'[[committee.mandate]]\nuser = "{name}"\nrole = "{offices[drive]}"\nstart = 2020-05-01\n'
            for name, offices in PEOPLE.items()
            if drive in offices
        )
        for drive in ("ba05", "ba06", "ba07")
    )
    return people + committees


class Scene:
    """The server, the town that changes its tree, and five readers."""

    def __init__(self, directory: Path, stack: ExitStack) -> None:
        data = directory / "data"
        command("init", data=data)
        (directory / "people.toml").write_text(declarations(), encoding="utf-8")
        command("apply", str(directory / "people.toml"), data=data)
        self._stack, self.data = stack, data
        self.house = inside(data)
        stack.callback(self.house.close)
        self.server = start(data, workers=2)
        stack.callback(self.end)
        self.starts = 1
        self.full = {name: self.password(name, max_class=Classification.OFFICE) for name in PEOPLE}
        on_devices = {name: self.password(name) for name in PEOPLE}
        self.readers = [
            self.desktop(directory, "otto", "nextcloudcmd", on_devices["otto"]),
            self.desktop(directory, "clara", "owncloudcmd", self.full["clara"]),
            self.by_report("mia", self.full["mia"]),
            self.rclone(directory, "gina", self.full["gina"], "other", "/dav"),
            self.rclone(directory, "clara", self.password("clara", read_only=True), "nextcloud", f"{FILES}/clara"),
        ]
        self.otto, self.clara, self.mia, *_ = self.readers
        self.town = self.a_town()
        stack.callback(self.hang_up)

    def a_town(self) -> Town:
        people = {name: DavClient(self.server.url, name, self.full[name], "/dav") for name in ("clara", "otto", "anna")}
        desks = []
        for reader, top in ((self.otto, "/ba05/Arbeitsordner"), (self.clara, "/ba0")):
            assert isinstance(reader.copy, DeviceCopy)
            desks.append(Desk(reader.name, reader.copy.device.folder, top, reader.lists.client))
        return Town(self.house, random.Random(SEED), people, self.clara.lists.client, desks)

    def password(self, user: str, **terms: Any) -> str:
        """Of an app for this user."""
        pepper = self.house.keys.secret(PEPPER_SECRET)
        with self.house.database.transaction() as connection:
            return create_app_password(connection, pepper, user, "tests", self.house.clock(), **terms).shown

    def relay(self) -> RecordingRelay:
        relay = RecordingRelay(self.server.port)
        self._stack.callback(relay.close)
        return relay

    def lists(self, user: str, password: str, address: str, base: str = "") -> Lists:
        return Lists(DavClient(self.server.url, user, password, address), base)

    def desktop(self, directory: Path, user: str, program: str, password: str) -> Reader:
        need(program)
        relay = self.relay()
        device = Device(program, user, f"http://127.0.0.1:{relay.port}/", directory / program, password)
        lists = self.lists(user, password, f"{FILES}/{user}")
        return Reader(user, DeviceCopy(device), lists, relay)

    def by_report(self, user: str, password: str) -> Reader:
        relay, base = self.relay(), "/ba05"
        client = DavClient(f"http://127.0.0.1:{relay.port}", user, password, f"/dav{base}")
        return Reader(user, ReportCopy(client, base), self.lists(user, password, client.base, base), relay)

    def rclone(self, directory: Path, user: str, password: str, vendor: str, address: str) -> Reader:
        relay, room = self.relay(), directory / f"rclone-{vendor}"
        (room / "copy").mkdir(parents=True)
        config = configured(room, f"http://127.0.0.1:{relay.port}{address}", vendor, user, password)
        return Reader(user, RcloneCopy(config, room / "copy"), self.lists(user, password, address), relay)

    # -- restarts -----------------------------------------------------------------------------------------------

    def end(self) -> None:
        """Whatever server runs now."""
        with self.server:
            pass

    def restart(self, end: Callable[[], object]) -> None:
        end()
        self.server = start(self.data, workers=2, port=self.server.port)
        self.starts += 1
        self.hang_up()

    def kill_under(self, readers: list[Reader]) -> None:
        """SIGKILL while their clients are at work."""
        killer = threading.Timer(0.2, self.server.kill)
        killer.start()
        together(readers)
        killer.join()
        self.restart(lambda: None)

    def hang_up(self) -> None:
        assert isinstance(self.mia.copy, ReportCopy)
        asking = [reader.lists.client for reader in self.readers]
        for client in (*self.town.people.values(), *asking, self.mia.copy.client):
            client.close()

    # -- what must hold -----------------------------------------------------------------------------------------

    def poll(self) -> None:
        """Keep step by RFC 6578 in the middle of it all."""
        self.mia.sync()
        names = self.mia.lists.names()
        assert isinstance(self.mia.copy, ReportCopy)
        assert self.mia.copy.mirror.copy.keys() == names.keys()
        self.demand_silence(self.mia, dict.fromkeys(names))

    def checkpoint(self, number: int, *, afresh: bool = False) -> None:
        """All are quiet, and every copy is what its reader is shown."""
        writers, readers = self.readers[:2], self.readers[2:]
        for reader in writers:  # what one of them finds now the other may have replaced when both are quiet
            reader.ever |= tokens(reader.lists.tree())
        for round_number in range(ROUNDS):
            if (number, round_number) == (KILLED_AT, 0):
                self.kill_under(writers)
            else:
                together(writers)
            shown = [reader.lists.tree() for reader in writers]
            differences = [reader.difference(tree) for reader, tree in zip(writers, shown, strict=True)]
            if not any(differences):
                break
        for reader, difference in zip(writers, differences, strict=True):
            self.demand_none(number, reader, difference)
        self.demand_nothing_lost()
        together(readers)
        for reader in self.readers:
            tree = reader.lists.tree(afresh=afresh)
            self.demand_none(number, reader, reader.difference(tree))
            self.demand_silence(reader, tree)
        self.town.settle()

    def demand_none(self, number: int, reader: Reader, difference: Difference | None) -> None:
        if difference is not None:
            story = "\n".join(self.town.told(difference))
            pytest.fail(f"after {number} {reader.copy}: {difference}\n{story}")

    def demand_silence(self, reader: Reader, tree: Tree) -> None:
        """He was told nothing that he may not know, and is shown nothing that he may never know."""
        shown = tokens(tree)
        leaks = reader.leaks(shown, self.town.everything, self.town.hidden(shown))
        never = self.town.nobodys | (set() if reader is self.clara else self.town.secret)
        leaks |= (shown | reader.told) & never
        if leaks:
            where = {path: tokens({path: content}) for path, content in tree.items() if tokens({path: content}) & leaks}
            story = "\n".join([*self.town.told(leaks), *self.town.told(where)])
            pytest.fail(f"{reader.name} learns of {leaks}, secret: {leaks & never}; shown in {where}\n{story}")

    def demand_nothing_lost(self) -> None:
        """What was written on a disk is there, or beside what another has written into the same document."""
        there = set[str]()
        for reader in self.readers[:2]:
            assert isinstance(reader.copy, DeviceCopy)
            folder = reader.copy.device.folder
            there |= tokens(on_disk(folder))
            for path in reader.copy.conflicts:
                assert named(path) & self.town.contested, (path, "\n".join(self.town.told(path)))
                self.conflicts += 1
                (folder / path[1:]).unlink()
        assert self.town.written <= there

    def demand_that_it_can_fail(self) -> None:
        """All verbs had effect, the clients were shown and told much, and much was hidden from each of them."""
        rare = {verb: self.town.done[verb] for verb in VERBS if self.town.done[verb] < OPERATIONS // 400}
        assert not rare
        assert sum(self.town.done[verb] for verb in BY_DISK) > OPERATIONS // 10
        assert self.starts == 1 + len(STOPS) + 1
        assert isinstance(self.mia.copy, ReportCopy)
        assert self.mia.copy.mirror.afresh > 5, "rights changed beneath its tokens"
        for reader in self.readers:
            shown = tokens(reader.lists.tree())
            assert shown - self.town.from_disks <= reader.told, "what he is shown came over the line that is watched"
            assert len(self.town.hidden(shown)) > 5, reader.name

    conflicts = 0
    """Copies that clients have made where two wrote."""


def together(readers: list[Reader]) -> None:
    with ThreadPoolExecutor(len(readers)) as crew:
        for done in [crew.submit(reader.sync) for reader in readers]:
            done.result()


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    with ExitStack() as stack:
        yield Scene(tmp_path, stack)


def test_every_copy_is_what_its_reader_is_shown(scene: Scene) -> None:
    """And no name that is hidden from him is in any answer, ever."""
    town, disputed = scene.town, 0
    for number in range(1, OPERATIONS + 1):
        town.step()
        if number % POLL == 0:
            scene.poll()
        if number in STOPS:
            scene.restart(scene.server.stop)
        if number % EACH == 0:
            disputed += len(town.contested)
            scene.checkpoint(number, afresh=number == OPERATIONS)
    assert scene.conflicts <= disputed <= OPERATIONS // 20, "copies are made where two wrote, and there only"
    scene.demand_that_it_can_fail()
