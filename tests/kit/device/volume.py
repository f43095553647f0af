"""A file system on a drive of ours, mounted.

The one invariant: ``end`` leaves no mount, no loop device and no process behind,
whatever state they are in.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import sys
from pathlib import Path
from typing import Final

BOUND_S: Final = 30.0
"""Seconds that one act may take: two busy cores and a slow disk below."""
SIZE: Final = 320 << 20
"""Bytes of the drive, sparse, unless more is asked for."""

MAKERS: Final[dict[str, tuple[str, ...]]] = {
    # the size of its blocks is that of a large file system
    "ext4": ("mkfs.ext4", "-q", "-b", "4096", "-E", "nodiscard", "-N", "65536"),
    "xfs": ("mkfs.xfs", "-q", "-K"),
    "btrfs": ("mkfs.btrfs", "-q", "--nodiscard"),
}
"""How each file system is made; without further options it is as people have it."""


def missing(kind: str = "ext4") -> str | None:
    """What this machine lacks for it, in words; None: nothing."""
    if os.geteuid() != 0:
        return "needs root, to mount"
    if not os.access("/dev/fuse", os.R_OK | os.W_OK):
        return "needs /dev/fuse"
    if not Path("/dev/loop-control").exists():
        return "needs loop devices"
    tools = ("losetup", "mount", "umount", MAKERS[kind][0])
    absent = [tool for tool in tools if shutil.which(tool) is None]
    return f"needs {', '.join(absent)}" if absent else None


class Volume:
    """Mounted at `place` once it was started; `directory` is its own, and empty."""

    def __init__(self, directory: Path, kind: str = "ext4", size: int = SIZE) -> None:
        self.place = directory / "volume"
        self._kind = kind
        self._size = size
        self._platter = directory / "platter"
        self._file = directory / "drive"
        self._drive: asyncio.subprocess.Process | None = None
        self._loop = ""
        """The loop device; empty: none."""

    async def make(self) -> None:
        """An empty file system, mounted."""
        self.place.mkdir()
        self._file.touch()
        with self._platter.open("wb") as platter:
            platter.truncate(self._size)
        await self._attach()
        await _run(*MAKERS[self._kind], self._loop)
        await self.order("flush")
        await self._mount()

    async def order(self, order: str) -> str:
        """Tell the drive something; what it says."""
        assert self._drive is not None
        assert self._drive.stdin is not None
        self._drive.stdin.write(order.encode() + b"\n")
        return await self._hear()

    async def lose_power(self, seed: str) -> str:
        """Cut the drive off; how many blocks were lost, of how many."""
        return await self.order(f"cut {seed}")

    async def start_again(self) -> None:
        """After a loss of power, or when it does not work any more: what the platter
        has is mounted anew."""
        await self.detach()
        await self._attach()
        await self._mount()

    async def remount(self, option: str) -> None:
        """Such as "ro"."""
        await _run("mount", "-o", f"remount,{option}", str(self.place))

    async def unmount(self) -> None:
        """As by an operator who pulls it away under a program."""
        await _run("umount", "--lazy", str(self.place))

    async def mount(self) -> None:
        """Back to where it was."""
        await self._mount()

    async def detach(self) -> None:
        """Take it apart, however broken it is."""
        await _run("umount", "--lazy", str(self.place), may_fail=True)
        if self._loop:
            await _run("losetup", "--detach", self._loop, may_fail=True)
            self._loop = ""
        await _run("umount", "--lazy", str(self._file), may_fail=True)
        if self._drive is not None:
            assert self._drive.stdin is not None
            self._drive.stdin.close()
            async with asyncio.timeout(BOUND_S):
                await self._drive.wait()
            self._drive = None

    async def _attach(self) -> None:
        self._drive = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "tests.kit.device.drive"),
            *(str(self._platter), str(self._file)),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
        )
        assert await self._hear() == "mounted"
        self._loop = await _run("losetup", "--find", "--show", str(self._file))

    async def _mount(self) -> None:
        await _run("mount", "-t", self._kind, self._loop, str(self.place))

    async def _hear(self) -> str:
        assert self._drive is not None
        assert self._drive.stdout is not None
        async with asyncio.timeout(BOUND_S):
            return (await self._drive.stdout.readline()).decode().strip()


async def _run(*command: str, may_fail: bool = False) -> str:
    """What it prints.

    Raises:
        RuntimeError: it failed, with what it said.
    """
    process = await asyncio.create_subprocess_exec(
        *command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    async with asyncio.timeout(BOUND_S):
        said, _ = await process.communicate()
    if process.returncode and not may_fail:
        raise RuntimeError(f"{' '.join(command)}: {said.decode()}")
    return said.decode().strip()
