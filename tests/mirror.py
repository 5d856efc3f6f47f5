"""A small client that keeps a copy of a collection's names and tags by `sync-collection` (RFC 6578), and nothing else.

`Mirror.sync` brings the copy up to date; `listing` is the same by plain PROPFIND, so that the two can be compared.
"""

from __future__ import annotations

from typing import NamedTuple
from urllib.parse import unquote

from lxml import etree

from tests.davclient import DAV, Answer, DavClient, Member, prop_body

ASKED = ("resourcetype", "getetag", "getcontentlength")


class Known(NamedTuple):
    """What a copy knows of one resource."""

    is_collection: bool
    tag: str | None
    length: str | None


def known(member: Member) -> Known:
    return Known(member.is_collection, member.text("getetag"), member.text("getcontentlength"))


def sync_body(
    token: str = "", *, level: str = "infinite", limit: int | None = None, names: tuple[str, ...] = ASKED
) -> str:
    """The body of a sync-collection report (RFC 6578 §6.1)."""
    root = etree.Element(DAV + "sync-collection", nsmap={"D": "DAV:"})
    etree.SubElement(root, DAV + "sync-token").text = token
    etree.SubElement(root, DAV + "sync-level").text = level
    if limit is not None:
        etree.SubElement(etree.SubElement(root, DAV + "limit"), DAV + "nresults").text = str(limit)
    prop = etree.SubElement(root, DAV + "prop")
    for name in names:
        etree.SubElement(prop, DAV + name)
    return etree.tostring(root).decode()


def report(client: DavClient, path: str = "", body: str = "", **headers: str) -> Answer:
    """REPORT with Depth 0, as §3.2 wants it."""
    return client.request("REPORT", path, body, {"Depth": "0", **headers})


def token_of(answer: Answer) -> str:
    """The DAV:sync-token of a multistatus."""
    token = answer.xml().findtext(DAV + "sync-token")
    assert answer.status == 207, (answer.status, answer.body[:300])
    assert token is not None
    return token


class Mirror:
    """The copy of the collection at a client's base, beneath which its paths go."""

    def __init__(self, client: DavClient, *, level: str = "infinite", limit: int | None = None) -> None:
        self.client, self.level, self.limit = client, level, limit
        self.token = ""
        self.copy: dict[str, Known] = {}
        self.afresh = 0
        """How often the server did not know the token any more."""
        self.answers: list[Answer] = []
        """Of the last `sync`."""

    def sync(self) -> dict[str, Known]:
        """Ask until nothing more is to be told; begin anew where the token is not valid. The copy."""
        self.answers = []
        while True:
            answer = report(self.client, "", sync_body(self.token, level=self.level, limit=self.limit))
            self.answers.append(answer)
            if answer.status == 403 and answer.condition() == DAV + "valid-sync-token":
                assert self.token, "a first sync needs no token"
                self.token, self.copy = "", {}
                self.afresh += 1
                continue
            assert answer.status == 207, (answer.status, answer.body[:300])
            self.token = token_of(answer)
            if not self._apply(answer):
                return self.copy

    def _apply(self, answer: Answer) -> bool:
        """Take over what an answer tells; True if there is more (§3.6)."""
        base, more = unquote(self.client.target("")).rstrip("/"), False
        members = answer.members()
        assert len(members) == len(list(answer.xml().iterfind(DAV + "response"))), "a path was told twice"
        for href, member in members.items():
            if href == base:
                assert member.status == 507
                more = True
            elif member.status == 404:
                self._forget(href[len(base) :])
        for href, member in members.items():
            if href != base and member.status is None:
                assert href.startswith(base + "/")
                self.copy[href[len(base) :]] = known(member)
        return more

    def _forget(self, path: str) -> None:
        self.copy = {each: what for each, what in self.copy.items() if each != path and not each.startswith(path + "/")}


def listing(client: DavClient, path: str = "", *, deep: bool = True) -> dict[str, Known]:
    """The same by PROPFIND, one folder at a time."""
    base, own = unquote(client.target("")).rstrip("/"), unquote(client.target(path)).rstrip("/")
    answer = client.propfind(path, "1", prop_body(*ASKED))
    found: dict[str, Known] = {}
    for href, member in answer.members().items():
        if href != own:
            found[href[len(base) :]] = known(member)
            if deep and member.is_collection:
                found |= listing(client, href[len(base) :].replace("%", "%25"))
    return found
