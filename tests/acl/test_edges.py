"""An answer dies at its next time edge: of meetings, recusals, represented chairs, links and makers (rights.md §2)."""

from __future__ import annotations

import pytest
from rights_scenario import CONFIG, instant

from acl.calendar import MIDNIGHT, on_next_day
from acl.engine import AccessRequest, Engine, View
from acl.entries import Entry
from acl.labels import Classification, Label
from acl.lending import makers_here
from acl.links import Link, LinkKind
from acl.mandates import Committee, Mandate
from acl.meetings import CLOSES_ITSELF, AgendaItem, Meeting, MeetingState, deciding
from acl.principals import Channel, Principal, PrincipalKind
from acl.privileges import Rights
from acl.recusals import Effect, Recusal
from acl.roles import RoleTable
from acl.rules import ShareRules, build_rules
from acl.standing import standing_at

ENGINE = Engine(RoleTable.load(CONFIG))
PAPER = (1, 2)


def rules() -> ShareRules:
    """Node 2 is the folder of item 1, whose chair is recused for a while; node 3 concerns nothing."""
    return build_rules(
        Committee("ba05", "BA 5", has_meetings=False),
        mandates=[
            Mandate("ba05", "vera", "chair", 5, 60),
            Mandate("ba05", "paul", "vice_chair", 0),
            Mandate("ba05", "otto", "member", 0, 90),
            Mandate("ba05", "eva", "member", 0),
        ],
        agenda=[AgendaItem("ba05", "vg", "1", "", True, id=1, node=2)],
        entries=[Entry(3, "user:fremd", Rights.READ, id=1, maker="user:otto"), Entry(4, "user:fremd", Rights.VIEW)],
        recusals=[
            Recusal("ba05", "vera", 1, None, 20, 40, Effect.BOTH, "", 0, 1),
            Recusal("ba05", "otto", 1, None, 30, None, Effect.DOCUMENTS, "", 0, 2),
            Recusal("ba05", "eva", 1, None, 35, None, Effect.DISCUSSION, "", 0, 3),
        ],
        links=[
            Link("ba05", 3, LinkKind.LINK, b"", Rights.READ, Classification.RESTRICTED, "user:otto", 10, 70, revoked=65)
        ],
        places={2: (1, 2), 3: (1, 3), 4: (1, 4)},
    )


def edges(who: Principal, lineage: tuple[int, ...], channel: Channel = Channel.DAV) -> list[int]:
    """Every edge that the answers name, one after the other, also by a view that keeps its answers."""
    at, found = 1, list[int]()
    kept = View(rules(), ENGINE, who, channel)
    while (until := ENGINE.granted(rules(), who, at, channel, lineage).until) is not None:
        assert kept.granted(lineage, at) == ENGINE.granted(rules(), who, at, channel, lineage)
        found.append(until)
        at = until
    return found


@pytest.mark.parametrize(
    ("person", "lineage", "expected"),
    [
        ("paul", (1, 2), [5, 20, 40, 60]),
        ("paul", (1, 3), [5, 60, 90]),
        ("vera", (1, 2), [5, 20, 40, 60]),
        ("vera", (1, 4), [5, 60]),
        ("otto", (1, 2), [30, 90]),
        ("otto", (1, 4), [90]),
        ("eva", (1, 2), []),
        ("fremd", (1, 2), []),
        ("fremd", (1, 3), [90]),
    ],
)
def test_edges_of_people(person: str, lineage: tuple[int, ...], expected: list[int]) -> None:
    """Who stands in for a chair watches his windows; a share ends with its maker; a discussion is no edge."""
    assert edges(Principal(PrincipalKind.USER, person), lineage) == expected


def test_what_is_shared_with_somebody_is_found_by_the_clock() -> None:
    """Only inside shares that speak of the asker and run now; entries by office are no shares."""
    shared = build_rules(
        Committee("ba05", "BA 5"),
        entries=[
            Entry(2, "user:fremd", Rights.READ, start=10, end=20, maker="user:otto"),
            Entry(3, "user:fremd", Rights.READ),
            Entry(4, "user:eva", Rights.READ, maker="user:otto"),
        ],
        places={2: PAPER},
    )
    view = View(shared, ENGINE, Principal(PrincipalKind.USER, "fremd"), Channel.DAV)
    assert [view.shared(at) for at in (9, 10, 19, 20)] == [frozenset(), {2}, {2}, frozenset()]


def test_a_single_decision_names_the_edge_of_the_page() -> None:
    """What may be discovered by itself does not wait for what lies beneath."""
    nested = build_rules(
        Committee("ba05", "BA 5", has_meetings=False),
        mandates=[Mandate("ba05", "otto", "member", 0)],
        labels={2: Label(release_at=0), 3: Label(close_at=50)},
        places={2: PAPER, 3: (1, 2, 3)},
    )
    who = Principal(PrincipalKind.USER, "otto")
    asked = AccessRequest(who, Rights.READ, "ba05", PAPER, 10, Channel.DAV)
    assert ENGINE.decide(nested, asked).until is None
    assert ENGINE.granted(nested, who, 10, Channel.DAV, PAPER).until is None


