"""Names of privileges in XML: those of RFC 3744 §3 in DAV:, ours in our own namespace."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from acl import privileges as words
from acl.privileges import Aggregate, Rights
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


BY_NAME: Mapping[str, Rights] = MappingProxyType({name: rights for rights, name in NAMES})
ABSTRACT = Rights.READ_CURRENT_USER_PRIVILEGE_SET
"""Who may discover a resource has it, nobody else; so no list gives or takes it alone (RFC 3744 §5.3)."""

DESCRIPTIONS: Mapping[Rights, str] = MappingProxyType(
    {
        Rights.ALL: "everything",
        Rights.READ: "read the original bytes",
        Rights.VIEW: "view in the portal",
        Rights.DISCOVER: "know that it exists, and its name",
        Rights.WRITE: "change it in any way",
        Rights.WRITE_CONTENT: "change the content of a document",
        Rights.WRITE_PROPERTIES: "change properties",
        Rights.BIND: "add members to a folder",
        Rights.UNBIND: "remove members from a folder",
        Rights.UNLOCK: "break the lock of somebody else",
        Rights.READ_ACL: "see who has which rights",
        Rights.READ_CURRENT_USER_PRIVILEGE_SET: "see one's own rights",
        Rights.WRITE_ACL: "give and deny rights by hand",
        Rights.SHARE: "share with somebody inside",
        Rights.LINK: "make a link for somebody outside",
        Rights.CLASSIFY: "set class and dates",
        Rights.RECUSE: "record that somebody is excluded for personal involvement",
        Rights.READ_LOG: "see who has read what",
        Rights.COMMENT: "comment",
    }
)


def held(rights: Rights) -> str:
    """One `privilege` element for each privilege, aggregates included, that is held whole (RFC 3744 §5.5)."""
    return "".join(_privilege(name) for privilege, name in NAMES if privilege & rights == privilege)


def needed(rights: Rights) -> list[str]:
    """`privilege` elements that together name `rights`, each once, aggregates first (RFC 3744 §5.5.2, §7.1.1)."""
    found = []
    for privilege, name in NAMES:
        if rights and privilege & rights == privilege:
            found.append(_privilege(name))
            rights &= ~privilege
    return found


def supported(aggregate: Aggregate = words.TREE) -> str:
    """The tree of all privileges (RFC 3744 §5.3)."""
    rights = words.NAMES[aggregate.name]
    name = next(name for privilege, name in NAMES if privilege == rights)
    abstract = "<D:abstract/>" if rights == ABSTRACT else ""
    told = f'<D:description xml:lang="en">{DESCRIPTIONS[rights]}</D:description>'
    parts = "".join(supported(part) for part in aggregate.parts)
    return element("{DAV:}supported-privilege", f"{_privilege(name)}{abstract}{told}{parts}")


def _privilege(name: str) -> str:
    return element("{DAV:}privilege", element(name))
