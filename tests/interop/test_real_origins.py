"""Uploads through the proxy into real servers: what arrives is what was sent.

The servers are asked in their own words: a form by POST, or a file by PUT. That the
file in their store has the digest of the one that was sent is what all of this is for.
"""

from __future__ import annotations

import json
from hashlib import sha256
from random import Random
from urllib.parse import urlsplit

import pytest

from tests.kit.answer import Answer
from tests.kit.client import Client, Leaving, Upload
from tests.kit.raw import chunk

from .store import Sending, Store

SIZE = 3_000_000
"""Bytes of the file: more than any of the servers keeps in memory."""

NAME = "Prüfung 1.bin"
TITLE = "Größe über alles, “quoted”"

CONTENT = Random(7).randbytes(SIZE)
DIGEST = sha256(CONTENT).hexdigest()

by_version = pytest.mark.parametrize("version", [3, 6, 10], ids=lambda v: f"v{v}")


@by_version
@pytest.mark.parametrize("then", ["cut", "reset"])
async def test_a_file_that_was_cut_and_resumed_is_the_file_that_was_sent(
    before_store: Client, store: Store, version: int, then: Leaving
) -> None:
    sending = store.sending(NAME, TITLE, CONTENT)
    whole = sending.content
    upload = await _begin(before_store, version, sending, whole[:1_000_000], then)
    here = await upload.ask_offset()
    assert 0 < here <= 1_000_000
    rest, piece = len(whole) - here, whole[here : here + 1_000_000]
    await upload.begin(at=here, length=rest, sends=piece, then=then)
    there = await upload.ask_offset()
    assert here < there <= here + 1_000_000
    answer = await upload.append(at=there, sends=whole[there:])
    assert (answer.complete, answer.offset) == (True, len(whole))
    _assert_stored(store, answer)


@by_version
async def test_parts_without_a_length_are_one_file_with_a_length(
    before_store: Client, store: Store, version: int
) -> None:
    """Application servers read nothing of a body that does not tell its length."""
    sending = store.sending(NAME, TITLE, CONTENT)
    upload = await before_store.create(
        version,
        last=False,
        chunked=True,
        sends=sending.content[:SIZE],
        method=sending.method,
        path=sending.path,
        fields=(("Content-Type", sending.media_type),),
    )
    rest = sending.content[SIZE:]
    answer = await upload.append(at=SIZE, chunked=True, sends=rest)
    assert (answer.complete, answer.offset) == (True, len(sending.content))
    _assert_stored(store, answer)


@by_version
async def test_an_upload_that_comes_whole_needs_no_more_than_one_request(
    before_store: Client, store: Store, version: int
) -> None:
    sending = store.sending(NAME, TITLE, CONTENT)
    upload = await before_store.create(
        version,
        sends=sending.content,
        method=sending.method,
        path=sending.path,
        fields=(("Content-Type", sending.media_type),),
    )
    assert upload.answer.complete is True
    _assert_stored(store, upload.answer)


async def test_a_lost_answer_is_heard_again_and_nothing_is_stored_twice(
    before_store: Client, store: Store
) -> None:
    """R60 of v10, with the words of the real origin."""
    sending = store.sending(NAME, TITLE, CONTENT)
    whole = sending.content
    upload = await _begin(before_store, 10, sending, whole[:1_000_000], "cut")
    here = await upload.ask_offset()
    first = await upload.append(at=here, sends=whole[here:])
    again = await upload.append(at=len(whole))
    assert (again.status, again.content) == (first.status, first.content)
    assert again.location == first.location
    _assert_stored(store, again)


@pytest.mark.parametrize("chunked", [False, True], ids=["length", "chunked"])
async def test_a_client_that_resumes_nothing_notices_nothing(
    before_store: Client, directly: Client, store: Store, *, chunked: bool
) -> None:
    """Django takes no body without a length, and says so here as it does directly."""
    expected = await _send_plainly(directly, store, chunked=chunked)
    kept = store.stored()
    assert kept == [CONTENT] or chunked
    store.clear()
    answer = await _send_plainly(before_store, store, chunked=chunked)
    assert answer.interims == []
    assert (answer.status, answer.content) == (expected.status, expected.content)
    assert _end_to_end(answer) == _end_to_end(expected)
    assert store.stored() == kept


