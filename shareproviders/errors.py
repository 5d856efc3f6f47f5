"""The error family of the contract: what a share can answer instead of doing what was asked."""

from __future__ import annotations


class ShareError(Exception):
    """Base of what a share can answer instead of doing what was asked; the text is one sentence for people."""


class NotFound(ShareError):  # noqa: N818 (these are the house's words, architecture.md §5)
    """Nothing there."""


class ParentMissing(ShareError):  # noqa: N818
    """The collection that should receive a member does not exist."""


class NameTaken(ShareError):  # noqa: N818
    """Something is there already and the verb does not replace it."""


class WrongKind(ShareError):  # noqa: N818
    """A collection where a document is needed, or the reverse."""


class Outdated(ShareError):  # noqa: N818
    """What was expected no longer holds."""


class BodyTruncated(ShareError):  # noqa: N818
    """The request's body ended before its announced end, or its checksum differs; nothing was changed."""


class QuotaExceeded(ShareError):  # noqa: N818
    """The share's limit would be passed."""


class ReadOnlyShare(ShareError):  # noqa: N818
    """This share takes no changes."""


class Damaged(ShareError):  # noqa: N818
    """Stored bytes, names or rows fail their check; never any partial plaintext."""


class Unavailable(ShareError):  # noqa: N818
    """Cannot answer now (lock time-out, full or failing disk); trying again later may help."""


class DiskFull(Unavailable):
    """The disk has no room for it; freed space heals, without a restart."""
