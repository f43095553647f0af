"""What is special to TLS: handshakes, certificates, what is no TLS."""

from __future__ import annotations

import asyncio
import os
import ssl
from base64 import b64encode
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import trustme

from proxy.app import App
from proxy.outfit import CannotStart
from tests.conftest import StartProxy
from tests.kit.bounds import BOUND_S, until
from tests.kit.client import Client
from tests.kit.origin import RecordingOrigin
from tests.kit.raw import Connection, NoAnswerError, request
from tests.kit.sealed import Pair, authority, leaf, pair_in, trusting

CLIENTS = trustme.CA()


async def connected(
    address: str, context: ssl.SSLContext
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    parts = urlsplit(address)
    async with asyncio.timeout(BOUND_S):
        return await asyncio.open_connection(parts.hostname, parts.port, ssl=context)


async def opened(address: str, context: ssl.SSLContext) -> asyncio.StreamWriter:
    return (await connected(address, context))[1]


async def shown_by(address: str, context: ssl.SSLContext | None = None) -> bytes:
    """The certificate that a new connection is shown, in DER."""
    writer = await opened(address, context or trusting())
    shown: bytes = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
    writer.close()
    return shown


def read(log: Path) -> str:
    return log.read_text()


def der(made: trustme.LeafCert) -> bytes:
    return ssl.PEM_cert_to_DER_cert(made.cert_chain_pems[0].bytes().decode())


async def test_uploads_are_located_by_https_and_the_origin_is_told_so(
    proxy: App, client: Client, origin: RecordingOrigin
) -> None:
    assert proxy.addresses[0].startswith("https://127.0.0.1:")
    upload = await client.create(10, last=False, sends=b"a")
    assert upload.url.startswith("https://upload.test/resumable_upload/")
    await upload.append(at=1, sends=b"b")
    told = dict(origin.requests[0].fields)
    assert told["X-Forwarded-Proto"] == "https"


@pytest.mark.configured(forwarded_header="forwarded")
async def test_forwarded_says_https(client: Client, origin: RecordingOrigin) -> None:
    await client.ask("GET", "/")
    assert "proto=https" in dict(origin.requests[0].fields)["Forwarded"]


async def test_http_1_1_is_agreed_on_and_old_versions_are_not(proxy: App) -> None:
    ours = ssl.create_default_context()
    authority().configure_trust(ours)
    ours.set_alpn_protocols(["h2", "http/1.1"])
    writer = await opened(proxy.addresses[0], ours)
    sealed = writer.get_extra_info("ssl_object")
    assert sealed.selected_alpn_protocol() == "http/1.1"
    assert sealed.compression() is None
    writer.close()
    ours.maximum_version = ssl.TLSVersion.TLSv1_2
    writer = await opened(proxy.addresses[0], ours)
    assert "GCM" in writer.get_extra_info("cipher")[0]
    writer.close()


@pytest.mark.configured(log={"level": "info"})
async def test_plain_http_is_told_to_use_https(proxy: App, log: Path) -> None:
    plain = await Connection.open(proxy.addresses[0].replace("https", "http"))
    await plain.send(request("POST", "/", ("Content-Length", "100000")), b"x" * 100000)
    answer = await plain.hear()
    assert answer.status == 400
    assert b"tls-expected" in answer.content
    await plain.ended()
    assert "plain HTTP where TLS is due" in read(log)
    await plain.close()


@pytest.mark.configured(log={"level": "info"})
async def test_a_handshake_that_fails_is_told(proxy: App, log: Path) -> None:
    ours = ssl.create_default_context()
    authority().configure_trust(ours)
    ours.maximum_version = ssl.TLSVersion.TLSv1_2
    ours.set_ciphers("ECDHE+AES128:!AESGCM:!AESCCM")
    with pytest.raises(OSError):
        await opened(proxy.addresses[0], ours)

    async def told() -> str | None:
        said = read(log)
        return said if "no tls" in said else None

    said = await until(told)
    assert "no shared cipher" in said
    assert "peer=127.0.0.1" in said


@pytest.mark.configured(header_timeout="100ms")
@pytest.mark.parametrize("says", [b"", b"\x16\x03\x01"])
async def test_a_handshake_has_its_time(proxy: App, says: bytes) -> None:
    slow = await Connection.open(proxy.addresses[0].replace("https", "http"))
    await slow.send(says)
    assert await slow.ended() == b""
    await slow.close()


@pytest.mark.configured(max_connections=1)
@pytest.mark.parametrize("says", [b"", b"\x16", b"GET / HTTP/1.1\r\n\r\n"])
async def test_who_has_not_shaken_hands_counts_until_it_goes(
    proxy: App, says: bytes
) -> None:
    first = await Connection.open(proxy.addresses[0].replace("https", "http"))
    with pytest.raises(OSError):
        await opened(proxy.addresses[0], trusting())
    await first.send(says)
    await first.reset()
    for _ in range(3):  # one after the other: each gives its place back
        client = Client(proxy.addresses[0])

        async def served(client: Client = client) -> bool | None:
            try:
                return (await client.ask("GET", "/")).status == 200
            except (OSError, NoAnswerError):
                return None

        await until(served)
        await client.close()


async def test_a_unix_socket_stays_plain(
    start_proxy: StartProxy, tmp_path: Path
) -> None:
    proxy = await start_proxy(listen=f"unix:{tmp_path}/s")
    assert proxy.addresses == [f"unix:{tmp_path}/s"]
    reader, writer = await asyncio.open_unix_connection(f"{tmp_path}/s")
    writer.write(request("GET", "/"))
    assert (await reader.readline()).startswith(b"HTTP/1.1 200")
    writer.close()


async def test_a_new_certificate_is_served_to_the_next_connection(
    proxy: App, pair: Pair
) -> None:
    before = Client(proxy.addresses[0])
    kept = await before.connect()
    renewed = leaf()
    pair.write(renewed)
    proxy.renew()
    assert await shown_by(proxy.addresses[0]) == der(renewed)
    await kept.send(request("GET", "/"))
    assert (await kept.hear("GET")).status == 200
    await before.close()


@pytest.mark.parametrize("wrong", ["key", "half", "gone", "other"])
async def test_a_pair_that_cannot_be_used_changes_nothing_and_is_told_once(
    proxy: App, log: Path, pair: Pair, wrong: str
) -> None:
    old = await shown_by(proxy.addresses[0])
    secret = pair.key.read_text()
    match wrong:
        case "key":
            pair.key.write_bytes(leaf().private_key_pem.bytes())
        case "half":
            text = pair.certificate.read_text()
            pair.certificate.write_text(text[: len(text) // 3])
        case "gone":
            pair.certificate.unlink()
        case "other":
            pair.certificate.write_text(secret)
    for _ in range(3):
        proxy.renew()
    assert await shown_by(proxy.addresses[0]) == old
    said = read(log)
    assert said.count("certificate not renewed") == 1
    assert str(pair.key if wrong == "key" else pair.certificate) in said
    assert not any(line in said for line in secret.splitlines()[1:-1])
    renewed = leaf()
    pair.write(renewed)
    proxy.renew()
    assert await shown_by(proxy.addresses[0]) == der(renewed)


async def test_clients_have_to_show_who_they_are(
    start_proxy: StartProxy, pair: Pair, tmp_path: Path
) -> None:
    CLIENTS.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    proxy = await start_proxy(tls={"client_ca": str(tmp_path / "ca.pem")})
    known = trusting(CLIENTS.issue_cert("somebody@example.org"))
    reader, writer = await connected(proxy.addresses[0], known)
    writer.write(request("GET", "/"))
    assert (await reader.readline()).startswith(b"HTTP/1.1 200")
    writer.close()
    for own in (None, leaf()):
        # TLS 1.3 lets a client speak before it hears that it was refused.
        reader, writer = await connected(proxy.addresses[0], trusting(own))
        writer.write(request("GET", "/"))
        try:
            assert await reader.read() == b""
        except OSError:
            pass  # a reset is a refusal as well
        writer.close()


@pytest.fixture
def asking(tmp_path: Path) -> dict[str, Any]:
    """Clients are asked for a certificate, and the origin is told of it."""
    CLIENTS.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    return {
        "client_ca": str(tmp_path / "ca.pem"),
        "client_certificates": "optional",
        "pass_client_certificate": True,
    }


async def test_clients_may_show_who_they_are(
    start_proxy: StartProxy, origin: RecordingOrigin, asking: dict[str, Any]
) -> None:
    proxy = await start_proxy(tls=asking)
    own = CLIENTS.issue_cert("somebody@example.org")
    claims = (("Client-Cert", ":Zm9yZ2Vk:"), ("client_cert", ":Zm9yZ2Vk:"))
    expected = f":{b64encode(der(own)).decode()}:"
    for context, told in ((trusting(own), [expected]), (trusting(), [])):
        kept = await Connection.open(proxy.addresses[0], context)
        for method in ("GET", "DELETE"):  # the second on the same connection
            await kept.send(request(method, "/", *claims))
            assert (await kept.hear(method)).status == 200
            assert origin.requests[-1].method == method
            assert origin.requests[-1].all("Client-Cert") == told
            assert origin.requests[-1].all("client_cert") == []
        await kept.close()
    # TLS 1.3 lets a client speak before it hears that it was refused.
    reader, writer = await connected(proxy.addresses[0], trusting(leaf()))
    try:
        assert await reader.read() == b""
    except OSError:
        pass  # a reset is a refusal as well
    writer.close()


async def test_uploads_belong_to_who_has_shown_a_certificate(
    start_proxy: StartProxy, origin: RecordingOrigin, asking: dict[str, Any]
) -> None:
    whose = {"principal": ["request:client-cert"]}
    proxy = await start_proxy(tls=asking, auth=whose)
    own = CLIENTS.issue_cert("somebody@example.org")
    client = Client(proxy.addresses[0], tls=trusting(own))
    upload = await client.create(10, last=False, sends=b"a")
    stranger = Client(proxy.addresses[0])
    assert (await stranger.create(10, sends=b"a")).answer.status == 403
    assert (await upload.at(stranger).head()).status == 404
    assert (await upload.append(at=1, sends=b"b")).status == 200
    assert origin.bodies == [b"ab"]
    await client.close()
    await stranger.close()


async def test_what_is_asked_of_clients_changes_by_a_reload(
    start_proxy: StartProxy, asking: dict[str, Any]
) -> None:
    proxy = await start_proxy(tls=asking)
    await shown_by(proxy.addresses[0])
    tls = proxy.config.tls.model_copy(update={"client_certificates": "required"})
    await proxy.apply(proxy.config.model_copy(update={"tls": tls}))
    reader, writer = await connected(proxy.addresses[0], trusting())
    try:
        assert await reader.read() == b""
    except OSError:
        pass  # a reset is a refusal as well
    writer.close()


async def test_an_expired_certificate_is_served_with_a_warning(
    start_proxy: StartProxy, pair: Pair, log: Path
) -> None:
    over = datetime(2021, 2, 3, 4, 5, 6, tzinfo=UTC)
    pair.write(leaf(over))
    proxy = await start_proxy()
    assert proxy.renewals.ends()[0][1] == over.timestamp()
    said = read(log)
    assert "certificate expired" in said
    assert "2021-02-03T04:05:06" in said


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"certificate": "/nowhere.pem"}, "tls.certificate: /nowhere.pem: No such"),
        ({"key": "/nowhere.key"}, "tls.key: /nowhere.key: No such file"),
        ({"client_ca": "/nowhere"}, "tls.client_ca: /nowhere: No such file"),
        ({"key": "{pipe}"}, "tls.key: .* expected a file, got a pipe"),
        ({"key": None}, "tls.certificate: .* expected a private key in PEM, since"),
        ({"key": "{other}"}, "tls.key: .* expected the key of the certificate in"),
        ({"key": "{locked}"}, "tls.key: .* expected a key without a password"),
        ({"certificate": "{other}"}, "tls.certificate: .* expected a certificate"),
        ({"client_ca": "{other}"}, "tls.client_ca: .* certificates of authorities"),
    ],
)
async def test_what_cannot_be_used_is_told_at_the_start(
    start_proxy: StartProxy,
    tmp_path: Path,
    settings: dict[str, str | None],
    expected: str,
) -> None:
    (tmp_path / "other").mkdir()
    other = pair_in(tmp_path / "other", leaf()).key
    os.mkfifo(tmp_path / "pipe")
    files = {
        "other": other,
        "locked": locked(tmp_path),
        "pipe": tmp_path / "pipe",
    }
    named = {key: value and value.format(**files) for key, value in settings.items()}
    with pytest.raises(CannotStart, match=expected) as told:
        await start_proxy(tls=named)
    assert told.value.configured


def locked(directory: Path) -> Path:
    """A key that asks for a password."""
    from cryptography.hazmat.primitives import serialization

    key = serialization.load_pem_private_key(leaf().private_key_pem.bytes(), None)
    file = directory / "locked.key"
    file.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.BestAvailableEncryption(b"secret"),
        )
    )
    return file


async def test_key_and_certificate_may_share_a_file(
    start_proxy: StartProxy, pair: Pair
) -> None:
    with pair.certificate.open("ab") as file:
        file.write(pair.key.read_bytes())
    proxy = await start_proxy(tls={"key": None})
    assert await shown_by(proxy.addresses[0])
