"""A visit that finds no descriptor left: it takes none with it, however often it is
tried again (P9)."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Any

import pytest

from proxy.core.errors import SpoolError
from proxy.operating.guest import Guest
from proxy.spool.claims import FILES
from proxy.spool.clock import boot_id
from proxy.spool.disk import DiskSpool
from proxy.spool.figures import SLOTS, Figures
from proxy.spool.owner import Owner


class Shortage:
    """Nothing more can be opened, after so many."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.left = 0
        self._open = os.open
        monkeypatch.setattr(os, "open", self)

    def __call__(self, *args: Any, **options: Any) -> int:
        self.left -= 1
        if self.left < 0:
            raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))
        return self._open(*args, **options)


@pytest.fixture
def spool(tmp_path: Path) -> Path:
    DiskSpool(tmp_path, boot_id=boot_id()).close()
    Owner(tmp_path, {"origin": "http://a:1", "boot": boot_id()}).release()
    return tmp_path


def descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))  # noqa: PTH208 - only how many


async def test_wherever_it_fails_nothing_stays_open(
    spool: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await visited(spool)
    before, shortage = descriptors(), Shortage(monkeypatch)
    for number in range(2 * FILES):
        shortage.left = number
        try:
            await visited(spool)
        except SpoolError:
            assert descriptors() == before, number
            continue
        break
    assert number > FILES
    assert shortage.left == 0
    assert descriptors() == before


async def visited(spool: Path) -> None:
    """As somebody does who changes something."""
    guest = Guest(spool)
    try:
        async with guest.rights("never"):
            pass
    finally:
        guest.close()


def test_one_process_too_many_leaves_nothing_open(tmp_path: Path) -> None:
    ours = [Figures(tmp_path) for _ in range(SLOTS)]
    before = descriptors()
    with pytest.raises(SpoolError, match="as many as can"):
        Figures(tmp_path)
    assert descriptors() == before
    for one in ours:
        one.close()
