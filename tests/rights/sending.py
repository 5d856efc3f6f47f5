"""A request of the oracle's as HTTP: its headers and bodies."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from tests.davclient import LOCKINFO

DAV_WORDS = ("read", "write", "write-content", "write-properties", "bind", "unbind", "unlock", "all")
PRINCIPALS = "/dav/.principals"
DEEP = {"PROPFIND": ("0", "1"), "COPY": ("0", "infinity"), "LOCK": ("0", "infinity")}


def headers_of(r: dict[str, Any], url: str, to: str, tags: list[tuple[str, str, str, str]]) -> dict[str, str]:
    """`tags`: (header, wish, URL, entity tag in quotes) of each condition."""
    found: dict[str, str] = {}
    if r.get("token") and r["method"] == "UNLOCK":
        found["lock_token"] = f"<{r['token']}>"
    elif r.get("token"):
        found["if"] = f"(<{r['token']}>)" if "to" not in r else f"<{url}> (<{r['token']}>)"
    if r["method"] in DEEP:
        found["depth"] = DEEP[r["method"]][bool(r.get("deep"))]
    if "to" in r:
        found |= {"destination": to, "overwrite": "T" if r["overwrite"] else "F"}
    if r["method"] == "LOCK":
        found["timeout"] = "Second-600"
    for header, wish, place, tag in tags:
        if header == "if":
            found["if"] = f"<{place}> ({'Not ' if wish.startswith('not ') else ''}[{tag}])"
        else:
            found[header.replace("-", "_")] = "*" if wish == "*" else tag
    renamed = {"over": "overwrite"}
    return found | {renamed.get(name, name): r[name] for name in ("depth", "over", "destination", "if") if name in r}


def body_of(r: dict[str, Any]) -> bytes:
    """What the method sends."""
    value = r.get("body", "x")
    note = f'<D:set><D:prop><u:note xmlns:u="urn:u">{value}</u:note></D:prop></D:set>'
    text = {
        "PUT": value,
        "LOCK": LOCKINFO.format(scope="exclusive", owner=r.get("owner", "tests")),
        "PROPPATCH": f'<D:propertyupdate xmlns:D="DAV:">{note}</D:propertyupdate>',
        "ACL": f'<D:acl xmlns:D="DAV:">{"".join(_ace(r["path"], *ace) for ace in r.get("aces", ()))}</D:acl>',
        "REPORT": _report(r.get("report", ""), r.get("sync", "")),
    }
    return text.get(r["method"], "").encode()


def _report(name: str, token: str) -> str:
    inside = '<D:prop xmlns:D="DAV:"><D:displayname/></D:prop>'
    if name == "expand-property":
        inside = '<D:property name="current-user-principal"><D:property name="displayname"/></D:property>'
    if name == "principal-property-search":
        inside = f"<D:property-search>{inside}<D:match></D:match></D:property-search>{inside}"
    if name == "sync-collection":
        inside = f"<D:sync-token>{token}</D:sync-token><D:sync-level>1</D:sync-level><D:prop><D:getetag/></D:prop>"
    return f'<D:{name} xmlns:D="DAV:">{inside}</D:{name}>'


def _ace(path: tuple[str, ...], who: str, rights: str, deny: bool) -> str:
    share = next(iter(path[1:] if path[:1] == ("geteilt",) else path), "ba05")
    kind, _, name = who.partition(":")
    if not name:
        principal = f"<D:{kind}/>"
    else:
        place = f"roles/{share}/{name}" if kind == "role" else f"{kind}s/{name}"
        principal = f"<D:href>{PRINCIPALS}/{quote(place)}/</D:href>"
    each = (f"<D:{word}/>" if word in DAV_WORDS else f'<{word} xmlns="urn:gremium:dav"/>' for word in rights.split())
    given = "".join(f"<D:privilege>{one}</D:privilege>" for one in each)
    verb = "deny" if deny else "grant"
    return f"<D:ace><D:principal>{principal}</D:principal><D:{verb}>{given}</D:{verb}></D:ace>"
