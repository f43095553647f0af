"""One part of an upload: its content taken, and what its end means settled and saved.

The way from an upload that has a body attached to one that has not. Knows every body
that is being received, so that all can be ended when the proxy stops. The one
invariant: what the client is told of its part has been saved before, durably where it
tells an offset.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Final

from structlog.typing import FilteringBoundLogger

from proxy.admission import Grant
from proxy.core import decide
from proxy.core.decide import Receive
from proxy.core.endings import Ending, Settled, settle
from proxy.core.errors import ClientGone, Gone, SpoolError, StillFailing
from proxy.core.intents import Part
from proxy.core.lifecycle import Event
from proxy.core.upload import Head, Token, Upload
from proxy.core.values import replace
from proxy.holdings import Boundless, Share, stopped
from proxy.intake import Body, receive
from proxy.leases import Lease
from proxy.ledger import Ledger
from proxy.progress import ProgressTeller, Tell, Tellers
from proxy.spool import Probe, Spool, Writer
from proxy.tasks import Spawn

_CARRIES_OFFSET: Final = {
    Event.PART_ENDED,
    Event.ENDED_SHORT,
    Event.LIMIT_REACHED,
    Event.OVERRAN_KEPT,
    Event.STORAGE_FAILED,
}
"""Ends of a part after which the client is told the offset: it must be durable."""


Present = Callable[[], AbstractAsyncContextManager[object]]
"""Within it, waiting ends with ClientGone when the client has gone."""


@dataclass(frozen=True, slots=True)
class Exchange:
    """What a request brings along beside its intent."""

    head: Head
    body: Body
    tell: Tell
    """Sends an interim response, in the client's dialect, if it may have one."""
    peer: str
    """Address of the client, for the record and the log."""
    about: Callable[[Upload], None]
    """Told the upload that the request begins, or is about, for the log."""
    to_origin: Callable[[], Head]
    """The head as the origin is to get it, should this become an upload."""
    route: str
    """The route it takes, should this become an upload."""
    present: Present
    """As long as the client is there."""


class Reception:
    """Takes the content of requests."""

    def __init__(
        self,
        spool: Spool,
        probe: Probe,
        ledger: Ledger,
        spawn: Spawn,
        log: FilteringBoundLogger,
    ) -> None:
        self._spool = spool
        self._probe = probe
        self._ledger = ledger
        self._tellers = Tellers(ledger, spawn)
        self._log = log
        self._bodies: dict[Body, tuple[Token, Writer]] = {}
        self._stopping = False
        self._in_trouble = False
        """The spool has failed, and has not been seen to work since."""

    @property
    def bodies(self) -> int:
        """Bodies being received just now."""
        return len(self._bodies)

    def offsets(self) -> dict[Token, int]:
        """How many bytes there are of each upload whose content comes just now."""
        return {token: writer.offset for token, writer in self._bodies.values()}

    def stop(self) -> None:
        """End every body at the bytes it has brought; its client comes back later."""
        self._stopping = True
        for body in self._bodies:
            body.end(Gone.STOPPING)

    def failed(self) -> None:
        """The spool has failed: look at it before any content is asked for."""
        self._in_trouble = True

    async def ready(self) -> None:
        """Make sure that the spool can take bytes, before any is asked for.

        Looked at only after it has failed: a client that was cut for that (R97) comes
        back at once, and would be cut again and again.

        Raises:
            StillFailing: it still cannot.
        """
        if self._in_trouble:
            if not await self._probe.writable():
                raise StillFailing("the spool has failed and cannot be written yet")
            self._log.info("the spool can be written again")
            self._in_trouble = False

    async def receive(
        self,
        upload: Upload,
        plan: Receive,
        intent: Part,
        lease: Lease,
        exchange: Exchange,
        grant: Grant,
        share: Share | Boundless,
    ) -> Upload:
        """`upload` with the request's content taken, and what that means saved.

        Raises:
            Refusal: the content ended otherwise than the client meant.
            ClientGone: the connection is to be closed without an answer.
            SpoolError: it could not be saved.
        """
        body = exchange.body
        # Progress alone is no reason: nobody waits for those syncs.
        writer = self._spool.writer(upload.token, to_be_told=not plan.finishing)
        progress = ProgressTeller(upload, writer, body, exchange.tell, self._tellers)
        try:
            self._register(body, upload.token, writer)
            try:
                with lease.revocable(body.end):
                    if not body.all_came:
                        # It may take hours.
                        exchange.head.forget_names()
                        upload.request.forget_names()
                        if intent.progress and intent.interims:
                            progress.start()
                    body.begin()
                    ending = await receive(body, writer, plan.ceiling, grant, share)
            finally:
                self._bodies.pop(body, None)
            upload = await progress.stop()
            if progress.failure is not None:
                ending = Ending.STORAGE_FAILED
            if ending is Ending.STORAGE_FAILED:
                self.failed()
            if ending is Ending.OVERRAN and writer.offset < plan.ceiling:
                plan = stopped(plan, writer.offset)
            if ending is Ending.ENDED and writer.offset == upload.offset:
                plan = replace(plan, finishing=plan.finishing or intent.last_if_empty)
            settled = settle(plan, writer.offset, ending)
            return await self._settle(upload, settled, intent, writer, body)
        finally:
            try:
                await progress.stop()
            finally:
                writer.close()
                grant.stored(writer.offset)

    async def _settle(
        self,
        upload: Upload,
        settled: Settled,
        intent: Part,
        writer: Writer,
        body: Body,
    ) -> Upload:
        """Save what the part did; raise what the client is to hear of it."""
        upload = replace(
            upload,
            offset=writer.offset,
            length=settled.length,
            fed_at=self._ledger.now()
            if writer.offset > upload.offset
            else upload.fed_at,
            why=_why(settled.event, body),
        )
        told = settled.event in _CARRIES_OFFSET or body.gone is Gone.STOPPING
        try:
            if told:
                upload = replace(upload, acknowledged=await writer.sync())
            upload = await self._ledger.advance(upload, settled.event, durable=told)
        except SpoolError as exc:
            self.failed()
            if intent.cut_on_storage_failure:
                self._log.error("spool failed", error=str(exc))
                raise ClientGone(Gone.CUT) from exc
            raise
        if settled.refusal is None:
            return upload
        if settled.event is Event.STORAGE_FAILED and intent.cut_on_storage_failure:
            # R97: such a client resumes after a cut, never after a 5xx.
            raise ClientGone(Gone.CUT)
        if settled.event is not Event.OVERRAN_FATAL:
            settled.refusal.standing = decide.standing(upload, self._ledger.now())
        raise settled.refusal

    def _register(self, body: Body, token: Token, writer: Writer) -> None:
        self._bodies[body] = token, writer
        if self._stopping:
            body.end(Gone.STOPPING)


def _why(event: Event, body: Body) -> str:
    """Why the part broke off; empty when it did not."""
    if event is Event.STORAGE_FAILED:
        return event.value
    return body.gone.value if body.gone else ""
