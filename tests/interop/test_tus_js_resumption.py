"""tus-js-client on a network that breaks, before a proxy that dies.

It goes on by itself where it is told to (``retryDelays``), or in another process that
knows the URL. However often it comes back, the origin gets one request.
"""

from __future__ import annotations

import asyncio
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.kit.bounds import until
from tests.kit.client import Client
from tests.kit.origin import RecordingOrigin, Reply
from tests.kit.process import ProxyProcess

from .conftest import BREAKS_AFTER, StartLink
from .tus import (
    CONTENT,
    ENDS_WITHIN_S,
    assert_arrived,
    each_chunking,
    each_protocol,
    upload,
    uploading,
)

if TYPE_CHECKING:
    from proxy.app import App


@each_protocol
@each_chunking
@pytest.mark.parametrize("found_by", ["url", "storage"])
async def test_an_aborted_upload_is_resumed_by_another_process(
    endpoint: str,
    proxy: App,
    start_link: StartLink,
    origin: RecordingOrigin,
    photo: Path,
    protocol: str,
    chunking: dict[str, Any],
    found_by: str,
) -> None:
    """By the URL that it had, or by ``findPreviousUploads``."""
    link = await start_link(proxy.addresses[0], "stall")
    storage = photo.with_name("urls.json") if found_by == "storage" else None
    if storage is not None:
        storage.touch()
    options = {"protocol": protocol, **chunking, "storage": storage}
    # a fingerprint is one of file and endpoint
    across = f"{link.address}/files?to=archive"
    async with uploading(photo, endpoint=across, **options) as running:
        await link.breaks(ENDS_WITHIN_S)
        aborted = await running.abort()
    assert (aborted.how, origin.requests) == ("aborted", [])
    known = {"uploadUrl": aborted.url} if storage is None else {"endpoint": across}
    ended = await upload(photo, **known, **options)
    assert ended.methods[:2] == ["HEAD", "PATCH"]
    assert int(ended.requests[0]["offset"]) > BREAKS_AFTER - 10_000
    assert_arrived(ended, origin)


@each_protocol
@each_chunking
@pytest.mark.parametrize("during_creation", [False, True], ids=["empty", "with-data"])
async def test_a_broken_connection_is_taken_up_again(
    proxy: App,
    start_link: StartLink,
    origin: RecordingOrigin,
    photo: Path,
    protocol: str,
    chunking: dict[str, Any],
    *,
    during_creation: bool,
) -> None:
    """With ``retryDelays``. A creation that broke in its data is begun anew: Node tells
    nobody of the 104, and what was begun is never finished."""
    link = await start_link(proxy.addresses[0], "reset")
    ended = await upload(
        photo,
        endpoint=f"{link.address}/files",
        protocol=protocol,
        retryDelays=[0, 50, 200],
        uploadDataDuringCreation=during_creation,
        **chunking,
    )
    assert link.broken.is_set()
    assert_arrived(ended, origin)


@each_protocol
@each_chunking
async def test_a_client_that_lost_the_answer_sends_nothing_twice(
    proxy: App,
    start_link: StartLink,
    origin: RecordingOrigin,
    photo: Path,
    protocol: str,
    chunking: dict[str, Any],
) -> None:
    """It asks for the offset, sees the length, and takes that for the end (P3, P4)."""
    answered = asyncio.Event()
    origin.then(Reply(once=answered))
    link = await start_link(proxy.addresses[0], "stall", 10 * len(CONTENT))
    async with uploading(
        photo,
        endpoint=f"{link.address}/files",
        protocol=protocol,
        retryDelays=[0],
        **chunking,
    ) as running:
        await origin.received(bound_s=ENDS_WITHIN_S)
        await link.cut()
        ended = await running.ended()
    answered.set()
    assert ended.methods[-1] == "HEAD"
    assert_arrived(ended, origin)


@each_protocol
async def test_a_proxy_that_was_killed_is_found_again(
    start_link: StartLink,
    origin: RecordingOrigin,
    photo: Path,
    tmp_path: Path,
    protocol: str,
) -> None:
    proxy = ProxyProcess(tmp_path, {"origin": {"url": origin.address}})
    await proxy.start()
    try:
        link = await start_link(proxy.address, "stall")
        async with uploading(
            photo,
            endpoint=f"{link.address}/files",
            protocol=protocol,
            retryDelays=[500] * 20,
        ) as running:
            await link.breaks(ENDS_WITHIN_S)
            await until(partial(_some_bytes_in, proxy.spool))
            await proxy.restart()
            ended = await running.ended()
    finally:
        await proxy.end()
    assert ended.methods[:3] == ["POST", "HEAD", "PATCH"]
    assert int(ended.requests[1]["offset"]) > 0
    assert_arrived(ended, origin)


@each_protocol
async def test_an_upload_that_is_terminated_is_gone(
    proxy: App,
    client: Client,
    start_link: StartLink,
    origin: RecordingOrigin,
    photo: Path,
    protocol: str,
) -> None:
    """``abort(true)``: it insists on 204 (R70)."""
    link = await start_link(proxy.addresses[0], "stall")
    endpoint = f"{link.address}/files"
    async with uploading(photo, endpoint=endpoint, protocol=protocol) as running:
        await link.breaks(ENDS_WITHIN_S)
        ended = await running.terminate()
    assert (ended.how, ended.methods[-1]) == ("aborted", "DELETE")
    assert ended.statuses[-1] == 204
    assert ended.url is not None
    assert (await client.ask("HEAD", ended.url)).status == 404
    assert origin.requests == []


async def _some_bytes_in(spool: Path) -> bool | None:
    """True once bytes of a body are there, which no crash takes away (P1)."""
    return True if _largest(spool) > 100_000 else None


def _largest(directory: Path) -> int:
    """Bytes of the largest body below it."""
    largest = 0
    for entry in directory.rglob("*.body"):
        try:
            largest = max(largest, entry.stat().st_size)
        except FileNotFoundError:
            pass  # a file that was on its way to its proper name
    return largest
