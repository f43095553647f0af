"""Servers that are not the proxy, as scripts: what each of them hears."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator
from typing import Any

import pytest

from proxy.client import Policy, Reason, UploadFailed, resume, upload, upload_sync
from tests.kit.origin import Early, RecordingOrigin, Reply, Request, Reset, Silence

BODY = random.Random(9).randbytes(200_000)
HASTY = Policy(base_s=0.01)
SIX = ("Upload-Draft-Interop-Version", "6")
LIMIT = ("Upload-Limit", "min-size=0")


@pytest.fixture
async def other() -> AsyncIterator[RecordingOrigin]:
    recording = RecordingOrigin()
    await recording.start()
    yield recording
    await recording.stop()


def knows(*more: tuple[str, str]) -> Reply:
    """An answer to OPTIONS of somebody who knows uploads."""
    return Reply(fields=(LIMIT, *more), body=b"")


def created(where: str = "/u") -> Reply:
    fields = (("Location", where), ("Upload-Offset", "0"), ("Upload-Complete", "?0"))
    return Reply(status=201, fields=fields, body=b"")


def at(offset: int, status: int = 204, *more: tuple[str, str]) -> Reply:
    fields = (("Upload-Offset", str(offset)), *more)
    return Reply(status=status, fields=fields, body=b"", framing="length")


def methods(origin: RecordingOrigin) -> list[str]:
    return [request.method for request in origin.requests]


async def test_one_that_knows_only_version_6_and_no_completeness(
    origin: RecordingOrigin,
) -> None:
    """As servers answer that look at lengths only."""
    origin.then(
        Reply(status=412),
        knows(SIX),
        created(),
        at(100_000, 204, SIX),
        at(200_000, 204, SIX),
    )
    policy = Policy(chunk_size=100_000)
    done = await upload(BODY, f"{origin.address}/files", policy=policy)
    assert (done.status, done.length) == (204, len(BODY))
    assert methods(origin) == ["OPTIONS", "OPTIONS", "POST", "PATCH", "PATCH"]
    told = [one.one("upload-draft-interop-version") for one in origin.requests]
    assert told == ["10", "6", "6", "6", "6"]
    last = origin.requests[-1]
    assert last.one("content-type") == "application/partial-upload"
    assert last.one("upload-complete") == "?1"
    assert origin.requests[2].one("upload-length") == "200000"
    assert all(one.one("upload-length") is None for one in origin.requests[3:])
    assert bytes(origin.requests[3].body) + bytes(last.body) == BODY


async def test_credentials_stay_where_they_belong(
    origin: RecordingOrigin, other: RecordingOrigin
) -> None:
    secret = {"Authorization": "Bearer x", "Cookie": "a=b", "X-Key": "k"}
    for policy, seen in ((Policy(chunk_size=1 << 20), False), (None, True)):
        policy = policy or Policy(chunk_size=1 << 20, everywhere=True)
        origin.then(knows(), created(f"{other.address}/u"))
        other.then(at(len(BODY), 200, ("Upload-Complete", "?1")))
        await upload(
            iter([BODY]), f"{origin.address}/files", fields=secret, policy=policy
        )
        names = other.requests[-1].names()
        assert {"authorization", "cookie", "x-key"} & set(names) == (
            {"authorization", "cookie", "x-key"} if seen else set()
        )
    assert origin.requests[-1].one("authorization") == "Bearer x"


async def test_who_is_busy_is_asked_again_what_it_takes(
    origin: RecordingOrigin, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Otherwise everything goes in one request, whatever chunk was wished for."""
    monkeypatch.setattr("proxy.client.running.DISCOVERY_S", 0.1)
    busy = Reply(503, (("Retry-After", "0"),), b"")
    for first in (busy, Silence()):
        origin.requests.clear()
        origin.then(first, knows(), created(), at(100_000), at(200_000, 200))
        policy = Policy(chunk_size=100_000, base_s=0.01)
        await upload(BODY, f"{origin.address}/f", policy=policy)
        assert methods(origin) == ["OPTIONS", "OPTIONS", "POST", "PATCH", "PATCH"]


async def test_pauses_are_as_long_as_the_server_says(origin: RecordingOrigin) -> None:
    wait = Reply(status=503, fields=(("Retry-After", "0"),))
    origin.then(knows(), wait, created(), wait, at(0), at(200_000, 200))
    policy = Policy(chunk_size=1 << 20, base_s=60.0)  # ours would be too long
    source = iter([BODY])
    assert (await upload(source, f"{origin.address}/f", policy=policy)).status == 200
    assert methods(origin) == ["OPTIONS", "POST", "POST", "PATCH", "HEAD", "PATCH"]


async def test_a_front_that_takes_little_gets_less(
    origin: RecordingOrigin, monkeypatch: pytest.MonkeyPatch
) -> None:
    small = 70_000

    def choose(request: Request) -> Reply | Early:
        if request.method == "OPTIONS":
            return knows()
        size = int(request.one("content-length") or 0)
        if size > small:
            return Early(0, Reply(status=413))
        if request.method == "POST":
            return created()
        if request.method == "HEAD":
            return at(0)
        return at(int(request.one("upload-offset") or 0) + size)

    monkeypatch.setattr(origin, "choose", choose)
    done = await upload(BODY, f"{origin.address}/files", policy=HASTY)
    assert done.status == 204
    parts = [one for one in origin.complete if one.method == "PATCH"]
    assert b"".join(bytes(one.body) for one in parts) == BODY
    assert max(len(one.body) for one in parts) <= small


