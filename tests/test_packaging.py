"""The wheel is the product: it holds the three packages and `config/`, runs outside the checkout, takes plugins."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
import venv
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.running import PASSWORD, RunningServer, command, start
from tests.test_house import PACKAGES, ROOT, tracked

OUTSIDE = {"PYTHONPATH": "", "DAVSERVER_POLICIES": "quiet-hours"}
DECLARATIONS = """
[[person]]
user = "clara"
name = "Clara Clerk"
undertaking = 2020-05-12

[[committee]]
id = "ba05"
name = "BA 5 Au-Haidhausen"
provider = "vault"

  [[committee.mandate]]
  user = "clara"
  role = "clerk"
  start = 2020-05-01

[[committee]]
id = "fluechtig"
name = "Drive of a third party"
provider = "memory"

  [[committee.mandate]]
  user = "clara"
  role = "clerk"
  start = 2020-05-01
"""


AT_HOURS = """
import sys
from dataclasses import replace
from pathlib import Path
from acl.principals import Channel, Principal, PrincipalKind
from davserver.app import forest_of
from davserver.house import House
from davserver.instants import instant
from davserver.settings import load
from davserver.tree.locking import GuardedTree
from shareproviders.contract import NotFound
from shareproviders.paths import SharePath

directory = Path(sys.argv[1])
house = House.open(directory, directory.with_name("data.key"), load(directory, {"DAVSERVER_POLICIES": "quiet-hours"}))
for hour in sys.argv[2:]:
    forest = replace(forest_of(house), clock=lambda: instant(f"2026-06-01T{hour}:00"))
    tree = GuardedTree(forest, Principal(PrincipalKind.USER, "clara"), Channel.EXPORT)
    try:
        print(hour, tree.stat(SharePath.parse("ba05/Export.txt")).path.name)
    except NotFound:
        print(hour, "nothing")
house.close()
"""


def run(*words: str | Path, cwd: Path = ROOT) -> str:
    done = subprocess.run(
        [str(word) for word in words],
        cwd=cwd,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, **OUTSIDE},
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("dist")
    run(sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", directory)
    (built,) = directory.iterdir()
    return built


def test_wheel_holds_the_three_packages_and_config(wheel: Path) -> None:
    """Nothing is forgotten (migrations, templates, every file of config/), nothing else comes along."""
    with zipfile.ZipFile(wheel) as archive:
        held = {name for name in archive.namelist() if ".dist-info/" not in name}
    expected = {path.as_posix() for path in tracked(*PACKAGES)}
    expected |= {f"davserver/{path.as_posix()}" for path in tracked("config")}
    assert held == expected
    assert {"davserver/config/davserver.toml", "davserver/config/roles.toml"} <= held


def borrow_dependencies(environment: Path) -> None:
    """What our own environment has installed, without this project itself: no network, no way to the checkout."""
    site = Path(sysconfig.get_path("purelib", vars={"base": str(environment)}))
    for place in {sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}:
        for entry in Path(place).iterdir():
            is_ours = "gremium" in entry.name.lower() or entry.name in PACKAGES
            if not is_ours and entry.suffix != ".pth" and not (site / entry.name).exists():
                (site / entry.name).symlink_to(entry)


@pytest.fixture(scope="module")
def environment(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A fresh environment with the wheel and the examples of `docs/` installed."""
    directory = tmp_path_factory.mktemp("installed") / "venv"
    venv.create(directory, with_pip=False)
    borrow_dependencies(directory)
    examples = sorted(path.parent for path in (ROOT / "docs" / "examples").glob("*/pyproject.toml"))
    assert len(examples) >= 2, "docs/examples shows a provider and a policy"
    options = ("--no-deps", "--no-index", "--no-build-isolation", "--quiet")
    for package in (wheel, *examples):
        run(sys.executable, "-m", "pip", "--python", directory / "bin" / "python", "install", *options, package)
    return directory


@pytest.fixture(scope="module")
def program(environment: Path) -> tuple[str, ...]:
    return (str(environment / "bin" / "davserver"),)


@pytest.fixture(scope="module")
def running(program: tuple[str, ...], tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """init, apply, serve from the installed wheel."""
    directory = tmp_path_factory.mktemp("outside")
    data = directory / "data"
    (directory / "committees.toml").write_text(DECLARATIONS)
    command("init", data=data, program=program, env=OUTSIDE)
    command("apply", str(directory / "committees.toml"), data=data, program=program, env=OUTSIDE)
    secret = PASSWORD + "\n"
    command("user", "passwd", "clara", "--password-stdin", data=data, text=secret, program=program, env=OUTSIDE)
    with start(data, workers=1, env=OUTSIDE, program=program) as server:
        yield server


def test_it_runs_from_the_installed_wheel(environment: Path) -> None:
    """Every room is imported out of the environment, never out of the checkout."""
    code = "import davserver, acl, shareproviders as s; print(davserver.__file__, acl.__file__, s.__file__, sep='\\n')"
    for place in run(environment / "bin" / "python", "-I", "-c", code, cwd=environment).split():
        assert Path(place).is_relative_to(environment)


def test_init_lays_out_the_roles(running: RunningServer) -> None:
    """`init` copies roles.toml into the data directory, where the operator may change it."""
    assert (running.data / "roles.toml").read_bytes() == (ROOT / "config" / "roles.toml").read_bytes()


def test_a_document_goes_in_and_out(running: RunningServer) -> None:
    """PUT, PROPFIND and GET work against the installed server."""
    client = running.client("clara", "/dav/ba05")
    try:
        assert client.put("/Prüfung.txt", b"aus dem Rad").status == 201
        assert client.get("/Prüfung.txt").body == b"aus dem Rad"
        assert "/dav/ba05/Prüfung.txt" in client.propfind("/", "1").members()
    finally:
        client.close()


def test_a_third_party_share_is_used(running: RunningServer) -> None:
    """`provider = "memory"` is found by its entry point; nothing of it lies on disk."""
    client = running.client("clara", "/dav/fluechtig")
    try:
        assert client.put("/Notiz.txt", b"nur im Speicher").status == 201
        assert client.get("/Notiz.txt").body == b"nur im Speicher"
    finally:
        client.close()


def test_a_third_party_policy_is_used(running: RunningServer, environment: Path) -> None:
    """`policies = ["quiet-hours"]` is found by its entry point, and its objection wins over the clerk's office."""
    client = running.client("clara", "/dav/ba05")
    try:
        assert client.put("/Export.txt", b"bei Tag").status == 201
    finally:
        client.close()
    python = environment / "bin" / "python"
    assert run(python, "-c", AT_HOURS, running.data, "12", "23", cwd=environment).split("\n")[:2] == [
        "12 Export.txt",
        "23 nothing",
    ]


def test_an_unknown_plugin_is_named(program: tuple[str, ...], running: RunningServer) -> None:
    """A policy that is not installed stops the command with one line that names the known ones."""
    words = [*program, "explain", "clara", "ba05", "--data", str(running.data)]
    env = {**os.environ, **OUTSIDE, "DAVSERVER_POLICIES": "quiet-ours"}
    done = subprocess.run(words, capture_output=True, text=True, env=env, check=False)
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert "quiet-hours" in done.stderr
