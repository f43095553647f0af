"""URLSession v3, v5 and v6: its requests byte for byte, cut by seeded chance."""

from __future__ import annotations

import random

import pytest

from tests.kit.client import Client
from tests.kit.origin import RecordingOrigin, Reply
from tests.kit.raw import Connection, Response

CREATION = (
    "POST /api/photos?album=7 HTTP/1.1\r\n"
    "Host: photos.example\r\n"
    "{completeness}\r\n"
    "Content-Type: image/jpeg\r\n"
    "Upload-Draft-Interop-Version: {version}\r\n"
    "Accept: */*\r\n"
    "Authorization: Bearer abc.def\r\n"
    "Repr-Digest: sha-256=:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=:\r\n"
    "Accept-Language: en-GB,en;q=0.9\r\n"
    "Accept-Encoding: gzip, deflate\r\n"
    "User-Agent: Photos/1 CFNetwork/1568.100.1 Darwin/24.0.0\r\n"
    "{framing}\r\n"
    "Connection: keep-alive\r\n"
    "\r\n"
)
QUESTION = (
    "HEAD {path} HTTP/1.1\r\n"
    "Host: photos.example\r\n"
    "Content-Type: image/jpeg\r\n"
    "{length}"
    "Upload-Draft-Interop-Version: {version}\r\n"
    "Accept: */*\r\n"
    "Authorization: Bearer abc.def\r\n"
    "Repr-Digest: sha-256=:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=:\r\n"
    "User-Agent: Photos/1 CFNetwork/1568.100.1 Darwin/24.0.0\r\n"
    "Connection: keep-alive\r\n"
    "\r\n"
)
RESUMPTION = (
    "PATCH {path} HTTP/1.1\r\n"
    "Host: photos.example\r\n"
    "Content-Type: {media_type}\r\n"
    "{completeness}\r\n"
    "Upload-Offset: {offset}\r\n"
    "Upload-Draft-Interop-Version: {version}\r\n"
    "Accept: */*\r\n"
    "Authorization: Bearer abc.def\r\n"
    "User-Agent: Photos/1 CFNetwork/1568.100.1 Darwin/24.0.0\r\n"
    "Content-Length: {rest}\r\n"
    "Connection: keep-alive\r\n"
    "\r\n"
)
AGENT = "Photos/1 CFNetwork/1568.100.1 Darwin/24.0.0"

each_urlsession = pytest.mark.parametrize("version", [3, 5, 6], ids=lambda v: f"v{v}")


def _completeness(version: int) -> str:
    return "Upload-Incomplete: ?0" if version == 3 else "Upload-Complete: ?1"


async def _begin(client: Client, version: int, framing: str) -> tuple[Connection, str]:
    """The creation, up to its 104; the connection and the upload's path."""
    connection = await client.connect()
    head = CREATION.format(
        version=version, completeness=_completeness(version), framing=framing
    )
    await connection.send(head.encode())
    interim = await connection.hear_interim()
    assert interim.status == 104
    assert interim.one("Upload-Draft-Interop-Version") == str(version)
    location = interim.one("Location") or ""
    assert location.startswith("http://photos.example/")
    return connection, location.removeprefix("http://photos.example")


async def _ask(client: Client, version: int, path: str) -> int:
    connection = await client.connect()
    length = "" if version == 3 else "Content-Length: 0\r\n"
    head = QUESTION.format(version=version, path=path, length=length)
    await connection.send(head.encode())
    response = await connection.hear("HEAD")
    assert response.status == 204
    name, _, done = _completeness(version).partition(": ")
    assert response.one(name) not in (None, done)
    await connection.close()
    return int(response.one("Upload-Offset") or "")


async def _resume(
    client: Client, version: int, path: str, offset: int, rest: int
) -> Connection:
    connection = await client.connect()
    media_type = "application/partial-upload" if version == 6 else "image/jpeg"
    head = RESUMPTION.format(
        version=version,
        path=path,
        media_type=media_type,
        completeness=_completeness(version),
        offset=offset,
        rest=rest,
    )
    await connection.send(head.encode())
    return connection


async def _leave(connection: Connection, chance: random.Random) -> None:
    """One of the three ways in which networks break."""
    way = chance.choice(["fin", "rst", "stall"])
    if way == "fin":
        connection.finish()
    elif way == "rst":
        await connection.reset()


def _is_the_origins(response: Response, version: int, total: int) -> None:
    assert (response.status, response.content) == (201, b"thanks")
    assert response.one("Upload-Offset") == str(total)
    name, _, done = _completeness(version).partition(": ")
    assert response.one(name) == done


@each_urlsession
@pytest.mark.parametrize("seed", range(4))
async def test_a_photo_arrives_however_often_it_is_cut(
    client: Client, origin: RecordingOrigin, version: int, seed: int
) -> None:
    """R21, R25, R45, R61; R46: no offset is ever below an earlier one."""
    chance = random.Random(f"{version}/{seed}")
    photo = chance.randbytes(300_000)
    origin.then(Reply(201, (), b"thanks"))
    framing = f"Content-Length: {len(photo)}"
    connection, path = await _begin(client, version, framing)
    offset = 0
    for _ in range(4):
        end = chance.randint(offset, len(photo) - 1)
        await connection.send(photo[offset:end])
        await _leave(connection, chance)
        told = await _ask(client, version, path)
        assert offset <= told <= end
        offset = told
        rest = len(photo) - offset
        connection = await _resume(client, version, path, offset, rest)
    await connection.send(photo[offset:])
    _is_the_origins(await connection.hear("PATCH"), version, len(photo))
    got = origin.requests[0]
    assert (got.method, got.target) == ("POST", "/api/photos?album=7")
    assert (got.one("Content-Type"), got.one("User-Agent")) == ("image/jpeg", AGENT)
    assert got.one("Authorization") == "Bearer abc.def"
    assert (got.body, len(origin.requests)) == (photo, 1)


@each_urlsession
async def test_a_photo_that_is_not_cut(
    client: Client, origin: RecordingOrigin, version: int
) -> None:
    photo = random.Random(version).randbytes(50_000)
    origin.then(Reply(201, (), b"thanks"))
    connection, _ = await _begin(client, version, f"Content-Length: {len(photo)}")
    await connection.send(photo)
    _is_the_origins(await connection.hear(), version, len(photo))
    assert origin.bodies == [photo]


@each_urlsession
async def test_a_streamed_task_is_chunked(
    client: Client, origin: RecordingOrigin, version: int
) -> None:
    """2.2: streamed tasks have no length; the resumption has one."""
    origin.then(Reply(201, (), b"thanks"))
    connection, path = await _begin(client, version, "Transfer-Encoding: Chunked")
    await connection.send(b"5\r\nabcde\r\n3\r\nfg")
    connection.finish()
    assert await _ask(client, version, path) == 7
    connection = await _resume(client, version, path, 7, 3)
    await connection.send(b"hij")
    _is_the_origins(await connection.hear("PATCH"), version, 10)
    assert origin.bodies == [b"abcdefghij"]
