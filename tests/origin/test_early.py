"""Origins that answer while the content is still being sent."""

from __future__ import annotations

import asyncio
import os
import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from proxy.core.errors import OriginCut, OriginError
from tests.kit.bounds import BOUND_S
from tests.relay.conftest import read_request, serving

from .conftest import CREATION, OpenOrigin, Store, StoredBytes, whole

TOO_LARGE = b"HTTP/1.1 413 Too Large\r\nContent-Length: 3\r\n\r\nbig"
BODY = b"x" * 24_000_000


class Endless(StoredBytes):
    """A body that takes longer than any test."""

    def __init__(self) -> None:
        super().__init__(b"")

    @property
    def size(self) -> int:
        return 10**15

    def read(self, offset: int, size: int) -> bytes:
        return bytes(size)


async def test_a_refusal_is_heard_at_once_and_nothing_more_is_sent(
    open_origin: OpenOrigin,
) -> None:
    """The origin keeps the connection and reads nothing more."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        await reader.readexactly(1000)
        writer.write(TOO_LARGE)
        await asyncio.Event().wait()

    async with serving(serve) as url, asyncio.timeout(BOUND_S):
        body = StoredBytes(BODY)
        stream = await open_origin(url, response_timeout_s=60).post(CREATION, body)
        body.close()  # after which a read would fail
        assert stream.answer.status == 413
        assert await whole(stream) == b"big"


async def test_a_refusal_that_is_long_in_coming_is_heard_whole(
    open_origin: OpenOrigin,
) -> None:
    stopped = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(b"HTTP/1.1 403 Forbidden\r\nTransfer-Encoding: chunked\r\n\r\n")
        await stopped.wait()
        writer.write(b"2\r\nno\r\n0\r\n\r\n")
        await asyncio.Event().wait()

    async with serving(serve) as url, asyncio.timeout(BOUND_S):
        body = StoredBytes(BODY)
        stream = await open_origin(url, response_timeout_s=60).post(CREATION, body)
        body.close()
        stopped.set()
        assert await whole(stream) == b"no"


@pytest.mark.parametrize("read", [0, 1000, 1_000_000])
async def test_a_refusal_wins_over_the_reset_that_follows_it(
    open_origin: OpenOrigin, read: int
) -> None:
    """Closing with unread content resets the connection, usually while we write."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        await reader.readexactly(read)
        writer.write(TOO_LARGE)
        await writer.drain()
        writer.close()

    async with serving(serve) as url:
        for _ in range(20):
            to = open_origin(url)
            stream = await to.post(CREATION, StoredBytes(BODY))
            assert stream.answer.status == 413
            assert await whole(stream) == b"big"
            await to.close()


class Refusal:
    """An origin that answers once and closes, which resets the connection.

    It does so between the first piece of a body and the next one, which is as slow in
    coming as from a slow disk: the loop sees nothing of what happens meanwhile.
    """

    def __init__(self, answer: bytes) -> None:
        self._answer = answer
        self._asked = threading.Event()
        self._answered = threading.Event()

    def await_it(self, offset: int) -> None:
        """To be called before the piece at `offset` is had."""
        if offset:
            self._asked.set()
            assert self._answered.wait(BOUND_S)

    def _serve(self, listener: socket.socket) -> None:
        accepted, _ = listener.accept()
        with accepted:
            accepted.recv(1000)
            # With content unread, and with no call under way that would take the
            # kernel's word for itself.
            accepted.recv(1, socket.MSG_PEEK)
            assert self._asked.wait(BOUND_S)
            accepted.sendall(self._answer)
        self._answered.set()

    @contextmanager
    def served(self) -> Iterator[str]:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            thread = threading.Thread(target=self._serve, args=(listener,))
            thread.start()
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
            thread.join()


class Slow(StoredBytes):
    def __init__(self, content: bytes, refusal: Refusal) -> None:
        super().__init__(content)
        self._refusal = refusal

    def read(self, offset: int, size: int) -> bytes:
        self._refusal.await_it(offset)
        return super().read(offset, size)


async def test_a_refusal_is_heard_even_when_the_reset_is_there_already(
    open_origin: OpenOrigin,
) -> None:
    """Both lie in our kernel when we write the next piece, which fails."""
    refusal = Refusal(TOO_LARGE)
    with refusal.served() as url:
        stream = await open_origin(url).post(CREATION, Slow(BODY, refusal))
        assert await whole(stream) == b"big"


