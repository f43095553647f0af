"""More content for an upload that is open: offset, lengths, what a refusal tells."""

from __future__ import annotations

from typing import Any

import pytest

from proxy.core.errors import Problem, Refusal
from proxy.core.lengths import MAX_LENGTH
from proxy.core.lifecycle import Event, next_state
from proxy.core.upload import Limits, State

from .samples import NOW, append, asked, planned, refused, upload

OPEN = (State.CREATED, State.RECEIVING, State.INTERRUPTED)
"""RECEIVING: found so after a crash; a living older request has been ended before."""


class TestOffset:
    """R53."""

    @pytest.mark.parametrize("state", OPEN)
    @pytest.mark.parametrize("offset", [0, 39, 41, MAX_LENGTH])
    @pytest.mark.parametrize("finishing", [False, True])
    def test_another_offset_is_refused_with_both(
        self, state: State, offset: int, *, finishing: bool
    ) -> None:
        refusal = refused(
            asked(upload(state=state), append(offset=offset, finishing=finishing))
        )
        assert refusal.problem is Problem.OFFSET_MISMATCH
        assert (refusal.expected_offset, refusal.provided_offset) == (40, offset)
        assert "40" in refusal.detail
        assert str(offset) in refusal.detail
        assert refusal.event is None

    def test_it_is_looked_at_before_the_lengths(self) -> None:
        """An overrun at the wrong offset kills nothing (R53 before R56)."""
        lost = append(offset=90, content_length=60, overrun_is_fatal=True)
        refusal = refused(asked(upload(length=100), lost))
        assert (refusal.problem, refusal.event) == (Problem.OFFSET_MISMATCH, None)


@pytest.mark.parametrize("state", OPEN)
@pytest.mark.parametrize(
    ("recorded", "intent", "length"),
    [
        pytest.param(None, {}, 100, id="R54 the end settles it"),
        pytest.param(100, {}, 100, id="R54 the end is the length"),
        pytest.param(None, {"announced_length": 100}, 100, id="R55 both agree"),
        pytest.param(100, {"announced_length": 100}, 100, id="R55 an equal repeat"),
        pytest.param(None, {"content_length": None}, None, id="chunked, whole"),
        pytest.param(100, {"content_length": None}, 100, id="chunked, known before"),
        pytest.param(
            None,
            {"content_length": None, "announced_length": 100},
            100,
            id="R55 chunked, told now",
        ),
        pytest.param(None, {"content_length": 0}, 40, id="empty, whole"),
        pytest.param(40, {"content_length": 0}, 40, id="empty, at the length"),
        pytest.param(None, {"finishing": False}, None, id="a part"),
        pytest.param(150, {"finishing": False}, 150, id="a part, known before"),
        pytest.param(100, {"finishing": False}, 100, id="a part, up to the length"),
        pytest.param(
            None,
            {"finishing": False, "announced_length": 150},
            150,
            id="R55 a part, told now",
        ),
        pytest.param(
            None,
            {"finishing": False, "announced_length": 40, "content_length": 0},
            40,
            id="R55 told at the offset",
        ),
        pytest.param(
            None, {"finishing": False, "content_length": None}, None, id="chunked part"
        ),
    ],
)
def test_the_length_once_an_append_is_accepted(
    state: State, recorded: int | None, intent: dict[str, Any], length: int | None
) -> None:
    plan = planned(asked(upload(state=state, length=recorded), append(**intent)))
    assert plan.length == length
    assert plan.finishing is intent.get("finishing", True)
    assert plan.ceiling == (MAX_LENGTH if length is None else length)
    assert (plan.announce, plan.finish_after) == (False, False)


