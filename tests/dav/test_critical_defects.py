"""The data-loss and security defects of plain WsgiDAV, C1 to C13, each as a rule that this server keeps."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest

from tests.davclient import DavClient, prop_body, raw_exchange
from tests.running import RunningServer

People = Callable[[str, str], DavClient]


def request_bytes(client: DavClient, method: str, path: str, headers: dict[str, str], body: bytes = b"") -> bytes:
    """A request as raw bytes, so that a test can cut or falsify it."""
    lines = [f"{method} {client.target(path)} HTTP/1.1", f"Host: {client.host}:{client.port}"]
    lines += [f"Authorization: {client.authorization}"] + [f"{name}: {value}" for name, value in headers.items()]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def statuses(answer: bytes) -> list[int]:
    """Status codes of all responses in a raw exchange."""
    return [int(piece[:3]) for piece in answer.split(b"HTTP/1.1 ")[1:]]


def test_c1_body_shorter_than_its_content_length_changes_nothing(folder: DavClient) -> None:
    folder.put("/a.txt", b"old content")
    before = folder.head("/a.txt").etag
    raw_exchange(
        folder.port, request_bytes(folder, "PUT", "/a.txt", {"Content-Length": "1000"}, b"new bit"), half_close=True
    )
    assert folder.get("/a.txt").body == b"old content"
    assert folder.head("/a.txt").etag == before


def test_c1_chunked_body_without_its_last_chunk_changes_nothing(folder: DavClient) -> None:
    folder.put("/a.txt", b"old content")
    cut = request_bytes(folder, "PUT", "/a.txt", {"Transfer-Encoding": "chunked"}, b"5\r\nhello\r\n")
    raw_exchange(folder.port, cut, half_close=True)
    assert folder.get("/a.txt").body == b"old content"


def test_c2_delete_of_a_parent_spares_everything_if_anything_beneath_is_locked_by_another(
    folder: DavClient, people: People
) -> None:
    for path in ("/p", "/p/q", "/p/q/r"):
        folder.mkcol(path)
    folder.put("/p/q/r/precious.docx", b"precious")
    folder.put("/p/other.txt", b"other")
    token = people("otto", folder.base).lock("/p/q/r/precious.docx").lock_token
    answer = folder.delete("/p")
    assert answer.status == 423
    assert answer.condition() == "{DAV:}lock-token-submitted"
    assert folder.get("/p/q/r/precious.docx").body == b"precious"
    assert folder.get("/p/other.txt").body == b"other"
    assert people("otto", folder.base).unlock("/p/q/r/precious.docx", token).status == 204
    assert folder.delete("/p").status == 204


@pytest.mark.parametrize("verb", ["move", "copy"])
def test_c3_a_child_cannot_replace_the_folder_that_contains_it(folder: DavClient, verb: str) -> None:
    folder.mkcol("/k")
    folder.put("/k/x", b"x")
    folder.put("/k/sibling", b"sibling")
    answer = getattr(folder, verb)("/k/x", "/k")
    assert answer.status in (403, 409)
    assert folder.get("/k/x").body == b"x"
    assert folder.get("/k/sibling").body == b"sibling"


@pytest.mark.parametrize("method", ["MKCOL", "OPTIONS", "GET", "LOCK", "PROPFIND", "DELETE", "PUT"])
def test_c4_an_unread_chunked_body_is_never_taken_for_the_next_request(vault_folder: DavClient, method: str) -> None:
    marker = b"MKCOL " + vault_folder.target("/smuggled").encode() + b" HTTP/1.1\r\nHost: x\r\nAuthorization: "
    marker += vault_folder.authorization.encode() + b"\r\nContent-Length: 0\r\n\r\n"
    body = f"{len(marker):X};a\r\n".encode() + marker + b"\r\n0\r\n\r\n"
    answer = raw_exchange(
        vault_folder.port,
        request_bytes(vault_folder, method, "/c4", {"Transfer-Encoding": "chunked"}, body),
        half_close=True,
    )
    assert len(statuses(answer)) == 1
    assert vault_folder.propfind("/smuggled").status == 404


def test_c5_a_refused_upload_is_not_read_into_memory(server: RunningServer) -> None:
    head = f"PUT /dav/ba05/big HTTP/1.1\r\nHost: x:{server.port}\r\nContent-Length: {512 << 20}\r\n\r\n".encode()
    answer = raw_exchange(server.port, head + b"x" * 65536, timeout=5)
    assert statuses(answer) == [401]
    assert b"connection: close" in answer.lower()


@pytest.mark.parametrize(
    ("what", "body"),
    [
        ("4 MB of elements", '<D:propfind xmlns:D="DAV:"><D:prop>' + "<D:a/>" * 700_000 + "</D:prop></D:propfind>"),
        (
            "2,100 elements",
            '<D:propfind xmlns:D="DAV:"><D:prop>' + "<D:a/>" * 2_100 + "</D:prop></D:propfind>",
        ),
        (
            "65 namespaces",
            "<D:propfind xmlns:D='DAV:'><D:prop>"
            + "".join(f"<x xmlns='urn:{n}'/>" for n in range(65))
            + "</D:prop></D:propfind>",
        ),
        ("depth 33", '<D:propfind xmlns:D="DAV:">' + "<D:a>" * 33 + "</D:a>" * 33 + "</D:propfind>"),
        ("a DOCTYPE", '<!DOCTYPE x [<!ENTITY a "b">]><D:propfind xmlns:D="DAV:"><D:allprop/></D:propfind>'),
    ],
    ids=lambda value: value if len(value) < 30 else "",
)
def test_c6_xml_beyond_the_limits_is_refused(vault_folder: DavClient, what: str, body: str) -> None:
    answer = vault_folder.propfind("", "0", body)
    assert answer.status == (413 if "MB" in what else 400)


@pytest.mark.parametrize("name", ["%01", "%1F", "%7F", "%C2%85", "%EF%BF%BE", "%ED%A0%80", "%FF", "a%00b", "%0D%0A"])
def test_c7_a_name_that_would_poison_a_listing_is_refused_at_creation(folder: DavClient, name: str) -> None:
    for method in ("PUT", "MKCOL"):
        assert folder.request(method, f"/{name}").status == 400
    folder.put("/good.txt", b"")
    refused = folder.request("MOVE", "/good.txt", headers={"Destination": folder.url("/") + name})
    assert refused.status == 400
    assert folder.names("/") == ["good.txt"]


@pytest.mark.parametrize(("quoted", "name"), [("a%3Fb.txt", "a?b.txt"), ("semi%3Bv=1", "semi;v=1"), ("h%23x", "h#x")])
def test_c8_a_destination_is_split_before_it_is_decoded(folder: DavClient, quoted: str, name: str) -> None:
    folder.put("/src", b"1")
    folder.put("/" + quoted.partition("%")[0], b"other")
    folder.request("MOVE", "/src", headers={"Destination": f"{folder.url('/')}{quoted}"})
    assert name in folder.names("/")
    assert folder.get("/" + quoted.partition("%")[0]).body == b"other"


@pytest.mark.parametrize("form", ["absolute", "path"])
def test_c9_a_tagged_if_list_is_evaluated_in_each_form(folder: DavClient, form: str) -> None:
    folder.put("/f", b"1")
    token = folder.lock("/f").lock_token
    tag = folder.url("/f") if form == "absolute" else folder.target("/f")
    assert folder.put("/f", b"2", If=f'<{tag}> (<{token}> ["wrong"])').status == 412
    assert folder.put("/f", b"2", If=f"<{tag}> (<urn:uuid:00000000-0000-4000-8000-000000000000>)").status == 412
    assert folder.get("/f").body == b"1"
    assert folder.put("/f", b"2", If=f"<{tag}> (<{token}>)").status == 204
    folder.unlock("/f", token)


def test_c9_a_tagged_if_list_for_another_resource_counts(folder: DavClient) -> None:
    folder.put("/f", b"1")
    folder.put("/other", b"1")
    assert folder.put("/f", b"2", If=f'<{folder.url("/other")}> (["wrong"])').status == 412
    tag = folder.head("/other").etag
    assert folder.put("/f", b"2", If=f"<{folder.url('/other')}> ([{tag}])").status == 204


@pytest.mark.parametrize("header", [{"If_Match": "*"}, {"If_Match": '"x"'}, {"If": '(["x"])'}])
def test_c10_conditions_on_a_missing_resource_are_evaluated(folder: DavClient, header: dict[str, str]) -> None:
    assert folder.put("/new", b"1", **header).status == 412
    assert folder.get("/new").status == 404


def test_c11_digest_is_not_offered(server: RunningServer) -> None:
    with server.client() as nobody:
        answer = nobody.propfind("/dav/")
    assert answer.status == 401
    assert [value.split()[0] for value in answer.headers.get_all("WWW-Authenticate")] == ["Basic"]


def test_c12_parallel_uploads_to_one_name_never_mix(folder: DavClient, people: People) -> None:
    folder.put("/f", b"s" * 10)
    bodies = [bytes([65 + n]) * 3_000_000 for n in range(4)]
    clients = [people("clara", folder.base) for _ in bodies]
    seen: list[bytes] = []
    stop = threading.Event()
    reader_client = people("clara", folder.base)

    def read() -> None:
        while not stop.is_set():
            seen.append(reader_client.get("/f").body)

    reader = threading.Thread(target=read)
    reader.start()
    writers = [
        threading.Thread(target=client.put, args=("/f", body)) for client, body in zip(clients, bodies, strict=True)
    ]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    stop.set()
    reader.join()
    assert folder.get("/f").body in bodies
    assert all(len(set(body)) == 1 and len(body) in (10, 3_000_000) for body in seen)


@pytest.mark.parametrize("target", ["/../x", "/dav/../x", "/dav/%FF", "/dav/ba05/%2e%2e/x", "/dav/a%2Fb"])
def test_c13_a_target_that_cannot_be_is_answered_in_full_and_the_connection_stays_in_step(
    server: RunningServer, target: str
) -> None:
    second = f"OPTIONS / HTTP/1.1\r\nHost: x:{server.port}\r\nConnection: close\r\n\r\n"
    answer = raw_exchange(
        server.port, f"GET {target} HTTP/1.1\r\nHost: x:{server.port}\r\n\r\n{second}".encode(), timeout=5
    )
    assert statuses(answer)[0] in (400, 401)
    assert statuses(answer)[1:] in ([], [200])


def test_c7_names_of_every_sort_stay_listable(folder: DavClient) -> None:
    names = ["ä.txt", "日本.odt", "a b", "a+b", "a%b", "x'y\"z", "#1", "[1]", "a&b<c>", "ß" * 100, "e\u0301.txt"]
    for name in names:
        target = "".join(f"%{byte:02X}" for byte in name.encode())
        assert folder.request("PUT", "/" + target, b"1").status == 201, name
    listed = folder.propfind("/", "1", prop_body("displayname", "getetag")).members()
    assert len(listed) == len(names) + 1
