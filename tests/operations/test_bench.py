"""The bench measures what is shipped (performance.md): no setting, no right, no fsync is other than users have it."""

from __future__ import annotations

import os
from pathlib import Path

from sqlalchemy import text

from davserver.database import Database
from davserver.settings import CONFIG_NAME, Settings, load
from tests.bench import servers
from tests.bench.configurations import Place

ALLOWED = {"--data", "--port", "--workers"}


def test_the_bench_runs_the_shipped_defaults(tmp_path: Path) -> None:
    """What stands in the command line: where, on which port, with how many workers; and nothing anywhere else."""
    place = Place.make(tmp_path)
    with place.log:
        words = servers.ours(place)
    options = {word for word in words[words.index("serve") :] if word.startswith("--")}
    assert options == ALLOWED
    data = place.root / "data"
    assert not (data / CONFIG_NAME).exists()
    environment = {name for name in place.environment() if name.startswith("DAVSERVER_")}
    assert environment == {name for name in os.environ if name.startswith("DAVSERVER_")} == set()
    assert load(data, {}) == Settings()
    database = Database(data)
    try:
        with database.transaction() as connection:
            found = {
                pragma: connection.execute(text(f"PRAGMA {pragma}")).scalar()
                for pragma in ("synchronous", "journal_mode")
            }
    finally:
        database.close()
    assert found == {"synchronous": 2, "journal_mode": "wal"}  # FULL: the log is synced before a commit is answered
