"""How long the log is kept, and how it is held against what was told outside (issue "Trust", audit)."""

from __future__ import annotations

import socket
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import delete, func, select, update

from davserver.audit import Head
from davserver.heads import Heads, heads_in, written
from davserver.schema import audit as lines_table
from davserver.schema import audit_seal, setting
from shareproviders.contract import Damaged
from tests.login.conftest import Gate

DAYS = 24 * 3600
ACTS = (
    ("user:anna", "read"),
    ("user:anna", "put"),
    ("anonymous:", "login"),
    ("user:anna", "sign-in"),
    ("user:otto", "refuse"),
    ("link:3", "read"),
    ("user:anna", "acl"),
    ("user:anna", "sign-out"),
)


def write(gate: Gate, acts: Sequence[tuple[str, str]] = ACTS) -> None:
    with gate.database.transaction() as connection:
        for number, (who, what) in enumerate(acts):
            gate.audit.note(connection, who, what, share="ba05", node=number + 1)


def there(gate: Gate) -> list[tuple[int, str, str]]:
    with gate.database.read() as connection:
        rows = connection.execute(select(lines_table.c.seq, lines_table.c.who, lines_table.c.what)).all()
    return sorted((row.seq, row.who, row.what) for row in rows)


@pytest.fixture
def cut(gate: Gate) -> Gate:
    """Eight lines of 200 days ago, of which those of access have gone, and eight of today."""
    write(gate)
    gate.clock.advance(200 * DAYS)
    write(gate)
    assert gate.audit.shorten(180, 3650) == 5
    return gate


# -- by purpose ---------------------------------------------------------------------------------------------------


def test_who_read_goes_first_who_changed_stays(cut: Gate) -> None:
    """Reads, logins and refusals of people; not what changed something, not the uses of a link. The chain holds."""
    assert there(cut)[:3] == [(2, "user:anna", "put"), (6, "link:3", "read"), (7, "user:anna", "acl")]
    assert [seq for seq, _, _ in there(cut)[3:]] == list(range(9, 17))
    assert cut.audit.verify() == (11, None)


def test_at_last_everything_goes_and_the_chain_goes_on(cut: Gate) -> None:
    """After `audit_days` nothing of a segment is left but its seal; new lines follow on it."""
    cut.clock.advance(3500 * DAYS)
    assert cut.audit.shorten(180, 3650) == 3 + 5
    assert [seq for seq, _, _ in there(cut)] == [10, 14, 15]
    write(cut)
    assert cut.audit.verify() == (11, None)


def test_cutting_again_cuts_nothing(cut: Gate) -> None:
    before = there(cut)
    assert cut.audit.shorten(180, 3650) == 0
    assert there(cut) == before


def test_the_newest_line_may_go_too(gate: Gate) -> None:
    """A log that nobody wrote to for a long time: its head stays, and the next line follows on it."""
    write(gate, [("user:anna", "put"), ("user:anna", "read")])
    gate.clock.advance(200 * DAYS)
    gate.audit.shorten(180, 3650)
    assert there(gate) == [(1, "user:anna", "put")]
    assert gate.audit.verify() == (1, None)
    write(gate, [("user:anna", "put")])
    assert there(gate)[-1] == (3, "user:anna", "put")
    assert gate.audit.verify() == (2, None)


