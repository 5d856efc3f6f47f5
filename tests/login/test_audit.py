"""The audit log: chained, append-only, reads once and in batches, lines that cannot be broken (security.md S-61)."""

from __future__ import annotations

import pytest
from sqlalchemy import delete, func, select, update

from davserver.audit import ReadLog
from davserver.schema import audit as audit_table
from davserver.schema import setting
from tests.login.conftest import Gate


def note(gate: Gate, count: int = 5) -> None:
    with gate.database.transaction() as connection:
        for number in range(count):
            gate.audit.note(connection, "user:anna", "put", share="ba05", node=number + 1)


def lines(gate: Gate) -> int:
    with gate.database.read() as connection:
        count: int = connection.execute(select(func.count()).select_from(audit_table)).scalar_one()
    return count


def test_an_untouched_chain_verifies(gate: Gate) -> None:
    """From the empty log on."""
    assert gate.audit.verify() == (0, None)
    note(gate)
    note(gate)
    assert gate.audit.verify() == (10, None)


@pytest.mark.parametrize("seq", [1, 3, 5])
def test_a_removed_line_shows(gate: Gate, seq: int) -> None:
    """First, middle and last."""
    note(gate)
    with gate.database.transaction() as connection:
        connection.execute(delete(audit_table).where(audit_table.c.seq == seq))
    _, broken = gate.audit.verify()
    assert broken is not None
    assert broken.seq == seq


@pytest.mark.parametrize("column", ["at", "who", "what", "share", "node", "result", "detail", "hash"])
def test_an_altered_line_shows(gate: Gate, column: str) -> None:
    """Every column is under the hash."""
    note(gate)
    values = {"at": 1, "node": 99, "hash": bytes(32)}
    with gate.database.transaction() as connection:
        connection.execute(update(audit_table).where(audit_table.c.seq == 2).values({column: values.get(column, "x")}))
    assert gate.audit.verify() == (1, (2, "a line was altered"))


def test_a_cut_tail_shows_even_with_a_head_without_key(gate: Gate) -> None:
    """The head carries a MAC: number and hash of an older line do not make one."""
    note(gate)
    with gate.database.transaction() as connection:
        last = connection.execute(select(audit_table.c.hash).where(audit_table.c.seq == 4)).scalar_one()
        connection.execute(delete(audit_table).where(audit_table.c.seq == 5))
        forged = (4).to_bytes(8, "big") + last + bytes(32)
        connection.execute(update(setting).where(setting.c.name == "audit-head").values(value=forged))
    _, broken = gate.audit.verify()
    assert broken is not None


def test_a_line_stands_only_if_its_change_stands(gate: Gate) -> None:
    """In the caller's transaction: a rollback takes the line and its number along."""
    note(gate)
    with pytest.raises(ZeroDivisionError), gate.database.transaction() as connection:
        gate.audit.note(connection, "user:anna", "delete", share="ba05", node=1)
        raise ZeroDivisionError
    note(gate, 1)
    assert gate.audit.verify() == (6, None)


def test_controls_cannot_forge_a_line(gate: Gate) -> None:
    """CR, LF and ANSI are encoded."""
    with gate.database.transaction() as connection:
        gate.audit.note(connection, "user:anna", "login", detail="a\r\nb\x1b[31mc\u2028d ü")
    (line,) = gate.audit.show()
    assert line["detail"] == "a\\r\\nb\\x1b[31mc\\u2028d ü"


def test_a_read_is_noted_once_per_reader_version_and_ten_minutes(gate: Gate) -> None:
    """Over all workers."""
    one = ReadLog(gate.audit, gate.database, gate.clock)
    two = ReadLog(gate.audit, gate.database, gate.clock)
    for reads in (one, two, one):
        for _ in range(10):
            reads.note("user:anna", "ba05", 7, "v1")
        reads.flush()
        gate.clock.advance(60)
    assert lines(gate) == 1
    one.note("user:anna", "ba05", 7, "v2")
    one.note("user:otto", "ba05", 7, "v1")
    assert one.flush() == 2
    gate.clock.advance(10 * 60)
    one.note("user:anna", "ba05", 7, "v1")
    assert one.flush() == 1
    assert gate.audit.verify() == (4, None)


def test_damage_is_noted_once_a_day_for_a_version(gate: Gate) -> None:
    """Over all workers and whoever meets it; a version that was put back and damaged again is another one (S-29)."""
    one = ReadLog(gate.audit, gate.database, gate.clock)
    two = ReadLog(gate.audit, gate.database, gate.clock)
    for reads in (one, two, one):
        for _ in range(100):
            reads.damaged("ba05", 7, "v1: it is missing")
        reads.flush()
        gate.clock.advance(3600)
    (line,) = gate.audit.show()
    assert (line["who"], line["what"], line["result"]) == ("server:store", "damage", "damaged")
    assert (line["share"], line["node"], line["detail"]) == ("ba05", 7, "v1: it is missing")
    two.damaged("ba05", 7, "v2: it is missing")
    two.damaged("ba05", 8, "v1: it is missing")
    assert two.flush() == 2
    gate.clock.advance(86400)
    two.damaged("ba05", 7, "v1: it is missing")
    assert two.flush() == 1


def test_reads_wait_for_flush_and_cost_one_transaction(gate: Gate) -> None:
    """Batched: nothing is written before, everything in one step after."""
    reads = ReadLog(gate.audit, gate.database, gate.clock)
    before = gate.database.committed()
    for number in range(50):
        reads.note("user:anna", "ba05", number + 1, "v")
    assert gate.database.committed() == before
    assert reads.flush() == 50
    assert gate.audit.verify() == (50, None)
