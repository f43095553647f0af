"""Where the register that processes share lies, below the directory of the spool.

Nothing there is missed: whoever works on the spool makes it anew. The one invariant: no
name here can be that of a shard.
"""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from proxy.spool import files


def directory(spool: str) -> str:
    return f"{spool}/counts"


def uploads(spool: str) -> str:
    """The open uploads."""
    return f"{spool}/counts/open"


def lock(spool: str) -> str:
    """Held by whoever reads them or changes them."""
    return f"{spool}/counts/lock"


def forget(spool: str) -> None:
    """Have none. Raises OSError."""
    files.remove(uploads(spool))
    files.remove(lock(spool))
    with suppress(FileNotFoundError):
        Path(directory(spool)).rmdir()
