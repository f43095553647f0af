"""Room for bodies: who is granted what, how long it is kept, what a look costs."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest
import structlog
from structlog.testing import LogCapture

from proxy.admission import HELD_S, LOOK_S, SAY_EVERY_S, Admission, Grant
from proxy.core.decide import Receive
from proxy.core.errors import Problem, Refusal
from proxy.core.lifecycle import Event
from proxy.core.room import FIRST_STEP, Bounds, own
from proxy.core.upload import Head, Limits, State, Token, Upload
from proxy.spool.figures import Figures

from .space import PlayedFigures

MIB = 2**20
GIB = 2**30
HEAD = Head("POST", "/", ())
OWN = own(HEAD)
"""Bytes that are looked for, for the record of a new upload; not those of bodies."""


def upload(number: int = 1, offset: int = 0, length: int | None = None) -> Upload:
    return Upload(
        token=Token(f"{number:043}"),
        state=State.INTERRUPTED if offset else State.CREATED,
        request=HEAD,
        limits=Limits(),
        created_at=0.0,
        fed_at=0.0,
        offset=offset,
        length=length,
    )


def plan(length: int | None) -> Receive:
    ceiling = 10**15 if length is None else length
    return Receive(True, length, ceiling, Problem.TOO_LARGE, Event.LIMIT_REACHED)


Shared = PlayedFigures | Figures


class Gate:
    """An admission with its clock; its quota is one of bodies, beside a record."""

    def __init__(self, bounds: Bounds, figures: Shared | None = None) -> None:
        self.figures = PlayedFigures()
        self.now = 1000.0
        self.said = LogCapture()
        log = structlog.wrap_logger(
            structlog.ReturnLogger(),
            processors=[self.said],
            wrapper_class=structlog.make_filtering_bound_logger(0),
        )
        if isinstance(figures, PlayedFigures):
            self.figures = figures
        shared = figures or self.figures
        if bounds.quota is not None:
            bounds = replace(bounds, quota=bounds.quota + OWN)
        self.admission = Admission(shared, bounds, lambda: self.now, log)

    def grant(self, new: Upload, content: int | None = None) -> Grant:
        grant = self.admission.grant(new, plan(new.length), content)
        self.admission.note(replace(new, state=State.RECEIVING))
        return grant

    def refused(self, new: Upload, content: int | None = None) -> Refusal:
        with pytest.raises(Refusal) as refusal:
            self.grant(new, content)
        return refusal.value

    def leave(self, grant: Grant, stored: int, state: State) -> None:
        """The content of `grant` ends with so many bytes stored."""
        with grant:
            grant.stored(stored)
            ended = replace(grant.upload, offset=stored, state=state)
            self.admission.note(ended)


def test_a_declared_length_is_promised_and_then_stored() -> None:
    gate = Gate(Bounds(100, 0))
    grant = gate.grant(upload(1, length=70))
    assert gate.figures.promised == 70
    gate.admission.changed(grant.upload.token, 50)
    assert (gate.figures.promised, gate.figures.space.used) == (20, 50)
    gate.leave(grant, 70, State.COMPLETE)
    assert (gate.figures.promised, gate.figures.held) == (0, {})


def test_what_does_not_fit_is_refused_and_fits_after_another_has_ended() -> None:
    gate = Gate(Bounds(100, 0))
    first = gate.grant(upload(1, length=70))
    refusal = gate.refused(upload(2, length=31))
    assert refusal.problem is Problem.NO_ROOM
    assert refusal.retry_after_s
    assert gate.figures.promised == 70
    gate.leave(first, 70, State.COMPLETE)
    gate.refused(upload(2, length=101))
    gate.grant(upload(2, length=100))


def test_what_never_fits_on_the_disk_is_too_large() -> None:
    gate = Gate(Bounds(None, 100), PlayedFigures(free=1000 + OWN))
    assert gate.refused(upload(1, length=901)).problem is Problem.TOO_LARGE
    begun = upload(1, offset=1, length=902 + OWN)
    assert gate.refused(begun).problem is Problem.NO_ROOM


def test_what_never_fits_beside_its_record_is_too_large() -> None:
    """An upload as long as the quota would be refused each time its client comes."""
    gate = Gate(Bounds(100, 0))
    refusal = gate.refused(upload(1, length=101))
    assert refusal.problem is Problem.TOO_LARGE
    assert refusal.limits is not None
    assert refusal.limits.max_size == 100


@pytest.mark.parametrize("length", [0, None])
@pytest.mark.parametrize(
    ("bounds", "free"), [(Bounds(100, 0), GIB), (Bounds(None, GIB), GIB)]
)
def test_nothing_is_begun_where_nothing_is_left(
    bounds: Bounds, free: int, length: int | None
) -> None:
    """Not even what brings nothing: its record takes room, and its head is large."""
    gate = Gate(bounds, PlayedFigures(used=101, free=free))
    assert gate.refused(upload(1, length=length), 0).problem is Problem.NO_ROOM
    assert gate.figures.promised == 0


def test_a_large_head_needs_more_room() -> None:
    gate = Gate(Bounds(10_000, 0))
    large = Head("POST", "/", ((b"X-Large", bytes(60_000)),))
    gate.refused(replace(upload(1), request=large), 0)
    gate.grant(upload(2), 0)
    assert gate.figures.promised == 0


def test_a_cut_upload_keeps_its_room_for_ten_minutes() -> None:
    gate = Gate(Bounds(100, 0))
    gate.leave(gate.grant(upload(1, length=70)), 30, State.INTERRUPTED)
    gate.figures.space = replace(gate.figures.space, used=30)
    assert gate.figures.promised == 0
    gate.refused(upload(2, length=31))
    gate.grant(upload(3, length=30))
    gate.now += HELD_S - 1
    gate.refused(upload(2, length=31))
    gate.now += 2
    gate.grant(upload(2, length=31))


def test_who_comes_back_is_not_held_up_by_what_is_held_for_it() -> None:
    gate = Gate(Bounds(100, 0))
    gate.leave(gate.grant(upload(1, length=70)), 30, State.INTERRUPTED)
    gate.figures.space = replace(gate.figures.space, used=30)
    again = gate.grant(upload(1, offset=30, length=70))
    assert (gate.figures.promised, gate.figures.held) == (40, {})
    gate.leave(again, 70, State.COMPLETE)
    assert (gate.figures.promised, gate.figures.held) == (0, {})


def test_who_is_refused_keeps_what_was_held() -> None:
    gate = Gate(Bounds(100, 0))
    gate.leave(gate.grant(upload(1, length=70)), 30, State.INTERRUPTED)
    held = dict(gate.figures.held)
    gate.figures.space = replace(gate.figures.space, used=90 + OWN)
    gate.refused(upload(1, offset=30, length=70))
    assert gate.figures.held == held


@pytest.mark.parametrize("state", [State.CANCELLED, State.EXPIRED, State.COMPLETE])
def test_what_needs_no_more_is_let_go(state: State) -> None:
    gate = Gate(Bounds(100, 0))
    gate.leave(gate.grant(upload(1, length=70)), 30, State.INTERRUPTED)
    gate.admission.note(replace(upload(1, length=70), state=state))
    assert gate.figures.held == {}


def test_a_creation_that_was_not_stored_leaves_nothing() -> None:
    gate = Gate(Bounds(100, 0))
    new = upload(1, length=70)
    with gate.admission.grant(new, plan(70), 70):
        pass
    assert (gate.figures.promised, gate.figures.held) == (0, {})


def test_a_hundred_empty_creations_do_not_lock_the_spool() -> None:
    gate = Gate(Bounds(100 * GIB, 0))
    for number in range(100):
        gate.leave(gate.grant(upload(number, length=GIB), 0), 0, State.INTERRUPTED)
    gate.refused(upload(200, length=1))
    gate.now += HELD_S + 1
    gate.grant(upload(200, length=100 * GIB))


@pytest.mark.parametrize("length", [None, 30, 70])
def test_an_empty_append_is_never_refused(length: int | None) -> None:
    """It can end an upload, and leaves what is held for it as it was."""
    gate = Gate(Bounds(100, 0))
    gate.leave(gate.grant(upload(1, length=70)), 30, State.INTERRUPTED)
    held = dict(gate.figures.held)
    gate.figures.space = replace(gate.figures.space, used=200)
    empty = gate.grant(upload(1, offset=30, length=length), 0)
    gate.leave(empty, 30, State.INTERRUPTED)
    assert gate.figures.held == held
    gate.leave(gate.grant(upload(1, offset=30, length=length), 0), 30, State.COMPLETE)
    assert gate.figures.held == {}


def test_an_unknown_length_draws_in_steps() -> None:
    gate = Gate(Bounds(GIB, 0))
    grant = gate.grant(upload())
    bounds = [grant.bound]
    for offset in range(0, 40 * MIB, MIB // 2):
        if offset + MIB // 2 > grant.bound:
            grant.reach(offset, offset + MIB // 2)
            bounds.append(grant.bound)
        gate.admission.changed(grant.upload.token, MIB // 2)
        used_up = offset + MIB // 2
        assert gate.figures.space.used == used_up
        assert gate.figures.promised == grant.bound - used_up
    assert [bound // MIB for bound in bounds] == [1, 2, 4, 8, 16, 32, 48]
    gate.leave(grant, 40 * MIB, State.INTERRUPTED)
    assert (gate.figures.promised, gate.figures.held) == (0, {})


def test_the_last_step_is_what_is_left() -> None:
    gate = Gate(Bounds(FIRST_STEP + 10, 0))
    grant = gate.grant(upload())
    grant.reach(FIRST_STEP - 5, FIRST_STEP + OWN + 100)
    all_of_it = FIRST_STEP + 10 + OWN
    assert grant.bound == all_of_it
    other = gate.refused(upload(2))
    assert other.problem is Problem.NO_ROOM
    gate.admission.changed(grant.upload.token, all_of_it)
    grant.reach(all_of_it, FIRST_STEP + OWN + 100)
    assert grant.bound == all_of_it


def test_an_answer_and_what_is_removed_are_no_part_of_a_body() -> None:
    gate = Gate(Bounds(100, 0))
    grant = gate.grant(upload(1, length=70))
    gate.admission.changed(upload(2).token, 5)
    gate.admission.changed(grant.upload.token, -3)
    assert (gate.figures.promised, gate.figures.space.used) == (70, 2)


def test_what_is_kept_in_memory_stays_promised_until_it_has_moved() -> None:
    gate = Gate(Bounds(100, 0))
    grant = gate.grant(upload(1, length=70))
    gate.admission.kept(grant.upload.token, 70)
    assert gate.figures.promised == 70
    gate.leave(grant, 70, State.COMPLETE)
    gate.refused(upload(2, length=31))
    gate.admission.changed(grant.upload.token, 70)
    gate.admission.kept(grant.upload.token, -70)
    assert (gate.figures.promised, gate.figures.space.used) == (0, 70)
    gate.refused(upload(2, length=31))


def test_what_is_forgotten_in_memory_is_promised_no_more() -> None:
    gate = Gate(Bounds(100, 0))
    grant = gate.grant(upload(1, length=70))
    gate.admission.kept(grant.upload.token, 30)
    gate.leave(grant, 30, State.FAILED)
    assert gate.figures.promised == 30
    gate.admission.kept(grant.upload.token, -30)
    assert (gate.figures.promised, gate.figures.space.used) == (0, 0)


def test_small_wishes_are_granted_without_looking_again() -> None:
    gate = Gate(Bounds(None, GIB), PlayedFigures(free=100 * GIB))
    for number in range(1000):
        gate.leave(gate.grant(upload(number, length=1024)), 1024, State.COMPLETE)
    assert gate.figures.looks == 1
    gate.now += LOOK_S
    gate.grant(upload(1000, length=1024))
    assert gate.figures.looks == 2
    gate.grant(upload(1001, length=50 * GIB))
    assert gate.figures.looks == 3


def test_nothing_unseen_overdraws_the_room() -> None:
    """Whatever is granted from one look, 64 processes may all do the same."""
    gate = Gate(Bounds(64 * 100 * OWN, 0))
    gate.grant(upload(0, length=1))
    unseen = 0
    for number in range(1, 1000):
        looks = gate.figures.looks
        gate.grant(upload(number, length=10))
        if gate.figures.looks > looks:
            break
        unseen += 10 + OWN
    assert 0 < unseen <= 100 * OWN


def test_without_bounds_nobody_is_refused() -> None:
    gate = Gate(Bounds(None, 0), PlayedFigures(free=0))
    gate.grant(upload(1, length=10**15))
    assert gate.admission.above_floor


def test_above_the_floor_is_what_is_free_not_what_is_promised() -> None:
    gate = Gate(Bounds(None, 100), PlayedFigures(free=1000 + OWN))
    gate.grant(upload(1, length=900))
    assert gate.admission.above_floor
    gate.figures.space = replace(gate.figures.space, free=99)
    assert not gate.admission.above_floor


def test_a_full_spool_is_said_once_a_minute() -> None:
    gate = Gate(Bounds(10, 0), PlayedFigures(used=1))
    for _ in range(3):
        gate.refused(upload(1, length=10))
    assert [entry["event"] for entry in gate.said.entries] == ["no room for uploads"]
    assert gate.said.entries[0]["log_level"] == "error"
    gate.now += SAY_EVERY_S
    gate.refused(upload(1, length=10))
    assert len(gate.said.entries) == 2


def test_processes_share_the_quota_and_survive_the_end_of_one(tmp_path: Path) -> None:
    ours, theirs = Figures(tmp_path), Figures(tmp_path)
    here, there = Gate(Bounds(100, 0), ours), Gate(Bounds(100, 0), theirs)
    here.grant(upload(1, length=70))
    there.refused(upload(2, length=31))
    there.grant(upload(3, length=20))
    here.refused(upload(2, length=11))
    ours._locks.close()  # as its end would
    there.refused(upload(2, length=81))
    there.now += LOOK_S
    there.grant(upload(2, length=80))


def test_an_upload_that_comes_back_to_another_process_finds_its_room(
    tmp_path: Path,
) -> None:
    ours, theirs = Figures(tmp_path), Figures(tmp_path)
    here, there = Gate(Bounds(100, 0), ours), Gate(Bounds(100, 0), theirs)
    here.leave(here.grant(upload(1, length=70)), 30, State.INTERRUPTED)
    ours.changed(upload(1).token, 30)
    there.refused(upload(2, length=31))
    there.leave(there.grant(upload(1, offset=30, length=70)), 70, State.COMPLETE)
    theirs.changed(upload(1).token, 40)
    here.refused(upload(2, length=31))
    here.grant(upload(2, length=30))


def test_what_a_body_has_grown_by_is_never_in_neither_for_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Seen after each write to the file that processes share."""
    ours, theirs = Figures(tmp_path), Figures(tmp_path)
    here = Gate(Bounds(GIB, 0), ours)
    grant = here.grant(upload(1, length=40 * MIB))
    seen = []
    write = os.pwrite

    def watched(fd: int, content: bytes, offset: int) -> int:
        count = write(fd, content, offset)
        space = theirs.look(here.now)
        seen.append(space.used + space.promised)
        return count

    monkeypatch.setattr(os, "pwrite", watched)
    for _ in range(10):
        here.admission.changed(grant.upload.token, 2 * MIB)
    assert seen == [40 * MIB] * 10