def test_a_long_log_is_cut_in_segments(gate: Gate, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each transaction looks at so many lines, and each segment has a seal of its own."""
    monkeypatch.setattr("davserver.sealing.SEGMENT", 10)
    for _ in range(4):
        write(gate)
    gate.clock.advance(200 * DAYS)
    assert gate.audit.shorten(180, 3650) == 20
    with gate.database.read() as connection:
        assert connection.execute(select(func.count()).select_from(audit_seal)).scalar_one() == 4
    assert gate.audit.verify() == (12, None)


# -- what is found ------------------------------------------------------------------------------------------------


def alter(gate: Gate, statement: Any) -> None:
    with gate.database.transaction() as connection:
        assert connection.execute(statement).rowcount >= 1


@pytest.mark.parametrize("seq", [2, 6, 7, 9, 12, 16])
def test_a_removed_line_shows_also_where_others_were_cut(cut: Gate, seq: int) -> None:
    """In a sealed segment, at its border, in the open part, and the last."""
    alter(cut, delete(lines_table).where(lines_table.c.seq == seq))
    assert cut.audit.verify()[1] is not None


@pytest.mark.parametrize("column", ["at", "who", "what", "share", "node", "result", "detail", "hash"])
def test_an_altered_line_shows_also_where_others_were_cut(cut: Gate, column: str) -> None:
    values = {"at": 1, "node": 99, "hash": bytes(32)}
    alter(cut, update(lines_table).where(lines_table.c.seq == 6).values({column: values.get(column, "x")}))
    assert cut.audit.verify() == (0, (1, "a sealed line up to 8 was altered"))


@pytest.mark.parametrize("column", ["first", "at", "kept", "hash", "proof"])
def test_an_altered_seal_shows(cut: Gate, column: str) -> None:
    """Nobody without the key says that lines may be missing."""
    values = {"hash": bytes(32), "proof": bytes(32)}
    alter(cut, update(audit_seal).values({column: values.get(column, 2)}))
    assert cut.audit.verify()[1] is not None


def test_a_removed_seal_shows(cut: Gate) -> None:
    """Also together with all lines that it stood for."""
    alter(cut, delete(audit_seal))
    alter(cut, delete(lines_table).where(lines_table.c.seq <= 8))
    assert cut.audit.verify() == (0, (1, "a line is missing"))


def test_a_broken_log_is_not_cut(gate: Gate) -> None:
    """A cut would wipe the trace away."""
    write(gate)
    alter(gate, update(lines_table).where(lines_table.c.seq == 2).values(who="user:otto"))
    gate.clock.advance(200 * DAYS)
    before = there(gate)
    with pytest.raises(Damaged, match="broken at line 2"):
        gate.audit.shorten(180, 3650)
    assert there(gate) == before


# -- against what was told outside --------------------------------------------------------------------------------


def test_a_log_that_was_set_back_as_a_whole_shows(gate: Gate) -> None:
    """Lines and head restored from an older copy are whole in themselves; only what others have read tells."""
    write(gate)
    with gate.database.read() as connection:
        old = connection.execute(select(setting.c.value).where(setting.c.name == "audit-head")).scalar_one()
    write(gate)
    told = gate.audit.head()
    alter(gate, delete(lines_table).where(lines_table.c.seq > 8))
    alter(gate, update(setting).where(setting.c.name == "audit-head").values(value=old))
    assert gate.audit.verify() == (8, None)
    assert gate.audit.verify([told]) == (8, (9, "the newest lines are missing"))
    gate.clock.advance(60)
    write(gate)
    assert gate.audit.verify([told]) == (15, (16, "this is not the line that was told outside"))


def test_heads_that_were_told_before_a_cut_still_count(gate: Gate) -> None:
    """Where the line itself is still there, or ends its segment; of others nothing can be said, and nothing is."""
    told = []
    for act in ACTS:
        write(gate, [act])
        told.append(gate.audit.head())
    gate.clock.advance(200 * DAYS)
    gate.audit.shorten(180, 3650)
    assert gate.audit.verify(told) == (3, None)
    for number in (2, 8):
        wrong = [Head(number, bytes(32))]
        assert gate.audit.verify(wrong) == (0, (number, "this is not the line that was told outside"))


def test_the_head_is_told_when_it_has_moved(gate: Gate) -> None:
    """In the server's log; once, until something is noted again."""
    said: list[object] = []
    heads = Heads(gate.audit, said.append, "")
    write(gate)
    heads.tell()
    heads.tell()
    assert said == [{"event": "audit-head", "line": 8, "hash": gate.audit.head().hash.hex()}]
    write(gate)
    heads.tell()
    assert len(said) == 2


@pytest.mark.parametrize("kind", ["path", "udp"])
def test_the_head_reaches_syslog(gate: Gate, tmp_path: Path, kind: str) -> None:
    """On this machine by its socket, on another by UDP; facility authpriv, severity info (RFC 3164 §4.1.1)."""
    family = socket.AF_UNIX if kind == "path" else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as syslog:
        syslog.bind(str(tmp_path / "log") if kind == "path" else ("127.0.0.1", 0))
        syslog.settimeout(10)
        named = str(tmp_path / "log") if kind == "path" else f"127.0.0.1:{syslog.getsockname()[1]}"
        write(gate)
        Heads(gate.audit, lambda _: None, named).tell()
        line = syslog.recv(1000).decode().rstrip("\0")
    head = gate.audit.head()
    assert line == f"<86>gremium: {written(head)}"
    assert list(heads_in([f"Nov 26 15:42:31 host {line[4:]}"])) == [head]


def test_a_syslog_that_is_away_stops_nothing(gate: Gate, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    write(gate)
    Heads(gate.audit, lambda _: None, str(tmp_path / "nobody")).tell()
    assert "did not reach syslog" in caplog.text


FORMS: tuple[Callable[[Head], str], ...] = (
    written,
    lambda head: f'{{"time": "x", "event": "audit-head", "line": {head.seq}, "hash": "{head.hash.hex()}"}}',
    lambda head: f"event=audit-head line={head.seq} hash={head.hash.hex()}",
)


@pytest.mark.parametrize("form", FORMS)
def test_heads_are_found_in_every_log(form: Callable[[Head], str]) -> None:
    """As the command prints it, as JSON, and as the log for people has it."""
    head = Head(17, bytes(range(32)))
    assert list(heads_in(["nothing", form(head)])) == [head]
