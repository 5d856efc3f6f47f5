"""Whatever is altered on disk or in a row is refused without a wrong byte (storage.md §1, §3; security.md S-29)."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from io import BytesIO
from pathlib import Path

import pytest
from sqlalchemy import select, update

from davserver.keys import SpaceKeys
from shareproviders.contract import Damaged, Durability, NotFound
from shareproviders.vault.blobs import BlobStore
from shareproviders.vault.cobblestone import HEADER_BYTES, SEALED_CHUNK_BYTES
from shareproviders.vault.crypto import Secrets
from shareproviders.vault.schema import STORED, blob, dead_property, node, small, trash, version
from tests.sealed import altering
from tests.shares.vaults import FORMS, Attempt, Bench, open_bench, pattern

SIZES = (0, 5, 16383, 16384, 40_000, 300_000)
CASES = 5000

Tampering = Callable[[random.Random, bytes, bytes], bytes]


def _flip(chance: random.Random, sealed: bytes, _other: bytes) -> bytes:
    place = chance.randrange(len(sealed))
    return sealed[:place] + bytes([sealed[place] ^ 1 << chance.randrange(8)]) + sealed[place + 1 :]


def _truncate(chance: random.Random, sealed: bytes, _other: bytes) -> bytes:
    return sealed[: chance.randrange(len(sealed))]


def _truncate_at_chunk(chance: random.Random, sealed: bytes, _other: bytes) -> bytes:
    chunks = (len(sealed) - HEADER_BYTES) // SEALED_CHUNK_BYTES
    return sealed[: HEADER_BYTES + chance.randint(0, max(0, chunks - 1)) * SEALED_CHUNK_BYTES]


def _append(chance: random.Random, sealed: bytes, _other: bytes) -> bytes:
    return sealed + chance.randbytes(chance.choice((1, 16, 100, SEALED_CHUNK_BYTES)))


def _swap_chunks(chance: random.Random, sealed: bytes, other: bytes) -> bytes:
    chunks = (len(sealed) - HEADER_BYTES) // SEALED_CHUNK_BYTES
    if chunks < 2:
        return _flip(chance, sealed, other)
    first, second = sorted(chance.sample(range(chunks), 2))
    start = HEADER_BYTES + first * SEALED_CHUNK_BYTES
    again = HEADER_BYTES + second * SEALED_CHUNK_BYTES
    one, two = sealed[start : start + SEALED_CHUNK_BYTES], sealed[again : again + SEALED_CHUNK_BYTES]
    return (
        sealed[:start] + two + sealed[start + SEALED_CHUNK_BYTES : again] + one + sealed[again + SEALED_CHUNK_BYTES :]
    )


def _swap_blobs(_chance: random.Random, _sealed: bytes, other: bytes) -> bytes:
    return other


TAMPERINGS: tuple[Tampering, ...] = (_flip, _truncate, _truncate_at_chunk, _append, _swap_chunks, _swap_blobs)


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    with open_bench(tmp_path) as made:
        yield made


def test_five_thousand_alterations_of_blobs_are_refused_without_a_wrong_byte(bench: Bench) -> None:
    """Flip, truncate, append, swap chunks, swap blobs: whole reads and ranges give right bytes or Damaged.

    A range that does not touch the altered chunk may be answered, but only rightly; a whole read never may. In files as
    in rows.
    """
    chance = random.Random(4918)
    contents = {f"/{size}-{twin}": pattern(size, twin) for size in SIZES for twin in (1, 2) if size or twin == 1}
    for name, content in contents.items():
        bench.put(name, content)
    places = {name: bench.sealed(bench.stat(name).id) for name in contents}
    assert sum(place.file is None for place in places.values()) == 5
    sealed = {name: place.read() for name, place in places.items()}
    for case in range(CASES):
        name = chance.choice(list(contents))
        size = len(contents[name])
        others = [other for other in contents if other != name and (len(contents[other]) == size or not size)]
        tampered = TAMPERINGS[case % len(TAMPERINGS)](chance, sealed[name], sealed[chance.choice(others)])
        places[name].write(tampered)
        assert tampered != sealed[name]
        content = contents[name]
        start = chance.randint(0, size)
        length = chance.randint(0, size - start)
        _assert_refused_or_right(bench, name, content, start, length)
        with pytest.raises(Damaged):
            right = BytesIO(content)
            for piece in bench.vault.read(bench.stat(name)):
                assert piece == right.read(len(piece))
        places[name].write(sealed[name])
    assert list(bench.vault.check()) == []


def _assert_refused_or_right(bench: Bench, name: str, content: bytes, start: int, length: int) -> None:
    try:
        got = bench.read(name, start, length)
    except Damaged:
        return
    assert got == content[start : start + length]


@FORMS
def test_a_missing_blob_is_damage_and_check_names_the_node(bench: Bench, times: int) -> None:
    """S-34: scrub finds missing blobs and reports node ids; other documents are unaffected."""
    lost = bench.put("/lost", b"lost" * times)
    bench.put("/kept", b"kept" * times)
    bench.sealed(lost.id).remove()
    with pytest.raises(Damaged, match="missing on the disk"):
        bench.vault.read(lost)
    assert bench.read("/kept") == b"kept" * times
    assert [finding.node_id for finding in bench.vault.check()] == [lost.id]


def test_check_finds_a_message_without_its_blob(bench: Bench) -> None:
    """Nobody can read it, so it belongs to no node in particular."""
    bench.put("/a", b"a")
    with altering(bench.directory) as connection:
        connection.execute("INSERT INTO small SELECT randomblob(16), space, message FROM small")
    assert [(found.node_id, found.problem) for found in bench.vault.check()] == [
        (0, "a stored message belongs to no blob")
    ]


@FORMS
def test_a_blob_of_another_committee_does_not_open(bench: Bench, times: int) -> None:
    """The space is part of the blob's context: the right id and key in another space are refused."""
    bench.put("/a", b"theirs" * times)
    with bench.database.read() as connection:
        row = connection.execute(select(blob, small.c.message).select_from(STORED)).one()

    def read_in(space_id: bytes) -> bytes:
        secrets = Secrets(SpaceKeys(space_id, bench.keys._secret))
        store = BlobStore(bench.directory / "vault" / bench.keys.space_id.hex(), secrets, lambda _: True, Durability())
        return b"".join(store.read(secrets.open_blob(row.id, row.wrapped, row.message), row.size, 0, row.size))

    assert read_in(bench.keys.space_id) == b"theirs" * times
    with pytest.raises(Damaged):
        read_in(b"x" * 16)


