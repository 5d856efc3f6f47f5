"""docs/assurance.md names every bar once, in words that are defined, and tests that exist."""

from __future__ import annotations

import ast
import re
from collections import Counter

import pytest

from tests.test_house import ROOT, tracked

ROW = re.compile(r"^\| (S-\d\d) \| (.+?) \| (.+?) \| (.*?) ?\| (held|smaller|open|waits) \|$", re.M)
TEXT = (ROOT / "docs" / "assurance.md").read_text(encoding="utf-8")
ROWS = ROW.findall(TEXT)


def test_every_bar_has_one_row() -> None:
    """S-01 to S-61, in order; no row that the table above does not understand."""
    assert [row[0] for row in ROWS] == [f"S-{number:02}" for number in range(1, 62)]
    assert len(ROWS) == len(re.findall(r"^\| S-", TEXT, re.M))


@pytest.mark.parametrize("row", ROWS, ids=[row[0] for row in ROWS])
def test_what_is_named_exists(row: tuple[str, ...]) -> None:
    """Whoever renames a test mends the table; what is held or smaller names one or more, what waits names none."""
    _, _, _, named, state = row
    if not named:
        assert state in ("open", "waits")
        return
    for one in named.split(", "):
        path, _, name = one.partition("::")
        tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
        functions = {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
        assert name in functions if name else any(each.startswith("test_") for each in functions)


def test_make_soak_runs_every_long_form() -> None:
    """A test that has one lies where `make soak` looks, and reads SOAK as all others do."""
    listed = re.search(r"^SOAKED := ([^\\\n]*(?:\\\n[^\\\n]*)*)", (ROOT / "Makefile").read_text(encoding="utf-8"), re.M)
    assert listed is not None
    places = listed[1].replace("\\\n", " ").split()
    assert all((ROOT / place).exists() for place in places)
    long = {str(path) for path in tracked("tests/*.py") if "import SOAK" in (ROOT / path).read_text(encoding="utf-8")}
    long -= {"tests/test_assurance.py"}
    assert len(long) > 10
    assert {path for path in long if not any(path.startswith(place) for place in places)} == set()
    apart = [
        path for path in tracked("tests/*.py") if re.search(r"""environ.*SOAK""", (ROOT / path).read_text("utf-8"))
    ]
    assert [str(path) for path in apart] == ["tests/soaking.py", "tests/test_assurance.py"]


def test_the_states_are_those_that_are_explained() -> None:
    found = Counter(row[4] for row in ROWS)
    assert set(found) == set(re.findall(r"^- \*\*(\w+)\*\*", TEXT, re.M))
