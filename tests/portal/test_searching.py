"""The search keeps titles in memory, and finds what a walk through the drives would find, whatever has happened."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from acl import store
from acl.labels import ON_CREATION, Classification, Label
from acl.principals import Channel, Principal, PrincipalKind
from davserver.app import forest_of
from davserver.house import House
from davserver.tree.finding import Finding
from davserver.tree.forest import Forest
from davserver.tree.locking import GuardedTree
from davserver.tree.searching import Searching
from davserver.tree.seen import Seen, Terms
from davserver.tree.titles import comparable
from shareproviders.contract import Node, ShareProvider
from shareproviders.paths import ROOT, SharePath
from tests.dav.doors import opened

READERS = ("clara", "otto", "sam")
DRIVE = SharePath(("ba05",))


@pytest.fixture
def house(own_data: Path) -> Iterator[House]:
    with opened(own_data) as house:
        yield house


@pytest.fixture
def forest(house: House) -> Forest:
    return forest_of(house)


def door(forest: Forest, user: str) -> GuardedTree:
    return GuardedTree(forest, Principal(PrincipalKind.USER, user), Channel.PORTAL)


def put(forest: Forest, *names: str) -> None:
    tree, path, body = door(forest, "clara"), SharePath((*DRIVE.segments, *names)), [b"x"]
    tree.put(path, tree.stage(path, body), Terms())


def walked(tree: GuardedTree, word: str) -> set[int]:
    """What a reader meets who opens every folder."""
    finding, met = Finding(tree), set[int]()

    def walk(folder: Seen) -> None:
        for each in finding.describe(finding.members(folder), folder):
            if word in comparable(f"{each.number} {each.title}"):
                met.add(each.seen.node.id)
            if each.seen.node.is_collection:
                walk(each.seen)

    for drive in tree.children(tree.stat(ROOT)):
        if drive.share:
            walk(drive)
    return met


def searched(forest: Forest, user: str, word: str) -> set[int]:
    hits = Searching(door(forest, user)).search(word)
    assert hits.complete
    return {each.seen.node.id for each in hits.found}


def found(forest: Forest) -> dict[str, set[int]]:
    """By each reader; always what a walk finds."""
    met = {user: searched(forest, user, "plan") for user in READERS}
    assert met == {user: walked(door(forest, user), "plan") for user in READERS}
    return met


def label(house: House, forest: Forest, names: tuple[str, ...], classification: Classification) -> None:
    seen = door(forest, "clara").stat(SharePath((*DRIVE.segments, *names)))
    with house.database.transaction() as connection:
        store.set_label(connection, "ba05", seen.node.id, Label(classification, ON_CREATION))
        forest.rules.stale(connection, "ba05")


def test_it_finds_what_a_walk_finds_whatever_has_happened(house: House, forest: Forest) -> None:
    """Made, renamed, moved with all beneath, hidden and shown again, deleted and brought back; for each reader."""
    clerk = door(forest, "clara")
    for folder in ("Eins", "Eins/Planung", "Zwei"):
        clerk.make_collection(SharePath.parse(f"/ba05/{folder}"), Terms())
    put(forest, "Eins", "Planung", "Lageplan.pdf")
    put(forest, "Eins", "Planung", "Anderes.pdf")
    assert {user: len(ids) for user, ids in found(forest).items()} == {"clara": 2, "otto": 2, "sam": 0}
    put(forest, "Eins", "Planung", "Plan 2.pdf")
    assert len(found(forest)["otto"]) == 3
    at = SharePath((*DRIVE.segments, "Eins", "Planung"))
    door(forest, "clara").move(at / "Anderes.pdf", at / "Bauplan.pdf", Terms(), overwrite=False)
    assert len(found(forest)["otto"]) == 4
    door(forest, "clara").move(at, SharePath((*DRIVE.segments, "Zwei", "Planung")), Terms(), overwrite=False)
    assert len(found(forest)["otto"]) == 4
    label(house, forest, ("Zwei", "Planung"), Classification.OFFICE)
    assert {user: len(ids) for user, ids in found(forest).items()} == {"clara": 4, "otto": 0, "sam": 0}
    label(house, forest, ("Zwei", "Planung", "Plan 2.pdf"), Classification.PUBLIC)
    found(forest)
    label(house, forest, ("Zwei", "Planung"), Classification.PUBLIC)
    assert len(found(forest)["otto"]) == 4
    two = door(forest, "clara").stat(SharePath((*DRIVE.segments, "Zwei")))
    door(forest, "clara").delete(two.path, Terms())
    assert found(forest)["clara"] == set()
    door(forest, "clara").restore("ba05", two.node.id)
    assert len(found(forest)["otto"]) == 4


def test_a_folder_is_listed_again_only_if_something_beneath_it_changed(
    forest: Forest, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After one change: the folder in which it was, and those above it."""
    for number in range(5):
        door(forest, "clara").make_collection(SharePath((*DRIVE.segments, f"Mappe {number}")), Terms())
        put(forest, f"Mappe {number}", "Plan.pdf")
    vault, listed = forest.provider("ba05"), list[str]()
    real = type(vault).children

    def children(self: ShareProvider, node: Node) -> list[Node]:
        listed.append(node.name)
        return real(self, node)

    assert len(searched(forest, "otto", "plan")) == 5
    put(forest, "Mappe 3", "Planung.pdf")
    monkeypatch.setattr(type(vault), "children", children)
    assert len(searched(forest, "otto", "plan")) == 6
    assert [name for name in listed if name != "Arbeitsordner"] == ["", "Mappe 3"]
    listed.clear()
    assert len(searched(forest, "otto", "plan")) == 6
    assert listed == []
