"""curl: a client that waits for 100, and one that resumes when it is told how.

It knows nothing of resumable uploads, so a person at a shell gives it the fields. Its
wait for 100 is set longer than the bound of a transfer: without the 100 nothing ends.
"""

from __future__ import annotations

import asyncio
import json
from hashlib import sha256
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING

import pytest

from tests.kit.bounds import BOUND_S
from tests.kit.client import Client
from tests.kit.origin import RecordingOrigin

from .curl import curl, curling
from .store import Store

if TYPE_CHECKING:
    from proxy.app import App

CONTENT = Random(3).randbytes(3_000_000)

waiting = ("--expect100-timeout", "60", "--header", "Expect: 100-continue")

VERSION = ("--header", "Upload-Draft-Interop-Version: 6")
LAST = ("--header", "Upload-Complete: ?1")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "photo.bin"
    path.write_bytes(CONTENT)
    return path


@pytest.fixture
def large_file(tmp_path: Path) -> Path:
    """Too large for nginx as it is set up."""
    path = tmp_path / "film.bin"
    path.write_bytes(bytes(5_000_000))
    return path


async def test_an_upload_that_waits_for_100_is_stored(
    before_store: Client, store: Store, file: Path
) -> None:
    url = f"{before_store.address}/documents"
    transfer = await curl(*_stores(store, file, url), *waiting)
    assert (transfer.code, transfer.status) == (0, 201), transfer
    assert transfer.heads.startswith("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 201")
    assert store.stored() == [CONTENT]
    if store.takes_forms:
        assert json.loads(transfer.content)["name"] == "photo.bin"


@pytest.mark.parametrize("running_store", ["nginx"], indirect=True)
async def test_what_the_origin_refuses_by_its_head_is_never_sent(
    before_store: Client, store: Store, large_file: Path
) -> None:
    """The 413 of the origin instead of a 100."""
    url = f"{before_store.address}/documents/photo.bin"
    transfer = await curl("--upload-file", str(large_file), *waiting, url)
    assert (transfer.status, transfer.sent) == (413, 0), transfer
    assert "100 Continue" not in transfer.heads
    assert store.stored() == []


async def test_a_resumable_upload_hears_104_and_then_100(
    proxy: App, origin: RecordingOrigin, file: Path
) -> None:
    url = f"{proxy.addresses[0]}/files"
    put = ("--request", "POST", "--upload-file", str(file))
    transfer = await curl(*put, *VERSION, *LAST, *waiting, url)
    assert (transfer.code, transfer.status) == (0, 200), transfer
    statuses = _statuses(transfer.heads)
    assert sorted(statuses[:2]) == ["100", "104"]
    assert statuses[2:] == ["200"]
    assert origin.bodies == [CONTENT]
    assert origin.requests[0].one("Expect") is None


async def test_a_transfer_that_is_killed_goes_on_by_hand(
    proxy: App, origin: RecordingOrigin, file: Path
) -> None:
    """POST, HEAD and PATCH as typed into a shell; the first curl dies half-way."""
    url = f"{proxy.addresses[0]}/files"
    location = await _killed_at(2_000_000, url)
    asked = await curl("--head", *VERSION, location)
    assert asked.status == 204
    offset = int(_field(asked.heads, "upload-offset"))
    assert 0 < offset <= 2_000_000
    assert _field(asked.heads, "upload-complete") == "?0"
    rest = file.with_name("rest")
    rest.write_bytes(CONTENT[offset:])
    transfer = await curl(
        *("--request", "PATCH", "--upload-file", str(rest), *VERSION, *LAST),
        *("--header", f"Upload-Offset: {offset}"),
        *("--header", "Content-Type: application/partial-upload", location),
    )
    assert (transfer.code, transfer.status) == (0, 200), transfer
    digests = [sha256(body).digest() for body in origin.bodies]
    assert digests == [sha256(CONTENT).digest()]
    assert len(origin.requests) == 1


def _stores(store: Store, file: Path, url: str) -> list[str]:
    """What a person would type to store a file there."""
    if store.takes_forms:
        return ["--form", "title=A photo", "--form", f"document=@{file}", url]
    return ["--upload-file", str(file), f"{url}/{file.name}"]


async def _killed_at(size: int, url: str) -> str:
    """Kill a curl that has taken `size` bytes of its input; the URL from the 104."""
    put = ("--request", "POST", "--upload-file", "-", "--dump-header", "/dev/stderr")
    async with (
        curling(*put, *VERSION, *LAST, *waiting, url) as process,
        asyncio.timeout(BOUND_S),
    ):
        assert process.stdin is not None
        assert process.stderr is not None
        heads = ""
        while "location:" not in heads.lower() or not heads.endswith("\r\n\r\n"):
            heads += (await process.stderr.readline()).decode()
        process.stdin.write(CONTENT[:size])
        await process.stdin.drain()
        process.kill()
    return _field(heads, "location")


def _statuses(heads: str) -> list[str]:
    lines = heads.split("\r\n")
    return [line.split(" ")[1] for line in lines if line.startswith("HTTP/")]


def _field(heads: str, name: str) -> str:
    """Value of a field, whatever response it came in."""
    for line in heads.split("\r\n"):
        spelled, _, value = line.partition(":")
        if spelled.lower() == name:
            return value.strip()
    raise AssertionError(f"no {name} in {heads}")
