"""What holds in a committee's whole drive unless a paper says otherwise: its class, drafts shown early, publication."""

from __future__ import annotations

from dataclasses import replace

from sqlalchemy import Connection

from acl import store
from acl.labels import Classification
from acl.mandates import Committee
from davserver.labelling import Desk, Outcome, foretell, redefine
from davserver.tree.acts import Act
from davserver.tree.office import Office
from davserver.tree.papers import RELABEL


def facts(office: Office) -> Committee:
    """As they stand."""
    with office.house.database.read() as connection:
        return store.committee(connection, office.share)


def defining(office: Office, default_class: Classification, *, early: bool, publishes: bool) -> Act:
    """Change them; an Outcome: a lower class waits for a second person once papers were released. AccessDenied."""
    node = office.root.node.id

    def wish(desk: Desk) -> Outcome:
        standing = store.committee(desk.connection, desk.share)
        changed = replace(standing, default_class=default_class, early_access=early, publish_with_agenda=publishes)
        return redefine(desk, changed)

    def look(connection: Connection) -> None:
        foretell(office.desk(connection, node, RELABEL), wish)

    return Act(office, lambda connection: wish(office.desk(connection, node, RELABEL)), look)
