"""Multipart forms with documents, read piece by piece: nothing of a document is ever laid down unencrypted."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator

from flask import request
from werkzeug.exceptions import ClientDisconnected
from werkzeug.sansio.multipart import Data, Epilogue, Event, Field, File, MultipartDecoder, NeedData

from davserver.portal.guarding import FORM_FIELD, check_token
from davserver.tree.locking import GuardedTree
from davserver.tree.seen import Seen, Terms
from shareproviders.contract import BodyTruncated
from shareproviders.paths import SharePath

PIECE = 256 * 1024
MAX_BUFFERED = 4 * PIECE
MAX_FIELD_BYTES = 8192
MAX_PARTS = 1000
NO_TERMS = Terms()
"""People in a browser hold no locks and state no conditions: whatever is locked stops them."""
BROKE_OFF = "the upload broke off; nothing was changed"


class NoForm(Exception):  # noqa: N818 (architecture.md §5: errors are named by what happened)
    """The body is no form as our pages send it."""


class Upload:
    """One document of the form; its pieces must be taken before the next one is asked for."""

    def __init__(self, name: str, media_type: str, form: UploadForm) -> None:
        self.name, self.media_type = name, media_type
        self._form = form

    @property
    def bare_name(self) -> str:
        """Without the folders that some programs write before it."""
        return self.name.rpartition("/")[2].rpartition("\\")[2]

    def chunks(self) -> Iterator[bytes]:
        """The document. Raises BodyTruncated where the form ends too early."""
        return self._form.rest_of_part()


class UploadForm:
    """The form of the request that is being answered: the token first, then any number of documents."""

    def __init__(self) -> None:
        """Raises NoForm for any other body."""
        boundary = request.mimetype_params.get("boundary", "")
        if request.mimetype != "multipart/form-data" or not boundary:
            raise NoForm("the body is no form with documents")
        request.max_content_length = sys.maxsize  # how much fits is the drive's to say
        self._decoder = MultipartDecoder(boundary.encode("latin-1", "replace"), MAX_BUFFERED, max_parts=MAX_PARTS)
        self._ended = False
        self.fields: dict[str, str] = {}
        """Other fields than documents, as far as they have been read: those before a document are known with it."""

    def documents(self) -> Iterator[Upload]:
        """Each document once, after the token was found right. Raises ForeignForm, NoForm, BodyTruncated."""
        shown = False
        while not isinstance(event := self._next(), Epilogue):
            if isinstance(event, Field):
                value = b"".join(self._limited())
                self.fields[event.name] = value.decode("utf-8", "replace")
                if event.name == FORM_FIELD:
                    check_token(self.fields[event.name])
                    shown = True
            elif isinstance(event, File):
                if not shown:
                    check_token("")
                name = event.filename.replace(
                    "%22", '"'
                )  # the one letter of names that browsers write so (HTML §4.10.22.8)
                upload = Upload(name, event.headers.get("Content-Type", ""), self)
                if upload.name:
                    yield upload
                else:
                    list(upload.chunks())  # a field for documents in which none was chosen
        if not shown:
            check_token("")

    def rest_of_part(self) -> Iterator[bytes]:
        """The pieces of the part that has just begun."""
        while True:
            event = self._next()
            if not isinstance(event, Data):
                raise NoForm("a part of the form does not begin where it should")
            if event.data:
                yield event.data
            if not event.more_data:
                return

    def _limited(self) -> Iterator[bytes]:
        size = 0
        for piece in self.rest_of_part():
            size += len(piece)
            if size > MAX_FIELD_BYTES:
                raise NoForm("a field of the form is too long")
            yield piece

    def _next(self) -> Event:
        """The next thing in the form."""
        while True:
            try:
                event = self._decoder.next_event()
            except ValueError as error:
                raise (BodyTruncated(BROKE_OFF) if self._ended else NoForm("the form is malformed")) from error
            if not isinstance(event, NeedData):
                return event
            try:
                piece = request.stream.read(PIECE)
            except (OSError, ValueError, ClientDisconnected) as error:
                raise BodyTruncated(BROKE_OFF) from error
            self._ended = not piece
            self._decoder.receive_data(piece or None)


def take_in(find: Callable[[], tuple[GuardedTree, SharePath]]) -> Iterator[Seen]:
    """Put the documents of the form into a folder, one after the other; each as it stands there then.

    `find` names the folder, and is asked only for a form that is ours. Raises what it, UploadForm and the verbs of the
    door raise; what has arrived before that stays.
    """
    place: tuple[GuardedTree, SharePath] | None = None
    for document in UploadForm().documents():
        place = place or find()
        tree, folder = place
        yield take(tree, document, folder / document.bare_name)


def take(tree: GuardedTree, document: Upload, path: SharePath) -> Seen:
    """Let a document of a form arrive at a path; one that stands there gets a new version."""
    tree.admit_put(path, NO_TERMS, None)
    staged = tree.stage(path, document.chunks())
    try:
        seen, _ = tree.put(path, staged, NO_TERMS, media_type=_media_type(document.media_type))
    finally:
        staged.discard()
    return seen


def _media_type(named: str) -> str:
    """What the browser says the document is; it says nothing of use where it does not know."""
    bare = named.partition(";")[0].strip().lower()
    return "" if bare == "application/octet-stream" else bare
