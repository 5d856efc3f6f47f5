"""Versions through the door: decided by the document as it stands now."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from acl import store
from acl.entries import Entry
from acl.labels import Classification, Label
from acl.links import LinkKind
from acl.principals import Channel, Principal, PrincipalKind
from acl.privileges import Rights
from davserver.app import forest_of
from davserver.declarations import Committee, Declaration, Mandate
from davserver.declaring import declare
from davserver.tree.linked import LinkTree
from davserver.tree.locking import GuardedTree
from davserver.tree.seen import AccessDenied, DoesNotFit, Locked, Terms
from davserver.tree.sharing import LinkWish
from shareproviders.contract import NotFound, WrongKind
from tests.rights.keeping import ON, WORK, Doors, at
from tests.rights.playing import HOUR, Stage

PAPER = f"{WORK}/a.odt"


@pytest.fixture
def doors(tmp_path: Path) -> Iterator[Doors]:
    stage = Stage(tmp_path)
    yield Doors(stage)
    stage.close()


@pytest.fixture
def written(doors: Doors) -> Doors:
    """A paper in the work folder with two versions."""
    doors.put("otto", PAPER, b"one")
    doors.stage.now += HOUR
    doors.put("paul", PAPER, b"three")
    return doors


def bodies(tree: GuardedTree, raw: str = PAPER) -> list[bytes]:
    seen = tree.stat(at(raw))
    return [b"".join(tree.read_version(seen, version.id)) for version in tree.versions(seen)]


def test_a_reader_sees_what_was_by_whom_and_when(written: Doors) -> None:
    tree = written("otto")
    seen = tree.stat(at(PAPER))
    versions = tree.versions(seen)
    now = written.stage.now
    assert [(each.size, each.by, each.at) for each in versions] == [(5, "user:paul", now), (3, "user:otto", now - HOUR)]
    assert versions[0].entity_tag == seen.node.entity_tag
    assert bodies(tree) == [b"three", b"one"]
    assert b"".join(tree.read_version(seen, versions[0].id, 1, 3)) == b"hre"


def test_restoring_makes_a_new_version_and_keeps_all(written: Doors) -> None:
    tree = written("paul")
    first = tree.versions(tree.stat(at(PAPER)))[-1]
    back = written("paul").restore_version(at(PAPER), first.id, ON)
    assert bodies(written("otto")) == [b"one", b"three", b"one"]
    assert back.tag not in (first.entity_tag, "")
    (line,) = written.house.audit.show(limit=1)
    assert (line["who"], line["what"], line["node"]) == ("user:paul", "version-restore", back.node.id)
    assert line["detail"] == f"version {first.id}"


def test_reading_them_takes_read_and_restoring_write_content(written: Doors) -> None:
    seen = written.stat("otto", PAPER)
    with written.house.database.transaction() as connection:
        store.add_entry(connection, "ba05", Entry(seen.node.id, "user:gina", Rights.READ))
        store.add_entry(connection, "ba05", Entry(seen.node.id, "user:doris", Rights.VIEW))
    first = written("otto").versions(seen)[-1]
    assert bodies(written("gina")) == [b"three", b"one"]
    with pytest.raises(AccessDenied) as refused:
        written("gina").restore_version(at(PAPER), first.id, ON)
    assert refused.value.needed == Rights.WRITE_CONTENT
    with pytest.raises(NotFound):
        written("sam").restore_version(at(PAPER), first.id, ON)
    portal = written("doris", Channel.PORTAL)
    with pytest.raises(AccessDenied):
        portal.versions(portal.stat(at(PAPER)))


def test_a_class_that_is_raised_closes_all_versions(written: Doors) -> None:
    tree = written("otto")
    seen = tree.stat(at(PAPER))
    with written.house.database.transaction() as connection:
        store.set_label(connection, "ba05", seen.node.id, Label(Classification.OFFICE))
    with pytest.raises(NotFound):
        bodies(written("otto"))
    assert bodies(written("clara")) == [b"three", b"one"]


def test_a_pointer_has_no_versions(doors: Doors) -> None:
    """What may only be viewed has none over DAV."""
    folder = doors.make("clara", "/ba05/TOP")
    doors.put("clara", "/ba05/TOP/a.odt", b"canary")
    with doors.house.database.transaction() as connection:
        store.set_label(connection, "ba05", folder, Label(Classification.NON_PUBLIC, release_at=1))
        store.set_label(connection, "ba05", doors.stat("clara", "/ba05/TOP/a.odt").node.id, Label(release_at=1))
    tree = doors("otto")
    (pointer,) = tree.children(tree.stat(at("/ba05/TOP")))
    assert pointer.instead is not None
    with pytest.raises(AccessDenied):
        tree.versions(pointer)
    with pytest.raises(AccessDenied):
        tree.read_version(pointer, doors("clara").versions(doors.stat("clara", "/ba05/TOP/a.odt"))[0].id)


def test_whoever_only_reads_gets_no_drafts(doors: Doors) -> None:
    """rights.md §1: a version that was replaced before the release was a draft all its time."""
    folder = doors.make("clara", "/ba05/Sitzung")
    for body in (b"first draft", b"second draft", b"released", b"corrected"):
        if body == b"corrected":
            with doors.house.database.transaction() as connection:
                store.set_label(connection, "ba05", folder, Label(release_at=doors.stage.now))
        doors.stage.now += HOUR
        doors.put("clara", "/ba05/Sitzung/a.odt", body)
    assert bodies(doors("otto"), "/ba05/Sitzung/a.odt") == [b"corrected", b"released"]
    everything = [b"corrected", b"released", b"second draft", b"first draft"]
    assert bodies(doors("clara"), "/ba05/Sitzung/a.odt") == everything
    tree, clerk = doors("otto"), doors("clara")
    draft = clerk.versions(clerk.stat(at("/ba05/Sitzung/a.odt")))[-1]
    with pytest.raises(NotFound):
        tree.read_version(tree.stat(at("/ba05/Sitzung/a.odt")), draft.id)


def test_a_link_opens_the_paper_and_not_how_it_came_about(written: Doors) -> None:
    with written.house.database.transaction() as connection:
        store.set_label(connection, "ba05", written.stat("otto", PAPER).node.id, Label(Classification.PUBLIC))
    link = written("clara").make_link(at(PAPER), LinkWish(b"d" * 32, LinkKind.LINK))
    tree = LinkTree(forest_of(written.house), link)
    seen = tree.stat(at(PAPER))
    assert b"".join(tree.read(seen)) == b"three"
    with pytest.raises(AccessDenied):
        tree.versions(seen)
    assert tree.trashed(tree.base) == []


def test_nobody_else_is_asked_about_versions(written: Doors) -> None:
    anonymous = GuardedTree(forest_of(written.house), Principal(PrincipalKind.ANONYMOUS, ""), Channel.DAV)
    with pytest.raises(NotFound):
        anonymous.versions(anonymous.stat(at(PAPER)))
    assert anonymous.trashed() == []


def test_locks_and_conditions_hold(written: Doors) -> None:
    first = written("otto").versions(written.stat("otto", PAPER))[-1]
    lock, _, _ = written("paul").lock(at(PAPER), ON, exclusive=True, deep=False, owner="", seconds=600)
    with pytest.raises(Locked):
        written("otto").restore_version(at(PAPER), first.id, ON)
    written("paul").restore_version(at(PAPER), first.id, Terms(frozenset({lock.token})))
    assert written.read("otto", PAPER) == b"one"


def test_what_has_none_says_so(written: Doors) -> None:
    tree = written("otto")
    with pytest.raises(WrongKind):
        tree.versions(tree.stat(at(WORK)))
    with pytest.raises(NotFound):
        tree.read_version(tree.stat(at(PAPER)), 10**9)
    with pytest.raises(NotFound):
        tree.restore_version(at(PAPER), 10**9, ON)


def test_a_version_of_another_document_is_none_of_this(written: Doors) -> None:
    written.put("otto", f"{WORK}/b.odt", b"other")
    foreign = written("otto").versions(written.stat("otto", f"{WORK}/b.odt"))[0]
    with pytest.raises(NotFound):
        written("otto").read_version(written.stat("otto", PAPER), foreign.id)


def test_readings_of_secret_versions_are_noted(doors: Doors) -> None:
    node = doors.put("clara", PAPER, b"one")
    doors.put("clara", PAPER, b"two")
    with doors.house.database.transaction() as connection:
        store.set_label(connection, "ba05", node, Label(Classification.PERSONAL))
    bodies(doors("clara"))
    doors.house.reads.flush()
    reads = [(line["who"], line["node"]) for line in doors.house.audit.show(acts=["read"])]
    assert reads == [("user:clara", node)] * 2


def test_a_drive_without_the_abilities_says_so(doors: Doors, tmp_path: Path) -> None:
    """The filesystem provider keeps neither versions nor a trash."""
    (tmp_path / "archive").mkdir()
    committee = Committee(
        "archiv",
        "Archiv",
        provider="filesystem",
        options={"path": str(tmp_path / "archive")},
        mandates=(Mandate("clara", "clerk", 1),),
    )
    declare(doors.house, Declaration((), (committee,)), "tests")
    doors.put("clara", "/archiv/Arbeitsordner/a.odt")
    tree = doors("clara")
    with pytest.raises(DoesNotFit, match="keeps no earlier versions"):
        tree.versions(tree.stat(at("/archiv/Arbeitsordner/a.odt")))
    with pytest.raises(DoesNotFit, match="has no trash"):
        tree.trashed(at("/archiv"))
    assert tree.trashed() == []
