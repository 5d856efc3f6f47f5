"""docs/clients.md: what its table says was tried is backed, cell by cell, by a test that exists."""

from __future__ import annotations

import ast
import re

import pytest

from tests.clients.conversation import names as conversations
from tests.test_house import ROOT

HERE = ROOT / "tests" / "clients"
HEADING = "## What was tried"
RUN, REPLAYED = "run", "replayed, not run"


def rows() -> list[dict[str, str]]:
    """The first table below the heading, each row by the heads of its columns."""
    text = (ROOT / "docs" / "clients.md").read_text(encoding="utf-8").partition(HEADING)[2]
    match = re.search(r"(?:^\|.*\n)+", text, re.M)
    assert match is not None
    head, _, *lines = [[cell.strip() for cell in line.strip("|\n ").split(" | ")] for line in match[0].splitlines()]
    return [dict(zip(head, line, strict=True)) for line in lines]


def found_in(file: str) -> set[str]:
    tree = ast.parse((HERE / file).read_text(encoding="utf-8"))
    return {node.name for node in tree.body if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")}


ROWS = rows()


def test_the_table_is_found() -> None:
    """An empty table would make every rule below pass."""
    assert len(ROWS) >= 12
    assert {row["how"] for row in ROWS} == {RUN, REPLAYED}


@pytest.mark.parametrize("row", ROWS, ids=lambda row: re.sub(r"[^\w.]+", "-", row["client, version"]))
def test_every_cell_has_its_test(row: dict[str, str]) -> None:
    """A cell is `–`, or names tests of the row's file, of the file in the column's head, or a recorded conversation."""
    own = found_in(row["file"].strip("`"))
    cells = {head: cell for head, cell in row.items() if head not in ("client, version", "how", "file")}
    for head, cell in cells.items():
        named = re.findall(r"`([^`]+)`", cell)
        assert bool(named) != (cell == "–"), f"{head}: {cell!r} names no test"
        shared = re.search(r"`(test_\w+\.py)`", head)
        known = found_in(shared[1]) if shared else own | set(conversations("clerk", "reader", "holder"))
        assert set(named) <= known, f"{head}: {set(named) - known} are no tests"


@pytest.mark.parametrize("row", [row for row in ROWS if row["how"] == REPLAYED], ids=lambda row: row["client, version"])
def test_what_was_only_replayed_says_so(row: dict[str, str]) -> None:
    """Windows, Finder, Office and phones do not run here, and no cell of theirs names a test that ran a program."""
    assert row["file"] == "`test_conversations.py`"


@pytest.mark.parametrize("name", ["Windows Explorer", "Finder", "Microsoft Office"])
def test_windows_and_apple_are_replayed(name: str) -> None:
    assert [row["how"] for row in ROWS if name in row["client, version"]] == [REPLAYED]
