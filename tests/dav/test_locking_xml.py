"""What LOCK and UNLOCK read and write (RFC 4918 §10.5, §10.7, §14.11, §15.8), without any server."""

from __future__ import annotations

from dataclasses import replace

import pytest
from lxml import etree

from acl.privileges import Rights
from davserver.dav import xml
from davserver.dav.errors import DavError
from davserver.dav.locking import (
    DEFAULT_SECONDS,
    LONGEST_SECONDS,
    OWNER_LIMIT,
    SUPPORTED_LOCK,
    asked_seconds,
    lockdiscovery,
    read_lockinfo,
    read_token,
)
from davserver.tree.seen import Lock, Seen
from shareproviders.contract import Node
from shareproviders.paths import SharePath

NOW = 1_700_000_000_000_000
TOKEN = "urn:uuid:0b6f9a4e-31a0-4c39-9b8c-6d5f0e9b7c11"
DAV = {"D": "DAV:"}


def lockinfo(scope: str = "<exclusive/>", kind: str = "<write/>", rest: str = "") -> etree._Element:
    return xml.parse(
        f'<lockinfo xmlns="DAV:"><lockscope>{scope}</lockscope><locktype>{kind}</locktype>{rest}</lockinfo>'.encode()
    )


def seen(path: SharePath, *, is_collection: bool = False) -> Seen:
    node = Node(7, (1, 7), path.name, is_collection, 0, "", "", NOW, NOW, 0)
    return Seen(path, "bau", node, Rights.ALL, "t", path.name)


def lock(
    root: SharePath, *, principal: str = "user:anna", exclusive: bool = True, deep: bool = False, node: int = 7
) -> Lock:
    owner = "<D:owner>Anna &amp; Bert</D:owner>"
    return Lock(TOKEN, "bau", node, root, principal, owner, exclusive, deep, 180, NOW + 180_000_000)


def href(path: SharePath, is_collection: bool) -> str:
    return f"/dav{path}" + ("/" if is_collection else "")


def shown(locks: list[Lock], what: Seen, now: int = NOW) -> etree._Element:
    content = lockdiscovery(locks, what, reader="user:anna", now=now, href=href)
    return etree.fromstring(f'<D:lockdiscovery xmlns:D="DAV:">{content}</D:lockdiscovery>')


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        (None, DEFAULT_SECONDS),
        ("", DEFAULT_SECONDS),
        ("soon", DEFAULT_SECONDS),
        ("Second-", DEFAULT_SECONDS),
        ("Second--5", DEFAULT_SECONDS),
        ("Second-٣٦٠", DEFAULT_SECONDS),
        ("Second-180", 180),
        ("second-0000000180", 180),
        ("Second-0", 0),
        ("Infinite", LONGEST_SECONDS),
        ("Infinite, Second-4100000000", LONGEST_SECONDS),
        ("Extend-7, Second-600", 600),
        ("Second-4294967295", LONGEST_SECONDS),
        ("Second-" + "9" * 5000, LONGEST_SECONDS),
    ],
)
def test_the_first_understood_timeout_counts(header: str | None, seconds: int) -> None:
    """RFC 4918 §10.7: alternatives in order of preference; nonsense never fails a LOCK."""
    assert asked_seconds(header) == seconds


@pytest.mark.parametrize("header", [f"<{TOKEN}>", f" <{TOKEN}> ", TOKEN])
def test_a_token_is_read_with_and_without_angle_brackets(header: str) -> None:
    """RFC 4918 §10.5; Windows leaves the brackets out."""
    assert read_token(header) == TOKEN


@pytest.mark.parametrize("header", ["", "<>", f"<{TOKEN}", f"<{TOKEN}> <{TOKEN}>", "a b"])
def test_a_malformed_token_is_refused(header: str) -> None:
    """A header that cannot be parsed is 400."""
    with pytest.raises(DavError) as refused:
        read_token(header)
    assert refused.value.status == 400


def test_lockinfo_says_scope_and_owner() -> None:
    """RFC 4918 §9.10.1."""
    asked = read_lockinfo(lockinfo(rest="<owner><href>http://www.apple.com/webdav_fs/</href></owner>"))
    assert asked.exclusive
    assert asked.owner == "<D:owner><D:href>http://www.apple.com/webdav_fs/</D:href></D:owner>"
    assert not read_lockinfo(lockinfo("<shared/>")).exclusive
    assert read_lockinfo(lockinfo()).owner == ""
    assert read_lockinfo(lockinfo(rest="<owner/>")).owner == ""


def test_lockinfo_may_hold_comments_and_unknown_elements() -> None:
    """RFC 4918 §17: what is not known is passed over."""
    asked = read_lockinfo(
        lockinfo("<!-- mine --><x xmlns='urn:x'/><exclusive/>", rest="<x xmlns='urn:x'><owner>no</owner></x><?pi?>")
    )
    assert asked.exclusive
    assert asked.owner == ""


