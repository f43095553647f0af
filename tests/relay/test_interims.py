"""Interim responses: before the answer, few at a time, and never in its place."""

from __future__ import annotations

import asyncio

from aiohttp import web

from proxy.core.upload import Reply
from proxy.wire import (
    abort,
    problem_reply,
    send,
    send_interim,
)
from tests.kit.bounds import BOUND_S
from tests.kit.raw import Connection, request

from .conftest import RunDoor


async def test_interim_responses_come_before_the_final_one(run_door: RunDoor) -> None:
    sent = []

    async def handler(request: web.BaseRequest) -> web.StreamResponse:
        for at in range(2):
            fields = ((b"Upload-Offset", str(at).encode()),)
            sent.append(
                send_interim(request, "104 Upload Resumption Supported", fields)
            )
        answer = await send(request, Reply(200, (), b"abc"))
        sent.append(send_interim(request, "104 Too Late", ()))
        return answer

    address = await run_door(handler)
    client = await Connection.open(address)
    await client.send(request("GET", "/"))
    answer = await client.hear("GET")
    assert [interim.status for interim in answer.interims] == [104, 104]
    assert answer.interims[1].reason == "Upload Resumption Supported"
    assert answer.interims[1].fields == (("Upload-Offset", "1"),)
    assert sent == [True, True, False]
    await client.close()
    sent.clear()
    client = await Connection.open(address)
    await client.send(request("GET", "/", protocol="HTTP/1.0"))
    assert (await client.hear("GET")).interims == ()
    assert sent == [False, False, False]
    await client.close()


async def test_an_error_after_an_interim_response_still_has_an_answer(
    run_door: RunDoor,
) -> None:
    async def handler(request: web.BaseRequest) -> web.StreamResponse:
        send_interim(request, "104 Upload Resumption Supported", ())
        return await send(request, problem_reply(507, "storage", "Full."))

    client = await Connection.open(await run_door(handler))
    await client.send(request("GET", "/"))
    assert (await client.hear("GET")).status == 507
    await client.close()


async def test_interim_responses_do_not_pile_up(run_door: RunDoor) -> None:
    counted: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    async def handler(request: web.BaseRequest) -> web.StreamResponse:
        count = 0
        while send_interim(request, "104 Again", ((b"X", b"y" * 1000),)):
            count += 1
        counted.set_result(count)
        return abort(request)

    client = await Connection.open(await run_door(handler))
    await client.send(request("GET", "/"))
    async with asyncio.timeout(BOUND_S):
        assert 0 < await counted < 20_000
    await client.close()
