"""More uploads than there may be: `uploads.max_per_client`, and `max_open` in all."""

from __future__ import annotations

import json

import pytest

from tests.conftest import StartProxy
from tests.kit.answer import Answer
from tests.kit.bounds import until
from tests.kit.client import Client, Upload
from tests.kit.origin import RecordingOrigin
from tests.kit.raw import Lines
from tests.kit.words import each_version

two = pytest.mark.configured(uploads={"max_per_client": 2})
fronted = pytest.mark.configured(
    uploads={"max_per_client": 1}, trusted_proxies=["127.0.0.1"]
)


def _from(address: str) -> Lines:
    return (("X-Forwarded-For", address),)


def _is_refused(answer: Answer) -> bool:
    return answer.status == 429


async def _begun(client: Client, version: int = 10, *fields: tuple[str, str]) -> Upload:
    return await client.create(version, last=False, sends=b"abc", fields=fields)


@each_version
@two
async def test_one_more_is_refused_before_its_content(
    client: Client, origin: RecordingOrigin, version: int
) -> None:
    """No 100, no 104, and those that are open go on."""
    first, _ = [await _begun(client, version) for _ in range(2)]
    expecting = (("Expect", "100-continue"),)
    third = await client.create(
        version, length=10**9, sends=b"", then="stall", interim=False, fields=expecting
    )
    answer = await third.transfer.hear()
    assert (answer.status, answer.one("Connection")) == (429, "close")
    assert answer.interims == ()
    assert answer.one("Location") is None
    assert int(answer.one("Retry-After") or 0) > 0
    assert json.loads(answer.content)["type"].endswith(":too-many-uploads")
    assert (await first.append(at=3, sends=b"def")).status == 200
    assert origin.bodies == [b"abcdef"]


@two
@pytest.mark.parametrize("end", ["answered", "cancelled"])
async def test_there_is_room_again_when_one_has_ended(client: Client, end: str) -> None:
    for _ in range(3):
        uploads = [await _begun(client) for _ in range(2)]
        assert _is_refused((await _begun(client)).answer)
        for upload in uploads:
            if end == "answered":
                assert (await upload.append(at=3)).status == 200
            else:
                assert (await upload.cancel()).status == 204


@pytest.mark.configured(
    uploads={
        "max_per_client": 1,
        "keep_answer": 0,
        "limits": {"max_age": "200ms"},
    }
)
async def test_there_is_room_again_when_one_has_expired(client: Client) -> None:
    upload = await _begun(client)
    assert upload.answer.status == 201

    async def gone() -> bool | None:
        return (await upload.head()).status == 404 or None

    assert await until(gone)
    assert (await _begun(client)).answer.status == 201


@two
async def test_ordinary_requests_and_whole_uploads_are_not_held_against_anybody(
    client: Client, origin: RecordingOrigin
) -> None:
    for _ in range(5):
        assert (await client.create(10, sends=b"abc")).answer.status == 200
        assert (await client.ask("POST", "/", ("Content-Length", "0"))).status == 200


@fronted
async def test_the_client_is_the_one_that_a_trusted_front_names(client: Client) -> None:
    assert (await _begun(client, 10, *_from("203.0.113.7"))).answer.status == 201
    assert _is_refused((await _begun(client, 10, *_from("203.0.113.7"))).answer)
    assert (await _begun(client, 10, *_from("203.0.113.8"))).answer.status == 201
    assert (await _begun(client, 10, *_from("2001:db8::1"))).answer.status == 201
    assert _is_refused((await _begun(client, 10, *_from("2001:db8::2"))).answer)


@pytest.mark.configured(uploads={"max_per_client": 1})
async def test_who_is_not_trusted_cannot_be_somebody_else(client: Client) -> None:
    assert (await _begun(client, 10, *_from("203.0.113.7"))).answer.status == 201
    assert _is_refused((await _begun(client, 10, *_from("203.0.113.8"))).answer)


@pytest.mark.parametrize("by", ["client", "sweep"])
async def test_after_a_start_uploads_are_counted_when_they_are_seen(
    start_proxy: StartProxy, restart_proxy: StartProxy, by: str
) -> None:
    limit = {"uploads": {"max_per_client": 1}}
    client = Client((await start_proxy(**limit)).addresses[0])
    upload = await _begun(client)
    client.address = (await restart_proxy(**limit)).addresses[0]
    if by == "client":
        assert (await upload.append(at=3, last=False, sends=b"d")).status == 204
        assert _is_refused((await _begun(client)).answer)

    async def refused() -> bool | None:
        another = await _begun(client)
        if not _is_refused(another.answer):
            await another.cancel()
            return None
        return True

    assert await until(refused)
    await client.close()


three_in_all = pytest.mark.configured(uploads={"max_open": 3})


@each_version
@three_in_all
async def test_one_more_in_all_is_refused_before_its_content(
    client: Client, origin: RecordingOrigin, version: int
) -> None:
    """Whoever they are of; those that are open go on, and leave their places."""
    first, second, _ = [await _begun(client, version) for _ in range(3)]
    expecting = (("Expect", "100-continue"),)
    fourth = await client.create(
        version, length=10**9, sends=b"", then="stall", interim=False, fields=expecting
    )
    answer = await fourth.transfer.hear()
    assert (answer.status, answer.one("Connection")) == (507, "close")
    assert answer.interims == ()
    assert answer.one("Location") is None
    assert int(answer.one("Retry-After") or 0) > 0
    assert json.loads(answer.content)["type"].endswith(":no-room")
    assert (await first.append(at=3, sends=b"def")).status == 200
    assert (await second.cancel()).status == 204
    for _ in range(2):
        assert (await _begun(client, version)).answer.status == 201
    assert (await _begun(client, version)).answer.status == 507
    assert origin.bodies == [b"abcdef"]


@three_in_all
async def test_what_was_there_before_the_start_counts_once_it_has_been_seen(
    client: Client, restart_proxy: StartProxy
) -> None:
    uploads = [await _begun(client) for _ in range(3)]
    proxy = await restart_proxy(uploads={"max_open": 3})
    again = Client(proxy.addresses[0])

    async def full() -> bool | None:
        upload = await _begun(again)
        if upload.answer.status == 507:
            return True
        assert (await upload.cancel()).status == 204
        return None

    await until(full)
    assert (await uploads[0].at(again).cancel()).status == 204
    assert (await _begun(again)).answer.status == 201
    await again.close()


@pytest.mark.parametrize("workers", [1, 2])
async def test_what_ended_at_another_process_takes_no_place(
    client: Client, start_proxy: StartProxy, workers: int
) -> None:
    """Each counts its share for itself, and looks when it seems to have too many."""
    uploads_section = {"max_open": 3 * workers}
    ours, theirs = [
        await start_proxy(uploads=uploads_section, workers=workers) for _ in range(2)
    ]
    here, there = Client(ours.addresses[0]), Client(theirs.addresses[0])
    uploads = [await _begun(here) for _ in range(3)]
    assert (await _begun(here)).answer.status == 507
    assert (await uploads[1].at(there).cancel()).status == 204
    assert (await _begun(here)).answer.status == 201
    await here.close()
    await there.close()
