"""What `apply` reads: strict keys, Berlin midnights, sizes (contract.md, committees.example.toml)."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from acl.labels import ON_CREATION, Classification
from davserver.declarations import parse_declaration, read_declaration
from davserver.instants import instant, shown
from davserver.keyed import BadDeclaration
from davserver.settings import shipped


def at(*parts: int) -> int:
    """Microseconds of a UTC instant."""
    return int(datetime(*parts, tzinfo=UTC).timestamp()) * 1_000_000  # type: ignore[misc,arg-type]


def test_the_example_is_readable() -> None:
    """config/committees.example.toml says what it means."""
    declaration = read_declaration(shipped("committees.example.toml"))
    assert [person.user for person in declaration.people] == ["anna", "otto"]
    first, archive = declaration.committees
    assert (first.id, first.quota, first.default_class) == ("ba05", 50 * 1024**3, Classification.RESTRICTED)
    assert [mandate.role for mandate in first.mandates] == ["clerk", "member"]
    assert first.mandates[1].end == at(2032, 4, 30, 22)
    assert first.meetings[0].start == at(2026, 12, 7, 18)
    assert first.meetings[0].agenda[0].matter == "20-26 / V 15898"
    assert [(label.path.name, label.release) for label in first.labels] == [("Arbeitsordner", ON_CREATION)]
    assert [entry.rights for entry in first.entries] == [("read", "comment")]
    assert [binding.number for binding in first.bindings] == ["4.2.1"]
    assert [(hold.start, hold.end) for hold in first.holds] == [(at(2026, 4, 30, 22), at(2026, 5, 31, 22))]
    assert [recusal.matter for recusal in declaration.recusals] == ["", "20-26 / B 07538"]
    assert (archive.provider, archive.options, archive.has_meetings) == ("filesystem", {"path": "/srv/archiv"}, False)


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("2026-05-01", at(2026, 4, 30, 22)),
        ("2026-12-01", at(2026, 11, 30, 23)),
        ("2026-12-07T19:00", at(2026, 12, 7, 18)),
        ("2026-12-07T19:00:00+00:00", at(2026, 12, 7, 19)),
        ("2026-10-25T02:30", at(2026, 10, 25, 0, 30)),
        ("2026-10-25T03:30", at(2026, 10, 25, 2, 30)),
    ],
)
def test_dates_are_berlin_midnights(written: str, expected: int) -> None:
    """Summer and winter; in the night of the change the first of two equal times counts."""
    assert instant(written) == expected


def test_instants_are_shown_in_berlin_time() -> None:
    """For people, to the minute."""
    assert shown(at(2026, 12, 7, 18)) == "2026-12-07 19:00"
    assert shown(None) == "–"


COMMITTEE = '[[committee]]\nid = "ba05"\nname = "BA 5"\n'


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[[persons]]\n", "unknown key 'persons'; did you mean 'person'?"),
        ('[[person]]\nuser = "anna"\n', "person anna: the key name is missing"),
        ('[[person]]\nuser = "Anna H"\nname = "x"\n', "is no login name"),
        ('[[person]]\nuser = "a"\nname = "x"\nnmae = "y"\n', "did you mean 'name'?"),
        ('[[person]]\nuser = "a"\nname = "x"\n' * 2, "person a is declared twice"),
        ('[[committee]]\nid = "BA5"\nname = "x"\n', "must be 1 to 32 of a to z"),
        ('[[committee]]\nid = "geteilt"\nname = "x"\n', "uses this name itself"),
        (COMMITTEE + 'quota = "viel"\n', 'must be a size such as "50 GiB"'),
        (COMMITTEE + 'default_class = "geheim"\n', "unknown class 'geheim'; one of: public"),
        (COMMITTEE + 'kind = "x"\n', "must be one of plenary, sub, faction, board"),
        (COMMITTEE + "early_access = 1\n", "must be true or false"),
        (COMMITTEE + '[[committee.mandate]]\nuser = "a"\nrole = "boss"\nstart = 2026-05-01\n', "must be one of clerk"),
        (COMMITTEE + '[[committee.mandate]]\nuser = "a"\nrole = "member"\nstart = "soon"\n', "is no date"),
        (
            COMMITTEE + '[[committee.mandate]]\nuser = "a"\nrole = "member"\nstart = 2026-05-01\nend = 2026-05-01\n',
            "must lie after start",
        ),
        (COMMITTEE + "meeting = 3\n", "must be written as [[…]] tables"),
        ('[[person]]\nuser = "a"\nname = "two\\nlines"\n', "must be a text on one line"),
    ],
)
def test_what_is_wrong_is_named_with_its_place(text: str, told: str) -> None:
    """One sentence: the place, the key, what is possible."""
    with pytest.raises(BadDeclaration) as refused:
        parse_declaration(text)
    assert told in str(refused.value)
    assert "\n" not in str(refused.value)
