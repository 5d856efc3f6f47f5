"""Changing a drive by forms: upload, new folder, rename, move, delete. The door asks for every right itself."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, redirect, render_template, request, url_for

from davserver.portal.browsing import address_of
from davserver.portal.ground import visit
from davserver.portal.guarding import streaming
from davserver.portal.uploads import NO_TERMS, take_in
from davserver.tree.finding import Finding
from davserver.tree.seen import PreconditionFailed, Seen
from shareproviders.contract import BadName, NameTaken, NotFound
from shareproviders.paths import SharePath

pages = Blueprint("changing", __name__)


@pages.post("/ordner/<share>/<int:node>/hochladen")
@streaming
def upload(share: str, node: int) -> Any:
    """Take documents into a folder; one that has the name of another becomes its next version."""
    arrived = list(map(visit().noted, take_in(lambda: (visit().tree, _at(share, node).path))))
    return _back(_at(share, node), "uploaded" if arrived else "")


@pages.get("/ordner/<share>/<int:node>/neu")
def new_folder(share: str, node: int) -> Any:
    return _form("new-folder", _at(share, node))


@pages.post("/ordner/<share>/<int:node>/neu")
def make_folder(share: str, node: int) -> Any:
    """A folder in this one."""
    folder, name = _at(share, node), request.form.get("name", "").strip()
    try:
        visit().noted(visit().tree.make_collection(folder.path / name, NO_TERMS))
    except (BadName, NameTaken) as error:
        return _form("new-folder", folder, name=name, problem=error)
    return _back(folder, "made")


@pages.get("/umbenennen/<share>/<int:node>")
def rename_form(share: str, node: int) -> Any:
    return _form("rename", _at(share, node))


@pages.post("/umbenennen/<share>/<int:node>")
def rename(share: str, node: int) -> Any:
    """Give it another name where it is; never over something else."""
    seen, name = _at(share, node), request.form.get("name", "").strip()
    try:
        _move(seen, seen.path.parent / name)
    except (BadName, NameTaken) as error:
        return _form("rename", seen, name=name, problem=error)
    return _back(_folder_of(seen), "renamed")


@pages.get("/verschieben/<share>/<int:node>")
def move_form(share: str, node: int) -> Any:
    """Choose a folder step by step: the page shows what lies in one, and offers to move it there."""
    seen, finding = _at(share, node), Finding(visit().tree)
    where = request.args.get("nach", type=int)
    target = finding.at(share, where) if where else _folder_of(seen)
    inside = [each for each in finding.members(target) if each.node.is_collection and each.node.id != node]
    above = [*finding.above(target), target]
    return _form("move", seen, target=target, folders=finding.describe(inside), way_there=finding.describe(above))


@pages.post("/verschieben/<share>/<int:node>")
def move(share: str, node: int) -> Any:
    """Into another folder of the same drive, under the same name."""
    seen = _at(share, node)
    target = _at(share, request.form.get("folder", 0, type=int))
    try:
        _move(seen, target.path / seen.path.name)
    except NameTaken as error:
        return _form("move", seen, target=target, folders=[], way_there=[], problem=error)
    return _back(target, "moved")


@pages.get("/loeschen/<share>/<int:node>")
def delete_form(share: str, node: int) -> Any:
    return _form("delete", _at(share, node))


@pages.post("/loeschen/<share>/<int:node>")
def delete(share: str, node: int) -> Any:
    """Into the trash, a folder with all that lies in it."""
    seen = _at(share, node)
    folder = _folder_of(seen)
    visit().tree.delete(seen.path, NO_TERMS)
    return _back(folder, "deleted")


def _at(share: str, node: int) -> Seen:
    return visit().noted(Finding(visit().tree).at(share, node))


def _folder_of(seen: Seen) -> Seen:
    """The nearest folder above it that the asker may discover. Raises NotFound for a drive itself."""
    above = Finding(visit().tree).above(seen)
    if not above:
        raise NotFound("there is nothing here")
    return above[-1]


def _move(seen: Seen, target: SharePath) -> None:
    if target == seen.path:
        return
    try:
        visit().tree.move(seen.path, target, NO_TERMS, overwrite=False)
    except PreconditionFailed as error:
        raise NameTaken(str(error)) from error


def _form(kind: str, seen: Seen, *, problem: Exception | None = None, **facts: Any) -> Any:
    """The page of one change, again with what was wrong where it was refused."""
    finding = Finding(visit().tree)
    above = finding.above(seen)
    (own,) = finding.describe([seen], above[-1] if above else None)
    named = {NameTaken: "taken", BadName: "bad"}.get(type(problem), "") if problem else ""
    page = render_template(
        f"changing/{kind}.html", own=own, above=finding.describe(above), address=address_of, problem=named, **facts
    )
    return (page, 409 if named == "taken" else 400) if problem else page


def _back(folder: Seen, done: str) -> Any:
    return redirect(url_for("browsing.folder", share=folder.share, node=folder.node.id, getan=done or None), 303)
