"""Origins behind a unix socket and behind TLS; clients on a unix socket."""

from __future__ import annotations

import asyncio
import ssl
from pathlib import Path

import trustme

from tests.kit.bounds import BOUND_S
from tests.kit.raw import request

from .conftest import RunRelay, Settings, answering, read_request, serving

FINE = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nfine"


async def test_an_origin_on_a_unix_socket(run_relay: RunRelay, tmp_path: Path) -> None:
    async with serving(answering(FINE), path=tmp_path / "o.sock") as url:
        between = await run_relay(url)
        client = await between.connect()
        for method in ("GET", "POST"):
            await client.send(request(method, "/a%2Fb"))
            assert (await client.hear(method)).content == b"fine"
        await client.close()


async def test_an_origin_behind_tls(run_relay: RunRelay) -> None:
    authority = trustme.CA()
    theirs = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(theirs)
    ours = ssl.create_default_context()
    authority.configure_trust(ours)
    big = ("Content-Length", "1000000")

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await read_request(reader)
        if b"POST" in head:
            assert await reader.readexactly(1_000_000) == b"x" * 1_000_000
        writer.write(FINE)

    async with serving(serve, tls=theirs) as url:
        between = await run_relay(url, Settings(tls=ours))
        client = await between.connect()
        await client.send(request("POST", "/", big), b"x" * 1_000_000)
        assert (await client.hear()).content == b"fine"
        await client.send(request("GET", "/"))
        assert (await client.hear("GET")).content == b"fine"
        await client.close()


async def test_a_client_on_a_unix_socket_is_trusted(
    run_relay: RunRelay, tmp_path: Path
) -> None:
    heads = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heads.append(await read_request(reader))
        writer.write(FINE)

    path = tmp_path / "front.sock"
    async with serving(serve) as url, asyncio.timeout(BOUND_S):
        await run_relay(url, Settings(unix_listener=path))
        reader, writer = await asyncio.open_unix_connection(path)
        told = (("X-Forwarded-For", "192.0.2.7"), ("X-Forwarded-Proto", "https"))
        writer.write(request("GET", "/", *told, ("Connection", "close")))
        assert (await reader.read()).endswith(b"fine")
        writer.close()
    assert b"\r\nX-Forwarded-For: 192.0.2.7\r\n" in heads[0]
    assert b"\r\nX-Forwarded-Proto: https\r\n" in heads[0]
