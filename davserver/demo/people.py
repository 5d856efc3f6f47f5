"""The people of the demo: one or more for each role of `config/roles.toml`, with the mandates they hold."""

from __future__ import annotations

from datetime import date
from typing import NamedTuple

TERM = date(2026, 5, 1)
TERM_END = date(2032, 5, 1)
LAST_TERM = date(2020, 5, 1)

BOTH = ("ba05", "ba06")


class Office(NamedTuple):
    """A mandate to declare."""

    committee: str
    role: str
    start: date = TERM
    end: date | None = TERM_END


class Person(NamedTuple):
    """Somebody with an account."""

    user: str
    name: str
    what: str
    """For whoever tries the demo."""
    offices: tuple[Office, ...]
    admin: bool = False

    @property
    def password(self) -> str:
        """Known to everybody who reads this line: for the demo only."""
        return f"Demo-{self.user}-2026"

    @property
    def is_pledged(self) -> bool:
        """Press, citizens and people without office give no pledge of secrecy."""
        return not {office.role for office in self.offices} <= {"press", "citizen", "former_member"}


def _former(committee: str) -> tuple[Office, ...]:
    return Office(committee, "member", LAST_TERM, TERM), Office(committee, "former_member", TERM, None)


def _staff(role: str, committees: tuple[str, ...] = BOTH) -> tuple[Office, ...]:
    return tuple(Office(committee, role, TERM, None) for committee in committees)


PEOPLE = (
    Person("anna", "Anna Huber", "clerk (Geschäftsstelle) of BA 5", _staff("clerk", ("ba05",))),
    Person("viktoria", "Viktoria Lang", "chair of BA 5", (Office("ba05", "member"), Office("ba05", "chair"))),
    Person("josef", "Josef Pichler", "vice-chair of BA 5", (Office("ba05", "member"), Office("ba05", "vice_chair"))),
    Person("otto", "Otto Maier", "member of BA 5", (Office("ba05", "member"),)),
    Person("elif", "Elif Yıldız", "member of BA 5 and BA 6", (Office("ba05", "member"), Office("ba06", "member"))),
    Person("gerda", "Gerda Sommer", "chair of a sub-committee of BA 5", (Office("ba05", "sub_chair"),)),
    Person("nils", "Nils Petersen", "member of a sub-committee of BA 5", (Office("ba05", "sub_member"),)),
    Person("susanne", "Susanne Kraus", "keeps the minutes of BA 5", _staff("minutes", ("ba05",))),
    Person("peter", "Peter Ahorn", "commissioner for trees of BA 5", (Office("ba05", "commissioner"),)),
    Person("erika", "Erika Altmann", "former member of BA 5; her mandate has ended", _former("ba05")),
    Person("karl", "Karl Wimmer", "clerk (Geschäftsstelle) of BA 6", _staff("clerk", ("ba06",))),
    Person("ludwig", "Ludwig Daxenberger", "chair of BA 6", (Office("ba06", "member"), Office("ba06", "chair"))),
    Person("zoe", "Zoë Brandstätter", "vice-chair of BA 6", (Office("ba06", "member"), Office("ba06", "vice_chair"))),
    Person("tarek", "Tarek Nassar", "member of BA 6", (Office("ba06", "member"),)),
    Person("rosa", "Rosa Hölzl", "chair of a sub-committee of BA 6", (Office("ba06", "sub_chair"),)),
    Person("matthias", "Matthias Grün", "member of a sub-committee of BA 6", (Office("ba06", "sub_member"),)),
    Person("beate", "Beate Niedermeier", "keeps the minutes of BA 6", _staff("minutes", ("ba06",))),
    Person("leni", "Leni Sturm", "commissioner for children of BA 6", (Office("ba06", "commissioner"),)),
    Person("ilse", "Ilse Kern (Baureferat)", "department: hands papers in", _staff("department")),
    Person("juergen", "Dr. Jürgen Weiß", "guest: an expert on trams", _staff("guest")),
    Person("paula", "Paula Reiter", "press", _staff("press")),
    Person("bruno", "Bruno Stadler", "citizen", _staff("citizen")),
    Person("ingo", "Ingo Teichmann", "administrator: quota and health, no papers", _staff("admin"), admin=True),
    Person("renate", "Renate Vogl", "auditor: reads the log", _staff("auditor")),
)
