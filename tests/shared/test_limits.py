"""Bounds on what a client may have, where its requests land on several processes."""

from __future__ import annotations

import pytest

from tests.kit.origin import RecordingOrigin

from .conftest import Pair

VERSION = 8
two_each = pytest.mark.configured(uploads={"max_per_client": 2})


@two_each
async def test_what_another_process_has_ended_counts_no_more(
    pair: Pair, origin: RecordingOrigin
) -> None:
    first = await pair.client.create(VERSION, last=False, sends=b"a")
    second = await pair.client.create(VERSION, last=False, sends=b"a")
    third = await pair.client.create(VERSION, last=False, sends=b"a")
    assert third.answer.status == 429
    assert (await pair.elsewhere(first).append(at=1, sends=b"b")).status == 200
    assert (await pair.elsewhere(second).cancel()).status == 204
    for _ in range(2):
        upload = await pair.client.create(VERSION, last=False, sends=b"a")
        assert upload.answer.status == 201
    assert (await pair.client.create(VERSION, last=False)).answer.status == 429
