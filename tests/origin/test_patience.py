"""How long a connection without a request is kept: as long as the origin seems to."""

from __future__ import annotations

import asyncio

import pytest
from multidict import CIMultiDict, CIMultiDictProxy

from proxy.origin import idle
from tests.kit.bounds import BOUND_S
from tests.relay.conftest import read_request, serving

from .by_hand import by_hand, meanwhile
from .conftest import CREATION, OpenOrigin, StoredBytes, whole
from .keeping import ANSWER, BODY, Counting, post

pytestmark = pytest.mark.usefixtures("proven")


@pytest.fixture
def unproven(monkeypatch: pytest.MonkeyPatch, proven: None) -> None:
    monkeypatch.setattr(idle, "ASSUMED_S", 0.02)


async def test_a_connection_is_not_kept_for_long(
    open_origin: OpenOrigin, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(idle, "IDLE_S", 0.05)
    monkeypatch.setattr(idle, "ASSUMED_S", 0.02)
    left = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        await reader.readexactly(len(BODY))
        writer.write(ANSWER)
        assert not await reader.read()
        left.set()

    async with serving(serve) as url, asyncio.timeout(BOUND_S):
        to = open_origin(url)
        await post(to)
        await left.wait()
        await post(to)


async def test_connections_are_ended_one_after_the_other(
    open_origin: OpenOrigin, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(idle, "IDLE_S", 0.2)
    ended: list[asyncio.Event] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        ended.append(asyncio.Event())
        mine = ended[-1]
        await read_request(reader)
        await reader.readexactly(len(BODY))
        writer.write(ANSWER)
        assert not await reader.read()
        mine.set()

    async with serving(serve) as url, asyncio.timeout(BOUND_S):
        to = open_origin(url)
        held = await to.connect(len(BODY))
        await post(to)
        await asyncio.sleep(0.1)
        await whole(await held.send(CREATION, StoredBytes(BODY)))
        await ended[1].wait()
        assert not ended[0].is_set()
        await ended[0].wait()


@pytest.mark.parametrize(
    ("said", "patience_s"),
    [
        ({}, 1.0),
        ({"Keep-Alive": "timeout=5, max=100"}, 2.5),
        ({"Keep-Alive": "max=100, Timeout=1"}, 0.5),
        ({"Keep-Alive": "timeout=0"}, 0.0),
        ({"Keep-Alive": "timeout=-1"}, 1.0),
        ({"Keep-Alive": "timeout"}, 1.0),
        ({"Keep-Alive": "timeout=" + "9" * 5000}, 1.0),
    ],
)
def test_what_an_origin_says_of_its_patience(
    monkeypatch: pytest.MonkeyPatch, said: dict[str, str], patience_s: float
) -> None:
    monkeypatch.setattr(idle, "IDLE_S", 1.0)
    assert idle.patience_s(CIMultiDictProxy(CIMultiDict(said))) == patience_s


class Clock:
    """The time of the loop, as far as idle connections see it."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.ahead_s = 0.0
        loop = asyncio.get_running_loop()
        time = loop.time
        monkeypatch.setattr(loop, "time", lambda: time() + self.ahead_s)


@pytest.mark.usefixtures("unproven")
async def test_how_long_connections_stay_open_has_to_be_seen(
    open_origin: OpenOrigin, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They are used again at half the age that another has reached."""
    clock = Clock(monkeypatch)
    origin = Counting()
    ages = [0.15, 0.2, 0.1, 0.17, 0.9]
    connections = []
    async with serving(origin) as url:
        to = open_origin(url)
        await post(to)
        for age_s in ages:
            clock.ahead_s += age_s
            await post(to)
            connections.append(origin.connections)
    # for 0.15, 0.35, 0.45, 0.62 and 1.52 s has the first one been seen to stay
    assert connections == [2, 3, 3, 3, 4]


@pytest.mark.usefixtures("unproven")
async def test_that_one_did_not_stay_open_is_remembered(
    open_origin: OpenOrigin, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock(monkeypatch)
    with by_hand() as origin:
        to = open_origin(origin.url)
        for _ in range(2):
            with meanwhile(origin.serve):
                await post(to)
            clock.ahead_s += 0.1
            origin.close()
        with meanwhile(origin.serve):
            await post(to)
        clock.ahead_s += 0.06
        with meanwhile(origin.serve):
            await post(to)
    assert len(origin.connections) == 4
