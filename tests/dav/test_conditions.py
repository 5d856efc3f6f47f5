"""Conditions of requests: RFC 4918 §10.4 (If) and RFC 9110 §13 (If-Match and kin)."""

from __future__ import annotations

import pytest

from acl.privileges import Rights
from davserver.dav.conditions import (
    Condition,
    Conditions,
    Preconditions,
    State,
    holds,
    http_date,
    is_precondition_met,
    parse_http_date,
    parse_if,
    parse_tags,
)
from davserver.dav.errors import DavError
from davserver.tree.seen import Seen
from shareproviders.contract import Node
from shareproviders.paths import SharePath

SECOND = 1_000_000
NOON = 1_700_000_000 * SECOND


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("(<urn:uuid:1>)", [(None, [(True, "urn:uuid:1", "")])]),
        ('(["a"])', [(None, [(True, "", '"a"')])]),
        ('([W/"a"])', [(None, [(True, "", 'W/"a"')])]),
        (
            '(<urn:uuid:1> ["a"]) (Not <urn:uuid:2>["b"])',
            [
                (None, [(True, "urn:uuid:1", ""), (True, "", '"a"')]),
                (None, [(False, "urn:uuid:2", ""), (True, "", '"b"')]),
            ],
        ),
        ("(<opaquelocktoken:x>)(Not<DAV:no-lock>)", [
            (None, [(True, "opaquelocktoken:x", "")]), (None, [(False, "DAV:no-lock", "")]),
        ]),
        (
            '</a%20b> (<urn:uuid:1>) (["x"]) <http://h/c>([ "y" ])',
            [
                ("/a%20b", [(True, "urn:uuid:1", "")]),
                ("/a%20b", [(True, "", '"x"')]),
                ("http://h/c", [(True, "", '"y"')]),
            ],
        ),
        ('\t( <a:b>\t[""] ) ', [(None, [(True, "a:b", ""), (True, "", '""')])]),
    ],
)  # fmt: skip
def test_if_header_is_read_by_its_grammar(
    header: str, expected: list[tuple[str | None, list[tuple[bool, str, str]]]]
) -> None:
    """RFC 4918 §10.4.2: tagged by URL or path, untagged, Not, state tokens, entity tags weak and strong."""
    lists = [Conditions(resource, tuple(Condition(*one) for one in conditions)) for resource, conditions in expected]
    assert parse_if(header) == lists


@pytest.mark.parametrize(
    "header",
    [
        *(
            "",
            " ",
            "(",
            ")",
            "()",
            "(<a:b>",
            "<a:b>",
            "<a:b>)",
            "x",
            "(x)",
            '("a")',
            '["a"]',
            "(Not)",
            "(Not Not <a:b>)",
        ),
        *(
            "</a> (<a:b>) </b>",
            "(<a:b>) </a> (<a:b>)",
            "(<no-scheme>)",
            "(<>)",
            '(["a)',
            "([a])",
            "((<a:b>))",
            "</a> Not",
        ),
        *("(<a:b>),(<a:c>)", "(<a:b>) garbage", "(<a b:c>)", "(<a:\x00>)", "(<a:\u00e4>)", "Not (<a:b>)"),
        *("(Not <))urn:x>)", "(<1a:b>)", "(<:b>)"),
        "(" + "<a:b>" * 101 + ")",
        "(<a:b>)" * 101,
        f"(<a:{'b' * 8192}>)",
    ],
)
def test_if_header_that_cannot_be_read_is_a_400(header: str) -> None:
    """Never taken for true or for absent; at most 8 KiB and 100 conditions (protocol.md §1)."""
    with pytest.raises(DavError) as caught:
        parse_if(header)
    assert caught.value.status == 400


def test_if_header_of_full_size_is_read_quickly() -> None:
    """The parser is linear: the longest header that is looked at costs next to nothing."""
    assert len(parse_if("(<a:b>)" * 100)) == 100
    with pytest.raises(DavError):
        parse_if("(" * 8_192)


