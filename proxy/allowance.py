"""May there be this upload, and how much of it, by the bounds on who has it open?

Asked before a byte is taken. Before anybody is refused, it is looked at which of the
uploads in the way other processes have ended. The one invariant: who is refused has had
its count looked through first.
"""

from __future__ import annotations

from dataclasses import replace

from proxy.core.decide import Receive
from proxy.core.errors import Problem, Refusal
from proxy.core.intents import Append, Create
from proxy.core.lifecycle import Event
from proxy.core.upload import State, Upload
from proxy.ledger import Ledger
from proxy.standings import Standings

_BOUND = "what may be open of whose it is"


class Allowance:
    """Lets uploads begin and grow."""

    def __init__(self, ledger: Ledger, standings: Standings) -> None:
        self._ledger = ledger
        self._standings = standings

    async def admit(self, upload: Upload) -> None:
        """Make sure that there may be one more, and that its client may have it.

        Raises:
            Refusal: it may not.
        """
        try:
            self._ledger.admit(upload)
        except Refusal:
            await self._standings.recount(upload)
            self._ledger.admit(upload)

    async def bounded(
        self, upload: Upload, plan: Receive, intent: Create | Append
    ) -> Receive:
        """`plan`, by which no more is taken of `upload` than its principal may have.
        What is nobody's has no bound of its own.

        Raises:
            Refusal: what is announced is more.
        """
        if not upload.principal:
            return plan
        try:
            return await self._bounded(upload, plan, intent.content_length)
        except Refusal as refusal:
            if upload.state is not State.CREATED:
                upload = await self._standings.acknowledge(upload)
                refusal.standing = self._standings.of(upload)
            raise

    async def _bounded(
        self, upload: Upload, plan: Receive, content_length: int | None
    ) -> Receive:
        end = plan.length
        if end is None and content_length is not None:
            end = upload.offset + content_length
        # More than is told may come, but no less is to be refused.
        size = upload.offset + 1 if end is None else end
        if size > upload.offset:
            try:
                self._ledger.check_size(upload, size)
            except Refusal:
                await self._standings.recount(upload)
                self._ledger.check_size(upload, size)
        left = self._ledger.left(upload)
        if plan.ceiling <= left:
            return plan
        return replace(
            plan,
            ceiling=max(upload.offset, int(left)),
            beyond=Problem.TOO_LARGE,
            overrun_event=Event.LIMIT_REACHED,
            bound=_BOUND,
        )
