"""The lines of docs/browser.md do what it says, run as they stand there.

Only the address of the uploads is another one, and the pages are served by the test.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from aiohttp import web
from ruamel.yaml import YAML

from proxy.app import App
from proxy.config import Config
from tests.conftest import merged
from tests.kit.origin import RecordingOrigin, Reply

from .conftest import CONTENT
from .shown import ENDS_WITHIN_S

if TYPE_CHECKING:
    from playwright.async_api import Browser

pytestmark = pytest.mark.asyncio(loop_scope="session")

ROOT = Path(__file__).parents[2]
DOCUMENT = (ROOT / "docs/browser.md").read_text()
SCRIPT = ROOT / "proxy/demo/page/upload.js"
UPLOADS = "https://uploads.example.com"


async def test_the_page(browser: Browser, photo: Path, tmp_path: Path) -> None:
    (page_html,), (page_js,) = blocks("html"), blocks("js")
    files = {"/": page_html, "/page.js": page_js, "/upload.js": SCRIPT.read_text()}
    async with before_a_server(files, tmp_path) as (address, origin):
        page = await browser.new_page()
        await page.goto(address)
        await page.get_by_label("Photo").set_input_files(photo)
        told = page.get_by_text("The server says: thank you")
        await told.wait_for(timeout=1000 * ENDS_WITHIN_S)
        await page.close()
    (request,) = origin.requests
    assert (request.method, request.target) == ("POST", "/photos")
    assert request.body == CONTENT
    assert request.one("Content-Type") == "image/jpeg"
    assert request.one("Content-Disposition") == (
        "attachment; filename*=UTF-8''photo%20of%20the%20sea.jpg"
    )


async def test_a_server_that_is_down_is_waited_for(
    browser: Browser, photo: Path, tmp_path: Path
) -> None:
    """The 503 is the proxy's own: it says that the upload is not done."""
    (page_html,), (page_js,) = blocks("html"), blocks("js")
    files = {"/": page_html, "/page.js": page_js, "/upload.js": SCRIPT.read_text()}
    async with before_a_server(files, tmp_path) as (address, origin):
        await origin.stop()
        page = await browser.new_page()
        await page.goto(address)
        await page.get_by_label("Photo").set_input_files(photo)
        await page.get_by_text("waiting").wait_for(timeout=1000 * ENDS_WITHIN_S)
        await origin.start()
        told = page.get_by_text("The server says: thank you")
        await told.wait_for(timeout=1000 * ENDS_WITHIN_S)
        await page.close()
    assert origin.bodies == [CONTENT]


def blocks(language: str) -> list[str]:
    """What the document has in it, in order."""
    return re.findall(rf"```{language}\n(.*?)```", DOCUMENT, re.DOTALL)


@asynccontextmanager
async def before_a_server(
    files: dict[str, str], directory: Path
) -> AsyncIterator[tuple[str, RecordingOrigin]]:
    """The address of a page of `files`, whose uploads go to a proxy that is set as the
    document says, and what gets them."""
    origin = RecordingOrigin()
    origin.then(Reply(body=b"thank you"))
    await origin.start()
    pages = Pages(files)
    await pages.start()
    (setting,) = blocks("yaml")
    written = setting.replace("https://app.example", pages.address)
    ours = {
        "listen": "127.0.0.1:0",
        "admin": None,
        "origin": {"url": origin.address, "retry_for": "100ms"},
        "spool": {"directory": str(directory / "spool")},
        "log": {"level": "warning"},
    }
    app = App(Config.model_validate(merged(YAML(typ="safe").load(written), ours)))
    await app.start()
    pages.uploads = app.addresses[0]
    try:
        yield pages.address, origin
    finally:
        await app.stop()
        await pages.stop()
        await origin.stop()


class Pages:
    """Serves files in which `uploads` stands for the document's server of uploads."""

    def __init__(self, files: dict[str, str]) -> None:
        self._files = files
        self._runner = web.ServerRunner(web.Server(self._answer))
        self.uploads = ""
        self.address = ""

    async def start(self) -> None:
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        host, port = self._runner.addresses[0][:2]
        self.address = f"http://{host}:{port}"

    async def stop(self) -> None:
        await self._runner.cleanup()

    async def _answer(self, request: web.BaseRequest) -> web.StreamResponse:
        text = self._files.get(request.path)
        if text is None:
            return web.Response(status=404)
        kind = "text/javascript" if request.path.endswith(".js") else "text/html"
        text = text.replace(UPLOADS, self.uploads)
        return web.Response(text=text, content_type=kind, charset="utf-8")
