"""One life of the proxy's core over the disk, and the clients and origin around it.

Everything from an intent down to the spool is the real thing; what is played here is
the wire on both sides. A life ends by ``end``, as a process does: at once, with
everything in memory forgotten. The one invariant: what clients hear and what the origin
gets is told to the model at that moment, and nothing that a dead process does.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import structlog

from proxy.admission import Admission
from proxy.core.errors import (
    ClientGone,
    Gone,
    OriginCut,
    Problem,
    Refusal,
    SpoolError,
    UploadLost,
)
from proxy.core.intents import (
    Answered,
    Appended,
    Cancelled,
    Create,
    Created,
    Intent,
    Interim,
    Malformed,
    OffsetTold,
    Outcome,
    Progress,
)
from proxy.core.room import Bounds
from proxy.core.upload import DEFAULT_ROUTE, Head, Limits, State, Token, Upload
from proxy.deliveries import Deliveries
from proxy.elsewhere import Elsewhere
from proxy.forward import Forward
from proxy.lanes import Course, Courses, Lane
from proxy.leases import LocalLeases
from proxy.ledger import Ledger
from proxy.reception import Exchange, Reception
from proxy.replays import Replays
from proxy.spool.disk import DiskSpool, Sync
from proxy.spool.tiers import TieredSpool
from proxy.standings import Standings
from proxy.tasks import Tasks
from proxy.upkeep import Upkeep
from proxy.uploads import Uploads

from ..space import PlayedFigures
from .content import Content
from .disk import Disk
from .loop import Loop
from .origin import Origin, Shore
from .promise import Promise

_NEVER = 1e9
"""Seconds: no upload ends by its age here."""


class World:
    """One life of the proxy, over what `directory` holds."""

    def __init__(
        self,
        shore: Shore,
        disk: Disk,
        directory: Path,
        boot: str,
        sync: Sync,
        threshold: int,
        *,
        shared: bool,
    ) -> None:
        self.shore = shore
        self.disk = disk
        self.loop = Loop()
        log: structlog.typing.FilteringBoundLogger = structlog.wrap_logger(
            structlog.ReturnLogger(),
            processors=[],
            wrapper_class=structlog.make_filtering_bound_logger(50),
        )
        self._tasks = Tasks(log)
        self._requests: list[asyncio.Task[None]] = []
        self.contents: dict[Content, None] = {}
        """Of the requests that go on, in order: every run of the same steps is the same
        run."""
        self._waiting: dict[asyncio.Task[Any], None] = {}
        """Requests whose clients wait for the origin's answer, in order."""
        self._left: set[asyncio.Task[Any]] = set()
        """Those whose clients do not any more."""
        disk.troubled = self._trouble
        self.spool = TieredSpool(
            DiskSpool(directory, boot_id=boot, sync=sync),
            threshold=threshold,
            shared=shared,
            spawn=self._tasks.spawn,
            log=log,
        )
        self._build(log)

    def _build(self, log: structlog.typing.FilteringBoundLogger) -> None:
        ledger = Ledger(self.spool, self.loop.time, log)
        course = Course(
            lane=Lane(Origin(self.shore, self.disk), 2),
            limits=Limits(max_age_s=_NEVER),
            retry_for_s=5,
            repeatable=self.shore.repeatable,
            finishing_credentials=False,
        )
        courses = Courses({DEFAULT_ROUTE: course}, log)
        self.deliveries = Deliveries(
            Forward(self.spool, ledger, 100, log),
            ledger,
            courses,
            spawn=self._tasks.spawn,
            log=log,
        )
        leases, elsewhere = LocalLeases(), Elsewhere()
        standings = Standings(self.spool, ledger, self.deliveries, courses, log)
        self._uploads = Uploads(
            ledger=ledger,
            leases=leases,
            deliveries=self.deliveries,
            elsewhere=elsewhere,
            standings=standings,
            reception=Reception(self.spool, self.spool, ledger, self._tasks.spawn, log),
            replays=Replays(
                spool=self.spool,
                ledger=ledger,
                deliveries=self.deliveries,
                elsewhere=elsewhere,
                standings=standings,
                keep_answer_s=_NEVER,
            ),
            courses=courses,
            mint=self._mint,
            admission=Admission(PlayedFigures(), Bounds(None, 0), self.loop.time, log),
            log=log,
        )
        self._upkeep = Upkeep(
            spool=self.spool,
            ledger=ledger,
            leases=leases,
            deliveries=self.deliveries,
            elsewhere=elsewhere,
            standings=standings,
            courses=courses,
            keep_answer_s=_NEVER,
            finish_stalled_after_s=None,
            max_age_s=_NEVER,
            log=log,
        )

    def _trouble(self) -> None:
        for promise in self.shore.promises.values():
            promise.has_trouble()

    def _mint(self) -> Token:
        number = len(self.shore.promises)
        token = Token(hashlib.sha256(b"%d" % number).hexdigest()[:43])
        self.shore.promises[token] = Promise(self.shore.repeatable)
        return token

    def request(self, intent: Intent, content: Content) -> Token | None:
        """Have it fulfilled, as far as it can be without time passing; the token of the
        upload it is about, None when it began none."""
        request = _Request(self, intent, content)
        self._go(self._fulfil(request))
        return request.token

    @asynccontextmanager
    async def present(self) -> AsyncIterator[None]:
        """As long as the client waits; see `Exchange`."""
        task = asyncio.current_task()
        assert task is not None
        self._waiting[task] = None
        try:
            yield
        except asyncio.CancelledError:
            if task not in self._left:
                raise
            task.uncancel()
            raise ClientGone(Gone.CUT) from None
        finally:
            self._waiting.pop(task, None)

    def leave(self) -> None:
        """No client waits any more."""
        for task in self._waiting:
            self._left.add(task)
            task.cancel()
        self.pass_time(0)

    def secure(self, token: Token) -> None:
        """Another process needs the upload to be where it can see it."""
        self._go(self._secure(token))

    async def _secure(self, token: Token) -> None:
        try:
            await self.spool.secure(token)
        except SpoolError:
            # it will ask again
            pass

    def sweep(self) -> None:
        """What is done after a start: the unfinished first, then all."""
        self._go(self._sweep())

    def pass_time(self, seconds: float) -> None:
        self.loop.pass_time(seconds)
        self._see()

    def states(self) -> list[State]:
        """Of every upload there is; a record that a power loss tore is none."""

        async def states() -> list[State]:
            found = []
            for token in self.spool.tokens():
                try:
                    found.append((await self.spool.load(token)).state)
                except UploadLost:
                    continue
            return found

        return self.loop.run_until_complete(states())

    def end(self) -> None:
        """The process is gone: whatever its tasks still do, they do to nobody."""
        self.disk.dead = True
        while tasks := asyncio.all_tasks(self.loop):
            for task in tasks:
                task.cancel()
            self.loop.settle()
        self.spool.close()
        self.loop.close()

    def _go(self, coroutine: Coroutine[Any, Any, None]) -> None:
        task = self.loop.create_task(coroutine)
        self._requests.append(task)
        self.loop.settle()
        self._see()

    def _see(self) -> None:
        """Fail with whatever has gone wrong in the requests that have ended."""
        ended = [task for task in self._requests if task.done()]
        self._requests = [task for task in self._requests if not task.done()]
        for task in ended:
            failure = task.exception()
            if failure is not None and not self.disk.dead:
                raise failure
        if self.shore.wrong is not None:
            raise self.shore.wrong

    async def _fulfil(self, request: _Request) -> None:
        self.contents[request.content] = None
        try:
            outcome = await self._uploads.fulfil(request.intent, request.exchange())
        except ClientGone:
            return
        except Refusal as refusal:
            request.is_refused(refusal)
        else:
            await request.hears(outcome)
        finally:
            del self.contents[request.content]

    async def _sweep(self) -> None:
        for token in list(self.spool.unfinished()):
            await self._tidy(token, thorough=False)
        for token in list(self.spool.tokens()):
            await self._tidy(token, thorough=True)

    async def _tidy(self, token: Token, *, thorough: bool) -> None:
        try:
            await self._upkeep.tidy(token, thorough=thorough)
        except SpoolError:
            # tried again in the next round
            pass


