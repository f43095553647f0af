"""Who may upload: asked at the creation and before the forward."""

from __future__ import annotations

import pytest

from proxy.app import App
from tests.conftest import StartProxy
from tests.kit.auth import (
    ALICE,
    ALICE_LATER,
    CHALLENGE,
    REFUSED,
    AuthServer,
)
from tests.kit.origin import RecordingOrigin, Reply, Silence
from tests.kit.words import each_version

from .conftest import BY_NAME, VERSION, Guarded, stored


@each_version
async def test_a_creation_that_is_refused_is_answered_by_who_refuses(
    guarded: Guarded,
    origin: RecordingOrigin,
    auth: AuthServer,
    running: list[App],
    version: int,
) -> None:
    """Before the 104, and before a byte of it is asked for or stored."""
    client = await guarded(spool={"memory_threshold": 0})
    upload = await client.create(version, sends=b"a" * 10)
    assert upload.answer.status == 401
    assert upload.answer.one("WWW-Authenticate") == CHALLENGE
    assert upload.answer.one("Content-Type") == "text/plain"
    assert upload.answer.content == REFUSED
    assert upload.answer.interims == []
    assert upload.answer.offset is None
    assert (origin.requests, stored(running)) == ([], 0)
    assert len(auth.requests) == 1


async def test_the_content_is_not_asked_for_before_it_is_let_through(
    guarded: Guarded, auth: AuthServer
) -> None:
    client = await guarded()
    expects = (("Expect", "100-continue"),)
    upload = await client.create(VERSION, length=10, fields=expects)
    assert (upload.answer.status, upload.answer.interims) == (401, [])


async def test_the_question_has_the_head_and_no_content(
    guarded: Guarded, auth: AuthServer, origin: RecordingOrigin
) -> None:
    client = await guarded()
    upload = await client.create(
        VERSION,
        sends=b"a" * 10,
        path="/files?sig=1",
        fields=(
            *ALICE,
            ("X-Forwarded-Uri", "/forged"),
            ("X-Forwarded-Method", "GET"),
            ("X-Original-URL", "http://a/forged"),
            ("X-Original-Method", "GET"),
            ("X-HTTP-Method-Override", "GET"),
            ("X-Forwarded-Path", "/forged"),
            ("If-None-Match", '"x"'),
            ("Content-Type", "text/plain"),
        ),
    )
    assert (upload.answer.status, origin.bodies) == (200, [b"a" * 10])
    asked = [auth.requests[0], auth.requests[1]]  # at the creation, before the forward
    assert len(auth.requests) == 2
    for one in asked:
        assert (one.method, one.target) == ("GET", "/check?by=proxy")
        assert one.one("X-Forwarded-Method") == "POST"
        assert one.one("X-Forwarded-Uri") == "/files?sig=1"
        assert one.one("Authorization") == "Bearer alice-1"
        assert one.one("Host") == auth.address.removeprefix("http://")
        for name in ("Content-Length", "Transfer-Encoding", "If-None-Match", "Expect"):
            assert one.all(name) == []
        assert one.one("Content-Type") == "text/plain"
        assert "forged" not in str(one.fields)
        assert (one.all("X-Original-Method"), one.body) == ([], b"")
        assert one.all("X-HTTP-Method-Override") == []


async def test_the_origin_can_be_the_one_that_is_asked(
    start_proxy: StartProxy, guarded: Guarded, origin: RecordingOrigin
) -> None:
    settings = {"request": "origin", "path": "/may-i"}
    client = guarded.of(await start_proxy(auth=settings))
    origin.then(Reply(204, body=b"", framing="none"), Reply(200), Reply(201))
    upload = await client.create(VERSION, sends=b"abc")
    assert upload.answer.status == 201
    targets = [(one.method, one.target) for one in origin.requests]
    assert targets == [("GET", "/may-i"), ("GET", "/may-i"), ("POST", "/files")]
    assert origin.requests[0].one("Host") == origin.requests[2].one("Host")


async def test_what_is_no_upload_is_not_asked_about(
    guarded: Guarded, auth: AuthServer, origin: RecordingOrigin
) -> None:
    client = await guarded()
    assert (await client.ask("GET", "/files")).status == 200
    assert (len(origin.requests), auth.requests) == (1, [])


@pytest.mark.parametrize("status", [301, 302, 307])
async def test_no_redirect_is_followed(
    guarded: Guarded, auth: AuthServer, origin: RecordingOrigin, status: int
) -> None:
    client = await guarded()
    elsewhere = f"{origin.address}/login"
    auth.then(Reply(status, (("Location", elsewhere), ("Set-Cookie", "a=b"))))
    upload = await client.create(VERSION, sends=b"abc", fields=ALICE)
    assert (upload.answer.status, upload.answer.location) == (status, elsewhere)
    assert upload.answer.one("Set-Cookie") is None
    assert (len(auth.requests), origin.requests) == (1, [])


@pytest.mark.parametrize(
    "trouble",
    [Silence(), Reply(304, body=b"", framing="none"), Reply(500), Reply(503)],
)
async def test_without_an_answer_nothing_begins(
    guarded: Guarded,
    auth: AuthServer,
    origin: RecordingOrigin,
    running: list[App],
    trouble: Silence | Reply,
) -> None:
    client = await guarded(
        {"timeout": "200ms"}, spool={"memory_threshold": 0}, log={"level": "error"}
    )
    auth.then(trouble)
    upload = await client.create(VERSION, sends=b"abc", fields=ALICE)
    assert (upload.answer.status, upload.answer.interims) == (503, [])
    assert upload.answer.problem["type"].endswith(":auth-down")
    assert upload.answer.one("Retry-After") == "5"
    assert (origin.requests, stored(running)) == ([], 0)


