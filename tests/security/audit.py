"""`python -m tests.security.audit`: is a known vulnerability among the locked parts (security.md S-60)?

It fails where one is, and where some part could not be asked about although others could. Where nobody answers (there
is no network, or only a mirror that knows of no vulnerabilities), it says NOT AUDITED: `make check` goes on then, and
`make audit` (REQUIRE_AUDIT=1) fails.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

LOCKS = ("config/requirements.lock", "config/granian.lock", "config/build.lock")
SECONDS = 120


class Answer(NamedTuple):
    """What is known of the parts of one lock."""

    asked: bool
    """Somebody who knows of vulnerabilities has answered."""
    problems: list[str]


def judge(told: dict[str, Any]) -> Answer:
    """Of pip-audit's report."""
    parts = told["dependencies"]
    skipped = [f"{part['name']}: {part['skip_reason']}" for part in parts if "skip_reason" in part]
    known = [f"{part['name']} {part['version']}: {each['id']}" for part in parts for each in part.get("vulns", ())]
    if len(skipped) == len(parts):
        return Answer(False, [])
    return Answer(True, [*known, *skipped])


def ask(lock: str) -> Answer:
    """Whether any part of a lock is known to be vulnerable."""
    program = Path(sys.executable).with_name("pip-audit")
    words = ("--disable-pip", "--require-hashes", "--progress-spinner", "off", "--format", "json", "--timeout", "5")
    try:
        run = subprocess.run(
            [program, *words, "-r", lock], capture_output=True, text=True, check=False, timeout=SECONDS
        )
    except subprocess.TimeoutExpired:
        return Answer(False, [])
    return judge(json.loads(run.stdout)) if run.stdout.startswith("{") else Answer(False, [])


def main() -> int:
    required, failed = os.environ.get("REQUIRE_AUDIT") == "1", False
    for lock in LOCKS:
        asked, problems = ask(lock)
        if not asked:
            print(f"NOT AUDITED: nobody who knows of vulnerabilities answers for {lock}; ask elsewhere: make audit")
            failed = failed or required
        elif problems:
            print(f"{lock}:", *problems, sep="\n  ")
            failed = True
        else:
            print(f"{lock}: no part is known to be vulnerable")
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
