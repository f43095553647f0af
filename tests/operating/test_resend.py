"""An unknown outcome sent once more, while the proxy works or is stopped (P3)."""

from __future__ import annotations

import asyncio

import pytest

from tests.kit.client import Client
from tests.kit.origin import RecordingOrigin, Reply, Silence
from tests.kit.process import ProxyProcess

from .conftest import VERSION, Operator, name, times, unknown

BODY = b"a" * 40
alone_and_shared = [
    pytest.param(1, marks=pytest.mark.configured(workers=1), id="one process"),
    pytest.param(2, marks=pytest.mark.configured(workers=2), id="two workers"),
]


@pytest.mark.parametrize("workers", alone_and_shared)
async def test_the_running_proxy_sends_it_at_once_and_its_client_gets_the_answer(
    workers: int,
    process: ProxyProcess,
    speaker: Client,
    origin: RecordingOrigin,
    operator: Operator,
) -> None:
    upload = await unknown(speaker, origin, BODY)
    origin.then(Reply(201, (), b"made"))
    done = await operator.types("resend", "--yes", "--", name(upload))
    assert done.out == f"{name(upload)}: the proxy sends it on\n"
    assert (done.code, done.err) == (0, "")
    await origin.received(2)
    answer = await upload.append(at=40)
    assert (answer.status, answer.content) == (201, b"made")
    assert origin.bodies == [BODY, BODY]


async def test_a_stopped_one_sends_it_when_it_starts(
    process: ProxyProcess,
    speaker: Client,
    origin: RecordingOrigin,
    operator: Operator,
) -> None:
    upload = await unknown(speaker, origin, BODY)
    await process.terminate()
    done = await operator.types("resend", "--yes", "--", name(upload))
    assert done.out == (
        f"{name(upload)}: complete again; sent on when a proxy starts\n"
    )
    assert (done.code, done.err) == (0, "")
    (listed,) = await operator.listed()
    assert (listed["state"], listed["last_event"]) == (
        "complete",
        "resend asked for by the operator",
    )
    await process.start()
    await origin.received(2)
    assert origin.bodies == [BODY, BODY]


@pytest.mark.configured(spool={"memory_threshold": 0})
async def test_a_forward_that_died_with_its_process_counts_as_unknown(
    process: ProxyProcess,
    speaker: Client,
    origin: RecordingOrigin,
    operator: Operator,
) -> None:
    """Nobody has noted it yet, and it says FORWARDING."""
    origin.then(Silence())
    upload = await speaker.create(VERSION, length=40, sends=BODY, then="stall")
    await origin.received()
    refused = await operator.types("resend", "--yes", "--", name(upload))
    assert (refused.code, refused.out) == (1, "")
    assert refused.err == (
        f"upload-proxy: {name(upload)}: not sent: it is forwarding, not unknown: it is "
        "being sent on just now: wait for the answer\n"
    )
    await process.kill()
    (listed,) = await operator.listed()
    assert listed["last_event"] == "its process has ended: outcome unknown"
    assert (await operator.types("resend", "--yes", "--", name(upload))).code == 0
    await process.start()
    await origin.received(2)
    assert (await upload.append(at=40)).content == b"stored"


@pytest.mark.parametrize("workers", alone_and_shared)
async def test_many_commands_at_once_send_it_once(
    workers: int,
    process: ProxyProcess,
    speaker: Client,
    origin: RecordingOrigin,
    operator: Operator,
) -> None:
    """While its client asks again and again, too."""
    upload = await unknown(speaker, origin, BODY)
    gate = asyncio.Event()
    origin.then(Reply(201, (), b"made", once=gate))

    async def asks() -> None:
        while not gate.is_set():
            assert (await upload.head()).status == 204
            await asyncio.sleep(0.01)

    asking = asyncio.ensure_future(asks())
    told = await asyncio.gather(
        *(operator.types("resend", "--yes", "--", name(upload)) for _ in range(4))
    )
    assert sorted(done.code for done in told) == [0, 1, 1, 1]
    await origin.received(2)
    gate.set()
    await asking
    assert (await upload.append(at=40)).content == b"made"
    refused = await operator.types("resend", "--yes", "--", name(upload))
    assert "the origin has answered it with 201" in refused.err
    assert origin.bodies == [BODY, BODY]


async def test_any_other_state_is_refused_and_told_what_can_be_done(
    process: ProxyProcess, speaker: Client, operator: Operator
) -> None:
    upload = await speaker.create(VERSION, last=False, sends=BODY)
    done = await operator.types("resend", "--yes", "--", name(upload))
    assert (done.code, done.out) == (1, "")
    assert done.err == (
        f"upload-proxy: {name(upload)}: not sent: it is interrupted, not unknown: not "
        "all of it has been received: its client can go on with it; or export what "
        "there is, or purge it\n"
    )
    assert await upload.ask_offset() == 40


async def test_nothing_is_sent_unasked(
    process: ProxyProcess,
    speaker: Client,
    origin: RecordingOrigin,
    operator: Operator,
) -> None:
    upload = await unknown(speaker, origin, BODY)
    done = await operator.types("resend", "--", name(upload))
    assert (done.code, done.out) == (2, "")
    assert done.err == "upload-proxy: nobody can be asked; say --yes\n"
    assert (await upload.append(at=40)).status == 502


async def test_a_body_that_is_not_whole_is_not_sent(
    process: ProxyProcess,
    speaker: Client,
    origin: RecordingOrigin,
    operator: Operator,
) -> None:
    upload = await unknown(speaker, origin, BODY)
    (body,) = operator.spool.rglob("*.body")
    body.write_bytes(BODY[:-1])
    done = await operator.types("resend", "--yes", "--", name(upload))
    assert done.code == 1
    assert "damaged" in done.err
    await times(1, lambda: len(origin.requests))
    assert len(origin.requests) == 1
