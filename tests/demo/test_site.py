"""Who may load the page and press its buttons, and what the link does."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from proxy.demo.link import Link
from proxy.demo.site import Site


@pytest.fixture
async def link() -> AsyncIterator[Link]:
    """Carries to a server that says everything twice."""
    server = await asyncio.start_server(_twice, "127.0.0.1", 0)
    host, port = server.sockets[0].getsockname()
    link = Link()
    await link.start(f"http://{host}:{port}")
    yield link
    await link.stop()
    server.close()


@pytest.fixture
async def site(link: Link) -> AsyncIterator[Site]:
    site = Site(link)
    await site.start()
    yield site
    await site.stop()


@pytest.fixture
async def browser_like() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


@pytest.mark.parametrize(
    "name", ["", "page.css", "page.js", "upload.js", "icon.svg", "link"]
)
async def test_what_the_page_consists_of(
    site: Site, browser_like: aiohttp.ClientSession, name: str
) -> None:
    async with browser_like.get(f"{site.address}/{name}") as answer:
        assert answer.status == 200
        assert answer.headers["Cache-Control"] == "no-store"


async def test_the_page_may_load_and_ask_nobody_else(
    site: Site, link: Link, browser_like: aiohttp.ClientSession
) -> None:
    async with browser_like.get(site.address) as answer:
        policy = answer.headers["Content-Security-Policy"]
        text = await answer.text()
    assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self';")
    assert policy.endswith(f"connect-src 'self' {link.address}")
    assert "http" not in text


@pytest.mark.parametrize("path", ["page.py", "../site.py", "%2e%2e/site.py", "x"])
async def test_nothing_else_is_served(
    site: Site, browser_like: aiohttp.ClientSession, path: str
) -> None:
    async with browser_like.get(f"{site.address}/{path}") as answer:
        assert answer.status == 404


@pytest.mark.parametrize(
    ("pressed", "status"),
    [
        ({"cut": True}, 200),
        ({"online": False}, 200),
        ({"rate": 1000}, 200),
        ({"rate": None}, 200),
        ({"rate": 0}, 400),
        ({"cut": 1.5}, 400),
        ([], 400),
    ],
)
async def test_a_button_is_pressed(
    site: Site, browser_like: aiohttp.ClientSession, pressed: Any, status: int
) -> None:
    url, own = f"{site.address}/link", {"Origin": site.address}
    async with browser_like.post(url, json=pressed, headers=own) as answer:
        assert answer.status == status


@pytest.mark.parametrize("origin", [{}, {"Origin": "https://elsewhere.example"}])
async def test_pages_from_elsewhere_press_nothing(
    site: Site,
    link: Link,
    browser_like: aiohttp.ClientSession,
    origin: dict[str, str],
) -> None:
    url = f"{site.address}/link"
    async with browser_like.post(url, json={"online": False}, headers=origin) as answer:
        assert answer.status == 403
    assert link.online


async def test_what_is_no_json_is_refused(
    site: Site, browser_like: aiohttp.ClientSession
) -> None:
    url, own = f"{site.address}/link", {"Origin": site.address}
    async with browser_like.post(url, data=b"{", headers=own) as answer:
        assert answer.status == 400


async def test_a_link_carries_both_ways(link: Link) -> None:
    reader, writer = await _connect(link)
    writer.write(b"hello")
    assert await reader.readexactly(10) == b"hellohello"
    writer.close()


async def test_a_cut_resets_what_there_is_and_what_comes_at_once(link: Link) -> None:
    reader, writer = await _connect(link)
    writer.write(b"hello")
    await reader.readexactly(10)
    link.cut(for_s=60)
    with pytest.raises(ConnectionResetError):
        await reader.read()
    with pytest.raises(ConnectionResetError):
        await _say_and_hear(link)
    link.cut(for_s=0)
    assert await _say_and_hear(link) == b"hihi"


async def test_a_link_that_is_down_resets_what_comes(link: Link) -> None:
    link.go(online=False)
    with pytest.raises(ConnectionResetError):
        await _say_and_hear(link)
    link.go(online=True)
    link.cut(for_s=0)
    assert await _say_and_hear(link) == b"hihi"


async def test_a_server_that_is_gone_is_a_reset() -> None:
    server = await asyncio.start_server(_twice, "127.0.0.1", 0)
    host, port = server.sockets[0].getsockname()
    server.close()
    await server.wait_closed()
    link = Link()
    await link.start(f"http://{host}:{port}")
    with pytest.raises(ConnectionResetError):
        await _say_and_hear(link)
    await link.stop()


async def test_a_link_is_as_slow_as_it_is_told(link: Link) -> None:
    link.rate = 200_000
    began = asyncio.get_running_loop().time()
    reader, writer = await _connect(link)
    writer.write(bytes(40_000))
    await reader.readexactly(80_000)
    assert asyncio.get_running_loop().time() - began > 0.1
    writer.close()


async def _connect(link: Link) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    host, _, port = link.address.removeprefix("http://").partition(":")
    return await asyncio.open_connection(host, int(port))


async def _say_and_hear(link: Link) -> bytes:
    reader, writer = await _connect(link)
    try:
        writer.write(b"hi")
        async with asyncio.timeout(5):
            return await reader.readexactly(4)
    finally:
        writer.close()


async def _twice(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while said := await reader.read(65536):
            writer.write(said * 2)
    except ConnectionResetError:
        pass  # the link was cut
    writer.close()
