"""What a proxy that was killed may have forgotten, and what it may not."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.campaign.audit import Audit
from bench.campaign.history import (
    Figures,
    History,
    Timeline,
    Try,
    World,
    clock,
)
from tests.kit.origin import RecordingOrigin, Reply

SEED = 1


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
