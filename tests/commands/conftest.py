"""The command line as people call it: arguments in, exit code and lines out, against a real data directory."""

from __future__ import annotations

import io
import json
import shutil
import sys
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from davserver import cli, plugins
from davserver.house import House
from davserver.settings import Settings

ROOT = Path(__file__).resolve().parents[2]
QUICK = {"DAVSERVER_ARGON2_MEMORY_KIB": "8", "DAVSERVER_ARGON2_PASSES": "1", "DAVSERVER_ARGON2_LANES": "1"}


class Said(NamedTuple):
    """What a call answered."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


Run = Callable[..., Said]


@pytest.fixture(scope="session", autouse=True)
def entry_points(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """In a checkout that is not installed: what pyproject.toml declares, as an installation would announce it."""
    if "vault" in plugins.known(plugins.SHARE_PROVIDERS):
        yield
        return
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    place = tmp_path_factory.mktemp("announced")
    announced = place / f"{project['name']}-{project['version']}.dist-info"
    announced.mkdir()
    (announced / "METADATA").write_text(
        f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n"
    )
    lines = [
        line
        for group, points in project["entry-points"].items()
        for line in (f"[{group}]", *(f"{name} = {value}" for name, value in points.items()))
    ]
    (announced / "entry_points.txt").write_text("\n".join(lines))
    sys.path.append(str(place))
    plugins._offered.cache_clear()
    yield
    sys.path.remove(str(place))


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """`run("user", "list")`; the data directory is `<tmp>/drive`, its key lies elsewhere."""
    (tmp_path / "safe").mkdir()
    monkeypatch.setenv("DAVSERVER_DATA", str(tmp_path / "drive"))
    monkeypatch.setenv("DAVSERVER_KEY", str(tmp_path / "safe" / "root.key"))
    for name, value in QUICK.items():
        monkeypatch.setenv(name, value)

    def call(*arguments: str | Path, stdin: str = "") -> Said:
        monkeypatch.setattr(sys, "stdin", io.StringIO(stdin))
        try:
            code = cli.main([str(argument) for argument in arguments])
        except SystemExit as ended:
            code = int(ended.code or 0)
        out, err = capsys.readouterr()
        return Said(code, out, err)

    return call


COMMITTEES = """
[[person]]
user = "anna"
name = "Anna Huber"
undertaking = 2026-05-12

[[person]]
user = "otto"
name = "Otto Maier"

[[committee]]
id = "ba05"
name = "BA 5 Au-Haidhausen"
quota = "1 GiB"

  [[committee.mandate]]
  user = "anna"
  role = "clerk"
  start = 2026-05-01

  [[committee.mandate]]
  user = "otto"
  role = "member"
  start = 2026-05-01

  [[committee.meeting]]
  id = "2026-12-07"
  title = "Kanarientitel Dezember"
  start = 2026-12-07T19:00:00
  end = 2026-12-07T22:00:00

    [[committee.meeting.item]]
    number = "4.2.1"
    title = "Kanarienanhörung"
    part = "non_public"
    matter = "20-26 / V 15898"
"""


@pytest.fixture(scope="session")
def templates(entry_points: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`founded` and `peopled`: made once by the commands themselves, copied for each test."""
    place = tmp_path_factory.mktemp("templates")
    (place / "committees.toml").write_text(COMMITTEES)
    with pytest.MonkeyPatch.context() as patch:
        for name, value in QUICK.items():
            patch.setenv(name, value)
        for name in ("founded", "peopled"):
            (place / name / "safe").mkdir(parents=True)
            where = ["--data", str(place / name / "drive"), "--key", str(place / name / "safe" / "root.key")]
            assert cli.main(["init", *where]) == 0
        assert cli.main(["apply", str(place / "committees.toml"), *where]) == 0
    return place


def copied(template: Path, tmp_path: Path) -> None:
    for name in ("drive", "safe"):
        shutil.copytree(template / name, tmp_path / name, dirs_exist_ok=True)


@pytest.fixture
def founded(run: Run, templates: Path, tmp_path: Path) -> Run:
    """After `init`."""
    copied(templates / "founded", tmp_path)
    return run


@pytest.fixture
def peopled(run: Run, templates: Path, tmp_path: Path) -> Run:
    """After `apply` of one committee with a clerk and a member."""
    copied(templates / "peopled", tmp_path)
    return run


@pytest.fixture
def house(peopled: Run, tmp_path: Path) -> Iterator[House]:
    """The house, opened as a server opens it."""
    settings = Settings(argon2_memory_kib=8, argon2_passes=1, argon2_lanes=1)
    house = House.open(tmp_path / "drive", tmp_path / "safe" / "root.key", settings)
    yield house
    house.close()
