"""Each event gives exactly one line of the audit log: who, what, where, with what result (security.md S-61)."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from sqlalchemy import delete
from werkzeug.test import Client

from davserver.app import Worker
from davserver.audit import Audit, Line
from davserver.house import House
from davserver.schema import audit as audit_table
from davserver.schema import setting
from davserver.sealing import DAY
from tests.commands.conftest import Run
from tests.rights.calling import Answer, call
from tests.sealed import sealed

PASSWORD = "Korrekt-Pferd-Batterie-1"
FOLDER, ITEM = "ba05/Arbeitsordner", "ba05/2026-12-07/4.2.1"
EVIL = "x\r\nseq=1 who=user:chef\x1b[2J\u2028"
"""What somebody would write who wants a line of his own in the log."""


class Event(NamedTuple):
    """What happens, and the line that it leaves."""

    does: Callable[[Scene], object]
    who: str
    what: str
    result: str = "ok"
    at_a_node: bool = True
    as_clerk: bool = False
    """By a command that acts as the committee's clerk: a line before it tells who ran it."""


@dataclass
class Scene:
    """A house with its command line and one worker; what an event needs of those before it."""

    run: Run
    house: House
    served: House
    """The worker's."""
    worker: Worker
    browser: Client
    heard: Callable[[], object]
    """Takes away what the worker has written to its log."""
    kept: dict[str, Any] = field(default_factory=dict)

    def command(self, *words: str, stdin: str = "", name: str = "") -> None:
        """It works; its answer is kept under `name`."""
        self.heard()
        said = self.run(*words, "--json", stdin=stdin)
        assert said.code == 0, (words, said.err)
        self.kept[name or words[0]] = said.json

    def dav(
        self, user: str, method: str, path: str, body: bytes = b"", password: str = PASSWORD, **headers: str
    ) -> Answer:
        credential = "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()
        return call(self.worker, method, f"/dav/{path}", body, authorization=credential, **headers)

    def sign_in(self, password: str) -> int:
        """At the portal, with the form as the page made it."""
        page = self.browser.get("/anmelden").text
        token = page.partition('name="token" value="')[2].partition('"')[0]
        form = {"token": token, "name": "otto", "password": password, "weiter": "/"}
        return self.browser.post("/anmelden", data=form, headers={"Origin": "http://localhost"}).status_code

    def sign_out(self) -> int:
        page = self.browser.get("/").text
        token = page.partition('name="token" value="')[2].partition('"')[0]
        return self.browser.post("/abmelden", data={"token": token}, headers={"Origin": "http://localhost"}).status_code

    def lines(self) -> list[dict[str, Any]]:
        """All, the oldest first, with what the worker still collected."""
        self.served.flush()
        return list(self.house.audit.show(limit=10_000))[::-1]


def cli(*words: str, stdin: str = "", name: str = "") -> Callable[[Scene], None]:
    """A command; `{x}` in its words is the id that the answer kept as x has."""

    def run(scene: Scene) -> None:
        answers = {key: kept for key, kept in scene.kept.items() if isinstance(kept, dict)}
        ids = {key: kept.get("id") or next(iter(kept.get("ids", [""]))) for key, kept in answers.items()}
        scene.command(*(word.format(**ids) for word in words), stdin=stdin, name=name)

    return run


def dav(user: str, method: str, path: str, status: int, body: bytes = b"", **headers: str) -> Callable[[Scene], None]:
    def ask(scene: Scene) -> None:
        answer = scene.dav(user, method, path, body, **headers)
        assert answer.status == status, (method, path, answer)

    return ask


def guess(user: str) -> Callable[[Scene], None]:
    def ask(scene: Scene) -> None:
        assert scene.dav(user, "PROPFIND", "ba05/", password=f"falsch{EVIL}", depth="0").status == 401

    return ask


