"""The table of limits in docs/operations.md: its figures are the program's, none is missing, each has a test."""

from __future__ import annotations

import ast
import importlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import fields
from types import MappingProxyType
from typing import NamedTuple

import pytest

from davserver.app import limits_of, maker_of
from davserver.rendering.maker import Bounds
from davserver.serving.limits import Limits
from davserver.settings import FIELDS, Settings
from tests.test_house import ROOT, tracked

PAGE = ROOT / "docs" / "operations.md"
ROW = re.compile(r"^\| (.+?) \| (.+?) \| (.+?) \| ?(.*?) ?\|$", re.M)
FIGURE = re.compile(r"([0-9][0-9,]*) ?(KiB/s|KiB|MiB|GiB|B|s|min|h)?(?=,|$)")
UNITS = {"KiB": 1024, "MiB": 1024**2, "GiB": 1024**3, "KiB/s": 1024}
MICROSECONDS = 1_000_000
LIMITING = re.compile(
    r"(^|_)(MAX|MOST|LONGEST|LARGEST|LIMIT|GUESSES|HITS|DEPARTURES|PATIENCE|AT_A_TIME|ROOM|TIMEOUT)(_|$)"
)


class Held(NamedTuple):
    """Where the figures of a row stand in the program, in their order, and which test meets the limit.

    `settings.NAME`, `limits.NAME` of davserver.serving, or a constant of a module; in microseconds where `µs` follows.
    """

    sources: tuple[str, ...]
    test: str


def held(test: str, *sources: str) -> Held:
    return Held(sources, test)


