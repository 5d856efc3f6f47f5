"""Mutates files of the decision with cosmic-ray and runs the tests of the room: `make mutants`; lists survivors.

Each mutant is one change that an operator of cosmic-ray makes, run in a process of its own that is forked after the
imports: first the assertion files and examples, which kill most, then the laws. cosmic-ray's own runner would start the
whole suite for each of them.
"""

from __future__ import annotations

import ast
import importlib.abc
import importlib.machinery
import importlib.util
import os
import resource
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import hypothesis
import pytest
import sqlalchemy  # noqa: F401
from cosmic_ray.ast import ast_nodes, get_ast
from cosmic_ray.mutating import mutate_code
from cosmic_ray.plugins import get_operator, operator_names

HERE = Path(__file__).parent
FIRST = (
    *("test_edges.py", "test_engine.py", "test_policies.py", "test_holds.py"),
    *("test_meeting_store.py", "test_rights_store.py"),
)
THEN = ("test_laws.py",)
QUICK, LONG = 12, 60
"""Seconds of CPU for the assertion files or the examples, and for the laws: thrice what they need. A mutant that needs
more never ends, which is noticed."""
KILLED = 10
"""The exit status of the first assertion file; those below are for everything else."""


def mutants(source: str) -> Iterator[tuple[str, str]]:
    """(what was changed, the changed source), one change each; each program once, and none that equals the original.

    Operators that want arguments are left out: they insert variables that we would have to name.
    """
    known, nodes = {sense(source)}, list(ast_nodes(get_ast(source)))
    for name in operator_names():
        if get_operator(name).arguments():
            continue
        operator = get_operator(name)()
        for occurrence in range(sum(len(list(operator.mutation_positions(node))) for node in nodes)):
            changed = mutate_code(source, operator, occurrence)
            meaning = sense(changed)
            if meaning is not None and meaning not in known:
                known.add(meaning)
                yield f"{told(source, changed)}  [{name.partition('/')[2]}]", changed


def sense(source: str) -> str | None:
    """The program without its annotations, which only a type checker reads; None if it is none."""
    try:
        whole = ast.parse(source)
    except SyntaxError:
        return None
    for node in ast.walk(whole):
        for name in ("annotation", "returns"):
            if getattr(node, name, None) is not None:
                setattr(node, name, ast.Constant(None))
    return ast.dump(whole)


def told(source: str, changed: str) -> str:
    """Number and both forms of the first line that differs."""
    pairs = enumerate(zip(source.splitlines(), changed.splitlines(), strict=False), 1)
    number, (old, new) = next(pair for pair in pairs if pair[1][0] != pair[1][1])
    return f"{number}: {old.strip()}  ->  {new.strip()}"


class Mutant(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Loads the changed module in place of the real one."""

    def __init__(self, name: str, source: str) -> None:
        self.name, self.source = name, source

    def find_spec(self, fullname: str, path: object, target: object = None) -> importlib.machinery.ModuleSpec | None:
        return importlib.util.spec_from_loader(fullname, self) if fullname == self.name else None

    def exec_module(self, module: ModuleType) -> None:
        exec(compile(self.source, f"<mutant of {self.name}>", "exec"), module.__dict__)


class Runner:
    """Runs the tests with mutants of one module; the assertion file that killed the last one is tried first."""

    def __init__(self, name: str) -> None:
        self.name, self.order = name, sorted((HERE / "matrix").glob("*.txt"))

    def survives(self, source: str) -> bool:
        """Does every test pass with the changed module? The assertion files come first: they are quick."""
        killer = self.forked(source, self.assertions, QUICK)
        if killer >= KILLED:
            self.order.insert(0, self.order.pop(killer - KILLED))
        if killer or self.forked(source, lambda: tests(FIRST), QUICK):
            return False
        return not self.forked(source, laws, LONG)

    def forked(self, source: str, check: Callable[[], int], seconds: int) -> int:
        """What the check comes to, in a process of its own, since a module once imported stays; 0 for content."""
        child = os.fork()
        if child == 0:
            silence = os.open(os.devnull, os.O_WRONLY)
            os.dup2(silence, 1)
            os.dup2(silence, 2)
            resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
            sys.meta_path.insert(0, Mutant(self.name, source))
            try:
                os._exit(check())
            except BaseException:  # noqa: BLE001 (whatever it is, the mutant was noticed)
                os._exit(1)
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])

    def assertions(self) -> int:
        """All files of `matrix/`; which one failed."""
        from rights_scenario import run_file

        for number, path in enumerate(self.order, KILLED):
            try:
                run_file(path)
            except Exception:  # noqa: BLE001 (as above)
                return number
        return 0


def tests(files: tuple[str, ...]) -> int:
    """By pytest, up to the first that fails."""
    options = ["-x", "-q", "--assert=plain", "--noconftest", "-p", "no:faulthandler"]
    return int(pytest.main([*options, "--deselect", INSTALLS, *(str(HERE / file) for file in files)]))


def laws() -> int:
    """What holds for all facts; a slow machine kills no mutant."""
    hypothesis.settings.register_profile("mutants", deadline=None, suppress_health_check=list(hypothesis.HealthCheck))
    hypothesis.settings.load_profile("mutants")
    return tests(THEN)


INSTALLS = f"{HERE}/test_policies.py::test_the_documented_policy_installs_and_objects_at_night"


def main() -> None:
    """Every mutant of the files named, then how many there were; the unchanged file must pass first."""
    for file in sys.argv[1:]:
        module, source = file.removesuffix(".py").replace("/", "."), Path(file).read_text("utf-8")
        runner, made = Runner(module), list(mutants(source))
        assert runner.survives(source), "the tests fail by themselves"
        left = 0
        for number, (what, changed) in enumerate(made, 1):
            if runner.survives(changed):
                left += 1
                print(f"{file}:{what}  ({number} of {len(made)})", flush=True)
        print(f"{file}: {len(made)} mutants, {left} survive", flush=True)


if __name__ == "__main__":
    main()
