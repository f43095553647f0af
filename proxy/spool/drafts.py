"""A record and the draft that may amend it: which of the two stands.

A save that need not be durable must not put a durable record at risk: a name that has
been moved to unsynced bytes points to nothing after power loss, on more than one file
system. So it is written beside the record, as a draft, which names the record it amends
by its checksum. The one invariant: a draft is read as the record as long as that one
stands; one that is torn, or amends an older record, is none.
"""

from __future__ import annotations

from proxy.core.errors import UploadLost, UploadMissing, UploadTooNew
from proxy.core.upload import Token

from . import envelope, files
from .failures import nameless
from .record import Record, decode
from .shards import DRAFT, RECORD

LIMIT = envelope.LIMIT + 2
"""Bytes read of a record: its last one, and one over the limit shows that it is over.
"""


def standing(stem: str, token: Token) -> tuple[Record, bool]:
    """The draft if it is one of the record that stands, else the record; and whether
    the name of the record is durable. `stem`: the path of both without their ends.

    The draft is read first: another process may put a newer record in the place of both
    meanwhile, and what is found here has stood at some moment in any case.

    Raises:
        UploadMissing: there is no record.
        UploadLost: it cannot be read (UploadTooNew: by this release).
        OSError
    """
    drafted = _draft(stem)
    try:
        sealed, ending = sealed_record(stem)
    except FileNotFoundError as exc:
        raise UploadMissing("it has no record") from nameless(exc)
    sure = ending != envelope.UNSURE
    found = decode(sealed, token)
    if drafted is None:
        return found, sure
    try:
        draft = decode(drafted, token)
    except UploadTooNew:
        raise
    except UploadLost:
        # torn by a power loss: nobody was promised that it would stand
        return found, sure
    return (draft if draft.base == envelope.checksum(sealed) else found), sure


def sealed_record(stem: str) -> tuple[bytes, bytes]:
    """The record whatever amends it, to be decoded; and its ending, see ``envelope``.

    Raises:
        FileNotFoundError: there is none.
        OSError
    """
    return envelope.opened(files.read(stem + RECORD, LIMIT))


def base(stem: str) -> str:
    """The checksum of the record that stands, for a draft to name it.

    Raises:
        UploadMissing: there is none.
        UploadLost: it cannot be read.
        OSError
    """
    try:
        return envelope.checksum(files.read(stem + RECORD, envelope.START))
    except FileNotFoundError as exc:
        raise UploadMissing("it has no record to replace") from nameless(exc)
    except envelope.Unreadable as exc:
        raise UploadLost(f"its record cannot be replaced: {exc}") from exc


def _draft(stem: str) -> bytes | None:
    """What it holds; None when there is none. Raises OSError."""
    try:
        return files.read(stem + DRAFT, LIMIT)
    except FileNotFoundError:
        return None
