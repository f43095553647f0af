"""After a forward that failed: can the origin have seen the whole request?

``OriginCut`` is a promise that it cannot, on which the upload is sent again; so these
tests look at the origin's side too, and the last one tries many places at random.
"""

from __future__ import annotations

import asyncio
import os
import random
import socket
import struct
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from proxy.core.errors import (
    BodyUnreadableError,
    InDoubt,
    OriginCut,
    OriginError,
    OriginLost,
)
from proxy.core.upload import Head
from proxy.origin.sending import SMALL
from proxy.spool.reader import DiskReader
from tests.kit.bounds import BOUND_S
from tests.kit.origin import RecordingOrigin
from tests.relay.conftest import Serve, read_request, serving

from .conftest import CREATION, FIELDS, OpenOrigin, Store, StoredBytes, whole
from .keeping import sealed

MORE_THAN_BUFFERS = 24_000_000
"""Bytes that no pair of sockets holds while nobody reads."""


@dataclass
class Seen:
    """What a server got to see of the requests."""

    requests: int = 0
    content: int = 0
    begun: asyncio.Event = field(default_factory=asyncio.Event)
    ended: asyncio.Event = field(default_factory=asyncio.Event)


def reset(writer: asyncio.StreamWriter) -> None:
    sock = writer.get_extra_info("socket")
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


