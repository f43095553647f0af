"""Limits that are known to be broken before a byte is taken, and those that bind."""

from __future__ import annotations

from typing import Any

import pytest

from proxy.core.decide import Plan
from proxy.core.errors import Problem, Refusal
from proxy.core.lengths import MAX_LENGTH
from proxy.core.lifecycle import Event
from proxy.core.upload import Limits

from .samples import append, asked, create, created, planned, refused, upload

NEW, OLD = {"append_limits": True}, {"append_limits": False}
"""Versions in which the limits of one request bind this one, and those before."""
PART: dict[str, Any] = {"finishing": False}


@pytest.mark.parametrize(
    ("limits", "intent", "problem"),
    [
        pytest.param({"max_size": 100}, {}, None, id="R29 as large as allowed"),
        pytest.param(
            {"max_size": 99}, {}, Problem.TOO_LARGE, id="R29 by Content-Length"
        ),
        pytest.param(
            {"max_size": 99},
            {"content_length": None, "announced_length": 100},
            Problem.TOO_LARGE,
            id="R29 by Upload-Length, chunked",
        ),
        pytest.param(
            {"max_size": 99},
            PART | {"content_length": 0, "announced_length": 100},
            Problem.TOO_LARGE,
            id="R29 by Upload-Length, empty part",
        ),
        pytest.param(
            {"max_size": 99},
            PART | {"content_length": 100},
            Problem.TOO_LARGE,
            id="R29 by the content of a part",
        ),
        pytest.param({"max_size": 0}, {"content_length": 0}, None, id="R29 of nothing"),
        pytest.param(
            {"max_size": 99}, {"content_length": None}, None, id="R30 not told"
        ),
        pytest.param(
            {"max_append_size": 99}, NEW, Problem.TOO_LARGE, id="R31 v9 and later"
        ),
        pytest.param({"max_append_size": 99}, OLD, None, id="R31 before v9"),
        pytest.param({"max_append_size": 100}, NEW, None, id="R31 just fitting"),
        pytest.param(
            {"max_append_size": 99},
            NEW | {"content_length": None},
            None,
            id="R31 not told",
        ),
        pytest.param(
            {"min_append_size": 101},
            NEW | PART,
            Problem.TOO_SMALL,
            id="R32 v9 and later",
        ),
        pytest.param({"min_append_size": 101}, OLD | PART, None, id="R32 before v9"),
        pytest.param({"min_append_size": 100}, NEW | PART, None, id="R32 just enough"),
        pytest.param({"min_append_size": 101}, NEW, None, id="R32 finishing"),
        pytest.param(
            {"min_append_size": 101},
            NEW | PART | {"content_length": 0},
            None,
            id="R32 empty",
        ),
        pytest.param(
            {"min_append_size": 101},
            NEW | PART | {"content_length": None},
            None,
            id="R32 not told",
        ),
        pytest.param({"min_size": 101}, NEW, None, id="R33 never refused"),
        pytest.param(
            {}, {"content_length": MAX_LENGTH}, None, id="R4 what a field can tell"
        ),
        pytest.param(
            {},
            {"content_length": MAX_LENGTH + 1},
            Problem.TOO_LARGE,
            id="R4 more than a field can tell",
        ),
        pytest.param(
            {"max_size": MAX_LENGTH * 10},
            {"content_length": MAX_LENGTH + 1},
            Problem.TOO_LARGE,
            id="R4 whatever is allowed",
        ),
    ],
)
def test_a_creation_known_to_be_out_of_limits_is_refused(
    limits: dict[str, int], intent: dict[str, Any], problem: Problem | None
) -> None:
    bounds = Limits(**limits)
    got = created(create(**intent), bounds)
    judge(got, problem)
    if isinstance(got, Refusal):
        # there is no upload whose standing could tell them
        assert (got.limits, got.standing) == (bounds, None)


@pytest.mark.parametrize(
    ("limits", "intent", "problem"),
    [
        pytest.param({"max_size": 100}, {}, None, id="R57 as large as allowed"),
        pytest.param(
            {"max_size": 99}, OLD, Problem.TOO_LARGE, id="R57 max-size, all versions"
        ),
        pytest.param(
            {"max_size": 99}, PART, Problem.TOO_LARGE, id="R57 max-size, a part"
        ),
        pytest.param(
            {"max_size": 99},
            PART | {"content_length": 1, "announced_length": 100},
            Problem.TOO_LARGE,
            id="R57 max-size, by Upload-Length",
        ),
        pytest.param(
            {"max_size": 99}, {"content_length": None}, None, id="R57 max-size untold"
        ),
        pytest.param(
            {}, {"content_length": MAX_LENGTH - 40}, None, id="R4 what a field can tell"
        ),
        pytest.param(
            {},
            {"content_length": MAX_LENGTH - 39},
            Problem.TOO_LARGE,
            id="R4 more than a field can tell",
        ),
        pytest.param(
            {"max_append_size": 59}, NEW, Problem.TOO_LARGE, id="R57 v6 and later"
        ),
        pytest.param({"max_append_size": 59}, OLD, None, id="R57 before v6"),
        pytest.param({"max_append_size": 60}, NEW, None, id="R57 just fitting"),
        pytest.param(
            {"min_append_size": 61},
            NEW | PART,
            Problem.TOO_SMALL,
            id="R58 v6 and later",
        ),
        pytest.param(
            {"min_append_size": 1},
            NEW | PART | {"content_length": 0},
            Problem.TOO_SMALL,
            id="R58 empty",
        ),
        pytest.param({"min_append_size": 61}, OLD | PART, None, id="R58 before v6"),
        pytest.param({"min_append_size": 60}, NEW | PART, None, id="R58 just enough"),
        pytest.param({"min_append_size": 61}, NEW, None, id="R58 finishing"),
        pytest.param(
            {"min_append_size": 61},
            NEW | {"content_length": 0},
            None,
            id="R58 finishing, empty",
        ),
    ],
)
def test_an_append_known_to_be_out_of_limits_is_refused(
    limits: dict[str, int], intent: dict[str, Any], problem: Problem | None
) -> None:
    bounds = Limits(**limits)
    got = asked(upload(limits=bounds), append(**intent))
    judge(got, problem)
    if isinstance(got, Refusal):
        assert got.standing is not None
        assert got.standing.limits == bounds


def judge(got: Plan | Refusal, problem: Problem | None) -> None:
    """`got` is a plan, or a refusal for `problem` that changes nothing."""
    if problem is None:
        planned(got)
        return
    refusal = refused(got)
    assert (refusal.problem, refusal.event) == (problem, None)


def test_a_refusal_names_both_sides() -> None:
    limits = Limits(max_append_size=50, min_append_size=20)
    large = refused(asked(upload(limits=limits), append(append_limits=True)))
    small = append(append_limits=True, finishing=False, content_length=7)
    assert "50" in large.detail
    assert "60" in large.detail
    assert "20" in refused(asked(upload(limits=limits), small)).detail


def test_lengths_are_looked_at_before_limits() -> None:
    """An overrun that is too large as well is an overrun (R56 before R57)."""
    limits = Limits(max_size=100, max_append_size=50)
    intent = append(content_length=61, append_limits=True, overrun_is_fatal=True)
    refusal = refused(asked(upload(length=100, limits=limits), intent))
    assert (refusal.problem, refusal.event) == (Problem.OVERRUN, Event.OVERRAN_FATAL)
