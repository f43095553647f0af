"""What tests of the campaign begin with."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.kit.origin import RecordingOrigin


@pytest.fixture
async def server() -> AsyncIterator[RecordingOrigin]:
    """Stands for a proxy, and says what it is told to."""
    server = RecordingOrigin()
    await server.start()
    yield server
    await server.stop()
