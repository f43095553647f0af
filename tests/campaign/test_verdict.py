"""A campaign that finds nothing is worth something only if it would have found it."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from bench.campaign.audit import Audit
from bench.campaign.choices import Choices
from bench.campaign.history import Figures, History, Outcome, Timeline, Try
from bench.campaign.origin import CampaignOrigin, Seen, read_ledger
from bench.campaign.speaker import Said, Speaker
from bench.campaign.uploader import Uploader
from tests.kit.client import Client
from tests.kit.origin import RecordingOrigin, Reply
from tests.kit.raw import Lines

SEED = 1
CHOICES = Choices(SEED, 0)
WHOLE = Seen(
    key="0.0",
    method=CHOICES.method,
    announced=CHOICES.size,
    size=CHOICES.size,
    sha256=hashlib.sha256(CHOICES.body).hexdigest(),
    complete=True,
    fault="answers",
)
PART = replace(
    WHOLE,
    size=1,
    sha256=hashlib.sha256(CHOICES.body[:1]).hexdigest(),
    complete=False,
)


def _history(outcome: Outcome | None = None) -> History:
    history = History(0, Figures())
    history.begin().outcome = outcome
    return history


@pytest.mark.parametrize(
    ("outcome", "seen", "found"),
    [
        ("answered", [WHOLE], []),
        ("answered", [PART, WHOLE], []),
        ("answered", [replace(PART, fault="answers early")], []),
        ("answered", [], ["lost"]),
        ("answered", [PART], ["lost"]),
        ("answered", [WHOLE, WHOLE], ["doubled"]),
        ("answered", [replace(WHOLE, sha256="0")], ["corrupt"]),
        ("answered", [WHOLE, replace(PART, sha256="0")], ["corrupt"]),
        ("answered", [replace(WHOLE, method="GET")], ["corrupt"]),
        ("answered", [replace(WHOLE, announced=1)], ["corrupt"]),
        ("answered", [WHOLE, replace(WHOLE, key="9.0")], ["corrupt"]),
        ("unknown", [], []),
        ("unknown", [WHOLE], []),
        ("unknown", [WHOLE, WHOLE], ["doubled"]),
        ("orphan", [], []),
        ("orphan", [WHOLE], []),
        ("orphan", [WHOLE, WHOLE], ["doubled"]),
        ("cancelled", [PART], []),
        ("cancelled", [WHOLE], ["odd"]),
    ],
)
def test_what_the_origin_saw(
    outcome: Outcome, seen: list[Seen], found: list[str]
) -> None:
    history = _history(outcome)
    Audit(SEED, [history]).compare(seen)
    assert [violation.kind for violation in history.violations] == found


@pytest.fixture
async def server() -> AsyncIterator[RecordingOrigin]:
    """Stands for a proxy, and says what it is told to."""
    server = RecordingOrigin()
    await server.start()
    yield server
    await server.stop()


def _stands(offset: int, *, complete: bool = False, status: int = 204) -> Reply:
    done = ("Upload-Complete", "?1" if complete else "?0")
    fields: Lines = (("Upload-Offset", str(offset)), done)
    return Reply(status, fields, b"", framing="none")


@pytest.mark.parametrize(
    ("told", "found"), [([5, 5], []), ([5, 4], ["lost"]), ([5, 11], ["corrupt"])]
)
async def test_offsets_told(
    server: RecordingOrigin, told: list[int], found: list[str]
) -> None:
    """P1: never less than before; nor more than was sent."""
    server.then(*map(_stands, told))
    history = _history()
    one = history.tries[0]
    one.sent = 10
    async with asyncio.TaskGroup() as group:
        speaker = Speaker(server.address, history, group)
        for _ in told:
            await speaker.exchange(Said("HEAD", "/upload", 9), one)
        await speaker.close()
    assert [violation.kind for violation in history.violations] == found


@pytest.mark.parametrize(
    ("outcome", "reply", "found"),
    [
        ("answered", _stands(CHOICES.size, complete=True), []),
        ("answered", _stands(CHOICES.size), ["lost"]),
        ("answered", _stands(CHOICES.size - 1, complete=True), ["lost"]),
        ("answered", Reply(404, (), b""), ["lost"]),
        ("cancelled", Reply(404, (), b""), []),
        ("cancelled", _stands(1), ["odd"]),
        ("unknown", _stands(CHOICES.size), []),
        ("unknown", Reply(404, (), b""), ["lost"]),
    ],
)
async def test_what_is_kept(
    server: RecordingOrigin,
    tmp_path: Path,
    outcome: Outcome,
    reply: Reply,
    found: list[str],
) -> None:
    history = _history(outcome)
    history.tries[0].path = "/resumable_upload/token"
    _kept(tmp_path, CHOICES.body)
    server.then(reply)
    await Audit(SEED, [history]).ask_all(server.address, tmp_path)
    assert [violation.kind for violation in history.violations] == found


@pytest.mark.parametrize(
    ("body", "found"),
    [(CHOICES.body[1:], "lost"), (b"?" + CHOICES.body[1:], "corrupt")],
)
async def test_bytes_kept_of_an_unknown_outcome(
    server: RecordingOrigin, tmp_path: Path, body: bytes, found: str
) -> None:
    history = _history("unknown")
    history.tries[0].path = "/resumable_upload/token"
    _kept(tmp_path, body)
    server.then(_stands(CHOICES.size))
    await Audit(SEED, [history]).ask_all(server.address, tmp_path)
    assert [violation.kind for violation in history.violations] == [found]


def _kept(spool: Path, body: bytes) -> None:
    (spool / "to").mkdir()
    (spool / "to/token.body").write_bytes(body)


async def test_a_server_that_forgets(server: RecordingOrigin) -> None:
    """The URL was told, then it is 404; the history says all of it."""
    server.then(
        Reply(201, (("Location", "/resumable_upload/token"),), b"", framing="length")
    )
    server.will.extend([Reply(404, (), b"")] * 20)
    history, timeline = History(0, Figures()), Timeline()
    timeline.note("kill -9 of the proxy")
    async with asyncio.TaskGroup() as group:
        speaker = Speaker(server.address, history, group)
        await Uploader(Choices(SEED, 0), history, speaker).run()
    assert {violation.kind for violation in history.violations} <= {"lost", "corrupt"}
    assert history.violations
    said = "\n".join(history.lines(timeline))
    assert "kill -9 of the proxy" in said
    assert f"> {CHOICES.method} /files/0 v{CHOICES.version}" in said
    assert "!!" in said


def test_choices_are_those_of_the_seed() -> None:
    first, again, other = (Choices(seed, 3) for seed in (5, 5, 6))
    assert first.body == again.body != other.body
    assert [first.sending(100) for _ in range(9)] == [
        again.sending(100) for _ in range(9)
    ]


async def test_the_origin_writes_down_what_came(tmp_path: Path) -> None:
    """Before it answers, and what it meets is the same each time."""
    faults = []
    for turn in ("a", "b"):
        ledger = tmp_path / turn
        origin = CampaignOrigin(0, ledger, SEED)
        await origin.start()
        client = Client(origin.address)
        length = ("Content-Length", "4")
        await client.ask("PUT", "/", ("X-Campaign-Key", "3.0"), length, sends=b"body")
        await client.close()
        await origin.stop()
        seen = read_ledger(ledger)[0]
        assert (seen.key, seen.method, seen.announced) == ("3.0", "PUT", 4)
        assert seen.sha256 == hashlib.sha256(b"body").hexdigest()
        assert seen.complete
        assert origin.requests == []
        faults.append(seen.fault)
    assert faults == ["answers"] * 2


def test_a_try_has_a_key_of_its_own() -> None:
    history = _history()
    assert history.begin() == Try("0.1")
