"""Notes in the audit log what the door refused to somebody it knows: who wanted which right at which node."""

from __future__ import annotations

from acl.principals import PrincipalKind
from acl.privileges import rights_words
from davserver.tree.looking import LookingTree
from davserver.tree.seen import AccessDenied
from shareproviders.contract import BadName, NotFound, Unavailable


def note_refusal(tree: LookingTree, error: AccessDenied) -> None:
    """For the front end that answers with it. Nobody in particular is asked to log in, and is not noted.

    What may not even be discovered is no refusal: nobody is told that it is there, and the log keeps no guesses.
    """
    if tree.principal.kind is PrincipalKind.ANONYMOUS:
        return
    try:
        seen = tree.stat(error.path)
    except (NotFound, BadName, Unavailable):
        share, node = "", 0  # gone meanwhile
    else:
        share, node = seen.share, seen.node.id
    tree.forest.reads.refused(tree.principal.key, share, node, " ".join(rights_words(error.needed)))
