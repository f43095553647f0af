"""Where the register that processes share lies, below the directory of the spool.

Nothing there is missed: whoever works on the spool makes it anew. The one invariant: no
name here can be that of a shard.
"""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from proxy.spool import files

from .schema import VERSION


def directory(spool: str) -> str:
    return f"{spool}/counts"


def uploads(spool: str) -> str:
    """The open uploads."""
    return f"{spool}/counts/open.{VERSION}"


def lock(spool: str) -> str:
    """Held by whoever reads them or changes them."""
    return f"{spool}/counts/lock.{VERSION}"


def forget(spool: str) -> None:
    """Have none, of no release: for who is alone. Raises OSError."""
    with suppress(FileNotFoundError):
        for file in Path(directory(spool)).iterdir():
            if file.name.startswith(("open", "lock")):
                files.remove(str(file))
        Path(directory(spool)).rmdir()


def forget_ours(spool: str) -> None:
    """Have none of this release: for who holds the lock. Raises OSError."""
    files.remove(uploads(spool))
    files.remove(lock(spool))
    with suppress(OSError):
        # unless another release has its own there
        Path(directory(spool)).rmdir()
