"""trash and version: the same door as everybody's, as one person or as a clerk (contract.md)."""

from __future__ import annotations

import pytest

from acl.principals import Channel, Principal, PrincipalKind
from davserver.app import forest_of
from davserver.house import House
from davserver.tree.locking import GuardedTree
from davserver.tree.seen import Terms
from shareproviders.paths import SharePath
from tests.commands.conftest import Run

NAME = "Kanarienvorlage.odt"
PAPER = f"ba05/Arbeitsordner/{NAME}"


@pytest.fixture
def written(peopled: Run, house: House) -> Run:
    """Otto wrote a paper twice."""
    for body in (b"first", b"second\n\xff"):
        put(house, "otto", PAPER, body)
    return peopled


def tree_of(house: House, user: str) -> GuardedTree:
    return GuardedTree(forest_of(house), Principal(PrincipalKind.USER, user), Channel.DAV)


def put(house: House, user: str, raw: str, body: bytes) -> None:
    tree, path = tree_of(house, user), SharePath.parse(raw)
    tree.put(path, tree.stage(path, [body]), Terms())


def delete(house: House, user: str, raw: str) -> None:
    tree_of(house, user).delete(SharePath.parse(raw), Terms())


def test_what_was_deleted_is_listed_and_comes_back(written: Run, house: House) -> None:
    delete(house, "otto", PAPER)
    (fact,) = written("trash", "list", "--json").json
    assert fact["path"] == PAPER
    assert (fact["committee"], fact["name"], fact["folder"], fact["size"]) == (
        "ba05",
        PAPER.rsplit("/", maxsplit=1)[-1],
        False,
        8,
    )
    assert fact["by"] == "user:otto"
    for arguments in (["ba05"], ["ba05/Arbeitsordner"], ["/dav/ba05/Arbeitsordner"], ["--as", "otto"]):
        assert written("trash", "list", *arguments, "--json").json == [fact]
    assert PAPER in written("trash", "list").out
    assert written("trash", "list", "ba05/00 Eingang").code == 1
    said = written("trash", "restore", "ba05", str(fact["id"]), "--as", "otto", "--json")
    assert (said.code, said.json) == (0, {"id": fact["id"], "path": PAPER})
    assert written("trash", "list").code == 1
    delete(house, "otto", PAPER)
    said = written("trash", "restore", "ba05", str(fact["id"]), "--to", "ba05/00 Eingang/zurück.odt", "--json")
    assert said.json["path"] == "ba05/00 Eingang/zurück.odt"


def test_purging_is_for_good(written: Run, house: House) -> None:
    delete(house, "otto", PAPER)
    number = str(written("trash", "list", "--json").json[0]["id"])
    assert written("trash", "purge", "ba05", number).code == 0
    for again in (("trash", "purge", "ba05", number), ("trash", "restore", "ba05", number), ("trash", "list")):
        assert written(*again).code == 1
    acts = [(line["who"], line["what"]) for line in written("audit", "show", "--limit", "100", "--json").json]
    assert ("user:anna", "purge") in acts
    assert any(who.startswith("command:") and what == "act-as" for who, what in acts)


def test_nobody_sees_or_does_here_what_he_may_not_elsewhere(written: Run, house: House) -> None:
    """A stranger gets no name and no number, and cannot tell what is there from what is not."""
    delete(house, "otto", PAPER)
    number = str(written("trash", "list", "--json").json[0]["id"])
    assert written("user", "add", "sam").code == 0
    said = written("trash", "list", "--as", "sam")
    assert (said.code, said.out) == (1, "")
    told = {
        written("trash", verb, "ba05", some, "--as", "sam")[:]
        for verb in ("restore", "purge")
        for some in (number, "1")
    }
    assert len(told) == 1
    assert "Kanarien" not in repr(told)
    assert written("version", "list", PAPER, "--as", "sam").code == 1
    assert len(written("trash", "list", "--json").json) == 1


def test_versions_are_listed_shown_and_restored(written: Run) -> None:
    new, old = written("version", "list", PAPER, "--json").json
    assert (new["size"], new["current"], new["by"]) == (8, True, "user:otto")
    assert (old["size"], old["current"]) == (5, False)
    assert "current" in written("version", "list", PAPER).out
    assert written("version", "show", PAPER, str(old["id"])).out == "first"
    said = written("version", "restore", PAPER, str(old["id"]), "--as", "otto")
    assert (said.code, said.err) == (0, "")
    facts = written("version", "list", f"/dav/{PAPER}", "--as", "otto", "--json").json
    assert [fact["size"] for fact in facts] == [5, 8, 5]
    lines = written("audit", "show", "--who", "user:otto", "--json").json
    assert any(line["what"] == "version-restore" for line in lines)


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("version", "list", "ba05/Arbeitsordner"), 1),
        (("version", "list", "ba05/nichts"), 1),
        (("version", "show", PAPER, "7"), 1),
        (("version", "restore", PAPER, "7"), 1),
        (("version", "show", PAPER, "x"), 2),
        (("trash", "restore", "ba05", "7"), 1),
        (("trash", "purge", "nowhere", "7"), 1),
        (("trash", "list", "nowhere"), 1),
        (("trash", "list", "ba05", "--as", "nobody"), 1),
        (("trash", "list", "/"), 2),
        (("trash",), 2),
    ],
)
def test_what_makes_no_sense_is_one_line(written: Run, arguments: tuple[str, ...], code: int) -> None:
    said = written(*arguments)
    assert (said.code, said.out) == (code, "")
    assert said.err.count("\n") <= 1


def test_gc_tells_what_went(peopled: Run) -> None:
    said = peopled("gc", "--json")
    assert said.code == 0
    assert (said.json["trash"], said.json["versions"], said.json["removed"]["ba05"]) == ({"ba05": 0}, {"ba05": 0}, 0)
    assert "ba05: 0 removed" in peopled("gc").out
