"""What was not let through is asked about again, while its delivery has not ended."""

from __future__ import annotations

import asyncio

import pytest

from proxy.core.errors import SpoolError
from proxy.core.upload import Upload
from proxy.delivery import Delivery
from proxy.spool.disk import DiskSpool
from tests.kit.auth import ALICE, AuthServer
from tests.kit.client import Client
from tests.kit.client import Upload as Its
from tests.kit.origin import RecordingOrigin, Reply
from tests.kit.raw import NoAnswerError

from .conftest import VERSION, Guarded

SOON_S = 2.0
"""Much less than a delivery has for its end."""


async def refused(client: Client, auth: AuthServer) -> Its:
    """An upload that was let begin, and not let through."""
    auth.then(Reply(200), Reply(403))
    return await client.create(VERSION, sends=b"abc", fields=ALICE)


async def test_one_that_cannot_record_it_is_not_waited_for(
    guarded: Guarded,
    auth: AuthServer,
    origin: RecordingOrigin,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """P6: a full disk does not make every request on the upload wait for seconds."""
    client = await guarded(log={"level": "error"})
    save = DiskSpool.save

    async def full(spool: DiskSpool, upload: Upload, *, durable: bool) -> None:
        if upload.denied:
            raise SpoolError("no space left on device")
        await save(spool, upload, durable=durable)

    with monkeypatch.context() as patch:
        patch.setattr(DiskSpool, "save", full)
        upload = await refused(client, auth)
        assert upload.answer.status == 507
        async with asyncio.timeout(SOON_S):
            assert (await upload.append(at=3)).status == 507
            assert (await upload.head()).status == 507
    assert origin.requests == []


async def test_who_waits_for_its_end_gives_way(
    guarded: Guarded, auth: AuthServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """P6: to whoever comes next."""
    client = await guarded(log={"level": "error"})
    go_on = asyncio.Event()
    drop = Delivery.drop_hidden

    async def late(delivery: Delivery) -> None:
        await go_on.wait()
        await drop(delivery)

    monkeypatch.setattr(Delivery, "drop_hidden", late)
    upload = await refused(client, auth)
    assert upload.answer.status == 403
    questions = len(auth.requests)
    asks_again = asyncio.ensure_future(upload.append(at=3))
    done, _ = await asyncio.wait([asks_again], timeout=0.2)
    assert not done
    async with asyncio.timeout(SOON_S):
        assert await upload.ask_offset() == 3
        with pytest.raises(NoAnswerError):
            await asks_again
    assert len(auth.requests) == questions
    go_on.set()
    assert (await upload.append(at=3)).status == 200
