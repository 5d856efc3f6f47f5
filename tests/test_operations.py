"""docs/operations.md: its blocks run in their order on an empty directory, as an operator types them."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from tests.clients.nginx import free_ports
from tests.foreign import need
from tests.running import QUICK_HASHES
from tests.test_house import ROOT, tracked

PAGE = ROOT / "docs" / "operations.md"
MARK = re.compile(r"^```sh run\n(.*?)^```$", re.M | re.S)
SECONDS = 300


def blocks() -> list[str]:
    return MARK.findall(PAGE.read_text(encoding="utf-8"))


@pytest.fixture
def empty(tmp_path: Path) -> Iterator[Path]:
    """A directory; a server that a failed block left behind is ended."""
    place = tmp_path / "machine"
    place.mkdir()
    yield place
    left = place / "server.pid"
    if left.exists():
        with suppress(ProcessLookupError):
            os.kill(int(left.read_text()), signal.SIGTERM)


def test_the_blocks_run_in_order_on_an_empty_directory(empty: Path) -> None:
    """From `init` to the restored copy, in one shell that stops at the first command that fails."""
    need("curl")
    (port,) = free_ports(1)
    numbered = (f"echo '== block {number}'\n{block}" for number, block in enumerate(blocks(), 1))
    script = "set -euo pipefail\n" + "\n".join(numbered).replace("8080", str(port))
    programs = Path(sys.executable).parent
    env = {name: value for name, value in os.environ.items() if not name.startswith("DAVSERVER_")}
    env |= {**QUICK_HASHES, "GREMIUM": str(ROOT), "PATH": f"{programs}:{env['PATH']}"}
    done = subprocess.run(
        ["bash", "-c", script], cwd=empty, env=env, capture_output=True, text=True, timeout=SECONDS, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    told = done.stdout
    assert told.count("== block") == len(blocks()) >= 10
    assert "gremium_workers 2.0" in told
    assert "everything is whole" in told
    assert told.count("the chain holds") == 2
    assert (empty / "elsewhere" / "data" / "gremium.db").exists()
    assert not _lives(int((empty / "server.pid").read_text()))


def _lives(process: int) -> bool:
    return Path(f"/proc/{process}").exists()


def test_every_shipped_file_is_named_on_the_page() -> None:
    """What config/ holds for operators, they find here."""
    text = PAGE.read_text(encoding="utf-8")
    shipped = {path.name for path in tracked("config")} - {"build.lock", "Containerfile"}
    assert {name for name in shipped if name not in text} == set()


def test_every_setting_of_operations_is_explained() -> None:
    text = PAGE.read_text(encoding="utf-8")
    for name in ("metrics_token", "syslog", "free_space_percent", "audit_access_days", "audit_days"):
        assert f"`{name}" in text, name
