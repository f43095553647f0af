"""The kit against itself: client, origin and words, before they judge others."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from .answer import Answer
from .bounds import until
from .client import Client
from .origin import Early, RecordingOrigin, Reply, Reset, Silence
from .raw import Connection, NoAnswerError, Response, chunk, request
from .words import each_version, words


@pytest.fixture
async def wire(origin: RecordingOrigin) -> AsyncIterator[Connection]:
    connection = await Connection.open(origin.address)
    yield connection
    await connection.reset()


async def test_requests_and_answers_arrive_as_they_were_said(
    origin: RecordingOrigin, wire: Connection
) -> None:
    origin.then(Reply(201, (("X-A", "1"), ("x-a", "2")), b"yes", interims=(103,)))
    await wire.send(request("PUT", "/a?b", ("Content-Length", "3"), ("X", "y")), b"abc")
    response = await wire.hear("PUT")
    assert (response.status, response.content) == (201, b"yes")
    assert response.all("x-A") == ["1", "2"]
    assert [interim.status for interim in response.interims] == [103]
    got = origin.requests[0]
    assert (got.method, got.target, got.body, got.complete) == (
        "PUT",
        "/a?b",
        b"abc",
        True,
    )
    assert got.names() == ["host", "content-length", "x"]


@pytest.mark.parametrize("framing", ["length", "chunked", "close"])
async def test_every_framing_is_understood(
    origin: RecordingOrigin, wire: Connection, framing: str
) -> None:
    origin.then(Reply(body=b"x" * 70_000, framing=framing))  # type: ignore[arg-type]
    await wire.send(request("GET", "/"))
    response = await wire.hear("GET")
    assert (response.content, response.whole) == (b"x" * 70_000, True)


async def test_several_requests_share_a_connection(
    origin: RecordingOrigin, wire: Connection
) -> None:
    body = chunk(b"abc") + chunk(b"")[:-2] + b"\r\n"
    await wire.send(request("POST", "/1", ("Transfer-Encoding", "chunked")), body)
    await wire.send(request("HEAD", "/2"))
    assert (await wire.hear("POST")).content == b"stored"
    assert (await wire.hear("HEAD")).content == b""
    assert origin.bodies == [b"abc", b""]


@pytest.mark.parametrize("framing", ["length", "chunked"])
async def test_a_cut_answer_is_known_as_one(
    origin: RecordingOrigin, wire: Connection, framing: str
) -> None:
    origin.then(Reply(body=b"0123456789", framing=framing, cut_after=5))  # type: ignore[arg-type]
    await wire.send(request("GET", "/"))
    assert (await wire.hear("GET")).whole is False


async def test_an_early_answer_comes_before_the_content(
    origin: RecordingOrigin, wire: Connection
) -> None:
    origin.then(Early(2, Reply(413)))
    await wire.send(request("POST", "/", ("Content-Length", "10")), b"abc")
    assert (await wire.hear()).status == 413
    assert (origin.requests[0].body, origin.requests[0].complete) == (b"ab", False)


async def test_a_reset_ends_the_connection(
    origin: RecordingOrigin, wire: Connection
) -> None:
    origin.then(Reset())
    await wire.send(request("GET", "/"))
    with pytest.raises(NoAnswerError):
        await wire.hear("GET")


async def test_an_answer_can_be_held_back(
    origin: RecordingOrigin, wire: Connection
) -> None:
    gate = asyncio.Event()
    origin.then(Reply(once=gate))
    await wire.send(request("GET", "/"))
    await origin.received()
    gate.set()
    assert (await wire.hear("GET")).status == 200


@pytest.mark.parametrize("behaviour", [Silence(), Silence(after=1)])
async def test_silence_ends_with_the_origin_which_comes_back_on_its_port(
    origin: RecordingOrigin, wire: Connection, behaviour: Silence
) -> None:
    origin.then(behaviour)
    await wire.send(request("POST", "/", ("Content-Length", "2")), b"ab")
    await origin.holds(1)
    await origin.stop()
    assert await wire.ended() == b""
    with pytest.raises(OSError):
        await Connection.open(origin.address)
    await origin.start()
    again = await Connection.open(origin.address)
    await again.send(request("GET", "/"))
    assert (await again.hear("GET")).status == 200
    await again.close()


async def test_a_cut_request_is_written_down_as_one(
    origin: RecordingOrigin, wire: Connection
) -> None:
    await wire.send(request("POST", "/", ("Content-Length", "10")), b"abc")
    await origin.holds(3)
    wire.finish()
    assert await wire.ended() == b""
    assert (await origin.begun()).complete is False


@each_version
async def test_the_client_says_and_reads_completeness_in_its_version(
    origin: RecordingOrigin, version: int
) -> None:
    spoken = words(version)
    origin.then(Reply(201, ((spoken.completeness, spoken.open), ("Location", "/u/1"))))
    client = Client(origin.address)
    upload = await client.create(version, last=False, sends=b"ab", announce=4)
    assert upload.answer.complete is False
    assert upload.path == "/u/1"
    created = origin.requests[0]
    assert created.one("Upload-Draft-Interop-Version") == str(version)
    assert created.one("Upload-Length") == "4"
    assert created.one(spoken.completeness) == ("?1" if version == 3 else "?0")
    await upload.append(at=2, sends=b"cd")
    last = origin.requests[1]
    assert last.one(spoken.completeness) == ("?0" if version == 3 else "?1")
    assert (last.one("Content-Type") is None) == (version < 6)
    await client.close()


def test_the_other_polarity_is_a_failure() -> None:
    heard = Response("HTTP/1.1", 201, "", (("Upload-Incomplete", "?0"),))
    assert Answer(heard, words(3)).complete is True
    with pytest.raises(AssertionError):
        Answer(heard, words(4))


def test_limits_and_offsets_are_read_strictly() -> None:
    fields = (("Upload-Limit", "max-size=10, max-age=5"), ("Upload-Offset", "07"))
    answer = Answer(Response("HTTP/1.1", 204, "", fields), words(9))
    assert answer.limits == {"max-size": 10, "max-age": 5}
    assert answer.bounds == {"max-size": 10}
    with pytest.raises(AssertionError):
        _ = answer.offset


async def test_until_gives_up() -> None:
    async def never() -> None:
        return None

    with pytest.raises(TimeoutError):
        await until(never, bound_s=0.05)
