"""Pointers: what a drive shows of a paper that may be viewed but not copied (rights.md §1, "What DAV hands out").

One page that says where to read it, made anew for each look, with a name and an entity tag of its own. Never under a
real member's name, and read-only: it stands for the paper, it is not the paper.
"""

from __future__ import annotations

import hashlib
import io
import threading
from collections import OrderedDict
from collections.abc import Container, Iterable, Iterator
from functools import partial

from reportlab.lib.pagesizes import A4
from reportlab.lib.units import mm
from reportlab.pdfbase.pdfmetrics import stringWidth
from reportlab.pdfgen.canvas import Canvas

from acl.engine import RENDITION
from acl.privileges import Rights
from davserver.tree.seen import Seen, StandIn
from shareproviders.paths import SharePath

KEPT = 2000
FONT, SIZE, WIDTH = "Helvetica", 11, 160 * mm
SENTENCES = (
    "Diese Unterlage können Sie lesen, aber nicht herunterladen. Öffnen Sie sie im Portal:",
    "You may read this paper, but not download it. Open it in the portal:",
)
COMING = (
    "Ihr Leseexemplar wird jetzt erstellt. Öffnen Sie es in einer Minute noch einmal, oder lesen Sie gleich im Portal:",
    "Your reading copy is being made. Open it once more in a minute, or read at once in the portal:",
)
"""Of a pointer whose place such a copy takes once it was opened."""


class Pointers:
    """Makes the pages; the same paper at the same place gives the same bytes."""

    def __init__(self, portal: str) -> None:
        """`portal`: the public URL of this server without a final slash, empty if none is configured."""
        self._portal = portal
        self._pages: OrderedDict[tuple[str, str, tuple[str, str]], bytes] = OrderedDict()
        self._lock = threading.Lock()

    def page(self, title: str, share: str, node: int, sentences: tuple[str, str] = SENTENCES) -> bytes:
        """A PDF of one page."""
        key = title, f"{self._portal}/lesen/{share}/{node}", sentences
        page = self._pages.get(key)
        if page is None:
            page = _drawn(*key)
            with self._lock:
                self._pages[key] = page
                while len(self._pages) > KEPT:
                    self._pages.popitem(last=False)
        return page

    def beside(self, known: Iterable[str], papers: Iterable[Seen]) -> list[Seen]:
        """A pointer for each of the papers, under names other than those `known`: of all members that the reader may
        discover, here or in the portal. PDFs come first, so that no other paper's coming or going renames theirs.
        """
        taken = {name.casefold() for name in known}
        pointers = []
        for paper in sorted(papers, key=lambda seen: not _is_pdf(seen.node.name)):
            name = next(name for name in names_for(paper.node.name, paper.obligations) if name.casefold() not in taken)
            taken.add(name.casefold())
            pointers.append(self._pointing(paper, name))
        return pointers

    def _pointing(self, paper: Seen, name: str) -> Seen:
        sentences = COMING if RENDITION in paper.obligations else SENTENCES
        page = self.page(paper.node.name, paper.share, paper.node.id, sentences)
        tag = "p" + hashlib.sha256(page).hexdigest()[:20]
        node = paper.node._replace(name=name, size=len(page), entity_tag=tag, media_type="application/pdf")
        path = SharePath((*paper.path.segments[:-1], name))
        instead = StandIn(paper, partial(_part, page))
        return paper._replace(path=path, node=node, rights=Rights.READ, tag=tag, display_name=name, instead=instead)


def names_for(name: str, obligations: Container[str]) -> Iterator[str]:
    """In order: `Bericht.odt` → `Bericht.pdf`, `Bericht (Verweis).pdf`, `Bericht (Verweis 2).pdf` …; of a PDF from the
    second on, for the first is the paper's own name. Where it becomes a reading copy, it is called one from the first.
    """
    word = "Leseexemplar" if RENDITION in obligations else "Verweis"
    stem = name.rpartition(".")[0] or name
    if not _is_pdf(name):
        yield f"{stem}.pdf"
    yield f"{stem} ({word}).pdf"
    number = 2
    while True:
        yield f"{stem} ({word} {number}).pdf"
        number += 1


def _part(page: bytes, start: int, length: int | None) -> Iterator[bytes]:
    return iter([page[start : None if length is None else start + length]])


def _is_pdf(name: str) -> bool:
    return name.casefold().endswith(".pdf")


def _drawn(title: str, url: str, sentences: tuple[str, str]) -> bytes:
    into = io.BytesIO()
    canvas = Canvas(into, pagesize=A4, invariant=True)
    canvas.setTitle(title)
    line = A4[1] - 40 * mm
    for text in (title, "", sentences[0], url, "", sentences[1], url):
        for row in _wrapped(text):
            canvas.setFont(FONT, SIZE)
            canvas.drawString(25 * mm, line, row)
            if text == url:
                canvas.linkURL(url, (25 * mm, line - 3, 25 * mm + stringWidth(row, FONT, SIZE), line + SIZE))
            line -= 6 * mm
    canvas.save()
    return into.getvalue()


def _wrapped(text: str) -> list[str]:
    """Rows of at most the page's width; the standard font knows Western letters, others become a question mark."""
    plain = text.encode("cp1252", "replace").decode("cp1252")
    rows = [""]
    for word in plain.split(" "):
        longer = f"{rows[-1]} {word}".strip()
        if stringWidth(longer, FONT, SIZE) <= WIDTH:
            rows[-1] = longer
        else:
            rows.append(word)
    return rows
