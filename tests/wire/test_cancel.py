"""DELETE: an upload that nobody wants any more."""

from __future__ import annotations

import asyncio

from tests.kit.client import Client, Upload
from tests.kit.origin import RecordingOrigin, Reply
from tests.kit.words import each_version

TOKEN = "A" * 43


async def _gone(upload: Upload) -> None:
    """R42, R50, R71: the same 404 for everything."""
    assert (await upload.head()).status == 404
    assert (await upload.append(at=40, sends=b"b")).status == 404
    assert (await upload.cancel()).status == 404


@each_version
async def test_a_cancelled_upload_is_gone(
    client: Client, origin: RecordingOrigin, version: int
) -> None:
    """R70: exactly 204."""
    upload = await client.create(version, last=False, sends=b"a" * 40)
    answer = await upload.cancel()
    assert (answer.status, answer.content) == (204, b"")
    assert answer.version == str(version)
    await _gone(upload)
    assert origin.requests == []


@each_version
async def test_what_the_origin_has_taken_stays_taken(
    client: Client, origin: RecordingOrigin, version: int
) -> None:
    """R74: only our record is dropped, and nothing is sent to the origin for it."""
    upload = await client.create(version, sends=b"a" * 40)
    assert (await upload.cancel()).status == 204
    await _gone(upload)
    assert [request.method for request in origin.requests] == ["POST"]


FORBIDDEN = [
    ("Upload-Offset", "40"),
    ("Upload-Complete", "?1"),
    ("Upload-Complete", "?0"),
    ("Upload-Incomplete", "?0"),
    ("Upload-Incomplete", "?1"),
]


@each_version
async def test_a_cancel_that_says_more_is_refused(client: Client, version: int) -> None:
    """R72: the upload is unharmed."""
    upload = await client.create(version, last=False, sends=b"a" * 40)
    for field in FORBIDDEN:
        assert (await upload.cancel(field)).status == 400, field
    assert await upload.ask_offset() == 40


@each_version
async def test_cancelling_what_is_not_there(client: Client, version: int) -> None:
    """R71."""
    fields = (("Upload-Draft-Interop-Version", str(version)),)
    target = f"/resumable_upload/{TOKEN}"
    answer = await client.ask("DELETE", target, *fields, version=version)
    assert answer.status == 404


@each_version
async def test_a_forward_that_is_cancelled_ends_by_itself(
    client: Client, origin: RecordingOrigin, version: int
) -> None:
    """FORWARDING: DELETE answers 204 and hides the upload; the origin is not cut."""
    gate = asyncio.Event()
    origin.then(Reply(once=gate))
    upload = await client.create(version, length=40, sends=b"a" * 40, then="stall")
    request = await origin.received()
    assert (await upload.cancel()).status == 204
    await _gone(upload)
    gate.set()
    other = await client.create(version, sends=b"other")
    assert other.answer.status == 200
    assert request.complete
    assert origin.bodies == [b"a" * 40, b"other"]
    await _gone(upload)