def signing(password: str, status: int) -> Callable[[Scene], None]:
    def ask(scene: Scene) -> None:
        assert scene.sign_in(password) == status

    return ask


def sign_out(scene: Scene) -> None:
    assert scene.sign_out() == 200


def into(name: str, *words: str) -> Callable[[Scene], None]:
    """A command whose last word is a place beside the house."""
    return lambda scene: scene.command(*words, str(scene.house.directory.parent / name))


def meet_damage(scene: Scene) -> None:
    """Somebody reads what was lost on the disk."""
    for place in sealed(scene.house.directory).values():
        place.remove()
    assert scene.dav("anna", "GET", f"{FOLDER}/Brief.txt").status == 500


ACL = b"""<D:acl xmlns:D="DAV:"><D:ace><D:principal><D:href>/dav/.principals/users/otto/</D:href></D:principal>
<D:grant><D:privilege><D:read/></D:privilege></D:grant></D:ace></D:acl>"""
PATCH = b'<D:propertyupdate xmlns:D="DAV:"><D:set><D:prop><x xmlns="urn:x">1</x></D:prop></D:set></D:propertyupdate>'
LOCK = (
    b'<D:lockinfo xmlns:D="DAV:"><D:lockscope><D:exclusive/></D:lockscope><D:locktype><D:write/></D:locktype>'
    b"<D:owner>x</D:owner></D:lockinfo>"
)
HOST = "command:root"
CLERK, MEMBER, NOBODY = "user:anna", "user:otto", "anonymous:"


def nowhere(does: Callable[[Scene], object], who: str, what: str, result: str = "ok") -> Event:
    """Of accounts and logins, which lie at no node."""
    return Event(does, who, what, result, at_a_node=False)


def label(*words: str, name: str = "") -> Callable[[Scene], None]:
    return cli("label", f"{FOLDER}/Brief.txt", *words, name=name)


