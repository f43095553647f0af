"""More connections than there may be: `max_connections`."""

from __future__ import annotations

import asyncio
import io
import json

import pytest

from proxy.access import CROWDED_PAUSE_S, tell_crowded
from proxy.log import logger
from proxy.wire import turned
from tests.kit.bounds import until
from tests.kit.client import Client
from tests.kit.origin import RecordingOrigin
from tests.kit.raw import Connection, NoAnswerError, request

two = pytest.mark.configured(max_connections=2)


async def _status(connection: Connection) -> int:
    await connection.send(request("GET", "/after"))
    return (await connection.hear("GET")).status


@two
async def test_one_more_is_told_to_come_back_and_the_others_are_unharmed(
    client: Client, origin: RecordingOrigin
) -> None:
    kept = await client.connect()
    upload = await client.create(10, length=6, sends=b"abc", then="stall")
    for _ in range(3):
        third = await client.connect()
        await third.send(request("POST", "/", ("Content-Length", "1000")), b"a" * 1000)
        answer = await third.hear()
        assert (answer.status, answer.one("Connection")) == (503, "close")
        assert answer.one("Retry-After")
        assert json.loads(answer.content)["type"].endswith(":too-many-connections")
        assert await third.ended() == b""
        await third.close()
    assert await _status(kept) == 200
    await upload.transfer.send(b"def")
    assert (await upload.transfer.hear()).status == 200
    assert b"abcdef" in origin.bodies


@two
@pytest.mark.parametrize("leaving", ["close", "reset"])
async def test_there_is_room_again_when_one_has_left(
    client: Client, leaving: str
) -> None:
    first, second = await client.connect(), await client.connect()
    assert await _status(second) == 200
    for connection in (first, second):
        await (connection.close() if leaving == "close" else connection.reset())

    async def served() -> bool | None:
        another = await client.connect()
        try:
            return await _status(another) == 200 or None
        except NoAnswerError:
            return None
        finally:
            await another.reset()

    for _ in range(5):  # of two places none is lost
        assert await until(served)


@pytest.mark.configured(max_connections=1)
async def test_a_crowd_is_not_waited_for(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Few are kept for their answer's sake; who never leaves is put out."""
    monkeypatch.setattr(turned, "MOST_LINGERING", 3)
    monkeypatch.setattr(turned, "LINGER_S", 0.3)
    inside = await client.connect()
    assert await _status(inside) == 200
    crowd = [await client.connect() for _ in range(20)]
    said = await asyncio.gather(*(one.ended() for one in crowd))
    assert sum(b" 503 " in one for one in said) == 3
    assert said.count(b"") == 17

    async def told() -> bytes | None:
        return await (await client.connect()).ended() or None

    assert b" 503 " in await until(told)
    assert await _status(inside) == 200


def test_a_crowd_is_logged_once_a_minute_at_most() -> None:
    out, now = io.StringIO(), 1000.0
    tell = tell_crowded(logger("info", "json", out), lambda: now)
    for _ in range(3):
        tell()
    now += CROWDED_PAUSE_S
    for _ in range(2):
        tell()
    lines = [json.loads(line) for line in out.getvalue().splitlines()]
    assert [line["connections"] for line in lines] == [1, 3]
    assert {line["event"] for line in lines} == {"connections turned away"}
