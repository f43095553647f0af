"""A proxy for all cases, before an origin that forgives nothing.

A client says all it has to say at once, and hears what comes until the proxy ends the
connection, which it always has to. The one invariant: a case is over only when the
proxy is idle, so that nothing can reach the origin behind its back.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest

from tests.fuzz.strict import Sent
from tests.kit.bounds import BOUND_S, until
from tests.kit.raw import Connection, request

from .witness import Witness

SHORT: Final = {
    "header_timeout": "500ms",
    "keepalive_timeout": "2s",
    "shutdown_grace": "1s",
    "uploads": {"idle_timeout": "200ms"},
    "spool": {"sync": "never"},
    "log": {"level": "error"},
}
"""Settings of a proxy that waits for nobody for long."""
LINGER_S: Final = 0.1
"""Seconds for which content that nobody wants is read, so that many cases are quick."""
_STATUS: Final = re.compile(rb"^HTTP/1\.1 ([0-9]{3}) ", re.MULTILINE)
_TOKEN: Final = re.compile(
    rb"^Location: \S*/resumable_upload/(\S{43})\r$", re.MULTILINE
)


@dataclass(frozen=True, slots=True)
class Heard:
    """What came of a case."""

    statuses: list[int]
    """Of all responses, interim ones left out."""
    requests: list[Sent]
    """What the origin got."""
    unclear: list[bytes]
    """What it got and could not make out."""


Counts = Callable[[], Awaitable[dict[str, int]]]


class Stage:
    """A proxy, its origin, and who tries things."""

    def __init__(self, witness: Witness, address: str, counts: Counts) -> None:
        self.witness = witness
        self.address = address
        self._counts = counts

    async def says(self, said: bytes) -> Heard:
        """Say all of it on a connection of its own."""
        await self._idle()
        self.witness.forget()
        connection = await Connection.open(self.address)
        await connection.send(said)
        heard = await connection.ended()
        await connection.close()
        await self._idle()
        statuses = [int(found) for found in _STATUS.findall(heard)]
        return Heard(
            [status for status in statuses if status >= 200],
            list(self.witness.requests),
            list(self.witness.unclear),
        )

    async def upload(self) -> str:
        """The path of a new upload of which nothing has come."""
        fields = (
            ("Upload-Draft-Interop-Version", "8"),
            ("Upload-Complete", "?0"),
            ("Content-Length", "0"),
            ("Connection", "close"),
        )
        connection = await Connection.open(self.address)
        await connection.send(request("POST", "/files", *fields))
        token = _TOKEN.search(await connection.ended())
        await connection.close()
        assert token is not None
        return f"/resumable_upload/{token[1].decode()}"

    async def _idle(self) -> None:
        async def idle() -> bool | None:
            counts = await self._counts()
            return None if any(counts.values()) else True

        await until(idle)


@asynccontextmanager
async def in_process(directory: Path, **settings: Any) -> AsyncIterator[Stage]:
    """A proxy in this process, with `settings`, over a spool in `directory`."""
    # here, as in `tests/conftest.py`
    from proxy.app import App
    from proxy.config import Config

    witness = Witness()
    await witness.start()
    basic = {
        **SHORT,
        "listen": "127.0.0.1:0",
        "admin": {"listen": None},
        "origin": {"url": witness.address},
        "spool": {"directory": str(directory / "spool"), "sync": "never"},
    }
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("proxy.wire.door.LINGER_S", LINGER_S)
        app = App(Config.model_validate({**basic, **settings}))
        await app.start()
    yield Stage(witness, app.addresses[0], app.in_flight)
    await app.stop()
    await witness.stop()


def asked_of(admin_address: str) -> Counts:
    """What a proxy tells there of what is in flight."""

    async def counts() -> dict[str, int]:
        connection = await Connection.open(admin_address)
        fields = (("Host", "localhost"), ("Connection", "close"))
        await connection.send(request("GET", "/drain", *fields))
        async with asyncio.timeout(BOUND_S):
            answer = await connection.hear("GET")
        await connection.close()
        told = json.loads(answer.content)
        return {key: told[key] for key in ("requests", "bodies", "forwards")}

    return counts
