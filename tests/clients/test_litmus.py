"""litmus, the WebDAV conformance suite (RFC 4918): every test passes, on both providers, with one and two workers."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

from tests.conftest import need
from tests.running import PASSWORD, RunningServer

SUITES = {"basic": 16, "copymove": 13, "props": 30, "locks": 41, "http": 4}
SUMMARY = re.compile(r"<- summary for `(\w+)': of (\d+) tests run: (\d+) passed, (\d+) failed")


def test_litmus_passes_whole(crew: RunningServer, drive: str, tmp_path: Path) -> None:
    """104 of 104, without a warning: a suite that stops early does not count as passed."""
    words = [need("litmus"), "-k", f"{crew.url}dav/{drive}/", "clara", PASSWORD]
    run = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False)
    told = SUMMARY.findall(run.stdout)
    assert {suite: (int(tests), int(passed), int(failed)) for suite, tests, passed, failed in told} == {
        suite: (tests, tests, 0) for suite, tests in SUITES.items()
    }, run.stdout + run.stderr
    assert "WARNING" not in run.stdout, run.stdout
    assert run.returncode == 0
    assert sum(SUITES.values()) == 104
