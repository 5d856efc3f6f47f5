"""What a decision obliges to, and its answers to what is not in the tables (rights.md §1 and §2)."""

from __future__ import annotations

from dataclasses import replace

import pytest
from rights_scenario import CONFIG

from acl.engine import HIDDEN_ON_DAV, LOG_READ, POINTER, RENDITION, AccessRequest, Engine, View
from acl.entries import Entry
from acl.labels import Classification, Label
from acl.mandates import Committee, Mandate
from acl.principals import Ceiling, Channel, Principal, PrincipalKind
from acl.privileges import LEAVES, NAMES, Rights
from acl.roles import Delivery, RoleTable
from acl.rules import ShareRules, build_rules

ENGINE = Engine(RoleTable.load(CONFIG))
OTTO = Principal(PrincipalKind.USER, "otto")


def rules(*mandates: Mandate) -> ShareRules:
    return build_rules(
        Committee("ba05", "BA 5"),
        mandates=mandates or [Mandate("ba05", "otto", "member", 0, 90)],
        undertakings={"otto": 0},
        labels={2: Label(Classification.RESTRICTED, 10, 70), 3: Label(Classification.NON_PUBLIC, 0)},
        entries=[Entry(2, "user:otto", Rights.BIND, start=30, end=40, id=1)],
        places={2: (1, 2), 3: (1, 3)},
    )


def test_a_paper_to_view_but_not_to_read_is_hidden_on_a_drive_only() -> None:
    """rights.md §1: pointer and hidden leave the document out of the drive; the portal shows it, and notes it."""
    dav = ENGINE.granted(rules(), OTTO, 50, Channel.DAV, (1, 3))
    portal = ENGINE.granted(rules(), OTTO, 50, Channel.PORTAL, (1, 3))
    assert dav.obligations == {POINTER, LOG_READ}
    assert portal.obligations == {LOG_READ}
    assert ENGINE.granted(rules(), OTTO, 50, Channel.DAV, (1, 2)).obligations == frozenset()


@pytest.mark.parametrize(
    ("word", "owed"),
    [
        ("original", set[str]()),
        ("rendition", {POINTER, RENDITION}),
        ("pointer", {POINTER}),
        ("hidden", {HIDDEN_ON_DAV}),
    ],
)
def test_the_configuration_says_what_a_drive_shows_instead(word: str, owed: set[str]) -> None:
    """`[delivery]` of roles.toml: for members, `original` gives the bytes of what they may view, the others do not."""
    text = CONFIG.read_text("utf-8").replace('non_public = "pointer"', f'non_public = "{word}"')
    granted = Engine(RoleTable.parse(text)).granted(rules(), OTTO, 50, Channel.DAV, (1, 3))
    assert granted.obligations == {LOG_READ, *owed}
    assert (Rights.READ in granted.rights) == (word == "original")


def test_an_answer_names_its_next_time_edge() -> None:
    """Release, entry window, closing and end of mandate each end an answer; after the last there is none."""
    now, edges = 1, []
    while (until := ENGINE.granted(rules(), OTTO, now, Channel.DAV, (1, 2)).until) is not None:
        edges.append(until)
        now = until
    assert edges == [10, 30, 40, 70, 90]


def test_explain_names_every_leaf_with_a_reason() -> None:
    """One decision for each privilege, allowed or not, and never without a reason."""
    explained = ENGINE.explain(rules(), OTTO, 35, Channel.DAV, (1, 2))
    assert [rights for rights, _ in explained] == [NAMES[name] for name in LEAVES]
    assert all(decision.reasons for _, decision in explained)
    allowed = {rights: decision.reasons for rights, decision in explained if decision.allowed}
    assert allowed[Rights.BIND] == ("entry:1",)
    assert allowed[Rights.READ_CURRENT_USER_PRIVILEGE_SET] == ("mandate:member@ba05",)


def test_a_link_and_an_unknown_office_get_nothing(caplog: pytest.LogCaptureFixture) -> None:
    """A link has no office; a mandate that no table knows is an error, and an error means no (law 4)."""
    link = Principal(PrincipalKind.LINK, "abc")
    assert ENGINE.granted(rules(), link, 50, Channel.LINK, (1, 2)).rights == Rights.NONE
    unknown = AccessRequest(link, Rights.READ, "ba05", (1, 2), 50, Channel.LINK)
    assert ENGINE.decide(rules(), unknown).reasons == ("link:unknown", "link")
    odd = rules(Mandate("ba05", "otto", "mayor", 0))
    assert ENGINE.granted(odd, OTTO, 50, Channel.DAV, (1, 2)) == (Rights.NONE, frozenset(), 50)
    assert "cannot be decided" in caplog.text


