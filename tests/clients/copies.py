"""Five readers' copies of the server's tree, each kept by another client, and what the server shows those readers."""

from __future__ import annotations

import re
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple, Protocol

from tests.clients.relays import RecordingRelay, readings
from tests.clients.syncing import OWN_FILES, Device
from tests.davclient import DavClient
from tests.foreign import need
from tests.mirror import Known, Mirror, listing

TOKEN = re.compile(r"[nc]\d{5}q")
"""What is in every name and in every content of the test, each its own."""
CONFLICT = re.compile(r"(.*) \(conflicted copy [^)]*\)(.*)", re.DOTALL)
Tree = dict[str, bytes | None]
"""Path below the drives → bytes of a document, None for a folder."""
LISTED_ONLY = b"(may be listed, not read)"
"""In the place of bytes: a draft, of which members know the name."""
SECONDS = 120


def escaped(path: str) -> str:
    return path.replace("%", "%25")


def tokens(tree: Tree) -> set[str]:
    """All that stands in its names and documents."""
    return {
        token
        for path, content in tree.items()
        for text in (path, (content or b"").decode("latin-1"))
        for token in TOKEN.findall(text)
    }


class Copy(Protocol):
    """What one client has of the server."""

    def sync(self) -> None:
        """One run."""

    def tree(self) -> Tree: ...


def fetched(client: DavClient, found: dict[str, Known], kept: dict[tuple[str, str | None], bytes]) -> Tree:
    """The documents of a listing, those that are not `kept` by path and entity tag from the server."""
    tree: Tree = {}
    for path, what in found.items():
        if not what.is_collection and (path, what.tag) not in kept:
            answer = client.get(escaped(path))
            assert answer.status in (200, 403), (path, answer.status)
            kept[path, what.tag] = answer.body if answer.status == 200 else LISTED_ONLY
        tree[path] = None if what.is_collection else kept[path, what.tag]
    return tree


def below(base: str, tree: Tree) -> Tree:
    return {base + path: content for path, content in tree.items()}


class Lists:
    """What the server shows one reader through his own front end, asked by PROPFIND and GET and not by his client."""

    def __init__(self, client: DavClient, base: str = "") -> None:
        """`base` is put before all paths."""
        self.client, self._base = client, base
        self._kept: dict[tuple[str, str | None], bytes] = {}
        self.mirrored = client.base.startswith("/remote.php/")

    def names(self) -> dict[str, Known]:
        return listing(self.client) if self.client.propfind("").status == 207 else {}

    def tree(self, *, afresh: bool = False) -> Tree:
        """At the addresses for sync clients a document is fetched if its tag was not met yet, or `afresh`.

        Elsewhere every one: there a document can cease to be readable and stay listed, under the same tag.
        """
        if afresh or not self.mirrored:
            self._kept.clear()
        return below(self._base, fetched(self.client, self.names(), self._kept))


class ReportCopy:
    """Kept by sync-collection (RFC 6578) on one drive; documents are fetched where their tag is new."""

    def __init__(self, client: DavClient, base: str) -> None:
        self.client, self._base = client, base
        self.mirror = Mirror(client, limit=40)
        self._kept: dict[tuple[str, str | None], bytes] = {}

    def sync(self) -> None:
        if self.client.propfind("").status == 404:  # his mandate has ended, the drive is no more
            self.mirror.token, self.mirror.copy = "", {}
        else:
            self.mirror.sync()
        self._kept = {key: kept for key, kept in self._kept.items() if kept != LISTED_ONLY}

    def tree(self) -> Tree:
        return below(self._base, fetched(self.client, self.mirror.copy, self._kept))


