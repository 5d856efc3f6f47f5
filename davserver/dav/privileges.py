"""Names of privileges in XML: those of RFC 3744 §3 in DAV:, ours in our own namespace."""

from __future__ import annotations

from acl.privileges import Rights
from davserver.dav.xml import element

OWN = "{urn:gremium:dav}"

NAMES: tuple[tuple[Rights, str], ...] = (
    (Rights.ALL, "{DAV:}all"),
    (Rights.READ, "{DAV:}read"),
    (Rights.WRITE, "{DAV:}write"),
    (Rights.WRITE_CONTENT, "{DAV:}write-content"),
    (Rights.WRITE_PROPERTIES, "{DAV:}write-properties"),
    (Rights.BIND, "{DAV:}bind"),
    (Rights.UNBIND, "{DAV:}unbind"),
    (Rights.UNLOCK, "{DAV:}unlock"),
    (Rights.READ_ACL, "{DAV:}read-acl"),
    (Rights.READ_CURRENT_USER_PRIVILEGE_SET, "{DAV:}read-current-user-privilege-set"),
    (Rights.WRITE_ACL, "{DAV:}write-acl"),
    (Rights.VIEW, f"{OWN}view"),
    (Rights.DISCOVER, f"{OWN}discover"),
    (Rights.SHARE, f"{OWN}share"),
    (Rights.LINK, f"{OWN}link"),
    (Rights.CLASSIFY, f"{OWN}classify"),
    (Rights.RECUSE, f"{OWN}recuse"),
    (Rights.READ_LOG, f"{OWN}read-log"),
    (Rights.COMMENT, f"{OWN}comment"),
)


def held(rights: Rights) -> str:
    """One `privilege` element for each privilege, aggregates included, that is held whole (RFC 3744 §5.5)."""
    return "".join(_privilege(name) for privilege, name in NAMES if privilege & rights == privilege)


def needed(rights: Rights) -> str:
    """`privilege` elements that together name `rights`, aggregates first (RFC 3744 §7.1.1)."""
    found = ""
    for privilege, name in NAMES:
        if rights and privilege & rights == privilege:
            found += _privilege(name)
            rights &= ~privilege
    return found


def _privilege(name: str) -> str:
    return element("{DAV:}privilege", element(name))
