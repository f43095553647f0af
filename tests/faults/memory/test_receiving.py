"""What brings an upload in memory to the disk while its body still comes."""

from __future__ import annotations

import pytest

from tests.kit.client import Client
from tests.kit.origin import RecordingOrigin
from tests.kit.process import ProxyProcess
from tests.kit.raw import chunk

from .conftest import (
    BODY,
    REST,
    SOME,
    VERSION,
    After,
    begun,
    files_of,
    goes_on,
    on_disk,
)


async def test_an_offset_that_is_asked_for(
    process: ProxyProcess, speaker: Client, origin: RecordingOrigin, after: After
) -> None:
    """P6: the half-open transfer ends, its bytes are on the disk, the next goes on."""
    upload = await begun(process, speaker)
    assert await upload.ask_offset() == 40
    assert await upload.transfer.ended() == b""
    await goes_on(after, upload, 40)
    assert origin.bodies == [BODY]


async def test_an_append_that_takes_over(
    process: ProxyProcess, speaker: Client, origin: RecordingOrigin, after: After
) -> None:
    upload = await begun(process, speaker)
    await upload.begin(at=40, length=60, sends=REST[:10], then="stall")
    assert await upload.ask_offset() == 50
    await goes_on(after, upload, 50)
    assert origin.bodies == [BODY]


async def test_a_part_that_ends(
    process: ProxyProcess, speaker: Client, origin: RecordingOrigin, after: After
) -> None:
    upload = await speaker.create(VERSION, last=False, sends=SOME)
    assert (upload.answer.status, upload.answer.offset) == (201, 40)
    await goes_on(after, upload, 40)
    assert origin.bodies == [BODY]


@pytest.mark.parametrize("how", ["cut", "reset"])
async def test_a_part_that_is_cut(
    process: ProxyProcess,
    speaker: Client,
    origin: RecordingOrigin,
    how: str,
    after: After,
) -> None:
    """P2: every byte that came counts."""
    upload = await begun(process, speaker)
    if how == "cut":
        upload.transfer.finish()
    else:
        await upload.transfer.reset()
    await on_disk(process, upload)
    await goes_on(after, upload, 40)
    assert origin.bodies == [BODY]


@pytest.mark.configured(uploads={"idle_timeout": "200ms"})
async def test_a_part_that_stalls(
    process: ProxyProcess, speaker: Client, origin: RecordingOrigin, after: After
) -> None:
    upload = await begun(process, speaker)
    await on_disk(process, upload)
    await goes_on(after, upload, 40)
    assert origin.bodies == [BODY]


async def test_a_last_part_that_ends_too_early(
    process: ProxyProcess, speaker: Client, origin: RecordingOrigin, after: After
) -> None:
    """A refusal that tells an offset."""
    upload = await speaker.create(
        VERSION, sends=SOME, chunked=True, announce=100, then="stall"
    )
    assert files_of(process, upload) == []
    await upload.transfer.send(b"0\r\n\r\n")
    assert (await upload.transfer.hear()).one("Upload-Offset") == "40"
    await goes_on(after, upload, 40)
    assert origin.bodies == [BODY]


async def test_progress_that_is_told(
    process: ProxyProcess, speaker: Client, origin: RecordingOrigin, after: After
) -> None:
    """R66: a 104 with an offset, after a second."""
    upload = await begun(process, speaker)
    said = await upload.transfer.hear_interim()
    assert (said.status, said.one("Upload-Offset")) == (104, "40")
    await goes_on(after, upload, 40)
    assert origin.bodies == [BODY]


async def test_a_request_that_makes_no_sense_and_is_told_an_offset(
    process: ProxyProcess, speaker: Client, origin: RecordingOrigin
) -> None:
    upload = await begun(process, speaker)
    answer = await upload.append(at=0, fields=(("Upload-Offset", "x"),))
    assert (answer.status, answer.offset) == (400, 0)
    await on_disk(process, upload)
    await upload.transfer.send(REST)
    assert (await upload.transfer.hear()).status == 200
    assert origin.bodies == [BODY]


async def test_and_who_comes_after_that_request(
    process: ProxyProcess, speaker: Client, origin: RecordingOrigin, after: After
) -> None:
    upload = await begun(process, speaker)
    await upload.append(at=0, fields=(("Upload-Offset", "x"),))
    await on_disk(process, upload)
    await goes_on(after, upload, 40)
    assert origin.bodies == [BODY]


async def test_a_body_that_grows_over_the_threshold(
    process: ProxyProcess, speaker: Client, origin: RecordingOrigin, after: After
) -> None:
    body = bytes(range(256)) * 400
    upload = await speaker.create(
        VERSION, sends=body[:60_000], chunked=True, then="stall"
    )
    assert files_of(process, upload) == []
    await upload.transfer.send(chunk(body[60_000:]))
    await on_disk(process, upload)
    assert await upload.ask_offset() == len(body)
    upload = await after(upload)
    assert await upload.ask_offset() == len(body)
    assert (await upload.append(at=len(body))).status == 200
    assert origin.bodies == [body]
