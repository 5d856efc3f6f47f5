"""Looking for people: by number instead of by path, described in the domain's words, with reasons.

Everything here stands on a tree, so it sees what that tree's asker may discover through its channel, and nothing else.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from acl import store
from acl.labels import Classification, Phase
from acl.privileges import Rights
from acl.sentences import Language, sentence
from davserver.openings import is_editable
from davserver.tree.locking import GuardedTree
from davserver.tree.looking import NOTHING_HERE
from davserver.tree.names import bare_name, is_programs
from davserver.tree.seen import Seen, Thrown
from shareproviders.contract import BadName, KeepsVersions, NotFound
from shareproviders.paths import SharePath

LARGEST = 2**63 - 1  # numbers of nodes have 64 bits (docs/storage-format.md)
OFFERED = (
    ("look", Rights.VIEW, False),
    ("download", Rights.READ, False),
    ("versions", Rights.READ, False),
    ("comment", Rights.COMMENT, False),
    ("restore", Rights.READ | Rights.WRITE_CONTENT, False),
    ("add", Rights.BIND, True),
    ("label", Rights.RECUSE | Rights.WRITE_ACL, False),
    ("label", Rights.RECUSE | Rights.WRITE_ACL, True),
)
"""What one may do to a thing, with which rights over it, and whether that is for folders or for documents."""
OFFERED_BY_FOLDER = (
    ("rename", Rights.UNBIND | Rights.BIND, Rights.READ),
    ("move", Rights.UNBIND, Rights.READ),
    ("delete", Rights.UNBIND, Rights.DISCOVER),
)
"""What one may do to what lies in a folder: with which rights over the folder, and over the thing itself."""
EXPLAINED: tuple[tuple[str, Rights, bool | None], ...] = (
    ("discover", Rights.DISCOVER, None),
    ("view", Rights.VIEW, None),
    ("read", Rights.READ, False),
    ("write-content", Rights.WRITE_CONTENT, False),
    ("bind", Rights.BIND, True),
    ("unbind", Rights.UNBIND, True),
    ("comment", Rights.COMMENT, False),
    ("share", Rights.SHARE, None),
    ("link", Rights.LINK, None),
)
"""What people ask about: its word, the privilege, and whether it makes sense for folders only (or documents only)."""


class Described(NamedTuple):
    """A resource in the words of the domain, as the asker may know it."""

    seen: Seen
    title: str
    """Empty where the name would tell a non-public title."""
    number: str
    """Of the agenda item whose folder it is; empty for anything else."""
    classification: Classification
    phase: Phase
    offers: frozenset[str]
    """What a page may offer the asker to do with it: a courtesy, since every verb asks again."""


class Reason(NamedTuple):
    """One privilege, and why it is granted or not."""

    word: str
    allowed: bool
    sentences: tuple[str, ...]


class Finding:
    """Looks through one tree, for one request."""

    def __init__(self, tree: GuardedTree) -> None:
        self.tree = tree

    def at(self, share: str, node: int) -> Seen:
        """What has this number. Raises NotFound for what is absent, in the trash or hidden, alike."""
        tree = self.tree
        if node > LARGEST:
            raise NotFound(NOTHING_HERE)
        try:
            places = tree._share(share)
            tree._enter(places, SharePath((share,)))
            stored, _ = places.provider.locate(node)
            path = SharePath((share, *(bare_name(name) for name in stored.segments)))
            seen = tree.stat(path)
        except BadName:
            raise NotFound(NOTHING_HERE) from None
        if seen.node.id != node:
            raise NotFound(NOTHING_HERE)
        return seen

    def by_path(self, path: SharePath) -> Seen:
        """What stands at a path whose every name the asker may know; else guessing names would tell titles.

        Raises NotFound, BadName.
        """
        seen = self.tree.stat(path)
        if not all(each.title for each in self.describe([*self.above(seen), seen])):
            raise NotFound(NOTHING_HERE)
        return seen

    def above(self, seen: Seen) -> list[Seen]:
        """The folders above it that the asker may discover, the drive first."""
        found = []
        for depth in range(1, len(seen.path.segments)):
            try:
                found.append(self.tree.stat(SharePath(seen.path.segments[:depth])))
            except NotFound:
                continue
        return found

    def members(self, folder: Seen) -> list[Seen]:
        """Of a folder, without files that programs make for themselves."""
        return [seen for seen in self.tree.children(folder) if not is_programs(seen.display_name)]

    def describe(self, page: Sequence[Seen], folder: Seen | None = None) -> list[Described]:
        """Each in the words of the domain, in order; `folder` is the one that all lie in, if they do."""
        numbers = self._numbers(page)
        return [self._described(seen, folder, numbers) for seen in page]

    def _described(self, seen: Seen, folder: Seen | None, numbers: dict[tuple[str, int], str]) -> Described:
        tree = self.tree
        offers = {
            word
            for word, rights, for_folders in OFFERED
            if for_folders == seen.node.is_collection and not rights & ~seen.rights
        }
        if folder is not None and folder.share and len(seen.path.segments) > 1:
            offers |= {
                word
                for word, there, here in OFFERED_BY_FOLDER
                if not there & ~folder.rights and not here & ~seen.rights
            }
        if seen.rights & (Rights.SHARE | Rights.LINK) and len(seen.path.segments) > 1:
            offers.add("share")
        if not seen.share:
            return Described(seen, seen.display_name, "", Classification.PUBLIC, Phase.RELEASED, frozenset())
        places = tree._share(seen.share)
        if not isinstance(places.provider, KeepsVersions):
            offers -= {"versions", "restore"}
        bound = tree._view(places).rules.bound_at(seen.node.lineage)
        opens = bound.classification <= Classification.RESTRICTED and is_editable(seen.node.name)
        offers |= {"open"} if opens and "download" in offers else set()
        secret = is_secret(bound.classification, seen.rights) and len(seen.path.segments) > 1
        title = "" if secret else seen.display_name
        number = numbers.get((seen.share, seen.node.id), "")
        return Described(seen, title, number, bound.classification, bound.phase_at(tree.clock()), frozenset(offers))

    def _numbers(self, page: Sequence[Seen]) -> dict[tuple[str, int], str]:
        """Of those that are the folder of an agenda item: its number, `N 3` in the non-public part."""
        found = {}
        with self.tree.forest.database.read() as connection:
            for share in {seen.share for seen in page if seen.share}:
                nodes = {seen.node.id for seen in page if seen.share == share}
                for node, (number, public) in store.agenda_numbers(connection, share, nodes).items():
                    found[share, node] = shown_number(number, public=public)
        return found

    def thrown_title(self, thrown: Thrown) -> str:
        """The name of something in the trash; empty where it would tell a non-public title."""
        tree = self.tree
        view = tree.forest.rules.trash_view(tree._share(thrown.share), tree.principal, tree.channel)
        bound = view.rules.bound_at(thrown.node.lineage)
        return "" if is_secret(bound.classification, thrown.rights) else bare_name(thrown.node.name)

    def thrown_place(self, thrown: Thrown) -> list[str]:
        """Titles of the folders that it lay in, the drive first; empty ones where he may not know them."""
        titles, names = [], thrown.place.segments if thrown.place else ()
        for depth in range(1, len(names)):
            try:
                folder = self.tree.stat(SharePath(names[:depth]))
            except NotFound:
                titles.append("")  # deleted as well
            else:
                titles.append(self.describe([folder])[0].title)
        return titles

    def reasons(self, seen: Seen, language: Language) -> list[Reason]:
        """Why the asker may and may not do what people do with such a thing; nothing of what he may not discover."""
        tree = self.tree
        if not seen.share:
            return []
        places = tree._share(seen.share)
        view, now = tree._view(places), tree.clock()
        titles = {name: role.title for name, role in tree.forest.engine.roles.roles.items()}
        committee = view.rules.committee.name
        told = []
        for word, right, for_folders in EXPLAINED:
            if for_folders is None or for_folders == seen.node.is_collection:
                decision = view.decide(right, seen.node.lineage, now)
                codes = (code.replace(f"@{seen.share}", f"@{committee}") for code in decision.reasons)
                sentences = tuple(dict.fromkeys(sentence(code, language, titles) for code in codes))
                told.append(Reason(word, decision.allowed, sentences))
        return told


def is_secret(classification: Classification, rights: Rights) -> bool:
    """Is the title for others only? Whoever may not view a non-public paper knows that it is there, not what it is."""
    return classification >= Classification.NON_PUBLIC and Rights.VIEW & ~rights != 0


def shown_number(number: str, *, public: bool) -> str:
    """The number of an agenda item as people read it: `4.2.1`, `N 3` in the non-public part."""
    return number if public or number.startswith("N") else f"N {number}"
