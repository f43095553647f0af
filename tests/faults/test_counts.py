"""Several workers count open uploads together: bounds are exact, whatever dies."""

from __future__ import annotations

import asyncio
import json
import os
from collections import Counter
from pathlib import Path
from shutil import rmtree
from signal import SIGHUP, SIGKILL, SIGUSR2
from typing import Any

import pytest

from proxy.register import place
from tests.kit.bounds import until
from tests.kit.client import Client, Upload
from tests.kit.process import ProxyProcess
from tests.kit.raw import Lines, chunk

VERSION = 8
ALICE: Lines = (("Authorization", "alice"),)
BOB: Lines = (("Authorization", "bob"),)
_BY_SECRET = {"principal": ["request:authorization"], "request": None}
_ON_DISK = {"memory_threshold": 0, "sync": "never"}

five_each = pytest.mark.configured(
    workers=2, uploads={"max_per_client": 5}, spool=_ON_DISK
)


async def _begun(client: Client, count: int, **more: Any) -> list[Upload]:
    """So many creations at once."""
    told: dict[str, Any] = {"last": False, "sends": b"a" * 20} | more
    creations = (client.create(VERSION, **told) for _ in range(count))
    return await asyncio.gather(*creations)


def _statuses(uploads: list[Upload]) -> Counter[int]:
    return Counter(upload.answer.status for upload in uploads)


def _admitted(uploads: list[Upload]) -> list[Upload]:
    return [upload for upload in uploads if upload.answer.status == 201]


async def _refused_one_more(client: Client) -> None:
    """Wait until one more is refused for those that there are; what is begun to see
    that takes no place."""

    async def refused() -> bool | None:
        (upload,) = await _begun(client, 1)
        if upload.answer.status == 429:
            return True
        assert (await upload.cancel()).status == 204
        return None

    await until(refused, bound_s=15)


async def _filled(client: Client) -> None:
    """Begin uploads until one is refused."""

    async def refused() -> bool | None:
        (upload,) = await _begun(client, 1)
        return True if upload.answer.status == 429 else None

    await until(refused, bound_s=15)


@five_each
async def test_a_client_has_as_many_whichever_workers_it_meets(
    process: ProxyProcess, speaker: Client
) -> None:
    uploads = await _begun(speaker, 30)
    assert _statuses(uploads) == {201: 5, 429: 25}
    for upload in _admitted(uploads):
        # at once, and wherever that is
        assert (await upload.append(at=20, sends=b"b")).status == 200
        assert _statuses(await _begun(speaker, 4)) == {201: 1, 429: 3}
    assert "worker=1" in process.log
    assert "worker=2" in process.log
    assert "not counted" not in process.log


@five_each
async def test_those_that_are_cut_keep_their_place(
    process: ProxyProcess, speaker: Client
) -> None:
    uploads = await _begun(speaker, 5, length=40, sends=b"a" * 30, then="stall")
    for upload in uploads:
        assert await upload.ask_offset() == 30
    assert _statuses(await _begun(speaker, 10)) == {429: 10}
    assert (await uploads[0].cancel()).status == 204
    assert _statuses(await _begun(speaker, 10)) == {201: 1, 429: 9}


@pytest.mark.configured(workers=2, uploads={"max_per_client": 5})
async def test_those_in_the_memory_of_a_worker_keep_their_place(
    process: ProxyProcess, speaker: Client
) -> None:
    """Another one finds nothing of them in the spool."""
    part = {"last": True, "length": 40, "sends": b"a" * 30, "then": "stall"}
    stalled = await _begun(speaker, 5, **part)
    assert not list(process.spool.glob("*/*.body"))
    assert _statuses(await _begun(speaker, 20)) == {429: 20}
    for upload in stalled:
        await upload.transfer.send(b"a" * 10)
    answers = await asyncio.gather(*(upload.transfer.hear() for upload in stalled))
    assert [answer.status for answer in answers] == [200] * 5
    assert _statuses(await _begun(speaker, 6)) == {201: 5, 429: 1}


@five_each
async def test_workers_that_die_or_are_renewed_change_nothing(
    process: ProxyProcess, speaker: Client
) -> None:
    uploads = _admitted(await _begun(speaker, 10))
    assert len(uploads) == 5
    for pid in process.workers:
        os.kill(pid, SIGKILL)
    await _refused_one_more(speaker)
    process.signal(SIGUSR2)
    await _started(process, 6)
    await _refused_one_more(speaker)
    assert (await uploads[0].cancel()).status == 204
    assert _statuses(await _begun(speaker, 10)) == {201: 1, 429: 9}


async def _started(process: ProxyProcess, count: int) -> None:
    """Wait until so many workers have been started in all."""

    async def started() -> bool | None:
        return True if process.log.count("worker started") >= count else None

    await until(started, bound_s=20)


@five_each
async def test_after_a_start_of_all_the_first_round_makes_it_whole(
    process: ProxyProcess, speaker: Client
) -> None:
    uploads = _admitted(await _begun(speaker, 10))
    await process.kill()
    _file(process).write_bytes(b"nothing of this counts")
    await process.start()
    await _refused_one_more(speaker)
    assert (await uploads[0].cancel()).status == 204


def _file(process: ProxyProcess) -> Path:
    return Path(place.uploads(str(process.spool)))


@pytest.mark.configured(
    workers=2, uploads={"max_open": 5, "max_per_client": 100}, spool=_ON_DISK
)
async def test_all_together_have_as_many(
    process: ProxyProcess, speaker: Client
) -> None:
    uploads = await _begun(speaker, 30)
    assert _statuses(uploads) == {201: 5, 507: 25}
    assert (await _admitted(uploads)[0].cancel()).status == 204
    assert _statuses(await _begun(speaker, 5)) == {201: 1, 507: 4}