Change = Callable[[Bench], None]


def _set(table: object, where: object, **values: object) -> Change:
    def change(bench: Bench) -> None:
        with bench.database.transaction() as connection:
            done = connection.execute(update(table).where(where(bench)).values(**values))  # type: ignore[arg-type,operator]
            assert done.rowcount == 1

    return change


def _repoint(bench: Bench) -> None:
    """Document /a names the blob of /b."""
    with bench.database.transaction() as connection:
        rows = connection.execute(select(version.c.id, version.c.blob).order_by(version.c.id)).all()
        connection.execute(update(version).where(version.c.id == rows[0].id).values(blob=rows[1].blob))


def _steal_version(bench: Bench) -> None:
    """The version row of /b is given to /a."""
    with bench.database.transaction() as connection:
        first, second = connection.execute(select(version.c.id, version.c.node).order_by(version.c.id)).all()
        connection.execute(update(version).where(version.c.id == second.id).values(node=first.node))
        connection.execute(update(node).where(node.c.id == first.node).values(version=second.id))


def _swap_keys(bench: Bench) -> None:
    """The wrapped keys of both blobs are exchanged."""
    with bench.database.transaction() as connection:
        first, second = connection.execute(select(blob.c.id, blob.c.wrapped)).all()
        connection.execute(update(blob).where(blob.c.id == first.id).values(wrapped=second.wrapped))
        connection.execute(update(blob).where(blob.c.id == second.id).values(wrapped=first.wrapped))


def _first(column: object) -> Callable[[Bench], object]:
    def where(bench: Bench) -> object:
        with bench.database.read() as connection:
            first = connection.execute(select(column).order_by(column)).scalars().first()  # type: ignore[call-overload]
        return column == first

    return where


