"""Content that is passed through while it comes, and an origin that takes no more."""

from __future__ import annotations

import asyncio
import socket
import threading

import pytest

from proxy.core.errors import OriginError
from proxy.core.upload import Head
from tests.kit.bounds import BOUND_S
from tests.relay.conftest import read_request, serving

from .conftest import OpenOrigin, whole

TOO_LARGE = b"HTTP/1.1 413 Too Large\r\nContent-Length: 3\r\n\r\nbig"
HEAD = Head("POST", "/", ((b"Host", b"h.test"), (b"Content-Length", b"99000000")))


class Coming:
    """Content that never ends, and waits for the origin after its first piece."""

    arrived = True
    all_came = False

    def __init__(self, go_on: threading.Event) -> None:
        self._go_on = go_on
        self._first = True

    def begin(self) -> None:
        pass

    async def read(self) -> bytes:
        if not self._first:
            # without a turn of the loop, which would hear what happens meanwhile
            assert self._go_on.wait(BOUND_S)
        self._first = False
        return b"x" * 100_000


async def test_a_refusal_is_heard_even_when_the_reset_is_there_already(
    open_origin: OpenOrigin,
) -> None:
    answered = threading.Event()

    def serve(listener: socket.socket) -> None:
        accepted, _ = listener.accept()
        with accepted:
            accepted.recv(1000)
            accepted.sendall(TOO_LARGE)
        answered.set()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve, args=(listener,))
        thread.start()
        to = open_origin(f"http://127.0.0.1:{listener.getsockname()[1]}")
        stream = await to.exchange(HEAD, Coming(answered))
        assert stream.answer.status == 413
        assert await whole(stream) == b"big"
        thread.join()


async def test_an_origin_that_takes_nothing_is_waited_for_with_a_bound(
    open_origin: OpenOrigin,
) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        await asyncio.Event().wait()

    go_on = threading.Event()
    go_on.set()
    async with serving(serve) as url:
        to = open_origin(url, response_timeout_s=0.3)
        with pytest.raises(OriginError, match="http_response_timeout"):
            await to.exchange(HEAD, Coming(go_on))
