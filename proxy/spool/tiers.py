"""A spool that keeps small uploads in memory until they must be on the disk (P8).

An upload begins in memory when it is not known to be longer than the threshold and
there is room, and stays there until its client has the origin's answer, unless one of
these comes first. Its state is saved as another than the four of that short road, or an
offset of it as acknowledged; its body is synced, since it is about to be told; it or
its answer grows too large; it is not over within a second after all of it came; or
somebody asks to ``secure`` it. Then it moves, with all it has, under the same token, at
once and for good. Answers that were given stay, the youngest of them, for a replay.

What is in memory goes with the process: no offset of it was told. Where other processes
use the spool, a forward has to outlive one of them: then it moves before the first byte
leaves, but is made durable only if it is not over soon (``shown``). The one invariant:
an upload is in memory or on the disk, never in both, and what was saved last is what
moves; so nothing is forwarded from the one that was forwarded from the other.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from functools import partial
from itertools import chain
from typing import Final, Protocol

from structlog.typing import FilteringBoundLogger

from proxy.core.errors import SpoolError
from proxy.core.upload import State, Token, Upload, shortened
from proxy.tasks import Spawn

from . import Probe, Reader, Spool, Writer
from .counted import Changed, uncounted
from .held import ANSWERS, BODIES, LATEST, Held
from .measure import UNFINISHED, measured
from .memory import MemoryReader
from .patience import Patience
from .room import Room
from .shown import Shown
from .tier_writers import AnswerWriter, BodyWriter, ShownAnswerWriter

_UNSENT: Final = frozenset({State.RECEIVING, State.COMPLETE})
_SHORT_ROAD: Final = _UNSENT | {State.FORWARDING, State.RESPONDED}


class Disk(Spool, Probe, Protocol):
    """What lies below: a spool that keeps all it has."""

    async def show(self, upload: Upload) -> None:
        """Save an upload that was adopted and not made durable since: as before, others
        see it at once, and a power loss takes it.

        Raises:
            SpoolError: the earlier record still stands.
        """

    def close(self) -> None: ...


class TieredSpool:
    """Uploads in memory first, over `disk`."""

    def __init__(
        self,
        disk: Disk,
        *,
        threshold: int,
        thresholds: Mapping[str, int] | None = None,
        shared: bool,
        spawn: Spawn,
        log: FilteringBoundLogger,
        bodies: int = BODIES,
        answers: int = ANSWERS,
    ) -> None:
        """`threshold`: bytes of the longest body that is kept in memory; 0: none is.
        `thresholds`: the same for uploads of some routes; None: of none.

        `shared`: other processes use the spool, so that nothing may be forwarded that
        they would not find if this one died; only what has not been sent is in memory
        then. `bodies`, `answers`: bytes that may be taken by uploads under way, and by
        answers that were given.
        """
        self.disk = disk
        self.room = Room(
            bodies, answers, threshold, thresholds or {}, forget=self._remove
        )
        self._kept = _UNSENT if shared else _SHORT_ROAD
        """States in which an upload stays in memory."""
        self._shown = Shown()
        self._spawn = spawn
        self._log = log
        self._held: dict[Token, Held] = {}
        self._passed_over: set[Token] = set()
        """Answers given earlier than those that an end of the process moves."""
        self._awaited = Patience(self._move_late)
        """Uploads that wait for the origin, whose answer is being given, or that could
        not be moved."""
        self.kept: Changed = uncounted
        """Told how many bytes of a body are here, which may move to the disk at any
        time, once its writer has closed; and again when they are not. To be set before
        anything is stored."""

    @property
    def held(self) -> int:
        """Uploads that are in memory, those among them that were answered too."""
        return len(self._held)

    def holds(self, token: Token) -> bool:
        """True while the upload is in memory: no other process can see it."""
        return token in self._held

    async def create(self, upload: Upload) -> None:
        """See ``Spool``."""
        if upload.token in self._held:
            raise SpoolError("the upload cannot be created: it is there")
        held = self.room.taken_in(upload) if self._may_stay(upload) else None
        if held is None:
            await self.disk.create(upload)
        else:
            self._held[upload.token] = held
            self._watch(held)

    def keep_up_to(self, threshold: int, thresholds: Mapping[str, int]) -> None:
        """From now on begin uploads by other thresholds, see `__init__`."""
        if self._kept:
            self.room.keep_up_to(threshold, thresholds)

    def _may_stay(self, upload: Upload) -> bool:
        return upload.state in self._kept and not upload.acknowledged

    def adopt(self, upload: Upload, body: bytes | None, answer: bytes) -> None:
        """See ``Spool``."""
        if upload.token in self._held:
            raise SpoolError("the upload cannot be created: it is there")
        self.disk.adopt(upload, body, answer)

    async def secure(self, token: Token, *, told: bool = False) -> None:
        """See ``Spool``. What is in memory moves to the disk; for whoever needs an
        upload to be there, in this process or, by its word, in another one."""
        held = self._held.get(token)
        if held is not None:
            self.move(held)
        self._no_longer_shown(token)
        await self.disk.secure(token, told=told)

    async def load(self, token: Token) -> Upload:
        """See ``Spool``."""
        held = self._held.get(token)
        if held is None:
            return await self.disk.load(token)
        return measured(held.upload, None if held.body is None else len(held.body))

    async def peek(self, token: Token) -> Upload:
        """See ``Spool``."""
        held = self._held.get(token)
        return await (self.disk.peek(token) if held is None else self.load(token))

    async def save(self, upload: Upload, *, durable: bool) -> None:
        """See ``Spool``. What stays in memory is saved there, and what is only shown
        on the disk, durable or not."""
        held = self._held.get(upload.token)
        if held is not None and self._may_stay(upload):
            held.upload = upload
            self._watch(held)
        elif held is not None and self._shown.suits(upload) and self._kept:
            # Only beside others: alone it would have stayed, and a process that ends
            # keeps nothing that is only shown.
            self._move_or_wait(held, upload)
            self._shown.add(upload.token)
            self._awaited.wait(upload.token)
        elif held is not None and not durable:
            self._move_or_wait(held, upload)
        elif self._shown.may_be_answered(upload):
            self._shown.answering(upload.token)
            await self.disk.show(upload)
            self._shown.answered(upload)
        else:
            if held is not None:
                self._move_or_wait(held)
            self._no_longer_shown(upload.token)
            await self.disk.save(upload, durable=durable)

    def _no_longer_shown(self, token: Token) -> None:
        """What is saved of it from now on is durable, if that is asked for."""
        if self._shown.forget(token):
            self._awaited.forget(token)

    def _move_or_wait(self, held: Held, upload: Upload | None = None) -> None:
        """See `move`; what stays in memory for want of room is tried again."""
        try:
            self.move(held, upload)
        except SpoolError:
            self._awaited.wait(held.upload.token)
            raise

    def is_of_this_boot(self, token: Token) -> bool:
        """See ``Spool``."""
        return token in self._held or self.disk.is_of_this_boot(token)

    def writer(self, token: Token, *, to_be_told: bool = False) -> Writer:
        """See ``Spool``."""
        held = self._held.get(token)
        if held is None:
            return self.disk.writer(token, to_be_told=to_be_told)
        return BodyWriter(self, held, to_be_told=to_be_told)

    def reader(self, token: Token) -> Reader:
        """See ``Spool``."""
        held = self._held.get(token)
        if held is None:
            return self.disk.reader(token)
        return self._read(held, held.whole_body())

    def answer_writer(self, token: Token) -> Writer:
        """See ``Spool``."""
        held = self._held.get(token)
        if held is None:
            writer = self.disk.answer_writer(token)
            if token in self._shown:
                is_told = partial(self._shown.tells_content, token)
                return ShownAnswerWriter(writer, is_told)
            return writer
        self.room.empty_answer(held)
        return AnswerWriter(self, held)

    def answer_reader(self, token: Token) -> Reader:
        """See ``Spool``."""
        held = self._held.get(token)
        if held is None:
            return self.disk.answer_reader(token)
        return self._read(held, held.answer)

    def _read(self, held: Held, content: bytearray) -> Reader:
        held.users += 1
        return MemoryReader(content, lambda: self.room.leave(held))

    async def drop_body(self, token: Token) -> None:
        """See ``Spool``. It means that all has been done for the upload."""
        held = self._held.get(token)
        if held is None:
            self._no_longer_shown(token)
            await self.disk.drop_body(token)
            return
        held.body = None
        self.tell_kept(held)
        if held.upload.state is State.RESPONDED and token not in self.room.settled:
            self._awaited.forget(token)
            self.room.settle(held)

    async def drop_answer(self, token: Token) -> None:
        """See ``Spool``."""
        held = self._held.get(token)
        if held is None:
            await self.disk.drop_answer(token)
        else:
            self.room.empty_answer(held)

    async def delete(self, token: Token, *, durable: bool = False) -> None:
        """See ``Spool``."""
        held = self._held.get(token)
        if held is None:
            self._no_longer_shown(token)
            await self.disk.delete(token, durable=durable)
        else:
            self._remove(held)

    def tokens(self) -> Iterator[Token]:
        """See ``Spool``. One that moves meanwhile may be found twice. The iterator may
        be used in another thread."""
        held = tuple(self._held)
        # Those in memory are gone so soon that most of a list would be.
        here = (token for token in held if token in self._held)
        return chain(here, self.disk.tokens())

    def unfinished(self) -> Iterator[Token]:
        """See ``Spool``."""
        held = tuple(self._held.values())
        here = (one.upload.token for one in held if one.upload.state in UNFINISHED)
        return chain(here, self.disk.unfinished())

    async def writable(self) -> bool:
        """See ``Probe``."""
        return await self.disk.writable()

    async def drain(self) -> None:
        """The process is about to end: keep nothing more in memory, and move all that
        has not been answered. May be called again, for what could not be moved, and for
        the answers that were given meanwhile."""
        self._kept = frozenset()
        self.room.keep_up_to(0, {})
        left = [token for token in self._held if token not in self.room.settled]
        await asyncio.gather(*map(self._secure_aloud, chain(left, self._shown)))
        await self._move_latest()

    async def _move_latest(self) -> None:
        passed_over = self._passed_over
        latest = [
            held
            for token, held in self.room.settled.items()
            if token not in passed_over
        ]
        passed_over.update(held.upload.token for held in latest[:-LATEST])
        for held in latest[-LATEST:]:
            try:
                self.move(held)
            except SpoolError as exc:
                # the others would fare no better
                self._say(held.upload.token, exc)
                return
            # others are still being served
            await asyncio.sleep(0)

    async def _secure_aloud(self, token: Token) -> None:
        try:
            await self.secure(token)
        except SpoolError as exc:
            self._say(token, exc)

    def close(self) -> None:
        """See ``Disk``. What is in memory is gone."""
        self._awaited.close()
        self.disk.close()

    def move(self, held: Held, upload: Upload | None = None) -> None:
        """Bring it to the disk unless it is there: as `upload`, or as it was saved.

        Raises:
            SpoolError: it stays where it is.
        """
        if not held.is_here:
            return
        body = None if held.body is None else bytes(held.body)
        self.disk.adopt(upload or held.upload, body, bytes(held.answer))
        held.moved = True
        # who is still at it may be so for hours; who reads has them on its own
        held.body, held.answer = None, bytearray()
        self._let_go(held)

    def tell_kept(self, held: Held) -> None:
        """Have what is kept of its body known, if that is not known as it is."""
        size = 0 if held.body is None else len(held.body)
        if size != held.told:
            held.told, by = size, size - held.told
            self.kept(held.upload.token, by)

    def _remove(self, held: Held) -> None:
        held.removed = True
        held.body = None
        self._let_go(held)

    def _let_go(self, held: Held) -> None:
        token = held.upload.token
        del self._held[token]
        self._awaited.forget(token)
        self.tell_kept(held)
        self.room.let_go(held)

    def _watch(self, held: Held) -> None:
        """From its last byte on, it has its time."""
        token = held.upload.token
        if held.upload.state is not State.RECEIVING and token not in self.room.settled:
            self._awaited.wait(token)

    def _move_late(self, token: Token) -> None:
        held = self._held.get(token)
        try:
            if held is not None:
                self._move_or_wait(held)
        except SpoolError as exc:
            # It waits on in memory, and for another try.
            self._say(token, exc)
        else:
            self._spawn(self._secure_aloud(token))

    def _say(self, token: Token, exc: SpoolError) -> None:
        """That it is not on the disk, once for each."""
        held = self._held.get(token)
        if held is None or not held.troubled:
            self._log.error("not secured", upload=shortened(token), error=str(exc))
        if held is not None:
            held.troubled = True
