"""What a pluggable policy is: it may add grants and raise objections; entry-point group `davserver.policies`."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, Protocol

from acl.labels import Classification, Phase
from acl.mandates import Committee
from acl.principals import Channel, Principal
from acl.privileges import Rights


class RequestFacts(NamedTuple):
    """What a policy may judge by; the same for all nodes of a region."""

    principal: Principal
    roles: tuple[str, ...]
    """The offices that the principal holds in the committee at this instant."""
    committee: Committee
    classification: Classification
    phase: Phase
    channel: Channel
    at: int
    """Microseconds since the epoch."""
    node: int
    """The region's pin (0: none); for a `per_node` policy the node itself."""


class Policy(Protocol):
    """A pure function of the facts. An exception out of it means that nothing is allowed (law 4).

    Grants are cut down by class, channel and credential like all grants; objections win over everything.
    """

    name: str
    """For reasons: `policy:NAME`."""
    per_node: bool
    """True: the answer differs between nodes of one region, so each node is asked for. What it grants to a single
    node does not open the collections above."""
    changes_without_notice: bool
    """True: the answer depends on more than the facts, so it is asked anew each time."""

    def grants(self, facts: RequestFacts) -> Rights:
        """Rights to add."""

    def forbids(self, facts: RequestFacts) -> Rights:
        """Rights to take away, whoever gave them."""

    def until(self, facts: RequestFacts) -> int | None:
        """The next instant after `facts.at` at which the answers may change by the clock; None: never."""


PolicyFactory = Callable[[], Policy]
"""What an entry point of the group names: a class or function without arguments."""
