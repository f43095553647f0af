"""Paths that are an upload's for one reader and not for another are refused."""

from __future__ import annotations

import pytest

from tests.kit.client import Client
from tests.kit.origin import RecordingOrigin
from tests.kit.raw import request

TOKEN = "A" * 43


@pytest.mark.parametrize(
    "path",
    [
        f"//resumable_upload/{TOKEN}",
        f"/%72esumable_upload/{TOKEN}",
        f"/a/../resumable_upload/{TOKEN}",
        "/resumable_upload/%2e%2e/admin",
        f"/resumable_upload%2F{TOKEN}",
    ],
)
async def test_a_path_that_two_readers_read_differently_is_refused(
    client: Client, origin: RecordingOrigin, path: str
) -> None:
    connection = await client.connect()
    await connection.send(request("GET", path))
    answer = await connection.hear("GET")
    assert answer.status == 400
    assert b"ambiguous-path" in answer.content
    assert origin.requests == []


@pytest.mark.parametrize("path", ["/a%2Fb/%7Eu?x=%20+&y", "//d//s", "/a/../b", "/%zz"])
async def test_any_other_path_passes_as_it_is(
    client: Client, origin: RecordingOrigin, path: str
) -> None:
    connection = await client.connect()
    await connection.send(request("GET", path))
    assert (await connection.hear("GET")).status == 200
    assert origin.requests[0].target == path
