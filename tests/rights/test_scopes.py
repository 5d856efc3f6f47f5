"""Scopes of app passwords (rights.md §1) in several processes: each knows the way down to every scope."""

from __future__ import annotations

import uuid
from contextlib import ExitStack

from acl.principals import Ceiling, Channel, Principal, PrincipalKind
from davserver.accounts import PEPPER_SECRET, create_app_password, revoke_app_password, scopes_in
from davserver.app import forest_of
from davserver.house import House
from davserver.tree.locking import GuardedTree
from davserver.tree.seen import Terms
from shareproviders.paths import SharePath
from tests.dav.doors import opened
from tests.running import RunningServer


def device(house: House, user: str, node: int) -> Principal:
    """An app password of that user that opens one subtree, as the login would tell it."""
    with house.database.transaction() as connection:
        pepper = house.keys.secret(PEPPER_SECRET)
        create_app_password(connection, pepper, user, "phone", house.clock(), scopes=[("ba05", node)])
    return Principal(PrincipalKind.USER, user, ceiling=Ceiling("app-password", scopes=(("ba05", node),)))


def test_a_folder_that_another_process_moved_above_a_scope_opens_the_new_way_at_once(server: RunningServer) -> None:
    """The process that moves has never met the device; the one that the device talks to has not seen the move."""
    above, deep = f"oben-{uuid.uuid4().hex[:8]}", f"tief-{uuid.uuid4().hex[:8]}"
    with server.client("clara", "/dav/ba05/Arbeitsordner") as clerk, ExitStack() as stack:
        for path in (above, f"{above}/mitte", f"{above}/mitte/{deep}"):
            assert clerk.mkcol(f"/{path}").status == 201
        asked, moving = (stack.enter_context(opened(server.data)) for _ in range(2))
        old = SharePath(("ba05", "Arbeitsordner", above, "mitte"))
        new = SharePath(("ba05", "Arbeitsordner", above + " neu"))
        mover = GuardedTree(forest_of(moving), Principal(PrincipalKind.USER, "clara"), Channel.DAV)
        scope = mover.stat(old / deep).node.id
        phone, forest = device(asked, "otto", scope), forest_of(asked)
        assert GuardedTree(forest, phone, Channel.DAV).stat(old / deep).node.id == scope
        mover.move(old, new, Terms(), overwrite=False)
        after = GuardedTree(forest, phone, Channel.DAV)
        assert [seen.path for seen in after.children(after.stat(new))] == [new / deep]
        parent = after.stat(SharePath(("ba05", "Arbeitsordner")))
        assert [seen.display_name for seen in after.children(parent)] == [above + " neu"]


def test_only_passwords_that_may_still_work_are_placed(server: RunningServer) -> None:
    """A revoked one leads nowhere, so the rules need not know the way to its scope."""
    with opened(server.data) as house, house.database.transaction() as connection:
        pepper = house.keys.secret(PEPPER_SECRET)
        made = create_app_password(connection, pepper, "otto", "old", house.clock(), scopes=[("archiv", 77)])
        assert 77 in scopes_in(connection, "archiv")
        assert 77 not in scopes_in(connection, "ba05")
        revoke_app_password(connection, made.id, house.clock())
        assert 77 not in scopes_in(connection, "archiv")
