"""A node that a command is about, in an open transaction or view; and what commands read from their arguments."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

from sqlalchemy import Connection

from acl import store
from acl.labels import NEVER, Classification
from acl.rules import ShareRules
from davserver.agendas import Agendas
from davserver.commands.workspace import Refused, Workspace, WrongUsage, share_path
from davserver.house import House
from davserver.instants import instant
from davserver.labelling import Desk, Outcome
from davserver.tree.forest import SharePlaces
from shareproviders.contract import Node

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
