"""SIGTERM: what can come back is ended, what cannot is finished, and the exit is 0."""

from __future__ import annotations

import asyncio
import socket
from pathlib import Path
from signal import SIGTERM

import pytest

from proxy.app import App
from proxy.config import Config
from tests.kit.bounds import BOUND_S, until
from tests.kit.client import Client
from tests.kit.origin import RecordingOrigin, Reply, Silence
from tests.kit.process import ProxyProcess
from tests.kit.raw import Connection, request

VERSION = 6


async def _refuses(process: ProxyProcess) -> None:
    """Wait until nobody is let in any more."""

    async def refused() -> bool | None:
        try:
            connection = await Connection.open(process.address)
        except OSError:
            return True
        await connection.close()
        return None

    await until(refused)


async def test_with_nothing_to_do(process: ProxyProcess) -> None:
    assert await process.terminate() == 0


async def test_while_receiving(
    process: ProxyProcess, speaker: Client, origin: RecordingOrigin
) -> None:
    """The bytes are durable, the connection is closed, the client comes back."""
    upload = await speaker.create(VERSION, length=100, sends=b"a" * 40, then="stall")
    assert await upload.ask_offset() == 40
    transfer = await upload.begin(at=40, length=60, sends=b"b" * 20, then="stall")
    process.signal(SIGTERM)
    await transfer.ended()
    assert await process.exited() == 0
    assert origin.requests == []
    await process.start()
    offset = await upload.ask_offset()
    assert 40 <= offset <= 60
    answer = await upload.append(at=offset, sends=b"b" * (100 - offset))
    assert answer.complete is True
    assert origin.bodies == [b"a" * 40 + b"b" * 60]


async def test_a_client_that_sends_without_end(
    process: ProxyProcess, speaker: Client
) -> None:
    """Nothing that was read is thrown away: after the start there is what was sent."""
    upload = await speaker.create(VERSION, length=10**9, then="stall")
    sent = 0
    for _ in range(50):
        await upload.transfer.send(b"x" * 10_000)
        sent += 10_000
    process.signal(SIGTERM)
    await upload.transfer.ended()
    assert await process.exited() == 0
    await process.start()
    assert 0 < await upload.ask_offset() <= sent


async def test_while_the_origin_works(
    process: ProxyProcess, speaker: Client, origin: RecordingOrigin
) -> None:
    """The forward finishes within shutdown_grace, and its client is answered."""
    gate = asyncio.Event()
    origin.then(Reply(201, (), b"made", once=gate))
    upload = await speaker.create(VERSION, length=40, sends=b"a" * 40, then="stall")
    await origin.received()
    process.signal(SIGTERM)
    await _refuses(process)
    gate.set()
    response = await upload.transfer.hear()
    assert (response.status, response.content) == (201, b"made")
    assert await process.exited() == 0
    await process.start()
    answer = await upload.append(at=40)
    assert (answer.status, answer.content) == (201, b"made")
    assert len(origin.requests) == 1


@pytest.mark.configured(shutdown_grace="200ms")
async def test_while_the_origin_works_too_long(
    process: ProxyProcess, speaker: Client, origin: RecordingOrigin
) -> None:
    """After the grace the outcome is unknown, and that is what the spool says (P3)."""
    origin.then(Silence())
    upload = await speaker.create(VERSION, length=40, sends=b"a" * 40, then="stall")
    await origin.received()
    assert await process.terminate() == 0
    await process.start()
    answer = await upload.append(at=40)
    assert (answer.status, answer.offset, answer.complete) == (502, 40, False)
    assert len(origin.requests) == 1


async def test_a_second_signal_exits_at_once(
    process: ProxyProcess, speaker: Client, origin: RecordingOrigin
) -> None:
    """The state on disk is true: the outcome of the forward is unknown (P3)."""
    origin.then(Silence())
    upload = await speaker.create(VERSION, length=40, sends=b"a" * 40, then="stall")
    await origin.received()
    process.signal(SIGTERM)
    await _refuses(process)
    process.signal(SIGTERM)
    await process.exited(bound_s=2)
    await process.start()
    answer = await upload.append(at=40)
    assert (answer.status, answer.offset, answer.complete) == (502, 40, False)
    assert len(origin.requests) == 1


async def test_uploads_that_wait_for_the_origin_survive(
    process: ProxyProcess, speaker: Client, origin: RecordingOrigin
) -> None:
    """P5: COMPLETE stays COMPLETE, and is forwarded after the next start."""
    await origin.stop()
    upload = await speaker.create(VERSION, sends=b"a" * 40)
    assert upload.answer.status == 503
    assert await process.terminate() == 0
    await origin.start()
    await process.start()
    assert (await origin.received(bound_s=10)).body == b"a" * 40
    assert len(origin.requests) == 1


async def test_who_has_connected_is_answered(
    process: ProxyProcess, origin: RecordingOrigin
) -> None:
    """It cannot know that it came at the last moment; a POST is not sent again."""
    early, begun = [await Connection.open(process.address) for _ in range(2)]
    whole = request("POST", "/files", ("Content-Length", "4")) + b"aaaa"
    await begun.send(whole[:20])
    process.signal(SIGTERM)
    await _refuses(process)
    await early.send(whole)
    await begun.send(whole[20:])
    for connection in (early, begun):
        response = await connection.hear("POST")
        assert (response.status, response.one("connection")) == (200, "close")
        await connection.close()
    assert await process.exited() == 0
    assert origin.bodies == [b"aaaa"] * 2


async def test_who_says_nothing_is_not_waited_for(process: ProxyProcess) -> None:
    """As a browser that connects in advance."""
    silent = await Connection.open(process.address)
    process.signal(SIGTERM)
    assert await silent.ended() == b""
    assert await process.exited() == 0
    await silent.close()


async def test_what_was_said_is_waited_for_until_it_is_taken(
    origin: RecordingOrigin, tmp_path: Path
) -> None:
    """What the kernel has not got yet would be gone with the process."""
    settings = {
        "listen": "127.0.0.1:0",
        "origin": {"url": origin.address},
        "spool": {"directory": str(tmp_path / "spool")},
        "admin": None,
    }
    app = App(Config.model_validate(settings))
    await app.start()
    door = app._entrance.door
    host, port = app.addresses[0].removeprefix("http://").split(":")
    sock = socket.create_connection((host, int(port)))
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 32 * 1024)
    reader, writer = await asyncio.open_connection(sock=sock)

    async def unsent() -> bool | None:
        if door.has_unsent:
            return True
        if len(door.rests):
            # Little enough that nobody waits until it is taken.
            origin.then(Reply(200, (), b"x" * 60_000))
            writer.write(request("GET", "/"))
        return None

    writer.write(request("GET", "/"))
    await until(unsent)
    ending = asyncio.create_task(app.end_work())
    done, _ = await asyncio.wait({ending}, timeout=0.3)
    assert not done
    taking = asyncio.create_task(reader.read())
    async with asyncio.timeout(BOUND_S):
        await ending
        await app.close()
        await taking
    writer.close()
