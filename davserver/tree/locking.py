"""Locks through the door: LOCK, refresh, UNLOCK (RFC 4918 §9.10, §9.11)."""

from __future__ import annotations

from acl.privileges import Rights
from davserver.locks import LockWish
from davserver.tree.granting import GrantingTree
from davserver.tree.seen import AccessDenied, DoesNotFit, Lock, NoSuchLock, Seen, Terms
from shareproviders.contract import Expected, NotFound
from shareproviders.paths import SharePath


class GuardedTree(GrantingTree):
    """The shares as one principal may see and change them, through one channel; made anew for each request."""

    def lock(
        self, path: SharePath, terms: Terms, *, exclusive: bool, deep: bool, owner: str, seconds: int
    ) -> tuple[Lock, Seen, bool]:
        """Grant a lock; (the lock, its resource, True if an empty document was made for it).

        Nothing is left behind when the lock is refused.
        """
        wish = LockWish(self.principal.key, owner, exclusive, deep, seconds)
        if len(path.segments) < 1:
            raise DoesNotFit("the collection of drives cannot be locked")
        if not self._stands(path):
            return self._lock_new(path, terms, wish)
        with self._changing() as connection:
            seen = self.stat(path)
            if seen.node.is_collection:
                self._demand(seen, Rights.BIND)
            else:
                self._demand_content(seen)
            terms.check()
            places = self._places(path)
            lock = self.forest.locks.create(connection, seen.share, seen.node.lineage, wish, self._lock_places(places))
            self._note(connection, "lock", seen.share, seen.node)
            return lock, seen, False

    def _stands(self, path: SharePath) -> bool:
        try:
            self.stat(path)
        except NotFound:
            return False
        return True

    def _lock_new(self, path: SharePath, terms: Terms, wish: LockWish) -> tuple[Lock, Seen, bool]:
        staged = None
        with self.forest.database.read() as connection:
            self._admit_document(connection, path, terms)
        try:
            staged = self.stage(path, ())
            with self._changing() as connection:
                spot = self._admit_document(connection, path, terms)
                provider, share = spot.places.provider, spot.places.share
                self._foreseen(connection, spot)
                node, created = provider.put(spot.inner, staged, Expected(absent=True), self._writing(path.name))
                self._arrived(connection, spot, node, gain=0)
                lock = self.forest.locks.create(connection, share, node.lineage, wish, self._lock_places(spot.places))
                self._note(connection, "lock", share, node)
                return lock, self._made(path, node), created
        finally:
            if staged is not None:
                staged.discard()

    def refresh(self, path: SharePath, tokens: frozenset[str], terms: Terms, seconds: int) -> Lock:
        """Give a lock that covers this resource a new life. Raises NoSuchLock, AccessDenied."""
        with self._changing() as connection:
            seen = self.stat(path)
            self._demand_writer(seen)
            terms.check()
            if not seen.share:
                raise NoSuchLock("no such lock here")
            holder = self._holder(Terms(tokens))
            places = self._lock_places(self._places(path))
            lineage = seen.node.lineage
            return self.forest.locks.refresh(connection, seen.share, lineage, holder, places, seconds=seconds)

    def unlock(self, path: SharePath, token: str, terms: Terms) -> None:
        """Remove one's own lock, or anybody's with the right to break locks. Raises NoSuchLock, AccessDenied."""
        with self._changing() as connection:
            seen = self.stat(path)
            self._demand_writer(seen)
            terms.check()
            if not seen.share:
                raise NoSuchLock("no such lock here")
            row = self.forest.locks.find(connection, seen.share, seen.node.lineage, token)
            if row.principal != self.principal.key:
                self._demand(seen, Rights.UNLOCK)
            self.forest.locks.remove(connection, [token])
            self._note(connection, "unlock", seen.share, seen.node)

    def _demand_writer(self, seen: Seen) -> None:
        """A lock is its owner's, whichever credential he made it with; one that only reads never made any."""
        if not self.principal.ceiling.rights & Rights.WRITE:
            raise AccessDenied(seen.path, Rights.WRITE_CONTENT)