async def test_a_server_that_cannot_be_reached_lets_nothing_begin(
    guarded: Guarded, auth: AuthServer, running: list[App]
) -> None:
    client = await guarded(spool={"memory_threshold": 0}, log={"level": "error"})
    await auth.stop()
    upload = await client.create(VERSION, sends=b"abc", fields=ALICE)
    assert (upload.answer.status, stored(running)) == (503, 0)
    await auth.start()
    upload = await client.create(VERSION, sends=b"abc", fields=ALICE)
    assert upload.answer.status == 200


async def test_silence_is_said_once_a_minute_however_often_it_is_met(
    guarded: Guarded, auth: AuthServer, capsys: pytest.CaptureFixture[str]
) -> None:
    client = await guarded(BY_NAME, log={"level": "warning"})
    upload = await client.create(VERSION, last=False, sends=b"a", fields=ALICE)
    auth.then(*[Reply(500)] * 6)
    for _ in range(3):
        assert (await client.create(VERSION, sends=b"a")).answer.status == 503
        assert (await upload.head(*ALICE)).status == 503
    assert capsys.readouterr().err.count("auth server silent") == 1


async def test_a_refusal_without_a_bound_is_told_without_its_content(
    guarded: Guarded, auth: AuthServer
) -> None:
    client = await guarded()
    auth.then(Reply(403, (("Content-Type", "text/html"),), b"x" * 100_000))
    upload = await client.create(VERSION, sends=b"abc", fields=ALICE)
    assert (upload.answer.status, upload.answer.content) == (403, b"")
    assert upload.answer.one("Content-Type") is None


@each_version
async def test_a_forward_that_is_refused_can_be_asked_for_again(
    guarded: Guarded, auth: AuthServer, origin: RecordingOrigin, version: int
) -> None:
    client = await guarded(origin={"credentials": "finishing"})
    upload = await client.create(
        version, last=False, sends=b"a" * 5, announce=10, fields=ALICE
    )
    assert upload.answer.status == 201
    del auth.known["Bearer alice-1"]
    answer = await upload.append(at=5, sends=b"b" * 5)
    assert (answer.status, answer.content) == (401, REFUSED)
    assert answer.one("WWW-Authenticate") == CHALLENGE
    assert origin.requests == []
    head = await upload.head()
    assert (head.status, head.offset, head.complete) == (204, 10, False)
    questions = len(auth.requests)
    answer = await upload.append(at=10)
    assert answer.status == 401
    assert len(auth.requests) == questions + 1
    auth.known["Bearer alice-2"] = "alice"
    answer = await upload.append(at=10, fields=ALICE_LATER)
    assert (answer.status, answer.content) == (200, b"stored")
    assert [one.one("Authorization") for one in origin.requests] == ["Bearer alice-2"]
    assert origin.bodies == [b"a" * 5 + b"b" * 5]


async def test_what_was_not_let_through_is_not_asked_about_by_itself(
    guarded: Guarded,
    start_proxy: StartProxy,
    restart_proxy: StartProxy,
    auth: AuthServer,
    origin: RecordingOrigin,
) -> None:
    """Nor after a restart: only its client, or its end, has it move."""
    client = await guarded()
    auth.then(Reply(200), Reply(403))
    upload = await client.create(VERSION, sends=b"abc", fields=ALICE)
    assert upload.answer.status == 403
    asked = {"request": f"{auth.address}/check"}
    client = guarded.of(await restart_proxy(auth=asked))
    assert await upload.at(client).ask_offset() == 3
    assert (len(auth.requests), origin.requests) == (2, [])
    assert (await upload.at(client).append(at=3)).status == 200
    assert origin.bodies == [b"abc"]


async def test_what_was_not_let_through_goes_when_nobody_has_to_be_asked(
    guarded: Guarded,
    restart_proxy: StartProxy,
    auth: AuthServer,
    origin: RecordingOrigin,
) -> None:
    client = await guarded()
    auth.then(Reply(200), Reply(403))
    await client.create(VERSION, sends=b"abc", fields=ALICE)
    await restart_proxy()
    await origin.received()
    assert origin.bodies == [b"abc"]


async def test_what_was_not_let_through_can_be_cancelled(
    guarded: Guarded, auth: AuthServer, running: list[App]
) -> None:
    client = await guarded()
    auth.then(Reply(200), Reply(403))
    upload = await client.create(VERSION, sends=b"abc", fields=ALICE)
    assert upload.answer.status == 403
    assert (await upload.cancel()).status == 204
    assert (await upload.head()).status == 404
    assert stored(running) == 0


async def test_a_server_that_is_down_holds_a_forward(
    guarded: Guarded, auth: AuthServer, origin: RecordingOrigin
) -> None:
    """P5: it is tried on, and goes when the auth server is back."""
    client = await guarded(log={"level": "error"})
    upload = await client.create(
        VERSION, last=False, sends=b"a", announce=2, fields=ALICE
    )
    await auth.stop()
    answer = await upload.append(at=1, sends=b"b")
    assert answer.status == 503
    assert answer.problem["type"].endswith(":auth-down")
    assert answer.offset == 2
    await auth.start()
    assert (await upload.append(at=2)).status == 200
    assert origin.bodies == [b"ab"]


async def test_too_many_questions_are_asked_again_later(
    guarded: Guarded, auth: AuthServer, origin: RecordingOrigin
) -> None:
    client = await guarded(log={"level": "error"}, origin={"retry_for": "5s"})
    auth.then(Reply(200), Reply(429))
    upload = await client.create(VERSION, sends=b"abc", fields=ALICE)
    assert (upload.answer.status, origin.bodies) == (200, [b"abc"])
