"""5,000 hostile XML bodies: none is followed, none costs much, a DOCTYPE is always refused (security.md B11, S-04)."""

from __future__ import annotations

import os
import threading
import time
from collections import Counter
from pathlib import Path

from davserver.dav.xml import BadXml, parse
from tests.dav.xml_bodies import FAMILIES, Body, bodies
from tests.davclient import DavClient
from tests.listening import listening

COUNT = 5_000
AT_THE_SERVER = COUNT // 10
CPU_SECONDS = 0.2
CANARY = "Kanarienwort-7f3a"
METHODS = ("PROPFIND", "PROPPATCH", "LOCK", "MKCOL", "ACL", "REPORT")


def parsed(body: Body) -> bool:
    """Was it taken? Raises nothing but what a refusal is made of."""
    for _ in range(3):  # the collector may run in one of them, over all that the tests before this one left
        began, taken = time.thread_time(), True
        try:
            parse(body.content)
        except BadXml:
            taken = False
        if time.thread_time() - began < CPU_SECONDS:
            return taken
    raise AssertionError(f"{body.family} of {len(body.content)} bytes costs too much")


def test_five_thousand_bodies_cost_little_and_open_nothing(tmp_path: Path) -> None:
    """Each within 200 ms of processor time; whatever names a file or an address is not followed."""
    secret = tmp_path / "secret.xml"
    os.mkfifo(secret)  # whoever opens it to read lets the writer below go on
    opened: list[bool] = []
    watching = threading.Thread(target=lambda: opened.append(bool(os.open(secret, os.O_WRONLY))), daemon=True)
    watching.start()
    taken: Counter[str] = Counter()
    distinct = set()
    with listening() as (url, heard):
        for body in bodies(COUNT, (secret.as_uri(), str(secret), url)):
            took = parsed(body)
            distinct.add(hash(body.content))
            taken[body.family] += took
            assert not (took and body.must_fail), body
    assert heard == []
    assert opened == []
    assert all(taken[family] for family in ("wide", "namespaces", "inclusion", "encoding", "deep", "broken")), taken
    assert len(distinct) > COUNT * 0.95
    os.close(os.open(secret, os.O_RDONLY | os.O_NONBLOCK))  # lets the watcher end
    watching.join()


def test_the_server_answers_them_as_what_they_are(vault_folder: DavClient, tmp_path: Path) -> None:
    """Each tenth of them, to every verb that takes XML: 400 for what must fail, no 5xx, nothing of a lure told."""
    secret = tmp_path / "secret.txt"
    secret.write_text(CANARY)
    vault_folder.put("/a.txt", b"1")
    with listening() as (url, heard):
        for number, body in enumerate(bodies(AT_THE_SERVER, (secret.as_uri(), str(secret), url))):
            method = METHODS[number // len(FAMILIES) % len(METHODS)]
            path = f"/neu-{number}" if method == "MKCOL" else "/a.txt"
            answer = vault_folder.request(method, path, body.content, {"Depth": "0", "Content-Type": "text/xml"})
            assert answer.status < 500, (method, body)
            assert CANARY not in answer.text, (method, body)
            refused = 415 if method == "MKCOL" else 400  # RFC 5689 §3: a body that is not understood
            assert answer.status == refused or not body.must_fail, (method, body, answer.status)
    assert heard == []
    assert vault_folder.get("/a.txt").body == b"1"
