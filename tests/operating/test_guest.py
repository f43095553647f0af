"""Who may visit a spool."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from proxy.core.errors import SpoolError
from proxy.operating.guest import Guest
from proxy.spool.clock import boot_id
from proxy.spool.disk import DiskSpool
from proxy.spool.owner import Owner


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
