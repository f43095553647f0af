"""More clients than descriptors: the log says so, and all are served in the end."""

from __future__ import annotations

import asyncio

import pytest

from tests.kit.answer import VERSION_FIELD
from tests.kit.bounds import until
from tests.kit.raw import Connection, request

from .conftest import StartProcess

MOST_FILES = 160
"""More than a process has open before any client comes, by a score."""
CLIENTS_EACH = 200
"""More than fit in one process."""
CONTRADICTION = request(
    "POST",
    "/",
    (VERSION_FIELD, "8"),
    ("Upload-Complete", "?1"),
    ("Upload-Length", "5"),
    ("Content-Length", "1"),
    ("Connection", "close"),
)
"""It is answered without any descriptor but that of its connection."""


@pytest.mark.parametrize("workers", [1, 2])
async def test_who_finds_no_descriptor_waits_and_is_served(
    start_process: StartProcess, workers: int
) -> None:
    process = await start_process(
        most_files=MOST_FILES, workers=workers, header_timeout="60s"
    )
    clients = [
        await Connection.open(process.address) for _ in range(CLIENTS_EACH * workers)
    ]

    async def said() -> bool | None:
        return True if "connections not accepted" in process.log else None

    await until(said)

    async def served(client: Connection) -> int:
        await client.send(CONTRADICTION)
        answer = await client.hear()
        await client.close()
        return answer.status

    assert set(await asyncio.gather(*map(served, clients))) == {400}
    assert await process.terminate() == 0
    lines = [line for line in process.log.splitlines() if "not accepted" in line]
    assert 1 <= len(lines) <= workers
    assert all("Too many open files" in line for line in lines)
    assert "Traceback" not in process.log
