"""No descriptor for a client: it waits, and the log says so once."""

from __future__ import annotations

import asyncio
import errno
import os
import socket
from collections.abc import Iterator
from typing import Any

import pytest
import structlog
from structlog.testing import LogCapture

from proxy.accepting import ListeningSocket, Unaccepted


class Greeter(asyncio.Protocol):
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        transport.write(b"hello")
        transport.close()


@pytest.fixture
def listener() -> Iterator[ListeningSocket]:
    with ListeningSocket() as sock:
        sock.bind(("127.0.0.1", 0))
        sock.listen()
        sock.setblocking(False)
        yield sock


async def test_who_finds_no_descriptor_is_told_of_once_and_served_later(
    listener: ListeningSocket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("proxy.accepting.REST_S", 0.005)
    monkeypatch.setattr("asyncio.constants.ACCEPT_RETRY_DELAY", 0.01)
    loop, captured = asyncio.get_running_loop(), LogCapture()
    unaccepted = Unaccepted(structlog.wrap_logger(None, processors=[captured]))
    told: list[str] = []

    def hear(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        told.append(context["message"])
        unaccepted(loop, context)

    loop.set_exception_handler(hear)
    accept, missing = socket.socket.accept, 3

    def accepted(self: socket.socket) -> tuple[socket.socket, Any]:
        nonlocal missing
        if missing:
            missing -= 1
            raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))
        return accept(self)

    monkeypatch.setattr(socket.socket, "accept", accepted)
    server = await loop.create_server(Greeter, sock=listener, backlog=1000)
    async with server, asyncio.timeout(5):
        reader, writer = await asyncio.open_connection(*listener.getsockname())
        assert await reader.read() == b"hello"
        writer.close()
    assert len(told) == 3
    assert captured.entries == [
        {
            "event": "connections not accepted",
            "error": "Too many open files",
            "log_level": "error",
        }
    ]


async def test_a_listener_that_is_closed_meanwhile_is_no_trouble(
    listener: ListeningSocket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("asyncio.constants.ACCEPT_RETRY_DELAY", 0.01)
    loop, captured = asyncio.get_running_loop(), LogCapture()
    unaccepted = Unaccepted(structlog.wrap_logger(None, processors=[captured]))
    told: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
    others: list[dict[str, Any]] = []
    monkeypatch.setattr(loop, "default_exception_handler", others.append)

    def hear(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        unaccepted(loop, context)
        told.put_nowait(context)

    loop.set_exception_handler(hear)

    def accepted(self: socket.socket) -> tuple[socket.socket, Any]:
        raise OSError(errno.ENFILE, os.strerror(errno.ENFILE))

    monkeypatch.setattr(socket.socket, "accept", accepted)
    server = await loop.create_server(Greeter, sock=listener)
    async with asyncio.timeout(5):
        _, writer = await asyncio.open_connection(*listener.getsockname())
        await told.get()
        server.close()
        assert isinstance((await told.get())["exception"], ValueError)
        writer.close()
    assert len(captured.entries) == 1
    assert not others


async def test_what_else_the_loop_tells_is_told_as_ever(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    loop, captured = asyncio.get_running_loop(), LogCapture()
    others: list[dict[str, Any]] = []
    monkeypatch.setattr(loop, "default_exception_handler", others.append)
    context = {"message": "a bug", "exception": OSError("of ours")}
    Unaccepted(structlog.wrap_logger(None, processors=[captured]))(loop, context)
    assert others == [context]
    assert not captured.entries
