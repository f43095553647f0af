"""The origin's answer to a finished upload, and what we put to it."""

from __future__ import annotations

import pytest

from tests.kit.client import Client, Upload
from tests.kit.origin import RecordingOrigin, Reply
from tests.kit.raw import request
from tests.kit.words import each_version


@each_version
async def test_the_exact_status_is_relayed(
    client: Client, origin: RecordingOrigin, version: int
) -> None:
    """R24, R61: 4xx and 5xx too; the upload is finished by any."""
    for status in (200, 201, 202, 301, 400, 401, 404, 413, 422, 500, 503):
        origin.then(Reply(status, (), b"because"))
        upload = await client.create(version, sends=b"abc")
        answer = upload.answer
        assert (answer.status, answer.content) == (status, b"because")
        assert (answer.offset, answer.complete) == (3, True)
        assert answer.version == str(version)


@each_version
async def test_an_answer_without_content(
    client: Client, origin: RecordingOrigin, version: int
) -> None:
    """R24."""
    origin.then(Reply(204, (("X-A", "1"),), b"", framing="none"))
    upload = await client.create(version, last=False, sends=b"abc")
    answer = await upload.append(at=3)
    assert (answer.status, answer.content, answer.one("X-A")) == (204, b"", "1")
    assert (answer.offset, answer.complete) == (3, True)
    assert (await upload.append(at=3)).status == 204


@pytest.mark.parametrize("framing", ["length", "chunked", "close"])
async def test_an_answer_whose_content_is_empty_comes_to_its_end(
    client: Client, origin: RecordingOrigin, framing: str
) -> None:
    """R24: and the next request on the connection has its turn."""
    origin.then(Reply(201, (), b"", framing=framing))  # type: ignore[arg-type]
    connection = await client.connect()
    said = ("Upload-Complete", "?1"), ("Upload-Draft-Interop-Version", "9")
    head = request("POST", "/files", *said, ("Content-Length", "3"))
    await connection.send(head + b"abc")
    answer = await connection.hear()
    assert (answer.status, answer.content) == (201, b"")
    await connection.send(request("GET", "/after"))
    assert (await connection.hear("GET")).content == b"stored"
    assert len(origin.requests) == 2


@each_version
async def test_fields_are_relayed_in_order_and_repeated(
    client: Client, origin: RecordingOrigin, version: int
) -> None:
    """P7 on the way back."""
    fields = (
        ("Set-Cookie", "a=1"),
        ("X-Zebra", "1"),
        ("ETag", '"x"'),
        ("Set-Cookie", "b=2"),
        ("Content-Type", "text/x"),
        ("Server", "theirs"),
    )
    origin.then(Reply(200, fields))
    upload = await client.create(version, sends=b"abc")
    names = {name for name, _ in fields}
    assert tuple(f for f in upload.answer.fields if f[0] in names) == fields


async def test_nothing_is_added_that_the_origin_did_not_say(
    client: Client, origin: RecordingOrigin
) -> None:
    """RFC 9110 "Message Transformations": no media type of our own invention."""
    upload = await client.create(9, sends=b"abc")
    assert upload.answer.one("Content-Type") is None
    assert upload.answer.one("Server") is None


@each_version
async def test_the_origins_own_upload_fields_are_replaced(
    client: Client, origin: RecordingOrigin, version: int
) -> None:
    """R24: it may know the protocol itself, but the upload is ours."""
    fields = (
        ("Upload-Offset", "7"),
        ("Upload-Complete", "?0"),
        ("Upload-Incomplete", "?1"),
        ("Upload-Draft-Interop-Version", "99"),
        ("Upload-Limit", "max-size=1"),
    )
    origin.then(Reply(200, fields))
    upload = await client.create(version, sends=b"abc")
    answer = upload.answer
    assert (answer.offset, answer.complete) == (3, True)
    assert answer.version == str(version)
    assert answer.one("Upload-Limit") != "max-size=1"


@each_version
async def test_hop_by_hop_fields_of_the_origin_stay_there(
    client: Client, origin: RecordingOrigin, version: int
) -> None:
    fields = (("Connection", "X-Hop"), ("X-Hop", "1"), ("Keep-Alive", "timeout=1"))
    origin.then(Reply(200, fields))
    upload = await client.create(version, sends=b"abc")
    assert upload.answer.one("X-Hop") is None
    assert upload.answer.one("Keep-Alive") is None


async def _append_the_rest(client: Client, version: int) -> Upload:
    return await client.create(version, last=False, sends=b"abc")


@each_version
@pytest.mark.parametrize("location", ["/resource/7", "https://elsewhere.example/7"])
async def test_the_origins_location_wins(
    client: Client, origin: RecordingOrigin, version: int, location: str
) -> None:
    """R24: in every version, for creations and appends."""
    reply = Reply(201, (("Location", location),))
    origin.then(reply, reply)
    upload = await client.create(version, sends=b"abc")
    assert upload.answer.location == location
    upload = await _append_the_rest(client, version)
    answer = await upload.append(at=3)
    assert (answer.status, answer.location) == (201, location)


@each_version
async def test_ours_is_given_where_v3_to_v6_need_one(
    client: Client, version: int
) -> None:
    """R24: on a creation that the origin gave none; v7 and later only the origin's."""
    upload = await client.create(version, sends=b"abc")
    answer = upload.answer
    if version <= 6:
        assert answer.location == answer.interims[0].location
    else:
        assert answer.location is None
    upload = await _append_the_rest(client, version)
    assert (await upload.append(at=3)).location is None


@each_version
@pytest.mark.parametrize("framing", ["length", "chunked"])
async def test_an_answer_that_breaks_off_is_heard_as_broken(
    client: Client, origin: RecordingOrigin, version: int, framing: str
) -> None:
    """RFC 9112 "Handling Incomplete Messages": never with a proper end."""
    reply = Reply(200, (), b"0123456789", framing=framing, cut_after=6)  # type: ignore[arg-type]
    origin.then(reply)
    upload = await client.create(version, sends=b"abc")
    assert upload.answer.status == 200
    assert upload.answer.response.whole is False
    assert upload.answer.content == b"0123456789"[: len(upload.answer.content)]
    assert len(origin.requests) == 1


@each_version
@pytest.mark.parametrize("way", ["on the disk", "in memory"])
async def test_an_answer_in_an_unknown_coding_stands_without_its_content(
    client: Client, origin: RecordingOrigin, version: int, way: str
) -> None:
    """P3: the origin has acted and has said so, and is not asked a second time. What
    nobody would know to be coded is given to nobody."""
    coded = (("Transfer-Encoding", "gzip"),)
    origin.then(Reply(201, coded, b"\x1f\x8b", framing="chunked"))
    if way == "on the disk":
        upload = await client.create(version, last=False, sends=b"abc")
        answer = await upload.append(at=3, last=True, sends=b"def")
    else:
        upload = await client.create(version, sends=b"abc")
        answer = upload.answer
    assert (answer.status, answer.response.whole, answer.content) == (201, False, b"")
    again = await upload.append(at=3 if way == "in memory" else 6)
    assert again.status == 410
    assert len(origin.requests) == 1


@each_version
async def test_interim_responses_of_the_origin_are_dropped(
    client: Client, origin: RecordingOrigin, version: int
) -> None:
    """A gateway may; ours are then the only ones."""
    origin.then(Reply(200, interims=(103, 102)))
    upload = await client.create(version, sends=b"abc")
    assert [interim.status for interim in upload.answer.interims] == [104]
    assert upload.answer.status == 200
