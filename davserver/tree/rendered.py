"""What was made of documents for reading in place: kept encrypted by version, handed out as rights allow.

It lies in a vault space of its own, as unfinished uploads do, so nothing of it can be read on the disk. Everything can
be made anew at any time; `sweep` lets go of what is old, too much, or of a document that has changed or gone.
"""

from __future__ import annotations

import json
import logging
import struct
import time
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from acl.privileges import Rights
from davserver.rendering import texts
from davserver.rendering.maker import PDF, Drawing, Maker, NotMade, Page, Reason, read_drawing
from davserver.tree.seen import Seen
from davserver.tree.uploads import UploadStore, destroy
from shareproviders.contract import (
    Damaged,
    Expected,
    NameTaken,
    Node,
    NotFound,
    ShareProvider,
    Staged,
    Unavailable,
    Writing,
)
from shareproviders.paths import ROOT, SharePath

if TYPE_CHECKING:
    from davserver.tree.looking import LookingTree

LIFE = 30 * 24 * 3600 * 1_000_000
"""Microseconds after which it is made anew, if anybody still asks."""
TRY_AGAIN = 3600 * 1_000_000
"""Microseconds after which what was too much is tried once more."""
WIDTHS = (800, 1200, 1800)
"""Pixels across a page in which it is drawn."""
AHEAD = 1
"""Pages that are drawn with the one that was asked for."""
AT_ONCE = 6
"""Pages that one child draws for a copy: as many as its answer may hold (maker.LARGEST_DRAWING)."""
MOST_LEAVES, MOST_SECONDS = 100, 25.0
"""Of a copy: clients of drives wait for half a minute, not for longer."""
BY = "server:rendering"
REFUSED, CONVERTED, WORDS, WORDLESS = "refused", "pdf", "words", "no-words"
COPY = "copy-"
"""What the name of a reading copy begins with."""

_log = logging.getLogger(__name__)