STATES = {
    None: State('"own"', frozenset({"urn:uuid:own"})),
    "/other": State('"other"', frozenset({"urn:uuid:other"})),
    "/absent": State("", frozenset()),
}


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("(<urn:uuid:own>)", True),
        ("(<urn:uuid:stale>)", False),
        ("(Not <urn:uuid:stale>)", True),
        ("(Not <DAV:no-lock>)", True),
        ("(<DAV:no-lock>)", False),
        ("(<urn:uuid:stale>) (Not <DAV:no-lock>)", True),
        ('(<urn:uuid:own> ["own"])', True),
        ('(<urn:uuid:own> ["else"])', False),
        ('(<urn:uuid:own> Not ["else"])', True),
        ('([W/"own"])', False),
        ('(["else"]) (["own"])', True),
        ("</other> (<urn:uuid:own>)", False),
        ("</other> (<urn:uuid:other>)", True),
        ('</other> (["own"]) </other> (["other"])', True),
        ("</absent> (<urn:uuid:own>)", False),
        ('</absent> (["own"])', False),
        ('</absent> (Not ["own"])', True),
    ],
)
def test_if_header_is_true_if_one_list_is(header: str, expected: bool) -> None:
    """RFC 4918 §10.4.3: lists are alternatives, conditions in one all hold; each for the resource of its tag."""
    assert holds(parse_if(header), lambda resource: STATES[resource]) is expected


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("*", ("*",)),
        (' "a" ', ('"a"',)),
        ('"a", W/"b" ,"c,d"', ('"a"', 'W/"b"', '"c,d"')),
        ('""', ('""',)),
    ],
)
def test_entity_tags_are_read_with_their_commas(header: str, expected: tuple[str, ...]) -> None:
    """RFC 9110 §8.8.3: a comma inside quotes belongs to the tag."""
    assert parse_tags(header, "If-Match") == expected


@pytest.mark.parametrize("header", ["", "a", '"a', 'a"', '"a" "b"', '*, "a"', '"a\x00"', ",", '"a b"', "x" * 5])
def test_entity_tags_that_cannot_be_read_are_a_400(header: str) -> None:
    """Never taken for absent."""
    with pytest.raises(DavError) as caught:
        parse_tags(header, "If-Match")
    assert caught.value.status == 400


DOCUMENT = Seen(
    SharePath(("s", "a")), "s", Node(2, (1, 2), "a", False, 1, "t1", "", NOON, NOON + 1, 1), Rights.READ, "t1", "a"
)
NOTHING = Preconditions(None, None, None, None)


@pytest.mark.parametrize(
    ("asked", "there", "absent"),
    [
        (NOTHING, True, True),
        (NOTHING._replace(match=("*",)), True, False),
        (NOTHING._replace(match=('"t1"',)), True, False),
        (NOTHING._replace(match=('"t0"', '"t1"')), True, False),
        (NOTHING._replace(match=('"t0"',)), False, False),
        (NOTHING._replace(match=('W/"t1"',)), False, False),
        (NOTHING._replace(none_match=("*",)), False, True),
        (NOTHING._replace(none_match=('"t1"',)), False, True),
        (NOTHING._replace(none_match=('W/"t1"',)), False, True),
        (NOTHING._replace(none_match=('"t0"',)), True, True),
        (NOTHING._replace(unmodified_since=NOON), True, True),
        (NOTHING._replace(unmodified_since=NOON - SECOND), False, True),
        (NOTHING._replace(match=('"t1"',), unmodified_since=NOON - SECOND), True, False),
        (NOTHING._replace(match=('"t1"',), none_match=('"t1"',)), False, False),
    ],
)
def test_preconditions_of_changes(asked: Preconditions, there: bool, absent: bool) -> None:
    """RFC 9110 §13.2.2: If-Match compares strongly and fails where nothing is; it outranks If-Unmodified-Since."""
    assert is_precondition_met(asked, DOCUMENT) is there
    assert is_precondition_met(asked, None) is absent


@pytest.mark.parametrize(
    "text", ["Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994"]
)
def test_three_forms_of_dates_are_read(text: str) -> None:
    """RFC 9110 §5.6.7."""
    assert parse_http_date(text) == 784_111_777 * SECOND


@pytest.mark.parametrize(
    "text", ["", "now", "784111777", "Sun, 31 Feb 1994 08:49:37 GMT", "Sun, 06 Nov 1994 25:49:37 GMT", "1994-11-06"]
)
def test_what_is_no_date_is_none(text: str) -> None:
    """RFC 9110 §13.1.3, §13.1.4: a recipient ignores such a field."""
    assert parse_http_date(text) is None


def test_dates_are_written_as_they_are_read() -> None:
    """Whole seconds, also before 1970 and at the end of a year."""
    for instant in (0, NOON, -SECOND, 1_735_689_599 * SECOND):
        assert parse_http_date(http_date(instant)) == instant
    assert http_date(NOON + 999_999) == "Tue, 14 Nov 2023 22:13:20 GMT"
