"""What a demonstration needs: an origin, the proxy before it, and a page if wanted.

Everything runs in this process, on loopback, over a spool that is removed afterwards.
"""

from __future__ import annotations

import tempfile
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Final

from aiohttp import web

from proxy.app import App
from proxy.config import Config

from .link import Link
from .origin import Origin
from .site import Site

RATE: Final = 2_000_000
"""Bytes each second that the link carries at first: slow enough to press a button."""


@dataclass(frozen=True, slots=True)
class Stage:
    """What runs."""

    origin: Origin
    proxy: str
    """URL of the proxy."""
    page: str | None
    """URL of the page; None: there is none."""
    link: Link
    """Between the page and the proxy."""


@asynccontextmanager
async def staged(*, page: bool) -> AsyncIterator[Stage]:
    """All of it, until the block is left.

    page: also what is clicked and dragged: the link, and the page on a port of its own.
    """
    origin, link = Origin(), Link(RATE)
    site = Site(link)
    async with AsyncExitStack() as stack:
        directory = stack.enter_context(
            tempfile.TemporaryDirectory(prefix="upload-proxy-demo-")
        )
        address = await _serve(origin, stack)
        if page:
            stack.push_async_callback(site.stop)
            await site.start()
        app = App(_config(address, directory, [site.address] if page else []))
        stack.push_async_callback(app.stop)
        await app.start()
        if page:
            stack.push_async_callback(link.stop)
            await link.start(app.addresses[0])
        yield Stage(origin, app.addresses[0], site.address or None, link)


async def _serve(origin: Origin, stack: AsyncExitStack) -> str:
    """URL of `origin`, which is served as long as `stack` is there."""
    runner = web.ServerRunner(web.Server(origin))
    stack.push_async_callback(runner.cleanup)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    host, port = runner.addresses[0][:2]
    return f"http://{host}:{port}"


def _config(origin: str, directory: str, pages: list[str]) -> Config:
    return Config.model_validate(
        {
            "listen": "127.0.0.1:0",
            "admin": None,
            "origin": {"url": origin},
            "spool": {"directory": directory},
            "cors": {"allow_origins": pages},
            "log": {"level": "warning"},
        }
    )
