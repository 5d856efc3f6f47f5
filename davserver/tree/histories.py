"""Earlier versions of a document, through the door: decided by the document as it stands now."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial

from acl.engine import LOG_READ
from acl.principals import PrincipalKind
from acl.privileges import Rights
from davserver.tree import parts
from davserver.tree.damage import opened
from davserver.tree.seen import AccessDenied, DoesNotFit, Seen, Terms
from davserver.tree.two_sided import TwoSidedTree
from shareproviders.contract import KeepsVersions, NotFound, Version, WrongKind
from shareproviders.paths import SharePath

AT_WORK = Rights.WRITE_CONTENT | Rights.BIND
"""Whoever has one of these works on the papers there; a legal hold takes the first and leaves the second."""
NO_VERSIONS = "this drive keeps no earlier versions"
NO_SUCH_VERSION = "this version of the document does not exist"


class HistoryTree(TwoSidedTree):
    """Reading versions needs `read` of the document, restoring one `write-content`."""

    def versions(self, seen: Seen) -> list[Version]:
        """Newest first, the current one included; whoever only reads gets none that was replaced before the release.

        Raises AccessDenied, WrongKind for a collection, DoesNotFit in a drive that keeps none.
        """
        provider = self._histories(seen)
        found = provider.versions(seen.node)
        return found if seen.rights & AT_WORK else self._released(seen, found)

    def past(self, seen: Seen, version: int) -> Seen:
        """A document as it was in one version, by its id: to be read and looked at. Raises as `versions`, NotFound."""
        found = self._version(seen, version)
        tag, kind = found.entity_tag, found.media_type
        node = seen.node._replace(size=found.size, entity_tag=tag, media_type=kind, modified=found.at)
        return seen._replace(node=node, tag=tag, version=version)

    def source(self, seen: Seen) -> Iterator[bytes]:
        return super().source(seen) if seen.version is None else self.read_version(seen, seen.version)

    def read(self, seen: Seen, start: int = 0, length: int | None = None) -> Iterator[bytes]:
        """As everywhere, of a version if that was asked for."""
        if seen.version is None:
            return super().read(seen, start, length)
        return self.read_version(seen, seen.version, start, length)

    def read_version(self, seen: Seen, version: int, start: int = 0, length: int | None = None) -> Iterator[bytes]:
        """As `read`, of one version by its id. Raises as `versions`, and NotFound."""
        found = self._version(seen, version)
        read = partial(self._histories(seen).read_version, seen.node, version, start, length)
        pieces = opened(self.forest, seen.share, seen.node._replace(entity_tag=found.entity_tag), read)
        if LOG_READ in seen.obligations:
            self.forest.reads.note(self.principal.key, seen.share, seen.node.id, found.entity_tag)
        return self._watched(seen.path, pieces, partial(self._may_still, Rights.READ, seen))

    def _version(self, seen: Seen, version: int) -> Version:
        found = next((each for each in self.versions(seen) if each.id == version), None)
        if found is None:
            raise NotFound(NO_SUCH_VERSION)
        return found

    def restore_version(self, path: SharePath, version: int, terms: Terms) -> Seen:
        """Make an earlier version the newest; what was the newest stays as a version. Raises as `read_version`."""
        with self._changing() as connection:
            seen = self.stat(path)
            provider = self._histories(seen)
            self._demand(seen, Rights.WRITE_CONTENT)
            if all(each.id != version for each in provider.versions(seen.node)):
                raise NotFound(NO_SUCH_VERSION)
            terms.check()
            places, holder = self._share(seen.share), self._holder(terms)
            self.forest.locks.check(connection, seen.share, seen.node.lineage, holder, self._lock_places(places))
            node = provider.restore_version(self._inner(path), version, self._writing(path.name))
            gain = node.size - seen.node.size
            parts.touch(connection, self.forest.rules.of(places), node.lineage, node.change, gain)
            self._note_about(connection, "version-restore", seen.share, node.id, f"version {version}")
            return self.stat(path)

    def _histories(self, seen: Seen) -> KeepsVersions:
        if seen.node.is_collection:
            raise WrongKind("a folder has no versions")
        self._demand(seen, Rights.READ)
        if seen.instead is not None or self.principal.kind is not PrincipalKind.USER:
            raise AccessDenied(seen.path, Rights.READ)  # a link opens the paper, not how it came about
        provider = self.forest.provider(seen.share)
        if not isinstance(provider, KeepsVersions):
            raise DoesNotFit(NO_VERSIONS)
        return provider

    def _released(self, seen: Seen, versions: Sequence[Version]) -> list[Version]:
        """Without those that were drafts all their time: replaced before the paper was released."""
        release = self.forest.rules.of(self._share(seen.share)).bound_at(seen.node.lineage).release_at
        newer = [None, *versions[:-1]]
        return [each for each, next_one in zip(versions, newer, strict=True) if not next_one or next_one.at > release]
