"""Settings that change what the origin gets, or where clients come in, end to end."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.conftest import StartProxy
from tests.kit.answer import VERSION_FIELD
from tests.kit.client import Client
from tests.kit.origin import RecordingOrigin
from tests.kit.raw import chunk, request
from tests.kit.words import MEDIA_TYPE

CREDENTIALS = (("Authorization", "Bearer old"), ("Cookie", "id=old"))
FRESH = (("Authorization", "Bearer new"), ("Cookie", "id=new"))
LAST = b"0\r\n\r\n"


@pytest.mark.parametrize("whose", ["creation", "finishing"])
async def test_whose_credentials_the_origin_gets(
    start_proxy: StartProxy, origin: RecordingOrigin, whose: str
) -> None:
    """Short-lived tokens are renewed by whoever finishes, where that is wanted."""
    app = await start_proxy(origin={"credentials": whose})
    client = Client(app.addresses[0])
    upload = await client.create(9, last=False, sends=b"a", fields=CREDENTIALS)
    assert (await upload.append(at=1, sends=b"b", fields=FRESH)).status == 200
    await client.close()
    word = "old" if whose == "creation" else "new"
    got = origin.requests[0]
    assert (got.one("Authorization"), got.one("Cookie")) == (
        f"Bearer {word}",
        f"id={word}",
    )


@pytest.mark.parametrize(("content", "word"), [(b"", "new"), (b"b", "old")])
async def test_credentials_count_once_an_append_has_turned_out_to_be_the_last(
    start_proxy: StartProxy, origin: RecordingOrigin, content: bytes, word: str
) -> None:
    """R52: chunked content tells with its end that there is none."""
    app = await start_proxy(origin={"credentials": "finishing"})
    client = Client(app.addresses[0])
    upload = await client.create(6, last=False, sends=b"a", fields=CREDENTIALS)
    connection = await client.connect()
    head = request(
        "PATCH",
        upload.path,
        (VERSION_FIELD, "6"),
        ("Upload-Offset", "1"),
        ("Content-Type", MEDIA_TYPE),
        ("Transfer-Encoding", "chunked"),
        *FRESH,
    )
    await connection.send(head)
    await upload.ask("OPTIONS")  # by then the proxy has seen the head
    await connection.send(chunk(content) + LAST if content else LAST)
    status = (await connection.hear("PATCH")).status
    if content:
        assert status == 201
        status = (await upload.append(at=2)).status
    assert status == 200
    await client.close()
    assert origin.requests[0].one("Authorization") == f"Bearer {word}"


async def test_credentials_are_not_added_where_the_creation_had_none(
    start_proxy: StartProxy, origin: RecordingOrigin
) -> None:
    app = await start_proxy(origin={"credentials": "finishing"})
    client = Client(app.addresses[0])
    upload = await client.create(9, last=False, sends=b"a")
    await upload.append(at=1, sends=b"b", fields=FRESH)
    await client.close()
    assert origin.requests[0].one("Authorization") is None
    assert origin.requests[0].one("Cookie") is None


@pytest.mark.configured(forwarded_header="forwarded")
async def test_one_family_of_forwarding_fields_is_written(
    client: Client, origin: RecordingOrigin
) -> None:
    """And what a client claims in either is dropped."""
    claims = (("X-Forwarded-For", "10.0.0.1"), ("Forwarded", "for=10.0.0.1"))
    await client.create(9, sends=b"a", fields=claims)
    got = origin.requests[0]
    assert got.one("X-Forwarded-For") is None
    told = got.one("Forwarded") or ""
    assert "for=127.0.0.1" in told
    assert "10.0.0.1" not in told


@pytest.mark.configured(origin={"preserve_host": False})
async def test_the_origin_may_get_its_own_host(
    client: Client, origin: RecordingOrigin
) -> None:
    await client.create(9, sends=b"a")
    assert origin.requests[0].one("Host") == origin.address.removeprefix("http://")


@pytest.mark.configured(spool={"sync": "never"})
async def test_an_upload_without_any_sync(
    client: Client, origin: RecordingOrigin
) -> None:
    upload = await client.create(9, last=False, sends=b"a" * 40)
    assert await upload.ask_offset() == 40
    assert (await upload.append(at=40, sends=b"b")).status == 200
    assert origin.bodies == [b"a" * 40 + b"b"]


async def test_who_comes_by_a_unix_socket_is_trusted(
    start_proxy: StartProxy, origin: RecordingOrigin, tmp_path: Path
) -> None:
    """Whoever may open the socket is an administrator's choice."""
    path = f"{tmp_path}/s"
    app = await start_proxy(listen=f"unix:{path}")
    assert app.addresses == [f"unix:{path}"]
    reader, writer = await asyncio.open_unix_connection(path)
    claims = (("X-Forwarded-For", "192.0.2.7"), ("X-Forwarded-Proto", "https"))
    head = request("GET", "/x", *claims, ("Connection", "close"))
    writer.write(head)
    async with asyncio.timeout(5):
        answer = await reader.read()
    writer.close()
    await writer.wait_closed()
    assert answer.startswith(b"HTTP/1.1 200 ")
    got = origin.requests[0]
    assert (got.one("X-Forwarded-For"), got.one("X-Forwarded-Proto")) == (
        "192.0.2.7",
        "https",
    )