@pytest.mark.parametrize("method", ["GET", "HEAD"])
async def test_a_download_is_that_of_the_origin(
    before_store: Client, directly: Client, store: Store, method: str
) -> None:
    path = await _stored_at(before_store, store)
    expected = await directly.ask(method, path)
    answer = await before_store.ask(method, path)
    assert answer.status == 200
    assert answer.one("Content-Length") == str(SIZE)
    assert sha256(answer.content).hexdigest() == DIGEST or method == "HEAD"
    assert _end_to_end(answer) == _end_to_end(expected)


async def test_what_the_origin_does_not_have_it_says_itself(
    before_store: Client, directly: Client
) -> None:
    expected = await directly.ask("GET", "/documents/no-such")
    answer = await before_store.ask("GET", "/documents/no-such")
    assert (answer.status, answer.content) == (404, expected.content)
    assert _end_to_end(answer) == _end_to_end(expected)


@pytest.mark.parametrize("running_store", ["nginx"], indirect=True)
@pytest.mark.parametrize("version", [None, 6], ids=["plain", "v6"])
async def test_a_file_that_is_too_large_for_the_origin_is_refused_in_its_words(
    before_store: Client, store: Store, version: int | None
) -> None:
    sending = store.sending(NAME, TITLE, bytes(5_000_000))
    fields = (("Content-Length", "5000000"),)
    if version is None:
        answer = await before_store.ask(
            sending.method, sending.path, *fields, sends=sending.content
        )
    else:
        upload = await _begin(
            before_store, version, sending, sending.content[:1_000_000], "cut"
        )
        here = await upload.ask_offset()
        answer = await upload.append(at=here, sends=sending.content[here:])
        assert answer.complete is True
    assert answer.status == 413
    assert b"nginx" in answer.content
    assert store.stored() == []


async def test_a_part_and_a_validator_reach_the_origin(
    before_store: Client, store: Store
) -> None:
    path = await _stored_at(before_store, store)
    whole = await before_store.ask("GET", path)
    if whole.one("Accept-Ranges") == "bytes":
        part = await before_store.ask("GET", path, ("Range", "bytes=1000-1999"))
        assert (part.status, part.content) == (206, CONTENT[1000:2000])
    if (tag := whole.one("ETag")) is not None:
        fresh = await before_store.ask("GET", path, ("If-None-Match", tag))
        assert (fresh.status, fresh.content) == (304, b"")


async def _begin(
    client: Client, version: int, sending: Sending, sends: bytes, then: Leaving
) -> Upload:
    """An upload that announces all of `sending` and is left after `sends`."""
    return await client.create(
        version,
        length=len(sending.content),
        sends=sends,
        then=then,
        method=sending.method,
        path=sending.path,
        fields=(("Content-Type", sending.media_type),),
    )


async def _send_plainly(
    client: Client, store: Store, *, chunked: bool = False
) -> Answer:
    """Send the file as clients do that never heard of resumption."""
    sending = store.sending(NAME, TITLE, CONTENT)
    framing = ("Content-Length", str(len(sending.content)))
    content = sending.content
    if chunked:
        framing = ("Transfer-Encoding", "chunked")
        content = chunk(content) + chunk(b"")
    media_type = ("Content-Type", sending.media_type)
    return await client.ask(
        sending.method, sending.path, media_type, framing, sends=content
    )


async def _stored_at(client: Client, store: Store) -> str:
    """Store the file; the path where the origin says that it is."""
    answer = await _send_plainly(client, store)
    assert answer.location is not None, (answer.status, answer.fields)
    return urlsplit(answer.location).path


def _end_to_end(answer: Answer) -> list[tuple[str, str]]:
    """The fields that are the origin's own words to its client, in their order.

    Framing may differ, for the proxy and its client have a connection of their own.
    """
    assert len(answer.response.all("X-Request-ID")) < 2, answer.fields
    one_connection = {"connection", "keep-alive", "transfer-encoding", "content-length"}
    left_out = {*one_connection, "date", "x-request-id"}
    return [field for field in answer.fields if field[0].lower() not in left_out]


def _assert_stored(store: Store, answer: Answer) -> None:
    """The origin has the file, once, and what it told of it came back."""
    assert answer.status == 201, (answer.status, answer.content)
    assert [sha256(content).hexdigest() for content in store.stored()] == [DIGEST]
    if store.takes_forms:
        told = {"name": NAME, "title": TITLE, "media_type": "image/x-test"}
        assert json.loads(answer.content) == told
    else:
        assert (store.directory / NAME).exists()