def test_a_scope_opens_the_way_down_to_it_and_nothing_beside() -> None:
    """Ancestors of a scope are discoverable, once it is placed; a scope in another share opens nothing here."""
    free = build_rules(
        Committee("ba05", "BA 5", has_meetings=False),
        mandates=[Mandate("ba05", "otto", "member", 0)],
        places={4: (1, 3, 4)},
    )
    scoped = Principal(PrincipalKind.USER, "otto", ceiling=Ceiling("app-password", scopes=(("ba05", 4),)))
    view = View(free, ENGINE, scoped, Channel.DAV)
    found = [
        view.granted(lineage, 5).rights & Rights.READ for lineage in ((1,), (1, 3), (1, 3, 4), (1, 3, 4, 5), (1, 2))
    ]
    assert found == [Rights.DISCOVER, Rights.DISCOVER, Rights.READ, Rights.READ, Rights.NONE]
    assert [granted.rights & Rights.READ for granted in view.page((1,), [2, 3], 5)] == [Rights.NONE, Rights.DISCOVER]
    elsewhere = Principal(PrincipalKind.USER, "otto", ceiling=Ceiling("app-password", scopes=(("ba06", 4),)))
    assert View(free, ENGINE, elsewhere, Channel.DAV).granted((1,), 5).rights == Rights.NONE


def test_a_way_down_is_discoverable_and_nothing_more() -> None:
    """§2.6: one learns that it is there and what one may do; so does whoever may only put something into it."""
    facts = build_rules(
        Committee("ba05", "BA 5"),
        mandates=[],
        undertakings={"otto": 0},
        labels={3: Label(Classification.RESTRICTED, 0)},
        entries=[Entry(3, "user:otto", Rights.READ, id=1), Entry(2, "user:otto", Rights.BIND, id=2)],
        places={2: (1, 2), 3: (1, 2, 3)},
    )
    view = View(facts, ENGINE, OTTO, Channel.DAV)
    assert view.granted((1,), 50).rights == Rights.DISCOVER | Rights.READ_CURRENT_USER_PRIVILEGE_SET
    for place in ((1,), (1, 2)):
        assert ENGINE.decide(facts, AccessRequest(OTTO, Rights.DISCOVER, "ba05", place, 50, Channel.DAV)).allowed


def test_each_of_several_scopes_has_its_way_down() -> None:
    """Whichever stands first, and what lies beside it."""
    free = build_rules(
        Committee("ba05", "BA 5", has_meetings=False),
        mandates=[Mandate("ba05", "otto", "member", 0)],
        places={3: (1, 2, 3), 5: (1, 4, 5)},
    )
    scoped = Principal(PrincipalKind.USER, "otto", ceiling=Ceiling("app-password", scopes=(("ba05", 3), ("ba05", 5))))
    view = View(free, ENGINE, scoped, Channel.DAV)
    ways = ((1,), (1, 2), (1, 4), (1, 6))
    assert [bool(view.granted(way, 5).rights & Rights.DISCOVER) for way in ways] == [True, True, True, False]


def test_what_a_drive_shows_of_a_paper_to_view_is_said_by_its_class() -> None:
    """A pointer where the table says pointer, or, up to non-public, original; nothing where it says hidden."""
    facts = build_rules(
        Committee("ba05", "BA 5"),
        undertakings={"otto": 0},
        labels={node: Label(grade, 0) for node, grade in enumerate(Classification, 10)},
        entries=[Entry(1, "user:otto", Rights.VIEW, id=1)],
        places={node: (1, node) for node, _ in enumerate(Classification, 10)},
    )

    def shown(**said: Delivery) -> dict[str, set[str]]:
        delivery = {**ENGINE.roles.delivery, **{Classification.parse(name): each for name, each in said.items()}}
        engine = Engine(replace(ENGINE.roles, delivery=delivery))
        granted = {
            grade.name.lower(): engine.granted(facts, OTTO, 50, Channel.DAV, (1, node)).obligations
            for node, grade in enumerate(Classification, 10)
        }
        return {name: set(granted[name] & {POINTER, HIDDEN_ON_DAV}) for name in said}

    assert shown(public=Delivery.POINTER, restricted=Delivery.ORIGINAL, non_public=Delivery.ORIGINAL) == {
        "public": {POINTER},
        "restricted": {POINTER},
        "non_public": {POINTER},
    }
    assert shown(non_public=Delivery.HIDDEN, personal=Delivery.ORIGINAL) == {
        "non_public": {HIDDEN_ON_DAV},
        "personal": {HIDDEN_ON_DAV},
    }


def test_each_look_at_what_is_not_public_is_to_be_noted() -> None:
    """rights.md §1: from non-public on, whoever it is that may look."""
    facts = build_rules(
        Committee("ba05", "BA 5"),
        mandates=[Mandate("ba05", "otto", "clerk", 0)],
        undertakings={"otto": 0},
        labels={node: Label(grade, 0) for node, grade in enumerate(Classification, 10)},
        places={node: (1, node) for node, _ in enumerate(Classification, 10)},
    )
    for node, grade in enumerate(Classification, 10):
        granted = ENGINE.granted(facts, OTTO, 50, Channel.PORTAL, (1, node))
        assert (LOG_READ in granted.obligations) is (
            grade >= Classification.NON_PUBLIC and bool(granted.rights & Rights.VIEW == Rights.VIEW)
        )
        assert granted.rights & Rights.VIEW == Rights.VIEW or grade is Classification.FACTION, grade


