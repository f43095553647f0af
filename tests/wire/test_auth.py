"""Who may upload: asked at the creation and before the forward, and whose it is."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest

from proxy.app import App
from tests.conftest import StartProxy
from tests.kit.answer import Answer
from tests.kit.auth import (
    ALICE,
    ALICE_LATER,
    BOB,
    CHALLENGE,
    REFUSED,
    AuthServer,
)
from tests.kit.bounds import until
from tests.kit.client import Client, Upload
from tests.kit.origin import RecordingOrigin, Reply, Silence
from tests.kit.raw import Lines, chunk
from tests.kit.words import VERSIONS, each_version, words

VERSION = 9
UNKNOWN = "A" * 43
BY_NAME = {"principal": ["answer:x-auth-user"]}
BY_SECRET = {"principal": ["request:authorization"]}


@pytest.fixture
async def auth() -> AsyncIterator[AuthServer]:
    server = AuthServer()
    await server.start()
    yield server
    await server.stop()


class Guarded:
    """Proxies that ask the auth server, and clients of them."""

    def __init__(self, start: StartProxy, auth: AuthServer) -> None:
        self._start = start
        self._auth = auth
        self._clients: list[Client] = []

    async def __call__(self, auth: dict[str, Any] | None = None, **more: Any) -> Client:
        asked = {"request": f"{self._auth.address}/check?by=proxy", "timeout": "1s"}
        app = await self._start(auth={**asked, **(auth or {})}, **more)
        return self.of(app)

    def of(self, app: App) -> Client:
        self._clients.append(Client(app.addresses[0]))
        return self._clients[-1]

    async def close(self) -> None:
        for client in self._clients:
            await client.close()


@pytest.fixture
async def guarded(start_proxy: StartProxy, auth: AuthServer) -> AsyncIterator[Guarded]:
    made = Guarded(start_proxy, auth)
    yield made
    await made.close()


def stored(running: list[App]) -> int:
    return sum(len(list(app._premises.disk.tokens())) for app in running)


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


async def test_a_server_that_is_down_holds_a_forward_as_an_origin_does(
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
    assert answer.problem["type"].endswith(":origin-down")
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


def fields_of(answer: Any) -> Lines:
    ours = {"date", "x-request-id"}
    return tuple(one for one in answer.fields if one[0].lower() not in ours)


def content_of(answer: Any) -> bytes:
    """Its content, as it would be of any other request: each has an id of its own."""
    request_id = (answer.one("X-Request-ID") or "").encode()
    content: bytes = answer.content.replace(request_id, b"")
    return content


async def every_answer(upload: Upload, *fields: tuple[str, str]) -> list[Any]:
    """What each kind of request on an upload gets."""
    return [
        await upload.head(*fields),
        await upload.ask("GET", *fields),
        await upload.append(at=5, sends=b"b" * 5, fields=fields),
        await upload.append(at=3, sends=b"b" * 5, fields=fields),
        await upload.append(at=10, last=True, fields=fields),
        await upload.append(at=5, last=False, chunked=True, sends=b"x", fields=fields),
        await upload.ask("PATCH", *fields),
        await upload.ask("HEAD", ("Upload-Offset", "5"), *fields),
        await upload.ask("OPTIONS", *fields),
        await upload.cancel(*fields),
        await upload.cancel(("Upload-Offset", "5"), *fields),
    ]


def same(one: Any, other: Any) -> bool:
    """Nobody can tell these answers apart."""
    told = [(it.status, fields_of(it), content_of(it)) for it in (one, other)]
    return told[0] == told[1]


class _Named(Upload):
    """An upload with another name than it was told."""

    name = UNKNOWN

    @property
    def url(self) -> str:
        return super().url.rpartition("/")[0] + "/" + self.name


def none_like(upload: Upload) -> Upload:
    return _Named(upload._client, upload.version, upload.answer, upload.transfer)


@pytest.mark.parametrize("terms", [BY_NAME, BY_SECRET])
@pytest.mark.parametrize("threshold", [0, 1000])
@pytest.mark.parametrize("somebody", [BOB, (), ALICE_LATER])
@pytest.mark.parametrize("version", [VERSIONS[0], 6, VERSIONS[-1]])
async def test_strangers_hear_what_is_heard_of_no_upload(
    guarded: Guarded,
    origin: RecordingOrigin,
    terms: dict[str, Any],
    threshold: int,
    somebody: Lines,
    version: int,
) -> None:
    client = await guarded(terms, spool={"memory_threshold": threshold})
    upload = await client.create(
        version, last=False, sends=b"a" * 5, announce=10, fields=ALICE
    )
    other = none_like(upload)
    at_one = await every_answer(upload, *somebody)
    at_none = await every_answer(other, *somebody)
    asked = terms is BY_NAME and somebody is not BOB
    for one, none in zip(at_one, at_none, strict=True):
        assert one.status == (401 if asked else 404)
        assert same(one, none)
    head = await upload.head(*ALICE)
    assert (head.status, head.offset) == (204, 5)
    answer = await upload.append(at=5, sends=b"b" * 5, fields=ALICE)
    assert (answer.status, origin.bodies) == (200, [b"a" * 5 + b"b" * 5])
    assert (await upload.append(at=10, fields=BOB)).status == 404
    assert (await upload.append(at=10, fields=ALICE)).content == b"stored"


@pytest.mark.parametrize("terms", [BY_NAME, BY_SECRET])
async def test_a_stranger_ends_no_transfer(
    guarded: Guarded, origin: RecordingOrigin, terms: dict[str, Any]
) -> None:
    """P6 is for who has a right to the upload."""
    client = await guarded(terms)
    upload = await client.create(
        VERSION, length=10, sends=b"a" * 5, then="stall", fields=ALICE
    )
    assert (await upload.head(*BOB)).status == 404
    assert (await upload.append(at=5, sends=b"b" * 5, fields=BOB)).status == 404
    assert (await upload.cancel(*BOB)).status == 404
    await upload.transfer.send(b"c" * 5)
    response = await upload.transfer.hear("POST")
    assert (response.status, origin.bodies) == (200, [b"a" * 5 + b"c" * 5])


async def test_the_same_user_with_a_new_token_goes_on(
    guarded: Guarded, auth: AuthServer, origin: RecordingOrigin
) -> None:
    """`finishing`: the new credentials are taken, since they are of the same user."""
    client = await guarded(BY_NAME, origin={"credentials": "finishing"})
    upload = await client.create(
        VERSION, last=False, sends=b"a", announce=2, fields=ALICE
    )
    auth.known["Bearer alice-2"] = "alice"
    assert (await upload.append(at=1, sends=b"b", fields=BOB)).status == 404
    answer = await upload.append(at=1, sends=b"b", fields=ALICE_LATER)
    assert answer.status == 200
    assert origin.requests[0].one("Authorization") == "Bearer alice-2"


async def test_who_somebody_is_is_asked_once_for_a_while(
    guarded: Guarded, auth: AuthServer
) -> None:
    client = await guarded(BY_NAME)
    upload = await client.create(
        VERSION, last=False, sends=b"a" * 5, announce=10, fields=ALICE
    )
    assert len(auth.requests) == 1
    for _ in range(3):
        assert (await upload.head(*ALICE)).status == 204
    for at in (5, 6):
        answer = await upload.append(at=at, last=False, sends=b"b", fields=ALICE)
        assert answer.offset == at + 1
    assert len(auth.requests) == 3
    methods = [one.one("X-Forwarded-Method") for one in auth.requests]
    assert methods == ["POST", "HEAD", "PATCH"]
    asked = auth.requests[1]
    assert asked.one("X-Forwarded-Uri") == "/resumable_upload/"
    told = " ".join(f"{name} {value}" for name, value in asked.fields)
    assert upload.path.rpartition("/")[2] not in told + asked.target


async def test_what_holds_for_one_method_says_nothing_of_another(
    guarded: Guarded, auth: AuthServer
) -> None:
    """Who may read is not for that one who may write."""
    client = await guarded(BY_NAME)
    upload = await client.create(
        VERSION, last=False, sends=b"a" * 5, announce=10, fields=ALICE
    )
    assert (await upload.head(*ALICE)).status == 204
    auth.writes = False
    answer = await upload.append(at=5, last=False, sends=b"b", fields=ALICE)
    assert answer.status not in (201, 204)
    assert (await upload.cancel(*ALICE)).status != 204
    auth.writes = True
    assert (await upload.head(*ALICE)).offset == 5


async def test_it_is_asked_each_time_where_nothing_is_remembered(
    guarded: Guarded, auth: AuthServer
) -> None:
    client = await guarded({**BY_NAME, "remember": 0})
    upload = await client.create(
        VERSION, last=False, sends=b"a" * 5, announce=10, fields=ALICE
    )
    for _ in range(2):
        await upload.head(*ALICE)
    assert len(auth.requests) == 3


@pytest.mark.parametrize("status", [302, 401, 403, 404])
async def test_a_refusal_is_heard_of_every_upload(
    guarded: Guarded, auth: AuthServer, status: int
) -> None:
    """Not 404 of a token that has expired: a client would give its upload up."""
    client = await guarded(BY_NAME)
    upload = await client.create(
        VERSION, last=False, sends=b"a" * 5, announce=10, fields=ALICE
    )
    refusal = Reply(
        status,
        (("WWW-Authenticate", CHALLENGE), ("Location", "/login"), ("Set-Cookie", "a")),
        REFUSED,
    )
    auth.then(*[refusal] * 22)
    at_one = await every_answer(upload, *ALICE)
    at_none = await every_answer(none_like(upload), *ALICE)
    for one, none in zip(at_one, at_none, strict=True):
        assert (one.status, one.one("WWW-Authenticate")) == (status, CHALLENGE)
        assert (one.location, one.one("Set-Cookie")) == ("/login", None)
        assert one.offset is None
        assert same(one, none)
    assert at_one[1].content == REFUSED
    assert (await upload.head(*ALICE)).offset == 5  # nothing of that is remembered


@pytest.mark.parametrize("status", [408, 425, 429, 500])
async def test_what_says_nothing_is_asked_again(
    guarded: Guarded, auth: AuthServer, status: int
) -> None:
    client = await guarded(BY_NAME, log={"level": "error"})
    upload = await client.create(
        VERSION, last=False, sends=b"a" * 5, announce=10, fields=ALICE
    )
    auth.then(*[Reply(status)] * 2)
    one = await upload.head(*ALICE)
    none = await none_like(upload).head(*ALICE)
    assert (one.status, one.one("Retry-After")) == (503, "5")
    assert same(one, none)
    assert (await upload.head(*ALICE)).status == 204


async def test_nobody_is_not_remembered(guarded: Guarded, auth: AuthServer) -> None:
    client = await guarded(BY_NAME)
    upload = await client.create(VERSION, last=False, sends=b"a", fields=ALICE)
    auth.then(Reply(200))
    assert (await upload.head(*ALICE)).status == 404
    assert (await upload.head(*ALICE)).status == 204


async def test_uploads_of_other_routes_are_told_apart_by_no_refusal(
    guarded: Guarded, auth: AuthServer, origin: RecordingOrigin
) -> None:
    """What a stranger hears is what the top level's auth server says of it."""
    origin.then(Reply(200, (("X-Auth-User", "alice"),)))
    client = await guarded(
        {**BY_NAME, "remember": 0},
        routes=[
            {"name": "own", "match": {"paths": "/own"}, "auth": {"request": "origin"}}
        ],
    )
    upload = await client.create(
        VERSION, last=False, sends=b"a", path="/own", fields=ALICE
    )
    assert upload.answer.status == 201
    other = none_like(upload)
    for word in (Reply(403), Reply(200, (("X-Auth-User", "bob"),)), Reply(200)):
        for whoever, status in ((ALICE, 404), ((), 401)):
            origin.then(word)
            one, none = await upload.head(*whoever), await other.head(*whoever)
            assert one.status == status
            assert same(one, none)
    origin.then(Reply(200, (("X-Auth-User", "alice"),)))
    assert (await upload.head()).status == 204  # the top level's word is not needed


