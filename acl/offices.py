"""What each office gives at one node by itself: the computed part of an access list (RFC 3744 §5.5.3, protected)."""

from __future__ import annotations

from dataclasses import replace

from acl.engine import Engine
from acl.mandates import Mandate
from acl.principals import Channel, Principal, PrincipalKind
from acl.privileges import Rights
from acl.rules import ShareRules

_ANYBODY = ""  # a login name that nobody can have


def office_rights(
    engine: Engine, rules: ShareRules, at: int, channel: Channel, lineage: tuple[int, ...]
) -> tuple[Rights, dict[str, Rights]]:
    """(what everybody who has logged in may do, role → rights of one who holds that office, if they are more).

    Somebody without a past is asked for, who has pledged secrecy and whom no entry names; so class, phase, ceilings
    and policies count, while entries, recusals and containers do not.
    """
    region = rules.region_of(lineage)
    bare = replace(
        rules,
        regions={region: rules.regions[region]._replace(entries=())},
        undertakings={**rules.undertakings, _ANYBODY: at},
        beneath={},
        marks=frozenset(),
    )
    anybody = Principal(PrincipalKind.USER, _ANYBODY)

    def given(*mandates: Mandate) -> Rights:
        holding = replace(bare, mandates={**rules.mandates, _ANYBODY: mandates})
        return engine.granted(holding, anybody, at, channel, lineage).rights

    everybody = given()
    by_role = {role: given(Mandate(rules.share, _ANYBODY, role, at)) for role in engine.roles.roles}
    return everybody, {role: rights for role, rights in by_role.items() if rights & ~everybody}