def test_a_scope_in_another_drive_opens_nothing_here() -> None:
    """Ids are of a drive: the same number elsewhere, before or after this one by name, is another folder."""
    free = build_rules(Committee("ba05", "BA 5", has_meetings=False), mandates=[Mandate("ba05", "otto", "member", 0)])
    for share in ("ba04", "ba06"):
        scoped = Principal(PrincipalKind.USER, "otto", ceiling=Ceiling("app-password", scopes=((share, 4),)))
        assert View(free, ENGINE, scoped, Channel.DAV).granted((1, 4), 5).rights == Rights.NONE


def test_an_inbox_gives_its_own_rights_where_it_stands() -> None:
    """What a member adds beneath another folder is not given the rights of the inbox above (numbers beyond 256)."""
    facts = build_rules(
        Committee("ba05", "BA 5", has_meetings=False),
        mandates=[Mandate("ba05", "otto", "member", 0)],
        entries=[Entry(900, "user:otto", Rights.READ, id=1, drop_own=True)],
        places={900: (1, 900)},
    )
    view = View(facts, ENGINE, OTTO, Channel.DAV)
    assert view.own_rights((1, int("900")), 5) == Rights.READ
    assert view.own_rights((1, 900, 700), 5) == view.own_rights((1, 900, 1200), 5) == Rights.NONE


def test_one_view_asked_at_any_instants_answers_like_new_ones() -> None:
    """What is kept holds from its instant to its edge, whichever way the clock goes."""
    facts = build_rules(
        Committee("ba05", "BA 5"),
        mandates=[Mandate("ba05", "otto", "member", 20, 90)],
        undertakings={"otto": 0},
        labels={node: Label(Classification.RESTRICTED, 10, 70) for node in (2, 3)},
        entries=[Entry(3, "user:otto", Rights.BIND, start=30, end=40, id=1)],
        places={2: (1, 2), 3: (1, 3)},
    )
    instants = (5, 10, 19, 20, 29, 30, 35, 40, 69, 70, 75, 90, 95)
    for order in (instants, instants[::-1], (35, 5, 75, 29, 95, 10, 40)):
        for places in (((1, 2), (1, 3)), ((1, 3), (1, 2))):
            view = View(facts, ENGINE, OTTO, Channel.DAV)
            for at in order:
                for place in places:
                    assert view.granted(place, at) == View(facts, ENGINE, OTTO, Channel.DAV).granted(place, at)


def test_what_is_shared_is_asked_again_at_the_next_edge() -> None:
    """The start and the end of each inside share, and the end of an office that it was for."""
    facts = build_rules(
        Committee("ba05", "BA 5"),
        mandates=[Mandate("ba05", "otto", "member", 0, 90)],
        entries=[
            Entry(2, "role:member", Rights.READ, start=30, end=40, id=1, maker="user:clara"),
            Entry(3, "user:otto", Rights.READ, start=20, id=2, maker="user:clara"),
        ],
    )
    view = View(facts, ENGINE, OTTO, Channel.DAV)
    found = {at: (set(view.shared(at)), view.shared_until(at)) for at in (10, 20, 30, 39, 40, 90)}
    assert found == {10: (set(), 20), 20: ({3}, 30), 30: ({2, 3}, 40), 39: ({2, 3}, 40), 40: ({3}, 90), 90: ({3}, None)}


def test_a_reason_speaks_only_of_what_was_given() -> None:
    """What an entry never gave is not blamed on its class or on its maker."""
    facts = build_rules(
        Committee("ba05", "BA 5", has_meetings=False),
        mandates=[Mandate("ba05", "anna", "member", 0)],
        labels={2: Label(Classification.PERSONAL)},
        entries=[
            Entry(2, "user:otto", Rights.READ, id=1),
            Entry(3, "user:otto", Rights.READ | Rights.UNLOCK, id=2, maker="user:anna"),
        ],
        undertakings={"otto": 0},
        places={2: (1, 2), 3: (1, 3)},
    )

    def why(rights: Rights, *lineage: int) -> set[str]:
        return set(ENGINE.decide(facts, AccessRequest(OTTO, rights, "ba05", lineage, 50, Channel.PORTAL)).reasons)

    assert "ceiling:class" in why(Rights.READ, 1, 2)
    assert "ceiling:class" not in why(Rights.UNLOCK, 1, 2)
    assert why(Rights.UNLOCK, 1, 3) >= {"maker:2"}
    assert "maker:2" not in why(Rights.BIND, 1, 3)
    assert "maker:2" not in why(Rights.CLASSIFY, 1, 3)
