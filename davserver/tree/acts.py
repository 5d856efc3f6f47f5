"""What is done at a desk and changes rights: first looked at, who gains and loses what, then done, by one function."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from sqlalchemy import Connection

from davserver.tree.gains import Gain
from davserver.tree.office import Office


class Act(NamedTuple):
    """Something that a clerk wants to do; nothing has happened yet."""

    office: Office
    do: Callable[[Connection], object]
    """In an open transaction, which is undone where it is only looked at. Whatever it raises, both ways raise."""
    look: Callable[[Connection], object] | None = None
    """What is looked at instead, where the deed may only be a proposal: what would be, once somebody has agreed."""
    at: int | None = None
    """When it begins to matter; None: at once."""

    def foresee(self) -> list[Gain]:
        """Who would gain and lose what. Raises Impossible."""
        return self.office.foresee(self.look or self.do, self.at)

    def carry_out(self) -> object:
        """Do it, at once and everywhere; the right to the desk is asked for again. Raises Impossible."""
        with self.office.working() as connection:
            return self.do(connection)
