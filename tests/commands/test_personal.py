"""What is stored about one person: told to him (Art. 15 GDPR), ended where nothing binds it (Art. 17); record 0059."""

from __future__ import annotations

import base64
import json
import sqlite3
import stat
import zipfile
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import insert

from acl import schema as acl_schema
from davserver import schema
from davserver.app import Worker
from davserver.house import House
from davserver.personal.places import FORMER, PLACES
from shareproviders.filesystem import schema as filesystem_schema
from shareproviders.vault import schema as vault_schema
from tests.commands.conftest import COMMITTEES, Run, Said
from tests.rights.calling import Answer, call

PASSWORD = "Korrekt-Pferd-Batterie-1"
FOLDER, ITEM = "ba05/Arbeitsordner", "ba05/2026-12-07/4.2.1"
PEOPLES = {"user", "person", "by", "principal", "who", "author", "maker", "approved_by"}
"""What columns are called in which a person stands."""
LOCK = (
    b'<D:lockinfo xmlns:D="DAV:"><D:lockscope><D:exclusive/></D:lockscope><D:locktype><D:write/></D:locktype>'
    b"<D:owner>Ottos Rechner</D:owner></D:lockinfo>"
)
Ask = Callable[..., Answer]


@pytest.fixture
def ask(peopled: Run, house: House, capsys: pytest.CaptureFixture[str]) -> Iterator[Ask]:
    """ask(user, method, path, body): through a worker of a running server."""
    for user in ("anna", "otto"):
        assert peopled("user", "passwd", user, "--password-stdin", stdin=PASSWORD + "\n").code == 0
    worker = Worker(House.open(house.directory, house.key, house.settings))

    def request(user: str, method: str, path: str, body: bytes = b"", **headers: str) -> Answer:
        credential = "Basic " + base64.b64encode(f"{user}:{PASSWORD}".encode()).decode()
        answer = call(worker, method, f"/dav/{path}", body, authorization=credential, **headers)
        worker.lines.flush()
        capsys.readouterr()  # what the worker says of it is no command's answer
        return answer

    yield request
    worker.close()


def done(said: Said) -> Any:
    assert said.code == 0, said.err
    return said.json


@pytest.fixture
def lived(peopled: Run, house: House, ask: Ask) -> dict[str, Any]:
    """Otto has been here: papers, devices, shares, a comment, things said about him; the ids that were told."""
    for name in ("Seins", "Verborgen", "Weg"):
        assert ask("otto", "PUT", f"{FOLDER}/{name}.txt", name.encode()).status == 201
    assert ask("otto", "DELETE", f"{FOLDER}/Weg.txt").status == 204
    assert ask("anna", "PUT", f"{FOLDER}/Annas.txt", b"a").status == 201
    assert ask("otto", "LOCK", f"{FOLDER}/Seins.txt", LOCK).status == 200
    told = {
        "app": done(peopled("app-password", "create", "otto", "--label", "Ottos Telefon", "--json")),
        "recusal": done(peopled("recuse", "otto", ITEM, "--json")),
        "entry": done(peopled("entry", "add", f"{FOLDER}/Annas.txt", "user:otto", "write-content", "--json")),
    }
    done(peopled("label", f"{FOLDER}/Verborgen.txt", "--class", "personal", "--json"))
    node = house.share("ba05").stat(_inner("Seins.txt")).id
    sealer = house.keys.sealer("ba05")
    with house.database.transaction() as connection:
        text = sealer.seal("Ottos Meinung", f"comment {node} user:otto 7000000")
        row = {"share": "ba05", "node": node, "author": "user:otto", "at": 7_000_000, "text": text}
        connection.execute(insert(schema.comment).values(row))
        connection.execute(insert(schema.bookmark).values(user="otto", share="ba05", node=node, page=3, at=8_000_000))
        visit = {"newest": 1, "at": 9_000_000, "last_newest": 1, "last_at": 9_000_000}
        connection.execute(insert(schema.visit).values(user="otto", share="ba05", **visit))
        session = {"began": 1, "seen": 2, "device": "Firefox, Linux", "address": "203.0.113.7"}
        connection.execute(insert(schema.session).values(digest=b"s" * 32, user="otto", **session))
        link = {
            "share": "ba05",
            "node": node,
            "kind": "link",
            "token_hash": b"t" * 32,
            "rights": 8,
            "start": 1,
            "at": 1,
        }
        label = sealer.seal("Ottos Zweck", f"link {(b't' * 32).hex()}")
        connection.execute(
            insert(acl_schema.link).values(
                **link, max_class="public", maker="user:otto", label=label, password="argon2"
            )
        )
    return told


