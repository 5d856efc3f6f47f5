"""What was before: the versions of a document, and the trash; each with who and when, and a way back."""

from __future__ import annotations

import re
from typing import Any

from flask import Blueprint, redirect, render_template, request, url_for

from davserver.portal.browsing import address_of
from davserver.portal.desk.deciding import YES
from davserver.portal.ground import visit
from davserver.portal.reading import download_of, pdf_of, played
from davserver.portal.sight import Places, picture_of, sight_of
from davserver.tree.finding import Finding
from davserver.tree.seen import Seen, Terms
from shareproviders.contract import NotFound

pages = Blueprint("keeping", __name__)

NO_TERMS = Terms()
NODE = re.compile(r"[0-9]{1,18}")


@pages.get("/fassungen/<share>/<int:node>")
def versions(share: str, node: int) -> Any:
    """All versions of a document, the newest first."""
    finding = Finding(visit().tree)
    seen = visit().noted(finding.at(share, node))
    found = visit().tree.versions(seen)
    above = finding.above(seen)
    (own,) = finding.describe([seen], above[-1] if above else None)
    kept = [(each, author(each.by)) for each in found]
    return render_template("versions.html", own=own, above=finding.describe(above), address=address_of, versions=kept)


@pages.get("/fassungen/<share>/<int:node>/<int:version>")
def version(share: str, node: int, version: int) -> Any:
    """The bytes of one version."""
    return download_of(_past(share, node, version))


@pages.get("/fassungen/<share>/<int:node>/<int:version>/lesen")
def read(share: str, node: int, version: int) -> Any:
    """One version, read in place as the document itself is."""
    finding, tree = Finding(visit().tree), visit().tree
    seen = _past(share, node, version)
    (by,) = (each.by for each in tree.versions(seen) if each.id == version)
    above = finding.above(seen)
    (own,) = finding.describe([seen], above[-1] if above else None)
    there: dict[str, Any] = {"share": share, "node": node, "version": version}
    places = Places(
        url_for("keeping.read", **there),
        lambda number: url_for("keeping.picture", number=number, **there),
        pdf=url_for("keeping.pdf", **there),
        play=url_for("keeping.play", **there),
    )
    sight = sight_of(visit().showing, seen, places, receives=True)
    return render_template(
        "version.html", own=own, above=finding.describe(above), address=address_of, sight=sight, who=author(by)
    )


@pages.get("/fassungen/<share>/<int:node>/<int:version>/seite/<int:number>")
def picture(share: str, node: int, version: int, number: int) -> Any:
    """The picture of one page of it."""
    return picture_of(visit().showing, _past(share, node, version), number, "")


@pages.get("/fassungen/<share>/<int:node>/<int:version>/pdf")
def pdf(share: str, node: int, version: int) -> Any:
    """For the viewer: the version as PDF."""
    return pdf_of(_past(share, node, version))


@pages.get("/fassungen/<share>/<int:node>/<int:version>/abspielen")
def play(share: str, node: int, version: int) -> Any:
    """A recording or a film as it was, by ranges."""
    return played(_past(share, node, version))


def _past(share: str, node: int, version: int) -> Seen:
    """Raises AccessDenied for who may not read the document as it stands: versions follow it (decision 23)."""
    tree = visit().tree
    return tree.past(visit().noted(Finding(tree).at(share, node)), version)


@pages.post("/fassungen/<share>/<int:node>")
def restore_version(share: str, node: int) -> Any:
    """Make an earlier version the newest."""
    tree = visit().tree
    seen = visit().noted(Finding(tree).at(share, node))
    tree.restore_version(seen.path, request.form.get("version", 0, type=int), NO_TERMS)
    return redirect(url_for("reading.document", share=share, node=node, getan="restored"), 303)


@pages.get("/papierkorb")
def trash() -> Any:
    """What was deleted in all drives, the newest first."""
    tree = visit().tree
    finding = Finding(tree)
    thrown = [
        (each, finding.thrown_title(each), finding.thrown_place(each), author(each.by)) for each in tree.trashed()
    ]
    return render_template("trash.html", thrown=thrown, done=request.args.get("getan", ""))


@pages.post("/papierkorb")
def restore() -> Any:
    """Bring something back to where it lay."""
    seen = visit().noted(visit().tree.restore(*_chosen()))
    above = Finding(visit().tree).above(seen)
    return redirect(address_of(above[-1]) + "?getan=restored" if above else url_for("keeping.trash"), 303)


@pages.post("/papierkorb/vernichten")
def purge() -> Any:
    """First what would be gone; with a yes to that, gone for good. Never under a legal hold, nor with hidden parts."""
    tree, (share, node) = visit().tree, _chosen()
    if request.form.get(YES):
        tree.purge(share, node)
        return redirect(url_for("keeping.trash", getan="destroyed"), 303)
    thrown, documents = tree.foresee_purge(share, node)
    finding = Finding(tree)
    facts = {"name": finding.thrown_title(thrown), "place": finding.thrown_place(thrown), "documents": documents}
    return render_template("destroying.html", thrown=thrown, **facts)


def _chosen() -> tuple[str, int]:
    """What a button of the trash means: (drive, node). Raises NotFound."""
    share, _, node = request.form.get("thrown", "").partition("/")
    if not NODE.fullmatch(node):
        raise NotFound("there is nothing here")
    return share, int(node)


def author(key: str) -> str:
    """The name of whoever did something, as far as the visitor may know him; empty for anybody else."""
    kind, _, user = key.partition(":")
    return visit().tree.acquaintances.people.get(user, "") if kind == "user" else ""
