"""litmus, the WebDAV conformance suite (RFC 4918): all of it passes, on both providers, however it is reached."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

from tests.foreign import need
from tests.running import RunningServer

SUITES = {"basic": 16, "copymove": 13, "props": 30, "locks": 41, "http": 4}
SUMMARY = re.compile(r"<- summary for `(\w+)': of (\d+) tests run: (\d+) passed, (\d+) failed")


def all_of_litmus(server: RunningServer, drive: str, directory: Path) -> str:
    """What it prints. 104 of 104 pass: a suite that stops early does not count. Over TLS it leaves one out."""
    words = server.told(need("litmus"), "-k", f"{server.url}dav/{drive}/", "clara", server.password("clara"))
    run = subprocess.run(words, cwd=directory, capture_output=True, text=True, timeout=120, check=False)
    told = SUMMARY.findall(run.stdout)
    suites = SUITES if server.authority is None else {**SUITES, "http": SUITES["http"] - 1}  # its own 100-continue
    assert {suite: (int(tests), int(passed), int(failed)) for suite, tests, passed, failed in told} == {
        suite: (tests, tests, 0) for suite, tests in suites.items()
    }, run.stdout + run.stderr
    assert run.returncode == 0
    assert sum(SUITES.values()) == 104
    return run.stdout


def test_litmus_passes_whole(crew: RunningServer, drive: str, tmp_path: Path) -> None:
    """Without a warning, too."""
    printed = all_of_litmus(crew, drive, tmp_path)
    assert "WARNING" not in printed, printed
