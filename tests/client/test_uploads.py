"""Uploads through the proxy, over a network that breaks: whole at the origin, once."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import random
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from proxy.client import (
    Policy,
    Progress,
    Reason,
    ResumeData,
    UploadFailed,
    UploadPaused,
    resume,
    resume_sync,
    upload,
    upload_sync,
)
from tests.interop.link import Breaking, Link
from tests.kit.bounds import BOUND_S
from tests.kit.origin import RecordingOrigin, Reply, Request

if TYPE_CHECKING:
    from proxy.app import App

SIZE = 300_000
BODY = random.Random(7).randbytes(SIZE)
HASTY = Policy(base_s=0.01, stall_s=0.3, answer_s=0.3)
PARTS = replace(HASTY, chunk_size=60_000)
"""Created without content: its URL is known before any of it goes out."""
AT_ONCE = replace(PARTS, attempts=0)
VERSIONS = range(3, 11)


@pytest.fixture
def film(tmp_path: Path) -> Path:
    path = tmp_path / "film.mp4"
    path.write_bytes(BODY)
    return path


def posts(origin: RecordingOrigin) -> list[Request]:
    return [request for request in origin.requests if request.method != "OPTIONS"]


def came_once(origin: RecordingOrigin) -> bool:
    return [(one.complete, bytes(one.body)) for one in posts(origin)] == [(True, BODY)]


@pytest.mark.parametrize("version", [*VERSIONS, None])
async def test_a_file_arrives_whole_in_every_version(
    proxy: App, origin: RecordingOrigin, film: Path, version: int | None
) -> None:
    done = await upload(
        film, f"{proxy.addresses[0]}/files", version=version, fields={"X-Mine": "yes"}
    )
    assert (done.status, done.content, done.length) == (200, b"stored", SIZE)
    assert done.saved == 0
    assert came_once(origin)
    (post,) = posts(origin)
    assert (post.method, post.target, post.one("x-mine")) == ("POST", "/files", "yes")
    assert post.one("content-type") == "application/octet-stream"


@pytest.mark.parametrize("breaking", ["reset", "stall"])
@pytest.mark.parametrize("version", VERSIONS)
async def test_a_cut_anywhere_costs_nothing(
    proxy: App,
    origin: RecordingOrigin,
    film: Path,
    version: int,
    breaking: Breaking,
) -> None:
    after = random.Random(version).randrange(500, SIZE)
    link = Link(proxy.addresses[0], after, breaking)
    await link.start()
    try:
        done = await upload(
            film, f"{link.address}/files", version=version, policy=HASTY
        )
        assert link.broken.is_set()
    finally:
        await link.stop()
    assert done.status == 200
    assert came_once(origin)


def in_pieces() -> Iterator[bytes]:
    for start in range(0, SIZE, 7001):
        yield BODY[start : start + 7001]


async def asynchronously() -> AsyncIterator[bytes]:
    for piece in in_pieces():
        await asyncio.sleep(0)
        yield piece


@pytest.mark.parametrize("length", [None, SIZE])
@pytest.mark.parametrize("source", [in_pieces, asynchronously, lambda: BODY])
async def test_everything_that_has_bytes_can_be_uploaded(
    proxy: App, origin: RecordingOrigin, source: Callable[[], Any], length: int | None
) -> None:
    link = Link(proxy.addresses[0], 150_000, "reset")
    await link.start()
    try:
        await upload(
            source(),
            f"{link.address}/files",
            length=length,
            policy=PARTS,
        )
    finally:
        await link.stop()
    assert came_once(origin)


async def test_nothing_is_an_upload_too(proxy: App, origin: RecordingOrigin) -> None:
    done = await upload(b"", f"{proxy.addresses[0]}/files")
    assert (done.status, done.length) == (200, 0)
    assert [bytes(one.body) for one in posts(origin)] == [b""]


@pytest.mark.configured(
    uploads={"limits": {"max_append_size": 65536, "min_append_size": 1000}}
)
async def test_limits_make_several_appends(
    proxy: App, origin: RecordingOrigin, film: Path
) -> None:
    await upload(film, f"{proxy.addresses[0]}/files")
    assert came_once(origin)


@pytest.mark.configured(uploads={"limits": {"max_size": 200_000}})
@pytest.mark.parametrize("length", [None, SIZE])
async def test_what_is_too_large_is_told_before_it_is_sent(
    proxy: App, origin: RecordingOrigin, length: int | None
) -> None:
    seen: list[Progress] = []
    with pytest.raises(UploadFailed) as failed:
        await upload(
            asynchronously(),
            f"{proxy.addresses[0]}/files",
            length=length,
            watch=seen.append,
        )
    assert failed.value.reason is Reason.TOO_LARGE
    if length is not None:
        assert max(progress.sent for progress in seen) == 0


async def test_it_pauses_and_goes_on_as_if_elsewhere(
    proxy: App, origin: RecordingOrigin, film: Path
) -> None:
    halfway = asyncio.Event()

    def watch(progress: Progress) -> None:
        if progress.sent >= SIZE // 3:
            halfway.set()

    link = Link(proxy.addresses[0], SIZE // 2, "stall")
    await link.start()
    going = upload(film, f"{link.address}/files", policy=PARTS, watch=watch)
    await asyncio.wait_for(halfway.wait(), BOUND_S)
    await link.breaks(BOUND_S)
    data = await going.cancel_by_producing_resume_data()
    assert data is not None
    with pytest.raises(UploadPaused):
        await going
    kept = data.dumps()
    assert ResumeData.loads(kept).dumps() == kept
    done = await resume(kept)
    await link.stop()
    assert done.status == 200
    assert 0 < done.saved < SIZE
    assert came_once(origin)


async def test_a_stream_is_resumed_from_its_beginning(
    proxy: App, origin: RecordingOrigin
) -> None:
    link = Link(proxy.addresses[0], 150_000, "reset")
    await link.start()
    with pytest.raises(UploadFailed) as failed:
        await upload(
            in_pieces(),
            f"{link.address}/files",
            policy=AT_ONCE,
        )
    await link.stop()
    data = failed.value.resume_data
    assert data is not None
    with pytest.raises(ValueError, match="given again"):
        resume(data)
    address = data.dumps().replace(link.address, proxy.addresses[0])
    await resume(address, asynchronously())
    assert came_once(origin)


class Unplugged(Exception):
    """Of a caller's own source."""


