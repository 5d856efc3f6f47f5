"""label, entry, explain, who-can; and the upkeep commands check, gc, audit."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from davserver.house import House
from shareproviders.contract import Writing
from shareproviders.paths import SharePath
from tests.commands.conftest import COMMITTEES, Run


def written(text: str) -> Path:
    """A declaration in a file beside the data directory."""
    path = Path(os.environ["DAVSERVER_DATA"]).parent / "more.toml"
    path.write_text(text)
    return path


def explained(run: Run, user: str, path: str, *options: str) -> dict[str, dict[str, Any]]:
    return {right["right"]: right for right in run("explain", user, path, "--json", *options).json["rights"]}


def test_explain_says_why(peopled: Run) -> None:
    """Every right with its decision and reason codes."""
    clerk = explained(peopled, "anna", "ba05/Arbeitsordner")
    assert clerk["write-content"]["allowed"]
    assert "mandate:clerk@ba05" in clerk["write-content"]["reasons"]
    member = explained(peopled, "otto", "/dav/ba05/Arbeitsordner/")
    assert member["write-content"]["allowed"]
    assert any(code.startswith("entry:") for code in member["write-content"]["reasons"])
    assert not explained(peopled, "otto", "ba05")["write-content"]["allowed"]


def test_explain_at_an_instant(peopled: Run) -> None:
    """--at: before the mandate nothing, exit code 1."""
    said = peopled("explain", "anna", "ba05", "--at", "2026-04-30")
    assert said.code == 1
    assert "mandate:future@ba05" in said.out
    assert peopled("explain", "anna", "ba05", "--at", "2026-05-01").code == 0
    assert peopled("explain", "anna", "ba05", "--at", "soon").code == 2


def test_who_can(peopled: Run) -> None:
    """Everybody who may do something there, with his rights."""
    assert set(peopled("who-can", "ba05/Arbeitsordner", "--json").json) == {"anna", "otto"}


def test_an_entry_gives_and_its_removal_takes(peopled: Run) -> None:
    """entry add, list, remove; adding the same twice changes nothing."""
    peopled("user", "add", "eva")
    assert peopled("explain", "eva", "ba05/Arbeitsordner").code == 1
    made = peopled("entry", "add", "ba05/Arbeitsordner", "user:eva", "read", "--json").json
    again = peopled("entry", "add", "ba05/Arbeitsordner", "user:eva", "read", "--json").json
    assert (made["new"], again) == (True, {"id": made["id"], "new": False})
    assert explained(peopled, "eva", "ba05/Arbeitsordner")["read"]["allowed"]
    listed = peopled("entry", "list", "ba05/Arbeitsordner", "--json").json
    assert [entry["principal"] for entry in listed] == ["role:member", "user:eva"]
    assert peopled("entry", "remove", "ba05", str(made["id"])).code == 0
    assert peopled("explain", "eva", "ba05/Arbeitsordner").code == 1
    assert peopled("entry", "remove", "ba05", str(made["id"])).code == 1


def test_deny_wins(peopled: Run) -> None:
    """rights.md §2.5."""
    peopled("entry", "add", "ba05/Arbeitsordner", "user:otto", "write-content", "--deny")
    assert not explained(peopled, "otto", "ba05/Arbeitsordner")["write-content"]["allowed"]


@pytest.mark.parametrize(
    "arguments",
    [
        ["boss", "read"],
        ["user:otto"],
        ["user:otto", "fly"],
        ["user:otto", "read", "--from", "2027-01-01", "--until", "2026-01-01"],
    ],
)
def test_an_entry_that_makes_no_sense_is_wrong_usage(peopled: Run, arguments: list[str]) -> None:
    """One line that names the possible words."""
    said = peopled("entry", "add", "ba05", *arguments)
    assert said.code == 2
    assert said.err.count("\n") == 1


def test_label_raises_at_once_and_keeps_the_other_parts(peopled: Run) -> None:
    """Only what is named changes; `inherit` takes a date back."""
    first = peopled("label", "ba05/Arbeitsordner", "--class", "non_public", "--close", "2027-01-01", "--json").json
    assert first["label"] == "non_public, release on creation, close 2027-01-01 00:00"
    second = peopled("label", "ba05/Arbeitsordner", "--close", "inherit", "--json").json
    assert second["label"] == "non_public, release on creation"
    assert not peopled("label", "ba05/Arbeitsordner", "--class", "non_public", "--json").json["changed"]
    assert "undertaking" in " ".join(explained(peopled, "otto", "ba05/Arbeitsordner")["read"]["reasons"])


def test_lowering_a_released_class_takes_two_people(peopled: Run) -> None:
    """rights.md §2: a draft's class is corrected alone; a released one is lowered by two."""
    assert peopled("label", "ba05/00 Eingang", "--class", "public", "--json").json["changed"]
    assert peopled("label", "ba05/Arbeitsordner", "--class", "geheim").code == 2
    proposed = peopled("label", "ba05/Arbeitsordner", "--class", "public", "--as", "anna", "--json").json
    assert (proposed["changed"], proposed["label"]) == (False, "class inherited, release on creation")
    number = str(proposed["proposal"])
    assert [waiting["by"] for waiting in peopled("proposal", "list", "--json").json] == ["user:anna"]
    alone = peopled("approve", number, "--as", "anna")
    assert (alone.code, "you proposed it yourself" in alone.err) == (1, True)
    stranger = peopled("approve", number, "--as", "otto")
    assert (stranger.code, "may not change classes" in stranger.err) == (1, True)
    assert peopled("approve", number, "--as", "nobody").code == 1
    assert "class inherited" in peopled("label", "ba05/Arbeitsordner").out
    made_clerk = (
        '[[committee]]\nid = "ba05"\nname = "BA 5 Au-Haidhausen"\nquota = "1 GiB"\n'
        '[[committee.mandate]]\nuser = "otto"\nrole = "clerk"\nstart = 2026-05-01\n'
    )
    peopled("apply", written(made_clerk))
    assert peopled("approve", number, "--as", "otto").code == 0
    assert peopled("label", "ba05/Arbeitsordner").out == "public, release on creation\n"
    assert peopled("approve", number, "--as", "otto").code == 1
    assert peopled("proposal", "list").code == 1