EVENTS = (
    nowhere(cli("user", "add", "paula", "--name", "Paula"), HOST, "user-add"),
    nowhere(cli("user", "passwd", "anna", "--password-stdin", stdin=PASSWORD + "\n"), HOST, "user-passwd"),
    nowhere(cli("user", "passwd", "otto", "--password-stdin", stdin=PASSWORD + "\n"), HOST, "user-passwd"),
    nowhere(cli("app-password", "create", "otto", "--label", EVIL, name="app"), HOST, "app-password-create"),
    nowhere(cli("app-password", "revoke", "{app}"), HOST, "app-password-revoke"),
    nowhere(cli("app-password", "create", "anna", "--label", "Rechner", name="kept"), HOST, "app-password-create"),
    Event(dav("anna", "MKCOL", f"{FOLDER}/Mappe", 201), CLERK, "make"),
    Event(dav("anna", "PUT", f"{FOLDER}/Brief.txt", 201, b"eins"), CLERK, "put"),
    Event(dav("anna", "PUT", f"{FOLDER}/Brief.txt", 204, b"zwei"), CLERK, "put"),
    Event(dav("anna", "COPY", f"{FOLDER}/Brief.txt", 201, destination=f"/dav/{FOLDER}/Kopie.txt"), CLERK, "copy"),
    Event(dav("anna", "MOVE", f"{FOLDER}/Kopie.txt", 201, destination=f"/dav/{FOLDER}/Zug.txt"), CLERK, "move"),
    Event(dav("anna", "DELETE", f"{FOLDER}/Zug.txt", 204), CLERK, "delete"),
    Event(dav("anna", "PROPPATCH", f"{FOLDER}/Brief.txt", 207, PATCH), CLERK, "properties"),
    Event(dav("otto", "PUT", "ba05/Fremd.txt", 403, b"x"), MEMBER, "refuse", "refused"),
    Event(dav("otto", "DELETE", FOLDER, 403), MEMBER, "refuse", "refused"),
    Event(dav("otto", "ACL", FOLDER, 403, ACL), MEMBER, "refuse", "refused"),
    Event(dav("anna", "ACL", f"{FOLDER}/Mappe", 200, ACL), CLERK, "acl"),
    nowhere(guess("otto"), MEMBER, "login", "refused"),
    nowhere(guess("niemand"), NOBODY, "login", "refused"),
    nowhere(guess(f"x{EVIL}"), NOBODY, "login", "refused"),
    nowhere(signing("falsch", 403), MEMBER, "login", "refused"),
    nowhere(signing(PASSWORD, 303), MEMBER, "sign-in"),
    nowhere(sign_out, MEMBER, "sign-out"),
    Event(label("--class", "non_public"), HOST, "label"),
    Event(dav("anna", "GET", f"{FOLDER}/Brief.txt", 200), CLERK, "read"),
    Event(label("--class", "public", name="proposal"), HOST, "propose"),
    Event(cli("binding", "add", f"{FOLDER}/Brief.txt", "2026-12-07/4.2.1"), HOST, "binding-add"),
    Event(cli("binding", "remove", f"{FOLDER}/Brief.txt", "2026-12-07/4.2.1"), HOST, "binding-remove"),
    Event(dav("anna", "LOCK", f"{FOLDER}/Brief.txt", 200, LOCK), CLERK, "lock"),
    Event(cli("entry", "add", f"{FOLDER}/Mappe", "user:paula", "read", name="entry"), HOST, "entry-add"),
    Event(cli("entry", "remove", "ba05", "{entry}"), HOST, "entry-remove"),
    nowhere(cli("recuse", "otto", ITEM, name="recusal"), HOST, "recuse"),
    nowhere(cli("recusal", "end", "{recusal}", name="ended"), HOST, "recusal-end"),
    Event(cli("hold", "add", f"{FOLDER}/Mappe", "--until", "2030-01-01", "--reason", EVIL, name="hold"), HOST, "hold"),
    Event(cli("hold", "end", "{hold}", name="ended"), HOST, "hold-end"),
    Event(cli("link", "create", f"{FOLDER}/Mappe", "--label", EVIL, name="link"), CLERK, "link", as_clerk=True),
    nowhere(cli("link", "revoke", "{link}", name="ended"), HOST, "link-revoke"),
    Event(cli("share", "add", f"{FOLDER}/Mappe", "--with", "user:paula", name="share"), CLERK, "share", as_clerk=True),
    Event(cli("share", "end", "{share}", name="ended"), CLERK, "unshare", as_clerk=True),
    nowhere(cli("trash", "list", "ba05", name="trash"), HOST, "act-as"),
    nowhere(cli("user", "disable", "otto"), HOST, "user-disable"),
    nowhere(cli("rotate-keys"), HOST, "rotate-root"),
    nowhere(into("copy", "backup"), HOST, "backup"),
    nowhere(into("paula.zip", "user", "export", "paula", "--purpose", "Az. 1", "--to"), HOST, "user-export"),
    nowhere(cli("user", "erase", "paula", "--confirm", "paula"), HOST, "user-erase"),
    Event(meet_damage, "server:store", "damage", "damaged"),
)
QUIET = (
    dav("anna", "GET", f"{FOLDER}/Brief.txt", 200),  # the same version again within ten minutes
    dav("anna", "PROPFIND", f"{FOLDER}/", 207, depth="1"),
    dav("anna", "GET", "ba05/gibt-es-nicht.txt", 404),
    lambda scene: call(scene.worker, "PROPFIND", "/dav/ba05/", depth="0"),  # nobody: he is asked to log in
    lambda scene: call(scene.worker, "DELETE", f"/dav/{FOLDER}"),
)
"""What is no event, and must not drown those that are."""


