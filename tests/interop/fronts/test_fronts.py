"""What clients see through a front that is set up as its file in config/fronts says."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.kit.bounds import until
from tests.kit.origin import RecordingOrigin
from tests.kit.raw import Response

from .conftest import Running
from .talk import Protocols, talk

pytestmark = pytest.mark.usefixtures("proxy")

CONTENT = bytes(range(256)) * 8192
"""2 MiB: more than any front holds, and than nginx allows by default."""
HALF = len(CONTENT) // 2
VERSION = ("Upload-Draft-Interop-Version", "10")
MORE, LAST = ("Upload-Complete", "?0"), ("Upload-Complete", "?1")
PART = ("Content-Type", "application/partial-upload")

each_protocol = pytest.mark.parametrize("protocol", ["h1", "h2"])
each_place = pytest.mark.parametrize("prefix", ["", "/app"], ids=["root", "prefix"])


@each_protocol
async def test_an_upload_in_one_request_and_its_104(
    running_front: Running, origin: RecordingOrigin, protocol: Protocols
) -> None:
    arrives = running_front.kind.interim
    connection = await talk(protocol, running_front.address)
    try:
        length = ("Content-Length", str(len(CONTENT)))
        await connection.begin("POST", "/files", VERSION, LAST, length)
        early = None
        if arrives == "before the content":
            early = await connection.hear_interim()
        await connection.send(CONTENT, last=True)
        answer = await connection.hear()
    finally:
        await connection.close()
    assert answer.status == 200
    assert _uploaded(origin) == [CONTENT]
    told = [interim for interim in answer.interims if interim.status == 104]
    assert bool(told) == (arrives != "never")
    if early is not None:
        _assert_right(early, running_front, "")


@each_place
@each_protocol
async def test_a_cut_keeps_every_byte_and_location_is_right(
    running_front: Running,
    origin: RecordingOrigin,
    spool: Path,
    protocol: Protocols,
    prefix: str,
) -> None:
    created = await _ask(
        running_front, protocol, "POST", f"{prefix}/files", VERSION, MORE
    )
    assert created.status == 201
    path = _assert_right(created, running_front, prefix)
    await _cut_half_way(running_front, protocol, path, spool)
    kept = await _ask(running_front, protocol, "HEAD", path, VERSION)
    assert (kept.status, kept.one("Upload-Offset")) == (204, str(HALF))
    answer = await _append(running_front, protocol, path, HALF)
    assert answer.status == 200
    assert _uploaded(origin) == [CONTENT]


def _uploaded(origin: RecordingOrigin) -> list[bytes]:
    """A front may have looked for somebody behind it, with a GET, when it began."""
    return [bytes(asked.body) for asked in origin.requests if asked.method == "POST"]


def _assert_right(told: Response, front: Running, prefix: str) -> str:
    """The scheme, host and prefix that the client used; the path."""
    location = told.one("location") or ""
    assert location.startswith(f"{front.address}{prefix}/resumable_upload/"), location
    return urlsplit(location).path


async def _ask(
    front: Running,
    protocol: Protocols,
    method: str,
    path: str,
    *fields: tuple[str, str],
) -> Response:
    """One request without content."""
    connection = await talk(protocol, front.address)
    try:
        length = (("Content-Length", "0"),) if method == "POST" else ()
        await connection.begin(method, path, *fields, *length, ends=True)
        return await connection.hear()
    finally:
        await connection.close()


async def _cut_half_way(
    front: Running, protocol: Protocols, path: str, spool: Path
) -> None:
    """Half of an append; the client is gone once that has arrived."""
    connection = await talk(protocol, front.address)
    try:
        length = ("Content-Length", str(len(CONTENT)))
        await connection.begin("PATCH", path, *_append_fields(0), length)
        await connection.send(CONTENT[:HALF])

        async def arrived() -> bool | None:
            return True if _most_kept(spool) >= HALF else None

        await until(arrived)
    finally:
        await connection.close()


def _most_kept(spool: Path) -> int:
    """Bytes of the longest body in the spool."""
    sizes = [file.stat().st_size for file in spool.rglob("*body*")]
    return max(sizes, default=0)


async def _append(
    front: Running, protocol: Protocols, path: str, offset: int
) -> Response:
    """The rest of the content, and what is answered."""
    rest = CONTENT[offset:]
    connection = await talk(protocol, front.address)
    try:
        length = ("Content-Length", str(len(rest)))
        await connection.begin("PATCH", path, *_append_fields(offset), length)
        await connection.send(rest, last=True)
        return await connection.hear()
    finally:
        await connection.close()


def _append_fields(offset: int) -> tuple[tuple[str, str], ...]:
    return (VERSION, LAST, PART, ("Upload-Offset", str(offset)))
