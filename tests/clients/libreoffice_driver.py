"""Works a running LibreOffice by UNO: commands as JSON lines, one answer for each. Runs on the system's Python.

`python3 libreoffice_driver.py PIPE USER`, the password in the first line of input. A command: `do` (new, open, append,
save, close, list, quit) and its words; what ends in `.ods` is Calc's, its text the cells of column A. An answer: what
was asked for or `failed`, and the questions LibreOffice `asked`.
"""

from __future__ import annotations

import json
import sys
import time
from typing import Any

import uno
import unohelper

_set_member = uno._uno_struct__setattr__


def _set_member_or_args(value: Any, name: str, to: Any) -> None:
    """Python gives every exception its `args`, which UNO's own setter refuses: no question could be read."""
    if name == "args":
        BaseException.args.__set__(value, to)  # type: ignore[attr-defined]
    else:
        _set_member(value, name, to)


uno._uno_struct__setattr__ = _set_member_or_args  # before UNO makes its first class

from com.sun.star.beans import PropertyValue  # noqa: E402 (made by UNO on import)
from com.sun.star.task import XInteractionHandler2  # noqa: E402
from com.sun.star.uno import Exception as UnoException  # noqa: E402

START_SECONDS = 60
PATIENCE = 5  # questions in one command, so that a refused password does not ask for ever


class Person(unohelper.Base, XInteractionHandler2):  # type: ignore[misc]
    """Who sits before the screen: knows name and password, says yes to everything else, and remembers the questions."""

    def __init__(self, user: str, password: str) -> None:
        self.user, self.password = user, password
        self.asked: list[dict[str, str]] = []

    def handle(self, request: Any) -> None:
        self.handleInteractionRequest(request)

    def handleInteractionRequest(self, request: Any) -> bool:  # noqa: N802 (UNO's name)
        self.asked.append(described(request))
        if len(self.asked) > PATIENCE:
            return False
        answers = {kind(answer): answer for answer in request.getContinuations()}
        answer = next((answers[name] for name in answers if name.startswith("InteractionSupplyAuthentication")), None)
        if answer is not None:
            answer.setUserName(self.user)
            answer.setPassword(self.password)
        else:
            answer = answers.get("InteractionApprove")
        if answer is not None:
            answer.select()
        return answer is not None


def kind(answer: Any) -> str:
    """`InteractionApprove` for com.sun.star.task.XInteractionApprove, and so on."""
    names = [each.typeName.rpartition(".")[2].removeprefix("X") for each in answer.getTypes()]
    return next((name for name in names if name.startswith("Interaction") and name != "InteractionContinuation"), "")


def described(request: Any) -> dict[str, str]:
    """The kind of a question, and whom it names."""
    question = request.getRequest()
    found = {"question": type(question).__name__.rpartition(".")[2]}
    for name in ("UserInfo", "Message", "Realm"):
        value = getattr(question, name, None)
        if isinstance(value, str):
            found[name] = value
    return found


def values(**named: Any) -> tuple[Any, ...]:
    found = []
    for name, value in named.items():
        each = PropertyValue()
        each.Name, each.Value = name, value
        found.append(each)
    return tuple(found)


def cells(document: Any) -> Any:
    """Column A from the top, down to the first empty cell and with it."""
    sheet = document.Sheets.getByIndex(0)
    for row in range(1000):
        cell = sheet.getCellByPosition(0, row)
        yield cell
        if not cell.getString():
            return


def is_table(document: Any) -> bool:
    return bool(document.supportsService("com.sun.star.sheet.SpreadsheetDocument"))


def text_of(document: Any) -> str:
    return "".join(cell.getString() for cell in cells(document)) if is_table(document) else document.Text.getString()


def add_text(document: Any, text: str) -> None:
    """At the end of the text, or in the next row."""
    if is_table(document):
        *_, empty = cells(document)
        empty.setString(text)
    else:
        document.Text.insertString(document.Text.getEnd(), text, False)


class Driver:
    """One connection to the office."""

    def __init__(self, context: Any, person: Person) -> None:
        self.context, self.person = context, person
        self.desktop = context.ServiceManager.createInstanceWithContext("com.sun.star.frame.Desktop", context)
        self.handlers = {"InteractionHandler": person, "AuthenticationHandler": person}  # it wants both
        self.documents: dict[str, Any] = {}

    def work(self, command: dict[str, str]) -> dict[str, Any]:
        self.person.asked = []
        words = dict(command)
        try:
            answer = getattr(self, words.pop("do"))(**words)
        except UnoException as error:
            answer = {"failed": f"{type(error).__name__}: {error.Message}"}
        return {**answer, "asked": self.person.asked}

    def new(self, url: str, text: str) -> dict[str, Any]:
        """Write a document and save it under the URL; it stays open."""
        kind, form = ("scalc", "calc8") if url.endswith(".ods") else ("swriter", "writer8")
        document = self.desktop.loadComponentFromURL(f"private:factory/{kind}", "_blank", 0, values(Hidden=True))
        add_text(document, text)
        document.storeAsURL(url, values(FilterName=form, **self.handlers))
        self.documents[url] = document
        return {}

    def open(self, url: str) -> dict[str, Any]:
        document = self.desktop.loadComponentFromURL(url, "_blank", 0, values(Hidden=True, **self.handlers))
        if document is None:
            return {"failed": "nothing was opened"}
        self.documents[url] = document
        return {"readonly": document.isReadonly(), "text": text_of(document)}

    def append(self, url: str, text: str) -> dict[str, Any]:
        add_text(self.documents[url], text)
        return {}

    def save(self, url: str) -> dict[str, Any]:
        self.documents[url].store()
        return {}

    def close(self, url: str) -> dict[str, Any]:
        self.documents.pop(url).close(True)
        return {}

    def list(self, url: str) -> dict[str, Any]:
        """What a file dialog shows of a folder."""
        access = self.context.ServiceManager.createInstanceWithContext(
            "com.sun.star.ucb.SimpleFileAccess", self.context
        )
        access.setInteractionHandler(self.person)
        return {"names": list(access.getFolderContents(url, True))}

    def quit(self) -> dict[str, Any]:
        for document in self.documents.values():
            document.close(True)
        self.desktop.terminate()
        return {}


def connected(pipe: str) -> Any:
    """The office's context, as soon as it answers on its pipe."""
    local = uno.getComponentContext()
    resolver = local.ServiceManager.createInstanceWithContext("com.sun.star.bridge.UnoUrlResolver", local)
    end = time.monotonic() + START_SECONDS
    while True:
        try:
            return resolver.resolve(f"uno:pipe,name={pipe};urp;StarOffice.ComponentContext")
        except UnoException:
            if time.monotonic() > end:
                raise
            time.sleep(0.2)


def main() -> None:
    password = sys.stdin.readline().rstrip("\n")
    driver = Driver(connected(sys.argv[1]), Person(sys.argv[2], password))
    print(json.dumps({"ready": True}), flush=True)
    for line in sys.stdin:
        print(json.dumps(driver.work(json.loads(line))), flush=True)


if __name__ == "__main__":
    main()
