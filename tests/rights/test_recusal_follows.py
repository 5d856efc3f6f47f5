"""A recusal from an item goes wherever the paper goes: no verb escapes it (law 5; rights.md §2.7, "items of both")."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from acl import store
from acl.meetings import AgendaItem, Meeting
from acl.recusals import Effect, Recusal
from shareproviders.paths import SharePath
from tests.rights.calling import Answer, target
from tests.rights.playing import DAY, Stage

PAPER = ("ba05", "Sitzung", "TOP 5", "Vorlage.odt")
WORK = ("ba05", "Arbeitsordner")


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    """An item with a paper in its folder, from which uli is recused; otto is not."""
    made = Stage(tmp_path)
    for method, path in (("MKCOL", PAPER[:2]), ("MKCOL", PAPER[:3]), ("PUT", PAPER)):
        assert not made.play(("ask", "clara", "full", {"method": method, "path": path})).problem
    made.play(("label", PAPER[:2], {"class": "restricted", "release": made.now - DAY}))
    made.play(("entry", PAPER[:2], "role:member", "read write", {}))
    house, now = made.house, made.now
    sealer = house.keys.sealer("ba05")
    with house.database.transaction() as connection:
        store.declare_meeting(connection, sealer, Meeting("ba05", "m", "M", now + 100 * DAY, now + 101 * DAY))
        item = AgendaItem("ba05", "m", "5", "T", public=True)
        store.declare_agenda_item(connection, sealer, house.matter_mark, item)
        (number,) = (each.id for each in store.agenda(connection, sealer, "ba05", "m"))
        folder = house.share("ba05").stat(inner(PAPER[:3])).id
        store.bind_agenda_item_folder(connection, "ba05", number, folder)
        recusal = Recusal("ba05", "uli", number, None, now - DAY, None, Effect.BOTH, "user:vera", now)
        store.add_recusal(connection, recusal)
    yield made
    made.close()


def inner(path: tuple[str, ...]) -> SharePath:
    return SharePath(path[1:])


def ask(stage: Stage, name: str, method: str, path: tuple[str, ...], to: tuple[str, ...] | None = None) -> Answer:
    request = {"method": method, "path": path, "deep": True, "body": "x"}
    return stage.request(stage.logins[name, "full"], request | ({"to": to, "overwrite": True} if to else {}))


def test_the_recused_finds_nothing_and_others_all(stage: Stage) -> None:
    assert ask(stage, "uli", "GET", PAPER).status == ask(stage, "uli", "PROPFIND", PAPER[:3]).status == 404
    assert ask(stage, "otto", "GET", PAPER).status == 200
    assert "TOP" not in ask(stage, "uli", "PROPFIND", PAPER[:2]).body.decode()


@pytest.mark.parametrize("method", ["COPY", "MOVE"])
@pytest.mark.parametrize("source", [PAPER, PAPER[:3]], ids=["paper", "folder"])
@pytest.mark.parametrize("drive", ["ba05", "ba06"])
@pytest.mark.parametrize("taken", [False, True], ids=["new", "over another"])
def test_it_follows_the_paper(stage: Stage, method: str, source: tuple[str, ...], drive: str, *, taken: bool) -> None:
    """Copied or moved, alone or in its folder, into another folder or drive, also over something that stands there."""
    name = "clara"
    stage.play(("mandate", "clara", "ba06", "clerk", stage.now - DAY, None))
    stage.play(("mandate", "uli", "ba06", "member", stage.now - DAY, None))
    to = (drive, "Arbeitsordner", source[-1])
    if taken:
        assert ask(stage, name, "PUT", to).status == 201
    assert ask(stage, name, method, source, to).status == (204 if taken else 201)
    paper = (*to, PAPER[-1]) if source != PAPER else to
    assert ask(stage, "clara", "GET", paper).status == 200
    assert ask(stage, "uli", "GET", paper).status == ask(stage, "uli", "PROPFIND", to).status == 404


def test_it_follows_through_two_moves_and_back(stage: Stage) -> None:
    """Also by others who may write there."""
    first, second = (*WORK, "a.odt"), (*WORK, "b.odt")
    assert ask(stage, "otto", "MOVE", PAPER, first).status == 201
    assert ask(stage, "otto", "MOVE", first, second).status == 201
    assert ask(stage, "uli", "GET", second).status == 404
    assert ask(stage, "otto", "MOVE", second, PAPER).status == 201
    assert ask(stage, "uli", "GET", PAPER).status == 404
    assert ask(stage, "uli", "PUT", (*WORK, "own.odt")).status == 201, "everything else stays his"
    assert target(WORK) in ask(stage, "uli", "PROPFIND", WORK).body.decode()
