"""Files that programs make tell nobody anything: a hidden paper is edited while another member watches its folder.

Must-show 2 of the issue "Clients"; protocol.md §2 (owner files, temp files) and rights.md §4 (views of their own).
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from tests.clients.conversation import Replay, read
from tests.clients.libreoffice import need_office, office
from tests.clients.mounts import davfs, eventually, fresh_collection, need_fuse
from tests.davclient import Answer, DavClient, prop_body
from tests.foreign import need
from tests.running import RunningServer, command, copied, start

NAMED = prop_body(
    *("getetag", "getlastmodified", "getcontentlength", "resourcetype", "lockdiscovery", "displayname"),
    *("quota-used-bytes", "quota-available-bytes", "current-user-privilege-set"),
)
CHANGES = (
    "<D:sync-collection xmlns:D='DAV:'><D:sync-token>{token}</D:sync-token><D:sync-level>{level}</D:sync-level>"
    "<D:prop><D:getetag/></D:prop></D:sync-collection>"
)
TOKEN = re.compile(rb"<D:sync-token>([^<]+)</D:sync-token>")
PROBES = ("~$rlage.docx", ".~lock.Vorlage.docx#", ".~lock.Geheim.odt#", "~WRD0003.tmp", "~WRL0001.tmp", "._Geheim.odt")


@pytest.fixture(scope="module")
def served(installed: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """A server on which nothing else happens: whatever changes for the watcher, these tests have done."""
    with start(copied(installed, tmp_path_factory.mktemp("hidden")), workers=2) as running:
        yield running


@pytest.fixture
def folder(served: RunningServer) -> Iterator[DavClient]:
    """The clerk in a folder with an open paper; members read and write there."""
    base = fresh_collection(served, "ba05")
    with served.client("clara", base) as clerk:
        clerk.put("/offen.txt", b"offen")
        yield clerk


class Watcher:
    """A member who polls: what he is told of the folder and of the drive, as one value."""

    def __init__(self, served: RunningServer, base: str) -> None:
        self._client, self._drive = served.client("otto", base), served.client("otto", "/dav/ba05")
        self.seen: list[tuple[bytes, ...]] = []

    def look(self) -> tuple[bytes, ...]:
        client, drive = self._client, self._drive
        return (
            client.propfind("", "1").body,
            client.propfind("", "1", NAMED).body,
            drive.propfind("/", "1", NAMED).body,
            drive.propfind("/Arbeitsordner", "1", NAMED).body,
            self._changed(client, "1"),
            self._changed(drive, "infinite"),
            *(str(client.propfind(f"/{name}").status).encode() for name in PROBES),
        )

    def _changed(self, client: DavClient, level: str) -> bytes:
        """RFC 6578 from the beginning, and from there: members and tokens."""
        body = CHANGES.format(token="", level=level)
        first = client.request("REPORT", "/", body, {"Depth": "0"})
        token = TOKEN.search(first.body)
        if token is None:
            return first.body
        body = CHANGES.format(token=token[1].decode(), level=level)
        return first.body + client.request("REPORT", "/", body, {"Depth": "0"}).body

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Look, look all the time in a thread of its own, and look once more at the end."""
        self.seen = [self.look()]
        done, failed = threading.Event(), list[BaseException]()

        def poll() -> None:
            try:
                while not done.wait(0.05):
                    self.seen.append(self.look())
            except BaseException as error:  # noqa: BLE001 (told by the test below)
                failed.append(error)

        thread = threading.Thread(target=poll)
        thread.start()
        try:
            yield
        finally:
            done.set()
            thread.join()
        assert not failed, failed
        self.seen.append(self.look())

    def close(self) -> None:
        self._client.close()
        self._drive.close()


@pytest.fixture
def watcher(served: RunningServer, folder: DavClient) -> Iterator[Watcher]:
    found = Watcher(served, folder.base)
    yield found
    found.close()


def hide(served: RunningServer, folder: DavClient, name: str) -> None:
    """From now on a paper of the office alone."""
    command("label", f"{folder.base.removeprefix('/dav/')}/{name}", "--class", "office", data=served.data)


