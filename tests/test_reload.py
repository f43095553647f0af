"""The configuration is read again: what comes of one that cannot be read in time."""

from __future__ import annotations

import asyncio
import threading

import structlog

from proxy.config import Config
from proxy.reload import Reload
from proxy.reloaded import Result
from proxy.systemd import Notice

from .kit.bounds import BOUND_S

LOG: structlog.typing.FilteringBoundLogger = structlog.wrap_logger(
    structlog.ReturnLogger(),
    processors=[],
    wrapper_class=structlog.make_filtering_bound_logger(50),
)
CONFIG = Config.model_validate({"origin": {"url": "http://127.0.0.1:1"}})
PATIENCE_S = 0.05


class Unchanged:
    """A proxy that runs by `CONFIG`."""

    config = CONFIG

    def __init__(self) -> None:
        self.addresses = ["http://127.0.0.1:2"]

    def look(self) -> None: ...

    async def apply(self, config: Config) -> None: ...


async def test_a_read_that_does_not_end_holds_up_nothing() -> None:
    """As of a file system that is gone: neither the next reload nor the end."""
    over = threading.Event()
    stuck: list[threading.Thread] = []

    def read() -> Config:
        if not stuck:
            stuck.append(threading.current_thread())
            over.wait()
        return CONFIG

    reload = Reload(read, Notice({}), PATIENCE_S)
    try:
        outcomes = []
        async with asyncio.timeout(BOUND_S):
            for _ in range(2):
                outcomes.append(await reload(Unchanged(), LOG))  # noqa: PERF401
        assert [one.result for one in outcomes] == [Result.WRONG, Result.APPLIED]
        assert outcomes[0].errors == ("its files could not be read within 0.05 s",)
        # Or a process that ends would wait for it.
        assert stuck[0].daemon
    finally:
        over.set()
        stuck[0].join(BOUND_S)


async def test_a_read_that_is_given_up_can_still_end() -> None:
    over = threading.Event()

    def read() -> Config:
        over.wait()
        return CONFIG

    asking = asyncio.create_task(Reload(read, Notice({}))(Unchanged(), LOG))
    await asyncio.sleep(0)
    asking.cancel()
    await asyncio.wait([asking], timeout=BOUND_S)
    assert asking.cancelled()
    over.set()
