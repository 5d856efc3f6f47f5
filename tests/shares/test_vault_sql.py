"""The vault's SQL: portable, and every hot look-up one step in an index (storage.md §2, §6)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import Connection
from sqlalchemy.dialects import postgresql
from sqlalchemy.schema import CreateTable

from shareproviders.paths import SharePath
from shareproviders.statements import Statement
from shareproviders.vault.schema import metadata
from tests.shares.vaults import Bench, open_bench


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    with open_bench(tmp_path) as made:
        yield made


def _statements(bench: Bench) -> dict[str, Statement]:
    vault = bench.vault
    found: dict[str, Statement] = {}
    for room in (vault, vault._catalog, vault._history, vault._trees, vault._properties, vault._turns):
        for name, held in vars(room).items():
            for number, one in enumerate(held if isinstance(held, tuple) else (held,)):
                if isinstance(one, Statement):
                    found[f"{type(room).__name__}.{name}.{number}"] = one
    return found


def test_tables_and_statements_are_sql_that_postgresql_has_too(bench: Bench) -> None:
    """No dialect-only SQL outside davserver/database.py."""
    dialect = postgresql.dialect()  # type: ignore[no-untyped-call]
    for table in metadata.sorted_tables:
        assert "CREATE TABLE" in str(CreateTable(table).compile(dialect=dialect))
    statements = _statements(bench)
    assert len(statements) > 25
    for statement in statements.values():
        assert str(statement._clause.compile(dialect=dialect))


def _plan(connection: Connection, statement: Statement) -> list[str]:
    statement._compile(connection)
    values = dict.fromkeys(statement._order or (), 1)
    with closing(connection.connection.cursor()) as cursor:
        cursor.execute("EXPLAIN QUERY PLAN " + statement._text, statement._parameters(values))
        return [row[3] for row in cursor.fetchall()]


def test_no_statement_scans_a_table(bench: Bench) -> None:
    """Cost follows what is asked for, not how much the drives hold: each step searches an index."""
    with bench.database.read() as connection:
        for name, statement in _statements(bench).items():
            scans = [step.split()[1] for step in _plan(connection, statement) if step.startswith("SCAN")]
            assert [each for each in scans if each not in NO_TABLES] == [], name


NO_TABLES = ("up", "down", "CONSTANT", "always")
"""What is walked step by step, or is one row made up on the spot."""


def test_a_listing_is_one_query_and_a_path_one_per_level(bench: Bench) -> None:
    """Fast read path: no query per member."""
    bench.make("/a")
    bench.make("/a/b")
    for number in range(20):
        bench.put(f"/a/b/{number}", b"x")
    collection = bench.stat("/a/b")
    nodes = bench.vault.children(collection)
    for expected, ask in (
        (1, lambda: bench.vault.children(collection)),
        (3, lambda: bench.vault.stat(SharePath.parse("/a/b/1"))),
        (1, lambda: bench.vault.properties(nodes)),
        (1, lambda: list(bench.vault.read(nodes[0]))),
    ):
        with bench.database.read() as connection:
            asked: list[str] = []
            raw = connection.connection.driver_connection
            assert raw is not None
            raw.set_trace_callback(asked.append)
            try:
                ask()
            finally:
                raw.set_trace_callback(None)
        assert len(asked) == expected, asked


def test_a_folder_verb_costs_the_same_number_of_statements_however_large_the_folder(bench: Bench) -> None:
    """MOVE, COPY and DELETE are a handful of statements (executemany counts its rows, so COPY is counted by calls)."""
    counts = []
    for size in (3, 60):
        bench.make(f"/{size}")
        for number in range(size):
            bench.put(f"/{size}/{number}", b"x")
        with bench.database.transaction() as connection:
            asked: list[str] = []
            raw = connection.connection.driver_connection
            assert raw is not None
            raw.set_trace_callback(asked.append)
            try:
                bench.move(f"/{size}", f"/{size}-moved")
                bench.delete(f"/{size}-moved")
            finally:
                raw.set_trace_callback(None)
        counts.append(len(asked))
    assert counts[0] == counts[1] < 40
