"""Open uploads counted by client: who is refused, and what is forgotten when."""

from __future__ import annotations

from dataclasses import replace
from typing import Protocol

import pytest

from proxy import choices
from proxy import tally as rooms
from proxy.config import Config
from proxy.core.errors import Problem, Refusal, SpoolError
from proxy.core.lifecycle import TERMINAL
from proxy.core.upload import Head, Limits, State, Token, Upload
from proxy.holdings import Holdings
from proxy.ledger import Ledger
from proxy.log import logger
from proxy.register import ALL, MOST_DEAD, Register
from proxy.register.memory import MemoryRegister
from proxy.spool.memory import MemorySpool
from proxy.tally import Tally

NOW = 1000.0


class Bounds(Protocol):
    def __call__(
        self, max_per_client: int | None, max_open: int | None = None
    ) -> Tally: ...


@pytest.fixture
def bounded(register: Register) -> Bounds:
    """A tally within bounds, on each kind of register."""

    def made(max_per_client: int | None, max_open: int | None = None) -> Tally:
        return Tally(max_per_client, max_open, Holdings(None, None, register))

    return made


def upload(
    number: int, peer: str = "192.0.2.1", state: State = State.CREATED
) -> Upload:
    return Upload(
        token=Token(f"{number:043}"),
        state=state,
        request=Head("POST", "/", ()),
        limits=Limits(max_age_s=100.0),
        created_at=NOW,
        fed_at=NOW,
        peer=peer,
    )


def refused(tally: Tally, new: Upload, now: float = NOW) -> Refusal | None:
    try:
        tally.admit(new, now)
    except Refusal as refusal:
        return refusal
    return None


def test_one_more_is_refused_and_another_client_is_not(bounded: Bounds) -> None:
    tally = bounded(2)
    assert [refused(tally, upload(number)) for number in (1, 2)] == [None, None]
    refusal = refused(tally, upload(3))
    assert refusal is not None
    assert refusal.problem is Problem.TOO_MANY
    assert refusal.retry_after_s
    assert refused(tally, upload(4, "192.0.2.2")) is None
    assert tally.counted == 3


def test_an_ipv6_network_is_one_client(bounded: Bounds) -> None:
    tally = bounded(1)
    assert refused(tally, upload(1, "2001:db8::1")) is None
    assert refused(tally, upload(2, "2001:db8::ffff:2"))
    assert refused(tally, upload(3, "2001:db8:0:1::1")) is None


@pytest.mark.parametrize("state", State)
def test_what_is_answered_or_over_is_open_no_more(
    bounded: Bounds, state: State
) -> None:
    tally = bounded(1)
    tally.admit(upload(1), NOW)
    tally.note(upload(1, state=state))
    over = state in TERMINAL | {State.RESPONDED, State.UNKNOWN}
    assert tally.counted == (0 if over else 1)
    assert (refused(tally, upload(2)) is None) == over


def test_what_was_there_before_the_start_is_counted_when_it_is_seen(
    bounded: Bounds,
) -> None:
    tally = bounded(1)
    for _ in range(2):
        tally.note(upload(1, state=State.INTERRUPTED))
    assert tally.counted == 1
    assert refused(tally, upload(2))


def test_what_has_outlived_itself_takes_no_place(bounded: Bounds) -> None:
    """Its record was lost: nobody will tell of its end."""
    tally = bounded(1)
    tally.admit(upload(1), NOW)
    assert refused(tally, upload(2), NOW + 99)
    assert refused(tally, upload(2), NOW + 100) is None
    assert tally.counted == 1


def test_a_client_that_is_not_named_is_not_everybody(bounded: Bounds) -> None:
    tally = bounded(1)
    assert [refused(tally, upload(number, "")) for number in (1, 2)] == [None, None]
    assert tally.counted == 0


def test_without_a_limit_nothing_is_remembered(bounded: Bounds) -> None:
    tally = bounded(None)
    assert [refused(tally, upload(number)) for number in (1, 2)] == [None, None]
    tally.note(upload(1))
    assert tally.counted == 0


def test_it_has_a_bound_of_its_own(
    bounded: Bounds, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rooms, "MOST_COUNTED", 10)
    tally = bounded(3)
    for number in range(1000):
        assert refused(tally, upload(number, f"192.0.2.{number // 3}")) is None
        assert tally.counted <= 10
    assert refused(tally, upload(1000, f"192.0.2.{999 // 3}")) is None


async def test_an_upload_that_could_not_be_stored_takes_no_place(
    bounded: Bounds,
) -> None:
    class Full(MemorySpool):
        async def create(self, upload: Upload) -> None:
            raise SpoolError("full")

    tally = bounded(1)
    ledger = Ledger(Full(), lambda: NOW, logger("error", "json"), tally)
    for _ in range(2):
        ledger.admit(upload(1))
        with pytest.raises(SpoolError):
            await ledger.open(upload(1))
    assert tally.counted == 0


def test_all_together_have_a_bound_too(bounded: Bounds) -> None:
    tally = bounded(None, 3)
    for number in range(3):
        assert refused(tally, upload(number, f"192.0.2.{number}")) is None
    refusal = refused(tally, upload(3, "192.0.2.9"))
    assert refusal is not None
    assert refusal.problem is Problem.NO_ROOM
    assert refusal.retry_after_s
    tally.note(upload(1, "192.0.2.1", State.RESPONDED))
    assert refused(tally, upload(3, "192.0.2.9")) is None
    assert refused(tally, upload(4, ""))
    assert tally.counted == 3