def learned_nothing(watcher: Watcher) -> None:
    """Not a name, not a byte, however often he looked."""
    assert len(watcher.seen) >= 3
    assert b"offen.txt" in watcher.seen[0][0]
    for seen in watcher.seen:
        for now, before in zip(seen, watcher.seen[0], strict=True):
            assert now == before
    assert watcher.seen[0][-len(PROBES) :] == (b"404",) * len(PROBES)


def test_the_watcher_sees_what_is_not_hidden(folder: DavClient, watcher: Watcher) -> None:
    """He would notice: a paper that he may see, a lock on it, its owner file."""
    with watcher.watching():
        folder.put("/neu.odt", b"x" * 7)
        token = folder.lock("/neu.odt").lock_token
        eventually(lambda: len(set(watcher.seen)) > 1)
        folder.put("/.~lock.neu.odt#", b"clara")
        folder.unlock("/neu.odt", token)
    assert len(set(watcher.seen)) > 2
    assert b".~lock.neu.odt#" in watcher.seen[-1][0]


def test_word_edits_a_hidden_paper(served: RunningServer, folder: DavClient, watcher: Watcher) -> None:
    """On a mapped drive: owner file, temp files, renames, locks (conversation office-mapped-drive)."""
    assert folder.put("/Vorlage.docx", b"x" * 20000).status == 201
    hide(served, folder, "Vorlage.docx")
    conversation = read("office-mapped-drive")
    steps = [step for step in conversation.steps if step.get("responses", 1) == 1]  # its listings lack the open paper
    with watcher.watching():
        for _ in range(3):
            assert Replay(folder, replace(conversation, steps=tuple(steps[:-1]))).run() == []  # without its DELETE
    learned_nothing(watcher)
    assert folder.head("/Vorlage.docx").headers["Content-Length"] == "23456"


def test_libreoffice_edits_a_hidden_paper_on_a_mount(
    served: RunningServer, folder: DavClient, watcher: Watcher
) -> None:
    """Real LibreOffice on a real davfs2 mount: owner file, temp file, rename over the paper, twice."""
    need("mount.davfs")
    need_fuse()
    need_office()
    with davfs(served, folder.base) as mount, office("clara", served) as suite:
        url = (mount / "Geheim.odt").as_uri()
        suite.done("new", url=url, text="Anfang.")
        suite.done("close", url=url)
        eventually(lambda: folder.head("/Geheim.odt").status == 200)
        hide(served, folder, "Geheim.odt")
        tag, names = folder.head("/Geheim.odt").etag, set[str]()
        with watcher.watching():
            assert suite.done("open", url=url)["readonly"] is False
            for number in range(2):
                suite.done("append", url=url, text=f" Fassung {number}.")
                suite.done("save", url=url)
                names |= set(folder.names(""))
            suite.done("close", url=url)
            eventually(lambda: folder.head("/Geheim.odt").etag != tag)
        assert any(name.startswith((".~lock.", "lu")) for name in names), names
        assert folder.head("/Geheim.odt").etag != tag
    learned_nothing(watcher)


def test_no_byte_when_the_paper_is_deleted_and_comes_back(
    served: RunningServer, folder: DavClient, watcher: Watcher
) -> None:
    """What owner and temp files take up counts for nobody, also while nothing stands for the paper itself."""
    assert folder.put("/Geheim.odt", b"x" * 20000).status == 201
    hide(served, folder, "Geheim.odt")
    watcher.seen = [watcher.look()]
    steps: tuple[Callable[[], Answer], ...] = (
        lambda: folder.put("/.~lock.Geheim.odt#", b"y" * 63),
        lambda: folder.put("/lu1b.tmp", b"z" * 700),
        lambda: folder.delete("/Geheim.odt"),
        lambda: folder.move("/lu1b.tmp", "/Geheim.odt"),
    )
    for step in steps:
        assert step().status in (201, 204)
        watcher.seen.append(watcher.look())
    learned_nothing(watcher)
