"""Every reason code is documented and has a sentence in both languages (rights.md §2)."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given
from rights_facts import ASKERS, CHANNELS, ENGINE, FACTS, LINEAGES, TIMES, Facts
from rights_scenario import CONFIG

from acl import reasons
from acl.principals import Channel, Principal
from acl.roles import RoleTable
from acl.sentences import SENTENCES, Language, sentence

MATRIX = Path(__file__).parent / "matrix"


@given(FACTS, ASKERS, TIMES, CHANNELS)
def test_whatever_is_said_can_be_said_to_people(facts: Facts, who: Principal, at: int, channel: Channel) -> None:
    """One sentence, with nothing left to fill in."""
    rules = facts.rules()
    for lineage in LINEAGES.values():
        for _, decision in ENGINE.explain(rules, who, at, channel, lineage):
            for code in decision.reasons:
                for language in ("de", "en"):
                    told = sentence(code, language)  # type: ignore[arg-type]
                    assert told.endswith(".") and not re.search(r"[{}]|  | \.", told), (code, told)


def test_the_codes_of_the_assertion_files_have_sentences_and_are_documented() -> None:
    """What a jurist checks is what a member reads."""
    named = re.findall(r" because ([^#\n]+)", "".join(path.read_text("utf-8") for path in MATRIX.glob("*.txt")))
    codes = {code.strip() for some in named for code in some.split(",")}
    assert len(codes) > 30
    for code in codes:
        assert sentence(code)
        assert code.partition(":")[0] in str(reasons.__doc__)


@pytest.mark.parametrize(
    ("code", "language", "told"),
    [
        ("mandate:vice_chair@ba05", "de", "Das folgt aus dem Amt Stellvertretung im Gremium ba05."),
        ("mandate:vice_chair@ba05", "en", "It follows from the office Stellvertretung in ba05."),
        ("mandate:ended@ba05", "de", "Die Zugehörigkeit zum Gremium ba05 ist beendet."),
        ("role:citizen", "en", "It is published."),
        ("link", "en", "The link does not give this right here."),
        ("link:17", "en", "Link 17 gives this right."),
        ("link:ended", "en", "The link has expired or was revoked."),
        ("ceiling:smart-card", "en", "This login does not allow it here."),
        ("recusal:matter", "de", "Es besteht ein Ausschluss wegen persönlicher Beteiligung an diesem Vorgang."),
    ],
)
def test_a_sentence_is_that_of_the_nearest_code(code: str, language: Language, told: str) -> None:
    """The whole code first, then its kind; offices by their title in the table."""
    titles = {name: role.title for name, role in RoleTable.load(CONFIG).roles.items()}
    assert sentence(code, language, titles) == told


def test_nobody_says_what_nobody_gives() -> None:
    """An unknown code is a mistake in the program; both languages are there for all."""
    with pytest.raises(KeyError):
        sentence("mood:bad")
    assert all(german and english for german, english in SENTENCES.values())
