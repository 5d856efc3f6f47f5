"""Measures decisions: `PYTHONPATH=. python tests/acl/bench_page.py`; 685 people, 100 recusals, 10,000 pins."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from time import perf_counter

from acl.engine import Engine, View
from acl.labels import Classification, Label
from acl.mandates import ROLES, Committee, Mandate
from acl.meetings import AgendaItem, Meeting
from acl.principals import Channel, Principal, PrincipalKind
from acl.recusals import Effect, Recusal
from acl.roles import RoleTable
from acl.rules import build_rules

PINS = {number: (1, number) for number in range(2, 10_002)}
AT = 1_000_000


def measure(what: str, times: int, call: Callable[[], object]) -> None:
    """Print microseconds of one call, the mean of many."""
    begin = perf_counter()
    for _ in range(times):
        call()
    print(f"{what:45} {(perf_counter() - begin) / times * 1e6:10.1f} µs")


def facts_of_a_city() -> dict[str, object]:
    """685 people in 15 offices, 10,000 pins, 50 meetings with 1,000 items, 100 recusals."""
    mandates = [Mandate("ba05", f"p{number}", ROLES[number % len(ROLES)], 0) for number in range(685)]
    pledged = {mandate.person: 0 for mandate in mandates}
    labels = {number: Label(Classification(number % 3), 100 + number) for number in PINS}
    sittings = [
        Meeting("ba05", f"m{number}", "", AT + number, AT + number + 1, node=2 + number) for number in range(50)
    ]
    points = [
        AgendaItem(
            "ba05", f"m{n % 50}", str(n), "", n % 3 > 0, id=n + 1, node=100 + n, matter_mark=bytes([n % 250] * 16)
        )
        for n in range(1000)
    ]
    out = [
        Recusal(
            "ba05",
            f"p{n % 40}",
            n + 1 if n % 2 else None,
            None if n % 2 else bytes([n] * 16),
            0,
            None,
            Effect.BOTH,
            "",
            0,
        )
        for n in range(100)
    ]
    return {
        "mandates": mandates,
        "undertakings": pledged,
        "labels": labels,
        "places": PINS,
        "meetings": sittings,
        "agenda": points,
        "recusals": out,
    }


def main() -> None:
    """All numbers that the design names."""
    engine, facts = Engine(RoleTable.load(Path("config/roles.toml"))), facts_of_a_city()
    rules = build_rules(Committee("ba05", "BA 5"), **facts)  # type: ignore[arg-type]
    measure("snapshot of 10,000 pins", 3, lambda: build_rules(Committee("ba05", "BA 5"), **facts))  # type: ignore[arg-type]
    for person in ("p3", "p2", "stranger"):
        who, ids = Principal(PrincipalKind.USER, person), list(range(20_000, 21_000))
        view = View(rules, engine, who, Channel.DAV)
        measure(f"{person}: root, first look", 1, lambda view=view: view.granted((1,), AT))
        measure(
            f"{person}: 1,000 unpinned, no memory",
            200,
            lambda w=who, i=ids: engine.page(rules, w, AT, Channel.DAV, (1, 2), i),
        )
        measure(f"{person}: 1,000 unpinned, warm", 2000, lambda v=view, i=ids: v.page((1, 2), i, AT))
        measure(f"{person}: 1,000 pins, warm", 200, lambda v=view: v.page((1,), range(2, 1002), AT))
        measure(f"{person}: one node, warm", 2000, lambda v=view: v.granted((1, 2, 3, 4, 5, 6), AT))


if __name__ == "__main__":
    main()
