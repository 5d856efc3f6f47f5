"""The privilege tree of RFC 3744 §3 with ours below it: discover < view < DAV:read.

A set of rights is one integer, so a page of members costs a few `&`.
"""

from __future__ import annotations

from enum import IntFlag


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
