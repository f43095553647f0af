"""An upload under way: the acts that are decided, done one after the other.

The I/O of this room: ``decide`` says what, this does it and tells what came of it. The
one invariant: what is known is set right before the bytes go out that make it true, so
that resume data taken at any moment is right.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import AsyncGenerator, Callable, Generator
from dataclasses import dataclass, field, replace
from typing import Any, Final

from . import digests, fields, speech
from .acts import (
    Act,
    Append,
    Ask,
    Collect,
    Create,
    Discover,
    Done,
    GiveUp,
    Lost,
    Request,
    Wait,
)
from .decide import after, beginning, interim
from .exchange import Exchanges, Sending
from .failures import Reason, SourceFailed, UploadFailed, UploadPaused
from .known import Known, Policy
from .outcome import Progress, Uploaded
from .parts import Part, piece
from .requests import Own, cancellation, request
from .resumption import ResumeData
from .sources import Source
from .steps import too_large
from .target import Target, WrongUrl, target
from .wire import Lines, NoAnswer, Said, Unreached

PIECE: Final = 65536
"""Bytes that are read and sent at a time."""
INTERIM_S: Final = 1.0
"""Seconds that the last bytes of a creation wait for a 104, where one may come: with it
no cut is fatal. It needs one round trip."""

DISCOVERY_S: Final = 10.0
"""Seconds for the answer to OPTIONS, at which no application works."""
LEAVING_S: Final = 10.0
"""Seconds for telling the server that an upload is given up; nobody depends on it."""


@dataclass(frozen=True, slots=True)
class Wishes:
    """What the caller wants."""

    fields: Lines = ()
    policy: Policy = field(default_factory=Policy)
    digest: bool = False
    watch: Callable[[Progress], None] = lambda progress: None


class Upload:
    """Begins when it is made, in a running event loop; awaited, it gives ``Uploaded``.

    Awaiting it raises UploadFailed, or OSError when the file cannot be read. Whoever
    is cancelled while awaiting it ends it, here; ``resume_data`` stays.
    """

    def __init__(self, known: Known, source: Source, wishes: Wishes) -> None:
        self._known = known
        self._home = target(known.url)
        self._source = source
        self._wishes = wishes
        policy = wishes.policy
        self._exchanges = Exchanges(policy.stall_s, policy.answer_s)
        self._digest: bytes | None = None
        self._expires: float | None = None
        self._sent = known.offset
        self._saved = 0
        self._broken = known.upload_url is not None
        """The next append is one that resumption made possible."""
        self._located = asyncio.Event()
        """The 104 has come, or nothing more will."""
        self._last: Said | None = None
        self._pausing = False
        self._cancelled = False
        self._task = asyncio.ensure_future(self._run())
        # not in the task: cancelled at once, it never begins
        self._task.add_done_callback(lambda _: source.close())

    def __await__(self) -> Generator[Any, None, Uploaded]:
        return self._outcome().__await__()

    @property
    def resume_data(self) -> ResumeData | None:
        """To go on from here; None when there is no upload that could be resumed."""
        if self._known.upload_url is None:
            return None
        return ResumeData(self._known, self._source.mark, self._expires)

    async def cancel_by_producing_resume_data(self) -> ResumeData | None:
        """Pause it: whoever awaits it hears UploadPaused.

        None when it is complete, has failed, or cannot be resumed.
        """
        if self._task.done():
            return None
        self._pausing = True
        self._task.cancel()
        await asyncio.wait([self._task])
        if not self._task.cancelled():
            return None  # it had come to its end before it heard of this
        return self.resume_data

    async def cancel(self) -> None:
        """Give it up, and tell the server; that it was told is not certain.

        Also when it was paused, or has failed. Whoever awaits it hears UploadFailed,
        CANCELLED, unless it was complete or had failed before.
        """
        self._cancelled = True
        self._task.cancel()
        await asyncio.wait([self._task])
        if self._task.cancelled() or self._task.exception() is not None:
            await self._abandon()

    async def _abandon(self) -> None:
        """Tell the server that nothing more will come, and forget the upload."""
        if self._known.upload_url is None:
            return
        where = target(self._known.upload_url)
        asked = cancellation(self._known, self._own, where)
        self._known = replace(self._known, upload_url=None)
        exchanges = Exchanges(LEAVING_S, LEAVING_S)
        try:
            if self._allowed(where):
                await exchanges.ask(where, Sending(asked.method, asked.fields))
        except (Unreached, NoAnswer):
            pass  # it lives until its time is over
        finally:
            await exchanges.close()

    async def _outcome(self) -> Uploaded:
        """What awaiting gives. Raises UploadFailed, OSError, CancelledError."""
        try:
            return await self._task
        except asyncio.CancelledError:
            asking = asyncio.current_task()
            if not self._task.cancelled() or (asking and asking.cancelling()):
                raise  # whoever asks is cancelled, and it with them
        if self._cancelled:
            raise UploadFailed(Reason.CANCELLED, "cancelled")
        if self._pausing:
            raise UploadPaused(self.resume_data)
        raise asyncio.CancelledError

    async def _run(self) -> Uploaded:
        try:
            if self._wishes.digest and self._known.upload_url is None:
                self._tell("reading, for the digest")
                self._digest = await digests.sha256_of(self._source)
            return await self._acts()
        except SourceFailed as exc:
            if exc.reason in _ABANDONED:
                await self._abandon()
            cause = exc.__cause__ or exc  # what the caller's iterator raised is theirs
            raise self._failed(GiveUp(exc.reason, str(exc))) from cause
        except UploadFailed as exc:
            if exc.reason in _ABANDONED:
                await self._abandon()
            raise
        finally:
            await self._exchanges.close()

    async def _acts(self) -> Uploaded:
        act: Act = beginning(self._known)
        while True:
            match act:
                case Done():
                    return self._done(act)
                case GiveUp():
                    raise self._failed(act)
                case Wait(seconds, then, why):
                    self._broken = True
                    self._tell(f"{why}; waiting {seconds:.1f} s")
                    await asyncio.sleep(seconds)
                    act = then
                case _:
                    act = await self._next(act)

    async def _next(self, act: Request) -> Act:
        """What follows from `act`, once it is done."""
        end = await self._look(act)
        if end is not None:
            return end
        came = await self._do(act)
        if isinstance(came, Lost):
            self._broken = True
        self._known, then = after(
            self._known, act, came, self._wishes.policy, random.random()
        )
        self._source.release(self._known.offset)
        return then

    async def _look(self, act: Request) -> GiveUp | None:
        """See the end of a source of unknown length, as far as the next part needs."""
        known = self._known
        if not isinstance(act, Append):
            return None
        if known.length is None:
            ahead = act.offset + piece(known, self._wishes.policy) + 1
            await self._source.look(ahead)
            self._known = replace(known, length=self._source.length)
            if self._source.length is None:
                return too_large(known, ahead)
        return too_large(self._known)

    async def _do(self, act: Request) -> speech.Heard | Lost:
        """Send it, and read what comes."""
        where = self._where(act)
        sending = self._sending(act, where)
        self._tell(_DOING[type(act)])
        fresh = not isinstance(act, Append)
        try:
            said = await self._exchanges.ask(where, sending, fresh=fresh)
        except Unreached as exc:
            if exc.certificate:
                raise self._failed(GiveUp(Reason.UNREACHABLE, str(exc))) from exc
            return Lost(str(exc), reached=False)
        except NoAnswer as exc:
            return Lost(str(exc))
        self._last = said
        return self._heard(said, where)

    def _where(self, act: Request) -> Target:
        if isinstance(act, Discover | Create) or self._known.upload_url is None:
            where = target(self._known.creation_url)
        else:
            where = target(self._known.upload_url)
        if not self._allowed(where):
            words = f"the server leads to {where.url}, without TLS"
            raise self._failed(GiveUp(Reason.ELSEWHERE, words))
        return where

    def _allowed(self, where: Target) -> bool:
        return self._wishes.policy.everywhere or fields.may_follow(self._home, where)

    def _sending(self, act: Request, where: Target) -> Sending:
        if isinstance(act, Append) and self._broken:
            self._saved += act.offset
            self._broken = False
        asked = request(act, self._known, self._wishes.policy, self._own, where)
        if asked.part is None:
            bound_s = self._wishes.policy.answer_s
            if isinstance(act, Discover):
                bound_s = min(bound_s, DISCOVERY_S)
            return Sending(asked.method, asked.fields, answer_s=bound_s)
        self._sent = asked.part.offset
        self._located = asyncio.Event()
        return Sending(
            asked.method,
            asked.fields,
            self._content(asked.part),
            lambda said: self._interim(said, where),
            self._count,
            self._located.set,
        )

    @property
    def _own(self) -> Own:
        wishes = self._wishes
        everywhere = wishes.policy.everywhere
        return Own(wishes.fields, self._home, everywhere, self._digest)

    async def _content(self, part: Part) -> AsyncGenerator[bytes, None]:
        offset = part.offset
        end = None if part.count is None else part.offset + part.count
        while end is None or offset < end:
            size = PIECE if end is None else min(PIECE, end - offset)
            data = await self._source.read(offset, size)
            if not data:
                break
            offset += len(data)
            if part.last and offset == end:
                await self._interim_comes()
                yield b""  # nobody sends what follows when the connection has ended
                self._completes()
            yield data
        if end not in (None, offset):
            words = f"the source ended at {offset}, and {end} bytes were announced"
            raise SourceFailed(Reason.CHANGED, words)
        if end is None:
            self._known = replace(self._known, length=self._source.length)
        if part.last and end in (None, part.offset):
            self._completes()

    async def _interim_comes(self) -> None:
        """Wait for the 104 of a creation, where one may come."""
        known = self._known
        expected = known.assured and (known.length or 0) > (known.limits.min_size or 0)
        if expected and known.upload_url is None:
            try:
                async with asyncio.timeout(INTERIM_S):
                    await self._located.wait()
            except TimeoutError:
                pass  # it goes without; a cut from here on cannot be mended

    def _completes(self) -> None:
        """What goes out next completes the upload."""
        self._known = replace(self._known, whole=True)
        self._tell("sending")

    def _count(self, size: int) -> None:
        self._sent += size
        self._tell("sending")

    def _interim(self, said: Said, where: Target) -> None:
        self._known = interim(self._known, self._heard(said, where))
        self._source.release(self._known.offset)
        if self._known.upload_url is not None:
            self._located.set()
        self._tell("sending")

    def _heard(self, said: Said, where: Target) -> speech.Heard:
        now = time.time()
        heard = speech.heard(said, self._known.version, now)
        if heard.limits is not None and heard.limits.max_age is not None:
            self._expires = now + heard.limits.max_age
        if heard.location is None:
            return heard
        try:
            return replace(heard, location=where.resolve(heard.location).url)
        except WrongUrl:
            return replace(heard, location=None)

    def _done(self, act: Done) -> Uploaded:
        said = self._last if act.answered else None
        known = self._known
        if said is not None and self._digest is not None:
            stored = digests.told(said) if speech.digests(known.version) else None
            if stored not in (None, self._digest):
                words = "the digest of what the server has is another one"
                raise self._failed(GiveUp(Reason.DIGEST, words))
        self._tell("complete")
        length, url = known.length or 0, known.upload_url
        if said is None:
            return Uploaded(None, (), b"", length, self._saved, url)
        told = said.status, said.fields, said.content
        return Uploaded(*told, length, self._saved, url)

    def _failed(self, end: GiveUp) -> UploadFailed:
        return UploadFailed(
            end.reason,
            end.words,
            status=None if self._last is None else self._last.status,
            resume_data=None if end.reason in _FINAL else self.resume_data,
        )

    def _tell(self, doing: str) -> None:
        known = self._known
        self._wishes.watch(
            Progress(self._sent, known.offset, known.length, self._saved, doing)
        )


_DOING: Final[dict[type[Request], str]] = {
    Discover: "asking what the server knows",
    Create: "sending",
    Ask: "asking how far it got",
    Append: "sending",
    Collect: "asking for the answer",
}
_FINAL: Final = frozenset(
    {Reason.GONE, Reason.CHANGED, Reason.BROKEN_PROMISE, Reason.DIGEST}
)
"""Reasons after which there is nothing to be resumed."""
_ABANDONED: Final = frozenset({Reason.CHANGED, Reason.BROKEN_PROMISE})
"""Those after which the server may still keep the upload. Source: draft-13 "Upload
Append" and "Offset Retrieval", which have it cancelled."""
