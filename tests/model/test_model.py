"""Random walks, and the ones that chance takes too rarely (P1, P2, P3).

``EFFORT=50`` in the environment makes more and new ones; see ``kit.effort``.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from proxy.core.upload import Token

from ..kit.effort import EFFORT, effort
from .machine import Machine
from .origin import Deed
from .part import Part

SOME = Part(
    size=3,
    arrives=0,
    held=0,
    end="ends",
    finishing=False,
    chunked=False,
    announces=None,
    fatal=False,
    progress=False,
    interims=True,
    cut_on_storage_failure=False,
)
REST = replace(SOME, finishing=True)
CUT = replace(SOME, end="cut", chunked=True, arrives=3)

TestModel = Machine.TestCase
TestModel.settings = effort(200, steps=30)
# the suite's bound is for the suite's effort
TestModel.pytestmark = [pytest.mark.timeout(60 * max(1, EFFORT))]  # type: ignore[attr-defined]


def walking(threshold: int) -> Iterator[Machine]:
    taking_steps = Machine()
    taking_steps.start(
        sync="acknowledged", repeatable=False, threshold=threshold, shared=False
    )
    yield taking_steps
    taking_steps.teardown()


@pytest.fixture
def machine() -> Iterator[Machine]:
    yield from walking(threshold=0)


@pytest.fixture
def remembering() -> Iterator[Machine]:
    """One that keeps small uploads in memory."""
    yield from walking(threshold=6)


@pytest.fixture
def showing() -> Iterator[Machine]:
    """The same beside other processes, which see what is being sent."""
    walking = Machine()
    walking.start(sync="acknowledged", repeatable=False, threshold=6, shared=True)
    yield walking
    walking.teardown()


def created(machine: Machine, part: Part) -> Token:
    machine.create(part=part, empty_finishes=False)
    return machine.newest


def power_loss(machine: Machine, *, fortune: float = 0.0, hollow: bool = False) -> None:
    machine.power_fails(after=0, fortune=fortune, seed=0, hollow=hollow)


@pytest.mark.parametrize("fortune", [0.0, 1.0])
@pytest.mark.parametrize("fate", ["answers", "lost"])
def test_the_power_fails_while_the_origin_has_it(
    machine: Machine, fate: str, fortune: float
) -> None:
    """P3: its client, who was told an offset, tries to finish it again."""
    token = created(machine, SOME)
    slow = Deed("answers" if fate == "answers" else "lost", slow=True)
    machine.origin_will(deeds=[slow])
    machine.append(token=token, part=REST, at="asked")
    power_loss(machine, fortune=fortune)
    machine.append(token=token, part=REST, at="asked")
    machine.append(token=token, part=REST, at="asked")


@pytest.mark.parametrize("acts", range(26))
def test_the_power_fails_at_any_act_of_the_last_append(
    machine: Machine, acts: int
) -> None:
    token = created(machine, SOME)
    machine.power_fails(after=acts, fortune=0.0, seed=0, hollow=bool(acts % 2))
    machine.append(token=token, part=REST, at="told")
    machine.append(token=token, part=REST, at="asked")


@pytest.mark.parametrize("hollow", [False, True])
def test_a_body_that_was_cut_back_goes_on_with_other_bytes(
    machine: Machine, hollow: bool
) -> None:
    token = created(machine, SOME)
    machine.append(token=token, part=replace(SOME, end="stalls"), at="asked")
    power_loss(machine, hollow=hollow)
    machine.append(token=token, part=REST, at="asked")
    assert machine.promise(token).requests == 1


def test_an_unknown_outcome_is_told_alike_to_all_who_ask(machine: Machine) -> None:
    """P1: with its total, to requests that disturb nothing as well."""
    machine.origin_will(deeds=[Deed("lost", slow=True)])
    token = created(machine, REST)
    machine.process_dies(after=0)
    machine.ask(token=token)
    machine.glance(token=token)


def test_what_was_cancelled_stays_so_through_a_power_loss(machine: Machine) -> None:
    machine.origin_will(deeds=[Deed("unreached"), Deed("unreached")])
    token = created(machine, REST)
    machine.cancel(token=token)
    power_loss(machine)
    machine.sweep()
    assert machine.promise(token).requests == 0


def test_what_ran_over_its_length_stays_dead_through_a_power_loss(
    machine: Machine,
) -> None:
    """R56: its client was told that it is over."""
    token = created(machine, replace(SOME, announces=1))
    machine.ask(token=token)
    machine.append(token=token, part=replace(REST, fatal=True), at="asked")
    power_loss(machine)
    machine.append(token=token, part=replace(REST, size=1), at="told")
    assert machine.promise(token).requests == 0


@pytest.mark.parametrize("hollow", [False, True])
def test_an_answer_in_memory_that_is_asked_about_is_whole_after_a_power_loss(
    remembering: Machine, hollow: bool
) -> None:
    token = created(remembering, REST)
    remembering.ask(token=token)
    power_loss(remembering, hollow=hollow)
    remembering.finish(token=token)
    assert remembering.promise(token).answered


@pytest.mark.parametrize("acts", range(20))
def test_an_answer_in_memory_that_is_asked_about_again_after_a_death(
    remembering: Machine, acts: int
) -> None:
    """What the dead one had not made durable, the next one does before it tells."""
    token = created(remembering, REST)
    remembering.process_dies(after=acts)
    remembering.ask(token=token)
    remembering.ask(token=token)
    power_loss(remembering)
    remembering.ask(token=token)


def test_an_answer_that_was_heard_is_not_forgotten(machine: Machine) -> None:
    token = created(machine, REST)
    power_loss(machine)
    machine.ask(token=token)
    assert machine.promise(token).answered


def test_an_upload_that_was_told_to_have_nothing_is_there_after_a_power_loss(
    machine: Machine,
) -> None:
    """P1: 404 is not 0."""
    token = created(machine, replace(CUT, arrives=0))
    machine.ask(token=token)
    power_loss(machine)
    machine.ask(token=token)
    assert machine.promise(token).heard
    assert not machine.promise(token).may_be_gone


@pytest.mark.parametrize("after", range(8))
@pytest.mark.parametrize("hollow", [False, True])
def test_what_a_failed_call_has_lost_is_not_told(
    machine: Machine, hollow: bool, after: int
) -> None:
    """The sync of a body, of a record, of its name: the next one says nothing of it."""
    token = created(machine, SOME)
    machine.append(token=token, part=CUT, at="asked")
    machine.spool_will_fail(after=after, failures=1)
    machine.ask(token=token)
    machine.ask(token=token)
    power_loss(machine, hollow=hollow)
    machine.append(token=token, part=REST, at="asked")
    assert machine.promise(token).requests == 1


def test_a_last_part_of_which_some_came_is_not_forwarded(machine: Machine) -> None:
    token = created(machine, SOME)
    part = replace(REST, end="stalls", arrives=2)
    machine.append(token=token, part=part, at="asked")
    machine.process_dies(after=0)
    machine.ask(token=token)
    assert machine.promise(token).told == 5


def test_what_was_not_read_when_the_connection_broke_counts(machine: Machine) -> None:
    token = created(machine, SOME)
    machine.append(token=token, part=replace(CUT, held=2), at="asked")
    machine.ask(token=token)
    assert machine.promise(token).told == 6


def test_what_is_forwarded_while_an_append_is_waited_for_is_not_again(
    machine: Machine,
) -> None:
    """P3. The append may turn out to be empty; the second attempt ends meanwhile."""
    machine.origin_will(deeds=[Deed("unreached"), Deed("lost")])
    token = created(machine, REST)
    waited_for = replace(REST, size=0, chunked=True, end="ends late")
    machine.append(token=token, part=waited_for, at="sent")
    machine.time_passes(seconds=6)
    machine.append(token=token, part=replace(REST, size=0), at="sent")
    machine.time_passes(seconds=6)
    assert machine.promise(token).requests == 1


@pytest.mark.parametrize("acts", range(26))
def test_a_record_that_a_dead_process_left_is_not_taken_for_durable(
    machine: Machine, acts: int
) -> None:
    """It may have died after the record was there, and before its name was synced."""
    token = created(machine, SOME)
    machine.process_dies(after=acts)
    machine.append(token=token, part=SOME, at="told")
    machine.ask(token=token)
    power_loss(machine)
    machine.append(token=token, part=REST, at="asked")


@pytest.mark.parametrize("dies", [False, True])
@pytest.mark.parametrize("after", range(5))
def test_a_record_of_which_a_failed_sync_took_the_bytes_is_not_told(
    machine: Machine, after: int, dies: bool
) -> None:
    """P1: the next sync says nothing of it, in this process or in another one."""
    token = created(machine, replace(CUT, arrives=0))
    machine.spool_will_fail(after=after, failures=1)
    machine.ask(token=token)
    if dies:
        machine.process_dies(after=0)
    machine.ask(token=token)
    power_loss(machine)
    machine.ask(token=token)
    assert machine.promise(token).heard


@pytest.mark.parametrize("dies", [False, True])
@pytest.mark.parametrize("after", range(12))
def test_an_answer_in_memory_of_which_a_failed_sync_took_the_bytes_is_not_given(
    remembering: Machine, after: int, dies: bool
) -> None:
    token = created(remembering, REST)
    remembering.spool_will_fail(after=after, failures=1)
    remembering.ask(token=token)
    if dies:
        remembering.process_dies(after=0)
    remembering.ask(token=token)
    power_loss(remembering, hollow=True)
    remembering.finish(token=token)


def test_an_offset_of_0_told_while_the_first_part_comes_is_one(
    machine: Machine,
) -> None:
    """P1: a request that makes no sense hears it, too."""
    token = created(machine, replace(CUT, end="stalls"))
    machine.glance(token=token)
    power_loss(machine)
    machine.ask(token=token)
    assert machine.promise(token).heard


@pytest.mark.parametrize("failures", [1, 2])
@pytest.mark.parametrize("after", range(12))
def test_a_cancel_that_the_disk_failed_under_is_none_or_stays_so(
    machine: Machine, after: int, failures: int
) -> None:
    machine.origin_will(deeds=[Deed("unreached")] * 2)
    token = created(machine, REST)
    machine.spool_will_fail(after=after, failures=failures)
    machine.cancel(token=token)
    power_loss(machine)
    machine.sweep()
    # the second failure is that of what is left to be done after the first one
    assert machine.promise(token).over or failures == 2


@pytest.mark.parametrize("acts", range(26, 40))
def test_the_process_dies_over_the_answer(machine: Machine, acts: int) -> None:
    """What ends in the middle of it leaves no file open."""
    token = created(machine, SOME)
    machine.process_dies(after=acts)
    machine.append(token=token, part=REST, at="told")
    machine.append(token=token, part=REST, at="asked")


@pytest.mark.parametrize("fault", ["a call fails", "the process dies"])
@pytest.mark.parametrize("after", range(12))
def test_an_end_that_could_not_be_recorded_is_none(
    machine: Machine, after: int, fault: str
) -> None:
    """Its client asks, and goes on from there."""
    if fault == "a call fails":
        machine.spool_will_fail(after=after, failures=1)
    else:
        machine.process_dies(after=after)
    token = created(machine, replace(REST, size=0, chunked=True))
    machine.append(token=token, part=REST, at="asked")


def test_who_waits_for_the_answer_gets_it_though_the_upload_is_cancelled(
    machine: Machine,
) -> None:
    """And finds it no more after that."""
    machine.origin_will(deeds=[Deed(slow=True)])
    token = created(machine, REST)
    machine.cancel(token=token)
    machine.time_passes(seconds=40)
    assert machine.promise(token).answered
    machine.ask(token=token)
    assert machine.promise(token).over


@pytest.mark.parametrize("seed", range(12))
def test_an_answer_that_was_shown_is_gone_with_the_power_like_one_in_memory(
    showing: Machine, seed: int
) -> None:
    """That its request may have left survives or does not: nothing is sent twice."""
    token = created(showing, REST)
    showing.power_fails(after=0, fortune=0.5, seed=seed, hollow=False)
    showing.ask(token=token)
    showing.finish(token=token)
    assert showing.promise(token).requests == 1


@pytest.mark.parametrize("size", range(3))
def test_a_length_that_was_announced_with_a_cut_part_goes_with_the_power(
    machine: Machine, size: int
) -> None:
    """Its client comes with another one: that counts."""
    token = created(machine, replace(SOME, size=0))
    part = replace(REST, size=1, end="cut")
    machine.append(token=token, part=part, at="asked")
    power_loss(machine)
    part = replace(REST, size=size, chunked=True)
    machine.append(token=token, part=part, at="asked")
    assert machine.promise(token).requests == 1
