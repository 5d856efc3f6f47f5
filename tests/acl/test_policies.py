"""Policies may grant and object; an error in one means no (law 4); the documented example works as installed."""

from __future__ import annotations

import importlib
import importlib.metadata
import logging
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
from rights_scenario import CONFIG, instant

from acl.engine import AccessRequest, Decision, Engine, View
from acl.labels import Classification, Label
from acl.mandates import Committee, Mandate
from acl.policies import Policy, RequestFacts
from acl.principals import ANONYMOUS, Channel, Principal, PrincipalKind
from acl.privileges import Rights
from acl.roles import RoleTable
from acl.rules import ShareRules, build_rules

EXAMPLE = Path(__file__).parents[2] / "docs" / "examples" / "quiet_hours_policy"
TABLE = RoleTable.load(CONFIG)
OTTO = Principal(PrincipalKind.USER, "otto")
PAPER = (1, 2)


@dataclass
class Stated:
    """A policy that says what the test tells it."""

    name: str = "stated"
    per_node: bool = False
    changes_without_notice: bool = False
    given: Rights = Rights.NONE
    taken: Rights = Rights.NONE
    asked: int = 0

    def grants(self, facts: RequestFacts) -> Rights:
        self.asked += 1
        return self.given

    def forbids(self, facts: RequestFacts) -> Rights:
        return self.taken

    def until(self, facts: RequestFacts) -> int | None:
        return None


class Failing(Stated):
    def forbids(self, facts: RequestFacts) -> Rights:
        raise RuntimeError("the directory does not answer")


class OddNodes(Stated):
    def forbids(self, facts: RequestFacts) -> Rights:
        return Rights.READ if facts.node % 2 else Rights.NONE


def rules() -> ShareRules:
    return build_rules(
        Committee("ba05", "BA 5"),
        mandates=[Mandate("ba05", "otto", "member", 0)],
        undertakings={"otto": 0},
        labels={2: Label(Classification.RESTRICTED, 0), 3: Label(Classification.NON_PUBLIC, 0)},
        places={2: (1, 2), 3: (1, 3)},
    )


def decide(policy: Policy, privilege: Rights, *, at: int = 50, channel: Channel = Channel.DAV) -> Decision:
    request = AccessRequest(OTTO, privilege, "ba05", PAPER, at, channel)
    return Engine(TABLE, [policy]).decide(rules(), request)


def test_a_policy_may_grant() -> None:
    """The reason names it."""
    assert decide(Stated(given=Rights.BIND), Rights.BIND).reasons == ("policy:stated",)


def test_an_objection_wins_over_office_and_grant() -> None:
    """Hard denials come last and win (law 4)."""
    decision = decide(Stated(given=Rights.READ, taken=Rights.READ), Rights.READ)
    assert (decision.allowed, decision.reasons) == (False, ("policy:stated",))


def test_a_grant_is_cut_down_by_class_and_gate() -> None:
    """Ceilings and gate hold for policies too."""
    engine = Engine(TABLE, [Stated(given=Rights.ALL)])
    assert not engine.granted(rules(), OTTO, 50, Channel.DAV, (1, 3)).rights & Rights.LINK
    assert engine.granted(rules(), ANONYMOUS, 50, Channel.DAV, PAPER).rights == Rights.NONE


def test_a_failing_policy_means_no_and_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    """Law 4: an error in a policy means no; it is not kept, and not swallowed."""
    with caplog.at_level(logging.ERROR, "acl.engine"):
        decision = decide(Failing(given=Rights.ALL), Rights.READ)
    assert (decision.allowed, decision.reasons, decision.until) == (False, ("error",), 50)
    assert "the directory does not answer" in caplog.text
    granted = Engine(TABLE, [Failing()]).page(rules(), OTTO, 50, Channel.DAV, (1,), [2, 3, 4])
    assert {one.rights for one in granted} == {Rights.NONE}


