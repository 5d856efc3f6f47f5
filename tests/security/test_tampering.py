"""Whoever alters the disk or the database gets a refusal from the running server, never a wrong byte.

Must-show 5 of the drive; reference bar S-29. The 5,000 cases at the storage itself are in `tests/shares`; here some
300 more go through the whole server: a 500, or an answer that breaks off before the first altered byte, and a line in
the log for each damaged document.
"""

from __future__ import annotations

import http.client
import json
import random
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.clients.mounts import eventually
from tests.davclient import DavClient
from tests.running import RunningServer, command, copied, start
from tests.sealed import Sealed, altering, sealed

SECOND_COMMITTEE = """
[[committee]]
id = "ba06"
name = "Another committee"
default_class = "public"
has_meetings = false

  [[committee.mandate]]
  user = "clara"
  role = "clerk"
  start = 2020-05-01
"""
CHUNK, HEADER = 16384 + 16, 56
CASES = 25
QUIET_SECONDS = 2.5
"""How many altered bytes, lengths or places of each kind."""
LONG = 700_000
"""More than one piece of 256 KiB, so that an answer may have begun before the damage is met."""

Alteration = Callable[[random.Random, bytes], bytes]


@dataclass(frozen=True)
class Stored:
    """A document: where clients find it, what it holds, and where that lies, in a file or a row."""

    path: str
    content: bytes
    place: Sealed


