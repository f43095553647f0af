"""Who may visit a spool."""

from __future__ import annotations

import asyncio
import os
import threading
from pathlib import Path
from typing import Any

import pytest

from proxy.core.errors import SpoolError
from proxy.core.upload import State
from proxy.operating import guest as guests
from proxy.operating.guest import Guest
from proxy.spool.clock import boot_id
from proxy.spool.disk import DiskSpool
from proxy.spool.figures import Figures
from proxy.spool.owner import Owner
from tests.kit.bounds import BOUND_S
from tests.spool.samples import stored


@pytest.fixture
def spool(tmp_path: Path) -> Path:
    DiskSpool(tmp_path, boot_id=boot_id()).close()
    return tmp_path


def owner(spool: Path, boot: str) -> Owner:
    return Owner(spool, {"origin": "http://a:1", "boot": boot})


def test_another_user_is_told_whose_it_is(
    spool: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file of another user's would shut the proxy out."""
    owner(spool, boot_id()).release()
    monkeypatch.setattr(os, "geteuid", lambda: 12345678)
    with pytest.raises(SpoolError, match="run it as the user of the proxy"):
        Guest(spool)


async def test_whoever_it_is_served_by_and_goes_on(spool: Path) -> None:
    proxy = owner(spool, boot_id())
    guest = Guest(spool)
    assert guest.is_served
    async with guest.rights("acknowledged"):
        owner(spool, boot_id()).release()
    guest.close()
    proxy.release()
    guest = Guest(spool)
    assert not guest.is_served
    # a proxy that starts just now is not held up, whatever it goes by
    Owner(spool, {"origin": "http://z:9", "boot": "another"}).release()
    guest.close()


async def test_nothing_is_changed_beside_a_proxy_that_takes_us_for_another_boot(
    spool: Path,
) -> None:
    proxy = owner(spool, "another")
    guest = Guest(spool)
    with pytest.raises(SpoolError, match="does not share it: stop it first"):
        async with guest.rights("acknowledged"):
            pass
    guest.close()
    proxy.release()


async def test_all_that_is_removed_is_room_for_others(spool: Path) -> None:
    """Its record, too: of a thousand uploads that is a mebibyte."""
    proxy, figures = owner(spool, boot_id()), Figures(spool)
    disk = DiskSpool(spool, boot_id=boot_id())
    disk.changed = disk.recorded = figures.changed
    saved = await stored(disk, b"12345", state=State.INTERRUPTED)
    assert figures.look(0).used > 5
    guest = Guest(spool)
    async with guest.rights("acknowledged") as rights:
        await rights.spool.delete(saved.token, durable=True)
    assert figures.look(0).used == 0
    guest.close()
    disk.close()
    figures.close()
    proxy.release()


async def test_who_leaves_while_the_spool_is_opened_leaves_nothing_open(
    spool: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is opened in a thread: the loop may be that of a proxy."""
    opening, go_on = asyncio.Event(), threading.Event()
    loop, closed = asyncio.get_running_loop(), []

    class Slow(Figures):
        def __init__(self, directory: Any) -> None:
            super().__init__(directory)
            loop.call_soon_threadsafe(opening.set)
            assert go_on.wait(BOUND_S)

        def close(self) -> None:
            super().close()
            closed.append(self)

    async def visit() -> None:
        async with guest.rights("acknowledged"):
            raise AssertionError("it has left")

    owner(spool, boot_id()).release()
    guest = Guest(spool)
    monkeypatch.setattr(guests, "Figures", Slow)
    visiting = asyncio.ensure_future(visit())
    await asyncio.wait_for(opening.wait(), BOUND_S)
    visiting.cancel()
    go_on.set()
    with pytest.raises(asyncio.CancelledError):
        await visiting
    assert len(closed) == 1
    guest.close()
