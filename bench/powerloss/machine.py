"""The proxy on a drive of ours: what kills it takes the power from the drive as well.

First every process stands still, so that nothing is told or sent after the moment in
which the drive forgets; then the drive is cut off, the processes are killed, and the
file system is mounted again from what the platter has. The one invariant: each start
after that is of another boot, as ``/proc/sys/kernel/random/boot_id`` tells it.
"""

from __future__ import annotations

import asyncio
import os
import sys
import uuid
from pathlib import Path
from random import Random
from typing import Any, Final

from proxy.spool.writeback import start_range
from tests.kit.device.volume import Volume
from tests.kit.process import ProxyProcess

_BOOT_ID: Final = "/proc/sys/kernel/random/boot_id"
_COMMAND: Final = f'mount --bind "$0" {_BOOT_ID} && exec "$@"'
_PUSH_EVERY_S: Final = 0.01
"""Seconds between two bodies that are written out without a flush."""


class Machine(ProxyProcess):
    """Runs the proxy with its spool on `volume`, which is mounted."""

    def __init__(
        self, directory: Path, settings: dict[str, Any], volume: Volume, seed: int
    ) -> None:
        self._boot = directory / "boot"
        self._boot.write_text(f"{uuid.uuid4()}\n")
        command = ("unshare", "--mount", "sh", "-c", _COMMAND, str(self._boot))
        program = (sys.executable, "-m", "proxy")
        super().__init__(directory, settings, command=(*command, *program))
        # the campaign looks for the spool where it has told the proxy to have it
        self.spool.symlink_to(volume.place / "spool")
        self._volume = volume
        self._chance = Random(f"{seed} power")
        self._pushing: asyncio.Task[None] | None = None
        self.losses = 0
        """How often the power went."""
        self.unflushed = self.forgotten = 0
        """Blocks that were in the drive's cache then, and of them those that are not
        what was written last."""

    async def start(self) -> None:
        await super().start()
        if self._pushing is None:
            self._pushing = asyncio.create_task(self._push())

    async def kill(self) -> None:
        """The power goes, and comes back."""
        await self.halt()
        told = await self._volume.lose_power(f"{self._chance.random()}")
        lost, unflushed = told.split(" of ")
        self.losses += 1
        self.forgotten += int(lost)
        self.unflushed += int(unflushed)
        await super().kill()
        self._boot.write_text(f"{uuid.uuid4()}\n")
        await self._volume.start_again()

    async def end(self) -> None:
        if self._pushing is not None:
            self._pushing.cancel()
            await asyncio.wait([self._pushing])
            self._pushing = None
        if self._process is not None and self._process.returncode is None:
            await super().kill()

    async def _push(self) -> None:
        """Have bodies written out at any time, as the kernel does when it likes, so
        that the drive's cache has something to forget."""
        while True:
            await asyncio.sleep(self._chance.random() * 2 * _PUSH_EVERY_S)
            bodies = list(self.spool.glob("??/*.body"))
            if bodies:
                _write_out(self._chance.choice(bodies))


def _write_out(body: Path) -> None:
    try:
        fd = os.open(body, os.O_RDONLY)
    except OSError:
        return  # removed just now, or there is no power
    try:
        if start_range is not None:
            start_range(fd, 0, 0)
    finally:
        os.close(fd)
