"""More content than the length leaves room for: kept up to v6, fatal from v7 on."""

from __future__ import annotations

import pytest

from tests.kit.client import Client, Upload
from tests.kit.origin import RecordingOrigin
from tests.kit.raw import chunk
from tests.kit.words import INCONSISTENT, each_version, words

pytestmark = pytest.mark.usefixtures("each_way")


@pytest.fixture
async def upload(client: Client, version: int) -> Upload:
    """40 of 100 bytes are there."""
    return await client.create(version, last=False, sends=b"a" * 40, announce=100)


async def _lives_or_is_gone(
    upload: Upload, origin: RecordingOrigin, offset: int
) -> None:
    """R56: up to v6 the upload goes on at `offset`; from v7 on it is 404."""
    answer = await upload.head()
    if upload.words.overrun_kills:
        assert answer.status == 404
        assert (await upload.append(at=offset)).status == 404
        assert origin.requests == []
        return
    assert (answer.offset, answer.complete) == (offset, False)
    answer = await upload.append(at=offset, sends=b"c" * (100 - offset))
    assert answer.complete is True
    assert len(origin.bodies[0]) == 100


@each_version
@pytest.mark.parametrize("last", [True, False])
async def test_an_announced_overrun(
    upload: Upload, origin: RecordingOrigin, last: bool
) -> None:
    """R56: finishing or not; no byte is taken."""
    answer = await upload.append(at=40, last=last, length=61)
    assert answer.status == 400
    assert answer.complete is not True
    if upload.words.length_problem:
        assert answer.problem["type"] == INCONSISTENT
    await _lives_or_is_gone(upload, origin, 40)


@each_version
@pytest.mark.parametrize("last", [True, False])
async def test_an_overrun_that_nobody_announced(
    upload: Upload, origin: RecordingOrigin, last: bool
) -> None:
    """R56: counted; up to v6 the bytes up to the length are stored."""
    answer = await upload.append(at=40, last=last, sends=b"b" * 61, chunked=True)
    assert answer.status == 400
    assert answer.complete is not True
    if upload.words.length_problem:
        assert answer.problem["type"] == INCONSISTENT
    if not upload.words.overrun_kills:
        assert (answer.offset, answer.complete) == (100, False)
    await _lives_or_is_gone(upload, origin, 100)


@each_version
async def test_a_creation_that_runs_over_the_length_it_announced(
    client: Client, origin: RecordingOrigin, version: int
) -> None:
    """R56 by R39: chunked, more than Upload-Length; never forwarded."""
    upload = await client.create(version, then="stall", chunked=True, announce=100)
    await upload.transfer.send(chunk(b"a" * 101) + b"0\r\n\r\n")
    response = await upload.transfer.hear()
    assert response.status == 400
    assert response.one(words(version).completeness) != words(version).done
    assert origin.requests == []


@each_version
async def test_a_length_settled_by_a_cut_creation_is_not_overrun(
    client: Client, origin: RecordingOrigin, version: int
) -> None:
    """1.8, R56."""
    upload = await client.create(version, length=100, sends=b"a" * 40, then="cut")
    answer = await upload.append(at=40, length=61)
    assert answer.status == 400
    await _lives_or_is_gone(upload, origin, 40)
