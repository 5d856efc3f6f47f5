"""The house keeps its own rules: sizes, words, laws between the rooms, what lies at the top (docs/decisions)."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tokenize
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("davserver", "acl", "shareproviders")
MAX_FILE_LINES = 400
MAX_FUNCTION_LINES = 50
AT_THE_TOP = {
    *PACKAGES,
    *(".ci", ".gitignore", "CHANGELOG.md", "LICENSE", "Makefile", "README.md"),
    *("config", "docs", "pyproject.toml", "tests"),
}
FORBIDDEN_WORDS = {"manager", "helper", "util", "data", "info", "handler2", "item", "object"}
GIVEN_WORDS = (
    *("agenda_item", "agendaitem", "AgendaItem", "AGENDA_ITEM"),  # OParl
    *("lockinfo", "LockInfo"),  # RFC 4918 §14.11
    "exc_info",  # PEP 3333
)

OPERATORS_WORD = "data"  # `--data`: the data directory

FunctionNode = ast.FunctionDef | ast.AsyncFunctionDef


def tracked(*patterns: str) -> list[Path]:
    """What git holds or would take up: generated and ignored files are not part of the house."""
    listing = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z", "--", *patterns],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    return sorted(Path(name) for name in set(listing.split("\0")) - {""} if (ROOT / name).exists())


HISTORY = Path("davserver/migrations/versions")  # generated, never edited after its release: not read as code

PYTHON = [path for path in tracked("*.py") if HISTORY not in path.parents]
OURS = [path for path in PYTHON if path.parts[0] in PACKAGES]


def source(path: Path) -> str:
    with tokenize.open(ROOT / path) as file:
        return file.read()


def nodes(path: Path) -> Iterator[ast.AST]:
    return ast.walk(ast.parse(source(path), str(path)))


def words(name: str) -> set[str]:
    """`AgendaItem` and `agenda_item` → {agenda, item}, lower case, plurals reduced; words of others left out."""
    for word in GIVEN_WORDS:
        name = name.replace(word, "")
    parts = re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z0-9]+", name)
    return {word for part in parts for word in (part.lower(), part.lower().removesuffix("s"))}


def test_the_house_is_found() -> None:
    """An empty file list would make every rule below pass."""
    assert {path.parts[0] for path in OURS} == set(PACKAGES)


@pytest.mark.parametrize("path", PYTHON, ids=str)
def test_file_is_short(path: Path) -> None:
    """A file has at most 400 lines."""
    length = len(source(path).splitlines())
    assert length <= MAX_FILE_LINES, f"{path}: {length} lines"


@pytest.mark.parametrize("path", PYTHON, ids=str)
def test_functions_are_short(path: Path) -> None:
    """A function has at most 50 lines, its decorators and docstring included."""
    long = [
        f"{path}:{node.lineno} {node.name}: {length} lines"
        for node in nodes(path)
        if isinstance(node, FunctionNode)
        and (length := (node.end_lineno or 0) - min([node.lineno, *(d.lineno for d in node.decorator_list)]) + 1)
        > MAX_FUNCTION_LINES
    ]
    assert not long, "\n".join(long)


@pytest.mark.parametrize("path", OURS, ids=str)
def test_module_says_its_job(path: Path) -> None:
    """Each module begins with a docstring whose first line is its job, as a sentence."""
    docstring = ast.get_docstring(ast.parse(source(path)))
    assert docstring, f"{path} has no docstring"
    assert docstring.split("\n\n")[0].rstrip()[-1] in ".:)", f"{path}: the job is a sentence"


@pytest.mark.parametrize("path", OURS, ids=str)
def test_words(path: Path) -> None:
    """No module, class, function or parameter is named by a word that says nothing (architecture.md §6)."""
    names = [(1, part) for part in (*path.parts[:-1], path.stem)]
    for node in nodes(path):
        if isinstance(node, FunctionNode | ast.ClassDef):
            names.append((node.lineno, node.name))
        elif isinstance(node, ast.arg) and node.arg != OPERATORS_WORD:
            names.append((node.lineno, node.arg))
    said = [f"{path}:{line} {name}" for line, name in names if words(name) & FORBIDDEN_WORDS]
    assert not said, "\n".join(said)


def test_words_are_taken_apart() -> None:
    """The rule above sees through camel case, snake case and plurals, and lets the domain's own word pass."""
    assert words("LockManager") & FORBIDDEN_WORDS
    assert words("path_utils") & FORBIDDEN_WORDS
    assert words("HTTPInfo") & FORBIDDEN_WORDS
    assert not words("AgendaItem") & FORBIDDEN_WORDS
    assert not words("database_information") & FORBIDDEN_WORDS


