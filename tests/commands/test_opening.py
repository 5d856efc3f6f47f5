"""open-url: an address for administrators and tests, as the portal makes it (docs/decisions/0028)."""

from __future__ import annotations

import pytest

from davserver.house import House
from davserver.tree.seen import Terms
from shareproviders.paths import SharePath
from tests.commands.conftest import Run
from tests.dav.doors import door

PATH = "ba05/Arbeitsordner/Vorlage 1.docx"


@pytest.fixture
def paper(house: House) -> None:
    """A document that anna, the clerk, has put into the working folder."""
    tree, path = door(house, "anna"), SharePath.parse(PATH)
    staged = tree.stage(path, [b"PK"])
    tree.put(path, staged, Terms())


@pytest.mark.usefixtures("paper")
def test_an_address_is_shown_once(peopled: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the public address it comes with the link that opens Word; who made it for whom is noted."""
    monkeypatch.setenv("DAVSERVER_PUBLIC_URL", "https://drive.example")
    made = peopled("open-url", "otto", PATH, "--json").json
    assert made["url"].startswith("https://drive.example/dav-open/")
    assert made["url"].endswith("/Vorlage%201.docx")
    assert made["office"] == f"ms-word:ofe|u|{made['url']}"
    noted = {(line["who"], line["what"], line["detail"]) for line in peopled("audit", "show", "--json").json}
    assert ("user:otto", "open-url", "") in noted
    assert any(what == "act-as" and detail == "otto" for _, what, detail in noted)
    assert "shown only now" in peopled("open-url", "otto", PATH).out


@pytest.mark.usefixtures("paper")
@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["nobody", PATH], "no active account"),
        (["otto", "ba05/Arbeitsordner"], "only a document"),
        (["otto", "ba05/nowhere.docx"], "nothing"),
        (["otto", "ba05"], "only a document"),
    ],
)
def test_what_makes_no_address(peopled: Run, arguments: list[str], told: str) -> None:
    said = peopled("open-url", *arguments)
    assert (said.code, told in said.err) == (1, True), said.err
