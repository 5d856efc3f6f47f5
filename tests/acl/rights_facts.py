"""Facts of one small share, drawn at random for the laws of a decision."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, NamedTuple

from hypothesis import strategies as st
from rights_scenario import CONFIG

from acl.engine import Engine, View
from acl.entries import Entry
from acl.holds import Hold
from acl.labels import NEVER, ON_CREATION, Classification, Label
from acl.links import Link, LinkKind
from acl.mandates import ROLES, Committee, CommitteeKind, Mandate
from acl.meetings import AgendaItem, Meeting, MeetingState
from acl.principals import ANONYMOUS, Ceiling, Channel, Principal, PrincipalKind
from acl.privileges import NAMES, Rights, parse_rights
from acl.recusals import Effect, Recusal
from acl.roles import RoleTable
from acl.rules import ShareRules, build_rules

ENGINE = Engine(RoleTable.load(CONFIG))
LINEAGES = {1: (1,), 2: (1, 2), 3: (1, 2, 3), 4: (1, 2, 4), 5: (1, 5), 6: (1, 5, 6), 7: (1, 2, 3, 7)}
TIMES = st.integers(1, 20)
EDGES = st.none() | TIMES
NODES = st.sampled_from(sorted(LINEAGES))
PEOPLE = st.sampled_from(["otto", "anna"])
SUBJECTS = st.sampled_from(
    ["user:otto", "user:anna", "role:member", "role:clerk", "committee:ba05", "committee:ba06", "authenticated", "all"]
)
MAKERS = st.sampled_from(["", "", "user:otto", "user:anna"])
MATTERS = [bytes([number] * 16) for number in (1, 2)]


class Facts(NamedTuple):
    committee: Committee
    mandates: tuple[Mandate, ...]
    undertakings: dict[str, int]
    labels: dict[int, Label]
    entries: tuple[Entry, ...]
    meetings: tuple[Meeting, ...] = ()
    agenda: tuple[AgendaItem, ...] = ()
    bindings: dict[int, frozenset[int]] = {}  # noqa: RUF012 (never changed)
    recusals: tuple[Recusal, ...] = ()
    links: tuple[Link, ...] = ()
    holds: tuple[Hold, ...] = ()

    def rules(self) -> ShareRules:
        return build_rules(
            self.committee,
            mandates=self.mandates,
            undertakings=self.undertakings,
            labels=self.labels,
            entries=self.entries,
            places=LINEAGES,
            meetings=self.meetings,
            agenda=self.agenda,
            bindings=self.bindings,
            recusals=self.recusals,
            links=self.links,
            holds=self.holds,
        )


@st.composite
def entries(draw: st.DrawFn, *, deny: bool | None = None) -> Entry:
    """One entry; the list numbers it."""
    denies = draw(st.booleans()) if deny is None else deny
    words = draw(st.sets(st.sampled_from(sorted(NAMES)), min_size=1, max_size=4))
    cuts = not denies and draw(st.booleans())
    rights = parse_rights(words, deny=denies)
    maker = "" if denies or cuts else draw(MAKERS)
    inbox = not denies and draw(st.integers(0, 3)) == 0
    return Entry(
        draw(NODES), draw(SUBJECTS), rights, denies, cuts, draw(EDGES), draw(EDGES), maker=maker, drop_own=inbox
    )


def numbered(some: list[Any]) -> tuple[Any, ...]:
    """With ids from 1."""
    return tuple(replace(one, id=number) for number, one in enumerate(some, 1))


LABELS = st.builds(
    Label,
    st.none() | st.sampled_from(Classification),
    st.none() | st.sampled_from([ON_CREATION, NEVER]) | TIMES,
    EDGES,
    st.none(),
    EDGES,
    st.none() | st.sampled_from([*MATTERS, b"".join(MATTERS)]),
)
COMMITTEES = st.builds(
    Committee,
    st.just("ba05"),
    st.just("BA 5"),
    st.sampled_from(CommitteeKind),
    st.sampled_from(Classification),
    st.booleans(),
    st.booleans(),
    st.booleans(),
)
MANDATES = st.builds(Mandate, st.sampled_from(["ba05", "ba06"]), PEOPLE, st.sampled_from(ROLES), TIMES, EDGES)
DAY = 86_400_000_000
MEETINGS = st.fixed_dictionaries(
    {
        "start": st.integers(1 - DAY, 20 - DAY),
        "state": st.sampled_from([MeetingState.PLANNED, MeetingState.CLOSED, MeetingState.CANCELLED]),
        "node": st.none() | NODES,
        "closed_at": EDGES,
        "approved_at": st.none() | st.integers(1 - DAY, 20 - DAY),
    }
)


def meeting(name: str, drawn: dict[str, Any]) -> Meeting:
    """A meeting that ends by itself within the times that are tried, or a little later."""
    return Meeting("ba05", name, "", end=drawn["start"] + 1, **drawn)


POINTS = st.builds(
    AgendaItem,
    st.just("ba05"),
    st.sampled_from(["m1", "m2"]),
    st.just("1"),
    st.just(""),
    st.booleans(),
    st.none(),
    st.just(0),
    st.none() | NODES,
    st.none() | st.sampled_from(MATTERS),
)


@st.composite
def recusals(draw: st.DrawFn, person: str | None = None) -> Recusal:
    """By one of three agenda items or two matters."""
    point = draw(st.none() | st.integers(1, 3))
    mark = draw(st.sampled_from(MATTERS)) if point is None else None
    who = draw(PEOPLE) if person is None else person
    return Recusal("ba05", who, point, mark, draw(TIMES), draw(EDGES), draw(st.sampled_from(Effect)), "", 0)


@st.composite
def links(draw: st.DrawFn) -> Link:
    """By one of the two people, for nothing in particular."""
    rights = parse_rights(draw(st.sets(st.sampled_from(sorted(NAMES)), min_size=1, max_size=4)))
    kind, maker = draw(st.sampled_from(LinkKind)), draw(st.sampled_from(["user:otto", "user:anna"]))
    most = draw(st.sampled_from(Classification))
    link = Link("ba05", draw(NODES), kind, b"", rights, most, maker, draw(TIMES), draw(EDGES))
    return replace(link, revoked=draw(EDGES))


HOLDS = st.builds(Hold, st.just("ba05"), NODES, TIMES, EDGES, st.just("user:anna"), st.just(0))
FACTS = st.builds(
    Facts,
    COMMITTEES,
    st.lists(MANDATES, max_size=4).map(tuple),
    st.dictionaries(PEOPLE, TIMES),
    st.dictionaries(NODES, LABELS, max_size=5),
    st.lists(entries(), max_size=5).map(numbered),
    st.tuples(MEETINGS, MEETINGS).map(lambda two: (meeting("m1", two[0]), meeting("m2", two[1]))),
    st.lists(POINTS, max_size=3).map(numbered),
    st.dictionaries(NODES, st.frozensets(st.integers(1, 3), min_size=1), max_size=2),
    st.lists(recusals(), max_size=3).map(numbered),
    st.lists(links(), max_size=1).map(numbered),
    st.lists(HOLDS, max_size=2).map(numbered),
)
CEILINGS = st.builds(
    Ceiling,
    st.just("app-password"),
    st.sampled_from([Rights.ALL, Rights.READ, Rights.WRITE]),
    st.sampled_from(Classification),
    st.sampled_from([(), (("ba05", 3),), (("ba05", 2), ("ba06", 5))]),
)
LINK = Principal(PrincipalKind.LINK, "1")
ASKERS = st.sampled_from([ANONYMOUS, LINK]) | st.builds(
    Principal, st.just(PrincipalKind.USER), PEOPLE, st.just(""), st.booleans(), st.just(Ceiling()) | CEILINGS
)
CHANNELS = st.sampled_from(Channel)


def all_granted(rules: ShareRules, who: Principal, at: int, channel: Channel) -> dict[int, int]:
    """Rights at every node."""
    view = View(rules, ENGINE, who, channel)
    return {node: int(view.granted(lineage, at).rights) for node, lineage in LINEAGES.items()}
