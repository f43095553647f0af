"""What a finished upload tells: its total, whatever is asked, and never less again."""

from __future__ import annotations

import pytest

from tests.kit.answer import VERSION_FIELD
from tests.kit.client import Client, Upload
from tests.kit.origin import RecordingOrigin, Reply, Reset
from tests.kit.raw import request
from tests.kit.words import MEDIA_TYPE, each_version, words


@each_version
async def test_a_malformed_request_is_told_the_total_as_before(
    client: Client, version: int
) -> None:
    """R46, R49: none of it was acknowledged, since it came whole."""
    upload = await client.create(version, sends=b"a" * 40)
    assert (await upload.head()).offset == 40
    media = ("Content-Type", MEDIA_TYPE)
    for method, field in (
        ("PATCH", (words(version).completeness, words(version).done)),
        ("HEAD", ("Upload-Offset", "3")),
        ("DELETE", ("Upload-Offset", "3")),
    ):
        answer = await upload.ask(method, media, field)
        assert (answer.status, answer.offset) == (400, 40), method


@each_version
@pytest.mark.parametrize("together", [True, False])
async def test_an_empty_finishing_append_is_replayed_in_chunked_framing_too(
    client: Client, origin: RecordingOrigin, version: int, together: bool
) -> None:
    """R60: clients that do not count beforehand frame it so."""
    origin.then(Reply(201, (("X-App", "1"),), b"made"))
    upload = await client.create(version, sends=b"a" * 40)
    connection = await client.connect()
    spoken = words(version)
    head = request(
        "PATCH",
        upload.path,
        (VERSION_FIELD, str(version)),
        ("Upload-Offset", "40"),
        (spoken.completeness, spoken.done),
        ("Content-Type", MEDIA_TYPE),
        ("Transfer-Encoding", "chunked"),
    )
    await connection.send(head, b"0\r\n\r\n" if together else b"")
    if not together:
        await upload.ask("OPTIONS")  # by then the proxy has seen the head
        await connection.send(b"0\r\n\r\n")
    answer = await connection.hear("PATCH")
    assert (answer.status, answer.content) == (201, b"made")
    assert len(origin.requests) == 1


@pytest.mark.parametrize("together", [True, False])
@pytest.mark.parametrize("finished", [True, False])
@pytest.mark.parametrize("version", [4, 5, 6])
async def test_a_chunked_append_without_content_and_completeness_is_the_last(
    client: Client,
    origin: RecordingOrigin,
    version: int,
    finished: bool,
    together: bool,
) -> None:
    """R52, R60: as one with `Content-Length: 0` is."""
    upload = await client.create(version, last=finished, sends=b"a" * 40)
    connection = await client.connect()
    head = _unsaid(upload, at=40)
    await connection.send(head, b"0\r\n\r\n" if together else b"")
    if not together:
        await upload.ask("OPTIONS")  # by then the proxy has seen the head
        await connection.send(b"0\r\n\r\n")
    assert (await connection.hear("PATCH")).status == 200
    assert origin.bodies == [b"a" * 40]


@pytest.mark.parametrize("version", [4, 5, 6])
async def test_one_with_content_or_without_an_end_is_not_the_last(
    client: Client, origin: RecordingOrigin, version: int
) -> None:
    """R52, R64: that there was no content is known at its end, and not before."""
    upload = await client.create(
        version, last=True, length=40, sends=b"a" * 39, then="cut"
    )
    connection = await client.connect()
    await connection.send(_unsaid(upload, at=39), b"1\r\na\r\n0\r\n\r\n")
    assert (await connection.hear("PATCH")).status == 201
    connection = await client.connect()
    await connection.send(_unsaid(upload, at=40))
    connection.finish()
    await connection.ended()
    head = await upload.head()
    assert (head.offset, head.complete) == (40, False)
    assert origin.bodies == []


async def test_one_that_is_the_last_too_early_is_refused(
    client: Client, origin: RecordingOrigin
) -> None:
    """R52, R54."""
    upload = await client.create(6, length=100, sends=b"a" * 40, then="cut")
    connection = await client.connect()
    await connection.send(_unsaid(upload, at=40), b"0\r\n\r\n")
    assert (await connection.hear("PATCH")).status == 400
    connection = await client.connect()
    await connection.send(_unsaid(upload, at=40))
    await upload.ask("OPTIONS")  # by then the proxy has seen the head
    await connection.send(b"0\r\n\r\n")
    assert (await connection.hear("PATCH")).status == 400
    assert (await upload.head()).offset == 40
    assert origin.bodies == []


def _unsaid(upload: Upload, *, at: int) -> bytes:
    """The head of a chunked append that does not say whether it is the last."""
    return request(
        "PATCH",
        upload.path,
        (VERSION_FIELD, str(upload.version)),
        ("Upload-Offset", str(at)),
        ("Content-Type", MEDIA_TYPE),
        ("Transfer-Encoding", "chunked"),
    )


async def test_an_unknown_outcome_tells_its_total_to_malformed_requests_too(
    client: Client, origin: RecordingOrigin
) -> None:
    """R46."""
    origin.then(Reset())
    upload = await client.create(9, sends=b"a" * 40)
    assert upload.answer.status == 502
    assert (await upload.head()).offset == 40
    media = ("Content-Type", MEDIA_TYPE)
    answer = await upload.ask("PATCH", media, ("Upload-Complete", "?1"))
    assert (answer.status, answer.offset) == (400, 40)


async def test_one_that_has_content_after_all_is_refused(
    client: Client, origin: RecordingOrigin
) -> None:
    """R60: nothing of it is taken."""
    upload = await client.create(9, sends=b"a" * 40)
    connection = await client.connect()
    head = request(
        "PATCH",
        upload.path,
        (VERSION_FIELD, "9"),
        ("Upload-Offset", "40"),
        ("Upload-Complete", "?1"),
        ("Content-Type", MEDIA_TYPE),
        ("Expect", "100-continue"),
        ("Transfer-Encoding", "chunked"),
    )
    await connection.send(head)
    assert (await connection.hear_head()).status == 100
    await connection.send(b"3\r\nabc\r\n0\r\n\r\n")
    assert (await connection.hear("PATCH")).status == 400
    assert (await upload.head()).offset == 40
    assert origin.bodies == [b"a" * 40]
