"""Rows of plain WsgiDAV's RFC 4918 and RFC 4331 defects, each as a rule that this server keeps."""

from __future__ import annotations

import re
import time
from collections.abc import Callable

import pytest

from tests.davclient import LOCKINFO, DavClient, prop_body

People = Callable[[str, str], DavClient]


# -- entity tags and properties -------------------------------------------------------------------------------------


def test_getetag_is_quoted_like_the_header(folder: DavClient) -> None:
    """RFC 4918 §15.6."""
    tag = folder.put("/f", b"1").etag
    assert folder.properties("/f", "getetag").text("getetag") == tag


def test_propname_answers_names_without_values(folder: DavClient) -> None:
    """RFC 4918 §9.1.4."""
    folder.put("/f", b"1")
    member = folder.propfind("/f", "0", '<D:propfind xmlns:D="DAV:"><D:propname/></D:propfind>').member()
    assert {"{DAV:}getetag", "{DAV:}getcontentlength", "{DAV:}resourcetype"} <= set(member.found)
    assert all(element.text is None and len(element) == 0 for element in member.found.values())


def test_include_adds_to_allprop(folder: DavClient) -> None:
    """RFC 4918 §9.1.5; quota is never part of allprop (RFC 4331 §3)."""
    allprop = '<D:propfind xmlns:D="DAV:"><D:allprop/>{}</D:propfind>'
    plain = folder.propfind("/", "0", allprop.format("")).member()
    included = folder.propfind("/", "0", allprop.format("<D:include><D:quota-used-bytes/></D:include>")).member()
    assert "{DAV:}quota-used-bytes" not in plain.found
    assert included.text("quota-used-bytes") is not None
    assert set(plain.found) <= set(included.found)


def test_an_empty_body_means_allprop(folder: DavClient) -> None:
    """RFC 4918 §9.1."""
    folder.put("/f", b"123")
    assert folder.propfind("/f").member().text("getcontentlength") == "3"


def test_unknown_properties_are_404_and_duplicates_are_answered_once(folder: DavClient) -> None:
    folder.put("/f", b"123")
    body = '<D:propfind xmlns:D="DAV:"><D:prop><D:getetag/><D:getetag/><x xmlns="urn:x"/></D:prop></D:propfind>'
    answer = folder.propfind("/f", "0", body)
    assert answer.text.count("<D:getetag>") == 1
    assert answer.member().missing == {"{urn:x}x": 404}


def test_quota_stands_on_collections_only(folder: DavClient) -> None:
    """RFC 4331; a file with an empty quota makes KDE say that the disk is full (D5)."""
    folder.put("/f", b"1")
    names = ("quota-available-bytes", "quota-used-bytes")
    assert folder.properties("/f", *names).missing == {
        "{DAV:}quota-available-bytes": 404,
        "{DAV:}quota-used-bytes": 404,
    }
    member = folder.properties("/", *names)
    assert int(member.text(names[0]) or "-1") > 0
    assert int(member.text(names[1]) or "-1") >= 0


def test_depth_infinity_is_refused_with_its_precondition(folder: DavClient) -> None:
    """RFC 4918 §9.1, §9.1.1: also when Depth is absent, because absent means infinity."""
    for headers in ({"Depth": "infinity"}, {}):
        answer = folder.request("PROPFIND", "/", headers=headers)
        assert (answer.status, answer.condition()) == (403, "{DAV:}propfind-finite-depth")


def test_comments_and_processing_instructions_are_ignored(folder: DavClient) -> None:
    """RFC 4918 §17."""
    folder.put("/f", b"1")
    body = '<?xml version="1.0"?><!-- a --><D:propfind xmlns:D="DAV:"><D:prop><!-- b --><?c d?><D:getetag/></D:prop>'
    body += "</D:propfind>"
    assert folder.propfind("/f", "0", body).member().text("getetag")
    assert folder.proppatch("/f", "<D:set><!-- e --><D:prop><x xmlns='urn:x'>v</x></D:prop></D:set>").status == 207


def test_every_element_is_prefixed_and_no_white_space_comes_between(folder: DavClient) -> None:
    """MiniRedir and the Nextcloud clients read no default namespace."""
    folder.put("/f", b"1")
    folder.proppatch("/f", "<D:set><D:prop><x xmlns='urn:x'>v</x></D:prop></D:set>")
    answer = folder.propfind("/", "1")
    assert answer.headers["Content-Type"] == "application/xml; charset=utf-8"
    assert re.search(r"<(?!\?|/?[A-Za-z][\w.-]*:)", answer.text) is None
    assert re.search(r">\s+<", answer.text) is None


