"""What one process has in memory and another one is asked about: never 404 (P3, P8).

A client that hears 404 starts over; if the upload is sent on after all, the origin has
it twice.
"""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from proxy import peers as rooms
from proxy.asks import Ask, Said
from proxy.core.errors import SpoolError
from proxy.core.upload import Token, Upload
from proxy.spool.records import Records
from tests.kit.client import Upload as Sent
from tests.kit.origin import RecordingOrigin

from .conftest import Pair

VERSION = 8
BODY = b"a" * 100
workers = pytest.mark.configured(workers=2)


class Disk:
    """Takes no upload from memory while it is full."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.full = True
        adopt = Records.adopt

        def adopted(
            records: Records, upload: Upload, body: bytes | None, answer: bytes
        ) -> int:
            if self.full:
                raise SpoolError("the upload cannot be created: no space left")
            return adopt(records, upload, body, answer)

        monkeypatch.setattr(Records, "adopt", adopted)


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> Disk:
    return Disk(monkeypatch)


@pytest.fixture
async def kept(pair: Pair, disk: Disk) -> Sent:
    """An upload that has come whole, and that its process could not store."""
    upload = await pair.client.create(VERSION, sends=BODY)
    assert (upload.answer.status, disk.full) == (507, True)
    return pair.elsewhere(upload)


@workers
async def test_what_could_not_be_stored_is_found_and_sent_on_once(
    kept: Sent, disk: Disk, origin: RecordingOrigin
) -> None:
    disk.full = False
    answer = await kept.append(at=100)
    assert (answer.status, answer.content) == (200, b"stored")
    assert origin.bodies == [BODY]


@workers
@pytest.mark.parametrize("method", ["HEAD", "OPTIONS", "DELETE"])
async def test_as_long_as_it_cannot_be_stored_it_is_not_denied(
    kept: Sent, disk: Disk, origin: RecordingOrigin, method: str
) -> None:
    assert (await kept.ask(method)).status == 507
    assert (await kept.append(at=0, fields=(("Upload-Offset", "x"),))).status == 507
    disk.full = False
    assert (await kept.ask(method)).status in (200, 204)
    if method == "DELETE":
        assert (await kept.head()).status == 404
        assert origin.requests == []


async def test_an_answer_in_the_memory_of_the_other_process_is_found(
    pair: Pair, origin: RecordingOrigin
) -> None:
    """Beside its successor, a process that is to stop still has answers in memory."""
    upload = await pair.client.create(VERSION, sends=BODY)
    answer = await pair.elsewhere(upload).append(at=100)
    assert (answer.status, answer.content) == (200, b"stored")
    assert origin.bodies == [BODY]


async def test_beside_a_process_that_hangs_nothing_is_denied(
    pair: Pair, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It may have the upload; nobody else can tell."""
    monkeypatch.setattr("proxy.elsewhere.ANSWER_S", 0.2)
    unknown = await _unknown(pair)
    with socket.socket(socket.AF_UNIX) as hanging:
        hanging.bind(str(tmp_path / "spool/peers/hanging"))
        hanging.listen()
        answer = await unknown.head()
    assert answer.status == 503
    assert answer.one("Retry-After") == "1"
    assert (await unknown.head()).status == 404


async def test_one_that_nobody_knows_costs_one_round_of_asking(
    pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    unknown, asked = await _unknown(pair), list[Ask]()
    ask_one = rooms.Peers._ask_one

    async def counted(self: rooms.Peers, name: str, ask: Ask, *rest: object) -> object:
        asked.append(ask)
        return await ask_one(self, name, ask, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(rooms.Peers, "_ask_one", counted)
    assert (await unknown.head()).status == 404
    assert len(asked) == 1


async def test_what_moves_while_it_is_asked_for_is_found(
    pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was in neither place that was looked into: in memory first, then on disk."""
    upload = await pair.client.create(
        VERSION, length=100, sends=BODY[:40], then="stall"
    )
    token = Token(upload.path.rpartition("/")[2])
    ask = rooms.Peers.ask

    async def late(self: rooms.Peers, *args: object) -> Said | None:
        await pair.here._premises.spool.secure(token)
        return await ask(self, *args)  # type: ignore[arg-type]

    monkeypatch.setattr(rooms.Peers, "ask", late)
    assert (await pair.elsewhere(upload).ask("OPTIONS")).status == 200


async def _unknown(pair: Pair) -> Sent:
    """An upload that nobody knows any more."""
    upload = await pair.client.create(VERSION, last=False, sends=b"a")
    assert (await upload.cancel()).status == 204
    return upload
