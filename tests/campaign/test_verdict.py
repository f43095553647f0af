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
from bench.campaign.history import (
    Figures,
    History,
    Outcome,
    Timeline,
    Try,
    World,
    clock,
)
from bench.campaign.origin import (
    KEY_FIELD,
    CampaignOrigin,
    Seen,
    content_for,
    read_ledger,
)
from bench.campaign.speaker import Said, Speaker
from bench.campaign.uploader import Uploader
from tests.kit.client import Client
from tests.kit.origin import RecordingOrigin, Reply, Request, Reset
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
        ("forgotten", [], []),
        ("forgotten", [WHOLE], []),
        ("forgotten", [WHOLE, WHOLE], ["doubled"]),
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
        ("forgotten", Reply(404, (), b""), []),
        ("forgotten", _stands(1), ["odd"]),
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


def _mortal(
    *, sent: int, highest: int, died: bool, ago_s: float = 0.0, memory: int = 100
) -> tuple[History, Try]:
    """An upload, begun `ago_s` seconds ago, of a proxy that keeps up to so many bytes
    in memory."""
    timeline = Timeline()
    history = History(0, Figures(), World(timeline, memory))
    one = history.begin()
    one.begun_at, one.sent, one.highest = clock() - ago_s, sent, highest
    if died:
        with timeline.death("kill -9 of the proxy"):
            pass
    return history, one


@pytest.mark.parametrize(
    ("sent", "highest", "died", "ago_s", "may_be"),
    [
        (100, 0, True, 9.0, True),
        (101, 0, True, 9.0, False),
        (101, 0, True, 0.0, True),  # it may not have been read
        (101, 0, False, 0.0, False),
        (100, 1, True, 0.0, False),
        (100, 0, False, 0.0, False),
    ],
)
async def test_what_was_in_memory_may_be_forgotten(
    server: RecordingOrigin,
    tmp_path: Path,
    sent: int,
    highest: int,
    died: bool,
    ago_s: float,
    may_be: bool,
) -> None:
    """Nothing else, and not without a kill."""
    history, one = _mortal(sent=sent, highest=highest, died=died, ago_s=ago_s)
    assert history.may_be_forgotten(one) == may_be
    one.path, one.outcome = "/resumable_upload/token", "answered"
    server.then(Reply(404, (), b""))
    await Audit(SEED, [history]).ask_all(server.address, tmp_path)
    assert [violation.kind for violation in history.violations] == (
        [] if may_be else ["lost"]
    )
    assert history.figures.forgotten_answers == may_be


def test_a_kill_before_the_creation_explains_nothing() -> None:
    history, one = _mortal(sent=1, highest=0, died=True)
    one.begun_at = clock()
    assert not history.may_be_forgotten(one)


def test_what_waited_for_the_proxy_to_serve_was_not_read_before() -> None:
    """It lies in the socket that is bound already."""
    history, one = _mortal(sent=101, highest=0, died=False, ago_s=9)
    timeline = history._world.timeline
    timeline.started("the proxy is up")
    with timeline.death("kill -9 of the proxy"):
        pass
    assert history.may_be_forgotten(one)


@pytest.mark.parametrize(("ago_s", "may_be"), [(0.0, True), (0.7, False)])
def test_nor_what_came_before_its_url_was_told(ago_s: float, may_be: bool) -> None:
    """On a machine that has much to do that takes a second."""
    history, one = _mortal(sent=101, highest=0, died=True, ago_s=9)
    one.named_at = clock() - ago_s
    assert history.may_be_forgotten(one) == may_be


def test_without_memory_nothing_may_be_forgotten() -> None:
    history, one = _mortal(sent=1, highest=0, died=True, memory=0)
    assert not history.may_be_forgotten(one)


def test_the_offset_in_the_origins_answer_is_no_guarantee() -> None:
    """P1: the answer of a finished upload is excepted."""
    history, one = _mortal(sent=50, highest=0, died=True)
    history.told(one, 50, floor=0, answered=True)
    assert history.may_be_forgotten(one)
    history.told(one, 50, floor=0)
    assert not history.may_be_forgotten(one)


_COMPLETED = Reply(
    400,
    (("Content-Type", "application/problem+json"),),
    b'{"type": "https://iana.org/x#completed-upload", "status": 400, "title": "x"}',
)


class _Finishing(RecordingOrigin):
    """Stands for a proxy that goes on with a request whose client has left it."""

    def __init__(self, *first: Reply | Reset) -> None:
        super().__init__()
        self._first = first

    def choose(self, request: Request) -> Reply | Reset:
        number, size = len(self.requests), _uncut().size
        if number < len(self._first):
            return self._first[number]
        if request.method == "HEAD":
            return _stands(size, complete=True)
        key = "0.0"
        return Reply(200, ((KEY_FIELD, key),), content_for(key))


@pytest.mark.parametrize(("left", "found"), [(True, []), (False, ["odd"])])
async def test_a_request_that_was_left_may_finish_the_upload(
    left: bool, found: list[str]
) -> None:
    """At any time, so that the next append is told so; but none that nobody sent."""
    named = Reply(503, (("Location", "/resumable_upload/token"),), b"")
    once = (Reset(), _stands(0)) if left else ()
    server = _Finishing(named, _stands(0), *once, _COMPLETED)
    await server.start()
    history = History(0, Figures())
    async with asyncio.TaskGroup() as group:
        speaker = Speaker(server.address, history, group)
        await Uploader(_uncut(), history, speaker).run()
    await server.stop()
    said = history.lines(Timeline())
    assert [violation.kind for violation in history.violations] == found, said
    assert history.figures.conflicts == left


class _Forgetting(RecordingOrigin):
    """Stands for a proxy that is killed after it has told where the upload lives."""

    def __init__(self, timeline: Timeline) -> None:
        super().__init__()
        self._timeline = timeline

    def choose(self, request: Request) -> Reply:
        match len(self.requests):
            case 0:
                location = ("Location", "/resumable_upload/token")
                return Reply(503, (location,), b"")
            case 1:
                with self._timeline.death("kill -9 of the proxy"):
                    return Reply(404, (), b"")
            case _:
                key = request.one(KEY_FIELD) or ""
                return Reply(200, ((KEY_FIELD, key),), content_for(key))


async def test_who_is_forgotten_starts_over() -> None:
    """Under another key, and is answered then."""
    timeline = Timeline()
    server = _Forgetting(timeline)
    await server.start()
    history = History(0, Figures(), World(timeline, 10_000))
    choices = _uncut()
    async with asyncio.TaskGroup() as group:
        speaker = Speaker(server.address, history, group)
        await Uploader(choices, history, speaker).run()
    await server.stop()
    assert history.violations == []
    assert [one.outcome for one in history.tries] == ["forgotten", "answered"]
    assert [one.key for one in history.tries] == ["0.0", "0.1"]


def _uncut() -> Choices:
    """Those of the first upload that is small and sent in one piece, uncut."""
    return next(plain for plain in map(_plain, range(1000)) if plain is not None)


def _plain(number: int) -> Choices | None:
    """Those of this upload when it is such a one."""
    choices = Choices(SEED, number)
    uncut = all(choices.sending(100).cut is None for _ in range(20))
    small = 0 < choices.size <= 10_000 and choices.parts == 1
    return Choices(SEED, number) if uncut and small else None


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
