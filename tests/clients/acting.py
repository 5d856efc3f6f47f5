"""What people do over HTTP under the sync clients, each as far as he may."""

from __future__ import annotations

from urllib.parse import quote, unquote

from tests.clients.copies import TOKEN, escaped
from tests.clients.town import ENOUGH, TRASH, Ground, named, told
from tests.davclient import Answer, DavClient


class Acting(Ground):
    """The clerks' and a member's verbs."""

    def went(self, client: DavClient, answer: Answer, *asked: str) -> bool:
        """Did it succeed? A refusal tells nobody a name that he has not said himself."""
        self.story.append(f"{len(self.story)} {answer.status} {asked}")
        assert answer.status < 500, (self.story[-1], answer.body)
        if answer.status >= 400 and client is self.people["otto"]:
            known = {token for path in asked for token in TOKEN.findall(unquote(path))}
            assert set(TOKEN.findall(unquote(answer.text))) <= known, (asked, answer.body)
        if answer.status in (201, 204):
            self.sent |= {name for path in asked for name in named(path)}
        return answer.status in (200, 201, 204, 207)

    def pick(self, paths: list[str], *, free: bool = True) -> str | None:
        wanted = [path for path in paths if not free or self.free(path)]
        return self.chance.choice(wanted) if wanted else None

    def do_put(self) -> bool:
        folder = self.chance.choice(self.folders())
        path = f"{folder}/{self.fresh_name()}"
        client = self.whose(path)
        if self.is_secret(path) or not self.free(path):
            return False
        self.paths[path] = False
        return self.went(client, client.put(escaped(path), self.content(path)), path)

    def do_overwrite(self) -> bool:
        path = self.pick(self.documents(), free=False)
        if path is None or (not self.free(path) and not self.held.get(path)):
            return False
        client = self.whose(path)
        if client is self.people["otto"] and self.is_secret(path):
            assert client.put(escaped(path), b"blind").status in (403, 404, 409)
            return True
        if not self.went(client, client.put(escaped(path), self.content(path), If_Match="*"), path):
            return False
        if path in self.held:
            self.contested |= named(path)
        return True

    def do_mkcol(self) -> bool:
        path = f"{self.chance.choice(self.folders())}/{self.token('n')} Ordner"
        client = self.whose(path)
        if not self.free(path) or len(self.folders()) > ENOUGH // 2:
            return False
        self.paths[path] = True
        return self.went(client, client.mkcol(escaped(path)), path)

    def some(self) -> str | None:
        """Something that may be moved, copied or deleted."""
        documents, folders = self.documents(), [path for path in self.folders() if TOKEN.search(path)]
        return self.pick(folders if folders and self.chance.random() < 0.2 else documents)

    def do_move(self, verb: str = "move") -> bool:
        source = self.some()
        if source is None:
            return False
        drive = source.split("/")[1] if self.chance.random() < 0.8 else ""
        target = f"{self.chance.choice(self.folders(drive))}/{source.rpartition('/')[2]}"
        secret, folder = self.is_secret(source), self.paths.get(source, False)
        chosen = self.chance.random()
        if not secret and not folder and chosen < 0.3:
            target = self.chance.choice([path for path in self.documents() if not self.is_secret(path)])
        elif not folder and (chosen < 0.7 or verb == "copy"):
            target = f"{target.rpartition('/')[0]}/{self.fresh_name()}"
            self.mark_secret(source, target)
        if not self.free(target) or f"{target}/".startswith(f"{source}/") or f"{source}/".startswith(f"{target}/"):
            return False
        client = self.whose(source)
        answer = getattr(client, verb)(escaped(source), escaped(target))
        return self.went(client, answer, source, target)

    def do_copy(self) -> bool:
        return self.do_move("copy")

    def do_delete(self) -> bool:
        path = self.some()
        if path is None:
            return False
        client = self.whose(path)
        number = told(self.files, path, "fileid")
        if not self.went(client, client.delete(escaped(path)), path):
            return False
        if number:
            self.thrown.append((f"{path.rpartition('/')[2]}.d{number}", path))
        return True

    def do_restore(self) -> bool:
        if not self.thrown:
            return False
        name, path = self.thrown.pop(self.chance.randrange(max(0, len(self.thrown) - 10), len(self.thrown)))
        target = self.files.origin + quote(f"{TRASH}/restore/{name}")
        if not self.free(path):
            return False
        source = quote(f"{TRASH}/trash/{name}")
        answer = self.files.request("MOVE", "", None, {"Destination": target}, raw_target=source)
        return self.went(self.files, answer, path)

    def do_proppatch(self) -> bool:
        path = self.pick(self.documents())
        if path is None:
            return False
        client = self.whose(path)
        update = f"<D:set><D:prop><x xmlns='urn:x'>{self.moment}</x></D:prop></D:set>"
        return self.went(client, client.proppatch(escaped(path), update), path)

    def do_save(self) -> bool:
        """As Word does it, or as LibreOffice: the new text arrives under a name of its own and takes the paper's."""
        path = self.pick(self.documents())
        if path is None:
            return False
        client, folder = self.whose(path), escaped(path.rpartition("/")[0])
        if client is self.people["otto"] and self.is_secret(path):
            client = self.people["clara"]
        if not self.went(client, client.put(f"{folder}/~WRD9.tmp", self.content(path)), path):
            return False
        if self.chance.random() < 0.5:
            aside = self.went(client, client.move(escaped(path), f"{folder}/~WRL9.tmp"), path)
        else:
            aside = self.went(client, client.delete(escaped(path)), path)
        saved = aside and self.went(client, client.move(f"{folder}/~WRD9.tmp", escaped(path)), path)
        for name in ("~WRD9.tmp", "~WRL9.tmp"):
            client.delete(f"{folder}/{name}")
        return saved