def reading(
    seen: Seen, size: int, then: Callable[[asyncio.StreamWriter], None]
) -> Serve:
    """Reads the head and `size` bytes of content, then does something."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        seen.requests += 1
        while seen.content < size:
            piece = await reader.read(min(65536, size - seen.content))
            if not piece:
                break
            seen.content += len(piece)
            seen.begun.set()
        then(writer)
        if not writer.is_closing():
            await reader.read()
        seen.ended.set()

    return serve


def closes(writer: asyncio.StreamWriter) -> None:
    writer.close()


def says_garbage(writer: asyncio.StreamWriter) -> None:
    writer.write(b"SSH-2.0-OpenSSH_9.2\r\n")


def says_half_a_head(writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nContent-")
    writer.close()


def says_nothing(writer: asyncio.StreamWriter) -> None:
    pass


@pytest.mark.parametrize("size", [0, 3, 100_000, 3_000_000])
@pytest.mark.parametrize("method", ["POST", "PUT"])
@pytest.mark.parametrize(
    "then", [reset, closes, says_garbage, says_half_a_head, says_nothing]
)
async def test_lost_when_the_whole_request_was_there_and_no_answer_came(
    open_origin: OpenOrigin,
    store: Store,
    method: str,
    size: int,
    then: Callable[[asyncio.StreamWriter], None],
) -> None:
    seen = Seen()
    async with serving(reading(seen, size, then)) as url:
        to = open_origin(url, response_timeout_s=0.3)
        with pytest.raises(OriginLost):
            await to.post(Head(method, "/", FIELDS), store(b"x" * size))
    assert (seen.requests, seen.content) == (1, size)


@pytest.mark.parametrize("method", ["POST", "PUT"])
@pytest.mark.parametrize("read", [0, 1, 1_000_000])
@pytest.mark.parametrize("then", [reset, closes, says_garbage, says_half_a_head])
async def test_cut_when_it_ended_before_the_kernel_had_all(
    open_origin: OpenOrigin,
    store: Store,
    method: str,
    read: int,
    then: Callable[[asyncio.StreamWriter], None],
) -> None:
    seen = Seen()
    body = store(b"x" * MORE_THAN_BUFFERS)
    async with serving(reading(seen, read, then)) as url:
        to = open_origin(url, response_timeout_s=0.5)
        with pytest.raises(OriginCut):
            await to.post(Head(method, "/", FIELDS), body)
    assert seen.requests == 1
    assert seen.content < MORE_THAN_BUFFERS


async def test_cut_when_the_origin_takes_nothing_and_then_nothing_follows(
    open_origin: OpenOrigin, store: Store
) -> None:
    """What our transport still buffers must not leave after we have given up."""
    content = 0
    go_on, ended = asyncio.Event(), asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal content
        await read_request(reader)
        await go_on.wait()
        try:
            while piece := await reader.read(1_000_000):
                content += len(piece)
        except ConnectionResetError:
            pass  # an end like any other here
        ended.set()

    body = store(b"x" * MORE_THAN_BUFFERS)
    async with serving(serve) as url:
        to = open_origin(url, response_timeout_s=0.3)
        with pytest.raises(OriginCut, match="http_response_timeout"):
            await to.post(CREATION, body)
        go_on.set()
        async with asyncio.timeout(BOUND_S):
            await ended.wait()
    assert content < body.size


async def test_cut_when_the_spool_cannot_be_read_to_the_end(
    open_origin: OpenOrigin,
) -> None:
    seen = Seen()
    body = StoredBytes(b"x" * 1_000_000, fails_at=600_000)
    async with serving(reading(seen, body.size, closes)) as url:
        with pytest.raises(OriginCut, match="the disk is gone"):
            await open_origin(url).post(CREATION, body)
        async with asyncio.timeout(BOUND_S):
            await seen.ended.wait()
    assert seen.content < body.size


@pytest.mark.parametrize("size", [1000, 1_000_000])
@pytest.mark.parametrize("copied", [False, True])
async def test_cut_when_the_body_turns_out_to_be_damaged(
    open_origin: OpenOrigin, tmp_path: Path, size: int, copied: bool
) -> None:
    """When all has been read: the end of it is kept back until that has been asked."""
    path = tmp_path / "body"
    path.write_bytes(b"x" * size)
    body = StoredBytes(b"x" * size, damaged=True)
    with path.open("rb") as file:
        body.descriptor = file.fileno() if copied else None
        seen = Seen()
        async with serving(reading(seen, size, closes)) as url:
            with pytest.raises(BodyUnreadableError, match="disk has failed") as cut:
                await open_origin(url).post(CREATION, body)
            if size > SMALL:
                # of less nothing leaves at all
                async with asyncio.timeout(BOUND_S):
                    await seen.ended.wait()
    assert isinstance(cut.value.__cause__, InDoubt)
    assert seen.content < size


async def test_cut_when_the_body_is_shorter_than_it_said(
    open_origin: OpenOrigin,
) -> None:
    class Short(StoredBytes):
        @property
        def size(self) -> int:
            return 2_000_000

    seen = Seen()
    async with serving(reading(seen, 2_000_000, closes)) as url:
        with pytest.raises(OriginCut, match="got 0"):
            await open_origin(url).post(CREATION, Short(b"x" * 1_000_000))


async def test_cut_when_the_file_is_shorter_than_it_was(
    open_origin: OpenOrigin, tmp_path: Path
) -> None:
    """The kernel copies what there is; what is missing shows when it is read."""
    path = tmp_path / "body"
    path.write_bytes(b"x" * 2_000_000)
    body = DiskReader(os.open(path, os.O_RDONLY))
    os.truncate(path, 1_000_000)
    async with serving(reading(Seen(), body.size, closes)) as url:
        with pytest.raises(OriginCut, match="expected 262144 bytes at 1000000, got 0"):
            await open_origin(url).post(CREATION, body)
    body.close()


async def test_cut_when_the_file_can_neither_be_copied_nor_read(
    open_origin: OpenOrigin, tmp_path: Path
) -> None:
    class Directory(StoredBytes):
        descriptor = os.open(tmp_path, os.O_RDONLY)

    body = Directory(b"x" * 1_000_000, fails_at=0)
    async with serving(reading(Seen(), body.size, closes)) as url:
        with pytest.raises(OriginCut, match="the disk is gone"):
            await open_origin(url).post(CREATION, body)
    os.close(body.descriptor)


async def test_a_socket_that_takes_nothing_after_all_is_asked_again(
    open_origin: OpenOrigin,
    store: Store,
    origin: RecordingOrigin,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The kernel may say that there is room, and have none."""
    full = [True, False] * 3

    def unless_full(call: Callable[..., int]) -> Callable[..., int]:
        def called(*what: object) -> int:
            if full and full.pop():
                raise BlockingIOError
            return call(*what)

        return called

    content = random.Random(1).randbytes(3_000_000)
    to = open_origin(origin.address)
    monkeypatch.setattr(os, "sendfile", unless_full(os.sendfile))
    monkeypatch.setattr(os, "write", unless_full(os.write))
    body = store(content)
    full[:] = [True, False] * 3
    await whole(await to.post(CREATION, body))
    assert origin.bodies == [content]
    assert not full