def _inner(name: str) -> Any:
    from shareproviders.paths import SharePath

    return SharePath(("Arbeitsordner", name))


def exported(run: Run, place: Path, user: str = "otto") -> tuple[dict[str, Any], str]:
    """What the file holds: for programs, to read."""
    said = run("user", "export", user, "--to", place, "--purpose", "Auskunft, Az. 12/26", "--json")
    assert said.code == 0, said.err
    with zipfile.ZipFile(place) as opened:
        return json.loads(opened.read("data.json")), opened.read("Auskunft.txt").decode()


# -- Art. 15 ----------------------------------------------------------------------------------------------------------


def test_every_column_with_a_person_has_its_fate() -> None:
    """A table that names people and is forgotten here would be forgotten by the answer and by the erasure."""
    tables = [
        table for one in (schema, acl_schema, vault_schema, filesystem_schema) for table in one.metadata.sorted_tables
    ]
    named = {(table.name, column.key) for table in tables for column in table.c if column.key in PEOPLES}
    assert {(place.table.name, place.column) for place in PLACES} == named


def test_the_answer_holds_all_that_is_stored(peopled: Run, lived: dict[str, Any], tmp_path: Path) -> None:
    """Account, offices, devices, sessions, links, rights, comments, papers, reading positions, the log."""
    data, text = exported(peopled, tmp_path / "otto.zip")
    assert data["person"][0]["name"] == "Otto Maier"
    assert (data["mandate"][0]["role"], data["mandate"][0]["share"]) == ("member", "ba05")
    assert data["app_password"][0]["label"] == "Ottos Telefon"
    assert data["session"][0]["device"] == "Firefox, Linux"
    assert data["comment"][0]["text"] == "Ottos Meinung"
    assert data["comment"][0]["path"] == f"{FOLDER}/Seins.txt"
    assert data["link"][0]["label"] == "Ottos Zweck"
    assert data["entry"][0]["rights"] == ["write-content"]
    assert (data["recusal"][0]["meeting"], data["recusal"][0]["number"]) == ("2026-12-07", "4.2.1")
    assert data["bookmark"][0]["page"] == 3
    assert "Ottos Rechner" in data["lock"][0]["owner"]
    assert [(one["done"], one.get("path", "")) for one in data["files"]] == [
        ("written", f"{FOLDER}/Seins.txt"),
        ("written", ""),
        ("written", ""),
        ("deleted", ""),
    ]
    assert {"put", "delete", "lock"} <= {line["what"] for line in data["log"]}
    assert {"recuse", "entry-add", "app-password-create"} <= {line["what"] for line in data["log-about"]}
    assert all(line["who"].startswith("command:") for line in data["log-about"])
    assert "Otto Maier (otto)" in text and "Ottos Meinung" in text and "Anmerkungen / Comments (1)" in text


def test_the_answer_holds_no_secret_and_nothing_of_others(
    peopled: Run, lived: dict[str, Any], house: House, tmp_path: Path
) -> None:
    """No password, token or digest; no name of a paper that he may not see; nobody who acted for the committee."""
    with house.database.transaction() as connection:
        house.audit.note(connection, "user:anna", "mandate-end", share="ba05", detail="otto member")
        house.audit.note(connection, "user:anna", "mandate-end", share="ba05", detail="lotto ottos otto.maier")
    data, text = exported(peopled, tmp_path / "otto.zip")
    whole = json.dumps(data, ensure_ascii=False) + text
    for secret in (
        lived["app"]["password"],
        "argon2",
        (b"s" * 32).hex(),
        (b"t" * 32).hex(),
        "Verborgen",
        "anna",
        "Huber",
    ):
        assert secret not in whole, secret
    assert [line["who"] for line in data["log-about"] if line["what"] == "mandate-end"] == ["somebody else"]


def test_the_answer_is_noted_with_its_purpose(peopled: Run, house: House, tmp_path: Path) -> None:
    """Bound to a purpose, in a new file that its maker alone reads; an account that is shut is told of, too."""
    assert peopled("user", "disable", "otto").code == 0
    exported(peopled, tmp_path / "otto.zip")
    assert stat.S_IMODE((tmp_path / "otto.zip").stat().st_mode) == 0o600
    newest = next(iter(house.audit.show()))
    assert (newest["what"], newest["detail"]) == ("user-export", "otto; Auskunft, Az. 12/26")
    again = ("user", "export", "otto", "--to", tmp_path / "otto.zip")
    assert peopled(*again, "--purpose", "x").code == 1
    assert peopled(*again).code == 2
    assert peopled("user", "export", "niemand", "--to", tmp_path / "n.zip", "--purpose", "x").code == 1
    assert not (tmp_path / "n.zip").exists()


