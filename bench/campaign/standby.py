"""A proxy whose next process waits with its imports done.

A thousand starts would else be a thousand times the half second that an interpreter
takes to load a program, in which nothing is tried. What is started, stopped and killed
is a whole process all the same. The one invariant: the one that waits has not opened
anything of the proxy's yet.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import Any, Final

from tests.kit.bounds import BOUND_S
from tests.kit.process import ProxyProcess

_PREPARED: Final = """
import sys
import proxy.service
from proxy.cli import main
if sys.stdin.readline():
    main()
"""


class StandbyProxy(ProxyProcess):
    """The proxy of a campaign."""

    _stdin = asyncio.subprocess.PIPE

    def __init__(self, directory: Path, settings: dict[str, Any]) -> None:
        super().__init__(directory, settings, command=(sys.executable, "-c", _PREPARED))
        self._next: asyncio.subprocess.Process | None = None
        """The one that waits."""

    async def start(self) -> None:
        await super().start()
        if self._next is None:
            self._next = await super()._begin(self._arguments)

    async def end(self) -> None:
        await super().end()
        if self._next is not None:
            assert self._next.stdin is not None
            self._next.stdin.close()
            async with asyncio.timeout(BOUND_S):
                await self._next.wait()
            self._next = None

    async def _begin(self, command: list[str]) -> asyncio.subprocess.Process:
        begun, self._next = self._next or await super()._begin(command), None
        assert begun.stdin is not None
        begun.stdin.write(b"go\n")
        return begun