TABLE: Mapping[str, Held] = MappingProxyType(
    {
        "a request's line": held(
            "dav/test_http_defects.py::test_a_long_target_and_long_headers_are_refused", "limits.request_line_bytes"
        ),
        "all its fields": held(
            "dav/test_http_defects.py::test_a_long_target_and_long_headers_are_refused", "settings.header_bytes"
        ),
        "their number": held("serving/test_framing.py", "settings.header_count"),
        "the time for a head": held("serving/test_patience.py", "settings.header_seconds"),
        "the rate of a body, or of its reader, over a time": held(
            "serving/test_patience.py", "settings.body_rate", "settings.body_seconds"
        ),
        "a chunk's line, its extensions, the fields after a body": held(
            "serving/test_framing.py",
            "davserver.serving.bodies._LINE_BYTES",
            "davserver.serving.bodies._EXTENSION_BYTES",
            "davserver.serving.bodies._TRAILER_BYTES",
        ),
        "what is read away after a refusal, and for how long": held(
            "serving/test_bodies.py::test_a_refused_huge_upload_costs_no_memory",
            "limits.linger_bytes",
            "limits.linger_seconds",
        ),
        "a connection without a byte": held("serving/test_patience.py", "settings.idle_seconds"),
        "connections of a process that are kept": held(
            "serving/test_patience.py::test_beyond_the_limit_connections_are_not_kept", "settings.kept_connections"
        ),
        "connections of a process": held(
            "serving/test_patience.py::test_the_connection_that_waits_longest_makes_room", "settings.connections"
        ),
        "connections that wait for a process": held("operations/test_restart.py", "limits.backlog"),
        "threads of a process: at work, with those that wait for slow peers": held(
            "serving/test_patience.py::test_threads_that_are_not_needed_end", "settings.threads", "limits.most_threads"
        ),
        "`Authorization`, a password in it": held(
            "login/test_login.py::test_malformed_credentials_are_refused_fast",
            "davserver.login.MAX_HEADER",
            "davserver.accounts.MAX_PASSWORD_BYTES",
        ),
        "an XML body, that of PROPPATCH": held(
            "dav/test_request.py::test_an_xml_body_over_its_limit_is_a_413",
            "davserver.dav.xml.BODY_LIMIT",
            "davserver.dav.xml.PROPPATCH_LIMIT",
        ),
        "levels, elements, namespaces in it; no DOCTYPE": held(
            "dav/test_critical_defects.py::test_c6_xml_beyond_the_limits_is_refused",
            "davserver.dav.xml.MAX_DEPTH",
            "davserver.dav.xml.MAX_ELEMENTS",
            "davserver.dav.xml.MAX_NAMESPACES",
        ),
        "properties that one PROPFIND names, letters of their names": held(
            "dav/test_properties.py::test_one_request_names_only_so_many_properties",
            "davserver.dav.propfind.MAX_NAMES",
            "davserver.dav.propfind.MAX_NAMES_TEXT",
        ),
        "a property, all of a document": held(
            "dav/test_properties.py::test_a_value_has_at_most_64_kib",
            "davserver.dav.proppatch.MAX_VALUE",
            "shareproviders.vault.properties.MAX_BYTES",
        ),
        "an `If` header, conditions in it": held(
            "dav/test_conditions.py::test_if_header_that_cannot_be_read_is_a_400",
            "davserver.dav.conditions.MAX_HEADER",
            "davserver.dav.conditions.MAX_CONDITIONS",
        ),
        "ranges that are answered, that are read": held(
            "dav/test_ranges.py::test_too_many_parts_are_answered_with_the_whole",
            "davserver.dav.ranges.MAX_PARTS",
            "davserver.dav.ranges.MAX_SPECS",
        ),
        "lines of an access list": held("dav/test_acl_preconditions.py", "davserver.dav.access.MAX_ACES"),
        "hits of a search for principals; levels of `expand-property`": held(
            "dav/test_report_limits.py", "davserver.dav.reports.MAX_MATCHES", "davserver.dav.reports.MAX_LEVELS"
        ),
        "rows of a `sync-collection`": held("dav/test_report_limits.py", "davserver.tree.syncing.MOST_ROWS"),
        "a name, levels of a path": held(
            "shares/test_paths.py::test_depth_has_a_limit",
            "shareproviders.paths.MAX_NAME_BYTES",
            "shareproviders.paths.MAX_DEPTH",
        ),
        "locks on one document or folder": held("dav/test_lock_floods.py", "settings.locks_per_resource"),
        "locks of one person": held("dav/test_lock_floods.py", "settings.locks_per_user"),
        "the life of a lock: at least, at most": held(
            "dav/test_lock_defects.py", "davserver.locks.LockLimits.shortest", "settings.lock_seconds"
        ),
        "what a lock says of its owner": held(
            "dav/test_locking_xml.py::test_a_huge_owner_is_refused", "davserver.dav.locking.OWNER_LIMIT"
        ),
        "wrong passwords for one name from one net in 5 minutes": held(
            "login/test_bounds.py::test_so_many_guesses_are_looked_at_as_the_settings_say", "settings.login_failures"
        ),
        "wrong passwords from one net in 10 minutes": held(
            "login/test_bounds.py::test_so_many_guesses_are_looked_at_as_the_settings_say",
            "settings.login_failures_per_net",
        ),
        "the pause after these, which doubles: first, longest": held(
            "login/test_login.py", "davserver.throttle.FIRST_PAUSE µs", "davserver.throttle.LONGEST_PAUSE µs"
        ),
        "wrong codes of the second step in 15 minutes": held(
            "login/test_second_step.py", "davserver.second_step.GUESSES"
        ),
        "an account's password, letters, at least": held(
            "login/test_bounds.py::test_a_password_has_as_many_letters_as_the_settings_say", "settings.password_letters"
        ),
        "wrong passwords of a link in 5 minutes from one net, in 10 from everywhere": held(
            "dav/test_links.py", "davserver.links.GUESSES_FROM_A_NET", "davserver.links.GUESSES"
        ),
        "people whose password is being checked, in a process": held(
            "login/test_sessions.py::test_who_comes_on_top_of_many_is_sent_away_at_once", "settings.sign_ins_at_once"
        ),
        "of these: at the same time": held(
            "operations/test_crowds.py::test_a_hundred_sign_in_at_once", "davserver.accounts.AT_A_TIME"
        ),
        "a session of the portal without use, at most": held(
            "login/test_bounds.py::test_a_session_lasts_as_long_as_the_settings_say",
            "settings.session_idle_minutes",
            "settings.session_hours",
        ),
        "devices that begin to be connected from one net in 10 minutes": held(
            "nextcloud/test_devices.py::test_one_net_cannot_fill_the_table", "settings.devices_per_net"
        ),
        "devices of one person": held(
            "login/test_bounds.py::test_one_person_has_fifty_devices", "davserver.devices.MOST"
        ),
        "people who leave for the city's account from one net in 10 minutes": held(
            "login/test_oidc.py::test_one_net_cannot_fill_the_table", "davserver.identities.DEPARTURES"
        ),
        "questions to its provider at a time, the time for one": held(
            "login/test_oidc.py", "davserver.oidc.AT_A_TIME", "davserver.oidc.TIMEOUT"
        ),
        "letters through a link in 10 minutes from one net, in an hour, about one document": held(
            "portal/test_letters.py::test_floods_are_slowed_down_and_nothing_written_is_lost",
            "davserver.tree.letters.MOST_FROM_A_NET",
            "davserver.tree.letters.MOST_IN_AN_HOUR",
            "davserver.tree.letters.MOST",
        ),
        "a comment or letter: its letters; how many about one document": held(
            "portal/test_commenting.py::test_empty_and_too_long_are_told_in_words",
            "davserver.tree.commenting.MAX_LETTERS",
            "davserver.tree.commenting.MOST",
        ),
        "a link of the portal: days, uses": held(
            "portal/test_giving.py", "davserver.portal.giving.MOST_DAYS", "davserver.portal.giving.MOST_USES"
        ),
        "a form of the portal, a field beside uploads, documents in one": held(
            "portal/test_form_limits.py",
            "davserver.portal.application.FORM_BYTES",
            "davserver.portal.uploads.MAX_FIELD_BYTES",
            "davserver.portal.uploads.MAX_PARTS",
        ),
        "a form of a Nextcloud client": held(
            "portal/test_form_limits.py", "davserver.nextcloud.endpoints.LONGEST_FORM"
        ),
        "a search in the portal: its time, hits, letters": held(
            "portal/test_form_limits.py",
            "davserver.tree.searching.SECONDS",
            "davserver.tree.searching.HITS",
            "davserver.portal.home.MAX_QUERY",
        ),
        "unfinished uploads of one person": held(
            "nextcloud/test_uploads.py::test_one_user_cannot_fill_the_disk", "settings.upload_bytes"
        ),
        "what uploads leave free on a disk; what those under 16 KiB leave besides": held(
            "faults/test_full_disk.py", "shareproviders.room.ROOM_BYTES", "shareproviders.room.LOG_BYTES"
        ),
        "a document that is drawn: its time, memory": held(
            "rendering/test_maker.py", "settings.draw_seconds", "settings.draw_bytes"
        ),
        "its size": held("rendering/test_maker.py", "davserver.rendering.maker.LARGEST_DOCUMENT"),
        "documents that are drawn at a time, in a process; the wait for that": held(
            "rendering/test_maker.py", "settings.draw_at_once", "davserver.rendering.maker.PATIENCE_SECONDS"
        ),
        "pages of a reading copy, the time for one": held(
            "dav/test_renditions.py", "davserver.tree.rendered.MOST_LEAVES", "davserver.tree.rendered.MOST_SECONDS"
        ),
        "pages that are kept": held(
            "rendering/test_kept.py::test_it_goes_by_age_and_when_it_is_too_much", "settings.pages_bytes"
        ),
        "a writer's wait for the database": held("faults/test_busy_database.py", "davserver.database.WRITER_TIMEOUT"),
    }
)
WITHOUT_FIGURE = frozenset({"Depth", "a drive"})
"""Rows whose limit is a rule of the protocol, or stands in another file."""

