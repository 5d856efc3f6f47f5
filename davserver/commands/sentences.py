"""Reason codes of a decision as sentences for people (the codes stay stable, the sentences may be improved)."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

_WHOLE: Mapping[str, str] = MappingProxyType(
    {
        "anonymous": "nobody is logged in",
        "container": "something that he may see lies beneath",
        "error": "a policy failed, and then the answer is no; the server's log says which",
        "link": "a link holds no office",
        "undertaking": "he has not pledged secrecy yet",
        "mandate:none": "he has never held an office here",
        "mandate:ended": "his office here has ended",
        "mandate:future": "his office here has not begun",
        "phase:draft": "this is a draft: it was not released",
        "phase:released": "not between the release and the end of the meeting",
        "phase:concluded": "not after the meeting, while the minutes are not approved",
        "phase:closed": "the window for reading this is closed",
        "phase:published": "not once this is published",
        "link:unknown": "the link is not known",
        "link:ended": "the link has expired or was revoked",
        "recusal:item": "he is excluded from this agenda item",
        "recusal:matter": "he is excluded from this matter",
        "ceiling:class": "for this class nobody has this right, or no entry can give it",
        "ceiling:dav": "this is not done over a mounted drive",
        "ceiling:portal": "this is not done in the portal",
        "ceiling:link": "links do not give this",
        "ceiling:link-class": "the link does not open papers of this class",
        "ceiling:export": "this is not handed out by export",
        "ceiling:title": "the name would tell a title that he may not read",
        "ceiling:app-password": "the app password does not allow this",
        "ceiling:credential": "what he logged in with does not allow this",
        "class:faction": "this is a faction's own, and no other committee has rights there",
    }
)
_BEGUN: Mapping[str, str] = MappingProxyType(
    {
        "mandate": "he is {}",
        "role": "everybody in his place has this as {}",
        "entry": "entry {} gives it by hand",
        "deny": "entry {} denies it",
        "cut": "entry {} ends what is given further up",
        "maker": "whoever made entry {} may not do this himself any more",
        "link": "link {} gives it",
        "policy": "the policy {} decides so",
        "class": "his office does not give this for papers of class {}",
        "office": "the office {} never gives this",
        "phase": "not in the phase {}",
        "ceiling": "{} does not allow this",
    }
)


def because(code: str) -> str:
    """One sentence without capital and full stop; an unknown code stands for itself."""
    kind, _, rest = code.partition(":")
    for known in (code, code.partition("@")[0]):
        if known in _WHOLE:
            committee = code.partition("@")[2]
            return f"{_WHOLE[known]} ({committee})" if committee else _WHOLE[known]
    return _BEGUN[kind].format(rest.replace("@", " in ").replace("_", "-")) if rest and kind in _BEGUN else code
