"""An endpoint that wants a form: what it gets, while clients see no difference."""

from __future__ import annotations

from pathlib import Path
from random import Random
from typing import Any

import pytest

from tests.conftest import StartProxy
from tests.kit.client import Client
from tests.kit.forms import Part, by_python_multipart
from tests.kit.origin import Early, RecordingOrigin, Reply, Request, Reset
from tests.kit.words import each_version

WRAPPED: dict[str, Any] = {
    "wrap": "multipart",
    "form": {
        "field": "photo",
        "filename": "unnamed.jpg",
        "fields": [
            {"name": "title", "header": "X-Title"},
            {"name": "digest", "header": "Repr-Digest"},
        ],
    },
}
FIELDS = (
    ("Content-Type", "image/jpeg"),
    ("Content-Disposition", 'attachment; filename="../a \\"b\\".jpg"'),
    ("Repr-Digest", "sha-256=:x:"),
    ("X-Title", "Sunset"),
)
NAME = "a %22b%22.jpg"

wrapped = pytest.mark.configured(origin=WRAPPED)


def form_in(request: Request) -> list[Part]:
    """The form that the origin got."""
    media_type = request.one("Content-Type")
    assert media_type is not None
    assert request.one("Content-Length") == str(len(request.body))
    return by_python_multipart(media_type.encode(), request.body)


def a_form(body: bytes) -> list[Part]:
    return [
        Part("title", b"Sunset"),
        Part("digest", b"sha-256=:x:"),
        Part("photo", body, NAME, "image/jpeg"),
    ]


@each_version
@wrapped
async def test_a_cut_upload_is_one_form_in_the_end(
    client: Client, origin: RecordingOrigin, version: int
) -> None:
    """P1: offsets and lengths are those of the body."""
    upload = await client.create(
        version, length=100, sends=b"a" * 40, then="cut", fields=FIELDS, method="PUT"
    )
    assert await upload.ask_offset() == 40
    answer = await upload.append(at=40, sends=b"b" * 60)
    assert (answer.status, answer.offset, answer.complete) == (200, 100, True)
    assert (await upload.append(at=100)).content == b"stored"
    [seen] = origin.requests
    assert form_in(seen) == a_form(b"a" * 40 + b"b" * 60)
    assert seen.method == "PUT"
    assert "content-disposition" not in seen.names()
    assert "repr-digest" not in seen.names()
    assert seen.one("X-Title") == "Sunset"


@pytest.mark.parametrize("threshold", [0, "1MiB"], ids=["disk", "memory"])
@pytest.mark.parametrize("size", [0, 1, 65_535, 65_536, 65_537, 1_048_577, 3_000_001])
async def test_bodies_of_all_sizes_arrive(
    start_proxy: StartProxy,
    origin: RecordingOrigin,
    threshold: object,
    size: int,
) -> None:
    app = await start_proxy(origin=WRAPPED, spool={"memory_threshold": threshold})
    client, body = Client(app.addresses[0]), Random(size).randbytes(size)
    upload = await client.create(10, sends=body, fields=FIELDS)
    assert (upload.answer.status, upload.answer.offset) == (200, size)
    await client.close()
    assert form_in(origin.complete[0]) == a_form(body)


@wrapped
async def test_what_the_client_does_not_say_is_left_out(
    client: Client, origin: RecordingOrigin
) -> None:
    await client.create(9, sends=b"abc")
    media_type = "application/octet-stream"
    assert form_in(origin.requests[0]) == [
        Part("photo", b"abc", "unnamed.jpg", media_type)
    ]


@wrapped
async def test_a_form_of_the_client_goes_as_it_is(
    client: Client, origin: RecordingOrigin
) -> None:
    media_type = ("Content-Type", "multipart/form-data; boundary=x")
    body = b'--x\r\nContent-Disposition: form-data; name="a"\r\n\r\nb\r\n--x--\r\n'
    await client.create(9, sends=body, fields=(media_type, *FIELDS[1:]))
    assert origin.bodies == [body]
    assert origin.requests[0].one("Content-Type") == media_type[1]
    assert origin.requests[0].one("Repr-Digest") == "sha-256=:x:"