def breaking(raised: Exception) -> Iterator[bytes]:
    yield BODY[:150_000]
    raise raised


async def breaking_later(raised: Exception) -> AsyncIterator[bytes]:
    for piece in breaking(raised):
        yield piece


@pytest.mark.parametrize("pieces", [breaking, breaking_later])
@pytest.mark.parametrize("raised", [Unplugged("by hand"), ConnectionResetError("own")])
async def test_what_the_source_raises_is_the_cause_and_it_can_go_on(
    proxy: App,
    origin: RecordingOrigin,
    pieces: Callable[[Exception], Iterator[bytes] | AsyncIterator[bytes]],
    raised: Exception,
) -> None:
    """An error of a connection of the caller's own is not one of ours: not repeated."""
    with pytest.raises(UploadFailed, match=f"raised {type(raised).__name__}") as failed:
        await upload(pieces(raised), f"{proxy.addresses[0]}/files", policy=PARTS)
    assert failed.value.reason is Reason.UNREADABLE
    assert failed.value.__cause__ is raised
    data = failed.value.resume_data
    assert data is not None
    assert data.known.offset == 120_000
    await resume(data, in_pieces())
    assert came_once(origin)


async def test_without_asyncio_the_cause_is_there_too(
    proxy: App, origin: RecordingOrigin
) -> None:
    raised, url = Unplugged("by hand"), f"{proxy.addresses[0]}/files"

    def whole() -> None:
        with pytest.raises(UploadFailed) as failed:
            upload_sync(breaking(raised), url, policy=PARTS)
        assert failed.value.__cause__ is raised
        assert failed.value.resume_data is not None
        resume_sync(failed.value.resume_data, in_pieces())

    await asyncio.to_thread(whole)
    assert came_once(origin)


