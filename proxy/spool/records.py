"""The records of uploads on a file system: made, read, replaced.

A save that need not be durable is a draft beside the record, which amends it
(``drafts``).

A durable record that is new to a process may have been left by one that died, or was
told of an error, before the sync of its name. Its last byte says whether that has been
seen through (``envelope``): until then nobody may build on it.

Everything here blocks and has one caller per upload at a time. The one invariant: the
earlier record stands until the new one is whole, and a full disk does it no harm: for
a record that is replaced, the ballast is given up.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from proxy.core.errors import UploadLost, UploadMissing
from proxy.core.upload import Token, Upload
from proxy.core.values import replace

from . import drafts, envelope, files
from .ballast import Ballast
from .failures import translated
from .marks import Marks
from .measure import UNFINISHED, after_reboot, may_grow, measured
from .record import Record, encode
from .shards import ANSWER, BODY, DRAFT, PARTIAL, RECORD, Shards


@dataclass(frozen=True, slots=True)
class Found:
    """An upload as its record tells it."""

    upload: Upload
    """With its offset measured."""
    cut: bool
    """Its body has to be cut back to that."""
    sure: bool
    """False: a power loss may undo the record, see `Records.make_sure`."""


class Records:
    """The records in `shards`, written in the boot `boot_id`; synced when `syncs`."""

    def __init__(
        self,
        shards: Shards,
        marks: Marks,
        ballast: Ballast,
        boot_id: str,
        *,
        syncs: bool,
    ) -> None:
        self._shards = shards
        self._ballast = ballast
        self._marks = marks
        self._boot_id = boot_id
        self._syncs = syncs

    def create(self, upload: Upload) -> int:
        """Write the record of a new upload, beside an empty body; bytes it takes.

        Nothing is synced.

        Raises:
            SpoolError: nothing of it is there, or it was there before.
        """
        return self._make(upload, b"", b"")

    def adopt(self, upload: Upload, body: bytes | None, answer: bytes) -> int:
        """Write the record of an upload beside its body and its answer; bytes that the
        record takes.

        Nothing is synced.

        Raises:
            SpoolError: nothing of it is there, or it was there before.
        """
        return self._make(upload, body, answer)

    def _make(self, upload: Upload, body: bytes | None, answer: bytes) -> int:
        content = encode(Record(upload, self._boot_id, loose=True))
        with translated("the upload cannot be created"):
            try:
                self._create(upload, content, body, answer)
            except FileNotFoundError:
                # empty for long, the shard was taken for rubbish by a tidy host
                self._shards.forget(upload.token)
                self._create(upload, content, body, answer)
            except FileExistsError:
                self._clear_away(upload.token)
                self._create(upload, content, body, answer)
        return len(content)

    def _clear_away(self, token: Token) -> None:
        """Remove what an earlier try has left that could not even be taken back.

        Raises:
            OSError: it is an upload.
        """
        stem = self._shards.stem(token)
        if files.size(stem + RECORD) is not None:
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST))
        for suffix in (PARTIAL, BODY):
            files.remove(stem + suffix)

    def _create(
        self, upload: Upload, content: bytes, body: bytes | None, answer: bytes
    ) -> None:
        stem = self._shards.stem(upload.token)
        self._shards.make(upload.token)
        # the body first: alone it is no upload, a record without it is a lost one
        files.write_new(stem + BODY, body or b"", sync=False)
        try:
            if answer:
                files.write_new(stem + PARTIAL, answer, sync=False)
            if upload.state in UNFINISHED:
                self._marks.set(upload.token)
            # whole or not at all: a torn one would look like a loss, and stay
            files.replace(stem + RECORD, content, sync=False)
            if body is None:
                files.remove(stem + BODY)
        except OSError:
            for suffix in (RECORD, PARTIAL, BODY):
                files.remove(stem + suffix)
            self._marks.clear(upload.token)
            raise

    def read(self, token: Token) -> Found:
        """The upload as it stands.

        Raises:
            UploadMissing, UploadLost, UploadTooNew, SpoolError: as ``Spool.load``.
        """
        try:
            return self._read(token)
        except UploadLost:
            # Another process may have freed the body since its record was read here:
            # then a newer one says that it is needed no more.
            return self._read(token)

    def _read(self, token: Token) -> Found:
        stem = self._shards.stem(token)
        with translated("the record cannot be read"):
            found, sure = drafts.standing(stem, token)
            size = files.size(stem + BODY)
        if found.boot_id == self._boot_id:
            return Found(measured(found.upload, size), False, sure)
        upload = after_reboot(self._with_answer(stem, found.upload), size)
        return Found(upload, may_grow(upload), sure=True)

    def _with_answer(self, stem: str, upload: Upload) -> Upload:
        """`upload` after a power loss: what was not durable of its answer's content may
        be anything, though its size is that of all."""
        answer = upload.answer
        if answer is None or not answer.kept or not answer.size:
            return upload
        with translated("the answer cannot be looked at"):
            if files.size(stem + ANSWER) == answer.size:
                return upload
        return replace(upload, answer=replace(answer, kept=False))

    def is_of_this_boot(self, token: Token) -> bool:
        """Whether what stands was written since the machine started.

        Raises:
            UploadMissing, UploadLost, UploadTooNew, SpoolError: as ``Spool.load``.
        """
        with translated("the record cannot be read"):
            found, _ = drafts.standing(self._shards.stem(token), token)
        return found.boot_id == self._boot_id

    def is_acknowledged(self, token: Token) -> bool:
        """Whether the whole body is known to be on the disk.

        Raises:
            UploadMissing, UploadLost, UploadTooNew, SpoolError: as ``Spool.load``.
        """
        with translated("the record cannot be read"):
            found, _ = drafts.standing(self._shards.stem(token), token)
        return found.upload.acknowledged == found.upload.length

    def make_sure(self, token: Token) -> None:
        """See the last durable save through, which somebody else may have begun.

        It may be in the middle of it still: then this does no harm.

        Raises:
            UploadMissing: another process has removed it since it was read.
            SpoolError: nothing may be promised.
        """
        # this very file, even if it is not the record any more by then
        with (
            translated("the record cannot be made durable"),
            files.to_change(self._shards.stem(token) + RECORD) as fd,
        ):
            if fd is None:
                raise UploadMissing("it has no record any more")
            self._shards.sync(token)
            _turn(fd)

    def save(self, upload: Upload) -> int:
        """Replace the record at once: the death of the process cannot undo it. Bytes
        that it takes more than before, with its draft.

        Never takes a mark away, since after a power loss the record may stand again.

        Raises:
            UploadMissing, UploadLost: there is no record to replace.
            SpoolError: the earlier record still stands.
        """
        if not self._syncs:
            return self.save_durably(upload)
        stem = self._shards.stem(upload.token)
        with translated("the record cannot be saved"):
            base = drafts.base(stem)
            content = encode(Record(upload, self._boot_id, base))
            if upload.state in UNFINISHED:
                self._mark(upload.token)
            before = files.size(stem + DRAFT) or 0
            self._replace(stem + DRAFT, content)
        return len(content) - before

    def show(self, upload: Upload) -> int:
        """Replace a record that was never durable by another that is not, in its place.
        Bytes that it takes more than before.

        Raises:
            UploadMissing: there is no record to replace.
            SpoolError: the earlier record still stands.
        """
        stem = self._shards.stem(upload.token)
        content = encode(Record(upload, self._boot_id, loose=True))
        with translated("the record cannot be saved"):
            before = files.size(stem + RECORD)
            if before is None:
                raise UploadMissing("it has no record to replace")
            if upload.state in UNFINISHED:
                self._mark(upload.token)
            self._replace(stem + RECORD, content)
            if upload.state not in UNFINISHED:
                self._marks.clear(upload.token)
        return len(content) - before

    def save_durably(self, upload: Upload) -> int:
        """Replace the record so that no power loss can undo it, if syncing is allowed.
        Bytes that it takes more than before, with its draft.

        Raises:
            UploadMissing, UploadLost: there is no record to replace.
            SpoolError: the earlier record still stands; or the new one, which is not
                sure, when the very last sync has failed, that of its name.
        """
        token = upload.token
        stem = self._shards.stem(token)
        content = encode(Record(upload, self._boot_id))
        ending = envelope.UNSURE if self._syncs else b""
        with translated("the record cannot be saved"):
            drafts.base(stem)  # there is one to replace
            before = sum(files.size(stem + suffix) or 0 for suffix in (RECORD, DRAFT))
            if upload.state in UNFINISHED:
                self._mark(token)
            self._replace(
                stem + RECORD,
                content + ending,
                sync=self._syncs,
                first=partial(self._before_it_stands, upload),
            )
            if self._syncs:
                self._shards.sync(token)
                with files.to_write(stem + RECORD) as fd:
                    _turn(fd)
            files.remove(stem + DRAFT)
            if upload.state not in UNFINISHED:
                self._marks.clear(token)
        return len(content) + len(ending) - before

    def _before_it_stands(self, upload: Upload) -> None:
        """Have the mark on the disk.

        Not earlier: the sync of the record's content has put it there already where a
        journal holds the names, so that this one finds nothing left to wait for.
        """
        if self._syncs and upload.state in UNFINISHED:
            self._marks.make_durable(upload.token)

    def settle_answer(self, token: Token) -> None:
        """All of the answer's content has been made durable: let it be found so.

        Raises:
            OSError
        """
        stem = self._shards.stem(token)
        files.rename(stem + PARTIAL, stem + ANSWER)
        self._shards.sync(token)

    def _mark(self, token: Token) -> None:
        self._ballast.spend(partial(self._marks.set, token))

    def _replace(
        self,
        path: str,
        content: bytes,
        *,
        sync: bool = False,
        first: Callable[[], None] | None = None,
    ) -> None:
        self._ballast.spend(
            partial(files.replace, path, content, sync=sync, first=first)
        )

    def cut_back(self, upload: Upload) -> int:
        """Cut the body to the offset of `upload`, and record that it is of this boot.
        Bytes as from `save`.

        The record is saved even where there was nothing to cut: otherwise the next load
        would cut off what has come in since this one.

        Raises:
            SpoolError
        """
        with translated("the body cannot be cut back"):
            body = self._shards.stem(upload.token) + BODY
            files.cut(body, upload.offset, sync=self._syncs)
        return self.save(upload)


def _turn(fd: int) -> None:
    """Say in the last byte of the record that it is sure, now that it is."""
    try:
        size = os.fstat(fd).st_size
        os.pwrite(fd, envelope.SURE, size - len(envelope.UNSURE))
    except OSError:
        # it is so all the same: who reads it next will see to it again
        return
