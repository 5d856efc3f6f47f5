"""A node that a command is about, in an open transaction or view; and what commands read from their arguments."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

from sqlalchemy import Connection

from acl import store
from acl.labels import NEVER, Classification
from acl.principals import Channel, Principal
from acl.rules import ShareRules
from davserver.agendas import Agendas
from davserver.commands.workspace import Refused, Workspace, WrongUsage, share_path
from davserver.house import House
from davserver.instants import instant
from davserver.labelling import Desk, Outcome, active_user
from davserver.tree.acquaintance import CLERK
from davserver.tree.forest import SharePlaces
from shareproviders.contract import Node

if TYPE_CHECKING:
    from davserver.tree.locking import GuardedTree

INHERIT = "inherit"


class Spot(NamedTuple):
    """A node, and the rules that hold there."""

    house: House
    connection: Connection
    share: str
    node: Node
    rules: ShareRules

    @property
    def lineage(self) -> tuple[int, ...]:
        return self.node.lineage


@contextmanager
def looking(workspace: Workspace) -> Iterator[Spot]:
    """At the argument PATH."""
    share, path = share_path(workspace.arguments.path)
    with workspace.house() as house:
        provider = house.share(share)
        with house.database.read() as connection:
            yield spot_at(house, connection, share, provider.stat(path))


def spot_at(house: House, connection: Connection, share: str, node: Node) -> Spot:
    """That node, and the rules of its drive as the open view has them."""
    rules = store.load_rules(connection, share, SharePlaces(share, house.share(share)).lineages)
    return Spot(house, connection, share, node, rules)


@contextmanager
def changing(workspace: Workspace) -> Iterator[Desk]:
    """At the argument PATH, in the one transaction of the command; what makes no sense is refused."""
    share, path = share_path(workspace.arguments.path)
    with workspace.house() as house:
        provider = house.share(share)
        with refusing(), house.database.transaction() as connection:
            yield Desk(house, connection, share, provider.stat(path), workspace.by)


@contextmanager
def agendas_of(workspace: Workspace, share: str) -> Iterator[Agendas]:
    """The meetings of a committee, in the one transaction of the command."""
    with workspace.house() as house:
        provider = house.share(share)
        with refusing(), house.database.transaction() as connection:
            yield Agendas(house, connection, share, workspace.by, provider=provider)


def principals_for(house: House, connection: Connection, share: str, by: str) -> Iterator[Principal]:
    """As whom a command may ask the door: the user that it is for, or else each clerk of the committee in office."""
    kind, _, user = by.partition(":")
    mandates = [] if kind == "user" else store.mandates_in(connection, share)
    clerks = {mandate.person for mandate in mandates if mandate.role == CLERK and mandate.holds_at(house.clock())}
    for each in [user] if kind == "user" else sorted(clerks):
        try:
            yield active_user(connection, each)
        except ValueError:
            continue  # has an office, but no account that works


def note_acting(workspace: Workspace, house: House, share: str, principal: Principal) -> None:
    """Where nobody was named with `--as`: tell the log who ran the command that acts as this clerk."""
    if workspace.arguments.acting is None:
        with house.database.transaction() as connection:
            house.audit.note(connection, workspace.by, "act-as", share=share, detail=principal.id)


def door(house: House, principal: Principal) -> GuardedTree:
    """The tree as somebody sees it who sits at this server."""
    # The web stack behind it takes longer to load than most commands take to run, and few of them open a door.
    from davserver.app import forest_of  # noqa: PLC0415
    from davserver.tree.locking import GuardedTree  # noqa: PLC0415

    return GuardedTree(forest_of(house), principal, Channel.PORTAL)


@contextmanager
def refusing() -> Iterator[None]:
    """What the rooms say of a wish that makes no sense, as a refusal; the transaction inside is undone."""
    try:
        yield
    except ValueError as error:
        raise Refused(str(error)) from error


def when(text: str | None, option: str, now: int) -> int | None:
    """The instant that an option names. Raises WrongUsage."""
    if text is None or text == INHERIT:
        return None
    if text in ("now", "never"):
        return now if text == "now" else NEVER
    try:
        return instant(text)
    except ValueError as error:
        raise WrongUsage(f"{option}: {error}") from None


def class_named(word: str, option: str) -> Classification:
    """Raises WrongUsage."""
    try:
        return Classification.parse(word)
    except ValueError as error:
        raise WrongUsage(f"{option}: {error}") from None


def on_behalf(parser: argparse.ArgumentParser) -> None:
    """Add `--as`: who is noted, and who may not give anything to himself."""
    parser.add_argument("--as", dest="acting", metavar="USER", help="on whose behalf; noted in the log")


def window(parser: argparse.ArgumentParser) -> None:
    """Add `--from` and `--until`."""
    parser.add_argument("--from", dest="start", metavar="T")
    parser.add_argument("--until", dest="end", metavar="T", help="the first instant without it")


def answer_outcome(workspace: Workspace, outcome: Outcome, facts: dict[str, Any], line: str) -> None:
    """What became of a wish that may need a second person."""
    if outcome.proposal is not None:
        line = (
            f"proposed as {outcome.proposal}: the paper was released, so lowering its class takes a second person;"
            f" davserver approve {outcome.proposal} --as USER"
        )
    workspace.answer({**facts, "changed": outcome.changed, "proposal": outcome.proposal}, [line])