@pytest.fixture
def scene(peopled: Run, house: House, capsys: pytest.CaptureFixture[str]) -> Iterator[Scene]:
    served = House.open(house.directory, house.key, house.settings)
    worker = Worker(served)

    def heard() -> object:
        worker.lines.flush()
        return capsys.readouterr()

    yield Scene(peopled, house, served, worker, Client(worker), heard)
    worker.close()


def test_forty_events_leave_forty_lines(scene: Scene) -> None:
    """Each says who did what, when, at which node and with what result; nothing in them can break a line or a terminal.

    No password, token or title is in any, and the chain holds over all.
    """
    assert len(EVENTS) >= 40
    first = scene.lines()[-1]["seq"]
    number = first
    for event in EVENTS:
        event.does(scene)
        new = [line for line in scene.lines() if line["seq"] > number]
        assert len(new) == 1 + event.as_clerk, (event, new)
        *before, line = new
        assert [(one["who"], one["what"], one["detail"]) for one in before] == [
            (HOST, "act-as", "anna")
        ] * event.as_clerk
        number = line["seq"]
        assert (line["who"], line["what"], line["result"]) == (event.who, event.what, event.result), line
        assert abs(line["at"] - scene.house.clock()) < 60_000_000
        assert bool(line["node"] and line["share"] == "ba05") == event.at_a_node, line
    lines = scene.lines()
    text = json.dumps(lines, ensure_ascii=False)
    assert all(str(value).isprintable() for line in lines for value in line.values())
    for secret in (
        PASSWORD,
        "falsch",
        "chef",
        "Brief",
        "Mappe",
        scene.kept["link"]["token"],
        scene.kept["kept"]["password"],
    ):
        assert secret not in text
    assert scene.house.audit.verify() == (len(lines), None)


def test_what_is_no_event_leaves_no_line(scene: Scene) -> None:
    """Looking around, asking again, and asking without a name."""
    for event in EVENTS[:25]:
        event.does(scene)
    before = scene.lines()
    for does in QUIET:
        does(scene)
    assert scene.lines() == before


def test_a_refusal_asked_again_leaves_no_second_line(scene: Scene) -> None:
    """Programs try for ever; once in ten minutes for an asker, node and right is enough."""
    for event in EVENTS[:7]:
        event.does(scene)
    before = len(scene.lines())
    for _ in range(5):
        dav("otto", "PUT", "ba05/Fremd.txt", 403, b"x")(scene)
    assert len(scene.lines()) == before + 1


def test_the_head_is_kept_elsewhere(peopled: Run, tmp_path: Path) -> None:
    """`audit head` prints what `audit verify --heads` is held against; a file without any is no proof of anything."""
    known = tmp_path / "syslog"
    known.write_text(f"Nov 26 15:42:31 host gremium: {peopled('audit', 'head').out}")
    assert peopled("audit", "verify", "--heads", known).code == 0
    assert peopled("user", "add", "paula").code == 0
    assert peopled("audit", "verify", "--heads", known).code == 0
    line = peopled("audit", "head", "--json").json["line"]
    known.write_text(f"audit-head line={line} hash={'0' * 64}\n")
    said = peopled("audit", "verify", "--heads", known)
    assert (said.code, f"line {line}: this is not the line" in said.out) == (3, True)
    known.write_text("nothing\n")
    assert peopled("audit", "verify", "--heads", known).code == 1


def test_gc_lets_old_lines_go(peopled: Run, house: House) -> None:
    """As the server does once a day."""
    with house.database.transaction() as connection:
        connection.execute(delete(audit_table))
        connection.execute(delete(setting).where(setting.c.name == "audit-head"))
        old = Audit(house.database, house.keys.secret("audit-chain"), lambda: house.clock() - 200 * DAY)
        old.start(connection)
        old.append(connection, [Line("user:otto", "read", "ba05", 7), Line("user:otto", "put", "ba05", 7)])
    assert peopled("gc").code == 0
    assert [line["what"] for line in house.audit.show()] == ["put"]
    assert peopled("audit", "verify").code == 0
