"""Workers that hang or never serve: told apart, and ended when another one answers."""

from __future__ import annotations

import structlog
from structlog.testing import LogCapture

from proxy.watch import END_AFTER, START_WITHIN, TELL_AFTER, Watch


class Hand:
    """A worker that answers, or does not."""

    def __init__(self, pid: int, *, serves: bool = True, hangs: bool = False) -> None:
        self.pid = pid
        self.has_served = serves
        self.hangs = hangs
        self.answers = 0
        self.asked = 0
        self.killed = 0

    def tell(self, wish: str) -> None:
        assert wish == "counts"
        self.asked += 1
        if not self.hangs and self.has_served:
            self.answers += 1

    def kill(self) -> None:
        self.killed += 1


class Guarded:
    """A watch over some workers, and what it says."""

    def __init__(self, *hands: Hand) -> None:
        self.hands = list(hands)
        self.captured = LogCapture()
        log = structlog.wrap_logger(None, processors=[self.captured])
        self.watch = Watch(lambda: enumerate(self.hands, 1), log)

    def rounds(self, count: int) -> list[str]:
        """What is said in so many rounds."""
        self.captured.entries.clear()
        for _ in range(count):
            self.watch.round()
        return [entry["event"] for entry in self.captured.entries]


def test_of_those_that_answer_nothing_is_said() -> None:
    hands = Hand(1), Hand(2)
    assert Guarded(*hands).rounds(100) == []
    assert [hand.asked for hand in hands] == [100, 100]
    assert not any(hand.killed for hand in hands)


def test_one_that_hangs_is_told_and_then_ended() -> None:
    well, ill = Hand(1), Hand(2, hangs=True)
    guarded = Guarded(well, ill)
    assert guarded.rounds(END_AFTER) == ["worker does not answer"]
    assert guarded.captured.entries[0]["worker"] == 2
    assert guarded.captured.entries[0]["after_s"] == 10.0 * TELL_AFTER
    assert ill.killed == 0
    assert guarded.rounds(1) == ["worker killed that did not answer"]
    assert guarded.captured.entries[0]["after_s"] == 60.0
    assert (ill.killed, well.killed) == (1, 0)


def test_one_that_comes_round_has_all_its_time_again() -> None:
    well, ill = Hand(1), Hand(2, hangs=True)
    guarded = Guarded(well, ill)
    guarded.rounds(END_AFTER - 1)
    ill.hangs = False
    assert guarded.rounds(2) == []
    ill.hangs = True
    assert guarded.rounds(END_AFTER) == ["worker does not answer"]
    assert ill.killed == 0


def test_where_none_answers_none_is_ended() -> None:
    """It is not the worker, then: a disk, or the whole machine."""
    hands = Hand(1, hangs=True), Hand(2, hangs=True)
    assert Guarded(*hands).rounds(100) == ["worker does not answer"] * 2
    assert not any(hand.killed for hand in hands)


def test_one_that_never_serves_is_told_so_and_ended() -> None:
    well, starting = Hand(1), Hand(2, serves=False)
    guarded = Guarded(well, starting)
    assert guarded.rounds(START_WITHIN) == ["worker does not serve"]
    assert guarded.rounds(1) == ["worker killed that never served"]
    assert starting.killed == 1
    guarded.hands[1] = Hand(3, serves=False)
    assert guarded.rounds(1) == []


def test_one_that_has_served_late_is_a_worker_like_others() -> None:
    well, late = Hand(1), Hand(2, serves=False)
    guarded = Guarded(well, late)
    guarded.rounds(START_WITHIN)
    late.has_served = True
    late.answers += 1
    assert guarded.rounds(100) == []
    assert late.killed == 0
