"""Small uploads in memory: what brings each to the disk, and who comes after that (P8).

Every test here has its upload in memory first. Then one thing happens after which it
has to be on the disk; the process is killed and the next one goes on with what is
there, or the first one runs on and another process beside it does.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.conftest import StartProxy
from tests.kit.bounds import until
from tests.kit.client import Client, Upload
from tests.kit.origin import RecordingOrigin
from tests.kit.process import ProxyProcess

VERSION = 9
SOME, REST = b"a" * 40, b"b" * 60
BODY = SOME + REST


def files_of(process: ProxyProcess, upload: Upload) -> list[Path]:
    """What the disk has of an upload."""
    token = upload.path.rpartition("/")[2]
    return [file for file in process.spool.rglob("*") if token in file.name]


async def on_disk(process: ProxyProcess, upload: Upload) -> None:
    async def record() -> bool | None:
        return any(file.suffix == ".record" for file in files_of(process, upload)) or (
            None
        )

    await until(record)


async def begun(process: ProxyProcess, speaker: Client, sends: bytes = SOME) -> Upload:
    """An upload of 100 bytes of which some have come, and nothing is on the disk."""
    upload = await speaker.create(VERSION, length=100, sends=sends, then="stall")
    assert files_of(process, upload) == []
    return upload


async def waiting(
    process: ProxyProcess, speaker: Client, origin: RecordingOrigin
) -> Upload:
    """An upload that the origin has, whose client waits, and nothing is on the disk."""
    upload = await begun(process, speaker, BODY)
    await origin.received()
    assert files_of(process, upload) == []
    return upload


class After:
    """Who goes on with an upload: the next process after a kill, or another one."""

    def __init__(
        self, process: ProxyProcess, start_proxy: StartProxy, *, kills: bool
    ) -> None:
        self.kills = kills
        self._process = process
        self._start_proxy = start_proxy
        self._others: list[Client] = []

    async def __call__(self, upload: Upload) -> Upload:
        """The upload, for requests to whoever goes on."""
        if self.kills:
            await self._process.restart()
            return upload
        other = await self._start_proxy()
        self._others.append(Client(other.addresses[0]))
        return upload.at(self._others[-1])

    async def close(self) -> None:
        for client in self._others:
            await client.close()


@pytest.fixture(params=["after a kill", "beside"])
async def after(
    request: pytest.FixtureRequest, process: ProxyProcess, start_proxy: StartProxy
) -> AsyncIterator[After]:
    after = After(process, start_proxy, kills=request.param == "after a kill")
    yield after
    await after.close()


async def goes_on(after: After, upload: Upload, offset: int) -> None:
    """It is where its client was told; it is finished and replayed."""
    upload = await after(upload)
    assert await upload.ask_offset() == offset
    answer = await upload.append(at=offset, sends=BODY[offset:])
    assert (answer.status, answer.content, answer.complete) == (200, b"stored", True)
    answer = await upload.append(at=100)
    assert (answer.status, answer.content) == (200, b"stored")


async def is_in_flight(after: After, upload: Upload) -> None:
    """Its forward is known: of unknown outcome if its process has died meanwhile, and
    still under way if not."""
    upload = await after(upload)
    if after.kills:
        await outcome_is_unknown(upload)
    else:
        answer = await upload.head()
        assert (answer.status, answer.offset, answer.complete) == (204, 100, False)


async def outcome_is_unknown(upload: Upload) -> None:
    answer = await upload.head()
    assert (answer.status, answer.offset, answer.complete) == (204, 100, False)
    answer = await upload.append(at=100)
    assert (answer.status, answer.offset, answer.complete) == (502, 100, False)