def mutable_globals(path: Path) -> Iterator[str]:
    """Module-level names bound to a list, set or dict display, or rebound by `global`."""
    for node in ast.parse(source(path)).body:
        value = node.value if isinstance(node, ast.Assign | ast.AnnAssign) else None
        targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
        named = [target.id for target in targets if isinstance(target, ast.Name) and not target.id.isupper()]
        if named and isinstance(value, ast.List | ast.Set | ast.Dict | ast.ListComp | ast.SetComp | ast.DictComp):
            yield from (f"{path}:{node.lineno} {name}" for name in named if name != "__all__")
    for inner in nodes(path):
        if isinstance(inner, ast.Global):
            yield f"{path}:{inner.lineno} global {', '.join(inner.names)}"


@pytest.mark.parametrize("path", [path for path in OURS if "migrations" not in path.parts], ids=str)
def test_no_module_state(path: Path) -> None:
    """Ground is handed in; a module keeps constants in capitals and nothing that changes (law 10)."""
    found = list(mutable_globals(path))
    assert not found, "\n".join(found)


def test_laws_between_the_rooms() -> None:
    """Laws 1, 2 and 11 are contracts of import-linter, and they hold."""
    linter = Path(sys.executable).with_name("lint-imports")
    run = subprocess.run([linter, "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout + run.stderr
    assert re.search(r"Contracts: [1-9]\d* kept, 0 broken", run.stdout), run.stdout


def test_the_top_is_the_map() -> None:
    """Nothing lies at the top but what architecture.md §1 shows."""
    assert {path.parts[0] for path in tracked()} <= AT_THE_TOP


def pyproject_block(opening: str) -> list[str]:
    lines = source(Path("pyproject.toml")).splitlines()
    start = lines.index(opening) + 1
    return lines[start : next(n for n in range(start, len(lines)) if lines[n].startswith(("]", "[")) or not lines[n])]


@pytest.mark.parametrize("opening", ["ignore = [", "skips = [", "[tool.ruff.lint.per-file-ignores]"])
def test_each_ignored_rule_has_a_reason(opening: str) -> None:
    """A rule is switched off for a stated reason; kin that follow with the same letters share it."""
    letters = ""
    entries = pyproject_block(opening)
    assert entries
    for entry in entries:
        rule, _, reason = entry.partition("#")
        kin = re.sub(r"[^A-Z]", "", rule)
        assert reason.strip() or kin == letters, f"pyproject.toml: no reason beside {rule.strip()}"
        letters = kin


MARKS = {
    re.compile(r"#\s*noqa(?!:)"): "a bare noqa",
    re.compile(r"#\s*type:\s*ignore(?!\[)"): "a bare type: ignore",
    re.compile(r"#\s*nosec(?! B\d)"): "a bare nosec",
}


@pytest.mark.parametrize("path", PYTHON, ids=str)
def test_exceptions_name_their_rule(path: Path) -> None:
    """A silenced finding names the rule that it silences."""
    with (ROOT / path).open("rb") as file:
        comments = [token for token in tokenize.tokenize(file.readline) if token.type == tokenize.COMMENT]
    found = [
        f"{path}:{token.start[0]} {what}"
        for token in comments
        for mark, what in MARKS.items()
        if mark.search(token.string)
    ]
    assert not found, "\n".join(found)


def test_locks_are_complete_and_name_no_registry() -> None:
    """Every pinned package carries hashes; no index, host or path of one machine stands in a lock."""
    locks = tracked("*.lock")
    kept = ["config/build.lock", "config/granian.lock", "config/requirements.lock", "tests/requirements.lock"]
    assert [str(path) for path in locks] == kept
    for path in locks:
        text = source(path)
        assert not re.search(r"https?:|file:|--\w*index|--find-links|^/", text, re.M), path
        entries = [entry for entry in re.split(r"\n(?=\S)", text) if entry.strip()]
        assert entries
        for entry in entries:
            assert re.match(r"[a-z0-9.-]+==[^\s]+", entry), f"{path}: {entry.splitlines()[0]}"
            assert "--hash=sha256:" in entry, f"{path}: {entry.splitlines()[0]}"


def test_locks_agree() -> None:
    """The tests run against the very versions that people run."""

    def pins(name: str) -> set[str]:
        return set(re.findall(r"^\S+==\S+", source(Path(name)), re.M))

    assert pins("config/requirements.lock") | pins("config/granian.lock") <= pins("tests/requirements.lock")
    shared = {pin.split("==")[0] for pin in pins("config/build.lock")}
    clashing = {
        pin for pin in pins("tests/requirements.lock") - pins("config/build.lock") if pin.split("==")[0] in shared
    }
    assert not clashing