def test_an_owner_keeps_its_own_namespaces() -> None:
    """RFC 4918 §14.17: the owner's XML is kept and can stand inside any other document."""
    body = (
        b'<D:lockinfo xmlns:D="DAV:" xmlns:a="urn:a"><D:lockscope><D:exclusive/></D:lockscope>'
        b'<D:locktype><D:write/></D:locktype><D:owner><a:who b="&lt;1">A<c xmlns="urn:c"/>B</a:who></D:owner>'
        b"</D:lockinfo>"
    )
    kept = etree.fromstring(f'<t xmlns:D="DAV:">{read_lockinfo(xml.parse(body)).owner}</t>')[0]
    who = kept[0]
    assert (kept.tag, who.tag, who[0].tag) == ("{DAV:}owner", "{urn:a}who", "{urn:c}c")
    assert (who.get("b"), who.text, who[0].tail) == ("<1", "A", "B")


@pytest.mark.parametrize(
    "body",
    [
        b'<propfind xmlns="DAV:"/>',
        b'<lockinfo xmlns="DAV:"/>',
        b"<lockinfo><lockscope><exclusive/></lockscope><locktype><write/></locktype></lockinfo>",
        b'<lockinfo xmlns="DAV:"><lockscope><exclusive/></lockscope></lockinfo>',
        b'<lockinfo xmlns="DAV:"><lockscope/><locktype><write/></locktype></lockinfo>',
        b'<lockinfo xmlns="DAV:"><lockscope><exclusive/><shared/></lockscope><locktype><write/></locktype></lockinfo>',
    ],
)
def test_a_lockinfo_that_does_not_say_what_it_wants_is_refused(body: bytes) -> None:
    """RFC 4918 §9.10.6: 400."""
    with pytest.raises(DavError) as refused:
        read_lockinfo(xml.parse(body))
    assert refused.value.status == 400


def test_a_huge_owner_is_refused() -> None:
    """At most 4 KiB of owner are kept with a lock."""
    with pytest.raises(DavError) as refused:
        read_lockinfo(lockinfo(rest=f"<owner>{'a' * OWNER_LIMIT}</owner>"))
    assert refused.value.status == 413


def test_a_lock_is_shown_with_all_its_parts() -> None:
    """RFC 4918 §14.1; no white space before the token, because Finder takes the first text it finds."""
    path = SharePath(("bau", "a.odt"))
    active = shown([lock(path)], seen(path)).find("D:activelock", DAV)
    assert active is not None
    assert [etree.QName(part).localname for part in active] == [
        "locktype",
        "lockscope",
        "depth",
        "owner",
        "timeout",
        "locktoken",
        "lockroot",
    ]
    assert active.find("D:lockscope/D:exclusive", DAV) is not None
    assert active.findtext("D:depth", None, DAV) == "0"
    assert active.findtext("D:owner", None, DAV) == "Anna & Bert"
    assert active.findtext("D:timeout", None, DAV) == "Second-180"
    assert active.findtext("D:locktoken/D:href", None, DAV) == TOKEN
    assert active.findtext("D:lockroot/D:href", None, DAV) == "/dav/bau/a.odt"


def test_the_token_of_another_is_hidden_and_his_name_is_shown() -> None:
    """Whoever does not hold a lock may know whose it is, not its token (RFC 4918 §6.8 and protocol.md §2)."""
    path = SharePath(("bau", "a.odt"))
    active = shown([lock(path, principal="user:bert")], seen(path))[0]
    assert active.find("D:locktoken", DAV) is None
    assert TOKEN.encode() not in etree.tostring(active)
    assert active.findtext("D:owner", None, DAV) == "Anna & Bert"


def test_an_indirect_lock_is_shown_with_the_root_above() -> None:
    """RFC 4918 §15.8: deep locks from above are listed; their root is a collection."""
    folder, path = SharePath(("bau", "Sitzung")), SharePath(("bau", "Sitzung", "a.odt"))
    active = shown([replace(lock(folder, deep=True, exclusive=False), node=1)], seen(path))[0]
    assert active.findtext("D:lockroot/D:href", None, DAV) == "/dav/bau/Sitzung/"
    assert active.findtext("D:depth", None, DAV) == "infinity"
    assert active.find("D:lockscope/D:shared", DAV) is not None


@pytest.mark.parametrize(("later", "left"), [(0, 180), (1, 180), (999_999, 180), (1_000_000, 179), (500_000_000, 0)])
def test_the_remaining_time_is_told_in_whole_seconds(later: int, left: int) -> None:
    """RFC 4918 §10.7: rounded up, so that what was granted is what is told, and never negative."""
    path = SharePath(("bau", "a.odt"))
    assert shown([lock(path)], seen(path), NOW + later)[0].findtext("D:timeout", None, DAV) == f"Second-{left}"


def test_supportedlock_offers_exclusive_and_shared_write_locks() -> None:
    """RFC 4918 §15.10."""
    supported = etree.fromstring(f'<D:supportedlock xmlns:D="DAV:">{SUPPORTED_LOCK}</D:supportedlock>')
    assert [etree.QName(entry[0][0]).localname for entry in supported] == ["exclusive", "shared"]
    assert all(entry.find("D:locktype/D:write", DAV) is not None for entry in supported)
