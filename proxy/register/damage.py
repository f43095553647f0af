"""What a failure says of the file that processes share, and how it is said.

The one invariant: after what may have left half of a transaction in the file, the file
is not trusted.
"""

from __future__ import annotations

import sqlite3
from typing import Final

_DAMAGES: Final = {
    sqlite3.SQLITE_CORRUPT,
    sqlite3.SQLITE_NOTADB,
    # its tables are not ours, or do not agree
    sqlite3.SQLITE_ERROR,
    sqlite3.SQLITE_CONSTRAINT,
    sqlite3.SQLITE_MISMATCH,
    # what could not be written may not have been undone either
    sqlite3.SQLITE_IOERR,
}


def is_damage(exc: Exception) -> bool:
    """The file cannot be relied on after it.

    An error of the library without a code is about what was read: no text, or a value
    that cannot be there. A full disk is none: what is undone needs no more room.
    """
    if not isinstance(exc, sqlite3.Error):
        return False
    code = getattr(exc, "sqlite_errorcode", None)
    return code is None or code & 0xFF in _DAMAGES


def worded(exc: Exception) -> str:
    """Without the path: it may be anywhere."""
    return str(exc.strerror or exc) if isinstance(exc, OSError) else str(exc)
