"""The 104: first, before the content is read, and only for who knows it."""

from __future__ import annotations

import asyncio

import pytest

from tests.kit.answer import VERSION_FIELD
from tests.kit.client import Client
from tests.kit.origin import RecordingOrigin
from tests.kit.raw import Response, chunk, request
from tests.kit.words import each_version, versions, words

pytestmark = pytest.mark.usefixtures("each_way")

DAY_S = 24 * 3600


@each_version
@pytest.mark.parametrize("chunked", [False, True])
async def test_the_104_comes_before_any_content_is_sent(
    client: Client, origin: RecordingOrigin, version: int, chunked: bool
) -> None:
    """R21, R91, R90: its version is the request's, its Location absolute."""
    upload = await client.create(version, length=100, then="stall", chunked=chunked)
    interim = upload.answer
    assert (interim.status, interim.version) == (104, str(version))
    assert interim.response.reason == "Upload Resumption Supported"
    assert interim.location is not None
    assert interim.location.startswith("http://upload.test/resumable_upload/")
    assert interim.offset is None
    assert origin.requests == []


@each_version
async def test_the_104_tells_the_limits_where_the_version_knows_them(
    client: Client, version: int
) -> None:
    """R21, R94, and Upload-Limit in each version's words."""
    upload = await client.create(version, length=100, then="stall")
    spoken = words(version)
    limits = upload.answer.limits
    if spoken.lifetime is None:
        assert limits is None
    else:
        assert limits is not None
        assert DAY_S - 10 <= limits[spoken.lifetime] <= DAY_S
        assert {"expires", "max-age"} & limits.keys() == {spoken.lifetime}


@each_version
async def test_exactly_one_104_tells_the_location(client: Client, version: int) -> None:
    """R21; and none of its fields leak into the final response (R24)."""
    upload = await client.create(version, sends=b"a" * 1000)
    assert [interim.status for interim in upload.answer.interims] == [104]
    assert upload.answer.one(VERSION_FIELD) == str(version)


async def _finishing(
    client: Client, *fields: tuple[str, str], protocol: str
) -> Response:
    connection = await client.connect()
    head = (("Upload-Complete", "?1"), ("Content-Length", "3"), *fields)
    await connection.send(request("POST", "/files", *head, protocol=protocol), b"abc")
    return await connection.hear()


@pytest.mark.parametrize(
    "value", [None, "0", "1", "2", "11", "99", "six", "?1", "6, 6"]
)
async def test_no_104_without_a_version_we_speak(
    client: Client, origin: RecordingOrigin, value: str | None
) -> None:
    """R22 with R13 and R14."""
    fields = () if value is None else ((VERSION_FIELD, value),)
    response = await _finishing(client, *fields, protocol="HTTP/1.1")
    assert (response.status, response.interims) == (200, ())
    assert origin.bodies == [b"abc"]


@each_version
async def test_no_104_on_http_1_0(
    client: Client, origin: RecordingOrigin, version: int
) -> None:
    """R22: HTTP/1.0 knows no interim responses; the upload is one all the same."""
    spoken = words(version)
    connection = await client.connect()
    fields = (
        (VERSION_FIELD, str(version)),
        (spoken.completeness, spoken.done),
        ("Content-Length", "3"),
    )
    head = request("POST", "/files", *fields, protocol="HTTP/1.0")
    await connection.send(head, b"abc")
    response = await connection.hear()
    assert (response.status, response.interims) == (200, ())
    assert response.one("Upload-Offset") == "3"
    assert origin.bodies == [b"abc"]


@each_version
async def test_no_104_for_no_content(client: Client, version: int) -> None:
    """R22: Content-Length 0."""
    upload = await client.create(version)
    assert upload.answer.interims == []


@each_version
@pytest.mark.configured(uploads={"limits": {"min_size": 50}})
async def test_no_104_for_a_finishing_request_below_min_size(
    client: Client, origin: RecordingOrigin, version: int
) -> None:
    """R22, R33: too small to be worth it, never a reason to refuse."""
    small = await client.create(version, sends=b"a" * 49)
    assert (small.answer.status, small.answer.interims) == (200, [])
    assert (small.answer.offset, small.answer.complete) == (49, True)
    large = await client.create(version, sends=b"a" * 50)
    assert len(large.answer.interims) == 1
    assert origin.bodies == [b"a" * 49, b"a" * 50]


@pytest.mark.configured(interim_responses="never")
async def test_no_104_where_the_operator_turned_it_off(client: Client) -> None:
    upload = await client.create(9, last=False, sends=b"abc")
    assert (upload.answer.status, upload.answer.interims) == (201, [])


@pytest.mark.configured(trusted_proxies=["127.0.0.1"])
async def test_no_104_where_a_trusted_front_says_so(client: Client) -> None:
    field = ("X-Upload-Interim", "never")
    upload = await client.create(9, last=False, sends=b"abc", fields=(field,))
    assert (upload.answer.status, upload.answer.interims) == (201, [])


async def test_an_untrusted_peer_cannot_turn_it_off(client: Client) -> None:
    field = ("X-Upload-Interim", "never")
    upload = await client.create(9, last=False, sends=b"abc", fields=(field,))
    assert len(upload.answer.interims) == 1


@each_version
async def test_an_append_gets_no_location_again(client: Client, version: int) -> None:
    """R66: never Location in a 104 of an append."""
    upload = await client.create(version, last=False, sends=b"a")
    answer = await upload.append(at=1, sends=b"b" * 1000)
    assert all(interim.location is None for interim in answer.interims)


async def _drip(client: Client, version: int, for_s: float) -> list[Response]:
    """Send a byte now and then, for so long or until something is heard."""
    upload = await client.create(version, then="stall", chunked=True)
    loop = asyncio.get_running_loop()
    end = loop.time() + for_s
    while loop.time() < end:
        await upload.transfer.send(chunk(b"x"))
        try:
            async with asyncio.timeout(0.05):
                return [await upload.transfer.hear_interim()]
        except TimeoutError:
            continue
    return []


async def test_progress_is_told_where_the_version_knows_it(client: Client) -> None:
    """R66: v5 and later, no Location, never more than is durable; not v3 and v4."""
    spoken = (3, 4, 5, 6, 7, 8, 9, 10)
    heard = await asyncio.gather(*(_drip(client, version, 2.0) for version in spoken))
    for version, interims in zip(spoken, heard, strict=True):
        assert len(interims) == (1 if version >= 5 else 0), version
        for interim in interims:
            assert interim.status == 104
            assert interim.one(VERSION_FIELD) == str(version)
            assert interim.one("Location") is None
            assert 0 < int(interim.one("Upload-Offset") or 0) <= 40


@versions(6, 6)
async def test_interims_do_not_depend_on_the_spelling_of_names(
    client: Client, version: int
) -> None:
    """R10."""
    connection = await client.connect()
    fields = (
        ("uPLOAD-dRAFT-iNTEROP-vERSION", str(version)),
        ("UPLOAD-COMPLETE", "?1"),
        ("content-length", "1"),
    )
    await connection.send(request("POST", "/files", *fields))
    assert (await connection.hear_interim()).status == 104
