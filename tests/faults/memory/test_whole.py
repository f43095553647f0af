"""What needs no disk, and what ends: the proxy, the upload, the disk."""

from __future__ import annotations

import asyncio
from signal import SIGTERM

import pytest

from tests.kit.bounds import until
from tests.kit.client import Client
from tests.kit.origin import RecordingOrigin, Reply, Silence
from tests.kit.process import ProxyProcess

from .conftest import (
    BODY,
    REST,
    VERSION,
    After,
    begun,
    files_of,
    goes_on,
    on_disk,
    outcome_is_unknown,
    waiting,
)


async def test_what_needs_no_disk_is_gone_with_the_process(
    process: ProxyProcess, speaker: Client, origin: RecordingOrigin
) -> None:
    """No offset was told, and its client has its answer."""
    upload = await speaker.create(VERSION, sends=BODY)
    assert (upload.answer.status, upload.answer.content) == (200, b"stored")
    answer = await upload.append(at=100)
    assert (answer.status, answer.content) == (200, b"stored")
    assert files_of(process, upload) == []
    await process.restart()
    assert (await upload.append(at=100)).status == 404
    assert origin.bodies == [BODY]


async def test_an_answer_that_is_asked_about(
    process: ProxyProcess, speaker: Client, origin: RecordingOrigin, after: After
) -> None:
    """P1: the offset of a finished upload is one that was told, too."""
    upload = await speaker.create(VERSION, sends=BODY)
    assert files_of(process, upload) == []
    assert (await upload.head()).complete is True
    upload = await after(upload)
    answer = await upload.append(at=100)
    assert (answer.status, answer.content) == (200, b"stored")
    assert len(origin.requests) == 1


@pytest.mark.configured(shutdown_grace="5s")
async def test_a_proxy_that_stops(
    process: ProxyProcess, speaker: Client, origin: RecordingOrigin, after: After
) -> None:
    """At once: it may be killed before its forwards have ended."""
    origin.then(Silence())
    sent = await waiting(process, speaker, origin)
    half = await begun(process, speaker)
    process.signal(SIGTERM)
    await on_disk(process, sent)
    await on_disk(process, half)
    await goes_on(after, half, 40)
    if after.kills:
        await outcome_is_unknown(sent)


@pytest.mark.parametrize("then", ["receiving", "forwarding", "answered"])
async def test_what_is_cancelled_stays_so(
    process: ProxyProcess,
    speaker: Client,
    origin: RecordingOrigin,
    then: str,
    after: After,
) -> None:
    gate = asyncio.Event()
    if then == "forwarding":
        origin.then(Reply(once=gate))
        upload = await waiting(process, speaker, origin)
    elif then == "receiving":
        upload = await begun(process, speaker)
    else:
        upload = await speaker.create(VERSION, sends=BODY)
    assert (await upload.cancel()).status == 204
    gate.set()
    assert (await upload.head()).status == 404
    upload = await after(upload)
    assert (await upload.head()).status == 404
    assert len(origin.requests) == (then != "receiving")


async def test_a_disk_that_takes_nothing(
    process: ProxyProcess, speaker: Client, origin: RecordingOrigin
) -> None:
    """P2: what must be on the disk is refused, and kept until it can be there."""
    half = await begun(process, speaker)
    away = process.spool.rename(process.spool.with_name("unmounted"))
    assert (await half.head()).status == 507
    away.rename(process.spool)

    async def told() -> int | None:
        return (await half.head()).offset

    assert await until(told) == 40
    await on_disk(process, half)
    assert (await half.append(at=40, sends=REST)).status == 200
    assert origin.bodies == [BODY]