NO_LIMITS: Mapping[str, str] = MappingProxyType(
    {
        "davserver.tree.synctokens.LONGEST": "a token of our own making that is longer is none",
        "davserver.tree.names.LONGEST_SUFFIX": "where a name's suffix begins",
        "davserver.devices.MAX_LABEL": "cut, never refused",
        "davserver.audit.DETAIL_LIMIT": "cut, never refused",
        "davserver.notices.MAX_BYTES": "the operator's own file",
        "davserver.metrics.MOST_DAMAGE": "how far is counted",
        "davserver.rendering.texts.LONGEST": "cut, and the page says so",
        "davserver.oidc.MAX_SUBJECT": "of the protocol",
        "davserver.dav.locking.LONGEST_SECONDS": "of the protocol",
        "davserver.portal.desk.people.LONGEST_ADDRESS": "of the protocol",
        "davserver.portal.desk.people.LONGEST_NAME": "what a clerk types",
        "davserver.portal.auditing.LONGEST_REFERENCE": "what an auditor types",
        "davserver.portal.giving.MAX_LABEL": "what the maker of a link types",
        "davserver.agenda_tables.LONGEST_NUMBER": "what a clerk types",
        "davserver.openings.LONGEST": "how long an address opens, not how much it costs",
        "davserver.database.LONGEST_PAUSE": "of our own processes with each other",
        "davserver.filelocks.PATIENCE": "of our own processes with each other",
        "davserver.filelocks.START_PATIENCE": "of our own processes with each other",
        "davserver.filelocks.END_PATIENCE": "of our own processes with each other",
        "davserver.serving.crew.PATIENCE": "of our own threads with each other",
        "davserver.serving.arrivals._NO_ROOM": "what the system says of its own limits",
        "davserver.serving.workers._BACK_OFF_MOST": "of our own processes with each other",
        "davserver.tree.finding.LARGEST": "of numbers in the database",
        "davserver.tree.words.MOST_HITS": "how far is searched in a document; the page says so",
        "davserver.tree.words.LONGEST": "cut, never refused",
        "davserver.rendering.drawing.MOST_PIXELS": "a picture is made smaller, never refused",
        "davserver.rendering.drawing.MOST_LETTERS": "how far is searched in a document",
        "davserver.rendering.drawing.MOST_SEARCHED": "how far is searched in a document",
        "davserver.rendering.maker.LARGEST_PDF": "what is believed of our own child",
        "davserver.rendering.maker.LARGEST_DRAWING": "what is believed of our own child",
        "davserver.rendering.maker.LARGEST_HEADER": "what is believed of our own child",
        "davserver.rendering.maker.LARGEST_WORDS": "what is believed of our own child",
        "davserver.serving.repeats.LONGEST_WORDS": "a longer request goes the usual way",
        "davserver.serving.repeats.LONGEST_ANSWER": "a longer answer is made anew each time",
        "davserver.logs.MOST_WAITING": "who writes one more line waits until all are written",
        "davserver.portal.uploads.MAX_BUFFERED": "a piece of a form in memory; the form may be longer",
        "davserver.portal.signing.MAX_CARRIED": "beyond it a form is typed again after signing in",
        "shareproviders.filesystem.index.MAX_PROPERTY_BYTES": "the same as the vault's, by the contract's tests",
        "shareproviders.vault.catalog.MAX_CLIMB": "ends a query on a damaged tree; paths are shorter",
    }
)
NO_LIMITING_SETTINGS = frozenset(
    {
        *("port", "workers", "free_space_percent", "mail_port", "argon2_memory_kib", "argon2_passes", "argon2_lanes"),
        *("trash_days", "versions_days", "versions_kept", "audit_access_days", "audit_days"),
    }
)
"""Numbers that say how much is done or kept, not what is refused."""