async def test_what_the_kernel_cannot_copy_is_read(
    open_origin: OpenOrigin, tmp_path: Path
) -> None:
    """Some file systems cannot be copied from."""

    class Directory(StoredBytes):
        descriptor = os.open(tmp_path, os.O_RDONLY)

    seen = Seen()
    body = Directory(b"x" * 1_000_000)
    async with serving(reading(seen, body.size, closes)) as url:
        with pytest.raises(OriginLost):
            await open_origin(url).post(CREATION, body)
    assert seen.content == body.size
    os.close(body.descriptor)


async def test_a_forward_that_is_cancelled_ends_at_once(
    open_origin: OpenOrigin,
) -> None:
    seen = Seen()
    body = StoredBytes(b"x" * MORE_THAN_BUFFERS)
    async with serving(reading(seen, MORE_THAN_BUFFERS, closes)) as url:
        task = asyncio.create_task(open_origin(url).post(CREATION, body))
        async with asyncio.timeout(BOUND_S):
            await seen.begun.wait()
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            await seen.ended.wait()
    assert seen.content < MORE_THAN_BUFFERS


@pytest.mark.parametrize("pause_s", [0.1, 3600.0])
async def test_through_tls_an_origin_that_takes_nothing_is_waited_for_with_a_bound(
    open_origin: OpenOrigin, pause_s: float
) -> None:
    theirs, ours = sealed()
    content = 0

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal content
        await read_request(reader)
        await asyncio.sleep(pause_s)
        while content < body.size:
            content += len(await reader.read(1_000_000))
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")

    body = StoredBytes(b"x" * MORE_THAN_BUFFERS)
    async with serving(serve, tls=theirs) as url:
        to = open_origin(url, tls=ours, response_timeout_s=1)
        if pause_s < 1:
            assert await whole(await to.post(CREATION, body)) == b"ok"
            assert content == body.size
        else:
            with pytest.raises(OriginCut, match="http_response_timeout"):
                await to.post(CREATION, body)


async def test_through_tls_a_spool_that_fails_is_a_cut(open_origin: OpenOrigin) -> None:
    theirs, ours = sealed()
    body = StoredBytes(b"x" * 1_000_000, fails_at=600_000)
    async with serving(reading(Seen(), body.size, closes), tls=theirs) as url:
        with pytest.raises(OriginCut, match="the disk is gone"):
            await open_origin(url, tls=ours).post(CREATION, body)


async def test_through_tls_an_end_in_the_middle_is_a_cut(
    open_origin: OpenOrigin,
) -> None:
    theirs, ours = sealed()
    body = StoredBytes(b"x" * MORE_THAN_BUFFERS)
    async with serving(reading(Seen(), 1_000_000, reset), tls=theirs) as url:
        with pytest.raises(OriginCut, match="connection_terminated"):
            await open_origin(url, tls=ours).post(CREATION, body)
    async with serving(reading(Seen(), body.size, reset), tls=theirs) as url:
        with pytest.raises(OriginLost, match="connection_terminated"):
            await open_origin(url, tls=ours).post(CREATION, body)


@pytest.mark.parametrize("ends", [reset, closes])
async def test_a_cut_is_never_said_of_a_request_that_arrived_whole(
    open_origin: OpenOrigin,
    store: Store,
    ends: Callable[[asyncio.StreamWriter], None],
) -> None:
    """At random places around the end of the content, where it is easily got wrong."""
    choose = random.Random(7)
    outcomes = set()
    for _ in range(40):
        size = choose.choice([0, 1000, 300_000, MORE_THAN_BUFFERS])
        read = max(0, size - choose.choice([0, 0, 1, 1000, 65_536, 15_000_000]))
        seen = Seen()
        async with serving(reading(seen, read, ends)) as url:
            to = open_origin(url)
            try:
                await whole(await to.post(CREATION, store(b"x" * size)))
            except OriginError as exc:
                outcomes.add(type(exc))
                if isinstance(exc, OriginCut):
                    assert seen.content < size
            await to.close()
        assert seen.requests == 1
    assert outcomes == {OriginCut, OriginLost}
