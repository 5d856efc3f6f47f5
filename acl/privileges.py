"""The privilege tree of RFC 3744 §3 with ours below it: discover < view < DAV:read.

A set of rights is one integer, so a page of members costs a few `&`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import IntFlag
from types import MappingProxyType
from typing import NamedTuple


class Rights(IntFlag):
    """A set of privileges. Aggregates contain their parts: READ includes VIEW, VIEW includes DISCOVER."""

    NONE = 0
    DISCOVER = 1 << 0
    _VIEW = 1 << 1
    _READ = 1 << 2
    WRITE_CONTENT = 1 << 3
    WRITE_PROPERTIES = 1 << 4
    BIND = 1 << 5
    UNBIND = 1 << 6
    UNLOCK = 1 << 7
    READ_ACL = 1 << 8
    READ_CURRENT_USER_PRIVILEGE_SET = 1 << 9
    WRITE_ACL = 1 << 10
    SHARE = 1 << 11
    LINK = 1 << 12
    CLASSIFY = 1 << 13
    RECUSE = 1 << 14
    READ_LOG = 1 << 15
    COMMENT = 1 << 16
    VIEW = _VIEW | DISCOVER
    READ = _READ | VIEW
    WRITE = WRITE_CONTENT | WRITE_PROPERTIES | BIND | UNBIND
    ALL = (1 << 17) - 1


NAMES: Mapping[str, Rights] = MappingProxyType(
    {
        "discover": Rights.DISCOVER,
        "view": Rights.VIEW,
        "read": Rights.READ,
        "write-content": Rights.WRITE_CONTENT,
        "write-properties": Rights.WRITE_PROPERTIES,
        "bind": Rights.BIND,
        "unbind": Rights.UNBIND,
        "unlock": Rights.UNLOCK,
        "read-acl": Rights.READ_ACL,
        "read-current-user-privilege-set": Rights.READ_CURRENT_USER_PRIVILEGE_SET,
        "write-acl": Rights.WRITE_ACL,
        "share": Rights.SHARE,
        "link": Rights.LINK,
        "classify": Rights.CLASSIFY,
        "recuse": Rights.RECUSE,
        "read-log": Rights.READ_LOG,
        "comment": Rights.COMMENT,
        "write": Rights.WRITE,
        "all": Rights.ALL,
    }
)
"""Words of commands and configuration."""

LEAVES: tuple[str, ...] = tuple(name for name in NAMES if name not in ("write", "all"))
"""The words that stand for one privilege each, weakest first; what `explain` lists."""


class Aggregate(NamedTuple):
    """A node of the supported-privilege-set (RFC 3744 §5.3)."""

    name: str
    parts: tuple[Aggregate, ...] = ()


def _chain() -> Aggregate:
    return Aggregate("read", (Aggregate("view", (Aggregate("discover"),)),))


TREE = Aggregate(
    "all",
    (
        _chain(),
        Aggregate(
            "write",
            tuple(Aggregate(name) for name in ("write-content", "write-properties", "bind", "unbind")),
        ),
        *(Aggregate(name) for name in LEAVES if not NAMES[name] & (Rights.READ | Rights.WRITE)),
    ),
)
"""Every privilege once, each below the aggregate that contains it."""


def parse_rights(words: Iterable[str], *, deny: bool = False) -> Rights:
    """The set that the words name; raises ValueError that names the possible words.

    To deny a privilege is to deny those that contain it as well (no reading without viewing), but not its parts:
    who is denied `read` may still discover.
    """
    total = 0
    for word in words:
        if word not in NAMES:
            raise ValueError(f"unknown right {word!r}; one of: {', '.join(NAMES)}")
        total |= _DENIED[word] if deny else int(NAMES[word])
    return Rights(total)


def rights_words(rights: Rights) -> tuple[str, ...]:
    """The shortest list of words for a set of rights; its chain discover < view < read by its strongest."""
    left, words = int(rights), []
    for name in ("all", "write", *reversed(LEAVES)):
        bits = int(NAMES[name])
        if bits and left & bits == bits:
            words.append(name)
            left &= ~bits
    return tuple(reversed(words))


def denied_words(rights: Rights) -> tuple[str, ...]:
    """The shortest list of words for what is denied: by its weakest, since that takes all that contains it."""
    told, words = Rights.NONE, []
    for word in LEAVES:
        taken = Rights(_DENIED[word])
        if not taken & ~rights and taken & ~told:
            words.append(word)
            told |= taken
    return tuple(words)


def close_chain(bits: int) -> int:
    """Drop what lost its ground; takes and gives an integer.

    Without discover only adding (a drop box) and the log remain; without view neither read nor comment.
    """
    if not bits & _DISCOVER:
        return bits & BLIND
    if not bits & _VIEW_TIP:
        return bits & ~_NEEDS_VIEW
    return bits


def with_ground(bits: int) -> int:
    """The privileges together with those that `close_chain` wants beneath them."""
    if bits & _NEEDS_VIEW:
        return bits | int(Rights.VIEW)
    return bits | _DISCOVER if bits & ~BLIND else bits


BLIND = int(Rights.BIND | Rights.READ_LOG)
_DISCOVER = int(Rights.DISCOVER)
_READ_BITS = int(Rights.READ)
_VIEW_TIP = int(Rights.VIEW) & ~_DISCOVER
_READ_TIP = _READ_BITS & ~int(Rights.VIEW)
_NEEDS_VIEW = _READ_TIP | int(Rights.COMMENT)
_DENIED: Mapping[str, int] = MappingProxyType(
    {name: int(bits) for name, bits in NAMES.items()}
    | {"discover": _READ_BITS, "view": _VIEW_TIP | _READ_TIP, "read": _READ_TIP}
)
