"""Mutates the engine and runs its tests: `PYTHONPATH=. python tests/acl/mutants.py acl/engine.py …`; lists survivors.

Each mutant is one changed operator, constant or condition, run in a process of its own: first the assertion files
and examples, which kill most, then the laws.
"""

from __future__ import annotations

import ast
import copy
import importlib.abc
import importlib.machinery
import importlib.util
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import hypothesis  # noqa: F401 (imported once, before the processes part)
import pytest
import sqlalchemy  # noqa: F401

HERE = Path(__file__).parent
FIRST = ("test_edges.py", "test_engine.py", "test_policies.py", "test_meeting_store.py", "test_rights_store.py")
THEN = ("test_laws.py",)
SWAPS: dict[type[ast.AST], type[ast.AST]] = {
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
    ast.And: ast.Or,
    ast.Or: ast.And,
    ast.BitAnd: ast.BitOr,
    ast.BitOr: ast.BitAnd,
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
}
CALLS = {"any": "all", "all": "any", "min": "max", "max": "min", "earlier": "max"}


def mutants(source: str) -> Iterator[tuple[int, str, ast.Module]]:
    """(line, what was changed, the changed module), one change each."""
    whole = ast.parse(source)
    said = {id(part) for node in ast.walk(whole) for part in annotation(node)}
    for number, part in enumerate(ast.walk(whole)):
        if id(part) in said:
            continue
        for kind in ("swap", "negate", "constant", "call", "drop"):
            if change(copy.deepcopy(part), kind):
                tree = ast.parse(source)
                node = list(ast.walk(tree))[number]
                change(node, kind)
                yield getattr(node, "lineno", 0), f"{kind}: {ast.unparse(part)[:70]} -> {ast.unparse(node)[:70]}", tree


def annotation(node: ast.AST) -> Iterator[ast.AST]:
    """What only a type checker reads."""
    for name in ("annotation", "returns"):
        if isinstance(said := getattr(node, name, None), ast.AST):
            yield from ast.walk(said)


def change(node: ast.AST, kind: str) -> bool:
    """Change the node in place, if this kind of change fits it."""
    match kind, node:
        case "swap", ast.Compare(ops=[operator]) if type(operator) in SWAPS:
            node.ops = [SWAPS[type(operator)]()]  # type: ignore[list-item]
        case "swap", (ast.BinOp(op=operator) | ast.BoolOp(op=operator)) if type(operator) in SWAPS:
            node.op = SWAPS[type(operator)]()  # type: ignore[assignment]
        case "negate", ast.If() | ast.IfExp() if not isinstance(node.test, ast.UnaryOp):
            node.test = ast.UnaryOp(ast.Not(), node.test)
        case "negate", ast.UnaryOp(op=ast.Not()):
            node.op = ast.UAdd()
            node.operand = ast.Call(ast.Name("bool", ast.Load()), [node.operand], [])
        case "negate", ast.comprehension(ifs=[_, *_]):
            node.ifs = []
        case "constant", ast.Constant(value=bool()):
            node.value = not node.value
        case "constant", ast.Constant(value=int()):
            node.value = node.value + 1
        case "call", ast.Call(func=ast.Name(id=name)) if name in CALLS:
            node.func = ast.Name(CALLS[name], ast.Load())
        case "drop", ast.AugAssign():
            node.value = node.target
        case "drop", ast.Expr(value=ast.Yield() | ast.YieldFrom() | ast.Call()):
            node.value = ast.Constant(None)
        case _:
            return False
    ast.fix_missing_locations(node)
    return True


class Mutant(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Loads the changed module in place of the real one."""

    def __init__(self, name: str, tree: ast.Module) -> None:
        self.name, self.tree = name, tree

    def find_spec(self, fullname: str, path: object, target: object = None) -> importlib.machinery.ModuleSpec | None:
        return importlib.util.spec_from_loader(fullname, self) if fullname == self.name else None

    def exec_module(self, module: ModuleType) -> None:
        exec(compile(self.tree, f"<mutant of {self.name}>", "exec"), module.__dict__)


def survives(name: str, tree: ast.Module) -> bool:
    """Does every test pass with the changed module? The assertion files are run by themselves first: that is quick."""
    return forked(name, tree, assertions) and forked(name, tree, lambda: tests(FIRST)) and forked(name, tree, laws)


def forked(name: str, tree: ast.Module, check: Callable[[], int]) -> bool:
    """Is the check content, in a process of its own? A module once imported stays."""
    child = os.fork()
    if child == 0:
        silence = os.open(os.devnull, os.O_WRONLY)
        os.dup2(silence, 1)
        os.dup2(silence, 2)
        sys.meta_path.insert(0, Mutant(name, ast.fix_missing_locations(tree)))
        try:
            os._exit(check())
        except BaseException:  # noqa: BLE001 (whatever it is, the mutant was noticed)
            os._exit(1)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def assertions() -> int:
    """All files of `matrix/`."""
    from rights_scenario import run_file

    for path in sorted((HERE / "matrix").glob("*.txt")):
        run_file(path)
    return 0


def tests(files: tuple[str, ...]) -> int:
    """By pytest, up to the first that fails."""
    options = ["-x", "-q", "--assert=plain", "--noconftest", "-p", "no:faulthandler"]
    return int(pytest.main([*options, "--deselect", INSTALLS, *(str(HERE / file) for file in files)]))


def laws() -> int:
    """What holds for all facts."""
    return tests(THEN)


INSTALLS = f"{HERE}/test_policies.py::test_the_documented_policy_installs_and_objects_at_night"


def main() -> None:
    """Every mutant of the files named, then how many there were; the unchanged file must pass first."""
    for file in sys.argv[1:]:
        module, source = file.removesuffix(".py").replace("/", "."), Path(file).read_text("utf-8")
        assert survives(module, ast.parse(source)), "the tests fail by themselves"
        left = [found for found in mutants(source) if survives(module, found[2])]
        for line, what, _ in left:
            print(f"{file}:{line}: {what}")
        print(f"{file}: {len(list(mutants(source)))} mutants, {len(left)} survive", flush=True)


if __name__ == "__main__":
    main()
