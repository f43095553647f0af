"""One way through a tunnel, where an end is already gone."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import cast

from aiohttp.abc import AbstractStreamWriter
from aiohttp.base_protocol import BaseProtocol

from proxy.relay.tunnel import Pipe
from tests.kit.bounds import BOUND_S


def end(*, connected: bool = True, paused: bool = False) -> BaseProtocol:
    seen = SimpleNamespace(connected=connected, transport=None, writing_paused=paused)
    return cast("BaseProtocol", seen)


class LostWriter(SimpleNamespace):
    async def drain(self) -> None:
        raise ConnectionResetError


def pipe(source: BaseProtocol, target: BaseProtocol) -> Pipe:
    return Pipe(source, target, cast("AbstractStreamWriter", LostWriter()))


async def test_an_end_that_is_gone_before_the_tunnel_began() -> None:
    for ends in ((end(connected=False), end()), (end(), end(connected=False))):
        async with asyncio.timeout(BOUND_S):
            await pipe(*ends).run()


async def test_bytes_for_an_end_that_is_gone_end_the_tunnel() -> None:
    way = pipe(end(), end())
    assert way.feed_data(b"abc") == (False, b"")
    async with asyncio.timeout(BOUND_S):
        await way.run()


async def test_an_end_that_is_lost_while_it_catches_up_ends_the_tunnel() -> None:
    class Transport(SimpleNamespace):
        def is_closing(self) -> bool:
            return False

        def write(self, data: bytes) -> None:
            pass

        def pause_reading(self) -> None:
            self.paused = True

    source, target = end(), end(paused=True)
    source.transport = target.transport = cast("asyncio.Transport", Transport())
    way = pipe(source, target)
    way.feed_data(b"abc")
    async with asyncio.timeout(BOUND_S):
        await way.run()
