"""A campaign that finds nothing is worth something only if it would have found it."""

from __future__ import annotations

import asyncio
import hashlib
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
    World,
)
from bench.campaign.origin import (
    KEY_FIELD,
    Seen,
    content_for,
)
from bench.campaign.speaker import Said, Speaker
from bench.campaign.uploader import Uploader
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
