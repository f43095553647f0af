"""A spool in a directory: every promise of ``Spool``, kept on a file system.

Layout: ``<shard>/<token>.record``, ``.draft``, ``.body`` and ``.answer`` (``shards``),
and one empty file per unfinished upload in ``unfinished/`` (``marks``). Here is decided
what is done at once and what in a thread. The one invariant: all acts on one upload
happen one at a time, in the order they were asked for.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Final, Literal
from weakref import WeakValueDictionary

from proxy.core.errors import InDoubt, SpoolError, UploadMissing
from proxy.core.upload import Token, Upload
from proxy.core.values import replace

from . import Reader, Writer, dirty, files
from .counted import Changed, CountedWriter, Growing, uncounted
from .doubts import Doubts
from .failures import nameless, translated
from .marks import Marks
from .measure import may_grow
from .names import Names
from .place import Place
from .reader import DiskReader, EmptyReader
from .records import Records
from .securing import Securing
from .shards import ANSWER, BODY, COUNTED, DRAFT, PARTIAL, RECORD, SUFFIXES, Shards
from .threads import DiskThreads
from .writeback import AT_THE_END, CLOSE, RELAXED
from .writer import DiskWriter, Durability

Sync = Literal["acknowledged", "never"]
"""What ``spool.sync`` may say."""

LITTLE: Final = 64 * 1024
"""Bytes of a body that is removed on the loop: it takes less than the way to a thread
and back."""


_HINT: Final = (
    "it has to be a directory that this user may write to, or that can be made; "
    "spool.directory, or --spool, names another"
)


class DiskSpool:
    """Uploads in `directory`, which is made when it is missing. The path is used as it
    is, and has to lead there for as long as this lives: where it may be a link, whoever
    opens the spool finds out first where that leads.

    `boot_id` names the running boot of the machine, see ``clock.boot_id``. With `sync`
    "never" nothing is synced, and what ``sync`` and ``save`` return for survives the
    process, not the power.

    Raises:
        SpoolError: the directory cannot be used.
    """

    def __init__(
        self,
        directory: Path,
        *,
        boot_id: str,
        sync: Sync = "acknowledged",
    ) -> None:
        self._syncs = sync == "acknowledged"
        self.changed: Changed = uncounted
        """Told how the bytes of bodies and answers change; not of what is cut off after
        a reboot or a failed sync. To be set before anything is stored."""
        self.recorded: Changed = uncounted
        """The same of records, but for one whose save has failed on its way."""
        self.synced: Callable[[float], None] = lambda took_s: None
        """Told, in a thread, how many seconds it took to make something durable. To be
        set before anything is stored."""
        self.growing: Final = Growing()
        with translated(f"the spool directory {directory} cannot be used", _HINT):
            self._place = Place(directory)
            root, names = self._place.root, Names()
            self._marks = Marks(f"{root}/unfinished", names)
            self._shards = Shards(root, names)
            if self._syncs:
                self._place.sync()
        self._relaxed = RELAXED.within(dirty.background())
        parts = (self._shards, self._marks, self._place.ballast, boot_id)
        self._records = Records(*parts, syncs=self._syncs)
        self._securing = Securing(*parts)
        self._threads = DiskThreads()
        # of their own: a slow sync of large bodies must not hold up small records
        self._body_threads = DiskThreads()
        self._turns: WeakValueDictionary[Token, asyncio.Lock] = WeakValueDictionary()
        self._doubts = Doubts(self._shards)
        # for all bodies, and all answers: of its own, a slow upload would hold it long
        self._of_bodies = self._durability(self._shards.sync, self._doubts.add)
        # an answer that cannot be synced is not kept: nobody doubts it later
        self._of_answers = self._durability(
            self._records.settle_answer, lambda token: None
        )

    def check(self) -> None:
        """See ``Place``. Once its owners have a lock there, it is known by that, too.

        Raises:
            SpoolError
        """
        self._place.check()

    async def create(self, upload: Upload) -> None:
        """See ``Spool``."""
        self._place.check()
        self.recorded(upload.token, self._records.create(upload))

    def adopt(self, upload: Upload, body: bytes | None, answer: bytes) -> None:
        """See ``Spool``."""
        self._place.check()
        self.recorded(upload.token, self._records.adopt(upload, body, answer))
        self.changed(upload.token, len(body or b"") + len(answer))

    async def secure(self, token: Token, *, told: bool = False) -> None:
        """See ``Spool``. What has bytes and was never sent is secure as it stands,
        unless an offset of it is about to be told."""
        if not self._syncs:
            return
        async with self._turn(token):
            if not self._securing.is_loose(token, told=told):
                return
            grown = await self._threads.run(partial(self._securing.secure, token))
            if grown:
                self.recorded(token, grown)

    async def load(self, token: Token) -> Upload:
        """See ``Spool``. A body that could not be synced is cut back, too, as long as
        the client can send the rest again."""
        async with self._turn(token):
            upload, cut = await self._read(token)
            if may_grow(upload) and self._doubts.has(token):
                upload, cut = replace(upload, offset=upload.acknowledged), True
            if cut:
                act = partial(self._cut_back, upload)
                self.recorded(token, await self._threads.run(act))
            return upload

    def _cut_back(self, upload: Upload) -> int:
        grown = self._records.cut_back(upload)
        with translated("the body cannot be cut back"):
            self._doubts.clear(upload.token)
        return grown

    async def peek(self, token: Token) -> Upload:
        """See ``Spool``."""
        async with self._turn(token):
            upload, _ = await self._read(token)
            return upload

    async def _read(self, token: Token) -> tuple[Upload, bool]:
        """The upload, its record made sure of, and whether its body is to be cut."""
        try:
            found = self._records.read(token)
        except UploadMissing:
            self._place.check()
            raise
        if self._syncs and not found.sure:
            await self._threads.run(partial(self._records.make_sure, token))
        return found.upload, found.cut

    async def save(self, upload: Upload, *, durable: bool) -> None:
        """See ``Spool``. What need not be durable is done at once, on the loop."""
        async with self._turn(upload.token):
            if durable and self._syncs:
                act = partial(self._save_durably, upload)
                grown = await self._threads.run(act)
            else:
                grown = self._records.save(upload)
            if grown:
                self.recorded(upload.token, grown)

    async def show(self, upload: Upload) -> None:
        """See ``tiers.Disk``. One that another process has made durable since stays
        so."""
        async with self._turn(upload.token):
            with self._securing.watched(upload.token) as is_secured:
                if not is_secured():
                    self.recorded(upload.token, self._records.show(upload))
                # Also if that happened just now, to what has been replaced.
                secured = is_secured()
        if secured:
            await self.save(upload, durable=True)

    def _save_durably(self, upload: Upload) -> int:
        """Bytes by which the record has grown, see ``Records``."""
        began = time.monotonic()
        grown = self._records.save_durably(upload)
        self.synced(time.monotonic() - began)
        return grown

    def is_of_this_boot(self, token: Token) -> bool:
        """See ``Spool``."""
        return self._records.is_of_this_boot(token)

    def writer(self, token: Token, *, to_be_told: bool = False) -> Writer:
        """See ``Spool``."""
        if self._doubts.has(token):
            raise SpoolError("an earlier sync of the body has failed")
        with translated("the body cannot be opened"):
            fd = self._body(token, files.open_to_write)
        pace = CLOSE if to_be_told and self._syncs else self._relaxed
        writer = DiskWriter(fd, token, self._of_bodies, pace)
        return CountedWriter(writer, token, self.changed, self.growing)

    def reader(self, token: Token) -> Reader:
        """See ``Spool``. A body in doubt is not read: once the kernel has dropped the
        pages that it could not write, other bytes than were sent would be found."""
        if self._doubts.has(token) and not self._records.is_acknowledged(token):
            raise InDoubt("the disk has failed under the body, it may be damaged")
        with translated("the body cannot be opened"):
            fd = self._body(token, files.open_to_read)
            return DiskReader(fd, partial(self._doubts.add, token))

    def _body(self, token: Token, opened: Callable[[str], int]) -> int:
        try:
            return opened(self._shards.stem(token) + BODY)
        except FileNotFoundError as exc:
            raise UploadMissing("it has no body") from nameless(exc)

    def answer_writer(self, token: Token) -> Writer:
        """See ``Spool``."""
        path = self._shards.stem(token) + PARTIAL
        with translated("the answer cannot be opened"):
            try:
                fd = files.create(path)
            except FileExistsError:
                before = files.size(path) or 0
                files.cut(path, 0, sync=False)
                self.changed(token, -before)
                fd = files.open_to_write(path)
        writer = DiskWriter(fd, token, self._of_answers, AT_THE_END)
        return CountedWriter(writer, token, self.changed, self.growing)

    def answer_reader(self, token: Token) -> Reader:
        """See ``Spool``."""
        stem = self._shards.stem(token)
        with translated("the answer cannot be opened"):
            # in the order in which it moves from the one to the other
            for path in (stem + PARTIAL, stem + ANSWER):
                try:
                    return DiskReader(files.open_to_read(path))
                except FileNotFoundError:
                    continue
        return EmptyReader()

    def _durability(
        self, anchor: Callable[[Token], None], doubt: Callable[[Token], None]
    ) -> Durability:
        def synced(took_s: float) -> None:
            self.synced(took_s)  # whoever is told then

        return Durability(self._body_threads, anchor, doubt, synced, syncs=self._syncs)

    async def drop_body(self, token: Token) -> None:
        """See ``Spool``. Raises SpoolError."""
        with translated("the upload cannot be removed"):
            size = files.size(self._shards.stem(token) + BODY) or 0
        await self._remove(token, (BODY,), at_once=size <= LITTLE)

    async def drop_answer(self, token: Token) -> None:
        """See ``Spool``. Raises SpoolError."""
        await self._remove(token, (PARTIAL, ANSWER))

    async def delete(self, token: Token, *, durable: bool = False) -> None:
        """See ``Spool``.

        A crash in between leaves files without a record: no upload, and yet found by
        ``tokens``, to be deleted again.
        """
        await self._remove(token, SUFFIXES, sync=durable and self._syncs)

    async def _remove(
        self,
        token: Token,
        suffixes: tuple[str, ...],
        *,
        sync: bool = False,
        at_once: bool = False,
    ) -> None:
        stem = self._shards.stem(token)
        freed = [0, 0]  # of bodies and answers, of records

        def act() -> None:
            with translated("the upload cannot be removed"):
                for suffix in suffixes:
                    size = files.size(stem + suffix) if suffix in COUNTED else None
                    files.remove(stem + suffix)
                    freed[suffix in (RECORD, DRAFT)] += size or 0
                    if suffix == RECORD:
                        self._marks.clear(token)
                if BODY in suffixes:
                    self._doubts.clear(token)
                if sync:
                    self._shards.sync(token)

        async with self._turn(token):
            try:
                if at_once:
                    act()
                else:
                    await self._threads.run(act)  # to free gigabytes takes its time
            finally:
                for told, size in zip(
                    (self.changed, self.recorded), freed, strict=True
                ):
                    if size:
                        told(token, -size)

    def tokens(self) -> Iterator[Token]:
        """See ``Spool``. Lists what a crash left without a record, too: ``load`` calls
        that UploadMissing, and ``delete`` removes it."""
        with translated("the spool cannot be listed"):
            yield from self._shards.tokens()

    def unfinished(self) -> Iterator[Token]:
        """See ``Spool``. It may list more than there are, after a crash and after a
        save that was not durable: ``load`` tells."""
        with translated("the unfinished uploads cannot be listed"):
            yield from self._marks.tokens()

    def sizes(self) -> Iterator[tuple[str, int, int]]:
        """Every shard in the order of names: its own, its files, the bytes that count:
        of bodies, answers and records.

        Raises:
            SpoolError
        """
        self._place.check()
        with translated("the spool cannot be measured"):
            yield from self._shards.sizes()
        # nothing that was found missing may be missing with the whole directory
        self._place.check()

    async def keep_ballast(self) -> None:
        """Keep a little room for records, if there is any; what has been given up while
        the disk was full, too."""
        await self._threads.run(self._place.fill_ballast)

    async def writable(self) -> bool:
        """See ``Probe``."""
        probe = partial(self._place.is_writable, syncs=self._syncs)
        return await self._threads.run(probe)

    def close(self) -> None:
        """Wait for what is on its way to the disk; nothing may be asked after that."""
        self._body_threads.close()
        self._threads.close()

    def _turn(self, token: Token) -> asyncio.Lock:
        """Held by whoever acts on the upload; it lives as long as somebody holds it."""
        lock = self._turns.get(token)
        if lock is None:
            lock = self._turns[token] = asyncio.Lock()
        return lock
