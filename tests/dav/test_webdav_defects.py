"""Rows of plain WsgiDAV's RFC 4918 and RFC 4331 defects, each as a rule that this server keeps."""

from __future__ import annotations

import re
import time
from collections.abc import Callable

import pytest

from tests.davclient import DavClient, prop_body

People = Callable[[str, str], DavClient]
SOME_TIME = "Fri, 14 Jul 2017 02:40:00 GMT"


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
        f"<W:Win32LastModifiedTime xmlns:W='urn:schemas-microsoft-com:'>{SOME_TIME}</W:Win32LastModifiedTime>",
        "<D:lastmodified>1500000000</D:lastmodified>",
        f"<D:getlastmodified>{SOME_TIME}</D:getlastmodified>",
    ],
)
def test_modification_time_can_be_set(folder: DavClient, prop: str) -> None:
    """protocol.md §2: what Explorer, rclone and gvfs send; content and tag stay."""
    tag = folder.put("/f", b"1").etag
    assert folder.proppatch("/f", f"<D:set><D:prop>{prop}</D:prop></D:set>").member().missing == {}
    answer = folder.head("/f")
    assert answer.headers["Last-Modified"] == SOME_TIME
    assert answer.etag == tag


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
    assert folder.request("COPY", "/a", headers={"Destination": there}).status == 502


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
