"""What an operator must tell in public: imprint, privacy notice, accessibility statement, from the settings."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from davserver.settings import Settings, SettingsError

NAMES = ("imprint", "privacy", "accessibility")
MAX_BYTES = 256 * 1024


class Notice(NamedTuple):
    """One of them: the address of a page elsewhere, or paragraphs to show; neither where the setting is empty."""

    url: str = ""
    paragraphs: tuple[str, ...] = ()


def read_notices(settings: Settings, directory: Path) -> Mapping[str, Notice]:
    """By the names of their settings. Raises SettingsError for a file that cannot be read."""
    return {name: _read(name, getattr(settings, name), directory) for name in NAMES}


def missing(settings: Settings) -> tuple[str, ...]:
    """The settings that are still empty."""
    return tuple(name for name in NAMES if not getattr(settings, name))


def _read(name: str, written: str, directory: Path) -> Notice:
    if not written:
        return Notice()
    if written.startswith(("https://", "http://")):
        return Notice(url=written)
    path = directory / written
    try:
        content = path.read_bytes()
        text = content[:MAX_BYTES].decode()
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"{name}: the file {path} cannot be read: {error}") from None
    blocks = (" ".join(block.split()) for block in text.replace("\r", "").split("\n\n"))
    return Notice(paragraphs=tuple(block for block in blocks if block))
