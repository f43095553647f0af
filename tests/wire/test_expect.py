"""``Expect: 100-continue``: decided first; then 104 and 100, or a refusal alone."""

from __future__ import annotations

import pytest

from tests.kit.answer import VERSION_FIELD
from tests.kit.client import Client
from tests.kit.origin import RecordingOrigin
from tests.kit.raw import request
from tests.kit.words import each_version, words

pytestmark = pytest.mark.usefixtures("each_way")

EXPECT = ("Expect", "100-continue")


def _creation(version: int, length: int) -> bytes:
    spoken = words(version)
    return request(
        "POST",
        "/files",
        (VERSION_FIELD, str(version)),
        (spoken.completeness, spoken.done),
        ("Content-Length", str(length)),
        EXPECT,
    )


@each_version
async def test_a_creation_hears_104_then_100_then_the_answer(
    client: Client, origin: RecordingOrigin, version: int
) -> None:
    """R65, and R19: the origin is not asked to expect anything."""
    connection = await client.connect()
    await connection.send(_creation(version, 4))
    assert (await connection.hear_interim()).status == 104
    assert (await connection.hear_interim()).status == 100
    await connection.send(b"abcd")
    response = await connection.hear()
    assert (response.status, response.interims) == (200, ())
    assert origin.requests[0].one("Expect") is None
    assert origin.bodies == [b"abcd"]


@each_version
@pytest.mark.configured(uploads={"limits": {"max_size": 10}})
async def test_a_refused_creation_hears_no_100(client: Client, version: int) -> None:
    """R65, R29."""
    connection = await client.connect()
    await connection.send(_creation(version, 11))
    assert (await connection.hear_head()).status == 413


@each_version
async def test_an_append_hears_100_when_its_checks_have_passed(
    client: Client, origin: RecordingOrigin, version: int
) -> None:
    """R65."""
    upload = await client.create(version, last=False, sends=b"ab")
    connection = await client.connect()
    fields = ((VERSION_FIELD, str(version)), *upload.append_fields(at=2))
    head = request("PATCH", upload.path, *fields, ("Content-Length", "2"), EXPECT)
    await connection.send(head)
    assert (await connection.hear_interim()).status == 100
    await connection.send(b"cd")
    assert (await connection.hear()).status == 200
    assert origin.bodies == [b"abcd"]


@each_version
async def test_a_refused_append_hears_no_100(client: Client, version: int) -> None:
    """R65, R53: no 100 and no 104 before a 409."""
    upload = await client.create(version, last=False, sends=b"ab")
    connection = await client.connect()
    fields = ((VERSION_FIELD, str(version)), *upload.append_fields(at=1))
    head = request("PATCH", upload.path, *fields, ("Content-Length", "2"), EXPECT)
    await connection.send(head)
    assert (await connection.hear_head()).status == 409


async def test_http_1_0_hears_no_100(client: Client, origin: RecordingOrigin) -> None:
    """R22; RFC 9110 "Expect": ignored in HTTP/1.0."""
    connection = await client.connect()
    fields = ((VERSION_FIELD, "6"), ("Upload-Complete", "?1"), ("Content-Length", "2"))
    head = request("POST", "/files", *fields, EXPECT, protocol="HTTP/1.0")
    await connection.send(head, b"ab")
    assert (await connection.hear_head()).status == 200
    assert origin.bodies == [b"ab"]
