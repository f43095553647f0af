"""Where a proxy finds its spool."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import structlog

from proxy import premises
from proxy.config import Config
from proxy.core.errors import SpoolError
from proxy.premises import Premises
from proxy.register import place
from proxy.spool.disk import DiskSpool
from proxy.spool.owner import Owner
from proxy.tasks import Tasks
from tests.conftest import StartProxy
from tests.kit.client import Client


async def test_a_link_of_the_operator_is_followed_once(
    start_proxy: StartProxy, tmp_path: Path
) -> None:
    """Later it may lead elsewhere: all of the spool stays where it was."""
    spool, link = tmp_path / "elsewhere", tmp_path / "link"
    spool.mkdir()
    link.symlink_to("elsewhere")
    app = await start_proxy(spool={"directory": str(link)})
    link.unlink()
    client = Client(app.addresses[0])
    upload = await client.create(8, length=100, sends=b"a" * 40, then="cut")
    assert await upload.ask_offset() == 40
    await client.close()
    app._premises.clock.save()
    app._premises.secret()
    (body,) = spool.rglob("*.body")
    assert body.read_bytes() == b"a" * 40


async def test_only_who_comes_first_forgets_what_was_counted(
    start_proxy: StartProxy, tmp_path: Path
) -> None:
    file = tmp_path / place.uploads("spool")
    file.parent.mkdir(parents=True)
    file.write_text("left by others")
    bound = {"max_per_client": 9}
    first = await start_proxy(workers=2, uploads=bound)
    assert not file.exists()
    client = Client(first.addresses[0])
    assert (await client.create(8, last=False, sends=b"a")).answer.status == 201
    found = file.stat()
    second = await start_proxy(workers=2, uploads=bound)
    other = Client(second.addresses[0])
    assert (await other.create(8, last=False, sends=b"a")).answer.status == 201
    assert file.stat().st_ino == found.st_ino
    for one in (client, other):
        await one.close()


async def test_who_is_alone_keeps_no_file_of_it(
    start_proxy: StartProxy, tmp_path: Path
) -> None:
    app = await start_proxy(uploads={"max_per_client": 1})
    client = Client(app.addresses[0])
    assert (await client.create(8, last=False, sends=b"a")).answer.status == 201
    assert (await client.create(8, last=False, sends=b"a")).answer.status == 429
    assert not (tmp_path / "spool" / "counts").exists()
    await client.close()


async def test_a_lock_is_known_from_the_start(
    start_proxy: StartProxy, tmp_path: Path
) -> None:
    """Nothing has been asked for when another volume comes in the place of ours."""
    app = await start_proxy()
    lock = tmp_path / "spool" / "lock"
    lock.rename(lock.with_name("elsewhere"))
    lock.touch()
    with pytest.raises(SpoolError, match="another directory is where the spool was"):
        app._premises.disk.check()


async def test_a_spool_that_goes_while_a_process_begins_is_not_made_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spool = tmp_path / "spool"
    spool.mkdir()
    config = Config.model_validate(
        {"origin": {"url": "http://127.0.0.1:9"}, "spool": {"directory": str(spool)}}
    )
    owner = Owner(spool, {"origin": "http://127.0.0.1:9"})

    def made(directory: Path, **options: Any) -> DiskSpool:
        spool.rename(tmp_path / "away")
        return DiskSpool(directory, **options)

    monkeypatch.setattr(premises, "DiskSpool", made)
    log = structlog.wrap_logger(None, processors=[])
    inherited = replace(owner.place, lock=os.dup(owner.place.lock))
    with pytest.raises(SpoolError, match="the spool directory is not there"):
        Premises(config, Tasks(log), log, inherited)
    owner.release()
    assert not (spool / "peers").exists()