class DeviceCopy:
    """A folder on disk that nextcloudcmd or owncloudcmd keeps; its owner works in it."""

    def __init__(self, device: Device) -> None:
        self.device = device
        self.conflicts: list[str] = []
        self._said = ""

    def sync(self) -> None:
        """One run, however it ends: while the server is away it fails, and the next one goes on."""
        self.device.forget_failures()
        self._said = self.device.run().stderr

    def __repr__(self) -> str:
        lines = [line for line in self._said.splitlines() if "error" in line.lower() or TOKEN.search(line)]
        return "\n".join([self.device.program, *lines])

    def tree(self) -> Tree:
        """Without the copies that conflicts have left, which are told apart."""
        found = on_disk(self.device.folder)
        self.conflicts = [path for path in found if CONFLICT.fullmatch(path)]
        return {path: content for path, content in found.items() if path not in self.conflicts}


@dataclass(frozen=True)
class RcloneCopy:
    """A folder on disk that `rclone sync` makes equal to the server."""

    config: Path
    folder: Path

    def sync(self) -> None:
        words = ["--config", str(self.config), "--retries", "1", "sync", "d:", str(self.folder)]
        options = ["--create-empty-src-dirs", "--checkers", "2", "--ignore-errors"]
        done = subprocess.run(
            [need("rclone"), *words, *options], capture_output=True, text=True, timeout=SECONDS, check=False
        )
        failed = [line for line in done.stderr.splitlines() if "Failed to copy" in line]
        assert done.returncode == 0 or failed, done.stderr
        assert all("403 Forbidden" in line for line in failed), done.stderr  # a draft, of which it knows the name

    def tree(self) -> Tree:
        return on_disk(self.folder)


def seen_on_disk(folder: Path) -> Iterator[tuple[str, bool]]:
    """All that people see of a folder, each with whether it is one itself."""
    for path in folder.rglob("*"):
        if not path.name.startswith(OWN_FILES):
            yield f"/{path.relative_to(folder)}", path.is_dir()


def on_disk(folder: Path) -> Tree:
    """The same with the bytes."""
    return {path: None if is_folder else (folder / path[1:]).read_bytes() for path, is_folder in seen_on_disk(folder)}


class Difference(NamedTuple):
    """What a copy lacks, has too much, and has with other bytes."""

    lacking: list[str]
    surplus: list[str]
    other: list[str]


@dataclass
class Reader:
    """One who keeps a copy: what he is shown, what his client was told."""

    name: str
    copy: Copy
    lists: Lists
    relay: RecordingRelay
    ever: set[str] = field(default_factory=set)
    """Tokens of all that he was ever shown."""
    told: set[str] = field(default_factory=set)
    """Tokens of all that ever came over his line."""
    seconds: float = 0.0
    """Spent by his client."""

    def sync(self) -> None:
        start = time.monotonic()
        self.copy.sync()
        self.seconds += time.monotonic() - start

    def difference(self, shown: Tree) -> Difference | None:
        """None if the copy is what the server shows.

        Of what may only be listed a client can have nothing, or what it was before: no listing tells it more. Nor does
        rclone make the folders in which nothing else stands.
        """
        listed = {path for path, content in shown.items() if content == LISTED_ONLY}
        assert not (listed and self.lists.mirrored), listed
        above = {path for path in shown if any(each.startswith(f"{path}/") for each in listed)}
        has = {path: content for path, content in self.copy.tree().items() if path not in listed}
        shown = {path: content for path, content in shown.items() if path not in listed}
        shown = {path: content for path, content in shown.items() if path not in above or path in has}
        lacking, surplus = sorted(shown.keys() - has.keys()), sorted(has.keys() - shown.keys())
        other = sorted(path for path in shown.keys() & has.keys() if shown[path] != has[path])
        return Difference(lacking, surplus, other) if lacking or surplus or other else None

    def leaks(self, shown: set[str], everything: set[str], hidden: set[str]) -> set[str]:
        """Tokens that came over his line since the last call though he must not know them.

        `everything` was made at some time: of it he may know what he was ever shown, but for what is `hidden` now.
        """
        self.ever |= shown
        heard = {token for piece in self.relay.taken() for text in readings(piece) for token in TOKEN.findall(text)}
        self.told |= heard
        return heard & ((everything - self.ever) | (hidden - shown))
