"""Finds share providers, policies and directories by entry point; built-ins come through the same door."""

from __future__ import annotations

from importlib.metadata import entry_points
from typing import Any

SHARE_PROVIDERS = "davserver.shareproviders"
POLICIES = "davserver.policies"
DIRECTORIES = "davserver.directories"


class UnknownPlugin(Exception):  # noqa: N818 (architecture.md §5: errors are named by what happened)
    """No installed package offers this name, or it cannot be loaded; the text is one sentence for people."""


def known(group: str) -> list[str]:
    """The names that installed packages offer in `group`, sorted."""
    return sorted({point.name for point in entry_points(group=group)})


def find(group: str, name: str) -> Any:
    """What the entry point `name` of `group` names; raises UnknownPlugin."""
    for point in entry_points(group=group, name=name):
        try:
            return point.load()
        except (ImportError, AttributeError) as error:
            raise UnknownPlugin(f"{group} {name!r} ({point.value}) cannot be loaded: {error}") from error
    raise UnknownPlugin(f"unknown {group.rpartition('.')[2]} {name!r}; installed are: {', '.join(known(group))}")
