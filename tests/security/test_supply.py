"""What the program is made of, and patterns that are weak (security.md S-60; ASVS 15.1.2, 15.2.1).

Whether a known vulnerability is among the parts is asked by `make check`, where somebody answers, and by `make audit`
(audit.py); here is shown that its answer is taken as it is meant.
"""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from tests.security.audit import judge
from tests.test_house import OURS, ROOT, nodes, source

SECRET = re.compile(r"token|secret|password|digest|proof|hmac|(^|_)mac$|signature", re.I)
PUBLIC = {
    "davserver/commands/workspace.py": "somebody types his own new password twice",
    "davserver/portal/inviting.py": "somebody types his own new password twice",
    "davserver/dav/body.py": "a checksum that the client sent of what he sent",
    "davserver/dav/locking.py": "a lock token opens nothing without its owner's login (RFC 4918 §6.4)",
    "davserver/locks.py": "a lock token, as before",
    "davserver/tree/watching.py": "a lock token, as before",
}
"""Where what looks like a secret is none of ours, with the reason."""
RANDOM = {"davserver/demo/documents.py", "davserver/demo/papers.py"}
"""They draw pictures and filler text from a seed, so that each demo is the same."""


def program(name: str, *words: str) -> subprocess.CompletedProcess[str]:
    path = Path(sys.executable).with_name(name)
    return subprocess.run([path, *words], cwd=ROOT, capture_output=True, text=True, check=False)


def pins(lock: str) -> dict[str, tuple[str, set[str]]]:
    """Name → version and hashes."""
    entries = re.split(r"\n(?=\S)", source(Path(lock)).strip())
    named = [re.match(r"([a-z0-9.-]+)==([^\s;\\]+)", entry) for entry in entries]
    return {
        match[1]: (match[2], set(re.findall(r"sha256:([0-9a-f]{64})", entry)))
        for match, entry in zip(named, entries, strict=True)
        if match
    }


def test_a_vulnerable_part_or_one_that_was_passed_over_is_a_failure() -> None:
    """And where all are passed over, nobody has answered: that is no good answer."""
    good: dict[str, object] = {"name": "lxml", "version": "6.0", "vulns": []}
    bad = {"name": "old", "version": "1.0", "vulns": [{"id": "PYSEC-1"}]}
    skipped = {"name": "new", "skip_reason": "not found"}
    assert judge({"dependencies": [good]}) == (True, [])
    assert judge({"dependencies": [good, bad]}) == (True, ["old 1.0: PYSEC-1"])
    assert judge({"dependencies": [good, skipped]}) == (True, ["new: not found"])
    assert judge({"dependencies": [skipped, skipped]}) == (False, [])


def test_bandit_finds_nothing() -> None:
    """No SQL out of strings (B608), no shell (B602, B604), no weak hash, no pickle, no unchecked TLS."""
    words = ("--quiet", "--recursive", "--configfile", "pyproject.toml", "--format", "json")
    run = program("bandit", *words, "davserver", "acl", "shareproviders")
    told = json.loads(run.stdout)
    assert told["results"] == []
    assert told["errors"] == []
    assert told["metrics"]["_totals"]["loc"] > 10_000
    assert told["metrics"]["_totals"]["nosec"] == 0, "a bare nosec hides everything on its line"


def test_bandit_would_find_something(tmp_path: Path) -> None:
    """The same settings do not let a weak line pass."""
    weak = tmp_path / "weak.py"
    weak.write_text(
        'import subprocess\nsubprocess.run("ls " + name, shell=True)\nq = "SELECT * FROM t WHERE a=" + name\n'
    )
    run = program("bandit", "--quiet", "--configfile", "pyproject.toml", "--format", "json", str(weak))
    assert {found["test_id"] for found in json.loads(run.stdout)["results"]} >= {"B602", "B608"}


def test_the_list_of_parts_is_the_lock(tmp_path: Path) -> None:
    """CycloneDX, valid by its schema: every locked part with its version and its hashes, and nothing else."""
    made = tmp_path / "parts.json"
    words = ("requirements", "config/requirements.lock", "--pyproject", "pyproject.toml", "--short-PURLs")
    run = program("cyclonedx-py", *words, "--output-reproducible", "--validate", "-o", str(made))
    assert run.returncode == 0, run.stderr
    bill = json.loads(made.read_text())
    locked = pins("config/requirements.lock")
    assert len(locked) > 20
    assert bill["metadata"]["component"]["name"] == "gremium"
    listed = {
        part["name"]: (
            part["version"],
            {one["content"] for place in part["externalReferences"] for one in place.get("hashes", [])},
        )
        for part in bill["components"]
    }
    assert listed == locked


def test_secrets_are_not_compared_with_equals() -> None:
    """`hmac.compare_digest` does it in a time that tells nothing."""
    found = {path.as_posix(): compared for path in OURS if (compared := list(secrets_compared(path)))}
    assert set(found) == set(PUBLIC), found


def secrets_compared(path: Path) -> Iterator[str]:
    for node in nodes(path):
        if not isinstance(node, ast.Compare) or not any(isinstance(each, ast.Eq | ast.NotEq) for each in node.ops):
            continue
        text, names = ast.unparse(node), [name for side in (node.left, *node.comparators) for name in named(side)]
        in_the_database = re.search(r"\btable\b|\.c\.", text)  # which looks a keyed digest up
        if any(SECRET.search(name) for name in names) and not in_the_database:
            yield f"{node.lineno} {text}"


def named(side: ast.expr) -> list[str]:
    """The name that a side of a comparison ends in; constants and calls have none."""
    if isinstance(side, ast.Name):
        return [side.id] if not side.id.isupper() else []
    return [side.attr] if isinstance(side, ast.Attribute) else []


def test_chance_comes_from_the_system() -> None:
    """`secrets`, never `random`, but for the pictures of the demo."""
    drawing = {
        path.as_posix()
        for path in OURS
        for node in nodes(path)
        if (isinstance(node, ast.Import) and "random" in {name.name for name in node.names})
        or (isinstance(node, ast.ImportFrom) and node.module == "random")
    }
    assert drawing == RANDOM
