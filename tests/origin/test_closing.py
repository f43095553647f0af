"""An origin that closes its connections just when requests leave, hundreds of times."""

from __future__ import annotations

import asyncio
import json
import random
import sys
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from proxy.core.errors import OriginError
from proxy.core.upload import Head
from proxy.origin import idle

from .conftest import FIELDS, OpenOrigin, Posting, StoredBytes, whole
from .keeping import BODY

pytestmark = pytest.mark.usefixtures("proven")


@asynccontextmanager
async def closing_origin(
    idle_s: float, how: str
) -> AsyncIterator[tuple[str, Callable[[], Awaitable[Counter[str]]]]]:
    """See ``closing``; its URL, and how to stop it and have its counts."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        str(Path(__file__).with_name("closing.py")),
        str(idle_s),
        how,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    port = int(await process.stdout.readline())

    async def counted() -> Counter[str]:
        told, _ = await process.communicate(b"")
        return Counter(json.loads(told))

    try:
        yield f"http://127.0.0.1:{port}", counted
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


@pytest.mark.parametrize("careful", [False, True])
@pytest.mark.parametrize("how", ["closes", "says_408", "resets"])
async def test_nothing_is_lost_or_doubled_when_the_origin_closes_just_then(
    open_origin: OpenOrigin, monkeypatch: pytest.MonkeyPatch, how: str, careful: bool
) -> None:
    """Hundreds of times, a request leaves about when its connection is closed.

    Only who is careless, and takes any connection to stay open, does not know of a few
    how they went: those that were there unread when the origin closed.
    """
    if careful:
        monkeypatch.setattr(idle, "ASSUMED_S", 0.02)
    choose = random.Random(7)
    idle_s = 0.03
    outcomes: dict[str, str] = {}

    async def twice(to: Posting, number: int) -> None:
        for name in (f"/{number}/1", f"/{number}/2"):
            try:
                stream = await to.post(Head("POST", name, FIELDS), StoredBytes(BODY))
                outcomes[name] = f"{stream.answer.status}"
                await whole(stream)
            except OriginError as exc:
                outcomes[name] = type(exc).__name__
            await asyncio.sleep(idle_s + choose.uniform(-0.0015, 0.001))

    async with closing_origin(idle_s, how) as (url, counted), asyncio.timeout(50):
        for start in range(0, 300, 5):
            # each time another, which has seen nothing yet
            to = open_origin(url)
            await asyncio.gather(*(twice(to, start + one) for one in range(5)))
            await to.close()
        got = await counted()
    assert len(outcomes) == 600
    for name, outcome in outcomes.items():
        assert got[name] == 1 if outcome == "200" else got[name] <= 1, (name, outcome)
    known = sum(outcome == "200" for outcome in outcomes.values())
    assert known == 600 if careful else known > 500
