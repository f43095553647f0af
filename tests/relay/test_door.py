"""What our connections do beyond aiohttp's."""

from __future__ import annotations

import asyncio
import gc
import weakref
from types import SimpleNamespace
from typing import cast

import pytest
from aiohttp import HttpVersion11, web

from proxy.core.errors import ClientGone, Gone
from proxy.core.front import Trust
from proxy.core.upload import Head, Reply
from proxy.wire import (
    Body,
    abort,
    client_present,
    front_of_request,
    send,
    send_switch,
)
from tests.kit.bounds import BOUND_S, until
from tests.kit.raw import Connection, request

from .conftest import RunDoor


async def test_garbage_behind_a_whole_request_is_answered_after_it(
    run_door: RunDoor,
) -> None:
    begun, go_on = asyncio.Event(), asyncio.Event()

    async def handler(request: web.BaseRequest) -> web.StreamResponse:
        body = Body(request, BOUND_S)
        content = await body.read()
        begun.set()
        await go_on.wait()
        assert await body.read() == b""
        return await send(request, Reply(200, (), content))

    client = await Connection.open(await run_door(handler))
    await client.send(request("POST", "/", ("Content-Length", "3")), b"abc")
    async with asyncio.timeout(BOUND_S):
        await begun.wait()
    await client.send(b"\0\0\0\r\n\r\n")
    await client.hear_nothing(for_s=0.05)
    go_on.set()
    assert (await client.hear()).content == b"abc"
    answer = await client.hear("GET")
    assert (answer.status, answer.one("connection")) == (400, "close")
    assert await client.ended() == b""
    await client.close()


async def test_a_handler_that_fails_is_aiohttps_to_answer(run_door: RunDoor) -> None:
    async def handler(request: web.BaseRequest) -> web.StreamResponse:
        raise LookupError("a bug")

    client = await Connection.open(await run_door(handler))
    await client.send(request("GET", "/"))
    answer = await client.hear("GET")
    assert (answer.status, answer.one("connection")) == (500, "close")
    assert b"a bug" not in answer.content
    await client.close()


async def test_a_client_that_left_is_told_by_whoever_finds_out_first(
    run_door: RunDoor,
) -> None:
    whys = []

    async def handler(request: web.BaseRequest) -> web.StreamResponse:
        try:
            async with client_present(request):
                try:
                    await asyncio.Event().wait()
                except asyncio.CancelledError:
                    raise ClientGone(Gone.STOPPING) from None
        except ClientGone as gone:
            whys.append(gone.why)
        over.set()
        return abort(request)

    over = asyncio.Event()
    client = await Connection.open(await run_door(handler))
    await client.send(request("GET", "/"))
    await client.hear_nothing(for_s=0.05)
    await client.close()
    async with asyncio.timeout(BOUND_S):
        await over.wait()
    assert whys == [Gone.STOPPING]


async def test_after_an_abort_nothing_is_read_or_sent(run_door: RunDoor) -> None:
    over = asyncio.Event()

    async def handler(request: web.BaseRequest) -> web.StreamResponse:
        body = Body(request, BOUND_S)
        sent = abort(request)
        with pytest.raises(ClientGone):
            await body.read()
        with pytest.raises(ClientGone):
            await send_switch(request, ())
        over.set()
        return sent

    client = await Connection.open(await run_door(handler))
    await client.send(request("POST", "/", ("Content-Length", "3")))
    assert await client.ended() == b""
    async with asyncio.timeout(BOUND_S):
        await over.wait()
    await client.close()


async def test_nothing_of_a_request_stays_on_a_connection_that_waits(
    run_door: RunDoor,
) -> None:
    seen: list[weakref.ref[web.BaseRequest]] = []

    async def handler(request: web.BaseRequest) -> web.StreamResponse:
        seen.append(weakref.ref(request))
        return await send(request, Reply(200, (), b"said"))

    client = await Connection.open(await run_door(handler))
    await client.send(request("GET", "/"))
    assert (await client.hear("GET")).content == b"said"
    await until(lambda: _gone(seen))
    await client.send(request("GET", "/"))
    assert (await client.hear("GET")).content == b"said"
    await client.close()


async def _gone(seen: list[weakref.ref[web.BaseRequest]]) -> bool | None:
    gc.collect()
    return all(one() is None for one in seen) or None


async def test_two_readers_of_one_body_are_a_bug(run_door: RunDoor) -> None:
    ends: list[object] = []

    async def handler(request: web.BaseRequest) -> web.StreamResponse:
        body = Body(request, BOUND_S)
        asyncio.get_running_loop().call_later(0.05, body.end, Gone.STOPPING)
        both = asyncio.gather(body.read(), body.read(), return_exceptions=True)
        ends.extend(await both)
        return abort(request)

    client = await Connection.open(await run_door(handler))
    await client.send(request("POST", "/", ("Content-Length", "3")))
    assert await client.ended() == b""
    assert [type(end) for end in ends] == [ClientGone, RuntimeError]
    await client.close()


def _content(**seen: object) -> web.BaseRequest:
    content = SimpleNamespace(**seen)
    whole = SimpleNamespace(content=content, version=HttpVersion11, headers={})
    return cast("web.BaseRequest", whole)


async def test_without_aiohttps_private_way_leftovers_are_lost_and_no_more() -> None:
    assert Body(_content(total_bytes=3), 1.0).leftover() == b""


def test_a_peer_that_cannot_be_told_is_not_taken_for_a_trusted_one() -> None:
    head = Head("GET", "/", ((b"Host", b"h.test"),))
    nobody = cast("web.BaseRequest", SimpleNamespace(remote=None, scheme="http"))
    with pytest.raises(ClientGone):
        front_of_request(nobody, head, Trust())
