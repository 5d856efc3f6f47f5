"""Signing in with the account that somebody has elsewhere: to the provider of identities, and back (OpenID Connect)."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, render_template, request

from davserver.identities import Cancelled, Identities, Nobody, Wish
from davserver.login import Throttled
from davserver.oidc import NoProof
from davserver.portal.ground import visit
from davserver.portal.guarding import open_to_all
from davserver.portal.signing import MAX_CARRIED, admit, again, carried, local
from shareproviders.contract import NotFound, Unavailable

pages = Blueprint("elsewhere", __name__)

BACK = "/anmelden/extern/zurueck"
"""Where browsers come back to; the provider must know it."""


@pages.post("/anmelden/extern")
@open_to_all
def depart() -> Any:
    """Send the browser to the provider, by a page of ours: `form-action` lets no form end on another site."""
    written = request.form.get("carried", "")
    wish = Wish(local(request.form.get("weiter", "/")), written if len(written) <= MAX_CARRIED else "")
    try:
        address = _identities().depart(visit().cookie, wish, visit().address)
    except Throttled as throttled:
        return again("throttled", 429, throttled.retry_after)
    except (NoProof, Unavailable):
        return again("no-provider", 503)
    return render_template("signing/onward.html", address=address)


@pages.get(BACK)
@open_to_all
def arrive() -> Any:
    """Whoever comes back is admitted, if the provider vouches for somebody who has an account here."""
    try:
        principal, wish = _identities().arrive(visit().cookie, request.args, visit().address)
    except NoProof:
        return again("no-proof")
    except Nobody:
        return again("nobody")
    except Cancelled:
        return again("cancelled")
    except Unavailable:
        return again("no-provider", 503)
    return admit(principal, local(wish.onward), carried(wish.carried))


def _identities() -> Identities:
    """Raises NotFound where the settings name no provider."""
    found = visit().ground.identities
    if found is None:
        raise NotFound("nobody signs in elsewhere here")
    return found
