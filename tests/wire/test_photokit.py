"""PhotoKit's background uploads: a preflight, then one PUT for each asset."""

from __future__ import annotations

import pytest

from tests.kit.client import Client
from tests.kit.origin import RecordingOrigin, Reply
from tests.kit.raw import Response

PREFLIGHT = (
    "OPTIONS /assets/IMG_0001.HEIC HTTP/1.1\r\n"
    "Host: photos.example\r\n"
    "{extra}"
    "Accept: */*\r\n"
    "User-Agent: assetsd/1 CFNetwork/1568.100.1 Darwin/24.0.0\r\n"
    "Connection: keep-alive\r\n"
    "\r\n"
)
ASSET = (
    "PUT /assets/IMG_0001.HEIC HTTP/1.1\r\n"
    "Host: photos.example\r\n"
    "Upload-Complete: ?1\r\n"
    "Content-Type: image/heic\r\n"
    "Upload-Draft-Interop-Version: 6\r\n"
    "Accept: */*\r\n"
    "User-Agent: assetsd/1 CFNetwork/1568.100.1 Darwin/24.0.0\r\n"
    "Content-Length: 1000\r\n"
    "Connection: keep-alive\r\n"
    "\r\n"
)


async def _preflight(client: Client, extra: str) -> Response:
    connection = await client.connect()
    await connection.send(PREFLIGHT.format(extra=extra).encode())
    return await connection.hear("OPTIONS")


@pytest.mark.parametrize("status", [200, 204, 404, 405, 501])
@pytest.mark.parametrize("extra", ["", "Upload-Draft-Interop-Version: 6\r\n"])
async def test_the_preflight_is_answered_with_200_and_limits(
    client: Client, origin: RecordingOrigin, status: int, extra: str
) -> None:
    """2.3, R80, R81: whatever an origin that knows nothing of it says."""
    if status == 204:
        reply = Reply(204, (("Allow", "PUT"),), b"", framing="none")
    else:
        reply = Reply(status, (("Allow", "PUT"),), b"")
    origin.then(reply)
    response = await _preflight(client, extra)
    assert response.status == 200
    assert response.one("Upload-Limit") == "min-size=0"
    assert response.one("Content-Length") == "0"


async def test_an_asset_is_resumable(client: Client, origin: RecordingOrigin) -> None:
    """2.3: both the preflight's answer and a 104 with Location are needed."""
    origin.then(Reply(404), Reply(201, (("X-Asset", "7"),), b""))
    assert (await _preflight(client, "")).status == 200
    connection = await client.connect()
    await connection.send(ASSET.encode())
    interim = await connection.hear_interim()
    assert interim.status == 104
    assert interim.one("Upload-Draft-Interop-Version") == "6"
    assert (interim.one("Location") or "").startswith("http://photos.example/")
    await connection.send(b"h" * 1000)
    response = await connection.hear("PUT")
    assert (response.status, response.one("X-Asset")) == (201, "7")
    assert response.one("Upload-Complete") == "?1"
    got = origin.requests[1]
    assert (got.method, got.target) == ("PUT", "/assets/IMG_0001.HEIC")
    assert got.body == b"h" * 1000