def rows() -> dict[str, tuple[str, str]]:
    """What is limited → its default, and by what it is set."""
    text = PAGE.read_text(encoding="utf-8")
    table = text[text.index("## Limits") : text.index("## Behind a proxy")]
    found = [(of, figure, by) for of, figure, by, _ in ROW.findall(table) if of not in ("of", "---")]
    assert len(found) == len({of for of, _, _ in found}) == table.count("\n| ") - 1
    return {of: (figure, by) for of, figure, by in found}


def figures(cell: str) -> list[float]:
    """Bytes, or as many as the unit says."""
    return [int(number.replace(",", "")) * UNITS.get(unit, 1) for number, unit in FIGURE.findall(cell)]


def figure_of(source: str) -> float:
    """What the program has there."""
    name, _, scale = source.partition(" ")
    if name.startswith("settings."):
        return float(FIELDS[name.removeprefix("settings.")].default)
    if name.startswith("limits."):
        return float(getattr(Limits(), name.removeprefix("limits.")))
    module, _, constant = name.rpartition(".")
    if module.endswith(".LockLimits"):
        module, owner = module.rpartition(".")[::2]
        return float(getattr(getattr(importlib.import_module(module), owner)(), constant))
    value = float(getattr(importlib.import_module(module), constant))
    return value / MICROSECONDS if scale else value


