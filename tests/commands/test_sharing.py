"""link: made for somebody who may make links, shown once, stored as a hash, revoked at once (contract.md)."""

from __future__ import annotations

from pathlib import Path

import pytest

from acl import store
from acl.links import LinkKind
from acl.principals import Channel, Principal, PrincipalKind
from acl.privileges import Rights
from davserver.house import House
from davserver.tree.forest import SharePlaces
from shareproviders.paths import SharePath
from tests.commands.conftest import Run

FOLDER = "ba05/Arbeitsordner"


def granted(house: House, link_id: int, *path: str) -> Rights:
    """What a visitor of the link may do there now."""
    provider = house.share("ba05")
    with house.database.read() as connection:
        rules = store.load_rules(connection, "ba05", SharePlaces("ba05", provider).lineages)
        lineage = provider.stat(SharePath(path)).lineage
    visitor = Principal(PrincipalKind.LINK, str(link_id))
    return house.engine.granted(rules, visitor, house.clock(), Channel.LINK, lineage).rights


def test_a_link_opens_what_its_maker_may_see(peopled: Run, house: House) -> None:
    """At its node and beneath, nowhere else; after revoking nothing."""
    made = peopled("link", "create", FOLDER, "--label", "für die Presse", "--uses", "3", "--json").json
    assert made["maker"] == "user:anna"
    assert made["url"] == f"/s/{made['token']}"
    assert made["dav_url"] == f"/dav-link/{made['token']}/"
    assert granted(house, made["id"], "Arbeitsordner") & Rights.VIEW == Rights.VIEW
    assert not granted(house, made["id"], "00 Eingang")
    (listed,) = peopled("link", "list", "ba05", "--json").json
    assert (listed["path"], listed["label"], listed["uses_left"]) == (FOLDER, "für die Presse", 3)
    assert peopled("link", "revoke", str(made["id"])).code == 0
    assert not granted(house, made["id"], "Arbeitsordner")
    assert peopled("link", "revoke", str(made["id"])).code == 1
    assert "revoked" in peopled("link", "list").out


def test_the_token_is_nowhere(peopled: Run, house: House, tmp_path: Path) -> None:
    """128 bits, shown once; the database holds a keyed hash; the label is sealed."""
    made = peopled("link", "create", FOLDER, "--label", "Kanarienpresse", "--json").json
    assert len(made["token"]) == 22
    house.database.checkpoint()
    raw = b"".join(path.read_bytes() for path in (tmp_path / "drive").rglob("*") if path.is_file())
    assert made["token"].encode() not in raw
    assert b"Kanarienpresse" not in raw
    told = peopled("audit", "show", "--json").out
    assert made["token"] not in told
    assert house.links.link(made["token"], None, "127.0.0.1").id == made["id"]


def test_a_drop_takes_only(peopled: Run, house: House) -> None:
    """A drop lets add to its folder and shows nothing else."""
    said = peopled("link", "create", "ba05/00 Eingang", "--drop", "--password-stdin", "--json", stdin="sehr-geheim-1\n")
    assert said.code == 0, said.err
    made = said.json
    rights = granted(house, made["id"], "00 Eingang")
    assert rights & Rights.BIND
    assert not rights & Rights.READ & ~Rights.DISCOVER
    with house.database.read() as connection:
        (link,) = store.links(connection, "ba05")
    assert link.kind is LinkKind.DROP
    assert link.password is not None
    assert link.password.startswith("$argon2id$")


def test_a_link_that_lets_write(peopled: Run, house: House) -> None:
    """`--rights` names what the link gives beside reading; removing is never among it."""
    words = ("--rights", "read", "write-content", "bind", "--json")
    made = peopled("link", "create", FOLDER, *words).json
    wanted = Rights.READ | Rights.WRITE_CONTENT | Rights.BIND
    assert granted(house, made["id"], "Arbeitsordner") & (Rights.READ | Rights.WRITE) == wanted
    (listed,) = peopled("link", "list", "ba05", "--json").json
    assert listed["rights"] == ["read", "write-content", "bind"]


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        ([FOLDER, "--as", "otto"], 1, "otto may not make links"),
        (["ba05"], 1, "share a folder or a document"),
        ([FOLDER, "--max-class", "geheim"], 2, "unknown class"),
        ([FOLDER, "--max-class", "public"], 1, "restricted"),
        ([FOLDER, "--expires", "2020-01-01"], 1, "must start before it ends"),
        ([FOLDER, "--uses", "0"], 1, "at least once"),
        (["ba05/nowhere"], 1, "nothing"),
        ([FOLDER, "--rights", "everything"], 2, "--rights: unknown right"),
        ([FOLDER, "--rights", "read", "write"], 1, "unbind cannot be given further"),
        ([FOLDER, "--drop", "--rights", "read", "bind"], 2, "a drop lets add"),
    ],
)
def test_what_makes_no_link(peopled: Run, arguments: list[str], code: int, told: str) -> None:
    """Refused in one line, and nothing is made."""
    said = peopled("link", "create", *arguments)
    assert said.code == code
    assert told in said.err
    assert peopled("link", "list").code == 1
