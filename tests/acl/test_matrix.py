"""Every assertion file of `matrix/` holds (rights.md §2 and §3)."""

from __future__ import annotations

from pathlib import Path

import pytest
from rights_scenario import run_file

FILES = sorted((Path(__file__).parent / "matrix").glob("*.txt"))


@pytest.mark.parametrize("path", FILES, ids=[path.stem for path in FILES])
def test_the_sentences_of_the_file_hold(path: Path) -> None:
    """Each sentence is decided as it says, for the reason it gives; a page agrees with the single decision."""
    assert run_file(path) > 0


def test_a_wrong_sentence_is_noticed(tmp_path: Path) -> None:
    """The runner can fail: who has no mandate may not, whatever the file claims."""
    wrong = tmp_path / "wrong.txt"
    wrong.write_text("node paper: restricted, released 2026-01-01\nat 2026-02-01\notto may read paper\n")
    with pytest.raises(AssertionError, match=r"line 3"):
        run_file(wrong)