def test_who_has_left_is_known_as_such_from_that_minute_on() -> None:
    """Only what was held here and has ended leaves an office behind; it is told to nobody else."""
    held = build_rules(
        Committee("ba05", "BA 5"),
        mandates=[
            Mandate("ba05", "otto", "member", 0, 50),
            Mandate("ba06", "eva", "member", 0, 50),
            Mandate("ba05", "karl", "member", 90),
        ],
    )

    def offices(person: str, at: int) -> list[str]:
        standing = standing_at(ENGINE.roles, held, Principal(PrincipalKind.USER, person), at)
        return [office.role for office in standing.offices]

    assert [offices("otto", at) for at in (49, 50)] == [["member", "citizen"], ["former_member", "citizen"]]
    assert offices("eva", 60) == offices("karl", 60) == ["citizen"]


def test_what_an_inbox_gives_at_itself_does_not_hold_for_what_lies_in_it() -> None:
    """The door asks for the one or the other; neither counts what only lies beneath."""
    inbox = build_rules(
        Committee("ba05", "BA 5"),
        entries=[
            Entry(2, "user:otto", Rights.READ, drop_own=True),
            Entry(3, "user:otto", Rights.READ),
        ],
        places={2: PAPER, 3: (1, 4, 3)},
    )
    view = View(inbox, ENGINE, Principal(PrincipalKind.USER, "otto"), Channel.DAV)
    assert view.inherited(PAPER, 10).rights & Rights.BIND
    assert view.inherited(PAPER, 10, beneath=True).rights == Rights.NONE
    assert view.granted((1, 4), 10).rights & Rights.DISCOVER
    assert view.inherited((1, 4), 10).rights == Rights.NONE


def test_entries_by_office_rest_on_nobody() -> None:
    """Only inside shares and links ask for what their makers may."""
    assert makers_here(rules().regions[4], None) == frozenset()
    assert makers_here(rules().regions[3], None) == {"user:otto"}
    assert makers_here(rules().regions[4], rules().links["0"]) == {"user:otto"}


def test_edges_of_a_link() -> None:
    """Its window, its revocation and its maker's mandate."""
    assert edges(Principal(PrincipalKind.LINK, "0"), (1, 3), Channel.LINK) == [10, 65, 70, 90]


def test_the_edges_of_a_meeting() -> None:
    """The end of the meeting and the midnight after its minutes."""
    held = Meeting("ba05", "vg", "", 100, 200, MeetingState.MINUTES_APPROVED, 2, 50, 300, 400)
    free = build_rules(Committee("ba05", "BA 5", has_meetings=False), meetings=[held], places={2: PAPER})
    who = Principal(PrincipalKind.USER, "otto")
    midnight = on_next_day(400, MIDNIGHT)
    assert free.bound_at(PAPER).concluded_at == 300
    assert ENGINE.granted(free, who, 1, Channel.DAV, PAPER).until == 300
    assert ENGINE.granted(free, who, 300, Channel.DAV, PAPER).until == midnight
    assert ENGINE.granted(free, who, midnight, Channel.DAV, PAPER).until is None


@pytest.mark.parametrize(
    ("at", "midnight", "morning"),
    [
        ("2026-12-07 22:00", "2026-12-08", "2026-12-08 06:00"),
        ("2026-12-08 00:00", "2026-12-09", "2026-12-09 06:00"),
        ("2026-12-08 03:00", "2026-12-09", "2026-12-09 06:00"),
        ("2026-10-24 23:30", "2026-10-25", "2026-10-25 06:00"),
        ("2026-10-25 23:30", "2026-10-26", "2026-10-26 06:00"),
        ("2027-03-27 23:30", "2027-03-28", "2027-03-28 06:00"),
        ("2027-03-28 23:30", "2027-03-29", "2027-03-29 06:00"),
        ("2026-12-31 23:59", "2027-01-01", "2027-01-01 06:00"),
    ],
)
def test_calendar_edges_are_those_of_berlin(at: str, midnight: str, morning: str) -> None:
    """Also in nights of 23 and 25 hours, and always later than the instant asked for."""
    assert on_next_day(instant(at), MIDNIGHT) == instant(midnight)
    assert on_next_day(instant(at), CLOSES_ITSELF) == instant(morning)


def test_a_meeting_that_is_closed_late_was_over_by_itself() -> None:
    """Closing never prolongs; the latest meeting that is not cancelled decides, and of two at once the later id."""
    end = instant("2026-12-07 22:00")
    by_itself = instant("2026-12-08 06:00")
    meeting = Meeting("ba05", "a", "", end - 1, end)
    assert meeting.over_at == by_itself
    assert Meeting("ba05", "a", "", end - 1, end, closed_at=end + 5).over_at == end + 5
    assert Meeting("ba05", "a", "", end - 1, end, closed_at=by_itself + 5).over_at == by_itself
    later = Meeting("ba05", "b", "", end - 1, end)
    last = Meeting("ba05", "0", "", end, end + 1)
    cancelled = Meeting("ba05", "c", "", end + 9, end + 10, MeetingState.CANCELLED)
    assert deciding([later, meeting, cancelled]) is later
    assert deciding([last, later, meeting]) is last
    assert deciding([cancelled]) is None


def test_the_class_of_a_label_stays_beside_a_meeting() -> None:
    """What a meeting adds does not disturb what is inherited."""
    labelled = build_rules(
        Committee("ba05", "BA 5"),
        labels={2: Label(Classification.PERSONAL, 10, 500, 60, 70), 3: Label(review_at=5)},
        meetings=[Meeting("ba05", "vg", "", 100, 200, closed_at=300, node=2)],
        places={2: PAPER, 3: (1, 2, 3)},
    )
    bound = labelled.bound_at((1, 2, 3, 9))
    assert bound[:7] == (Classification.PERSONAL, 10, 500, 5, 70, 300, (1 << 63) - 1)
