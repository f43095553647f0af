"""The only place where an upload changes its state: the table asked, saved, logged.

Rooms above say what has happened; the ledger looks up what that leads to, replaces the
record, and writes one log line. It holds no upload and no lock: who may save when is
the business of the lease (while a body is received) and of the delivery (while it is
forwarded). The one invariant: an offset leaves the process only after ``acknowledge``
or a durable ``advance`` has returned for it (P1).
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Final, Protocol

from structlog.typing import FilteringBoundLogger

from proxy.core.errors import SpoolError, UploadMissing
from proxy.core.lifecycle import TERMINAL, Event, next_state, parts_after, remembered
from proxy.core.upload import State, Token, Upload, shortened, without_tokens
from proxy.core.values import replace
from proxy.holdings import Holdings
from proxy.spool import Spool
from proxy.tally import Tally

_LOUD = {
    Event.ORIGIN_LOST,
    Event.SPOOL_LOST,
    Event.STORAGE_FAILED,
    Event.BODY_DOUBTED,
}
"""Events an operator has to look at."""
_WORTH_A_LOOK = {
    Event.ORIGIN_UNREACHED,
    Event.ORIGIN_CUT,
    Event.ORIGIN_LOST_REPEATABLE,
    Event.AUTH_SILENT,
    Event.FORWARD_DENIED,
}
"""Events that are trouble, which will be over by itself."""


class Witness(Protocol):
    """Counts what happens to uploads. Told once it has been saved, or is known."""

    def changed(self, before: Upload, after: Upload, event: Event) -> None:
        """`event` has made one of the other; their states may be the same."""

    def resumed(self, upload: Upload) -> None:
        """A part has begun where an earlier one had broken off."""

    def recovered(self, result: str) -> None:
        """An upload that nobody was at work on was found, and is now `result`."""


class _Nobody:
    def changed(self, before: Upload, after: Upload, event: Event) -> None:
        return

    def resumed(self, upload: Upload) -> None:
        return

    def recovered(self, result: str) -> None:
        return


NOBODY: Final[Witness] = _Nobody()


class Ledger:
    """Records of uploads, changed by events."""

    def __init__(
        self,
        spool: Spool,
        now: Callable[[], float],
        log: FilteringBoundLogger,
        tally: Tally | None = None,
        noted: Callable[[Upload], None] = lambda upload: None,
        witness: Witness = NOBODY,
        *,
        tells_routes: bool = False,
    ) -> None:
        """`tally`: None when nobody counts. `noted` is told of every new state.
        `tells_routes`: there are some, so that the log tells them apart."""
        self.witness = witness
        """For those who know more than a record says."""
        self._spool = spool
        self._tally = Tally(None) if tally is None else tally
        self._noted = noted
        self.now = now
        """Seconds of the lifetime clock."""
        self._log = log
        self._tells_routes = tells_routes

    def settle(
        self, *, max_per_client: int | None, max_open: int | None, tells_routes: bool
    ) -> None:
        """Go by these from now on."""
        self._tally.bound(max_per_client, max_open)
        self._tells_routes = tells_routes

    def admit(self, upload: Upload) -> None:
        """Make sure that there may be one more, and that its client may have it.

        Raises:
            Refusal: it may not.
        """
        self._tally.admit(upload, self.now())

    @property
    def holdings(self) -> Holdings:
        """What each principal has open."""
        return self._tally.holdings

    def oldest(self, upload: Upload, most: int) -> list[Token]:
        """Up to `most` uploads in the way of a new one that were not heard of
        longest."""
        return self._tally.oldest(upload, most)

    def gone(self, token: Token) -> None:
        """Know that an upload is no more."""
        self._tally.gone(token)

    def seen(self, upload: Upload) -> None:
        """Know of an upload that another process may have begun. The caller holds the
        lease."""
        self._tally.note(upload)

    def looked_at(self, upload: Upload) -> None:
        """The same without the lease: another process may have changed it since."""
        self._tally.looked_at(upload)

    async def open(self, upload: Upload) -> Upload:
        """Store a new upload, to whose creation a body is attached.

        Raises:
            SpoolError: nothing of it is stored.
        """
        opened = self._after(upload, Event.BODY_ATTACHED)
        try:
            await self._spool.create(opened)
        except SpoolError:
            self._tally.gone(upload.token)
            raise
        self._noted(opened)
        self.witness.changed(upload, opened, Event.BODY_ATTACHED)
        self._tell(upload, opened, Event.BODY_ATTACHED)
        return opened

    async def advance(
        self, upload: Upload, event: Event, *, durable: bool = False
    ) -> Upload:
        """`upload` after `event`, saved; one that is over is removed.

        `durable`: the new record survives power loss when this returns.

        Raises:
            SpoolError: the new record cannot be counted on, see ``Spool.save``.
        """
        advanced = self._after(upload, event)
        if advanced.state in TERMINAL:
            await self._remove(advanced)
        else:
            await self._spool.save(advanced, durable=durable)
        self._tally.note(advanced)
        self._noted(advanced)
        self.witness.changed(upload, advanced, event)
        self._tell(upload, advanced, event)
        return advanced

    def _after(self, upload: Upload, event: Event) -> Upload:
        state = next_state(upload.state, event)
        history = remembered(upload, event, self.now())
        if event is Event.FORWARD_BEGAN:
            begun = upload.attempts + 1
            return replace(upload, state=state, history=history, attempts=begun, why="")
        parts = parts_after(upload, event)
        return replace(upload, state=state, history=history, parts=parts)

    def note(self, upload: Upload, event: Event) -> None:
        """Log an event that leaves the upload as it is."""
        self.witness.changed(upload, upload, event)
        self._tell(
            upload, replace(upload, state=next_state(upload.state, event)), event
        )

    def tell_resent(self, upload: Upload) -> None:
        """Log that an operator has had `upload` sent on once more, if that is what
        happened to it last: it was not done in a process that has a log."""
        asked = Event.RESEND_ASKED
        if upload.history and upload.history[-1].event == asked.value:
            self._tell(replace(upload, state=State.UNKNOWN), upload, asked)

    async def save(self, upload: Upload, *, durable: bool = False) -> None:
        """Save `upload`, whose state has not changed.

        Raises:
            SpoolError: the new record cannot be counted on, see ``Spool.save``.
        """
        await self._spool.save(upload, durable=durable)

    async def secure(self, token: Token, *, told: bool = False) -> None:
        """Have the upload survive the process, and seen by all others on the spool;
        with `told` the power loss, too, see ``Spool.secure``.

        Raises:
            SpoolError: it is no more secure than it was.
        """
        await self._spool.secure(token, told=told)

    async def sync_body(self, upload: Upload) -> int:
        """Make every stored byte durable; how many there are.

        An offset may be told only when the record has been saved durably as well.

        Raises:
            SpoolError: nothing may be promised.
        """
        writer = self._spool.writer(upload.token)
        try:
            return await writer.sync()
        finally:
            writer.close()

    async def made_durable(self, upload: Upload) -> Upload:
        """`upload`, of unknown outcome, with its body durable, if that can be: it is
        the operator's from now on, and its total will be told.

        Not what a power loss has left of it: only its size is known to be right.
        """
        if upload.acknowledged == upload.length:
            return upload
        try:
            if not self._spool.is_of_this_boot(upload.token):
                return upload
            synced = await self.sync_body(upload)
        except SpoolError as exc:
            self._log.error(
                "body of an unknown outcome not made durable",
                upload=shortened(upload.token),
                error=str(exc),
            )
            return upload
        return (
            replace(upload, acknowledged=synced) if synced == upload.length else upload
        )

    async def _remove(self, upload: Upload) -> None:
        # What was given up must not be sent on after a power loss.
        given_up = upload.state is not State.EXPIRED
        try:
            await self._spool.delete(upload.token, durable=given_up)
        except SpoolError as exc:
            self._log.error(
                "not removed", upload=shortened(upload.token), error=str(exc)
            )
            await self._say_over(upload, durable=given_up)

    async def _say_over(self, upload: Upload, *, durable: bool) -> None:
        """Told as gone all the same: the record says so, the sweep frees the rest.

        Raises:
            SpoolError: it cannot be told, a power loss could bring the upload back.
        """
        try:
            await self._spool.save(upload, durable=durable)
        except UploadMissing:
            # The record went before the failure: it has to stay away.
            if durable:
                await self._spool.delete(upload.token, durable=True)

    def _tell(self, before: Upload, after: Upload, event: Event) -> None:
        level = _LEVELS.get(event, logging.INFO)
        if not self._log.is_enabled_for(level):
            return
        self._log.log(
            level,
            "upload",
            upload=shortened(after.token),
            change=event.value,
            was=before.state.value,
            state=after.state.value,
            offset=after.offset,
            length=after.length,
            **({"route": after.route} if self._tells_routes else {}),
            **(_origins(after) if _is_told_whole(before, event) else {}),
            **({"why": after.why} if after.why else {}),
            **({"attempts": after.attempts} if after.state in _FORWARD else {}),
            **({"status": after.answer.status} if after.answer else {}),
        )


_FORWARD = {State.FORWARDING, State.UNKNOWN, State.RESPONDED}
_LEVELS = dict.fromkeys(_LOUD, logging.ERROR) | dict.fromkeys(
    _WORTH_A_LOOK, logging.WARNING
)
"""Of the lines about events; the others are told as information."""


def _is_told_whole(before: Upload, event: Event) -> bool:
    """True where an operator wants to know whose upload it is, and what for."""
    return before.state is State.CREATED or event in _LOUD


def _origins(upload: Upload) -> dict[str, str]:
    """Where an upload comes from: what finds it in the origin's log as well."""
    request_id = upload.request.value(b"x-request-id") or b""
    return {
        "method": upload.request.method,
        "path": without_tokens(upload.request.path),
        "client": upload.peer,
        "request_id": request_id.decode("ascii", "replace"),
    }
