"""Who may upload, where requests of one upload land on several processes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from proxy.core.upload import Token
from tests.conftest import StartProxy
from tests.kit.auth import ALICE, ALICE_LATER, BOB, CHALLENGE, REFUSED, AuthServer
from tests.kit.bounds import until
from tests.kit.client import Client
from tests.kit.origin import RecordingOrigin, Reply
from tests.shared.conftest import Pair

VERSION = 9


@pytest.fixture
async def auth() -> AsyncIterator[AuthServer]:
    server = AuthServer()
    await server.start()
    yield server
    await server.stop()


@pytest.fixture
async def pair(start_proxy: StartProxy, auth: AuthServer) -> AsyncIterator[Pair]:
    settings: dict[str, Any] = {
        "auth": {"request": auth.address, "principal": ["answer:x-auth-user"]},
        "origin": {"credentials": "finishing"},
    }
    here, there = await start_proxy(**settings), await start_proxy(**settings)
    client, other = Client(here.addresses[0]), Client(there.addresses[0])
    yield Pair(here, there, client, other)
    await client.close()
    await other.close()


@pytest.mark.parametrize("left", ["stall", None])
async def test_a_stranger_is_one_everywhere(
    pair: Pair, origin: RecordingOrigin, left: Any
) -> None:
    """Also while the upload is in the memory of the other process."""
    upload = await pair.client.create(
        VERSION,
        last=left is not None,
        length=10 if left else None,
        announce=None if left else 10,
        sends=b"a" * 5,
        then=left,
        fields=ALICE,
    )
    there = pair.elsewhere(upload)
    for answer in (
        await there.head(*BOB),
        await there.append(at=5, sends=b"b" * 5, fields=BOB),
        await there.ask("OPTIONS", *BOB),
        await there.cancel(*BOB),
    ):
        assert answer.status == 404
    assert (await there.head()).status == 401
    head = await there.head(*ALICE)
    assert (head.status, head.offset) == (204, 5)
    answer = await there.append(at=5, sends=b"b" * 5, fields=ALICE)
    assert (answer.status, origin.bodies) == (200, [b"a" * 5 + b"b" * 5])
    assert (await there.append(at=10, fields=BOB)).status == 404


async def test_what_was_not_let_through_is_sent_on_by_another(
    pair: Pair, auth: AuthServer, origin: RecordingOrigin
) -> None:
    upload = await pair.client.create(
        VERSION, last=False, sends=b"a", announce=2, fields=ALICE
    )
    auth.closed.add("/files")  # at the forward; whose the upload is can be asked
    answer = await upload.append(at=1, sends=b"b", fields=ALICE)
    assert answer.status == 401
    answer = await pair.elsewhere(upload).append(at=2, fields=ALICE)
    assert (answer.status, origin.requests) == (401, [])
    auth.known["Bearer alice-2"] = "alice"
    auth.closed.clear()
    answer = await upload.append(at=2, fields=ALICE_LATER)
    assert (answer.status, origin.bodies) == (200, [b"ab"])
    assert origin.requests[0].one("Authorization") == "Bearer alice-2"


async def test_who_waits_elsewhere_hears_the_auth_server_too(
    pair: Pair, auth: AuthServer
) -> None:
    upload = await pair.client.create(
        VERSION, last=False, sends=b"a", announce=2, fields=ALICE
    )
    gate = asyncio.Event()
    auth.then(
        Reply(200, (("X-Auth-User", "alice"),)),
        Reply(401, (("WWW-Authenticate", CHALLENGE),), REFUSED, once=gate),
    )
    first = asyncio.ensure_future(upload.append(at=1, sends=b"b", fields=ALICE))
    await auth.begun(3)
    there = asyncio.ensure_future(pair.elsewhere(upload).append(at=2, fields=ALICE))
    await auth.begun(4)  # whose it is, asked there
    token = Token(upload.path.rpartition("/")[2])

    async def both_wait() -> bool | None:
        delivery = pair.here._road.deliveries.live(token)
        return True if delivery and len(delivery.followers) == 2 else None

    await until(both_wait)
    gate.set()
    for answer in await asyncio.gather(first, there):
        assert (answer.status, answer.offset) == (401, 2)
        assert answer.one("WWW-Authenticate") == CHALLENGE