class _Request:
    """One request of a client, and what the client learns from it."""

    def __init__(self, world: World, intent: Intent, content: Content) -> None:
        self.world = world
        self.intent = intent
        self.content = content
        self.token = None if isinstance(intent, Create) else intent.token

    @property
    def promise(self) -> Promise:
        assert self.token is not None
        return self.world.shore.promises[self.token]

    def exchange(self) -> Exchange:
        if self.token is not None:
            self.content.belongs_to(self.promise)
        path = f"/{len(self.world.shore.promises)}"
        return Exchange(
            head=Head("PATCH", "/", ()),
            body=self.content,
            tell=self._tell,
            peer="",
            about=self._about,
            to_origin=partial(Head, "POST", path, ()),
            route=DEFAULT_ROUTE,
            present=self.world.present,
        )

    def _about(self, upload: Upload) -> None:
        if self.token is None:
            self.token = upload.token
            self.content.belongs_to(self.promise)

    def _tell(self, interim: Interim) -> None:
        if self.world.disk.dead:
            return
        self.promise.is_known()
        if isinstance(interim, Progress):
            self.promise.tells_at_least(interim.offset)

    def is_refused(self, refusal: Refusal) -> None:
        if self.world.disk.dead or self.token is None:
            return
        if refusal.problem is Problem.UNKNOWN_UPLOAD:
            self.promise.is_gone()
        elif refusal.standing is not None and isinstance(self.intent, Malformed):
            self.promise.tells_at_least(refusal.standing.offset)
        elif refusal.standing is not None:
            self.promise.tells(refusal.standing)
        elif refusal.problem is Problem.OVERRUN:
            self.promise.is_over()

    async def hears(self, outcome: Outcome) -> None:
        if isinstance(outcome, Answered):
            await self._hears_answer(outcome)
        if self.world.disk.dead:
            return
        match outcome:
            case Created(told) | Appended(told) | OffsetTold(told):
                self.promise.tells(told)
            case Cancelled():
                self.promise.is_over()

    async def _hears_answer(self, outcome: Answered) -> None:
        content = outcome.content
        if isinstance(content, bytes):
            # all of it was there: it leaves with its head
            self._hears_content(content)
            return
        got = b""
        try:
            async for chunk in content:
                got += chunk
        except OriginCut:
            # what came of it says nothing
            return
        finally:
            await content.aclose()
        self._hears_content(got)

    def _hears_content(self, content: bytes) -> None:
        if not self.world.disk.dead:
            self.promise.hears_answer(content)