class Kept:
    """What is kept of all documents; one for each process."""

    def __init__(
        self,
        store: UploadStore,
        clock: Callable[[], int],
        begin_transaction: Callable[[], AbstractContextManager[Any]],
        *,
        most_bytes: int,
    ) -> None:
        self._store, self._clock = store, clock
        self._begin_transaction, self._most = begin_transaction, most_bytes

    def get(self, seen: Seen, name: str) -> bytes | None:
        """What was made of this version; None for what was damaged on the disk, too, so that it is made anew."""
        try:
            made = self._store.stat(self._home(seen) / name)
            with self._letting_go(made):
                return b"".join(self._store.read(made))
        except (NotFound, Damaged):
            return None

    def find(self, seen: Seen, name: str) -> Node | None:
        """What was made of this version, unread."""
        try:
            return self._store.stat(self._home(seen) / name)
        except NotFound:
            return None

    def reads(self, made: Node) -> Callable[[int, int | None], Iterator[bytes]]:
        """What opens a part of it, later. Raises NotFound once it is gone; Damaged, and then it is made anew next."""
        return partial(self._opened, made)

    def _opened(self, made: Node, start: int = 0, length: int | None = None) -> Iterator[bytes]:
        with self._letting_go(made):
            return self._watched(made, self._store.read(made, start, length))

    def _watched(self, made: Node, pieces: Iterator[bytes]) -> Iterator[bytes]:
        with self._letting_go(made):
            yield from pieces

    @contextmanager
    def _letting_go(self, made: Node) -> Iterator[None]:
        """What turns out to be damaged goes: it is no original, and can be made anew."""
        try:
            yield
        except Damaged as damage:
            _log.warning("what was drawn is damaged, and will be drawn anew: %s", damage)
            with suppress(NotFound, Unavailable):
                destroy(self._store, self._store.locate(made.id)[0], Writing(BY, self._clock()))
            raise

    def refused(self, seen: Seen, name: str = REFUSED) -> Reason | None:
        """Why this version could not be shown. That it was too much is asked again: the server may have been busy."""
        node, told = self.find(seen, name), self.get(seen, name)
        if node is None or told is None:
            return None
        reason = Reason(told.decode())
        return None if reason is Reason.HEAVY and node.modified < self._clock() - TRY_AGAIN else reason

    def put(self, seen: Seen, made: Mapping[str, bytes]) -> None:
        """Keep these, by name. A database that is busy keeps nobody from reading: then they are made anew."""
        writing = Writing(BY, self._clock())
        staged: dict[str, Staged] = {}
        try:
            staged |= {name: self._store.stage([content]) for name, content in made.items()}
            with self._begin_transaction():
                with suppress(NameTaken):
                    self._store.make_collection(self._home(seen), writing)
                for name, each in staged.items():
                    self._store.put(self._home(seen) / name, each, Expected(), writing)
            if self._store.stat(ROOT).size > self._most:
                self.shrink()
        except Unavailable as busy:
            _log.warning("what was drawn is not kept: %s", busy)
        finally:
            for each in staged.values():
                each.discard()

    def shrink(self) -> int:
        """Let go of the oldest until a tenth is free; number of documents."""
        homes = sorted(self._store.children(self._store.stat(ROOT)), key=lambda home: home.created)
        held, gone = sum(home.size for home in homes), 0
        for home in homes:
            if held <= self._most * 9 // 10:
                break
            held -= home.size
            gone += self._drop(home)
        return gone

    def forget_copies(self) -> None:
        """Let go of the reading copies of everybody, on which names stand: they are made anew when they are wanted."""
        for home in self._store.children(self._store.stat(ROOT)):
            for made in self._store.children(home):
                if made.name.startswith(COPY):
                    with suppress(NotFound):
                        destroy(self._store, SharePath((home.name, made.name)), Writing(BY, self._clock()))

    def sweep(self, shares: Mapping[str, ShareProvider]) -> int:
        """Let go of what is old, and of versions that are not the newest of a living document; number of documents.

        Harmless when several processes do it at once, and restartable at any point.
        """
        gone, now = 0, self._clock()
        for home in self._store.children(self._store.stat(ROOT)):
            if home.created < now - LIFE or not _is_current(home.name, shares):
                gone += self._drop(home)
        for trashed in self._store.trashed():
            with suppress(NotFound):
                self._store.purge(trashed.node_id)
        return gone + self.shrink()

    def _drop(self, home: Node) -> bool:
        try:
            destroy(self._store, SharePath((home.name,)), Writing(BY, self._clock()))
        except NotFound:
            return False  # another process was quicker
        return True

    @staticmethod
    def _home(seen: Seen) -> SharePath:
        return SharePath((f"{seen.share}_{seen.node.id}_{seen.node.entity_tag}",))


def _is_current(name: str, shares: Mapping[str, ShareProvider]) -> bool:
    share, _, rest = name.partition("_")
    number, _, tag = rest.partition("_")
    provider = shares.get(share)
    if provider is None or not number.isdecimal():
        return False
    try:
        return provider.locate(int(number))[1].entity_tag == tag
    except NotFound:
        return False


class Shown(NamedTuple):
    """A page that somebody looks at."""

    total: int
    """Pages of the document."""
    page: Page
    to_be_marked: bool
    """He may look only: his name and the time belong on it."""