async def test_a_file_that_changed_is_not_gone_on_with(proxy: App, film: Path) -> None:
    link = Link(proxy.addresses[0], 150_000, "reset")
    await link.start()
    with pytest.raises(UploadFailed) as failed:
        await upload(film, f"{link.address}/files", policy=AT_ONCE)
    await link.stop()
    film.write_bytes(BODY[::-1])  # noqa: ASYNC240 - it is small
    data = failed.value.resume_data
    assert data is not None
    with pytest.raises(UploadFailed, match="not the file that it was"):
        resume(data)


async def test_an_answer_that_was_lost_is_fetched(
    proxy: App,
    origin: RecordingOrigin,
    film: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    once = asyncio.Event()

    def choose(request: Request) -> Reply:
        plain = request.method == "OPTIONS"
        return Reply() if plain else Reply(status=201, once=once)

    monkeypatch.setattr(origin, "choose", choose)
    link = Link(proxy.addresses[0], 10**9, "reset")
    await link.start()
    going = upload(film, f"{link.address}/files", policy=HASTY)
    await origin.received(2)
    await link.cut()
    once.set()
    done = await going
    await link.stop()
    assert (done.status, done.content) == (201, b"stored")
    assert came_once(origin)


async def test_what_the_application_answers_is_the_answer(
    proxy: App, origin: RecordingOrigin, film: Path
) -> None:
    origin.then(Reply(), Reply(status=422, body=b"no film"))
    done = await upload(film, f"{proxy.addresses[0]}/files")
    assert (done.status, done.content) == (422, b"no film")


async def test_a_cancelled_upload_is_gone(
    proxy: App, origin: RecordingOrigin, film: Path
) -> None:
    link = Link(proxy.addresses[0], 150_000, "stall")
    await link.start()
    going = upload(film, f"{link.address}/files", policy=PARTS)
    await link.breaks(BOUND_S)
    data = going.resume_data
    assert data is not None
    await going.cancel()
    with pytest.raises(UploadFailed) as failed:
        await going
    assert (failed.value.reason, failed.value.resume_data) == (Reason.CANCELLED, None)
    assert going.resume_data is None
    assert posts(origin) == []
    done = await resume(data)  # what is gone, and was never complete, begins anew
    await link.stop()
    assert done.upload_url != data.known.upload_url
    assert came_once(origin)


async def test_who_gives_up_waiting_ends_the_upload(
    proxy: App, origin: RecordingOrigin, film: Path
) -> None:
    link = Link(proxy.addresses[0], 150_000, "stall")
    await link.start()
    policy = replace(PARTS, stall_s=30.0, answer_s=30.0)
    going = upload(film, f"{link.address}/files", policy=policy)
    await link.breaks(BOUND_S)
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(going, 0.05)
    assert going.resume_data is not None
    done = await resume(going.resume_data)
    await link.stop()
    assert done.status == 200
    assert came_once(origin)


async def test_an_ordinary_server_gets_one_ordinary_request(
    origin: RecordingOrigin, film: Path
) -> None:
    done = await upload(film, f"{origin.address}/files", policy=Policy(chunk_size=1000))
    assert (done.status, done.upload_url) == (200, None)
    assert came_once(origin)
    await upload(in_pieces(), f"{origin.address}/files")
    assert bytes(posts(origin)[1].body) == BODY


async def test_the_digest_is_told_first(
    proxy: App, origin: RecordingOrigin, film: Path
) -> None:
    await upload(film, f"{proxy.addresses[0]}/files", digest=True)
    (post,) = posts(origin)
    told = post.one("repr-digest") or ""
    assert told.startswith("sha-256=:")
    assert base64.b64encode(hashlib.sha256(BODY).digest()).decode() in told