def test_the_table_is_whole() -> None:
    assert set(rows()) == set(TABLE) | WITHOUT_FIGURE


@pytest.mark.parametrize("of", TABLE)
def test_the_figures_are_those_of_the_program(of: str) -> None:
    """Default and key; what has no key says why."""
    cell, by = rows()[of]
    sources = TABLE[of].sources
    assert figures(cell) == [figure_of(source) for source in sources]
    keys = [source.removeprefix("settings.") for source in sources if source.startswith("settings.")]
    assert re.findall(r"`(\w+)`", by) == keys
    assert len(keys) == len(sources) or re.search(r"fixed \([pso]\)", by)


@pytest.mark.parametrize("of", TABLE)
def test_each_is_met_by_a_test(of: str) -> None:
    path, _, name = TABLE[of].test.partition("::")
    body = ast.parse((ROOT / "tests" / path).read_text(encoding="utf-8")).body
    functions = {node.name for node in body if isinstance(node, ast.FunctionDef)}
    assert name in functions if name else any(each.startswith("test_") for each in functions)


def constants() -> Iterator[str]:
    """Names of all constants that sound like a limit of the server."""
    for path in (*tracked("davserver"), *tracked("shareproviders")):
        if path.suffix != ".py" or {"demo", "testing", "migrations"} & set(path.parts):
            continue
        module = ".".join(path.with_suffix("").parts)
        for node in ast.parse((ROOT / path).read_text(encoding="utf-8")).body:
            for target in node.targets if isinstance(node, ast.Assign) else ():
                for name in target.elts if isinstance(target, ast.Tuple) else (target,):
                    if isinstance(name, ast.Name) and LIMITING.search(name.id):
                        yield f"{module}.{name.id}"


def test_no_limit_is_missing() -> None:
    """A new one gets a row, or a line above that says why it needs none."""
    told = {source.partition(" ")[0] for row in TABLE.values() for source in row.sources}
    assert set(constants()) - told == set(NO_LIMITS)
    numbers = {name for name, field in FIELDS.items() if "range" in field.metadata}
    assert numbers - {name.removeprefix("settings.") for name in told} == NO_LIMITING_SETTINGS


def test_what_is_set_reaches_the_engine() -> None:
    """Defaults stand twice, there without settings; and each that has a key is handed on."""
    assert limits_of(Settings()) == Limits()
    asked = {"header_bytes": 2048, "header_count": 20, "header_seconds": 3, "body_rate": 7, "body_seconds": 4}
    asked |= {"idle_seconds": 9, "kept_connections": 11, "connections": 12}
    given, usual = limits_of(Settings(**asked)), Limits()
    changed = {field.name for field in fields(Limits) if getattr(given, field.name) != getattr(usual, field.name)}
    assert {getattr(given, name) for name in changed} == set(asked.values())


def test_what_is_set_reaches_the_drawing() -> None:
    """Defaults stand twice there, too."""
    assert maker_of(Settings(convert_office=False)).bounds == Bounds()
    asked = Settings(convert_office=False, draw_seconds=7, draw_bytes=2**29, draw_at_once=3)
    assert maker_of(asked).bounds == Bounds(7, 2**29, 3)