async def test_an_answer_without_end_ends_the_sending(
    origin: RecordingOrigin, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its content has no length, and who gave it waits for us to close."""
    monkeypatch.setattr("proxy.client.exchange._CONTENT_S", 0.1)
    origin.then(Reply(404), Reply(404), Early(10, Reply(status=403, framing="close")))
    assert (await upload(BODY, f"{origin.address}/files")).status == 403


async def test_an_offset_that_goes_back_is_an_error(origin: RecordingOrigin) -> None:
    origin.then(knows(), created(), at(100_000), Reset(1000), at(99_999))
    policy = Policy(chunk_size=100_000, base_s=0.01)
    with pytest.raises(UploadFailed, match="went back from 100000 to 99999") as failed:
        await upload(BODY, f"{origin.address}/files", policy=policy)
    assert failed.value.reason is Reason.BROKEN_PROMISE
    assert failed.value.resume_data is None


async def test_what_a_stream_has_no_more_is_said(origin: RecordingOrigin) -> None:
    """104s acknowledge; a server that goes back behind them has broken its word."""
    origin.then(knows(), created(), at(100_000), Reset(1000), Reply(status=404))
    policy = Policy(chunk_size=100_000, base_s=0.01)
    with pytest.raises(UploadFailed) as failed:
        await upload(iter([BODY]), f"{origin.address}/files", policy=policy)
    assert failed.value.reason is Reason.GONE


@pytest.mark.parametrize(("method", "requests"), [("POST", 1), ("PUT", 2)])
async def test_only_what_may_be_repeated_is(
    origin: RecordingOrigin, method: str, requests: int
) -> None:
    origin.then(Reply(404), Reply(404), Reset(), Reply(201))
    going = upload(BODY, f"{origin.address}/files", method=method, policy=HASTY)
    if method == "POST":
        with pytest.raises(UploadFailed) as failed:
            await going
        assert failed.value.reason is Reason.UNKNOWN_OUTCOME
    else:
        assert (await going).status == 201
    assert methods(origin)[2:] == [method] * requests


async def test_a_creation_follows_a_redirection(
    origin: RecordingOrigin, other: RecordingOrigin
) -> None:
    origin.then(knows(), Reply(307, (("Location", f"{other.address}/there"),)))
    other.then(Reply(200, (("Upload-Complete", "?1"),)))
    done = await upload(BODY, f"{origin.address}/files", fields={"Cookie": "a"})
    assert done.status == 200
    (there,) = other.requests
    assert (there.target, there.one("cookie"), bytes(there.body)) == (
        "/there",
        None,
        BODY,
    )


async def test_credentials_stay_there_when_it_is_resumed(
    origin: RecordingOrigin, other: RecordingOrigin
) -> None:
    """The upload is at the server that a redirection led to; they are for the first."""
    secret = {"Authorization": "Bearer x"}
    policy = Policy(chunk_size=100_000, attempts=0)
    there = Reply(307, (("Location", f"{other.address}/there"),), b"")
    origin.then(knows(), there)
    other.then(created(), Reply(401), at(0), at(100_000), at(200_000, 200))
    with pytest.raises(UploadFailed) as failed:
        await upload(BODY, f"{origin.address}/f", fields=secret, policy=policy)
    data = failed.value.resume_data
    assert data is not None
    await resume(data.dumps(), BODY, fields=secret, policy=policy)
    assert methods(other) == ["POST", "PATCH", "HEAD", "PATCH", "PATCH"]
    assert {one.one("authorization") for one in other.requests} == {None}


async def test_a_digest_of_something_else_is_an_error(origin: RecordingOrigin) -> None:
    wrong = ("Repr-Digest", "sha-256=:AAAA:")
    origin.then(knows(SIX), Reply(200, (("Upload-Complete", "?1"), wrong)))
    with pytest.raises(UploadFailed) as failed:
        await upload(BODY, f"{origin.address}/f", version=6, digest=True)
    assert failed.value.reason is Reason.DIGEST
    assert origin.requests[1].one("want-repr-digest") == "sha-256=10"


def test_a_url_and_a_version_have_to_make_sense() -> None:
    with pytest.raises(ValueError, match="expected a URL"):
        upload_sync(b"", "h/files")
    with pytest.raises(ValueError, match="from 3 to 10"):
        upload_sync(b"", "http://h/files", version=2)
    with pytest.raises(ValueError, match="resume data"):
        resume("{}")
    with pytest.raises(ValueError, match="0 or more, got -5"):
        upload_sync([b""], "http://h/files", length=-5)
    with pytest.raises(ValueError, match="uploads nothing"):
        upload_sync(b"", "http://h/files", method="get")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("chunk_size", 0),
        ("chunk_size", -1),
        ("attempts", -1),
        ("stall_s", 0),
        ("answer_s", 0.0),
        ("base_s", -0.1),
    ],
)
def test_a_policy_has_to_make_sense(name: str, value: Any) -> None:
    with pytest.raises(ValueError, match=f"{name}: expected"):
        Policy(**{name: value})
