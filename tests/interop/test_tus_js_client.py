"""tus-js-client from npm in Node, over both IETF protocols, as it is.

Whatever it does to get a file to the proxy, the origin gets one request with the whole
file. It hears no 104 and never looks at completeness: it lives on ``Location`` and
``Upload-Offset``.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.kit.client import Client
from tests.kit.origin import RecordingOrigin

from .tus import CONTENT, assert_arrived, each_chunking, each_protocol, upload


@each_protocol
@each_chunking
@pytest.mark.parametrize("during_creation", [False, True], ids=["empty", "with-data"])
async def test_a_file_arrives_as_one_plain_request(
    endpoint: str,
    origin: RecordingOrigin,
    photo: Path,
    protocol: str,
    chunking: dict[str, Any],
    *,
    during_creation: bool,
) -> None:
    """``uploadDataDuringCreation`` sends the first part with the creation."""
    ended = await upload(
        photo,
        endpoint=endpoint,
        protocol=protocol,
        uploadDataDuringCreation=during_creation,
        metadata={"filename": "photo.bin"},
        headers={"Authorization": "Bearer of good news"},
        **chunking,
    )
    assert_arrived(ended, origin)
    parts = 4 if chunking else 1
    patches = parts - during_creation
    assert ended.methods == ["POST"] + ["PATCH"] * patches
    request = origin.requests[0]
    assert (request.method, request.target) == ("POST", "/files?to=archive")
    assert request.one("Content-Length") == str(len(CONTENT))
    assert request.one("Authorization") == "Bearer of good news"
    assert not [name for name in request.names() if name.startswith("upload-")]


@each_protocol
@each_chunking
async def test_an_empty_file_is_an_empty_request(
    endpoint: str,
    origin: RecordingOrigin,
    empty_file: Path,
    protocol: str,
    chunking: dict[str, Any],
) -> None:
    """R102: it never asks to finish it."""
    ended = await upload(empty_file, endpoint=endpoint, protocol=protocol, **chunking)
    assert ended.how == "success", ended.message
    assert (await origin.received()).one("Content-Length") == "0"
    assert (origin.bodies, len(origin.requests)) == ([b""], 1)


@each_protocol
@pytest.mark.parametrize("during_creation", [False, True], ids=["empty", "with-data"])
async def test_a_stream_of_unknown_length_arrives_with_its_length(
    endpoint: str,
    origin: RecordingOrigin,
    photo: Path,
    protocol: str,
    *,
    during_creation: bool,
) -> None:
    ended = await upload(
        photo,
        "stream",
        endpoint=endpoint,
        protocol=protocol,
        chunkSize=300_000,
        uploadLengthDeferred=True,
        uploadDataDuringCreation=during_creation,
    )
    assert_arrived(ended, origin)
    assert origin.requests[0].one("Content-Length") == str(len(CONTENT))


@each_protocol
async def test_a_terminated_upload_is_begun_anew(
    endpoint: str, origin: RecordingOrigin, photo: Path, protocol: str
) -> None:
    """A URL that is not known any more is a 404, after which it creates."""
    gone = f"{endpoint.partition('/files')[0]}/resumable_upload/{'a' * 43}"
    ended = await upload(photo, endpoint=endpoint, uploadUrl=gone, protocol=protocol)
    assert ended.statuses[:2] == [404, 201]
    assert_arrived(ended, origin)


@each_protocol
async def test_patch_may_be_said_as_post(
    endpoint: str, origin: RecordingOrigin, photo: Path, protocol: str
) -> None:
    """R18, ``overridePatchMethod``."""
    ended = await upload(
        photo, endpoint=endpoint, protocol=protocol, overridePatchMethod=True
    )
    assert ended.methods == ["POST", "POST"]
    assert_arrived(ended, origin)


@each_protocol
async def test_a_finished_upload_that_is_asked_for_again_is_not_sent_again(
    endpoint: str, origin: RecordingOrigin, photo: Path, protocol: str
) -> None:
    """R41."""
    first = await upload(photo, endpoint=endpoint, protocol=protocol)
    again = await upload(photo, uploadUrl=first.url, protocol=protocol)
    assert again.methods == ["HEAD"]
    assert_arrived(again, origin)


@each_protocol
async def test_a_file_stream_in_parts_is_whole_but_never_says_so(
    endpoint: str,
    client: Client,
    origin: RecordingOrigin,
    photo: Path,
    protocol: str,
) -> None:
    """Its ``fs.ReadStream`` source takes the last chunk for one of many and says that
    more follows; at the full length it is content. By length alone nothing is finished
    (R103), so that someone has to say it: an empty last part is enough.
    """
    ended = await upload(
        photo, "file", endpoint=endpoint, protocol=protocol, chunkSize=300_000
    )
    assert ended.how == "success"
    assert [request["complete"] for request in ended.requests] == ["?0"] * 5
    assert origin.requests == []
    assert ended.url is not None
    last = await client.ask(
        "PATCH",
        ended.url,
        ("Upload-Draft-Interop-Version", "6"),
        ("Upload-Offset", str(len(CONTENT))),
        ("Upload-Complete", "?1"),
        ("Content-Type", "application/partial-upload"),
        ("Content-Length", "0"),
        version=6,
    )
    assert last.complete is True
    assert_arrived(ended, origin)
