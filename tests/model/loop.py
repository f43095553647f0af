"""An event loop in which time stands still until it is told to pass.

``settle`` runs whatever can run now and returns; timers wait for ``pass_time``, which
goes from one to the next without waiting for any. ``Later`` takes the place of the
threads of the spool: its acts run on the loop, each in a turn of its own. Together they
make every run of the same steps the same run.
"""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Callable, Mapping
from concurrent.futures import Executor, Future
from typing import Any, TypeVar

from proxy.core.errors import SpoolError

from ..spool.system import Died

_T = TypeVar("_T")


class Loop(asyncio.SelectorEventLoop):
    """A loop whose time is ours."""

    def __init__(self) -> None:
        self._now = 0.0
        self._selector_of_ours = _Quiet(self.stop)
        super().__init__(self._selector_of_ours)

    def time(self) -> float:
        return self._now

    def settle(self) -> None:
        """Run until nothing can go on without time passing."""
        self.run_forever()

    def pass_time(self, seconds: float) -> None:
        """Let every timer of the next `seconds` come, in order."""
        end = self._now + seconds
        self.settle()
        while (wait := self._selector_of_ours.wait) is not None:
            if self._now + wait > end:
                break
            self._now += wait
            self.settle()
        self._now = end


class _Quiet(selectors.SelectSelector):
    """Never waits: calls `quiet` where there would be something to wait for."""

    def __init__(self, quiet: Callable[[], None]) -> None:
        super().__init__()
        self._quiet = quiet
        self.wait: float | None = None
        """Seconds to the next timer; None when there is none."""

    def select(
        self, timeout: float | None = None
    ) -> list[tuple[selectors.SelectorKey, int]]:
        events = super().select(0)
        if not events and timeout != 0:
            self.wait = timeout
            self._quiet()
        return events

    def get_map(self) -> Mapping[Any, selectors.SelectorKey]:
        return super().get_map()


class Later(Executor):
    """Runs each act on the running loop, after what is ready now."""

    def submit(self, fn: Callable[..., _T], /, *args: Any, **kwargs: Any) -> Future[_T]:
        future: Future[_T] = Future()

        def run() -> None:
            try:
                future.set_result(fn(*args, **kwargs))
            except (SpoolError, Died) as exc:
                future.set_exception(exc)

        future.set_running_or_notify_cancel()
        asyncio.get_running_loop().call_soon(run)
        return future