class Showing:
    """What one reader may look at without receiving it; every call asks the door anew."""

    def __init__(self, tree: LookingTree, kept: Kept, maker: Maker) -> None:
        self._tree, self._kept, self._maker = tree, kept, maker

    def has_pages(self, media_type: str) -> bool:
        """Are there pages of such documents?"""
        return self._maker.draws(media_type) or self._maker.converts(media_type)

    def page(self, seen: Seen, number: int, width: int) -> Shown:
        """This page (from 1), `width` pixels wide: one of WIDTHS.

        Raises AccessDenied without the right to view; NotMade, Busy; NotFound beyond the last page.
        """
        self._tree.admit_view(seen)
        kept = self._kept.get(seen, _name(number, width))
        drawing = self._drawn(seen, number, width) if kept is None else read_drawing(zlib.decompress(kept))
        for page in drawing.pages:
            if page.number == number:
                return Shown(drawing.total, page, bool(Rights.READ & ~seen.rights))
        raise NotFound("there is no such page")

    def leaves(self, seen: Seen) -> Iterator[Page]:
        """All pages in order, drawn some at a time and not kept.

        Raises AccessDenied without the right to view; Busy, and NotMade also for more than MOST_LEAVES or MOST_SECONDS.
        """
        self._tree.admit_view(seen)
        until, first, total = time.monotonic() + MOST_SECONDS, 1, 1
        while first <= total:
            drawing = self._draw(seen, WIDTHS[1], range(first, first + AT_ONCE))
            total, first = drawing.total, first + AT_ONCE
            if total > MOST_LEAVES or time.monotonic() > until:
                raise NotMade(Reason.HEAVY)
            yield from drawing.pages

    def text(self, seen: Seen) -> texts.Text:
        """What stands in a text. Raises AccessDenied without the right to view."""
        return texts.read(self._tree.source(seen))

    def pdf(self, seen: Seen) -> bytes | None:
        """An office document as PDF, for who may read it; None for one that is a PDF itself.

        Raises AccessDenied without the right to read; NotMade, Busy.
        """
        self._tree.admit_read(seen)
        if seen.node.media_type == PDF:
            return None
        self._tree.admit_view(seen)
        return self._converted(seen)

    def words(self, seen: Seen) -> list[str]:
        """The text of each page, to be searched. Raises as `page`."""
        self._tree.admit_view(seen)
        kept = self._kept.get(seen, WORDS)
        if kept is not None:
            found: list[str] = json.loads(zlib.decompress(kept))
            return found
        source, _ = self._drawable(seen)
        with self._remembered(seen, WORDLESS):
            found = self._maker.words(source)
        self._kept.put(seen, {WORDS: zlib.compress(json.dumps(found).encode())})
        return found

    def _draw(self, seen: Seen, width: int, numbers: Sequence[int]) -> Drawing:
        source, media_type = self._drawable(seen)
        with self._remembered(seen):
            return self._maker.draw(source, media_type, width, numbers)

    def _drawable(self, seen: Seen) -> tuple[Iterator[bytes], str]:
        """What can be drawn at once, and its media type."""
        if self._maker.converts(seen.node.media_type):
            return iter([self._converted(seen)]), PDF
        return self._source(seen), seen.node.media_type

    def _drawn(self, seen: Seen, number: int, width: int) -> Drawing:
        drawing = self._draw(seen, width, range(number, number + 1 + AHEAD))
        self._kept.put(seen, {_name(page.number, width): written(drawing.total, page) for page in drawing.pages})
        return drawing

    def _converted(self, seen: Seen) -> bytes:
        kept = self._kept.get(seen, CONVERTED)
        if kept is not None:
            return kept
        with self._remembered(seen):
            made = self._maker.convert(self._source(seen), seen.node.media_type)
        self._kept.put(seen, {CONVERTED: made})
        return made

    def _source(self, seen: Seen) -> Iterator[bytes]:
        yield from self._tree.source(seen)

    def _remembered(self, seen: Seen, name: str = REFUSED) -> _Refusals:
        return _Refusals(self._kept, seen, name)


class _Refusals:
    """Around the making: what could not be made of a version once is not tried again."""

    def __init__(self, kept: Kept, seen: Seen, name: str) -> None:
        self._kept, self._seen, self._name = kept, seen, name

    def __enter__(self) -> None:
        why = self._kept.refused(self._seen, self._name)
        if why is not None:
            raise NotMade(why)

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, NotMade):
            self._kept.put(self._seen, {self._name: error.reason.encode()})


def _name(number: int, width: int) -> str:
    return f"page-{number}-{width}"


def written(count: int, page: Page) -> bytes:
    """What `read_drawing` reads of one page, packed."""
    told = {
        "number": page.number,
        "pixels": (page.width, page.height),
        "points": (page.across, page.down),
        "lines": page.lines,
    }
    header = json.dumps({"count": count, "pages": [told]}).encode()
    return zlib.compress(b"".join(_parts(header, page.pixels)), 1)


def _parts(header: bytes, pixels: bytes) -> Iterable[bytes]:
    return (struct.pack(">I", len(header)), header, pixels)
