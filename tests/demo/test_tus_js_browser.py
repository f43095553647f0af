"""tus-js-client from npm in Chromium, in its IETF modes, over CORS.

It is its own build for browsers, put into the page of the demonstration: that has
another origin than the proxy, which allows it.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest
import pytest_asyncio

from proxy.demo.stage import Stage
from tests.interop import needs

from .conftest import CONTENT, SHA
from .shown import BEGUN, BRISK, ENDS_WITHIN_S, SLOW

if TYPE_CHECKING:
    from playwright.async_api import Browser, Page

pytestmark = pytest.mark.asyncio(loop_scope="session")

_OWN_FILE: Final = """() => {
  const input = document.createElement('input')
  document.body.append(Object.assign(input, { type: 'file', id: 'own-file' }))
}"""

_BEGIN: Final = """({ endpoint, options }) => {
  const [file] = document.querySelector('#own-file').files
  window.requests = []
  window.upload = new tus.Upload(file, {
    endpoint,
    retryDelays: [600, 1000, 1000],
    ...options,
    onProgress: (sent, total) => { document.title = Math.floor(100 * sent / total) },
    onAfterResponse: (request, response) => requests.push(
      [request.getMethod(), response.getStatus(), response.getHeader('Upload-Offset')]),
  })
  window.ended = new Promise((resolve) => {
    upload.options.onSuccess = () => resolve('success')
    upload.options.onError = (error) => resolve(error.message)
  })
  upload.start()
}"""


@pytest_asyncio.fixture(loop_scope="session")
async def page(browser: Browser, stage: Stage, photo: Path) -> AsyncIterator[Page]:
    """With tus-js-client, and the photo chosen."""
    needs.node("tus-js-client")
    script = needs.HERE / "node_modules/tus-js-client/dist/tus.js"
    context = await browser.new_context(bypass_csp=True)
    page = await context.new_page()
    assert stage.page is not None
    await page.goto(stage.page)
    await page.add_script_tag(path=script)
    await page.evaluate(_OWN_FILE)
    await page.set_input_files("#own-file", photo)
    yield page
    await context.close()


@pytest.mark.parametrize(
    ("protocol", "chunking"),
    [
        ("ietf-draft-03", {}),
        ("ietf-draft-05", {}),
        ("ietf-draft-05", {"chunkSize": 900_000}),
    ],
    ids=["draft-03", "draft-05", "draft-05-chunks"],
)
async def test_a_cut_upload_is_taken_up_again(
    page: Page, stage: Stage, protocol: str, chunking: dict[str, Any]
) -> None:
    """All bytes arrive in one request, and HEAD has told where to go on."""
    await _begin(page, stage, protocol=protocol, **chunking)
    stage.link.cut()
    stage.link.rate = None
    assert await page.evaluate("() => ended") == "success"
    requests = await page.evaluate("() => requests")
    (asked,) = [request for request in requests if request[0] == "HEAD"]
    assert asked[1] == 204
    assert 0 < int(asked[2]) < len(CONTENT)
    assert stage.origin.received == [SHA]


async def test_an_aborted_upload_goes_on(page: Page, stage: Stage) -> None:
    await _begin(page, stage, protocol="ietf-draft-05")
    stage.link.rate = None
    await page.evaluate("() => upload.abort()")
    await page.evaluate("() => upload.start()")
    assert await page.evaluate("() => ended") == "success"
    methods = [request[0] for request in await page.evaluate("() => requests")]
    assert methods == ["POST", "HEAD", "PATCH"]
    assert stage.origin.received == [SHA]


async def _begin(page: Page, stage: Stage, **options: Any) -> None:
    """Go on when some of it is sent; the rest comes slowly."""
    stage.link.rate = BRISK
    endpoint = f"{stage.link.address}/photos"
    await page.evaluate(_BEGIN, {"endpoint": endpoint, "options": options})
    await page.wait_for_function(
        f"() => Number(document.title) > {BEGUN}", timeout=1000 * ENDS_WITHIN_S
    )
    stage.link.rate = SLOW
