"""A request that crosses the end of its connection, and the trap in it (P3).

Between an answer and the next request the origin may close the connection; the request
is then lost on its way, and whoever sends it must know whether it may be sent again.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
import struct
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import cast

import pytest
from aiohttp.http import RawResponseMessage
from aiohttp.streams import StreamReader

from proxy.core.errors import OriginLost, OriginUnreached
from proxy.origin.connection import Connection
from proxy.origin.evidence import Taken
from tests.relay.conftest import read_request, serving

from .by_hand import ByHand, Crossing, by_hand, meanwhile
from .conftest import CREATION, OpenOrigin, StoredBytes, whole
from .keeping import ANSWER, BODY, post, sealed

pytestmark = pytest.mark.usefixtures("proven")


@pytest.mark.parametrize("end", [ByHand.close, ByHand.say_408])
async def test_a_request_that_crosses_the_end_of_its_connection_is_sent_again(
    open_origin: OpenOrigin, end: Callable[[ByHand], None]
) -> None:
    """Surely unseen: the origin ended it in order, without a byte of the request."""
    with by_hand() as origin:
        to = open_origin(origin.url)
        with meanwhile(origin.serve):
            assert await post(to) == b"ok"
        with meanwhile(origin.serve):
            body = Crossing(lambda: end(origin))
            assert await whole(await to.post(CREATION, body)) == b"ok"
    assert (len(origin.connections), len(origin.requests)) == (2, 2)


async def test_what_was_said_before_the_request_was_taken_is_no_answer_to_it(
    open_origin: OpenOrigin, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Though the kernel takes the request before anybody has looked at what came."""

    async def late(self: Connection) -> tuple[RawResponseMessage, StreamReader]:
        answer = await answer_of(self)
        if answer[0].code == 408:
            monkeypatch.setattr("proxy.origin.connection.taken", lambda sock: all_of_it)
        return answer

    answer_of, all_of_it = Connection.answer, Taken(1_000_000, all_of_it=True)
    monkeypatch.setattr(Connection, "answer", late)
    with by_hand() as origin:
        to = open_origin(origin.url)
        with meanwhile(origin.serve):
            await post(to)
        with meanwhile(origin.serve):
            body = Crossing(origin.say_408)
            assert await whole(await to.post(CREATION, body)) == b"ok"
    assert (len(origin.connections), len(origin.requests)) == (2, 2)


async def test_an_origin_that_speaks_unasked_and_goes_on_may_have_read_the_request(
    open_origin: OpenOrigin,
) -> None:
    """P3: nothing is sent a second time to one that may still read the first."""
    with by_hand() as origin:
        to = open_origin(origin.url)
        with meanwhile(origin.serve):
            await post(to)
        with pytest.raises(OriginLost, match="spoke before it was asked"):
            await to.post(CREATION, Crossing(origin.answer))
    assert len(origin.connections) == 1


async def test_a_connection_seen_to_have_ended_is_not_used(
    open_origin: OpenOrigin,
) -> None:
    with by_hand() as origin:
        to = open_origin(origin.url)
        with meanwhile(origin.serve):
            await post(to)
        origin.close()
        # The loop has not heard of it: only the kernel has.
        with meanwhile(origin.serve):
            assert await post(to) == b"ok"
    assert len(origin.requests) == 2


async def test_a_connection_that_ends_while_the_forward_is_recorded_is_replaced(
    open_origin: OpenOrigin,
) -> None:
    with by_hand() as origin:
        to = open_origin(origin.url)
        with meanwhile(origin.serve):
            await post(to)
        channel = await to.connect(len(BODY))
        origin.close()
        with meanwhile(origin.serve):
            stream = await channel.send(CREATION, StoredBytes(BODY))
            assert await whole(stream) == b"ok"
    assert len(origin.requests) == 2


async def test_an_origin_that_has_gone_meanwhile_was_not_reached(
    open_origin: OpenOrigin,
) -> None:
    with by_hand() as origin:
        to = open_origin(origin.url)
        with meanwhile(origin.serve):
            await post(to)
        origin._listener.close()
        with pytest.raises(OriginUnreached):
            await to.post(CREATION, Crossing(origin.close))
    assert len(origin.requests) == 1


@pytest.mark.parametrize("then", [ByHand.close, ByHand.reset])
async def test_a_request_that_was_read_is_never_sent_again(
    open_origin: OpenOrigin, then: Callable[[ByHand], None]
) -> None:
    """A reset overtakes the acknowledgement of what was read: it proves nothing."""
    for _ in range(20):
        with by_hand() as origin:
            to = open_origin(origin.url)
            with meanwhile(origin.serve):
                await post(to)
            with (
                meanwhile(origin.take, partial(then, origin)),
                pytest.raises(OriginLost, match="connection_terminated"),
            ):
                await post(to)
            await to.close()
        assert (len(origin.connections), len(origin.requests)) == (1, 2)


async def test_silence_on_a_connection_used_again_is_unknown(
    open_origin: OpenOrigin,
) -> None:
    with by_hand() as origin:
        to = open_origin(origin.url, response_timeout_s=0.2)
        with meanwhile(origin.serve):
            await post(to)
        with meanwhile(origin.take), pytest.raises(OriginLost, match="timeout"):
            await post(to)
    assert len(origin.connections) == 1


@pytest.mark.parametrize("how", ["closes", "resets"])
async def test_through_tls_a_request_that_was_read_is_never_sent_again(
    open_origin: OpenOrigin, how: str
) -> None:
    theirs, ours = sealed()
    requests = 0

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal requests
        for left in (1, 0):
            await read_request(reader)
            await reader.readexactly(len(BODY))
            requests += 1
            if left:
                writer.write(ANSWER)
        if how == "resets":
            sock = writer.get_extra_info("socket")
            linger = struct.pack("ii", 1, 0)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            writer.transport.abort()

    async with serving(serve, tls=theirs) as url:
        for _ in range(10):
            to = open_origin(url, tls=ours)
            await post(to)
            with pytest.raises(OriginLost, match="connection_terminated"):
                await post(to)
    assert requests == 20


async def test_through_tls_a_request_that_crosses_the_end_is_sent_again(
    open_origin: OpenOrigin,
) -> None:
    theirs, ours = sealed()
    with by_hand() as origin:
        origin.url = origin.url.replace("http://127.0.0.1", "https://localhost")
        origin.tls = theirs

        def unwrap() -> None:
            # The end that TLS says, and then that of the socket.
            origin.connections[-1].settimeout(0)
            with suppress(ssl.SSLError):
                cast("ssl.SSLSocket", origin.connections[-1]).unwrap()
            origin.close()

        to = open_origin(origin.url, tls=ours)
        with meanwhile(origin.serve):
            await post(to)
        with meanwhile(origin.serve):
            stream = await to.post(CREATION, Crossing(unwrap))
            assert await whole(stream) == b"ok"
    assert len(origin.requests) == 2
