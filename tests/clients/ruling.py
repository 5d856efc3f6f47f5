"""Who may see what, changed under the sync clients: classes, entries, mandates, recusals."""

from __future__ import annotations

from acl import store
from acl.entries import Entry
from acl.labels import NEVER, Classification, Label
from acl.mandates import Mandate
from acl.privileges import Rights
from acl.recusals import Effect, Recusal
from shareproviders.contract import NotFound
from shareproviders.paths import SharePath
from tests.clients.acting import Acting
from tests.clients.copies import TOKEN, escaped
from tests.clients.town import DRIVES, named

LABELS = (
    Label(Classification.OFFICE),
    Label(Classification.NON_PUBLIC),
    Label(Classification.PERSONAL),
    Label(Classification.RESTRICTED),
    Label(release_at=NEVER),
)
MATTER = "20-26 / V 15898"
OPEN = Label(Classification.PUBLIC, release_at=0)


class Ruling(Acting):
    """Written into the house directly, as the commands do."""

    def place(self, path: str) -> tuple[str, int] | None:
        """Share and node id."""
        _, drive, *names = path.split("/")
        try:
            return drive, self.house.share(drive).stat(SharePath(tuple(names))).id
        except NotFound:
            return None

    def thing(self) -> tuple[str, int] | None:
        path = self.some()
        return None if path is None or self.is_secret(path) else self.place(path)

    def labelled(self, place: tuple[str, int] | None, label: Label) -> bool:
        if place is None:
            return False
        path = self.house.share(place[0]).locate(place[1])[0]
        self.story.append(f"/{place[0]}{path} becomes {label}")
        with self.house.database.transaction() as connection:
            return store.set_label(connection, *place, label)

    def do_label(self) -> bool:
        return self.labelled(self.thing(), self.chance.choice(LABELS))

    def do_unlabel(self) -> bool:
        found = []
        for drive in DRIVES:
            with self.house.database.read() as connection:
                known = store.labels(connection, drive)
            for node in known:
                try:
                    path = f"/{drive}{self.house.share(drive).locate(node)[0]}"
                except NotFound:  # in the trash
                    continue
                if TOKEN.search(path) and known[node] != OPEN and not self.is_secret(path) and self.free(path):
                    found.append((drive, node))
        return bool(found) and self.labelled(self.chance.choice(found), OPEN)

    def do_matter(self) -> bool:
        return self.labelled(self.thing(), OPEN._replace(matter=self.house.matter_mark(MATTER)))

    def do_recusal(self) -> bool:
        now, mark = self.house.clock(), self.house.matter_mark(MATTER)
        who = self.chance.choice(("otto", "mia", "clara"))
        self.story.append(f"{who} {self.recused}")
        with self.house.database.transaction() as connection:
            if self.held or self.recused:  # what somebody has in hand stays his until it is sent
                self.recused = 0 * store.end_recusal(connection, self.recused, now)
            else:
                wish = Recusal("", who, None, mark, now, None, Effect.BOTH, "tests", now)
                self.recused = store.add_recusal(connection, wish)
        return True

    def do_entry(self) -> bool:
        place = self.thing()
        if place is None:
            return False
        who = self.chance.choice(("user:gina", "user:otto", "role:member", "user:mia"))
        deny = self.chance.random() < 0.4 and who != "user:gina"
        self.story.append(f"{who} {deny} at {self.house.share(place[0]).locate(place[1])[0]}")
        with self.house.database.transaction() as connection:
            store.add_entry(connection, place[0], Entry(place[1], who, Rights.READ, deny, end=NEVER - 1))
        return True

    def do_unentry(self) -> bool:
        drive = self.chance.choice(DRIVES)
        with self.house.database.transaction() as connection:
            found = [entry for entry in store.list_entries(connection, drive) if entry.end == NEVER - 1]
            for entry in self.chance.sample(found, min(1, len(found))):
                try:
                    path = f"/{drive}{self.house.share(drive).locate(entry.node)[0]}"
                except NotFound:
                    path = ""
                if not path or self.free(path):
                    self.story.append(f"{entry.principal} {entry.deny} no more at {path}")
                    store.remove_entry(connection, drive, entry.id)
        return bool(found)

    def do_mandate(self) -> bool:
        drive, who = self.chance.choice((("ba05", "mia"), ("ba05", "mia"), ("ba06", "gina"), ("ba07", "gina")))
        now = self.house.clock()
        with self.house.database.transaction() as connection:
            if not store.end_mandate(connection, drive, who, "member", now):
                store.declare_mandate(connection, Mandate(drive, who, "member", now))
        return True

    def do_secret(self) -> bool:
        """A paper of the office, or of a faction, that nobody else ever hears of."""
        folder = self.pick(self.folders("ba05"))
        if folder is None:
            return False
        path = f"{folder}/{self.fresh_name()}"
        kind, grade = (self.secret, Classification.OFFICE)
        if folder == "/ba05" and self.chance.random() < 0.5:
            kind, grade = (self.nobodys, Classification.FACTION)
        kind |= named(path)
        clerk = self.people["clara"]
        made = self.went(clerk, clerk.put(escaped(path), self.content(path)), path)
        return made and self.labelled(self.place(path), Label(grade))
