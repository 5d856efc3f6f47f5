"""init, and what every command does alike: exit codes, one-line errors, --json (contract.md)."""

from __future__ import annotations

import stat
import subprocess
import sys
from pathlib import Path

import pytest

from davserver.keys import read_root_key
from tests.commands.conftest import ROOT, Run


def test_init_makes_a_house_that_only_its_owner_may_enter(run: Run, tmp_path: Path) -> None:
    """Directory 0700, key 0400 of 32 bytes, roles.toml copied."""
    said = run("init")
    assert (said.code, said.err) == (0, "")
    drive, key = tmp_path / "drive", tmp_path / "safe" / "root.key"
    assert stat.S_IMODE(drive.stat().st_mode) == 0o700
    assert stat.S_IMODE(key.stat().st_mode) == 0o400
    assert len(read_root_key(key).secret) == 32
    assert "[role.clerk]" in (drive / "roles.toml").read_text()
    for path in drive.rglob("*"):
        assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0, path
    assert "Back up the root key" in said.out
    secret = key.read_text().strip()
    assert all(bytes.fromhex(secret) not in path.read_bytes() for path in drive.rglob("*") if path.is_file())


def test_init_refuses_to_overwrite(founded: Run, tmp_path: Path) -> None:
    """Neither a house, nor a directory with something in it, nor a key."""
    before = (tmp_path / "drive" / "gremium.db").read_bytes()
    again = founded("init")
    assert again.code == 1
    assert "is not empty" in again.err
    other = founded("init", "--data", tmp_path / "other")
    assert other.code == 1
    assert "exists already" in other.err
    assert (tmp_path / "drive" / "gremium.db").read_bytes() == before


def test_init_leaves_nothing_of_a_refused_start(founded: Run, tmp_path: Path) -> None:
    """A key file that exists is found before anything is made, so the same call works with another key."""
    founded("init", "--data", tmp_path / "other")
    said = founded("init", "--data", tmp_path / "other", "--key", tmp_path / "safe" / "second.key")
    assert said.code == 0, said.err


def test_init_warns_while_key_and_drive_share_a_parent(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """storage.md §2: the default key `<data>.key` lies beside the data directory."""
    monkeypatch.delenv("DAVSERVER_KEY")
    said = run("init")
    assert said.code == 0
    assert "lies beside the data directory" in said.err
    assert (tmp_path / "drive.key").exists()


def test_the_key_never_lies_in_the_data_directory(run: Run, tmp_path: Path) -> None:
    """A backup of the data would hold it."""
    said = run("init", "--key", tmp_path / "drive" / "root.key")
    assert said.code == 1
    assert not (tmp_path / "drive").exists()


def test_a_readable_key_is_refused(founded: Run, tmp_path: Path) -> None:
    """storage.md §5: the server refuses and says why."""
    key = tmp_path / "safe" / "root.key"
    key.chmod(0o440)
    said = founded("user", "list")
    assert said.code == 1
    assert f"chmod 400 {key}" in said.err


def test_another_root_key_is_refused(founded: Run, tmp_path: Path) -> None:
    """Nothing is opened under a wrong key."""
    founded("init", "--data", tmp_path / "other", "--key", tmp_path / "safe" / "second.key")
    said = founded("user", "list", "--key", tmp_path / "safe" / "second.key")
    assert said.code == 1
    assert "locked under root key" in said.err


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        ([], 2),
        (["nonsense"], 2),
        (["user"], 2),
        (["user", "add"], 2),
        (["user", "list", "--nonsense"], 2),
        (["user", "list", "--data", "/nonexistent"], 1),
        (["apply", "/nonexistent.toml"], 1),
        (["serve", "--port", "many"], 2),
        (["serve", "--port", "70000"], 1),
        (["explain", "anna", "ba05"], 1),
        (["check", "--config", "/nonexistent.toml"], 1),
    ],
)
def test_errors_are_one_line_on_standard_error(founded: Run, arguments: list[str], code: int) -> None:
    """Exit code 1 refused, 2 wrong usage; nothing on standard output, no traceback."""
    said = founded(*arguments)
    assert (said.code, said.out) == (code, "")
    assert said.err.startswith("davserver")
    assert said.err.count("\n") == 1


def test_without_a_data_directory_the_call_is_wrong(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """--data, or DAVSERVER_DATA."""
    monkeypatch.delenv("DAVSERVER_DATA")
    said = run("user", "list")
    assert said.code == 2
    assert "--data DIR or DAVSERVER_DATA" in said.err


def test_an_unknown_setting_stops_every_command(founded: Run, tmp_path: Path) -> None:
    """It names the nearest known one."""
    (tmp_path / "drive" / "davserver.toml").write_text("prot = 1\n")
    said = founded("user", "list")
    assert said.code == 1
    assert "did you mean 'port'?" in said.err


def test_the_module_runs_like_the_command() -> None:
    """`python -m davserver`."""
    called = subprocess.run(
        [sys.executable, "-m", "davserver", "user", "list"],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
        env={"PATH": ""},
    )
    assert called.returncode == 2
    assert called.stderr == "davserver: name the data directory with --data DIR or DAVSERVER_DATA\n"
