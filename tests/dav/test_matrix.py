"""Who may do what to what, as one committed table: person × method × present, absent, denied; on both of two processes.

`matrix.txt` is the table. A person who logs in may be refused by 403 only for what he may discover; what he may not
discover answers exactly as what does not exist (architecture.md law 3).
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.davclient import LOCKINFO, Answer, DavClient, prop_body
from tests.running import RunningServer, command, copied, start

TABLE = Path(__file__).with_name("matrix.txt")
PEOPLE = {"editor": "clara", "reader": "otto", "stranger": "sam", "expired": "edda"}
STATES = ("present", "absent", "denied")
PATCH = '<D:propertyupdate xmlns:D="DAV:"><D:set><D:prop><x xmlns="urn:x">v</x></D:prop></D:set></D:propertyupdate>'
REPORT = '<D:expand-property xmlns:D="DAV:"><D:property name="displayname"/></D:expand-property>'
NO_ACES = '<D:acl xmlns:D="DAV:"/>'

Act = Callable[[DavClient, str], Answer]


def simple(method: str, body: str | None = None, **headers: str) -> Act:
    return lambda client, path: client.request(method, path, body, headers)


METHODS: dict[str, Act] = {
    "OPTIONS": simple("OPTIONS"),
    "GET": simple("GET"),
    "HEAD": simple("HEAD"),
    "PUT": simple("PUT", "new"),
    "DELETE": simple("DELETE"),
    "MKCOL": simple("MKCOL"),
    "PROPFIND": simple("PROPFIND", prop_body("getetag"), Depth="0"),
    "PROPPATCH": simple("PROPPATCH", PATCH),
    "COPY": lambda client, path: client.copy(path, path + ".copy"),
    "MOVE": lambda client, path: client.move(path, path + ".moved"),
    "LOCK": simple("LOCK", LOCKINFO.format(scope="exclusive", owner="x"), Depth="0"),
    "UNLOCK": lambda client, path: client.unlock(path, "urn:uuid:00000000-0000-4000-8000-000000000000"),
    "POST": simple("POST", "x"),
    "REPORT": simple("REPORT", REPORT),
    "ACL": simple("ACL", NO_ACES),
    "SEARCH": simple("SEARCH", REPORT),
}


@pytest.fixture(scope="module")
def pair(installed: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[RunningServer, RunningServer]]:
    """Two processes on one data directory, as two workers are, each with a port of its own."""
    data = copied(installed, tmp_path_factory.mktemp("pair"))
    with start(data, workers=1) as one, start(data, workers=1) as other:
        with one.client("clara", "/dav/ba05") as clerk:
            assert clerk.mkcol("/papers").status == 201
            for name in ("denied", "present"):
                assert clerk.put(f"/papers/{name}", b"old").status == 201
        command("label", "ba05/papers/denied", "--class", "faction", data=data)
        yield one, other


def restore(clerk: DavClient) -> None:
    """Put the folder back as it was: `present` there and unlocked, everything else that a cell made gone."""
    for name in clerk.names("/papers"):
        if name != "present":
            assert clerk.delete(f"/papers/{name}").status == 204
    if clerk.head("/papers/present").status == 404:
        assert clerk.put("/papers/present", b"old").status == 201


def cells(server: RunningServer, user: str) -> Iterator[tuple[str, str, Answer]]:
    with server.client(user, "/dav/ba05/papers") as client, server.client("clara", "/dav/ba05") as clerk:
        for method, act in METHODS.items():
            for state in STATES:
                answer = act(client, "/" + state)
                yield method, state, answer
                if method == "LOCK" and answer.status in (200, 201):
                    assert client.unlock("/" + state, answer.lock_token).status == 204
                if method not in ("GET", "HEAD", "OPTIONS", "PROPFIND"):
                    restore(clerk)


def written(found: dict[str, dict[str, dict[str, int]]]) -> str:
    """The table as text: a line a method, a column a person and state."""
    head = "method     " + "".join(f"{person:<15}" for person in PEOPLE)
    lines = [head.rstrip(), "           " + ("".join(f"{state[:3]}  " for state in STATES)) * len(PEOPLE)]
    for method in METHODS:
        row = "".join("".join(f"{found[person][method][state]}  " for state in STATES) for person in PEOPLE)
        lines.append(f"{method:<11}{row}")
    return "\n".join(line.rstrip() for line in lines) + "\n"


def test_the_table_holds_on_both_processes(pair: tuple[RunningServer, RunningServer]) -> None:
    for server in pair:
        found: dict[str, dict[str, dict[str, int]]] = {}
        for person, user in PEOPLE.items():
            for method, state, answer in cells(server, user):
                found.setdefault(person, {}).setdefault(method, {})[state] = answer.status
        assert written(found) == TABLE.read_text("utf-8")


@pytest.mark.parametrize("person", PEOPLE)
def test_denied_and_absent_are_told_apart_by_nothing(pair: tuple[RunningServer, RunningServer], person: str) -> None:
    """Law 3: same status, same body, same headers; only creation under a taken name must hint (rights.md §3)."""
    creating = {"PUT", "MKCOL", "LOCK"}
    answers: dict[str, dict[str, Answer]] = {}
    for method, state, answer in cells(pair[0], PEOPLE[person]):
        answers.setdefault(method, {})[state] = answer
    for method, by_state in answers.items():
        absent, denied = by_state["absent"], by_state["denied"]
        if method in creating and person == "editor":
            assert denied.status == 403
            continue
        assert absent.status == denied.status, method
        assert absent.body.replace(b"absent", b"denied") == denied.body, method
        assert told(absent) == told(denied), method


def told(answer: Answer) -> dict[str, str]:
    """Headers without what differs from request to request."""
    return {name.lower(): value for name, value in answer.headers.items() if name.lower() != "date"}


def test_nobody_is_asked_to_log_in(pair: tuple[RunningServer, RunningServer]) -> None:
    """401 only means "log in": every method but OPTIONS, for present, absent and denied alike."""
    with contextlib.closing(pair[0].client("", "/dav/ba05/papers")) as nobody:
        for method, act in METHODS.items():
            statuses = {act(nobody, "/" + state).status for state in STATES}
            assert statuses == ({200} if method == "OPTIONS" else {401}), method
