"""Finds share providers, policies and directories by entry point; built-ins come through the same door."""

from __future__ import annotations

from functools import cache
from importlib.metadata import EntryPoints, entry_points
from typing import Any

SHARE_PROVIDERS = "davserver.shareproviders"
POLICIES = "davserver.policies"
DIRECTORIES = "davserver.directories"


class UnknownPlugin(Exception):  # noqa: N818 (architecture.md §5: errors are named by what happened)
    """No installed package offers this name, or it cannot be loaded; the text is one sentence for people."""


@cache
def _offered(group: str) -> EntryPoints:
    """By all packages; looked for once in the life of a process, as that takes longer than building a drive."""
    return entry_points(group=group)


def known(group: str) -> list[str]:
    """The names that installed packages offer in `group`, sorted."""
    return sorted({point.name for point in _offered(group)})


def find(group: str, name: str) -> Any:
    """What the entry point `name` of `group` names; raises UnknownPlugin."""
    for point in _offered(group).select(name=name):
        try:
            return point.load()
        except (ImportError, AttributeError) as error:
            raise UnknownPlugin(f"{group} {name!r} ({point.value}) cannot be loaded: {error}") from error
    raise UnknownPlugin(f"unknown {group.rpartition('.')[2]} {name!r}; installed are: {', '.join(known(group))}")
