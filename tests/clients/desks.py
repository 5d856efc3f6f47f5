"""What two people do on their disks, in folders that sync clients keep; and the choice among all that may happen."""

from __future__ import annotations

import os

from tests.clients.copies import TOKEN, seen_on_disk
from tests.clients.ruling import Ruling
from tests.clients.town import ENOUGH, STALE, WORK, Desk, named, told

BY_HTTP = {"put": 14, "overwrite": 12, "mkcol": 3, "move": 8, "copy": 4, "delete": 6, "restore": 4, "proppatch": 3}
BY_DISK = {"disk_new": 6, "disk_edit": 10, "disk_rename": 8, "disk_delete": 4, "disk_folder": 6}
BY_RIGHTS = {"label": 6, "unlabel": 6, "entry": 3, "unentry": 3, "mandate": 2, "matter": 1, "recusal": 2, "secret": 4}
VERBS = {**BY_HTTP, "save": 8, **BY_DISK, **BY_RIGHTS}


class Town(Ruling):
    """All that happens."""

    def step(self) -> None:
        """One operation by chance; `done` counts it if it had an effect."""
        if self.steps % STALE == 0:
            self.look()
        self.steps += 1
        verb = self.chance.choices(list(VERBS), list(VERBS.values()))[0]
        if verb in ("put", "copy", "secret", "disk_new") and len(self.documents()) > ENOUGH:
            verb = "delete"
        self.story.append(verb)
        self.done[verb] += getattr(self, f"do_{verb}")()

    def may(self, desk: Desk, path: str, letters: str) -> bool:
        """Do his permissions there, as his client knows them, have all these letters?"""
        return set(letters) <= set(told(desk.asking, path, "permissions"))

    def mine(self, desk: Desk, letters: str, *, folders: bool = False, held: bool = False) -> str | None:
        """Something on his disk that nobody has in hand, and to which he may do that."""
        beneath = [seen for seen in seen_on_disk(desk.folder) if seen[0].startswith(desk.top)]
        paths = [path for path, is_folder in beneath if is_folder == folders]
        wanted = [
            path
            for path in paths
            if (TOKEN.search(path) or path == WORK) and (self.free(path) or (held and self.held.get(path)))
        ]
        path = self.chance.choice(sorted(wanted)) if wanted else None
        return path if path is not None and self.may(desk, path, letters) else None

    def write(self, desk: Desk, path: str) -> None:
        content = self.content(path)
        file = desk.folder / path[1:]
        if file.exists():
            self.written -= set(TOKEN.findall(file.read_text()))
        file.write_bytes(content)
        os.utime(file, (file.stat().st_mtime - 60,) * 2)  # clients wait until a file is two seconds old
        made = set(TOKEN.findall(content.decode()))
        self.written |= made
        self.from_disks |= made

    def hold(self, *paths: str, editor: str = "") -> bool:
        """Until it is sent nobody moves or deletes it or changes rights there; what is edited others may edit."""
        for path in paths:
            if self.held.get(path, editor) != editor:
                self.contested |= named(path)
            self.contested |= named(path) & self.sent
            self.from_disks |= named(path)
            self.held[path] = editor
        return True

    def do_disk_new(self) -> bool:
        desk = self.chance.choice(self.desks)
        folder = self.mine(desk, "C", folders=True)
        if folder is None:
            return False
        path = f"{folder}/{self.fresh_name()}"
        self.write(desk, path)
        return self.hold(path)

    def do_disk_edit(self) -> bool:
        desk = self.chance.choice(self.desks)
        path = self.mine(desk, "W", held=True)
        if path is None:
            return False
        self.write(desk, path)
        return self.hold(path, editor=desk.user)

    def do_disk_rename(self) -> bool:
        desk = self.chance.choice(self.desks)
        source, folder = self.mine(desk, "NV"), self.mine(desk, "C", folders=True)
        if source is None or folder is None or source.split("/")[1] != folder.split("/")[1]:
            return False
        target = f"{folder}/{self.fresh_name()}"
        self.mark_secret(source, target)
        (desk.folder / source[1:]).rename(desk.folder / target[1:])
        return self.hold(source, target)

    def do_disk_delete(self) -> bool:
        desk = self.chance.choice(self.desks)
        path = self.mine(desk, "D")
        if path is None:
            return False
        (desk.folder / path[1:]).unlink()
        return self.hold(path)

    def do_disk_folder(self) -> bool:
        """A new one; or another name for one in which nothing is hidden from him."""
        desk = self.chance.choice(self.desks)
        if self.chance.random() < 0.5:
            parent = self.mine(desk, "CK", folders=True)
            if parent is None or parent.count("/") > 3:
                return False
            path = f"{parent}/{self.token('n')} Ordner"
            (desk.folder / path[1:]).mkdir()
            return self.hold(path)
        source = self.mine(desk, "NV", folders=True)
        if source is None or source == WORK:
            return False
        self.look()
        inside = {path for path in self.paths if path.startswith(f"{source}/")}
        if inside != {path for path, _ in seen_on_disk(desk.folder) if path.startswith(f"{source}/")}:
            return False
        target = f"{source.rpartition('/')[0]}/{self.token('n')} umbenannt"
        (desk.folder / source[1:]).rename(desk.folder / target[1:])
        return self.hold(source, target)

    def settle(self) -> None:
        """All that was on disks has been sent."""
        self.held.clear()
        self.written.clear()
        self.contested.clear()
        self.sent.clear()
        self.look()