def test_both_bounds_hold_side_by_side(bounded: Bounds) -> None:
    tally = bounded(1, 2)
    assert refused(tally, upload(1)) is None
    refusal = refused(tally, upload(2))
    assert refusal is not None
    assert refusal.problem is Problem.TOO_MANY
    assert refused(tally, upload(3, "")) is None
    refusal = refused(tally, upload(2))
    assert refusal is not None
    assert refusal.problem is Problem.NO_ROOM


def test_what_has_outlived_itself_is_looked_for_now_and_then(bounded: Bounds) -> None:
    tally = bounded(None, 1)
    tally.admit(upload(1), NOW)
    assert refused(tally, upload(2), NOW + 80)
    assert refused(tally, upload(2), NOW + 100), "not each time: it is a long look"
    assert refused(tally, upload(2), NOW + 80 + rooms.RETRY_AFTER_S) is None


def test_it_is_looked_on_as_long_as_some_may_be_left(bounded: Bounds) -> None:
    """They are not all forgotten at once."""
    many = MOST_DEAD + 5
    tally = bounded(None, many)
    for number in range(many):
        tally.admit(upload(number), NOW)
    for number in range(many, 2 * many):
        new = replace(upload(number), created_at=NOW + 100, fed_at=NOW + 100)
        assert refused(tally, new, NOW + 100) is None
    assert refused(tally, upload(2 * many), NOW + 100)


def test_when_all_have_too_many_others_are_looked_at_than_those_of_the_client(
    bounded: Bounds,
) -> None:
    """Another process may have ended any of them."""
    tally = bounded(5, 3)
    for number in range(3):
        tally.admit(upload(number, f"192.0.2.{number}"), NOW)
    new = upload(3, "192.0.2.9")
    first = tally.oldest(new, 2)
    assert first == [upload(0).token, upload(1).token]
    second = tally.oldest(new, 2)
    assert second == [upload(2).token, upload(0).token]
    tally.gone(second[0])
    assert tally.counted == 2
    assert tally.oldest(new, 2) == []
    assert refused(tally, new) is None


def test_more_are_counted_where_more_may_be_open(
    bounded: Bounds, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rooms, "MOST_COUNTED", 10)
    tally = bounded(None, 20)
    taken = [refused(tally, upload(number)) is None for number in range(30)]
    assert taken.count(True) == 20
    tally.note(upload(40, state=State.INTERRUPTED))
    assert tally.counted == 20


def test_other_bounds_count_on_what_there_is(bounded: Bounds) -> None:
    tally = bounded(None, 3)
    for number in range(3):
        tally.admit(upload(number, peer=f"192.0.2.{number}"), NOW)
    tally.bound(1, 4)
    assert tally.counted == 3
    tally.note(upload(0, peer="192.0.2.0"))
    assert tally.counted == 3
    again = refused(tally, upload(7, peer="192.0.2.0"))
    assert again is not None
    assert again.problem is Problem.TOO_MANY
    assert refused(tally, upload(8, peer="192.0.2.8")) is None
    tally.bound(None, 4)
    full = refused(tally, upload(9))
    assert full is not None
    assert full.problem is Problem.NO_ROOM
    tally.note(upload(0, peer="192.0.2.0", state=State.RESPONDED))
    assert refused(tally, upload(9)) is None
    tally.bound(None, None)
    assert tally.counted == 0


def test_what_is_only_looked_at_takes_no_place(bounded: Bounds) -> None:
    """Another process may have ended it since."""
    tally = bounded(2)
    tally.looked_at(upload(1))
    assert tally.counted == 0
    tally.note(upload(1))
    tally.looked_at(upload(1, state=State.RESPONDED))
    assert tally.counted == 0


def test_among_several_the_bound_of_all_is_divided_where_it_is_alone() -> None:
    """Then nothing is counted together, which would cost more."""
    together = MemoryRegister()
    tally = Tally(None, 10, Holdings(None, None, together), share=3)
    taken = [refused(tally, upload(number)) is None for number in range(12)]
    assert taken.count(True) == 3
    assert together.sum(ALL).uploads == 0
    tally.bound(2, 10)
    assert [refused(tally, upload(number)) is None for number in range(20, 24)] == [
        True,
        True,
        False,
        False,
    ]
    assert together.sum(ALL).uploads == 2
    tally.bound(None, None)
    assert together.sum(ALL).uploads == 0


@pytest.mark.parametrize("workers", [1, 2, 3])
def test_it_is_divided_among_those_that_begin_uploads(workers: int) -> None:
    """A supervisor begins none."""
    told = {"workers": workers, "uploads": {"max_open": 12}}
    config = Config.model_validate({"origin": {"url": "http://127.0.0.1:1"}} | told)
    tally = choices.tally(config, MemoryRegister())
    taken = [refused(tally, upload(number)) is None for number in range(20)]
    assert taken.count(True) == 12 // workers


def test_a_share_of_the_bound_is_one_at_least() -> None:
    tally = Tally(None, 1, share=4)
    assert refused(tally, upload(1)) is None
    assert refused(tally, upload(2)) is not None
