"""Rows of plain WsgiDAV's defects with locks (RFC 4918 §6, §7, §9.10, §9.11), each as a rule that this server keeps."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from tests.davclient import LOCKINFO, DavClient, prop_body

People = Callable[[str, str], DavClient]


def test_a_refused_write_says_lock_token_submitted(folder: DavClient, people: People) -> None:
    """RFC 4918 §16: not no-conflicting-lock."""
    folder.put("/f", b"1")
    folder.lock("/f")
    for answer in (folder.put("/f", b"2"), folder.delete("/f"), people("otto", folder.base).put("/f", b"3")):
        assert (answer.status, answer.condition()) == (423, "{DAV:}lock-token-submitted")


def test_a_conflicting_lock_says_no_conflicting_lock(folder: DavClient, people: People) -> None:
    folder.put("/f", b"1")
    folder.lock("/f")
    answer = people("otto", folder.base).lock("/f")
    assert (answer.status, answer.condition()) == (423, "{DAV:}no-conflicting-lock")


def test_lockdiscovery_shows_indirect_locks_and_hides_foreign_tokens(folder: DavClient, people: People) -> None:
    """RFC 4918 §15.8; protocol.md §2: other principals' tokens hidden, owner readable."""
    folder.mkcol("/c")
    folder.put("/c/f", b"1")
    token = folder.lock("/c", owner="Clara Clerk", Depth="infinity").lock_token
    own = folder.propfind("/c/f", "0", prop_body("lockdiscovery")).text
    foreign = people("otto", folder.base).propfind("/c/f", "0", prop_body("lockdiscovery")).text
    assert token in own
    assert token not in foreign
    assert "Clara Clerk" in foreign
    assert folder.unlock("/c", token).status == 204


def test_two_shared_lock_holders_do_not_block_each_other(folder: DavClient, people: People) -> None:
    """RFC 4918 §6.1: each writes with the token of his own lock."""
    folder.put("/f", b"1")
    otto = people("otto", folder.base)
    mine, his = folder.lock("/f", scope="shared").lock_token, otto.lock("/f", scope="shared").lock_token
    assert folder.put("/f", b"2", If=f"(<{mine}>)").status == 204
    assert otto.put("/f", b"3", If=f"(<{his}>)").status == 204
    assert otto.put("/f", b"4", If=f"(<{mine}>)").status in (412, 423)
    assert otto.lock("/f").status == 423


def test_move_leaves_no_lock_behind(folder: DavClient, people: People) -> None:
    """RFC 4918 §7.5: the lock does not move, and the old URL is free again."""
    folder.put("/f", b"1")
    token = folder.lock("/f").lock_token
    assert folder.move("/f", "/g", If=f"(<{token}>)").status == 201
    assert people("otto", folder.base).put("/f", b"2").status == 201
    assert people("otto", folder.base).put("/g", b"2").status == 204


def test_refresh_works_by_if_and_keeps_the_owner(folder: DavClient) -> None:
    """RFC 4918 §9.10.2."""
    folder.put("/f", b"1")
    token = folder.lock("/f", owner="Clara", Timeout="Second-600").lock_token
    answer = folder.request("LOCK", "/f", headers={"If": f"(<{token}>)", "Timeout": "Second-900"})
    assert answer.status == 200
    assert "Clara" in answer.text
    assert "Second-900" in answer.text
    assert (
        folder.request("LOCK", "/f", headers={"If": "(<urn:uuid:00000000-0000-4000-8000-000000000000>)"}).status == 412
    )


@pytest.mark.parametrize(
    ("asked", "granted"),
    [
        ("Second-600", 600),
        ("Second-10", 180),
        ("Infinite", 3600),
        ("Second-4100000000", 3600),
        ("rubbish", None),
        ("Second-0", 180),
    ],
)
def test_lock_timeouts_are_honoured_and_capped(folder: DavClient, asked: str, granted: int | None) -> None:
    """protocol.md §2: 180 to 3,600 seconds."""
    folder.put("/f", b"1")
    answer = folder.lock("/f", Timeout=asked)
    seconds = int(re.findall(r"Second-(\d+)", answer.text)[0])
    assert seconds == granted if granted else 180 <= seconds <= 3600
    assert re.fullmatch(r"urn:uuid:[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", answer.lock_token)
    assert answer.lock_token in answer.text


