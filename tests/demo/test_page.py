"""What a person does with the page, in Chromium, over CORS: it is on another port.

However often it is interrupted, the origin gets one request with every byte.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from proxy.demo.stage import Stage

from .conftest import CONTENT, SHA
from .shown import Shown

pytestmark = pytest.mark.asyncio(loop_scope="session")

FIRST_PAUSE_MS = 600
"""More than the script waits before it tries again for the first time: 250 to 500."""


async def test_an_upload_that_is_cut_goes_on_by_itself(
    stage: Stage, shown: Shown, photo: Path
) -> None:
    await shown.begin(photo)
    await shown.switch("Cut the connection")
    await shown.arrives()
    log = await shown.log()
    assert log[:2] == [
        ("POST", "", "201, offset 0"),
        ("PATCH", f"0 to {len(CONTENT):,}", "none"),
    ]
    assert [line[0] for line in log[-2:]] == ["HEAD", "PATCH"]
    kept = _offset(log[-2][2])
    assert 0 < kept < len(CONTENT)
    assert log[-1][1] == f"{kept:,} to {len(CONTENT):,}"
    assert (await shown.text("own"), await shown.text("theirs")) == (SHA, SHA)
    assert "starting over would have sent again" in await shown.text("saved")
    assert stage.origin.received == [SHA]


async def test_nothing_is_sent_while_it_is_paused(
    stage: Stage, shown: Shown, photo: Path
) -> None:
    await shown.begin(photo)
    await shown.press("Pause")
    await shown.says("Paused")
    before = await shown.log()
    await shown.switch("Cut the connection")  # there is none, and nobody notices
    await shown.page.wait_for_timeout(FIRST_PAUSE_MS)
    assert await shown.log() == before
    await shown.press("Resume")
    await shown.arrives()
    assert [line[0] for line in await shown.log()] == ["POST", "PATCH", "HEAD", "PATCH"]
    assert stage.origin.received == [SHA]


async def test_an_upload_is_found_again_after_a_reload(
    stage: Stage, shown: Shown, photo: Path
) -> None:
    await shown.begin(photo)
    await shown.page.reload()
    assert await shown.text("earlier") == (
        f"{photo.name} is not finished: choose it again to go on."
    )
    await shown.choose(photo)
    await shown.arrives()
    log = await shown.log()
    assert [line[0] for line in log] == ["HEAD", "PATCH"]
    assert _offset(log[0][2]) > 0
    assert stage.origin.received == [SHA]
    await shown.page.reload()
    assert not await shown.page.is_visible("#earlier")


async def test_it_waits_for_the_network_to_come_back(
    stage: Stage, shown: Shown, photo: Path
) -> None:
    await shown.begin(photo)
    await shown.switch("Go offline")
    await shown.says("Trying again: no answer to")
    assert await shown.text("link") == "offline"
    await shown.switch("Come back")
    await shown.arrives()
    assert stage.origin.received == [SHA]


async def test_it_hears_of_the_network_from_the_browser(
    stage: Stage, shown: Shown, photo: Path
) -> None:
    """While the browser says that it is offline nothing is tried."""
    await shown.begin(photo)
    await shown.page.context.set_offline(True)
    stage.link.cut()
    await shown.says("Trying again: no answer to")
    before = await shown.log()
    await shown.page.wait_for_timeout(FIRST_PAUSE_MS)
    assert await shown.log() == before
    await shown.page.context.set_offline(False)
    await shown.arrives()
    assert stage.origin.received == [SHA]


async def test_a_request_that_the_browser_repeats_does_no_harm(
    stage: Stage, shown: Shown, photo: Path
) -> None:
    """Chromium does so when a connection it had kept is reset and the next one holds:
    all bytes from the first on, which the server has had some of (409)."""
    await shown.begin(photo)
    stage.link.cut(for_s=0)
    await shown.arrives()
    assert stage.origin.received == [SHA]


async def test_a_file_is_dropped(stage: Stage, shown: Shown) -> None:
    dropped = await shown.page.evaluate_handle(
        """() => {
          const transfer = new DataTransfer()
          transfer.items.add(new File(['a', 'b'], 'ab.txt', { type: 'text/plain' }))
          return transfer
        }"""
    )
    await shown.page.dispatch_event("#drop", "drop", {"dataTransfer": dropped})
    await shown.arrives()
    assert await shown.text("name") == "ab.txt"
    assert await shown.text("saved") == "nothing: it was not interrupted"
    assert len(stage.origin.received) == 1


async def test_an_empty_file_arrives(
    stage: Stage, shown: Shown, tmp_path: Path
) -> None:
    empty = tmp_path / "it's (empty)*.txt"
    empty.touch()
    await shown.choose(empty)
    await shown.arrives()
    assert len(stage.origin.received) == 1


async def test_an_upload_is_given_up(stage: Stage, shown: Shown, photo: Path) -> None:
    await shown.begin(photo)
    await shown.press("Cancel")
    await shown.says("Cancelled")
    await shown.says("204")
    assert [line[0] for line in await shown.log()] == ["POST", "PATCH", "DELETE"]
    assert stage.origin.received == []


async def test_an_upload_that_the_server_has_lost_begins_anew(
    stage: Stage, shown: Shown, photo: Path
) -> None:
    await shown.begin(photo)
    await shown.press("Pause")
    await shown.says("Paused")
    gone = await shown.page.evaluate(
        """async () => {
          const key = Object.keys(localStorage).find((key) => key.startsWith('upload '))
          return (await fetch(localStorage[key], { method: 'DELETE' })).status
        }"""
    )
    assert gone == 204
    await shown.press("Resume")
    await shown.arrives()
    log = await shown.log()
    assert [line[0] for line in log] == ["POST", "PATCH", "HEAD", "POST", "PATCH"]
    assert log[2][2] == "404"
    assert stage.origin.received == [SHA]


async def test_it_fits_a_narrow_screen(shown: Shown) -> None:
    await shown.page.set_viewport_size({"width": 360, "height": 700})
    wide = await shown.page.evaluate("() => document.documentElement.scrollWidth")
    assert wide == 360


def _offset(answer: str) -> int:
    told = re.fullmatch(r"204, offset ([\d,]+)", answer)
    assert told is not None, answer
    return int(told[1].replace(",", ""))