# -- Art. 17 ----------------------------------------------------------------------------------------------------------


def resign(run: Run, house: House, user: str) -> None:
    """His offices have ended."""
    with house.database.transaction() as connection:
        mandate = acl_schema.mandate
        connection.execute(mandate.update().where(mandate.c.person == user).values(end=house.clock() - 1))


@pytest.mark.parametrize(
    ("user", "reason"),
    [
        ("otto", "otto holds the office member in ba05 without an end; end it first"),
        ("anna", "end it first; ba05 would have no clerk"),
        ("niemand", "there is no person niemand"),
    ],
)
def test_who_is_needed_is_not_erased(peopled: Run, user: str, reason: str) -> None:
    """While somebody holds an office, all the more as the last clerk; in one clear sentence."""
    said = peopled("user", "erase", user, "--confirm", user)
    assert (said.code, reason in said.err) == (1, True), said.err


def test_the_last_administrator_is_not_erased(peopled: Run) -> None:
    assert peopled("user", "add", "root", "--admin").code == 0
    said = peopled("user", "erase", "root", "--confirm", "root")
    assert (said.code, "last administrator" in said.err) == (1, True)
    assert peopled("user", "add", "other", "--admin").code == 0
    assert peopled("user", "erase", "root", "--confirm", "root").code == 0


def test_a_name_is_typed_twice(peopled: Run, house: House) -> None:
    resign(peopled, house, "otto")
    assert peopled("user", "erase", "otto").code == 2
    assert peopled("user", "erase", "otto", "--confirm", "anna").code == 1
    assert "otto" in peopled("user", "list").out


def test_what_is_held_keeps_its_author(peopled: Run, house: House, lived: dict[str, Any]) -> None:
    """Who wrote it belongs to what a legal hold holds, in the trash too; after the hold it goes."""
    resign(peopled, house, "otto")
    hold = done(peopled("hold", "add", FOLDER, "--until", "2100-01-01", "--reason", "Klage", "--json"))
    said = peopled("user", "erase", "otto", "--confirm", "otto")
    assert (said.code, "under the legal hold" in said.err) == (1, True), said.err
    assert peopled("hold", "end", str(hold["id"])).code == 0
    assert peopled("user", "erase", "otto", "--confirm", "otto").code == 0


def test_an_erased_person_stands_nowhere_but_in_the_log(
    peopled: Run, house: House, lived: dict[str, Any], ask: Ask, tmp_path: Path
) -> None:
    """Rows and write-ahead log; his papers stay without him, all is whole, and he gets in no more."""
    resign(peopled, house, "otto")
    assert ask("otto", "GET", f"{FOLDER}/Seins.txt").status == 404, "his office has ended"
    facts = done(peopled("user", "erase", "otto", "--confirm", "otto", "--json"))
    assert facts["rows"] >= 10 and facts["renamed"] >= 4 and facts["log_lines"] >= 5
    assert ask("otto", "GET", f"{FOLDER}/Seins.txt").status == 401
    assert ask("anna", "GET", f"{FOLDER}/Seins.txt").body == b"Seins"
    with closing(sqlite3.connect(tmp_path / "drive" / "gremium.db")) as raw:
        for (table,) in raw.execute(
            "SELECT name FROM sqlite_master WHERE type = 'table' AND name != 'audit'"
        ).fetchall():
            rows = raw.execute(f"SELECT * FROM {table}").fetchall()
            found = [row for row in rows if any(isinstance(value, str) and "otto" in value.lower() for value in row)]
            assert found == [], table
        assert {by for (by,) in raw.execute("SELECT DISTINCT by FROM version")} == {FORMER, "user:anna"}
        (link,) = raw.execute("SELECT maker, revoked IS NULL, label, password FROM link").fetchall()
    assert link == (FORMER, 0, None, None)
    for path in (tmp_path / "drive").glob("gremium.db*"):
        assert b"Otto Maier" not in path.read_bytes(), path
    assert peopled("check").code == 0
    assert peopled("audit", "verify").code == 0
    assert [line["detail"] for line in house.audit.show(acts=("user-erase",))] == ["otto"]


def test_a_login_name_is_never_given_again(peopled: Run, house: House, tmp_path: Path) -> None:
    """Lines of the log would tell of somebody else, and the answer to him would hold another's life."""
    resign(peopled, house, "otto")
    assert peopled("user", "erase", "otto", "--confirm", "otto").code == 0
    said = peopled("user", "add", "otto")
    assert (said.code, "never given again" in said.err) == (1, True)
    (tmp_path / "again.toml").write_text(COMMITTEES)
    said = peopled("apply", tmp_path / "again.toml")
    assert (said.code, "otto was erased" in said.err) == (1, True)
