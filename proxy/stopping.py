"""How a process ends its work: what can come back is ended, what cannot may finish.

Bodies are ended durably, their clients resume; forwards have the grace. The one
invariant: before each wait what is in memory goes to the disk, as whoever loses
patience with us meanwhile kills us.
"""

from __future__ import annotations

import asyncio

from structlog.typing import FilteringBoundLogger

from proxy.listening import GREETING_S, Listening
from proxy.road import Road
from proxy.server import Presence
from proxy.spool.tiers import TieredSpool


async def end_work(
    listening: Listening,
    road: Road,
    spool: TieredSpool,
    grace_s: float,
    log: FilteringBoundLogger,
) -> None:
    """Begin nothing more; what cannot be taken up again may finish in `grace_s`
    seconds."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + grace_s
    await listening.accept_no_more()
    await spool.drain()
    await listening.hear_out(min(GREETING_S, grace_s))
    road.reception.stop()
    await spool.drain()
    await road.deliveries.stop(max(0.0, deadline - loop.time()))
    await _answered(road.presence, deadline, log)
    await spool.drain()
    await listening.see_out(max(0.0, deadline - loop.time()))


async def _answered(
    presence: Presence, deadline: float, log: FilteringBoundLogger
) -> None:
    """Wait until the requests that are still being answered have been."""
    try:
        async with asyncio.timeout_at(deadline):
            await presence.idle.wait()
    except TimeoutError:
        log.warning("requests cut by stopping", requests=presence.busy)
