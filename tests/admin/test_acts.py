"""Acts on one upload at once, from the page and from a command: one comes after the
other, as requests do (P3, P6)."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientSession

from proxy.app import App
from proxy.core.upload import Token, Upload
from proxy.operating import acts
from proxy.operating.guest import Guest, Rights
from tests.kit.bounds import BOUND_S
from tests.kit.client import Client
from tests.kit.client import Upload as Uploaded
from tests.kit.origin import RecordingOrigin, Reply, Reset

from .test_desk import act, settled

OVERTAKEN_S = 0.3
"""Within which whoever is not kept out would long have been done."""


@pytest.fixture
def everywhere() -> dict[str, Any]:
    return {"admin": {"listen": "127.0.0.1:0"}}


@pytest.fixture
async def upload(client: Client, origin: RecordingOrigin) -> Uploaded:
    """One of unknown outcome."""
    origin.then(Reset(), Reply(201, (), b"made"))
    made = await client.create(8, last=False, sends=b"a" * 99)
    assert (await made.append(at=99, sends=b"a")).status == 502
    return made


class Page:
    """What somebody does on the page, who sees one upload there."""

    def __init__(self, admin: ClientSession, told: dict[str, Any]) -> None:
        self._admin = admin
        self._told = told

    async def does(self, what: str) -> tuple[int, str]:
        (row,) = self._told["uploads"]
        return await act(self._admin, what, row, self._told["token"])


@pytest.fixture
async def page(admin: ClientSession, upload: Uploaded) -> Page:
    return Page(admin, await settled(admin, "unknown"))


async def commanded(directory: Path, upload: Uploaded) -> tuple[int, str]:
    """As ``uploads resend`` does it; told as the page tells it."""
    guest = Guest(directory)
    try:
        async with guest.rights("acknowledged") as rights:
            await acts.resend(rights, Token(upload.path.rpartition("/")[2]))
    except acts.Declined as exc:
        return 409, str(exc)
    finally:
        guest.close()
    return 200, ""


@pytest.mark.parametrize("beside", ["the page", "a command"])
async def test_of_two_resends_at_once_one_is_done(
    beside: str,
    proxy: App,
    upload: Uploaded,
    page: Page,
    admin: ClientSession,
    origin: RecordingOrigin,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    check, passed = acts._check, 0
    both = asyncio.Barrier(2)

    async def late(rights: Rights, found: Upload) -> None:
        """Both begin at once, and one that gets as far as the other is slow there."""
        nonlocal passed
        await check(rights, found)
        passed += 1
        if passed <= 2:
            await both.wait()
        elif passed == 4:
            await settled(admin, "responded")

    monkeypatch.setattr(acts, "_check", late)
    directory = proxy.config.spool.directory
    told = await asyncio.gather(
        page.does("resend"),
        page.does("resend") if beside == "the page" else commanded(directory, upload),
    )
    assert sorted(status for status, _ in told) == [200, 409]
    await settled(admin, "responded")
    assert len(origin.complete) == 2
    assert (await upload.append(at=100)).content == b"made"


async def test_a_purge_waits_for_a_resend(
    page: Page, monkeypatch: pytest.MonkeyPatch
) -> None:
    check, checks = acts._check, 0
    resending, go_on = asyncio.Event(), asyncio.Event()

    async def slow(rights: Rights, found: Upload) -> None:
        nonlocal checks
        await check(rights, found)
        checks += 1
        if checks == 2:
            resending.set()
            await go_on.wait()

    monkeypatch.setattr(acts, "_check", slow)
    async with asyncio.timeout(BOUND_S), asyncio.TaskGroup() as both:
        resend = both.create_task(page.does("resend"))
        await resending.wait()
        purge = both.create_task(page.does("purge"))
        overtaken, _ = await asyncio.wait([purge], timeout=OVERTAKEN_S)
        go_on.set()
    assert not overtaken
    assert (resend.result()[0], purge.result()[0]) == (200, 200)
