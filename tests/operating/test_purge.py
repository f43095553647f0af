"""Uploads removed for good, whatever is being done with them just then."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.kit.bounds import until
from tests.kit.client import Client
from tests.kit.origin import RecordingOrigin, Reply
from tests.kit.process import ProxyProcess

from .conftest import VERSION, Operator, name, token

on_disk = {"memory_threshold": 0}
each_number_of_workers = pytest.mark.parametrize(
    "workers",
    [
        pytest.param(
            number,
            marks=pytest.mark.configured(workers=number, spool=on_disk),
            id=f"{number} workers",
        )
        for number in (1, 2)
    ],
)


@each_number_of_workers
async def test_nothing_of_it_is_left(
    workers: int, process: ProxyProcess, speaker: Client, operator: Operator
) -> None:
    upload = await speaker.create(VERSION, last=False, sends=b"a" * 40)
    answered = await speaker.create(VERSION, sends=b"a" * 40)
    done = await operator.types("purge", "--yes", "--", name(upload), token(answered))
    assert (done.code, done.err) == (0, "")
    assert sorted(done.out.splitlines()) == sorted(
        [f"{name(upload)}: removed", f"{name(answered)}: removed"]
    )
    assert operator.records() == []
    assert (await upload.head()).status == 404
    assert (await answered.head()).status == 404


@each_number_of_workers
async def test_one_that_is_received_is_let_go_first(
    workers: int, process: ProxyProcess, speaker: Client, operator: Operator
) -> None:
    """As by a newer request (P6)."""
    upload = await speaker.create(VERSION, length=100, sends=b"a" * 40, then="stall")
    done = await operator.types("purge", "--yes", "--", name(upload))
    assert (done.code, done.out) == (0, f"{name(upload)}: removed\n")
    await upload.transfer.ended()
    assert (await upload.head()).status == 404
    assert operator.records() == []


@each_number_of_workers
async def test_one_that_is_being_sent_on_is_hidden_and_goes_when_that_has_ended(
    workers: int,
    process: ProxyProcess,
    speaker: Client,
    origin: RecordingOrigin,
    operator: Operator,
) -> None:
    gate = asyncio.Event()
    origin.then(Reply(201, (), b"made", once=gate))
    upload = await speaker.create(VERSION, length=40, sends=b"a" * 40, then="stall")
    await origin.received()
    done = await operator.types("purge", "--yes", "--", name(upload))
    assert done.code == 0
    assert "being sent on, which is not interrupted" in done.out
    assert (await upload.head()).status == 404
    gate.set()
    assert (await upload.transfer.hear()).content == b"made"

    async def gone() -> bool | None:
        return None if operator.records() else True

    await until(gone)
    assert len(origin.requests) == 1


@each_number_of_workers
async def test_one_that_waits_for_the_origin_is_never_sent(
    workers: int,
    process: ProxyProcess,
    speaker: Client,
    origin: RecordingOrigin,
    operator: Operator,
) -> None:
    await origin.stop()
    upload = await speaker.create(VERSION, sends=b"a" * 40)
    assert upload.answer.status == 503
    done = await operator.types("purge", "--yes", "--", name(upload))
    assert (done.code, done.out) == (0, f"{name(upload)}: removed\n")
    await origin.start()
    assert (await upload.append(at=40)).status == 404
    assert origin.requests == []
    assert operator.records() == []


@pytest.mark.configured(workers=2, spool={"quota": 1_000_000, **on_disk})
async def test_its_room_is_free_at_once(
    process: ProxyProcess, speaker: Client, operator: Operator
) -> None:
    upload = await speaker.create(VERSION, last=False, sends=b"a" * 900_000)
    refused = await speaker.create(VERSION, last=False, sends=b"a" * 900_000)
    assert refused.answer.status == 507
    await operator.types("purge", "--yes", "--", name(upload))
    again = await speaker.create(VERSION, last=False, sends=b"a" * 900_000)
    assert again.answer.status == 201


async def test_those_of_a_state_and_an_age(
    process: ProxyProcess, speaker: Client, operator: Operator
) -> None:
    for _ in range(3):
        await speaker.create(VERSION, last=False, sends=b"a" * 40)
    sends = await speaker.create(VERSION, length=9, sends=b"a", then="stall")
    assert await sends.ask_offset() == 1
    await sends.begin(at=1, length=8, sends=b"b", then="stall")
    asked = ("--state", "interrupted")
    young = await operator.types("purge", *asked, "--older-than", "1h", "--yes")
    assert (young.code, young.out, young.err) == (0, "", "there is none\n")
    dry = await operator.types("purge", *asked, "--dry-run")
    assert dry.out.count("interrupted") == 3
    assert dry.err == "3 uploads with 120 B would be removed\n"
    assert len(await operator.listed()) == 4
    done = await operator.types("purge", *asked, "--yes")
    assert (done.code, done.out.count(": removed\n")) == (0, 3)
    (left,) = await operator.listed()
    assert (left["token"], left["at_work"]) == (name(sends), True)


async def test_what_is_damaged_goes_too(
    process: ProxyProcess, speaker: Client, operator: Operator
) -> None:
    await speaker.create(VERSION, last=False, sends=b"a" * 40)
    (record,) = operator.spool.rglob("*.record")
    record.write_bytes(b"\xff" * 100)
    (listed,) = await operator.listed("--state", "damaged")
    assert "its record cannot be read" in listed["last_event"]
    done = await operator.types("purge", "--state", "damaged", "--yes")
    assert (done.code, operator.records()) == (0, [])


@pytest.mark.parametrize(
    "words",
    [
        (),
        ("--older-than", "1h"),
        ("aB3xYz", "--state", "unknown"),
        ("--state", "nonsense"),
        ("--state", "unknown", "--older-than", "long"),
    ],
)
async def test_wrong_usage_is_2_and_removes_nothing(
    operator: Operator, words: tuple[str, ...]
) -> None:
    assert (await operator.types("purge", *words)).code == 2


@pytest.mark.configured(workers=2, spool=on_disk)
async def test_clients_and_commands_at_the_same_uploads(
    process: ProxyProcess,
    speaker: Client,
    origin: RecordingOrigin,
    operator: Operator,
    tmp_path: Path,
) -> None:
    """Each is sent once or removed, never both by halves and never twice."""
    uploads = [
        await speaker.create(VERSION, length=20 + i, sends=b"%02d" % i, then="stall")
        for i in range(20)
    ]

    async def finish(number: int) -> int:
        upload = uploads[number]
        await asyncio.sleep(number / 20)
        rest = b"x" * (18 + number)
        answer = await upload.head()
        if answer.status == 204:
            answer = await upload.append(at=2, sends=rest)
        return answer.status

    purges = (
        operator.types("purge", "--yes", "--", *map(name, uploads[begin : begin + 10]))
        for begin in (0, 10)
    )
    removing = asyncio.gather(*purges)
    statuses = await asyncio.gather(*(finish(number) for number in range(20)))
    first, second = await removing
    assert set(statuses) <= {200, 404}
    assert {one.code for one in (first, second)} == {0}
    assert operator.records() == []
    assert len(origin.requests) == statuses.count(200)
    assert len(set(origin.bodies)) == len(origin.bodies)
