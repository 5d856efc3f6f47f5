"""Reading copies: what a drive hands out of a paper whose class says `rendition` (rights.md §1).

A PDF of pictures of its pages with its reader's name on each, kept for him alone. Until he opens it, and where none can
be made, a pointer stands in its place under the same name; opening that has the copy made (docs/decisions/0040).
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from hashlib import sha256
from typing import TYPE_CHECKING

from acl.engine import RENDITION
from acl.principals import Principal
from davserver.instants import BERLIN, EPOCH, MICROSECOND
from davserver.rendering.binding import bound
from davserver.rendering.maker import Busy, NotMade
from davserver.tree.rendered import COPY
from davserver.tree.seen import Seen, StandIn
from shareproviders.contract import Unavailable

if TYPE_CHECKING:
    from davserver.tree.rendered import Kept, Showing

_log = logging.getLogger(__name__)

NOT_COPIED = "no-copy"
"""What is kept of a version that makes none."""


class Renditions:
    """Those that are kept; one for each process."""

    def __init__(self, kept: Kept, clock: Callable[[], int]) -> None:
        self._kept, self._clock = kept, clock

    def opened(self, pointer: Seen, reader: Principal) -> Seen:
        """His copy in the pointer's place, if it was made; the pointer else. Makes none."""
        if pointer.instead is None or RENDITION not in pointer.obligations:
            return pointer
        paper, name = pointer.instead.paper, _name_for(reader)
        copy = self._kept.find(paper, name)
        if copy is None:
            return pointer
        tag = f"r{copy.entity_tag}"
        node = pointer.node._replace(size=copy.size, entity_tag=tag, modified=max(copy.modified, paper.node.modified))
        instead = StandIn(paper, self._kept.reads(copy), is_copy=True)
        return pointer._replace(node=node, tag=tag, instead=instead)

    def make(self, showing: Showing, paper: Seen, reader: Principal) -> None:
        """So that `opened` finds his copy from now on; nothing where there is no way to make one, or no room just now.

        Raises AccessDenied for who may not look at the paper.
        """
        name = _name_for(reader)
        if not showing.has_pages(paper.node.media_type) or self._kept.refused(paper, NOT_COPIED) is not None:
            return
        if self._kept.find(paper, name) is not None:  # several parts of the pointer were asked for
            return
        try:
            copy = bound(showing.leaves(paper), self._mark(reader), paper.display_name)
        except NotMade as why:
            self._kept.put(paper, {NOT_COPIED: why.reason.encode()})
        except (Busy, Unavailable) as busy:  # the pointer is sent already; it stays until it is opened again
            _log.info("no reading copy was made: %s", busy)
        else:
            if self._kept.find(paper, name) is None:  # who asked twice at once gets the same one
                self._kept.put(paper, {name: copy})

    def _mark(self, reader: Principal) -> str:
        """What stands on every page."""
        at = (EPOCH + self._clock() * MICROSECOND).astimezone(BERLIN)
        return f"{reader.name or reader.id} · {at:%d.%m.%Y, %H:%M}"


def _name_for(reader: Principal) -> str:
    """Under which his copy is kept: another one if he is called otherwise."""
    return COPY + sha256(f"{reader.key} {reader.name}".encode()).hexdigest()[:32]