@pytest.mark.parametrize(
    "change",
    [
        _repoint,
        _steal_version,
        _swap_keys,
        _set(version, _first(version.c.id), size=3),
        _set(version, _first(version.c.id), mac=bytes(32)),
        _set(version, _first(version.c.id), mac=b""),
        _set(blob, _first(blob.c.id), wrapped=bytes(40)),
        _set(blob, _first(blob.c.id), wrapped=b""),
        _set(small, _first(small.c.blob), message=b""),
        _set(small, _first(small.c.blob), space=2),
    ],
)
def test_altered_rows_of_versions_and_blobs_are_refused(bench: Bench, change: Change) -> None:
    """A repointed row, a swapped key or a changed size: Damaged, never another document's bytes."""
    bench.put("/a", b"aaaa")
    bench.put("/b", b"bbbb")
    change(bench)
    refused = 0
    for name, content in (("/a", b"aaaa"), ("/b", b"bbbb")):
        try:
            assert bench.read(name) == content
        except (Damaged, NotFound):
            refused += 1
    assert refused
    assert list(bench.vault.check())


def test_copying_does_not_whitewash_a_repointed_row(bench: Bench) -> None:
    """COPY and MOVE write new MACs, so they check the old ones first."""
    bench.put("/a", b"aaaa")
    bench.put("/b", b"bbbb")
    _repoint(bench)
    before = bench.vault.newest_change()
    attempts: list[Attempt] = [
        lambda: bench.copy("/a", "/c"),
        lambda: bench.copy("/a", "/b"),
        lambda: bench.move("/a", "/b"),
    ]
    for attempt in attempts:
        with pytest.raises(Damaged):
            attempt()
    assert bench.vault.newest_change() == before
    assert bench.read("/b") == b"bbbb"


def test_altered_names_and_properties_are_refused(bench: Bench) -> None:
    """AES-SIV binds a name to its parent, a property to its node and a value to its name."""
    bench.make("/dir")
    one, two = bench.put("/dir/one", b"1"), bench.put("/two", b"2")
    for document in (one, two):
        bench.vault.set_properties(document, {"{x:}a": "<a/>", "{x:}b": "<b/>"}, bench.writing())
    with bench.database.transaction() as connection:
        moved = connection.execute(select(node.c.name_ct).where(node.c.id == one.id)).scalar_one()
        connection.execute(update(node).where(node.c.id == two.id).values(name_ct=moved))
        rows = connection.execute(select(dead_property).where(dead_property.c.node == one.id)).all()
        connection.execute(
            update(dead_property)
            .where(dead_property.c.node == one.id, dead_property.c.name_ct == rows[0].name_ct)
            .values(value_ct=rows[1].value_ct)
        )
    with pytest.raises(Damaged):
        bench.names("/")
    with pytest.raises(Damaged):
        bench.vault.properties([one])
    assert bench.names("/dir") == ["one"]
    assert {finding.node_id for finding in bench.vault.check()} == {one.id, two.id}


def test_check_finds_wrong_sums_and_lost_rows(bench: Bench) -> None:
    """S-34: each planted fault of references and sums is named, and nothing is deleted."""
    bench.make("/dir")
    document = bench.put("/dir/one", b"1234")
    for column, value in (("subtree_size", 77), ("parent", 1), ("version", None), ("parent", None)):
        with bench.database.transaction() as connection:
            of_node = node.c.id == document.id
            before = connection.execute(select(node.c[column]).where(of_node)).scalar_one()
            connection.execute(update(node).where(of_node).values({column: value}))
        assert document.id in {finding.node_id for finding in bench.vault.check()}, column
        with bench.database.transaction() as connection:
            connection.execute(update(node).where(of_node).values({column: before}))
    assert list(bench.vault.check()) == []


def test_check_finds_what_has_lost_its_way_out_of_the_trash(bench: Bench) -> None:
    """By the folder that it was deleted from it is judged, so that must be there."""
    document = bench.put("/one", b"1")
    bench.delete("/one")
    with bench.database.transaction() as connection:
        connection.execute(update(trash).values(from_parent=trash.c.from_parent + 1000))
    problems = {finding.problem for finding in bench.vault.check() if finding.node_id == document.id}
    assert "the collection that this was deleted from is missing" in problems
    with pytest.raises(NotFound):
        bench.vault.locate_trashed(document.id)
