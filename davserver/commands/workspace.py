"""What a command stands on: its arguments, the environment, the opened house, and one way to answer."""

from __future__ import annotations

import argparse
import getpass
import json
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

from davserver.filelocks import PATIENCE
from davserver.founding import default_key
from davserver.house import House
from davserver.labelling import active_user
from davserver.settings import Settings, load
from shareproviders.paths import SharePath

Subparsers: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"


class Refused(Exception):  # noqa: N818 (architecture.md §5: errors are named by what happened)
    """The command cannot do it; the text says why and what to do. Exit code 1."""


class WrongUsage(Exception):  # noqa: N818
    """The command was called wrongly. Exit code 2."""


@dataclass(frozen=True, slots=True)
class Workspace:
    """One call of one command."""

    arguments: argparse.Namespace
    environment: Mapping[str, str]

    @property
    def directory(self) -> Path:
        """The data directory. Raises WrongUsage if none is named."""
        named = self.arguments.directory or self.environment.get("DAVSERVER_DATA")
        if not named:
            raise WrongUsage("name the data directory with --data DIR or DAVSERVER_DATA")
        return Path(named)

    @property
    def key(self) -> Path:
        """The root key's file."""
        named = self.arguments.key or self.environment.get("DAVSERVER_KEY")
        return Path(named) if named else default_key(self.directory)

    @property
    def by(self) -> str:
        """Who is noted in the audit log: the user of `--as`, else whoever runs the command on this machine."""
        acting: str | None = getattr(self.arguments, "acting", None)
        return f"user:{acting}" if acting else f"command:{getpass.getuser()}"

    def settings(self, **given: Any) -> Settings:
        """Settings with what was given on the command line on top; None counts as not given."""
        config = Path(self.arguments.config) if self.arguments.config else None
        stated = {name: value for name, value in given.items() if value is not None}
        return load(self.directory, self.environment, config=config, given=stated)

    @contextmanager
    def house(self, *, alone: bool = False, patience: float = PATIENCE) -> Iterator[House]:
        """The opened house; closed at the end. Alone: refused while anybody else uses it, after so many seconds."""
        house = House.open(self.directory, self.key, self.settings(), alone=alone, patience=patience)
        try:
            self._check_acting(house)
            yield house
        finally:
            house.close()

    def _check_acting(self, house: House) -> None:
        acting: str | None = getattr(self.arguments, "acting", None)
        if acting is None:
            return
        with house.database.transaction() as connection:
            try:
                active_user(connection, acting)
            except ValueError as error:
                raise Refused(f"--as: {error}") from None
            house.audit.note(connection, f"command:{getpass.getuser()}", "act-as", detail=acting)

    def answer(self, facts: Any, lines: Sequence[str]) -> None:
        """The command's answer: `facts` as JSON with --json, else `lines` for people."""
        if self.arguments.json:
            print(json.dumps(facts, ensure_ascii=False, indent=2))
        else:
            for line in lines:
                print(line)

    @contextmanager
    def progress(self, what: str) -> Iterator[None]:
        """Tells on a terminal what takes long; silent elsewhere."""
        telling = sys.stderr.isatty() and not self.arguments.json
        if telling:
            print(f"{what} …", end="", file=sys.stderr, flush=True)
        try:
            yield
        finally:
            if telling:
                print("\r\x1b[K", end="", file=sys.stderr, flush=True)

    def warn(self, sentence: str) -> None:
        """On standard error, one line; does not change the exit code."""
        print(f"davserver: warning: {sentence}", file=sys.stderr)

    def new_password(self, *, required: bool) -> str | None:
        """From standard input with --password-stdin, else from a prompt on a terminal; None if there is none."""
        if self.arguments.password_stdin:
            return sys.stdin.readline().rstrip("\r\n")
        if not sys.stdin.isatty():
            if required:
                raise WrongUsage("give the password on standard input, with --password-stdin")
            return None
        password = getpass.getpass("New password (empty for none): " if not required else "New password: ")
        if password and getpass.getpass("Once more: ") != password:
            raise Refused("the two passwords differ; nothing was changed")
        return password or None


def command(
    parsers: Subparsers, name: str, run: Callable[[Workspace], int], about: str, parent: argparse.ArgumentParser
) -> argparse.ArgumentParser:
    """Add one command; `parent` carries the options that all have."""
    parser = parsers.add_parser(name, help=about, description=about, parents=[parent], allow_abbrev=False)
    parser.set_defaults(run=run)
    return parser


def group(parsers: Subparsers, name: str, about: str) -> Subparsers:
    """Add a subject whose commands follow: `user add`, `user list`."""
    parser = parsers.add_parser(name, help=about, description=about, allow_abbrev=False)
    return parser.add_subparsers(title="commands", metavar="COMMAND", required=True)


def share_path(text: str) -> tuple[str, SharePath]:
    """(share id, path inside it) of `<committee id>/…`; `/dav/` in front is accepted. Raises BadName, WrongUsage."""
    whole = SharePath.parse(text.strip("/").removeprefix("dav/"))
    if whole.is_root:
        raise WrongUsage("name a path such as ba05/Arbeitsordner")
    return whole.segments[0], SharePath(whole.segments[1:])


def table(rows: Sequence[Sequence[str]]) -> list[str]:
    """Lines with aligned columns."""
    if not rows:
        return []
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
