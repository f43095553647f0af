"""Any bytes on a connection: no 500, no hang, nothing left over, nothing smuggled.

One proxy hears them all, one connection after the other, before one origin. What the
origin may get is said by ``strict``: a request that was sent, in the order in which it
was, with the body it had.
"""

from __future__ import annotations

import asyncio
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest
import structlog
from hypothesis import given

from ..conftest import base, merged
from ..kit.bounds import BOUND_S, until
from ..kit.effort import EFFORT, effort
from ..kit.origin import RecordingOrigin, Request
from ..kit.raw import Connection, request
from .grammar import conversations
from .strict import Sent, sent

if TYPE_CHECKING:
    from proxy.app import App

QUIET_S: Final = 0.03
"""Nothing heard for so long, and nothing being answered: nothing more will be. A
request that is still on its way then is heard after the end all the same."""
_STATUS: Final = re.compile(rb"HTTP/1\.[01] ([0-9]{3}) ")
_BROKEN: Final = {b"500", b"502", b"504"}
"""Statuses that say that something went wrong behind the door; the origin answers every
request with 200, and bytes of a client must not make it fail."""


class Scene:
    """A proxy with short times, and its origin."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self.origin = RecordingOrigin()
        self.failures: list[Any] = []
        """What the proxy has logged as an error."""
        self.tasks = self.files = 0
        """How many there are when nothing is going on."""

    async def start(self) -> None:
        from proxy.app import App
        from proxy.config import Config

        await self.origin.start()
        short = {
            "keepalive_timeout": "2s",
            "uploads": {"idle_timeout": "100ms"},
        }
        config = merged(base(self.origin, self._directory), short)
        self.proxy: App = App(Config.model_validate(config), self._log())
        await self.proxy.start()
        await self.is_alive()
        await asyncio.sleep(QUIET_S)
        self.tasks, self.files = _tasks(), _files()

    async def stop(self) -> None:
        await self.proxy.stop()
        await self.origin.stop()

    def _log(self) -> structlog.typing.FilteringBoundLogger:
        def kept(_: Any, __: str, event: Any) -> Any:
            self.failures.append(event)
            raise structlog.DropEvent

        log: structlog.typing.FilteringBoundLogger = structlog.wrap_logger(
            structlog.ReturnLogger(),
            processors=[kept],
            wrapper_class=structlog.make_filtering_bound_logger("error"),
        )
        return log

    async def is_alive(self) -> None:
        connection = await Connection.open(self.proxy.addresses[0])
        await connection.send(request("GET", "/alive", ("Connection", "close")))
        assert (await connection.hear("GET")).status == 200
        await connection.close()

    async def hears(self, said: bytes) -> bytes:
        """What the proxy answers to all of `said`, before and after its end."""
        reader, writer = await asyncio.open_connection(*_host_and_port(self.proxy))
        heard = bytearray()
        async with asyncio.timeout(BOUND_S):
            try:
                writer.write(said)
                await writer.drain()
                while (piece := await self._some(reader)) is not None:
                    heard += piece
                    if not piece:
                        break
                if writer.can_write_eof():
                    writer.write_eof()
                heard += await reader.read(-1)
            except (ConnectionError, OSError):
                # it was ended in the middle of what we said, which is an answer, too
                pass
            finally:
                writer.transport.abort()
        return bytes(heard)

    async def _some(self, reader: asyncio.StreamReader) -> bytes | None:
        """The next bytes, empty at the end; None when there are none to come."""
        while True:
            try:
                async with asyncio.timeout(QUIET_S):
                    return await reader.read(65536)
            except TimeoutError:
                if not self.proxy.counts["requests"]:
                    return None

    async def is_quiet(self) -> bool | None:
        """True when nothing is left of what was said; None while something is."""
        quiet = _tasks() <= self.tasks and _files() <= self.files
        return quiet or None


def _host_and_port(proxy: App) -> tuple[str, int]:
    host, _, port = proxy.addresses[0].removeprefix("http://").rpartition(":")
    return host, int(port)


def _tasks() -> int:
    return len(asyncio.all_tasks())


def _files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


async def check(scene: Scene, said: bytes) -> None:
    scene.origin.requests.clear()
    heard = await scene.hears(said)
    assert not _BROKEN & set(_STATUS.findall(heard)), heard
    await until(scene.is_quiet)
    await scene.is_alive()
    await until(scene.is_quiet)
    assert not scene.failures
    _is_all_sent(scene.origin, said)


def _is_all_sent(origin: RecordingOrigin, said: bytes) -> None:
    """Everything the origin has got was said to us, in this order."""
    expected = iter(sent(said))
    # what did not come whole was cut with its client: nobody acts on that
    for got in origin.complete:
        if got.target == "/alive":
            continue
        assert any(_is_it(one, got) for one in expected), (
            f"{got.method} {got.target} with {got.body!r} was not sent"
        )


def _is_it(one: Sent, got: Request) -> bool:
    """Whether the origin got `one`: a part of an upload, never as a whole."""
    if (one.method, one.target) != (got.method, got.target) or one.is_part:
        return False
    return one.body == got.body or got.method == "OPTIONS"


@pytest.mark.timeout(60 * max(1, EFFORT))
def test_any_bytes_on_a_connection(tmp_path: Path) -> None:
    with asyncio.Runner() as runner:
        scene = Scene(tmp_path)
        runner.run(scene.start())

        @effort(60)
        @given(conversations())
        def holds(said: bytes) -> None:
            runner.run(check(scene, said))

        try:
            holds()
        finally:
            runner.run(scene.stop())
