"""Threads for what waits for the disk, and the one way of waiting for them.

Apart from asyncio's own, so that a slow disk does not hold up name lookups, nor the
other way round. The one invariant: whoever awaits ``run`` hears no sooner than the act
has ended, even when cancelled; a lease given back while an older record is still on its
way to the disk would let that record overwrite a newer one.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

_T = TypeVar("_T")

_THREADS = 16
"""They do nothing but wait, and the file system joins the syncs that wait together;
picked by hand."""


class DiskThreads:
    """At most 16 threads, started as they are needed."""

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(_THREADS, thread_name_prefix="spool")

    def begin(self, act: Callable[[], _T]) -> asyncio.Future[_T]:
        """Start `act`; the future of its outcome. Cancelling that does not stop it."""
        return asyncio.get_running_loop().run_in_executor(self._pool, act)

    async def run(self, act: Callable[[], _T]) -> _T:
        """The outcome of `act`, after it has ended, come what may."""
        future = self.begin(act)
        try:
            await asyncio.wait([future])
        except asyncio.CancelledError:
            await _ended(future)
            raise
        return future.result()

    def close(self) -> None:
        """Wait for what runs, and let the threads go."""
        self._pool.shutdown()


async def _ended(future: asyncio.Future[_T]) -> None:
    """Wait for `future` without being stopped, for one who has been cancelled already.

    Its failure is dropped with the outcome: nobody is left to hear it.
    """
    while not future.done():
        try:
            await asyncio.wait([future])
        except asyncio.CancelledError:
            # the first one is raised again by the caller, as soon as the disk is done
            continue
    future.exception()
