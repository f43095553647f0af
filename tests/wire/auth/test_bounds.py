"""How much a principal may have open, and what a route asks of its own."""

from __future__ import annotations

import asyncio

from proxy.app import App
from tests.conftest import StartProxy
from tests.kit.answer import Answer
from tests.kit.auth import (
    ALICE,
    BOB,
    AuthServer,
)
from tests.kit.bounds import until
from tests.kit.origin import RecordingOrigin, Reply
from tests.kit.raw import chunk
from tests.kit.words import words

from .conftest import BY_NAME, BY_SECRET, VERSION, Guarded, stored


async def test_a_principal_has_so_many_uploads(
    guarded: Guarded, auth: AuthServer
) -> None:
    client = await guarded({**BY_NAME, "max_uploads": 2})
    uploads = [
        await client.create(VERSION, last=False, sends=b"a", fields=ALICE)
        for _ in range(3)
    ]
    assert [one.answer.status for one in uploads] == [201, 201, 429]
    assert uploads[2].answer.one("Retry-After") == "30"
    assert (await client.create(VERSION, sends=b"a", fields=BOB)).answer.status == 200
    await uploads[0].cancel(*ALICE)
    upload = await client.create(VERSION, last=False, sends=b"a", fields=ALICE)
    assert upload.answer.status == 201


async def test_a_principal_has_so_many_bytes(
    guarded: Guarded, auth: AuthServer
) -> None:
    client = await guarded({**BY_NAME, "max_bytes": 100})
    first = await client.create(
        VERSION, last=False, sends=b"a", announce=60, fields=ALICE
    )
    assert first.answer.status == 201
    over = await client.create(VERSION, sends=b"b" * 41, fields=ALICE)
    assert over.answer.status == 429
    second = await client.create(VERSION, last=False, sends=b"b" * 30, fields=ALICE)
    assert second.answer.status == 201
    answer = await second.append(at=30, last=False, sends=b"c" * 11, fields=ALICE)
    assert (answer.status, answer.offset) == (429, 30)
    answer = await second.append(
        at=30, last=False, chunked=True, sends=b"c" * 11, fields=ALICE
    )
    assert (answer.status, answer.offset) == (413, 40)
    full = await client.create(VERSION, last=False, sends=b"", fields=ALICE)
    assert full.answer.status == 429
    assert (await client.create(VERSION, sends=b"a", fields=BOB)).answer.status == 200
    answer = await first.append(at=1, sends=b"a" * 59, fields=ALICE)
    assert answer.status == 200
    answer = await second.append(at=40, sends=b"c" * 60, fields=ALICE)
    assert answer.status == 200


async def test_several_at_a_time_get_no_more_than_one_after_the_other(
    guarded: Guarded,
) -> None:
    """Also where none of them says how much it will bring."""
    client = await guarded({**BY_NAME, "max_bytes": 100})
    one, other = [
        await client.create(
            VERSION,
            last=False,
            chunked=True,
            sends=b"a" * 40,
            then="stall",
            fields=ALICE,
        )
        for _ in range(2)
    ]

    async def taken() -> bool | None:
        over = await client.create(VERSION, sends=b"b" * 21, fields=ALICE)
        return True if over.answer.status == 429 else None

    await until(taken)
    await one.transfer.send(chunk(b"a" * 15), chunk(b"a" * 6))
    answer = Answer(await one.transfer.hear("POST"), words(VERSION))
    assert (answer.status, answer.offset) == (413, 60)
    assert answer.problem["type"].endswith(":too-large")
    await one.cancel(*ALICE)
    await other.transfer.send(chunk(b"a" * 60), chunk(b""))
    assert (await other.transfer.hear("POST")).status == 201
    assert (await other.head(*ALICE)).offset == 100


async def test_what_a_request_announces_is_not_there_for_others(
    guarded: Guarded,
) -> None:
    """Though it is not all of the upload."""
    client = await guarded({**BY_NAME, "max_bytes": 100})
    upload = await client.create(
        VERSION, last=False, length=60, sends=b"a", then="stall", fields=ALICE
    )
    over = await client.create(VERSION, sends=b"b" * 41, fields=ALICE)
    assert over.answer.status == 429
    await upload.transfer.reset()

    async def let_go() -> bool | None:
        again = await client.create(VERSION, sends=b"b" * 41, fields=ALICE)
        return True if again.answer.status == 200 else None

    await until(let_go)


async def test_more_than_a_principal_may_ever_have_is_too_large(
    guarded: Guarded,
) -> None:
    client = await guarded({**BY_NAME, "max_bytes": 100})
    upload = await client.create(VERSION, sends=b"a" * 101, fields=ALICE)
    assert (upload.answer.status, upload.answer.one("Retry-After")) == (413, None)
    assert "max-size=100" in (upload.answer.one("Upload-Limit") or "")
    upload = await client.create(VERSION, last=False, sends=b"a", fields=ALICE)
    assert "max-size=100" in (upload.answer.one("Upload-Limit") or "")


async def test_what_was_let_in_goes_on_when_less_may_be_had(
    guarded: Guarded, restart_proxy: StartProxy
) -> None:
    client = await guarded({**BY_SECRET, "request": None, "max_bytes": 100})
    upload = await client.create(
        VERSION, last=False, sends=b"a" * 5, announce=60, fields=ALICE
    )
    app = await restart_proxy(auth={**BY_SECRET, "max_bytes": 50})
    upload = upload.at(guarded.of(app))
    answer = await upload.append(at=5, sends=b"a" * 55, fields=ALICE)
    assert answer.status == 200


async def test_a_client_that_leaves_is_not_asked_about_on(
    guarded: Guarded, auth: AuthServer, running: list[App]
) -> None:
    client = await guarded(spool={"memory_threshold": 0})
    gate = asyncio.Event()
    auth.then(Reply(200, once=gate))
    upload = await client.create(
        VERSION, length=5, sends=b"a", then="stall", fields=ALICE, interim=False
    )
    await auth.begun()
    await upload.transfer.reset()
    presence = running[0]._road.presence

    async def answered() -> bool | None:
        return True if not presence.busy else None

    await until(answered)
    assert stored(running) == 0
    gate.set()


async def test_a_route_asks_somebody_else_or_nobody(
    guarded: Guarded, auth: AuthServer, origin: RecordingOrigin
) -> None:
    origin.then(Reply(204, body=b"", framing="none"), Reply(204, body=b""))
    client = await guarded(
        routes=[
            {"name": "open", "match": {"paths": "/open"}, "auth": {"request": None}},
            {
                "name": "own",
                "match": {"paths": "/own"},
                "auth": {"request": "origin", "path": "/may-i"},
            },
        ]
    )
    own = await client.create(VERSION, sends=b"a", path="/own")
    assert own.answer.status == 200
    asked = [(one.method, one.target) for one in origin.requests]
    assert asked == [("GET", "/may-i"), ("GET", "/may-i"), ("POST", "/own")]
    assert (await client.create(VERSION, sends=b"b", path="/open")).answer.status == 200
    assert auth.requests == []
    assert (await client.create(VERSION, sends=b"c")).answer.status == 401
    assert len(auth.requests) == 1
    assert origin.bodies[-2:] == [b"a", b"b"]