@dataclass(frozen=True)
class Scene:
    """A server, its clerk at the root of all drives, and documents in two committees."""

    server: RunningServer
    client: DavClient
    documents: list[Stored]
    untouched: Stored

    def written(self) -> AbstractContextManager[sqlite3.Connection]:
        return altering(self.server.data)

    def refused(self, document: Stored, where: str, *, part: bool = False) -> None:
        """Never whole, never a wrong byte: a 500, or right bytes that break off in a reset. Others stay readable.

        `part`: only a part is altered, so a range that does not touch it may be served.
        """
        content = document.content
        for first in (0, len(content) // 2, len(content) - 1):
            status, body = received(self.client, document.path, {"Range": f"bytes={first}-"} if first else {})
            if status not in (0, 500, 416):  # 416: a row that says another size does not have this range
                assert status == (206 if first else 200), (where, status)
                assert body == content[first : first + len(body)], f"{where}: a wrong byte"
                assert (part and first) or len(body) < len(content) - first, f"{where}: served whole from {first}"
        assert self.readable(self.untouched), f"{where}: another document suffers"

    def readable(self, document: Stored) -> bool:
        return received(self.client, document.path, {}) == (200, document.content)


def received(client: DavClient, path: str, headers: dict[str, str]) -> tuple[int, bytes]:
    """Status and as much of the body as came, however it ended; 0 if a reset overtook even the head."""
    connection = http.client.HTTPConnection(client.host, client.port, timeout=30)
    with closing(connection):
        connection.request("GET", client.target(path), headers={"Authorization": client.authorization, **headers})
        try:
            response = connection.getresponse()
        except ConnectionResetError:
            return 0, b""
        pieces = []
        with suppress(http.client.IncompleteRead, ConnectionResetError):
            while piece := response.read1(65536):
                pieces.append(piece)
        return response.status, b"".join(pieces)


def stored(server: RunningServer, client: DavClient, path: str, content: bytes) -> Stored:
    before = sealed(server.data)
    assert client.put(path, content).status == 201
    (place,) = (place for blob, place in sealed(server.data).items() if blob not in before)
    return Stored(path, content, place)


@pytest.fixture(scope="module")
def scene(installed: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    data = copied(installed, tmp_path_factory.mktemp("altered") / "own")
    declared = data.parent / "second.toml"
    declared.write_text(SECOND_COMMITTEE)
    command("apply", str(declared), data=data)
    chance = random.Random(9)
    with start(data, workers=2) as server, server.client("clara", "/dav") as client:
        sizes = {"kurz": 100, "auch-kurz": 100, "eine-zeile": 16383, "ein-stueck": 16384, "mittel": 100_000}
        sizes |= {"lang": LONG, "auch-lang": LONG}
        documents = [
            stored(server, client, f"/{drive}/Arbeitsordner/{name}", chance.randbytes(size))
            for drive in ("ba05", "ba06")
            for name, size in sizes.items()
        ]
        untouched = stored(server, client, "/ba05/Arbeitsordner/heil", chance.randbytes(50_000))
        assert [one.place.file is None for one in documents] == 2 * [True, True, True, False, False, False, False]
        yield Scene(server, client, documents, untouched)
        assert server.stop() == 0
        assert not [line for line in server.log if any(one.path.rpartition("/")[2] in line for one in documents)]


def flip(chance: random.Random, sealed: bytes) -> bytes:
    at = chance.randrange(len(sealed))
    return sealed[:at] + bytes([sealed[at] ^ (1 << chance.randrange(8))]) + sealed[at + 1 :]


def truncate(chance: random.Random, sealed: bytes) -> bytes:
    return sealed[: chance.randrange(len(sealed))]


def append(chance: random.Random, sealed: bytes) -> bytes:
    return sealed + chance.randbytes(chance.choice((1, 16, 100, CHUNK)))


def overwrite(chance: random.Random, sealed: bytes) -> bytes:
    at = chance.randrange(len(sealed))
    return (sealed[:at] + chance.randbytes(64) + sealed[at + 64 :])[: len(sealed)]


def swap_chunks(chance: random.Random, sealed: bytes) -> bytes:
    whole = (len(sealed) - HEADER) // CHUNK
    if whole < 2:
        return flip(chance, sealed)
    chunks = [sealed[HEADER + number * CHUNK :][:CHUNK] for number in range(whole)]
    one, other = chance.sample(range(whole), 2)
    chunks[one], chunks[other] = chunks[other], chunks[one]
    return sealed[:HEADER] + b"".join(chunks) + sealed[HEADER + whole * CHUNK :]


def repeat_chunk(chance: random.Random, sealed: bytes) -> bytes:
    whole = (len(sealed) - HEADER) // CHUNK
    if whole < 2:
        return truncate(chance, sealed)
    one, other = chance.sample(range(whole), 2)
    source, target = HEADER + one * CHUNK, HEADER + other * CHUNK
    return sealed[:target] + sealed[source : source + CHUNK] + sealed[target + CHUNK :]


@pytest.mark.parametrize("alter", [flip, truncate, append, overwrite, swap_chunks, repeat_chunk])
def test_an_altered_content_is_refused(scene: Scene, alter: Alteration) -> None:
    """Any bit, length, order: no wrong byte leaves the server, and other documents do not suffer."""
    chance = random.Random(alter.__name__)
    for number in range(CASES):
        document = scene.documents[number % len(scene.documents)]
        message = document.place.read()
        altered = alter(chance, message)
        if altered == message:
            continue
        document.place.write(altered)
        scene.refused(document, f"{alter.__name__} {number} of {document.path}", part=True)
        document.place.write(message)
        assert scene.readable(document), "put back, it is readable again"


def test_a_lost_content_is_refused(scene: Scene) -> None:
    """A blob that is not there is damage (500), not a missing document (404)."""
    for document in scene.documents:
        message = document.place.read()
        document.place.remove()
        scene.refused(document, f"lost {document.path}")
        document.place.write(message)


def test_swapped_contents_are_refused(scene: Scene) -> None:
    """A blob in another's place does not open, be it of the same committee or another, of the same size or not."""
    pairs = [(one, two) for one in scene.documents for two in scene.documents if one.path < two.path]
    for one, two in pairs:
        first, second = one.place.read(), two.place.read()
        one.place.write(second)
        two.place.write(first)
        scene.refused(one, f"swapped {one.path} {two.path}")
        scene.refused(two, f"swapped {one.path} {two.path}")
        one.place.write(first)
        two.place.write(second)


SWAPS = {
    "blobs of versions": ("version", ("blob",), "id"),
    "blobs and sizes of versions": ("version", ("blob", "size"), "id"),
    "blobs, sizes and seals of versions": ("version", ("blob", "size", "mac"), "id"),
    "keys of blobs": ("blob", ("wrapped",), "id"),
    "current versions of documents": ("node", ("version",), "id"),
}


@pytest.mark.parametrize("what", SWAPS)
def test_repointed_rows_are_refused(scene: Scene, what: str) -> None:
    """A row that names what belongs to another document, also of another committee, is refused."""
    table, columns, key = SWAPS[what]
    with scene.written() as connection:
        rows = rows_of(connection, scene, table)
    pairs = [(one, two) for one in scene.documents for two in scene.documents if one.path < two.path]
    for one, two in pairs[::4]:
        mine, theirs = rows[one.path], rows[two.path]
        assign(scene, table, columns, key, {mine[key]: theirs, theirs[key]: mine})
        try:
            scene.refused(one, f"{what}: {one.path} {two.path}")
            scene.refused(two, f"{what}: {one.path} {two.path}")
        finally:
            assign(scene, table, columns, key, {mine[key]: mine, theirs[key]: theirs})
        assert scene.readable(one), "put back, it is readable again"


def rows_of(connection: sqlite3.Connection, scene: Scene, table: str) -> dict[str, sqlite3.Row]:
    """The row of each document in this table, found by the blob that holds its content."""
    connection.row_factory = sqlite3.Row
    questions = {
        "blob": "SELECT * FROM blob WHERE id = ?",
        "version": "SELECT * FROM version WHERE blob = ?",
        "node": "SELECT node.* FROM node JOIN version ON version.id = node.version WHERE version.blob = ?",
    }
    found = {}
    for document in scene.documents:
        (found[document.path],) = connection.execute(questions[table], (document.place.blob,))
    return found


def assign(scene: Scene, table: str, columns: tuple[str, ...], key: str, values: dict[object, sqlite3.Row]) -> None:
    """Give the rows with these keys the columns of other rows."""
    setting = ", ".join(f"{column} = ?" for column in columns)
    with scene.written() as connection:
        connection.execute("BEGIN IMMEDIATE")
        for row_key, row in values.items():
            words = f"UPDATE {table} SET {setting} WHERE {key} = ?"
            connection.execute(words, (*(row[column] for column in columns), row_key))
        connection.execute("COMMIT")


# -- what the log tells of it ----------------------------------------------------------------------------------------


def told_damage(scene: Scene, since: int) -> list[dict[str, Any]]:
    """Lines of the log about damage, behind that one; read beside the server, as a command would take longer."""
    with closing(sqlite3.connect(scene.server.data / "gremium.db")) as connection:
        connection.row_factory = sqlite3.Row
        wanted = "SELECT seq, what, share, node, result, detail FROM audit WHERE who = 'server:store' AND seq > ?"
        return [dict(row) for row in connection.execute(wanted, (since,))]


def newest_line(scene: Scene) -> int:
    """Of a log in which all is told that was met before: each worker writes once a second what it has met."""
    newest, since = -1, time.monotonic()
    while time.monotonic() - since < QUIET_SECONDS:
        time.sleep(0.1)
        with closing(sqlite3.connect(scene.server.data / "gremium.db")) as connection:
            found = int(connection.execute("SELECT max(seq) FROM audit").fetchone()[0])
        if found != newest:
            newest, since = found, time.monotonic()
    return newest


def met(scene: Scene, document: Stored, times: int) -> None:
    """So many readers meet it."""
    for _ in range(times):
        status, body = received(scene.client, document.path, {})
        assert status == 500 or len(body) < len(document.content)


@contextmanager
def spoiled(document: Stored) -> Iterator[None]:
    """The first chunk of a stored document is another one."""
    message = document.place.read()
    document.place.write(message[:HEADER] + bytes(64) + message[HEADER + 64 :])
    try:
        yield
    finally:
        document.place.write(message)


def test_each_damaged_document_leaves_one_line_and_not_one_per_read(scene: Scene) -> None:
    """S-29: who reads is not who has done it; no name; two workers meet it, and the log does not grow with readers."""
    places = ("/ba05/Arbeitsordner/frisch", "/ba06/Arbeitsordner/frisch")
    first, second = (
        stored(scene.server, scene.client, place, place.encode() * times)
        for place, times in zip(places, (9, 900), strict=True)
    )
    since = newest_line(scene)
    with spoiled(first), spoiled(second):
        met(scene, first, 30)
        eventually(lambda: bool(told_damage(scene, since)))
        met(scene, first, 30)
        met(scene, second, 1)
        eventually(lambda: len(told_damage(scene, since)) > 1)
        lines = told_damage(scene, since)
    assert {line["share"] for line in lines} == {"ba05", "ba06"} and len(lines) == 2
    assert all((line["what"], line["result"]) == ("damage", "damaged") and line["node"] for line in lines)
    assert "frisch" not in json.dumps(lines)
    assert scene.readable(first) and scene.readable(second) and scene.readable(scene.untouched)
    assert json.loads(command("audit", "verify", "--json", data=scene.server.data))["broken"] is None


def test_a_damaged_name_leaves_a_line_too(scene: Scene) -> None:
    """What cannot be listed has no number yet that could be told; the drive it has."""
    since = newest_line(scene)
    with scene.written() as connection:
        document = scene.documents[0]
        node = rows_of(connection, scene, "node")[document.path]
        connection.execute("UPDATE node SET name_ct = ? WHERE id = ?", (bytes(len(node["name_ct"])), node["id"]))
    try:
        assert scene.client.propfind("/ba05/Arbeitsordner/", "1").status == 500
        eventually(lambda: bool(told_damage(scene, since)))
        (line,) = told_damage(scene, since)
        assert (line["share"], line["node"], line["detail"]) == ("ba05", 0, "a name fails its check")
    finally:
        with scene.written() as connection:
            connection.execute("UPDATE node SET name_ct = ? WHERE id = ?", (node["name_ct"], node["id"]))
    assert scene.readable(document)
