"""The role table of `config/roles.toml`: complete, and nonsense is refused with line and key (rights.md §2)."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from rights_scenario import CONFIG

from acl.labels import Classification, Phase
from acl.mandates import ROLES
from acl.privileges import Rights, close_chain
from acl.roles import RoleTable, RoleTableError

TEXT = CONFIG.read_text("utf-8")


def test_every_role_class_and_phase_has_its_cell() -> None:
    """Fifteen roles, six classes, five phases."""
    table = RoleTable.load(CONFIG)
    assert len(ROLES) == len(table.roles) == 15
    for role in table.roles.values():
        assert set(role.cells) == {(c, p) for c in Classification for p in Phase}


def test_no_cell_gives_a_right_without_its_ground() -> None:
    """Reading needs viewing, and viewing discovering, in the table itself."""
    for role in RoleTable.load(CONFIG).roles.values():
        for cell, bits in role.cells.items():
            assert close_chain(bits) == bits, (role.name, cell)


def test_clerks_and_administrators_have_no_right_in_faction_papers_and_only_clerks_in_office_papers() -> None:
    """rights.md §1: `office` clerks only, `faction` neither clerks nor administrators."""
    table = RoleTable.load(CONFIG)
    for phase in Phase:
        assert table.rights("clerk", Classification.FACTION, phase, True) == 0
        assert table.rights("admin", Classification.FACTION, phase, True) == 0
        for role in set(ROLES) - {"clerk"}:
            assert table.rights(role, Classification.OFFICE, phase, True) == 0


def test_members_read_non_public_papers_where_the_class_delivers_originals() -> None:
    """rights.md §2: view, and read where [delivery] says original."""
    seen = RoleTable.parse(TEXT).rights("member", Classification.NON_PUBLIC, Phase.RELEASED, False)
    assert Rights(seen) & Rights.READ == Rights.VIEW
    original = re.sub(r'non_public = "pointer"', 'non_public = "original"', TEXT)
    seen = RoleTable.parse(original).rights("member", Classification.NON_PUBLIC, Phase.RELEASED, False)
    assert Rights(seen) & Rights.READ == Rights.READ


@pytest.mark.parametrize(
    ("before", "after", "complaint"),
    [
        ("[role.member]", "[role.membre]", r"line \d+: role\.membre: unknown; one of: clerk, chair"),
        ("[role.press]", '[role.press]\npublik = "read"', r"line \d+: role\.press\.publik: unknown; one of: title"),
        ('office     = "bureau"\n', "", r"line \d+: role\.clerk\.office: is missing"),
        (
            'draft = "view", released',
            'drafft = "view", released',
            r"line \d+: role\.chair\.restricted\.drafft: unknown",
        ),
        ('closed = "view lead", ', "", r"line \d+: role\.chair\.non_public\.closed: is missing"),
        ('"view recuse"', '"view refuse"', r"line \d+: role\.chair\.personal\.released: unknown right 'refuse'"),
        ('office     = "bureau"', "office     = 7", r"line \d+: role\.clerk\.office: must be a text or"),
        ('office     = "bureau"', 'office     = ""', r"line \d+: role\.clerk\.office\.draft: must be a text of rights"),
        ("inside = true", 'inside = "yes"', r"line \d+: role\.clerk\.inside: must be true or false"),
        ('acts_as = ["member"]', 'acts_as = ["mayor"]', r"line \d+: role\.chair\.acts_as: unknown role 'mayor'"),
        ('after = "former_member"', 'after = "pensioner"', r"line \d+: role\.chair\.after: unknown role 'pensioner'"),
        ('personal   = "hidden"', 'personal   = "post"', r"line \d+: delivery\.personal: unknown delivery 'post'"),
        ('undertaking = ["non', 'undertaking = ["nun', r"line \d+: gate\.undertaking: unknown class 'nun_public'"),
        ('export = "read"', "", r"line \d+: ceiling\.channel\.export: is missing"),
        ('work   = "', 'read   = "', r"line \d+: word\.read: is a word that has a meaning already"),
        ("[gate]", "[gaet]", r"line \d+: gaet: unknown; one of: gate, delivery"),
        ("[gate]", "[gate", r"not TOML: .*line \d+"),
        ("[role.press]", "[role.member]", r"not TOML: .*line \d+"),
    ],
)
def test_nonsense_is_refused_with_line_and_key(before: str, after: str, complaint: str) -> None:
    """The complaint is one line, names the key and the line in which the change was made (or what contains it)."""
    assert before in TEXT
    changed = TEXT.replace(before, after, 1)
    with pytest.raises(RoleTableError, match=complaint) as caught:
        RoleTable.parse(changed)
    assert "\n" not in str(caught.value)
    if "is missing" not in complaint and "not TOML" not in complaint:
        named = int(re.search(r"line (\d+)", str(caught.value))[1])  # type: ignore[index]
        assert named == TEXT[: TEXT.index(before)].count("\n") + 1 + after.count("\n")


def test_an_unreadable_file_is_refused(tmp_path: Path) -> None:
    """In one line that names the file."""
    with pytest.raises(RoleTableError, match=r"^roles\.toml: cannot be read"):
        RoleTable.load(tmp_path / "roles.toml")