def test_prefer_return_minimal_leaves_out_what_is_missing(folder: DavClient) -> None:
    """RFC 8144 §2.1, and Microsoft's Brief header."""
    folder.put("/f", b"1")
    body = prop_body("getetag", "{urn:x}x")
    for headers in ({"Prefer": "return=minimal"}, {"Brief": "t"}):
        member = folder.propfind("/f", "0", body, **headers).member()
        assert (list(member.found), member.missing) == (["{DAV:}getetag"], {})


# -- PROPPATCH ------------------------------------------------------------------------------------------------------


def test_proppatch_is_all_or_nothing(folder: DavClient) -> None:
    """RFC 4918 §9.2: one protected property, and nothing is set; the others say 424."""
    folder.put("/f", b"1")
    update = "<D:set><D:prop><x xmlns='urn:x'>v</x><D:getetag>no</D:getetag></D:prop></D:set>"
    member = folder.proppatch("/f", update).member()
    assert member.missing == {"{urn:x}x": 424, "{DAV:}getetag": 403}
    assert folder.properties("/f", "{urn:x}x").missing == {"{urn:x}x": 404}


def test_dead_properties_keep_their_xml_and_follow_copy_and_move(folder: DavClient) -> None:
    """RFC 4918 §4.3, §9.8.2, §9.9.1."""
    folder.put("/f", b"1")
    value = "<z:a xmlns:z='urn:z' xml:lang='de' k='1'>Ü<z:b/>&amp; &lt;</z:a>"
    assert folder.proppatch("/f", f"<D:set><D:prop>{value}</D:prop></D:set>").status == 207
    folder.copy("/f", "/copy")
    folder.move("/f", "/moved")
    for path in ("/copy", "/moved"):
        element = folder.properties(path, "{urn:z}a").found["{urn:z}a"]
        assert (element.text, element.get("k"), element[0].tag, element[0].tail) == ("Ü", "1", "{urn:z}b", "& <")
        assert element.get("{http://www.w3.org/XML/1998/namespace}lang") == "de"


def test_a_huge_property_is_refused_and_an_entity_cannot_be_stored(folder: DavClient) -> None:
    folder.put("/f", b"1")
    huge = f"<D:set><D:prop><x xmlns='urn:x'>{'v' * 2_000_000}</x></D:prop></D:set>"
    assert folder.proppatch("/f", huge).status == 413
    assert folder.proppatch("/f", "<D:set><D:prop><x xmlns='urn:x'>&boom;</x></D:prop></D:set>").status == 400
    assert "500" not in folder.propfind("/f").text


@pytest.mark.parametrize(
    "prop",
    [
        "<Win32LastModifiedTime xmlns='urn:schemas-microsoft-com:'>Fri, 14 Jul 2017 02:40:00 GMT</Win32LastModifiedTime>",
        "<D:lastmodified>1500000000</D:lastmodified>",
        "<D:getlastmodified>Fri, 14 Jul 2017 02:40:00 GMT</D:getlastmodified>",
    ],
)
def test_modification_time_can_be_set(folder: DavClient, prop: str) -> None:
    """protocol.md §2: what Explorer, rclone and gvfs send; content and tag stay."""
    tag = folder.put("/f", b"1").etag
    assert folder.proppatch("/f", f"<D:set><D:prop>{prop}</D:prop></D:set>").member().missing == {}
    answer = folder.head("/f")
    assert answer.headers["Last-Modified"] == "Fri, 14 Jul 2017 02:40:00 GMT"
    assert answer.etag == tag


# -- locks ----------------------------------------------------------------------------------------------------------


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


# -- namespace ------------------------------------------------------------------------------------------------------


def test_copy_of_depth_zero_copies_no_member(folder: DavClient) -> None:
    """RFC 4918 §9.8.3."""
    folder.mkcol("/c")
    folder.put("/c/f", b"1")
    assert folder.copy("/c", "/d", Depth="0").status == 201
    assert folder.names("/d") == []


@pytest.mark.parametrize("verb", ["copy", "move"])
def test_overwrite(folder: DavClient, verb: str) -> None:
    """RFC 4918 §10.6: absent means T; F refuses with 412; 204 over something, 201 over nothing."""
    folder.put("/a", b"a")
    folder.put("/b", b"b")
    do = getattr(folder, verb)
    assert do("/a", "/b", Overwrite="F").status == 412
    assert folder.get("/b").body == b"b"
    assert do("/a", "/b").status == 204
    assert folder.get("/b").body == b"a"
    folder.put("/c", b"c")
    assert do("/c", "/d").status == 201