@wrapped
async def test_what_is_no_upload_is_passed_through(
    client: Client, origin: RecordingOrigin
) -> None:
    answer = await client.ask("POST", "/", ("Content-Length", "3"), sends=b"abc")
    assert answer.status == 200
    assert origin.bodies == [b"abc"]


@pytest.mark.parametrize("size", [40, 3_000_000])
async def test_a_repeated_request_is_the_same_request(
    start_proxy: StartProxy, origin: RecordingOrigin, size: int
) -> None:
    """P3, with an Idempotency-Key: byte for byte, as some origins compare."""
    settings = {**WRAPPED, "unknown_outcome": "repeat", "retry_for": "5s"}
    app = await start_proxy(origin=settings)
    origin.then(Reset(), Reply(201, (), b"made"))
    client = Client(app.addresses[0])
    upload = await client.create(9, sends=b"a" * size, fields=FIELDS)
    assert upload.answer.status == 201
    await client.close()
    first, second = origin.complete
    assert (first.fields, first.body) == (second.fields, second.body)
    assert first.one("Idempotency-Key")
    assert form_in(first) == a_form(b"a" * size)


async def test_so_it_is_after_a_restart(
    start_proxy: StartProxy, restart_proxy: StartProxy, origin: RecordingOrigin
) -> None:
    """P5: what was cut by the origin is sent on by another process."""
    await origin.stop()
    app = await start_proxy(origin=WRAPPED)
    client = Client(app.addresses[0])
    upload = await client.create(9, sends=b"a" * 40, fields=FIELDS)
    assert upload.answer.status == 503
    await client.close()
    await origin.start()
    await restart_proxy(origin=WRAPPED)
    assert form_in(await origin.received()) == a_form(b"a" * 40)


@wrapped
async def test_an_outcome_is_unknown_as_without_a_form(
    client: Client, origin: RecordingOrigin
) -> None:
    """P3."""
    origin.then(Reset())
    upload = await client.create(9, sends=b"a" * 40, fields=FIELDS)
    assert (upload.answer.status, upload.answer.offset) == (502, 40)
    assert "outcome-unknown" in upload.answer.problem["type"]
    assert (await upload.append(at=40)).status == 502
    assert len(origin.requests) == 1


@pytest.mark.configured(origin={**WRAPPED, "retry_for": "5s"})
async def test_one_that_was_cut_is_tried_again(
    client: Client, origin: RecordingOrigin
) -> None:
    """P5: without its end the form was not whole."""
    body = Random(1).randbytes(8_000_000)
    origin.then(Reset(after=1000))
    upload = await client.create(9, sends=body, fields=FIELDS)
    assert upload.answer.status == 200
    assert [request.complete for request in origin.requests] == [False, True]
    assert form_in(origin.complete[0]) == a_form(body)


@wrapped
async def test_an_early_answer_is_the_answer(
    client: Client, origin: RecordingOrigin
) -> None:
    origin.then(Early(1000, Reply(413, (), b"too much")))
    upload = await client.create(9, sends=bytes(8_000_000), fields=FIELDS)
    assert (upload.answer.status, upload.answer.content) == (413, b"too much")
    assert len(origin.requests) == 1


async def test_a_route_may_say_it_otherwise(
    start_proxy: StartProxy, origin: RecordingOrigin
) -> None:
    raw = {"name": "raw", "match": {"paths": "/raw"}, "origin": {"wrap": "raw"}}
    other = {
        "name": "other",
        "match": {"paths": "/other"},
        "origin": {"form": {"field": "document", "fields": []}},
    }
    app = await start_proxy(origin=WRAPPED, routes=[raw, other])
    client = Client(app.addresses[0])
    for path in ("/raw", "/other", "/files"):
        await client.create(9, path=path, sends=b"abc", fields=FIELDS)
    await client.close()
    assert origin.bodies[0] == b"abc"
    assert form_in(origin.requests[1]) == [Part("document", b"abc", NAME, "image/jpeg")]
    assert form_in(origin.requests[2]) == a_form(b"abc")


async def test_no_secret_is_made_where_none_is_needed(
    start_proxy: StartProxy, tmp_path: Path
) -> None:
    secret = tmp_path / "spool" / "secret"
    await start_proxy()
    assert not secret.exists()
    await start_proxy(origin=WRAPPED)
    assert secret.exists()
