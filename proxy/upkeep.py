"""What has to be done for an upload when no request asks for it.

Recovered after a crash, finished when it stalls at its length and the operator wants
that, removed at the end of its life, its old answer dropped. What is lost is removed
too, once the operator has had as long to look at it. The sweep calls this for one
upload after the other; whatever a client is at work on is left alone.
"""

from __future__ import annotations

from structlog.typing import FilteringBoundLogger

from proxy.core.decide import answer_is_old, expired, stalled
from proxy.core.errors import Refusal, UploadLost, UploadMissing, UploadTooNew
from proxy.core.lifecycle import TERMINAL, Event
from proxy.core.upload import Token, Upload, shortened
from proxy.core.values import replace
from proxy.deliveries import Deliveries
from proxy.elsewhere import Elsewhere
from proxy.lanes import Courses
from proxy.leases import Leases
from proxy.ledger import Ledger
from proxy.spool import Spool
from proxy.standings import Standings


class Upkeep:
    """One for the spool."""

    def __init__(
        self,
        *,
        spool: Spool,
        ledger: Ledger,
        leases: Leases,
        deliveries: Deliveries,
        elsewhere: Elsewhere,
        standings: Standings,
        courses: Courses,
        keep_answer_s: float,
        finish_stalled_after_s: float | None,
        max_age_s: float,
        log: FilteringBoundLogger,
    ) -> None:
        """`finish_stalled_after_s`: None when only clients may finish an upload (R103).
        `max_age_s`: how long an upload is kept whose record cannot be read."""
        self._elsewhere = elsewhere
        self._spool = spool
        self._ledger = ledger
        self._leases = leases
        self._deliveries = deliveries
        self._standings = standings
        self._courses = courses
        self._keep_answer_s = keep_answer_s
        self._finish_stalled_after_s = finish_stalled_after_s
        self._max_age_s = max_age_s
        self._log = log
        self._lost_at: dict[Token, float] = {}
        """When uploads were first seen that do not tell their age."""

    def settle(
        self,
        *,
        keep_answer_s: float,
        finish_stalled_after_s: float | None,
        max_age_s: float,
    ) -> None:
        """Go by these from now on."""
        self._keep_answer_s = keep_answer_s
        self._finish_stalled_after_s = finish_stalled_after_s
        self._max_age_s = max_age_s

    async def tidy(self, token: Token, *, thorough: bool = False) -> Upload | None:
        """Do for the upload of `token` what its time has come for; the upload as it
        stood before that, None when it was left alone.

        `thorough`: also free the body of one that has been answered, which a process
        that ended in between has left; once after that is enough.

        Raises:
            SpoolError: nothing has changed, the next round tries again.
        """
        if not self._leases.is_free(token) or self._deliveries.live(token):
            return None
        try:
            async with self._leases.hold(token, politely=True):
                if self._elsewhere.has(token):
                    return None
                upload = await self._load(token)
                await self._tidy(upload)
                if thorough and upload.finished:
                    await self._spool.drop_body(token)
                return upload
        except Refusal:
            # Its record cannot be read, which has been logged; or a client's request is
            # at work on it, which recovers it as well.
            return None

    async def _load(self, token: Token) -> Upload:
        try:
            return await self._standings.load(token)
        except Refusal as refusal:
            match refusal.__cause__:
                case UploadMissing():
                    # A body without a record: what a crash left of a creation or a
                    # removal.
                    await self._spool.delete(token)
                case UploadTooNew():
                    pass  # not lost to the release that wrote it
                case UploadLost() as lost:
                    await self._outlive(token, lost)
            raise

    async def _outlive(self, token: Token, lost: UploadLost) -> None:
        """Remove a lost upload when its lifetime has ended."""
        now = self._ledger.now()
        if lost.upload is not None:
            deadline = lost.upload.deadline
        else:
            deadline = self._lost_at.setdefault(token, now) + self._max_age_s
        if now >= deadline:
            await self._spool.delete(token)
            self._lost_at.pop(token, None)
            self._log.warning("lost upload removed", upload=shortened(token))

    async def _tidy(self, upload: Upload) -> None:
        now = self._ledger.now()
        self._ledger.seen(upload)
        if upload.state in TERMINAL:
            await self._spool.delete(upload.token)
        elif upload.hidden:
            await self._ledger.advance(upload, Event.CANCEL_ASKED)
        elif expired(upload, now):
            await self._ledger.advance(upload, Event.LIFETIME_ENDED)
        elif stalled(upload, now, self._finish_stalled_after_s):
            if self._courses.of(upload) is None:
                return  # it stays as it is until its route is back
            finished = await self._ledger.advance(upload, Event.FINISHED_INTERNALLY)
            self._deliveries.start(finished)
        elif answer_is_old(upload, now, self._keep_answer_s):
            assert upload.answer is not None
            await self._spool.drop_answer(upload.token)
            tombstone = replace(upload.answer, kept=False)
            await self._ledger.save(replace(upload, answer=tombstone))
