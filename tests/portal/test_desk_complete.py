"""Whatever a command can do to rights has its place in the browser (portal.md §8): docs/desk.md, held to the code."""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path

import pytest
from flask import Flask

from davserver.cli import parser
from davserver.portal.application import create
from davserver.portal.ground import Ground

TABLE = Path(__file__).resolve().parents[2] / "docs" / "desk.md"
ROW = re.compile(r"^\| `([a-z -]+)` \| (.+) \| (.*)\|$", re.MULTILINE)


def commands(words: tuple[str, ...] = (), top: argparse.ArgumentParser | None = None) -> Iterator[tuple[str, bool]]:
    """(command, True if it can be done on somebody's behalf: so it changes something) of the whole parser."""
    top = top or parser()
    groups = [each for each in top._actions if isinstance(each, argparse._SubParsersAction)]
    for group in groups:
        for word, below in group.choices.items():
            yield from commands((*words, word), below)
    if not groups:
        yield " ".join(words), any("--as" in each.option_strings for each in top._actions)


@pytest.fixture(scope="module")
def rows() -> dict[str, tuple[str, list[str]]]:
    """Command → (where, pages)."""
    found = ROW.findall(TABLE.read_text())
    assert len(found) == len({command for command, _, _ in found}), "a command has two rows"
    return {command: (where, re.findall(r"`([\w.]+)`", pages)) for command, where, pages in found}


@pytest.fixture(scope="module")
def portal() -> Flask:
    return create(Ground(**dict.fromkeys(each.name for each in fields(Ground))))  # type: ignore[arg-type]


def test_each_command_has_a_row_and_each_row_a_command(rows: dict[str, tuple[str, list[str]]]) -> None:
    assert set(rows) == {command for command, _ in commands()}


def test_each_row_names_pages_that_are_there(rows: dict[str, tuple[str, list[str]]], portal: Flask) -> None:
    """A row without one says why; what a command changes on somebody's behalf is a form."""
    methods: dict[str, set[str]] = {}
    for rule in portal.url_map.iter_rules():
        methods.setdefault(rule.endpoint, set()).update(rule.methods or ())
    changing = {command for command, acts in commands() if acts}
    for command, (where, pages) in rows.items():
        assert set(pages) <= methods.keys(), command
        assert bool(pages) != where.startswith("none: "), command
        if command in changing and not command.endswith((" list", " show")):
            assert any("POST" in methods[page] for page in pages), command


def test_each_form_of_the_desk_is_some_commands_place(rows: dict[str, tuple[str, list[str]]], portal: Flask) -> None:
    """Nothing is done at the desk that no command does; but papers arrive there, and locks are broken."""
    placed = {page for _, pages in rows.values() for page in pages}
    forms = {
        rule.endpoint
        for rule in portal.url_map.iter_rules()
        if "POST" in (rule.methods or ()) and rule.rule.startswith(("/geschaeftsstelle/", "/einstufung/", "/rechte/"))
    }
    assert forms - placed == {"arriving.upload", "arriving.assign", "watching.break_lock"}
