"""Whose an upload is, and what everybody else hears of it (P11)."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import Any

import pytest

from proxy.app import App
from tests.conftest import StartProxy
from tests.kit.auth import (
    ALICE,
    ALICE_LATER,
    BOB,
    CHALLENGE,
    REFUSED,
    AuthServer,
)
from tests.kit.client import Upload
from tests.kit.origin import RecordingOrigin, Reply
from tests.kit.raw import Lines
from tests.kit.words import VERSIONS

from .conftest import BY_NAME, BY_SECRET, UNKNOWN, VERSION, Guarded


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
