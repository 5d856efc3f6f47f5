"""A folder that moves takes its labelled members along, none lower than where it comes to (rights.md §2.7, law 5)."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from acl import store
from acl.labels import NEVER, ON_CREATION, Bound, Classification, Label
from davserver.house import House
from davserver.tree.forest import SharePlaces
from shareproviders.paths import SharePath
from tests.dav.doors import opened, tree_path
from tests.davclient import DavClient
from tests.running import RunningServer

PAST, SOON = 1, 4 * 10**15  # 1970, 2096
MATTER = b"m" * 16


@pytest.fixture(scope="module")
def house(server: RunningServer) -> Iterator[House]:
    with opened(server.data) as found:
        yield found


class Papers:
    """The clerk's folder: `F` with a labelled member `F/a.txt`, and `ziel` to move it to."""

    def __init__(self, house: House, client: DavClient) -> None:
        self.house, self.client = house, client
        for path in ("/F", "/F/tief", "/ziel"):
            client.mkcol(path)
        for path in ("/F/a.txt", "/F/tief/b.txt", "/F/offen.txt"):
            client.put(path, b"1")

    def node(self, path: str) -> tuple[int, ...]:
        inner = SharePath(tree_path(self.client, path).segments[1:])
        return self.house.share("ba05").stat(inner).lineage

    def label(self, path: str, label: Label) -> None:
        with self.house.database.transaction() as connection:
            store.set_label(connection, "ba05", self.node(path)[-1], label)

    def own(self, path: str) -> Label:
        with self.house.database.read() as connection:
            return store.labels(connection, "ba05").get(self.node(path)[-1], Label())

    def bound(self, path: str) -> Bound:
        places = SharePlaces("ba05", self.house.share("ba05"))
        with self.house.database.read() as connection:
            return store.load_rules(connection, "ba05", places.lineages).bound_at(self.node(path))


@pytest.fixture
def papers(vault_folder: DavClient, house: House) -> Papers:
    return Papers(house, vault_folder)


@pytest.mark.parametrize("verb", ["move", "copy"])
@pytest.mark.parametrize("member", ["/a.txt", "/tief/b.txt"])
def test_the_higher_class_wins_for_labelled_members_too(papers: Papers, verb: str, member: str) -> None:
    papers.label(f"/F{member}", Label(Classification.PUBLIC))
    papers.label("/ziel", Label(Classification.PERSONAL))
    assert getattr(papers.client, verb)("/F", "/ziel/F").status == 201
    assert papers.bound(f"/ziel/F{member}").classification is Classification.PERSONAL
    assert papers.bound("/ziel/F/offen.txt").classification is Classification.PERSONAL


@pytest.mark.parametrize("verb", ["move", "copy"])
def test_a_member_that_is_stricter_stays_so(papers: Papers, verb: str) -> None:
    papers.label("/F/a.txt", Label(Classification.OFFICE))
    papers.label("/ziel", Label(Classification.NON_PUBLIC))
    assert getattr(papers.client, verb)("/F", "/ziel/F").status == 201
    assert papers.bound("/ziel/F/a.txt").classification is Classification.OFFICE


def test_the_later_release_and_the_earlier_close_win_and_matters_add_up(papers: Papers) -> None:
    papers.label("/F/a.txt", Label(release_at=PAST, close_at=NEVER, publish_at=PAST))
    papers.label("/ziel", Label(release_at=SOON, close_at=SOON + 1, review_at=SOON + 2, matter=MATTER))
    assert papers.client.move("/F", "/ziel/F").status == 201
    bound = papers.bound("/ziel/F/a.txt")
    assert (bound.release_at, bound.close_at, bound.review_at) == (SOON, SOON + 1, SOON + 2)
    assert bound.publish_at == NEVER, "no publication is carried along"
    assert bound.matters == {MATTER}


def test_what_was_no_paper_waits_where_papers_are_out_already(papers: Papers) -> None:
    """rights.md §1: a newcomer to a released folder is a draft; what had its own release keeps it."""
    papers.label("/F/a.txt", Label(Classification.PUBLIC, release_at=ON_CREATION))
    papers.label("/F/tief/b.txt", Label(release_at=PAST))
    papers.label("/ziel", Label(release_at=PAST + 1))
    assert papers.client.move("/F", "/ziel/F").status == 201
    assert papers.bound("/ziel/F/a.txt").release_at == NEVER
    assert papers.bound("/ziel/F/tief/b.txt").release_at == PAST + 1


def test_another_name_in_the_same_folder_changes_no_label(papers: Papers) -> None:
    """A renamed meeting folder leaves its public papers public."""
    public = Label(Classification.PUBLIC, publish_at=SOON)
    papers.label("/F/a.txt", public)
    assert papers.client.move("/F", "/G").status == 201
    assert papers.own("/G/a.txt") == public


def test_labels_that_already_suffice_stay_as_they_are(papers: Papers) -> None:
    """So that a later release of the folder still reaches what has only a class of its own."""
    papers.label("/F/a.txt", Label(Classification.OFFICE))
    assert papers.client.move("/F", "/ziel/F").status == 201
    assert papers.own("/ziel/F/a.txt") == Label(Classification.OFFICE)
