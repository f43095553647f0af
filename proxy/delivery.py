"""The forward of one upload, from its first attempt to its end: who waits, what stands.

A delivery carries its upload through the attempts; the attempts themselves are made in
``forward``, each in its turn in ``attempts``, with pauses in ``deliveries``. The one
invariant: while a delivery is live, only it saves the record of its upload, one save
after the other; others ask it to ``amend``.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from structlog.typing import FilteringBoundLogger

from proxy.core.decide import unknown_upload
from proxy.core.errors import Refusal, SpoolError
from proxy.core.lifecycle import TERMINAL, Event, next_state
from proxy.core.upload import Upload, shortened
from proxy.core.values import replace
from proxy.followers import Follower
from proxy.lanes import Course
from proxy.ledger import Ledger

Change = Callable[[Upload], Upload]
"""Made to the upload as it stands when its turn to be saved has come: somebody else may
have changed it since it was last looked at."""


def _as_it_is(upload: Upload) -> Upload:
    return upload


class Delivery:
    """The forward of one upload, from its first attempt to its end."""

    def __init__(self, upload: Upload, ledger: Ledger, course: Course) -> None:
        self.upload = upload
        self.course = course
        self.in_attempt = False
        """From before FORWARDING is saved until the attempt's outcome has been dealt
        with; then it can no longer be withdrawn."""
        self.followers: list[Follower] = []
        self.served: list[Follower] = []
        """Those to whom the answer is being passed on."""
        self.hurry = asyncio.Event()
        """Somebody waits for the answer: end the pause."""
        self.waits_durably = False
        """That it is COMPLETE and waits for the origin is on stable storage."""
        self.is_believed = False
        """The record does not say yet what we know: it could not be saved."""
        self.over = asyncio.Event()
        """Nothing more happens here; the record says how it went."""
        self.is_live = True
        """No other process can change the upload; False once and for all."""
        self._ledger = ledger
        self._saving = asyncio.Lock()

    async def advance(
        self, event: Event, change: Change = _as_it_is, *, durable: bool = False
    ) -> None:
        """Save the upload as it is after `change` and `event`.

        Raises:
            SpoolError: neither has happened.
        """
        async with self._saving:
            # A save that fails may have been made all the same.
            self.waits_durably = False
            self.upload = await self._ledger.advance(
                change(self.upload), event, durable=durable
            )
            self.is_believed = False

    async def amend(self, change: Change) -> bool:
        """Save a change that is no event, durably; False: it is live no more, and
        nothing was saved, since the upload may be removed by now, or another process's.

        Raises:
            SpoolError: the new record cannot be counted on, see ``Spool.save``.
        """
        async with self._saving:
            if not self.is_live or self.upload.state in TERMINAL:
                return False
            changed = change(self.upload)
            await self._ledger.save(changed, durable=True)
            self.upload = changed
            self.is_believed = False
            return True

    async def acknowledge(self, synced: int) -> bool:
        """Record durably that so many bytes of the body are; the same otherwise.

        Raises:
            SpoolError: as `amend`.
        """
        return await self.amend(lambda current: replace(current, acknowledged=synced))

    async def hide(self) -> bool:
        """Its client has given it up, and its forward is in flight: nobody finds it any
        more, and it is removed when that has ended; the same otherwise.

        Raises:
            SpoolError: as `amend`.
        """
        return await self.amend(lambda current: replace(current, hidden=True))

    async def drop_hidden(self) -> None:
        """Remove an upload that was cancelled while it was forwarded (R70)."""
        # A cancel that is just being recorded counts: its client is told 204.
        await self.settled()
        if self.upload.hidden and self.upload.state not in TERMINAL:
            await self.advance(Event.CANCEL_ASKED)
            self.refuse_all(unknown_upload)

    async def settled(self) -> None:
        """Wait until nothing is being saved."""
        async with self._saving:
            return

    async def note(self, event: Event, change: Change) -> None:
        """Log an event that leaves the upload in its state, with `change`, which the
        record is told whenever it is saved next."""
        async with self._saving:
            self.upload = change(self.upload)
            self._ledger.note(self.upload, event)

    async def believe(self, event: Event | None, change: Change = _as_it_is) -> None:
        """Know of `event` and `change` here, although the record could not be told."""
        async with self._saving:
            before, state = self.upload, self.upload.state
            if event is not None:
                state = next_state(state, event)
            self.upload = replace(change(self.upload), state=state)
            self.is_believed = True
            if event is not None:
                self._ledger.witness.changed(before, self.upload, event)

    @property
    def is_awaited(self) -> bool:
        """Somebody waits for the answer."""
        return any(not one.has_left for one in self.followers)

    def add(self, follower: Follower) -> None:
        """Somebody waits for the answer; forget those who have left."""
        self.followers = [one for one in self.followers if not one.has_left]
        self.followers.append(follower)
        self.hurry.set()

    def newest_wins(self) -> None:
        """Somebody comes for the answer: whoever is served now holds it up no more."""
        for follower in self.served:
            follower.break_off()

    def refuse_all(self, refusal: Callable[[], Refusal]) -> None:
        """Whoever waits for the answer is told why there will be none now."""
        for follower in self.followers:
            follower.refuse(refusal())
        self.followers.clear()


def tell_unrecorded(
    log: FilteringBoundLogger, delivery: Delivery, event: Event, exc: SpoolError
) -> None:
    """We know better than the record, which still says FORWARDING.

    Should we die now, the outcome counts as unknown: nothing is sent twice.
    """
    log.error(
        "outcome of a forward not recorded",
        upload=shortened(delivery.upload.token),
        outcome=event.value,
        error=str(exc),
    )