async def test_who_cannot_be_recognised_just_now_hears_the_same_of_every_upload(
    guarded: Guarded, auth: AuthServer
) -> None:
    client = await guarded(BY_NAME, log={"level": "error"})
    upload = await client.create(
        VERSION, last=False, sends=b"a" * 5, announce=10, fields=ALICE
    )
    await auth.stop()
    other = none_like(upload)
    one, none = await upload.head(*ALICE), await other.head(*ALICE)
    assert one.status == none.status == 503
    assert fields_of(one) == fields_of(none)


@pytest.mark.parametrize("terms", [BY_NAME, BY_SECRET])
async def test_nobody_begins_nothing(
    guarded: Guarded, auth: AuthServer, terms: dict[str, Any]
) -> None:
    client = await guarded(terms)
    auth.then(Reply(200))
    upload = await client.create(VERSION, sends=b"a")
    assert upload.answer.status == 403
    assert upload.answer.problem["type"].endswith(":not-authorised")


async def test_uploads_of_before_are_whoevers_has_their_url(
    start_proxy: StartProxy, restart_proxy: StartProxy, guarded: Guarded
) -> None:
    client = guarded.of(await start_proxy())
    upload = await client.create(VERSION, last=False, sends=b"a", fields=ALICE)
    client = guarded.of(await restart_proxy(auth=BY_SECRET))
    assert (await upload.at(client).head(*BOB)).status == 204


async def test_what_is_kept_of_a_principal_is_a_hash(
    guarded: Guarded, running: list[App]
) -> None:
    client = await guarded(BY_NAME)
    await client.create(VERSION, last=False, sends=b"a", fields=ALICE)
    (token,) = running[0]._premises.disk.tokens()
    upload = await running[0]._premises.disk.load(token)
    assert len(upload.principal) == 32
    assert set(upload.principal) <= set("0123456789abcdef")


async def test_what_was_recorded_without_a_key_is_known_still(
    guarded: Guarded, running: list[App]
) -> None:
    client = await guarded(BY_SECRET)
    upload = await client.create(VERSION, last=False, sends=b"a", fields=ALICE)
    disk = running[0]._premises.disk
    (token,) = disk.tokens()
    said = b"principal\0request:authorization\00014\0Bearer alice-1"
    bare = hashlib.sha256(said).hexdigest()[:32]
    current = await disk.load(token)
    assert current.principal != bare
    await disk.save(replace(current, principal=bare), durable=True)
    assert (await upload.head(*ALICE)).status == 204
    assert (await upload.head(*BOB)).status == 404


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
