"""Records made durable where they lie, because somebody is about to rely on them.

A new record is not synced, nor is what amends it until its state calls for that. When
an offset of 0 is about to be told, or the request has left and its client is gone, the
record has to survive a power loss as it stands. It is not replaced for that: this is
done without the lease, too, and somebody else may be saving it.

A sync that has failed may have lost what can still be read, and the next one says
nothing of it, in any process. So the record is written again with each try, until its
last byte says that one has succeeded. The one invariant: nobody relies on the record
before that byte is there, and nobody writes to what may have been relied on.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial

from proxy.core.errors import UploadLost, UploadMissing
from proxy.core.upload import Token, Upload

from . import drafts, envelope, files
from .ballast import Ballast
from .failures import translated
from .marks import Marks
from .measure import UNFINISHED
from .record import decode
from .shards import ANSWER, BODY, PARTIAL, RECORD, Shards


class Securing:
    """For the records in `shards`, of a spool that syncs; see ``Records``. Blocks."""

    def __init__(
        self, shards: Shards, marks: Marks, ballast: Ballast, boot_id: str
    ) -> None:
        self._shards = shards
        self._marks = marks
        self._ballast = ballast
        self._boot_id = boot_id

    @contextmanager
    def watched(self, token: Token) -> Iterator[Callable[[], bool]]:
        """Whether the record that is there now has been made durable in its place, by
        whatever process; also to be asked when another one is there. Not when there is
        none. Raises SpoolError.

        Who makes one durable looks afterwards whether it still stands, and who replaces
        it asks here afterwards: one of the two sees the other.
        """
        with (
            translated("the record cannot be read"),
            files.to_change(self._shards.stem(token) + RECORD) as fd,
        ):

            def is_secured() -> bool:
                if fd is None:
                    return False
                _, ending = envelope.opened(files.content(fd, drafts.LIMIT))
                return ending == envelope.SURE

            yield is_secured

    def is_loose(self, token: Token, *, told: bool) -> bool:
        """Whether its record has to be made durable, whatever a draft amends; not when
        it is gone, or lost. Raises SpoolError.

        One that never was, and says that the request may have left; or that has no
        bytes, since then an offset of 0 may be told without any other save; or one
        that is `told`, see ``Spool.secure``.
        """
        stem = self._shards.stem(token)
        with translated("the record cannot be read"):
            try:
                sealed, ending = drafts.sealed_record(stem)
                if ending == envelope.SURE:
                    return False  # whatever it says
                found = decode(sealed, token)
                if ending or not found.loose:
                    return ending == envelope.UNSURE
                if told or found.upload.attempts > 0:
                    return True
                return files.size(stem + BODY) == 0
            except (FileNotFoundError, UploadLost):
                return False

    def secure(self, token: Token) -> int:
        """Make the record as it stands durable, in its place, and the content of the
        answer it may tell; bytes by which it has grown. One that is not there is no
        error.

        Raises:
            SpoolError: nothing may be promised.
        """
        stem = self._shards.stem(token)
        with translated("the record cannot be made durable"):
            try:
                found, _ = drafts.standing(stem, token)
            except UploadMissing:
                return 0
            if found.upload.state in UNFINISHED:
                self._ballast.spend(partial(self._marks.set, token))
            if found.boot_id == self._boot_id:
                # After a power loss its size may be that of all, and not its bytes.
                self._secure_answer(stem, found.upload)
            with files.to_change(stem + RECORD) as fd:
                if fd is None:
                    return 0
                grown = self._see_through(fd, found.upload)
                stands = files.is_at(stem + RECORD, fd)
        if not stands and self.is_loose(token, told=True):
            # meanwhile another process has put one there, see `Records.show`
            return self.secure(token)
        return grown

    def _secure_answer(self, stem: str, upload: Upload) -> None:
        """What still comes is made durable by who writes it. Raises OSError."""
        if upload.answer and files.size(stem + PARTIAL) == upload.answer.size:
            with files.to_change(stem + PARTIAL) as fd:
                if fd is not None:
                    files.write_through(fd)
            files.rename(stem + PARTIAL, stem + ANSWER)

    def _see_through(self, fd: int, upload: Upload) -> int:
        """Make the record in `fd`, of `upload`, durable, and say so in its last byte;
        bytes that this adds.

        Raises:
            UploadLost: it cannot be read.
            OSError
        """
        content = files.content(fd, drafts.LIMIT)
        sealed, ending = envelope.opened(content)
        if not ending and decode(sealed, upload.token).boot_id == self._boot_id:
            # a try of somebody else may have failed, and lost what can still be read
            files.write_through(fd)
        if upload.state in UNFINISHED:
            self._marks.make_durable(upload.token)
        self._shards.sync(upload.token)
        os.pwrite(fd, envelope.SURE, len(sealed))
        return len(sealed) + len(envelope.SURE) - len(content)
