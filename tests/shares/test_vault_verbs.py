"""The vault's verbs: what each leaves behind, and what it refuses without leaving anything (storage.md §4)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from shareproviders.contract import (
    Expected,
    KeepsProperties,
    KeepsTrash,
    KeepsVersions,
    MetersQuota,
    NameTaken,
    NotFound,
    Outdated,
    ParentMissing,
    ShareProvider,
    TracksChanges,
    Upkeep,
    WrongKind,
)
from shareproviders.paths import SharePath
from shareproviders.vault.share import Vault
from tests.shares.vaults import Bench, ground, open_bench, pattern


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    with open_bench(tmp_path) as made:
        yield made
        assert list(made.vault.check()) == []


def test_the_vault_has_every_ability_of_the_contract(bench: Bench) -> None:
    """contract.py: the default provider offers all optional abilities."""
    provider: ShareProvider = bench.vault
    assert provider.read_only is False
    for ability in (KeepsVersions, KeepsTrash, KeepsProperties, TracksChanges, MetersQuota, Upkeep):
        assert isinstance(provider, ability)


def test_an_unknown_option_is_an_error(bench: Bench) -> None:
    """Ground.options: an unknown key is an error that names the known."""
    from dataclasses import replace

    with pytest.raises(ValueError, match="colour"):
        Vault(replace(ground(bench.directory, bench.database, bench.keys, bench.clock), options={"colour": "red"}))


def test_prepare_is_idempotent(bench: Bench) -> None:
    """A second `apply` changes nothing."""
    before = bench.stat("/")
    with bench.database.transaction():
        bench.vault.prepare()
    assert bench.stat("/") == before
    assert before.is_collection
    assert before.lineage == (before.id,)


@pytest.mark.parametrize("size", [0, 1, 16383, 16384, 16385, 262144, 262145, 1_000_003])
def test_what_is_put_is_read_back(bench: Bench, size: int) -> None:
    """PUT then GET, over the borders of chunks and pieces; the first never exceeds 256 KiB, no other 512."""
    content = pattern(size)
    node = bench.put("/Vorlage.pdf", content)
    assert (node.size, node.name, node.media_type) == (size, "Vorlage.pdf", "application/pdf")
    pieces = list(bench.vault.read(node))
    assert b"".join(pieces) == content
    assert all(0 < len(piece) <= (262144 if piece is pieces[0] else 524288) for piece in pieces)
    assert bench.read("/Vorlage.pdf", size // 3, size // 2) == content[size // 3 : size // 3 + size // 2]
    assert bench.read("/Vorlage.pdf", size) == b""
    assert bench.stat("/Vorlage.pdf") == node
    assert bench.stat("/").size == size


def test_overwriting_keeps_id_and_history_and_changes_the_tag(bench: Bench) -> None:
    """storage.md §3: versions are kept from the first day; the tag is new with every change."""
    first = bench.put("/a.txt", b"one")
    second = bench.put("/a.txt", b"two two", modified=5)
    assert second.id == first.id
    assert second.entity_tag != first.entity_tag
    assert second.modified == 5
    assert second.created == first.created
    assert b"".join(bench.vault.read(first)) == b"one", "a reader goes on with the version it asked for"
    kept = bench.vault.versions(second)
    assert [(version.size, version.entity_tag) for version in kept] == [(7, second.entity_tag), (3, first.entity_tag)]
    assert b"".join(bench.vault.read_version(second, kept[1].id)) == b"one"
    with bench.database.transaction():
        third = bench.vault.restore_version(SharePath.parse("/a.txt"), kept[1].id, bench.writing())
    assert bench.read("/a.txt") == b"one"
    assert third.entity_tag not in (first.entity_tag, second.entity_tag)
    assert len(bench.vault.versions(third)) == 3
    with pytest.raises(NotFound):
        bench.vault.read_version(third, 10_000)


def test_the_same_bytes_again_are_no_other_version(bench: Bench) -> None:
    """What is written again without a change leaves no history, costs no quota, and has another tag all the same."""
    bench.put("/a.txt", b"one")
    first = bench.put("/a.txt", b"two two")
    again = bench.put("/a.txt", b"two two")
    assert again.entity_tag != first.entity_tag
    assert [version.size for version in bench.vault.versions(again)] == [7, 3]
    assert bench.read("/a.txt") == b"two two"
    assert bench.vault.usage().used == 10
    bench.put("/b.txt", b"two two")
    with bench.database.transaction():
        moved = bench.vault.move(SharePath.parse("/b.txt"), SharePath.parse("/a.txt"), bench.writing())
    assert [version.size for version in bench.vault.versions(moved)] == [7, 3]
    assert (bench.read("/a.txt"), bench.vault.usage().used) == (b"two two", 10)


def test_an_empty_version_and_an_unkept_one_leave_no_history(bench: Bench) -> None:
    """Clients create a document empty and then fill it; owner files are not worth a version."""
    bench.put("/a.txt", b"")
    node = bench.put("/a.txt", b"filled")
    assert len(bench.vault.versions(node)) == 1
    node = bench.put("/a.txt", b"again", keep_version=False)
    assert [version.size for version in bench.vault.versions(node)] == [5]
    assert bench.vault.usage().used == 5


def test_put_checks_what_was_expected(bench: Bench) -> None:
    """Expected is checked inside the transaction, else Outdated."""
    node = bench.put("/a", b"1", Expected(absent=True))
    bench.make("/c")
    for path, expected in (
        ("/a", Expected(absent=True)),
        ("/a", Expected(entity_tag="0-0")),
        ("/b", Expected(entity_tag=node.entity_tag)),
        ("/c", Expected(entity_tag="")),
    ):
        with pytest.raises(Outdated):
            bench.put(path, b"2", expected)
    assert bench.put("/a", b"2", Expected(entity_tag=node.entity_tag)).size == 1


def test_verbs_refuse_what_does_not_fit(bench: Bench) -> None:
    """The error family of contract.py, verb by verb; nothing is left behind."""
    bench.put("/doc", b"x")
    bench.make("/dir")
    before = bench.vault.newest_change()
    for refusal, attempt in (
        (ParentMissing, lambda: bench.put("/no/doc", b"")),
        (ParentMissing, lambda: bench.put("/doc/doc", b"")),
        (WrongKind, lambda: bench.put("/dir", b"")),
        (WrongKind, lambda: bench.put("/", b"")),
        (NameTaken, lambda: bench.make("/doc")),
        (NameTaken, lambda: bench.make("/dir")),
        (NameTaken, lambda: bench.make("/")),
        (ParentMissing, lambda: bench.make("/no/dir")),
        (ParentMissing, lambda: bench.make("/doc/dir")),
        (NotFound, lambda: bench.delete("/no")),
        (WrongKind, lambda: bench.delete("/")),
        (NotFound, lambda: bench.move("/no", "/yes")),
        (ParentMissing, lambda: bench.move("/doc", "/no/doc")),
        (NameTaken, lambda: bench.move("/doc", "/dir")),
        (NameTaken, lambda: bench.move("/dir", "/doc")),
        (WrongKind, lambda: bench.move("/dir", "/dir/sub")),
        (WrongKind, lambda: bench.move("/", "/dir/sub")),
        (WrongKind, lambda: bench.copy("/dir", "/dir/sub")),
        (NameTaken, lambda: bench.copy("/doc", "/dir")),
        (NotFound, lambda: bench.copy("/no", "/yes")),
        (ParentMissing, lambda: bench.copy("/doc", "/no/doc")),
        (NotFound, lambda: bench.read("/no")),
        (WrongKind, lambda: bench.read("/dir")),
        (WrongKind, lambda: bench.names("/doc")),
    ):
        with pytest.raises(refusal):
            attempt()
    assert bench.vault.newest_change() == before
    assert bench.names("/") == ["dir", "doc"]


def test_children_come_sorted_with_all_their_facts(bench: Bench) -> None:
    """Sorting happens after decryption, by code points; each child equals its own stat."""
    bench.make("/dir")
    for name in ("ä", "Z", "a", "10", "9", "e\u0301", "日本"):
        bench.put(f"/dir/{name}", name.encode())
    bench.make("/dir/sub")
    nodes = bench.vault.children(bench.stat("/dir"))
    assert [node.name for node in nodes] == sorted(node.name for node in nodes)
    assert "\u00e9" in [node.name for node in nodes], "NFC"
    assert nodes == [bench.stat(f"/dir/{node.name}") for node in nodes]


def test_a_move_keeps_ids_and_touches_nothing_beneath(bench: Bench) -> None:
    """Law 5 and storage.md §4: MOVE reparents one row, whatever hangs beneath."""
    bench.make("/a")
    bench.make("/a/b")
    doc = bench.put("/a/b/doc.txt", b"12345")
    bench.make("/z")
    moved = bench.move("/a/b", "/z/c")
    inner = bench.stat("/z/c/doc.txt")
    assert inner.id == doc.id
    assert inner.entity_tag == doc.entity_tag
    assert inner.lineage == (*moved.lineage, doc.id)
    assert (bench.stat("/a").size, bench.stat("/z").size, bench.stat("/").size) == (0, 5, 5)
    assert bench.vault.locate(doc.id) == (SharePath.parse("/z/c/doc.txt"), inner)
    with pytest.raises(NotFound):
        bench.stat("/a/b")
    assert bench.names("/a") == []
    stale = bench.vault.children(doc._replace(id=moved.id, lineage=(*moved.lineage[:-2], moved.id)))
    assert stale == [inner], "a stale node is listed where it is now"


def test_a_document_moved_onto_a_document_becomes_its_next_version(bench: Bench) -> None:
    """RFC 4918 §9.9: bytes and dead properties are the source's; the target's id and history stay."""
    target = bench.put("/paper.docx", b"old")
    with bench.database.transaction():
        bench.vault.set_properties(target, {"{x:}gone": "<a/>"}, bench.writing())
    bench.put("/~temp.tmp", b"draft")
    source = bench.put("/~temp.tmp", b"newest")
    with bench.database.transaction():
        bench.vault.set_properties(source, {"{x:}kept": "<b/>"}, bench.writing())
    moved = bench.move("/~temp.tmp", "/paper.docx")
    assert moved.id == target.id
    assert moved.media_type.endswith("wordprocessingml.document")
    assert bench.read("/paper.docx") == b"newest"
    assert bench.vault.properties([moved]) == {moved.id: {"{x:}kept": "<b/>"}}
    assert [version.size for version in bench.vault.versions(moved)] == [6, 5, 3], "no history is lost"
    assert bench.names("/") == ["paper.docx"]
    with pytest.raises(NotFound):
        bench.vault.locate(source.id)
    assert bench.vault.usage().used == 14


def test_a_copy_shares_bytes_and_nothing_else(bench: Bench) -> None:
    """COPY: new ids and tags, dead properties along, no history, no new blob."""
    bench.make("/a")
    bench.make("/a/leer")
    bench.put("/a/doc", b"first")
    doc = bench.put("/a/doc", b"second")
    with bench.database.transaction():
        bench.vault.set_properties(doc, {"{x:}p": "<p/>"}, bench.writing())
    files = len(bench.blob_files())
    copied = bench.copy("/a", "/b")
    twin = bench.stat("/b/doc")
    assert copied.size == 6
    assert bench.read("/b/doc") == b"second"
    assert twin.id != doc.id
    assert twin.entity_tag != doc.entity_tag
    assert len(bench.vault.versions(twin)) == 1
    assert bench.vault.properties([twin, doc]) == {twin.id: {"{x:}p": "<p/>"}, doc.id: {"{x:}p": "<p/>"}}
    assert len(bench.blob_files()) == files
    assert bench.names("/b") == ["doc", "leer"]
    bench.put("/b/doc", b"third")
    assert bench.read("/a/doc") == b"second"


def test_a_copy_leaves_out_what_it_is_told_to(bench: Bench) -> None:
    """`without` takes all beneath along; a shallow copy has no members (RFC 4918 §9.8.3)."""
    bench.make("/a")
    bench.make("/a/secret")
    bench.put("/a/secret/doc", b"12345")
    bench.put("/a/open", b"123")
    hidden = bench.stat("/a/secret").id
    assert bench.copy("/a", "/b", without=(hidden,)).size == 3
    assert bench.names("/b") == ["open"]
    assert bench.copy("/a", "/c", deep=False).size == 0
    assert bench.names("/c") == []


def test_a_document_copied_onto_a_document_becomes_its_next_version(bench: Bench) -> None:
    """As `put`: the target's id and history stay."""
    bench.put("/a", b"aaa")
    target = bench.put("/b", b"b")
    copied = bench.copy("/a", "/b")
    assert copied.id == target.id
    assert [version.size for version in bench.vault.versions(copied)] == [3, 1]
    assert bench.read("/b") == b"aaa"
