"""Small uploads that need no disk, seen from both ends of the proxy (P8)."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from proxy.app import App
from proxy.spool.clock import LifetimeClock
from tests.conftest import StartProxy
from tests.kit.bounds import until
from tests.kit.client import Client
from tests.kit.origin import RecordingOrigin, Reply
from tests.kit.words import each_version
from tests.spool.system import Calls


@pytest.fixture(autouse=True)  # before the proxy of `client` is there
def rounds(monkeypatch: pytest.MonkeyPatch) -> list[None]:
    """One for each round of the sweep: the lifetime clock is saved at its end."""
    ended: list[None] = []
    save = LifetimeClock.save

    def counted(clock: LifetimeClock) -> None:
        save(clock)
        ended.append(None)

    monkeypatch.setattr(LifetimeClock, "save", counted)
    return ended


@pytest.fixture
async def calls(
    rounds: list[None], proxy: App, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Calls:
    """What the proxy does to its spool, once it has come up: every start begins with a
    round through what is unfinished and one through all."""

    async def swept() -> bool | None:
        return True if len(rounds) >= 2 else None

    await until(swept)
    return Calls(tmp_path / "spool", monkeypatch)


def about_uploads(calls: Calls) -> list[str]:
    """Without what is done for the spool as a whole: at its start, and now and then."""
    ours = ("clock", "ballast", "figures", "locks")
    return [call for call in calls.made if not any(name in call for name in ours)]


@each_version
@pytest.mark.parametrize("chunked", [False, True])
async def test_an_upload_that_arrives_whole_touches_no_file(
    client: Client, origin: RecordingOrigin, calls: Calls, version: int, chunked: bool
) -> None:
    body = b"a" * 2**20
    upload = await client.create(version, sends=body, chunked=chunked)
    assert (upload.answer.status, upload.answer.content) == (200, b"stored")
    again = await upload.append(at=len(body))
    assert (again.status, again.content) == (200, b"stored")
    assert origin.bodies == [body]
    assert about_uploads(calls) == []


@each_version
async def test_nor_does_one_that_is_cancelled(
    client: Client, origin: RecordingOrigin, calls: Calls, version: int
) -> None:
    upload = await client.create(version, sends=b"a")
    assert (await upload.cancel()).status == 204
    assert (await upload.head()).status == 404
    assert about_uploads(calls) == []


async def test_one_byte_more_is_on_the_disk(
    client: Client, origin: RecordingOrigin, calls: Calls
) -> None:
    await client.create(9, sends=b"a" * (2**20 + 1))
    assert "rename T.record.new T.record" in calls.made
    assert origin.bodies == [b"a" * (2**20 + 1)]


@pytest.mark.configured(spool={"memory_threshold": 0})
async def test_without_a_threshold_all_are_on_the_disk(
    client: Client, origin: RecordingOrigin, calls: Calls
) -> None:
    await client.create(9, sends=b"")
    assert "rename T.record.new T.record" in calls.made


@pytest.mark.configured(origin={"unknown_outcome": "repeat"})
async def test_what_may_be_sent_again_is_on_the_disk_before_it_is_sent(
    client: Client, origin: RecordingOrigin, calls: Calls
) -> None:
    """And durable: after a power loss it is sent again from there."""
    gate = asyncio.Event()
    origin.then(Reply(once=gate))
    upload = await client.create(9, length=10, sends=b"a" * 10, then="stall")
    await origin.received()
    assert "fdatasync T.body" in calls.made
    gate.set()
    assert (await upload.transfer.hear()).status == 200


async def test_an_answer_of_204_needs_no_disk_either(
    client: Client, origin: RecordingOrigin, calls: Calls
) -> None:
    origin.then(Reply(204, (), b"", framing="none"))
    upload = await client.create(9, sends=b"a")
    assert upload.answer.status == 204
    assert (await upload.append(at=1)).status == 204
    assert about_uploads(calls) == []


@pytest.mark.parametrize("threshold", [0, 65_536])
async def test_who_has_left_is_not_waited_for(
    start_proxy: StartProxy, origin: RecordingOrigin, threshold: int
) -> None:
    """P4: its request is over, its forward is not."""
    proxy = await start_proxy(spool={"memory_threshold": threshold})
    client = Client(proxy.addresses[0])
    gate = asyncio.Event()
    origin.then(Reply(201, (), b"made", once=gate))
    upload = await client.create(9, length=10, sends=b"a" * 10, then="stall")
    await origin.received()
    joined = await upload.begin(at=10, then="stall")
    await upload.transfer.reset()
    await joined.reset()

    async def nobody_waits() -> bool | None:
        return True if proxy.counts["requests"] == 0 else None

    await until(nobody_waits)
    assert proxy.counts["forwards"] == 1
    gate.set()
    await upload.finished()
    answer = await upload.append(at=10)
    assert (answer.status, answer.content) == (201, b"made")
    assert len(origin.requests) == 1


async def test_many_at_the_same_time(client: Client, origin: RecordingOrigin) -> None:
    """More than there is room for: the rest goes to the disk, and nobody notices."""
    bodies = [b"%04d" % number * 16_000 for number in range(300)]
    uploads = [
        await client.create(9, length=64_000, sends=body[:60_000], then="stall")
        for body in bodies
    ]
    for upload, body in zip(uploads, bodies, strict=True):
        await upload.transfer.send(body[60_000:])
    for upload in uploads:
        assert (await upload.transfer.hear()).status == 200
    assert sorted(origin.bodies) == sorted(bodies)
