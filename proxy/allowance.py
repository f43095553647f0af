"""May there be this upload, and how much of it, by the bounds on who has it open?

Asked before a byte is taken, and, where it is not known how many will come, as they do:
so several uploads at a time get no more than one after the other. Before anybody is
refused, it is looked at which of the uploads in the way other processes have ended. The
one invariant: who is refused has had its count looked through first.
"""

from __future__ import annotations

from proxy.core.decide import Receive
from proxy.core.errors import Problem, Refusal
from proxy.core.intents import Append, Create
from proxy.core.upload import State, Upload
from proxy.holdings import BOUNDLESS, Boundless, Share
from proxy.ledger import Ledger
from proxy.standings import Standings


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

    async def share(
        self, upload: Upload, plan: Receive, intent: Create | Append
    ) -> Share | Boundless:
        """What the request may bring of what its principal may have. What is nobody's
        has no bound of its own.

        Raises:
            Refusal: what is announced is more.
        """
        holdings = self._ledger.holdings
        if not holdings.bounds(upload) or _is_admitted(upload, plan):
            return BOUNDLESS
        end = plan.length
        if end is None and intent.content_length is not None:
            end = upload.offset + intent.content_length
        try:
            # More than is told may come, but no less is to be refused.
            await self._check(upload, upload.offset + 1 if end is None else end)
        except Refusal as refusal:
            if upload.state is not State.CREATED:
                upload = await self._standings.acknowledge(upload)
                refusal.standing = self._standings.of(upload)
            raise
        if upload.state is not State.CREATED:
            self._ledger.seen(upload)
        return Share(holdings, upload, upload.offset if end is None else end)

    async def _check(self, upload: Upload, size: int) -> None:
        """Make sure that `upload` may have `size` bytes, if it has not.

        Raises:
            Refusal: it may not.
        """
        if size <= upload.offset:
            return
        try:
            self._ledger.holdings.check_size(upload, size)
        except Refusal as refusal:
            if refusal.problem is Problem.TOO_LARGE:
                raise
            await self._standings.recount(upload)
            self._ledger.holdings.check_size(upload, size)


def _is_admitted(upload: Upload, plan: Receive) -> bool:
    """True when `upload` has been let in with its length: that is its own, whatever the
    others are by now."""
    if upload.state is State.CREATED:
        return False
    return upload.length is not None and upload.length == plan.length