@pytest.mark.parametrize("said_before", [False, True])
async def test_a_reset_that_only_the_writer_is_told_is_no_end_of_content(
    open_origin: OpenOrigin,
    store: Store,
    said_before: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The kernel says it once: who reads then finds an end, as after all of it.

    `said_before`: to a copy that had been made in part, which says nothing of it.
    """
    refusal = Refusal(b"HTTP/1.1 413 Too Large\r\n\r\nbig")
    body, copy = store(BODY), os.sendfile

    def slow_copy(out: int, from_: int, offset: int, count: int) -> int:
        refusal.await_it(offset)
        if offset and said_before:
            with socket.socket(fileno=os.dup(out)) as same:
                same.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        return copy(out, from_, offset, count)

    monkeypatch.setattr(os, "sendfile", slow_copy)
    slow = Slow(BODY, refusal) if body.descriptor is None else body
    with refusal.served() as url:
        stream = await open_origin(url).post(CREATION, slow)
        assert stream.answer.status == 413
        with pytest.raises(OriginError, match="http_response_incomplete"):
            await whole(stream)


async def test_a_forward_that_is_cancelled_after_an_early_answer_ends_at_once(
    open_origin: OpenOrigin,
) -> None:
    left = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n")
        content = 0
        while piece := await reader.read(1_000_000):
            content += len(piece)
            if content > len(BODY):
                # more than was on its way when the answer arrived
                answered.set()
        left.set()

    answered = asyncio.Event()
    async with serving(serve) as url, asyncio.timeout(BOUND_S):
        body = Endless()
        to = open_origin(url, response_timeout_s=60)
        task = asyncio.create_task(to.post(CREATION, body))
        await answered.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await left.wait()


async def test_a_spool_that_fails_after_an_early_answer_is_a_cut(
    open_origin: OpenOrigin,
) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n")
        while await reader.read(1_000_000):
            pass

    async with serving(serve) as url, asyncio.timeout(BOUND_S):
        body = StoredBytes(BODY * 2, fails_at=len(BODY) * 2 - 1)
        with pytest.raises(OriginCut, match="the disk is gone"):
            await open_origin(url).post(CREATION, body)


async def test_a_reset_without_an_answer_is_a_cut(open_origin: OpenOrigin) -> None:
    """It lies in our kernel when we write the next piece, which fails."""
    gone = threading.Event()

    class Slow(StoredBytes):
        def read(self, offset: int, size: int) -> bytes:
            if offset:
                assert gone.wait(BOUND_S)
            return super().read(offset, size)

    def serve(listener: socket.socket) -> None:
        accepted, _ = listener.accept()
        accepted.recv(1000)
        linger = struct.pack("ii", 1, 0)
        accepted.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        accepted.close()
        gone.set()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve, args=(listener,))
        thread.start()
        to = open_origin(f"http://127.0.0.1:{listener.getsockname()[1]}")
        with pytest.raises(OriginCut, match="connection_terminated"):
            await to.post(CREATION, Slow(BODY))
        thread.join()


async def test_an_early_success_does_not_stop_the_content(
    open_origin: OpenOrigin,
) -> None:
    """The origin says 200 at once, and goes on reading before it ends its answer."""
    content = 0

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal content
        await read_request(reader)
        writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        while content < len(BODY):
            content += len(await reader.read(1_000_000))
        writer.write(b"4\r\ndone\r\n0\r\n\r\n")

    async with serving(serve) as url, asyncio.timeout(2 * BOUND_S):
        body = StoredBytes(BODY)
        stream = await open_origin(url).post(CREATION, body)
        body.close()
        assert await whole(stream) == b"done"
    assert content == len(BODY)


async def test_an_early_success_that_ends_is_the_answer(
    open_origin: OpenOrigin,
) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nknown")
        await asyncio.Event().wait()

    async with serving(serve) as url, asyncio.timeout(BOUND_S):
        body = StoredBytes(BODY)
        stream = await open_origin(url, response_timeout_s=60).post(CREATION, body)
        body.close()
        assert await whole(stream) == b"known"


async def test_an_early_success_that_stalls_comes_to_an_end(
    open_origin: OpenOrigin,
) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nkn")
        await asyncio.Event().wait()

    async with serving(serve) as url, asyncio.timeout(BOUND_S):
        to = open_origin(url, response_timeout_s=0.3)
        stream = await to.post(CREATION, StoredBytes(BODY))
        with pytest.raises(Exception, match="http_response"):
            await whole(stream)
