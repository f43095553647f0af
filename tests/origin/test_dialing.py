"""How a connection to the origin comes about, or why it does not."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Iterator
from typing import Any

import pytest
import trustme

from proxy.core.errors import OriginUnreached
from proxy.origin import Failure, failure_of
from tests.kit.backlog import full_port
from tests.kit.origin import RecordingOrigin
from tests.relay.conftest import answering, serving

from .conftest import CREATION, OpenOrigin, Posting, StoredBytes, whole

ANSWER = b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok"


async def post(to: Posting) -> bytes:
    return await whole(await to.post(CREATION, StoredBytes(b"")))


@pytest.fixture
def authority() -> trustme.CA:
    return trustme.CA()


def server_side(authority: trustme.CA, name: str) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(name).configure_cert(context)
    return context


async def test_a_certificate_that_is_not_believed_is_no_connection(
    open_origin: OpenOrigin, authority: trustme.CA
) -> None:
    """By default the system's authorities are, which do not know this one."""
    async with serving(answering(ANSWER), tls=server_side(authority, "a.test")) as url:
        ours = ssl.create_default_context()
        authority.configure_trust(ours)
        for to in (open_origin(url), open_origin(url, tls=ours)):
            with pytest.raises(OriginUnreached, match="CERTIFICATE") as raised:
                await post(to)
            assert failure_of(raised.value) is Failure.TLS_CERTIFICATE_ERROR


async def test_an_origin_that_speaks_no_tls_is_not_reached(
    open_origin: OpenOrigin,
) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.write(ANSWER)
        await reader.read()

    async with serving(serve) as url:
        with pytest.raises(OriginUnreached) as raised:
            await post(open_origin(url.replace("http:", "https:")))
    assert failure_of(raised.value) is Failure.TLS_PROTOCOL_ERROR


class Names:
    """Looks up names, and counts."""

    def __init__(self, *ports: int) -> None:
        self.ports = ports
        self.asked = 0

    async def getaddrinfo(self, host: str, port: int, **_: Any) -> list[Any]:
        self.asked += 1
        kind = (socket.AF_INET, socket.SOCK_STREAM, 6, "")
        return [(*kind, ("127.0.0.1", one)) for one in self.ports]


@pytest.fixture
def closed_port() -> Iterator[int]:
    """A port that refuses connections."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        yield unused.getsockname()[1]


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> Names:
    names = Names()
    monkeypatch.setattr(
        asyncio.BaseEventLoop,
        "getaddrinfo",
        lambda loop, *what, **how: names.getaddrinfo(*what, **how),
    )
    return names


async def test_one_address_after_the_other_is_tried(
    open_origin: OpenOrigin, names: Names, closed_port: int
) -> None:
    """And the one that worked is the first next time; names are remembered."""
    async with serving(answering(ANSWER)) as url:
        port = int(url.rpartition(":")[2])
        names.ports = (closed_port, port)
        to = open_origin("http://app.test:80")
        for _ in range(3):
            assert await post(to) == b"ok"
        first = (await to._dialer._looked_up())[0]
    assert first[4] == ("127.0.0.1", port)
    assert names.asked == 1


async def test_an_address_that_does_not_answer_leaves_time_for_the_next(
    open_origin: OpenOrigin, names: Names
) -> None:
    with full_port() as port:
        async with serving(answering(ANSWER)) as url:
            names.ports = (port, int(url.rpartition(":")[2]))
            to = open_origin("http://app.test:80", connect_timeout_s=1)
            assert await post(to) == b"ok"


async def test_an_origin_that_has_moved_is_looked_for_again(
    open_origin: OpenOrigin, names: Names, closed_port: int, origin: RecordingOrigin
) -> None:
    names.ports = (closed_port,)
    to = open_origin("http://app.test:80")
    with pytest.raises(OriginUnreached, match="connection_refused: Connection refused"):
        await post(to)
    names.ports = (origin.port,)
    assert await post(to) == b"stored"


async def test_a_name_without_an_address_is_not_reached(
    open_origin: OpenOrigin, names: Names
) -> None:
    with pytest.raises(OriginUnreached, match=r"^connection_refused$"):
        await post(open_origin("http://app.test:80"))


async def test_a_port_that_is_not_said_is_the_one_of_the_scheme(
    open_origin: OpenOrigin,
) -> None:
    assert open_origin("http://app.test")._dialer._port == 80
    assert open_origin("https://app.test")._dialer._port == 443
