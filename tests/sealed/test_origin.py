"""Origins over TLS as the configuration says: whom they show, whom we show."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import trustme

from proxy.core.errors import OriginUnreached
from proxy.core.upload import Head
from proxy.origin import Origin
from proxy.outfit import CannotStart
from tests.conftest import StartProxy
from tests.kit.client import Client
from tests.kit.sealed import authority, pair_in, standard_leaf

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
STRANGER = trustme.CA()


@asynccontextmanager
async def sealed_origin(
    leaf: trustme.LeafCert, *, wants: trustme.CA | None = None
) -> AsyncIterator[tuple[str, list[object]]]:
    """An origin's URL, and the certificates it was shown."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    leaf.configure_cert(context)
    if wants is not None:
        wants.configure_trust(context)
        context.verify_mode = ssl.CERT_REQUIRED
    shown: list[object] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            if b"POST" in head:
                await reader.readexactly(5)
            shown.append(writer.get_extra_info("ssl_object").getpeercert(True))
            writer.write(ANSWER)
            await writer.drain()
        except (OSError, asyncio.IncompleteReadError):
            pass  # the proxy did not like us
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context)
    async with server:
        port = server.sockets[0].getsockname()[1]
        yield f"https://127.0.0.1:{port}", shown


async def both_ways(address: str) -> tuple[int, int]:
    """The statuses of a request that is passed through, and of an upload."""
    client = Client(address)
    try:
        passed = await client.ask("GET", "/")
        upload = await client.create(10, sends=b"bytes")
        return passed.status, upload.answer.status
    finally:
        await client.close()


def ca_file(directory: Path, ca: trustme.CA) -> str:
    ca.cert_pem.write_to_path(str(directory / "ca.pem"))
    return str(directory / "ca.pem")


async def test_an_origin_of_an_authority_of_ours(
    start_proxy: StartProxy, tmp_path: Path
) -> None:
    async with sealed_origin(standard_leaf()) as (url, _):
        proxy = await start_proxy(origin={"url": url})
        assert await both_ways(proxy.addresses[0]) == (502, 503)
        tls = {"ca": ca_file(tmp_path, authority())}
        proxy = await start_proxy(
            origin={"url": url, "tls": tls},
            spool={"directory": str(tmp_path / "other")},
        )
        assert await both_ways(proxy.addresses[0]) == (200, 200)


async def test_what_is_wrong_with_a_certificate_is_told() -> None:
    """In the words of the library: its numbers are none of the system's."""
    async with sealed_origin(STRANGER.issue_cert("127.0.0.1")) as (url, _):
        origin = Origin(url, connect_timeout_s=5, response_timeout_s=5)
        try:
            with pytest.raises(OriginUnreached) as passed:
                await origin.exchange(Head("GET", "/", ((b"Host", b"a"),)), None)
            with pytest.raises(OriginUnreached) as sent:
                await origin.connect(5)
        finally:
            await origin.close()
    words = "tls_certificate_error: CERTIFICATE_VERIFY_FAILED"
    assert (str(passed.value), str(sent.value)) == (words, words)


async def test_the_name_that_is_expected(
    start_proxy: StartProxy, tmp_path: Path
) -> None:
    async with sealed_origin(authority().issue_cert("app.example")) as (url, _):
        tls = {"ca": ca_file(tmp_path, authority()), "server_name": "APP.example"}
        proxy = await start_proxy(origin={"url": url, "tls": tls})
        assert await both_ways(proxy.addresses[0]) == (200, 200)


async def test_unverified_means_anybody_and_is_told(
    start_proxy: StartProxy, log: Path
) -> None:
    async with sealed_origin(STRANGER.issue_cert("elsewhere")) as (url, _):
        proxy = await start_proxy(origin={"url": url, "tls": {"verify": False}})
        assert await both_ways(proxy.addresses[0]) == (200, 200)
    assert "origin not verified" in log.read_text()  # noqa: ASYNC240 - a few lines


async def test_an_origin_that_wants_to_know_who_asks(
    start_proxy: StartProxy, tmp_path: Path
) -> None:
    (tmp_path / "own").mkdir()
    ours = STRANGER.issue_cert("proxy.example")
    own = pair_in(tmp_path / "own", ours)
    async with sealed_origin(standard_leaf(), wants=STRANGER) as (url, shown):
        tls = {"ca": ca_file(tmp_path, authority()), **own.settings}
        proxy = await start_proxy(origin={"url": url, "tls": tls})
        assert await both_ways(proxy.addresses[0]) == (200, 200)
        old = ssl.PEM_cert_to_DER_cert(ours.cert_chain_pems[0].bytes().decode())
        assert set(shown) == {old}
        renewed = STRANGER.issue_cert("later.example")
        own.write(renewed)
        proxy.renew()
        shown.clear()
        client = Client(proxy.addresses[0])
        upload = await client.create(10, sends=b"bytes", path="/again")
        assert upload.answer.status == 200
        await client.close()
        new = ssl.PEM_cert_to_DER_cert(renewed.cert_chain_pems[0].bytes().decode())
        assert set(shown) == {new}


async def test_what_cannot_be_used_is_told_at_the_start(
    start_proxy: StartProxy,
) -> None:
    origin = {"url": "https://127.0.0.1:9", "tls": {"ca": "/nowhere.pem"}}
    with pytest.raises(CannotStart, match=r"origin\.tls\.ca: /nowhere.pem: No such"):
        await start_proxy(origin=origin)
