"""Everything that is stored about one person, in plain facts: no secret, no hash, no name that he may not know."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, TypeAlias

from sqlalchemy import Connection, Row, select

from acl import schema as acl_schema
from acl.privileges import Rights, rights_words
from davserver import schema
from davserver.accounts import PEPPER_SECRET, AccountProblem, open_label
from davserver.comments import text_place
from davserver.granting import reason_place
from davserver.house import House
from davserver.instants import shown
from davserver.linking import label_place
from davserver.openings import opening_place
from davserver.personal.places import PLACES
from shareproviders.contract import KeepsAuthors, NotFound
from shareproviders.vault import schema as vault_schema

if TYPE_CHECKING:
    from davserver.tree.finding import Finding

Facts: TypeAlias = dict[str, Any]
Sections: TypeAlias = dict[str, list[Facts]]
"""Facts by the name of what they are: of a table, or `files`, `log`, `log-about`."""

INSTANTS = frozenset(
    {"at", "start", "end", "created", "changed", "until", "expires", "last_use", "revoked", "used", "since", "told"}
    | {"signed_in", "began", "seen", "opened", "last_at"}
)
SECRETS = frozenset({"password", "epoch", "last_count", "form"})
APART = (schema.audit, vault_schema.version, vault_schema.trash)
"""Tables whose rows are told in sections of their own."""
SOMEBODY = "somebody else"
"""In lines about him: who acted for the body is that person's own data (CJEU C-579/21)."""


class Gathering:
    """Of one person; `finding` looks through the door as he does, None where his account is shut."""

    def __init__(self, house: House, connection: Connection, user: str, finding: Finding | None) -> None:
        self._house, self._connection, self._user, self._finding = house, connection, user, finding
        self._paths: dict[tuple[str, int], str] = {}

    def all(self) -> Sections:
        """Raises AccountProblem for an unknown person."""
        found: Sections = {}
        for place in PLACES:
            if place.table in APART:
                continue
            rows = self._connection.execute(select(place.table).where(place.is_of(self._user))).all()
            section = found.setdefault(place.table.name, [])
            section += [self._facts(place.table.name, row) for row in rows]
        if not found["person"] and not found["account"]:
            raise AccountProblem(f"there is no person {self._user}; `davserver user list` shows them")
        return {**found, "files": list(self._files()), "log": self._log(), "log-about": self._log_about()}

    def _facts(self, table: str, row: Row[Any]) -> Facts:
        facts: Facts = {}
        for column in row._mapping:
            value = row._mapping[column]
            if str(column) in SECRETS or isinstance(value, bytes | memoryview) or value is None:
                continue
            facts[str(column)] = shown(int(value)) if str(column) in INSTANTS else value
        if "rights" in facts:
            facts["rights"] = rights_words(Rights(facts["rights"]))
        facts.update(self._opened(table, row))
        return self._placed(facts)

    def _opened(self, table: str, row: Row[Any]) -> Facts:
        """What he wrote himself, or what tells which thing is meant: sealed in the row."""
        if table == "agenda_item":
            return {}
        if table == "app_password":
            pepper = self._house.keys.secret(PEPPER_SECRET)
            return {"label": open_label(pepper, row.id, row.label)}
        if table == "recusal" and row.agenda_item is not None:
            items = acl_schema.agenda_item
            wanted = select(items.c.meeting, items.c.number).where(items.c.id == row.agenda_item)
            found = self._connection.execute(wanted).one_or_none()
            return {} if found is None else {"meeting": found.meeting, "number": found.number}
        column, place = SEALED.get(table, ("", None))
        if place is None or row._mapping[column] is None:
            return {}
        text = self._house.keys.sealer(row.share).open(bytes(row._mapping[column]), place(row))
        return {column: text}

    def _placed(self, facts: Facts) -> Facts:
        """With the path of what it is about, if he may know that today."""
        if facts.get("share") and facts.get("node"):
            path = self._path(str(facts["share"]), int(facts["node"]))
            if path:
                facts["path"] = path
        return facts

    def _path(self, share: str, node: int) -> str:
        if self._finding is None:
            return ""
        if (share, node) not in self._paths:
            try:
                (described,) = self._finding.describe([self._finding.at(share, node)])
                title = str(described.seen.path).removeprefix("/") if described.title else ""
            except NotFound:
                title = ""
            self._paths[share, node] = title
        return self._paths[share, node]

    def _files(self) -> Iterator[Facts]:
        """What he wrote and what he deleted, as far as it is kept."""
        for share, provider in self._house.shares.items():
            if isinstance(provider, KeepsAuthors):
                for one in provider.authored(f"user:{self._user}"):
                    done = "deleted" if one.is_deletion else "written"
                    facts = {"share": share, "node": one.node_id, "done": done, "at": shown(one.at)}
                    yield self._placed({**facts, "size": one.size})

    def _log(self) -> list[Facts]:
        """What the log says that he did."""
        table = schema.audit.c
        rows = self._connection.execute(
            select(table.at, table.what, table.share, table.node, table.result, table.detail)
            .where(table.who == f"user:{self._user}")
            .order_by(table.seq)
        )
        return [self._line(row._mapping) for row in rows]

    def _log_about(self) -> list[Facts]:
        """What others did to his account, offices and rights."""
        table, named = schema.audit.c, re.compile(rf"(?<![\w.@-]){re.escape(self._user)}(?![\w@-])(?!\.\w)")
        rows = self._connection.execute(
            select(table.at, table.who, table.what, table.share, table.node, table.result, table.detail)
            .where(table.who != f"user:{self._user}", table.detail.contains(self._user, autoescape=True))
            .order_by(table.seq)
        )
        found = (row._mapping for row in rows if named.search(row.detail))
        return [self._line(row) | {"who": _without_name(row["who"])} for row in found]

    def _line(self, row: Mapping[Any, Any]) -> Facts:
        facts = {str(name): value for name, value in row.items() if value not in ("", 0)}
        return self._placed({**facts, "at": shown(row["at"])})


def _without_name(who: str) -> str:
    return who if who.startswith(("server:", "command:")) else SOMEBODY


SEALED: Mapping[str, tuple[str, Callable[[Row[Any]], str]]] = {
    "comment": ("text", lambda row: text_place(row.node, "comment", row.author, row.at)),
    "link": ("label", lambda row: label_place(row.token_hash)),
    "hold": ("reason", lambda row: reason_place(row.at)),
    "opening": ("name", lambda row: opening_place(row.digest)),
    "lock": ("owner", lambda row: str(row.token)),
}
