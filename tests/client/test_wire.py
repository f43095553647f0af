"""Connections that end as networks end them, and servers that say what is no answer."""

from __future__ import annotations

import asyncio
import errno
import os
from typing import Any

import pytest

from proxy.client import Policy, upload
from proxy.client.target import target
from proxy.client.wire import Connection, NoAnswer, Unreached
from tests.kit.bounds import BOUND_S
from tests.kit.origin import RecordingOrigin, Reply, Request, Silence
from tests.kit.process import free_port

HASTY = Policy(base_s=0.01)


def breaks(connection: Connection, number: int) -> None:
    """End it as the event loop does when the kernel tells `number`."""
    protocol = connection._writer.transport.get_protocol()
    protocol.connection_lost(OSError(number, os.strerror(number)))


@pytest.mark.parametrize(
    "number", [errno.ETIMEDOUT, errno.EHOSTUNREACH, errno.ENETDOWN, errno.ECONNRESET]
)
async def test_whatever_ends_a_connection_is_no_answer(
    origin: RecordingOrigin, number: int
) -> None:
    origin.then(Silence())
    connection = await Connection.open(target(origin.address))
    await connection.begin("GET", "/", ())
    await connection.end()
    breaks(connection, number)
    with pytest.raises(NoAnswer, match="ended"):
        await connection.hear("GET", None)
    with pytest.raises(NoAnswer, match="ended"):
        await connection._write(b"more", BOUND_S)
    await connection.close()


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
async def test_nobody_there_is_told_in_the_words_of_the_system(host: str) -> None:
    nobody = f"http://{host}:{free_port()}"
    with pytest.raises(Unreached, match=r"^Connection refused$"):
        await Connection.open(target(nobody))


@pytest.mark.parametrize(("count", "answers"), [(140, True), (141, False)])
async def test_interim_responses_come_to_an_end(
    origin: RecordingOrigin,
    monkeypatch: pytest.MonkeyPatch,
    count: int,
    answers: bool,
) -> None:
    monkeypatch.setattr("proxy.client.wire._MOST_INTERIMS", 140)
    origin.then(Reply(interims=(103,) * count))
    connection = await Connection.open(target(origin.address))
    await connection.begin("GET", "/", ())
    await connection.end()
    if answers:
        said = await connection.hear("GET")
        assert (said.status, len(said.interims)) == (200, 100)
    else:
        with pytest.raises(NoAnswer, match="141 interim responses"):
            await connection.hear("GET")
    await connection.close()


async def test_a_route_that_is_lost_costs_a_pause_and_no_upload(
    origin: RecordingOrigin, monkeypatch: pytest.MonkeyPatch
) -> None:
    begin, broken = Connection.begin, asyncio.Event()

    async def once(self: Connection, method: str, *rest: Any) -> None:
        await begin(self, method, *rest)
        if method == "PATCH" and not broken.is_set():
            broken.set()
            breaks(self, errno.ETIMEDOUT)

    def choose(request: Request) -> Reply:
        at = int(request.one("upload-offset") or 0)
        after = at + int(request.one("content-length") or 0)
        fields = (("Upload-Limit", "min-size=0"), ("Upload-Offset", str(after)))
        status = 201 if request.method == "POST" else 204
        return Reply(status, (*fields, ("Location", "/u")), b"")

    monkeypatch.setattr(Connection, "begin", once)
    monkeypatch.setattr(origin, "choose", choose)
    policy = Policy(base_s=0.01, chunk_size=6)
    assert (await upload(b"content", f"{origin.address}/f", policy=policy)).saved == 0
    assert broken.is_set()
