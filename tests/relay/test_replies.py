"""Responses as we write them: framing, what is added, and how they break off."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
from aiohttp import web

from proxy.core.errors import ClientGone, OriginError, SpoolError
from proxy.core.upload import Fields, Reply
from proxy.wire import (
    Sent,
    abort,
    client_present,
    problem_reply,
    send,
    send_interim,
)
from proxy.wire import replies as replies_room
from tests.kit.bounds import BOUND_S
from tests.kit.raw import Connection, NoAnswerError, request

from .conftest import RunDoor

Handler = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]


def saying(reply: Reply, *, head_only: bool = False) -> Handler:
    async def handler(request: web.BaseRequest) -> web.StreamResponse:
        return await send(request, reply, head_only=head_only)

    return handler


class Content:
    """Content in pieces, which may break; it knows whether it was closed."""

    def __init__(self, *pieces: bytes, breaks: Exception | None = None) -> None:
        self._pieces = list(pieces)
        self._breaks = breaks
        self.closed = asyncio.Event()

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        if self._pieces:
            return self._pieces.pop(0)
        if self._breaks is not None:
            raise self._breaks
        raise StopAsyncIteration

    async def aclose(self) -> None:
        self.closed.set()


async def test_bytes_have_a_length_and_nothing_is_added_but_a_date(
    run_door: RunDoor,
) -> None:
    client = await Connection.open(await run_door(saying(Reply(201, (), b"abc"))))
    for _ in range(2):
        await client.send(request("GET", "/"))
        answer = await client.hear("GET")
        assert (answer.status, answer.reason, answer.content) == (
            201,
            "Created",
            b"abc",
        )
        assert [name for name, _ in answer.fields] == ["Date", "Content-Length"]
    await client.close()


async def test_a_status_without_a_phrase(run_door: RunDoor) -> None:
    client = await Connection.open(await run_door(saying(Reply(299))))
    await client.send(request("GET", "/"))
    answer = await client.hear("GET")
    assert (answer.status, answer.reason) == (299, "")
    await client.close()


@pytest.mark.parametrize("told", [b"length", b"wrong"])
async def test_framing_among_the_fields_of_bytes_is_replaced(
    run_door: RunDoor, told: bytes
) -> None:
    fields: Fields = ((b"content-length", told), (b"Transfer-Encoding", b"chunked"))
    client = await Connection.open(await run_door(saying(Reply(200, fields, b"abc"))))
    await client.send(request("GET", "/"))
    answer = await client.hear("GET")
    assert answer.all("content-length") == ["3"]
    assert answer.one("transfer-encoding") is None
    await client.close()


async def test_a_stream_is_chunked_and_closed(run_door: RunDoor) -> None:
    content = Content(b"abc", b"", b"def")
    client = await Connection.open(await run_door(saying(Reply(200, (), content))))
    await client.send(request("GET", "/"))
    answer = await client.hear("GET")
    assert (answer.content, answer.whole) == (b"abcdef", True)
    assert answer.one("transfer-encoding") == "chunked"
    assert content.closed.is_set()
    await client.close()


async def test_a_stream_of_told_length_is_not_chunked(run_door: RunDoor) -> None:
    reply = Reply(200, ((b"Content-Length", b"6"),), Content(b"abc", b"def"))
    client = await Connection.open(await run_door(saying(reply)))
    await client.send(request("GET", "/"))
    answer = await client.hear("GET")
    assert (answer.content, answer.one("transfer-encoding")) == (b"abcdef", None)
    await client.close()


@pytest.mark.parametrize("pieces", [(b"abc",), (b"abc", b"defg"), ()])
async def test_a_stream_that_is_not_as_long_as_told_breaks_off(
    run_door: RunDoor, pieces: tuple[bytes, ...]
) -> None:
    reply = Reply(200, ((b"Content-Length", b"6"),), Content(*pieces))
    client = await Connection.open(await run_door(saying(reply)))
    await client.send(request("GET", "/"))
    assert not (await client.hear("GET")).whole
    await client.close()


@pytest.mark.parametrize("exc", [OriginError("gone"), SpoolError("gone")])
async def test_a_stream_that_breaks_off_behind_its_end_was_whole(
    run_door: RunDoor, exc: Exception
) -> None:
    content = Content(b"abc", breaks=exc)
    said: list[Sent] = []

    async def handler(request: web.BaseRequest) -> web.StreamResponse:
        reply = Reply(200, ((b"Content-Length", b"3"),), content)
        said.append(await send(request, reply))
        return said[-1]

    client = await Connection.open(await run_door(handler))
    for _ in range(2):
        await client.send(request("GET", "/"))
        answer = await client.hear("GET")
        assert (answer.status, answer.content, answer.whole) == (200, b"abc", True)
        content = Content(b"abc")
    assert [(one.status, one.broke_off) for one in said] == [(200, ""), (200, "")]
    await client.close()


@pytest.mark.parametrize("exc", [OriginError("broken"), SpoolError("broken")])
async def test_a_stream_that_breaks_off_ends_the_connection(
    run_door: RunDoor, exc: Exception
) -> None:
    content = Content(b"abc", breaks=exc)
    client = await Connection.open(await run_door(saying(Reply(200, (), content))))
    await client.send(request("GET", "/"))
    answer = await client.hear("GET")
    assert (answer.content, answer.whole) == (b"abc", False)
    assert content.closed.is_set()
    await client.close()


async def test_head_only_tells_of_content_and_sends_none(run_door: RunDoor) -> None:
    content = Content(b"abc")
    for reply, length in [
        (Reply(200, (), b"abc"), "3"),
        (Reply(200, ((b"Content-Length", b"77"),), b""), "77"),
        (Reply(200, (), content), None),
    ]:
        address = await run_door(saying(reply, head_only=True))
        client = await Connection.open(address)
        await client.send(request("HEAD", "/"), request("HEAD", "/"))
        for _ in range(2):
            answer = await client.hear("HEAD")
            assert answer.one("content-length") == length
            assert answer.one("transfer-encoding") is None
        await client.close()
    assert content.closed.is_set()


@pytest.mark.parametrize(
    ("reply", "length"),
    [
        (Reply(204, ((b"Content-Length", b"3"),), b"abc"), None),
        (Reply(304, (), b"abc"), None),
        (Reply(304, ((b"Content-Length", b"3"),), b""), "3"),
    ],
)
async def test_statuses_without_content(
    run_door: RunDoor, reply: Reply, length: str | None
) -> None:
    client = await Connection.open(await run_door(saying(reply)))
    await client.send(request("GET", "/"), request("GET", "/"))
    for _ in range(2):
        answer = await client.hear("GET")
        assert (answer.status, answer.one("content-length")) == (reply.status, length)
    await client.close()


@pytest.mark.parametrize("close", [True, False])
@pytest.mark.parametrize(
    ("protocol", "said", "goes_on"),
    [
        ("HTTP/1.1", None, True),
        ("HTTP/1.1", "close", False),
        ("HTTP/1.0", None, False),
        ("HTTP/1.0", "keep-alive", True),
    ],
)
async def test_whether_the_connection_goes_on(
    run_door: RunDoor, protocol: str, said: str | None, *, goes_on: bool, close: bool
) -> None:
    client = await Connection.open(
        await run_door(saying(Reply(200, (), b"abc", close=close)))
    )
    fields = () if said is None else (("Connection", said),)
    await client.send(request("GET", "/", *fields, protocol=protocol))
    answer = await client.hear("GET")
    if close or not goes_on:
        assert answer.one("connection") == "close"
        assert await client.ended() == b""
    else:
        assert answer.one("connection") == (
            "keep-alive" if protocol == "HTTP/1.0" else None
        )
        await client.send(request("GET", "/", *fields, protocol=protocol))
        assert (await client.hear("GET")).status == 200
    await client.close()


async def test_content_that_has_come_whole_needs_no_close(run_door: RunDoor) -> None:
    client = await Connection.open(await run_door(saying(Reply(409, (), b"no"))))
    await client.send(request("POST", "/", ("Content-Length", "3")), b"abc")
    await client.send(request("GET", "/"))
    for _ in range(2):
        assert (await client.hear()).status == 409
    await client.close()


async def test_unread_content_is_not_drained_for_long(run_door: RunDoor) -> None:
    client = await Connection.open(await run_door(saying(Reply(413, (), b"big"))))
    await client.send(request("POST", "/", ("Content-Length", "1000000")), b"abc")
    answer = await client.hear()
    assert (answer.status, answer.one("connection")) == (413, "close")
    loop = asyncio.get_running_loop()
    begun = loop.time()
    assert await client.ended() == b""
    assert 1.0 < loop.time() - begun < 3.5
    await client.close()


@pytest.mark.parametrize("value", [b"a\r\nX-Evil: 1", b"a\nb", b"a\rb", b"a\0b"])
async def test_nothing_is_sent_that_would_end_a_line_early(
    run_door: RunDoor, value: bytes
) -> None:
    content = Content(b"abc")

    async def handler(request: web.BaseRequest) -> web.StreamResponse:
        with pytest.raises(ValueError, match="CR, LF or NUL"):
            await send(request, Reply(200, ((b"X", value),), content))
        return await send(request, problem_reply(500, "internal-error", "Failed."))

    client = await Connection.open(await run_door(handler))
    await client.send(request("GET", "/"))
    assert (await client.hear("GET")).status == 500
    assert content.closed.is_set()
    await client.close()


async def test_an_abort_leaves_no_answer(run_door: RunDoor) -> None:
    async def handler(request: web.BaseRequest) -> web.StreamResponse:
        assert abort(request).broke_off == "aborted"
        assert not send_interim(request, "104 Too Late", ())
        return abort(request, "again")

    client = await Connection.open(await run_door(handler))
    await client.send(request("POST", "/", ("Content-Length", "1000")), b"abc")
    with pytest.raises(NoAnswerError):
        await client.hear()
    await client.close()


async def test_a_client_that_has_gone_is_said_to_be(run_door: RunDoor) -> None:
    said = asyncio.Event()

    async def handler(request: web.BaseRequest) -> web.StreamResponse:
        try:
            async with client_present(request):
                await asyncio.Event().wait()
        except ClientGone:
            pass  # what the next two are to say as well
        with pytest.raises(ClientGone):
            await send(request, Reply(200, (), b"abc"))
        with pytest.raises(ClientGone):
            async with client_present(request):
                pass
        said.set()
        return abort(request)

    client = await Connection.open(await run_door(handler))
    await client.send(request("GET", "/"))
    await client.hear_nothing(for_s=0.05)
    await client.close()
    async with asyncio.timeout(BOUND_S):
        await said.wait()


async def test_who_waits_for_a_client_can_be_cancelled_by_others(
    run_door: RunDoor,
) -> None:
    ended = asyncio.Event()

    async def handler(request: web.BaseRequest) -> web.StreamResponse:
        async def wait() -> None:
            async with client_present(request):
                await asyncio.Event().wait()

        try:
            async with asyncio.timeout(0.05):
                await wait()
        except TimeoutError:
            ended.set()
        return await send(request, Reply(200))

    client = await Connection.open(await run_door(handler))
    await client.send(request("GET", "/"))
    assert (await client.hear("GET")).status == 200
    assert ended.is_set()
    await client.close()


async def test_a_client_that_takes_nothing_is_given_up(
    run_door: RunDoor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(replies_room, "STALL_S", 0.2)
    gone: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    async def handler(request: web.BaseRequest) -> web.StreamResponse:
        try:
            return await send(request, Reply(200, (), b"x" * 30_000_000))
        except ClientGone as exc:
            gone.set_result(exc.why.value)
            return abort(request)

    client = await Connection.open(await run_door(handler))
    await client.send(request("GET", "/"))
    async with asyncio.timeout(BOUND_S):
        assert await gone == "idle"
    await client.close()
