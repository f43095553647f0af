"""A transfer that breaks: every byte that arrived counts, and the upload goes on."""

from __future__ import annotations

import pytest

from tests.kit.client import Client, Leaving
from tests.kit.origin import RecordingOrigin
from tests.kit.words import each_version

pytestmark = pytest.mark.usefixtures("each_way")

each_leaving = pytest.mark.parametrize("then", ["cut", "reset", "stall"])


@each_version
@each_leaving
async def test_a_cut_upload_goes_on_from_the_offset_it_was_told(
    client: Client, origin: RecordingOrigin, version: int, then: Leaving
) -> None:
    """R25, R40, R45, R63, P2: cut in the creation, cut in an append, then finished."""
    upload = await client.create(version, length=100, sends=b"a" * 40, then=then)
    assert await upload.ask_offset() == 40
    await upload.begin(at=40, length=60, sends=b"b" * 20, then=then)
    answer = await upload.head()
    assert (answer.status, answer.offset, answer.complete) == (204, 60, False)
    answer = await upload.append(at=60, sends=b"c" * 40)
    assert (answer.status, answer.offset, answer.complete) == (200, 100, True)
    assert origin.bodies == [b"a" * 40 + b"b" * 20 + b"c" * 40]
    assert len(origin.requests) == 1


@each_version
async def test_a_cut_transfer_hears_no_final_response(
    client: Client, origin: RecordingOrigin, version: int
) -> None:
    """R25, R63."""
    upload = await client.create(version, length=100, sends=b"a" * 40, then="cut")
    assert await upload.transfer.ended() == b""
    transfer = await upload.begin(at=40, length=60, sends=b"b", then="cut")
    assert await transfer.ended() == b""
    assert await upload.ask_offset() == 41
    assert origin.requests == []


@each_version
@pytest.mark.configured(uploads={"idle_timeout": "200ms"})
async def test_a_stalled_transfer_is_ended_and_its_bytes_are_kept(
    client: Client, origin: RecordingOrigin, version: int
) -> None:
    """R96: cut as in R25 once no byte came for idle_timeout."""
    upload = await client.create(version, length=100, sends=b"a" * 40, then="stall")
    assert await upload.transfer.ended() == b""
    assert await upload.ask_offset() == 40
    answer = await upload.append(at=40, sends=b"b" * 60)
    assert answer.complete is True
    assert origin.bodies == [b"a" * 40 + b"b" * 60]


@each_version
@each_leaving
async def test_a_cut_chunked_body_is_not_a_whole_one(
    client: Client, origin: RecordingOrigin, version: int, then: Leaving
) -> None:
    """R25, R64: without a known length, what is not terminated was cut."""
    upload = await client.create(version, sends=b"a" * 40, chunked=True, then=then)
    assert await upload.ask_offset() == 40
    await upload.begin(at=40, sends=b"b" * 10, chunked=True, then=then)
    answer = await upload.append(at=50, sends=b"c" * 50, chunked=True)
    assert (answer.status, answer.offset, answer.complete) == (200, 100, True)
    assert origin.bodies == [b"a" * 40 + b"b" * 10 + b"c" * 50]


@each_version
async def test_the_bytes_of_a_broken_chunk_count(client: Client, version: int) -> None:
    """R25: truncated chunking."""
    upload = await client.create(version, then="stall", chunked=True)
    await upload.transfer.send(b"64\r\n" + b"a" * 40)
    upload.transfer.finish()
    assert await upload.transfer.ended() == b""
    assert await upload.ask_offset() == 40


@each_version
async def test_nonsense_in_the_chunking_keeps_what_came_before(
    client: Client, origin: RecordingOrigin, version: int
) -> None:
    """R25: what cannot be read further is cut there; nothing is finished by it."""
    upload = await client.create(version, then="stall", chunked=True, sends=b"a" * 40)
    await upload.transfer.send(b"zz\r\nbbb\r\n0\r\n\r\n")
    await upload.transfer.ended()
    answer = await upload.head()
    assert (answer.offset, answer.complete) == (40, False)
    assert origin.requests == []


@each_version
async def test_bytes_that_reach_the_length_finish_without_the_framings_end(
    client: Client, origin: RecordingOrigin, version: int
) -> None:
    """R64: the length is known, the last chunk got lost."""
    upload = await client.create(
        version, sends=b"a" * 40, chunked=True, announce=40, then="cut"
    )
    assert (await origin.received()).body == b"a" * 40
    answer = await upload.append(at=40)
    assert (answer.status, answer.content, answer.complete) == (200, b"stored", True)
    assert len(origin.requests) == 1


@each_version
@pytest.mark.parametrize("then", ["cut", "reset"])
async def test_a_client_that_leaves_after_the_last_byte_has_finished(
    client: Client, origin: RecordingOrigin, version: int, then: Leaving
) -> None:
    """R64, P4: all content arrived, though nobody is there for the answer."""
    upload = await client.create(version, length=40, sends=b"a" * 40, then=then)
    assert (await origin.received()).body == b"a" * 40
    answer = await upload.append(at=40)
    assert (answer.status, answer.complete) == (200, True)
    assert len(origin.requests) == 1


@each_version
@pytest.mark.parametrize("then", ["cut", "reset"])
@pytest.mark.parametrize("size", [40, 60_000])
async def test_a_client_that_says_everything_at_once_and_leaves(
    client: Client, origin: RecordingOrigin, version: int, then: Leaving, size: int
) -> None:
    """P2, R64: it has gone before its upload was made, yet all its bytes had come."""
    body = b"a" * size
    await client.create(
        version, sends=body, chunked=True, announce=size, then=then, interim=False
    )
    assert (await origin.received()).body == body


@each_version
async def test_a_megabyte_cut_in_the_middle_arrives_byte_for_byte(
    client: Client, origin: RecordingOrigin, version: int
) -> None:
    """R25, P2, and the invariant: all bytes stored exactly once."""
    body = bytes(range(256)) * 4096
    half = len(body) // 2 + 7
    upload = await client.create(
        version, length=len(body), sends=body[:half], then="cut"
    )
    await upload.transfer.ended()
    assert await upload.ask_offset() == half
    answer = await upload.append(at=half, sends=body[half:])
    assert answer.offset == len(body)
    assert origin.bodies == [body]