def test_a_policy_is_asked_once_for_a_region() -> None:
    """rights.md §4: all nodes of one region share every decision, until the next time edge."""
    policy = Stated()
    view = View(rules(), Engine(TABLE, [policy]), OTTO, Channel.DAV)
    for at in (50, 50, 51):
        view.page(PAPER, range(100, 200), at)
    assert policy.asked == 1


def test_nothing_is_kept_where_a_policy_judges_each_node() -> None:
    """architecture.md §3: it may look at what no rule of ours knows of, so it is asked every time."""
    policy = Stated(per_node=True)
    view = View(rules(), Engine(TABLE, [policy]), OTTO, Channel.DAV)
    view.granted(PAPER, 50)
    asked = policy.asked
    view.granted(PAPER, 50)
    assert policy.asked == 2 * asked > 0


def test_alike_regions_are_judged_apart() -> None:
    """A policy may judge by the region's pin, so equal class and phase do not make an equal answer."""
    alike = build_rules(
        Committee("ba05", "BA 5", has_meetings=False),
        mandates=[Mandate("ba05", "otto", "member", 0)],
        labels={2: Label(release_at=0), 3: Label(release_at=0)},
        places={2: (1, 2), 3: (1, 3)},
    )
    page = Engine(TABLE, [OddNodes()]).page(alike, OTTO, 50, Channel.DAV, (1,), [2, 3])
    assert [bool(granted.rights & Rights.DISCOVER) for granted in page] == [True, False]


def test_a_policy_hides_no_time_edge() -> None:
    """The next edge is that of the facts where the policy names none."""
    closing = build_rules(
        Committee("ba05", "BA 5"),
        mandates=[Mandate("ba05", "otto", "member", 0, 90)],
        labels={2: Label(release_at=0)},
        places={2: (1, 2)},
    )
    assert Engine(TABLE, [Stated()]).granted(closing, OTTO, 50, Channel.DAV, PAPER).until == 90


def test_a_policy_that_changes_without_notice_is_asked_each_time() -> None:
    """Its share uses no cache (architecture.md §3)."""
    policy = Stated(changes_without_notice=True)
    view = View(rules(), Engine(TABLE, [policy]), OTTO, Channel.DAV)
    assert view.granted(PAPER, 50).until == 50
    view.granted(PAPER, 50)
    assert policy.asked == 2


def test_a_policy_per_node_judges_each_member() -> None:
    """A page asks for every member, with its own id."""
    engine = Engine(TABLE, [Stated(), OddNodes(per_node=True)])
    page = engine.page(rules(), OTTO, 50, Channel.DAV, PAPER, [10, 11, 12])
    assert [bool(granted.rights & Rights.DISCOVER) for granted in page] == [True, False, True]
    assert page[1] == engine.granted(rules(), OTTO, 50, Channel.DAV, (*PAPER, 11))


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The example project, built and installed into a folder of its own on the path."""
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation", "--no-index"]
    subprocess.run([*command, "--target", str(tmp_path), str(EXAMPLE)], check=True, timeout=120)
    monkeypatch.syspath_prepend(str(tmp_path))
    return tmp_path


def test_the_documented_policy_installs_and_objects_at_night(installed: Path) -> None:
    """docs/examples/quiet_hours_policy: found by its entry point, decides by the clock and names its edges."""
    (distribution,) = importlib.metadata.distributions(name="gremium-quiet-hours", path=[str(installed)])
    (point,) = distribution.entry_points.select(group="davserver.policies")
    policy: Policy = getattr(importlib.import_module(point.module), point.attr)()
    day, night = instant("2026-12-01 12:00"), instant("2026-12-01 22:00")
    assert decide(policy, Rights.READ, at=day, channel=Channel.EXPORT).allowed
    assert decide(policy, Rights.READ, at=day, channel=Channel.EXPORT).until == night
    refused = decide(policy, Rights.READ, at=night, channel=Channel.EXPORT)
    assert (refused.allowed, refused.reasons) == (False, ("policy:quiet-hours",))
    assert refused.until == instant("2026-12-02 06:00")
    assert decide(policy, Rights.READ, at=night, channel=Channel.DAV).allowed
