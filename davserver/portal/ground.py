"""What the portal stands on, and what it knows of the request that it answers."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from flask import Request, g, request

from acl.links import Link
from acl.principals import Principal
from davserver.devices import DeviceLogin, OwnDevices
from davserver.identities import Identities
from davserver.invitations import Invitations
from davserver.links import LinkLogin
from davserver.notices import Notice
from davserver.openings import NewOpening
from davserver.resets import Resets
from davserver.second_step import SecondStep
from davserver.sessions import Sessions, SignedIn
from davserver.tree.rendered import Showing
from davserver.tree.seen import Seen
from shareproviders.paths import SharePath

if TYPE_CHECKING:
    from davserver.tree.auditing import Auditing
    from davserver.tree.exclusions import Exclusions
    from davserver.tree.letters import Letter
    from davserver.tree.linked import LinkTree
    from davserver.tree.locking import GuardedTree
    from davserver.tree.office import Office
    from davserver.tree.seconding import Seconding

COOKIE, COOKIE_OVER_TLS = "gremium", "__Host-gremium"


@dataclass(frozen=True, slots=True)
class Ground:
    """Handed in once for each process."""

    sign_in: Callable[[str, str, str], Principal]
    """Name, password, address → who that is, before any second step. Raises WrongPassword, AppPasswordShown,
    SignsInElsewhere, Throttled, Unavailable.
    """
    second_step: SecondStep
    identities: Identities | None
    """Signing in through a provider of identities, where the settings name one."""
    awake_until: Callable[[str], int | None]
    """When somebody's devices fall asleep, if he signs in elsewhere."""
    resets: Resets
    send: Callable[[str, str, str], None] | None
    """Receiver, subject, text → a mail, where the settings name a server for it. Raises MailRefused."""
    sessions: Sessions
    door: Callable[[Principal], GuardedTree]
    clock: Callable[[], int]
    log: Callable[[Mapping[str, object]], None]
    notices: Mapping[str, Notice]
    devices: DeviceLogin
    own_devices: OwnDevices
    invitations: Invitations
    open_once: Callable[[Principal, SharePath], NewOpening]
    """A one-time address of a document for a program. Raises AccessDenied, DoesNotFit."""
    office: Callable[[GuardedTree, str], Office]
    """The desk of a committee. Raises NotFound, AccessDenied."""
    seconding: Callable[[GuardedTree], Seconding]
    exclusions: Callable[[GuardedTree], Exclusions]
    auditing: Callable[[GuardedTree], Auditing]
    """Who has read what, for auditors, and for everyone of himself."""
    showing: Callable[[GuardedTree], Showing]
    """Through a door, what its asker may look at in place."""
    links: LinkLogin
    link_door: Callable[[Link], LinkTree]
    """What a link opens. Raises NotFound if its document or folder has gone."""
    letter: Callable[[bytes], Letter]
    """What somebody without an account wrote, by the digest of its reply link. Raises NotFound."""
    public_url: str = ""


class Visit:
    """One request: who asks, in which language, through which door."""

    def __init__(self, ground: Ground, asked: Request, language: str) -> None:
        self.ground, self.language = ground, language
        self.secure = asked.scheme == "https" or ground.public_url.startswith("https:")
        self.cookie_name = COOKIE_OVER_TLS if self.secure else COOKIE
        self.cookie = asked.cookies.get(self.cookie_name, "")
        """The session's token, or random letters by which forms of people without a session are known."""
        self.new_cookie = ""
        """What the answer is to set in its place; empty: it stays."""
        self.signed_in: SignedIn | None = ground.sessions.find(self.cookie) if self.cookie else None
        self.address = asked.remote_addr or ""
        self.nodes: list[str] = []
        """Node ids for the log, `share/id`."""

    @cached_property
    def tree(self) -> GuardedTree:
        """The door, as whoever is signed in may go through it; opened for this request alone."""
        return self.ground.door(self.principal)

    @cached_property
    def showing(self) -> Showing:
        """Pages of documents, as whoever is signed in may look at them."""
        return self.ground.showing(self.tree)

    @property
    def principal(self) -> Principal:
        """Who is signed in; the gate has let nobody else come so far."""
        assert self.signed_in is not None
        return self.signed_in.principal

    def noted(self, seen: Seen) -> Seen:
        """Remember a resource for the log line, and hand it back."""
        self.nodes.append(f"{seen.share}/{seen.node.id}")
        return seen

    @property
    def form_token(self) -> str:
        """What forms on this page carry; gives a visitor without any cookie one."""
        if not self.cookie and not self.new_cookie:
            self.new_cookie = secrets.token_urlsafe(32)
        return self.ground.sessions.token_for_forms(self.new_cookie or self.cookie)


def visit() -> Visit:
    """The visit that is being answered."""
    here: Visit = g.visit
    return here


def origin() -> str:
    """Scheme and host under which people reach this portal; what a form's Origin header must say."""
    return visit().ground.public_url.rstrip("/") or f"{request.scheme}://{request.host}"
