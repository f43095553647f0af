"""Looks into a spool from outside: what it holds, as it stands, with nothing changed.

For operators, whether processes work on it or none does. A record is read as a process
would read it, but a lease is neither needed nor taken: what is seen has stood at some
moment. The one invariant: whatever is damaged is told as ``UploadLost``, and the rest
can be looked at all the same.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby
from pathlib import Path

from proxy.core.errors import SpoolError, UploadMissing
from proxy.core.upload import Token, Upload

from . import files
from .ballast import Ballast
from .doubts import Doubts
from .failures import nameless, translated
from .marks import Marks
from .names import Names
from .reader import DiskReader
from .records import Records
from .shards import BODY, RECORD, Shards


class Looks:
    """Looks into the spool in `directory`, which must be one.

    `boot_id` names the running boot of the machine, see ``clock.boot_id``.

    Raises:
        SpoolError: it cannot be read.
    """

    def __init__(self, directory: str, *, boot_id: str) -> None:
        names = Names()
        with translated(f"the spool directory {directory} cannot be read"):
            self._shards = Shards(directory, names)
            marks = Marks(f"{directory}/unfinished", names)
        ballast = Ballast(directory)
        self._records = Records(self._shards, marks, ballast, boot_id, syncs=False)
        self._doubts = Doubts(self._shards)

    def groups(self) -> Iterator[list[Token]]:
        """All tokens there are, found lazily, those with the same first two characters
        together.

        Some of them may be no uploads: what a crash has left, or what is being made or
        removed just now.

        Raises:
            SpoolError
        """
        with translated("the spool cannot be listed"):
            for _, tokens in groupby(self._shards.tokens(), lambda token: token[:2]):
                yield list(tokens)

    def beginning(self, start: str) -> list[Token]:
        """The tokens that begin with `start`, two characters of one at least.

        Raises:
            SpoolError
        """
        with translated("the spool cannot be listed"):
            return sorted(self._shards.beginning(start))

    def look(self, token: Token) -> Upload:
        """The upload as it stands.

        Raises:
            UploadMissing: there is none, or none any more.
            UploadLost: it is damaged (UploadTooNew: of a newer release).
            SpoolError: it cannot be read at the moment.
        """
        return self._records.read(token).upload

    def written_at(self, token: Token) -> float | None:
        """When its record was last made durable, in seconds of the wall clock; None
        when there is none."""
        try:
            return Path(self._shards.stem(token) + RECORD).stat().st_mtime
        except (OSError, SpoolError):
            return None

    def body(self, token: Token) -> DiskReader:
        """What there is of its body, in doubt or not.

        Raises:
            UploadMissing: there is none.
            SpoolError
        """
        with translated("the body cannot be opened"):
            try:
                path = self._shards.stem(token) + BODY
                return DiskReader(files.open_to_read(path))
            except FileNotFoundError as exc:
                raise UploadMissing("it has no body") from nameless(exc)

    def size(self, token: Token) -> int | None:
        """Bytes of its body as it lies there; None without one."""
        with translated("the body cannot be looked at"):
            return files.size(self._shards.stem(token) + BODY)

    def in_doubt(self, token: Token) -> bool:
        """Whether a sync of its body has failed."""
        return self._doubts.has(token)