@pytest.mark.parametrize(
    ("form", "status"),
    [
        ("{url}", 201),
        ("{path}", 201),
        ("http://user:pw@{host}{path}", 201),
        ("http://elsewhere.example{path}", 502),
        ("", 400),
        ("d2.txt", 400),
        ("::::", 400),
        ("{url}%00", 400),
    ],
)
def test_destination_forms(folder: DavClient, form: str, status: int) -> None:
    """RFC 4918 §10.3; userinfo is what KDE sends (D9)."""
    folder.put("/a", b"a")
    there = form.format(url=folder.url("/b"), path=folder.target("/b"), host=f"{folder.host}:{folder.port}")
    answer = folder.request("COPY", "/a", headers={"Destination": there})
    assert answer.status in ((status, 400) if status == 502 else (status,))
    assert folder.names("/") == (["a", "b"] if status == 201 else ["a"])


def test_an_https_destination_is_foreign_without_a_configured_proxy(folder: DavClient) -> None:
    folder.put("/a", b"a")
    there = folder.url("/b").replace("http:", "https:")
    forwarded = {"Destination": there, "X-Forwarded-Proto": "https", "X-Forwarded-Host": f"{folder.host}:{folder.port}"}
    assert folder.request("COPY", "/a", headers=forwarded).status == 502


def test_copy_between_drives(people: People) -> None:
    """One tree: what plain WsgiDAV refuses with 502."""
    clerk = people("clara", "/dav")
    name = f"across-{time.time_ns()}"
    clerk.mkcol(f"/archiv/Arbeitsordner/{name}")
    clerk.put(f"/archiv/Arbeitsordner/{name}/f", b"1")
    clerk.proppatch(f"/archiv/Arbeitsordner/{name}/f", "<D:set><D:prop><x xmlns='urn:x'>v</x></D:prop></D:set>")
    assert clerk.copy(f"/archiv/Arbeitsordner/{name}", f"/ba05/Arbeitsordner/{name}").status == 201
    assert clerk.get(f"/ba05/Arbeitsordner/{name}/f").body == b"1"
    assert clerk.properties(f"/ba05/Arbeitsordner/{name}/f", "{urn:x}x").text("{urn:x}x") == "v"
    assert clerk.move(f"/ba05/Arbeitsordner/{name}/f", f"/archiv/Arbeitsordner/{name}/g").status == 201
    assert clerk.names(f"/archiv/Arbeitsordner/{name}") == ["f", "g"]
    assert clerk.names(f"/ba05/Arbeitsordner/{name}") == []


def test_names_are_normalised_to_nfc(folder: DavClient) -> None:
    """Finder sends NFD: both spellings are one document (D13)."""
    nfd, nfc = "/u%CC%88.txt", "/%C3%BC.txt"
    assert folder.put(nfd, b"1").status == 201
    assert folder.put(nfc, b"2").status == 204
    assert folder.get(nfd).body == b"2"
    assert folder.names("/") == ["ü.txt"]


def test_overlong_names_are_refused(folder: DavClient) -> None:
    assert folder.put("/" + "a" * 255, b"1").status == 201
    assert folder.put("/" + "a" * 256, b"1").status == 400
    assert folder.put("/" + "%C3%BC" * 128, b"1").status == 400


def test_a_document_has_no_slash(folder: DavClient) -> None:
    assert folder.put("/new/", b"1").status in (400, 405, 409)
    folder.put("/f", b"1")
    assert folder.get("/f/").status == 404
    assert folder.names("/") == ["f"]


def test_mkcol(folder: DavClient) -> None:
    """RFC 4918 §9.3."""
    assert folder.mkcol("/c").status == 201
    assert folder.mkcol("/c").status == 405
    assert folder.mkcol("/x/y").status == 409
    assert folder.mkcol("/d", b"rubbish", Content_Type="text/plain").status == 415
    assert folder.request("MKCOL", "/e", [b"rubbish"], {"Content-Type": "text/plain"}).status == 415
    assert folder.names("/") == ["c"]


def test_extended_mkcol_sets_properties_at_once(folder: DavClient) -> None:
    """RFC 5689 §3."""
    body = (
        '<D:mkcol xmlns:D="DAV:"><D:set><D:prop><D:resourcetype><D:collection/></D:resourcetype>'
        "<x xmlns='urn:x'>v</x></D:prop></D:set></D:mkcol>"
    )
    assert folder.mkcol("/c", body, Content_Type="application/xml").status == 201
    assert folder.properties("/c", "{urn:x}x").text("{urn:x}x") == "v"
    wrong = body.replace("<D:collection/>", "<D:collection/><y xmlns='urn:y'/>")
    answer = folder.mkcol("/d", wrong, Content_Type="application/xml")
    assert answer.status in (403, 424)
    assert folder.names("/") == ["c"]


def test_share_names_are_exact(people: People) -> None:
    """Each drive has one name; another case is not there."""
    clerk = people("clara", "/dav")
    assert clerk.propfind("/ba05").status == 207
    assert clerk.propfind("/BA05").status == 404
