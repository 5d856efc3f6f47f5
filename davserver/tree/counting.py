"""Where files of programs count: not in their folder, but with the paper whose readers may know of them.

A temp or owner file lies beside the paper that is being edited. If it touched what all readers of the folder know,
their entity tags and used bytes would tell that somebody works on a paper which they may not discover.
"""

from __future__ import annotations

from acl.rules import ShareRules
from davserver.tree.names import Neighbours, bare_name, is_reserved, owner_of
from shareproviders.contract import Node, NotFound, ShareProvider


def counted_size(node: Node) -> int:
    """What a node adds to the sizes of the collections above it: nothing, if it is a file of a program."""
    return 0 if is_reserved(node.name) else node.size


def counted_lineage(provider: ShareProvider, rules: ShareRules, node: Node) -> tuple[int, ...]:
    """The lineage through which a change of this node, and its bytes, count above it.

    An owner file counts beneath its document, if that has a label, entry or binding of its own. Every other file of a
    program counts beneath the most secret such paper of its folder, since any of them may be what it is made from; of
    equal ones the oldest, so that it is the same as long as it stands.
    """
    if not is_reserved(node.name) or node.id in rules.regions:
        return node.lineage
    above = node.lineage[:-1]
    pinned = [rules.places[pin] for pin in rules.beneath.get(above[-1], ()) if rules.places[pin][:-1] == above]
    if owner_of(bare_name(node.name)) is not None:
        document = next((place for place in pinned if _owns(provider, place[-1], bare_name(node.name))), None)
        return node.lineage if document is None else (*document, node.id)
    if not pinned:
        return node.lineage
    bounds = {place: rules.bound_at(place) for place in pinned}
    pinned.sort(key=lambda place: (-bounds[place].classification, -bounds[place].release_at, place))
    papers = (place for place in pinned if not is_reserved(_name(provider, place[-1])))
    return (*next(papers, pinned[0]), node.id)


def _owns(provider: ShareProvider, document: int, owner_file: str) -> bool:
    return Neighbours([_name(provider, document)]).has(owner_file)


def _name(provider: ShareProvider, node: int) -> str:
    """Empty for what has gone."""
    try:
        return provider.locate(node)[1].name
    except NotFound:
        return ""