def test_taking_back_a_release_does_not_open_the_way_for_one_alone(peopled: Run) -> None:
    """Once released counts, also for a paper that is a draft again."""
    peopled("label", "ba05/Arbeitsordner", "--class", "non_public")
    assert peopled("label", "ba05/Arbeitsordner", "--release", "never", "--json").json["changed"]
    assert peopled("label", "ba05/Arbeitsordner", "--class", "public", "--json").json["proposal"] is not None


def test_a_folder_lowers_what_lies_beneath(peopled: Run, house: House) -> None:
    """A draft folder may hold a paper that was released by itself."""
    with house.database.transaction():
        writing = Writing("user:anna", house.clock())
        house.share("ba05").make_collection(SharePath(("Sammlung",)), writing)
        house.share("ba05").make_collection(SharePath(("Sammlung", "Teil")), writing)
    assert peopled("label", "ba05/Sammlung", "--class", "non_public", "--json").json["changed"]
    assert peopled("release", "ba05/Sammlung/Teil").code == 0
    assert peopled("label", "ba05/Sammlung", "--class", "restricted", "--json").json["proposal"] is not None


def test_nobody_gives_himself_rights(peopled: Run) -> None:
    """An entry for oneself, or for an office that one holds, takes somebody else; so does a mandate or a reset."""
    for principal in ("user:otto", "role:member", "committee:ba05"):
        said = peopled("entry", "add", "ba05/Arbeitsordner", principal, "unlock", "--as", "otto")
        assert (said.code, "nobody gives himself" in said.err) == (1, True), principal
    assert peopled("entry", "add", "ba05/Arbeitsordner", "user:anna", "read", "--as", "otto").code == 0
    mandate = COMMITTEES.replace('role = "member"', 'role = "chair"')
    said = peopled("apply", written(mandate), "--as", "otto")
    assert (said.code, "nobody gives himself a mandate" in said.err) == (1, True)
    assert peopled("user", "passwd", "otto", "--as", "otto", "--password-stdin", stdin="neues-Passwort-1\n").code == 1
    assert peopled("entry", "add", "ba05", "all", "read", "--as", "nobody").code == 1


def test_the_change_log_of_rights(peopled: Run) -> None:
    """audit show --rights: who changed who may see what, nothing else."""
    peopled("label", "ba05/Arbeitsordner", "--class", "non_public", "--as", "anna")
    rows = peopled("audit", "show", "--rights", "--json").json
    assert (rows[0]["what"], rows[0]["who"]) == ("label", "user:anna")
    assert (rows[1]["what"], rows[1]["detail"]) == ("act-as", "anna")
    assert not {row["what"] for row in rows} & {"init", "make", "put"}


def test_check_and_gc_on_a_whole_house(peopled: Run) -> None:
    """Exit code 0 and nothing found."""
    assert peopled("check", "--json").json == {"findings": []}
    assert peopled("gc").code == 0


def test_check_finds_an_altered_log(peopled: Run, tmp_path: Path) -> None:
    """Exit code 3, and audit verify says where."""
    connection = sqlite3.connect(tmp_path / "drive" / "gremium.db")
    with connection:
        connection.execute("update audit set who = 'user:otto' where seq = 2")
    connection.close()
    assert peopled("check").code == 3
    said = peopled("audit", "verify", "--json")
    assert (said.code, said.json["broken"]["line"]) == (3, 2)


def test_the_house_flushes_reads(house: House, peopled: Run) -> None:
    """What a worker collected is written by flush."""
    house.reads.note("user:otto", "ba05", 7, "v1")
    house.flush()
    rows = peopled("audit", "show", "--who", "user:otto", "--json").json
    assert [(row["what"], row["node"]) for row in rows] == [("read", 7)]
