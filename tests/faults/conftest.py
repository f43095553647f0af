"""What tests of faults are given besides: the proxy as a process that can be killed."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from tests.kit.client import Client
from tests.kit.origin import RecordingOrigin
from tests.kit.process import ProxyProcess

StartProcess = Callable[..., Awaitable[ProxyProcess]]


@pytest.fixture
async def start_process(
    origin: RecordingOrigin, tmp_path: Path
) -> AsyncIterator[StartProcess]:
    """Starts the proxy before `origin` as a process; kills it at the end."""
    started: list[ProxyProcess] = []

    async def start(
        *,
        largest_file: int | None = None,
        most_files: int | None = None,
        **settings: Any,
    ) -> ProxyProcess:
        below = {"url": origin.address, "retry_for": "100ms"}
        settings["origin"] = below | settings.get("origin", {})
        process = ProxyProcess(tmp_path, settings, largest_file, most_files=most_files)
        started.append(process)
        await process.start()
        return process

    yield start
    for process in started:
        await process.end()


@pytest.fixture
async def process(
    start_process: StartProcess, request: pytest.FixtureRequest
) -> ProxyProcess:
    marker = request.node.get_closest_marker("configured")
    return await start_process(**(marker.kwargs if marker else {}))


@pytest.fixture
async def speaker(process: ProxyProcess) -> AsyncIterator[Client]:
    """A client of the process."""
    speaking = Client(process.address)
    yield speaking
    await speaking.close()
