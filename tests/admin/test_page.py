"""The uploads page in Chromium, with uploads running through a real proxy."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import pytest_asyncio

from tests.kit.client import Client, Upload
from tests.kit.origin import RecordingOrigin, Reply, Reset
from tests.kit.process import ProxyProcess

from .seen import CONTRASTS, NAMELESS, WIDE, Seen

if TYPE_CHECKING:
    from playwright.async_api import Browser

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(90)]

HOSTILE = "/x/<img/src=x/onerror=document.title='owned'>"
FED_S = 0.1
Look = Callable[..., Awaitable[Seen]]


class Stage:
    """A proxy before an origin, with clients."""

    def __init__(self, directory: Path, workers: int) -> None:
        self.origin = RecordingOrigin()
        self._directory = directory
        self._workers = workers
        self._feeding: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        await self.origin.start()
        settings: dict[str, Any] = {
            "origin": {"url": self.origin.address, "retry_for": "100ms"},
            "workers": self._workers,
            "log": {"level": "warning"},
        }
        self.proxy = ProxyProcess(self._directory, settings)
        await self.proxy.start()
        self.client = Client(self.proxy.address)

    async def stop(self) -> None:
        for task in self._feeding:
            task.cancel()
        await asyncio.gather(*self._feeding, return_exceptions=True)
        await self.client.close()
        await self.proxy.end()
        await self.origin.stop()

    async def slow(self, path: str) -> Upload:
        """An upload of 8 MiB that comes in at some 200 KiB a second."""
        upload = await self.client.create(
            8, length=2**23, sends=b"a" * 2**19, then="stall", path=path
        )
        self._feeding.append(asyncio.ensure_future(_feed(upload)))
        return upload

    async def waiting(self, path: str) -> Upload:
        return await self.client.create(
            8, length=1000, sends=b"a" * 400, then="cut", path=path
        )

    async def unknown(self, path: str) -> None:
        """An upload whose origin dies over it."""
        self.origin.then(Reset())
        answer = (await self.client.create(8, sends=b"a" * 70_000, path=path)).answer
        assert answer.status == 502


async def _feed(upload: Upload) -> None:
    while True:
        await upload.transfer.send(b"b" * 20_000)
        await asyncio.sleep(FED_S)


@asynccontextmanager
async def staged(directory: Path, workers: int) -> AsyncIterator[Stage]:
    stage = Stage(directory, workers)
    try:
        await stage.start()
        yield stage
    finally:
        await stage.stop()


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def stage(
    browser: Browser, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Stage]:
    """Two workers; one upload slowly in flight, one that waits, one with a bad name."""
    async with staged(tmp_path_factory.mktemp("page"), workers=2) as one:
        await one.slow("/in-flight")
        await one.waiting("/waits")
        await one.waiting(HOSTILE)
        yield one


@pytest_asyncio.fixture(loop_scope="session")
async def look(browser: Browser, stage: Stage) -> AsyncIterator[Look]:
    """Opens the page for somebody; nobody has asked for anything but it at the end."""
    opened: list[Seen] = []

    async def open_page(**terms: Any) -> Seen:
        terms.setdefault("viewport", {"width": 1280, "height": 900})
        context = await browser.new_context(**terms)
        seen = Seen(await context.new_page(), stage.proxy.admin_address)
        opened.append(seen)
        await seen.open()
        return seen

    yield open_page
    for seen in opened:
        assert {url for url in seen.asked if not url.startswith(seen.address)} == set()
        assert seen.complaints == []
        await seen.page.context.close()


async def test_what_is_in_flight_moves_by_itself(look: Look) -> None:
    seen = await look()
    row = seen.row("/in-flight")
    await row.locator("text=Receiving").wait_for()
    before = int(await row.locator("progress").get_attribute("value") or 0)
    await seen.until(
        "[...document.querySelectorAll('#list tr')].some((row) => "
        f"row.upload?.path === '/in-flight' && row.upload.received > {before} + 100000 "
        "&& row.upload.rate > 20000 && row.upload.left_s > 1)"
    )
    text = await row.inner_text()
    assert "/s" in text
    assert "127.0.0.1" in text
    assert "version 8" in text
    assert "of 8.0 MiB" in text
    waits = seen.row("/waits")
    assert "40 %" in await waits.inner_text()
    assert await waits.locator("[data-label=Cuts]").inner_text() == "1"
    assert await seen.page.locator("#sum-flight").inner_text() == "1"
    assert "workers serve" in await seen.page.locator("#totals").inner_text()


async def test_what_a_client_says_is_text_and_no_markup(look: Look) -> None:
    seen = await look()
    await seen.row(HOSTILE).wait_for()
    assert await seen.page.locator("img").count() == 0
    await seen.row(HOSTILE).locator("[data-act=purge]").click()
    assert HOSTILE in await seen.page.locator("#ask-upload").inner_text()
    await seen.page.locator("#ask-no").click()
    assert await seen.page.locator("img").count() == 0
    assert "owned" not in await seen.page.title()


async def test_an_unknown_outcome_is_told_and_resent(look: Look, stage: Stage) -> None:
    seen = await look()
    before = len(stage.origin.complete)
    await stage.unknown("/unknown")
    row = seen.row("/unknown")
    await row.locator("text=Unknown outcome").wait_for()
    assert await seen.told() == "1 upload of unknown outcome."
    assert await seen.page.title() == "(1) Uploads"
    await seen.forward("/unknown").locator("text=no answer came").wait_for()
    stage.origin.then(Reply(201))
    await row.locator("[data-act=resend]").click()
    assert "may have had it" in await seen.page.locator("#ask").inner_text()
    await seen.page.locator("#ask-yes").click()
    await row.locator("text=Answered with 201").wait_for()
    await seen.forward("/unknown").locator("text=Answered with 201").wait_for()
    assert len(stage.origin.complete) == before + 2
    assert await seen.page.title() == "Uploads"


async def test_all_of_it_by_keyboard(look: Look, stage: Stage) -> None:
    upload = await stage.waiting("/to-be-purged")
    name = upload.path.rpartition("/")[2][:6]
    seen = await look()
    keyboard = seen.page.keyboard
    await seen.row("/to-be-purged").wait_for()
    await keyboard.press("Tab")
    assert await seen.focused() == "To the uploads"
    await seen.tab_to(f"Purge {name}")
    await keyboard.press("Enter")
    assert await seen.focused() == "Leave it as it is"
    await keyboard.press("Escape")
    assert await seen.focused() == f"Purge {name}"
    assert await upload.ask_offset() == 400
    await keyboard.press("Space")
    await keyboard.press("Tab")
    assert await seen.focused() == "Remove for good"
    await keyboard.press("Enter")
    await seen.row("/to-be-purged").wait_for(state="detached")
    await seen.until("document.querySelector('#said').textContent.includes('removed')")
    assert (await stage.client.ask("HEAD", upload.path)).status == 404


async def test_one_sees_what_one_looks_for(look: Look) -> None:
    seen = await look()
    await seen.row("/waits").wait_for()
    await seen.page.locator("input[name=group]").first.focus()
    await seen.page.keyboard.press("ArrowRight")
    await seen.row("/waits").wait_for(state="detached")
    assert await seen.page.locator("#uploads-heading").inner_text() == "In flight"
    assert await seen.row("").count() == 1
    await seen.page.locator("label", has_text="All").click()
    await seen.page.locator("#search").fill("WAITS")
    await seen.row("/in-flight").wait_for(state="detached")
    assert await seen.row("").count() == 1
    await seen.page.locator("#search").fill("nothing like that")
    await seen.page.locator("#unmatched").wait_for()


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_it_can_be_read(look: Look, stage: Stage, scheme: str) -> None:
    seen = await look(color_scheme=scheme, reduced_motion="reduce")
    await seen.row("/waits").wait_for()
    for open_dialog in (False, True):
        if open_dialog:
            await seen.row("/waits").locator("[data-act=purge]").click()
        contrasts = await seen.page.evaluate(CONTRASTS)
        assert len(contrasts) > 30
        assert [one for one in contrasts if one[0] < 4.5] == []
    dark = await seen.page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert (dark == "rgb(18, 23, 26)") is (scheme == "dark")


async def test_everything_has_a_name_and_a_place(look: Look) -> None:
    seen = await look()
    await seen.row("/waits").wait_for()
    page = seen.page
    assert await page.evaluate(NAMELESS) == []
    assert await page.locator("h1").count() == 1
    assert await page.locator("html[lang=en]").count() == 1
    for table in ("#list", "#forwards"):
        assert await page.locator(f"{table} > caption").count() == 1
        assert await page.locator(f"{table} thead th:not([scope=col])").count() == 0
    assert await page.locator("#list tbody tr > th[scope=row]").count() >= 3
    assert await page.locator("[role=status]").count() == 1
    twice = (
        "() => { const ids = [...document.querySelectorAll('[id]')].map((o) => o.id);"
    )
    assert await page.evaluate(twice + "return ids.length - new Set(ids).size }") == 0
    before = await seen.told()
    received = await seen.row("/in-flight").locator("progress").get_attribute("value")
    await seen.until(f"!document.querySelector('#list progress[value=\"{received}\"]')")
    assert await seen.told() == before, "told aloud that bytes come in"


async def test_it_fits_a_phone_and_anything_wider(look: Look) -> None:
    seen = await look(viewport={"width": 360, "height": 740}, has_touch=True)
    await seen.row("/waits").wait_for()
    assert await seen.page.evaluate(WIDE) <= 0
    box = await seen.row("/waits").locator("[data-act=purge]").bounding_box()
    assert box is not None
    assert min(box["width"], box["height"]) >= 44
    for width in (320, 768, 1024, 1121, 1280, 1920):
        await seen.page.set_viewport_size({"width": width, "height": 800})
        assert await seen.page.evaluate(WIDE) <= 0, width


async def test_a_page_of_another_origin_can_neither_act_nor_frame(
    look: Look, stage: Stage
) -> None:
    upload = await stage.waiting("/of-a-victim")
    seen = await look()
    row = seen.row("/of-a-victim")
    await row.wait_for()
    handle = await row.get_attribute("data-key")
    stage.origin.then(Reply(200, (("Content-Type", "text/html"),), b"<title>e</title>"))
    evil = await seen.page.context.new_page()
    await evil.goto(f"{stage.proxy.address}/evil")
    script = """async ([address, handle]) => {
      const frame = document.createElement("iframe");
      frame.src = `${address}/uploads`;
      const framed = new Promise((done) => (frame.onload = done));
      document.body.append(frame);
      const body = JSON.stringify({ upload: handle });
      const acted = await fetch(`${address}/uploads/purge`,
        { method: "POST", mode: "no-cors", body }).catch(() => null);
      const read = await fetch(`${address}/uploads/now`).catch(() => null);
      await framed;
      return [acted, read, frame.contentDocument];
    }"""
    said = await evil.evaluate(script, [seen.address, handle])
    assert said == [None, None, None]
    frame = evil.frames[1]
    assert await frame.locator("#uploads").count() == 0
    assert await upload.ask_offset() == 400


async def test_alone_it_begins_empty_goes_and_comes_back(
    browser: Browser, tmp_path: Path
) -> None:
    async with staged(tmp_path, workers=1) as stage:
        page = await browser.new_page()
        seen = Seen(page, stage.proxy.admin_address)
        await seen.open()
        await page.locator("#none").wait_for()
        assert "curl" in await page.locator("#none").inner_text()
        await stage.waiting("/stays")
        await seen.row("/stays").wait_for()
        assert not await page.locator("#none").is_visible()
        await stage.proxy.kill()
        await page.locator("#link[data-link=lost]").wait_for()
        await page.locator("#notice", has_text="does not answer").wait_for()
        await stage.proxy.start()
        await page.locator("#link[data-link=live]").wait_for()
        await seen.row("/stays").locator("[data-act=purge]").click()
        await page.locator("#ask-yes").click()
        await seen.row("/stays").wait_for(state="detached")
        await page.close()