@pytest.mark.parametrize("state", OPEN)
@pytest.mark.parametrize("fatal", [False, True])
@pytest.mark.parametrize(
    ("recorded", "intent"),
    [
        pytest.param(101, {}, id="R54 ends short"),
        pytest.param(101, {"content_length": 0}, id="R54 ends short, empty"),
        pytest.param(100, {"announced_length": 101}, id="R55 other than recorded, up"),
        pytest.param(100, {"announced_length": 99}, id="R55 other than recorded, down"),
        pytest.param(
            100, {"announced_length": 99, "content_length": None}, id="R55 the same"
        ),
        pytest.param(None, {"announced_length": 101}, id="R55 ends short of told"),
        pytest.param(None, {"announced_length": 99}, id="R55 ends past told"),
        pytest.param(
            None, {"announced_length": 99, "finishing": False}, id="R55 part past told"
        ),
        pytest.param(
            None, {"announced_length": 39, "content_length": 0}, id="R55 below offset"
        ),
        pytest.param(
            None,
            {"announced_length": 39, "content_length": None, "finishing": False},
            id="R55 below offset, chunked part",
        ),
    ],
)
def test_lengths_that_disagree_are_refused_and_the_upload_is_unharmed(
    state: State, recorded: int | None, intent: dict[str, Any], *, fatal: bool
) -> None:
    one = upload(state=state, length=recorded)
    refusal = refused(asked(one, append(**intent, overrun_is_fatal=fatal)))
    assert (refusal.problem, refusal.event) == (Problem.LENGTH_CONFLICT, None)
    assert refusal.standing is not None
    assert (refusal.standing.offset, refusal.standing.length) == (40, recorded)


class TestAnnouncedOverrun:
    """R56, seen before a byte is taken."""

    CASES = (
        pytest.param({"content_length": 61}, id="finishing"),
        pytest.param({"content_length": 61, "finishing": False}, id="a part"),
        pytest.param({"content_length": 61, "announced_length": 101}, id="told so"),
        pytest.param({"content_length": MAX_LENGTH}, id="by far"),
    )

    @pytest.mark.parametrize("state", OPEN)
    @pytest.mark.parametrize("intent", CASES)
    def test_up_to_v6_the_upload_stays(
        self, state: State, intent: dict[str, Any]
    ) -> None:
        refusal = refused(asked(upload(state=state, length=100), append(**intent)))
        assert (refusal.problem, refusal.event) == (Problem.OVERRUN, None)
        assert refusal.standing is not None
        assert refusal.standing.offset == 40

    @pytest.mark.parametrize("state", OPEN)
    @pytest.mark.parametrize("intent", CASES)
    def test_from_v7_it_is_dead_and_tells_no_offset(
        self, state: State, intent: dict[str, Any]
    ) -> None:
        fatal = append(**intent, overrun_is_fatal=True)
        refusal = refused(asked(upload(state=state, length=100), fatal))
        assert refusal.problem is Problem.OVERRUN
        assert refusal.event is Event.OVERRAN_FATAL
        assert next_state(state, refusal.event) is State.FAILED
        assert refusal.standing is None

    @pytest.mark.parametrize("fatal", [False, True])
    def test_exactly_up_to_the_length_is_none(self, *, fatal: bool) -> None:
        one = append(content_length=60, finishing=False, overrun_is_fatal=fatal)
        assert planned(asked(upload(length=100), one)).ceiling == 100


class TestWhatARefusalTells:
    def test_where_the_upload_stands(self) -> None:
        limits = Limits(max_size=500, max_age_s=200.0)
        one = upload(length=100, limits=limits, acknowledged=10)
        refusal = refused(asked(one, append(offset=7), now=NOW))
        told = refusal.standing
        assert told is not None
        assert (told.token, told.offset, told.length) == (one.token, 40, 100)
        assert (told.limits, told.finished) == (limits, False)
        assert told.age_left_s == one.deadline - NOW == 150.0

    @pytest.mark.parametrize(
        ("content_length", "has_content"),
        [(0, False), (1, True), pytest.param(None, True, id="chunked")],
    )
    def test_whether_there_is_content(
        self, content_length: int | None, *, has_content: bool
    ) -> None:
        intent = append(offset=7, content_length=content_length)
        assert refused(asked(upload(), intent)).has_content is has_content

    def test_the_refusal_is_one_of_its_own_each_time(self) -> None:
        """It is completed after it was made, so it must not be shared."""
        first, second = (asked(upload(), append(offset=7)) for _ in range(2))
        assert isinstance(first, Refusal)
        assert first is not second
