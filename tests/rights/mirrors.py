"""Copies of folders that clients keep in step by sync-collection (RFC 6578): each must be what its owner may see."""

from __future__ import annotations

from urllib.parse import unquote

from lxml import etree

from tests.rights.calling import Answer

Key = tuple[str, int | None, str]
"""Who keeps it, with which credential or link, and of which URL."""


class Mirrors:
    """Names by copy, and the token that came with them."""

    def __init__(self) -> None:
        self._kept: dict[Key, tuple[str, set[str]]] = {}
        self.followed = 0
        """How many copies were brought up to date, not made anew."""

    def token(self, key: Key) -> str:
        return self._kept.get(key, ("", set()))[0]

    def forget(self, key: Key) -> None:
        """The token was refused: begin anew (rights.md §4)."""
        self._kept.pop(key, None)

    def follow(self, key: Key, answer: Answer) -> set[str]:
        """Take in what changed; the names that the copy has then."""
        token, names = self._kept.get(key, ("", set()))
        self.followed += bool(token)
        root, own = etree.fromstring(answer.body), unquote(key[2]).rstrip("/")
        for response in root.iterfind("{*}response"):
            name = unquote(response.findtext("{*}href") or "").rstrip("/")[len(own) + 1 :]
            is_gone = (response.findtext("{*}status") or "").split()[1:2] == ["404"]
            names = names - {name} if is_gone else names | {name}
        self._kept[key] = root.findtext("{*}sync-token") or "", names
        return names
