"""What people give further by themselves: inside shares, links and drops, app passwords."""

from __future__ import annotations

from typing import Any

from acl.labels import Classification
from acl.links import LinkKind
from acl.privileges import parse_rights
from davserver.tree.seen import AccessDenied, DoesNotFit
from davserver.tree.sharing import LinkWish
from shareproviders.contract import NotFound
from shareproviders.paths import SharePath
from tests.rights import answers, changes, oracle, papers
from tests.rights.staging import Ground


class Giving(Ground):
    """The door itself is asked, as long as no protocol says it; never more than one may do there oneself."""

    def step_share(self, name: str, path: tuple[str, ...], who: str, rights: str, window: dict[str, Any]) -> str:
        """§1 `share`: inside, never more than one may do there oneself."""
        due = self.may_give(name, path, "share", rights, drop=False)
        try:
            self.door(name).share_inside(SharePath(path), who, parse_rights(rights.split()), **window)
        except (NotFound, AccessDenied, DoesNotFit) as error:
            return "" if type(error).__name__ in due else f"share: expected {due}, got {error!r}"
        if due != {"done"}:
            return f"share: expected {due}, got done"
        node = answers.find(self.world, path)
        assert node is not None
        changes.entry(self.world, node, who, rights, maker=name, **window)
        return ""

    def step_link(self, name: str, path: tuple[str, ...], kind: str, rights: str, wish: dict[str, Any]) -> str:
        """§1 `link`: outside."""
        due = self.may_give(name, path, "link", rights, drop=kind == "drop")
        secret, most = self.house.links.new_secret(), wish.get("most")
        grade = None if most is None else Classification.parse(most)
        if "read" not in oracle.words(rights) and kind == "link":
            wish = {part: wish[part] for part in wish if part != "uses"}  # they are downloads, and it gives none
        window = {part: wish[part] for part in ("start", "end", "uses") if part in wish}
        asked = LinkWish(secret.digest, LinkKind(kind), parse_rights(rights.split()), grade, **window)
        try:
            link = self.door(name).make_link(SharePath(path), asked)
        except (NotFound, AccessDenied, DoesNotFit) as error:
            return "" if type(error).__name__ in due else f"link: expected {due}, got {error!r}"
        if due != {"done"}:
            return f"link: expected {due}, got done"
        node = answers.find(self.world, path)
        assert node is not None
        fact = {"node": node, "kind": kind, "rights": rights, "maker": name, "token": secret.token, "revoked": None}
        fact |= {"most": most or papers.label(self.world, node)["class"], "uses": wish.get("uses")}
        fact |= {"start": wish.get("start", self.now), "end": wish.get("end"), "id": link.id, "share": path[0]}
        self.world["links"][len(self.world["links"])] = fact
        return ""

    def step_revoke(self, which: int) -> None:
        """By its maker, who always may; a link goes with its node for good."""
        if self.world["links"]:
            link = self.world["links"][which % len(self.world["links"])]
            if link["node"] not in self.world["nodes"] and all(
                link["node"] not in each["nodes"] for each in self.world["thrown"].values()
            ):
                return
            self.door(link["maker"]).revoke_link(link["share"], link["id"])
            link["revoked"] = self.now if link["revoked"] is None else link["revoked"]

    def may_give(self, name: str, path: tuple[str, ...], right: str, rights: str, *, drop: bool) -> set[str]:
        asker, node = oracle.user(name), answers.visible(self.world, oracle.user(name), path)
        if node is None or len(path) < 2:
            return {"NotFound", "DoesNotFit", "AccessDenied"} if node is None else {"DoesNotFit", "NotFound"}
        wanted = {"bind"} if drop else oracle.words(rights)
        if not {right, *wanted} <= oracle.rights(self.world, asker, node):
            return {"AccessDenied"}
        return {"DoesNotFit"} if drop and not self.world["nodes"][node]["folder"] else {"done"}

    def step_password(self, name: str, kind: str, path: tuple[str, ...], terms: dict[str, Any]) -> None:
        """An app password for one place only; the kind is taken over from an older one."""
        node = answers.find(self.world, path)
        if node is not None:
            grade = Classification.parse(terms.get("most", "faction"))
            self.credential(name, kind, node, max_class=grade, read_only=terms.get("read_only", False))