def test_lockinfo_with_comments_and_unknown_elements_is_understood(folder: DavClient) -> None:
    folder.put("/f", b"1")
    body = LOCKINFO.format(scope="exclusive", owner="x").replace(
        "<D:locktype>", "<!-- c --><y xmlns='urn:y'/><D:locktype>"
    )
    assert folder.request("LOCK", "/f", body, {"Depth": "0"}).status == 200


def test_lock_on_an_unmapped_url_makes_an_empty_document(folder: DavClient) -> None:
    """RFC 4918 §7.3."""
    answer = folder.lock("/new")
    assert answer.status == 201
    assert (folder.get("/new").status, folder.get("/new").body) == (200, b"")
    assert "new" in folder.names("/")


def test_a_refused_lock_leaves_no_empty_file(folder: DavClient, people: People) -> None:
    folder.mkcol("/c")
    folder.lock("/c", Depth="infinity")
    assert people("otto", folder.base).lock("/c/new").status == 423
    assert folder.names("/c") == []


def test_a_locked_folder_protects_its_members_and_its_list(folder: DavClient, people: People) -> None:
    """RFC 4918 §7.4."""
    folder.mkcol("/c")
    folder.put("/c/f", b"1")
    token = folder.lock("/c", Depth="infinity").lock_token
    otto = people("otto", folder.base)
    folder.put("/elsewhere", b"1")
    assert otto.put("/c/f", b"2").status == 423
    assert otto.put("/c/g", b"2").status == 423
    assert otto.mkcol("/c/d").status == 423
    assert otto.delete("/c/f").status == 423
    assert otto.move("/elsewhere", "/c/f").status == 423
    assert folder.put("/c/g", b"2", If=f"<{folder.url('/c')}> (<{token}>)").status == 201


def test_a_lock_on_a_child_of_a_lock_seeking_parent_is_a_conflict(folder: DavClient, people: People) -> None:
    folder.mkcol("/c")
    folder.put("/c/f", b"1")
    people("otto", folder.base).lock("/c/f")
    assert folder.lock("/c", Depth="infinity").status in (207, 423)
    assert folder.lock("/c", Depth="0").status == 200


def test_another_users_token_opens_nothing(folder: DavClient, people: People) -> None:
    """RFC 4918 §6.4: knowing a token is no right."""
    folder.put("/f", b"1")
    token = folder.lock("/f").lock_token
    otto = people("otto", folder.base)
    assert otto.put("/f", b"2", If=f"(<{token}>)").status in (412, 423)
    assert otto.unlock("/f", token).status == 403
    assert otto.request("LOCK", "/f", headers={"If": f"(<{token}>)"}).status in (403, 412)
    assert folder.get("/f").body == b"1"


def test_unlock_answers(folder: DavClient) -> None:
    """RFC 4918 §9.11: with and without brackets; 409 for a token that does not cover the resource; 400 without."""
    folder.put("/f", b"1")
    folder.put("/g", b"1")
    token = folder.lock("/f").lock_token
    wrong = folder.unlock("/g", token)
    assert (wrong.status, wrong.condition()) == (409, "{DAV:}lock-token-matches-request-uri")
    assert folder.request("UNLOCK", "/f").status == 400
    assert folder.request("UNLOCK", "/f", headers={"Lock-Token": token}).status == 204


def test_a_depth_of_one_is_no_lock_depth(folder: DavClient) -> None:
    """RFC 4918 §9.10.3."""
    folder.mkcol("/c")
    assert folder.lock("/c", Depth="1").status == 400


def test_at_most_sixteen_locks_on_one_resource(folder: DavClient) -> None:
    folder.put("/f", b"1")
    statuses = [folder.lock("/f", scope="shared").status for _ in range(17)]
    assert statuses[:16] == [200] * 16
    assert statuses[16] in (403, 423, 507)