@pytest.mark.configured(workers=2, auth=_BY_SECRET | {"max_uploads": 5}, spool=_ON_DISK)
async def test_a_principal_has_as_many_uploads(
    process: ProxyProcess, speaker: Client
) -> None:
    ours, theirs = await asyncio.gather(
        _begun(speaker, 20, fields=ALICE), _begun(speaker, 3, fields=BOB)
    )
    assert _statuses(ours) == {201: 5, 429: 15}
    assert _statuses(theirs) == {201: 3}
    ended = await _admitted(ours)[0].append(at=20, sends=b"b", fields=ALICE)
    assert ended.status == 200
    assert _statuses(await _begun(speaker, 5, fields=ALICE)) == {201: 1, 429: 4}


@pytest.mark.configured(
    workers=2, auth=_BY_SECRET | {"max_bytes": 1000}, spool=_ON_DISK
)
async def test_a_principal_has_as_many_bytes(
    process: ProxyProcess, speaker: Client
) -> None:
    """Announced, or told by nobody and granted as they come."""
    uploads = await _begun(speaker, 20, announce=300, fields=ALICE)
    assert _statuses(uploads) == {201: 3, 429: 17}
    unknown = [
        await speaker.create(VERSION, last=False, sends=b"", fields=ALICE)
        for _ in range(6)
    ]
    answers = await asyncio.gather(
        *(
            one.append(at=0, last=False, sends=b"a" * 40, chunked=True, fields=ALICE)
            for one in unknown
        )
    )
    stored = [await _offset(one) for one in unknown]
    assert sum(stored) <= 100
    assert Counter(answer.status for answer in answers).keys() <= {201, 204, 413, 429}
    assert (await _admitted(uploads)[0].cancel(*ALICE)).status == 204
    more = await _begun(speaker, 3, announce=300, fields=ALICE)
    assert _statuses(more) == {201: 1, 429: 2}


async def _offset(upload: Upload) -> int:
    answer = await upload.head(*ALICE)
    return int(answer.one("Upload-Offset") or -1)


@pytest.mark.configured(
    workers=2, auth=_BY_SECRET | {"max_bytes": 100_000}, spool=_ON_DISK
)
async def test_what_a_dead_worker_had_granted_is_had_again(
    process: ProxyProcess, speaker: Client
) -> None:
    """Once somebody goes on with the upload."""
    upload = await speaker.create(
        VERSION, sends=b"", chunked=True, then="stall", length=None, fields=ALICE
    )
    await upload.transfer.send(chunk(b"a" * 50_000))
    await until(lambda: _came(process, 50_000), bound_s=10)
    for pid in process.workers:
        os.kill(pid, SIGKILL)
    await _started(process, 4)

    async def told() -> int | None:
        return await _offset(upload)

    offset = await until(told, bound_s=10)
    assert offset == 50_000
    answer = await upload.append(at=offset, last=False, sends=b"a", fields=ALICE)
    assert answer.offset == 50_001
    rest = await _begun(speaker, 2, announce=49_999, fields=ALICE)
    assert _statuses(rest) == {201: 1, 429: 1}


async def _came(process: ProxyProcess, size: int) -> bool | None:
    bodies = process.spool.glob("*/*.body")
    return True if sum(body.stat().st_size for body in bodies) >= size else None


@pytest.mark.configured(workers=2, uploads={"max_open": 50}, spool=_ON_DISK)
async def test_bounds_come_and_go_with_the_configuration(
    process: ProxyProcess, speaker: Client
) -> None:
    assert _statuses(await _begun(speaker, 6)) == {201: 6}
    assert not _file(process).parent.exists()
    await _reloaded(process, max_per_client=3)
    uploads = await _begun(speaker, 12)
    assert _statuses(uploads) == {201: 3, 429: 9}
    assert _file(process).exists()
    await _reloaded(process, max_per_client=None)
    assert _statuses(await _begun(speaker, 6)) == {201: 6}
    assert not _file(process).parent.exists()


async def _reloaded(process: ProxyProcess, **uploads: Any) -> None:
    told = json.loads(process.file.read_text())
    told["uploads"] |= uploads
    process.file.write_text(json.dumps(told))
    before = process.log.count("configuration reloaded")
    process.signal(SIGHUP)

    async def said() -> bool | None:
        more = process.log.count("configuration reloaded") > before
        return True if more else None

    await until(said, bound_s=10)


@five_each
async def test_a_file_that_is_spoilt_is_made_anew(
    process: ProxyProcess, speaker: Client
) -> None:
    """Nobody is refused for it, and nothing else fails."""
    assert _statuses(await _begun(speaker, 6)) == {201: 5, 429: 1}
    file = _file(process)
    file.write_bytes(os.urandom(file.stat().st_size))
    (upload,) = await _begun(speaker, 1)
    assert upload.answer.status == 201
    await _filled(speaker)
    rmtree(file.parent)
    (upload,) = await _begun(speaker, 1)
    assert upload.answer.status == 201
    assert (await upload.append(at=20, sends=b"b")).status == 200


@five_each
async def test_where_nothing_can_be_counted_all_goes_on(
    process: ProxyProcess, speaker: Client
) -> None:
    counts = _file(process).parent
    if counts.exists():
        rmtree(counts)
    counts.touch()
    uploads = await _begun(speaker, 12)
    assert _statuses(uploads) == {201: 12}
    for upload in uploads:
        assert (await upload.append(at=20, sends=b"b")).status == 200
    assert 1 <= process.log.count("open uploads not counted") <= 3
