"""A stage for deliveries: a spool in memory, a scripted origin, a clock.

Everything between a complete upload and the origin, without sockets and files; what is
tested on it is who saves what, in which order, and who hears what.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import replace

import pytest
import structlog

from proxy.core.errors import OriginCut, OriginError, OriginUnreached, Refusal
from proxy.core.forms import Around
from proxy.core.upload import (
    DEFAULT_ROUTE,
    Answer,
    Head,
    Limits,
    State,
    Token,
    Upload,
)
from proxy.deliveries import Deliveries
from proxy.elsewhere import Elsewhere
from proxy.followers import Follower
from proxy.forward import Forward
from proxy.lanes import Course, Courses, Lane
from proxy.leases import LocalLeases
from proxy.ledger import Ledger
from proxy.spool import Reader
from proxy.spool.disk import DiskSpool
from proxy.spool.memory import MemorySpool
from proxy.spool.tiers import TieredSpool
from proxy.standings import Standings
from proxy.tasks import Tasks
from proxy.upkeep import Upkeep

ANSWER = Answer(201, "Created", ((b"Content-Type", b"text/plain"),))
REQUEST = Head(
    "POST",
    "/photos",
    ((b"Host", b"h"), (b"Authorization", b"secret"), (b"Cookie", b"secret")),
)

MAX_AGE_S = 3600.0


class Stream:
    """An answer whose content is given, and may break off."""

    def __init__(self, *chunks: bytes, breaks: bool = False) -> None:
        self.answer = ANSWER
        self.length: bytes | None = None
        self._chunks = chunks
        self._breaks = breaks
        self.closed = False

    async def chunks(self) -> AsyncIterator[bytes]:
        for chunk in self._chunks:
            yield chunk
        if self._breaks:
            raise OriginCut("the answer broke off")

    async def close(self) -> None:
        self.closed = True


class Gone(OriginUnreached):
    """The connection has ended, and there is no other: heard only in sending."""


class Origin:
    """Does what its script says, one step for each request; the last step stays."""

    def __init__(self, *script: OriginError | Stream) -> None:
        self.script = list(script)
        self.bodies: list[bytes] = []
        self.heads: list[Head] = []
        self.go = asyncio.Event()
        """Answers are held until this is set."""
        self.go.set()
        self.asked = asyncio.Event()
        self.on_post: Callable[[], None] = lambda: None
        self.connects = 0
        self.closed = 0

    async def connect(self, size: int, route: str) -> Origin:
        """Unreached are those who do not even get this far."""
        self.connects += 1
        if type(self.script[0]) is OriginUnreached:
            await self._take()
        return self

    async def send(self, head: Head, body: Reader, around: Around) -> Stream:
        self.on_post()
        self.heads.append(head)
        stored = body.read(0, body.size + 1)
        self.bodies.append(around.before + stored + around.after)
        return await self._take()

    def close(self) -> None:
        self.closed += 1

    async def _take(self) -> Stream:
        self.asked.set()
        await self.go.wait()
        step = self.script[0] if len(self.script) == 1 else self.script.pop(0)
        if isinstance(step, OriginError):
            raise step
        return step


class Stage:
    """Deliveries with everything around them."""

    def __init__(
        self,
        origin: Origin,
        *,
        spool: MemorySpool | TieredSpool | DiskSpool | None = None,
        repeatable: bool = False,
        retry_for_s: float = 5,
        max_forwards: int = 16,
        finish_stalled_after_s: float | None = None,
        routes: Mapping[str, Course] | None = None,
    ) -> None:
        log: structlog.typing.FilteringBoundLogger = structlog.wrap_logger(
            structlog.ReturnLogger(),
            processors=[],
            wrapper_class=structlog.make_filtering_bound_logger(50),
        )
        self.origin = origin
        self.now = 1000.0
        self.spool = spool or MemorySpool()
        self.ledger = Ledger(self.spool, lambda: self.now, log)
        self.tasks = Tasks(log)
        course = Course(
            lane=Lane(origin, max_forwards),
            limits=Limits(),
            retry_for_s=retry_for_s,
            repeatable=repeatable,
            finishing_credentials=False,
        )
        self.courses = Courses({DEFAULT_ROUTE: course, **(routes or {})}, log)
        self.deliveries = Deliveries(
            Forward(self.spool, self.ledger, 100, log),
            self.ledger,
            self.courses,
            spawn=self.tasks.spawn,
            log=log,
        )

        self.standings = Standings(
            self.spool, self.ledger, self.deliveries, self.courses, log
        )
        self.leases = LocalLeases()
        self.upkeep = Upkeep(
            spool=self.spool,
            ledger=self.ledger,
            leases=self.leases,
            deliveries=self.deliveries,
            elsewhere=Elsewhere(),
            standings=self.standings,
            courses=self.courses,
            keep_answer_s=3600,
            finish_stalled_after_s=finish_stalled_after_s,
            max_age_s=MAX_AGE_S,
            log=log,
        )

    async def complete(
        self, letter: str = "t", body: bytes = b"body", route: str = DEFAULT_ROUTE
    ) -> Upload:
        """An upload that is COMPLETE, in the spool."""
        token, now = Token(letter * 43), self.now
        upload = Upload(token, State.COMPLETE, REQUEST, Limits(), now, now, route=route)
        await self.spool.create(replace(upload, state=State.RECEIVING))
        writer = self.spool.writer(token)
        writer.write(body)
        writer.close()
        upload = replace(upload, length=len(body), offset=len(body))
        await self.spool.save(upload, durable=False)
        return upload

    async def over(self, token: Token) -> None:
        delivery = self.deliveries.live(token)
        if delivery is not None:
            async with asyncio.timeout(2):
                await delivery.over.wait()


async def answered(follower: Follower) -> tuple[Answer, bytes]:
    async with asyncio.timeout(2):
        answer = await follower.answer()
        return answer, b"".join([chunk async for chunk in follower])


async def refused(follower: Follower) -> Refusal:
    with pytest.raises(Refusal) as refusal:
        async with asyncio.timeout(2):
            await follower.answer()
    return refusal.value


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(2):
        while not true():  # noqa: ASYNC110 - what is waited for has no event
            await asyncio.sleep(0)


async def stored_answer(stage: Stage, token: Token) -> bytes:
    reader = stage.spool.answer_reader(token)
    return reader.read(0, reader.size)
