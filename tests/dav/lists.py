"""Access lists as tests write and read them (RFC 3744 §5.5, §8.1)."""

from __future__ import annotations

from lxml import etree

from tests.davclient import DAV, Answer, DavClient, prop_body

OTTO = "<D:href>/dav/.principals/users/otto/</D:href>"
CLARA = "<D:href>/dav/.principals/users/clara/</D:href>"
MEMBERS = "<D:href>/dav/.principals/roles/{drive}/member/</D:href>"
BOARD = "<D:href>/dav/.principals/committees/{drive}/</D:href>"

Line = tuple[str, str, tuple[str, ...]]
"""Principal, `grant` or `deny`, local names of privileges."""


def ace(principal: str, kind: str, *names: str, more: str = "") -> str:
    given = "".join(f"<D:privilege><D:{name}/></D:privilege>" for name in names)
    return f"<D:ace><D:principal>{principal}</D:principal><D:{kind}>{given}</D:{kind}>{more}</D:ace>"


def set_acl(client: DavClient, *aces: str, path: str = "", **headers: str) -> Answer:
    return client.request("ACL", path, f'<D:acl xmlns:D="DAV:">{"".join(aces)}</D:acl>', headers)


def aces_of(client: DavClient, path: str = "") -> list[etree._Element]:
    member = client.propfind(path, "0", prop_body("acl")).member()
    return list(member.found[f"{DAV}acl"])


def line(each: etree._Element) -> Line:
    principal = each.find(f"{DAV}principal")
    assert principal is not None
    href = principal.findtext(f"{DAV}href")
    given = next(part for part in each if part.tag in (f"{DAV}grant", f"{DAV}deny"))
    names = tuple(str(privilege[0].tag).rpartition("}")[2] for privilege in given)
    who = href if href is not None else str(principal[0].tag).removeprefix(DAV)
    return who.removeprefix("/dav/.principals/"), str(given.tag).removeprefix(DAV), names


def own(client: DavClient, path: str = "") -> list[Line]:
    """Lines that the ACL method may replace."""
    free = (f"{DAV}protected", f"{DAV}inherited")
    return [line(each) for each in aces_of(client, path) if not any(each.find(tag) is not None for tag in free)]


def privileges_of(client: DavClient, path: str = "") -> set[str]:
    member = client.propfind(path, "0", prop_body("current-user-privilege-set")).member()
    held = member.found[f"{DAV}current-user-privilege-set"]
    return {str(privilege[0].tag).rpartition("}")[2] for privilege in held}
